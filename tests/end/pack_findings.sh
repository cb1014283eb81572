#!/usr/bin/env bash
# What shows only in several records together stands in the manifest by source, without names of files, and goes with the
# corpus through merge and remove.
pack=$1
. "$(dirname "$0")/pack_steps.sh"
cd "$scratch" || exit 1

"$pack" synth -q -n 6 --seed 3 --wfdb sound
"$pack" synth -q -n 4 --seed 4 --wfdb weak
sed -i 's|1000/mV|9000/mV|' weak/*.hea
cp sound/sim00002.dat sound/twin.dat
sed 's/sim00002/twin/' sound/sim00002.hea >sound/twin.hea
cat >recipe.yaml <<'YAML'
sources:
  - {match: sound, name: sound, licence: own, labels: header, annotates: [all], anomaly: codes}
  - {match: weak, name: weak, licence: own, labels: header, annotates: [all], anomaly: codes}
YAML
expect 0 "" "$pack" build -q -c recipe.yaml -o corpus sound weak

# findings CORPUS: "finding source records detail" of the manifest, sorted
findings() {
    /usr/bin/python3 - "$1" <<'EOF'
import json, sys
manifest = json.load(open(sys.argv[1] + "/manifest.json"))
for f in sorted(manifest["findings"], key=lambda f: (f["finding"], f["source"])):
    print(f["finding"], manifest["sources"][f["source"]]["name"], f["records"], f["detail"].split(" mV with")[-1], sep="|")
EOF
}
weak='gain of source|weak|4| 9000 units/mV; recordings of people give 0.4 to 2.5' same='same samples|sound|1|'
[ "$(findings corpus)" = "$weak"$'\n'"$same" ] || fail "findings: $(findings corpus)"
grep -q 'sim0\|twin' corpus/manifest.json && fail "a file is named in the manifest"
[ "$(grep -c 'gain of source' corpus.quality.csv)" = 4 ] || fail "quality.csv and manifest disagree"
"$pack" info corpus >info
grep -q '^gain of source  *4  weak  *median QRS 0.*give 0.4 to 2.5$' info || fail "info has no gain of source: $(cat info)"
grep -q '^same samples  *1  sound' info || fail "info has no same samples: $(cat info)"
expect 0 "" "$pack" info -q --html page.html corpus
for words in 'Findings across records' '<td>gain of source</td><td>4</td><td class="t">weak</td>'; do
    grep -q "$words" page.html || fail "the page has no '$words'"
done

# another site's corpus first: places of sources move
"$pack" synth -q -n 3 --seed 9 -o other
expect 0 "" "$pack" merge -q -o both other corpus
[ "$(findings both)" = "$(findings corpus)" ] || fail "findings after merge: $(findings both)"
expect 0 "" "$pack" remove -q --record weak/00002 both
[ "$(findings both)" = "${weak/|4|/|3|}"$'\n'"$same" ] || fail "findings after the removal of a record: $(findings both)"
expect 0 "" "$pack" remove -q --source weak both
[ "$(findings both)" = "$same" ] || fail "findings after the removal of a source: $(findings both)"
expect 0 "" "$pack" verify both

# where nothing was found the manifest says so
[ "$(/usr/bin/python3 -c 'import json; print(json.load(open("other/manifest.json"))["findings"])')" = "[]" ] ||
    fail "findings of simulated records"
"$pack" info other | grep -q '^finding' && fail "info has a heading without findings"
finish
