#!/usr/bin/env bash
# shellcheck disable=SC2016,SC2086,SC2317
# jobs/submit.sh with a small program in place of sbatch: no cluster needed.
# shellcheck source=tests/slurm/checks.sh
. "$(dirname "$0")/checks.sh"

submit=$project/jobs/submit.sh config=$project/configs/tiny.yaml
mkdir -p "$scratch/bin" "$scratch/build" "$scratch/raw data"
touch "$scratch/build/anyecg-pack" "$scratch/build/anyecg-train" "$scratch/build/anyecg-infer"
chmod +x "$scratch"/build/*
# an sbatch that numbers its jobs from 101 and writes down the call and the settings that the job would see
cat >"$scratch/bin/sbatch" <<'SCRIPT'
#!/usr/bin/env bash
n=$(($(cat "$SCRATCH/count" 2>/dev/null || echo 100) + 1))
echo $n >"$SCRATCH/count"
printf '%s|' "$n" "$@" >>"$SCRATCH/sbatch.log"
echo >>"$SCRATCH/sbatch.log"
env | grep -A1 '^ANYECG_' >"$SCRATCH/environment.log"
echo "$n"
SCRIPT
chmod +x "$scratch/bin/sbatch"
export SCRATCH=$scratch
write_site() { printf '%s\n' "BUILD=$scratch/build" "$@" >"$scratch/site.conf"; }
run_submit() { # its output in out.log, its exit code in $code
    rm -f "$scratch"/*.log "$scratch/count"
    PATH=$scratch/bin:$PATH "$submit" "$@" >"$scratch/out.log" 2>&1
    code=$?
}
of_job() { sed -n "s/^$1|/|/p" "$scratch/sbatch.log" >"$scratch/job.log"; }

check_chain() { # what sbatch was told, for the default tasks
    equal jobs 7 "$(wc -l <"$scratch/sbatch.log")"
    local row name after script
    while read -r row name after script; do
        of_job "$row"
        holds "$scratch/job.log" "\|--job-name=anyecg-$name\|"
        holds "$scratch/job.log" "/jobs/slurm/$script\|$"
        if [ "$after" = none ]; then lacks "$scratch/job.log" 'dependency'; else holds "$scratch/job.log" "\|--dependency=afterok:$after\|"; fi
    done <<'TABLE'
101 pack none pack.sbatch
102 tokenizer 101 tokenizer.sbatch
103 pretrain 102 pretrain.sbatch
104 anomaly 103 finetune.sbatch\|anomaly
105 evaluate-anomaly 104 infer.sbatch\|anomaly
106 leadgen 103 finetune.sbatch\|leadgen
107 evaluate-leadgen 106 infer.sbatch\|leadgen
TABLE
}

the_chain_is_submitted_with_each_job_after_the_one_it_needs() {
    write_site NODES=3 RANKS_PER_NODE=16 PACK_RANKS=8 HOURS=12 SAVE_SECONDS=300 PARTITION=long ACCOUNT=heart 'SBATCH_EXTRA="--exclusive --mem=0"'
    run_submit "$scratch/site.conf" --work "$scratch/work" --data "$scratch/raw data" --config "$config"
    equal code 0 $code
    check_chain
    of_job 103
    holds "$scratch/job.log" '\|--nodes=3\|--ntasks-per-node=16\|--time=720\|'
    holds "$scratch/job.log" '\|--signal=B:USR1@300\|--partition=long\|--account=heart\|--exclusive\|--mem=0\|'
    of_job 101
    holds "$scratch/job.log" '\|--nodes=1\|--ntasks-per-node=8\|'
    lacks "$scratch/job.log" 'signal'
    holds "$scratch/environment.log" "^ANYECG_DATA=$scratch/raw data$"
    holds "$scratch/out.log" "^pretrain: job 103, log $scratch/work/logs/pretrain-103.log$"
}
print_shows_the_chain_and_submits_nothing() {
    write_site
    run_submit "$scratch/site.conf" --work "$scratch/print" --data "$scratch/raw data" --config "$config" --print
    equal code 0 $code
    [ ! -e "$scratch/sbatch.log" ] || complain "sbatch was called"
    [ ! -e "$scratch/print" ] || complain "the work folder was made"
    equal "jobs shown" 7 "$(grep -c '=\$(sbatch ' "$scratch/out.log")"
}
the_printed_chain_run_by_a_shell_submits_the_same_jobs() {
    write_site
    run_submit "$scratch/site.conf" --work "$scratch/print" --data "$scratch/raw data" --config "$config" --set 'data.leads=[I, II]' --print
    PATH=$scratch/bin:$PATH bash "$scratch/out.log"
    check_chain
    holds "$scratch/environment.log" '^ANYECG_SET=data.leads=\[I, II\]$'
}
settings_reach_the_jobs_one_a_line() {
    write_site
    run_submit "$scratch/site.conf" --work "$scratch/work" --data "$scratch/raw data" --config "$config" --set 'data.leads=[I, II]' --set seed=9
    holds "$scratch/environment.log" '^ANYECG_SET=data.leads=\[I, II\]$'
    holds "$scratch/environment.log" '^seed=9$'
}
a_corpus_that_is_there_is_not_packed_again() {
    write_site
    mkdir -p "$scratch/packed/corpus" && echo '{}' >"$scratch/packed/corpus/manifest.json"
    run_submit "$scratch/site.conf" --work "$scratch/packed" --config "$config" --tasks longecg
    equal code 0 $code
    equal jobs 4 "$(wc -l <"$scratch/sbatch.log")"
    of_job 101
    holds "$scratch/job.log" 'job-name=anyecg-tokenizer'
    lacks "$scratch/job.log" 'dependency'
}
mistakes_are_refused_with_a_remedy_before_anything_is_submitted() {
    local options=("$scratch/site.conf" --work "$scratch/work" --data "$scratch/raw data" --config "$config")
    refused() { # PATTERN ARGUMENT...
        run_submit "${@:2}"
        equal "code of ${*:2}" 2 $code
        holds "$scratch/out.log" "$1"
        [ ! -e "$scratch/sbatch.log" ] || complain "sbatch was called"
    }
    write_site
    refused 'no site file; copy jobs/slurm/site.conf' --work "$scratch/work"
    refused "unknown option '--taks'; see --help" "${options[@]}" --taks anomaly
    refused "'anomali' is none of anomaly arrhythmia leadgen longecg" "${options[@]}" --tasks anomali
    refused "option '--set' needs a value" "${options[@]}" --set
    refused '--work DIR is needed' "$scratch/site.conf"
    refused 'there is no corpus in' "$scratch/site.conf" --work "$scratch/empty" --config "$config"
    refused "config '/nowhere.yaml' cannot be read" "${options[@]}" --config /nowhere.yaml
    refused "data '/nowhere' cannot be read" "${options[@]}" --data /nowhere
    write_site NODES=two
    refused "site.conf: NODES 'two': must be a whole number" "${options[@]}"
    write_site LAUNCHER=aprun
    refused "LAUNCHER 'aprun': must be srun or mpirun" "${options[@]}"
    write_site PARTITON=long
    refused "site.conf: 'PARTITON' is no setting; jobs/slurm/site.conf has them all" "${options[@]}"
    write_site 'export OMPI_MCA_btl_tcp_if_include=ib0' 'scratch=/scratch/me' SRUN_MPI=pmi2
    run_submit "${options[@]}"
    equal "code with variables of the site's own" 0 $code
    holds "$scratch/environment.log" '^ANYECG_SRUN_MPI=pmi2$'
    rm "$scratch/sbatch.log"
    write_site HOURS=1 SAVE_SECONDS=3600
    refused "SAVE_SECONDS 3600: must be less than HOURS" "${options[@]}"
    write_site "BUILD=/nowhere"
    refused '/nowhere/anyecg-pack is not there; run jobs/setup.sh, or set BUILD' "${options[@]}"
}

run_tests the_chain_is_submitted_with_each_job_after_the_one_it_needs print_shows_the_chain_and_submits_nothing \
    the_printed_chain_run_by_a_shell_submits_the_same_jobs settings_reach_the_jobs_one_a_line \
    a_corpus_that_is_there_is_not_packed_again mistakes_are_refused_with_a_remedy_before_anything_is_submitted
