#!/usr/bin/env bash
# Submits the whole chain to Slurm, each job after the one it needs: pack → tokenizer → pretrain → fine-tune → evaluate.
#
#   jobs/submit.sh SITE_FILE --data DIR --work DIR [option]...
#
#   SITE_FILE         a copy of jobs/slurm/site.conf, filled in
#   --data DIR        raw recordings; not needed if WORK/corpus is there
#   --work DIR        where corpus, runs and logs go; seen by all nodes
#   --config FILE     training configuration (default configs/small.yaml)
#   --labels TABLE    label table for anyecg-pack build
#   --recipe FILE     data recipe for anyecg-pack build
#   --tasks "A B"     what to fine-tune (default "anomaly leadgen")
#   --set KEY=VALUE   passed to anyecg-train; may be repeated
#   --print           shows the sbatch commands and submits nothing
set -euo pipefail
home=$(cd "$(dirname "$0")/.." && pwd)

usage() { sed -n '2,/^set -/{/^#/{s/^# \{0,1\}//;p}}' "$0"; }
fail() { echo "jobs/submit.sh: $1" >&2; exit 2; }
value() { [ $# -ge 2 ] || fail "option '$1' needs a value; see --help"; echo "$2"; }

site='' data='' work='' config=$home/configs/small.yaml labels='' recipe='' tasks='anomaly leadgen' settings='' print=no
while [ $# -gt 0 ]; do
    case $1 in
        --data) data=$(value "$@"); shift 2 ;;
        --work) work=$(value "$@"); shift 2 ;;
        --config) config=$(value "$@"); shift 2 ;;
        --labels) labels=$(value "$@"); shift 2 ;;
        --recipe) recipe=$(value "$@"); shift 2 ;;
        --tasks) tasks=$(value "$@"); shift 2 ;;
        --set) settings="$settings --set $(value "$@")"; shift 2 ;;
        --print) print=yes; shift ;;
        -h | --help) usage; exit 0 ;;
        -*) fail "unknown option '$1'; see --help" ;;
        *) [ -z "$site" ] || fail "more than one site file: '$site', '$1'"; site=$1; shift ;;
    esac
done
[ -n "$site" ] || fail "no site file; copy jobs/slurm/site.conf and fill it in (see --help)"
[ -r "$site" ] || fail "site file '$site' cannot be read"
[ -n "$work" ] || fail "--work DIR is needed: where corpus, runs and logs go"
[ -r "$config" ] || fail "configuration '$config' cannot be read"
for task in $tasks; do
    case $task in
        anomaly | arrhythmia | leadgen | longecg) ;;
        *) fail "--tasks: '$task' is none of anomaly arrhythmia leadgen longecg" ;;
    esac
done
work=$(mkdir -p "$work" && cd "$work" && pwd)
if [ -z "$data" ] && [ ! -e "$work/corpus/manifest.json" ]; then
    fail "--data DIR is needed: there is no corpus in $work/corpus yet"
fi

PARTITION='' ACCOUNT='' MODULES='' BUILD=build LAUNCHER=srun NODES=1 RANKS_PER_NODE=2 PACK_RANKS=2 HOURS=24 SAVE_SECONDS=600 SBATCH_EXTRA=''
# shellcheck disable=SC1090
. "$site"
case $BUILD in /*) ;; *) BUILD=$home/$BUILD ;; esac
for program in anyecg-pack anyecg-train anyecg-infer; do
    [ -x "$BUILD/$program" ] || fail "$BUILD/$program is not there; run jobs/setup.sh, or set BUILD in $site"
done

export ANYECG_HOME=$home ANYECG_BUILD=$BUILD ANYECG_LAUNCHER=$LAUNCHER ANYECG_MODULES=$MODULES ANYECG_WORK=$work ANYECG_DATA=$data
export ANYECG_CONFIG=$config ANYECG_LABELS=$labels ANYECG_RECIPE=$recipe ANYECG_SET=$settings
mkdir -p "$work/logs"

submit() { # NAME SCRIPT NODES RANKS AFTER TASK → prints the job's id
    local name=$1 script=$2 nodes=$3 ranks=$4 after=$5 task=$6
    local command=(sbatch --parsable --job-name="anyecg-$name" --nodes="$nodes" --ntasks="$ranks"
        --time="$((HOURS * 60))" --signal="B:USR1@$SAVE_SECONDS" --output="$work/logs/$name-%j.log" --export=ALL)
    [ -n "$PARTITION" ] && command+=(--partition="$PARTITION")
    [ -n "$ACCOUNT" ] && command+=(--account="$ACCOUNT")
    [ -n "$after" ] && command+=(--dependency="afterok:$after" --kill-on-invalid-dep=yes)
    # shellcheck disable=SC2206
    [ -n "$SBATCH_EXTRA" ] && command+=($SBATCH_EXTRA)
    command+=("$home/jobs/slurm/$script.sbatch")
    if [ $print = yes ]; then
        echo "ANYECG_RANKS=$ranks ${task:+ANYECG_TASK=$task }${command[*]}" >&2
        echo "<$name>"
    else
        local id
        id=$(ANYECG_RANKS=$ranks ANYECG_TASK=$task "${command[@]}") || exit 1
        echo "$name: job ${id%%;*}, log $work/logs/$name-${id%%;*}.log" >&2
        echo "${id%%;*}"
    fi
}

ranks=$((NODES * RANKS_PER_NODE)) pack=''
[ -e "$work/corpus/manifest.json" ] || pack=$(submit pack pack 1 "$PACK_RANKS" '' '')
tokenizer=$(submit tokenizer tokenizer "$NODES" "$ranks" "$pack" '')
pretrain=$(submit pretrain pretrain "$NODES" "$ranks" "$tokenizer" '')
for task in $tasks; do
    tuned=$(submit "$task" finetune "$NODES" "$ranks" "$pretrain" "$task")
    submit "evaluate-$task" infer 1 "$PACK_RANKS" "$tuned" "$task" >/dev/null
done
