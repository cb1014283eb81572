# tests/mpi/train_setting.sh — sourced by the tests of training: a tiny model, a small simulated corpus, and words to run.
# Arguments of every test: folder of the programs, folder of the test tools, corpus, folder to work in.
set -eu
bin=$1 tools=$2 corpus=$3 work=$4
rm -rf "$work" && mkdir -p "$work"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
export ASAN_OPTIONS=detect_leaks=0
unset SLURM_JOB_END_TIME

config=$work/test.yaml
cat > "$config" <<'YAML'
seed: 7
reduction: exact
data: {window_seconds: 4}
checkpoint: {every_steps: 0, keep: 9}
validation: {every_steps: 0}
tokenizer:
  steps: 20
  warmup: 0
  batch: {tokens: 320, micro_batches: 4}
  optimiser: {learning_rate: 1e-3}
  model: {layers: 2, width: 32, heads: 2, channels: 8, codes: 24, code_dimension: 8,
          morphology_blocks: 1, frequency_blocks: 1, demography_blocks: 1}
  baseline_patches: 0
pretrain:
  steps: 20
  warmup: 0
  batch: {tokens: 320, micro_batches: 4}
  optimiser: {learning_rate: 1e-3}
  model: {layers: 2, width: 32, heads: 2, channels: 8}
finetune:
  steps: 20
  warmup: 0
  batch: {tokens: 320, micro_batches: 4}
  optimiser: {learning_rate: 1e-3}
  longecg: {window_seconds: 2, max_windows: 8, chunk_tokens: 64, second_width: 16, second_layers: 1, second_heads: 2}
YAML

# train RANKS NAME STAGE...: runs into $work/NAME, its output into $work/NAME.err; the exit code is the program's.
train() {
    local ranks=$1 name=$2 code
    shift 2
    mpirun --oversubscribe -n "$ranks" "$bin/anyecg-train" "$@" -c "$config" --corpus "$corpus" --out "$work/$name" \
        > "$work/$name.out" 2> "$work/$name.err" || {
        code=$?
        [ -n "${expect_failure:-}" ] || cat "$work/$name.err" >&2
        return $code
    }
}

# tensors NAME: the table of all tensors of the run's newest checkpoint.
tensors() {
    "$tools/list_tensors" "$work/$1" > "$work/$1.tensors"
}

# same A B: the same bits in every tensor, optimiser state included.
same() {
    tensors "$1"
    tensors "$2"
    cmp "$work/$1.tensors" "$work/$2.tensors" || {
        diff "$work/$1.tensors" "$work/$2.tensors" | head -5 >&2
        fail "$1 and $2 differ"
    }
}

fail() {
    echo "FAILED: $*" >&2
    exit 1
}
