# Sourced by the pack_*.sh tests: a scratch folder, and checks that say what was wanted.
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

# number CORPUS NAME: the first figure behind NAME in the output of info.
number() {
    "$pack" info "$1" | awk -v name="$2" '$1 == name { print $2; exit }'
}

finish() {
    [ "$failures" = 0 ] && echo "all checks passed"
    exit "$((failures > 0))"
}

# on_small_disk SIZE COMMAND...: runs the command where $scratch/small is a disk of that size. 77 if that cannot be had
# (it needs root and mount namespaces).
on_small_disk() {
    local size=$1
    shift
    mkdir -p "$scratch/small"
    unshare -m mount -t tmpfs -o size=1m none "$scratch/small" 2>/dev/null || return 77
    unshare -m bash -c 'mount -t tmpfs -o size=$1 none "$2/small" && shift 2 && "$@"' _ "$size" "$scratch" "$@"
}
