#!/usr/bin/env bash
# Every command of anyecg-infer answers, in the form that docs/INFERENCE.md promises; inputs may be named in any way.
. "$(dirname "$0")/infer_steps.sh"
check() { /usr/bin/python3 "$here/infer_json.py" "$@" || fail "JSON of $*"; }

for task in anomaly arrhythmia; do
    "$infer" $task --checkpoint "$made/$task" "$made/ward" -q >$task.jsonl 2>$task.err || fail "$task: $(cat $task.err)"
    check $task 60 <$task.jsonl
    [ -s $task.err ] && fail "-q prints: $(cat $task.err)"
    "$infer" $task --checkpoint "$made/$task" --corpus "$made/corpus" -q | check $task 15
done
"$infer" longecg --checkpoint "$made/longecg" "$made/holter" -q | check longecg 24
for run in tokenizer pretrain; do
    "$infer" tokenize --checkpoint "$made/$run" "$made/ward" -q | check tokenize 60
done
for run in tokenizer pretrain anomaly; do
    "$infer" embed --checkpoint "$made/$run" "$made/holter" -q | check embed 24
done
expect 0 "" "$infer" leadgen --checkpoint "$made/leadgen" -o generated "$made/holter"
check leadgen 24 <generated/leadgen.jsonl

# line i belongs to input i, whatever way it is named; options stand anywhere
[ "$(/usr/bin/python3 -c 'import json, sys; print(" ".join(json.loads(l)["record"] for l in sys.stdin))' <anomaly.jsonl)" = \
    "$(cd "$made/ward" && ls -- *.hea | sed 's/\.hea//' | tr '\n' ' ' | sed 's/ $//')" ] || fail "lines are out of order"
one=$made/ward/sim00007
"$infer" anomaly --checkpoint "$made/anomaly" "$one.hea" -q >by_header
"$infer" -q --checkpoint="$(step anomaly)" anomaly "$one" >by_name
"$infer" "--checkpoint" "$made/anomaly" anomaly "$one" -o by_file -q
echo "$one" >list
"$infer" -q anomaly @list --checkpoint "$made/anomaly" >by_list
grep '"sim00007"' anomaly.jsonl >by_folder
for way in by_name by_file by_list by_folder; do
    cmp -s by_header $way || fail "$way: another answer"
done

# a raw file gives what its record of a corpus gives: the preprocessing is the same
"$infer" anomaly --checkpoint "$made/anomaly" --corpus "$made/corpus" --split train -q >train.jsonl
cat anomaly.jsonl >raw.jsonl
/usr/bin/python3 - <<'EOF' || fail "raw files and corpus disagree"
import json
raw = {r["record"]: r for r in map(json.loads, open("raw.jsonl"))}
packed = [json.loads(l) for l in open("train.jsonl")]
assert len(packed) == 38, len(packed)
for r in packed:
    other = raw["sim%05d" % (int(r["record"].split("/")[1]) - 1)]  # numbered in the order of the file names
    assert r["probability"] == other["probability"], (r, other)
    assert r["seconds"] == other["seconds"] and r["leads"] == other["leads"]
assert len({r["probability"]["anomaly"] for r in packed}) > 30, "all records get the same answer"
EOF

# leads that the model was not trained with are left out
expect 0 "9 of 12 leads are none that the model was trained with" "$infer" anomaly --checkpoint "$made/few_leads" "$one"
/usr/bin/python3 - "$one" <<'EOF'
import array, sys
head = open(sys.argv[1] + ".hea").read().splitlines()
data = array.array("h", open(sys.argv[1] + ".dat", "rb").read())
few = [i for i in range(12) if head[1 + i].split()[-1] in ("I", "II", "V2")]
out = array.array("h", (data[t + i] for t in range(0, len(data), 12) for i in few))
out.tofile(open("few.dat", "wb"))
lines = [head[0].replace("sim00007 12", "few 3")] + [head[1 + i].replace("sim00007", "few") for i in few]
open("few.hea", "w").write("\n".join(lines) + "\n")
EOF
probability() { sed 's/.*"probability":\({[^}]*}\).*/\1/'; }
[ "$("$infer" anomaly --checkpoint "$made/few_leads" "$one" -q | probability)" = \
    "$("$infer" anomaly --checkpoint "$made/few_leads" few -q | probability)" ] || fail "leads that are left out change the answer"

# info and export
expect 0 "all checksums hold" "$infer" info "$made/arrhythmia"
expect 0 "finetune arrhythmia" "$infer" info "$(step arrhythmia)"
expect 0 "exported" "$infer" export "$made/anomaly" -o plain
[ -n "$(find plain -name 'state-*' -o -name subjects.pb)" ] && fail "exported: $(ls plain)"
expect 0 "without optimiser state" "$infer" info plain
"$infer" anomaly --checkpoint plain "$one" -q | cmp -s - by_header || fail "the exported checkpoint answers differently"
expect 2 "plain: exists already" "$infer" export "$made/anomaly" -o plain

# --help names what there is, and all that it names is known
for command in anomaly arrhythmia leadgen longecg tokenize embed evaluate info export; do
    expect 0 "  $command " "$infer" --help
    expect 2 "$command needs" "$infer" $command
done
for option in checkpoint output corpus split leads gain quiet verbose; do
    expect 0 "--$option" "$infer" --help
done
expect 0 "anyecg-infer" "$infer" --version
finish
