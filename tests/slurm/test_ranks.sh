#!/usr/bin/env bash
# shellcheck disable=SC2086,SC2317
# test_ranks.sh BUILD LOADER-TEST — ranks on two nodes: started by srun and mpirun, refused as singles, reading in both modes.
# shellcheck source=tests/slurm/checks.sh
. "$(dirname "$0")/checks.sh"

build=${1:?folder of the programs} loader_test=${2:?the program test_corpus_loader_ranks}
start_cluster 2
"$build/anyecg-pack" synth -q -n 40 --seed 4 -o "$scratch/corpus" || exit 1
export OPENBLAS_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# A launch by srun; one that dies by a signal is tried again, as jobs/slurm/launch.sh does (a peer's message may come too early).
launch() { # SRUN-OPTIONS... -- PROGRAM ARGUMENT...; output in out.log, exit code in $code
    local try
    for try in 1 2 3; do
        cluster run srun --kill-on-bad-exit=0 --wait=10 "$@" >"$scratch/out.log" 2>&1
        code=$?
        [ $code -ge 128 ] || break
        echo "launch $try died with code $code"
    done
}
train() { # RUN OPTION...
    launch --nodes=2 --ntasks=4 --mpi=pmix "$build/anyecg-train" tokenizer -c "$tests_folder/small.yaml" --corpus "$scratch/corpus" \
        --out "$scratch/$1" --set tokenizer.steps=12 "${@:2}"
    [ $code = 0 ] || { complain "training $1 ended with code $code"; tail -20 "$scratch/out.log"; }
}
weights() { grep ' part-' "$scratch/$1"/step-000000012/COMPLETE; }

single_ranks_started_by_mistake_are_refused_with_a_remedy() {
    launch --ntasks=2 --mpi=none "$build/anyecg-train" tokenizer --corpus "$scratch/corpus" --out "$scratch/singles"
    equal code 2 $code
    holds "$scratch/out.log" 'SLURM_STEP_NUM_TASKS is 2, but MPI sees one rank only'
    holds "$scratch/out.log" 'srun --mpi=pmix'
    [ ! -e "$scratch/singles" ] || complain "a run folder was made"
}
both_ways_of_reading_give_the_bytes_of_the_records_at_four_ranks_on_two_nodes() {
    # its own assertions: each micro-batch's hash against the records, and that a rank opens each shard once
    launch --nodes=2 --ntasks=4 --mpi=pmix "$loader_test"
    equal code 0 $code
    holds "$scratch/out.log" 'OK \] both_modes_deliver_the_bytes_of_the_records'
}
both_ways_of_reading_train_the_same_weights_on_two_nodes() {
    train independent --set loader.read=independent
    train collective --set loader.read=collective --set "loader.io_hints='romio_cb_read=enable,cb_nodes=2'"
    equal "files of weights" 4 "$(weights independent | wc -l)"
    equal weights "$(weights independent)" "$(weights collective)"
}
exact_reduction_gives_the_same_weights_on_one_node_and_on_two() {
    train two-nodes --set reduction=exact
    launch --nodes=1 --ntasks=4 --overcommit --mpi=pmix "$build/anyecg-train" tokenizer -c "$tests_folder/small.yaml" --corpus "$scratch/corpus" \
        --out "$scratch/one-node" --set tokenizer.steps=12 --set reduction=exact
    equal code 0 $code
    equal weights "$(weights two-nodes)" "$(weights one-node)"
}
mpirun_in_a_job_starts_the_ranks_as_srun_does() {
    cat >"$scratch/job" <<SCRIPT
#!/bin/bash
ANYECG_LAUNCHER=mpirun ANYECG_BUILD=$build
. $project/jobs/slurm/launch.sh
launch anyecg-train tokenizer -c $tests_folder/small.yaml --corpus $scratch/corpus --out $scratch/mpirun --set tokenizer.steps=12 \
    --set reduction=exact
SCRIPT
    cluster run sbatch --wait --nodes=2 --ntasks-per-node=2 --output="$scratch/job.log" "$scratch/job" >/dev/null
    equal code 0 $?
    holds "$scratch/job.log" '4 ranks on 2 nodes'
    equal weights "$(weights two-nodes)" "$(weights mpirun)"
}

run_tests single_ranks_started_by_mistake_are_refused_with_a_remedy \
    both_ways_of_reading_give_the_bytes_of_the_records_at_four_ranks_on_two_nodes \
    both_ways_of_reading_train_the_same_weights_on_two_nodes exact_reduction_gives_the_same_weights_on_one_node_and_on_two \
    mpirun_in_a_job_starts_the_ranks_as_srun_does
