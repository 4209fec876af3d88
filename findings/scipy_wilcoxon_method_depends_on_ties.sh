#!/usr/bin/env bash
# Guess:     which method wilcoxon chooses by default depends on the number of paired seeds alone: exact up to 50.
# Versions:  scipy 1.17.1.
# Behaviour: with equal differences it is exact by permutation up to 13 of them, and from 14 on the normal approximation.
#            Where every seed improves by the same amount, the 14th takes the p-value from exact to 1.5 times too high;
#            where the differences differ, it stays exact.
# Seen:      p-values in units of the exact one, 2 to the power of minus n, as checked below
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3.11 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "scipy==1.17.1" "numpy==2.3.5" 2>/dev/null
cat > look.py <<'PY'
import numpy as np
from scipy.stats import wilcoxon

for seeds in (10, 13, 14):
    for name, difference in (("equal", np.ones(seeds)), ("different", np.arange(1.0, seeds + 1.0))):
        p = wilcoxon(difference, alternative="greater").pvalue
        print(f"{seeds} {name}: {p * 2.0**seeds:.2f}")
PY
venv/bin/python look.py | tee seen
for case in "10 equal" "13 equal" "10 different" "13 different" "14 different"; do grep -qx "$case: 1.00" seen; done
grep -qx "14 equal: 1.50" seen
