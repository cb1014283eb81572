"""Writes small recordings byte by byte as their standards say, for recording_twin.py and as seeds of the fuzzers:

    python3 raw_files.py SEEDS    writes SEEDS/edf/…, SEEDS/ishne/…, SEEDS/dicom/…, SEEDS/scp/…, SEEDS/aecg/…
"""
import pathlib
import struct
import sys
import zlib

import numpy

LEADS = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
SCP_CODES = {"I": 1, "II": 2, "V1": 3, "V2": 4, "V3": 5, "V4": 6, "V5": 7, "V6": 8,
             "III": 61, "aVR": 62, "aVL": 63, "aVF": 64}


def checksum(data):
    """CRC-CCITT, bit by bit."""
    register = 0xFFFF
    for byte in data:
        for bit in range(7, -1, -1):
            carry = (register >> 15 & 1) ^ (byte >> bit & 1)
            register = (register << 1 & 0xFFFF) ^ (0x1021 if carry else 0)
    return register


# ---- WFDB ----

def flac(samples, rate):
    """A FLAC stream (RFC 9639) of 16 bits, each subframe verbatim. samples: int16 [n, channels], at most 8 channels."""
    def crc(data, polynomial, bits):
        register = 0
        for byte in data:
            register ^= byte << (bits - 8)
            for _ in range(8):
                register = register << 1 ^ (polynomial if register >> (bits - 1) & 1 else 0)
            register &= (1 << bits) - 1
        return register
    size, (n, channels) = 4096, samples.shape
    info = struct.pack(">HH", size, size) + bytes(6)
    info += (rate << 44 | (channels - 1) << 41 | 15 << 36 | n).to_bytes(8, "big") + bytes(16)  # MD5: not known
    stream = b"fLaC\x80\0\0\x22" + info
    for number, first in enumerate(range(0, n, size)):
        assert number < 128, "the number of a frame takes one byte"
        block = samples[first:first + size]
        head = bytes([0xFF, 0xF8, 0x70, (channels - 1) << 4 | 8, number]) + struct.pack(">H", len(block) - 1)
        frame = head + bytes([crc(head, 0x07, 8)])
        frame += b"".join(b"\x02" + channel.astype(">i2").tobytes() for channel in block.T)
        stream += frame + struct.pack(">H", crc(frame, 0x8005, 16))
    return stream


# ---- EDF, BDF ----

def edf(signals, record_seconds, records, patient="X X X X", start="Startdate X X X X", reserved="", bits=16,
        claimed_records=None):
    """signals: (label, unit, physical minimum, maximum, digital minimum, maximum, array [records, n])."""
    def field(value, width):
        return str(value).encode("latin-1").ljust(width)[:width]
    head = (b"\xffBIOSEMI" if bits == 24 else field("0", 8)) + field(patient, 80) + field(start, 80)
    head += b"01.01.00" + b"00.00.00" + field(256 * (len(signals) + 1), 8) + field(reserved, 44)
    head += field(records if claimed_records is None else claimed_records, 8) + field(record_seconds, 8)
    head += field(len(signals), 4)
    columns = [[field(s[0], 16) for s in signals], [field("", 80)] * len(signals)]
    columns += [[field(s[i], 8) for s in signals] for i in range(1, 6)]
    columns += [[field("", 80)] * len(signals), [field(s[6].shape[1], 8) for s in signals],
                [field("", 32)] * len(signals)]
    body = b""
    for record in range(records):
        for s in signals:
            values = s[6][record].astype("<i4")
            body += b"".join(int(v).to_bytes(bits // 8, "little", signed=True) for v in values)
    return head + b"".join(b"".join(column) for column in columns) + body


# ---- ISHNE ----

ISHNE_CODES = {"X": 2, "Y": 3, "Z": 4, "I": 5, "II": 6, "III": 7, "aVR": 8, "aVL": 9, "aVF": 10, "V1": 11, "V2": 12,
               "V3": 13, "V4": 14, "V5": 15, "V6": 16, "ES": 17, "AS": 18, "AI": 19, "unknown": 0}


def ishne(names, nanovolts, samples, rate, patient=b"", sex=0, birth=(0, 0, 0), day=(0, 0, 0), block=b""):
    """samples: int16 [n, leads]."""
    head = struct.pack("<iiiih", len(block), len(samples), 522, 522 + len(block), 1)
    head += b"Given".ljust(40, b"\0") + b"Family".ljust(40, b"\0") + patient.ljust(20, b"\0")
    head += struct.pack("<hh3h3h3h3h", sex, 0, *birth, *day, 0, 0, 0, 0, 0, 0)
    codes = [ISHNE_CODES[name] for name in names]
    head += struct.pack("<h12h12h12h", len(names), *(codes + [-9] * (12 - len(codes))), *([0] * 12),
                        *([nanovolts] * len(names) + [-9] * (12 - len(names))))
    head += struct.pack("<h40sh80s80s88s", 0, b"", rate, b"", b"", b"") + block
    return b"ISHNE1.0" + struct.pack("<H", checksum(head)) + head + samples.astype("<i2").tobytes()


# ---- DICOM ----

LONG = {"OB", "OW", "SQ", "UN", "UT"}


def dicom(names, units_per_step, samples, rate, explicit, unit="uV", defined=True, padding=None, baseline=0,
          person=()):
    """samples: int16 [n, leads]; defined: lengths of sequences and items are given."""
    def element(group, number, vr, value, explicit_here=explicit):
        if isinstance(value, str):
            value = value.encode("ascii")
        if len(value) % 2:
            value += b"\0" if vr in ("UI", "OB") else b" "
        if not explicit_here:
            return struct.pack("<HHI", group, number, len(value)) + value
        if vr in LONG:
            return struct.pack("<HH2sHI", group, number, vr.encode(), 0, len(value)) + value
        return struct.pack("<HH2sH", group, number, vr.encode(), len(value)) + value

    def sequence(group, number, items):
        if defined:
            content = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item for item in items)
            return element(group, number, "SQ", content)
        content = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + item +
                           struct.pack("<HHI", 0xFFFE, 0xE00D, 0) for item in items)
        head = struct.pack("<HH2sHI", group, number, b"SQ", 0, 0xFFFFFFFF) if explicit else \
            struct.pack("<HHI", group, number, 0xFFFFFFFF)
        return head + content + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)

    def code(value, meaning):
        return element(8, 0x100, "SH", value) + element(8, 0x102, "SH", "SCPECG") + element(8, 0x104, "LO", meaning)

    channels = []
    for name in names:
        source = code(f"5.6.3-9-{SCP_CODES[name]}" if name in SCP_CODES else "", f"Lead {name}")
        channels.append(sequence(0x3A, 0x208, [source]) + element(0x3A, 0x210, "DS", str(units_per_step)) +
                        sequence(0x3A, 0x211, [code(unit, "unit")]) + element(0x3A, 0x212, "DS", "1") +
                        element(0x3A, 0x213, "DS", str(baseline)))
    group = element(0x3A, 4, "CS", "ORIGINAL") + element(0x3A, 5, "US", struct.pack("<H", len(names)))
    group += element(0x3A, 0x10, "UL", struct.pack("<I", len(samples))) + element(0x3A, 0x1A, "DS", str(rate))
    group += sequence(0x3A, 0x200, channels) + element(0x5400, 0x1004, "US", struct.pack("<H", 16))
    group += element(0x5400, 0x1006, "CS", "SS")
    if padding is not None:
        group += element(0x5400, 0x100A, "OW", struct.pack("<h", padding))
    group += element(0x5400, 0x1010, "OW", samples.astype("<i2").tobytes())
    meta = element(2, 0x10, "UI", "1.2.840.10008.1.2.1" if explicit else "1.2.840.10008.1.2", True)
    meta = element(2, 0, "UL", struct.pack("<I", len(meta)), True) + meta
    text = b"".join(element(*p) for p in person)
    return bytes(128) + b"DICM" + meta + text + sequence(0x5400, 0x100, [group])


# ---- SCP-ECG ----

def scp_bits(values):
    """The standard Huffman table (EN 1064, annex C), as text of 0 and 1."""
    bits = ""
    for value in map(int, values):
        if value == 0:
            bits += "0"
        elif abs(value) <= 8:
            bits += "1" * abs(value) + "0" + ("1" if value < 0 else "0")
        elif -128 <= value <= 127:
            bits += "1111111110" + format(value & 0xFF, "08b")
        else:
            bits += "1111111111" + format(value & 0xFFFF, "016b")
    return bits


def scp_signals(nanovolts, microseconds, differences, samples, encode, bimodal=0):
    """Content of section 5 or 6; encode: values to text of 0 and 1, None: int16."""
    data = []
    for lead in samples.T:
        lead = lead.astype(int)
        lead = numpy.concatenate([lead[:differences], numpy.diff(lead, differences)])  # the first ones as they are
        if encode:
            bits = encode(lead)
            bits += "0" * (-len(bits) % 16)
            data.append(bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8)))
        else:
            data.append(lead.astype("<i2").tobytes())
    return (struct.pack("<HHBB", nanovolts, microseconds, differences, bimodal) +
            b"".join(struct.pack("<H", len(d)) for d in data) + b"".join(data))


def scp(names, nanovolts, samples, microseconds, differences, huffman=True, tags=(), reference_beats=0, tables=None,
        more=None, bimodal=0):
    """samples: int [n, leads]. tables: content of section 2 and a function that encodes values as text of bits; more:
    contents of further sections."""
    leads = b"".join(struct.pack("<IIB", 1, len(samples), SCP_CODES.get(n, 0)) for n in names)
    encode = tables[1] if tables else scp_bits if huffman else None
    sections = {1: b"".join(struct.pack("<BH", t, len(v)) + v for t, v in tags) + b"\xff\0\0",
                3: struct.pack("<BB", len(names), 4 | len(names) << 3 & 0xF8 | reference_beats) + leads,
                6: scp_signals(nanovolts, microseconds, differences, samples, encode, bimodal), **(more or {})}
    if tables or huffman:
        sections[2] = tables[0] if tables else struct.pack("<H", 19999)

    def section(number, content, reserved=b"\0" * 6):
        content += b"\0" * (len(content) % 2)
        body = struct.pack("<HIBB6s", number, 16 + len(content), 13, 13, reserved) + content
        return struct.pack("<H", checksum(body)) + body
    bodies = {number: section(number, content) for number, content in sorted(sections.items())}
    start, pointers = 6 + 16 + 12 * 10, struct.pack("<HII", 0, 16 + 120, 7)
    for number in range(1, 12):
        length = len(bodies.get(number, b""))
        pointers += struct.pack("<HII", number, length, start + 1 if length else 0)
        start += length
    whole = section(0, pointers, b"SCPECG") + b"".join(bodies.values())
    whole = struct.pack("<I", 6 + len(whole)) + whole
    return struct.pack("<H", checksum(whole)) + whole


# ---- HL7 aECG ----

def aecg(names, microvolts, samples, seconds, person="", derived=""):
    sequences = "".join(
        f'<component><sequence><code code="MDC_ECG_LEAD_{n.upper()}"/><value xsi:type="SLIST_PQ">'
        f'<origin value="0" unit="uV"/><scale value="{microvolts}" unit="uV"/>'
        f'<digits>{" ".join(str(int(v)) for v in lead)}</digits></value></sequence></component>'
        for n, lead in zip(names, samples.T))
    return (f'<?xml version="1.0"?><AnnotatedECG xmlns="urn:hl7-org:v3" xmlns:xsi='
            f'"http://www.w3.org/2001/XMLSchema-instance"><effectiveTime><low value="20200701"/></effectiveTime>'
            f'<componentOf><trialSubject>{person}</trialSubject></componentOf>'
            f'<component><series><code code="RHYTHM"/><component><sequenceSet><component><sequence>'
            f'<code code="TIME_ABSOLUTE"/><value xsi:type="GLIST_TS"><increment value="{seconds}" unit="s"/></value>'
            f'</sequence></component>{sequences}</sequenceSet></component>{derived}</series></component>'
            f'</AnnotatedECG>').encode()


def seeds(folder):
    random = numpy.random.default_rng(1)
    two = random.integers(-300, 300, (20, 2))
    records = two.T.reshape(2, 4, 5)
    def put(name, data):
        (pathlib.Path(folder) / name).write_bytes(data)
    signals = [("ECG I", "mV", -3.2768, 3.2767, -32768, 32767, records[0]),
               ("EKG V1", "uV", -3276.8, 3276.7, -32768, 32767, records[1]),
               ("Resp", "Ohm", -1, 1, -32768, 32767, records[1])]
    onsets = numpy.array([list(f"+{r * 0.5}\x14\x14\0\0".ljust(10, "\0")[:10].encode()) for r in range(4)])
    onsets = onsets[:, 0::2] + 256 * onsets[:, 1::2]
    annotations = ("EDF Annotations", "", -1, 1, -32768, 32767, numpy.where(onsets > 32767, onsets - 65536, onsets))
    put("edf/plain.edf", edf(signals, 0.5, 4))
    put("edf/plus.edf", edf(signals + [annotations], 0.5, 4, "P-7 F 02-MAY-1951 Name", "Startdate 01-MAY-2001 X X X",
                            "EDF+D"))
    put("edf/bdf.bdf", edf(signals[:1], 0.5, 4, bits=24, claimed_records=-1))
    onsets = numpy.array([list(f"+{r * 0.5 + r // 2}\x14\x14\0\0".ljust(10, "\0")[:10].encode()) for r in range(4)])
    onsets = onsets[:, 0::2] + 256 * onsets[:, 1::2]
    slow = ("ECG II", "mV", -3.2768, 3.2767, -32768, 32767, records[1][:, :2])
    put("edf/gaps.edf", edf([signals[0], slow, annotations[:6] + (onsets,)], 0.5, 4, reserved="EDF+D"))
    put("ishne/two.ecg", ishne(["X", "Y"], 2500, two, 200, b"H-1", 1, (1, 2, 1960), (3, 4, 2010), b"block"))
    for explicit in (False, True):
        for defined in (False, True):
            put(f"dicom/{'explicit' if explicit else 'implicit'}_{'defined' if defined else 'open'}.dcm",
                dicom(["I", "aVF"], 2.5, two, 500, explicit, defined=defined, padding=-300,
                      person=[(0x10, 0x20, "LO", "D-1"), (0x10, 0x1010, "AS", "045Y")]))
    plain = dicom(["I", "aVF"], 2.5, two, 500, True)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = plain.index(b"\0\x54\0\x01")
    put("dicom/deflated.dcm", plain[:start].replace(b"\x14\x001.2.840.10008.1.2.1\0", b"\x16\x001.2.840.10008.1.2.1.99") +
        packer.compress(plain[start:]) + packer.flush())
    part = plain[start:]
    groups = part[12 + 8:]
    put("dicom/two_groups.dcm", plain[:start] + part[:8] + struct.pack("<I", 2 * (len(groups) + 8)) +
        2 * (b"\xfe\xff\x00\xe0" + struct.pack("<I", len(groups)) + groups))
    for order in range(3):
        put(f"scp/huffman_{order}.scp", scp(["I", "II"], 2500, two, 2000, order, tags=[(2, b"S-1\0"), (8, b"\1")]))
    put("scp/plain.scp", scp(["I", "II"], 2500, two, 2000, 0, False))
    beats = {4: struct.pack("<HHH", 10, 3, 2) + struct.pack("<HIII", 0, 2, 4, 6) + struct.pack("<HIII", 1, 9, 12, 14),
             5: scp_signals(5000, 2000, 1, two[:5], scp_bits)}
    put("scp/beats.scp", scp(["I", "II"], 2500, two, 2000, 2, more=beats, reference_beats=1))
    table = struct.pack("<HH", 1, 2) + struct.pack("<BBBhI", 1, 1, 1, 0, 0) + struct.pack("<BBBhI", 1, 17, 1, 3, 1)
    put("scp/table.scp", scp(["I"], 2500, two[:, :1], 2000, 1, tables=(table, lambda values: "".join(
        "0" if v == 0 else "1" + format(int(v) - 3 & 0xFFFF, "016b") for v in values))))
    put("aecg/two.xml", aecg(["I", "aVF"], 2.5, two, 0.002, '<id extension="A-1"/>'))
    put("csv/columns.csv", b"0.1,0.2,3\n-0.1,nan,4\n")
    put("csv/rows.csv", b"0.1;0.2;0.3;0.4\n1;2;3;4\n5;6;7;8\n")
    put("description/full.yaml", b"files: '*.csv *.tsv'\nrate_hz: 250\nleads: [I, II, time]\ngain_per_mv: 200\n"
        b"leads_in: columns\nzero_padded: true\ndelimiter: ','\nheader_lines: 0\n")
    put("description/short.json", b'{"files": "*", "rate_hz": 500, "leads": ["V1", "V2", "V3"], "unit": "uV"}')


if __name__ == "__main__":
    seeds(sys.argv[1])
