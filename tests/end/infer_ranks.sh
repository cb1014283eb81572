#!/usr/bin/env bash
# The number of ranks divides the work and changes nothing else: lines, files, reports, exit codes, one message.
. "$(dirname "$0")/infer_steps.sh"
cp -r "$made/ward" ward && : >ward/sim00004.hea

for n in 1 2 3; do
    expect 3 "1 of 60 inputs were refused" ranks $n "$infer" anomaly --checkpoint "$made/anomaly" ward -o lines$n -q
    ranks $n "$infer" leadgen --checkpoint "$made/leadgen" -o generated$n "$made/holter" -q || fail "leadgen at $n"
    for task in arrhythmia leadgen; do
        ranks $n "$infer" evaluate $task --checkpoint "$made/$task" --corpus "$made/corpus" -o $task$n.json -q >$task$n.txt ||
            fail "evaluate $task at $n ranks"
    done
    ranks $n "$infer" evaluate longecg --checkpoint "$made/longecg" --corpus "$made/long" -o longecg$n.json -q >/dev/null ||
        fail "evaluate longecg at $n ranks"
    expect 3 "inference: 60 of 60 recordings (100 %)" ranks $n "$infer" anomaly --checkpoint "$made/anomaly" ward -o again
    [ $n = 1 ] && continue
    cmp lines1 lines$n || fail "other lines at $n ranks"
    diff -r generated1 generated$n || fail "other records at $n ranks"
    cmp arrhythmia1.json arrhythmia$n.json && cmp arrhythmia1.txt arrhythmia$n.txt || fail "another report at $n ranks"
    # sums over records are added in another order
    /usr/bin/python3 - $n <<'EOF' || fail "another report at $n ranks"
import json, sys
def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return abs(a - b) <= 1e-5 * max(1, abs(a)) if isinstance(a, float) else a == b
for kind in "leadgen", "longecg":
    a, b = (json.load(open(f"{kind}{n}.json")) for n in ("1", sys.argv[1]))
    assert same(a, b), kind
EOF
done
[ "$(wc -l <lines1)" = 60 ] || fail "not 60 lines"

cp -r "$(step anomaly)" damaged && flip damaged/part-00000.pb
ranks 2 "$infer" anomaly --checkpoint damaged ward -q >out 2>err
[ $? = 7 ] || fail "a damaged checkpoint at 2 ranks: $(cat err)"
[ "$(grep -c 'part-00000.pb' err)" = 1 ] || fail "the message stands there more than once: $(cat err)"
[ -s out ] && fail "output in spite of a failure"
finish
