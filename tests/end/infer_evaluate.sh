#!/usr/bin/env bash
# evaluate prints the figures of each task beside simple methods; its figures are those of the records' own answers; it
# refuses a split that was trained on and a corpus of another preprocessing.
. "$(dirname "$0")/infer_steps.sh"

for task in anomaly arrhythmia leadgen; do
    expect 0 "on split test: 15 records" "$infer" evaluate $task --checkpoint "$made/$task" --corpus "$made/corpus" -o $task.json
done
expect 0 "AF: 200 seconds with a known label" "$infer" evaluate longecg --checkpoint "$made/longecg" --corpus "$made/long" -o longecg.json
expect 0 "evaluating: 15 of 15 records (100 %)" "$infer" evaluate anomaly --checkpoint "$made/anomaly" --corpus "$made/corpus"
expect 0 "generating leads: 15 of 15 records (100 %)" "$infer" evaluate leadgen --checkpoint "$made/leadgen" --corpus "$made/corpus"
expect 0 "evaluating: 5 of 5 records (100 %)" "$infer" evaluate longecg --checkpoint "$made/longecg" --corpus "$made/long"
"$infer" anomaly --checkpoint "$made/anomaly" --corpus "$made/corpus" -q >anomaly.jsonl

/usr/bin/python3 - "$made" <<'EOF'
import json, sys
try:
    import h5py
except ImportError as reason:
    print(f"SKIP: {reason}")
    sys.exit(77)
report = json.load(open("anomaly.json"))
index = h5py.File(sys.argv[1] + "/corpus/index.h5", "r")["records"]
label = {n.decode(): int(a) for n, a in zip(index["name"][...], index["anomaly"][...])}
score = {r["record"]: r["probability"]["anomaly"] for r in map(json.loads, open("anomaly.jsonl"))}
positive = [s for r, s in score.items() if label[r] == 1]
negative = [s for r, s in score.items() if label[r] == 0]
pairs = [(p > n) + 0.5 * (p == n) for p in positive for n in negative]
assert abs(report["auroc_pooled"]["value"] - sum(pairs) / len(pairs)) < 1e-6, report["auroc_pooled"]
assert report["auroc_pooled"]["low"] <= report["auroc_pooled"]["value"] <= report["auroc_pooled"]["high"]
threshold = report["at_threshold"]["threshold"]
right = sum(s >= threshold for s in positive) + sum(s < threshold for s in negative)
assert abs(report["at_threshold"]["accuracy"] - right / 15) < 1e-6, report["at_threshold"]
assert report["at_threshold"]["positives"] == len(positive) and report["records"] == 15
rows = json.load(open("leadgen.json"))
algebra = {r["method"]: r for r in rows["one_limb"]["rows"]}
assert algebra["least squares"]["mae_mv"] < 0.003, "limb leads follow from one another"
assert algebra["least squares"]["psnr_db"] > 40 and algebra["zero line"]["median_r"] == 0
assert {r["method"] for r in rows["all_precordial"]["rows"]} == set(algebra) and "model" in algebra
classes = {c["name"]: c for c in json.load(open("arrhythmia.json"))["classes"]}
assert classes["NSR"]["known"] == 15 and classes["NSR"]["positives"] == 12 and 0 <= classes["NSR"]["auroc"] <= 1
af = {c["name"]: c for c in json.load(open("longecg.json"))["seconds"]}["AF"]
assert 0 < af["positives"] < af["seconds"] and 0 <= af["auroc"]["value"] <= 1
EOF
case $? in
0) ;;
77) [ "$failures" = 0 ] && exit 77 ;;
*) fail "the report disagrees with the answers" ;;
esac

# sources of a corpus by name
"$pack" synth -n 14 --seed 21 --wfdb sites/north -q
"$pack" synth -n 9 --seed 22 --wfdb sites/south -q
cat >sites.yaml <<'YAML'
split: {train: 0, validation: 0, test: 100}
sources:
  - {match: sites/north, name: north, licence: own, labels: header, annotates: [all], anomaly: codes}
  - {match: sites/south, name: south, licence: own, labels: header, annotates: [all], anomaly: codes}
YAML
"$pack" build -q -c sites.yaml -o two sites 2>/dev/null || fail "two sources cannot be packed"
ask() { "$infer" "$@" --checkpoint "$made/anomaly" --corpus two; }
expect 0 "on split test: 23 records" ask evaluate anomaly -o both.json
expect 0 "on split test of south: 9 records" ask evaluate anomaly --source south -o south.json
expect 0 "on split test of south, north: 23 records" ask evaluate anomaly --source south --source north -o named.json
expect 2 "--source east: two has no such source; it has north, south" ask evaluate anomaly --source east
expect 2 "give --corpus" "$infer" anomaly --checkpoint "$made/anomaly" --source north sites
[ "$(ask anomaly --source south -q | grep -c '"source":"south"')" = 9 ] || fail "--source south gives other records"
[ "$(ask anomaly --source south -q | wc -l)" = 9 ] || fail "--source south gives more records"
expect 4 "has no records of these sources" ask anomaly --source south --split train
/usr/bin/python3 - <<'EOF' || fail "reports by source"
import json
both, named, south = (json.load(open(f"{n}.json")) for n in ("both", "named", "south"))
assert both["sources"] == [] and named["sources"] == ["south", "north"] and south["sources"] == ["south"]
assert {k: v for k, v in both.items() if k != "sources"} == {k: v for k, v in named.items() if k != "sources"}
assert south["records"] == 9 and south["auroc_pooled"] != both["auroc_pooled"], (south, both)
EOF

expect 4 "trained on" "$infer" evaluate anomaly --checkpoint "$made/anomaly" --corpus "$made/corpus" --split train
# the patients of pretraining are remembered by what was made from it
"$pack" build --set split.train=10 --set split.validation=10 --set split.test=80 -o moved "$made/ward" -q 2>/dev/null
expect 4 "trained on" "$infer" evaluate anomaly --checkpoint "$made/anomaly" --corpus moved
"$infer" export "$made/anomaly" -o plain -q
expect 0 "overlap with the split cannot be checked" "$infer" evaluate anomaly --checkpoint plain --corpus "$made/corpus"
"$pack" build -o unlike --set preprocessing.notch=none "$made/ward" -q 2>/dev/null
expect 7 "preprocessing recipe" "$infer" evaluate anomaly --checkpoint "$made/anomaly" --corpus unlike
expect 7 "preprocessing recipe" "$infer" anomaly --checkpoint "$made/anomaly" --corpus unlike
expect 2 "needs one of anyecg-train finetune anomaly" "$infer" evaluate anomaly --checkpoint "$made/arrhythmia" --corpus "$made/corpus"
expect 2 "--split 'proof'" "$infer" evaluate anomaly --checkpoint "$made/anomaly" --corpus "$made/corpus" --split proof
expect 2 "needs one task" "$infer" evaluate rhythm --checkpoint "$made/anomaly" --corpus "$made/corpus"
expect 2 "--corpus" "$infer" evaluate anomaly --checkpoint "$made/anomaly"
cp -r "$made/corpus" damaged && flip damaged/shards/00000.h5
expect 7 "00000.h5" "$infer" evaluate leadgen --checkpoint "$made/leadgen" --corpus damaged
finish
