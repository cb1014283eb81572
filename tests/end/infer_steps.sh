# Sourced by the infer_*.sh tests: a scratch folder, and checks that say what was wanted.
# Arguments of every test: folder of the programs, folder of the fixture, mpiexec.
bin=$1 made=$2 mpiexec=$3
infer=$bin/anyecg-infer pack=$bin/anyecg-pack
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

fail() {
    echo "FAILED: $*" | head -c 1500 >&2
    echo >&2
    failures=$((failures + 1))
}

# expect CODE WORDS COMMAND...: the command ends with CODE and its output (both streams) contains WORDS.
expect() {
    local code=$1 words=$2 out got
    shift 2
    out=$("$@" 2>&1)
    got=$?
    [ "$got" = "$code" ] || fail "exit code $got, not $code, of: $* -- $out"
    case $out in
    *"$words"*) ;;
    *) fail "no '$words' in the output of: $* -- $out" ;;
    esac
}

# ranks N COMMAND...; one rank needs no launcher
ranks() {
    local n=$1
    shift
    [ "$n" = 1 ] && { "$@"; return; }
    "$mpiexec" --oversubscribe -n "$n" "$@"
}

# flip FILE: turns one bit in its middle.
flip() {
    local middle byte
    middle=$(($(stat -c %s "$1") / 2))
    byte=$(od -An -tu1 -j "$middle" -N 1 "$1" | tr -d ' ')
    printf "$(printf '\\%03o' $((byte ^ 16)))" | dd of="$1" bs=1 seek="$middle" conv=notrunc 2>/dev/null
}

# step RUN: the newest step folder of a run of the fixture.
step() {
    echo "$made/$1/$(cat "$made/$1/latest")"
}

finish() {
    [ "$failures" = 0 ] && echo "all checks passed"
    exit "$((failures > 0))"
}
cd "$scratch" || exit 1
