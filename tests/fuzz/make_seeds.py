#!/usr/bin/env python3
"""Writes the seeds of fuzz targets that are no text and too long to type: tests/fuzz/make_seeds.py [FOLDER].

Numbers are made up, nothing is taken from a recording. The bytes depend on the versions of h5py and scipy; what lies in
tests/fuzz/seeds was made once by this and grew by what campaign.sh found."""
import os
import struct
import sys

import h5py
import numpy as np
import scipy.io

root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "seeds")
table = np.arange(36).reshape(3, 12) * 0.1 - 1


def path(*parts):
    os.makedirs(os.path.join(root, *parts[:-1]), exist_ok=True)
    return os.path.join(root, *parts)


def write(name, content):
    with open(path(*name.split("/")), "wb") as file:
        file.write(content)


def matlab():
    scipy.io.savemat(path("matlab", "v4.mat"), {"val": table}, format="4")
    scipy.io.savemat(path("matlab", "v5.mat"), {"val": table.astype("i2")})
    scipy.io.savemat(path("matlab", "v5_compressed.mat"), {"val": table}, do_compression=True)
    scipy.io.savemat(path("matlab", "v5_several.mat"), {"a": table, "b": "text", "c": {"d": table}})
    ecg = {"ECG": {"sex": "Male", "age": 74, "data": np.outer(np.ones(12), np.arange(6) * 0.1)}}
    scipy.io.savemat(path("matlab", "struct.mat"), ecg)
    scipy.io.savemat(path("matlab", "struct_compressed.mat"), ecg, do_compression=True)
    with h5py.File(path("matlab", "v73.mat"), "w", userblock_size=512) as file:
        file["val"] = table.T  # MATLAB stores columns first
        text = h5py.h5t.C_S1.copy()  # as MATLAB writes it: ended by 0, libmatio knows no other
        text.set_size(7)
        attribute = h5py.h5a.create(file["val"].id, b"MATLAB_class", text, h5py.h5s.create(h5py.h5s.SCALAR))
        attribute.write(np.array(b"double", "S7"), text)
    head = b"MATLAB 7.3 MAT-file, made up".ljust(124) + struct.pack("<H", 0x200) + b"IM"
    with open(path("matlab", "v73.mat"), "r+b") as file:
        file.write(head)


def hdf5():
    with h5py.File(path("hdf5", "contiguous.h5"), "w") as file:
        file["x"] = table
    with h5py.File(path("hdf5", "new.h5"), "w", libver="latest") as file:
        file["x"] = table.T.astype("f4")
    with h5py.File(path("hdf5", "records.h5"), "w", libver="latest") as file:
        file.create_dataset("tracings", data=np.ones((4, 3, 6), "f4"), chunks=(1, 3, 6), compression="gzip", shuffle=True)
        file["exam_id"] = np.arange(4) + 17
    with h5py.File(path("hdf5", "text_names.h5"), "w") as file:
        file.create_dataset("tracings", data=np.ones((2, 6, 3), "i2"), chunks=(1, 6, 3))
        file["exam_id"] = np.array([b"first", b"second"])
    with h5py.File(path("hdf5", "compact.h5"), "w") as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple(table.shape)
        h5py.h5d.create(file.create_group("g").id, b"x", h5py.h5t.IEEE_F64BE, space, properties).write(
            h5py.h5s.ALL, h5py.h5s.ALL, table)


def annotation(code, interval):
    return struct.pack("<H", code << 10 | interval)


def annotations():
    """Beats, a skip, a rhythm with text, num, sub and chan; the PDP-11 order of a long interval."""
    beats = b"".join(annotation(code, 100 + code) for code in (1, 5, 8, 9, 12, 38))
    skip = annotation(59, 0) + struct.pack("<HH", 1, 2) + annotation(1, 0)
    rhythm = annotation(28, 10) + annotation(63, 6) + b"(AFIB\0"
    numbers = annotation(1, 30) + annotation(60, 3) + annotation(61, 1) + annotation(62, 1)
    end = annotation(0, 0)
    write("wfdb_annotation/beats", beats + end)
    write("wfdb_annotation/skip", skip + beats + end)
    write("wfdb_annotation/rhythm", beats + rhythm + annotation(1, 1023) + end)
    write("wfdb_annotation/numbers", numbers + rhythm + skip + numbers + end)
    note = b"## time resolution: 1000"
    write("wfdb_annotation/resolution", annotation(22, 0) + annotation(63, len(note)) + note + beats + end)


if __name__ == "__main__":
    matlab()
    hdf5()
    annotations()
