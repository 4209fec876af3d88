#!/usr/bin/env bash
# Guess:     a recorder passes reset() on to its environment as called: a reset without a seed has no seed there either.
# Versions:  minari 0.5.4, gymnasium 1.2.2.
# Behaviour: DataCollector draws a seed of 64 bits for each reset without one. About half of them are 2**63 or more and
#            do not fit a signed 64-bit integer. CartPole accepts them; an environment that keeps its seed in an int64
#            cannot.
# Seen:      resets without a seed: 64; seeds handed on: 64; of 2**63 or more: between 16 and 48
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3.11 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "minari[hdf5]==0.5.4" "pillow==12.0.0" "gymnasium==1.2.2" "numpy==2.1.3" 2>/dev/null
cat > look.py <<'PY'
import gymnasium
import minari


class Seeds(gymnasium.Wrapper):
    seen = []

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self.seen.append(int(seed))
        return super().reset(seed=seed, options=options)


recorder = minari.DataCollector(Seeds(gymnasium.make("CartPole-v1")))
for _ in range(64):
    recorder.reset()
large = sum(seed >= 2**63 for seed in Seeds.seen)
print(f"resets without a seed: 64; seeds handed on: {len(Seeds.seen)}; of 2**63 or more: {large}")
assert len(Seeds.seen) == 64
assert 16 <= large <= 48
PY
MINARI_DATASETS_PATH="$folder/data" venv/bin/python look.py
