#!/usr/bin/env bash
# Raw files with wrong gains: leads that contradict one another are warned of, and --gain reads them as they should be.
# With ECG_DATA_DIR also LUDB, whose headers stretch every lead to 1 mV.
. "$(dirname "$0")/infer_steps.sh"

# the same samples under headers that read leads II and V1 three times too high
mkdir right wrong
cp "$made"/ward/sim0000[0-2].* right && cp right/* wrong
gain=$(awk 'NR == 2 { sub(/\/.*/, "", $3); sub(/\(.*/, "", $3); print $3 }' right/sim00000.hea)
awk -v gain="$gain" '$NF == "II" || $NF == "V1" { sub(gain, gain / 3) } { print }' right/sim00000.hea >wrong/sim00000.hea
cmp -s right/sim00000.hea wrong/sim00000.hea && fail "the header was not changed: $(cat right/sim00000.hea)"
answer() { "$infer" anomaly --checkpoint "$made/anomaly" "$@" -q; }
same_answers() { cmp <(sed 's/"input":"[^"]*"//' "$1") <(sed 's/"input":"[^"]*"//' "$2"); } # of files in other folders
expect 0 "limb leads contradict one another by" answer wrong/sim00000.hea
answer right >right.jsonl
grep -q "contradict" right.jsonl && fail "sound leads are warned of: $(cat right.jsonl)"
answer wrong/sim00000.hea >one.jsonl
head -n 1 right.jsonl >first.jsonl
same_answers first.jsonl one.jsonl >/dev/null && fail "a gain three times too low changes nothing"
answer --gain "$gain" wrong >wrong.jsonl
same_answers right.jsonl wrong.jsonl || fail "--gain $gain does not give the answers of the right headers"

expect 2 "--gain nought: must be a number above 0" answer --gain nought right
expect 2 "--gain 0: must be a number above 0" answer --gain 0 right
expect 2 "the gains of a corpus are settled" answer --gain 1000 --corpus "$made/corpus"

if [ -d "${ECG_DATA_DIR:-}/ludb" ]; then
    # the recipe knows the source by the name of its folder, here as in the packer; elsewhere inference is told
    mkdir -p few/ludb unknown
    headers=$(ls "$ECG_DATA_DIR"/ludb/*.hea | head -n 12)
    for header in $headers; do
        cp "${header%.hea}".* few/ludb
        cp "${header%.hea}".* unknown
    done
    "$pack" build -q -o ludb few 2>/dev/null || fail "ludb cannot be packed"
    answer unknown >raw.jsonl
    [ "$(grep -c 'limb leads contradict' raw.jsonl)" -ge 8 ] || fail "LUDB is not warned of: $(cut -c 1-300 raw.jsonl)"
    answer --gain 1000 unknown >told.jsonl
    answer few >raw.jsonl
    same_answers told.jsonl raw.jsonl || fail "the recipe's gain of LUDB does not give the answers of --gain 1000"
    grep -q 'limb leads contradict' raw.jsonl && fail "LUDB is warned of although its gain is known"
    for split in train validation test; do
        answer --corpus ludb --split $split 2>/dev/null
    done >packed.jsonl
    for file in raw packed; do
        sed 's/.*"probability":\({[^}]*}\).*/\1/' $file.jsonl | sort >$file.answers
    done
    [ "$(sort -u raw.answers | wc -l)" -gt 6 ] || fail "LUDB: all get the same answer: $(cat raw.answers)"
    cmp raw.answers packed.answers || fail "LUDB with --gain 1000 and its corpus disagree"
fi
finish
