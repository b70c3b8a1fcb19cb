#!/usr/bin/env bash
# Fuzzes one target: run.sh PROGRAM NAME. Begins with the corpus of the tree; what it finds besides is kept in the build
# folder for the next time. An input that fails is left beside it, and its name is said.
#
# K8SLEADER_FUZZ_SECONDS: for how long, default 60. K8SLEADER_FUZZ_SEED: the seed of chance, default 0: another each time.
set -euo pipefail
program=$1 name=$2
here=$(cd "$(dirname "$0")" && pwd)
found=$(dirname "$program")/found-$name
mkdir -p "$found"
dictionary=()
[ ! -e "$here/corpus/$name.dict" ] || dictionary=("-dict=$here/corpus/$name.dict")
"$program" -max_total_time="${K8SLEADER_FUZZ_SECONDS:-60}" -max_len=8192 -timeout=20 -rss_limit_mb=1024 \
    -seed="${K8SLEADER_FUZZ_SEED:-0}" -print_final_stats=1 -artifact_prefix="$found.failed-" "${dictionary[@]}" "$found" "$here/corpus/$name" \
    </dev/null 2>"$found.log" || { tail -40 "$found.log"; exit 1; }
grep -E '^stat::(number_of_executed_units|peak_rss_mb)|^#[0-9]+.*DONE' "$found.log"
echo '[==========] 1 test(s) run.'
