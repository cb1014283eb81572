#!/usr/bin/env bash
# A model can be asked whether it was trained on what has been withdrawn since, and a source can be held out of training.
bin=$1 pack=$1/anyecg-pack
. "$(dirname "$0")/pack_steps.sh"
cd "$scratch" || exit 1
expect 0 "" "$pack" synth -q -n 30 --seconds 6 --wfdb ward
mkdir -p one/mitdb two/ludb
for i in $(seq 0 29); do
    name=$(printf sim%05d "$i")
    [ "$i" -lt 20 ] && target=one/mitdb || target=two/ludb
    cp ward/"$name".* $target
done
expect 0 "" "$pack" build -q -o corpus one two
cat >tiny.yaml <<'YAML'
data: {window_seconds: 5}
checkpoint: {every_steps: 0}
validation: {every_steps: 0}
tokenizer:
  steps: 2
  warmup: 0
  batch: {tokens: 600, micro_batches: 1}
  model: {layers: 1, width: 32, heads: 2, channels: 4, codes: 24, code_dimension: 8,
          morphology_blocks: 1, frequency_blocks: 1, demography_blocks: 1}
  baseline_patches: 0
YAML
train=("$bin/anyecg-train" tokenizer -c tiny.yaml --corpus corpus)
expect 0 "" "${train[@]}" --out run
expect 0 "held out: " "${train[@]}" --out held --set 'data.hold_out_sources=[ludb]' --set data.temperature=2
expect 5 "has no such source" "${train[@]}" --out no --set 'data.hold_out_sources=[nobody]'
expect 5 "must be NAME=FACTOR" "${train[@]}" --out no --set 'data.source_weights=[ludb]'
expect 5 "data.temperature" "${train[@]}" --out no --set data.temperature=0.5

ask() { "$bin/anyecg-infer" info "$1" --corpus corpus; }
expect 0 "0 records are withdrawn" ask run
tested=$("$pack" info --splits corpus | awk -F, '$4 == "test" { print $1; exit }')
trained=$("$pack" info --splits corpus | awk -F, '$4 == "train" && $2 == "ludb" { print $1; exit }')
[ -n "$tested" ] && [ -n "$trained" ] || fail "no record to withdraw: $("$pack" info --splits corpus)"
expect 0 "" "$pack" remove -q --record "$tested" corpus
expect 0 "trained on 0 of them" ask run
expect 0 "" "$pack" remove -q --record "$trained" corpus
expect 7 "trained on 1 of them" ask run
expect 0 "trained on 0 of them" ask held
expect 0 "" "$bin/anyecg-infer" export run -o exported
expect 4 "does not list whom it was trained on" ask exported
finish
