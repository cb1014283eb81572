#!/usr/bin/env bash
# What the command lines of the three programs share: --help and --version end with 0, mistakes with 2, and at any number of
# ranks one rank prints. Arguments: folder of the programs, mpiexec.
bin=$1 mpiexec=$2
. "$(dirname "$0")/steps.sh"
cd "$scratch" || exit 1

# printed RANKS COMMAND...: sets code, out, err; of err only lines of the program
printed() {
    local n=$1
    shift
    if [ "$n" = 1 ]; then
        "$@" >out 2>err
    else
        "$mpiexec" --oversubscribe -n "$n" "$@" >out 2>err
    fi
    code=$?
}

for program in anyecg-pack anyecg-train anyecg-infer; do
    for option in --help --version --usage; do
        printed 1 "$bin/$program" $option
        [ $code = 0 ] && [ -s out ] && [ ! -s err ] || fail "$program $option: exit code $code, $(cat out err)"
        mv out alone
    done
    grep -q "Usage: $program" alone || fail "$program --usage: $(cat alone)"
    printed 2 "$bin/$program" --usage
    [ $code = 0 ] && cmp -s out alone && [ ! -s err ] || fail "$program --usage at 2 ranks: exit code $code, $(cat out err)"
    for n in 1 2; do
        printed $n "$bin/$program" --nonsense
        [ $code = 2 ] && [ "$(grep -c "unrecognized option '--nonsense'" err)" = 1 ] && [ ! -s out ] ||
            fail "$program --nonsense at $n ranks: exit code $code, $(cat out err)"
        printed $n "$bin/$program" nonsense
        [ $code = 2 ] && [ "$(grep -c nonsense err)" = 1 ] || fail "$program nonsense at $n ranks: exit code $code, $(cat out err)"
    done
    printed 1 "$bin/$program"
    [ $code = 2 ] && grep -q -e --help err || fail "$program without a word: exit code $code, $(cat out err)"
done
expect 0 "--quiet" "$bin/anyecg-train" --help

# A line of help fits a terminal (argp breaks at 79 columns, in the middle of a table's line).
"$bin/anyecg-infer" --help | awk '/^  anomaly INPUT/ { table = 1 } /^$/ { table = 0 } table && !/^  /' >broken
[ ! -s broken ] || fail "anyecg-infer --help: broken lines: $(cat broken)"
"$bin/anyecg-pack" --help | awk '/^build / { table = 1 } /^$/ { table = 0 } table && !/^([a-z]+ |        )/' >broken
[ ! -s broken ] || fail "anyecg-pack --help: broken lines: $(cat broken)"
# -o, --out and --output are one in all of them
for program in anyecg-pack anyecg-train anyecg-infer; do
    for option in -o --out --output; do
        printed 1 "$bin/$program" $option
        grep -q "requires an argument" err || fail "$program $option: $(cat out err)"
    done
done

# Results that stdout cannot take, and folders that cannot be made.
"$bin/anyecg-pack" synth -n 6 --seconds 4 --leads 1 --seed 2 -o small -q 2>err || fail "synth: $(cat err)"
"$bin/anyecg-pack" info small >/dev/full 2>err
code=$?
[ $code = 6 ] && grep -q "output: could not be written" err || fail "info to a full disk: exit code $code, $(cat err)"
expect 6 "/proc/none/report.json: cannot be written" "$bin/anyecg-infer" evaluate anomaly --checkpoint none --corpus small -o /proc/none/report.json
touch file
expect 6 "file/under: folder cannot be made: Not a directory" "$bin/anyecg-pack" synth -n 2 -o file/under -q
finish
