#!/bin/sh
# `reduction: fast`: every tensor of the first step's gradient agrees with that of one rank to 1e-5 of its norm; a fault in
# the reduction does not pass. No k-means start: its rounding, which depends on the ranks here, could move a code.
. "$(dirname "$0")/train_setting.sh"

gradient() { # RANKS NAME STAGE...
    local ranks=$1 name=$2 code
    shift 2
    train "$ranks" "$name" "$@" --max-steps 1 --set reduction=fast --set tokenizer.kmeans_batches=0 \
        --set reduction_bucket_mb=1 --set test.dump_gradient="$work/$name.gradient"
}

train 1 tokenizer tokenizer
gradient 1 a1 tokenizer
gradient 1 b1 pretrain --tokenizer "$work/tokenizer"
for n in 2 3 4; do
    gradient $n a$n tokenizer
    "$tools/compare_gradients" "$work/a$n.gradient" "$work/a1.gradient" 1e-5 || fail "tokenizer, $n ranks"
    gradient $n b$n pretrain --tokenizer "$work/tokenizer"
    "$tools/compare_gradients" "$work/b$n.gradient" "$work/b1.gradient" 1e-5 || fail "pretrain, $n ranks"
done
for fault in no_reduction scale_by_ranks double_micro_batch; do
    gradient 2 $fault tokenizer --set test.fault=$fault
    "$tools/compare_gradients" "$work/$fault.gradient" "$work/a1.gradient" 1e-5 &&
        fail "the comparison does not see the fault $fault"
done
exit 0
