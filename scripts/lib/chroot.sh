# Small Debian systems to try packages in: what is not there, nothing can use by accident. Needs root.
# shellcheck shell=bash

chroots=$root/build/chroots

# Makes $chroots/SUITE, unless it is there: the suite, further packages.
make_chroot() {
    local suite=$1
    shift
    [ ! -e "$chroots/$suite/.made" ] || return 0
    say "Making a Debian system ($suite)"
    rm -rf "${chroots:?}/$suite"
    mkdir -p "$chroots"
    debootstrap --variant=minbase --include="$(IFS=,; echo "$*")" "$suite" "$chroots/$suite" >"$chroots/$suite.log" 2>&1 ||
        { tail -5 "$chroots/$suite.log" >&2; return 1; }
    touch "$chroots/$suite/.made"
}

# Runs a command in it, with what it needs of the kernel, and ends with it whatever it started.
in_chroot() {
    local suite=$1
    shift
    cp /etc/resolv.conf /etc/hosts "$chroots/$suite/etc/"
    # A mount point of its own, so that programs within can have mounts of theirs.
    # shellcheck disable=SC2016
    unshare --mount --pid --fork --kill-child sh -ec '
        mount --bind "$0" "$0"
        mount -t proc proc "$0/proc"
        mount --rbind /dev "$0/dev"
        exec chroot "$0" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
    ' "$chroots/$suite" "$@"
}
