"""Imitation of the heuristic at the start of a training: what is noted, who acts, and what is learnt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.committed import choices, committed
from support.places import QUEUE_CONFLICT

from townlet.behavior import HeuristicBehavior
from townlet.config import Scenario, TrainingConfig, load_scenario
from townlet.host.torch_settings import repeatable
from townlet.simulation import SimulationLoop
from townlet.training import TrainingHarness
from townlet.training.imitation import LabelledBehavior, imitation_batch
from townlet.world import Town

HOME = load_scenario(QUEUE_CONFLICT)


def town(**training: Any) -> Scenario:
    options = {
        "worlds": 8,
        "rollout_ticks": 40,
        "epochs": 2,
        "network": {"hidden": [32]},
        "ppo": {"minibatch_size": 256},
        "imitation": {"rollouts": 3, "epochs": 5},
    }
    return HOME.model_copy(update={"training": TrainingConfig.model_validate(options | training)})


@pytest.mark.parametrize("commitment", [0, 12])
@pytest.mark.parametrize("demonstrate", [True, False])
def test_the_heuristics_choice_is_noted_and_done_only_in_a_demonstration(commitment: int, demonstrate: bool) -> None:
    lived = Town(HOME, worlds=8, seed=3)
    network, script = committed(lived, commitment), HeuristicBehavior()
    labelled = LabelledBehavior(network, demonstrate=demonstrate)
    refused = 0
    for _ in range(60):
        made, alone, scripts = choices(labelled, lived), choices(network, lived), choices(script, lived)
        assert (made.mask == alone.mask).all()
        within = np.take_along_axis(made.mask, scripts.action[..., None], axis=-1)[..., 0]
        label = np.where(within, scripts.action, alone.action)
        assert (made.log_prob == label).all()
        assert (made.action == (label if demonstrate else alone.action)).all()
        # Within a commitment there is nothing to note but that.
        assert (label == alone.action)[~made.asked].all()
        refused += np.count_nonzero(~within)
        lived.step(made.action)
    assert (refused > 0) == (commitment > 0)


@pytest.mark.parametrize("commitment", [0, 12])
def test_a_batch_of_imitation_clones_what_the_heuristic_would_have_done(commitment: int) -> None:
    config = town(network={"hidden": [8], "commitment_ticks": commitment}).training
    loop, twin = (SimulationLoop(HOME, worlds=8, seed=3) for _ in range(2))
    network = committed(loop.town, commitment)
    buffer, acted = loop.new_buffer(40), twin.new_buffer(40)
    loop.collect(buffer, LabelledBehavior(network, demonstrate=False))
    twin.collect(acted, network)
    labels = buffer.log_prob.astype(np.int64)
    batch = imitation_batch(buffer, network.network, config)
    assert batch.method == "cloning" and batch.held_out is not None
    rows = np.sort(np.concatenate([batch.rows, batch.held_out]))
    decided = acted.alive & (np.count_nonzero(acted.mask, axis=-1) > 1) if commitment else acted.alive
    assert (rows == np.flatnonzero(decided)).all()
    assert (batch.action.numpy()[rows] == labels.ravel()[rows]).all()
    assert (labels != acted.action)[decided].any()
    assert batch.statistics["scripted_agent_steps"] == len(batch.rows)
    assert batch.statistics["reward_mean"] == pytest.approx(acted.reward[acted.alive].mean(dtype=np.float64))


@pytest.mark.parametrize("commitment", [0, 12])
def test_a_training_begins_with_so_many_rollouts_of_imitation_the_first_of_them_demonstrated(commitment: int) -> None:
    records: list[dict[str, Any]] = []
    rewards: list[Any] = []
    with repeatable():
        harness = TrainingHarness.for_scenario(town(network={"hidden": [32], "commitment_ticks": commitment}))

        def after_phase(_: int) -> None:
            rewards.append(harness.last_rollout.reward.copy())

        harness.run("rollout", records.append, cycles=4, after_phase=after_phase)
    assert [record["replay_method"] for record in records] == ["cloning"] * 15 + ["none"] * 2
    assert [record["cycle_id"] for record in records] == [*[1] * 5, *[2] * 5, *[3] * 5, 4, 4]
    assert all(record["scripted_agent_steps"] == record["transitions"] for record in records[:15])
    assert records[14]["cloning_accuracy"] > records[0]["cloning_accuracy"]
    if commitment == 0:
        twin = SimulationLoop(HOME, worlds=8, seed=harness.seed)
        shown = twin.new_buffer(40)
        twin.collect(shown, HeuristicBehavior())
        assert (rewards[0] == shown.reward).all()
