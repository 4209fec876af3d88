#!/usr/bin/env bash
# Guess:     returns that PPO computes from its own rollouts stop at the end of an episode.
# Versions:  agilerl 2.58.0, peft 0.21.0, gymnasium 1.2.2, torch 2.13.0.
# Behaviour: collect_rollouts stores with each step whether it ended the episode; the buffer's advantages read whether the
#            episode ended from the step after. So the last step of an episode adds the value of the next episode's first
#            observation, and the step before it adds none. Below, each step has reward 1 and each observation value 100;
#            with gamma 1 and lambda 0 a return is 101, and 1 at an end.
# Seen:      ended   [0, 0, 1, 0, 0, 1, 0]
#            returns [101, 1, 101, 101, 1, 101, 101]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3.11 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "torch==2.13.0" "agilerl==2.58.0" "peft==0.21.0" "gymnasium==1.2.2" 2>/dev/null
cat > look.py <<'PY'
import gymnasium
import numpy as np
import torch
from agilerl.algorithms import PPO
from agilerl.rollouts import collect_rollouts


class ThreeSteps(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(0, 10, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        self.time = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.time += 1
        return np.full(1, self.time, np.float32), 1.0, self.time == 3, False, {}


class OneHundred(torch.nn.Module):
    def forward(self, observation):
        return torch.full((len(observation), 1), 100.0)


mode = gymnasium.vector.AutoresetMode.SAME_STEP
envs = gymnasium.vector.SyncVectorEnv([ThreeSteps, ThreeSteps], autoreset_mode=mode)
spaces = envs.single_observation_space, envs.single_action_space
agent = PPO(*spaces, num_envs=2, learn_step=14, gamma=1.0, gae_lambda=0.0, share_encoders=False)
agent.critic = OneHundred()
collect_rollouts(agent, envs, 7)
buffer = agent.rollout_buffer.buffer
ended, returns = (buffer[name][:, 0].int().tolist() for name in ("dones", "returns"))
print(f"ended   {ended}\nreturns {returns}")
assert ended == [0, 0, 1, 0, 0, 1, 0]
assert returns == [101, 1, 101, 101, 1, 101, 101]
PY
venv/bin/python look.py 2>/dev/null
