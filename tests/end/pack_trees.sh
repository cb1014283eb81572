#!/usr/bin/env bash
# Folders as users have them: names with blanks and umlauts, capitals, links, loops, lists, archives, what may not be read.
pack=$1
. "$(dirname "$0")/pack_steps.sh"
cd "$scratch" || exit 1

expect 0 "" "$pack" synth -n 12 --wfdb made -q
mkdir -p "in/Klinik Süd/Station 1" in/b/c in/Upper in/link in/locked in/pack
place() { # NUMBER FOLDER [NAME]: the record, perhaps as another name
    cp "made/sim000$1.dat" "$2/${3:-sim000$1}.dat"
    sed "s/sim000$1/${3:-sim000$1}/g" "made/sim000$1.hea" >"$2/${3:-sim000$1}.hea"
}
place 00 "in/Klinik Süd/Station 1"
place 00 in/b                          # the same again
place 01 in/b/c sim00000               # another one of the same name
cp made/sim00002.hea in/Upper/SIM00002.HEA && cp made/sim00002.dat in/Upper
place 03 in/locked
chmod 555 in/locked                    # may be read, not written
cp made/sim00004.hea in/b              # its signal file was forgotten
place 05 in/b && head -c 1000 made/sim00005.dat >in/b/sim00005.dat
place 06 in/b && cat made/sim00006.dat >>in/b/sim00006.dat # longer than its header says
place 07 in/b && sed -i '1s/sim00007/other/' in/b/sim00007.hea
place 08 in/b && sed -i "s|sim00008.dat|$scratch/made/sim00008.dat|" in/b/sim00008.hea
ln -s ../b in/link/again && ln -s . in/link/loop && ln -s ../../in in/b/back
ln -s /nowhere in/link/dead.edf
ln -s ../../made/sim00009.hea in/link && ln -s ../../made/sim00009.dat in/link
echo '<RestingECG/>' >in/pack/export.xml
tar czf in/pack/more.tgz made/sim00010.hea

expect 3 "4 recordings were refused" "$pack" build -o corpus in
[ "$(number corpus records)" = 8 ] || fail "$(number corpus records) records, not 8: $(cat corpus.records.csv)"
for line in '"in/Klinik Süd/Station 1/sim00000.hea"' '"in/Upper/SIM00002.HEA"' '"in/b/c/sim00000.hea"' \
    '"in/b/sim00000.hea"' '"in/b/sim00006.hea"' '"in/b/sim00007.hea"' '"in/locked/sim00003.hea"' '"in/link/sim00009.hea"'; do
    [ "$(grep -c "^$line," corpus.records.csv)" = 1 ] || fail "not once in corpus.records.csv: $line"
done
for reason in "sim00004.dat: no such file" "sim00005.dat: file is shorter" "made/sim00008.dat.*without folders" \
    "dead.edf: no such file"; do
    grep -q "$reason" corpus.refused.csv || fail "corpus.refused.csv has no '$reason': $(cat corpus.refused.csv)"
done
"$pack" info --splits corpus | grep -q 'double,unnamed/00001' || fail "the second copy is no double"

# what was passed over is said; a list is read from where it lies
mkdir few && cp -r in/pack in/locked few
expect 0 "1 archives (.zip, .gz and the like) were passed over" "$pack" build -o few1 few
expect 0 "1 .xml and .ecg files are neither HL7 aECG nor ISHNE" "$pack" build -o few2 few
printf 'b/sim00000\r\nb/c/sim00000\r\n' >in/RECORDS
expect 0 "2 records" "$pack" build -o listed @in/RECORDS
expect 0 "2 records" "$pack" build -o again "@$scratch/in/RECORDS"

# unreadable: a file is refused, a folder ends the search with its name; nothing is left behind
chmod 000 in/b/sim00006.dat in/locked
may=""
[ "$(id -u)" = 0 ] && may="setpriv --bounding-set=-dac_override,-dac_read_search"
if $may true 2>/dev/null; then
    expect 6 "in/locked: cannot be listed: Permission denied" $may "$pack" build -o none in
    [ -e none ] && fail "a folder was left where nothing could be taken"
    chmod 755 in/locked
    expect 3 "5 recordings were refused" $may "$pack" build -o without in
    grep -q "sim00006.dat: cannot be read: Permission denied" without.refused.csv || fail "$(cat without.refused.csv)"
else
    echo "not tried: no setpriv to do without the rights of root"
fi
chmod -R 755 in
finish
