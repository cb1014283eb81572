#!/usr/bin/env bash
# A bad record is left out with its reason and the run goes on; nothing that names a person enters a corpus.
pack=$1
. "$(dirname "$0")/pack_steps.sh"
cd "$scratch" || exit 1

expect 0 "" "$pack" synth -n 12 --wfdb ward -q
mkdir -p ward/Jones_4711 && cd ward || exit 1
mv sim00000.* Jones_4711/
sed -i 's/# *Patient ID:.*/#Patient ID: Smith-0815/; s/#Age:.*/#Age: 97/' Jones_4711/sim00000.hea
echo "#Remark: seen by Dr Miller-Lyle on 24-12-2019" >>Jones_4711/sim00000.hea
head -c 30000 sim00001.dat >short && mv short sim00001.dat     # cut
sed -i '2s| 16 1000| 16 0|' sim00002.hea                        # gain 0
sed -i '1s|.*|sim00004 12 500 5000|' sim00003.hea               # the name of another record
: >sim00005.hea
head -c 120000 /dev/zero >sim00006.dat                          # flat, and the checksums do not hold
printf 'x' | dd of=sim00007.dat bs=1 seek=5001 conv=notrunc status=none
cd .. || exit 1

expect 3 "6 recordings were refused" "$pack" build -o corpus ward
expect 0 "all checksums hold" "$pack" verify corpus
[ "$(number corpus records)" = 6 ] || fail "$(number corpus records) records, not 6"
[ "$(wc -l <corpus.refused.csv)" = 7 ] || fail "corpus.refused.csv: $(wc -l <corpus.refused.csv) lines, not 7"
for reason in "sim00001.*shorter" "sim00002.*gain" "sim00004.*duplicate record name" "sim00005.*header is empty" \
    "sim00006.*checksum mismatch" "sim00007.*checksum mismatch for\|sim00007.*checksum mismatch"; do
    grep -q "$reason" corpus.refused.csv || fail "corpus.refused.csv has no line '$reason': $(cat corpus.refused.csv)"
done
"$pack" info corpus | grep -q '^refused  *6$' || fail "info does not count 6 refusals"

# reasons are counted by what is wrong, whatever the folders are called
mkdir "checksum mismatch" && cp ward/sim00001.* ward/sim00008.* ward/sim00002.* "checksum mismatch"
"$pack" build -q -o reasons "checksum mismatch" 2>/dev/null
[ "$(number reasons refused)" = 2 ] || fail "$("$pack" info reasons)"
for reason in "signal file is shorter than its header says" "gain is 0 or not given"; do
    grep -q "\"$reason\"" reasons/manifest.json || fail "'$reason' is not counted: $(grep '"reason"' reasons/manifest.json)"
done

# no name, no id, no date, no file name inside
for word in Smith 0815 Jones 4711 Miller 2019 ward sim000 "$scratch"; do
    grep -rqaiF -- "$word" corpus && fail "'$word' stands in the corpus: $(grep -rlaiF -- "$word" corpus)"
done

# a list, single headers, a header named twice
printf '# two of them\nward/sim00008.hea\nward/sim00009\n' >list
expect 0 "2 records" "$pack" build -o listed @list
expect 0 "1 records" "$pack" build -o single ward/sim00008.hea ward/../ward/sim00008.hea
cp ward/sim00008.hea ward/.hidden.hea
expect 0 "1 records" "$pack" build -o hidden ward/.hidden.hea
sed 's/sim00008.dat/gone.dat/' ward/.hidden.hea >ward/.gone.hea
expect 4 "gone.dat: no such file" "$pack" build -o nothing ward/.gone.hea
rm ward/.hidden.hea ward/.gone.hea
expect 4 "" "$pack" build -o nothing ward/sim00005.hea
[ -e nothing ] && fail "a folder was left where nothing could be taken"
mkdir empty
[ "$("$pack" verify empty 2>&1 | grep -c "no manifest.json")" = 1 ] || fail "verify: $("$pack" verify empty 2>&1)"
expect 4 "no recordings were found" "$pack" build -o nothing empty
expect 6 "no such file" "$pack" build -o nothing nowhere

# a label table overrides headers; a site key changes the hashes and its id
printf 'folder,record,patient,age,sex,fold,anomaly,classes\nward,sim00008,p,,,2,1,AF|LVH\nward,sim00009,p,,,2,0,\n' >table.csv
expect 0 "2 of 2 rows" "$pack" build --labels table.csv -o labelled @list
[ "$(number labelled AF)" = 1 ] || fail "the table's AF did not arrive"
[ "$(number labelled LVH)" = 1 ] || fail "the table's LVH did not arrive"
"$pack" info labelled | grep -q '2 of 1 patient groups' || fail "one patient of the table is not one group"
printf 'folder,record,anomaly\nward,sim00008,7\n' >wrong.csv
expect 4 "anomaly '7'" "$pack" build --labels wrong.csv -o x @list
head -c 32 /dev/urandom >key
expect 0 "" "$pack" build --site-key key -o keyed -q @list
[ "$("$pack" info keyed | grep '^patient key')" != "$("$pack" info listed | grep '^patient key')" ] ||
    fail "the site key is not used"
printf 'sources:\n  - {match: ward, name: ward, licence: %%064d}\n' | sed "s/%064d/$(printf %064d 7)/" >wordy.yaml
expect 5 "wordy.yaml: sources[0] (ward): licence '0000" "$pack" build -c wordy.yaml -o x @list
[ -e x ] && fail "a refused recipe left a folder"
echo short >weak
expect 2 "at least 32" "$pack" build --site-key weak -o x @list

finish
