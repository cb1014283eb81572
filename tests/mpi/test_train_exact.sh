#!/bin/sh
# `reduction: exact`: weights and optimiser state after 20 steps are the same bits at 1, 2, 3 and 4 ranks, in every stage.
# The comparison is worth something only if it finds faults: each of three built-in ones must be seen.
. "$(dirname "$0")/train_setting.sh"

train 1 tokenizer1 tokenizer
train 1 pretrain1 pretrain --tokenizer "$work/tokenizer1"
train 1 anomaly1 finetune anomaly --init "$work/pretrain1"
train 1 leadgen1 finetune leadgen --init "$work/pretrain1"
train 1 longecg1 finetune longecg --init "$work/pretrain1"
tensors tokenizer1
train 1 late1 tokenizer --set tokenizer.quantize_from=0.5
train 3 late3 tokenizer --set tokenizer.quantize_from=0.5
same late1 late3
cmp -s "$work/late1.tensors" "$work/tokenizer1.tensors" && fail "quantize_from changes nothing"
for n in 2 3 4; do
    train $n tokenizer$n tokenizer
    same tokenizer1 tokenizer$n
    train $n pretrain$n pretrain --tokenizer "$work/tokenizer1"
    same pretrain1 pretrain$n
done
train 2 anomaly2 finetune anomaly --init "$work/pretrain1"
same anomaly1 anomaly2
train 3 leadgen3 finetune leadgen --init "$work/pretrain1"
same leadgen1 leadgen3
train 4 longecg4 finetune longecg --init "$work/pretrain1"
same longecg1 longecg4

# Weights must have moved, or all this compares start values.
train 1 start tokenizer --max-steps 1 --set tokenizer.optimiser.learning_rate=0 --set tokenizer.optimiser.least_learning_rate=0
tensors start
cmp -s "$work/start.tensors" "$work/tokenizer1.tensors" && fail "20 steps of training left the weights as they were"

for fault in no_reduction scale_by_ranks double_micro_batch; do
    train 2 $fault tokenizer --set test.fault=$fault
    tensors $fault
    cmp -s "$work/$fault.tensors" "$work/tokenizer1.tensors" && fail "the comparison does not see the fault $fault"
done
exit 0
