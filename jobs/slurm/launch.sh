# jobs/slurm/launch.sh — sourced by the batch scripts: starts a program on all ranks, passes a save signal on, and puts the
# job back into the queue when the program says that it saved and can be resumed (exit code 16).

set -uo pipefail
: "${ANYECG_BUILD:?is set by jobs/submit.sh}" "${ANYECG_LAUNCHER:=srun}"
# `srun` inherits nothing of mpirun's knowledge: waiting ranks must yield where ranks outnumber cores
export OMPI_MCA_mpi_yield_when_idle=${OMPI_MCA_mpi_yield_when_idle:-1} OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-1}
for module in ${ANYECG_MODULES:-}; do module load "$module" || exit 1; done

launcher_command() { # RANKS
    case $ANYECG_LAUNCHER in
        srun) echo "srun --mpi=pmix --kill-on-bad-exit=1 -n $1" ;;
        mpirun) echo "mpirun -n $1" ;;
        *) echo "LAUNCHER '$ANYECG_LAUNCHER' in the site file: must be srun or mpirun" >&2; exit 2 ;;
    esac
}

# Runs the program with its arguments on RANKS ranks and ends with its exit code. USR1 reaches the ranks through the launcher.
launch_once() { # RANKS PROGRAM ARGUMENT...
    local ranks=$1 child code launcher
    shift
    launcher=$(launcher_command "$ranks") || exit 2
    $launcher "$ANYECG_BUILD/$1" "${@:2}" &
    child=$!
    trap 'kill -USR1 $child 2>/dev/null' USR1
    trap 'kill -TERM $child 2>/dev/null' TERM
    wait $child
    code=$?
    # a trapped signal ends `wait` early: wait again for the program itself
    while kill -0 $child 2>/dev/null; do
        wait $child
        code=$?
    done
    return $code
}

# Some launches die inside MPI_Init on a busy network before any work is done (a peer's message comes too early): a death by
# signal within the first half minute is tried again, twice.
launch() { # RANKS PROGRAM ARGUMENT...
    local try code began
    for try in 1 2 3; do
        began=$SECONDS
        launch_once "$@"
        code=$?
        if [ $code -lt 128 ] || [ $((SECONDS - began)) -gt 30 ]; then break; fi
        echo "launch $try ended with code $code after $((SECONDS - began)) s" >&2
    done
    if [ $code = 16 ] && [ -n "${SLURM_JOB_ID:-}" ]; then
        echo "saved; the job goes back into the queue and will resume"
        scontrol requeue "$SLURM_JOB_ID"
    fi
    return $code
}
