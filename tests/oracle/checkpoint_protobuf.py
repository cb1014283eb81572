"""Reads a checkpoint with nothing but checkpoint.proto and Google's protobuf: every tensor, every checksum, every list.

checkpoint_protobuf.py CHECKPOINT_SAMPLE_PROGRAM FOLDER_OF_PROTO
"""
import os
import shutil
import subprocess
import sys
import tempfile

try:
    import numpy
    from google.protobuf.internal.decoder import _DecodeVarint32
except ImportError as missing:
    print(f"SKIP: {missing} (Debian: python3-protobuf python3-numpy)")
    sys.exit(77)
if not shutil.which("protoc"):
    print("SKIP: protoc is not installed (Debian: protobuf-compiler)")
    sys.exit(77)

MASK = (1 << 64) - 1
P1, P2, P3, P4, P5 = (11400714785074694791, 14029467366897019727, 1609587929392839161, 9650029242287828579,
                      2870177450012600261)


def rotate(x, r):
    return (x << r | x >> (64 - r)) & MASK


def xxh64(data):
    """XXH64, seed 0, after the specification (github.com/Cyan4973/xxHash, doc/xxhash_spec.md)."""
    n, i = len(data), 0
    if n >= 32:
        lanes = [(P1 + P2) & MASK, P2, 0, -P1 & MASK]
        words = numpy.frombuffer(data[:n // 32 * 32], "<u8").tolist()
        for w in range(0, len(words), 4):
            for k in range(4):
                lanes[k] = rotate((lanes[k] + words[w + k] * P2) & MASK, 31) * P1 & MASK
        h = sum(rotate(lane, r) for lane, r in zip(lanes, (1, 7, 12, 18))) & MASK
        for lane in lanes:
            h = ((h ^ rotate(lane * P2 & MASK, 31) * P1 & MASK) * P1 + P4) & MASK
        i = n // 32 * 32
    else:
        h = P5
    h = (h + n) & MASK
    while i + 8 <= n:
        lane = rotate(int.from_bytes(data[i:i + 8], "little") * P2 & MASK, 31) * P1 & MASK
        h = (rotate(h ^ lane, 27) * P1 + P4) & MASK
        i += 8
    if i + 4 <= n:
        h = (rotate(h ^ int.from_bytes(data[i:i + 4], "little") * P1 & MASK, 23) * P2 + P3) & MASK
        i += 4
    for byte in data[i:]:
        h = rotate(h ^ byte * P5 & MASK, 11) * P1 & MASK
    h = (h ^ h >> 33) * P2 & MASK
    h = (h ^ h >> 29) * P3 & MASK
    return h ^ h >> 32


assert xxh64(b"") == 0xEF46DB3751D8E999  # published test values
assert xxh64(b"a") == 0xD24EC4F1A98C6E5B


def read_part(pb, path):
    """Tensor name -> (offset in file, data)."""
    content, at, tensors = open(path, "rb").read(), 0, {}
    while at < len(content):
        begin = at
        length, at = _DecodeVarint32(content, at)
        chunk = pb.TensorChunk.FromString(content[at:at + length])
        at += length
        assert len(chunk.data) <= 8 << 20 and xxh64(chunk.data) == chunk.xxh64, chunk.name
        offset, data = tensors.get(chunk.name, (begin, b""))
        assert chunk.offset == len(data), chunk.name
        tensors[chunk.name] = (offset, data + chunk.data)
    return tensors


def check_complete(folder):
    text = open(f"{folder}/COMPLETE", "rb").read()
    *lines, seal = text.decode().splitlines()
    above = text[:text.rindex(seal.encode())]
    assert seal == f"{len(above)} {xxh64(above):016x} COMPLETE"
    names = []
    for line in lines:
        size, checksum, name = line.split(" ")
        content = open(f"{folder}/{name}", "rb").read()
        assert (int(size), int(checksum, 16)) == (len(content), xxh64(content)), name
        names.append(name)
    assert names == sorted(set(os.listdir(folder)) - {"COMPLETE"}), names


def main(program, proto_folder):
    work = tempfile.mkdtemp(prefix="anyecg-checkpoint-")
    try:
        subprocess.run(["protoc", f"--python_out={work}", f"-I{proto_folder}", "checkpoint.proto"], check=True)
        sys.path.insert(0, work)
        import checkpoint_pb2 as pb
        subprocess.run([program, f"{work}/run"], check=True)
        folder = f"{work}/run/step-000000007"
        assert open(f"{work}/run/latest").read() == "step-000000007\n"
        check_complete(folder)
        message = pb.Checkpoint.FromString(open(f"{folder}/checkpoint.pb", "rb").read())
        index = numpy.arange(1500 * 1500)
        wanted = {
            "backbone.bias": numpy.array([0.5, -0.25, 1e-3], "<f4"),
            "backbone.matrix.weight": ((index * 7 % 1001) / 8 - 50).astype("<f4").reshape(1500, 1500),
            "head.whole": numpy.array([[-5, 1 << 62]], "<i8"),
            "head.natural": numpy.array((1 << 64) - 1, "<u8"),
            "backbone.moment": (1 / numpy.arange(3, 7)).astype("<f8").reshape(2, 1, 2),
        }
        types = {pb.F32: "<f4", pb.F64: "<f8", pb.I64: "<i8", pb.U64: "<u8"}
        parts = {name: read_part(pb, f"{folder}/{name}") for name in {t.part for t in message.tensors}}
        assert [t.name for t in message.tensors if t.decays] == ["backbone.matrix.weight"]
        for tensor in message.tensors:
            offset, data = parts[tensor.part].pop(tensor.name)
            assert (offset, len(data), xxh64(data)) == (tensor.offset, tensor.bytes, tensor.xxh64), tensor.name
            values = numpy.frombuffer(data, types[tensor.type]).reshape(tuple(tensor.shape))
            assert numpy.array_equal(values, wanted.pop(tensor.name)), tensor.name
        assert not wanted and not any(parts.values())
        assert (message.format_version, message.stage, message.task) == (1, "finetune", "anomaly")
        assert message.model_card == "µV" and list(message.training.code_use) == [3, 300]
        assert message.training.step == 7 and message.training.learning_rate == 5e-4
        subjects = pb.Subjects.FromString(open(f"{folder}/subjects.pb", "rb").read())
        assert list(subjects.records) == [1, (1 << 64) - 1]
        assert list(subjects.patients) == [b"\xab" + bytes(31)]
    finally:
        shutil.rmtree(work)
    print("all tensors, checksums and lists as written")


main(*sys.argv[1:])
