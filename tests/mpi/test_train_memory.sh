#!/bin/sh
# Memory does not grow after the first steps, and our own code allocates nothing in a step: 30 steps call malloc as often as
# 10 steps do. Counted in the program's text only; libraries are excepted.
. "$(dirname "$0")/train_setting.sh"
counter=$tools/libcount_allocations.so

allocations() { # NAME STEPS STAGE...: calls of rank 0 and rank 1
    local name=$1 steps=$2
    shift 2
    mpirun --oversubscribe -n 2 env LD_PRELOAD="$counter" ALLOCATION_COUNT="$work/$name" "$bin/anyecg-train" "$@" \
        -c "$config" --corpus "$corpus" --out "$work/$name.run" --set log.every_steps=1000 --max-steps "$steps" \
        2> "$work/$name.err" || { cat "$work/$name.err" >&2; fail "$name"; }
}
no_growth() { # NAME STAGE...
    local name=$1
    shift
    rm -rf "$work/$name-short.run" "$work/$name-long.run"
    allocations $name-short 10 "$@" --set $name.steps=1000
    allocations $name-long 30 "$@" --set $name.steps=1000
    for rank in 0 1; do
        short=$(cat "$work/$name-short.$rank") long=$(cat "$work/$name-long.$rank")
        [ "$short" -gt 50 ] || fail "$name, rank $rank: the counter counts nothing ($short)"
        [ "$short" = "$long" ] || fail "$name, rank $rank: 20 steps more, $((long - short)) allocations more"
    done
}
train 1 tokenizer tokenizer --set log.every_steps=5 --set tokenizer.steps=60
train 1 pretrain pretrain --tokenizer "$work/tokenizer" --set log.every_steps=5 --set pretrain.steps=60
for name in tokenizer pretrain; do
    memory() { sed -n "s/.*\"step\": $1,.*\"memory_mb\": \([0-9]*\).*/\1/p" "$work/$name/metrics.jsonl"; }
    early=$(memory 5) late=$(memory 50)
    [ "$late" -le $((early + 1)) ] || fail "$name: $early MB at step 5, $late MB at step 50"
done
if nm -D "$bin/anyecg-train" | grep -q __asan; then
    echo "built with AddressSanitizer, which has its own malloc: allocations are not counted"
    exit 77
fi
no_growth tokenizer tokenizer
no_growth pretrain pretrain --tokenizer "$work/tokenizer"
no_growth finetune finetune anomaly --init "$work/pretrain"
no_growth finetune finetune longecg --init "$work/pretrain"
exit 0
