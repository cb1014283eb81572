#!/usr/bin/env bash
# shellcheck disable=SC2317
# test_chain.sh BUILD — the whole chain of jobs/submit.sh on a cluster of two nodes, from raw recordings to evaluations.
# shellcheck source=tests/slurm/checks.sh
. "$(dirname "$0")/checks.sh"

build=${1:?folder of the programs}
raw=$scratch/raw work=$scratch/work
start_cluster 2
"$build/anyecg-pack" synth -q -n 60 --wfdb "$raw" || exit 1
cat >"$scratch/site.conf" <<SITE
BUILD=$build
NODES=2
RANKS_PER_NODE=2
HOURS=1
SAVE_SECONDS=60
SITE

# Submits the chain and waits for its end: the jobs' states, one a line, in states.log.
run_chain() { # OPTION...
    local id name state
    : >"$scratch/failed.log"
    cluster run "$project/jobs/submit.sh" "$scratch/site.conf" --work "$work" --config "$tests_folder/small.yaml" "$@" >"$scratch/submit.log" 2>&1 ||
        complain "submit.sh: $(cat "$scratch/submit.log")"
    while read -r name id; do
        wait_for_state "$id" "$ended" 300
        state=$(job_field "$id" JobState)
        echo "$name $state"
        [ "$state" = COMPLETED ] || tail -20 "$work/logs/$name-$id.log" >>"$scratch/failed.log" 2>/dev/null
    done >"$scratch/states.log" < <(sed -n 's/^\([a-z-]*\): job \([0-9]*\),.*/\1 \2/p' "$scratch/submit.log")
}

the_chain_from_raw_recordings_to_evaluations_completes() {
    run_chain --data "$raw" --tasks "anomaly arrhythmia leadgen longecg"
    equal "jobs" 11 "$(wc -l <"$scratch/states.log")"
    lacks "$scratch/states.log" ' (FAILED|CANCELLED|TIMEOUT)'
    [ ! -s "$scratch/failed.log" ] || cat "$scratch/failed.log"
    local task
    for task in anomaly arrhythmia leadgen longecg; do
        [ -s "$work/$task.evaluation.json" ] || { complain "$task left no evaluation"; continue; }
        holds "$work/$task.evaluation.json" "\"task\": *\"$task\""
    done
    holds "$(echo "$work"/logs/pretrain-*.log)" '4 ranks on 2 nodes \(n1: 2, n2: 2\)'
}
the_same_command_again_takes_what_is_there() {
    local weights
    weights=$(cat "$work"/anomaly/step-*/COMPLETE)
    run_chain --tasks anomaly
    equal "jobs" 4 "$(wc -l <"$scratch/states.log")"
    lacks "$scratch/states.log" ' (FAILED|CANCELLED|TIMEOUT)'
    equal "weights" "$weights" "$(cat "$work"/anomaly/step-*/COMPLETE)"
}

a_job_that_fails_cancels_those_behind_it() {
    # the runs that are there were made with another seed, so the first job refuses to resume
    run_chain --tasks anomaly --set seed=7
    holds "$scratch/states.log" '^tokenizer FAILED'
    equal "cancelled" 3 "$(grep -c ' CANCELLED' "$scratch/states.log")"
    holds "$scratch/failed.log" 'seed'
}

run_tests the_chain_from_raw_recordings_to_evaluations_completes the_same_command_again_takes_what_is_there \
    a_job_that_fails_cancels_those_behind_it
