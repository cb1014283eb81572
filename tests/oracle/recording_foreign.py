"""Raw files as other programs write them and as users have them, beyond what a standard's first page says; each must be
read as it was meant, or refused for what is wrong with it: recording_foreign.py DUMP"""
import io
import struct
import sys
import warnings

try:
    import h5py
    import numpy
    import scipy.io
except ImportError as missing:
    print("SKIP:", missing)
    sys.exit(77)
import raw_files
from recording_twin import LEADS, dump, fails, folder, put, random, refused, taken

try:
    import pydicom
    import pydicom.data
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.sequence import Sequence
except ImportError:
    pydicom = None

warnings.filterwarnings("ignore")


# ---- DICOM, by pydicom ----

def dicom_group(names, adc, bits=16, kind="SS", rate=500, originality="ORIGINAL", offset=0, big=False, unit="uV",
                meaning="", label=""):
    """adc: [n, channels]; a sample is 2 uV, corrected by 1.25."""
    group = Dataset()
    group.MultiplexGroupTimeOffset, group.WaveformOriginality = offset, originality
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = adc.shape[1], adc.shape[0]
    group.SamplingFrequency, group.WaveformBitsAllocated, group.WaveformSampleInterpretation = rate, bits, kind
    group.ChannelDefinitionSequence = Sequence()
    for name in names:
        channel, source, units = Dataset(), Dataset(), Dataset()
        code = raw_files.SCP_CODES.get(name)
        source.CodeValue = f"5.6.3-9-{code}" if code and not meaning else "local-1"
        source.CodingSchemeDesignator = "SCPECG" if code and not meaning else "99LOCAL"
        source.CodeMeaning = meaning or name
        units.CodeValue, units.CodingSchemeDesignator, units.CodeMeaning = unit, "UCUM", "unit"
        channel.ChannelLabel = label or name
        channel.ChannelSourceSequence, channel.ChannelSensitivity = Sequence([source]), 2
        channel.ChannelSensitivityUnitsSequence = Sequence([units])
        channel.ChannelSensitivityCorrectionFactor, channel.ChannelBaseline = 1.25, 0
        group.ChannelDefinitionSequence.append(channel)
    group.WaveformData = adc.astype((">" if big else "<") + ("i" if kind[0] == "S" else "u") + str(bits // 8)).tobytes()
    group["WaveformData"].VR = "OB" if bits == 8 else "OW"
    return group


def dicom(groups, syntax=None):
    syntax = syntax or pydicom.uid.ExplicitVRLittleEndian
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = syntax, "1.2.840.10008.5.1.4.1.1.9.1.1"
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    data = FileDataset("r.dcm", {}, file_meta=meta, preamble=bytes(128))
    data.is_little_endian, data.is_implicit_VR = syntax != pydicom.uid.ExplicitVRBigEndian, syntax.is_implicit_VR
    data.PatientID, data.PatientAge, data.PatientSex = "D-2", "018M", "M"
    data.WaveformSequence = Sequence(groups)
    out = io.BytesIO()
    data.save_as(out, write_like_original=False)
    return out.getvalue()


def check_dicom_syntaxes():
    if not pydicom:
        return
    adc = random.integers(-32768, 32768, (150, 3))
    names, truth = ["II", "V1", "aVL"], adc.T * 0.0025
    for syntax in (pydicom.uid.ImplicitVRLittleEndian, pydicom.uid.ExplicitVRLittleEndian,
                   pydicom.uid.ExplicitVRBigEndian, pydicom.uid.DeflatedExplicitVRLittleEndian):
        data = dicom([dicom_group(names, adc, big=syntax == pydicom.uid.ExplicitVRBigEndian)], syntax)
        taken(put(folder() / "r.dcm", data), truth, names, patient="D-2", sex=0, age=1.5)
        for size in (400, len(data) // 2, len(data) - 2):
            refused(put(folder() / "r.dcm", data[:size]), "r.dcm")
    plain = dicom([dicom_group(names, adc)])
    syntax = b"UI\x14\0" + b"1.2.840.10008.1.2.1\0"
    length = plain.index(b"\x02\0\0\0UL\x04\0") + 8
    for other in (b"1.2.840.10008.1.2.4.50", b"1.2.840.10008.1.2.5\0"):  # what packs pictures does not pack waveforms
        data = plain.replace(syntax, b"UI" + bytes([len(other), 0]) + other)
        data = data[:length] + bytes([data[length] + len(other) - 20]) + data[length + 1:]
        taken(put(folder() / "r.dcm", data), truth, names)
    refused(put(folder() / "r.dcm", plain.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0")),
            "transfer syntax '1.2.840.10008.1.2.9'", "export it as")
    body = plain[plain.index(b"\x10\0\x20\0LO"):]
    taken(put(folder() / "r.dcm", body), truth, names)  # without preamble and meta information
    swapped = dicom([dicom_group(names, adc, big=True)], pydicom.uid.ExplicitVRBigEndian)
    taken(put(folder() / "r.dcm", swapped[swapped.index(b"\0\x10\0\x20LO"):]), truth, names)


def check_dicom_samples():
    if not pydicom:
        return
    for bits, kind, least, most in ((8, "SB", -128, 128), (8, "UB", 0, 256), (16, "US", 0, 65536),
                                    (32, "SL", -2**31 + 1, 2**31)):
        adc = random.integers(least, most, (100, 2))
        taken(put(folder() / "r.dcm", dicom([dicom_group(["I", "II"], adc, bits, kind)])), adc.T * 0.0025, ["I", "II"])
    for bits, kind in ((8, "MB"), (32, "UL"), (16, "SL")):
        refused(put(folder() / "r.dcm", dicom([dicom_group(["I"], adc[:, :1] * 0, bits, kind)])), f"'{kind}', {bits} bits")
    labelled = dicom_group(["V2"], adc[:, :1] // 2**16, meaning="precordial", label="V2")
    taken(put(folder() / "r.dcm", dicom([labelled])), adc[:, :1].T // 2**16 * 0.0025, ["V2"])


def check_dicom_groups():
    if not pydicom:
        return
    adc = random.integers(-3000, 3000, (100, 6))
    truth = adc.T * 0.0025
    pressure = dicom_group(["Aorta"], adc[:, :1], unit="mm[Hg]")
    limb, chest = dicom_group(["I", "II", "III"], adc[:, :3]), dicom_group(["V1", "V2", "V3"], adc[:, 3:])
    beats = dicom_group(["I", "II", "III"], adc[:40, :3], originality="DERIVED")
    said = taken(put(folder() / "r.dcm", dicom([pressure, beats, limb])), truth[:3], ["I", "II", "III"])
    assert any("waveform group 1" in w for w in said["warnings"]) and any("group 2 (DERIVED" in w for w in said["warnings"])
    taken(put(folder() / "r.dcm", dicom([limb, chest])), truth, ["I", "II", "III", "V1", "V2", "V3"])
    later = dicom_group(["V1", "V2", "V3"], adc[:, 3:], offset=2500)
    for other in (later, dicom_group(["V1"], adc[:, :1], rate=250), dicom_group(["V1"], adc[:50, :1]),
                  dicom_group(["II", "V1"], adc[:, :2])):
        said = taken(put(folder() / "r.dcm", dicom([limb, other])), truth[:3], ["I", "II", "III"])
        assert any("waveform group 2 (ORIGINAL" in w for w in said["warnings"]), said
    refused(put(folder() / "r.dcm", dicom([pressure])), "no signal is an ECG lead", "Aorta")


def check_dicom_of_unknown_type():
    """An archive that does not know the element passes it on as UN: what is inside is implicit then."""
    if not pydicom:
        return
    adc = random.integers(-3000, 3000, (100, 2))
    implicit = dicom([dicom_group(["I", "II"], adc)], pydicom.uid.ImplicitVRLittleEndian)
    explicit = dicom([], pydicom.uid.ExplicitVRLittleEndian)
    head = b"\0\x54\0\x01"
    value = implicit[implicit.index(head) + 8:]
    at = explicit.index(head)
    for length, end in ((len(value), b""), (0xFFFFFFFF, b"\xfe\xff\xdd\xe0\0\0\0\0")):
        data = explicit[:at] + head + b"UN\0\0" + length.to_bytes(4, "little") + value + end
        taken(put(folder() / "r.dcm", data), adc.T * 0.0025, ["I", "II"])


def check_a_real_dicom():
    """The sample that pydicom brings along: made by a cardiograph, not by us."""
    if not pydicom:
        return
    path = pydicom.data.get_testdata_file("waveform_ecg.dcm")
    if path:
        truth = pydicom.dcmread(path).waveform_array(0).T / 1000
        found = dump(path)
        assert len(found) == 1 and found[0][0]["leads"] == LEADS and found[0][0]["rate_hz"] == 1000, found
        assert numpy.abs(found[0][1] - truth).max() < 1e-6


# ---- SCP-ECG ----

def scp_code(prefix, bits_behind, is_value, value):
    """A row of section 2; prefix: text of 0 and 1."""
    return struct.pack("<BBBhI", len(prefix), len(prefix) + bits_behind, is_value, value, int(prefix[::-1], 2))


def check_scp_tables():
    """No tables at all, though there is a section 2; two tables of the file's own, with values in bits behind a prefix."""
    walk = numpy.cumsum(random.integers(-40, 41, (300, 2)), 0)
    for order in (0, 1, 2):
        data = raw_files.scp(["I", "V2"], 2500, walk, 2000, order, False, more={2: struct.pack("<H", 0)})
        taken(put(folder() / "r.scp", data), walk.T * 0.0025, ["I", "V2"])
    rows = [[("0", 0, 1, 0), ("10", 4, 1, 0), ("110", 4, 1, 20), ("1110", 16, 1, 0), ("1111", 0, 0, 2)],
            [("0", 16, 1, 1000), ("1", 0, 0, 1)]]

    def encode(values):
        bits = ""
        for value in map(int, values):
            if value == 0:
                bits += "0"
            elif -8 <= value < 8:
                bits += "10" + format(value & 15, "04b")
            elif 12 <= value < 28:  # 20 and a little
                bits += "110" + format(value - 20 & 15, "04b")
            elif value % 2:
                bits += "1110" + format(value & 0xFFFF, "016b")
            else:  # by the second table, and back
                bits += "1111" + "0" + format(value - 1000 & 0xFFFF, "016b") + "1"
        return bits
    section = struct.pack("<H", len(rows))
    for table in rows:
        section += struct.pack("<H", len(table)) + b"".join(scp_code(*row) for row in table)
    for order in (0, 1, 2):
        data = raw_files.scp(["I", "V2"], 2500, walk, 2000, order, tables=(section, encode))
        taken(put(folder() / "r.scp", data), walk.T * 0.0025, ["I", "V2"])


def check_scp_reference_beats():
    n, first, fiducial, length = 900, 1, 31, 100
    rest = numpy.cumsum(random.integers(-9, 10, (n, 2)), 0)
    beat = random.integers(-700, 700, (length, 2))
    places = [(0, 40), (0, 300), (1, 500), (0, 640), (0, 880)]  # of the fiducial; type 1 has its own shape
    section4 = struct.pack("<HHH", length * 2, fiducial, len(places))
    for nanovolts, beat_nanovolts in ((2500, 2500), (2000, 5000), (5000, 2000)):
        truth, rows = rest * float(nanovolts), b""
        for kind, place in places:
            begin, last = max(1, place - 25), min(n, place + 60)
            rows += struct.pack("<HIII", kind, begin, place, last)
            for sample in range(begin, last + 1):
                if kind == 0:
                    truth[sample - 1] += beat[fiducial + sample - place - 1] * float(beat_nanovolts)
        protected = b"".join(struct.pack("<II", p - 10, p + 10) for _, p in places)
        for order in (0, 2):
            more = {4: section4 + rows + protected,
                    5: raw_files.scp_signals(beat_nanovolts, 2000, order, beat, raw_files.scp_bits)}
            def file(**other):
                return raw_files.scp(["II", "V5"], nanovolts, rest, 2000, order, reference_beats=1,
                                     **dict(dict(more=more), **other))
            taken(put(folder() / "r.scp", file()), truth.T / 1e6, ["II", "V5"])
    refused(put(folder() / "r.scp", file(bimodal=1)), "thinned-out samples")
    slow = raw_files.scp_signals(2000, 4000, 0, beat, raw_files.scp_bits)
    refused(put(folder() / "r.scp", file(more={4: more[4], 5: slow})), "reference beat with 4000 us", "2000 us")
    refused(put(folder() / "r.scp", file(more={4: more[4][:60], 5: more[5]})), "5 beats do not fit into section 4")
    refused(put(folder() / "r.scp", file(more={4: more[4], 5: more[5][:-100]})), "lead 2")
    long = {4: struct.pack("<HHH", 60000, fiducial, len(places)) + rows, 5: more[5]}
    refused(put(folder() / "r.scp", file(more=long)), "samples of 30000 are there")
    third = raw_files.scp(["I"], 2500, rest[:, :1], 2000, 0)
    at = third.index(struct.pack("<H", 6), 22)  # the pointer to section 6: as if it were one of SCP-ECG 3
    third = third[:at] + struct.pack("<H", 12) + third[at + 2:]
    refused(put(folder() / "r.scp", third), "section 12", "export it as SCP-ECG 2")


# ---- EDF ----

def edf_onsets(onsets):
    """The annotation signal of EDF+ that says when each data record begins."""
    texts = numpy.array([list(f"{t:+g}\x14\x14".ljust(16, "\0").encode()) for t in onsets])
    words = texts[:, 0::2] + 256 * texts[:, 1::2]
    return "EDF Annotations", "", -1, 1, -32768, 32767, numpy.where(words > 32767, words - 65536, words)


def check_interrupted_edf():
    n, rate = 6, 100
    adc = random.integers(-32767, 32768, (2, n, 50))
    signals = [("ECG I", "mV", -3.2768, 3.2767, -32768, 32767, adc[0]),
               ("ECG V2", "mV", -3.2768, 3.2767, -32768, 32767, adc[1])]
    def file(onsets, kind="EDF+D", **more):
        return put(folder() / "r.edf", raw_files.edf(signals + [edf_onsets(onsets)], 0.5, n, reserved=kind, **more))
    whole = adc.reshape(2, -1) / 10000
    taken(file([7, 7.5, 8, 8.5, 9, 9.5]), whole, ["I", "V2"], rate, exact=False, warnings=[])
    taken(file([0, 0.504, 1, 1.5, 2, 2.496]), whole, ["I", "V2"], rate, exact=False, warnings=[])
    starts = [0, 50, 103, 153, 900, 950]
    truth = numpy.full((2, 1000), numpy.nan)
    for record, start in enumerate(starts):
        truth[:, start:start + 50] = adc[:, record] / 10000
    said = taken(file([s / rate + 3 for s in starts]), truth, ["I", "V2"], rate, exact=False)
    assert said["warnings"] == ["is interrupted 2 times; the gaps are missing samples"], said
    taken(file([s / rate for s in starts], "EDF+C"), whole, ["I", "V2"], rate, exact=False)  # says that it is not
    refused(file([0, 0.5, 1, 1.4, 2, 2.5]), "data record 3 begins at 1.4 s, but the one before it ends at 1.5 s")
    refused(file([0, 0.5, 1, 1.5, 2, 1e9]), "only 300 of 100000000050 samples", "divide it")
    refused(put(folder() / "r.edf", raw_files.edf(signals, 0.5, n, reserved="EDF+D")), "data record 0 has no onset")
    said = taken(file([0, .5, 1, 1.5, 2, 2.5], claimed_records=4), whole[:, :200], ["I", "V2"], rate, exact=False)
    assert said["warnings"] == ["holds 2 data records more than the header says; they are not read"], said


def check_edf_of_several_rates():
    n = 4
    fast, slow = random.integers(-32767, 32768, (n, 60)), random.integers(-32767, 32768, (n, 24))
    missing = slow.copy()
    missing[1, 3] = -32768
    def signal(name, samples):
        return name, "mV", -3.2768, 3.2767, -32768, 32767, samples
    pressure = ("ABP", "mmHg", -300, 300, -32768, 32767, random.integers(0, 9, (n, 125)))
    data = raw_files.edf([signal("I", slow), pressure, signal("II", fast), signal("V1", missing)], 0.25, n)
    flat, times = slow.ravel() / 10000, numpy.arange(n * 60) * 24 / 60
    line = numpy.interp(times, numpy.arange(n * 24), flat)
    holes = line.copy()
    hole = 24 + 3
    holes[(times > hole - 1) & (times < hole + 1)] = numpy.nan
    said = dump(put(folder() / "r.edf", data))[0]
    assert said[0]["leads"] == ["I", "II", "V1"] and said[0]["rate_hz"] == 240, said[0]
    assert numpy.abs(said[1][1] - fast.ravel() / 10000).max() < 1e-6
    assert numpy.abs(said[1][0] - line).max() <= 0.5001e-4  # a line is rounded to ADC units
    assert numpy.array_equal(numpy.isnan(said[1][2]), numpy.isnan(holes))
    assert numpy.nanmax(numpy.abs(said[1][2] - holes)) <= 0.5001e-4
    assert any("lead V1: 96 samples a second are made 240" in w for w in said[0]["warnings"]), said[0]
    assert not any("ABP" in w and "made" in w for w in said[0]["warnings"])
    starts = numpy.array([0, 0.25, 1, 1.25])  # no line over a gap
    said = dump(put(folder() / "r.edf", raw_files.edf([signal("I", slow), signal("II", fast), edf_onsets(starts)], 0.25, n,
                                                      reserved="EDF+D")))[0]
    assert numpy.isnan(said[1][:, 120:240]).all() and said[1].shape == (2, 360)
    assert numpy.allclose(said[1][0, 118:120], slow[1, -1] / 10000, atol=1e-6)


# ---- tables and arrays ----

def check_tables_of_spreadsheets():
    """As saved by one: the mark of UTF-8 in front, CR LF, semicolons, commas in numbers, units in the heading."""
    uv = random.integers(-3000, 3000, (2, 60))
    seconds = [f"{i / 500:.3f}" for i in range(60)]
    lines = [";".join([t, *(str(v / 1000) for v in row)]) for t, row in zip(seconds, uv.T)]
    mark = b"\xef\xbb\xbf"
    plain = dict(files="*.csv", rate_hz=500, unit="mV")
    for text, description, leads in [
            (mark + "\r\n".join(["I;II"] + [x.split(";", 1)[1] for x in lines]).encode(), dict(plain, header_lines=1), 2),
            (mark + "\r\n".join(x.split(";", 1)[1] for x in lines).encode(), dict(plain, leads=["I", "II"]), 2),
            ("\r\n".join(["Zeit [s];I [mV];ECG_II (mV)"] + lines).replace(".", ",").encode(),
             dict(plain, header_lines=1, decimal_comma=True), 2),
            ("\n".join(["time;I;II", "s;mV;mV"] + lines).replace(".", ",").encode(),
             dict(plain, header_lines=2, decimal_comma=True, leads=["time", "I", "II"], delimiter=";"), 2),
            ("\n".join(["time;I;II"] + lines).replace(".", ",").replace(";", "\t").encode(),
             dict(plain, header_lines=1, decimal_comma=True), 2),
            ("\n".join(["time I II"] + lines).replace(".", ",").replace(";", " ").encode(),
             dict(plain, header_lines=1, decimal_comma=True), 2)]:
        here = folder(description)
        put(here / "r.csv", text)
        taken(here, uv / 1000, ["I", "II"][:leads])
    here = folder(dict(plain, leads=["I", "II"]))
    put(here / "r.csv", "0,5;1\n1,5;2\n2;3\n")
    refused(here, "line 1, column 1: '0,5' is no number", "decimal_comma: true")
    put(here / "r.csv", "1,5\n1,x\n")
    message = dump(here)[0][0]["refused"]
    assert "decimal_comma" not in message, message
    put(here / "r.csv", "\ufeff1,2\n".encode("utf-16-le"))
    refused(here, "UTF-16", "save it as UTF-8")
    here = folder(dict(plain, header_lines=1))
    put(here / "r.csv", "I [uV];II [uV]\n1;2\n")
    refused(here, "line 1: the heading says unit 'uV', the description 'mV'")
    here = folder(dict(plain, header_lines=1, decimal_comma=True, delimiter=","))
    put(here / "r.csv", "I,II\n1,2\n")
    fails(here, "recordings.yaml", "a comma cannot be both")


def check_names_of_any_length():
    """Text as h5py writes it unless told otherwise."""
    many = random.integers(-300, 300, (3, 2, 40)) / 1000
    here = folder(dict(files="*.h5", rate_hz=500, unit="mV", leads=["I", "II"], variable="x", names="id"))
    for names in (["a1", "pat-77_b", "9"], numpy.array([b"a1", b"pat-77_b", b"9"], object)):
        with h5py.File(here / "r.h5", "w") as file:
            file["x"] = many
            file.create_dataset("id", data=names, dtype=h5py.string_dtype("utf-8" if isinstance(names, list) else "ascii"))
        found = dump(here)
        assert [said["name"] for said, _ in found] == ["a1", "pat-77_b", "9"], found
        assert numpy.allclose(found[1][1], many[1], atol=1e-6)
        taken(here / "r.h5" / "9", many[2], ["I", "II"])
    for bad, words in ((["a", "b", "c" * 64], "more than 63 characters"), (["a", "b", "x" * 5000], "more than 63"),
                       (["a", "b", ""], "name of record 2 (not shown)"), (["a", "../b", "c"], "name of record 1")):
        with h5py.File(here / "r.h5", "w") as file:
            file["x"] = many
            file["id"] = bad
        refused(here, words)
    for form, words in ((dict(maxshape=(None,), chunks=(2,)), None), (dict(compression="gzip"), "packed form")):
        with h5py.File(here / "r.h5", "w") as file:
            file["x"] = many
            file.create_dataset("id", data=["a1", "b", "c_3"], dtype=h5py.string_dtype(), **form)
        if words:
            refused(here, words, "texts of one length")
        else:
            assert [said["name"] for said, _ in dump(here)] == ["a1", "b", "c_3"]
    for form in ({}, dict(chunks=(3,))):
        with h5py.File(here / "r.h5", "w") as file:
            file["x"] = many
            data = file.create_dataset("id", data=["a1", "b", "c_3"], dtype=h5py.string_dtype(), **form)
            at = data.id.get_chunk_info(0).byte_offset if form else data.id.get_offset()
        whole = bytearray((here / "r.h5").read_bytes())
        whole[at + 16:at + 20] = b"\xff\xff\xff\x7f"  # two gigabytes of text, says the second
        put(here / "r.h5", bytes(whole))
        refused(here, "more than 63 characters, or are damaged")


def check_records_behind():
    """[samples, leads, records]: MATLAB's [records, leads, samples], which it writes the other way round."""
    many = random.integers(-300, 300, (3, 2, 40))
    for data in (many.transpose(2, 1, 0), many.transpose(1, 2, 0)):
        here = folder(dict(files="*.h5", rate_hz=500, unit="uV", leads=["I", "II"], records_last=True))
        with h5py.File(here / "r.h5", "w") as file:
            file.create_dataset("x", data=data.astype("<i2"), chunks=True, compression="gzip")
        found = dump(here)
        assert [said["name"] for said, _ in found] == ["0", "1", "2"], found
        assert all(numpy.array_equal(samples, (truth / 1000).astype("<f4")) for (_, samples), truth in zip(found, many))
        put(here / "recordings.yaml", "files: '*.h5'\nrate_hz: 500\nunit: uV\nleads: [I, II]\n")
    message = dump(here)[0][0]["refused"]
    assert "records_last: true" in message and "40 x 3" in message, message


def check_matrices_that_are_none():
    here = folder(dict(files="*.mat", rate_hz=500, unit="mV", leads=["I", "II"]))
    for value in (numpy.zeros((2, 3, 40)), numpy.array([numpy.zeros(3), "a"], object)):
        scipy.io.savemat(here / "r.mat", dict(x=value))
        refused(here, "no matrix of real numbers with two dimensions")


# ---- HL7 aECG ----

def check_aecg_of_other_writers():
    adc = random.integers(-2000000, 2000000, (50, 2))
    data = raw_files.aecg(["I", "V6"], 0.005, adc, 0.002)
    truth = adc.T * 0.000005
    for coding in ("utf-16", "utf-16-le", "utf-16-be"):
        text = data.decode().replace('<?xml version="1.0"?>', "")
        here = folder()
        put(here / "r.xml", text.encode(coding) if coding == "utf-16" else ("\ufeff" + text).encode(coding))
        taken(here, truth, ["I", "V6"])
    for coding, comment in (("windows-1252", "M\u00fcller \u20ac"), ("iso-8859-15", "\u20ac"), ("gb2312", "\u5fc3\u7535\u56fe"),
                            ("shift_jis", "\u30bd\u8868")):
        text = data.decode().replace('<?xml version="1.0"?>', f'<?xml version="1.0" encoding="{coding}"?><!-- {comment} -->')
        taken(put(folder() / "r.xml", text.encode(coding)), truth, ["I", "V6"])
    other = data.replace(b'<?xml version="1.0"?>', b'<?xml version="1.0" encoding="UTF-7"?>')
    refused(put(folder() / "r.xml", other), "unknown encoding")
    spelled = data.decode()
    for value in sorted(set(adc.ravel()), key=lambda v: -len(str(v))):
        spelled = spelled.replace(f" {value} ", f" {float(value):.6e} " if value % 2 else f" {value}.0 ")
    taken(put(folder() / "r.xml", spelled), truth, ["I", "V6"])
    refused(put(folder() / "r.xml", data.replace(b"<digits>", b"<digits>0.5 ", 1)), "'0.5", "must be a whole number")


# ---- WFDB as people have it ----

def check_wfdb_headers_of_editors():
    adc = random.integers(-2000, 2000, (2, 700))
    raw = adc.T.astype("<i2").tobytes()
    lines = ["r 2 500 700", "r.dat 16 200(10)/mV 16 0 0 0 0 I", "r.dat 16 -400(10)/mV 16 0 0 0 0 ECG_II", "# Age: 300"]
    truth = numpy.array([(adc[0] - 10) / 200, (adc[1] - 10) / -400])  # the second stands upside down
    for end, mark in (("\n", ""), ("\r\n", ""), ("\n", "\ufeff")):
        here = folder()
        put(here / "r.hea", mark + end.join(lines))
        put(here / "r.dat", raw)
        taken(here, truth, ["I", "II"], age=90)
    here = folder()
    (here / "R.HEA").write_text("\n".join(lines).replace("r.dat", "R.DAT"))
    put(here / "R.DAT", raw)
    put(here / "R.ATR", struct.pack("<HHH", 1 << 10 | 100, 5 << 10 | 800, 0))
    said = taken(here, truth, ["I", "II"])
    assert any("R.ATR: 1 annotations behind the last sample" in w for w in said["warnings"]), said
    taken(here / "R", truth, ["I", "II"])
    matrix = struct.pack("<5I", 30, 2, 700, 0, 4) + b"val\0" + raw
    (here / "R.HEA").write_text("\n".join(lines).replace("r.dat 16", "R.MAT 16+24"))
    put(here / "R.MAT", matrix)
    taken(here, truth, ["I", "II"])  # of the header, no recording of its own


# ---- annotations, by annot(5) ----

SYMBOLS = {1: "N", 2: "L", 3: "R", 5: "V", 8: "A", 12: "/", 14: "~", 18: "s", 19: "T", 22: '"', 27: "t", 28: "+", 32: "[",
           33: "]", 38: "f", 39: "(", 40: ")"}


def annotation_file(marks, resolution=None):
    """marks: (tick, code, number, subtype, channel, text), in order of time."""
    out, at, state = b"", 0, dict(number=0, channel=0)

    def word(code, low):
        return struct.pack("<H", code << 10 | low & 0x3FF)

    def text_of(text):
        data = text.encode()
        return word(63, len(data)) + data + b"\0" * (len(data) % 2)
    if resolution:
        out += word(22, 0) + text_of(f"## time resolution: {resolution}")
    for tick, code, number, subtype, channel, text in marks:
        step = tick - at
        while step > 0x7FFFFFFF or step >= 1024 or step < 0:
            skip = min(step, 0x7FFFFFFF)
            out += word(59, 0) + struct.pack("<HH", skip >> 16 & 0xFFFF, skip & 0xFFFF)
            step -= skip
        out += word(code, step)
        if number != state["number"]:
            out += word(60, number)
        if subtype:
            out += word(61, subtype)
        if channel != state["channel"]:
            out += word(62, channel)
        if text:
            out += text_of(text)
        at, state = tick, dict(number=number, channel=channel)
    return out + b"\0\0"


def check_annotations():
    adc = random.integers(-2000, 2000, 90000).astype("<i2").tobytes()
    here = folder()
    put(here / "r.dat", adc)
    texts = {28: ["(AFIB", "(N", "(SVTA\0", "(B"], 18: ["(ST0+", "AST1-250"], 19: ["(T0-"], 22: ["seen by Dr Name"], 1: ["", ""]}
    for ticks_per_sample, resolution, per_frame in ((1, None, 1), (4, 1000, 1), (1, None, 2)):
        frames = 90000 // per_frame
        put(here / "r.hea", f"r 1 250 {frames}\nr.dat 16{f'x{per_frame}' if per_frame > 1 else ''} 200 16 0 0 0 0 I\n")
        marks, wanted, tick = [], [], 0
        for _ in range(300):
            tick += int(random.choice([0, 1, 5, 1023, 1024, 30000], p=[.1, .2, .4, .1, .1, .1]))
            code = int(random.choice(list(SYMBOLS)))
            text = str(random.choice(texts[code])) if code in texts else ""
            number, subtype, channel = (int(v) for v in random.integers([-3, -2, 0], [4, 3, 5]))
            marks.append((tick, code, number, subtype, channel, text))
            sample = int(tick * per_frame / ticks_per_sample + 0.5)
            if sample < 90000:
                kept = text.rstrip("\0") if code in (18, 19, 28) or text.startswith("(") else ""
                wanted.append([sample, SYMBOLS[code], number, subtype, channel, kept])
        for name in ("r.atr", "r.qrs"):
            put(here / name, annotation_file(marks, resolution))
            said = taken(here / "r.hea", numpy.frombuffer(adc, "<i2")[None] / 200, ["I"], 250 * per_frame)
            assert said["events"] == wanted, [pair for pair in zip(said["events"], wanted) if pair[0] != pair[1]][:3]
            assert any("behind the last sample" in w for w in said["warnings"]) == (len(wanted) < 300), said["warnings"]
            (here / name).unlink()


def check_lists_that_lie_with_their_records():
    """RECORDS of PhysioNet, named from elsewhere."""
    adc = random.integers(-2000, 2000, (1, 100))
    here = folder()
    for name in ("100", "a/100", "a b/\u00e4"):
        (here / name).parent.mkdir(exist_ok=True)
        put(here / f"{name}.hea", f"r 1 250 100\nr.dat 16 200 16 0 0 0 0 I\n")
        put((here / name).parent / "r.dat", adc.astype("<i2").tobytes())
    put(here / "RECORDS", "100\r\n\na/100\na b/\u00e4.hea\n# the end\n")
    assert len(dump(f"@{here / 'RECORDS'}")) == 3
    put(here / "RECORDS", "100\n101\n")
    fails(f"@{here / 'RECORDS'}", "101: no such file or folder")
    fails(folder(), "no recordings were found in this folder", ".csv", "recordings.yaml")


if __name__ == "__main__":
    for name, check in list(globals().items()):
        if name.startswith("check_"):
            check()
    if not pydicom:
        print("SKIP: no pydicom: its part was left out")
    import recording_twin
    print(recording_twin.n_checks, "files were read as they were meant, or refused for what is wrong with them")
