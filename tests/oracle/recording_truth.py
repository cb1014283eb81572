"""Raw files of the collection ($ECG_DATA_DIR) against the values beside them, SciPy and h5py: recording_truth.py DUMP"""
import csv
import json
import os
import pathlib
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

DATA = os.environ.get("ECG_DATA_DIR")
if not DATA:
    print("SKIP: ECG_DATA_DIR is not set")
    sys.exit(77)
DATA = pathlib.Path(DATA)
LEADS = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
work = pathlib.Path(tempfile.mkdtemp())


def dump(*paths):
    """[(what is said, samples [leads, n])] of every recording; None for a refusal."""
    out = work / "samples"
    lines = subprocess.run([sys.argv[1], out, *paths], check=True, capture_output=True, text=True).stdout
    samples, result, at = numpy.fromfile(out, "<f4"), [], 0
    for line in lines.splitlines():
        said = json.loads(line)
        count = 0 if "refused" in said else len(said["leads"]) * said["samples"]
        result.append((said, samples[at:at + count].reshape(-1, said["samples"]) if count else None))
        at += count
    return result


def described(folder, **description):
    """The folder's recordings through links beside a description."""
    target = work / folder
    target.mkdir(parents=True)
    for file in (DATA / folder).iterdir():
        (target / file.name).symlink_to(file)
    (target / "recordings.yaml").write_text(json.dumps(description))
    return dump(target)


def equal(found, truth, what):
    assert found.shape == truth.shape, (what, found.shape, truth.shape)
    assert numpy.array_equal(found, truth.astype("<f4")), (what, numpy.abs(found - truth).max())


def near(found, truth, what):
    """A lead is kept in steps of 2^-30 of its largest sample, or in whole uV where float32 had blurred these."""
    assert found.shape == truth.shape, (what, found.shape, truth.shape)
    assert numpy.allclose(found, truth, rtol=1.2e-7, atol=max(numpy.abs(truth).max() * 2.0**-31, 2e-8)), (what, numpy.abs(found - truth).max())


def check_cpsc2018():
    rows = {r["record"]: r for r in csv.DictReader(open(DATA / "cpsc2018-original/labels.csv"))}
    found = dump(DATA / "cpsc2018-original")
    assert [s["name"] for s, _ in found] == sorted(rows)
    for said, samples in found:
        row = rows[said["name"]]
        truth = scipy.io.loadmat(DATA / "cpsc2018-original" / (said["name"] + ".mat"))["ECG"]["data"][0, 0]
        near(samples, truth, said["name"])
        assert said["leads"] == LEADS and said["rate_hz"] == 500
        assert said["age"] == float(row["age"]) and said["sex"] == (0 if row["sex"] == "Male" else 1)
    return len(found)


def check_cpsc2019():
    found = described("cpsc2019", files="data_*.mat", rate_hz=500, leads=["ECG"], unit="mV")
    for said, samples in found:
        truth = scipy.io.loadmat(DATA / "cpsc2019" / (said["name"] + ".mat"))["ecg"]
        near(samples, truth.T, said["name"])
    assert len(found) == len(list((DATA / "cpsc2019").glob("data_*.mat"))) == 12
    return len(found)


def check_sph():
    found = described("sph", files="*.h5", rate_hz=500, leads=LEADS, unit="mV")
    for said, samples in found:
        equal(samples, h5py.File(DATA / "sph" / (said["name"] + ".h5"))["ecg"][()].astype(float), said["name"])
    assert len(found) == 8
    return len(found)


def check_code15():
    found = described("code15-mat", files="*.mat", variable="feats", rate_hz=400, leads=LEADS, unit="mV")
    for said, samples in found:
        near(samples, scipy.io.loadmat(DATA / "code15-mat" / (said["name"] + ".mat"))["feats"].astype(float), said["name"])
    assert len(found) == 8
    return len(found)


def check_hospital():
    """SCP-ECG, DICOM and aECG of one recording, against the digits of the aECG in uV."""
    rows = list(csv.DictReader(open(DATA / "formats/scp-dicom-aecg/Example.truth.csv")))
    wanted = {name.upper(): numpy.array([float(row[name]) for row in rows]) / 1000 for name in rows[0]}
    found = dump(DATA / "formats/scp-dicom-aecg")
    taken = [(s, x) for s, x in found if "refused" not in s]
    assert sorted(s["format"] for s, _ in taken) == ["DICOM", "HL7 aECG", "SCP-ECG"], found
    for said, samples in taken:
        assert sorted(said["leads"]) == sorted(LEADS) and said["rate_hz"] == 500
        for lead, values in zip(said["leads"], samples):
            equal(values, wanted[lead.upper()], (said["format"], lead))
        assert said["age"] == 49 and said["sex"] == 0 and said["patient"] == "SBJ-123"
    reasons = {pathlib.Path(s["path"]).name: s["refused"] for s, _ in found if "refused" in s}
    assert "without waveform" in reasons["Example_old.dcm"] and "shorter than it says" in reasons["Example_old.scp"]
    return len(found)


def check_edf():
    found = {pathlib.Path(s["path"]).name: (s, x) for s, x in dump(DATA / "formats/edf")}
    samples, truth = found["A00001.edf"][1], found["A00001.hea"][1]
    equal(samples[:, :truth.shape[1]], truth, "A00001")
    assert numpy.isnan(samples[:, truth.shape[1]:]).all()  # its last data record is filled up
    assert found["A00001.edf"][0]["rate_hz"] == 300
    assert "no signal is an ECG lead" in found["test_edfann.edf"][0]["refused"]
    assert "sine 2.5Hz: not a known lead" in found["test_generator_2.bdf"][0]["refused"]
    return len(found)


def check_aecg():
    found = dump(DATA / "formats/aecg-edge")
    for said, samples in found:
        if said["path"].endswith("empty.xml"):
            assert "without waveform" in said["refused"]
        else:  # 2.5 uV times the digits of the file
            equal(samples, numpy.array([[-2, -2, -2, -2, -3, -4, -3, -5, -5, -4, -6, -9, -9]]) * 0.0025, said["path"])
    assert len(found) == 6
    return len(found)


def check_simulator():
    """12 leads whose samples keep Einthoven's and Goldberger's rules within rounding: order and signs are right."""
    [(said, samples)] = dump(DATA / "formats/dicom")
    lead = dict(zip(said["leads"], samples.astype(float)))
    unit = 1 / said["gain_per_mv"]
    assert said["leads"] == LEADS and samples.shape == (12, 5000)
    assert numpy.abs(lead["I"] + lead["III"] - lead["II"]).max() <= 1.5 * unit
    assert numpy.abs(lead["aVR"] + lead["aVL"] + lead["aVF"]).max() <= 2.5 * unit
    return 1


if __name__ == "__main__":
    checks = [f for name, f in list(globals().items()) if name.startswith("check_")]
    print(sum(check() for check in checks), "files in", len(checks), "folders hold the values beside them")
