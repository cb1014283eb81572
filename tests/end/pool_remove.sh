#!/usr/bin/env bash
# anyecg-pack remove: who has left is in no file any more but as a hash; killed at any moment the corpus is the old one
# or the new one.
pack=$1
. "$(dirname "$0")/pack_steps.sh"
. "$(dirname "$0")/pool_steps.sh"
cd "$scratch" || exit 1
make_sites
patient=$(sed -n 's/^#Patient ID: //p' siteA/sim00004.hea)
mates=$(grep -lx "#Patient ID: $patient" siteA/*.hea | wc -l)
cp -r A before

expect 2 "--site-key: this key has id" "$pack" remove --patient "$patient" A
expect 2 "--site-key: this key has id" "$pack" remove --patient "$patient" --site-key keyB A
expect 4 "holds no record of this patient" "$pack" remove --patient nobody --site-key keyA A
expect 2 "give one of" "$pack" remove --patient 1 --record x A
diff -r A before >/dev/null || fail "a refused removal changed something"
expect 0 "$mates records removed" "$pack" remove --patient "$patient" --site-key keyA A
expect 0 "all checksums hold" "$pack" verify A
[ "$(splits A record | wc -l)" = $((18 - mates)) ] || fail "$(splits A record | wc -l) records are left"
one_split A
[ "$(grep -c '"what": "patient"' A/manifest.json)" = "$mates" ] || fail "the manifest does not keep the fact"
expect 0 "withdrawn before" "$pack" remove --patient "$patient" --site-key keyA A
# only shards concerned are new
for shard in A/shards/*; do
    case $shard in
    *-1.h5) ;;
    *) cmp -s "$shard" before/shards/"$(basename "$shard")" || fail "$shard was written again" ;;
    esac
done
[ "$(find A/shards -name '*-1.h5' | wc -l)" -le "$mates" ] || fail "too many shards were written again"
# what was withdrawn cannot come back by another site
expect 4 "was withdrawn from A" "$pack" merge -o no A before
# ... nor under a second name, by a site with the same key: elsewhere the table has another id than the header
mkdir elsewhere && cp ward/sim0002[0-3].* elsewhere && sed -i "s/^#Patient ID: .*/#Patient ID: $patient/" elsewhere/sim00020.hea
printf 'folder,record,patient\nelsewhere,sim00020,T-1\n' >second.csv
expect 0 "4 records" "$pack" build --labels second.csv --site-key keyA -o E elsewhere
expect 4 "E: record 'unnamed/00001' was withdrawn from A" "$pack" merge -o no A E
# what left with a source may come by another's right, and is told
expect 0 "" "$pack" merge -q -o two before B
expect 0 "" "$pack" remove -q --source unnamed two
expect 0 "18 of its records hold ECGs that were withdrawn from two with their source" "$pack" merge --overwrite -o no two before
rm -rf no two

# numbers of a recipe of one's own: with its zeros, and a later number of the same person
mkdir -p ward9 && for n in 021 022 030 041; do
    i=$((10#$n - 15))
    for end in hea dat; do cp ward/sim000$(printf %02d $i).$end ward9/$n.$end; done
    sed -i "/^#Patient ID/d; s/sim000$(printf %02d $i)/$n/g" ward9/$n.hea
done
printf 'sources:\n  - match: ward9\n    name: ward9\n    numbering: beds\n    same_patient: [21 22]\n' >beds.yaml
expect 0 "4 records" "$pack" build -c beds.yaml --site-key keyA -o W ward9
expect 4 "give that with -c" "$pack" remove --patient 022 --site-key keyA W
expect 0 "2 records removed" "$pack" remove -c beds.yaml --patient 022 --site-key keyA W
expect 0 "1 records removed" "$pack" remove -c beds.yaml --patient 030 --site-key keyA W

# a record goes with its double; a source gives its doubles back
expect 0 "" "$pack" merge -q -o all before B
expect 0 "2 records removed" "$pack" remove --record unnamed-2/00001 all
expect 0 "took its place" "$pack" remove --source unnamed all
expect 0 "all checksums hold" "$pack" verify all
[ "$(splits all excluded | grep -c double)" = 0 ] || fail "doubles of what has left are still excluded"
[ "$(splits all record | wc -l)" = 17 ] || fail "$(splits all record | wc -l) records are left, not 17"
expect 4 "holds no record of this source" "$pack" remove --source unnamed all
expect 4 "are all its records" "$pack" remove --source unnamed-2 all

# what a source has said of an ECG that another one has in a better form leaves with it; within a source the better one
# takes it over
mkdir quiet told && for i in 01 05; do
    for end in hea dat; do cp ward/sim000$i.$end quiet; cp ward/sim000$i.$end told/y$i.$end; done
    sed -i '/^#Dx/d; /^#Age/d; /^#Sex/d' quiet/sim000$i.hea
    sed -i "s/sim000$i/y$i/g; s/ V6\$/ RESP/" told/y$i.hea # a lead less
done
known() { "$pack" info "$1" | awk '/^ages|^sexes|^label/ { on = 1 } /^ages/ { print $2 } /^sexes/ { print $2 + $4 } on && NF == 5 && $3 ~ /^[0-9]+$/ { n += $2 + $3 } END { print n + 0 }' | tr '\n' ' '; }
expect 0 "2 records" "$pack" build -o quietly quiet
expect 0 "2 records" "$pack" build -o telling told
expect 0 "2 of them doubles" "$pack" merge -o both quietly telling
[ "$(known telling)" = "$(known both)" ] && [ "$(known quietly)" = "0 0 0 " ] || fail "known: $(known quietly), $(known telling), $(known both)"
expect 0 "2 records removed" "$pack" remove --source unnamed-2 both
[ "$(known both)" = "0 0 0 " ] || fail "what was withdrawn is still known: $(known both)"
expect 0 "4 records" "$pack" build -o one quiet told
[ "$(splits one excluded | grep -c double)" = 2 ] || fail "not two doubles"
[ "$(known one)" = "4 4 104 " ] || fail "the better records did not take over what their doubles know: $(known one)"

# killed at random moments: the old corpus or the new one, and it can be done again
times=4
[ "${ANYECG_LONG:-}" = 1 ] && times=20
seed=${SEED:-$RANDOM}
RANDOM=$seed
for i in $(seq $times); do
    rm -rf cut && cp -r before cut
    "$pack" remove -q --source unnamed-x --record unnamed/00005 cut >/dev/null 2>&1 # usage: nothing happens
    "$pack" remove -q --record unnamed/00005 cut >/dev/null 2>&1 &
    pid=$!
    sleep 0.0$((RANDOM % 9))$((RANDOM % 10))
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    expect 0 "all checksums hold" "$pack" verify cut
    n=$(splits cut record | wc -l)
    [ "$n" = 18 ] || [ "$n" = 17 ] || fail "seed $seed, round $i: $n records"
    if [ "$n" = 18 ]; then
        expect 0 "1 records removed" "$pack" remove --record unnamed/00005 cut
    fi
done
finish
