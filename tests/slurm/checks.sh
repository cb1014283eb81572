# shellcheck shell=bash disable=SC2034
# tests/slurm/checks.sh — sourced by the tests in shell: checks that count, a folder of their own, a cluster that ends with them.
#
# A test is a function named as a sentence about behaviour; run_tests runs those named and ends the program.

set -u
tests_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$tests_folder/../.." && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/anyecg-test.XXXXXX")
export ANYECG_CLUSTER_DIR=/tmp/anyecg-cluster-$$
has_failed=no

cleanup() {
    "$tests_folder/cluster.sh" stop
    rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

skip() { echo "SKIP: $1"; exit 77; }
complain() { echo "  FAILED: $1"; has_failed=yes; }

equal() { # WHAT EXPECTED ACTUAL
    [ "$2" = "$3" ] || complain "$1: expected '$2', is '$3'"
}
holds() { # FILE PATTERN
    grep -qE -- "$2" "$1" || { complain "$1 does not hold '$2':"; sed 's/^/    /' "$1" | tail -25; }
}
lacks() { # FILE PATTERN
    ! grep -qE -- "$2" "$1" || { complain "$1 holds '$2':"; sed 's/^/    /' "$1" | tail -25; }
}

run_tests() { # FUNCTION...
    local test all=no_failure
    for test in "$@"; do
        has_failed=no
        "$test"
        if [ $has_failed = yes ]; then all=failure; echo "FAILED $test"; else echo "ok $test"; fi
    done
    [ $all = no_failure ] && exit 0
    exit 1
}

# ---- for tests on a cluster ----

cluster() { "$tests_folder/cluster.sh" "$@"; }

start_cluster() { # NODES
    local code
    cluster start "$1"
    code=$?
    [ $code != 77 ] || exit 77
    [ $code = 0 ] || { echo "the cluster did not start"; exit 1; }
}

job_field() { # JOB FIELD → its value, of a running or ended job
    cluster run scontrol --oneliner show job "$1" | tr ' ' '\n' | sed -n "s/^$2=//p" | head -1
}

# Waits until a job is in one of the states of an extended regular expression; complains after SECONDS.
wait_for_state() { # JOB STATES SECONDS
    local state='' waited=0
    while [ $waited -lt $(($3 * 5)) ]; do
        state=$(job_field "$1" JobState)
        if [[ $state =~ ^($2)$ ]]; then return 0; fi
        sleep 0.2
        waited=$((waited + 1))
    done
    complain "job $1 is '$state' after $3 s, not '$2'"
    return 1
}
ended='COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL|OUT_OF_MEMORY|BOOT_FAIL|DEADLINE'
