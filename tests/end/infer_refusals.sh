#!/usr/bin/env bash
# What cannot be done is refused with the exit code of the documents and a message that names it.
. "$(dirname "$0")/infer_steps.sh"
one=$made/ward/sim00007.hea

# checkpoints
expect 6 "nowhere" "$infer" anomaly --checkpoint nowhere "$one"
mkdir empty
expect 7 "empty" "$infer" anomaly --checkpoint empty "$one"
expect 2 "anomaly needs one of anyecg-train finetune anomaly" "$infer" anomaly --checkpoint "$made/arrhythmia" "$one"
expect 2 "arrhythmia needs" "$infer" arrhythmia --checkpoint "$made/pretrain" "$one"
expect 2 "tokenize needs the tokenizer" "$infer" tokenize --checkpoint "$made/anomaly" "$one"
expect 2 "embed works with" "$infer" embed --checkpoint "$made/leadgen" "$one"
copy() { rm -rf copy && cp -r "$(step anomaly)" copy; }
copy && flip copy/part-00000.pb
expect 7 "part-00000.pb" "$infer" anomaly --checkpoint copy "$one"
expect 7 "part-00000.pb" "$infer" info copy
copy && rm copy/part-00000.pb
expect 7 "part-00000.pb: is missing" "$infer" anomaly --checkpoint copy "$one"
copy && flip copy/checkpoint.pb
expect 7 "checkpoint.pb" "$infer" anomaly --checkpoint copy "$one"
copy && rm copy/COMPLETE
expect 7 "no complete checkpoint" "$infer" export copy -o exported
[ -e exported ] && fail "a damaged checkpoint was exported"

# inputs
mkdir ward && cp "$made"/ward/sim0000[0-4].* ward && cp ward/sim00000.hea good.hea
expect 4 "no recordings were found" "$infer" anomaly --checkpoint "$made/anomaly" empty
expect 6 "no such file" "$infer" anomaly --checkpoint "$made/anomaly" ward nothing
: >ward/sim00002.hea
expect 3 "1 of 5 inputs were refused" "$infer" anomaly --checkpoint "$made/anomaly" ward
"$infer" anomaly --checkpoint "$made/anomaly" ward -q >lines 2>/dev/null
[ "$(wc -l <lines)" = 5 ] && sed -n 3p lines | grep -q '"refused":"[^"]*sim00002.hea' || fail "line 3 is not the refusal: $(cat lines)"
expect 4 "all 1 inputs were refused" "$infer" anomaly --checkpoint "$made/anomaly" ward/sim00002.hea
rm ward/sim00001.dat
expect 3 "2 of 5 inputs were refused" "$infer" leadgen --checkpoint "$made/leadgen" --leads V1 -o generated ward
[ "$(ls generated/*.hea | wc -l)" = 3 ] || fail "leadgen: $(ls generated)"
head -c 144000 /dev/zero >ward/sim00003.dat
expect 4 "no lead can be used" "$infer" anomaly --checkpoint "$made/anomaly" ward/sim00003.hea
sed -i '1s/500/5/' ward/sim00004.hea
expect 4 "sim00004" "$infer" anomaly --checkpoint "$made/anomaly" ward/sim00004.hea
printf '# nothing\n' >list
expect 4 "names no recording" "$infer" anomaly --checkpoint "$made/anomaly" @list

# command lines
expect 2 "no command" "$infer"
expect 2 "unknown command 'diagnose'" "$infer" diagnose "$one"
expect 2 "--checkpoint" "$infer" anomaly "$one"
expect 2 "either INPUTs or --corpus" "$infer" anomaly --checkpoint "$made/anomaly"
expect 2 "either INPUTs or --corpus" "$infer" anomaly --checkpoint "$made/anomaly" "$one" --corpus "$made/corpus"
expect 2 "'V9'" "$infer" leadgen --checkpoint "$made/leadgen" --leads V1,V9 -o x "$one"
expect 2 "'X'" "$infer" leadgen --checkpoint "$made/leadgen" --leads X -o x "$one"
expect 2 "-o FOLDER" "$infer" leadgen --checkpoint "$made/leadgen" "$one"
expect 2 "-o FOLDER" "$infer" export "$made/anomaly"
expect 2 "" "$infer" anomaly --no-such-option
expect 7 "manifest.json" "$infer" anomaly --checkpoint "$made/anomaly" --corpus empty
[ -e x ] && fail "a refused command line left a folder"

# a disk that takes no more
expect 6 "written" bash -c "'$infer' anomaly --checkpoint '$made/anomaly' '$made/ward' -q >/dev/full"
expect 6 "written" bash -c "'$infer' anomaly --checkpoint '$made/anomaly' '$one' -q >/dev/full"
limited() { bash -c 'trap "" XFSZ; ulimit -f 16; exec "$@"' - "$@"; }
expect 6 "written" limited "$infer" tokenize --checkpoint "$made/pretrain" "$made/ward" "$made/ward" -o codes -q
expect 6 "written" limited "$infer" leadgen --checkpoint "$made/leadgen" --leads V1 "$one" -o full -q
[ -n "$(find full -name 'sim*')" ] && fail "half a record was left: $(ls full)"
expect 6 "no_folder/x" "$infer" anomaly --checkpoint "$made/anomaly" "$one" -o no_folder/x
finish
