# Shared by the scripts: where things are, saying what is done, installing what is missing.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
jobs=$(nproc)

say() {
    printf '\n\033[1m==> %s\033[0m\n' "$*"
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "root is needed to run: $*"
    fi
}

# The version stands in one place, the public header.
project_version() {
    sed -nE 's/^#define K8SLEADER_VERSION +"(.*)"/\1/p' "$root/libleader/include/k8sleader.h"
}

# What building and testing need, by Debian's names (Debian 12 or later).
build_packages=(
    build-essential cmake ninja-build pkg-config python3
    libcurl4-openssl-dev libjson-c-dev libyaml-dev libssl-dev libmicrohttpd-dev
)
test_packages=(abigail-tools libcmocka-dev clang clang-tidy cppcheck fish mandoc valgrind openssl python3-venv zsh)
# What making Python's wheel needs, and trying it.
wheel_packages=(
    build-essential cmake ninja-build pkg-config python3-dev python3-venv dpkg-dev debian-archive-keyring m4 perl xz-utils
)
wheel_test_packages=("${build_packages[@]}" "${wheel_packages[@]}" debootstrap binutils)

# Installs those of the named Debian packages that are missing.
need_packages() {
    local missing=()
    command -v dpkg-query >/dev/null || die "this is no Debian system: install by hand what stands for: $*"
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "Installing ${missing[*]}"
    # One at a time: apt-get does not wait for another one, and scripts run beside each other.
    (
        flock 9
        as_root apt-get update -qq || die "apt-get update failed: is the network there?"
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
            >"$root/build/apt.log" 2>&1 || { tail -20 "$root/build/apt.log" >&2; die "apt-get install failed"; }
    ) 9>"$root/build/apt.lock" || exit 1
}

# Configures and builds one of the presets of CMakePresets.json.
build_preset() {
    local preset=$1
    shift
    say "Building ($preset)"
    (cd "$root" && cmake --preset "$preset" "$@" >"build/$preset.configure.log" 2>&1) ||
        { tail -30 "$root/build/$preset.configure.log" >&2; die "cmake --preset $preset failed"; }
    (cd "$root" && cmake --build --preset "$preset" -j "$jobs" >"build/$preset.build.log" 2>&1) ||
        { tail -60 "$root/build/$preset.build.log" >&2; die "building $preset failed"; }
}

# Go from 1.26 on, which the real control plane needs.
go_is_recent() {
    local version
    version=$(go env GOVERSION 2>/dev/null) || return 1
    [ "$(printf '%s\n' go1.26 "$version" | sort -V | head -n 1)" = go1.26 ]
}

mkdir -p "$root/build"
