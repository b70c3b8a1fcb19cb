# Small Debian systems to try packages in: what is not there, nothing can use by accident. Needs root.
# shellcheck shell=bash

chroots=$root/build/chroots

# Makes $chroots/SYSTEM, unless it is there: the system, further packages. A system's name is its suite, or WHAT-SUITE.
make_chroot() {
    local system=$1 include=()
    shift
    [ ! -e "$chroots/$system/.made" ] || return 0
    [ $# -eq 0 ] || include=(--include="$(IFS=,; echo "$*")")
    say "Making a Debian system ($system)"
    rm -rf "${chroots:?}/$system"
    mkdir -p "$chroots"
    debootstrap --variant=minbase "${include[@]}" "${system##*-}" "$chroots/$system" >"$chroots/$system.log" 2>&1 ||
        { tail -5 "$chroots/$system.log" >&2; return 1; }
    touch "$chroots/$system/.made"
}

# Makes the one a copy of the other, anew. What is installed there need not survive a power failure.
copy_chroot() {
    rm -rf "${chroots:?}/$2"
    cp -a --reflink=auto "$chroots/$1" "$chroots/$2"
    echo force-unsafe-io >"$chroots/$2/etc/dpkg/dpkg.cfg.d/no-fsync"
}

# Runs a command in it, and ends with it whatever it started.
in_chroot() {
    local system=$1
    shift
    beside_chroot "$system" chroot "$chroots/$system" \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

# Runs a command outside of it that works in it: there it has what it needs of the kernel. chroot_offline=1: no network but with
# itself. chroot_archives=FOLDER: where the packages are kept that apt-get fetches. chroot_go=FOLDER: what Go fetched and built, in
# its /var/cache/go.
beside_chroot() {
    local system=$1 net=()
    shift
    [ -z "${chroot_offline:-}" ] || net=(--net)
    cp /etc/resolv.conf /etc/hosts "$chroots/$system/etc/"
    [ -z "${chroot_go:-}" ] || mkdir -p "$chroots/$system/var/cache/go"
    # A mount point of its own, so that programs within can have mounts of theirs.
    # shellcheck disable=SC2016
    chroot_archives=${chroot_archives:-} chroot_go=${chroot_go:-} \
        unshare --mount --pid --fork --kill-child --mount-proc "${net[@]}" sh -ec '
        [ -z "$1" ] || ip link set lo up
        shift
        mount --bind "$0" "$0"
        mount -t proc proc "$0/proc"
        mount --rbind /dev "$0/dev"
        [ -z "$chroot_archives" ] || mount --bind "$chroot_archives" "$0/var/cache/apt/archives"
        [ -z "$chroot_go" ] || mount --bind "$chroot_go" "$0/var/cache/go"
        exec "$@"
    ' "$chroots/$system" "${chroot_offline:-}" "$@"
}

# The packages that apt-get fetches for a suite, kept from run to run: the suite.
archives_of() {
    mkdir -p "$root/build/archives/$1/partial"
    echo "$root/build/archives/$1"
}
