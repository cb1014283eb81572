#!/usr/bin/env bash
# Submits the whole chain to Slurm, each job after the one it needs: pack → tokenizer → pretrain → fine-tune → evaluate.
#
#   jobs/submit.sh SITE_FILE --work DIR --data DIR [option]...
#
#   SITE_FILE         a copy of jobs/slurm/site.conf, filled in
#   --work DIR        where corpus, runs and logs go; seen by all nodes
#   --data DIR        raw recordings, or @FILE with a list; not needed if WORK/corpus is there
#   --config FILE     training configuration (default configs/small.yaml)
#   --labels TABLE    label table for anyecg-pack build
#   --recipe FILE     data recipe for anyecg-pack build
#   --site-key FILE   key of the patients' pseudonyms for anyecg-pack build
#   --tasks "A B"     what to fine-tune (default "anomaly leadgen"); of anomaly arrhythmia leadgen longecg
#   --set KEY=VALUE   passed to anyecg-train; may be repeated
#   --print           submits nothing and prints the chain as a shell script
#
# The same command once more goes on where the chain was cut off: a corpus that is there is used, runs resume.
set -euo pipefail
home=$(cd "$(dirname "$0")/.." && pwd)

usage() { sed -n '2,/^set -/{/^#/{s/^# \{0,1\}//;p}}' "$0"; }
fail() { echo "jobs/submit.sh: $1" >&2; exit 2; }

site='' data='' work='' config=$home/configs/small.yaml labels='' recipe='' site_key='' tasks='anomaly leadgen' settings='' print=no
while [ $# -gt 0 ]; do
    case $1 in
        --data | --work | --config | --labels | --recipe | --site-key | --tasks | --set)
            [ $# -ge 2 ] || fail "option '$1' needs a value; see --help" ;;
    esac
    case $1 in
        --data) data=$2; shift 2 ;;
        --work) work=$2; shift 2 ;;
        --config) config=$2; shift 2 ;;
        --labels) labels=$2; shift 2 ;;
        --recipe) recipe=$2; shift 2 ;;
        --site-key) site_key=$2; shift 2 ;;
        --tasks) tasks=$2; shift 2 ;;
        --set) settings+=$2$'\n'; shift 2 ;;
        --print) print=yes; shift ;;
        -h | --help) usage; exit 0 ;;
        -*) fail "unknown option '$1'; see --help" ;;
        *) [ -z "$site" ] || fail "more than one site file: '$site', '$1'"; site=$1; shift ;;
    esac
done

readable() { # OPTION FILE → its absolute path; nothing for nothing
    [ -n "$2" ] || return 0
    [ -r "$2" ] || fail "$1 '$2' cannot be read"
    realpath "$2"
}

[ -n "$site" ] || fail "no site file; copy jobs/slurm/site.conf and fill it in (see --help)"
[ -r "$site" ] || fail "site file '$site' cannot be read"
[ -n "$work" ] || fail "--work DIR is needed: where corpus, runs and logs go"
work=$(realpath -m "$work")
config=$(readable --config "$config")
labels=$(readable --labels "$labels")
recipe=$(readable --recipe "$recipe")
site_key=$(readable --site-key "$site_key")
case $data in
    @*) data=@$(readable --data "${data#@}") ;;
    *) data=$(readable --data "$data") ;;
esac
[ -n "$data" ] || [ -e "$work/corpus/manifest.json" ] || fail "--data DIR is needed: there is no corpus in $work/corpus yet"
for task in $tasks; do
    case $task in
        anomaly | arrhythmia | leadgen | longecg) ;;
        *) fail "--tasks: '$task' is none of anomaly arrhythmia leadgen longecg" ;;
    esac
done

PARTITION='' ACCOUNT='' MODULES='' BUILD=build LAUNCHER=srun SRUN_MPI=pmix NODES=1 RANKS_PER_NODE=2 PACK_RANKS=2 HOURS=24
SAVE_SECONDS=600 MOST_RESTARTS=100 SBATCH_EXTRA=''
# shellcheck disable=SC1090
. "$(realpath "$site")"
for name in $(sed -n 's/^[[:space:]]*\([A-Za-z_][A-Za-z_0-9]*\)=.*/\1/p' "$site"); do
    case $name in
        PARTITION | ACCOUNT | MODULES | BUILD | LAUNCHER | SRUN_MPI | NODES | RANKS_PER_NODE | PACK_RANKS | HOURS | SAVE_SECONDS | \
            MOST_RESTARTS | SBATCH_EXTRA) ;;
        *[a-z]*) ;; # a variable of the file's own
        *) [[ $(declare -p "$name" 2>/dev/null) == 'declare -x'* ]] || # else it was exported here or before
            fail "$site: '$name' is no setting; jobs/slurm/site.conf has them all. A variable for the jobs needs \`export\`" ;;
    esac
done
for name in NODES RANKS_PER_NODE PACK_RANKS HOURS SAVE_SECONDS MOST_RESTARTS; do
    [[ ${!name} =~ ^(0|[1-9][0-9]*)$ ]] || fail "$site: $name '${!name}': must be a whole number"
done
[ "$SAVE_SECONDS" -lt $((HOURS * 3600)) ] || fail "$site: SAVE_SECONDS $SAVE_SECONDS: must be less than HOURS ($HOURS)"
case $LAUNCHER in srun | mpirun) ;; *) fail "$site: LAUNCHER '$LAUNCHER': must be srun or mpirun" ;; esac
case $BUILD in /*) ;; *) BUILD=$home/$BUILD ;; esac

variables=(ANYECG_HOME="$home" ANYECG_BUILD="$BUILD" ANYECG_LAUNCHER="$LAUNCHER" ANYECG_SRUN_MPI="$SRUN_MPI"
    ANYECG_MODULES="$MODULES" ANYECG_WORK="$work" ANYECG_DATA="$data" ANYECG_CONFIG="$config" ANYECG_LABELS="$labels" ANYECG_RECIPE="$recipe" ANYECG_SITE_KEY="$site_key"
    ANYECG_SET="$settings" ANYECG_MOST_RESTARTS="$MOST_RESTARTS")
if [ $print = yes ]; then
    printf '#!/usr/bin/env bash\nset -e\n'
    printf 'export %q\n' "${variables[@]}"
    printf 'mkdir -p %q\n' "$work/logs"
else
    command -v sbatch >/dev/null || fail "there is no sbatch here: run it where Slurm is, or use --print"
    for program in anyecg-pack anyecg-train anyecg-infer; do
        [ -x "$BUILD/$program" ] || fail "$BUILD/$program is not there; run jobs/setup.sh, or set BUILD in $site"
    done
    export "${variables[@]}"
    mkdir -p "$work/logs"
fi

# Submits a job and sets `job` to its id (with --print: to the name of the variable that will hold it).
submit() { # NAME NODES RANKS_PER_NODE AFTER SAVES SCRIPT ARGUMENT...
    local name=$1 nodes=$2 ranks=$3 after=$4 saves=$5 script=$6
    local command=(sbatch --parsable --job-name="anyecg-$name" --nodes="$nodes" --ntasks-per-node="$ranks"
        --time="$((HOURS * 60))" --output="$work/logs/$name-%j.log" --export=ALL)
    shift 6
    [ "$saves" = no ] || command+=(--signal="B:USR1@$SAVE_SECONDS")
    [ -z "$PARTITION" ] || command+=(--partition="$PARTITION")
    [ -z "$ACCOUNT" ] || command+=(--account="$ACCOUNT")
    # shellcheck disable=SC2206
    command+=($SBATCH_EXTRA)
    [ -z "$after" ] || command+=(--kill-on-invalid-dep=yes --dependency="afterok:$after")
    command+=("$home/jobs/slurm/$script.sbatch" "$@")
    if [ $print = yes ]; then
        job=job_${name//-/_}
        echo "$job=\$($(printf '%q ' "${command[@]}" | sed 's/afterok:\(job_[a-z_]*\)/afterok:$\1/; s/ $//'))"
    else
        job=$("${command[@]}")
        job=${job%%;*} # "id;cluster"
        echo "$name: job $job, log $work/logs/$name-$job.log"
    fi
}

job=''
[ -e "$work/corpus/manifest.json" ] || submit pack 1 "$PACK_RANKS" '' no pack
submit tokenizer "$NODES" "$RANKS_PER_NODE" "$job" yes tokenizer
submit pretrain "$NODES" "$RANKS_PER_NODE" "$job" yes pretrain
pretrain=$job
for task in $tasks; do
    submit "$task" "$NODES" "$RANKS_PER_NODE" "$pretrain" yes finetune "$task"
    submit "evaluate-$task" 1 "$PACK_RANKS" "$job" no infer "$task"
done
