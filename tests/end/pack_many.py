"""anyecg-pack build of an HDF5 file of many recordings: each becomes one record, in the order of the file, with its own
samples; the file and one of its recordings named beside it are no two; recordings named alone are the same ones.

pack_many.py PROGRAM. The file is written by h5py. Skipped (77) without it."""

import csv
import os
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
except ImportError as missing:
    print(f"SKIP: /usr/bin/python3: {missing}")
    sys.exit(77)

PACK = sys.argv[1]
NAMES = [90, 101, 7, 55, 1000, 8, 3]  # neither in the order of numbers nor of texts
LEADS = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
work = tempfile.TemporaryDirectory(prefix="pack_many.")
os.chdir(work.name)
os.mkdir("exams")
seconds = np.arange(4 * 400) / 400
samples = np.array([[[np.sin(2 * np.pi * (3 + record) * s) * (1 + lead / 10) for lead in range(12)] for s in seconds]
                    for record in range(len(NAMES))], "f4")
with h5py.File("exams/exams.hdf5", "w") as file:
    file.create_dataset("tracings", data=samples, chunks=(3, 100, 5), compression="gzip")
    file["exam_id"] = NAMES
with open("exams/recordings.yaml", "w") as file:
    file.write(f"files: '*.hdf5'\nvariable: tracings\nnames: exam_id\nrate_hz: 400\nleads: [{', '.join(LEADS)}]\n"
               "unit: mV\nleads_in: columns\n")


def build(corpus, *inputs):
    """The names of the recordings, in the order of the records."""
    done = subprocess.run([PACK, "build", "-o", corpus, *inputs], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(open(f"{corpus}.records.csv")))
    found = [next(cell for cell in row.values() if "exams.hdf5/" in cell) for row in rows]
    return [int(cell.rsplit("/", 1)[1]) for cell in found]


def hashes(corpus):
    return list(h5py.File(next(os.path.join(corpus, name) for name in os.listdir(corpus) if name.endswith(".h5")),
                          "r")["records/content"])


assert build("whole", "exams") == NAMES
assert build("both", "exams/exams.hdf5/55", "exams", "exams/exams.hdf5") == NAMES
some = ["exams/exams.hdf5/7", "exams/exams.hdf5/1000"]
alone = build("some", *some)
assert sorted(alone) == [7, 1000], alone
assert build("turned", *reversed(some)) == alone  # the order of arguments says nothing
content = hashes("whole")
assert len(set(content)) == len(NAMES) and hashes("both") == content
assert hashes("some") == [content[NAMES.index(name)] for name in alone]
