"""A training of a policy that commits itself: its telemetry, its policy, and captures of what it does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.places import QUEUE_CONFLICT

from townlet.behavior.policy_file import load_policy
from townlet.capture import capture_rollout, read_capture
from townlet.config import Scenario, TrainingConfig, load_scenario
from townlet.config.training import NetworkConfig, ReplayConfig
from townlet.errors import InputError
from townlet.host.torch_settings import repeatable
from townlet.simulation import SimulationLoop
from townlet.telemetry import read_records, validate_log
from townlet.training import TrainingHarness, TrainingOptions, train
from townlet.training.batch import rollout_batch, rows_of
from townlet.training.replay import replay_batch
from townlet.view.playback.resimulation import resimulate

COMMITMENT = 12
NETWORK: dict[str, Any] = {"hidden": [16], "commitment_ticks": COMMITMENT}


def town(**training: Any) -> Scenario:
    options = {"worlds": 4, "rollout_ticks": 40, "epochs": 2, "cycles": 3, "network": NETWORK}
    config = TrainingConfig.model_validate(options | training)
    return load_scenario(QUEUE_CONFLICT).model_copy(update={"training": config})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("committed")
    train(town(), TrainingOptions("rollout", folder))
    return folder


@pytest.fixture(scope="module")
def captured(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("capture")
    result = capture_rollout(QUEUE_CONFLICT, folder, worlds=4, behavior="neural", policy=trained)
    return Path(result.manifest_path)


def test_the_log_is_valid_and_counts_decisions_as_transitions_and_all_ticks_as_fresh(trained: Path) -> None:
    log = trained / "ppo_telemetry.jsonl"
    assert not validate_log(log).faults
    records = read_records(log)
    assert len(records) == 6
    for record in records:
        assert 0 < record["transitions"] < record["fresh_agent_steps"] == record["counted_agent_steps"]
        assert record["reward_mean"] == record["fresh_reward_mean"]
    assert records[-1]["steps"] == sum(record["transitions"] for record in records)


def test_the_policys_card_says_to_how_many_ticks_it_commits_itself(trained: Path, tmp_path: Path) -> None:
    network, card = load_policy(trained)
    assert card.network.commitment_ticks == network.config.commitment_ticks == COMMITMENT
    train(town(network={"hidden": [16]}), TrainingOptions("rollout", tmp_path))
    content = json.loads((tmp_path / "policy.json").read_text())
    assert content["network"] == {"hidden": [16], "activation": "tanh"}


def test_a_rollout_is_learnt_from_in_its_decisions_alone_with_rewards_of_all_ticks() -> None:
    scenario = town()
    with repeatable():
        harness = TrainingHarness.for_scenario(scenario)
        loop = SimulationLoop(scenario, worlds=4, seed=1)
        buffer = loop.new_buffer(40)
        loop.collect(buffer, harness.behavior)
        batch = rollout_batch(buffer, harness.network, scenario.training)
    lived, decided = rows_of(buffer), np.count_nonzero(buffer.mask, axis=-1).ravel() > 1
    assert (batch.rows == lived[decided[lived]]).all() and 0 < len(batch.rows) < len(lived)
    assert np.isfinite(batch.columns).all()
    assert batch.statistics["reward_mean"] == pytest.approx(float(buffer.reward.ravel()[lived].mean(dtype=np.float64)))


def test_a_rollout_in_which_nobody_decides_is_passed_over() -> None:
    records: list[dict[str, Any]] = []
    with repeatable():
        scenario = town(rollout_ticks=1, worlds=1, network={"hidden": [8], "commitment_ticks": 1000})
        harness = TrainingHarness.for_scenario(scenario)
        # In the first tick the first person is asked; in the next ones, nobody who waits.
        harness.loop.town.step(np.zeros((1, 3), np.int32))  # type: ignore[attr-defined]
        harness.run("rollout", records.append, cycles=3)
    assert harness.passed_over == 3 and not records


def test_a_capture_is_resimulated_and_records_what_the_policy_chose_among(captured: Path) -> None:
    capture = read_capture(captured)
    decided = np.count_nonzero(capture.buffer.mask, axis=-1) > 1
    going_on = capture.buffer.alive & ~decided
    assert going_on.any() and np.isnan(capture.buffer.value[going_on]).all()
    assert not capture.buffer.log_prob[going_on].any()
    masks: list[Any] = []
    resimulated = resimulate(captured, 1, after_tick=lambda town, tick: masks.append(town.mask[0].copy()))
    assert (resimulated.frames["action"] == capture.buffer.action[:, 1]).all()
    assert (np.array(masks[:-1])[going_on[1:, 1]].sum(-1) > 1).any(), "the town itself allowed more"


@pytest.mark.parametrize(("method", "commitment"), [("vtrace", COMMITMENT), ("vtrace", 0), ("cloning", COMMITMENT)])
def test_a_capture_is_learnt_from_by_networks_that_commit_themselves_and_others(
    captured: Path, method: str, commitment: int
) -> None:
    buffer = read_capture(captured).buffer
    config = town(network=NETWORK | {"commitment_ticks": commitment}).training
    config = config.model_copy(
        update={"replay": ReplayConfig.model_validate({"method": method, "held_out_share": 0.0})}
    )
    with repeatable():
        network = TrainingHarness.for_scenario(town(network=NETWORK | {"commitment_ticks": commitment})).network
        batch = replay_batch(buffer, network, config, deterministic=False)
    rows = rows_of(buffer)
    decided = np.count_nonzero(buffer.mask, axis=-1).ravel() > 1
    assert (batch.rows == (rows[decided[rows]] if commitment else rows)).all()
    assert np.isfinite(batch.columns[batch.rows]).all()
    assert batch.statistics["reward_mean"] == pytest.approx(
        float(buffer.reward.ravel()[rows].mean(dtype=np.float64)), abs=1e-6
    )


def test_a_capture_in_which_nobody_ever_had_a_choice_is_refused(captured: Path) -> None:
    capture = read_capture(captured)
    buffer = capture.buffer
    only = np.zeros_like(buffer.mask)
    np.put_along_axis(only, buffer.action[..., None].astype(np.int64), True, axis=-1)
    buffer.mask[:] = only
    with repeatable():
        harness = TrainingHarness.for_scenario(town())
        with pytest.raises(InputError, match="replay: mask: found no decision"):
            replay_batch(buffer, harness.network, harness.config, deterministic=False)


HANDOVER = {"script": "heuristic", "steps": 2, "reward_margin": 9.0}


@pytest.mark.parametrize("options", [{}, {"handover": HANDOVER}, {"replay": {"mixing": "joint"}}])
def test_a_training_on_captures_too_leaves_a_valid_log(options: dict[str, Any], captured: Path, tmp_path: Path) -> None:
    scenario = town(**options)
    train(scenario, TrainingOptions("mixed", tmp_path, replay_manifest=captured))
    assert not validate_log(tmp_path / "ppo_telemetry.jsonl").faults
    assert NetworkConfig.model_validate(NETWORK) == load_policy(tmp_path)[1].network
