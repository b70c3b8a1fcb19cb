# The sources, as a release has them: today's, and those of another release.
# shellcheck shell=bash

# As a tar archive: what git knows there, or all but what is built.
sources_of() {
    if [ -e "$1/.git" ]; then
        (cd "$1" && git ls-files -z --cached --others --exclude-standard |
            while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
            tar -c --null --no-recursion -T -)
    else
        tar -c -C "$1" --exclude=./build .
    fi
}

version_of() {
    sed -nE 's/^#define K8SLEADER_VERSION +"(.*)"/\1/p' "$1/libleader/include/k8sleader.h"
}

# Puts the sources of another release into a folder, anew: the newest before today's version. Where git knows of none it is the next
# one: today's sources, called by the next number, and so all that a number decides is decided by it.
other_sources() {
    local into=$1 version tag other=
    version=$(version_of "$root")
    for tag in $(git -C "$root" tag --list 'v[0-9]*' --sort=v:refname 2>/dev/null); do
        if dpkg --compare-versions "${tag#v}" lt "$version"; then
            other=$tag
        fi
    done
    rm -rf "$into"
    mkdir -p "$into"
    if [ -n "$other" ]; then
        git -C "$root" archive "$other" | tar -x -C "$into"
        return
    fi
    sources_of "$root" | tar -x -C "$into" --no-same-owner
    local patch=$((${version##*.} + 1))
    other=${version%.*}.$patch
    sed -i -E "s/^(#define K8SLEADER_VERSION +)\".*\"/\1\"$other\"/
        s/^(#define K8SLEADER_VERSION_PATCH) .*/\1 $patch/" "$into/libleader/include/k8sleader.h"
    sed -i "1s/(.*)/($other)/" "$into/debian/changelog"
}
