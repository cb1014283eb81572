# Sourced by the pack_*.sh tests: steps.sh, and what they need besides.
. "$(dirname "$0")/steps.sh"

# number CORPUS NAME: the first figure behind NAME in the output of info.
number() {
    "$pack" info "$1" | awk -v name="$2" '$1 == name { print $2; exit }'
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
