"""anyecg-pack on the real recordings of ECG_DATA_DIR: every sound record of a supported form is taken, every unsound one
is listed with a true reason, doubles and patients stay on one side, labels are those of the table.

What is sound and supported is judged here, from the headers, by a reader of a few lines that shares nothing with the
program. Skipped (77) without ECG_DATA_DIR or h5py."""

import csv
import os
import re
import subprocess
import sys
import tempfile

DATA = os.environ.get("ECG_DATA_DIR")
if not DATA:
    print("SKIP: ECG_DATA_DIR is not set")
    sys.exit(77)
try:
    import h5py
    import numpy as np
except ImportError as missing:
    print(f"SKIP: /usr/bin/python3: {missing}")
    sys.exit(77)

PACK = sys.argv[1]
faults = []


def check(holds, message):
    if not holds:
        faults.append(message)


LEAD = re.compile(r"(?i)(lead |ecg )?(i|ii|iii|avr|avl|avf|v[1-9]?|mlii|x|y|z|v[xyz]|ecg)([ _]?\d+)?")


def header_form(path):
    """"ok", or the words of the only reason there can be to refuse this WFDB header."""
    lines = [l.strip() for l in open(path, encoding="latin-1", newline=None)]
    lines = [l for l in lines if l and not l.startswith("#")]
    first = lines[0].split()
    folder = os.path.dirname(path)
    if "/" in first[0]:
        parts = [os.path.join(folder, l.split()[0] + ".hea") for l in lines[1:] if l.split()[0] != "~"]
        return "ok" if all(os.path.exists(part) for part in parts) else "are missing"
    signals = [line.split(None, 8) for line in lines[1 : 1 + int(first[1])]]
    if signals[0][0] == "~":
        return "several segments"
    if not all(os.path.exists(os.path.join(folder, signal[0])) for signal in signals):
        return "no such file"
    if not any(LEAD.fullmatch(signal[-1]) for signal in signals):
        return "no signal is an ECG lead"
    return "ok"


def run(*arguments):
    done = subprocess.run([PACK, *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def build(scratch, name, *arguments):
    corpus = os.path.join(scratch, name)
    code, _, said = run("build", "-o", corpus, *arguments)
    check(code == 3, f"{name}: exit code {code}, not 3: {said[-500:]}")
    refused = {}
    for row in csv.DictReader(open(corpus + ".refused.csv")):
        refused[os.path.relpath(row["path"], DATA).removesuffix(".hea")] = row["reason"]
    code, said, _ = run("verify", corpus)
    check(code == 0 and "all checksums hold" in said, f"{name}: verify: {said}")
    return corpus, refused


ENDINGS = (".hea", ".edf", ".bdf", ".dcm", ".scp", ".xml", ".h5", ".mat")


def inputs_below(folder):
    """Recordings in the order of the corpus: headers without their ending, other files with it."""
    found = []
    for place, _, names in os.walk(folder):
        for name in names:
            is_signal_file = name.endswith(".mat") and name[:-4] + ".hea" in names
            is_answer = os.path.basename(place) == "cpsc2019" and name.startswith("R_")  # places of beats
            if name.endswith(ENDINGS) and not is_signal_file and not is_answer:
                found.append(os.path.join(place, name))
    found.sort(key=lambda path: os.path.realpath(path).encode())
    return [os.path.relpath(path, DATA).removesuffix(".hea") for path in found]


def check_broken(refused):
    """EXPECTED.csv: what must be refused, and for which reason; "|" means that either word will do."""
    words = {
        "trunc_dat": "shorter", "missing_dat": "no such file", "long_header": "shorter", "huge_header": "shorter",
        "dup_lead": "duplicate lead", "gain_nan": "gain", "zero_length": "shorter|no samples", "flat_all": "flat",
        "saturated": "saturated", "all_invalid": "invalid", "few_lines": "signal lines", "fs_zero": "frequency",
        "path_escape": "plain name", "junk": "no text|not a WFDB", "empty": "empty", "bad_checksum": "V1: checksum",
        "bit_flip": "checksum", "gain_zero": "gain", "mat_dims": "dimension",
    }
    for row in csv.DictReader(open(os.path.join(DATA, "broken/EXPECTED.csv"))):
        name, reaction = row["name"], row["expected reaction"]
        if name == "dup_a, dup_b":
            check("broken/dup_a" not in refused, "dup_a, the first of the two, is refused")
            check("duplicate record name" in refused.get("broken/dup_b", ""), "dup_b is not refused as a duplicate")
            continue
        reason = refused.get("broken/" + name)
        if name in words:
            check(reason and any(w in reason for w in words[name].split("|")), f"broken/{name}: {reason}, wanted: {reaction}")
        else:
            check(reason is None, f"broken/{name}: refused ({reason}), wanted: {reaction}")


def main(scratch):
    table = os.path.join(DATA, "labels_anomaly.csv")
    corpus, refused = build(scratch, "all", "--labels", table, DATA)
    check_broken(refused)
    broken, alone = build(scratch, "broken", os.path.join(DATA, "broken"))
    check({r for r in refused if r.startswith("broken/")} == set(alone), "broken alone gives other refusals")

    # taken and refused, header by header
    everything = inputs_below(DATA)
    for record in everything:
        path = os.path.join(DATA, record + ".hea")
        if record.startswith("broken/") or not os.path.exists(path) or record == "formats/edf/A00001":
            continue  # the last has the name of a file beside it
        form = header_form(path)
        reason = refused.get(record, "ok")
        check(form in reason, f"{record}: {form}: {reason}")

    # the index stands in the order of the input, so records can be named here though the corpus names none
    taken = [r for r in everything if r not in refused]
    index = h5py.File(os.path.join(corpus, "index.h5"), "r")
    records = {name: index["records"][name][...] for name in index["records"]}
    check(len(taken) == len(records["group"]), f"{len(taken)} records should be there, {len(records['group'])} are")
    if faults:
        return
    row = {record: i for i, record in enumerate(taken)}

    # shapes and equal samples, by RECORDS.csv
    same = {}
    n_known = 0
    for known in csv.DictReader(open(os.path.join(DATA, "RECORDS.csv"))):
        record = known["folder"] + "/" + known["record"]
        if record not in row or not all(known[column] for column in ("signals", "rate_hz", "samples")):
            continue
        i = row[record]
        n_known += 1
        check(abs(records["original_hz"][i] - float(known["rate_hz"])) < 1e-9, f"{record}: rate {records['original_hz'][i]}")
        seconds = int(known["samples"]) / float(known["rate_hz"])
        check(records["seconds"][i] == int(seconds) + (seconds % 1 >= 0.5), f"{record}: {records['seconds'][i]} s of {seconds}")
        check(records["n_leads"][i] == int(known["signals"]), f"{record}: {records['n_leads'][i]} leads of {known['signals']}")
        if known["sha256_of_decoded_samples"]:
            same.setdefault(known["sha256_of_decoded_samples"], []).append(i)
    check(n_known > 1500, f"only {n_known} records of RECORDS.csv are there")
    for rows in same.values():
        check(len(set(records["group"][rows])) == 1, f"equal samples in several groups: {[taken[i] for i in rows]}")

    # doubles that are no equal files: DATA.md, "Doubles"
    for a, b in [("cinc2021/georgia/E07509", "cinc2021/georgia/E07510"), ("mitdb/210", "mitdb-excerpt/210e"),
                 ("mitdb/222", "mitdb-excerpt/222e"), ("mitdb/201", "mitdb-excerpt/202e"), ("mitdb/100", "mitdb/100-no-len"),
                 ("cinc2021/cpsc2018/A0003", "cinc2020-classnames/A0003"),
                 ("ptbxl-original/records500/00001_hr", "ptbxl-original/records100/00001_lr"),
                 ("cinc2020-early/HR00001", "ptbxl-original/records500/00001_hr")]:
        check(records["group"][row[a]] == records["group"][row[b]], f"{a} and {b} are in two groups")
    for record in taken:
        if record.startswith("cinc2021-leads/"):
            whole = [r for r in taken if r.startswith("cinc2021/") and r.endswith("/" + record.split("/")[-1])]
            check(whole and records["group"][row[whole[0]]] == records["group"][row[record]], f"{record}: not in the group of {whole}")
    segments = "formats/wfdb/041s/041s"
    if segments + "01" in row:
        for part in ("01", "02"):
            check(records["group"][row[segments + part]] == records["group"][row[segments]], f"041s and 041s{part} are in two groups")
    check(records["original_hz"][row[segments]] == 500 and records["n_leads"][row[segments]] == 3, "041s: III, I and V at 500 Hz")
    for group in np.unique(records["group"]):
        splits = set(records["split"][records["group"] == group]) - {-1}  # excluded: the same recording again
        check(len(splits) <= 1, f"group {group} is in several splits")
    check_kept_once(taken, row, records)
    sizes = np.bincount(records["group"])
    check(sizes.max() <= 60, f"a group of {sizes.max()} records: something joins what does not belong together")

    # labels
    classes = {name: c for c, name in enumerate(class_names(corpus))}
    labels = index["labels"][...]
    patients = {}
    n_rows = 0
    for said in csv.DictReader(open(table)):
        i = row[said["folder"] + "/" + said["record"]]
        n_rows += 1
        wanted = {"1": 1, "0": 0, "": -1}[said["anomaly"]]
        check(records["anomaly"][i] == wanted, f"{taken[i]}: anomaly {records['anomaly'][i]}, the table says {wanted}")
        check(records["fold"][i] == int(said["fold"]), f"{taken[i]}: fold {records['fold'][i]}, the table says {said['fold']}")
        named = set(said["classes"].replace("1AVB", "IAVB").split("|")) if said["classes"] else set()
        for name in ["AF", "AFL", "PVC", "PAC", "SB", "STach", "IAVB", "RBBB", "LBBB", "LVH", "MI", "STTC"]:
            if said["anomaly"] or said["classes"]:
                check(labels[i, classes[name]] == (name in named), f"{taken[i]}: {name} is {labels[i, classes[name]]}")
        patients.setdefault(said["patient"], set()).add(int(records["group"][i]))
    check(n_rows == 914, f"{n_rows} rows")
    check(all(len(groups) == 1 for groups in patients.values()), "a patient of the table is in several groups")
    for record, i in row.items():
        folder = record.split("/")[0]
        if folder == "cinc2020-early":
            check(records["anomaly"][i] == -1 and (labels[i] == -1).all(), f"{record}: labelled, but the source says nothing")
        if folder == "ludb":
            check((records["gain_per_mv"][i][: records["n_leads"][i]] == 1000).all(), f"{record}: gain of the header")
    check(records["anomaly"][row["cinc2020-gain/E00015"]] == 1, "cinc2020-gain/E00015 has diagnoses")
    check(labels[row["mitdb/201"], classes["AF"]] == 1 and labels[row["mitdb/100"], classes["AF"]] == 0, "AF of mitdb")
    ages = records["age_years"]
    check(np.nanmax(ages) == 90, f"oldest age {np.nanmax(ages)}")

    # quality: the flat leads that DATA.md lists
    for record, leads in [("cinc2021/chapman-ningbo/JS11438", 6), ("cinc2021/chapman-ningbo/JS20004", 3), ("cinc2021/chapman-ningbo/JS45544", 5)]:
        flat = (records["quality"][row[record]] & 1).sum()
        check(flat == leads, f"{record}: {flat} flat leads, {leads} are")

    # no names
    for place, _, names in os.walk(corpus):
        for name in names:
            if name.endswith(".h5") and place.endswith("shards"):
                continue
            content = open(os.path.join(place, name), "rb").read()
            for word in (b"JS11438", b"HR00001", b"1331343", b"code_15_", b"data_21_7", DATA.encode()):
                check(word not in content, f"{name} holds {word}")


def check_kept_once(taken, row, records):
    """DATA.md, "Doubles": of each pair one is excluded and points at the other; nothing else is."""
    kept = {i: records["double_of"][i] if records["excluded"][i] else i for i in range(len(taken))}
    check(all(records["split"][i] == -1 for i in kept if records["excluded"][i]), "a double is in a split")
    check(all(not records["excluded"][k] for k in kept.values()), "a double stands for another one")
    pairs = [("cinc2021/georgia/E07509", "cinc2021/georgia/E07510"), ("mitdb/210", "mitdb-excerpt/210e"),
             ("mitdb/222", "mitdb-excerpt/222e"), ("mitdb/100", "mitdb/100-no-len"), ("mitdb/100", "mitdb/100skew")]
    for record in taken:
        folder, name = record.rsplit("/", 1)
        if folder == "cinc2020-classnames":
            pairs.append((record, "cinc2021/cpsc2018/" + name))
        if folder.startswith("cinc2021-leads/") or folder == "cinc2020-early":
            pairs += [(record, r) for r in taken if r.startswith("cinc2021/") and r.endswith("/" + name)]
        if folder == "ptbxl-original/records100":
            pairs.append((record, "ptbxl-original/records500/" + name.replace("_lr", "_hr")))
        if folder == "ptbxl-original/records500":
            pairs.append((record, "cinc2021/ptb-xl/HR" + name[:5]))
        if folder == "ptbxl-masked":  # lead II of it is whole
            pairs.append((record, "ptbxl-original/records500/" + name[:5] + "_hr"))
    pairs = [(a, b) for a, b in pairs if a in row and b in row]
    check(len(pairs) > 60, f"only {len(pairs)} pairs of doubles are there")
    wanted = set()
    for a, b in pairs:
        check(kept[row[a]] == kept[row[b]], f"{a} and {b} are one ECG, but both are kept, or for different ones")
        wanted |= {row[a], row[b]}
    for i in kept:
        if records["excluded"][i] and i not in wanted and not taken[i].startswith(("formats/", "broken/")):
            check(False, f"{taken[i]}: taken for a double of {taken[kept[i]]}")


def class_names(corpus):
    import json

    manifest = json.load(open(os.path.join(corpus, "manifest.json")))
    for key, value in manifest.items():
        if isinstance(value, list) and value and isinstance(value[0], dict) and {"name", "code"} <= set(value[0]):
            return [entry["name"] for entry in value]
    raise SystemExit("the manifest has no vocabulary")


with tempfile.TemporaryDirectory() as folder:
    main(folder)
for fault in faults[:20]:
    print("FAILED:", fault)
print(f"{len(faults)} faults" if faults else "all checks passed")
sys.exit(bool(faults))
