#!/usr/bin/env bash
# Names, dates, ids and free text of headers, comments, file names and tables are in no file of a corpus, also not inside
# its compressed chunks; and the same holds after merge, label and remove.
pack=$1
. "$(dirname "$0")/pack_steps.sh"
. "$(dirname "$0")/pool_steps.sh"
/usr/bin/python3 -c 'import h5py' 2>/dev/null || { echo "SKIP: /usr/bin/python3 has no h5py"; exit 77; }
cd "$scratch" || exit 1
make_sites
mkdir "Mustermann_Erika" && cp siteA/sim0000[0-5].* Mustermann_Erika
cd Mustermann_Erika || exit 1
for header in *.hea; do
    sed -i '1s|$| 12:34:56.789 13/07/1954|' "$header"
    case $header in
    sim0000[0-2].hea) sed -i 's|^#Patient ID: .*|#Patient ID: MRN-4711-0815|' "$header" ;;
    esac
    printf '#Name: Mustermann, Erika\n#Born: 13.07.1954\n#Insurance: Q987654321\n#Note: Frau Mustermann klagt\n' >>"$header"
done
for end in hea dat atr; do mv sim00005.$end Mustermann_1954.$end; done
sed -i 's/sim00005/Mustermann_1954/g' Mustermann_1954.hea
cd ..
printf 'folder,record,patient,age,sex,classes\nMustermann_Erika,sim00001,SSN-123-45-6789,70,F,AF\n' >table.csv
expect 0 "6 records" "$pack" build --labels table.csv --site-key keyA -o corpus Mustermann_Erika
expect 0 "" "$pack" merge -q -o pooled corpus B
expect 0 "" "$pack" label -q --labels table.csv corpus
cat >search.py <<'PYTHON'
import glob, h5py, os, sys
planted = ["Mustermann", "Erika", "MRN-4711", "4711-0815", "SSN-123", "123-45-6789", "13/07/1954", "13.07.1954", "1954-07-13",
           "12:34:56", "Q987654321", "klagt", "sim0000", os.getcwd(), os.getcwd().split("/")[-1]]
words = [w.encode() for w in planted] + [w.encode("utf-16-le") for w in planted]
found = 0
for place, _, names in os.walk(sys.argv[1]):
    for name in names:
        path = os.path.join(place, name)
        pieces = [open(path, "rb").read(), name.encode()]
        if name.endswith(".h5"):
            def take(_, item):
                if isinstance(item, h5py.Dataset):
                    pieces.append(item[...].tobytes()) # filters undone
                pieces.extend(str(v).encode() for v in item.attrs.values())
            try:
                h5py.File(path, "r").visititems(take)
            except OSError as fault:
                print("not undone:", path, fault)
                found += 1
        for word in words:
            for piece in pieces:
                if word in piece:
                    print(path, "holds", word)
                    found += 1
sys.exit(found > 0)
PYTHON
plugin=$(dirname "$(find / -xdev -name 'libh5lz4*.so*' 2>/dev/null | head -1)" 2>/dev/null)
export HDF5_PLUGIN_PATH=${HDF5_PLUGIN_PATH:-$plugin}
for corpus in corpus pooled; do
    /usr/bin/python3 search.py $corpus >found 2>&1 || fail "$corpus: $(cat found)"
done
# the search itself finds what is there
cp -r corpus planted && printf 'Mustermann' >>planted/index-1.h5
/usr/bin/python3 search.py planted >/dev/null 2>&1 && fail "the search finds nothing"
# whose records.csv lies beside: the site keeps it, and it forgets who was removed
grep -q Mustermann_1954 corpus.records.csv || fail "records.csv does not name the recordings"
cat >>corpus.quality.csv <<'CSV'
"Mustermann_Erika/sim00001.hea",disconnected,"II","line ""one"", 2 mV"
"Mustermann_Erika/sim00004.hea",same samples,"","all leads as in Mustermann_Erika/sim00001.hea"
"Mustermann_Erika/sim00004.hea",flat,"II, V1","kept, ""as it is"""
CSV
mkdir corpus.journal.tmp && echo Mustermann_Erika/sim00001.hea >corpus.journal.tmp/00000
# names go before the corpus changes: where a list cannot be mended, nothing has left yet
cp -r corpus whole && cp corpus.records.csv kept.csv && printf 'path,record\nx\n' >whole.records.csv
expect 4 "whole.records.csv" "$pack" remove --patient SSN-123-45-6789 --site-key keyA whole
diff <("$pack" info --splits whole) <("$pack" info --splits corpus) >/dev/null || fail "a record left before its name"
cp kept.csv whole.records.csv
expect 0 "records removed" "$pack" remove --patient SSN-123-45-6789 --site-key keyA whole
expect 0 "records removed" "$pack" remove --patient SSN-123-45-6789 --site-key keyA corpus
grep -q 'sim00001' corpus.records.csv && fail "records.csv still names what was removed"
grep -q 'sim00001' corpus.quality.csv && fail "quality.csv still names what was removed"
grep -qxF '"Mustermann_Erika/sim00004.hea",flat,"II, V1","kept, ""as it is"""' corpus.quality.csv ||
    fail "quality.csv lost or changed a line of what stays"
grep -vxFf corpus.records.csv kept.csv | grep -v 'sim0000[0-2]' | grep . && fail "records.csv lost a line of what stays"
[ -e corpus.journal.tmp ] && fail "the journal of a build outlives the removal"

# a corpus may be named from within, or by a link: its lists are the same, and none falls into it
namesake() { sed "1s|sim000[0-9]*|$1|" siteA/$2.hea; }
mkdir named && cp siteA/sim0000[6-9].* siteA/sim0001[0-3].* named
namesake sim00006 sim00007 >named/sim00006b.hea # refused, as it names the record of another header
mkdir within && cd within || exit 1
expect 3 "8 records" "$pack" build --site-key ../keyA -o . ../named
cd ..
[ "$(cat within/*.csv within/.*.csv 2>/dev/null)" = "" ] || fail "lists that name files lie in the corpus: $(ls -a within)"
grep -q sim00006b within.refused.csv || fail "no list of what was refused beside the corpus"
ln -s within link
cd within && expect 0 "1 records removed" "$pack" remove --record unnamed/00001 .
cd ..
grep sim00006 within.records.csv within.refused.csv && fail "lists still name what was removed by another path"
expect 0 "1 records removed" "$pack" remove --record unnamed/00002 link
expect 0 "1 records removed" "$pack" remove --record unnamed/00003 within/.
expect 0 "1 records removed" "$pack" remove --record unnamed/00004 within/shards/..
for i in 07 08 09; do grep sim000$i within.records.csv && fail "records.csv still names sim000$i"; done
[ "$(wc -l <within.records.csv)" = 5 ] || fail "records.csv: $(cat within.records.csv)"

# whose ids are hashed with the key that everybody knows is told
expect 0 "no --site-key is given" "$pack" build -o open siteA
mkdir -p code15 && cp siteA/sim0000[0-3].* code15
out=$("$pack" build -o public code15 2>&1)
case $out in *"--site-key"*) fail "a public database needs no key: $out" ;; esac
finish
