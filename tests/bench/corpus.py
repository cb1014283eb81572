#!/usr/bin/python3
"""How fast a corpus is made and read, and how large it is; prints tables in Markdown.

    [ECG_DATA_DIR=DIR] tests/bench/corpus.py [--build FOLDER] [--parts build,read,ranks,train,size] [--records N] [--slurm] [--smoke]

Needs the programs and bench_reading in the build folder (cmake --build build), h5py (Debian: python3-h5py), and mpirun for
several ranks. Recordings are simulated (12 leads, 10 s, 500 Hz, WFDB format 16); with ECG_DATA_DIR building and size are shown
for its recordings of that form too. --slurm adds 8 ranks on four nodes of tests/slurm/cluster.sh (root). Every rate stands
twice: by the clock, and by processor time of all threads, user and system, which tells something on a busy machine too.
"""
import argparse
import collections
import ctypes
import gzip
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

import h5py
import numpy

home = pathlib.Path(__file__).resolve().parents[2]
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--build", type=pathlib.Path, default=home / "build")
parser.add_argument("--parts", default="build,read,ranks,train,size")
parser.add_argument("--records", type=int, default=1500, help="simulated ones")
parser.add_argument("--batches", type=int, default=150, help="of 32 windows, of one reading")
parser.add_argument("--collective-batches", type=int, default=50)
parser.add_argument("--steps", type=int, default=40, help="of training")
parser.add_argument("--work", type=pathlib.Path, help="folder on the disk to be measured (default: that of temporary files)")
parser.add_argument("--slurm", action="store_true")
parser.add_argument("--smoke", action="store_true", help="tiny counts: shows that everything runs, measures nothing")
options = parser.parse_args()
if options.smoke:
    options.records, options.batches, options.collective_batches, options.steps = 24, 2, 1, 2
parts = options.parts.split(",")

environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMPI_MCA_mpi_yield_when_idle": "1", "OMPI_MCA_btl_vader_single_copy_mechanism": "none"}
if os.getuid() == 0:
    environment.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")

Run = collections.namedtuple("Run", "seconds cpu output")


def run(*words, accepted=(0,)):
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([str(word) for word in words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in accepted:
        sys.exit(f"{' '.join(map(str, words))}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return Run(seconds, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, done.stdout)


def size_of(folder, suffixes=None):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and (not suffixes or path.suffix in suffixes))


def simulate(folder, records):
    run(options.build / "anyecg-pack", "synth", "-q", "-n", records, "--seconds", 10, "--leads", 12, "--rate", 500, "--wfdb", folder)
    return folder


def collect_real(folder):
    """Recordings of 12 leads, 500 Hz and 10 s in format 16, in folders named as theirs (the recipe goes by names)."""
    count = 0
    for header in sorted(pathlib.Path(os.environ["ECG_DATA_DIR"]).rglob("*.hea")):
        lines = header.read_text(errors="replace").splitlines()
        names = {line.split()[0] for line in lines[1:13] if line.split()}
        forms = {line.split()[1] for line in lines[1:13] if len(line.split()) > 1}
        data = header.parent / next(iter(names), "")
        if re.match(r"\S+ 12 500\S* 5000\b", lines[0] if lines else "") and len(names) == 1 and forms <= {"16", "16+24"} and data.is_file():
            place = folder / header.parent.relative_to(os.environ["ECG_DATA_DIR"])
            place.mkdir(parents=True, exist_ok=True)
            for file in (header, data):
                shutil.copyfile(file, place / file.name)
            count += 1
    return count


def pack(raw, corpus):
    shutil.rmtree(corpus, ignore_errors=True)
    return run(options.build / "anyecg-pack", "build", "-q", "-o", corpus, raw, accepted=(0, 3))


def records_in(corpus):
    return json.loads((corpus / "manifest.json").read_text())["records"]


def bench_build(work, sets):
    one = simulate(work / "one", 1)
    start = pack(one, work / "one-corpus")
    print("\n| recordings | records | seconds | records/s | records/s of processor time | the same without start and end |\n|---|---|---|---|---|---|")
    for name, raw in sets.items():
        done, n = pack(raw, work / f"{name}-corpus"), records_in(work / f"{name}-corpus")
        steady = max(done.cpu - start.cpu, 1e-3)
        print(f"| {name} | {n} | {done.seconds:.2f} | {n / done.seconds:.0f} | {n / done.cpu:.0f} | {(n - 1) / steady:.0f} |", flush=True)
    print(f"\nA build of one record takes {start.cpu:.2f} s of processor time. Wanted: 200 records a second and core.")


def forget(corpus):
    """Out of the page cache: all of it if root, else what the kernel grants for these files."""
    os.sync()
    try:
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
    except OSError:
        for path in corpus.rglob("*.h5"):
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read(corpus, mode, launcher=(), batches=None):
    batches = batches or (options.batches if mode == "independent" else options.collective_batches)
    result = json.loads(run(*launcher, options.build / "bench_reading", corpus, mode, batches).output.splitlines()[-1])
    if result["records"] <= 0 or abs(result["delivered_mb"] - result["records"] * 0.072) > 1e-3 * result["records"]:
        sys.exit(f"bench_reading: {result['records']} records of {result['delivered_mb']} MB do not add up")
    return result


def rates(result):
    cpu = max(result["cpu_s"], 1e-6)
    return (f"{result['records'] / result['seconds']:.0f} | {result['delivered_mb'] / result['seconds']:.0f} | "
            f"{result['records'] / cpu:.0f} | {result['delivered_mb'] / cpu:.0f}")


def bench_read(corpus):
    print("\n| random windows, one rank | records/s | MB/s | records/s of processor time | MB/s of it |\n|---|---|---|---|---|")
    forget(corpus)
    print(f"| cold cache | {rates(read(corpus, 'independent'))} |")
    read(corpus, "independent")
    warm = read(corpus, "independent")
    print(f"| warm cache | {rates(warm)} |", flush=True)
    chunk = warm["chunk_us"]
    whole = 1e6 * warm["cpu_s"] / warm["records"]
    print(f"\nMB are of samples (int16); stored: {warm['stored_mb'] / warm['delivered_mb']:.2f} of it. A record of 12 leads and 10 s takes "
          f"{whole:.0f} µs of processor time, of this LZ4 {chunk['lz4']:.0f} µs ({100 * chunk['lz4'] / whole:.0f} %), XXH64 "
          f"{chunk['checksum']:.0f} µs, shuffle and conversion to mV {chunk['convert']:.0f} µs; the rest is HDF5, MPI-IO and the kernel.")


def bench_ranks(corpus):
    print("\n| ranks | reading | records/s | MB/s | records/s of processor time | MB/s of it |\n|---|---|---|---|---|---|")
    for ranks in (1, 2, 4):
        launcher = ("mpirun", "--oversubscribe", "--bind-to", "none", "-n", ranks)
        for mode in ("independent", "collective"):
            print(f"| {ranks} | {mode} | {rates(read(corpus, mode, launcher))} |", flush=True)
    if options.slurm:
        cluster = home / "tests/slurm/cluster.sh"
        run(cluster, "start", 4, 2)
        try:
            launcher = (cluster, "run", "srun", "--nodes=4", "--ntasks=8", "--mpi=pmix", "--kill-on-bad-exit=0", "--wait=10")
            for mode in ("independent", "collective"):
                result = read(corpus, mode, launcher)
                print(f"| {result['ranks']} on {result['nodes']} nodes | {mode} | {rates(result)} |", flush=True)
        finally:
            run(cluster, "stop")


def waited(out):
    """Steps, seconds of all of them and of their waiting for data; without the first line, which stands for the start."""
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    lines = [line for line in lines if "seconds" in line]
    last, seconds = 1, collections.Counter()
    for line in lines[1:] if len(lines) > 1 else lines:
        for phase, value in line["seconds"].items():
            seconds[phase] += value * (line["step"] - last or 1)
        last = line["step"]
    return max(last - 1, 1), sum(value for phase, value in seconds.items() if phase not in ("validate", "save")), seconds["load"]


def bench_train(work, corpus):
    print("\n| stage, preset tiny | steps | ms a step | waiting for data, ms | share | wanted |\n|---|---|---|---|---|---|")
    runs = {name: work / f"run-{name}" for name in ("tokenizer", "pretrain", "finetune anomaly")}
    inputs = {"pretrain": ("--tokenizer", runs["tokenizer"]), "finetune anomaly": ("--init", runs["pretrain"])}
    for stage, out in runs.items():
        shutil.rmtree(out, ignore_errors=True)
        run(options.build / "anyecg-train", *stage.split(), "-c", home / "configs/tiny.yaml", "--corpus", corpus, "--out", out,
            *inputs.get(stage, ()), "--max-steps", options.steps, "--set", "log.every_steps=1")
        steps, total, load = waited(out)
        print(f"| {stage} | {steps} | {1e3 * total / steps:.1f} | {1e3 * load / steps:.2f} | {100 * load / total:.2f} % | < 1 % |", flush=True)


def raw_samples(header):
    """[leads, samples] of a record in format 16 or 16+24, which collect_real and synth give."""
    words = header.read_text(errors="replace").splitlines()[1].split()
    offset = int(words[1].partition("+")[2] or 0)
    data = numpy.fromfile(header.parent / words[0], "<i2", offset=offset)
    return data[: 12 * 5000].reshape(5000, 12).T


def hdf5_bytes(path, array, **how):
    with h5py.File(path, "w") as file:
        file.create_dataset("signal", data=array, chunks=(1, *array.shape[1:]), **how)
    return path.stat().st_size


def chunk_samples(stored, first):
    """One chunk as stored, undone here (docs/FORMATS.md, Shards), so that h5py needs no filter plug-in."""
    frame = stored.id.read_direct_chunk((first, 0))[1]
    size, block = int.from_bytes(frame[:8], "big"), int.from_bytes(frame[12:16], "big")
    data = ctypes.create_string_buffer(frame[16 : 16 + block], size)
    if block != size and ctypes.CDLL("liblz4.so.1").LZ4_decompress_safe(frame[16 : 16 + block], data, block, size) != size:
        sys.exit(f"chunk at row {first}: LZ4 cannot undo it")
    low, high = numpy.frombuffer(data, "u1").reshape(2, -1)
    return (low | high.astype("<u2") << 8).view("<i2").reshape(120, 300)


def corpus_samples(corpus):
    """[records, 120, 300]: the records of one chunk."""
    with h5py.File(next(corpus.glob("index*.h5"))) as index:
        records = zip(*(index[f"records/{name}"][:] for name in ("shard", "first_row", "seconds", "n_leads")))
        places = sorted((int(shard), int(first)) for shard, first, seconds, leads in records if int(seconds) * int(leads) == 120)
    shards = [h5py.File(path) for path in sorted((corpus / "shards").glob("*.h5"))]
    return numpy.stack([chunk_samples(shards[shard]["signal"], first) for shard, first in places])


def bench_size(work, sets):
    print("\n| recordings | form | bytes a record | of raw WFDB |\n|---|---|---|---|")
    for name, raw in sets.items():
        corpus = work / f"{name}-corpus"
        if not corpus.exists():
            pack(raw, corpus)
        headers = sorted(raw.rglob("*.hea"))
        n, wfdb = len(headers), size_of(raw, {".hea", ".dat", ".mat"})
        zipped = sum(len(gzip.compress(path.read_bytes(), 6)) for path in raw.rglob("*") if path.suffix in (".hea", ".dat", ".mat"))
        samples = numpy.stack([raw_samples(header) for header in headers])
        packed, m = size_of(corpus), records_in(corpus)
        lines = [("raw WFDB, format 16, 500 Hz", wfdb / n), ("WFDB, each file gzip -6", zipped / n),
                 ("HDF5, [12, 5000] a chunk, gzip 4", hdf5_bytes(work / "raw.h5", samples, compression="gzip") / n),
                 ("HDF5, shuffle, gzip 4", hdf5_bytes(work / "raw.h5", samples, compression="gzip", shuffle=True) / n),
                 ("corpus, 300 Hz, index and manifest included", packed / m)]
        mine = corpus_samples(corpus)
        lines += [("the corpus's samples, not compressed", mine[0].nbytes),
                  ("the corpus's samples in HDF5, shuffle, gzip 4", hdf5_bytes(work / "mine.h5", mine, compression="gzip", shuffle=True) / len(mine))]
        for form, size in lines:
            print(f"| {name} | {form} | {size:.0f} | {size * n / wfdb:.2f} |", flush=True)


def main():
    commit = subprocess.run(["git", "-C", home, "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    model = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    print(f"{model.group(1) if model else 'unknown processor'}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, commit {commit or 'unknown'}")
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        work = pathlib.Path(folder)
        sets = {"simulated": simulate(work / "simulated", options.records)}
        if os.environ.get("ECG_DATA_DIR") and not options.smoke and collect_real(work / "real"):
            sets["real"] = work / "real"
        corpus = work / "simulated-corpus"
        if "build" in parts:
            bench_build(work, sets)
        else:
            pack(sets["simulated"], corpus)
        if "read" in parts:
            bench_read(corpus)
        if "ranks" in parts:
            bench_ranks(corpus)
        if "train" in parts:
            bench_train(work, corpus)
        if "size" in parts:
            bench_size(work, sets)


main()
