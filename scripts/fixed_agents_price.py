"""Price of agents that never terminate: the same town as ``slots`` and as ``fixed``, seen by Stable-Baselines3's PPO.

    python scripts/fixed_agents_price.py --scenario queue_conflict --steps 100000 --seeds 5 --survival 1

With ``agents="fixed"`` an estimator carries the newcomer's value over to the person who fainted. What that does depends
on whether life is worth living: ``--survival`` changes the reward for every tick in town. This script trains with both,
from equal seeds, and prints two tables:

1. Advantages of the same episodes, computed by Stable-Baselines3's own buffer with the terminations and without, by the
   number of ticks until the faint (0 in the tick of the faint), as multiples of the advantages' standard deviation.
2. Faints and rewards of the trained policies in worlds that no training has seen.

It needs ``pip install -e '.[examples]'``.
"""

from __future__ import annotations

import argparse
import warnings
from importlib.metadata import version
from typing import NamedTuple

import numpy as np
import supersuit
import torch
from numpy.typing import NDArray
from scipy.stats import t as student
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer

import townlet
from townlet.config import Scenario
from townlet.config.find import scenario_of

KINDS = ("slots", "fixed")
COPIES, ROLLOUT, BATCH = 8, 80, 480
#: Worlds of an evaluation, and the first of their seeds; trainings use those from 0 on.
HELD_OUT_WORLDS, HELD_OUT = 128, 1_000_000
TICKS_BEFORE = (0, 1, 2, 4, 8, 16, 32)


class Episode(NamedTuple):
    """An episode of many worlds under a policy, by tick and place: [T, B]; ``last`` is [B, F]."""

    observation: NDArray[np.float32]
    action: NDArray[np.int64]
    reward: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    alive: NDArray[np.bool_]
    last: NDArray[np.float32]


def train(scenario: Scenario, kind: str, steps: int, seed: int) -> PPO:
    """Train one policy for everybody on a town whose agents are of this kind."""
    town = townlet.parallel_env(scenario, agents=kind, action_mask="info")
    places = supersuit.pettingzoo_env_to_vec_env_v1(town)
    environment = supersuit.concat_vec_envs_v1(places, COPIES, base_class="stable_baselines3")
    # SuperSuit passes seeds to a method that its vector environments do not have.
    environment.seed = lambda seed=None: environment.venv.reset(seed=seed)
    model = PPO("MlpPolicy", environment, n_steps=ROLLOUT, batch_size=BATCH, seed=seed, device="cpu")
    model.learn(steps)
    environment.close()
    return model


def play(model: PPO, scenario: Scenario, seed: int) -> Episode:
    """Play one episode in unseen worlds with sampled actions."""
    batch = townlet.vector_env(scenario, worlds=HELD_OUT_WORLDS, autoreset="next_step")
    torch.manual_seed(seed)
    observation, info = batch.reset(seed=HELD_OUT + seed)
    rows: list[tuple[NDArray, ...]] = []
    for _ in range(batch.scenario.ticks):
        seen, alive = observation.copy(), info["alive"].copy()
        action, _ = model.predict(seen)
        observation, reward, terminated, _, info = batch.step(action)
        rows.append((seen, action, reward.copy(), terminated.copy(), alive))
    return Episode(*(np.stack(column) for column in zip(*rows, strict=True)), last=observation.copy())


def advantages(model: PPO, episode: Episode, ends: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Let Stable-Baselines3's buffer compute the advantages, float32 [T, B], if these steps end an agent's episode."""
    ticks, places = ends.shape
    buffer = RolloutBuffer(
        ticks, model.observation_space, model.action_space, "cpu", model.gae_lambda, model.gamma, n_envs=places
    )
    begins = np.ones(places, np.bool_)
    with torch.no_grad():
        for t in range(ticks):
            value = model.policy.predict_values(torch.from_numpy(episode.observation[t]))
            action = episode.action[t][:, None]
            buffer.add(episode.observation[t], action, episode.reward[t], begins, value, torch.zeros(places))
            begins = ends[t]
        # At the time limit everybody is truncated, so the value of the last observation counts.
        last = model.policy.predict_values(torch.from_numpy(episode.last))
    buffer.compute_returns_and_advantage(last, dones=begins)
    return buffer.advantages


def differences(model: PPO, episode: Episode) -> dict[int, tuple[float, float]]:
    """By ticks until a faint: the mean advantage with terminations, and how much higher it is without.

    Both are multiples of the standard deviation of the advantages of everybody who is in town.
    """
    right = advantages(model, episode, episode.terminated)
    wrong = advantages(model, episode, np.zeros_like(episode.terminated))
    scale = float(right[episode.alive].std())
    found: dict[int, tuple[float, float]] = {}
    for before in TICKS_BEFORE:
        tick, place = np.nonzero(episode.terminated)
        kept = tick >= before
        at = tick[kept] - before, place[kept]
        found[before] = float(right[at].mean()) / scale, float((wrong - right)[at].mean()) / scale
    return found


def with_survival(scenario: Scenario, survival: float | None) -> Scenario:
    """The scenario with another reward for every tick in town; None leaves it."""
    if survival is None:
        return scenario
    reward = scenario.rules.reward.model_copy(update={"survival": survival})
    return scenario.model_copy(update={"rules": scenario.rules.model_copy(update={"reward": reward})})


def interval(values: NDArray[np.float64]) -> str:
    """The mean of a few values with its 95 % interval by Student's t."""
    half = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.4f} ± {half:.4f}"


def main() -> None:
    """Train, compare and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="queue_conflict", help="name of a built-in scenario, or a YAML file")
    parser.add_argument("--steps", type=int, default=100_000, help="agent-steps of each training")
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each kind")
    parser.add_argument("--survival", type=float, help="reward for every tick in town; by default the scenario's")
    options = parser.parse_args()
    scenario = with_survival(scenario_of(options.scenario), options.survival)
    warnings.simplefilter("ignore")
    # Networks this small gain nothing from more threads.
    torch.set_num_threads(1)
    libraries = ("stable_baselines3", "supersuit", "pettingzoo", "gymnasium", "torch", "numpy")
    print(", ".join(f"{name} {version(name)}" for name in libraries))
    shifts: dict[int, list[tuple[float, float]]] = {before: [] for before in TICKS_BEFORE}
    faints: dict[str, list[float]] = {kind: [] for kind in KINDS}
    rewards: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for seed in range(options.seeds):
        for kind in KINDS:
            model = train(scenario, kind, options.steps, seed)
            episode = play(model, scenario, seed)
            faints[kind].append(float(episode.terminated.sum()) / episode.terminated.shape[1])
            rewards[kind].append(float(episode.reward[episode.alive].mean()))
            if kind == "slots":
                for before, found in differences(model, episode).items():
                    shifts[before].append(found)
    print("\nticks until the faint | advantage with terminations | shift without them")
    for before, found in shifts.items():
        right, shift = np.nanmean(np.array(found), axis=0)
        print(f"{before:21} | {right:27.2f} | {shift:18.2f}")
    print("\nagents | faints per place and episode | reward per tick and person")
    for kind in KINDS:
        print(f"{kind:6} | {interval(np.array(faints[kind])):28} | {interval(np.array(rewards[kind]))}")
    for name, values in (("faints", faints), ("reward", rewards)):
        print(f"fixed − slots, {name}: {interval(np.array(values['fixed']) - np.array(values['slots']))}")


if __name__ == "__main__":
    main()
