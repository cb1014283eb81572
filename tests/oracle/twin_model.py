"""The networks of docs/MODEL.md in PyTorch, written from that page: trunk, tokenizer, stage 2, tasks, their losses.

Parameters have the names and shapes of the checkpoint's tensors, so that a state_dict is a table of tensors. Tokens are
packed as there: spans one after another, no padding. A Layout holds what attention, tables and means need to know of
the spans; neighbouring spans of equal shape are computed together. Start values are PyTorch's, good enough to measure
speed; twin_random.py has those of the page, twin_checkpoint.py those of a checkpoint.
"""
import math
from collections import namedtuple

import torch
import torch.nn.functional as F
from torch import nn

Span = namedtuple("Span", "leads seconds first_time")  # leads: identities 0-15, in the order of the tokens
Run = namedtuple("Run", "tokens spans shape mask")  # slices of tokens and spans; shape (spans, tokens of each)

LEAST_SIGMA = 0.01  # mV
DB6 = (0.11154074335008017, 0.4946238903983854, 0.7511339080215775, 0.3152503517092432, -0.22626469396516913,
       -0.12976686756709563, 0.09750160558707936, 0.02752286553001629, -0.031582039318031156, 0.0005538422009938016,
       0.004777257511010651, -0.00107730108499558)  # scaling filter, sum sqrt(2); Daubechies 1992, table 6.1


def pair_mask(leads, seconds, tolerance, device=None):
    """0 where token i sees token j of its span (same lead, or at most `tolerance` seconds apart), else -inf."""
    second = torch.arange(seconds, device=device).repeat_interleave(leads)
    lead = torch.arange(leads, device=device).repeat(seconds)
    seen = (lead[:, None] == lead) | ((second[:, None] - second).abs() <= tolerance)
    return torch.zeros(seen.shape, device=device).masked_fill(~seen, -math.inf)


class Layout:
    """Of a packed micro-batch: spans are Span(leads, seconds, first_time)."""

    def __init__(self, spans, tolerance):
        self.spans, self.tolerance, self.runs, masks = list(spans), tolerance, [], {}
        shapes = [(len(s.leads), s.seconds) for s in self.spans]
        self.sizes = [leads * seconds for leads, seconds in shapes]
        self.tokens = sum(self.sizes)
        self.first = [sum(self.sizes[:i]) for i in range(len(self.sizes))]
        self.time = torch.cat([torch.arange(s.seconds).repeat_interleave(len(s.leads)) + s.first_time
                               for s in self.spans])
        self.lead = torch.cat([torch.as_tensor(list(s.leads)).repeat(s.seconds) for s in self.spans])
        self.span = torch.repeat_interleave(torch.arange(len(self.spans)), torch.tensor(self.sizes))
        first = token = 0
        while first < len(shapes):
            end = first
            while end < len(shapes) and shapes[end] == shapes[first]:
                end += 1
            size = self.sizes[first]
            if shapes[first] not in masks:
                masks[shapes[first]] = pair_mask(*shapes[first], tolerance)
            self.runs.append(Run(slice(token, token + (end - first) * size), slice(first, end), (end - first, size),
                                 masks[shapes[first]]))
            token += (end - first) * size
            first = end

    def per_run(self, function, x):
        """function([spans, tokens of each, ...], run) on every run of x [T, ...], joined along the first axis."""
        parts = [function(x[run.tokens].unflatten(0, run.shape), run) for run in self.runs]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def span_mean(self, x):
        """[T, W] -> [spans, W]."""
        return self.per_run(lambda part, run: part.mean(1), x)

    def standardise(self, x):
        """([T, n] standardised over each span, sigma of each token's span [T, 1]); mean square deviation."""
        def moments(part, run):
            mean = part.mean((1, 2), keepdim=True)
            sigma = (part - mean).square().mean((1, 2), keepdim=True).sqrt().clamp_min(LEAST_SIGMA)
            return torch.cat([mean, sigma], 2).expand(-1, run.shape[1], -1).flatten(0, 1)
        mean, sigma = self.per_run(moments, x).split(1, dim=1)
        return (x - mean) / sigma, sigma


def normed(x):
    return x / x.norm(dim=-1, keepdim=True).clamp_min(1e-12)


class Norm(nn.Module):
    """LayerNorm; with groups: GroupNorm of [patches, channels, positions]."""

    def __init__(self, width, groups=0):
        super().__init__()
        self.scale, self.shift, self.groups = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width)), groups

    def forward(self, x):
        if self.groups:
            return F.group_norm(x, self.groups, self.scale, self.shift, 1e-5)
        return F.layer_norm(x, x.shape[-1:], self.scale, self.shift, 1e-6)


def linear(inputs, outputs, bias=True):
    return nn.Linear(inputs, outputs, bias)


class Convolution(nn.Module):
    """Weight [out, taps] of one input channel, or [out, taps, in]."""

    def __init__(self, shape, stride, padding):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(shape)), nn.Parameter(torch.zeros(shape[0]))
        nn.init.normal_(self.weight, std=1 / math.sqrt(3 * math.prod(shape[1:])))
        self.stride, self.padding = stride, padding

    def forward(self, x):
        weight = self.weight.unsqueeze(1) if self.weight.dim() == 2 else self.weight.transpose(1, 2)
        return F.conv1d(x, weight, self.bias, self.stride, self.padding)


class PatchEncoder(nn.Module):
    """[T, 300] mV -> [T, W]."""

    def __init__(self, config):
        super().__init__()
        channels = config.channels
        self.conv1, self.norm1 = Convolution((channels, 15), 8, 7), Norm(channels, 4)
        self.conv2, self.norm2 = Convolution((channels, 3, channels), 1, 1), Norm(channels, 4)
        self.conv3, self.norm3 = Convolution((channels, 3, channels), 1, 1), Norm(channels, 4)
        self.linear = linear(38 * channels + 2, config.width)

    def forward(self, patches):
        x = F.gelu(self.norm1(self.conv1(patches.unsqueeze(1))))
        x = F.gelu(self.norm2(self.conv2(x)))
        x = F.gelu(self.norm3(self.conv3(x)))
        rms = patches.square().mean(1, keepdim=True).sqrt()
        mean = patches.mean(1, keepdim=True)
        return F.gelu(self.linear(torch.cat([x.transpose(1, 2).flatten(1), torch.log(rms + 0.001), mean], 1)))


def attend(q, k, v, mask):
    """[spans, heads, tokens, D] each -> [spans, heads, tokens, D]. Benches may put another form in its place."""
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    return torch.softmax(scores + mask, -1) @ v


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = linear(width, 3 * width, bias=False)
        self.q_norm, self.k_norm = Norm(width // heads), Norm(width // heads)
        self.projection = linear(width, width)

    def forward(self, x, layout):
        def of_run(part, run):
            q, k, v = part.unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
            return attend(self.q_norm(q), self.k_norm(k), v, run.mask).transpose(1, 2).flatten(2).flatten(0, 1)
        return self.projection(layout.per_run(of_run, self.qkv(x)))


class Mlp(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.linear1, self.linear2 = linear(width, hidden), linear(hidden, width)

    def forward(self, x):
        return self.linear2(F.gelu(self.linear1(x)))


class Block(nn.Module):
    def __init__(self, width, heads, mlp, layer_scale):
        super().__init__()
        self.norm1, self.attention = Norm(width), Attention(width, heads)
        self.norm2, self.mlp = Norm(width), Mlp(width, mlp)
        self.layer_scale1 = nn.Parameter(torch.full((width,), layer_scale))
        self.layer_scale2 = nn.Parameter(torch.full((width,), layer_scale))

    def forward(self, x, layout, factors=None):
        """factors: [2, T, 1] of drop-path."""
        first, second = (1, 1) if factors is None else factors
        x = x + first * self.layer_scale1 * self.attention(self.norm1(x), layout)
        return x + second * self.layer_scale2 * self.mlp(self.norm2(x))


class Blocks(nn.Module):
    """Blocks and final norm."""

    def __init__(self, layers, width, heads, mlp, layer_scale):
        super().__init__()
        self.block = nn.ModuleList(Block(width, heads, mlp, layer_scale) for _ in range(layers))
        self.norm = Norm(width)

    def forward(self, x, layout, factors=None):
        for i, block in enumerate(self.block):
            x = block(x, layout, None if factors is None else factors[2 * i:2 * i + 2])
        return self.norm(x)


class Stack(Blocks):
    """Tables before the blocks: what trunk and decoders have in common."""

    def __init__(self, config, layers):
        super().__init__(layers, config.width, config.heads, config.mlp, config.layer_scale)
        self.time_table = nn.Parameter(torch.empty(1024, config.width).normal_(std=0.02))
        self.lead_table = nn.Parameter(torch.empty(16, config.width).normal_(std=0.02))

    def placed(self, x, layout, factors=None):
        x = x + self.time_table[layout.time] + self.lead_table[layout.lead]
        return super().forward(x, layout, factors)


class Trunk(Stack):
    def __init__(self, config, has_mask):
        super().__init__(config, config.layers)
        self.patch_encoder = PatchEncoder(config)
        if has_mask:
            self.mask = nn.Parameter(torch.empty(config.width).normal_(std=0.02))

    def forward(self, patches, layout, hidden=None, factors=None):
        return self.from_embedding(self.patch_encoder(patches), layout, hidden, factors)

    def from_embedding(self, embedded, layout, hidden=None, factors=None):
        """hidden: [T] true where the mask vector stands instead; the same embedding serves both halves of stage 2."""
        if hidden is not None:
            embedded = torch.where(hidden[:, None], self.mask, embedded)
        return self.placed(embedded, layout, factors)


class Decoder(Stack):
    def __init__(self, config, layers, dimension, outputs, pooled):
        super().__init__(config, layers)
        self.input, self.pooled = linear(dimension, config.width), pooled
        self.head = nn.ModuleDict({"linear1": linear(config.width, config.width),
                                   "linear2": linear(config.width, outputs)})

    def forward(self, z, layout):
        x = self.placed(self.input(z), layout)
        if self.pooled:
            x = layout.span_mean(x)
        return self.head["linear2"](torch.tanh(self.head["linear1"](x)))


# --- stage 1 ----------------------------------------------------------------------------------------------------------

class _Tokenizer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.encoder = Trunk(config.encoder, False)
        width, d = config.encoder.width, config.code_dimension
        self.projection = nn.ModuleDict({"linear1": linear(width, width), "linear2": linear(width, d)})
        self.codebook = nn.Parameter(normed(torch.randn(config.codes, d)))
        self.morphology = Decoder(config.encoder, config.morphology_blocks, d, 300, False)
        self.frequency = Decoder(config.encoder, config.frequency_blocks, d, 564, False)
        self.demography = Decoder(config.encoder, config.demography_blocks, d, 3, True)


class Tokenizer(nn.Module):
    """config: TokenizerConfig of checkpoint.proto, or anything with its fields."""

    def __init__(self, config):
        super().__init__()
        self.config, self.tokenizer = config, _Tokenizer(config)
        self.tokenizer.codebook.requires_grad_(config.codebook_update == "loss" and config.quantize)

    def project(self, patches, layout):
        projection = self.tokenizer.projection
        features = self.tokenizer.encoder(patches, layout)
        return normed(projection["linear2"](torch.tanh(projection["linear1"](features))))

    def words(self):
        book = self.tokenizer.codebook
        return normed(book) if self.config.codebook_update == "loss" else book

    def encode(self, patches, layout):
        with torch.no_grad():
            return (self.project(patches, layout) @ self.words().T).argmax(1)

    def forward(self, patches, layout, codes=None):
        """codes: taken instead of the nearest ones. Returns a dict of everything the losses need."""
        projected = self.project(patches, layout)
        z = projected
        chosen = None
        if self.config.quantize:
            words = self.words()
            if codes is None:
                codes = (projected.detach() @ words.detach().T).argmax(1)
            chosen = words[codes]
            z = projected + (chosen - projected).detach()
        views = {name: getattr(self.tokenizer, name)(z, layout) for name in ("morphology", "frequency", "demography")}
        return {"projected": projected, "codes": codes, "chosen": chosen, **views}

    def losses(self, out, patches, layout, age, sex, targets=None):
        """Sums for a global batch that is this one. age: years, NaN unknown; sex: 0, 1, -1 unknown. targets: those of
        morphology and frequency if they are known already."""
        config, tokens = self.config, layout.tokens
        waveform, wavelet = targets or self.targets(patches, layout)
        has_age, has_sex = ~torch.isnan(age), sex >= 0
        person, zero = out["demography"], patches.new_zeros(())
        terms = {
            "morphology": (out["morphology"] - waveform).square().sum() / (300 * tokens),
            "frequency": sum((o - y).square().mean(1).sum() for o, y in zip(
                out["frequency"].split(WAVELET_GROUPS, 1), wavelet.split(WAVELET_GROUPS, 1))) / (8 * tokens),
            "age": (person[has_age, 0] - (age[has_age] - 60) / 20).square().mean() if has_age.any() else zero,
            "sex": F.cross_entropy(person[has_sex, 1:], sex[has_sex].long()) if has_sex.any() else zero,
            "commitment": zero, "codebook": zero}
        if config.quantize:
            share = config.code_dimension * tokens
            terms["commitment"] = config.commitment * (out["projected"] - out["chosen"].detach()).square().sum() / share
            if config.codebook_update == "loss":
                terms["codebook"] = (out["projected"].detach() - out["chosen"]).square().sum() / share
        total = (terms["morphology"] + terms["frequency"] + config.demography_weight * (terms["age"] + terms["sex"])
                 + terms["commitment"] + terms["codebook"])
        return {"total": total, **terms}

    @staticmethod
    def targets(patches, layout):
        groups = wavelet_coefficients(patches).split(WAVELET_GROUPS, 1)
        return layout.standardise(patches)[0], torch.cat([layout.standardise(g)[0] for g in groups], 1)

    @torch.no_grad()
    def update_codebook(self, out):
        """EMA, with the statistics of this batch."""
        config, book = self.config, self.tokenizer.codebook
        if not config.quantize or config.codebook_update != "ema":
            return
        sums = torch.zeros_like(book).index_add_(0, out["codes"], out["projected"].detach())
        moves = sums.norm(dim=1, keepdim=True) > 0
        book.copy_(torch.where(moves, normed(config.ema_decay * book + (1 - config.ema_decay) * normed(sums)), book))


WAVELET_GROUPS = [150, 75, 38, 19] * 2  # A1-A4, D1-D4


def wavelet_coefficients(patches):
    """[T, 300] -> [T, 564]: db6, 4 levels, periodised."""
    scaling = torch.tensor(DB6, dtype=patches.dtype)
    low, high = scaling.flip(0), scaling * torch.tensor([-1.0, 1.0] * 6, dtype=patches.dtype)
    x, averages, details = patches, [], []
    for _ in range(4):
        if x.shape[1] % 2:
            x = torch.cat([x, x[:, -1:]], 1)
        n = x.shape[1]
        at = (2 * torch.arange(n // 2)[:, None] + 6 - torch.arange(12)) % n
        details.append(x[:, at] @ high)
        x = x[:, at] @ low
        averages.append(x)
    return torch.cat(averages + details, 1)


# --- stage 2 and tasks ------------------------------------------------------------------------------------------------

class Pretrain(nn.Module):
    def __init__(self, config):
        """config: BackboneConfig."""
        super().__init__()
        self.backbone, self.code_head = Trunk(config.trunk, True), linear(config.trunk.width, config.codes)

    def logits(self, embedded, layout, hidden):
        """Of hidden tokens only. embedded: backbone.patch_encoder(patches)."""
        return self.code_head(self.backbone.from_embedding(embedded, layout, hidden)[hidden])

    def loss(self, patches, layout, codes, hidden):
        """Both halves: hidden tokens are predicted from the others, then the others from them."""
        embedded = self.backbone.patch_encoder(patches)
        return sum(F.cross_entropy(self.logits(embedded, layout, half), codes[half]) for half in (hidden, ~hidden))


def label_loss(logits, labels, positive_weight=None):
    """labels: 1 present, 0 absent, -1 unknown. Mean over known labels."""
    known = labels >= 0
    each = F.binary_cross_entropy_with_logits(logits, labels.clamp_min(0).to(logits.dtype), reduction="none",
                                              pos_weight=positive_weight)
    return (each * known).sum() / known.sum().clamp_min(1)


class LabelHead(nn.Module):
    def __init__(self, width, outputs):
        super().__init__()
        self.norm, self.linear = Norm(width), linear(width, outputs)

    def forward(self, features, layout):
        return self.linear(self.norm(layout.span_mean(features)))


class LeadHead(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear1, self.linear2 = linear(width, width), linear(width, 300)

    def forward(self, features):
        return self.linear2(F.gelu(self.linear1(features)))


class Finetune(nn.Module):
    """anomaly, arrhythmia, leadgen. head: HeadConfig."""

    def __init__(self, backbone, head):
        super().__init__()
        self.backbone, self.task = Trunk(backbone.trunk, True), head.task
        width = backbone.trunk.width
        self.head = LeadHead(width) if head.task == "leadgen" else LabelHead(width, head.outputs)

    def forward(self, patches, layout, corrupted=None, factors=None):
        """Logits of the spans, or mV of the corrupted tokens."""
        features = self.backbone(patches, layout, corrupted, factors)
        return self.head(features[corrupted]) if self.task == "leadgen" else self.head(features, layout)


class LongHead(nn.Module):
    """Windows of recordings: head.window_input, head.windows, ... of docs/MODEL.md, 4.3."""

    def __init__(self, width, head):
        super().__init__()
        second = head.second_width
        self.window_seconds = head.window_seconds
        self.window_input = linear(width, second)
        self.windows = Blocks(head.second_layers, second, head.second_heads, 4 * second, 0.1)
        self.token_part, self.state_part = linear(width, second), linear(second, second, bias=False)
        self.second_output, self.record_output = linear(second, head.outputs), linear(second, head.outputs)

    def forward(self, features, layout, first_seconds, windows_of):
        """first_seconds: of each window; windows_of: number of windows of each recording.
        Returns logits of all seconds [seconds, outputs] and of recordings [recordings, outputs]."""
        place = first_seconds[:, None] / self.window_seconds
        width = self.window_input.out_features
        angle = place / 10000 ** (torch.arange(0, width, 2, dtype=place.dtype) / width)
        x = self.window_input(layout.span_mean(features)) + torch.stack([angle.sin(), angle.cos()], 2).flatten(1)
        rows = Layout([Span((0,), windows, 0) for windows in windows_of], 0)  # one lead: all windows see each other
        state = self.windows(x, rows)
        seconds = torch.cat([features[first:first + size].unflatten(0, (span.seconds, -1)).mean(1)
                             for span, size, first in zip(layout.spans, layout.sizes, layout.first)])
        spread = self.state_part(state).repeat_interleave(torch.tensor([s.seconds for s in layout.spans]), 0)
        return (self.second_output(F.gelu(self.token_part(seconds) + spread)),
                self.record_output(rows.span_mean(state)))


class LongEcg(nn.Module):
    def __init__(self, backbone, head):
        super().__init__()
        self.backbone, self.head = Trunk(backbone.trunk, True), LongHead(backbone.trunk.width, head)

    def forward(self, patches, layout, first_seconds, windows_of, factors=None):
        return self.head(self.backbone(patches, layout, None, factors), layout, first_seconds, windows_of)


def lead_loss(made, patches, layout, corrupted):
    sigma = layout.standardise(patches)[1]
    return ((made - patches[corrupted]) / sigma[corrupted]).square().mean()
