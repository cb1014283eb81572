#!/usr/bin/env bash
# leadgen writes WFDB records whose measured leads are the preprocessed input to the bit, and which anyecg-pack reads.
. "$(dirname "$0")/infer_steps.sh"
export HDF5_PLUGIN_PATH=${HDF5_PLUGIN_PATH:-/usr/lib/x86_64-linux-gnu/hdf5/serial/plugins}

expect 0 "" "$infer" leadgen --checkpoint "$made/leadgen" --leads V1,avl -o some "$made/ward" -q
expect 0 "60 records" "$pack" build -o again some
# two leads: the other ten are made; two recordings of the same name do not overwrite one another
mkdir other && cp "$made"/holter/sim00001.* other
expect 0 "" "$infer" leadgen --checkpoint "$made/leadgen" -o all "$made/holter" other -q
[ "$(ls all/*.hea | wc -l)" = 25 ] || fail "not 25 records: $(ls all)"
expect 0 "" "$infer" leadgen --checkpoint "$made/leadgen" -o packed --corpus "$made/corpus" --split validation -q
[ "$(ls packed/*.hea | wc -l)" = 7 ] || fail "not 7 records: $(ls packed)"
expect 0 "nothing was made" bash -c "'$infer' leadgen --checkpoint '$made/leadgen' -o none '$made/ward/sim00003' && cat none/leadgen.jsonl"

cat >compare.py <<'EOF'
import glob, json, sys
try:
    import h5py, numpy
    shard = h5py.File(sys.argv[1] + "/corpus/shards/00000.h5", "r")
    signal = shard["signal"][...]
except (ImportError, OSError) as reason:
    print(f"SKIP: {reason}")
    sys.exit(77)
NAMES = "I II III aVR aVL aVF V1 V2 V3 V4 V5 V6".split()

def read(path):
    lines = open(path + ".hea").read().splitlines()
    n, rate, samples = map(int, lines[0].split()[1:4])
    leads = [l.split()[-1] for l in lines[1:1 + n]]
    data = numpy.fromfile(path + ".dat", "<i2").reshape(samples, n)
    assert rate == 300 and all(l.split()[2] == "1000/mV" for l in lines[1:1 + n])
    return leads, data, [l for l in lines if l.startswith("#")]

records = shard["records"]
index = h5py.File(sys.argv[1] + "/corpus/index.h5", "r")["records"]
for i in range(60):
    leads, data, comments = read(f"some/sim{i:05d}")
    assert leads == NAMES and "made by the model" in comments[0], (leads, comments)
    made = comments[0].split(":")[1].split()
    assert "V1" in made and "aVL" in made, comments
    place = [r for r in range(60) if index["name"][r] == b"unnamed/%05d" % (i + 1)][0]
    first, seconds = int(index["first_row"][place]), int(index["seconds"][place])
    rows = signal[first:first + seconds * 12].reshape(seconds, 12, 300).transpose(0, 2, 1).reshape(-1, 12)
    for lead in range(12):
        same = (data[:, lead] == rows[:, lead]).all()
        assert same == (leads[lead] not in made), (i, leads[lead], made)
        assert leads[lead] not in made or data[:, lead].std() > 0, "a made lead is constant"
leads, data, comments = read("all/sim00001")
assert leads == NAMES and len(comments[0].split(":")[1].split()) == 10 and len(data) == 40 * 300
twin = [p for p in glob.glob("all/sim00001_*.hea")]
assert len(twin) == 1 and (read(twin[0][:-4])[1] == data).all(), twin
lines = [json.loads(l) for l in open("all/leadgen.jsonl")]
assert sorted(l["output"] + ".hea" for l in lines) == sorted(p.split("/")[1] for p in glob.glob("all/*.hea"))
EOF
/usr/bin/python3 compare.py "$made"
case $? in
0) ;;
77) [ "$failures" = 0 ] && exit 77 ;;
*) fail "the records written are not what they should be" ;;
esac
finish
