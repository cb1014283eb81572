#!/usr/bin/env bash
# Simulated records into a corpus, directly and by way of WFDB files; the command line; what is refused as output folder.
pack=$1 here=$(cd "$(dirname "$0")" && pwd)
. "$here/pack_steps.sh"
cd "$scratch" || exit 1

# a corpus is made, described, and holds together
expect 0 "60 records" "$pack" synth -n 60 --seed 5 -o corpus
expect 0 "60 of" "$pack" info corpus
expect 0 "all checksums hold" "$pack" verify corpus

# the same records by way of WFDB files carry the same truth
expect 0 "60 records" "$pack" synth -n 60 --seed 5 --wfdb simulated
[ "$(wc -l <simulated/RECORDS)" = 60 ] || fail "RECORDS does not list 60 records"
expect 0 "60 records" "$pack" build -o rebuilt simulated
for label in AF AFL LBBB RBBB IAVB NSR PAC PVC SB STach STE STD; do
    [ "$(number corpus $label)" = "$(number rebuilt $label)" ] ||
        fail "label $label: $(number corpus $label) simulated, $(number rebuilt $label) read back"
done
[ "$("$pack" info corpus | sed -n '/^split/,/^test/p' | awk '{ n += $4; a += $5 } END { print n, a }')" = \
    "$("$pack" info rebuilt | sed -n '/^split/,/^test/p' | awk '{ n += $4; a += $5 } END { print n, a }')" ] ||
    fail "normal and anomalous records differ between the two ways"

# equal input gives equal bytes
expect 0 "" "$pack" synth -n 60 --seed 5 -o again -q
diff -r corpus again >/dev/null || fail "two runs differ"
expect 0 "" "$pack" synth -n 60 --seed 6 -o other -q
cmp -s corpus/shards/00000.h5 other/shards/00000.h5 && fail "another seed gave the same samples"

# any lead count, rate, length; options may stand anywhere
expect 0 "" "$pack" -q -o two --leads 2 synth --rate 360 -n 3 --seconds 95.5
"$pack" info two | grep -q '^leads  *2: 3$' || fail "not 2 leads"
"$pack" info two | grep -q '^rates (Hz)  *360: 3$' || fail "not 360 Hz"
"$pack" info two | grep -q '^lengths  *96 to 96 s$' || fail "95.5 s are not 96 patches"

# settings reach the preprocessing; folds of shards do
expect 0 '"notch":"none"' bash -c "'$pack' synth -n 40 --set preprocessing.notch=none --set shard_mb=0.5 -o plain -q && '$pack' info plain"
[ "$(ls plain/shards | wc -l)" -ge 3 ] || fail "shard_mb=0.5 gave $(ls plain/shards | wc -l) shards"

# the example of a site's recipe can be read
expect 0 "" "$pack" synth -n 2 -c "$here/../../configs/data/hospital.yaml" -o site -q

# a changed byte is found
cp -r corpus damaged
size=$(stat -c %s damaged/shards/00000.h5)
printf '\377\377\377\377' | dd of=damaged/shards/00000.h5 bs=1 seek=$((size / 2)) conv=notrunc status=none
expect 7 "fault" "$pack" verify damaged
cp -r corpus undone && rm undone/manifest.json
expect 7 "manifest.json" "$pack" info undone
expect 7 "manifest.json" "$pack" verify undone

# output folders
expect 2 "already holds a corpus" "$pack" synth -n 3 -o corpus
expect 2 "already holds a corpus" "$pack" synth -n 3 --overwrite -o corpus
expect 2 "--overwrite" "$pack" synth -n 3 -o undone
expect 0 "3 records" "$pack" synth -n 3 --overwrite -o undone
mkdir foreign && touch foreign/notes.txt
expect 2 "is not empty" "$pack" synth -n 3 --overwrite -o foreign
[ -e foreign/notes.txt ] || fail "a foreign file was removed"
expect 2 "is not empty" "$pack" synth -n 3 --wfdb foreign

# command lines
expect 2 "no command" "$pack"
expect 2 "is no command" "$pack" pack -o x
expect 2 "-o" "$pack" build simulated
expect 2 "INPUT" "$pack" build -o x
expect 2 "-n" "$pack" synth -o x
expect 2 "--leads" "$pack" synth -n 3 --leads 7 -o x
expect 2 "--rate" "$pack" synth -n 3 --rate 3 -o x
expect 2 "does not go with" "$pack" info -n 3 corpus
expect 2 "" "$pack" synth --no-such-option
expect 0 "verify" "$pack" --help
expect 0 "anyecg-pack" "$pack" --version
expect 5 "preprocesing" "$pack" synth -n 3 --set preprocesing.order=2 -o x
expect 5 "order 9" "$pack" synth -n 3 --set preprocessing.order=9 -o x
[ -e x ] && fail "a refused command line left a folder"

# a full disk ends the run with the code for it, says so, and leaves no corpus
out=$(on_small_disk 3m bash -c "'$pack' synth -n 150 -o small/full -q; echo code \$?; [ -e small/full/manifest.json ] && echo manifest" 2>&1)
case $out in
*"disk full"*"code 6") ;;
"") echo "no small disk can be made here; a full disk was not tried" ;;
*) fail "a full disk: $out" ;;
esac

finish
