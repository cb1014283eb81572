"""Checks JSON lines of anyecg-infer against what docs/INFERENCE.md promises. Arguments: task, number of lines wanted."""
import json
import math
import sys

task, wanted = sys.argv[1], int(sys.argv[2])
STANDARD = "I II III aVR aVL aVF V1 V2 V3 V4 V5 V6".split()
lines = sys.stdin.read().splitlines()
assert len(lines) == wanted, f"{len(lines)} lines, not {wanted}"
n_events = 0


def no_constant(name):
    raise ValueError(f"{name} is no JSON")


for line in lines:
    r = json.loads(line, parse_constant=no_constant)
    assert r["task"] == task, r
    assert isinstance(r["record"], str) and r["record"] and isinstance(r["source"], str), r
    assert isinstance(r["input"], str) and r["record"].split("/")[-1] in r["input"], r
    assert r["seconds"] > 0 and r["leads"] and len(set(r["leads"])) == len(r["leads"]), r
    assert all(isinstance(w, str) for w in r["warnings"]), r
    if task in ("anomaly", "arrhythmia", "longecg"):
        p = r["probability"]
        assert p and all(0 < v < 1 for v in p.values()), r
        assert set(r["positive"]) <= set(p), r
        assert task == "longecg" or r["events"] == [], r
        last = {}
        for e in r["events"]:
            n_events += 1
            assert set(e) == {"onset_s", "offset_s", "code", "probability"}, e
            assert 0 <= e["onset_s"] < e["offset_s"] <= r["seconds"] and e["code"] in p and 0 < e["probability"] < 1, e
            assert e["onset_s"] > last.get(e["code"], -1), "episodes of a class touch"
            last[e["code"]] = e["offset_s"]
    if task == "anomaly":
        assert list(r["probability"]) == ["anomaly"], r
    if task == "tokenize":
        assert len(r["codes"]) == len(r["leads"]), r
        assert all(len(c) == r["seconds"] and all(isinstance(v, int) and 0 <= v < 24 for v in c) for c in r["codes"]), r
    if task == "embed":
        assert len(r["embedding"]) == 32 and all(math.isfinite(v) for v in r["embedding"]), r
        assert any(abs(v) > 1e-3 for v in r["embedding"]), r
    if task == "leadgen":
        assert r["made"] and set(r["made"]) <= set(STANDARD) and r["output"], r
if task == "longecg" and wanted >= 24:
    assert n_events > 0, "no episode in any recording"
