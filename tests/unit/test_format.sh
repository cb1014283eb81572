#!/usr/bin/env bash
# test_format.sh ROOT: the tracked C sources are as clang-format would write them. Versions of clang-format differ in small
# things, so only the one the sources are formatted with is asked.
set -u
cd "$1" || exit 1
version=14
skip() {
    echo "SKIP: $1"
    exit 77
}

for tool in clang-format-$version clang-format; do
    command -v $tool >/dev/null && $tool --version | grep -q "version $version\." && break
    tool=
done
[ -n "$tool" ] || skip "there is no clang-format $version here"
command -v git >/dev/null && git -c safe.directory='*' rev-parse --git-dir >/dev/null 2>&1 || skip "$1 is no git work tree"

# what is tracked and there: a file being moved is tracked under its old name still
mapfile -t files < <(git -c safe.directory='*' ls-files '*.c' '*.h' | while read -r file; do [ -f "$file" ] && echo "$file"; done)
[ ${#files[@]} -gt 0 ] || { echo "FAILED: no sources found"; exit 1; }
output=$("$tool" --dry-run --Werror "${files[@]}" 2>&1) && { echo "${#files[@]} files are formatted"; exit 0; }
printf 'not formatted (places, file):\n%s\nremedy: %s -i FILE...\n' \
    "$(grep 'error:' <<<"$output" | cut -d: -f1 | sort | uniq -c)" "$tool"
exit 1
