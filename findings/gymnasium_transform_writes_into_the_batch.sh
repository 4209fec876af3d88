#!/usr/bin/env bash
# Guess:     a Gymnasium vector wrapper that transforms observations or rewards returns new arrays.
# Versions:  gymnasium 1.4.0.
# Behaviour: where the observation space stays the same, VectorizeTransformObservation writes its results into the array
#            that the environment returned, and VectorizeTransformReward always does. An environment that returns its own
#            state goes on from the transformed one.
# Seen:      bare: observations [1, 2, 3], state 3, reward array 1
#            wrapped: observations [0, 0, 0], state 0, reward array -1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3.11 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "gymnasium==1.4.0" "numpy==2.1.3" 2>/dev/null
cat > look.py <<'PY'
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from gymnasium.wrappers import TransformObservation, TransformReward
from gymnasium.wrappers.vector import VectorizeTransformObservation, VectorizeTransformReward


class Counter(VectorEnv):
    """One environment that counts its steps; the count is the observation."""

    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}

    def __init__(self):
        self.num_envs = 1
        self.single_observation_space = spaces.Box(-10, 10, (1,), np.float32)
        self.single_action_space = spaces.Discrete(2)
        self.observation_space = batch_space(self.single_observation_space, 1)
        self.action_space = batch_space(self.single_action_space, 1)
        self.count, self.reward, self.no = np.zeros((1, 1), np.float32), np.zeros(1), np.zeros(1, bool)

    def reset(self, *, seed=None, options=None):
        self.count[:] = 0
        return self.count, {}

    def step(self, actions):
        self.count += 1
        self.reward[:] = 1
        return self.count, self.reward, self.no, self.no, {}


def look(name, counter, env):
    env.reset()
    seen = [int(env.step(np.zeros(1, int))[0][0, 0]) for _ in range(3)]
    print(f"{name}: observations {seen}, state {int(counter.count[0, 0])}, reward array {int(counter.reward[0])}")


bare, counter = Counter(), Counter()
look("bare", bare, bare)
zeros = VectorizeTransformObservation(
    counter, TransformObservation, func=lambda seen: seen * 0, observation_space=counter.single_observation_space
)
look("wrapped", counter, VectorizeTransformReward(zeros, TransformReward, func=lambda reward: -reward))
PY
venv/bin/python look.py | tee seen
grep -qx "bare: observations \[1, 2, 3\], state 3, reward array 1" seen
grep -qx "wrapped: observations \[0, 0, 0\], state 0, reward array -1" seen
