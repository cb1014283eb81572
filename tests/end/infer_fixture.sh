#!/usr/bin/env bash
# What the infer_*.sh tests share: simulated recordings, corpora of them, and a tiny model of every stage and task.
# Arguments: anyecg-pack, anyecg-train, folder to make.
set -e
pack=$1 train=$2
rm -rf "$3" && mkdir -p "$3" && cd "$3"

"$pack" synth -n 60 --seconds 12 --seed 5 --wfdb ward -q
"$pack" build -o corpus ward -q
# This seed gives an episode of atrial fibrillation to each of the three splits.
"$pack" synth -n 24 --seconds 40 --leads 2 --rate 128 --seed 2 --wfdb holter -q
"$pack" synth -n 24 --seconds 40 --leads 2 --rate 128 --seed 2 -o long -q

cat >tiny.yaml <<'YAML'
seed: 7
data: {window_seconds: 5}
checkpoint: {every_steps: 0, keep: 9}
validation: {every_steps: 0}
tokenizer:
  steps: 4
  warmup: 0
  batch: {tokens: 600, micro_batches: 1}
  model: {layers: 1, width: 32, heads: 2, channels: 4, codes: 24, code_dimension: 8,
          morphology_blocks: 1, frequency_blocks: 1, demography_blocks: 1}
  baseline_patches: 0
pretrain:
  steps: 4
  warmup: 0
  batch: {tokens: 600, micro_batches: 1}
  model: {layers: 2, width: 32, heads: 2, channels: 4}
finetune:
  steps: 12
  warmup: 0
  batch: {tokens: 600, micro_batches: 1}
  optimiser: {learning_rate: 1e-3}
  longecg: {window_seconds: 5, max_windows: 16, chunk_tokens: 64, second_width: 16, second_layers: 1, second_heads: 2}
YAML
run() { "$train" "$@" -c tiny.yaml -q >>training.txt; }
run tokenizer --corpus corpus --out tokenizer
run pretrain --corpus corpus --tokenizer tokenizer --out pretrain
for task in anomaly arrhythmia leadgen; do
    run finetune $task --corpus corpus --init pretrain --out $task
done
run finetune longecg --corpus long --init pretrain --out longecg
# A model that knows only some leads.
run finetune anomaly --corpus corpus --init pretrain --out few_leads --set 'data.leads=[I, II, V2]'
