#!/usr/bin/env bash
# test_includes.sh ROOT: the layering of docs/ARCHITECTURE.md, by the include lines of the sources. The compiler would find
# every header of the project from any folder, so it does not see a line against the layers.
set -u
shopt -s nullglob

# folder : the folders whose headers it may include besides its own
layers="
base              :
metrics           : base
comm              : base
model             : base
model/kernels     : base model
io/recording      : base
io/signal         : base
io/checkpoint     : base
io/corpus         : base comm
io/pack           : base comm io/recording io/signal io/corpus
model_message     : base model io/checkpoint io/signal
train             : base comm metrics model model/kernels io/signal io/corpus io/checkpoint model_message
infer             : base comm metrics model model/kernels io/recording io/signal io/corpus io/checkpoint io/pack model_message
"
# a folder with parts: its files and those of the part know each other
declare -A allowed=([model]="model/kernels")
while IFS=: read -r folder others; do
    folder=${folder// /}
    [ -n "$folder" ] && allowed[$folder]="${allowed[$folder]:-} $others $folder"
done <<<"$layers"

# Prints each include against the layers; fails if there is one.
check_tree() { # ROOT
    local faults=0 file folder header of
    while IFS=: read -r file header; do
        folder=$(dirname "$file")
        of=$(dirname "$header")
        if [ -z "${allowed[$folder]:-}" ]; then
            echo "$file: its folder '$folder' is in no layer: add it to $0 and docs/ARCHITECTURE.md"
        elif [ "$of" = . ]; then
            echo "$file: includes \"$header\": write the path from the root"
        elif [[ " ${allowed[$folder]} " != *" $of "* ]]; then
            echo "$file: includes \"$header\": $folder/ may include only:${allowed[$folder]}"
        else
            continue
        fi
        faults=$((faults + 1))
    done < <(cd "$1" && find . \( -name 'build*' -o -name 'run*' -o -path ./tests -o -name '.*' ! -name . \) -type d -prune -o \
        -name '*.[ch]' -print | sort | sed 's|^\./||' | xargs awk '/^[ \t]*#[ \t]*include[ \t]*"/ { split($0, p, "\""); print FILENAME ":" p[2] }')
    [ $faults = 0 ]
}

# The check itself: each of these lines alone must be found.
sample=$(mktemp -d)
trap 'rm -rf "$sample"' EXIT
while read -r file header; do
    rm -rf "${sample:?}"/*
    mkdir -p "$sample/$(dirname "$file")"
    printf '#include "%s"\n' "$header" >"$sample/$file"
    if check_tree "$sample" >/dev/null; then
        echo "FAILED: '$file' including \"$header\" was not found"
        exit 1
    fi
done <<'END'
model/a.c io/corpus/corpus.h
model/kernels/a.c comm/world.h
comm/a.c model/config.h
io/signal/a.c io/recording/recording.h
io/checkpoint/a.h model/config.h
io/corpus/a.c io/signal/signal.h
infer/a.c train/stage.h
train/a.c infer/anyecg.h
train/a.c stage.h
base/a.c comm/world.h
other/a.c base/text.h
END

check_tree "$1" || exit 1
echo "all includes keep the layers"
