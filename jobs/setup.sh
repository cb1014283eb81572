#!/usr/bin/env bash
# Installs what AnyECG in C needs on Debian 12 or Ubuntu 22.04+, as root or with sudo, and builds it into build/.
#
#   jobs/setup.sh            libraries, then build
#   jobs/setup.sh --tests    also what the tests use (Python twins, fuzzer runtime, Slurm)
#   jobs/setup.sh --no-build only install
#
# Installs nothing that is already there, so a machine that has been set up needs neither root nor a network. On other
# systems install the packages of docs/DEPENDENCIES.md and run
#   cmake -S . -B build && cmake --build build
set -euo pipefail
cd "$(dirname "$0")/.."

with_tests=no build=yes
for option in "$@"; do
    case $option in
        --tests) with_tests=yes ;;
        --no-build) build=no ;;
        -h | --help) sed -n '2,/^set -/{/^#/{s/^# \{0,1\}//;p}}' "$0"; exit 0 ;;
        *) echo "jobs/setup.sh: unknown option '$option'; see --help" >&2; exit 2 ;;
    esac
done

packages="build-essential cmake ninja-build pkg-config openmpi-bin libopenmpi-dev libopenblas-pthread-dev libhdf5-openmpi-dev
    hdf5-tools libprotobuf-c-dev protobuf-c-compiler liblz4-dev libsoxr-dev libcyaml-dev libyaml-dev libjansson-dev
    libxxhash-dev libsodium-dev libflac-dev libmatio-dev libexpat1-dev zlib1g-dev libcairo2-dev"
if [ $with_tests = yes ]; then
    packages="$packages libcmocka-dev clang-format python3 python3-numpy python3-scipy python3-pywt python3-h5py python3-pydicom
        hdf5-filter-plugin python3-protobuf python3-torch protobuf-compiler clang libclang-rt-14-dev slurm-wlm munge iproute2
        qemu-user"
fi

missing=""
for package in $packages; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
    command -v apt-get >/dev/null || { echo "jobs/setup.sh: no apt-get here; install by hand:$missing" >&2; exit 1; }
    as_root=""
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || { echo "jobs/setup.sh: not root and no sudo; ask an administrator for:$missing" >&2; exit 1; }
        as_root=sudo
    fi
    echo "installing:$missing"
    $as_root apt-get update -qq
    available=""
    for package in $missing; do
        # Ubuntu names the fuzzer runtime after another clang version: take what there is, the tests say what they skip
        if apt-cache show "$package" >/dev/null 2>&1; then available="$available $package"; else echo "not packaged here: $package"; fi
    done
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive $as_root ${as_root:+env DEBIAN_FRONTEND=noninteractive} apt-get install -y -qq --no-install-recommends $available >/dev/null
fi

if [ $build = yes ]; then
    [ -x build/anyecg-infer ] || echo "building into build/; takes some minutes, build.log shows how far it is"
    cmake -S . -B build -G Ninja -DANYECG_TESTS="$([ $with_tests = yes ] && echo ON || echo OFF)" >build.log 2>&1 ||
        { tail -20 build.log >&2; echo "jobs/setup.sh: configuration failed, see build.log" >&2; exit 1; }
    cmake --build build >>build.log 2>&1 || { tail -40 build.log >&2; echo "jobs/setup.sh: build failed, see build.log" >&2; exit 1; }
    echo "built: build/anyecg-pack build/anyecg-train build/anyecg-infer"
fi
