"""Wavelet targets of the model against PyWavelets: db6, 4 levels, mode 'periodization'. Usage: kernels_wavelet.py DUMP"""
import subprocess
import sys

try:
    import numpy as np
    import pywt
except ImportError as missing:
    print("SKIP:", missing)
    sys.exit(77)

seed = 20241124
print("seed", seed)
random = np.random.default_rng(seed)
time = np.arange(300) / 300
patches = np.concatenate([
    random.standard_normal((40, 300)),
    np.eye(300)[[0, 1, 149, 298, 299]],
    np.sin(2 * np.pi * np.outer([0, 1, 7.5, 40, 149], time) + 0.3),
]).astype(np.float32)

answer = subprocess.run([sys.argv[1]], input=patches.tobytes(), stdout=subprocess.PIPE, check=True).stdout
ours = np.frombuffer(answer, np.float32).reshape(len(patches), 564)
for index, patch in enumerate(patches):
    approximation, approximations, details = patch.astype(float), [], []
    for level in range(4):
        approximation, detail = pywt.dwt(approximation, "db6", "periodization")
        approximations.append(approximation)
        details.append(detail)
    truth = np.concatenate(approximations + details)
    error = np.abs(ours[index] - truth).max() / max(1, np.abs(truth).max())
    if not error < 2e-6:
        sys.exit(f"patch {index}: largest error {error}")
print(len(patches), "patches agree")
