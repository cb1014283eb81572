#!/usr/bin/env bash
# What a small model learns from the real recordings in one go: packs them, trains both stages, fine-tunes anomaly, evaluates on
# patients never trained on, and prints the figures that docs/RESULTS.md quotes with the time each step took.
#
#   ECG_DATA_DIR=DIR tests/bench/real_recordings.sh [WORK]
#
# Needs the programs in build/ (jobs/setup.sh). Fold 0 of labels_anomaly.csv is test, fold 1 validation, folds 2 to 4 train, in
# every stage. RANKS (default 2) sets the ranks.
set -euo pipefail
home=$(cd "$(dirname "$0")/../.." && pwd)
: "${ECG_DATA_DIR:?names the folder with the recordings and labels_anomaly.csv}"
work=${1:-$home/run-real}
ranks=${RANKS:-2}
[ "$(id -u)" != 0 ] || export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
if [ -e "$work" ]; then
    echo "$0: $work is there already; remove it or name another folder" >&2
    exit 2
fi
mkdir -p "$work"

folds="--set data.train_folds=[2,3,4] --set data.validation_folds=[1] --set data.test_folds=[0]"
common="-c $home/configs/tiny.yaml --corpus $work/corpus $folds"

step() { # TITLE COMMAND...
    local title=$1 began=$SECONDS code=0
    shift
    echo "== $title"
    "$@" || code=$?
    # 3: done, some recordings were refused and are listed
    [ $code = 0 ] || [ $code = 3 ] || exit $code
    echo "== $title took $((SECONDS - began)) s"
}

step "pack" "$home/build/anyecg-pack" build -q --labels "$ECG_DATA_DIR/labels_anomaly.csv" -o "$work/corpus" "$ECG_DATA_DIR"
# shellcheck disable=SC2086
step "tokenizer" mpirun -n "$ranks" "$home/build/anyecg-train" tokenizer $common --out "$work/tokenizer"
# shellcheck disable=SC2086
step "pretrain" mpirun -n "$ranks" "$home/build/anyecg-train" pretrain $common --out "$work/pretrain" --tokenizer "$work/tokenizer"
# shellcheck disable=SC2086
step "fine-tune anomaly" mpirun -n "$ranks" "$home/build/anyecg-train" finetune anomaly $common --set validation.every_steps=25 \
    --out "$work/anomaly" --init "$work/pretrain"
step "evaluate anomaly" mpirun -n "$ranks" "$home/build/anyecg-infer" evaluate anomaly --checkpoint "$work/anomaly" \
    --corpus "$work/corpus" --split test -o "$work/anomaly.json"
echo "== everything took $SECONDS s"
