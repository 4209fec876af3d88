"""What AgileRL's PPO does with the batch of towns: masks, values at the time limit, people who leave and arrive."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from agilerl.hpo.mutation import Mutations
from agilerl.hpo.tournament import TournamentSelection
from agilerl.training.train_on_policy import train_on_policy
from torch.nn.utils import parameters_to_vector

import townlet

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
import train_agilerl
from batch_truth import compare, simulate
from known_critic import OF_ZEROS, installed, report, weights

SCENARIO = "queue_conflict"
WORLDS, TICKS, SEED = 8, 160, 3


class KnownValue(torch.nn.Module):
    """A critic network whose values are known."""

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        """Values float32 [B, 1]."""
        return (observation @ torch.from_numpy(weights(observation.shape[1])) + OF_ZEROS)[:, None]


def check() -> dict[str, Any]:
    """Train, collect one more rollout from the first tick of a seed with a known critic, and compare it."""
    agent, _, _ = train_agilerl.train(SCENARIO, 20_000, seed=0)
    # The seed of the training gives the networks that it began with.
    torch.manual_seed(0)
    fresh = train_agilerl.make_agent(townlet.vector_env(SCENARIO, worlds=train_agilerl.WORLDS))
    trained, untrained = (parameters_to_vector(kind.actor.parameters()).detach() for kind in (agent, fresh))
    towns = townlet.vector_env(SCENARIO, worlds=WORLDS, seed=SEED)
    measured = train_agilerl.make_agent(towns, ticks=TICKS)
    measured.actor.load_state_dict(agent.actor.state_dict())
    measured.critic, measured.share_encoders = KnownValue(), False
    train_agilerl.collect(measured, towns)
    rollout = measured.rollout_buffer.buffer
    action = rollout["actions"].numpy().reshape(TICKS, towns.num_envs).astype(np.int64)
    truth = simulate(SCENARIO, WORLDS, SEED, action)
    returns = rollout["returns"].numpy().reshape(action.shape)
    # The critic's update takes these returns, and the actor's these masks.
    assert (rollout["action_masks"].numpy().reshape(truth.mask.shape) == truth.mask).all()
    return {
        "trains": bool(trained.isfinite().all() and (trained - untrained).norm() > 0) and population() == 2,
        **compare(truth, rollout["observations"].numpy().reshape(truth.observation.shape), action, returns),
    }


def population() -> int:
    """Tune two agents by AgileRL's own loop, with the recipe's ``collect``; return how many are left."""
    towns = townlet.vector_env(SCENARIO, worlds=4)
    agents = [train_agilerl.make_agent(towns) for _ in range(2)]
    for index, agent in enumerate(agents):
        agent.index = index
    tuned, _ = train_on_policy(
        towns,
        SCENARIO,
        "PPO",
        agents,
        max_steps=4 * train_agilerl.TICKS * towns.num_envs,
        evo_steps=train_agilerl.TICKS * towns.num_envs,
        eval_steps=80,
        selection_strategy=TournamentSelection(2, True, 2),
        mutation=Mutations(0.5, 0, 0, 0.5, 0, 0, rand_seed=0),
        collect_rollouts_fn=train_agilerl.collect,
        verbose=False,
    )
    return len(tuned)


if __name__ == "__main__":
    torch.set_num_threads(1)
    report(
        "AgileRL PPO",
        versions=installed("agilerl", "gymnasium", "pettingzoo", "torch", "numpy"),
        package="agilerl",
        **check(),
        way="`examples/train_agilerl.py`: `townlet.vector_env`, with a `collect` in place of AgileRL's own",
        limits="install `peft` too: AgileRL 2.58.0 does not import without it; IPPO refuses masks",
    )
