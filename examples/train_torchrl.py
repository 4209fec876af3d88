"""Training of one masked policy for everybody in town by TorchRL's PPO.

    python examples/train_torchrl.py --scenario queue_conflict --steps 20000 --output policy.pt

TorchRL supports PettingZoo's parallel environments itself. All places in town are one group of agents that share the
policy, which gives illegal actions probability 0. ``done_on_any=False`` keeps the town running when somebody leaves.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from tensordict import TensorDict
from tensordict.nn import TensorDictModule
from torch import nn
from torchrl.collectors import Collector
from torchrl.envs import PettingZooWrapper
from torchrl.modules import MaskedCategorical, ProbabilisticActor, ValueOperator
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

import townlet

ROLLOUT = 256
EPOCHS, BATCH = 8, 256
GROUP = "people"


def perceptron(inputs: int, outputs: int) -> nn.Sequential:
    """A network of two hidden layers."""
    return nn.Sequential(nn.Linear(inputs, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, outputs))


def environment_of(town: Any, seed: int) -> PettingZooWrapper:
    """The town in TorchRL, with everybody in one group."""
    return PettingZooWrapper(
        town, group_map={GROUP: town.possible_agents}, categorical_actions=True, done_on_any=False, seed=seed
    )


def actor_of(features: int, actions: int) -> ProbabilisticActor:
    """The policy over the legal actions."""
    logits = TensorDictModule(perceptron(features, actions), [(GROUP, "observation")], [(GROUP, "logits")])
    return ProbabilisticActor(
        logits,
        in_keys={"logits": (GROUP, "logits"), "mask": (GROUP, "action_mask")},
        out_keys=[(GROUP, "action")],
        distribution_class=MaskedCategorical,
        return_log_prob=True,
        log_prob_key=(GROUP, "log_prob"),
    )


def critic_of(features: int) -> ValueOperator:
    """The estimate of the return."""
    return ValueOperator(perceptron(features, 1), in_keys=[(GROUP, "observation")], out_keys=[(GROUP, "value")])


def advantages_of(critic: ValueOperator) -> GAE:
    """Generalised advantage estimation, for each person by their own end."""
    estimator = GAE(gamma=0.99, lmbda=0.95, value_network=critic)
    estimator.set_keys(
        advantage=(GROUP, "advantage"),
        value_target=(GROUP, "value_target"),
        value=(GROUP, "value"),
        reward=(GROUP, "reward"),
        done=(GROUP, "done"),
        terminated=(GROUP, "terminated"),
    )
    return estimator


def loss_of(actor: ProbabilisticActor, critic: ValueOperator) -> ClipPPOLoss:
    """PPO's loss, with the keys of the group."""
    loss = ClipPPOLoss(actor, critic, entropy_coeff=0.01, normalize_advantage=True)
    loss.set_keys(
        advantage=(GROUP, "advantage"),
        value_target=(GROUP, "value_target"),
        value=(GROUP, "value"),
        action=(GROUP, "action"),
        sample_log_prob=(GROUP, "log_prob"),
        reward=(GROUP, "reward"),
        done=(GROUP, "done"),
        terminated=(GROUP, "terminated"),
    )
    return loss


def collector_of(environment: PettingZooWrapper, actor: ProbabilisticActor, rollout: int, steps: int) -> Collector:
    """Rollouts of ``rollout`` ticks each, ``steps`` in all."""
    # The policy has no state that a reset would have to clear.
    return Collector(
        environment, actor, frames_per_batch=rollout, total_frames=steps, auto_register_policy_transforms=False
    )


def occupied(data: TensorDict) -> TensorDict:
    """One row for each time that somebody acted; empty places show only zeros, and nothing is learned from them."""
    rows = data[GROUP].reshape(-1)
    rows = rows[rows["observation"].any(dim=-1)]
    return TensorDict({GROUP: rows}, rows.batch_size)


def update(data: TensorDict, loss: ClipPPOLoss, optimizer: torch.optim.Optimizer) -> None:
    """Learn from a rollout whose advantages are known."""
    rows = occupied(data)
    for _ in range(EPOCHS):
        for part in torch.randperm(len(rows)).split(BATCH):
            losses = loss(rows[part])
            total = losses["loss_objective"] + losses["loss_critic"] + losses["loss_entropy"]
            optimizer.zero_grad()
            total.backward()
            nn.utils.clip_grad_norm_(loss.parameters(), 0.5)
            optimizer.step()


def train(scenario: str, steps: int, seed: int) -> tuple[ProbabilisticActor, float, float]:
    """Train a policy; return it and the mean reward per agent-step in the first and the last quarter."""
    # Networks this small gain nothing from more threads, and lose much on a busy machine.
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    town = townlet.parallel_env(scenario, agents="slots", action_mask="info")
    environment = environment_of(town, seed)
    features, actions = len(town.town.observation_schema), len(town.town.action_names)
    actor, critic = actor_of(features, actions), critic_of(features)
    advantages, loss = advantages_of(critic), loss_of(actor, critic)
    optimizer = torch.optim.Adam(loss.parameters(), lr=1e-3)
    rewards: list[float] = []
    for data in collector_of(environment, actor, ROLLOUT, steps):
        with torch.no_grad():
            advantages(data)
        update(data, loss, optimizer)
        rewards.append(data["next", GROUP, "reward"].mean().item())
    quarter = max(len(rewards) // 4, 1)
    return actor, sum(rewards[:quarter]) / quarter, sum(rewards[-quarter:]) / quarter


def main() -> None:
    """Train with the options of the command line, and print the rewards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="town_day", help="name of a built-in scenario, or a YAML file")
    parser.add_argument("--steps", type=int, default=20_000, help="ticks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", help="file for the weights")
    options = parser.parse_args()
    actor, first, last = train(options.scenario, options.steps, options.seed)
    print(f"{options.steps} ticks; reward per agent-step {first:.4f} at first, {last:.4f} at last")
    if options.output:
        torch.save(actor.state_dict(), options.output)


if __name__ == "__main__":
    main()
