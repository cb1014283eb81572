"""Raw files written by NumPy, SciPy, h5py or from their standards (raw_files.py) must be read as they were written, and
bad ones refused for what is wrong with them: recording_twin.py DUMP"""
import json
import os
import pathlib
import struct
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
import raw_files

seed = int.from_bytes(os.urandom(4), "little") if len(sys.argv) < 3 else int(sys.argv[2])
print("seed", seed)
random = numpy.random.default_rng(seed)
work = pathlib.Path(tempfile.mkdtemp())
LEADS = raw_files.LEADS
n_checks = 0


def dump(*paths):
    out = work / "samples"
    run = subprocess.run([sys.argv[1], out, *paths], capture_output=True, text=True)
    assert run.returncode == 0, (paths, run.returncode, run.stderr)
    samples, result, at = numpy.fromfile(out, "<f4"), [], 0
    for line in run.stdout.splitlines():
        said = json.loads(line)
        count = 0 if "refused" in said else len(said["leads"]) * said["samples"]
        result.append((said, samples[at:at + count].reshape(-1, said["samples"]) if count else None))
        at += count
    return result


def folder(description=None):
    path = pathlib.Path(tempfile.mkdtemp(dir=work))
    if description is not None:
        text = description if isinstance(description, str) else json.dumps(description)
        (path / "recordings.yaml").write_text(text)
    return path


def put(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def taken(path, truth, leads=None, rate=500, exact=True, **more):
    """The only recording there: samples in mV [leads, n]."""
    global n_checks
    n_checks += 1
    found = dump(path)
    assert len(found) == 1, (path, found)
    said, samples = found[0]
    assert "refused" not in said, said
    truth = numpy.asarray(truth, float)
    assert samples.shape == truth.shape, (path, samples.shape, truth.shape)
    tolerance = dict(rtol=0, atol=0) if exact else dict(rtol=1.2e-7, atol=2.0**-31 * numpy.nanmax(numpy.abs(truth)))
    assert numpy.allclose(samples, truth.astype("<f4"), equal_nan=True, **tolerance), \
        (path, numpy.nanmax(numpy.abs(samples - truth)))
    assert leads is None or said["leads"] == leads, said
    assert said["rate_hz"] == rate, said
    for key, value in more.items():
        assert said[key] == value, (key, said)
    return said


def refused(path, *words):
    global n_checks
    n_checks += 1
    found = dump(path)
    assert len(found) == 1 and "refused" in found[0][0], (path, words, [said for said, _ in found])
    for word in words:
        assert word in found[0][0]["refused"], (word, found[0][0]["refused"])


def fails(path, *words):
    """The whole search ends with a message."""
    global n_checks
    n_checks += 1
    run = subprocess.run([sys.argv[1], work / "samples", path], capture_output=True, text=True)
    assert run.returncode == 2 and all(word in run.stderr for word in words), (words, run)


def microvolts(leads, samples):
    return random.integers(-5000, 5000, (leads, samples)).astype(float)


TWELVE = dict(files="*", rate_hz=500, leads=LEADS, unit="mV")


def check_csv():
    uv = microvolts(12, 40)
    text = "\n".join(",".join(str(v / 1000) for v in row) for row in uv.T) + "\n"
    for body, description in [
            (text, dict(TWELVE, files="*.csv")),
            (text.replace(",", ";"), dict(TWELVE, files="a.*")),
            (text.replace(",", "\t"), dict(TWELVE, files="*.txt *.csv")),
            (text.replace(",", "  "), dict(TWELVE, files="*.csv", delimiter="blank")),
            ("a title\n" + ",".join(LEADS) + "\n" + text, dict(files="*.csv", rate_hz=500, unit="mV", header_lines=2)),
            ("# a comment\n" + text.replace("\n", "\r\n"), dict(TWELVE, files="*.csv")),
            ("\n".join(",".join(str(int(v)) for v in row) for row in uv), dict(TWELVE, unit="uV")),
            ("\n".join(",".join(str(int(v)) for v in row) for row in uv), dict(files="*", rate_hz=500, leads=LEADS,
                                                                                   gain_per_mv=1000))]:
        here = folder(description)
        put(here / "a.csv", body)
        if description["files"] != "*":  # else it speaks of the label table as well
            put(here / "labels.tsv", "record,age\na,50\n")
        taken(here, uv / 1000, LEADS)
    here = folder("files: '*.csv'\nrate_hz: 100\nleads: [time, V1, resp, V6]\nunit: mV\n")
    put(here / "a.csv", "0,0.5,7,nan\n1,-0.25,8,0.125\n2,,9,1e-3\n")
    said = taken(here, [[.5, -.25, numpy.nan], [numpy.nan, .125, .001]], ["V1", "V6"], 100)
    assert any("time: not a known lead" in w for w in said["warnings"]), said
    assert any("lead V6: 1 samples are not finite" in w for w in said["warnings"]), said


def check_tables_with_traps():
    here = folder("files: '*'\nrate_hz: 100\nleads: [I, resp, II]\nunit: mV\ndelimiter: tab\n")
    put(here / "a.tsv", "\t1\t0.5\r\n\n0.25\t2\t\n\t\t\n1\t3\t2\n")  # empty cells at both ends keep their column
    nan = numpy.nan
    taken(here / "a.tsv", [[nan, .25, nan, 1], [.5, nan, nan, 2]], ["I", "II"], 100)
    uv = microvolts(2, 100)
    here = folder(dict(files="*.csv", rate_hz=500, leads=["I", "II"], unit="uV", delimiter="blank"))
    put(here / "a.csv", "0       7\n" + "\n".join(f"{a}   {b}" for a, b in uv.T))  # begins as EDF does
    taken(here, numpy.hstack([[[0], [7]], uv]) / 1000, ["I", "II"])
    put(here / "a.csv", "# made of AnnotatedECG documents\n" + "\n".join(f"{a} {b}" for a, b in uv.T))
    taken(here, uv / 1000, ["I", "II"])
    here = folder("files: '*.csv'\nrate_hz: 500\nleads: [I, II]\nunit: mV\ndelimiter: ';'\n")
    put(here / "a.csv", "1;2\n3;4,5\n")
    refused(here, "line 2, column 2: '4,5' is no number")
    put(here / "a.csv", "1;2\n3;Family Name\n")
    assert "Family" not in json.dumps(dump(here)[0][0])


def check_pipes():
    """Nobody writes into them: reading one would never end."""
    here = folder(dict(TWELVE, files="*"))
    for name in ("p.edf", "p.h5", "p.mat", "p.hea"):
        os.mkfifo(here / name)
        refused(here, name, "not a regular one")
        (here / name).unlink()


def check_description_above():
    uv = microvolts(12, 20)
    here = folder(dict(TWELVE, files="*.csv"))
    (here / "a" / "b").mkdir(parents=True)
    put(here / "a" / "b" / "c.csv", "\n".join(",".join(map(str, row / 1000)) for row in uv.T))
    taken(here, uv / 1000, LEADS)


def check_bad_csv():
    four = "files: '*.csv'\nrate_hz: 500\nleads: [I, II]\nunit: mV\n"
    for body, words in [
            ("1,2\n3\n", ["line 2 has 1 numbers, the lines before have 2"]),
            ("1,2\n3,x\n", ["line 2, column 2: its text (not shown) is no number", "header_lines"]),
            ("I,II\n1,2\n", ["line 1, column 1: its text (not shown) is no number"]),
            ("", ["holds no numbers"]), ("1,2,3\n4,5,6\n4,5,6\n", ["3 x 3", "2 leads"]),
            ("1,2\n3,4\n", ["2 x 2", "leads_in"]), ("1,2\n\0\n", ["zero"]), ("1,1e300\n2,3\n4,5\n", ["unit right"])]:
        here = folder(four)
        put(here / "a.csv", body)
        refused(here, "a.csv", *words)
    lonely = put(folder() / "a.csv", "1,2\n")
    refused(lonely, "no description", "recordings.yaml", "rate_hz", "leads", "unit")
    other = folder(four)
    put(other / "b.tsv", "1,2\n")
    refused(other / "b.tsv", "does not cover it", "*.csv")


def check_bad_descriptions():
    good = dict(files="*.csv", rate_hz=500, leads=["I", "II"], unit="mV")
    for change, words in [
            (dict(rate_hz=0), ["rate_hz 0"]), (dict(unit="mmHg"), ["unit 'mmHg'"]), (dict(unit=None), []),
            (dict(gain_per_mv=200), ["both unit and gain_per_mv"]), (dict(rates=3), ["rates"]),
            (dict(delimiter="x"), ["delimiter 'x'"]), (dict(leads_in="diagonals"), ["leads_in"]),
            (dict(leads=[]), ["leads"]), (dict(rate_hz="fast"), ["rate_hz"])]:
        here = folder({k: v for k, v in dict(good, **change).items() if v is not None})
        put(here / "a.csv", "1,2\n3,4\n5,6\n")
        fails(here, "recordings.yaml", *words)
    for text in ("", "[", "- 1\n", "\0"):
        here = folder(text)
        put(here / "a.csv", "1,2\n")
        fails(here, "recordings.yaml")


def set_class(item, name):
    """The attribute as MATLAB writes it: text of that length that ends with 0, or would."""
    kind = h5py.h5t.C_S1.copy()
    kind.set_size(len(name))
    attribute = h5py.h5a.create(item.id, b"MATLAB_class", kind, h5py.h5s.create(h5py.h5s.SCALAR))
    attribute.write(numpy.array(name, f"S{len(name)}"), mtype=kind)


def check_matlab():
    uv = microvolts(12, 30)
    variants = [dict(feats=(uv / 1000).astype("<f4"), scalar=7), dict(x=uv.T / 1000), dict(x=uv.astype("<i2"))]
    for values, unit in zip(variants, ("mV", "mV", "uV")):
        for form in ("4", "5"):
            for compressed in (False, True)[:1 if form == "4" else 2]:
                here = folder(dict(TWELVE, files="*.mat", unit=unit))
                scipy.io.savemat(here / "r.mat", values, format=form, do_compression=compressed)
                taken(here, uv / 1000, LEADS)
    here = folder()
    scipy.io.savemat(here / "r.mat", {"ECG": {"sex": "Female", "age": 97, "data": uv / 1000}})
    taken(here, uv / 1000, LEADS, sex=1, age=90)
    here = folder(dict(TWELVE, files="*.mat", variable="r.s"))
    scipy.io.savemat(here / "r.mat", {"r": {"s": uv / 1000}, "s": uv})
    taken(here, uv / 1000, LEADS)
    with h5py.File(here / "r.mat", "w", userblock_size=512) as file:  # as MATLAB 7.3 writes it: transposed
        set_class(file.create_group("r"), b"struct")
        set_class(file["r"].create_dataset("s", data=uv.T / 1000), b"double")
    data = bytearray((here / "r.mat").read_bytes())
    data[:128] = b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM"
    put(here / "r.mat", bytes(data))
    taken(here, uv / 1000, LEADS)


def check_bad_matlab():
    uv = microvolts(2, 500)
    two = dict(files="*.mat", rate_hz=500, leads=["I", "II"], unit="mV")
    for values, change, words in [
            (dict(x=uv, y=uv), {}, ["several arrays", "variable"]), (dict(x=uv), dict(variable="y"), ["no variable 'y'"]),
            (dict(x="text"), {}, ["no matrix of real numbers"]), (dict(x="text"), dict(variable="x"), ["no array of real"]),
            (dict(x=uv * 1j), dict(variable="x"), ["no array of real"]), (dict(x=uv), dict(variable="x.y"), ["no struct"]),
            (dict(x=uv[:, :0]), dict(variable="x"), ["must be a matrix"]),
            (dict(x=uv.reshape(2, 5, 100)), dict(variable="x"), ["two dimensions"]),
            (dict(x=numpy.full((2, 9), numpy.nan)), dict(leads_in="columns"), ["2 x 9", "in columns"])]:
        here = folder(dict(two, **change))
        scipy.io.savemat(here / "r.mat", values)
        refused(here, "r.mat", *words)
    here = folder(two)
    for form in ("4", "5"):
        scipy.io.savemat(here / "r.mat", dict(x=uv), format=form)
        whole = (here / "r.mat").read_bytes()
        for size in (0, 7, len(whole) // 2, len(whole) - 9):
            put(here / "r.mat", whole[:size])
            refused(here, "r.mat")
    parts = struct.pack("<5I", 0, 1, 1, 0xFFFFFFFF, 0) + bytes(10)  # 1 + this is 0 in 32 bits
    put(here / "r.mat", parts)
    refused(here, "is no MATLAB file")
    here = folder()
    scipy.io.savemat(here / "r.mat", dict(x=uv))
    refused(here, "no description", "recordings.yaml")
    put(here / "r.hea", "r 1 500 500\nr.mat 16+24 1000/mV 16 0 0 0 0 I\n")
    assert [pathlib.Path(s["path"]).name for s, _ in dump(here)] == ["r.hea"]  # the signal file of the header


def check_hdf5():
    half = (random.standard_normal((12, 50))).astype("<f2")
    for data in (half, half.T, half.astype("<f4"), half.astype(">f8")):
        here = folder(dict(TWELVE, files="*.h5"))
        with h5py.File(here / "r.h5", "w") as file:
            file.create_dataset("deep/ecg", data=data, chunks=True, compression="gzip", shuffle=True)
        taken(here, half, LEADS)
    adc = random.integers(-2000, 2000, (50, 2)).astype("<i2")
    here = folder(dict(files="*.h5", rate_hz=250, leads=["V1", "V2"], gain_per_mv=204.8))
    with h5py.File(here / "r.h5", "w") as file:
        file["x"] = adc
    taken(here, adc.T / 204.8, ["V1", "V2"], 250, gain_per_mv=204.8)


def check_many_in_one():
    """As CODE-15 % comes: tracings [records, 4096, 12], filled up with zeros, and exam ids."""
    tracings, lengths = numpy.zeros((5, 128, 12), "<f4"), [128, 100, 73, 2, 90]
    for i, n in enumerate(lengths):
        first = (128 - n) // 2
        tracings[i, first:first + n] = random.standard_normal((n, 12))
    here = folder(dict(TWELVE, files="*.hdf5", variable="tracings", names="exam_id", zero_padded=True))
    with h5py.File(here / "exams_part0.hdf5", "w") as file:
        file["tracings"] = tracings
        file["exam_id"] = numpy.array([11, 22, 33, 44, 1234567890123])
    found = dump(here)
    assert [s["name"] for s, _ in found] == ["11", "22", "33", "44", "1234567890123"]
    for i, (said, samples) in enumerate(found):
        first = (128 - lengths[i]) // 2
        truth = tracings[i, first:first + lengths[i]].T
        assert samples.shape == truth.shape and numpy.allclose(samples, truth, rtol=1.2e-7, atol=1e-8)
    assert numpy.array_equal(dump(here / "exams_part0.hdf5" / "33")[0][1], found[2][1])
    refused(here / "exams_part0.hdf5" / "99", "has no record '99'")
    for names, words in [(numpy.array([1, 2]), "2 names for 5 records"), (numpy.array([b"a/../b"] * 5), "name of record 0 (not shown)")]:
        with h5py.File(here / "exams_part0.hdf5", "a") as file:
            del file["exam_id"]
            file["exam_id"] = names
        refused(here, words)
    assert "/../" not in json.dumps(dump(here)[0][0])  # it may be a person's
    with h5py.File(here / "exams_part0.hdf5", "a") as file:
        del file["exam_id"]
        file.create_dataset("exam_id", (5,), "<i8", external=[("/etc/passwd", 0, 40)])
    refused(here, "exam_id: lies in another file")
    here = folder(dict(TWELVE, files="*.h5"))
    with h5py.File(here / "r.h5", "w") as file:
        file["x"] = tracings
    assert [s["name"] for s, _ in dump(here)] == ["0", "1", "2", "3", "4"]
    taken(here / "r.h5" / "1", tracings[1].T, LEADS, exact=False)
    for name in ("5", "-1", "01", "+1", "1x", "18446744073709551616"):
        refused(here / "r.h5" / name, f"has no record '{name}'")
    with h5py.File(here / "r.h5", "w") as file:
        file.create_dataset("x", data=numpy.zeros((4000, 1, 1), "i1"), chunks=(4000, 1, 1), compression="gzip")
    refused(here, "4000 records, of which the file holds")


def check_bad_hdf5():
    two = dict(files="*.h5", rate_hz=500, leads=["I", "II"], unit="mV")
    here = folder(two)
    path = here / "r.h5"
    def again(**datasets):
        with h5py.File(path, "w") as file:
            for name, data in datasets.items():
                file[name] = data
    again(x=numpy.ones((2, 9)), y=numpy.ones((2, 9)))
    refused(path, "several arrays ('x', 'y')")
    again(x=numpy.array([[b"a", b"b"]] * 9))
    refused(path, "no array of numbers")
    again(x=numpy.ones((3, 9)))
    refused(path, "3 x 9", "2 leads")
    again()
    refused(path, "holds no array")
    with h5py.File(path, "w") as file:  # 2^33 numbers of which nothing is there
        file.create_dataset("x", (2, 1 << 32), "<f8", chunks=(1, 1 << 20))
    refused(path, "of which the file holds 0 bytes")
    again(x=numpy.ones((2, 900)))
    whole = path.read_bytes()
    for size in (0, 100, len(whole) - 2000):
        put(path, whole[:size])
        refused(path, "r.h5")
    with h5py.File(here / "other.hdf", "w") as file:
        file["x"] = numpy.ones((2, 9))
    with h5py.File(path, "w") as file:
        file["x"] = h5py.ExternalLink("other.hdf", "x")
    put(here / "recordings.yaml", json.dumps(dict(two, variable="x")))
    refused(path, "lies in another file")
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (2, 2), "<f8", external=[("/etc/passwd", 0, 32)])
    refused(path, "lies in another file")


def check_edf():
    n = 6
    adc = random.integers(-32767, 32768, (3, n, 50))
    signals = [("ECG I", "uV", -3276.8, 3276.7, -32768, 32767, adc[0]), ("Pleth", "", -1, 1, -2048, 2047, adc[1] // 16),
               ("ECG V5", "mV", 5, -5, -32768, 32767, adc[2])]  # the last one upside down
    data = raw_files.edf(signals, 0.5, n)
    path = put(folder() / "r.edf", data)
    upside_down = (adc[2].ravel() + 32768) * (-10 / 65535) + 5
    truth = numpy.array([adc[0].ravel() / 10000, upside_down])
    said = taken(path, truth, ["I", "V5"], 100, exact=False, patient="", sex=-1, age=None)
    assert any("Pleth: not a known lead" in w for w in said["warnings"])
    taken(put(folder() / "no_ending", data), truth, ["I", "V5"], 100, exact=False)  # known by how it begins
    taken(put(folder() / "r.edf", raw_files.edf(signals, 0.5, n, claimed_records=-1)), truth, rate=100, exact=False)
    person = raw_files.edf(signals, 0.5, n, "MCH-1 F 02-MAY-1951 Haagse_Harry", "Startdate 01-MAY-2002 X X X", "EDF+C")
    taken(put(folder() / "r.edf", person), truth, rate=100, exact=False, format="EDF+", patient="MCH-1", sex=1, age=50)
    assert "Haagse" not in json.dumps(dump(put(folder() / "r.edf", person))[0][0])
    wide = random.integers(-8388607, 8388608, (n, 50))
    taken(put(folder() / "r.bdf", raw_files.edf([("II", "uV", -8388608, 8388607, -8388608, 8388607, wide)], 0.5, n,
                                                bits=24)), [wide.ravel() / 1000], ["II"], 100)
    refused(put(folder() / "r.edf", data[:-1]), "shorter than its header says", "6 data records", "5 are there")
    for at, width, text, words in [(184, 8, "999", "header bytes"), (236, 8, "x", "number of data records"),
                                   (244, 8, "-1", "seconds of a data record"), (252, 4, "0", "number of signals"),
                                   (252, 4, "9999", "number of signals"), (256 + 3 * 120, 8, "32767", "no gain"),
                                   (256 + 3 * 216, 8, "nan", "samples of a data record"), (244, 8, "0", "no rate")]:
        bad = data[:at] + text.ljust(width).encode() + data[at + width:]
        refused(put(folder() / "r.edf", bad), words)
    for size in (0, 1, 255, 300, 1024):
        refused(put(folder() / "r.edf", data[:size]), "r.edf")
    filled = adc[0].copy()
    filled[-1, -20:] = -32768  # as converters fill the last data record up
    truth_filled = filled.ravel() / 10000
    truth_filled[-20:] = numpy.nan
    taken(put(folder() / "r.edf", raw_files.edf([signals[0][:6] + (filled,)], 0.5, n)), [truth_filled], ["I"], 100)
    many = [signals[0]] + [("Pleth", "", -1, 1, -2048, 2047, adc[1][:, :1] // 16)] * 1020
    said = taken(put(folder() / "r.edf", raw_files.edf(many, 0.5, n)), truth[:1], ["I"], 100, exact=False)
    assert len(said["warnings"]) == 1000 and "more warnings" in said["warnings"][-1]
    refused(put(folder() / "r.edf", raw_files.edf([signals[0]] * 2, 0.5, n)), "duplicate lead")


def check_ishne():
    adc = random.integers(-32767, 32768, (300, 3))
    data = raw_files.ishne(["X", "V1", "unknown"], 2500, adc, 200, b"H 1", 2, (1, 2, 1960), (31, 1, 2010), b"a block")
    said = taken(put(folder() / "r.ecg", data), adc[:, :2].T * 0.0025, ["X", "V1"], 200, patient="H 1", sex=1, age=49)
    assert any("unknown: not a known lead" in w for w in said["warnings"]) and "Family" not in json.dumps(said)
    refused(put(folder() / "r.ecg", data[:-6]), "shorter than its header says: 300 samples a lead, 299")
    refused(put(folder() / "r.ecg", data[:130] + b"\1" + data[131:]), "checksum mismatch")
    for at, value, words in [(156, b"\0\0", "number of leads 0"), (156, b"\xff\x7f", "number of leads"),
                             (272, b"\0\0", "rate 0"), (22, b"\xff\xff\xff\x7f", "samples begin at byte"),
                             (206, b"\0\0", "resolution 0")]:
        refused(put(folder() / "r.ecg", data[:at] + value + data[at + len(value):]), words)
    assert dump(put(folder() / "plain.ecg", "other text").parent / "plain.ecg")[0][0]["refused"]


def check_dicom():
    adc = random.integers(-32768, 32768, (200, 4))
    adc[adc == -999] = 0
    adc[7, 2] = -999
    truth = adc.T * 0.00488
    truth[2, 7] = numpy.nan
    names = ["I", "V6", "aVF", "II"]
    person = [(0x8, 0x20, "DA", "20100131"), (0x10, 0x10, "PN", "Family^Given"), (0x10, 0x20, "LO", "D-1"),
              (0x10, 0x30, "DA", "19600201"), (0x10, 0x40, "CS", "F")]
    for explicit in (False, True):
        for defined in (False, True):
            data = raw_files.dicom(names, 4.88, adc, 500, explicit, defined=defined, padding=-999, person=person)
            said = taken(put(folder() / "r.dcm", data), truth, names, patient="D-1", sex=1, age=49)
            assert "Family" not in json.dumps(said)
            for size in (0, 131, 132, 200, len(data) // 2, len(data) - 2):
                refused(put(folder() / "r.dcm", data[:size]), "r.dcm")
    for unit, words in (("mmHg", "not a voltage"),):
        refused(put(folder() / "r.dcm", raw_files.dicom(names, 1, adc, 500, True, unit)), words)
    shifted = raw_files.dicom(["I"], 0.001, adc[:, :1], 250, True, "mV", baseline=0.5)
    taken(put(folder() / "r.dcm", shifted), adc[:, :1].T * 0.001 + 0.5, ["I"], 250, exact=False)
    refused(put(folder() / "r.dcm", raw_files.dicom(names, 1, adc, "x", True)), "sampling frequency")
    jpeg = raw_files.dicom(names, 1, adc, 500, True).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0")
    refused(put(folder() / "r.dcm", jpeg), "transfer syntax")
    refused(put(folder() / "r.dcm", raw_files.dicom(names, 1, adc, 500, True).replace(b"SS", b"MB", 1)), "linear samples")


def check_scp():
    walk = numpy.clip(numpy.cumsum(random.integers(-60, 61, (400, 12)), 0), -2000, 2000)
    walk[100:105] += random.integers(-2000, 2000, (5, 12))
    tags = [(0, b"Family\0"), (2, b"S-1\0"), (4, b"\x2d\0\1"), (8, b"\2"), (25, b"\xda\7\1\2")]
    for order in (0, 1, 2):
        for huffman in (True, False):
            data = raw_files.scp(LEADS, 2500, walk, 2000, order, huffman, tags)
            said = taken(put(folder() / "r.scp", data), walk.T * 0.0025, LEADS, patient="S-1", sex=1, age=45)
            assert "Family" not in json.dumps(said)
            for size in (0, 5, 21, 100, len(data) // 2, len(data) - 1):
                refused(put(folder() / "r.scp", data[:size]), "r.scp")
    refused(put(folder() / "r.scp", raw_files.scp(LEADS, 2500, walk, 2000, 1, reference_beats=1)), "reference beats",
            "no section 4 or 5")
    flat = numpy.stack([numpy.zeros(400, int), walk[:, 0]], 1)  # the first lead takes a bit a sample
    data = raw_files.scp(["I", "II"], 2500, flat, 2000, 0)
    longer = data.replace(struct.pack("<II", 1, 400), struct.pack("<II", 1, 500))
    refused(put(folder() / "r.scp", longer), "samples 1 to 500: more than its data can hold")
    refused(put(folder() / "r.scp", raw_files.scp(LEADS, 0, walk, 2000, 1)), "0 nV")
    refused(put(folder() / "r.scp", raw_files.scp(LEADS, 2500, walk, 0, 1)), "0 us between samples")
    refused(put(folder() / "r.scp", raw_files.scp(["none"], 2500, walk[:, :1], 2000, 1)), "no signal is an ECG lead")


def check_aecg():
    adc = random.integers(-400, 400, (30, 12))
    person = '<id extension="A-1"/><subjectDemographicPerson><name>Family</name><administrativeGenderCode code="F"/>' \
             '<birthTime value="19530702"/></subjectDemographicPerson>'
    data = raw_files.aecg(LEADS, 2.5, adc, 0.002, person)
    said = taken(put(folder() / "r.xml", data), adc.T * 0.0025, LEADS, patient="A-1", sex=1, age=66)
    assert "Family" not in json.dumps(said)
    beat = "<derivation><derivedSeries><component><sequenceSet><component><sequence><code code='MDC_ECG_LEAD_I'/><value>" \
           "<origin value='0' unit='uV'/><scale value='1' unit='uV'/><digits>1 2 3</digits></value></sequence>" \
           "</component></sequenceSet></component></derivedSeries></derivation>"
    taken(put(folder() / "r.xml", raw_files.aecg(LEADS, 2.5, adc, 0.002, person, beat)), adc.T * 0.0025, LEADS)
    for old, new, words in [(b'unit="uV"', b'unit="mmHg"', "not a voltage"), (b'value="0.002"', b'value="0"', "increment"),
                            (b"<digits>", b"<digits>x ", "must be a whole number"), (b"</series>", b"", "well-formed"),
                            (b"<digits>", b"<digits>99999999999 ", "must be a whole number"),
                            (b"_AVR", b"_AVL", "duplicate lead")]:
        refused(put(folder() / "r.xml", data.replace(old, new)), words)
    bomb = data.replace(b"<AnnotatedECG", b'<!DOCTYPE a [<!ENTITY b "ccc"><!ENTITY d "&b;&b;">]><AnnotatedECG', 1)
    refused(put(folder() / "r.xml", bomb), "defines entities")
    deep = data.replace(b"<trialSubject>", b"<a>" * 100, 1)
    refused(put(folder() / "r.xml", deep), "nested deeper")
    for size in (100, len(data) // 2, len(data) - 3):
        refused(put(folder() / "r.xml", data[:size]), "r.xml")
    first = data.index(b"<component><sequenceSet>")
    last = data.index(b"</sequenceSet></component>") + len(b"</sequenceSet></component>")
    axis = b'<component><sequenceSet><component><sequence><code code="TIME_ABSOLUTE"/><value>' \
           b'<increment value="0.01" unit="s"/></value></sequence></component></sequenceSet></component>'
    before, after = data[:first] + axis + data[first:], data[:last] + axis + data[last:]
    for other in (before, after):  # another set's time axis is not that of the leads
        taken(put(folder() / "r.xml", other), adc.T * 0.0025, LEADS)
        refused(put(folder() / "r.xml", other.replace(b'value="0.002"', b'value="0"')), "increment")
    taken(put(folder() / "r.xml", b"\xef\xbb\xbf" + data), adc.T * 0.0025, LEADS)
    here = folder()
    put(here / "other.xml", "<settings/>")
    put(here / "r.xml", data)
    assert len(dump(here)) == 1  # other documents are no recordings


if __name__ == "__main__":
    for name, check in list(globals().items()):
        if name.startswith("check_"):
            check()
    print(n_checks, "files were read as they were written, or refused for what is wrong with them")
