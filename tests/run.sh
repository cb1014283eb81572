#!/usr/bin/env bash
# Builds everything with warnings as errors and runs all tests; under 20 minutes on 2 cores.
#
#   tests/run.sh             all tests, then once more the fast ones under AddressSanitizer and UBSan
#   tests/run.sh --long      also long fuzzing (a minute a target) and more interruptions (20 kills)
#   tests/run.sh --quick     unit and gradient tests only
#
# Installs what is missing (jobs/setup.sh --tests). Tests that need real recordings take their folder from ECG_DATA_DIR and
# are skipped, with a word, without it. The last line counts: N passed, N failed, N skipped.
set -uo pipefail
cd "$(dirname "$0")/.."

long=no quick=no
for option in "$@"; do
    case $option in
        --long) long=yes ;;
        --quick) quick=yes ;;
        -h | --help) sed -n '2,/^set -/{/^#/{s/^# \{0,1\}//;p}}' "$0"; exit 0 ;;
        *) echo "tests/run.sh: unknown option '$option'; see --help" >&2; exit 2 ;;
    esac
done

jobs/setup.sh --tests --no-build || exit 1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
[ $long = yes ] && export ANYECG_FUZZ_SECONDS=60 ANYECG_LONG=1

passed=0 failed=0 skipped=0 log=build-tests/summary.log
mkdir -p build-tests && : >$log

configure_and_build() { # FOLDER OPTION...
    local folder=$1
    shift
    cmake -S . -B "$folder" -G Ninja -DANYECG_WERROR=ON "$@" >"$folder.log" 2>&1 && cmake --build "$folder" >>"$folder.log" 2>&1 ||
        { grep -E 'error|FAILED|CMake Error' -A5 "$folder.log" | head -60; echo "building $folder failed, see $folder.log"; return 1; }
}

run_ctest() { # FOLDER CTEST-OPTION...
    local folder=$1 out
    shift
    out=$(mktemp)
    ctest --test-dir "$folder" --output-on-failure -j2 "$@" 2>&1 | tee "$out" | grep -v '^ *Start '
    # ctest names each test once with its outcome; a skip is counted, never taken for a pass
    passed=$((passed + $(grep -cE '^ *[0-9]+/[0-9]+ Test .* Passed ' "$out")))
    skipped=$((skipped + $(grep -cE '^ *[0-9]+/[0-9]+ Test .*\*\*\*(Skipped|Not Run)' "$out")))
    failed=$((failed + $(grep -E '^ *[0-9]+/[0-9]+ Test ' "$out" | grep -vcE ' Passed |\*\*\*Skipped|\*\*\*Not Run')))
    rm -f "$out"
}

begin() { printf '\n== %s\n' "$1"; }

[ -n "${ECG_DATA_DIR:-}" ] || echo "SKIP: ECG_DATA_DIR is not set: tests on real recordings are skipped"

begin "build"
fuzz=OFF
command -v clang >/dev/null && fuzz=ON
configure_and_build build-tests -DANYECG_FUZZ=$fuzz -DANYECG_BENCH=ON || failed=$((failed + 1))

if [ "$failed" = 0 ]; then
    if [ $quick = yes ]; then
        begin "unit and gradient tests"
        run_ctest build-tests -L 'unit|grad'
    else
        begin "all tests"
        run_ctest build-tests
        begin "unit tests under AddressSanitizer and UndefinedBehaviorSanitizer"
        if configure_and_build build-sanitize -DANYECG_SANITIZE=ON; then
            # leaks of MPI itself are not ours; leaks of our code are found by the programs without MPI
            ASAN_OPTIONS=detect_leaks=0:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1 run_ctest build-sanitize -L 'unit'
        else
            failed=$((failed + 1))
        fi
    fi
fi

echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
