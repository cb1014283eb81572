"""Reads a corpus as any other program would: h5py with the LZ4 plug-in of hdf5-filter-plugin for the samples, json for the
manifest. The samples must be those of the formula in tests/unit/corpus_fixture.h, which is
computed here anew.

usage: corpus_h5py.py CORPUS_BUILD"""

import json
import os
import struct
import subprocess
import sys
import tempfile

SKIP = 77
try:
    import h5py
    import numpy as np
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(SKIP)

RECORDS = 21
SHAPES = [(10, 12), (10, 12), (7, 3), (130, 2), (10, 8), (1, 1), (33, 11)]  # seconds, leads
CHUNK_ROWS, SAMPLES = 120, 300


def formula(record, seconds, leads):
    """int16 [seconds, leads, 300], all arithmetic modulo 2^32 as in C."""
    t = np.arange(seconds, dtype=np.uint64)[:, None, None]
    lead = np.arange(leads, dtype=np.uint64)[None, :, None]
    s = np.arange(SAMPLES, dtype=np.uint64)[None, None, :]
    noise = ((record * 2654435761 + t * 40503 + lead * 97 + s) % 2**32 * 2246822519) % 2**32
    slow = (s * 7 + lead * 13 + t * 5 + record * 3).astype(np.int64) % 601 - 300
    return (slow * (1 + record % 5) + (noise >> np.uint64(28)).astype(np.int64)).astype(np.int16)


def xxh64(data):
    """XXH64 with seed 0, written from its specification (github.com/Cyan4973/xxHash, doc/xxhash_spec.md)."""
    mask = 2**64 - 1
    p1, p2, p3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
    p4, p5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5

    def rotate(x, r):
        return (x << r | x >> (64 - r)) & mask

    def round_of(accumulator, lane):
        return rotate((accumulator + lane * p2) & mask, 31) * p1 & mask

    stripes = len(data) // 32
    if stripes:
        a, b, c, d = (p1 + p2) & mask, p2, 0, -p1 & mask
        for w, x, y, z in struct.iter_unpack("<4Q", data[: stripes * 32]):
            a, b, c, d = round_of(a, w), round_of(b, x), round_of(c, y), round_of(d, z)
        h = (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) & mask
        for accumulator in (a, b, c, d):
            h = ((h ^ round_of(0, accumulator)) * p1 + p4) & mask
    else:
        h = p5
    h = (h + len(data)) & mask
    rest = data[stripes * 32 :]
    while len(rest) >= 8:
        h = (rotate(h ^ round_of(0, struct.unpack("<Q", rest[:8])[0]), 27) * p1 + p4) & mask
        rest = rest[8:]
    if len(rest) >= 4:
        h = (rotate(h ^ (struct.unpack("<I", rest[:4])[0] * p1 & mask), 23) * p2 + p3) & mask
        rest = rest[4:]
    for byte in rest:
        h = rotate(h ^ (byte * p5 & mask), 11) * p1 & mask
    h = (h ^ h >> 33) * p2 & mask
    h = (h ^ h >> 29) * p3 & mask
    return h ^ h >> 32


def file_xxh64(path):
    with open(path, "rb") as file:
        return f"{xxh64(file.read()):016x}"


def check(condition, what):
    if not condition:
        print(f"wrong: {what}")
        sys.exit(1)


def check_chunk_hashes(shard, name):
    """Compares /chunks with the XXH64 of the stored bytes, as h5py hands them out undecoded."""
    for i, expected in enumerate(shard["chunks"][:]):
        mask, stored = shard["signal"].id.read_direct_chunk((i * CHUNK_ROWS, 0))
        check(mask == 0, f"{name}: chunk {i} skips filters")
        check(xxh64(stored) == int(expected), f"{name}: hash of chunk {i}")


def check_shard(path, name):
    with h5py.File(path, "r") as shard:
        signal = shard["signal"]
        check(signal.dtype == np.dtype("<i2") and signal.shape[1] == SAMPLES, f"{name}: /signal")
        check(signal.chunks == (CHUNK_ROWS, SAMPLES) and signal.shuffle, f"{name}: chunks and shuffle")
        check(list(signal._filters) == ["shuffle", "32004"], f"{name}: filters {list(signal._filters)}")
        check(shard["chunks"].shape[0] * CHUNK_ROWS == signal.shape[0], f"{name}: /chunks")
        check_chunk_hashes(shard, name)
        return signal[:], {key: column[:] for key, column in shard["records"].items()}


def main():
    check(xxh64(b"") == 0xEF46DB3751D8E999 and xxh64(b"abc") == 0x44BC2CF5AD770999, "published values of XXH64")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1], folder, str(RECORDS)], check=True)
        with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as file:
            manifest = json.load(file)
        check(manifest["format"] == "anyecg corpus" and manifest["records"] == RECORDS, "manifest")
        check([c["name"] for c in manifest["classes"]] == ["SNR", "AF"], "classes")
        files = [os.path.join(folder, shard["file"]) for shard in manifest["shards"]]
        check([os.path.getsize(f) for f in files] == [s["bytes"] for s in manifest["shards"]], "sizes of shards")
        for path, shard in zip(files, manifest["shards"]):
            check(file_xxh64(path) == shard["xxh64"], shard["file"])
        check(file_xxh64(os.path.join(folder, "index.h5")) == manifest["index"]["xxh64"], "hash of index.h5")
        with open(os.path.join(folder, "manifest.json.xxh64"), encoding="utf-8") as file:
            expected = file_xxh64(os.path.join(folder, "manifest.json")) + "  manifest.json\n"
            check(file.read() == expected, "hash of manifest.json")
        shards = [check_shard(path, shard["file"]) for path, shard in zip(files, manifest["shards"])]
        check(len(shards) > 2, "more than two shards")
        with h5py.File(os.path.join(folder, "index.h5"), "r") as index:
            records = {key: column[:] for key, column in index["records"].items()}
            labels = index["labels"][:]
            check(list(index["events/code"].asstr()[:]) == ["PVC", "AF"], "events")
        for r in range(RECORDS):
            seconds, leads = SHAPES[r % len(SHAPES)]
            check((records["seconds"][r], records["n_leads"][r]) == (seconds, leads), f"shape of record {r}")
            check(records["name"][r].decode() == f"{'second' if r % 2 else 'first'}/{r:05d}", f"name of record {r}")
            check(list(labels[r]) == [r % 3 - 1, r % 2], f"labels of record {r}")
            signal, own = shards[records["shard"][r]]
            first = int(records["first_row"][r])
            check(first % CHUNK_ROWS == 0 and own["first_row"][records["row"][r]] == first, f"place of record {r}")
            rows = seconds * leads
            check(np.array_equal(signal[first : first + rows].reshape(seconds, leads, SAMPLES),
                                 formula(r, seconds, leads)), f"samples of record {r}")
            check(not signal[first + rows : -(-(first + rows) // CHUNK_ROWS) * CHUNK_ROWS].any(), f"unused rows of {r}")
            check(xxh64(signal[first : first + rows].tobytes()) == int(records["content"][r]), f"content hash of {r}")
        print(f"{RECORDS} records in {len(shards)} shards: as the formula says")


main()
