#!/usr/bin/env bash
# Killed, or met by a full disk, before each single step of its writing, a build that goes on ends as one that was not
# interrupted: the corpus, the lists beside it, what it says, its exit code; and it leaves nothing else behind.
pack=$1 mpiexec=$2 stop=$3
. "$(dirname "$0")/pack_steps.sh"
cd "$scratch" || exit 1
[ -e "$stop" ] || { echo "SKIP: the library that stops a program cannot be preloaded into one with sanitizers"; exit 77; }

# unknown codes before, between and behind refusals, one of a record that is refused after its labels were read
expect 0 "" "$pack" synth -q -n 14 --wfdb ward
for i in 00 01 02 04 07 09 11 13; do sed -i "s/^#Dx: .*/&,9990$((10#$i % 3)),777/" ward/sim000$i.hea; done
: >ward/sim00003.hea
head -c 120000 /dev/zero >ward/sim00006.dat
sed -i '2,13s/ 0 [-0-9]* [-0-9]* 0 / 0 0 0 0 /; s/^#Dx: .*/#Dx: 888/' ward/sim00006.hea
cp ward/sim00005.dat ward/sim00012.dat # a double, for quality.csv
{ echo folder,record,age; for i in 00 02 05 06 12; do echo "ward,sim000$i,50"; done; } >table.csv
cp ward/sim00005.hea ward/sim00012.hea && sed -i 's/sim00005/sim00012/g' ward/sim00012.hea
build=("$pack" build --set shard_mb=0.13 --labels table.csv)

# What a build says of the whole input, whatever its corpus is called and however far an earlier one had come.
summary() {
    grep -E 'warning|rows fit|quality|records of' "$1" | sed 's/\<cut\>/whole/g'
}
# like WANTED: the corpus `cut` and all beside it are those of an uninterrupted build.
like() {
    diff -r cut "$1" || return 1
    for list in codes refused quality records; do
        cmp "cut.$list.csv" "$1.$list.csv" || return 1
    done
    local rest
    rest=$(find . -path './cut*' -name '*.tmp')
    [ -z "$rest" ] || { echo "left behind: $rest"; return 1; }
}

"${build[@]}" -o whole ward >whole.said 2>&1
code=$?
[ $code = 3 ] || fail "exit code $code: $(cat whole.said)"
expect 3 "" "$mpiexec" --oversubscribe -n 2 "${build[@]}" -o whole2 ward
for list in codes refused quality records; do
    cmp whole.$list.csv whole2.$list.csv || fail "two ranks list other $list"
done
grep -q '"777",8' whole.codes.csv && grep -q '"888",1' whole.codes.csv || fail "codes: $(cat whole.codes.csv)"
grep -q "5 of 5 rows fit" whole.said || fail "rows: $(cat whole.said)"
grep -q "same samples" whole.quality.csv || fail "no double was found"

# interrupt WORD: a build with WORD in its environment; what it said is in the file `said`, its exit code in $code.
interrupt() {
    rm -rf cut cut.*
    (env LD_PRELOAD="$stop" STOP_PATH=cut "$1" "${build[@]}" -o cut ward >said 2>&1; exit $?) 2>/dev/null
    code=$?
}
# go_on WHAT: --resume, and all that must be there behind it.
go_on() {
    local sealed=
    if [ -e cut/manifest.json ]; then
        [ -e cut.sealed.tmp ] && sealed=1
        # but the lock's file, which is not locked any more, nothing is left to do
        [ -n "$sealed" ] || { expect 2 "already holds a corpus" "${build[@]}" --resume -o cut ward; rm -f cut/writing.tmp; }
    fi
    if [ ! -e cut/manifest.json ] || [ -n "$sealed" ]; then
        "${build[@]}" --resume -o cut ward >said 2>&1
        code=$?
        [ $code = 3 ] || fail "$1: going on ends with $code: $(cat said)"
        if [ -n "$sealed" ]; then
            n_sealed=$((n_sealed + 1))
            grep -q "the build had ended" said || fail "$1: $(cat said)"
        else
            diff <(summary whole.said) <(summary said) >differs || fail "$1: it says else: $(cat differs)"
        fi
    fi
    like whole >differs || fail "$1: $(cat differs)"
}

n_steps=0 n_sealed=0
while [ $n_steps -lt 200 ]; do
    interrupt STOP_AT=$((n_steps + 1))
    [ $code = 3 ] && break # there are no more steps
    [ $code = 137 ] || fail "killed before step $((n_steps + 1)) it ends with $code: $(cat said)"
    n_steps=$((n_steps + 1))
    go_on "killed before step $n_steps"
done
[ $n_steps -gt 15 ] && [ $n_steps -lt 200 ] || fail "there were $n_steps steps"
[ $n_sealed -gt 2 ] || fail "killed $n_sealed times behind the manifest"
n_full=0
for step in $(seq $n_steps); do
    interrupt STOP_FULL=$step
    [ $code = 3 ] && continue # this step takes no room
    [ $code = 6 ] && [ ! -e cut/manifest.json ] || fail "disk full at step $step: it ends with $code: $(cat said)"
    n_full=$((n_full + 1))
    go_on "disk full at step $step"
done
[ $n_full -gt 8 ] || fail "the disk was full $n_full times"

# behind the manifest only the same build tidies up
interrupt STOP_AT=$((n_steps - 1))
[ -e cut.sealed.tmp ] && [ -e cut/manifest.json ] || fail "step $((n_steps - 1)) is not behind the manifest"
expect 2 "already holds a corpus" "${build[@]}" -o cut ward
expect 2 "already holds a corpus" "${build[@]}" --overwrite -o cut ward
expect 2 "already holds a corpus, of other inputs" "$pack" build --set shard_mb=0.2 --labels table.csv --resume -o cut ward
expect 2 "already holds a corpus, of other inputs" "$mpiexec" --oversubscribe -n 2 "${build[@]}" --resume -o cut ward
[ -e cut.sealed.tmp ] || fail "a refused build took the seal away"
printf X | dd of=cut/index.h5 bs=1 seek=900 conv=notrunc status=none
expect 7 "index.h5" "${build[@]}" --resume -o cut ward
finish
