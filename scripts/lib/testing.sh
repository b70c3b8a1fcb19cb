# Running a preset's tests and counting them, and a real control plane for those that take one.
# shellcheck shell=bash
failed=()
summary=()
servers=()
declare -A ran_on=()

# The commit that is in the working tree, with nothing else; nothing otherwise.
clean_commit() {
    local changes
    changes=$(git -C "$root" status --porcelain 2>/dev/null) || return 0
    [ -n "$changes" ] || git -C "$root" rev-parse HEAD
}

tested_commit=$(clean_commit)

# Runs a preset's tests; the rest is ctest's arguments. Counts the single tests, which ctest knows nothing of.
run_tests() {
    local server=$1 what=$2 preset=$3
    shift 3
    say "Testing on $server: $what"
    local log="$root/build/$preset/Testing/Temporary/LastTest.log" since=$SECONDS
    (cd "$root" && ctest --preset "$preset" "$@") || failed+=("$what, on $server")
    count_tests "$server" "$what" "$log" "in $(grep -c '^Test time = ' "$log") programs, " $((SECONDS - since))
}

# Counts what a log tells of, and shows the lines that close each suite, or say why a test was skipped.
count_tests() {
    local server=$1 what=$2 log=$3 programs=$4 seconds=$5 ran skipped
    # The closing lines of cmocka, unittest, pytest, busted, and of scripts that check one thing after the other.
    ran=$(sed -nE 's/^\[==========\] ([0-9]+) test\(s\) run\..*/\1/p; s/^Ran ([0-9]+) tests? in .*/\1/p
        s/^=+ (.* )?([0-9]+) passed.* =+$/\2/p; s/^([0-9]+) (checks )?passed, [0-9]+ failed, .*/\1/p
        s/^Lua [^:]*: ([0-9]+) success(es)? .*/\1/p' "$log" |
        awk '{n += $1} END {print n + 0}')
    skipped=$(sed -nE 's/^\[  SKIPPED \].*|.*\.\.\. skipped.*|^Test Skipped\..*|^skipped: .*/1/p; s/^SKIPPED \[([0-9]+)\] .*/\1/p
        s/^Lua [^:]*: .* ([0-9]+) pending .*/\1/p' "$log" |
        awk '{n += $1} END {print n + 0}')
    summary+=("$what, on $server: $ran tests, $programs$skipped skipped, in $seconds s")
    [ -n "${ran_on[$server]:-}" ] || servers+=("$server")
    ran_on[$server]=$((${ran_on[$server]:-0} + ran))
    grep -hE '^\[  SKIPPED \]|\.\.\. skipped|^SKIPPED \[' "$log" | sort -u || true
    grep -hE '^=+ .*passed.* =+$|^ok[[:space:]]|^[0-9]+ (checks )?passed, [0-9]+ failed' "$log" || true
    grep -hE '^(Lua [^:]*|luarocks.*|clang-tidy and luacheck): .* in [0-9]+ s$|^    left out: ' "$log" || true
    # How many faults, of which kinds, and the seed that repeats them.
    grep -h '^faults: ' "$log" || true
}

# start_beside WHAT SCRIPT [WHAT SCRIPT]...: starts scripts, one after the other, whose minutes of compiling give way to the tests
# beside them.
start_beside() {
    local scripts=()
    beside_whats=() beside_log=$root/build/beside
    rm -f "$beside_log"-*.end
    while [ $# -gt 0 ]; do
        beside_whats+=("$1")
        scripts+=("$root/$2")
        shift 2
    done
    say "Starting beside what follows: $(IFS=,; echo "${beside_whats[*]}")"
    # shellcheck disable=SC2016 # in the other shell
    nice -n 19 setsid bash -c '
        number=0
        for script; do
            since=$SECONDS
            "$script" </dev/null >"$0-$number.log" 2>&1
            echo "$? $((SECONDS - since))" >"$0-$number.end"
            number=$((number + 1))
        done' "$beside_log" "${scripts[@]}" &
    beside=$!
    trap clean_up EXIT
}

await_beside() {
    local number log code seconds
    wait "$beside" || true
    beside=
    for number in "${!beside_whats[@]}"; do
        log=$beside_log-$number.log
        say "Testing on no server: ${beside_whats[number]}"
        seconds=0
        read -r code seconds <"$beside_log-$number.end" || code=1
        if [ "$code" = 0 ]; then
            grep -v '^$' "$log" || true
        else
            cat "$log"
            failed+=("${beside_whats[number]}")
        fi
        count_tests "no server" "${beside_whats[number]}" "$log" "" "$seconds"
    done
}

clean_up() {
    [ -z "${beside:-}" ] || kill -TERM -- "-$beside" 2>/dev/null || true
    [ -z "${has_cluster:-}" ] || end_clusters
}

finish() {
    local server
    say "Summary"
    printf '%s\n' "${summary[@]}"
    for server in "${servers[@]}"; do
        printf 'on %s: %d tests\n' "$server" "${ran_on[$server]}"
    done
    rm -f "$root/build/tested"
    [ ${#failed[@]} -eq 0 ] || { printf 'failed: %s\n' "${failed[@]}" >&2; exit 1; }
    leave_stamp
    say "All tests passed"
}

# Says, for scripts/release, which commit has passed: where all was run, and it is that commit still.
leave_stamp() {
    if [ -n "$tested_commit" ] && [ "$(clean_commit)" = "$tested_commit" ] && [[ "${summary[*]}" != *"left out:"* ]]; then
        echo "$tested_commit" >"$root/build/tested"
    fi
}

# Starts a real control plane of its own for the tests, and ends it with the script.
start_cluster() {
    # For what a hand would do, and for what its answers look like.
    command -v kubectl >/dev/null || need_packages kubernetes-client
    # For candidates in networks of their own.
    need_packages iproute2 nftables
    say "Building a real control plane (minutes, the first time)"
    "$root/scripts/cluster" build || die "the control plane does not build"
    export K8SLEADER_CLUSTER_DIR=$root/build/cluster-test
    has_cluster=1
    trap clean_up EXIT
    say "Starting it"
    # The tests take no times: a disk that others keep busy is none of their business.
    "$root/scripts/cluster" up --unsafe-no-fsync || die "the control plane does not start"
    export K8SLEADER_TEST_CLUSTER_DIR=$K8SLEADER_CLUSTER_DIR
    export K8SLEADER_TEST_OWN_CLUSTER_DIR=$K8SLEADER_CLUSTER_DIR
    K8SLEADER_TEST_KUBECONFIG=$("$root/scripts/cluster" kubeconfig)
    export K8SLEADER_TEST_KUBECONFIG
}

# Others are left over when the test that starts one was ended by its time limit.
end_clusters() {
    local other
    for other in "$K8SLEADER_CLUSTER_DIR" "$K8SLEADER_CLUSTER_DIR"-*; do
        [ ! -d "$other" ] || K8SLEADER_CLUSTER_DIR=$other "$root/scripts/cluster" down
    done
}
