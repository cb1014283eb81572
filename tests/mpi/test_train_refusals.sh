#!/bin/sh
# What cannot be run is refused with the exit code of docs, one message from one rank that names the fault and its remedy,
# and nothing that looks like a finished run. All ranks end (a rank that waited would run into the time limit).
. "$(dirname "$0")/train_setting.sh"
expect_failure=yes

# refused CODE NAME PATTERN STAGE...: 2 ranks (or $ranks)
refused() {
    local wanted=$1 name=$2 pattern=$3 code=0
    shift 3
    train "${n:-2}" "$name" "$@" || code=$?
    [ "$code" = "$wanted" ] || { cat "$work/$name.err" >&2; fail "$name: exit code $code instead of $wanted"; }
    grep -q -e "$pattern" "$work/$name.err" || { cat "$work/$name.err" >&2; fail "$name: no message with '$pattern'"; }
    [ "$(grep -c -e "$pattern" "$work/$name.err")" = 1 ] || fail "$name: more than one rank prints"
    [ -e "$work/$name/latest" ] && fail "$name: left something that looks complete"
    return 0
}

refused 5 unknown_key 'Unexpected key: tokenz' tokenizer --set tokenizer.tokenz=3
refused 5 wrong_type "Invalid uint64_t value: 'many'" tokenizer --set tokenizer.steps=many
refused 5 no_equals 'key.sub=value' tokenizer --set tokenizer.steps
refused 5 no_micro_batches 'batch.micro_batches: 0' tokenizer --set tokenizer.batch.micro_batches=0
refused 5 odd_heads 'heads' tokenizer --set tokenizer.model.heads=3
n=3 refused 5 too_many_ranks 'below the number of ranks' tokenizer --set tokenizer.batch.micro_batches=2
refused 2 no_stage 'is no stage' tokenise
refused 2 no_task 'is no task' finetune rhythm
refused 2 no_parent 'tokenizer CHECKPOINT is missing' pretrain
refused 6 no_such_checkpoint 'nowhere' pretrain --tokenizer "$work/nowhere"

# A missing value, with its line.
plain=$config config=$work/broken.yaml
{ cat "$plain"; echo 'log:'; echo '  every_steps:'; } > "$config"
line=$(wc -l < "$config")
refused 5 missing_value "line $line, " tokenizer
config=$plain

# A corpus with one bit turned in its shard: the chunk that holds it is read by one rank.
whole=$corpus corpus=$work/turned
cp -r "$whole" "$corpus"
shard=$(find "$corpus/shards" -name '*.h5' | head -1)
middle=$(($(stat -c %s "$shard") / 2))
byte=$(od -An -tu1 -j "$middle" -N 1 "$shard" | tr -d ' ')
printf "$(printf '\\%03o' $((byte ^ 1)))" | dd of="$shard" bs=1 seek="$middle" conv=notrunc 2> /dev/null
refused 7 turned_bit '00000.h5' tokenizer
rm -r "$corpus/manifest.json"
refused 7 no_manifest 'manifest.json' tokenizer
corpus=$whole

# A damaged checkpoint: a flipped bit, a file cut off, none complete.
train 1 tokenizer tokenizer --max-steps 2
folder=$work/tokenizer/$(cat "$work/tokenizer/latest")
damage() { # NAME FILE: a copy of the checkpoint to be damaged
    cp -r "$folder" "$work/$1.checkpoint"
    target=$work/$1.checkpoint/$2
}
damage flipped part-00000.pb
middle=$(($(stat -c %s "$target") / 2))
byte=$(od -An -tu1 -j "$middle" -N 1 "$target" | tr -d ' ')
printf "$(printf '\\%03o' $((byte ^ 16)))" | dd of="$target" bs=1 seek="$middle" conv=notrunc 2> /dev/null
refused 7 flipped 'part-00000.pb' pretrain --tokenizer "$work/flipped.checkpoint"
damage cut_off part-00000.pb
truncate -s -100 "$target"
refused 7 cut_off 'part-00000.pb' pretrain --tokenizer "$work/cut_off.checkpoint"
damage incomplete COMPLETE
rm "$target"
refused 7 incomplete 'COMPLETE\|complete' pretrain --tokenizer "$work/incomplete.checkpoint"
refused 7 no_trunk 'has no trunk' finetune anomaly --init "$work/tokenizer"

# A run folder in use; a config that differs from the run's.
again() { # CODE PATTERN ARGUMENT...: into the folder of the run above, which must stay as it is
    local wanted=$1 pattern=$2 code=0
    shift 2
    find "$work/tokenizer" -type f -exec cksum {} + | sort > "$work/before"
    train 2 tokenizer tokenizer "$@" || code=$?
    [ "$code" = "$wanted" ] || fail "again $*: exit code $code instead of $wanted"
    grep -q -e "$pattern" "$work/tokenizer.err" || { cat "$work/tokenizer.err" >&2; fail "again: no '$pattern'"; }
    find "$work/tokenizer" -type f -exec cksum {} + | sort > "$work/after"
    cmp -s "$work/before" "$work/after" || fail "again $*: the run's files were touched"
}
again 2 'holds a run already'
again 5 'tokenizer.optimiser.learning_rate: 1e-3 -> 2e-3' --resume --set tokenizer.optimiser.learning_rate=2e-3

# Numbers that are not finite.
refused 8 not_finite 'gradient norm\|not finite\|reach' tokenizer --set tokenizer.optimiser.learning_rate=10 \
    --set tokenizer.optimiser.weight_decay=10 --set reduction=fast --set tokenizer.steps=100

# Validation records that the parent was trained on: another split of the same recordings.
train 1 pretrained pretrain --tokenizer "$work/tokenizer" --max-steps 1
"$bin/anyecg-pack" synth -n 60 --seconds 8 --leads 4 --seed 3 --set split.train=10 --set split.validation=45 \
    --set split.test=45 -o "$work/other_split" > "$work/other_split.out" 2>&1
whole=$corpus corpus=$work/other_split
refused 4 overlap 'parent checkpoint was trained on' finetune anomaly --init "$work/pretrained"
corpus=$whole

# Labels that teach nothing: found before training, with the counts.
"$bin/anyecg-pack" synth -n 40 --seconds 4 --leads 2 --seed 3 --wfdb "$work/ward" -q
rm "$work"/ward/*.atr
pack_ward() { # CORPUS DIAGNOSIS: all recordings with the same one, or with none
    sed -i "/^# *Dx/d" "$work"/ward/*.hea
    [ -z "$2" ] || for header in "$work"/ward/*.hea; do echo "#Dx: $2" >> "$header"; done
    "$bin/anyecg-pack" build -o "$work/$1" "$work/ward" -q > "$work/$1.out" 2>&1
}
whole=$corpus
pack_ward all_normal 426783006
pack_ward unlabelled ''
corpus=$work/all_normal
refused 4 only_normal 'anomaly: of the training records 0 are abnormal and [1-9][0-9]* normal.*anyecg-pack label' \
    finetune anomaly --init "$work/pretrained"
n=1 refused 4 only_sinus_rhythm 'present in all training records' finetune arrhythmia --init "$work/pretrained"
refused 4 no_episode 'longecg: 0 of the [1-9][0-9]* training records (0 with annotated events) show PVC, AF' \
    finetune longecg --init "$work/pretrained"
corpus=$work/unlabelled
n=1 refused 4 nothing_known 'anomaly: of the training records 0 are abnormal and 0 normal' finetune anomaly --init "$work/pretrained"
n=1 refused 4 no_class 'none of the .* training records; lower finetune.least_positives, or build the corpus with labels' \
    finetune arrhythmia --init "$work/pretrained"
corpus=$whole
exit 0
