# What a release is refused for, each check with one line that says what to do. Needs: root, version, die.
# shellcheck shell=bash

check_tree() {
    local changed
    git -C "$root" rev-parse -q --verify HEAD >/dev/null 2>&1 || die "a release is made of a commit: this is no git checkout"
    changed=$(git -C "$root" status --porcelain | head -n 1)
    [ -z "$changed" ] || die "the tree has changes, the first is \"$changed\": commit or remove them (git status)"
}

# The header says it three times.
check_header() {
    local numbers
    [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] ||
        die "\"$version\" is no MAJOR.MINOR.PATCH: mend K8SLEADER_VERSION in libleader/include/k8sleader.h"
    numbers=$(sed -nE 's/^#define K8SLEADER_VERSION_(MAJOR|MINOR|PATCH) +([0-9]+)/\2/p' "$root/libleader/include/k8sleader.h" |
        paste -sd .)
    [ "$numbers" = "$version" ] ||
        die "the header's numbers say $numbers, its text $version: mend libleader/include/k8sleader.h"
}

# The versions of all tags but this one's, where HEAD has it; the newest last.
released_versions() {
    git -C "$root" tag -l 'v*' | sed -nE 's/^v([0-9]+\.[0-9]+\.[0-9]+)$/\1/p' | sort -V |
        { if tagged; then grep -vxF "$version" || true; else cat; fi; }
}

tagged() {
    git -C "$root" tag --points-at HEAD | grep -xF "v$version" >/dev/null
}

check_version() {
    local newest
    newest=$(released_versions | tail -n 1)
    if [ -n "$newest" ] && [ "$(printf '%s\n' "$newest" "$version" | sort -V | tail -n 1)" = "$newest" ]; then
        die "version $version is not newer than tag v$newest: raise K8SLEADER_VERSION in libleader/include/k8sleader.h"
    fi
    tagged || [ -n "$untagged" ] ||
        die "HEAD is not tagged v$version: git tag -a v$version, or try it with --untagged"
}

# Each place that has to name the version, since what reads it knows no header.
check_places() {
    local first upstream module required
    first=$(sed -n '/^## /{p;q}' "$root/CHANGELOG.md")
    [[ $first =~ ^"## $version, "[0-9]{4}-[0-9]{2}-[0-9]{2}$ ]] ||
        die "CHANGELOG.md begins with \"${first#\#\# }\": its first section has to be \"## $version, \" and the day of the release"
    if [ -e "$root/debian/changelog" ]; then
        upstream=$(sed -nE '1s/^[^ ]+ \(([0-9]+:)?([^)]*)\).*/\2/p' "$root/debian/changelog")
        [ "${upstream%-*}" = "$version" ] ||
            die "debian/changelog begins with version ${upstream:-(none)}, and the header says $version: add an entry (dch -v $version-1)"
    fi
    for module in bindings/go-controller-runtime examples/memcached-operator/go; do
        required=$(sed -nE 's|^[[:space:]]*(require )?k8sleader.test/bindings/go-cgo v([^ ]+).*|\2|p' "$root/$module/go.mod")
        [ "$required" = "$version" ] ||
            die "$module/go.mod requires version ${required:-(none)} of go-cgo, and the header says $version:" \
                "cd $module && go mod edit -require=k8sleader.test/bindings/go-cgo@v$version"
    done
}

# The ABI of this MAJOR.MINOR is kept, and of all that were released before it. What a library is compared with is in abi/check.
check_kept_abi() {
    local release=${version%.*} kept=$root/abi/${version%.*} file differing older
    for file in libk8sleader.abi k8sleader.h program.c; do
        [ -e "$kept/$file" ] ||
            die "abi/$release/$file is missing: keep the ABI of $release before it is released (abi/README.md, \"abi/keep\")"
    done
    differing=$(diff <(sed -nE "s/.*<elf-symbol name='(k8sleader_[^']*)'.*/\1/p" "$kept/libk8sleader.abi" | sort -u) \
        <(sed -nE 's/^(k8sleader_\w+)[[:space:]].*/\1/p' "$root/abi/symbols.txt" | sort -u) | sed -n '/^[<>]/{s/^..//;p;q}') || true
    [ -z "$differing" ] ||
        die "abi/$release/libk8sleader.abi and abi/symbols.txt disagree about $differing: keep the ABI anew (abi/README.md)"
    # From 1.0.0 on nothing that was released is ever touched again.
    for older in $(released_versions); do
        if [ "${older%%.*}" != 0 ] && [ "${older%%.*}" = "${version%%.*}" ]; then
            git -C "$root" diff --quiet "v$older" HEAD -- "abi/${older%.*}" ||
                die "abi/${older%.*} is not as v$older had it, and that is frozen: git checkout v$older -- abi/${older%.*}"
        fi
    done
}

# Runs the tests, unless scripts/test has: it leaves behind which commit it passed on, with nothing left out. They take the better
# part of an hour, and what is released is that commit: a second run, say after a mirror failed, would tell nothing new.
check_tests() {
    local commit
    commit=$(git -C "$root" rev-parse HEAD)
    if [ "$(cat "$root/build/tested" 2>/dev/null)" = "$commit" ]; then
        say "The tests: passed already on this commit (build/tested)"
        return
    fi
    K8SLEADER_TEST_NEEDS_CLUSTER=1 "$root/scripts/test" || die "the tests fail: mend what scripts/test says"
    [ "$(cat "$root/build/tested" 2>/dev/null)" = "$commit" ] ||
        die "the tests passed, but some were left out: see what scripts/test's summary says was"
}

# The library of the unpacked source archive against the kept ABI. Takes its folder, and where to build.
check_abi() {
    local source=$1 build=$2
    say "Comparing the ABI"
    cmake -S "$source" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DK8SLEADER_BUILD_CLI=OFF -DK8SLEADER_BUILD_MAN=OFF \
        >"$build.log" 2>&1 || { tail -30 "$build.log" >&2; die "the source archive can't be configured"; }
    cmake --build "$build" -j "$jobs" >>"$build.log" 2>&1 || { tail -60 "$build.log" >&2; die "the source archive can't be built"; }
    python3 -B "$source/abi/check" "$build/libleader/libk8sleader.so" ||
        die "the ABI check fails: what it says above has to be as the release that is kept has it (abi/README.md)"
}
