#!/bin/bash
# --profile changes no bit of the result; its table names every part of a phase once, the parts add up to the phase and the
# phases to the step, the layers to what forward and backward spend in layers.
. "$(dirname "$0")/train_setting.sh"

check_table() { # NAME RANKS
    sed -n '/^profile of /,$p' "$work/$1.err" > "$work/$1.profile"
    grep -q "^profile of 5 steps on $2 ranks" "$work/$1.profile" || fail "$1: no table: $(tail -3 "$work/$1.err")"
    # The columns of numbers are the last eight; words before them are phase and part.
    awk -v ranks="$2" '
        function complain(text) { print "line " NR ": " text ": " $0; bad = 1 }
        function near(a, b) { return a - b < 0.02 && b - a < 0.02 } # ms; each line is rounded to 0.001
        /^profile of/ { next }
        /^phase / { table = $2; next }
        {
            name = $1
            for (i = 2; i <= NF - 8; i++) name = name " " $i
            min = $(NF - 7); mean = $(NF - 6); max = $(NF - 5); rank = $(NF - 4)
            if (seen[table, name]++) complain("stands twice")
            if (min > mean + 0.001 || mean > max + 0.001) complain("minimum, mean, maximum out of order")
            if (rank !~ /^[0-9]+$/ || rank >= ranks) complain("no such rank")
            if (table == "layer") { layers += mean; next }
            if (name == "step all") { if (!near(step, mean)) complain("phases add up to " step) }
            else if (name ~ / all$/) { if (!near(sum[$1], mean)) complain("parts add up to " sum[$1]); step += mean }
            else { sum[$1] += mean; work[name] = $(NF - 3) }
            if (name == "forward all" || name == "backward all") passes += mean
        }
        END {
            for (part in work) if (part ~ /ward (qkv|attention|projection|mlp|patch encoder)$/ && work[part] == "-")
                { print part " counts no operations"; bad = 1 }
            if (layers <= 0.5 * passes || layers > passes + 0.1) { print "layers take " layers " of " passes " ms"; bad = 1 }
            exit bad
        }' "$work/$1.profile" || { cat "$work/$1.profile" >&2; fail "$1: table"; }
}
has() { # NAME PHASE PART...
    local name=$1
    shift
    for row; do
        grep -q "^${row/:/ *}  " "$work/$name.profile" || { cat "$work/$name.profile" >&2; fail "$name: no row $row"; }
    done
}
parts="forward:patch.encoder forward:layer.norm forward:qkv forward:attention forward:projection forward:mlp
    backward:patch.encoder backward:layer.norm backward:qkv backward:attention backward:projection backward:mlp
    reduce:sum.over.ranks reduce:wait.for.ranks optimiser:AdamW load:all save:all"

train 2 plain tokenizer --max-steps 5
train 2 profiled tokenizer --max-steps 5 --profile
same plain profiled
check_table profiled 2
has profiled $parts forward:quantizer backward:quantizer forward:decoder forward:loss forward:targets optimiser:codebook \
    forward:tokenizer.encoder.block.0 backward:tokenizer.encoder.block.1 forward:tokenizer.demography.block.0
grep -q "profile of" "$work/plain.err" && fail "a table that nobody asked for"
grep -q "backward  *qkv" "$work/profiled/log.txt" || fail "the table is not in log.txt"

train 1 pretrain pretrain --tokenizer "$work/plain" --max-steps 5 --profile --set validation.every_steps=2
check_table pretrain 1
has pretrain $parts forward:head backward:head forward:loss forward:tokenizer.encoder.block.0 backward:code_head validate:all
train 2 longecg finetune longecg --init "$work/pretrain" --max-steps 5 --profile
check_table longecg 2
has longecg $parts forward:head backward:head backward:backbone.block.1
exit 0
