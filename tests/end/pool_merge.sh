#!/usr/bin/env bash
# anyecg-pack merge: shards are linked, patients and doubles found across sites, differences told or refused.
pack=$1
. "$(dirname "$0")/pack_steps.sh"
. "$(dirname "$0")/pool_steps.sh"
cd "$scratch" || exit 1
make_sites
# a name that does not fit the manifest is refused before anything is made
long=$(printf 'Krankenhaus %.0s' 1 2 3 4 5 6)
expect 2 "at most 63 fit" "$pack" build --contributor "$long" -o no siteA
expect 2 "is not UTF-8" "$pack" build --contributor "$(printf 'Universit\xe4t')" -o no siteA
[ -e no ] && fail "a refused command line left a folder"

expect 0 "36 records of 2 contributors" "$pack" merge -o all A B
expect 0 "all checksums hold" "$pack" verify all
one_split all
for shard in all/shards/*.h5; do
    [ "$(stat -c %h "$shard")" = 2 ] || fail "$shard is no link"
done
[ "$(cat A/shards/*.h5 B/shards/*.h5 | sha256sum)" = "$(cat all/shards/*.h5 | sha256sum)" ] || fail "samples have changed"
# the six recordings of both sites, each once, in the place of its twin and in one group with it
[ "$(splits all excluded | grep -c double)" = 6 ] || fail "not 6 doubles: $(splits all excluded | sort | uniq -c)"
for i in 1 2 3 4 5 6; do
    line=$("$pack" info --splits all | grep "^unnamed-2/0000$i,")
    case $line in
    *",double,unnamed/000$((i + 12)),"*) ;;
    *) fail "x000$((i + 11)) is not a double of its twin: $line" ;;
    esac
done
[ -z "$("$pack" info --splits all | awk -F, 'NR > 1 { g[$1] = $3; d[$1] = $7 } END { for (r in d) if (d[r] && g[r] != g[d[r]]) print r }')" ] ||
    fail "a double is in another group"
for word in "Site A" "Site B" '"key_id": "several"' '"licence": "unknown"'; do
    grep -q "$word" all/manifest.json || fail "manifest: no $word"
done
# the same corpora give the same bytes
expect 0 "" "$pack" merge -q -o again A B
diff -r all again >/dev/null || fail "merging again gives other bytes"
# merged corpora can be merged on
expect 0 "" "$pack" synth -q -n 5 --seed 9 -o C
expect 0 "41 records of 3 contributors" "$pack" merge -o more all C
one_split more
# differences
expect 0 "" "$pack" build -q --set preprocessing.low_hz=0.5 -o other siteA
expect 7 "low_hz: 0.1 and 0.5" "$pack" merge -o no A other
[ -e no/manifest.json ] && fail "a corpus was made of what does not belong together"
expect 2 "the same corpus" "$pack" merge --overwrite -o no A A
expect 2 "at least two" "$pack" merge -o no A
expect 2 "already holds a corpus" "$pack" merge -o all A B
expect 6 "no such folder" "$pack" merge --overwrite -o no A nowhere
# where linking is not possible, a copy
out=$(on_small_disk 20m bash -c "'$pack' merge -o small/all A B && '$pack' verify small/all" 2>&1)
case $out in
*"were copied"*"all checksums hold"*) ;;
"") echo "no second file system can be made here; copying was not tried" ;;
*) fail "merging to another file system: $out" ;;
esac
finish
