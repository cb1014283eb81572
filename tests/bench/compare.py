#!/usr/bin/python3
"""The programs against the same networks in PyTorch, in turns in one call; prints tables in Markdown.

    tests/bench/compare.py [--build FOLDER] [--rounds N] [--steps N] [--cases PATTERN] [--list] [--no-kernels] [--smoke]

Needs `cmake -B build -DANYECG_BENCH=ON && cmake --build build --target benches`, mpirun for two ranks, and a python3 with
PyTorch (Debian: python3-torch); without PyTorch our side is measured alone. In each case both sides are started, take one
step that is not counted, and then steps in turns: ours, peer, ours, peer, ... Waiting sides take no processor time. A round
gives one ratio (medians of its steps); the table shows median (least to most) over the rounds. Before a case the peer's
settings are tried and the fastest taken; all that were tried are listed. Leave the machine alone meanwhile.
"""
import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import namedtuple

home = pathlib.Path(__file__).resolve().parents[2]
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--build", type=pathlib.Path, default=home / "build")
parser.add_argument("--rounds", type=int, default=7)
parser.add_argument("--steps", type=int, default=2, help="of each side in a round; short ones are repeated to half a second")
parser.add_argument("--cases", default="", help="regular expression; only cases whose name it finds")
parser.add_argument("--list", action="store_true", help="names of the cases")
parser.add_argument("--no-kernels", action="store_true")
parser.add_argument("--python", default="/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable)
parser.add_argument("--smoke", action="store_true", help="tiny counts: shows that everything runs, measures nothing")
options = parser.parse_args()
options.build = options.build.resolve()

environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMPI_MCA_btl_vader_single_copy_mechanism": "none"}
environment.pop("OPENBLAS_CORETYPE", None)  # some sites preset old kernels, which slow both sides down
if os.getuid() == 0:
    environment.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")

Case = namedtuple("Case", "name task preset records leads seconds wanted")
CASES = [
    Case("small tokenizer 12x10", "tokenizer", "small", 16, 12, 10, 1.15),
    Case("small pretrain 12x10", "pretrain", "small", 16, 12, 10, 1.15),
    Case("small finetune 12x10", "finetune", "small", 16, 12, 10, None),
    Case("tiny tokenizer 12x10", "tokenizer", "tiny", 16, 12, 10, 1.5),
    Case("tiny pretrain 12x10", "pretrain", "tiny", 16, 12, 10, 1.5),
    Case("tiny finetune 12x10", "finetune", "tiny", 16, 12, 10, None),
    Case("small tokenizer 12x85", "tokenizer", "small", 2, 12, 85, 1.5),
    Case("small pretrain 12x85", "pretrain", "small", 2, 12, 85, 1.5),
    Case("small finetune 12x85", "finetune", "small", 2, 12, 85, 1.5),
    Case("small pretrain 1x1024", "pretrain", "small", 2, 1, 1024, None),
    Case("small infer 12x10", "infer", "small", 16, 12, 10, 1.3),
    Case("small infer 12x85", "infer", "small", 2, 12, 85, None),
    Case("small infer 1x1024", "infer", "small", 2, 1, 1024, None),
    Case("tiny infer 12x10", "infer", "tiny", 16, 12, 10, None),
]
RANK_CASES = [  # global batch 64: two ranks, each two micro-batches of 16
    Case("2 ranks small tokenizer", "tokenizer", "small", 16, 12, 10, (1.2, 0.95)),
    Case("2 ranks small pretrain", "pretrain", "small", 16, 12, 10, (1.2, 0.95)),
]
START = "start of anyecg-infer"
WANTED_MEMORY, WANTED_SHARE, WANTED_START = 0.5, 0.88, 0.15


class Worker:
    """A process that takes steps when told to."""

    def __init__(self, command, cores=None):
        pin = (lambda: os.sched_setaffinity(0, cores)) if cores else None
        self.command, self.last = command, {}
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=environment, preexec_fn=pin)
        self.shapes = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise RuntimeError(f"{pathlib.Path(self.command[0]).name} ended with {self.process.returncode}")
        return json.loads(line)

    def order(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def steps(self, count):
        self.order(f"steps {count}")
        return self.answer()["seconds"]

    def end(self):
        """Last line: peak memory."""
        self.process.stdin.close()
        self.last = self.answer()
        self.process.wait()
        return self.last

    def kill(self):
        self.process.kill()
        self.process.wait()


def ours(case, ranks=1, micro_batches=1, cores=None):
    preset, records = ("tiny", 2) if options.smoke else (case.preset, case.records)
    command = [options.build / "bench_model", case.task, home / f"configs/{preset}.yaml", records, case.leads, case.seconds,
               micro_batches]
    if ranks > 1:
        command = ["mpirun", "--oversubscribe", "--bind-to", "core" if os.cpu_count() >= ranks else "none", "-n", ranks, *command]
    return Worker(command, cores)


def peer(shapes, case, settings, ranks=1, threads=1):
    words = [word for name, value in settings.items() if value for word in
             ([f"--{name}"] if value is True else [f"--{name}", value])]
    return Worker([options.python, home / "tests/bench/peer.py", json.dumps(shapes), case.leads, case.seconds, *words,
                   "--ranks", ranks, "--threads", threads])


def usual(values):
    return statistics.median(values)


def spread(values, digits=2):
    return f"{usual(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def say(text):
    print(text, file=sys.stderr, flush=True)


def words_of(settings):
    return ", ".join(name if value is True else f"{value}" for name, value in settings.items() if value)


def try_settings(shapes, case, **how):
    """Settings of the peer in order of speed, and a list of what was tried. Greedy: one setting after another."""
    tried, seconds = {}, {}

    def attempt(settings):
        key = words_of(settings)
        if key in tried:
            return
        worker = None
        try:
            worker = peer(shapes, case, settings, **how)
            first = usual(worker.steps(1))
            hopeless = seconds and first > 2 * min(seconds.values())
            seconds[key] = first if options.smoke or hopeless else min(first, *worker.steps(2))
            worker.end()
            tried[key] = settings
            say(f"{case.name}: peer with {key}: {1e3 * seconds[key]:.0f} ms")
        except RuntimeError:
            tried[key] = None  # not finite
            if worker:
                worker.kill()

    def best():
        return min(seconds, key=seconds.get)

    settings = {"attention": "dense", "convolution": "product", "foreach": True, "aten": None}
    choices = [("attention", ["sparse"] if options.smoke else ["dense", "baddbmm", "sparse"])]
    if case.leads == 1:
        choices = [("attention", ["dense"])]  # every token sees every token: no mask, nothing sparse
    if not options.smoke:
        choices += [("convolution", ["onednn", "native"]), ("foreach", [None]), ("aten", ["avx2", "avx512"])]
    for name, values in choices:
        start = dict(tried[best()]) if seconds else settings
        for value in values:
            attempt({**start, name: value})
    if not seconds:
        raise RuntimeError("the peer gave nothing finite with any setting")
    order = [tried[key] for key in sorted(seconds, key=seconds.get)]
    report = "; ".join(f"{key} {1e3 * seconds[key]:.0f} ms" if tried[key] else f"{key}: not finite" for key in tried)
    return order, report


def in_turns(workers, steps):
    """Rounds of medians: [round][worker]."""
    rounds = []
    for _ in range(1 if options.smoke else options.rounds):
        rounds.append([usual(worker.steps(count)) for worker, count in zip(workers, steps)])
    return rounds


def enough_steps(worker):
    if options.smoke:
        return 1
    seconds = usual(worker.steps(2))
    return max(options.steps, min(50, round(0.5 / seconds)))


def measure(case):
    """One core: ours against the peer."""
    mine, lines = ours(case), {}
    try:
        shapes = mine.shapes
        other, tried = None, "PyTorch is missing"
        if has_torch:
            order, tried = try_settings(shapes, case)
            for settings in order:
                try:
                    other = peer(shapes, case, settings)
                    workers = [mine, other]
                    rounds = in_turns(workers, [enough_steps(worker) for worker in workers])
                    break
                except RuntimeError:
                    tried += f"; {words_of(settings)}: not finite later on"
                    other = None
        if other is None:
            rounds = in_turns([mine], [enough_steps(mine)])
        rates = []
        for _ in range(1 if options.smoke else 3):
            mine.order("rate")
            rates.append(mine.answer()["rate"])
        bound = shapes["operations"] / usual(rates)
        own = [r[0] for r in rounds]
        lines = {"case": case, "ours": own, "share": [bound / seconds for seconds in own], "memory": mine.end()["peak_mb"],
                 "rate": usual(rates), "tried": tried}
        if other is not None:
            lines.update(peer=[r[1] for r in rounds], ratio=[r[1] / r[0] for r in rounds], peer_memory=other.end()["peak_mb"],
                         bound=usual([r[1] for r in rounds]) / bound, settings=words_of(settings), torch=other.shapes)
        return lines
    finally:
        mine.kill()


def table_of_models():
    print("\n| case | ours, ms | PyTorch, ms | ratio | wanted | products alone allow | share of the product rate | memory, MB: "
          "ours, PyTorch, ratio |\n|---|---|---|---|---|---|---|---|")
    notes = []
    for case in chosen(CASES):
        line = measure(case)
        has_peer = "ratio" in line
        memory = f"{line['memory']:.0f}"
        if has_peer:
            memory += f", {line['peer_memory']:.0f}, {line['memory'] / line['peer_memory']:.2f}"
        print(f"| {case.name} | {1e3 * usual(line['ours']):.1f} |"
              f" {format(1e3 * usual(line['peer']), '.1f') if has_peer else '–'} |"
              f" {spread(line['ratio']) if has_peer else '–'} | {case.wanted or '–'} |"
              f" {format(line['bound'], '.2f') if has_peer else '–'} | {spread(line['share'])} | {memory} |", flush=True)
        notes.append(f"- {case.name}: products {line['rate'] * 1e-9:.0f} GFLOP/s; peer: {line.get('settings', 'none')}. "
                     f"Tried: {line['tried']}")
    print(f"\nWanted besides: memory of training small at most {WANTED_MEMORY} of the peer's; share of the product rate, small, "
          f"whole step, at least {WANTED_SHARE}. Ratio: PyTorch's time over ours; memory: peak of the process.\n")
    print("\n".join(notes))


def two_at_once(workers, count):
    """Both take steps at the same time; seconds of the slower."""
    for worker in workers:
        worker.order(f"steps {count}")
    return max(usual(worker.answer()["seconds"]) for worker in workers)


def start_peers_of_ranks(peers, shapes, case, settings):
    """PyTorch's two ways to use two cores; what has started is in `peers`, whatever happens."""
    peers["ddp"] = peer({**shapes, "ranks": 2}, case, settings, ranks=2)
    peers["threads"] = peer({**shapes, "micro_batches": 4}, case, settings, threads=2)


def rounds_of_ranks(ranks, alone, peers):
    count, rounds = 1 if options.smoke else options.steps, []
    for _ in range(1 if options.smoke else options.rounds):
        figures = {"ranks": usual(ranks.steps(count)), "alone": two_at_once(alone, count)}
        figures.update({name: usual(worker.steps(count)) for name, worker in peers.items()})
        rounds.append(figures)
    return rounds


def table_of_ranks():
    print("\n| case, global batch 64 | 2 ranks, ms | 2 unconnected processes at once, ms | ratio | wanted | PyTorch DDP 2 × 1, ms"
          " | ratio | PyTorch 1 × 2 threads, ms | ratio | wanted |\n|---|---|---|---|---|---|---|---|---|---|")
    notes = []
    for case in chosen(RANK_CASES):
        cores = sorted(os.sched_getaffinity(0))
        ranks = ours(case, 2, 2)
        alone = [ours(case, 1, 2, {cores[i % len(cores)]}) for i in range(2)]
        try:
            order, tried = [], "PyTorch is missing"
            if has_torch:
                order, tried = try_settings({**alone[0].shapes, "micro_batches": 1}, case)
            for settings in [*order, None]:  # at last without a peer
                peers = {}
                try:
                    if settings:
                        start_peers_of_ranks(peers, alone[0].shapes, case, settings)
                    rounds = rounds_of_ranks(ranks, alone, peers)
                    for worker in peers.values():
                        worker.end()
                    break
                except RuntimeError:
                    tried += f"; {words_of(settings)}: not finite later on"
                finally:
                    for worker in peers.values():
                        worker.kill()
            notes.append(f"- {case.name}: peer: {words_of(settings) if settings else 'none'}. Tried: {tried}")
            cells = [f"{1e3 * usual([r['ranks'] for r in rounds]):.0f}", f"{1e3 * usual([r['alone'] for r in rounds]):.0f}",
                     spread([r["alone"] / r["ranks"] for r in rounds]), str(case.wanted[1])]
            for name in ("ddp", "threads"):
                cells += ([f"{1e3 * usual([r[name] for r in rounds]):.0f}", spread([r[name] / r["ranks"] for r in rounds])]
                          if name in peers else ["–", "–"])
            print(f"| {case.name} | {' | '.join(cells)} | {case.wanted[0]} |", flush=True)
            for worker in (ranks, *alone):
                worker.end()
        finally:
            for worker in (ranks, *alone):
                worker.kill()
    print("\n".join(["", *notes]))


def run(*words):
    subprocess.run([str(word) for word in words], check=True, env=environment, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE, text=True)


def start_of_infer():
    """From the start of the process to the answer for one record of 12 leads and 10 s; preset tiny."""
    with tempfile.TemporaryDirectory() as folder:
        folder, build = pathlib.Path(folder), options.build
        run(build / "anyecg-pack", "synth", "-n", 24, "--seconds", 10, "--leads", 12, "-o", folder / "corpus")
        run(build / "anyecg-pack", "synth", "-n", 1, "--seconds", 10, "--leads", 12, "--wfdb", folder / "raw")
        run(build / "anyecg-train", "finetune", "anomaly", "-c", home / "configs/tiny.yaml", "--corpus", folder / "corpus",
            "--init", "none", "--out", folder / "run", "--max-steps", 1)
        record = next((folder / "raw").rglob("*.hea"))
        command = [build / "anyecg-infer", "anomaly", "--checkpoint", folder / "run", record]
        seconds = []
        for _ in range(2 if options.smoke else 20):
            began = time.perf_counter()
            run(*command)
            seconds.append(time.perf_counter() - began)
    print(f"\n{START}, one record of 12 leads and 10 s, tiny, cold process to answer: {spread(seconds, 3)} s; "
          f"wanted: below {WANTED_START} s")


def chosen(cases):
    return [case for case in cases if re.search(options.cases, case.name)]


def describe_machine():
    model = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    commit = subprocess.run(["git", "-C", home, "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    load = os.getloadavg()[0]
    print(f"{platform.node()}: {model[1] if model else platform.processor()}, {os.cpu_count()} cores, {platform.system()} "
          f"{platform.release()}; program {commit or 'unknown'}; load before: {load:.1f}")
    if load > 0.5:
        say(f"compare.py: other programs run (load {load:.1f}); figures will not be worth much")
    if has_torch:
        text = subprocess.run([options.python, "-c", "import torch; print(torch.__version__, torch.__config__.parallel_info())"],
                              capture_output=True, text=True, env=environment).stdout
        print("PyTorch " + " ".join(text.split()[:1]) + "; BLAS of PyTorch: " + blas_of_torch())


def blas_of_torch():
    """The library that libblas.so.3 stands for in the peer's process: reference BLAS would be 30 times slower."""
    code = ("import torch; torch.ones(300, 300) @ torch.ones(300, 300);"
            "print({l.split()[-1] for l in open('/proc/self/maps') if 'blas' in l.lower() or 'mkl' in l.lower()})")
    found = subprocess.run([options.python, "-c", code], capture_output=True, text=True, env=environment).stdout
    return ", ".join(sorted(os.path.realpath(path) for path in re.findall(r"'([^']+)'", found))) or "unknown"


def main():
    if options.list:
        print("\n".join([case.name for case in CASES + RANK_CASES] + [START]))
        return 0
    for name in ("bench_model", "bench_kernels"):
        if not (options.build / name).exists():
            sys.exit(f"compare.py: {options.build / name} is missing; cmake -B {options.build} -DANYECG_BENCH=ON, then "
                     f"cmake --build {options.build} --target benches")
    describe_machine()
    if chosen(CASES):
        table_of_models()
    if chosen(RANK_CASES) and shutil.which("mpirun"):
        table_of_ranks()
    if re.search(options.cases, START):
        start_of_infer()
    if not options.no_kernels and re.search(options.cases, "kernels"):
        print(flush=True)
        subprocess.run([options.build / "bench_kernels", "0.002" if options.smoke else "1"], check=True, env=environment)
    return 0


sys.stdout.reconfigure(line_buffering=True)
has_torch = subprocess.run([options.python, "-c", "import torch"], capture_output=True).returncode == 0
if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as fault:
        sys.exit(f"compare.py: {' '.join(map(str, fault.cmd))}: exit code {fault.returncode}: {fault.stderr}")
    except RuntimeError as fault:
        sys.exit(f"compare.py: {fault}")
