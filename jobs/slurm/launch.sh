# shellcheck shell=bash
# jobs/slurm/launch.sh — sourced by the batch scripts: starts a program on all ranks of the job, passes a save signal on, and
# puts the job back into the queue when the program says that it saved and can be resumed (exit code 16).
#
#   launch PROGRAM ARGUMENT...
#
# Variables, set by jobs/submit.sh: ANYECG_BUILD (folder of the programs), ANYECG_LAUNCHER (srun or mpirun), ANYECG_SRUN_MPI (what
# srun's --mpi takes), ANYECG_MODULES, ANYECG_SET (KEY=VALUE, one a line: `launch` appends nothing by itself, training scripts pass "${settings[@]}"),
# ANYECG_MOST_RESTARTS. run_folder, set by a training script: no requeue if its log says that a file STOP ended the run.

set -uo pipefail
: "${ANYECG_BUILD:?is set by jobs/submit.sh}" "${ANYECG_LAUNCHER:=srun}" "${ANYECG_SRUN_MPI:=pmix}" "${ANYECG_MOST_RESTARTS:=100}"

# A rank is a thread: BLAS must not start more.
export OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-1} OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

# anyecg-train saves by itself before the job ends; Slurm before 23.02 does not say in the job when that is.
if [ -n "${SLURM_JOB_ID:-}" ] && [ -z "${SLURM_JOB_END_TIME:-}" ]; then
    if job_end=$(squeue --noheader --jobs="$SLURM_JOB_ID" --format=%e 2>/dev/null) && [ -n "$job_end" ] && job_end=$(date -d "$job_end" +%s 2>/dev/null); then
        export SLURM_JOB_END_TIME=$job_end
    fi
fi

if [ -n "${ANYECG_MODULES:-}" ]; then
    set +u # module commands use variables that may be unset
    # A batch script's shell is no login shell: on some sites it does not know the command yet. /etc/profile might set PATH anew.
    for file in "${MODULESHOME:-}/init/bash" "${LMOD_PKG:-}/init/bash" /etc/profile.d/{lmod,z00_lmod,modules}.sh; do
        # shellcheck disable=SC1090
        command -v module >/dev/null || [ ! -r "$file" ] || . "$file"
    done
    for module in $ANYECG_MODULES; do
        module load "$module" || { echo "MODULES in the site file: '$module' cannot be loaded" >&2; exit 2; }
    done
    set -u
fi

settings=()
while IFS= read -r setting; do
    [ -z "$setting" ] || settings+=(--set "$setting")
done <<<"${ANYECG_SET:-}"

case $ANYECG_LAUNCHER in
    # Not --kill-on-bad-exit=1: ranks that agreed to end with 16 do not end at the same instant, and srun would kill the later
    # ones and report their death instead. --wait ends the survivors of a rank that died alone. --immediate: seconds for which
    # srun may wait for the job's nodes, else it waits as long as the job has time.
    srun) launcher=(srun --mpi="$ANYECG_SRUN_MPI" --kill-on-bad-exit=0 --wait=10 --immediate=120 -n "${SLURM_NTASKS:-1}") ;;
    mpirun) launcher=(mpirun -n "${SLURM_NTASKS:-1}") ;;
    *) echo "LAUNCHER '$ANYECG_LAUNCHER' in the site file: must be srun or mpirun" >&2; exit 2 ;;
esac
if [ "$ANYECG_LAUNCHER" = srun ] && offered=$(srun --mpi=list 2>&1) && ! grep -qw -e "$ANYECG_SRUN_MPI" <<<"$offered"; then
    printf "SRUN_MPI in the site file: this cluster's srun does not know '%s'; name what fits the MPI, or take LAUNCHER=mpirun. %s\n" \
        "$ANYECG_SRUN_MPI" "$offered" >&2
    exit 2
fi

child='' signals=0 save_asked=no end_asked=no
pass_on() { # SIGNAL; the launcher hands it to the ranks
    signals=$((signals + 1))
    if [ "$1" = USR1 ]; then save_asked=yes; else end_asked=yes; fi
    [ -z "$child" ] || kill -"$1" "$child" 2>/dev/null
}
trap 'pass_on USR1' USR1
trap 'pass_on TERM' TERM

launch_once() { # PROGRAM ARGUMENT... → its exit code
    local before code
    "${launcher[@]}" "$ANYECG_BUILD/$1" "${@:2}" &
    child=$!
    while :; do
        before=$signals
        wait "$child"
        code=$?
        [ "$signals" = "$before" ] && break # else the trap ended `wait`, not the program
    done
    child=''
    return $code
}

# A node that died can come back just as the job starts anew: it registers without the job and is taken from it, while the job
# goes on with the others. Nothing can be launched on all ranks then.
node_lost() {
    local nodes
    [ -n "${SLURM_JOB_ID:-}" ] && [ -n "${SLURM_JOB_NUM_NODES:-}" ] || return 1
    nodes=$(squeue --noheader --jobs="$SLURM_JOB_ID" --format=%D 2>/dev/null) && [[ $nodes =~ ^[0-9]+$ ]] && [ "$nodes" -lt "$SLURM_JOB_NUM_NODES" ]
}

# Now and then a launch dies inside MPI_Init on a busy network (a peer's message comes too early), before any work is done: a
# death by signal within the first half minute is tried again, twice.
launch_with_retries() { # PROGRAM ARGUMENT...
    local try code=1 began
    for try in 1 2 3; do
        if node_lost; then break; fi
        began=$SECONDS
        launch_once "$@"
        code=$?
        if [ $code -lt 128 ] || [ $((SECONDS - began)) -gt 30 ] || [ $save_asked = yes ] || [ $end_asked = yes ]; then break; fi
        echo "launch $try of 3 died with code $code after $((SECONDS - began)) s" >&2
    done
    return $code
}

requeue() {
    if [ -z "${SLURM_JOB_ID:-}" ]; then
        return
    elif [ $end_asked = yes ]; then
        echo "the job was told to end, so it is not requeued; submit it again to resume"
    elif [ -n "${run_folder:-}" ] && tail -n 1 "$run_folder/log.txt" 2>/dev/null | grep -q 'a file STOP'; then
        echo "a file STOP in $run_folder ended the run, so the job is not requeued; submit it again to resume"
    elif [ "${SLURM_RESTART_COUNT:-0}" -ge "$ANYECG_MOST_RESTARTS" ]; then
        echo "the job was requeued ${SLURM_RESTART_COUNT} times (MOST_RESTARTS in the site file), so it is not requeued again" >&2
    else
        echo "the job goes back into the queue and will resume"
        scontrol requeue "$SLURM_JOB_ID" || echo "requeueing failed; submit the job again to resume" >&2
    fi
}

# Ends with the program's exit code. 16: saved, can be resumed. A rank that the save signal met before it could catch it dies
# of it; nothing is lost but the time since the last checkpoint, so that is resumed too, and so is a job that lost a node.
launch() { # PROGRAM ARGUMENT...
    local code
    launch_with_retries "$@"
    code=$?
    if [ $code = 16 ]; then
        requeue
    elif [ $code -ge 128 ] && [ $save_asked = yes ]; then
        echo "the signal to save came before the program was ready for it"
        requeue
    elif [ $code != 0 ] && node_lost; then
        echo "the job has lost one of its $SLURM_JOB_NUM_NODES nodes"
        requeue
    fi
    return $code
}
