#!/usr/bin/env bash
# anyecg-pack label: labels, age, sex and fold change, the shards stay the same files.
pack=$1
. "$(dirname "$0")/pack_steps.sh"
. "$(dirname "$0")/pool_steps.sh"
/usr/bin/python3 -c 'import h5py' 2>/dev/null || { echo "SKIP: /usr/bin/python3 has no h5py"; exit 77; }
cd "$scratch" || exit 1
make_sites
ls -li A/shards >before
# by the name in the corpus, and by the path of the recording
printf 'folder,record,age,sex,fold,anomaly,classes\nunnamed,00003,44,F,3,1,AF|LVH\nsiteA,sim00005,,,2,0,\n' >table.csv
expect 0 "2 records labelled by 2 rows" "$pack" label --labels table.csv A
ls -li A/shards >after
cmp -s before after || fail "shards were touched"
expect 0 "all checksums hold" "$pack" verify A
/usr/bin/python3 - <<'PYTHON' || fail "labels are wrong"
import glob, h5py, json
manifest = json.load(open("A/manifest.json"))
index = h5py.File("A/" + manifest["index"]["file"], "r")
r, labels = index["records"], index["labels"][...]
place = {c["name"]: i for i, c in enumerate(manifest["classes"])}
assert r["age_years"][2] == 44 and r["sex"][2] == 1 and r["fold"][2] == 3 and r["anomaly"][2] == 1
assert labels[2, place["AF"]] == 1 and labels[2, place["LVH"]] == 1
assert r["anomaly"][5] == 0 and r["fold"][5] == 2 and labels[5, place["AF"]] == 0 and labels[5, place["LVH"]] == 0
assert len(glob.glob("A/index*")) == 1
PYTHON
# a recording that has another's running number for a name: its row is its own
mkdir numbers && for i in 0 1 2; do
    for end in hea dat; do cp ward/sim0000$i.$end numbers/0000$((i + 2)).$end; done
    sed -i "s/sim0000$i/0000$((i + 2))/g" numbers/0000$((i + 2)).hea
done
expect 0 "3 records" "$pack" build -o N numbers
printf 'folder,record,fold\n,00003,7\nnumbers,00002,5\n' >numbers.csv
expect 0 "2 records labelled by 2 rows" "$pack" label --labels numbers.csv N
[ "$(splits N fold | tr '\n' ' ')" = "5 7  " ] || fail "folds are $(splits N fold | tr '\n' ' '), not 5 7 and none"
printf 'folder,record,fold\nunnamed,00003,6\n' >whole.csv
expect 0 "1 records labelled by 1 rows" "$pack" label --labels whole.csv N
[ "$(splits N fold | tr '\n' ' ')" = "5 7 6 " ] || fail "folds are $(splits N fold | tr '\n' ' '), not 5 7 6"
rm N.records.csv
expect 4 "none of its 2 rows fits" "$pack" label --labels numbers.csv N
printf 'folder,record,age\nnowhere,5,6\n' >none.csv
printf 'folder,record,classes\nunnamed,00001,XYZ\n' >wrong.csv
expect 4 "none of its 1 rows fits" "$pack" label --labels none.csv A
expect 4 "class 'XYZ': is not in the vocabulary; \`anyecg-pack info CORPUS\` lists" "$pack" label --labels wrong.csv A
expect 0 "all checksums hold" "$pack" verify A
finish
