#!/usr/bin/env bash
# Guess:     Gymnasium's vector wrappers work with every autoreset mode of its vector environments.
# Versions:  gymnasium 1.4.0.
# Behaviour: with SAME_STEP, NormalizeReward and RecordEpisodeStatistics work; NormalizeObservation, FlattenObservation
#            and DtypeObservation raise at construction, although a step returns all the observations they need.
# Seen:      NormalizeReward: wraps / NormalizeObservation: ValueError, and so on, as checked below
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3.11 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "gymnasium==1.4.0" "numpy==2.1.3" 2>/dev/null
cat > look.py <<'PY'
import numpy as np
from gymnasium.envs.classic_control import CartPoleEnv
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import vector

WRAPPERS = {
    "NormalizeReward": vector.NormalizeReward,
    "RecordEpisodeStatistics": vector.RecordEpisodeStatistics,
    "NormalizeObservation": vector.NormalizeObservation,
    "FlattenObservation": vector.FlattenObservation,
    "DtypeObservation": lambda env: vector.DtypeObservation(env, np.float64),
}
for name, wrap in WRAPPERS.items():
    env = SyncVectorEnv([CartPoleEnv, CartPoleEnv], autoreset_mode=AutoresetMode.SAME_STEP)
    try:
        wrap(env)
        print(f"{name}: wraps")
    except ValueError as error:
        print(f"{name}: ValueError: {error}")
PY
venv/bin/python look.py | tee seen
for name in NormalizeReward RecordEpisodeStatistics; do grep -qx "$name: wraps" seen; done
for name in NormalizeObservation FlattenObservation DtypeObservation; do grep -q "^$name: ValueError" seen; done
