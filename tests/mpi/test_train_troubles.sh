#!/bin/sh
# Troubles of long runs on many nodes: old checkpoints that will not go, what a full disk left, a damaged newest
# checkpoint, nodes that see another run folder or another config. No step is lost, no rank waits for ever.
. "$(dirname "$0")/train_setting.sh"
expect_failure=yes
limit="timeout 600" # a rank that waits for ever

refused() { # CODE NAME PATTERN: the exit code of the last run, and its message
    [ "$code" = "$1" ] || { cat "$work/$2.err" >&2; fail "$2: exit code $code instead of $1"; }
    grep -q -e "$3" "$work/$2.err" || { cat "$work/$2.err" >&2; fail "$2: no message with '$3'"; }
}
# mixed NAME ARGUMENTS-OF-RANK-0 ARGUMENTS-OF-RANK-1
mixed() {
    local name=$1 program="$bin/anyecg-train tokenizer --corpus $corpus"
    code=0
    $limit mpirun --oversubscribe -n 1 $program $2 : -n 1 $program $3 > "$work/$name.out" 2> "$work/$name.err" || code=$?
}

# A config that differs between nodes.
mixed config "-c $config --out $work/config --set log.every_steps=1" "-c $config --out $work/config --set log.every_steps=3"
refused 5 config 'rank 1: its config or options differ'
mixed steps "-c $config --out $work/steps --max-steps 2" "-c $config --out $work/steps --max-steps 3"
refused 5 steps 'rank 1: its config or options differ'

# A node that does not see the run folder as the first one does.
train 2 seen tokenizer --max-steps 3
mixed seen "-c $config --out $work/seen --resume --max-steps 5" "-c $config --out $work/unseen --resume --max-steps 5"
refused 0 seen 'continues behind step 3 of 20, the newest complete checkpoint'
train 1 unseen tokenizer --resume --max-steps 1
grep -q 'holds no complete checkpoint; the run begins at step 0' "$work/unseen.err" || fail "a run from step 0 is not told"

# What an interrupted save left goes before anything else is written: it may be what fills the disk.
mkdir "$work/unseen/step-000000009.tmp" "$work/unseen/config.yaml.tmp"
code=0
train 1 unseen tokenizer --resume --max-steps 2 || code=$?
refused 6 unseen 'config.yaml.tmp'
[ ! -e "$work/unseen/step-000000009.tmp" ] || fail "a checkpoint that was never finished is still there"
rmdir "$work/unseen/config.yaml.tmp"

# The newest checkpoint is damaged: said with the remedy, which helps.
train 2 damaged tokenizer --set checkpoint.every_steps=2 --max-steps 4
train 2 whole tokenizer --set checkpoint.every_steps=2 --max-steps 6
truncate -s -10 "$work/damaged/step-000000004/state-00001.pb"
code=0
train 2 damaged tokenizer --set checkpoint.every_steps=2 --resume --max-steps 6 || code=$?
refused 7 damaged 'state-00001.pb.*with .*/step-000000004 moved away, --resume continues'
mv "$work/damaged/step-000000004" "$work/damaged/away"
code=0
train 2 damaged tokenizer --set checkpoint.every_steps=2 --resume --max-steps 6 || code=$?
refused 0 damaged 'continues behind step 2 of 20'
same whole damaged

# A second run in the folder of one that goes on: refused, and nothing of the first is touched.
mpirun --oversubscribe -n 2 "$bin/anyecg-train" tokenizer -c "$config" --corpus "$corpus" --out "$work/twice" \
    --set tokenizer.steps=100000 2> "$work/first.err" &
first=$!
while [ ! -s "$work/twice/metrics.jsonl" ]; do sleep 0.05; done
mkdir "$work/twice/step-000000009.tmp"
code=0
train 2 twice tokenizer --set tokenizer.steps=100000 --resume || code=$?
refused 2 twice 'another anyecg-train is writing there'
[ -d "$work/twice/step-000000009.tmp" ] || fail "a second run took away what the first is writing"
touch "$work/twice/STOP"
wait $first && fail "the first run did not stop"
[ -e "$work/twice/latest" ] || fail "the first run was disturbed"
code=0
train 1 twice tokenizer --set tokenizer.steps=100000 --resume --max-steps 1 || code=$?
refused 0 twice 'is done already'

# What the message of numbers that are not finite advises: a lower rate, in config.yaml too, and --resume.
rate='tokenizer.optimiser.learning_rate'
code=0
train 1 rate tokenizer --set reduction=fast --set tokenizer.steps=100 --set $rate=10 \
    --set tokenizer.optimiser.weight_decay=10 --set checkpoint.every_steps=1 || code=$?
refused 8 rate 'run folder.s config.yaml.*--resume'
train 1 lower tokenizer --max-steps 2
sed -i '0,/learning_rate: 1e-3/s//learning_rate: 2e-4/' "$work/lower/config.yaml" # that of the tokenizer
code=0
train 1 lower tokenizer --set $rate=2e-4 --resume --max-steps 3 || code=$?
refused 0 lower 'continues behind step 2 of 20'
grep -q '"step": 3, .*"lr": 0.000[01]' "$work/lower/metrics.jsonl" || fail "the lower rate was not taken"

# Old checkpoints that cannot be removed do not end a run, nor keep it from going on. metrics.jsonl is on the disk before
# the checkpoint is that it belongs to.
if nm -D "$bin/anyecg-train" | grep -q __asan; then
    echo "built with AddressSanitizer, before which nothing can be preloaded: faults of the disk are not simulated"
    exit 77
fi
stuck() {
    code=0
    mpirun --oversubscribe -n 2 env LD_PRELOAD="$tools/libdisk_troubles.so" STUCK=.old.tmp SYNCED="$work/synced" \
        "$bin/anyecg-train" tokenizer -c "$config" --corpus "$corpus" --out "$work/stuck" --set checkpoint.every_steps=1 \
        --set checkpoint.keep=1 "$@" 2> "$work/stuck.err" || code=$?
}
stuck --max-steps 3
refused 0 stuck 'an older checkpoint stays: .*step-000000001.old.tmp'
[ "$(cat "$work/stuck/latest")" = step-000000003 ] || fail "the newest checkpoint is missing"
before=$(grep -n -m 1 -e '/metrics.jsonl$' "$work/synced" | cut -d: -f1)
complete=$(grep -n -m 1 -e '/COMPLETE' "$work/synced" | cut -d: -f1)
[ "${before:-999999}" -lt "$complete" ] || fail "metrics.jsonl was not brought to the disk before COMPLETE"
stuck --resume --max-steps 5
refused 0 stuck 'left of an interrupted run: .*old.tmp'
[ "$(cat "$work/stuck/latest")" = step-000000005 ] || fail "the run did not go on"
exit 0
