#!/usr/bin/env bash
# shellcheck disable=SC2086,SC2317
# test_requeue.sh BUILD — training jobs that are told to save, lose a node or are stopped by hand.
# shellcheck source=tests/slurm/checks.sh
. "$(dirname "$0")/checks.sh"

build=${1:?folder of the programs}
start_cluster 2
"$build/anyecg-pack" synth -q -n 60 -o "$scratch/corpus" || exit 1
export ANYECG_HOME=$project ANYECG_BUILD=$build ANYECG_CONFIG=$tests_folder/small.yaml
# slow enough to be caught in the middle, fast enough to finish; the codebook's state is part of what must be resumed
export ANYECG_SET=$'tokenizer.steps=60\nlog.every_steps=1\nvalidation.every_steps=40\n'

# Submits the tokenizer's job with 4 ranks on 2 nodes: its id in $job, its run in $run, its log in $log.
submit_training() { # NAME [SBATCH-OPTION...]
    local name=$1
    shift
    export ANYECG_WORK=$scratch/$name
    mkdir -p "$ANYECG_WORK"
    [ -e "$ANYECG_WORK/corpus" ] || ln -s ../corpus "$ANYECG_WORK/corpus"
    run=$ANYECG_WORK/tokenizer log=$ANYECG_WORK/job.log
    job=$(cluster run sbatch --parsable --nodes=2 --ntasks-per-node=2 --time=10 --output="$log" "$@" "$project/jobs/slurm/tokenizer.sbatch")
    [ -n "$job" ] || complain "sbatch failed"
}
wait_for_step() { # STEP
    local tries=600
    until grep -q "\"step\": $1," "$run/metrics.jsonl" 2>/dev/null; do
        tries=$((tries - 1))
        if [ $tries = 0 ]; then complain "step $1 did not come"; tail -20 "$log"; return; fi
        sleep 0.1
    done
}
weights() { grep -E ' (part|state)-' "$1/tokenizer/step-000000060/COMPLETE"; }
check_finished() { # RESTARTS: a regular expression
    local restarts
    wait_for_state "$job" "$ended" 200
    equal "state of job $job" COMPLETED "$(job_field "$job" JobState)"
    restarts=$(job_field "$job" Restarts)
    [[ $restarts =~ ^($1)$ ]] || complain "restarts: expected $1, is '$restarts'"
    equal "weights and optimiser state" "$(weights "$scratch/whole")" "$(weights "$ANYECG_WORK")"
    equal "training lines of metrics.jsonl" 60 "$(grep -vc '"split"' "$run/metrics.jsonl")"
}

a_run_without_interruption_is_what_the_others_are_compared_with() {
    submit_training whole
    wait_for_state "$job" "$ended" 200
    equal state COMPLETED "$(job_field "$job" JobState)"
    equal "files of weights and states" 8 "$(weights "$scratch/whole" | wc -l)"
}
a_job_told_to_save_is_requeued_and_ends_with_the_same_weights() {
    submit_training told
    wait_for_step 10
    # what Slurm does for --signal=B:USR1@600
    cluster run scancel --batch --signal=USR1 "$job"
    check_finished 1
    holds "$log" 'stopped after step [0-9]+ of 60, because a signal asked for it; saved'
    holds "$log" 'the job goes back into the queue and will resume'
}
a_job_whose_node_loses_power_is_requeued_and_ends_with_the_same_weights() {
    ANYECG_SET+=$'checkpoint.every_steps=10\n' submit_training power
    wait_for_step 15
    cluster kill n2
    wait_for_state "$job" PENDING 60
    cluster boot n2
    cluster run scontrol update "jobid=$job" starttime=now
    # twice if the node registers just after the job's new start and is taken from it
    check_finished '1|2'
}
a_file_stop_ends_the_job_for_good() {
    submit_training stop
    wait_for_step 10
    touch "$run/STOP"
    wait_for_state "$job" "$ended" 60
    equal state FAILED "$(job_field "$job" JobState)"
    equal "exit code" 16:0 "$(job_field "$job" ExitCode)"
    holds "$log" 'a file STOP in .* ended the run, so the job is not requeued'
}
a_cancelled_job_does_not_come_back() {
    submit_training cancelled
    wait_for_step 10
    cluster run scancel "$job"
    wait_for_state "$job" "$ended" 60
    sleep 1
    equal state CANCELLED "$(job_field "$job" JobState)"
}

run_tests a_run_without_interruption_is_what_the_others_are_compared_with a_job_told_to_save_is_requeued_and_ends_with_the_same_weights \
    a_job_whose_node_loses_power_is_requeued_and_ends_with_the_same_weights a_file_stop_ends_the_job_for_good \
    a_cancelled_job_does_not_come_back
