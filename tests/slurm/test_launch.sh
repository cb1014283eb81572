#!/usr/bin/env bash
# shellcheck disable=SC2016,SC2086,SC2317
# jobs/slurm/launch.sh against small programs in place of srun, scontrol and ours: no cluster needed.
# shellcheck source=tests/slurm/checks.sh
. "$(dirname "$0")/checks.sh"

# srun that only leaves its own options out, a scontrol that writes down what it was asked, a program made of a script
mkdir -p "$scratch/bin" "$scratch/build"
cat >"$scratch/bin/srun" <<'SCRIPT'
#!/usr/bin/env bash
if [ "$1" = --mpi=list ]; then
    printf 'MPI plugin types are...\n\tnone\n\tpmi2\n\tpmix\nspecific pmix plugin versions available: pmix_v4\n'
    exit
fi
echo "srun $*" >>"$SCRATCH/srun.log"
while [[ $1 == -* ]]; do if [ "$1" = -n ]; then shift 2; else shift; fi; done
exec "$@"
SCRIPT
sed 's/^echo .*/echo "mpirun $*" >>"$SCRATCH\/srun.log"/' "$scratch/bin/srun" >"$scratch/bin/mpirun"
cat >"$scratch/bin/scontrol" <<'SCRIPT'
#!/usr/bin/env bash
echo "scontrol $*" >>"$SCRATCH/scontrol.log"
SCRIPT
cat >"$scratch/bin/squeue" <<'SCRIPT'
#!/usr/bin/env bash
case $* in
    *--format=%e*) echo 2040-01-02T03:04:05 ;;
    *--format=%D*) cat "$SCRATCH/nodes" ;;
esac
SCRIPT
echo 2 >"$scratch/nodes"
cat >"$scratch/build/program" <<'SCRIPT'
#!/usr/bin/env bash
echo "run $*" >>"$SCRATCH/program.log"
. "$SCRATCH/behaviour"
SCRIPT
chmod +x "$scratch"/bin/* "$scratch/build/program"

# Runs a batch script as Slurm would, in the background: its pid in $batch, its output in batch.log.
start_batch() { # BEHAVIOUR-OF-THE-PROGRAM [VARIABLE=VALUE...]
    rm -f "$scratch"/*.log
    echo "$1" >"$scratch/behaviour"
    shift
    cat >"$scratch/batch" <<'SCRIPT'
. "$PROJECT/jobs/slurm/launch.sh"
launch program first "second word" "${settings[@]}"
SCRIPT
    env -u SLURM_JOB_END_TIME PATH="$scratch/bin:$PATH" SCRATCH="$scratch" PROJECT="$project" ANYECG_BUILD="$scratch/build" SLURM_JOB_ID=7 \
        SLURM_NTASKS=4 SLURM_JOB_NUM_NODES=2 "$@" bash "$scratch/batch" >"$scratch/batch.log" 2>&1 &
    batch=$!
}
run_batch() { # as start_batch; its exit code in $code
    start_batch "$@"
    wait "$batch"
    code=$?
}
await() { # FILE: until it is there
    local tries=200
    until [ -e "$1" ] || [ $tries = 0 ]; do sleep 0.05; tries=$((tries - 1)); done
    [ -e "$1" ] || complain "$1 did not appear"
}
runs() { wc -l <"$scratch/program.log"; }

success_passes_and_nothing_is_requeued() {
    run_batch 'exit 0'
    equal code 0 $code
    equal runs 1 "$(runs)"
    [ ! -e "$scratch/scontrol.log" ] || complain "scontrol was called"
}
the_program_starts_on_all_ranks_of_the_job_with_its_arguments_whole() {
    run_batch 'exit 0' ANYECG_SET=$'data.leads=[I, II]\nseed=3\n'
    holds "$scratch/srun.log" '^srun --mpi=pmix .*-n 4 '
    equal arguments 'run first second word --set data.leads=[I, II] --set seed=3' "$(cat "$scratch/program.log")"
    run_batch 'echo $#' ANYECG_SET=$'data.leads=[I, II]\nseed=3\n'
    equal "number of arguments" 6 "$(cat "$scratch/batch.log")"
    run_batch 'exit 0' ANYECG_LAUNCHER=mpirun
    holds "$scratch/srun.log" '^mpirun -n 4 '
}
an_unknown_launcher_is_refused() {
    run_batch 'exit 0' ANYECG_LAUNCHER=aprun
    equal code 2 $code
    holds "$scratch/batch.log" "LAUNCHER 'aprun'.*srun or mpirun"
}
srun_starts_mpi_as_the_site_says_and_names_what_it_could() {
    run_batch 'exit 0' ANYECG_SRUN_MPI=pmix_v4
    equal code 0 $code
    holds "$scratch/srun.log" '^srun --mpi=pmix_v4 .*-n 4 '
    run_batch 'exit 0' ANYECG_SRUN_MPI=pmix_v5
    equal code 2 $code
    holds "$scratch/batch.log" "SRUN_MPI in the site file: .* 'pmix_v5'"
    holds "$scratch/batch.log" 'pmi2'
    [ ! -e "$scratch/program.log" ] || complain "the program was launched"
}
modules_are_loaded_also_where_the_shell_does_not_know_the_command_yet() {
    mkdir -p "$scratch/modules/init"
    echo 'module() { echo "module $*" >>"$SCRATCH/modules.log"; [ "$2" != gone ]; }' >"$scratch/modules/init/bash"
    run_batch 'exit 0' MODULESHOME="$scratch/modules" ANYECG_MODULES="openmpi/4.1 hdf5/1.10-parallel"
    equal code 0 $code
    equal modules 'module load openmpi/4.1,module load hdf5/1.10-parallel,' "$(tr '\n' ',' <"$scratch/modules.log")"
    run_batch 'exit 0' MODULESHOME="$scratch/modules" ANYECG_MODULES="gone"
    equal code 2 $code
    holds "$scratch/batch.log" "MODULES in the site file: 'gone' cannot be loaded"
}
exit_code_16_puts_the_job_back_into_the_queue() {
    run_batch 'exit 16'
    equal code 16 $code
    equal runs 1 "$(runs)"
    equal scontrol 'scontrol requeue 7' "$(cat "$scratch/scontrol.log")"
}
a_fault_is_passed_on_and_neither_retried_nor_requeued() {
    local fault
    for fault in 1 2 4 5 6 7 8 9; do
        run_batch "exit $fault"
        equal code $fault $code
        equal "runs after $fault" 1 "$(runs)"
        [ ! -e "$scratch/scontrol.log" ] || complain "scontrol was called after $fault"
    done
}
a_launch_that_dies_at_once_is_tried_again() {
    run_batch '[ -e "$SCRATCH/died.log" ] && exit 0; touch "$SCRATCH/died.log"; kill -SEGV $$'
    equal code 0 $code
    equal runs 2 "$(runs)"
    holds "$scratch/batch.log" 'launch 1 of 3 died with code 139'
}
a_launch_that_always_dies_is_given_up_after_three() {
    run_batch 'kill -SEGV $$'
    equal code 139 $code
    equal runs 3 "$(runs)"
    [ ! -e "$scratch/scontrol.log" ] || complain "scontrol was called"
}
a_job_that_lost_a_node_is_requeued_and_not_launched_again() {
    run_batch 'echo 1 >"$SCRATCH/nodes"; kill -KILL $$'
    equal code 137 $code
    equal runs 1 "$(runs)"
    equal scontrol 'scontrol requeue 7' "$(cat "$scratch/scontrol.log")"
    holds "$scratch/batch.log" 'lost one of its 2 nodes'
    run_batch 'exit 0'
    [ ! -e "$scratch/program.log" ] || complain "the program was launched on too few nodes"
    equal scontrol 'scontrol requeue 7' "$(cat "$scratch/scontrol.log")"
    echo 2 >"$scratch/nodes"
}
usr1_reaches_the_program_and_its_own_exit_code_counts() {
    start_batch 'trap "sleep 0.3; exit 16" USR1; touch "$SCRATCH/ready.log"; while :; do sleep 0.05; done'
    await "$scratch/ready.log"
    kill -USR1 "$batch"
    wait "$batch"
    equal code 16 $?
    equal scontrol 'scontrol requeue 7' "$(cat "$scratch/scontrol.log")"
}
a_program_that_ends_well_in_spite_of_usr1_is_not_requeued() {
    start_batch 'trap "touch $SCRATCH/got.log" USR1; touch "$SCRATCH/ready.log"; until [ -e "$SCRATCH/got.log" ]; do sleep 0.05; done'
    await "$scratch/ready.log"
    kill -USR1 "$batch"
    wait "$batch"
    equal code 0 $?
    [ ! -e "$scratch/scontrol.log" ] || complain "scontrol was called"
}
usr1_that_comes_before_the_program_catches_it_requeues_too() {
    start_batch 'touch "$SCRATCH/ready.log"; exec sleep 30'
    await "$scratch/ready.log"
    kill -USR1 "$batch"
    wait "$batch"
    equal code 138 $?
    equal runs 1 "$(runs)"
    equal scontrol 'scontrol requeue 7' "$(cat "$scratch/scontrol.log")"
}
a_job_told_to_end_is_not_requeued() {
    start_batch 'trap "exit 16" TERM; touch "$SCRATCH/ready.log"; while :; do sleep 0.05; done'
    await "$scratch/ready.log"
    kill -TERM "$batch"
    wait "$batch"
    equal code 16 $?
    [ ! -e "$scratch/scontrol.log" ] || complain "scontrol was called"
}
a_file_stop_keeps_the_job_out_of_the_queue() {
    mkdir -p "$scratch/run"
    run_batch 'echo "stopped after step 2 of 9, because the run folder holds a file STOP; saved" >"$SCRATCH/run/log.txt"; exit 16' \
        run_folder="$scratch/run"
    equal code 16 $code
    holds "$scratch/batch.log" 'a file STOP in .*/run ended the run'
    [ ! -e "$scratch/scontrol.log" ] || complain "scontrol was called"
}
a_job_requeued_too_often_is_left_alone() {
    run_batch 'exit 16' ANYECG_MOST_RESTARTS=5 SLURM_RESTART_COUNT=5
    [ ! -e "$scratch/scontrol.log" ] || complain "scontrol was called"
    run_batch 'exit 16' ANYECG_MOST_RESTARTS=5 SLURM_RESTART_COUNT=4
    equal scontrol 'scontrol requeue 7' "$(cat "$scratch/scontrol.log")"
}
the_program_learns_when_the_job_will_end() {
    run_batch 'echo "$SLURM_JOB_END_TIME"'
    equal SLURM_JOB_END_TIME "$(date -d 2040-01-02T03:04:05 +%s)" "$(cat "$scratch/batch.log")"
}

run_tests success_passes_and_nothing_is_requeued the_program_starts_on_all_ranks_of_the_job_with_its_arguments_whole \
    an_unknown_launcher_is_refused srun_starts_mpi_as_the_site_says_and_names_what_it_could \
    modules_are_loaded_also_where_the_shell_does_not_know_the_command_yet exit_code_16_puts_the_job_back_into_the_queue a_fault_is_passed_on_and_neither_retried_nor_requeued \
    a_launch_that_dies_at_once_is_tried_again a_launch_that_always_dies_is_given_up_after_three \
    a_job_that_lost_a_node_is_requeued_and_not_launched_again \
    usr1_reaches_the_program_and_its_own_exit_code_counts a_program_that_ends_well_in_spite_of_usr1_is_not_requeued \
    usr1_that_comes_before_the_program_catches_it_requeues_too a_job_told_to_end_is_not_requeued \
    a_file_stop_keeps_the_job_out_of_the_queue a_job_requeued_too_often_is_left_alone the_program_learns_when_the_job_will_end
