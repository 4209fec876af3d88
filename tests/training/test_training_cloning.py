"""Cloning and advantage-weighted regression: the data they accept, and the data held out to evaluate them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.places import QUEUE_CONFLICT
from support.toy_problems import (
    AGENTS,
    CONFIG,
    TICKS,
    make_learner,
    play_bandit,
    record_script,
    record_uniform_policy,
)

from townlet.capture import capture_rollout, read_capture
from townlet.config import TrainingConfig, load_scenario
from townlet.config.training import ReplayConfig
from townlet.errors import InputError
from townlet.telemetry import TelemetryWriter, validate_log
from townlet.training import TrainingHarness, losses
from townlet.training.agreement import agreement
from townlet.training.regression import held_out_rows
from townlet.training.replay import replay_batch

QUEUE = QUEUE_CONFLICT


pytestmark = pytest.mark.usefixtures("one_thread")


def with_replay(**options: Any) -> TrainingConfig:
    return CONFIG.model_copy(update={"replay": ReplayConfig.model_validate({"held_out_share": 0.0} | options)})


# Data without log-probabilities


@pytest.mark.parametrize(("options", "named"), [({"method": "vtrace"}, "vtrace"), ({"mixing": "joint"}, "joint")])
def test_a_scripts_data_cannot_be_weighted_and_the_error_says_what_it_can_be_used_for(
    options: dict[str, str], named: str
) -> None:
    with pytest.raises(InputError) as caught:
        replay_batch(
            record_script(), make_learner().network, with_replay(**options), deterministic=True, source="manifest.json"
        )
    message = str(caught.value)
    assert message.startswith("manifest.json: behavior.deterministic: found true: the data has no log-probabilities")
    assert named in message and "cloning" in message and "awr" in message


@pytest.mark.parametrize("method", ["cloning", "awr"])
@pytest.mark.parametrize("deterministic", [True, False])
def test_cloning_and_awr_take_any_data_and_no_importance_weights(method: str, deterministic: bool) -> None:
    record = record_script() if deterministic else record_uniform_policy()
    learner = make_learner(config=with_replay(method=method))
    batch = replay_batch(record, learner.network, learner.config, deterministic=deterministic)
    assert batch.method == method and batch.log_ratio is None
    assert learner.learn(batch)["clip_fraction"] == 0.0


def test_awr_weights_are_the_exponential_of_normalised_advantages_up_to_their_bound() -> None:
    learner = make_learner(config=with_replay(method="awr", awr_beta=0.3, awr_max_weight=4.0))
    batch = replay_batch(record_uniform_policy(), learner.network, learner.config, deterministic=True)
    advantage = batch.advantage.double().numpy()
    expected = np.minimum(np.exp((advantage - advantage.mean()) / advantage.std() / 0.3), 4.0)
    assert batch.weight is not None
    np.testing.assert_allclose(batch.weight, expected, rtol=1e-4)
    assert (expected == 4.0).any() and (expected < 1.0).any()
    with torch.no_grad():
        log_probs, _ = learner.network(batch.observation, batch.mask)
    chosen = log_probs.gather(1, batch.action[:, None])[:, 0]
    whole = learner.config.model_copy(update={"ppo": learner.config.ppo.model_copy(update={"minibatch_size": 10_000})})
    learner.config = whole
    fields = learner.learn(batch)
    assert fields["loss_policy"] == pytest.approx(-float((batch.weight * chosen).mean()), rel=1e-5)


def test_awr_learns_the_better_of_recorded_actions_where_cloning_learns_the_commoner() -> None:
    def reward_after(method: str) -> float:
        learner = make_learner(config=with_replay(method=method, awr_beta=0.3))
        for seed in range(6):
            batch = replay_batch(record_uniform_policy(seed), learner.network, learner.config, deterministic=True)
            learner.learn(batch, epochs=6)
        return float(play_bandit(learner, 99).reward.mean())

    assert reward_after("cloning") < 0.4
    assert reward_after("awr") > 0.6


def test_weighted_cloning_loss_without_weights_is_the_unweighted_one() -> None:
    log_prob = torch.tensor([-1.0, -3.0])
    assert losses.cloning_loss(log_prob).item() == losses.cloning_loss(log_prob, torch.ones(2)).item() == 2.0
    assert losses.cloning_loss(log_prob, torch.tensor([3.0, 1.0])).item() == 3.0


# Held-out data


def test_whole_worlds_are_held_out_and_never_learnt_from() -> None:
    record = record_script()
    batch = replay_batch(record, make_learner().network, with_replay(held_out_share=0.25), deterministic=True)
    assert batch.held_out is not None
    world = np.unravel_index(batch.held_out, record.action.shape)[1]
    assert set(world.tolist()) == {2, 6}
    assert len(batch.held_out) == 2 * TICKS * AGENTS
    assert len(batch.rows) + len(batch.held_out) == record.agent_steps
    assert not set(batch.rows.tolist()) & set(batch.held_out.tolist())
    assert batch.statistics["replayed_agent_steps"] == len(batch.rows)


def test_in_a_single_world_the_last_ticks_are_held_out_and_some_are_always_left_to_learn_from() -> None:
    buffer = play_bandit(make_learner(), 0)
    buffer.worlds, buffer.alive = 1, buffer.alive[:, :1]
    rows = np.flatnonzero(buffer.alive)
    assert (held_out_rows(buffer, rows, 0.25) // AGENTS).min() == TICKS - 4
    assert len(held_out_rows(buffer, rows, 0.0)) == 0
    assert len(held_out_rows(buffer, rows[rows // AGENTS == TICKS - 1], 0.25)) == 0


def test_held_out_accuracy_beats_the_majority_rate_for_a_script_that_reads_observations_but_not_for_a_random_one() -> (
    None
):
    def judged(script: bool) -> tuple[float, float]:
        record = record_script() if script else record_uniform_policy()
        learner = make_learner(config=with_replay(held_out_share=0.25))
        batch = replay_batch(record, learner.network, learner.config, deterministic=True)
        learner.learn(batch, epochs=40)
        assert batch.held_out is not None
        return agreement(learner.network, batch, batch.held_out), batch.statistics["cloning_majority_rate"]

    accuracy, majority = judged(script=True)
    assert accuracy == 1.0 and 0.1 < majority < 0.5
    accuracy, majority = judged(script=False)
    assert abs(accuracy - majority) < 0.15


def test_a_warm_start_by_cloning_beats_the_majority_on_worlds_it_has_not_seen(
    tmp_path: Path,
) -> None:
    manifest = capture_rollout(QUEUE, tmp_path / "script", behavior="scripted", worlds=4).manifest_path
    script_capture = read_capture(manifest)
    training = TrainingConfig.model_validate({"worlds": 4, "epochs": 30, "network": {"hidden": [16]}})
    records: list[dict[str, Any]] = []
    harness = TrainingHarness.for_scenario(load_scenario(QUEUE).model_copy(update={"training": training}))
    harness.run("replay", records.append, capture=script_capture)
    log = tmp_path / "log.jsonl"
    with TelemetryWriter(log, version=1.1) as writer:
        for record in records:
            writer.write(record)
    assert validate_log(log).valid
    first, last = records[0], records[-1]
    assert last["held_out_agent_steps"] == script_capture.buffer.alive[:, 2].sum()
    assert last["held_out_agent_steps"] + last["replayed_agent_steps"] == script_capture.manifest.rows
    assert last["cloning_accuracy_held_out"] > last["cloning_majority_rate"] > 0.3
    assert last["cloning_accuracy_held_out"] > first["cloning_accuracy_held_out"]
