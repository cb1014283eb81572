#!/bin/sh
# A run that is stopped and resumed ends with the same bits as one that was not, in both ways to reduce.
. "$(dirname "$0")/train_setting.sh"

both() { # NAME STAGE...: 2 ranks, whole, and stopped after step 7 of 20
    local name=$1
    shift
    train 2 $name-whole "$@"
    train 2 $name-parts "$@" --max-steps 7
    train 2 $name-parts "$@" --resume --max-steps 13
    train 2 $name-parts "$@" --resume
    same $name-whole $name-parts
    # Every logged step stands there once.
    cut -d, -f1 "$work/$name-parts/metrics.jsonl" | grep -c '"step": 13' | grep -qx 1 || fail "$name: metrics.jsonl"
}
for reduction in exact fast; do
    both tokenizer-$reduction tokenizer --set reduction=$reduction --set log.every_steps=1
done
# Stopped at the very step in which quantising begins.
both late tokenizer --set tokenizer.quantize_from=0.35 --set log.every_steps=1
grep -q 'codebook: k-means' "$work/late-whole.err" || fail "no codebook was started in the run"
both pretrain pretrain --tokenizer "$work/tokenizer-exact-whole" --set reduction=fast --set log.every_steps=1
# The best weights so far are part of what is resumed.
both arrhythmia finetune arrhythmia --init "$work/pretrain-whole" --set validation.every_steps=3 --set log.every_steps=1

# A signal, then a file STOP: saved, exit code 16, and the rest gives the same bits.
expect_failure=yes
code=0
(
    while [ ! -s "$work/signal/metrics.jsonl" ]; do sleep 0.05; done
    # mpirun forwards USR1 to its ranks.
    kill -USR1 "$(cat "$work/mpirun.pid")"
) &
watcher=$!
sh -c 'echo $$ > "$1"; shift; exec "$@"' sh "$work/mpirun.pid" mpirun --oversubscribe -n 2 "$bin/anyecg-train" tokenizer \
    -c "$config" --corpus "$corpus" --out "$work/signal" --set tokenizer.steps=100000 2> "$work/signal.err" || code=$?
wait $watcher
[ $code = 16 ] || { cat "$work/signal.err"; fail "a signal must give exit code 16, gave $code"; }
touch "$work/signal/STOP"
code=0
train 2 signal tokenizer --set tokenizer.steps=100000 --resume || code=$?
[ $code = 16 ] || { cat "$work/signal.err"; fail "a file STOP must give exit code 16, gave $code"; }
step=$(sed 's/step-0*//' "$work/signal/latest")
[ -f "$work/signal/STOP" ] && fail "STOP was left behind: the next --resume would end at once"
train 2 unbroken tokenizer --set tokenizer.steps=100000 --max-steps "$step"
same signal unbroken

# --resume without a run starts afresh.
train 1 fresh tokenizer --resume --max-steps 2
exit 0
