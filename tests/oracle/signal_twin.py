"""The preprocessing of io/signal written a second time with SciPy and PyWavelets, and compared with it.

usage: signal_twin.py SIGNAL_DUMP

Always compared: designs of the filters, signals made here. If ECG_DATA_DIR names a
folder with recordings (WFDB formats 16, 212 and 16+24), some records of each source are compared as well. The bound is
1e-3 mV, rounding to 1 uV included, away from the first and last half second; the difference there is printed. A lead is
one piece here, however long, so the blocks of the C code are checked too."""
import glob
import os
import subprocess
import sys
import tempfile
from fractions import Fraction

try:
    import numpy as np
    import pywt
    from scipy import signal
except ImportError as missing:
    print(f"skipped: {missing}; install python3-scipy and python3-pywt")
    sys.exit(77)

RATE = 300
BOUND_MV = 1e-3
SEED = 20260101


# ---- the twin ----


def bridge(mv):
    valid = np.flatnonzero(np.isfinite(mv))
    return np.interp(np.arange(len(mv)), valid, mv[valid])


def resample(mv, rate):
    """Polyphase with a Kaiser filter of 126 dB: pass band to 0.9136 of the lower Nyquist frequency, stop band from it
    (what libsoxr states for its quality HQ). Both ends go on with a constant."""
    if rate == RATE:
        return mv
    ratio = Fraction(RATE / rate).limit_denominator(10000)
    up, down = ratio.numerator, ratio.denominator
    nyquist = min(rate, RATE) / 2
    inner_rate = rate * up
    taps, beta = signal.kaiserord(126.4, 0.0864 * nyquist / (inner_rate / 2))
    taps += 1 - taps % 2
    window = signal.firwin(taps, 0.9568 * nyquist, window=("kaiser", beta), fs=inner_rate)
    pad = down * int(np.ceil(2 * rate / down))
    padded = np.concatenate([np.full(pad, mv[0]), mv, np.full(pad, mv[-1])])
    first = pad * up // down
    return signal.resample_poly(padded - mv[0], up, down, window=window)[first : first + -(-len(mv) * up // down)]


def stretches(count):
    n = max(1, count // (10 * RATE))
    return [(i * 10 * RATE, count if i == n - 1 else (i + 1) * 10 * RATE) for i in range(n)]


def detect_mains(x):
    """The lines that stand out: Hann windows of 2 s, hop 1 s, bins of 0.5 Hz."""
    if len(x) < 600:
        return ()
    window = signal.windows.hann(600, sym=False)
    spectra = [np.abs(np.fft.rfft(x[i : i + 600] * window)) ** 2 for i in range(0, len(x) - 599, 300)]
    power = np.mean(spectra, axis=0)
    found = []
    for line in (50, 60):
        middle = 2 * line
        sides = np.concatenate([power[middle - 8 : middle - 3], power[middle + 4 : middle + 9]])
        top = power[middle - 1 : middle + 2].max()
        if top > 4 * sides.max() and np.sqrt(top) / 150 > 0.002:
            found.append(line)
    return tuple(found)


def remove_lines(x, lines):
    for hz in lines:
        b, a = signal.iirnotch(hz, 30, fs=RATE)
        x = signal.filtfilt(b, a, x, padlen=min(600, len(x) - 1))
    return x


def remove_mains(x, mode):
    """Each stretch of 10 s without its lines; the first second of a stretch fades where the lines change."""
    fixed = {"none": (), "50": (50,), "60": (60,), "both": (50, 60)}
    out = np.empty_like(x)
    before = None
    for begin, end in stretches(len(x)):
        lines = fixed[mode] if mode in fixed else detect_mains(x[begin:end])
        own = remove_lines(x, lines)
        out[begin:end] = own[begin:end]
        if before is not None and before != lines:
            ramp = (np.arange(RATE) + 0.5) / RATE
            fade = slice(begin, begin + RATE)
            out[fade] = ramp * own[fade] + (1 - ramp) * remove_lines(x, before)[fade]
        before = lines
    return out


def shrink(x):
    coefficients = pywt.wavedec(x, "db6", mode="symmetric", level=3)
    details = {1: coefficients[3], 2: coefficients[2], 3: coefficients[1]}
    times = {l: 2**l * np.arange(len(d)) - 4.5 * (2**l - 1) for l, d in details.items()}
    parts = stretches(len(x))
    thresholds = {l: np.zeros(len(d)) for l, d in details.items()}
    for i, (begin, end) in enumerate(parts):
        inside = {
            l: ((t >= begin) | (i == 0)) & ((t < end) | (i == len(parts) - 1)) for l, t in times.items()
        }
        sigma = np.median(np.abs(details[2][inside[2]])) / 0.6745
        for l in details:
            thresholds[l][inside[l]] = sigma * np.sqrt(2 * np.log(end - begin))
    soft = lambda l: np.sign(details[l]) * np.maximum(np.abs(details[l]) - thresholds[l], 0)
    return pywt.waverec([coefficients[0], soft(3), soft(2), soft(1)], "db6", mode="symmetric")[: len(x)]


def preprocess(mv, rate, notch="detect", denoise=True):
    if not np.isfinite(mv).any():
        return np.zeros(int(np.ceil(len(mv) * RATE / rate)))
    x = resample(bridge(mv), rate)
    sections = signal.butter(2, [0.1, 75], "bandpass", fs=RATE, output="sos")
    x = signal.sosfiltfilt(sections, x, padlen=min(3000, len(x) - 1))
    x = remove_mains(x, notch)
    if denoise:
        x = shrink(x)
    return np.clip(x, -32.767, 32.767)


# ---- the comparison ----


class Comparison:
    def __init__(self, dump):
        self.dump = dump
        self.failures = 0
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "in"), os.path.join(self.folder.name, "out")

    def run(self, *arguments):
        return subprocess.run([self.dump, *map(str, arguments)], check=True, capture_output=True, text=True).stdout

    def check(self, name, difference, bound):
        good = difference <= bound
        self.failures += not good
        print(f"{'ok  ' if good else 'FAIL'} {name}: {difference:.3g} (bound {bound:g})")

    def differences(self, mv, rate, notch="detect", denoise=True):
        """Largest difference inside, at the edges, and the mains the C code found."""
        mv = np.asarray(mv, dtype=np.float32)
        mv.tofile(self.path[0])
        seconds, _, _, mains = self.run("process", repr(rate), notch, int(denoise), *self.path).split()
        ours = np.fromfile(self.path[1], dtype=np.int16) / 1000
        duration = len(mv) / rate
        assert int(seconds) == int(duration) + (duration % 1 >= 0.5), (seconds, duration)
        twin = preprocess(mv.astype(float), rate, notch, denoise)
        padded = np.zeros(len(ours))
        count = min(len(twin), len(ours))
        padded[:count] = twin[:count]
        difference = np.abs(ours - padded)
        inside = np.zeros(len(ours), dtype=bool)
        inside[RATE // 2 : len(twin) - RATE // 2] = True
        edges = difference[~inside].max(initial=0)
        return difference[inside].max(initial=0), edges, float(mains)


def heartbeat(seconds, rate, random):
    """Something like an ECG: Gaussians for P, Q, R, S, T at an uneven rhythm, drift, noise."""
    t = np.arange(int(round(seconds * rate))) / rate
    mv = 0.3 * np.sin(2 * np.pi * 0.15 * t) + 0.01 * random.standard_normal(len(t))
    beat = 0.3
    while beat < seconds:
        waves = (-0.17, 0.12, 0.02), (-0.03, -0.1, 0.008), (0, 1.1, 0.01), (0.03, -0.2, 0.009), (0.25, 0.3, 0.04)
        for at, height, width in waves:
            mv += height * np.exp(-0.5 * ((t - beat - at) / width) ** 2)
        beat += 0.8 + 0.1 * random.standard_normal()
    return t, mv


def compare_designs(comparison):
    for order in range(1, 9):
        for low, high in ((0.1, 75), (0.5, 40), (5, 15)):
            ours = np.array([line.split() for line in comparison.run("sections", order, low, high, 300).splitlines()], float)
            twin = signal.butter(order, [low, high], "bandpass", fs=300, output="sos")
            comparison.check(f"sections of order {order}, {low}-{high} Hz", np.abs(ours - twin).max(), 1e-9)
    for hz in (50, 60):
        ours = np.array(comparison.run("notch", hz, 30, 300).split(), float)
        comparison.check(f"notch {hz} Hz", np.abs(ours - np.concatenate(signal.iirnotch(hz, 30, fs=300))).max(), 1e-14)


def compare_synthetic(comparison, random):
    for rate in (100, 200, 257, 257.3, 300, 360, 400, 500, 1000):
        for seconds in (10, 7.3, 61):
            t, mv = heartbeat(seconds, rate, random)
            inside, edges, _ = comparison.differences(mv, rate)
            comparison.check(f"made, {rate} Hz, {seconds} s, mV (edges {edges:.2g})", inside, BOUND_MV)
    t, mv = heartbeat(1.6, 500, random)
    comparison.check("made, 1.6 s", comparison.differences(mv, 500)[0], BOUND_MV)
    for hz, mode in ((50, "detect"), (60, "detect"), (50, "50"), (60, "60"), (50, "both"), (50, "none")):
        t, mv = heartbeat(10, 500, random)
        inside, edges, mains = comparison.differences(mv + 0.2 * np.sin(2 * np.pi * hz * t + 1), 500, mode)
        comparison.check(f"made, line of {hz} Hz, notch {mode}, mV (edges {edges:.2g}, found {mains:g})", inside, BOUND_MV)
    t, mv = heartbeat(275, 500, random)
    line = 0.2 * np.sin(2 * np.pi * 50 * t) * ((t > 37) & (t < 123)) + 0.1 * np.sin(2 * np.pi * 60 * t) * (t > 110)
    noise = random.standard_normal(len(t)) * np.where(t % 40 < 20, 0.01, 0.05)
    inside, edges, _ = comparison.differences(mv + line + noise, 500)
    comparison.check(f"made, 275 s, lines and noise that come and go, mV (edges {edges:.2g})", inside, BOUND_MV)
    t, mv = heartbeat(30, 360, random)
    mv[:500] = mv[4000:4900] = mv[-100:] = np.nan
    inside, edges, _ = comparison.differences(mv, 360)
    comparison.check(f"made, invalid stretches, mV (edges {edges:.2g})", inside, BOUND_MV)
    t, mv = heartbeat(10, 500, random)
    inside, edges, _ = comparison.differences(mv + 150, 500)
    comparison.check(f"made, offset of 150 mV (edges {edges:.2g})", inside, BOUND_MV)
    inside, edges, _ = comparison.differences(mv, 500, denoise=False)
    comparison.check(f"made, without shrinkage (edges {edges:.2g})", inside, BOUND_MV)


def read_wfdb(header):
    """Leads in mV [leads, samples] and the rate; the few parts of the format that these sources use."""
    with open(header) as file:
        lines = [line for line in file.read().splitlines() if line and not line.startswith("#")]
    first = lines[0].split()
    leads, rate = int(first[1]), float(first[2].split("/")[0].split("(")[0])
    specs = [line.split() for line in lines[1 : 1 + leads]]
    path = os.path.join(os.path.dirname(header), specs[0][0])
    kind = specs[0][1]
    if kind == "212":
        triples = np.fromfile(path, dtype=np.uint8).astype(int)
        triples = triples[: len(triples) // 3 * 3].reshape(-1, 3)
        raw = np.stack([triples[:, 0] | (triples[:, 1] & 15) << 8, triples[:, 2] | (triples[:, 1] & 240) << 4], axis=1).ravel()
        raw, invalid = np.where(raw > 2047, raw - 4096, raw), -2048
    elif kind in ("16", "16+24", "16x1+24"):
        raw, invalid = np.fromfile(path, dtype="<i2", offset=24 if "+" in kind else 0).astype(int), -32768
    else:
        raise ValueError(f"{header}: format {kind}")
    raw = raw[: len(raw) // leads * leads].reshape(-1, leads).T
    out = []
    for spec, samples in zip(specs, raw):
        gain = spec[2].split("/")[0]
        baseline = gain.partition("(")[2].rstrip(")") or (spec[4] if len(spec) > 4 else 0)
        out.append(np.where(samples == invalid, np.nan, (samples - float(baseline)) / float(gain.partition("(")[0])))
    return np.array(out), rate


SOURCES = {  # folder: how many records
    "ptbxl-100": 6, "ptbxl-500": 6, "ptbxl-masked": 2, "cinc2021/cpsc2018": 3, "cinc2021/georgia": 4, "cinc2021/ptb": 2,
    "cinc2021/chapman-ningbo": 3, "cinc2017": 6, "code15": 6, "brugada-huca": 3, "cpsc2021": 4, "mitdb-excerpt": 34, "mitdb": 1,
}  # fmt: skip


def compare_recordings(comparison, folder):
    for source, limit in SOURCES.items():
        headers = [h for h in sorted(glob.glob(os.path.join(folder, source, "*.hea"))) if os.path.getsize(h)]
        if source == "mitdb":
            headers = [h for h in headers if h.endswith("201.hea")]
        worst, worst_edges, leads, lines, rates = 0, 0, 0, 0, set()
        for header in headers[:limit]:
            record, rate = read_wfdb(header)
            rates.add(rate)
            for mv in record:
                inside, edges, mains = comparison.differences(mv, rate)
                worst, worst_edges, leads, lines = max(worst, inside), max(worst_edges, edges), leads + 1, lines + (mains > 0)
        if leads == 0:
            comparison.failures += 1
            print(f"FAIL {source}: no recordings under {folder}")
            continue
        comparison.check(
            f"{source} at {sorted(rates)} Hz, {leads} leads, {lines} with mains, mV (edges {worst_edges:.2g})", worst, BOUND_MV
        )


def main():
    comparison = Comparison(sys.argv[1])
    random = np.random.default_rng(SEED)
    print(f"seed {SEED}")
    compare_designs(comparison)
    compare_synthetic(comparison, random)
    folder = os.environ.get("ECG_DATA_DIR")
    if folder:
        compare_recordings(comparison, folder)
    else:
        print("no recordings compared: ECG_DATA_DIR is not set")
    print(f"{comparison.failures} failures")
    sys.exit(1 if comparison.failures else 0)


main()
