"""The random numbers of docs/MODEL.md, 6: Philox 4x32-10 streams, and what is drawn from them."""
import math

import numpy

INIT, MASK, LEADS, DROP_PATH = 1, 5, 6, 9  # uses
LOW, ALL = (1 << 32) - 1, (1 << 64) - 1


def philox(counter, key):
    """counter: four uint64 arrays below 2^32; key: two integers. Salmon et al., SC 2011."""
    c, (k0, k1) = list(counter), key
    for _ in range(10):
        p0, p1 = c[0] * numpy.uint64(0xD2511F53), c[2] * numpy.uint64(0xCD9E8D57)
        high0, high1, low = p0 >> numpy.uint64(32), p1 >> numpy.uint64(32), numpy.uint64(LOW)
        c = [high1 ^ c[1] ^ numpy.uint64(k0), p1 & low, high0 ^ c[3] ^ numpy.uint64(k1), p0 & low]
        k0, k1 = k0 + 0x9E3779B9 & LOW, k1 + 0xBB67AE85 & LOW
    return c


def mix(x):
    x = x + 0x9E3779B97F4A7C15 & ALL
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & ALL
    x = (x ^ x >> 27) * 0x94D049BB133111EB & ALL
    return x ^ x >> 31


class Stream:
    def __init__(self, seed, step, record, use):
        key = mix(mix(seed) ^ step)
        stream = mix(mix(key ^ record) ^ use)
        self.key, self.stream, self.block, self.words = (key & LOW, key >> 32), (stream & LOW, stream >> 32), 0, []

    def u64(self, count):
        """The next `count` 64-bit numbers: two words each, the low one first."""
        blocks = max((count - len(self.words) + 1) // 2, 0)
        if blocks:
            at = numpy.arange(self.block, self.block + blocks, dtype=numpy.uint64)
            high = [numpy.full(blocks, part, numpy.uint64) for part in self.stream]
            c = philox([at & numpy.uint64(LOW), at >> numpy.uint64(32), *high], self.key)
            pairs = numpy.stack([c[0] | c[1] << numpy.uint64(32), c[2] | c[3] << numpy.uint64(32)], 1).reshape(-1)
            self.words = numpy.concatenate([numpy.array(self.words, numpy.uint64), pairs])
            self.block += blocks
        taken, self.words = self.words[:count], self.words[count:]
        return taken

    def uniform(self, count):
        return (self.u64(count) >> numpy.uint64(11)).astype(float) * 2.0 ** -53

    def below(self, bound):
        limit = ALL - ALL % bound
        while True:
            value = int(self.u64(1)[0])
            if value < limit:
                return value % bound

    def normal(self, count):
        u = self.uniform(2 * count).reshape(-1, 2)
        return numpy.sqrt(-2 * numpy.log(1 - u[:, 0])) * numpy.cos(2 * math.pi * u[:, 1])

    def truncated_normal(self, count):
        kept = numpy.zeros(0)
        while len(kept) < count:
            drawn = self.normal(2 * count)
            kept = numpy.concatenate([kept, drawn[numpy.abs(drawn) <= 2]])
        return kept[:count]

    def choose(self, units, wanted):
        """Selection sampling (Knuth 3.4.2 S): bool[units], `wanted` of them true."""
        chosen = numpy.zeros(units, bool)
        for i in range(units):
            chosen[i] = self.below(units - i) < wanted
            wanted -= chosen[i]
        return chosen


def name_hash(name):
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 & ALL
    return value


def start_values(name, shape, seed, layer_scale):
    """docs/MODEL.md, 3.4."""
    stream, parts, count = Stream(seed, 0, name_hash(name), INIT), name.split("."), math.prod(shape)
    kind, inputs = parts[-1], math.prod(shape[1:])
    if kind in ("shift", "bias"):
        return numpy.zeros(shape)
    if kind == "scale":
        return numpy.ones(shape)
    if kind.startswith("layer_scale"):
        return numpy.full(shape, 0.1 if "windows" in parts else layer_scale)
    if kind == "codebook":
        rows = stream.normal(count).reshape(shape)
        return rows / numpy.sqrt((rows ** 2).sum(1, keepdims=True))
    if kind in ("time_table", "lead_table", "mask"):
        sigma = 0.02
    elif parts[-2].startswith("conv"):
        sigma = 1 / math.sqrt(3 * inputs)
    else:
        sigma = 0.02 * math.sqrt(1024 / inputs)
        if "block" in parts and parts[-3:-1] in (["attention", "projection"], ["mlp", "linear2"]):
            sigma /= math.sqrt(2 * (int(parts[parts.index("block") + 1]) + 1))
        if name in ("head.linear.weight", "head.second_output.weight", "head.record_output.weight"):
            sigma *= 0.001
    return (sigma * stream.truncated_normal(count)).reshape(shape)


def hidden_tokens(leads, seconds, pattern, seed, step, record):
    """bool[seconds * leads]: the first half of stage 2."""
    stream, tokens = Stream(seed, step, record, MASK), leads * seconds
    if pattern == "lead" and leads > 1:
        return numpy.tile(stream.choose(leads, leads - leads // 2), seconds)
    if pattern == "second" and seconds > 1:
        return numpy.repeat(stream.choose(seconds, seconds - seconds // 2), leads)
    return stream.choose(tokens, tokens - tokens // 2)


def corrupted_leads(leads, seed, step, record):
    """bool[leads] of lead generation."""
    stream, most = Stream(seed, step, record, LEADS), min(leads - 1, 6)
    return stream.choose(leads, 1 + stream.below(most) if most > 0 else 0)


def drop_path(layers, rate, seed, step, record):
    """[2 * layers] factors of a span."""
    u = Stream(seed, step, record, DROP_PATH).uniform(2 * layers)
    p = numpy.array([rate * (branch // 2) / (layers - 1) if layers > 1 else 0.0 for branch in range(2 * layers)])
    return numpy.where(u < p, 0, 1 / (1 - p))
