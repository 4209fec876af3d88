#!/usr/bin/env bash
# Guess:     rliable's get_interval_estimates(..., random_state=RandomState(1)) gives the same interval each time.
# Versions:  rliable 1.2.0, arch 7.2.0, NumPy 2.2.6, pandas 2.3.3.
# Behaviour: rliable draws its bootstrap samples with numpy.random.choice, from NumPy's global generator. The state that it
#            passes on to arch is used for none of them. So equal states give different intervals, and equal seeds of
#            numpy.random equal ones.
# Seen:      equal states, equal intervals: False
#            equal global seeds, equal intervals: True
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3.11 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "rliable==1.2.0" "arch==7.2.0" "numpy==2.2.6" "pandas==2.3.3" 2>/dev/null
cat > look.py <<'PY'
import numpy as np
from rliable import library, metrics

scores = {"ours": np.random.default_rng(0).normal(size=(10, 1))}


def interval(seed):
    return library.get_interval_estimates(
        scores, lambda x: np.array([metrics.aggregate_iqm(x)]), reps=500, random_state=np.random.RandomState(seed)
    )[1]["ours"].ravel()


print("equal states, equal intervals:", states := bool(np.array_equal(interval(1), interval(1))))
found = []
for _ in range(2):
    np.random.seed(7)
    found.append(interval(1))
print("equal global seeds, equal intervals:", seeds := bool(np.array_equal(*found)))
assert (states, seeds) == (False, True)
PY
venv/bin/python look.py
