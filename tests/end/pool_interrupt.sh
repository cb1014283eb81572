#!/usr/bin/env bash
# A build that is killed leaves something that says that it did not finish, and goes on to the same bytes; two builds into
# one folder, a full disk, a corpus read while another is written.
pack=$1 mpiexec=$2
. "$(dirname "$0")/pack_steps.sh"
cd "$scratch" || exit 1
expect 0 "" "$pack" synth -q -n 40 --wfdb ward
: >ward/sim00003.hea # refused, also behind an interruption
for i in 00 01 05 12 20 21 33 39; do sed -i "s/^#Dx: .*/&,777,9990$((10#$i % 3))/" ward/sim000$i.hea; done # for codes.csv
cp ward/sim00010.dat ward/sim00030.dat && cp ward/sim00010.hea ward/sim00030.hea && sed -i 's/sim00010/sim00030/g' ward/sim00030.hea
build=("$pack" build -q --set shard_mb=0.05)
expect 3 "" "${build[@]}" -o whole ward
expect 3 "" "$mpiexec" --oversubscribe -n 2 "${build[@]}" -o whole2 ward

times=4
[ "${ANYECG_LONG:-}" = 1 ] && times=20
seed=${SEED:-$RANDOM}
RANDOM=$seed
begun=$(date +%s%N)
"${build[@]}" -o timing ward >/dev/null 2>&1
span=$((($(date +%s%N) - begun) / 1000000))
for i in $(seq $times); do
    rm -rf cut cut.*
    if [ $((i % 4)) = 0 ]; then
        wanted=whole2 again=("$mpiexec" --oversubscribe -n 2 "${build[@]}")
    else
        wanted=whole again=("${build[@]}")
    fi
    setsid "${again[@]}" -o cut ward >/dev/null 2>&1 &
    pid=$!
    wait_ms=$((RANDOM * span / 32768))
    sleep "$((wait_ms / 1000)).$(printf %03d $((wait_ms % 1000)))"
    kill -9 -- -$pid 2>/dev/null
    wait $pid 2>/dev/null
    sleep 0.3 # ranks of a killed mpiexec end a moment later
    if [ ! -e cut/manifest.json ]; then
        [ ! -d cut ] || expect 7 "the build did not finish" "$pack" verify cut
        expect 3 "" "${again[@]}" --resume -o cut ward
    fi
    expect 0 "all checksums hold" "$pack" verify cut
    diff -r -x writing.tmp cut $wanted >/dev/null || fail "seed $seed, round $i ($wait_ms ms): other bytes than without a stop"
    for list in codes quality records refused; do
        cmp cut.$list.csv $wanted.$list.csv || fail "seed $seed, round $i ($wait_ms ms): another $list.csv"
    done
done

# A build into `cut` that is killed as soon as two shards are noted, if it is not quicker.
kill_behind_a_shard() { # BUILD...
    local pid
    rm -rf cut cut.*
    setsid "$@" -o cut ward >/dev/null 2>&1 &
    pid=$!
    for i in $(seq 200); do
        [ -e cut.journal.tmp/00002 ] && break
        sleep 0.05
    done
    kill -9 -- -$pid 2>/dev/null
    wait $pid 2>/dev/null
}

# another plan does not go on with these shards
kill_behind_a_shard "${build[@]}"
if [ -e cut.journal.tmp/00002 ] && [ ! -e cut/manifest.json ]; then
    expect 2 "go on with --resume" "${build[@]}" -o cut ward
    expect 2 "had other inputs" "$pack" build -q --set shard_mb=0.06 --resume -o cut ward
    expect 2 "had other inputs" "${build[@]}" --resume -o cut ward/sim00001.hea
    # damaged: what was noted is not believed
    printf X | dd of=cut/shards/00001.h5 bs=1 seek=5000 conv=notrunc status=none
    expect 3 "" "${build[@]}" --resume -o cut ward
    diff -r cut whole >/dev/null || fail "a damaged shard went into the corpus"
fi

# nor does one whose code map or whose table of the database has changed
printf 'code,classes,kind\nx,AF,\n' >own.csv
{ echo file,says; for i in $(seq 0 39); do printf 'sim%05d,x\n' "$i"; done; } >ward/table.csv
printf 'sources:\n  - match: ward\n    name: ward\n    table: {files: [table.csv], record: file, codes: [says], code_map: own.csv}\n' >own.yaml
own=("${build[@]}" -c own.yaml)
expect 3 "" "${own[@]}" -o own ward
kill_behind_a_shard "${own[@]}"
if [ -e cut.journal.tmp/00002 ] && [ ! -e cut/manifest.json ]; then
    cp own.csv own.kept && cp ward/table.csv table.kept
    printf 'code,classes,kind\nx,RBBB,\n' >own.csv
    expect 2 "had other inputs" "${own[@]}" --resume -o cut ward
    cp own.kept own.csv && sed -i 's/sim00004,x/sim00004,/' ward/table.csv
    expect 2 "had other inputs" "${own[@]}" --resume -o cut ward
    cp table.kept ward/table.csv
    expect 3 "" "${own[@]}" --resume -o cut ward
    diff -r cut own >/dev/null || fail "other bytes than without a stop, with a table"
fi
rm ward/table.csv

# two builds into one folder; another corpus may be read meanwhile
setsid "${build[@]}" -o cut2 ward >/dev/null 2>&1 &
pid=$!
for i in $(seq 3000); do # a busy machine takes seconds to start it
    [ -e cut2/shards ] && break # made under the lock; its file is there a moment before it holds
    sleep 0.02
done
kill -STOP -- "-$pid" 2>/dev/null || true # so that it cannot finish between the question and the answer
expect 0 "all checksums hold" "$pack" verify whole
[ -e cut2/manifest.json ] || expect 2 "another anyecg-pack is writing there" "${build[@]}" --overwrite -o cut2 ward
kill -CONT -- "-$pid" 2>/dev/null || true
wait $pid
diff -r cut2 whole >/dev/null || fail "the first of two builds was disturbed"

# a full disk
out=$(on_small_disk 1m bash -c "'$pack' build -q -o small/full ward; echo code \$?; [ -e small/full/manifest.json ] && echo manifest" 2>&1)
case $out in
*"disk full"*"code 6") ;;
"") echo "no small disk can be made here; a full disk was not tried" ;;
*) fail "a full disk: $out" ;;
esac
finish
