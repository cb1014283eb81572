#!/usr/bin/env bash
# The programs on lesser processors than this one, which qemu plays: without AVX-512, without AVX, and models whose
# instructions a virtual machine hides. No illegal instruction, and the losses and answers of this processor but for rounding.
# Arguments: folder of the programs, test_startup, test programs of kernels...
bin=$1 startup=$2
shift 2
. "$(dirname "$0")/steps.sh"
command -v qemu-x86_64 >/dev/null || { echo "SKIP: no qemu-x86_64 (Debian: qemu-user)"; exit 77; }
[ "$(uname -m)" = x86_64 ] || { echo "SKIP: this is no x86-64 machine"; exit 77; }
cd "$scratch" || exit 1
# The programs start themselves anew where the environment does not suit; qemu would lose sight of them there.
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 ANYECG_KEEP_BLAS=1
unset OPENBLAS_CORETYPE

on() { # PROCESSOR COMMAND...; `here` is this one
    local processor=$1 code type
    shift
    if [ "$processor" = here ]; then
        "$@"
        return
    fi
    type=$(qemu-x86_64 -cpu "$processor" "$startup" core-type 2>/dev/null) # what the programs would choose for themselves
    env ${type:+OPENBLAS_CORETYPE=$type} qemu-x86_64 -cpu "$processor" "$@" 2>qemu.err
    code=$?
    grep -v "TCG doesn't support" qemu.err >&2
    return $code
}

# qemu must refuse what the processor lacks, or all of this shows nothing.
cat >illegal.c <<'C'
#include <immintrin.h>
#include <stdlib.h>
__attribute__((target("avx512f"))) static void wide(float *x) { _mm512_storeu_ps(x, _mm512_sqrt_ps(_mm512_loadu_ps(x))); }
__attribute__((target("avx"))) static void half(float *x) { _mm256_storeu_ps(x, _mm256_sqrt_ps(_mm256_loadu_ps(x))); }
int main(int argc, char **argv)
{
    float x[16] = {0};
    argc > 1 && atoi(argv[1]) == 512 ? wide(x) : half(x);
    return x[0] != 0 || x[15] != 0;
}
C
cc -O1 illegal.c -o illegal || { echo "SKIP: no compiler to try qemu with"; exit 77; }
refuses() { # PROCESSOR BITS
    ! on "$1" ./illegal "$2" >/dev/null 2>&1 || { echo "SKIP: this qemu lets $1 run vectors of $2 bits"; exit 77; }
}
refuses Haswell 512
refuses Nehalem 256
on Haswell ./illegal 256 || fail "qemu: Haswell cannot run vectors of 256 bits"

cat >tiny.yaml <<'YAML'
seed: 7
data: {window_seconds: 4}
checkpoint: {every_steps: 0}
validation: {every_steps: 0}
log: {every_steps: 1}
tokenizer:
  steps: 2
  warmup: 0
  batch: {tokens: 120, micro_batches: 1}
  model: {layers: 1, width: 32, heads: 2, channels: 8, codes: 24, code_dimension: 8,
          morphology_blocks: 1, frequency_blocks: 1, demography_blocks: 1}
  baseline_patches: 0
pretrain:
  steps: 2
  warmup: 0
  batch: {tokens: 120, micro_batches: 1}
  model: {layers: 2, width: 32, heads: 2, channels: 8}
finetune:
  steps: 2
  warmup: 0
  batch: {tokens: 120, micro_batches: 1}
YAML

# begin PROCESSOR: corpus and tokenizer into a folder of that name; go_on: the second stage, a task and its answers.
begin() {
    local processor=$1
    mkdir -p "$1"
    {
        on "$processor" "$bin/anyecg-pack" build -o "$1/corpus" ward -q &&
            on "$processor" "$bin/anyecg-train" tokenizer -c tiny.yaml --corpus corpus --out "$1/tokenizer"
    } >"$1/log" 2>&1 || fail "$1: exit code $? of the last program: $(tail -n 5 "$1/log")"
}
go_on() {
    local processor=$1
    {
        on "$processor" "$bin/anyecg-train" pretrain -c tiny.yaml --corpus corpus --tokenizer "$1/tokenizer" --out "$1/pretrain" &&
            on "$processor" "$bin/anyecg-train" finetune anomaly -c tiny.yaml --corpus corpus --init "$1/pretrain" --out "$1/anomaly" &&
            on "$processor" "$bin/anyecg-infer" anomaly --checkpoint here/anomaly -o "$1/answers" ward -q
    } >>"$1/log" 2>&1 || fail "$1: exit code $? of the last program: $(tail -n 5 "$1/log")"
}

# compare A B NAME: the numbers of that name in two files of JSON lines, within a part in ten thousand
numbers() { grep -o "\"$2\": *[-0-9.e+]*" "$1" | sed 's/.*: *//'; }
compare() {
    local a b
    a=$(numbers "$1" "$3") b=$(numbers "$2" "$3")
    [ -n "$a" ] && paste <(echo "$a") <(echo "$b") | awk '
        NF != 2 { exit 1 }
        { d = $1 - $2; d = d < 0 ? -d : d; m = $1 < 0 ? -$1 : $1; if (d > 1e-4 * m + 1e-6) exit 1 }' ||
        fail "$3 differs between $1 and $2: $(echo "$a" "|" "$b" | tr '\n' ' ')"
}

"$bin/anyecg-pack" synth -n 30 --seconds 8 --leads 3 --seed 5 --wfdb ward -q 2>/dev/null || fail "synth"
"$bin/anyecg-pack" build -o corpus ward -q 2>/dev/null || fail "build"
begin here
go_on here
for processor in Haswell Nehalem qemu64 EPYC,-avx2,-fma; do
    begin "$processor"
    compare here/tokenizer/metrics.jsonl "$processor/tokenizer/metrics.jsonl" loss
    [ -e "$processor/corpus/manifest.json" ] || fail "$processor: no corpus"
done
for processor in Haswell Nehalem; do
    go_on "$processor"
    for run in pretrain anomaly; do
        compare here/$run/metrics.jsonl "$processor/$run/metrics.jsonl" loss
    done
    compare here/answers "$processor/answers" anomaly
done
grep -q "OpenBLAS .* Haswell" Haswell/log || fail "Haswell: $(grep OpenBLAS Haswell/log)"
for test in "$@"; do
    for processor in Haswell Nehalem; do
        on $processor "$test" >test.log 2>&1 || fail "$processor, $(basename "$test"): $(tail -n 5 test.log)"
    done
done
finish
