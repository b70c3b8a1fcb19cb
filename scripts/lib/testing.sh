# Shared by scripts/test and scripts/test-cluster: running a preset's tests and counting them.
# shellcheck shell=bash
failed=()
summary=()

# Runs a preset's tests; the rest is ctest's arguments. Counts the single tests, which ctest knows nothing of.
run_tests() {
    local what=$1 preset=$2
    shift 2
    say "Testing: $what"
    local log="$root/build/$preset/Testing/Temporary/LastTest.log"
    (cd "$root" && ctest --preset "$preset" "$@") || failed+=("$what")
    local ran skipped
    ran=$(sed -nE 's/^\[==========\] ([0-9]+) test\(s\) run\..*/\1/p; s/^Ran ([0-9]+) tests? in .*/\1/p' "$log" |
        awk '{n += $1} END {print n + 0}')
    skipped=$(grep -cE '^\[  SKIPPED \]|\.\.\. skipped|^Test Skipped\.' "$log" || true)
    summary+=("$what: $ran tests in $(grep -c '^Test time = ' "$log") programs, $skipped skipped")
    grep -hE '^\[  SKIPPED \]|\.\.\. skipped' "$log" | sort -u || true
}

finish() {
    say "Summary"
    printf '%s\n' "${summary[@]}"
    [ ${#failed[@]} -eq 0 ] || { printf 'failed: %s\n' "${failed[@]}" >&2; exit 1; }
    say "All tests passed"
}

# Starts a real control plane of its own for the tests, and ends it with the script.
start_cluster() {
    say "Building a real control plane (minutes, the first time)"
    "$root/scripts/cluster" build || die "the control plane does not build"
    export K8SLEADER_CLUSTER_DIR=$root/build/cluster-test
    trap '"$root/scripts/cluster" down' EXIT
    say "Starting it"
    "$root/scripts/cluster" up || die "the control plane does not start"
    export K8SLEADER_TEST_CLUSTER_DIR=$K8SLEADER_CLUSTER_DIR
    export K8SLEADER_TEST_OWN_CLUSTER_DIR=$K8SLEADER_CLUSTER_DIR
    K8SLEADER_TEST_KUBECONFIG=$("$root/scripts/cluster" kubeconfig)
    export K8SLEADER_TEST_KUBECONFIG
}
