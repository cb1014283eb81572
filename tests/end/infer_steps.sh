# Sourced by the infer_*.sh tests: steps.sh, and what they need besides.
# Arguments of every test: folder of the programs, folder of the fixture, mpiexec.
bin=$1 made=$2 mpiexec=$3
infer=$bin/anyecg-infer pack=$bin/anyecg-pack
here=$(cd "$(dirname "$0")" && pwd)
. "$here/steps.sh"

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

cd "$scratch" || exit 1
