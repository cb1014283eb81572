#!/usr/bin/env bash
# Pictures of a recording and of a record of a corpus, and the page about a corpus: what they hold, and what is refused.
pack=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$(dirname "$0")/pack_steps.sh"
cd "$scratch" || exit 1

expect 0 "" "$pack" synth -q -n 2 --seed 5 --wfdb simulated/Jones_4711
expect 0 "" "$pack" build -q -o corpus simulated
record=simulated/Jones_4711/sim00000.hea
echo "#Remark: seen by Dr Miller-Lyle on 24-12-2019" >>$record
for ending in png svg pdf; do
    expect 0 "" "$pack" plot -o raw.$ending $record
    expect 0 "" "$pack" plot --layout stacked -o packed.$ending corpus:simulated/00002
done
expect 0 "" "$pack" plot --begin 4 -o late.svg $record
sleep 1.1 # a second later a date would be another
for ending in png svg pdf; do
    expect 0 "" "$pack" plot -o again.$ending $record
    expect 0 "" "$pack" plot --layout stacked -o again2.$ending corpus:simulated/00002
    cmp raw.$ending again.$ending || fail "$ending: the same recording gives another picture"
    cmp packed.$ending again2.$ending || fail "$ending: the same record gives another picture"
done
rm again.* again2.*

# an array is drawn by the description that the recipe has for its folder
mkdir -p arrays/export
/usr/bin/python3 - $record <<'EOF_ARRAY'
import array, sys
samples = array.array("h", open(sys.argv[1][:-4] + ".dat", "rb").read())
gain = float(open(sys.argv[1]).read().splitlines()[1].split()[2].split("(")[0].split("/")[0])
with open("arrays/export/one.csv", "w") as file:
    for t in range(0, len(samples), 12):
        file.write(",".join("%.17g" % (v / gain) for v in samples[t:t + 12]) + "\n")
EOF_ARRAY
cat >recipe.yaml <<'EOF_RECIPE'
sources:
  - match: arrays/export
    name: export
    licence: own
    recordings:
      - {files: "*.csv", rate_hz: 500, leads: [I, II, III, aVR, aVL, aVF, V1, V2, V3, V4, V5, V6], unit: mV}
EOF_RECIPE
expect 4 "recordings.yaml" "$pack" plot -o x.png arrays/export/one.csv
expect 0 "" "$pack" plot -c recipe.yaml -o array.svg arrays/export/one.csv
texts() { grep -o '<text.*</text>' "$1"; }
[ "$(texts array.svg)" = "$(texts raw.svg)" ] || fail "an array is drawn otherwise than the WFDB record: $(texts array.svg)"
expect 0 "" "$pack" plot --set preprocessing.high_hz=20 -o smooth.png $record
cmp -s smooth.png raw.png && fail "the recipe's preprocessing changes nothing"
expect 2 "as it was packed" "$pack" plot -c recipe.yaml -o x.png corpus:simulated/00002
rm -r arrays
expect 0 "" "$pack" plot --layout 3x4 -o grid.svg $record
expect 0 "" "$pack" info --html page.html corpus
expect 0 "as they should be" /usr/bin/python3 "$here/pack_plot.py" "$scratch"
if grep -qi "jones\|4711\|miller\|sim0000" ./*.svg ./*.pdf page.html; then
    fail "a name is in a picture: $(grep -li "jones\|4711\|miller\|sim0000" ./*.svg ./*.pdf page.html)"
fi

expect 2 "give the picture" "$pack" plot $record
expect 2 "must end in .png" "$pack" plot -o x.bmp $record
expect 2 "must be auto, 3x4 or stacked" "$pack" plot --layout 6x2 -o x.png $record
expect 2 "ends at" "$pack" plot --begin 900 -o x.png $record
expect 2 "has no record" "$pack" plot -o x.png corpus:simulated/99999
expect 2 "takes one" "$pack" plot -o x.png $record $record
expect 2 "does not go with" "$pack" plot -n 3 -o x.png $record
expect 2 "does not go with" "$pack" verify --html x.html corpus
echo "no header" >junk.hea
expect 4 "junk.hea" "$pack" plot -o x.png junk.hea
expect 6 "none/x.png" "$pack" plot -o none/x.png $record
expect 6 "none/x.html" "$pack" info --html none/x.html corpus
on_small_disk 8k true
if [ $? = 77 ]; then
    echo "no small disk can be mounted: a full disk was not tried"
else
    expect 6 "small/x.png" on_small_disk 4k "$pack" plot -o "$scratch/small/x.png" $record
    expect 6 "small/x.html" on_small_disk 4k "$pack" info --html "$scratch/small/x.html" corpus
fi
for file in x.png x.html x.bmp; do
    [ ! -e $file ] || fail "a refused command left $file"
done
finish
