#!/usr/bin/env bash
# shellcheck disable=SC2016,SC2086,SC2317
# jobs/demo.sh with small programs in place of ours and of mpirun: what it calls, how it stops, goes on and begins anew.
# shellcheck source=tests/slurm/checks.sh
. "$(dirname "$0")/checks.sh"

mkdir -p "$scratch/bin" "$scratch/build"
cat >"$scratch/bin/mpirun" <<'SCRIPT'
#!/usr/bin/env bash
shift 2
exec "$@"
SCRIPT
cat >"$scratch/build/anyecg-pack" <<'SCRIPT'
#!/usr/bin/env bash
case $1 in
    info) cat "$SCRATCH/splits"; exit ;;
    plot) echo "$*" >>"$SCRATCH/plots.log"; exit ;;
esac
echo "pack $*" >>"$SCRATCH/calls.log"
while [ $# -gt 0 ]; do
    case $1 in
        -o) mkdir -p "$2" && echo '{}' >"$2/manifest.json" ;;
        --wfdb) mkdir -p "$2" && touch "$2/RECORDS" "$2/sim00000.hea" ;;
    esac
    shift
done
SCRIPT
cat >"$scratch/build/anyecg-train" <<'SCRIPT'
#!/usr/bin/env bash
echo "train $*" >>"$SCRATCH/calls.log"
. "$SCRATCH/behaviour"
SCRIPT
cat >"$scratch/build/anyecg-infer" <<'SCRIPT'
#!/usr/bin/env bash
echo "infer $*" >>"$SCRATCH/calls.log"
while [ $# -gt 0 ]; do
    if [ "$1" = -o ]; then
        case $2 in
            example-made-leads) mkdir -p "$2" && touch "$2/sim00000.hea" ;;
            leadgen.evaluation.json) printf '  "all_precordial": {\n "method": "model",\n "mae_mv": 0.105,\n "method": "least squares",\n "mae_mv": 0.1144,\n' >"$2" ;;
            *.json) printf '  "auroc_pooled": {\n    "value": 0.9312,\n' >"$2" ;;
            *) echo '{"task": "answer"}' >"$2" ;;
        esac
    fi
    shift
done
SCRIPT
chmod +x "$scratch"/bin/* "$scratch"/build/*
export SCRATCH=$scratch
start_demo() { # BEHAVIOUR-OF-TRAINING ARGUMENT...; in the background, its pid in $demo, its output in out.log
    rm -f "$scratch"/*.log
    echo "$1" >"$scratch/behaviour"
    PATH=$scratch/bin:$PATH "$project/jobs/demo.sh" --build "$scratch/build" --work "$scratch/work" "${@:2}" >"$scratch/out.log" 2>&1 &
    demo=$!
}
run_demo() { # as start_demo; its exit code in $code
    start_demo "$@"
    wait $demo
    code=$?
}

both_stages_and_four_tasks_are_trained_and_answered() {
    run_demo 'exit 0' --fresh
    equal code 0 $code
    equal "stages and tasks" "tokenizer pretrain anomaly anomaly arrhythmia longecg leadgen" \
        "$(sed -n 's/^train finetune \([a-z]*\) .*/\1/p; s/^train \([tp][a-z]*\) .*/\1/p' "$scratch/calls.log" | tr '\n' ' ' | sed 's/ $//')"
    local task
    for task in anomaly arrhythmia longecg leadgen; do
        holds "$scratch/calls.log" "^infer -q $task --checkpoint $task .*example/sim00000.hea"
        holds "$scratch/calls.log" "^infer evaluate $task --checkpoint $task --corpus corpus --split test"
    done
    holds "$scratch/plots.log" '^plot -q -o example.png .*example/sim00000.hea$'
    holds "$scratch/plots.log" '^plot -q -o example-made-leads.png example-made-leads/sim00000.hea$'
    holds "$scratch/out.log" "^  $scratch/build/anyecg-pack info $scratch/work/corpus$"
    holds "$scratch/out.log" 'AUROC .*: 0\.931$'
    holds "$scratch/out.log" 'V1 to V6 from I and II +0\.105 +0\.114'
}
an_earlier_demo_is_continued_and_its_corpus_kept() {
    run_demo 'exit 0'
    equal code 0 $code
    lacks "$scratch/calls.log" '^pack'
    equal "training calls with --resume" "$(grep -c ^train "$scratch/calls.log")" "$(grep -c '^train .*--resume' "$scratch/calls.log")"
    holds "$scratch/out.log" 'holds an earlier demo'
}
fresh_begins_anew() {
    touch "$scratch/work/old"
    run_demo 'exit 0' --fresh
    equal code 0 $code
    [ ! -e "$scratch/work/old" ] || complain "the earlier demo is still there"
    holds "$scratch/calls.log" '^pack synth'
}
a_demo_of_other_options_is_refused_with_the_remedy() {
    run_demo 'exit 0' --ranks 4
    equal code 2 $code
    holds "$scratch/out.log" '--fresh begins anew, --work names another folder'
}
a_folder_that_is_no_demo_is_never_removed() {
    mkdir -p "$scratch/precious" && touch "$scratch/precious/thesis"
    run_demo 'exit 0' --work "$scratch/precious" --fresh
    equal code 2 $code
    [ -e "$scratch/precious/thesis" ] || complain "the folder was removed"
}
ctrl_c_saves_and_says_how_to_go_on() {
    start_demo 'trap "echo saved >>$SCRATCH/calls.log; exit 16" USR1; touch "$SCRATCH/ready.log"; while :; do sleep 0.05; done'
    local tries=200
    until [ -e "$scratch/ready.log" ] || [ $tries = 0 ]; do sleep 0.05; tries=$((tries - 1)); done
    kill -TERM $demo # a shell's background job ignores INT; both are caught alike
    wait $demo
    equal code 16 $?
    holds "$scratch/calls.log" '^saved'
    holds "$scratch/out.log" 'the same command goes on from here'
}
a_failing_stage_ends_the_demo_with_its_code() {
    run_demo 'exit 7'
    equal code 7 $code
    equal "training calls" 1 "$(grep -c ^train "$scratch/calls.log")"
}
a_task_without_labels_is_left_out_and_the_others_go_on() {
    run_demo '[ "$2" = longecg ] && exit 4; exit 0'
    equal code 0 $code
    holds "$scratch/out.log" '^longecg: these recordings cannot teach it'
    lacks "$scratch/calls.log" '^infer .*longecg'
    holds "$scratch/calls.log" '^infer -q leadgen'
}
recordings_without_a_test_split_are_refused_before_training() {
    mkdir -p "$scratch/few" && touch "$scratch/few/a.hea"
    { # a source's name may hold a comma; a double is in no split
        echo record,source,group,split,fold,excluded,double_of,seconds,leads
        printf '"a, b/%s","a, b",1,train,,,,10,12\n' 00000 00001
        echo '"a, b/00002","a, b",1,excluded,,double,"a, b/00001",10,12'
    } >"$scratch/splits"
    run_demo 'exit 0' --fresh --data "$scratch/few"
    equal code 4 $code
    lacks "$scratch/calls.log" '^train'
    holds "$scratch/out.log" "under $scratch/few 2 fell to training and 0 to testing"
    holds "$scratch/out.log" 'recordings of more patients'
    echo 'c/00000,c,2,test,3,,,10,12' >>"$scratch/splits"
    run_demo 'exit 0' --fresh --data "$scratch/few"
    equal code 0 $code
    holds "$scratch/calls.log" '^train finetune leadgen'
}

run_tests both_stages_and_four_tasks_are_trained_and_answered an_earlier_demo_is_continued_and_its_corpus_kept fresh_begins_anew \
    a_demo_of_other_options_is_refused_with_the_remedy a_folder_that_is_no_demo_is_never_removed ctrl_c_saves_and_says_how_to_go_on \
    a_failing_stage_ends_the_demo_with_its_code a_task_without_labels_is_left_out_and_the_others_go_on \
    recordings_without_a_test_split_are_refused_before_training
