#!/usr/bin/env bash
# Fuzzes by executions instead of seconds, and keeps what was found as seeds.
#
#   tests/fuzz/campaign.sh BUILD [--runs N] [--seconds S] [--keep] [TARGET...]
#
# BUILD was configured with -DANYECG_FUZZ=ON and built. Each target (default: all) runs N times (default 10000000) or until
# S seconds have passed (default: no end), from its seeds and from what earlier campaigns of this BUILD found; --keep then
# puts the smallest set of inputs that reaches the same code into tests/fuzz/seeds. Prints a line a target: executions,
# inputs kept, findings. Findings lie in BUILD/tests/fuzz/TARGET-campaign as crash-*, leak-*, oom-*, timeout-*.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
runs=10000000 seconds=0 keep=no build="" targets=()
while [ $# -gt 0 ]; do
    case $1 in
        --runs) runs=$2; shift ;;
        --seconds) seconds=$2; shift ;;
        --keep) keep=yes ;;
        -*) sed -n '2,/^set -/{/^#/{s/^# \{0,1\}//;p}}' "$0"; exit 2 ;;
        *) if [ -z "$build" ]; then build=$(cd "$1" && pwd) || exit 2; else targets+=("$1"); fi ;;
    esac
    shift
done
list=$build/tests/fuzz/targets.txt
[ -f "$list" ] || { echo "campaign.sh: '$build' is no build with -DANYECG_FUZZ=ON" >&2; exit 2; }
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cut -d' ' -f1 "$list")

# How often the target ran, by its log: libFuzzer says it at the end, a run of jobs (-fork) as it goes.
count_executions() { # LOG
    local n
    n=$(grep -a 'number_of_executed_units' "$1" | tail -1 | grep -o '[0-9]*$')
    echo "${n:-$(grep -aoE '^#[0-9]+: cov' "$1" | tail -1 | tr -dc 0-9)}"
}

faults=0
printf '%-22s %12s %6s %6s  %s\n' target executions inputs kept findings
for target in "${targets[@]}"; do
    read -r _ program seeds file options < <(grep "^$target " "$list") ||
        { echo "campaign.sh: no target '$target' in $list" >&2; exit 2; }
    found=$build/tests/fuzz/$target-campaign log=$build/tests/fuzz/$target-campaign.log
    mkdir -p "$found/corpus" "$here/$seeds"
    # shellcheck disable=SC2086 # options are words
    FUZZ_FILE=${file%:} "$build/tests/fuzz/$program" $options -runs="$runs" -max_total_time="$seconds" \
        -artifact_prefix="$found/" "$found/corpus" "$here/$seeds" >"$log" 2>&1
    findings=$(find "$found" -maxdepth 1 -type f | wc -l)
    libraries=$(grep -ac '^fault in ' "$log")
    kept=-
    if [ $keep = yes ] && [ "$findings" = 0 ]; then
        rm -rf "$found/merged" && mkdir "$found/merged"
        # shellcheck disable=SC2086
        FUZZ_FILE=${file%:} "$build/tests/fuzz/$program" ${options//-fork=1/} -use_counters=0 -merge=1 "$found/merged" "$here/$seeds" "$found/corpus" \
            >>"$log" 2>&1
        # seeds with names stay: they were made for something
        find "$found/merged" -type f -size -4k -exec cp -n {} "$here/$seeds" \;
        kept=$(find "$found/merged" -type f -size -4k | wc -l)
    fi
    printf '%-22s %12s %6s %6s  %s\n' "$target" "$(count_executions "$log")" "$(find "$found/corpus" -type f | wc -l)" "$kept" \
        "$findings$([ "$libraries" = 0 ] || echo ", faults inside libraries: $libraries")"
    faults=$((faults + findings))
done
[ "$faults" = 0 ]
