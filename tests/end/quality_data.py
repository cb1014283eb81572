"""What `anyecg-pack build` says about the recordings in ECG_DATA_DIR, against the faults that their description lists.

The lists below are those of the collection's description (its section of traps), by record name: not a result of ours."""
import csv
import os
import subprocess
import sys
import tempfile
from collections import defaultdict

WRONG_GAIN = ["cinc2020-gain/" + r for r in ("E00015", "E00018", "E00793", "HR00599", "HR20715")] + [
    "cinc2020-early/" + r for r in ("E00001", "E00002", "HR00001", "HR00002")]
FLAT = {
    "cinc2021/chapman-ningbo/JS11438": "V1 V2 V3 V4 V5 V6",
    "cinc2021/chapman-ningbo/JS20004": "V2 V4 V6",
    "cinc2021/chapman-ningbo/JS20008": "V2 V4 V6",
    "cinc2021/chapman-ningbo/JS45542": "V1 V2 V3 V4 V5 V6",
    "cinc2021/chapman-ningbo/JS45544": "V2 V3 V4 V5 V6",
    "cinc2021-leads/three_leads/JS20004": "V2",
}
WILD = ["code15/" + r for r in (
    "1000694 102780 1045453 104832 1111813 1111827 1111981 2508934 919161 919652 919671 919779 919999".split())]
SAME = [("cinc2021/georgia/E07509", "cinc2021/georgia/E07510")] + [
    ("cinc2021/ptb-xl/HR%05d" % i, "ptbxl-original/records500/%05d_hr" % i) for i in range(1, 8)] + [
    ("cinc2020-classnames/" + r, "cinc2021/cpsc2018/" + r) for r in ("A0003", "A0010")]
PART = [("mitdb-excerpt/210e", "mitdb/210"), ("mitdb-excerpt/222e", "mitdb/222")]
# Sources known to be sound: no wrong gain there, and hardly a swapped electrode.
SOUND = ("cinc2021/ptb-xl/", "cinc2021/georgia/", "ptbxl-100/", "ptbxl-500/", "ptbxl-original/records500/")


def main():
    data = os.environ.get("ECG_DATA_DIR")
    if not data:
        print("SKIP: ECG_DATA_DIR is not set")
        return 77
    faults = []

    def check(holds, what):
        if not holds:
            faults.append(what)

    with tempfile.TemporaryDirectory() as folder:
        corpus = os.path.join(folder, "corpus")
        done = subprocess.run([sys.argv[1], "build", "-o", corpus, data], capture_output=True, text=True)
        check(done.returncode in (0, 3), "build ended with %d: %s" % (done.returncode, done.stderr[-500:]))
        found = defaultdict(dict)
        with open(corpus + ".quality.csv", newline="") as file:
            for row in csv.DictReader(file):
                name = os.path.relpath(row["path"], data).rsplit(".", 1)[0]
                found[row["finding"]][name] = row

        # Of another form of the same database, which must be readable for this.
        single = os.path.join(data, "code15-mat", "code_15_438277.mat")
        if subprocess.run([sys.argv[1], "build", "-q", "-o", corpus + "2", single], capture_output=True).returncode == 0:
            with open(corpus + "2.quality.csv", newline="") as file:
                check(any(row["finding"] == "span unlike a heart" for row in csv.DictReader(file)),
                      "wild amplitude not reported: code_15_438277")
        else:
            print("code15-mat/code_15_438277 cannot be read: not checked")

    gain = set(found["wrong gain"]) | set(found["gain of source"])
    for name in WRONG_GAIN:
        check(name in gain, "wrong gain not reported: " + name)
    for name, leads in FLAT.items():
        check(found["flat"].get(name, {}).get("leads") == leads, "flat leads not as listed: " + name)
    partly = found["partly flat"].get("brugada-huca/1230482", {}).get("leads", "").split()
    check("I" in partly, "brugada-huca/1230482 stands still in parts, not reported")
    for name in WILD:
        check(name in found["span unlike a heart"], "wild amplitude not reported: " + name)
    for name in os.listdir(os.path.join(data, "ludb")):
        if name.endswith(".hea"):
            check("ludb/" + name[:-4] in found["gain by lead"], "scaled leads not reported: " + name)
    check(all(name.startswith("ludb/") for name in found["gain by lead"]), "scaled leads outside ludb")
    for finding, pairs in (("same samples", SAME), ("shared samples", PART)):
        for pair in pairs:
            detail = " ".join(found[finding].get(name, {}).get("detail", "") for name in pair)
            there = any(name + "." in detail for name in pair) or finding == "same samples" and all(
                name in found[finding] for name in pair)  # both as a third one
            check(there, "%s not reported: %s, %s" % ((finding,) + pair))
    for number in ("E00001", "E00002"):
        check("cinc2021/georgia/" + number in found["same samples"] or
              "cinc2020-early/" + number in found["same samples"], "early release twice: " + number)

    false_gain = [name for name in gain if name not in WRONG_GAIN]
    swapped = [name for name in found["limb electrodes swapped"]]
    sound = sum(name.startswith(SOUND) and name.endswith(".hea") for name in (
        os.path.relpath(os.path.join(where, file), data) for where, _, files in os.walk(data) for file in files))
    sound_swapped = [name for name in swapped if name.startswith(SOUND)]
    for finding in sorted(found):
        print("%-26s %5d recordings" % (finding, len(found[finding])))
    print("false alarms: wrong gain %d of all; swapped %d of %d in sound sources: %s" % (
        len(false_gain), len(sound_swapped), sound, " ".join(sound_swapped)))
    check(not false_gain, "wrong gain, but the gain is right: %s" % " ".join(false_gain))
    check(len(sound_swapped) <= sound // 100, "more than 1 % of the sound recordings are called swapped")
    for fault in faults:
        print("FAILED:", fault)
    return 1 if faults else 0


sys.exit(main())
