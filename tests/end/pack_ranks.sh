#!/usr/bin/env bash
# The same corpus at 1 to 4 ranks: the same records in the same order with the same samples, labels, groups, splits.
pack=$1 mpiexec=$2
. "$(dirname "$0")/pack_steps.sh"
/usr/bin/python3 -c 'import h5py' 2>/dev/null || { echo "SKIP: /usr/bin/python3 has no h5py"; exit 77; }
cd "$scratch" || exit 1

expect 0 "" "$pack" synth -n 23 --wfdb ward -q
: >ward/sim00004.hea
sed -i '1s|.*|sim00007 12 500 5000|' ward/sim00008.hea
for ranks in 1 2 3 4; do
    expect 3 "21 records" "$mpiexec" --oversubscribe -n $ranks "$pack" build -o built$ranks ward
    expect 0 "23 records" "$mpiexec" --oversubscribe -n $ranks "$pack" synth -n 23 -o synth$ranks
    expect 0 "all checksums hold" "$mpiexec" --oversubscribe -n $ranks "$pack" verify built$ranks
    expect 0 "21 of" "$mpiexec" --oversubscribe -n $ranks "$pack" info built$ranks
    # an error on one rank ends all, with its code and said once
    expect 2 "already holds" "$mpiexec" --oversubscribe -n $ranks "$pack" build -o built$ranks ward
    cmp -s built1.refused.csv built$ranks.refused.csv || fail "other refusals at $ranks ranks"
done
/usr/bin/python3 - <<'EOF' || fail "the corpora differ"
import h5py, sys
PLACE = {"shard", "row", "first_row"}  # where a record lies may differ, what it is may not
wrong = 0
for kind in "built", "synth":
    first = h5py.File(kind + "1/index.h5", "r")
    for ranks in "234":
        other = h5py.File(kind + ranks + "/index.h5", "r")
        def compare(name, item):
            global wrong
            if not isinstance(item, h5py.Dataset) or name.split("/")[-1] in PLACE:
                return
            a, b = item[...], other[name][...]
            if a.shape != b.shape or a.tobytes() != b.tobytes():
                print(f"{kind}{ranks}: {name} differs")
                wrong += 1
        first.visititems(compare)
sys.exit(wrong > 0)
EOF
# ranks whose disk is full end the run of all
out=$(on_small_disk 3m bash -c "'$mpiexec' --oversubscribe -n 3 '$pack' synth -n 150 -o small/full -q; echo code \$?; [ -e small/full/manifest.json ] && echo manifest" 2>&1)
case $out in
*"disk full"*"code 6") ;;
"") echo "no small disk can be made here; a full disk was not tried" ;;
*) fail "a full disk: $out" ;;
esac

finish
