#!/bin/sh
# Ranks and BLAS threads above the processors: one warning with the numbers and the remedy; none where they fit.
. "$(dirname "$0")/train_setting.sh"

unset OMP_NUM_THREADS # nproc heeds it too
cores=$(nproc)
[ "$cores" -ge 2 ] && [ "$cores" -le 4 ] || { echo "SKIP: this needs a machine of 2 to 4 processors, not $cores"; exit 77; }
export OMPI_MCA_hwloc_base_binding_policy=none

# warnings NAME COUNT PATTERN: so many lines of the run's messages fit
warnings() {
    [ "$(grep -c "$3" "$work/$1.err")" = "$2" ] || { cat "$work/$1.err" >&2; fail "$1: not $2 lines of '$3'"; }
}

OPENBLAS_NUM_THREADS=4 train 4 crowded tokenizer --dry-run
warnings crowded 1 "^warning: 4 ranks with $cores BLAS threads each share $cores processors.*export OPENBLAS_NUM_THREADS=1"
OPENBLAS_NUM_THREADS=1 train 2 sound tokenizer --dry-run
warnings sound 0 'processors of a node'
ANYECG_RANKS_PER_NODE=1 OPENBLAS_NUM_THREADS=$cores train 2 groups tokenizer --dry-run
warnings groups 1 "^warning: 2 ranks with $cores BLAS threads each share $cores processors"

# Ranks bound to a processor each: OpenBLAS takes no more threads than that.
OMPI_MCA_hwloc_base_binding_policy=core OPENBLAS_NUM_THREADS=4 train 2 bound tokenizer --dry-run
warnings bound 0 'processors of a node'
# All of them bound to the same one.
taskset -c 0 mpirun --oversubscribe --bind-to none -n 2 "$bin/anyecg-train" tokenizer -c "$config" --corpus "$corpus" --dry-run \
    > "$work/one.out" 2> "$work/one.err" || fail "one: exit code $?"
warnings one 1 "^warning: 2 ranks share 1 processor of a node .*start at most 1 rank on a node, or let them use more of its"
# A program without MPI, on one processor.
OPENBLAS_NUM_THREADS=4 taskset -c 0 "$bin/anyecg-train" tokenizer -c "$config" --corpus "$corpus" --dry-run \
    > "$work/alone.out" 2> "$work/alone.err" || fail "alone: exit code $?"
warnings alone 0 'of a node'
exit 0
