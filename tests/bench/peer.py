#!/usr/bin/python3
"""The steps of bench_model in PyTorch: the networks of tests/oracle/twin_model.py, the same shapes, the same orders.

    peer.py SHAPES LEADS SECONDS [--attention dense|baddbmm|sparse]
        [--convolution product|native|onednn] [--foreach] [--aten avx2|avx512] [--threads N] [--ranks N]

SHAPES is the first line of bench_model. After a first step (not counted) it prints a line of JSON and obeys stdin: "steps N"
takes N steps and prints their seconds; at the end of stdin it prints its peak memory. A loss that is not finite ends it.
Ranks are processes under DistributedDataParallel over gloo; each moves its codebook by its own statistics (less work than
the C program, which sums them).

Attention, the same function each: dense scores with a mask (as in the twin), the same with the mask inside the product
(baddbmm), or two products, by lead and by neighbouring seconds, under one softmax (sparse). One lead needs no mask.
Convolution: as a matrix product of unfolded patches, PyTorch's own, or oneDNN's (PyTorch's default; in version 1.13 its
backward pass now and then gives gradients that are not finite, which ends the peer).
"""
import argparse
import json
import math
import os
import pathlib
import resource
import sys
import time
from types import SimpleNamespace

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("shapes", type=json.loads)
parser.add_argument("leads", type=int)
parser.add_argument("seconds", type=int)
parser.add_argument("--attention", choices=("dense", "baddbmm", "sparse"), default="dense")
parser.add_argument("--convolution", choices=("product", "native", "onednn"), default="product")
parser.add_argument("--aten", choices=("avx2", "avx512"), help="instructions of PyTorch's own kernels")
parser.add_argument("--foreach", action="store_true", help="AdamW over all tensors at once")
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--ranks", type=int, default=1)
options = parser.parse_args()
# Read by the libraries when they are loaded. Sites preset old OpenBLAS kernels; without the variable it chooses the best.
os.environ.pop("OPENBLAS_CORETYPE", None)
if options.aten:
    os.environ["ATEN_CPU_CAPABILITY"] = options.aten
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(options.threads)
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "oracle"))
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
import twin_model  # noqa: E402


def baddbmm_attend(q, k, v, mask):
    flat = [x.flatten(0, 1) for x in (q, k, v)]
    scores = torch.baddbmm(mask.expand(flat[0].shape[0], -1, -1), flat[0], flat[1].transpose(1, 2), alpha=q.shape[-1] ** -0.5)
    return torch.bmm(scores.softmax(-1), flat[2]).view_as(q)


def unmasked_attend(q, k, v, mask):
    return ((q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)).softmax(-1) @ v


def product_convolution(self, x):
    """[T, in, n] -> [T, out, positions]; weight [out, taps(, in)]."""
    weight = self.weight.unsqueeze(2) if self.weight.dim() == 2 else self.weight
    windows = F.pad(x, (self.padding, self.padding)).unfold(2, weight.shape[1], self.stride)  # [T, in, positions, taps]
    return F.linear(windows.permute(0, 2, 3, 1).flatten(2), weight.flatten(1), self.bias).transpose(1, 2)


class SparseAttend:
    """Tokens of the same lead, and those of other leads at most `tolerance` seconds away."""

    def __init__(self, leads, seconds, tolerance):
        self.leads, self.seconds, self.tolerance = leads, seconds, tolerance
        near = 2 * tolerance + 1
        second = torch.arange(seconds)[:, None] + torch.arange(-tolerance, tolerance + 1)
        outside = ((second < 0) | (second >= seconds))[:, None, :, None].expand(-1, leads, -1, leads)
        own = torch.eye(leads, dtype=torch.bool)[None, :, None, :].expand(seconds, -1, near, -1)
        self.mask = torch.zeros(seconds, leads, near * leads).masked_fill((outside | own).flatten(2), -math.inf)

    def neighbours(self, x):
        """[B, h, S, L, D] -> [B, h, S, (2 w + 1) L, D]"""
        padded = F.pad(x, (0, 0, 0, 0, self.tolerance, self.tolerance))
        return torch.cat([padded[:, :, i:i + self.seconds] for i in range(2 * self.tolerance + 1)], 3)

    def __call__(self, q, k, v, mask):
        grid = [x.unflatten(2, (self.seconds, self.leads)) for x in (q * q.shape[-1] ** -0.5, k, v)]
        by_lead = [x.transpose(2, 3) for x in grid]
        same = by_lead[0] @ by_lead[1].transpose(-1, -2)
        near = grid[0] @ self.neighbours(grid[1]).transpose(-1, -2) + self.mask
        p = torch.cat([same.transpose(2, 3), near], -1).softmax(-1)
        p_same, p_near = p.split([self.seconds, near.shape[-1]], -1)
        out = (p_same.transpose(2, 3) @ by_lead[2]).transpose(2, 3) + p_near @ self.neighbours(grid[2])
        return out.flatten(2, 3)


def namespace(table):
    return SimpleNamespace(**{key: namespace(value) if isinstance(value, dict) else value for key, value in table.items()})


class Network(torch.nn.Module):
    """forward() is the loss of a micro-batch, so that DistributedDataParallel can wrap it."""

    def __init__(self, task, shapes, spans):
        super().__init__()
        trunk, self.task, self.spans = shapes.trunk, task, spans
        shapes.tokenizer.quantize, shapes.tokenizer.codebook_update = True, "ema"
        self.layout = twin_model.Layout(spans, trunk.tolerance)
        self.patches = torch.randn(self.layout.tokens, 300) * 0.1 + 0.5 * torch.sin(torch.arange(300) * 0.05)
        self.age, self.sex = 40.0 + torch.arange(len(spans)), torch.arange(len(spans)) % 2
        self.frozen, self.drop_path, self.layers = [], shapes.drop_path, trunk.layers
        if task == "tokenizer":
            self.model = twin_model.Tokenizer(shapes.tokenizer)
        elif task == "pretrain":
            frozen = twin_model.Tokenizer(shapes.tokenizer)
            for name in ("morphology", "frequency", "demography"):
                delattr(frozen.tokenizer, name)
            self.frozen.append(frozen)  # in a list, so that it is no part of what is trained
            self.model = twin_model.Pretrain(SimpleNamespace(trunk=trunk, codes=shapes.tokenizer.codes))
        else:
            head = SimpleNamespace(task="anomaly", outputs=1)
            self.model = twin_model.Finetune(SimpleNamespace(trunk=trunk), head)
            self.model.backbone.mask.requires_grad_(False)  # nothing is hidden in this task

    def drop_factors(self):
        rates = self.drop_path * torch.arange(self.layers).repeat_interleave(2) / max(self.layers - 1, 1)
        kept = (torch.rand(2 * self.layers, len(self.spans)) >= rates[:, None]) / (1 - rates[:, None])
        return kept[:, self.layout.span][:, :, None]

    def forward(self):
        if self.task == "tokenizer":
            self.out = self.model(self.patches, self.layout)
            return self.model.losses(self.out, self.patches, self.layout, self.age, self.sex)["total"]
        if self.task == "pretrain":
            codes = self.frozen[0].encode(self.patches, self.layout)
            hidden = torch.zeros(self.layout.tokens, dtype=torch.bool)
            for first, size in zip(self.layout.first, self.layout.sizes):
                hidden[first + torch.randperm(size)[:size - size // 2]] = True
            return self.model.loss(self.patches, self.layout, codes, hidden)
        if self.task == "infer":
            return self.model(self.patches, self.layout).sum()
        logits = self.model(self.patches, self.layout, factors=self.drop_factors() if self.drop_path > 0 else None)
        return twin_model.label_loss(logits, self.sex[:, None])


class Steps:
    def __init__(self, rank):
        shapes = namespace(options.shapes)
        torch.manual_seed(1 + rank)
        spans = [twin_model.Span(tuple(range(options.leads)), options.seconds, 0)] * shapes.spans
        if options.leads == 1:
            twin_model.attend = unmasked_attend
        elif options.attention == "baddbmm":
            twin_model.attend = baddbmm_attend
        elif options.attention == "sparse":
            twin_model.attend = SparseAttend(options.leads, options.seconds, shapes.trunk.tolerance)
        if options.convolution == "product":
            twin_model.Convolution.forward = product_convolution
        self.network, self.shapes = Network(shapes.task, shapes, spans), shapes
        self.parallel = self.network
        if options.ranks > 1:
            self.parallel = torch.nn.parallel.DistributedDataParallel(self.network, gradient_as_bucket_view=True)
        if shapes.task == "infer":
            return
        settings = shapes.optimiser
        self.trained = [p for p in self.network.parameters() if p.requires_grad]
        groups = [{"params": [p for p in self.trained if p.dim() >= 2], "weight_decay": settings.weight_decay},
                  {"params": [p for p in self.trained if p.dim() < 2], "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, settings.rate, (settings.beta1, settings.beta2), settings.epsilon,
                                           foreach=options.foreach)

    def micro_batch(self, is_last):
        if self.shapes.task == "infer":
            with torch.no_grad():
                return self.network()
        if options.ranks > 1 and not is_last:
            with self.parallel.no_sync():
                loss = self.parallel() / self.shapes.micro_batches
                loss.backward()
        else:
            loss = self.parallel() / self.shapes.micro_batches
            loss.backward()
        return loss

    def take(self):
        began = time.perf_counter()
        loss = sum(self.micro_batch(i + 1 == self.shapes.micro_batches).detach() for i in range(self.shapes.micro_batches))
        norm = torch.zeros(())
        if self.shapes.task != "infer":
            norm = torch.nn.utils.clip_grad_norm_(self.trained, self.shapes.optimiser.clip or math.inf)
            self.optimiser.step()
            self.optimiser.zero_grad(set_to_none=True)
            if self.shapes.task == "tokenizer":
                self.network.model.update_codebook(self.network.out)
        seconds = time.perf_counter() - began
        if not (math.isfinite(loss) and math.isfinite(norm)):
            sys.exit(f"peer.py: loss {loss}, gradient norm {norm}: not finite")
        return seconds


def say(rank, **table):
    if rank == 0:
        print(json.dumps(table), flush=True)


def next_order(rank):
    """Number of steps; 0: end."""
    line = sys.stdin.readline().split() if rank == 0 else []
    order = torch.tensor([int(line[1]) if len(line) == 2 and line[0] == "steps" else 0])
    if options.ranks > 1:
        torch.distributed.broadcast(order, 0)
    return int(order)


def main(rank):
    torch.set_num_threads(options.threads)
    torch._C._set_mkldnn_enabled(options.convolution == "onednn")
    if options.ranks > 1:
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[rank % len(os.sched_getaffinity(0))]})
        torch.distributed.init_process_group("gloo", rank=rank, world_size=options.ranks)
    steps = Steps(rank)
    steps.take()
    blas = torch.__config__.show().split("CPU capability usage: ")[-1].split("\n")[0]
    say(rank, torch=torch.__version__, kernels=blas, parameters=sum(p.numel() for p in steps.network.parameters()))
    while order := next_order(rank):
        say(rank, seconds=[steps.take() for _ in range(order)])
    say(rank, peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)


if __name__ == "__main__":
    if options.ranks == 1:
        main(0)
    else:
        import socket
        import subprocess
        rank = int(os.environ.get("PEER_RANK", "0"))
        if rank == 0:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"] = "127.0.0.1", str(free.getsockname()[1])
            others = [subprocess.Popen([sys.executable, *sys.argv], stdin=subprocess.DEVNULL,
                                       env={**os.environ, "PEER_RANK": str(r)}) for r in range(1, options.ranks)]
        main(rank)
        if rank == 0:
            for other in others:
                other.wait()
