#!/usr/bin/env bash
# Guess:     an element-wise function of a contiguous float32 tensor gives an element the same bits wherever it stands.
# Versions:  torch 2.13.0, NumPy 2.4.6, on a processor with AVX-512, one thread.
# Behaviour: sigmoid computes the elements that fill no two whole vectors of 16 by another routine, which rounds otherwise;
#            tanh, exp and erf do not. So a row of a gated recurrent unit can change its last bit with the batch's size.
#            Below, a tensor's first n elements are computed alone, for each n to 256, and compared with the whole's.
# Seen:      lengths n at which an element differs: sigmoid 112, tanh 0, exp 0, erf 0
#            all of them have n % 32 other than 0
set -euo pipefail
if ! grep -qw avx512f /proc/cpuinfo; then
    echo "not run: needs a processor with AVX-512"
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3.11 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "torch==2.13.0" "numpy==2.4.6" 2>/dev/null
cat > look.py <<'PY'
import torch

torch.set_num_threads(1)
torch.manual_seed(0)
x = torch.randn(4096)
found = {}
for function in (torch.sigmoid, torch.tanh, torch.exp, torch.erf):
    whole = function(x)
    found[function.__name__] = [n for n in range(1, 257) if not torch.equal(function(x[:n].clone()), whole[:n])]
counts = ", ".join(f"{name} {len(lengths)}" for name, lengths in found.items())
print(f"lengths n at which an element differs: {counts}")
assert found["sigmoid"] and not (found["tanh"] or found["exp"] or found["erf"])
assert all(n % 32 for n in found["sigmoid"])
print("all of them have n % 32 other than 0")
PY
venv/bin/python look.py
