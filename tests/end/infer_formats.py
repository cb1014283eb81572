"""anyecg-infer takes every format that anyecg-pack takes, and the same signal gets the same answer in each of them:
infer_formats.py PROGRAMS FIXTURE. The files are written by SciPy and h5py or byte by byte (tests/oracle/raw_files.py)."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy
    import scipy.io
except ImportError as missing:
    print("SKIP:", missing)
    sys.exit(77)
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "oracle"))
import raw_files

programs, fixture = map(pathlib.Path, sys.argv[1:3])
LEADS = raw_files.LEADS
work = pathlib.Path(tempfile.mkdtemp())
os.chdir(work)


def run(*arguments, code=0, program="anyecg-infer"):
    done = subprocess.run([programs / program, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == code, (arguments, done.returncode, done.stderr[-2000:])
    return done.stdout, done.stderr


def answers(task, *inputs, run_of=None, code=0):
    out, _ = run(task, "--checkpoint", fixture / (run_of or task), *inputs, "-q", code=code)
    return [json.loads(line) for line in out.splitlines()]


# ---- one signal in every format: whole microvolts, so that nothing is lost in any of them ----

head = (fixture / "ward" / "sim00003.hea").read_text().splitlines()
assert [line.split()[-1] for line in head[1:13]] == LEADS and " 1000/mV " in head[1], head
uv = numpy.fromfile(fixture / "ward" / "sim00003.dat", "<i2").reshape(-1, 12)
mv = uv / 1000
DESCRIPTION = dict(rate_hz=500, leads=LEADS, unit="mV")


def put(name, data):
    path = work / "all" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def describe(folder, **fields):
    put(f"{folder}/recordings.yaml", json.dumps(dict(DESCRIPTION, **fields)))


def header(name, files, n=len(uv)):
    return f"{name} 12 500 {n}\n" + "".join(f"{file} 1000/mV 16 0 0 0 0 {lead}\n" for file, lead in zip(files, LEADS))


put("wfdb/one.dat", uv.tobytes())
put("wfdb/one.hea", header("one", ["one.dat 16"] * 12))
put("flac/one_a.flac", raw_files.flac(uv[:, :6], 500))
put("flac/one_b.flac", raw_files.flac(uv[:, 6:], 500))
put("flac/one.hea", header("one", ["one_a.flac 516"] * 6 + ["one_b.flac 516"] * 6))
put("wfdb_matlab/one.hea", header("one", ["one.mat 16+24"] * 12))
scipy.io.savemat(work / "all/wfdb_matlab/one.mat", {"val": uv.T}, format="4")
describe("matlab", files="*.mat", variable="ecg")
scipy.io.savemat(work / "all/matlab/one.mat", {"ecg": mv.T})
describe("hdf5", files="one.h5")
with h5py.File(work / "all/hdf5/one.h5", "w") as file:
    file["ecg"] = mv
describe("csv", files="*.csv")
put("csv/one.csv", "".join(",".join(map(repr, map(float, row))) + "\n" for row in mv))
edf_leads = [(f"ECG {lead}", "uV", -32768, 32767, -32768, 32767, column.reshape(-1, 500))
             for lead, column in zip(LEADS, uv.T)]
put("edf/one.edf", raw_files.edf(edf_leads, 1, len(uv) // 500))
bdf_leads = [(*lead[:2], -8388608, 8388607, -8388608, 8388607, lead[6]) for lead in edf_leads]
put("bdf/one.bdf", raw_files.edf(bdf_leads, 1, len(uv) // 500, bits=24))
put("ishne/one.ecg", raw_files.ishne(LEADS, 1000, uv, 500))
put("dicom/one.dcm", raw_files.dicom(LEADS, 1, uv, 500, True))
put("scp/one.scp", raw_files.scp(LEADS, 1000, uv, 2000, 1))
put("aecg/one.xml", raw_files.aecg(LEADS, 1, uv, 0.002))
FORMATS = sorted(path.name for path in (work / "all").iterdir())
assert len(FORMATS) == 12, FORMATS

# ---- every task answers for each, and the same ----

reference = {}
for task, run_of in [("anomaly", None), ("arrhythmia", None), ("longecg", None), ("leadgen", None), ("embed", "anomaly"),
                     ("embed", "pretrain"), ("tokenize", "tokenizer")]:
    if task == "leadgen":
        run(task, "--checkpoint", fixture / task, "--leads", "V1", "-o", "made", "all", "-q")
        found = list(map(json.loads, pathlib.Path("made/leadgen.jsonl").read_text().splitlines()))
        made = [pathlib.Path("made", record["output"] + ".dat").read_bytes() for record in found]
        assert len(set(made)) == 1 and len(set(r["output"] for r in found)) == 12, "made leads differ between formats"
    else:
        found = answers(task, "all", run_of=run_of)
    assert [record["record"] for record in found] == ["one"] * 12, [record["record"] for record in found]
    for name, record in zip(FORMATS, found):
        for key in "leads", "seconds", "probability", "codes", "embedding", "made", "positive", "events":
            assert record.get(key) == found[-1].get(key), (task, name, key, record.get(key), found[-1].get(key))
    reference[task, run_of] = found[-1]
original = answers("anomaly", fixture / "ward/sim00003")[0]
assert reference["anomaly", None]["probability"] == original["probability"]

# the packer takes the same files, and its records get the same answers
run("build", "--set", "split.train=0", "--set", "split.validation=0", "--set", "split.test=100", "--keep-doubles", "-o",
    "corpus", "all", "-q", program="anyecg-pack")
packed = answers("anomaly", "--corpus", "corpus")
assert len(packed) == 12 and {json.dumps(r["probability"]) for r in packed} == {json.dumps(original["probability"])}

# ---- many recordings in a file: an answer each, with a name that can be given again ----

describe("many", files="*.hdf5", variable="tracings", names="exam_id")
(work / "all/many").rename(work / "many")
with h5py.File(work / "many/exams.hdf5", "w") as file:
    file["tracings"] = numpy.stack([mv, mv[::-1], 0.5 * mv]).astype("f4")
    file["exam_id"] = [101, 7, 55]
(work / "many/second").mkdir()
shutil.copy(work / "many/exams.hdf5", work / "many/second/others.hdf5")
found = answers("embed", "many", run_of="anomaly")
names = [record["record"] for record in found]
assert names == [f"{file}/{exam}" for file in ("exams.hdf5", "others.hdf5") for exam in (101, 7, 55)], names
assert [r["embedding"] for r in found[:3]] == [r["embedding"] for r in found[3:]]
assert len({json.dumps(r["embedding"]) for r in found}) == 3
assert found[0]["embedding"] == reference["embed", "anomaly"]["embedding"]
assert answers("embed", "many/" + names[1], run_of="anomaly")[0] == found[1]
assert "exams.hdf5" in answers("embed", "many/exams.hdf5/8", run_of="anomaly", code=4)[0]["refused"]
run("leadgen", "--checkpoint", fixture / "leadgen", "--leads", "V1", "-o", "made_of_many", "many", "-q")
assert len(list(pathlib.Path("made_of_many").glob("*.hea"))) == 6

# ---- descriptions in a recipe, as for build; what the recipe says of gains holds too ----

shutil.copytree("all/csv", "export")
(work / "export/recordings.yaml").unlink()
assert "description" in answers("anomaly", "export/one.csv", code=4)[0]["refused"]
shutil.copytree("all/wfdb", "wrong_gain")
text = (work / "wrong_gain/one.hea").read_text()
(work / "wrong_gain/one.hea").write_text(text.replace("1000/mV", "4880/mV"))
recipe = {"sources": [{"match": "export", "name": "export", "licence": "own",
                       "recordings": [dict(DESCRIPTION, files="*.csv")]},
                      {"match": "wrong_gain", "name": "gain", "licence": "own", "gain_per_mv": 1000}]}
(work / "recipe.yaml").write_text(json.dumps(recipe))
for record in answers("anomaly", "-c", "recipe.yaml", "export", "wrong_gain"):
    assert record["probability"] == original["probability"], record
assert answers("anomaly", "wrong_gain")[0]["probability"] != original["probability"]
(work / "bad.yaml").write_text("sources: [{mach: a}]\n")
assert "bad.yaml" in run("anomaly", "--checkpoint", fixture / "anomaly", "-c", "bad.yaml", "all", code=5)[1]
run("anomaly", "--checkpoint", fixture / "anomaly", "-c", "recipe.yaml", "--corpus", "corpus", code=2)

# ---- what cannot be read is named, and the rest is answered ----

shutil.copytree("all", "broken")
shutil.copytree("many", "broken/many")
torn = {}
for path in sorted(work.glob("broken/*/one*")):
    if path.suffix in (".hea", ".dat", ".flac") or path.parent.name in ("wfdb_matlab", "wfdb"):
        continue
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 3])
    torn[path.parent.name] = str(path.relative_to(work))
(work / "broken/flac/one_b.flac").write_bytes(b"fLaC")
torn["flac"] = "broken/flac/one.hea"
(work / "broken/wfdb/one.dat").unlink()
torn["wfdb"] = "broken/wfdb/one.hea"
culprit = {"flac": "broken/flac/one_b.flac", "wfdb": "broken/wfdb/one.dat"}
found = answers("anomaly", "broken", code=3)
refused = {record["record"]: record["refused"] for record in found if "refused" in record}
good = [record for record in found if "refused" not in record]
for name, path in torn.items():
    if name == "csv":  # a table that ends early is a shorter recording
        continue
    assert path in refused and culprit.get(name, path) in refused[path], (name, path, refused)
    _, said = run("anomaly", "--checkpoint", fixture / "anomaly", path, code=4)
    assert culprit.get(name, path) in said, (path, said)
assert len(refused) + len(good) == 12 + 6 and len(good) >= 6, (sorted(refused), [r["record"] for r in good])
shutil.rmtree(work)
print("all formats are answered alike")
