"""Reads checkpoints with checkpoint.proto alone, for the twin.

load(FOLDER, MESSAGES) gives the message Checkpoint and a table name -> array. What this twin does not know for certain
it refuses: another format version, fields or values of a configuration that docs/MODEL.md does not name.
"""
import importlib
import os
import subprocess
import sys
import tempfile

import numpy
from google.protobuf.internal.decoder import _DecodeVarint32

FORMAT_VERSION = 1
STAGES = ("tokenizer", "pretrain", "finetune")
TASKS = ("", "anomaly", "arrhythmia", "leadgen", "longecg")


class Refused(Exception):
    pass


def messages(proto_folder):
    """The Python module that protoc makes of checkpoint.proto."""
    with tempfile.TemporaryDirectory(prefix="anyecg-proto-") as folder:
        subprocess.run(["protoc", f"--python_out={folder}", f"-I{proto_folder}", "checkpoint.proto"], check=True)
        sys.path.insert(0, folder)
        try:
            return importlib.import_module("checkpoint_pb2")
        finally:
            sys.path.remove(folder)


def newest(run_folder):
    with open(f"{run_folder}/latest") as file:
        return f"{run_folder}/{file.read().strip()}"


def require(claim, where, field, value, remedy):
    if not claim:
        raise Refused(f"{where}: {field}: {value!r}: {remedy}")


def check_known(message, where, name):
    """Refuses fields that the .proto at hand does not have: they would change the model unseen."""
    unknown = sorted({field.field_number for field in message.UnknownFields()})
    require(not unknown, where, name, unknown, "unknown fields; written by a newer program, take its twin")
    for field, value in message.ListFields():
        if field.message_type is not None and field.label != field.LABEL_REPEATED:
            check_known(value, where, f"{name}.{field.name}")


def check_trunk(trunk, where, name):
    for field, wanted in (("patch_samples", 300), ("times", 1024), ("leads", 16)):
        require(getattr(trunk, field) == wanted, where, f"{name}.{field}", getattr(trunk, field), f"must be {wanted}")
    require(trunk.heads > 0 and trunk.width % trunk.heads == 0, where, f"{name}.heads", trunk.heads,
            f"must divide the width {trunk.width}")
    require(trunk.channels > 0 and trunk.channels % 4 == 0, where, f"{name}.channels", trunk.channels,
            "must be a multiple of 4")


def check(message, where):
    require(message.format_version == FORMAT_VERSION, where, "format_version", message.format_version,
            f"this twin knows version {FORMAT_VERSION} only; take the twin of the program that wrote it")
    check_known(message, where, "checkpoint")
    require(message.stage in STAGES, where, "stage", message.stage, f"must be one of {STAGES}")
    require(message.task in TASKS and message.head.task in TASKS, where, "task", message.task or message.head.task,
            f"must be one of {TASKS[1:]}")
    if message.HasField("tokenizer"):
        check_trunk(message.tokenizer.encoder, where, "tokenizer.encoder")
        require(message.tokenizer.codebook_update in ("ema", "loss"), where, "tokenizer.codebook_update",
                message.tokenizer.codebook_update, "must be ema or loss")
    if message.HasField("backbone"):
        check_trunk(message.backbone.trunk, where, "backbone.trunk")


def read_part(pb, path):
    """Tensor name -> bytes."""
    tensors, at = {}, 0
    with open(path, "rb") as file:
        content = file.read()
    while at < len(content):
        length, at = _DecodeVarint32(content, at)
        chunk = pb.TensorChunk.FromString(content[at:at + length])
        at += length
        require(chunk.offset == len(tensors.get(chunk.name, b"")), path, f"{chunk.name}.offset", chunk.offset,
                "a piece is missing; the file is damaged")
        tensors[chunk.name] = tensors.get(chunk.name, b"") + chunk.data
    return tensors


def load(folder, pb):
    """(Checkpoint, {name: float64 or integer array})"""
    where = f"{folder}/checkpoint.pb"
    with open(where, "rb") as file:
        message = pb.Checkpoint.FromString(file.read())
    check(message, where)
    types = {pb.F32: "<f4", pb.F64: "<f8", pb.I64: "<i8", pb.U64: "<u8"}
    parts, tensors = {}, {}
    for tensor in message.tensors:
        require(tensor.type in types, where, f"{tensor.name}.type", tensor.type, "unknown type of tensor")
        if tensor.part not in parts:
            path = os.path.join(folder, os.path.basename(tensor.part))
            parts[tensor.part] = read_part(pb, path)
        data = numpy.frombuffer(parts[tensor.part].get(tensor.name, b""), types[tensor.type])
        require(data.size == numpy.prod(tensor.shape, dtype=int), where, f"{tensor.name}.shape", list(tensor.shape),
                f"the file holds {data.size} numbers")
        tensors[tensor.name] = data.reshape(tuple(tensor.shape))
    return message, tensors


def fill(model, tensors, where):
    """Puts tensors into a model of twin_model.py; strict by name and shape, tensors of other models aside."""
    import torch

    state, prefixes = model.state_dict(), {name.split(".")[0] for name in model.state_dict()}
    own = {name: array for name, array in tensors.items() if name.split(".")[0] in prefixes}
    unlike = sorted(set(state) ^ set(own))
    require(not unlike, where, "tensors", unlike[:5], "names differ from those of docs/MODEL.md")
    for name, array in own.items():
        require(tuple(state[name].shape) == array.shape, where, name, array.shape,
                f"docs/MODEL.md says {tuple(state[name].shape)}")
    model.load_state_dict({name: torch.from_numpy(numpy.array(array)) for name, array in own.items()})
