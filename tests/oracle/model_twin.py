"""anyecg-train against a twin in PyTorch that was written from docs/MODEL.md: start values, codes, outputs, losses, all
gradients, ten optimiser steps; for stage 1 (both codebooks), stage 2 (all masks) and the four tasks.

model_twin.py ANYECG_PACK MODEL_DUMP FOLDER_OF_PROTO WORK [CASE...]
Recordings of 1 to 12 leads and many lengths: real ones out of ECG_DATA_DIR, simulated ones where that is not set.

The trainer runs in float, the twin in double, so what differs is the trainer's rounding. Limits, relative (2-norm):
outputs 1e-4, the gradient of every tensor 3e-5, losses 1e-5, weights after ten steps 1e-3 of their change. Where a code
differs both codewords must be equally near (similarity within 1e-5); such ties are counted. The gradient of
k_norm.shift is zero by the model (softmax does not see what all keys share): there, 3e-5 of the gradient of
k_norm.scale is asked, and the weights, which rounding moves, are not compared.
"""
import glob
import json
import math
import os
import shutil
import subprocess
import sys

try:
    import numpy
    import torch
    import google.protobuf  # noqa: F401
except ImportError as missing:
    print(f"SKIP: {missing} (Debian: python3-torch python3-protobuf)")
    sys.exit(77)
if not shutil.which("protoc"):
    print("SKIP: protoc is not installed (Debian: protobuf-compiler)")
    sys.exit(77)

import twin_checkpoint
import twin_model
import twin_random
from twin_model import Layout, Span

FIRST, LAST, TOTAL, WARMUP = 5, 15, 40, 4  # steps compared: FIRST to LAST of a schedule of TOTAL
OUTPUT_LIMIT, GRADIENT_LIMIT, LOSS_LIMIT, WEIGHT_LIMIT, TIE_LIMIT, START_LIMIT = 1e-4, 3e-5, 1e-5, 1e-3, 1e-5, 1e-6
SEED, DROP_PATH, LAYER_DECAY = 7, 0.1, 0.65
PEAK, LEAST = 1e-3, 1e-4
OPTIMISER = {"tokenizer": (0.9, 0.99, 1e-4, 1.0), "pretrain": (0.9, 0.98, 0.05, 3.0),
             "finetune": (0.9, 0.999, 0.05, 1.0)}  # beta1, beta2, decay, clip

SETTINGS = f"""
seed: {SEED}
data: {{window_seconds: 10}}
checkpoint: {{every_steps: 0, keep: 9}}
validation: {{every_steps: 0}}
log: {{every_steps: 1}}
""" + "".join(f"""
{stage}:
  steps: {TOTAL}
  warmup: {WARMUP / TOTAL}
  batch: {{tokens: 640, micro_batches: 2}}
  optimiser: {{learning_rate: {PEAK}, least_learning_rate: {LEAST}, beta1: {b1}, beta2: {b2}, epsilon: 1e-8,
              weight_decay: {decay}, clip: {clip}, layer_decay: {LAYER_DECAY if stage == "finetune" else 1.0}}}
""" + more for (stage, (b1, b2, decay, clip)), more in zip(OPTIMISER.items(), ("""
  restart_unused: false
  baseline_patches: 0
  model: {layers: 2, width: 64, heads: 2, channels: 8, codes: 64, code_dimension: 16, ema_decay: 0.9, commitment: 0.5,
          demography_weight: 0.7, morphology_blocks: 1, frequency_blocks: 2, demography_blocks: 1}
""", """
  model: {layers: 3, width: 64, heads: 4, mlp: 192, channels: 12, tolerance: 2, layer_scale: 0.2}
""", f"""
  drop_path: {DROP_PATH}
  balance: true
  longecg: {{window_seconds: 6, max_windows: 12, chunk_tokens: 90, second_width: 32, second_layers: 2, second_heads: 2}}
""")))

failures = []


def check(claim, text):
    if not claim:
        failures.append(text)
        print(f"  FAILED: {text}")


def distance(a, b):
    """|a - b| / |b|; 0 where both are zero."""
    a, b = (numpy.asarray(x, float).reshape(-1) for x in (a, b))
    gap, size = numpy.linalg.norm(a - b), numpy.linalg.norm(b)
    return float(gap / size) if size else math.inf if gap else 0.0


def tensor(array):
    return torch.from_numpy(array.astype("i8" if array.dtype == "u4" else array.dtype))  # a copy; PyTorch knows no u4


# --- what the program wrote -------------------------------------------------------------------------------------------

class Step:
    """The micro-batches of a step as one batch: their contributions must add up to it."""

    def __init__(self, folder, tolerance):
        self.arrays, self.tolerance = {}, tolerance
        for path in sorted(glob.glob(f"{folder}/*.npy"), key=lambda p: int(os.path.basename(p).split(".")[0])):
            name = os.path.basename(path).split(".", 1)[1][:-len(".npy")]
            self.arrays.setdefault(name, []).append(numpy.load(path))

    def take(self, halves=1, half=0):
        """Layout of all spans; for stage 2 each micro-batch comes twice."""
        rows, leads = (numpy.concatenate(self.arrays[name][half::halves]) for name in ("spans", "leads"))
        self.keys = [int(row[5]) for row in rows]
        self.first_seconds = torch.tensor([float(row[4]) for row in rows], dtype=torch.float64)
        self.windows_of = []
        for part in self.arrays["spans"][half::halves]:
            records = [int(row[3]) for row in part]
            for i, record in enumerate(records):
                if i > 0 and record == records[i - 1]:
                    self.windows_of[-1] += 1
                else:
                    self.windows_of.append(1)
        self.patches = self("patches", halves, half).double()
        return Layout([Span(tuple(lead[:int(row[0])].tolist()), int(row[1]), int(row[2]))
                       for row, lead in zip(rows, leads)], self.tolerance)

    def __call__(self, name, halves=1, half=0):
        return tensor(numpy.concatenate(self.arrays[name][half::halves]))


def compare_outputs(step, pairs):
    for name, made, there in pairs:
        check(made.shape == there.shape, f"{name}: shapes {tuple(made.shape)} and {tuple(there.shape)}")
        far = distance(there, made.detach())
        check(far < OUTPUT_LIMIT, f"{name}: the outputs differ by {far:.2g}")


# --- one step of the twin: losses; outputs are compared in the first one ----------------------------------------------

def settle_codes(model, projected, there):
    """The program's codes, after every difference has been shown to be a tie. Returns (codes, ties)."""
    similarity = projected.detach() @ model.words().detach().T
    own, rows = similarity.argmax(1), torch.arange(len(there))
    gap = similarity[rows, own] - similarity[rows, there]
    ties = int((own != there).sum())
    check(float(gap.max()) < TIE_LIMIT, f"codes: {int((gap >= TIE_LIMIT).sum())} of {len(there)} are not the nearest")
    return there, ties


def tokenizer_step(model, step, is_first, _):
    layout, there = step.take(), step("codes").long().reshape(-1)
    out = model(step.patches, layout, there if model.config.quantize else None)
    ties = settle_codes(model, out["projected"], there)[1] if model.config.quantize else 0
    targets = model.targets(step.patches, layout)
    terms = model.losses(out, step.patches, layout, step("age").double().reshape(-1), step("sex").reshape(-1).long(),
                         targets)
    if is_first:
        compare_outputs(step, [(name, out[name], step(name))
                               for name in ("projected", "morphology", "frequency", "demography")])
        compare_outputs(step, [("waveform_target", targets[0], step("waveform_target")),
                               ("wavelet_target", targets[1], step("wavelet_target"))])
    out["codes"] = there
    return {"loss" if name == "total" else name: value for name, value in terms.items()}, out, ties


def pretrain_step(model, step, is_first, case):
    layout, there = step.take(2), step("codes", 2).long().reshape(-1)
    tokenizer_layout = Layout(layout.spans, case.tokenizer.config.encoder.tolerance)
    ties = settle_codes(case.tokenizer, case.tokenizer.project(step.patches, tokenizer_layout), there)[1]
    hidden = torch.cat([tensor(twin_random.hidden_tokens(len(span.leads), span.seconds, case.mask, SEED, case.now, key))
                        for span, key in zip(layout.spans, step.keys)])
    check(torch.equal(hidden, step("masked", 2).reshape(-1) == 1), "mask: other tokens are hidden")
    embedded = model.backbone.patch_encoder(step.patches)
    logits = [model.logits(embedded, layout, half) for half in (hidden, ~hidden)]
    if is_first:
        compare_outputs(step, [(f"logits of half {i + 1}", logits[i], step("logits", 2, i)) for i in range(2)])
    loss = model.loss(step.patches, layout, there, hidden)
    hits = sum((logits[i].argmax(1) == there[half]).sum() for i, half in enumerate((hidden, ~hidden)))
    return {"loss": loss, "accuracy": hits / layout.tokens}, None, ties


def gradients_of(loss, model):
    """Of what learns; zero where the loss does not depend on it (the mask vector in label tasks)."""
    learning = {name: p for name, p in model.named_parameters() if p.requires_grad}
    gradients = torch.autograd.grad(loss, list(learning.values()), allow_unused=True)
    check(all(g is None or torch.isfinite(g).all() for g in gradients), "not finite in the twin")
    return {name: torch.zeros_like(p) if g is None else g for (name, p), g in zip(learning.items(), gradients)}


def drop_factors(layout, step, layers, now):
    """[2 * layers, T, 1]"""
    rows = numpy.stack([twin_random.drop_path(layers, DROP_PATH, SEED, now, key) for key in step.keys], 1)
    return tensor(rows).repeat_interleave(torch.tensor(layout.sizes), 1).unsqueeze(2)


def finetune_step(model, step, is_first, case):
    layout = step.take()
    factors = drop_factors(layout, step, len(model.backbone.block), case.now)
    if case.task == "longecg":
        seconds, records = model(step.patches, layout, step.first_seconds, step.windows_of, factors)
        if is_first:
            check(max(step.windows_of) > 1, "longecg: no recording has several windows")
            compare_outputs(step, [("second logits", seconds, step("second_logits")),
                                   ("record logits", records, step("record_logits"))])
        return {"loss": twin_model.label_loss(seconds, step("second_labels")) +
                twin_model.label_loss(records, step("record_labels"))}, None, 0
    if case.task == "leadgen":
        corrupted = torch.cat([
            tensor(numpy.tile(twin_random.corrupted_leads(len(span.leads), SEED, case.now, key), span.seconds))
            for span, key in zip(layout.spans, step.keys)])
        check(torch.equal(corrupted, step("corrupted").reshape(-1) == 1), "leadgen: other leads are corrupted")
        made = model(step.patches, layout, corrupted, factors)
        if is_first:
            compare_outputs(step, [("made leads", made, step("generated")[corrupted])])
        return {"loss": twin_model.lead_loss(made, step.patches, layout, corrupted)}, None, 0
    logits = model(step.patches, layout, None, factors)
    if is_first:
        compare_outputs(step, [("logits", logits, step("logits"))])
    return {"loss": twin_model.label_loss(logits, step("labels"), step("positive_weight")[0].double())}, None, 0


# --- optimiser --------------------------------------------------------------------------------------------------------

def decays(name, shape):
    return len(shape) > 1 and name.split(".")[-1] not in ("time_table", "lead_table", "codebook")


def layer(name, layers):
    parts = name.split(".")
    if parts[0] != "backbone" or parts[1] == "norm":
        return layers + 1
    return int(parts[2]) + 1 if parts[1] == "block" else 0


def rate_at(step):
    if step < WARMUP:
        return PEAK * step / WARMUP
    return LEAST + (PEAK - LEAST) * (1 + math.cos(math.pi * (step - WARMUP) / (TOTAL - WARMUP))) / 2


class AdamW:
    def __init__(self, model, tensors, stage, layers):
        self.weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.moments = {name: [tensor(tensors[f"moment{i}.{name}"]).double() for i in (1, 2)] for name in self.weights}
        self.stage, self.layers = stage, layers

    @torch.no_grad()
    def step(self, gradients, at):
        """at: steps done before. Returns the norm of the gradients."""
        beta1, beta2, decay, clip = OPTIMISER[self.stage]
        norm = math.sqrt(sum(float(g.square().sum()) for g in gradients.values()))
        scale = min(1, clip / norm)
        for name, w in self.weights.items():
            m, v = self.moments[name]
            g = gradients[name] * scale
            m.mul_(beta1).add_(g, alpha=1 - beta1)
            v.mul_(beta2).add_(g.square(), alpha=1 - beta2)
            rate = rate_at(at)
            if self.stage == "finetune":
                rate *= LAYER_DECAY ** (self.layers + 1 - layer(name, self.layers))
            if decays(name, w.shape):
                w.mul_(1 - rate * decay)
            w.sub_(rate * (m / (1 - beta1 ** (at + 1))) / ((v / (1 - beta2 ** (at + 1))).sqrt() + 1e-8))
        return norm


# --- cases ------------------------------------------------------------------------------------------------------------

class Case:
    def __init__(self, name, words, settings=(), mask="random", parent=None):
        self.name, self.words, self.settings, self.mask, self.parent = name, words, settings, mask, parent
        self.stage, self.task = words[0], words[1] if len(words) > 1 else ""


class Bench:
    """Runs cases in a folder."""

    def __init__(self, dump_program, pb, corpus, work):
        self.program, self.pb, self.corpus, self.work = dump_program, pb, corpus, work
        with open(f"{work}/twin.yaml", "w") as file:
            file.write(SETTINGS)

    def train(self, case, dumps, *more):
        os.makedirs(f"{self.work}/{case.name}.{dumps}", exist_ok=True)
        parent = {"pretrain": "--tokenizer", "finetune": "--init"}.get(case.stage)
        command = [self.program, *case.words, "-q", "-c", f"{self.work}/twin.yaml", "--corpus", self.corpus, "--out",
                   f"{self.work}/{case.name}", *(f"--set={s}" for s in case.settings),
                   *([parent, f"{self.work}/{case.parent}"] if parent else []), *more]
        done = subprocess.run(command, env={**os.environ, "ANYECG_DUMP": f"{self.work}/{case.name}.{dumps}"},
                              capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")
        folder = twin_checkpoint.newest(f"{self.work}/{case.name}")
        return folder, *twin_checkpoint.load(folder, self.pb)

    def model(self, case, message, tensors, folder):
        if case.stage == "tokenizer":
            model = twin_model.Tokenizer(message.tokenizer)
        elif case.stage == "pretrain":
            model = twin_model.Pretrain(message.backbone)
            case.tokenizer = twin_model.Tokenizer(message.tokenizer)
            twin_checkpoint.fill(case.tokenizer, tensors, folder)
            case.tokenizer.double()
        else:
            kind = twin_model.LongEcg if case.task == "longecg" else twin_model.Finetune
            model = kind(message.backbone, message.head)
        twin_checkpoint.fill(model, tensors, folder)
        return model.double()

    def check_start(self, case, model, message):
        """Weights before the first step: drawn from seed and name, or the parent's. The codebook's start is k-means."""
        scale = (message.tokenizer.encoder if case.stage == "tokenizer" else message.backbone.trunk).layer_scale
        inherited = {}
        if case.stage == "finetune":
            inherited = twin_checkpoint.load(twin_checkpoint.newest(f"{self.work}/{case.parent}"), self.pb)[1]
        for name, weight in model.named_parameters():
            if name.endswith("codebook"):
                continue
            path = glob.glob(f"{self.work}/{case.name}.start/0/*.weights.{name}.npy")[0]
            there = numpy.load(path).reshape(weight.shape)
            wanted = inherited[name] if name.startswith("backbone.") and inherited else \
                twin_random.start_values(name, tuple(weight.shape), SEED, scale)
            far = distance(there, wanted)
            check(far < START_LIMIT, f"{name}: other start values, by {far:.2g}")

    def check_gradients(self, step, model, gradients):
        worst = (0.0, "")
        for name, weight in model.named_parameters():
            there = step.arrays[f"gradient.{name}"][0].reshape(-1)
            if not weight.requires_grad:
                check(not there.any(), f"{name}: has a gradient though nothing learns it")
                continue
            if name.endswith("k_norm.shift"):
                beside = step.arrays[f"gradient.{name[:-5]}scale"][0]
                check(numpy.linalg.norm(there) < GRADIENT_LIMIT * numpy.linalg.norm(beside),
                      f"{name}: gradient not zero")
                continue
            far = distance(there, gradients[name])
            worst = max(worst, (far, name))
            check(far < GRADIENT_LIMIT, f"{name}: the gradients differ by {far:.2g}")
        return worst

    def check_weights(self, model, before, after):
        worst = (0.0, "")
        for name, weight in model.named_parameters():
            if name.endswith("k_norm.shift"):
                continue
            start, there = before[name].astype(float), after[name].astype(float)
            far = distance(weight.detach().numpy().astype(float) - start, there - start)
            worst = max(worst, (far, name))
            check(far < WEIGHT_LIMIT, f"{name}: weights differ by {far:.2g} of their change in ten steps")
        return worst

    def run(self, case):
        folder, message, before = self.train(case, "start", "--max-steps", str(FIRST))
        model = self.model(case, message, before, folder)
        own = dict(model.named_parameters())
        check(all(t.decays == decays(t.name, t.shape) for t in message.tensors if t.name in own),
              "other tensors decay")
        self.check_start(case, model, message)
        _, message, after = self.train(case, "dump", "--resume", "--max-steps", str(LAST))
        trunk = message.tokenizer.encoder if case.stage == "tokenizer" else message.backbone.trunk
        optimiser = AdamW(model, before, case.stage, trunk.layers)
        with open(f"{self.work}/{case.name}/metrics.jsonl") as file:
            lines = {line["step"]: line for line in map(json.loads, file)}
        run_step = {"tokenizer": tokenizer_step, "pretrain": pretrain_step, "finetune": finetune_step}[case.stage]
        ties = tokens = worst_loss = 0
        for case.now in range(FIRST, LAST):
            step = Step(f"{self.work}/{case.name}.dump/{case.now - FIRST}", trunk.tolerance)
            is_first = case.now == FIRST
            terms, out, tied = run_step(model, step, is_first, case)
            gradients = gradients_of(terms["loss"], model)
            if is_first:
                gradient = self.check_gradients(step, model, gradients)
            norm = optimiser.step(gradients, case.now)
            for name, value in {**terms, "gradient_norm": norm, "lr": rate_at(case.now)}.items():
                there = lines[case.now + 1][name]
                far = abs(float(value) - there) / max(abs(there), 1e-9)
                worst_loss = max(worst_loss, far)
                check(far < LOSS_LIMIT, f"step {case.now + 1}: {name} {there}, in the twin {float(value)}")
            if case.stage == "tokenizer":
                model.update_codebook(out)
            ties, tokens = ties + tied, tokens + len(step.patches)
        weights = self.check_weights(model, before, after)
        print(f"{case.name}: {tokens} tokens, {ties} ties of codes, {len(own)} tensors; worst: gradient "
              f"{gradient[0]:.1e} ({gradient[1]}), loss {worst_loss:.1e}, weights {weights[0]:.1e} of their change "
              f"({weights[1]})", flush=True)
        for path in glob.glob(f"{self.work}/{case.name}.*"):
            shutil.rmtree(path)


def check_refusals(bench, run_folder):
    """Checkpoints of another version or of an unknown configuration are refused with a message, and so are tensors
    that do not fit."""
    folder = twin_checkpoint.newest(run_folder)
    with open(f"{folder}/checkpoint.pb", "rb") as file:
        content = file.read()

    def another_version(message):
        message.format_version = 2

    def another_codebook(message):
        message.tokenizer.codebook_update = "gumbel"

    def a_field_of_the_future(message):
        message.tokenizer.encoder.MergeFromString(b"\xfa\x07\x01x")  # field 127, bytes "x"

    def another_patch(message):
        message.tokenizer.encoder.patch_samples = 250

    def another_name(message):
        message.tensors[0].name = "tokenizer.encoder.patch_encoder.kernel"

    def another_shape(message):
        message.tokenizer.codes += 1

    broken = f"{bench.work}/broken"
    shutil.copytree(folder, broken)
    for change, word in ((another_version, "format_version"), (another_codebook, "codebook_update"),
                         (a_field_of_the_future, "unknown fields"), (another_patch, "patch_samples"),
                         (another_name, "patch_encoder.kernel"), (another_shape, "codebook")):
        message = bench.pb.Checkpoint.FromString(content)
        change(message)
        with open(f"{broken}/checkpoint.pb", "wb") as file:
            file.write(message.SerializeToString())
        try:
            bench.model(Case("broken", ["tokenizer"]), *twin_checkpoint.load(broken, bench.pb), broken)
            check(False, f"a checkpoint with {change.__name__} was taken")
        except twin_checkpoint.Refused as refusal:
            check(word in str(refusal) and broken in str(refusal), f"{change.__name__}: the message is '{refusal}'")


def make_corpus(pack, work):
    data, corpus = os.environ.get("ECG_DATA_DIR"), f"{work}/corpus"
    if data:
        inputs = [f"{data}/{part}" for part in ("cinc2021/georgia", "cinc2021-leads", "cinc2017", "mitdb-excerpt")]
        labels = ["--labels", f"{data}/labels_anomaly.csv"]
    else:
        labels, inputs = [], [f"{work}/wfdb"]
        for leads, seconds, number in ((12, 10, 40), (6, 17, 20), (3, 8, 16), (2, 40, 16), (1, 25, 16)):
            subprocess.run([pack, "synth", "-q", "-n", str(number), "--leads", str(leads), "--seconds", str(seconds),
                            "--seed", str(leads), "--wfdb", f"{work}/wfdb/{leads}"], check=True)
    subprocess.run([pack, "build", "-q", *labels, "-o", corpus, *inputs], check=True, stderr=subprocess.DEVNULL)
    print("recordings:", "real" if data else "simulated (ECG_DATA_DIR is not set)")
    return corpus


CASES = [Case("tokenizer", ["tokenizer"]),
         Case("tokenizer-loss", ["tokenizer"], ["tokenizer.model.codebook_update=loss"]),
         Case("tokenizer-plain", ["tokenizer"], ["tokenizer.model.quantize=false"]),
         *(Case(f"pretrain-{mask}", ["pretrain"], [f"pretrain.mask={mask}"], mask, "tokenizer")
           for mask in ("random", "lead", "second")),
         *(Case(task, ["finetune", task], parent="pretrain-random") for task in twin_checkpoint.TASKS[1:])]


def main(pack, dump_program, proto_folder, work, *only):
    """only: names of cases; those they start from run too."""
    parents = {case.parent for case in CASES if case.name in only} | {"tokenizer"}
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    pb = twin_checkpoint.messages(proto_folder)
    bench = Bench(dump_program, pb, make_corpus(pack, work), work)
    torch.set_num_threads(1)
    with torch.backends.mkldnn.flags(enabled=False):  # its backward pass gives NaN now and then
        for case in CASES:
            if not only or case.name in only or case.name in parents:
                bench.run(case)
    check_refusals(bench, f"{work}/tokenizer")
    shutil.rmtree(work)
    print(f"{len(failures)} differences" if failures else "all equal")
    sys.exit(1 if failures else 0)


main(*sys.argv[1:])
