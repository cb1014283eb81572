# Sourced by the pool_*.sh tests behind pack_steps.sh: two sites whose recordings overlap.
# Recordings 0 to 17 lie in siteA; 12 to 29, under other names, in siteB.
make_sites() {
    expect 0 "" "$pack" synth -q -n 30 --wfdb ward
    mkdir siteA siteB
    local i old new end
    for i in $(seq 0 29); do
        old=$(printf sim%05d "$i") new=$(printf x%05d "$i")
        [ "$i" -lt 18 ] && cp ward/"$old".* siteA
        [ "$i" -ge 12 ] || continue
        for end in hea dat atr; do cp ward/"$old.$end" siteB/"$new.$end"; done
        sed -i "s/$old/$new/g" siteB/"$new.hea"
    done
    head -c 32 /dev/zero | tr '\0' a >keyA
    head -c 32 /dev/zero | tr '\0' b >keyB
    expect 0 "18 records" "$pack" build --set shard_mb=0.3 --contributor "Site A" --site-key keyA -o A siteA
    expect 0 "18 records" "$pack" build --set shard_mb=0.3 --contributor "Site B" --site-key keyB -o B siteB
}

# splits CORPUS COLUMN: one column of info --splits, without its heading.
splits() {
    "$pack" info --splits "$1" | awk -F, -v want="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == want) c = i; next } { print $c }'
}

# one_split CORPUS: no patient group is in two splits.
one_split() {
    local twice
    twice=$("$pack" info --splits "$1" | awk -F, 'NR > 1 && $4 != "excluded" { if (($3 in s) && s[$3] != $4) print $3; s[$3] = $4 }')
    [ -z "$twice" ] || fail "$1: groups in two splits: $twice"
}
