"""What README, CONTRIBUTING and docs/*.md tell a user to type works.

Every fenced block (and every indented line that calls one of our programs) is run line by line in a scratch folder, with
small data in place of the user's by the rules below, or is declared with the reason why it is not, and the test that
runs it instead. Options, subcommands, files, tests and configuration keys that the text names in `code` exist, and
docs/CONFIG.md has every key. Arguments: source folder, folder of the programs, mpiexec."""

import glob
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE, BUILD, MPIEXEC = sys.argv[1:4]
PROGRAMS = ("anyecg-pack", "anyecg-train", "anyecg-infer")
SCRIPTS = ("jobs/demo.sh", "jobs/setup.sh", "jobs/submit.sh", "tests/run.sh")
DOCUMENTS = ["README.md", "CONTRIBUTING.md"] + sorted(
    os.path.relpath(p, SOURCE) for p in glob.glob(SOURCE + "/docs/*.md"))

# Lines that are not run here: a pattern of the line, why, and what runs it (a test of ctest, or a file of the tree).
NOT_RUN = [
    (r"jobs/demo\.sh", "takes minutes; with small programs", "demo_trains_all_and_goes_on"),
    (r"tests/run\.sh", "is what runs this test", "tests/run.sh"),
    (r"jobs/setup\.sh( --no-build)?", "installs packages; the first step of", "tests/run.sh"),
    (r"jobs/submit\.sh (?!.*--print).*", "needs Slurm", "chain_of_jobs_runs_on_two_nodes"),
    (r"srun --mpi=pmix .*", "needs Slurm", "ranks_on_two_nodes_read_and_train_alike"),
    (r"module load .*", "modules differ from site to site; only submitted as MODULES", "submit_builds_the_chain_of_jobs"),
    (r"cmake (-S \. -B|--build) build.*", "builds everything", "tests/run.sh"),
    (r"cmake -B build -DANYECG_BENCH=ON.*|tests/bench/compare\.py.*",
     "wants the machine alone; tried by every_bench_runs where ANYECG_BENCH is on", "tests/bench/CMakeLists.txt"),
]
# What is put in place of the user's own, in this order.
SMALL = {
    "tokenizer": "--set tokenizer.batch.tokens=480 --set tokenizer.baseline_patches=0 --set tokenizer.model.codes=64",
    "pretrain": "--set pretrain.batch.tokens=480",
    "finetune": "--set finetune.batch.tokens=480",
}
RULES = [
    (r"^(mpirun) -n \d+", MPIEXEC + " --oversubscribe -n 2"),
    (r"pretrain …", "pretrain -c configs/tiny.yaml --corpus corpus --out run/pretrain --tokenizer run/tokenizer"),
    (r"(?<=--corpus )CORPUS\b", "corpus"),
    (r"(?<=info )CHECKPOINT\b", "run/anomaly"),
    (r"(?<=--out )RUN\b", "run/other"),
    (r"/scratch/me/ecg", "work"),
    (r"/data/ecg", "recordings"),
]
# Blocks of another kind: what their first line looks like, and the check that reads them.
OTHER_BLOCKS = {
    r"base/ +floor 0": "tree",
    r"manifest\.json +what it is": "corpus",
    r"import h5py": "python",
    r'\{"record":': "answer",
    r"profile of \d+ steps": "profile",
    r'files: "\*\.csv"': "description",
    r"sources:\n  - match: cardiology/export\n    name: export\n": "own recipe",
    r"sources:\n": "recipe",  # the example of a recipe with its tables: tests/unit/test_recipes.c
    r"code,classes,kind\n": "recipe",
    r"file,patient,years": "recipe",
    r"folder,record,patient": "label table",
}
# Beginnings of `code` that other programs own.
FOREIGN = ("mpirun", "srun", "sbatch", "scancel", "scontrol", "squeue", "cmake", "ctest", "spack", "lfs", "export", "module",
           "h5pcc", "touch", "import", "clang-format", "apt", "sudo", "h5py", "perf", "python")
FOREIGN_OPTIONS = {  # option: who knows it
    "--bind-to": "mpirun", "--cpu-bind": "srun", "--overcommit": "srun", "--oversubscribe": "mpirun", "--mpi": "srun",
    "--kill-on-bad-exit": "srun", "--wait": "srun", "--signal": "sbatch", "--requeue": "sbatch", "--no-requeue": "sbatch",
    "--batch": "scancel", "--dependency": "sbatch", "--exclusive": "sbatch", "--constraint": "sbatch",
}

faults = []


def fault(place, message):
    faults.append(f"{place}: {message}")


def read(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


# --- what exists ---------------------------------------------------------------------------------------------------


def helps():
    texts = {p: subprocess.run([f"{BUILD}/{p}", "--help"], capture_output=True, text=True).stdout for p in PROGRAMS}
    texts.update({s: subprocess.run(["bash", f"{SOURCE}/{s}", "--help"], capture_output=True, text=True).stdout
                  for s in SCRIPTS})
    for pattern in ("tests/bench/*", "tests/slurm/*.sh"):  # those have no --help of their own: what they read
        texts.update({os.path.relpath(s, SOURCE): open(s, encoding="utf-8").read() for s in glob.glob(f"{SOURCE}/{pattern}")
                      if s.endswith((".sh", ".py"))})
    return texts


def options_of(text):
    return set(re.findall(r"(?<![\w-])(--?[a-zA-Z][\w-]*)", text))


def test_names():
    listed = subprocess.run(["ctest", "--test-dir", BUILD, "-N"], capture_output=True, text=True).stdout
    names = set(re.findall(r"Test +#\d+: (\S+)", listed))
    return names | {re.sub(r"_\d+$", "", name) for name in names}  # tests of ranks end in their number


def leaves(text):
    """Paths of all keys in configs/defaults.yaml that hold no mapping: indentation and flow mappings, no more."""
    found, stack = [], []
    for line in text.splitlines():
        line = re.sub(r"\s#.*|^#.*", "", line).rstrip()
        entry = re.fullmatch(r"( *)([a-z_0-9]+):\s*(.*)", line)
        if not entry:
            continue
        indent, key, value = len(entry[1]), entry[2], entry[3]
        while stack and stack[-1][0] >= indent:
            stack.pop()
        path = [k for _, k in stack] + [key]
        if not value:
            stack.append((indent, key))
        elif value.startswith("{"):
            found += [".".join(path + [k]) for k in re.findall(r"([a-z_0-9]+):", value)]
        else:
            found.append(".".join(path))
    return found


# --- CONFIG.md -------------------------------------------------------------------------------------------------------


def check_config_keys(keys):
    schema = set(re.findall(r'"([a-z_0-9]+)"', " ".join(
        re.findall(r'(?:CYAML_FIELD_\w+|ENUM|OPTIMISER)\("[a-z_0-9]+"', read("train/config_schema.c")))))
    in_defaults = {part for key in keys for part in key.split(".")}
    for name in sorted(schema ^ in_defaults):
        fault("configs/defaults.yaml", f"key {name} is in only one of defaults and train/config_schema.c")

    heading, documented = "", {}
    for line in read("docs/CONFIG.md").splitlines():
        if line.startswith("#"):
            heading = line
        elif re.match(r"\| `", line):
            for name in re.findall(r"`([a-z_0-9]+)`", line.split("|")[1]):
                documented.setdefault(name, []).append(heading)
    tops = {key.split(".")[0] for key in keys}
    belongs = lambda heading: {t for t in tops if f"`{t}`" in heading} or {key for key in keys if "." not in key}
    for key in keys:
        parts = key.split(".")
        if not any(parts[0] in belongs(h) for h in documented.get(parts[-1], [])):
            fault("docs/CONFIG.md", f"key {key} is missing")
    for name, headings in documented.items():
        for h in headings:
            if not any(name in key.split(".") and key.split(".")[0] in belongs(h) for key in keys):
                fault("docs/CONFIG.md", f"{h}: there is no key {name}")


# --- `code` in the text ------------------------------------------------------------------------------------------------


def check_command(place, text, known):
    """A command of ours within the text: its subcommand and options are those of --help."""
    words = text.split()
    at = next((i for i, w in enumerate(words) if os.path.basename(w) in PROGRAMS or w in known), None)
    if at is None:
        return
    name = os.path.basename(words[at]) if os.path.basename(words[at]) in PROGRAMS else words[at]
    help_text, rest = known[name], words[at + 1:]
    if name in PROGRAMS and rest and re.fullmatch(r"[a-z]+", rest[0]):
        if not re.search(rf"\b{rest[0]}\b", help_text):
            fault(place, f"`{text}`: {name} has no {rest[0]}")
    for word in rest:
        option = re.match(r"(--?[a-zA-Z][\w-]*)", word)
        if option and option[1] not in options_of(help_text):
            fault(place, f"`{text}`: {name} --help does not know {option[1]}")


def check_spans(document, known, keys, tests):
    every_option = set().union(*(options_of(text) for text in known.values())) | set(FOREIGN_OPTIONS)
    cmake_options = read("CMakeLists.txt")
    text = re.sub(r"^```.*?^```", "", read(document), flags=re.M | re.S)
    for span in re.findall(r"`([^`\n]+)`", text):
        first = span.split()[0]
        check_command(document, span, known)
        if first.startswith("-D"):
            name = re.match(r"-D(\w+)", first)[1]
            if name.startswith("ANYECG") and name not in cmake_options:
                fault(document, f"`{span}`: CMakeLists.txt has no {name}")
        elif first.startswith("-"):
            option = re.match(r"(--?[a-zA-Z@][\w-]*)", first)
            if option and option[1] not in every_option:
                fault(document, f"`{span}`: none of our programs knows {option[1]}")
        for key in re.findall(r"--set [\"']?([a-z_]+(?:\.[a-z_]+)+)", span):
            if key not in keys and key.split(".")[0] in {k.split(".")[0] for k in keys}:
                fault(document, f"`{span}`: configurations have no {key}")
        path = re.fullmatch(r"(?:(?:tests|docs|configs|jobs|infer|train|io|base|comm|model)/[\w./*-]+)", first)
        if path and not glob.glob(os.path.join(SOURCE, first)):
            fault(document, f"`{span}`: there is no {first}")
        parts = {part for key in keys for part in key.split(".")}
        if re.fullmatch(r"(?:test_\w+|[a-z]+(?:_[a-z0-9]+){4,})", span) and span not in tests | parts:
            fault(document, f"`{span}`: no test of this name")


# --- blocks ----------------------------------------------------------------------------------------------------------


def blocks_of(document):
    """(line, language, text) of each fenced block, and of indented lines that call a program of ours."""
    found, fence, begun = [], None, 0
    for number, line in enumerate(read(document).splitlines(), 1):
        if line.lstrip().startswith("```"):
            if fence is None:
                fence, begun, language = [], number, line.strip()[3:]
            else:
                found.append((begun, language, "\n".join(fence)))
                fence = None
        elif fence is not None:
            fence.append(line)
        elif re.match(r" {4}(mpirun |anyecg-|jobs/)", line):
            found.append((number, "", line.strip()))
    return found


def make_data(environment):
    """recordings/ with A0001, TABLE.csv, and the folders of the project that commands name."""
    for folder in ("configs", "jobs", "docs", "tests", "io"):
        os.symlink(os.path.join(SOURCE, folder), folder)
    subprocess.run(["anyecg-pack", "synth", "-q", "-n", "60", "--seconds", "6", "--wfdb", "recordings"], check=True,
                   env=environment)
    for end in (".hea", ".dat"):
        os.rename("recordings/sim00000" + end, "recordings/A0001" + end)
    header = open("recordings/A0001.hea").read()
    open("recordings/A0001.hea", "w").write(header.replace("sim00000", "A0001"))
    for seed, site in enumerate(("siteA", "siteB", "siteC"), 100):
        subprocess.run(["anyecg-pack", "synth", "-q", "-n", "9", "--seconds", "2", "--seed", str(seed), "-o", site],
                       check=True, env=environment, stderr=subprocess.DEVNULL)
    with open("TABLE.csv", "w") as table:
        table.write("folder,record,anomaly\n")
        for i, path in enumerate(sorted(glob.glob("recordings/*.hea"))):
            table.write(f"recordings,{os.path.basename(path)[:-4]},{i % 2}\n")


def run_line(place, line, environment):
    command = line
    for pattern, replacement in RULES:
        command = re.sub(pattern, replacement, command)
    stage = re.search(r"anyecg-train (\w+)", command)
    if stage:
        command += " --max-steps 2 " + SMALL[stage[1]]
        if "--resume" not in command:
            shutil.rmtree(re.search(r"--out (\S+)", command)[1], ignore_errors=True)
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        fault(place, f"{line}\n  ran as: {command}\n  exit code {done.returncode}: {done.stderr[-1500:]}")


def run_block(place, text, environment, tests):
    for line in text.splitlines():
        line = re.sub(r"\s+#.*|^#.*", "", line).strip()
        if not line:
            continue
        declared = [d for d in NOT_RUN if re.fullmatch(d[0], line)]
        if not declared:
            run_line(place, line, environment)
        for _, reason, instead in declared:
            if instead not in tests and not os.path.exists(os.path.join(SOURCE, instead)):
                fault(place, f"{line}: is not run ({reason}), and {instead} does not exist")


def check_other(kind, place, text, environment):
    if kind == "tree":
        folder = ""
        for line in text.splitlines():
            name = re.match(r"( *)([a-z_]+/)\s", line)
            if name and not name[1]:
                folder = name[2]
            if name and not os.path.isdir(os.path.join(SOURCE, folder if not name[1] else folder + name[2])):
                fault(place, f"there is no folder {name[2]}")
    elif kind == "corpus":
        for line in text.splitlines():
            if not os.path.exists("corpus/" + line.split()[0]):
                fault(place, f"a corpus has no {line.split()[0]}")
    elif kind == "answer":
        promised = set(json.loads(text.replace("…", "")))
        line = subprocess.run(["anyecg-infer", "anomaly", "-q", "--checkpoint", "run/anomaly", "recordings/A0001.hea"],
                              env=environment, capture_output=True, text=True).stdout
        if not line or set(json.loads(line)) != promised:
            fault(place, f"fields of an answer: {sorted(promised)}, in truth {line[:300]}")
    elif kind == "label table":
        with open("ward-labels.csv", "w") as table:
            table.write(text.replace("A0001", "sim00000").replace("A0002", "sim00001"))
        done = subprocess.run(["bash", "-c", "anyecg-pack synth -q -n 2 --seconds 4 --wfdb 'ward 7' && anyecg-pack build -q "
                               "--labels ward-labels.csv -o labelled 'ward 7' && anyecg-pack info labelled"], env=environment,
                              capture_output=True, text=True)
        if not re.search(r"^AF +1 +1 +0 ", done.stdout, re.M):
            fault(place, f"the table does not label one of two records with AF: {(done.stdout + done.stderr)[-1500:]}")
    elif kind == "recipe":
        named = re.findall(r"`([a-z-]+\.(?:yaml|csv))`:\n\n```[a-z]+\n" + re.escape(text[:20]), read(place.split(":")[0]))
        if not named or f'"{named[0]}"' not in read("tests/unit/test_recipes.c"):
            fault(place, f"tests/unit/test_recipes.c does not run this block ({named})")
    elif kind == "profile":
        done = subprocess.run(["bash", "-c", "anyecg-train tokenizer -c configs/tiny.yaml --corpus corpus --out run/profile "
                               "--profile --max-steps 2 " + SMALL["tokenizer"]], env=environment, capture_output=True,
                              text=True)
        printed = [line.split() for line in (done.stdout + done.stderr).splitlines()]
        for heading in (line for line in text.splitlines() if line.startswith("phase ")):
            if heading.split() not in printed:
                fault(place, f"--profile prints no line '{heading}': {(done.stdout + done.stderr)[-1500:]}")
    elif kind == "description":
        os.makedirs("table")
        open("table/recordings.yaml", "w").write(text)
        with open("table/one.csv", "w") as table:
            for t in range(5000):
                table.write(",".join(f"{math.sin(t / 80) ** 9 * (lead - 5.5):.4f}" for lead in range(12)) + "\n")
        run_line(place, "anyecg-pack build -q -o described table", environment)
    elif kind == "own recipe":
        open("own.yaml", "w").write(text)
        run_line(place, "anyecg-pack build -q -c own.yaml -o by_own_recipe recordings", environment)
    elif kind == "python":
        done = subprocess.run([sys.executable, "-c", text + "\nprint(microvolts.shape)"], capture_output=True, text=True)
        if "No module named" in done.stderr:
            print(f"SKIP: {place}: {done.stderr.splitlines()[-1]}")
        elif done.returncode != 0 or not done.stdout.endswith(", 300)\n"):
            fault(place, f"python: {done.stdout}{done.stderr[-500:]}")


def main():
    known, tests, keys = helps(), test_names(), leaves(read("configs/defaults.yaml"))
    environment = dict(os.environ, PATH=BUILD + ":" + os.environ["PATH"], OMPI_ALLOW_RUN_AS_ROOT="1",
                       OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    check_config_keys(keys)
    ran = 0
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        make_data(environment)
        for document in DOCUMENTS:
            check_spans(document, known, keys, tests)
            for line, language, text in blocks_of(document):
                place = f"{document}:{line}"
                kind = next((k for p, k in OTHER_BLOCKS.items() if re.match(p, text)), None)
                ran += 1
                if kind:
                    check_other(kind, place, text, environment)
                elif language in ("", "sh", "bash"):
                    check_command(place, text, known) if "\n" not in text else None
                    run_block(place, text, environment, tests)
                else:
                    fault(place, f"a block of {language} that OTHER_BLOCKS does not know")
        os.chdir("/")
    print(f"{ran} blocks in {len(DOCUMENTS)} documents, {len(keys)} keys")
    for message in faults:
        print("FAILED:", message)
    if ran < 8 or len(keys) < 60:
        faults.append("hardly anything was found: the documents changed their form")
    return 1 if faults else 0


sys.exit(main())
