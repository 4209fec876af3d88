#!/usr/bin/env bash
# Guess:     OpenBLAS, MKL and oneDNN sum in orders of their own, so their float32 products differ in the last bits.
# Versions:  NumPy 2.4.6 (OpenBLAS 0.3.31), torch 2.13.0 (oneMKL 2024.2, oneDNN 3.12.0), on AMD processors with AVX-512.
# Behaviour: with 128 inputs and outputs all three give the same bits: each number is one chain of fused multiply-adds in
#            the order of the inputs. MKL leaves it with 8 outputs or 256 inputs; the other two still agree then.
# Seen:      inputs, outputs: share of numbers that differ from OpenBLAS
#            128, 128: chain 0%, oneDNN 0%, MKL 0%
#            128, 8: chain 0%, oneDNN 0%, MKL 76%
#            256, 128: oneDNN 0%, MKL 88%
set -euo pipefail
if ! grep -q AuthenticAMD /proc/cpuinfo || ! grep -qw avx512f /proc/cpuinfo; then
    echo "not run: needs an AMD processor with AVX-512"
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3.11 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "torch==2.13.0" "numpy==2.4.6" 2>/dev/null
cat > look.py <<'PY'
import numpy as np
import torch

random = np.random.default_rng(0)
linear = torch.ops.mkldnn._linear_pointwise
differ = {}


def chain(left, right):
    """Multiply-adds in float64, in which a product of two float32 numbers is exact, rounded after each."""
    total = np.zeros((len(left), right.shape[1]), np.float32)
    for column, row in zip(left.T.astype(np.float64), right.astype(np.float64)):
        total = (np.outer(column, row) + total).astype(np.float32)
    return total


print("inputs, outputs: share of numbers that differ from OpenBLAS")
for inputs, outputs in ((128, 128), (128, 8), (256, 128)):
    left = random.standard_normal((1024, inputs), np.float32)
    right = random.standard_normal((inputs, outputs), np.float32)
    a, b = torch.from_numpy(left), torch.from_numpy(right)
    results = {
        "chain": chain(left, right),
        "oneDNN": linear(a, b.t().contiguous(), None, "none", [], "").numpy(),
        "MKL": torch.mm(a, b).numpy(),
    }
    if inputs == 256:
        del results["chain"]
    for name, result in results.items():
        differ[name, inputs, outputs] = np.mean(result != left @ right)
    print(f"{inputs}, {outputs}: " + ", ".join(f"{name} {differ[name, inputs, outputs]:.0%}" for name in results))
assert all(share == 0 for (name, inputs, outputs), share in differ.items() if name != "MKL")
assert differ["MKL", 128, 128] == 0 and differ["MKL", 128, 8] > 0.5 and differ["MKL", 256, 128] > 0.5
PY
env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE venv/bin/python look.py
