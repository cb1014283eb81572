#!/usr/bin/env bash
# Everything once, in a few minutes on two cores: installs and builds what is missing, makes a corpus, trains both stages on two
# ranks, fine-tunes four tasks, answers them on a recording that no model has seen, and measures on the test split.
#
#   jobs/demo.sh                       a corpus of simulated ECGs with known truth
#   jobs/demo.sh --data DIR            the WFDB recordings under DIR (some hundreds at least)
#
#   --labels TABLE   with --data: label table (columns folder, record, and patient, age, sex, fold, anomaly, classes as there are)
#   --work DIR       where all goes (default run-demo); an interrupted demo goes on where it was
#   --fresh          begins anew: removes an earlier demo in the work folder
#   --ranks N        MPI ranks (default 2)
#   --build DIR      programs that are built already; installs and builds nothing
#
# Ctrl-C saves; the same command goes on.
set -euo pipefail
home=$(cd "$(dirname "$0")/.." && pwd)

usage() { sed -n '2,/^set -/{/^#/{s/^# \{0,1\}//;p}}' "$0"; }
fail() { echo "jobs/demo.sh: $1" >&2; exit 2; }

data='' labels='' work=run-demo ranks=2 build='' fresh=no
while [ $# -gt 0 ]; do
    case $1 in
        --data | --labels | --work | --ranks | --build) [ $# -ge 2 ] || fail "option '$1' needs a value; see --help" ;;
    esac
    case $1 in
        --data) data=$2; shift 2 ;;
        --labels) labels=$2; shift 2 ;;
        --work) work=$2; shift 2 ;;
        --ranks) ranks=$2; shift 2 ;;
        --build) build=$2; shift 2 ;;
        --fresh) fresh=yes; shift ;;
        -h | --help) usage; exit 0 ;;
        *) fail "'$1' is no option; see --help" ;;
    esac
done
[[ $ranks =~ ^[1-4]$ ]] || fail "--ranks $ranks: 1 to 4, since a batch of the demo has 4 parts"
[ -z "$data" ] || [ -d "$data" ] || fail "--data $data: no such folder"
[ -z "$labels" ] || [ -n "$data" ] || fail "--labels goes with --data"
[ -z "$labels" ] || [ -r "$labels" ] || fail "--labels $labels: cannot be read"
[ -z "$data" ] || data=$(realpath "$data")
[ -z "$labels" ] || labels=$(realpath "$labels")

# ---- the work folder: demo.txt says what an earlier demo there was made of ----

work=$(realpath -m "$work")
made_of="data=$data labels=$labels ranks=$ranks"
if [ -e "$work/demo.txt" ]; then
    if [ $fresh = yes ]; then
        rm -rf "$work"
    elif [ "$(cat "$work/demo.txt")" != "$made_of" ]; then
        fail "$work holds a demo of other options ($(cat "$work/demo.txt")); --fresh begins anew, --work names another folder"
    else
        echo "$work holds an earlier demo: what is done is kept, the rest goes on (--fresh begins anew)"
    fi
elif [ -e "$work" ] && [ -n "$(ls -A "$work")" ]; then
    fail "$work is not empty and no earlier demo; --work names another folder"
fi

started=$SECONDS
if [ -z "$build" ]; then
    "$home/jobs/setup.sh"
    build=$home/build
fi
build=$(realpath "$build")
for program in anyecg-pack anyecg-train anyecg-infer; do
    [ -x "$build/$program" ] || fail "$build/$program is not there; run jobs/setup.sh"
done
mkdir -p "$work"
echo "$made_of" >"$work/demo.txt"
cd "$work"

if [ "$(id -u)" = 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 # mpirun refuses root otherwise
fi
[ "$ranks" -le "$(nproc)" ] || export OMPI_MCA_rmaps_base_oversubscribe=1
# Under mpirun stderr is no terminal: a line of progress every few seconds.
export OPENBLAS_NUM_THREADS=1 ANYECG_PROGRESS_SECONDS=5
# mpirun needs not explain an exit code: the programs have said what it was.
export OMPI_MCA_orte_execute_quiet=1
# Some shells preset kernels of an older processor; OpenBLAS finds the right ones by itself.
unset OPENBLAS_CORETYPE

# ---- running programs ----

# In a process group of its own, so that Ctrl-C reaches this script alone: mpirun would kill its ranks before they can save.
child='' signals=0
stop() {
    signals=$((signals + 1))
    echo "saving ..." >&2
    [ -z "$child" ] || kill -USR1 "$child" 2>/dev/null || true
}
trap stop INT TERM

run() { # COMMAND...; ends the demo if it is stopped or fails, but for: 3 (some inputs were refused), and 4 or 5 in $code
    local before
    setsid "$@" &
    child=$!
    while :; do
        before=$signals
        wait "$child" && code=0 || code=$?
        [ $signals = $before ] && break # else the signal ended `wait`, not the program
    done
    child=''
    if [ $signals -gt 0 ]; then
        echo "stopped; the same command goes on from here" >&2
        exit 16
    fi
    case $code in
        0 | 3) code=0 ;;
        4 | 5) ;;
        *) fail_of_program "$1" ;;
    esac
}
fail_of_program() { # NAME
    echo "jobs/demo.sh: $1 ended with code $code; its message stands above. The same command goes on from here." >&2
    exit "$code"
}
must_run() { # COMMAND...
    run "$@"
    [ "$code" = 0 ] || fail_of_program "$1"
}
say() { printf '\n== %s  (after %d s)\n' "$1" $((SECONDS - started)); }
train() { # RUN ARGUMENT... ; a run that is there resumes, a finished one ends at once
    run mpirun -n "$ranks" "$build/anyecg-train" "${@:2}" -c "$home/jobs/demo.yaml" --corpus corpus --out "$1" --resume
}
infer() { run "$build/anyecg-infer" "$@"; }

# A number of a JSON file: behind the patterns, which follow one another in its lines.
figure() { # FILE PATTERN...
    local file=$1
    shift
    [ -r "$file" ] || return 0
    awk -v patterns="$(printf '%s|' "$@")" '
        BEGIN { n = split(patterns, pattern, "|") - 1; i = 1 }
        index($0, pattern[i]) { if (++i > n) { sub(/.*: /, ""); sub(/,$/, ""); if ($0 != "null") printf "%.3f", $0; exit } }' "$file"
}

# Few patients may all fall to one split; that must not come out after all the training.
check_splits() {
    local training test
    # the split is the sixth column from the end; in front of it stand names
    read -r training test < <("$build/anyecg-pack" info --splits corpus |
        awk -F, 'NR > 1 { n[$(NF - 5)]++ } END { print n["train"] + 0, n["test"] + 0 }')
    if [ "$training" = 0 ] || [ "$test" = 0 ]; then
        echo "jobs/demo.sh: of the recordings under $data $training fell to training and $test to testing; the demo needs both, as
it measures on patients that no model has seen. Give recordings of more patients: some hundreds at least." >&2
        exit 4
    fi
}

# ---- the chain ----

if [ -z "$data" ]; then
    say "corpus: 1200 simulated ECGs of 12 leads, 10 s each"
    [ -e corpus/manifest.json ] || must_run "$build/anyecg-pack" synth --overwrite -n 1200 -o corpus
    # of another seed than the corpus: no model has seen this patient; sinus rhythm with ventricular premature beats
    [ -e example/RECORDS ] || must_run "$build/anyecg-pack" synth -q -n 1 --seconds 30 --seed 9006 --wfdb example
    example=$(echo "$PWD"/example/*.hea)
else
    say "corpus: the recordings under $data"
    [ -e corpus/manifest.json ] ||
        must_run mpirun -n "$ranks" "$build/anyecg-pack" build --overwrite ${labels:+--labels "$labels"} -o corpus "$data"
    example=$(find "$data" -name '*.hea' | LC_ALL=C sort | head -n 1)
    check_splits
fi

say "stage 1: a tokenizer turns each second of each lead into one of 256 rhythm codes"
train tokenizer tokenizer
[ "$code" = 0 ] || fail_of_program anyecg-train
say "stage 2: a transformer learns to predict hidden codes"
train pretrain pretrain --tokenizer tokenizer
[ "$code" = 0 ] || fail_of_program anyecg-train

impossible=''
fine_tune() { # TASK WHAT SETTING...
    say "fine-tuning and evaluation: $2"
    train "$1" finetune "$1" --init pretrain "${@:3}"
    if [ "$code" != 0 ]; then
        impossible="$impossible $1"
        echo "$1: these recordings cannot teach it, see the message above"
        return
    fi
    infer evaluate "$1" --checkpoint "$1" --corpus corpus --split test -o "$1.evaluation.json"
    [ "$code" = 0 ] || echo "$1: these recordings cannot measure it, see the message above"
}
fine_tune anomaly "anomaly: is the recording abnormal?" --set finetune.steps=600
if [ -z "$data" ]; then
    say "the same with shuffled labels, which must come out at chance"
    train anomaly-shuffled finetune anomaly --init pretrain --set finetune.steps=100 --set finetune.shuffle_labels=true
    infer evaluate anomaly --checkpoint anomaly-shuffled --corpus corpus --split test -o anomaly-shuffled.evaluation.json
fi
fine_tune arrhythmia "arrhythmia: which rhythm and conduction?" --set finetune.steps=600
fine_tune longecg "longecg: when in a long recording?" --set finetune.steps=400
fine_tune leadgen "leadgen: what would a lost lead have shown?" --set finetune.steps=2500 --set finetune.optimiser.learning_rate=3e-3

say "all four tasks on $example"
made_leads="example-made-leads"
for task in anomaly arrhythmia longecg leadgen; do
    case " $impossible " in *" $task "*) continue ;; esac
    output=$task.jsonl
    wanted=()
    if [ $task = leadgen ]; then
        output=$made_leads
        wanted=(--leads "V1,V3,V5")
    fi
    infer -q $task --checkpoint $task "${wanted[@]}" -o $output "$example"
    [ $task = leadgen ] || sed 's/\(.\{400\}\).*/\1 .../' "$output"
done
draw() { # RECORDING PICTURE; a demo without pictures is one too
    "$build/anyecg-pack" plot -q -o "$2" "$1" || echo "no picture $2, see the message above"
}
draw "$example" example.png
for record in "$made_leads"/*.hea; do
    [ ! -e "$record" ] || draw "$record" "$made_leads.png"
done

# ---- what it means ----

cat <<SUMMARY

== done after $((SECONDS - started)) s. All lies in $work:
  corpus/                    the recordings at 300 Hz, checked, labelled, split by patient
  tokenizer/ pretrain/       the two stages: checkpoints, metrics.jsonl, log.txt, config.yaml
  <task>/                    fine-tuned models
  <task>.evaluation.json     figures on the test split, of patients that no model has seen
  <task>.jsonl               answers for the example recording
  $made_leads/        V1, V3, V5 of the example, made from its other leads (WFDB)
  example.png $made_leads.png    both on ECG paper, the first ten seconds
What is in them:
  $build/anyecg-pack info $work/corpus
  $build/anyecg-infer info $work/anomaly
SUMMARY
if [ -n "$(figure anomaly.evaluation.json auroc_pooled value)" ]; then
    echo "anomaly, AUROC on the test split (1: perfect, .5: chance): $(figure anomaly.evaluation.json auroc_pooled value)"
    [ -n "$data" ] || echo "    with shuffled labels: $(figure anomaly-shuffled.evaluation.json auroc_pooled value)"
    echo "    age and sex alone: $(figure anomaly.evaluation.json age_sex_auroc_pooled value)"
fi
if [ -n "$(figure leadgen.evaluation.json all_precordial '"model"' mae_mv)" ]; then
    echo "lead generation, mean absolute error in mV on the test split:"
    error_of() { figure leadgen.evaluation.json "$1" "\"$2\"" mae_mv; }
    printf '    %-30s %8s %15s %11s\n' '' model 'least squares' 'zero line'
    while IFS='|' read -r key case; do
        printf '    %-30s %8s %15s %11s\n' "$case" "$(error_of "$key" model)" "$(error_of "$key" 'least squares')" "$(error_of "$key" 'zero line')"
    done <<'CASES'
all_precordial|V1 to V6 from I and II
one_precordial|each of V1 to V6 from the rest
CASES
fi
[ -n "$data" ] || echo "Simulated hearts are simpler than real ones: these figures show that all parts work, not what a model is worth."
echo "Not a medical device."
