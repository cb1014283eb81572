# Sourced by infer_steps.sh and pack_steps.sh: a scratch folder, and checks that say what was wanted.
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

finish() {
    [ "$failures" = 0 ] && echo "all checks passed"
    exit "$((failures > 0))"
}
