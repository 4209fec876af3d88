"""The harness over the real town: phases, cycles, counters, and the same bytes for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.places import SCENARIOS

from townlet.behavior.network import ActorCritic
from townlet.behavior.neural import NeuralBehavior
from townlet.config import NetworkConfig, Scenario, TrainingConfig, load_scenario
from townlet.host.torch_settings import repeatable
from townlet.simulation import SimulationLoop
from townlet.telemetry import CLOCK_FIELDS, TelemetryWriter, validate_log
from townlet.training import TrainingHarness, TrainingOptions, train
from townlet.training.batch import rollout_batch
from townlet.training.update import run_epoch


def small_scenario(**training: Any) -> Scenario:
    options = {"worlds": 4, "rollout_ticks": 30, "epochs": 2, "cycles": 3, "network": {"hidden": [16]}}
    config = TrainingConfig.model_validate(options | training)
    return load_scenario(SCENARIOS / "queue_conflict.yaml").model_copy(update={"training": config})


def rollouts(seed: int | None = None, **training: Any) -> tuple[TrainingHarness, list[dict[str, Any]]]:
    records: list[dict[str, Any]] = []
    with repeatable():
        harness = TrainingHarness.for_scenario(small_scenario(**training), seed=seed)
        harness.run("rollout", records.append)
    return harness, records


def weights(harness: TrainingHarness) -> bytes:
    return b"".join(tensor.numpy().tobytes() for tensor in harness.network.state_dict().values())


def without_clocks(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in record.items() if key not in CLOCK_FIELDS} for record in records]


def test_rollout_cycles_count_epochs_captures_and_agent_steps() -> None:
    harness, records = rollouts()
    assert [record["epoch"] for record in records] == [1, 2, 3, 4, 5, 6]
    assert [record["cycle_id"] for record in records] == [1, 1, 2, 2, 3, 3]
    assert {record["rollout_ticks"] for record in records} == {30}
    assert {(record["data_mode"], record["replay_method"]) for record in records} == {("rollout", "none")}
    np.testing.assert_array_equal(
        [record["steps"] for record in records], np.cumsum([record["transitions"] for record in records])
    )
    assert harness.steps == records[-1]["steps"]
    assert all(record["epoch_duration_sec"] > 0 for record in records)


@pytest.mark.parametrize("version", [1.0, 1.1])
def test_every_epoch_is_a_valid_telemetry_record(tmp_path: Path, version: float) -> None:
    _, records = rollouts()
    log = tmp_path / "log.jsonl"
    with TelemetryWriter(log, version=version) as writer:
        for record in records:
            assert writer.write(record)
    result = validate_log(log)
    assert not result.faults
    assert len(result.records) == len(records)


def test_equal_seeds_give_equal_weights_and_records() -> None:
    (first, records), (again, same), (other, _) = rollouts(), rollouts(), rollouts(seed=1)
    assert weights(first) == weights(again) != weights(other)
    assert without_clocks(records) == without_clocks(same)


def test_the_time_limit_inside_a_capture_does_not_stop_it() -> None:
    harness, records = rollouts(rollout_ticks=100)  # the episode has 80 ticks
    assert harness.loop.town.tick == (3 * 100) % 80
    assert all(np.isfinite(record["loss_total"]) for record in records)


def test_training_on_the_queue_makes_people_shower_and_feel_better() -> None:
    _, records = rollouts(worlds=32, rollout_ticks=40, cycles=24, epochs=4, network={"hidden": [64, 64]})
    early, late = records[:8], records[-8:]
    assert np.mean([r["reward_mean"] for r in late]) > np.mean([r["reward_mean"] for r in early]) + 0.1
    assert np.mean([r["shower_complete_events"] for r in late]) > 3 * np.mean(
        [r["shower_complete_events"] for r in early]
    )


@pytest.mark.parametrize("mode", ["replay", "mixed"])
def test_replaying_needs_a_capture(mode: Any) -> None:
    with pytest.raises(ValueError, match="capture: found None"):
        TrainingHarness.for_scenario(small_scenario()).run(mode, print)


def test_a_neural_behavior_records_the_probability_and_value_it_acted_on() -> None:
    scenario = small_scenario()
    loop = SimulationLoop(scenario, worlds=3, seed=5)
    buffer = loop.new_buffer(20)
    network = ActorCritic(buffer.features, buffer.actions, NetworkConfig(hidden=(8,)))
    loop.collect(buffer, NeuralBehavior(network))
    with torch.no_grad():
        log_probs, value = network(
            torch.from_numpy(buffer.observation).flatten(0, 2), torch.from_numpy(buffer.mask).flatten(0, 2)
        )
    action = torch.from_numpy(buffer.action).long().view(-1, 1)
    np.testing.assert_allclose(buffer.log_prob.ravel(), log_probs.gather(1, action)[:, 0], atol=1e-5)
    np.testing.assert_allclose(buffer.value.ravel(), value, atol=1e-5)
    legal = np.take_along_axis(buffer.mask, buffer.action[..., None].astype(np.int64), axis=-1)
    assert legal.all()
    assert len(np.unique(buffer.action)) > 3


def test_a_greedy_neural_behavior_takes_the_likeliest_action_and_says_it_is_deterministic() -> None:
    loop = SimulationLoop(small_scenario(), worlds=3, seed=5)
    buffer = loop.new_buffer(20)
    network = ActorCritic(buffer.features, buffer.actions, NetworkConfig(hidden=(8,)))
    behavior = NeuralBehavior(network, greedy=True)
    loop.collect(buffer, behavior)
    assert (behavior.name, behavior.deterministic) == ("neural", True)
    with torch.no_grad():
        log_probs, _ = network(
            torch.from_numpy(buffer.observation).flatten(0, 2), torch.from_numpy(buffer.mask).flatten(0, 2)
        )
    chosen = log_probs.gather(1, torch.from_numpy(buffer.action).long().view(-1, 1))[:, 0]
    torch.testing.assert_close(chosen, log_probs.max(dim=-1).values)
    assert (buffer.log_prob == 0.0).all()


def test_worlds_act_the_same_alone_and_in_a_batch() -> None:
    def played(worlds: int, first: int) -> np.ndarray:
        loop = SimulationLoop(small_scenario(), worlds=worlds, seed=5, first_world=first)
        buffer = loop.new_buffer(20)
        loop.collect(buffer, NeuralBehavior(ActorCritic(buffer.features, buffer.actions, NetworkConfig())))
        return buffer.action

    np.testing.assert_array_equal(played(4, 0)[:, 2:3], played(1, 2))


def test_people_who_leave_in_mid_batch_count_in_no_loss_and_no_statistic_from_then_on() -> None:
    def learnt(garbage: float) -> tuple[bytes, dict[str, float]]:
        harness = TrainingHarness.for_scenario(small_scenario(worlds=8, rollout_ticks=320))
        buffer = harness.loop.new_buffer(320)
        harness.loop.collect(buffer, harness.behavior)
        left = buffer.terminated[:-1] & ~buffer.alive[1:]
        assert left.sum() > 3, "somebody fainted, and nobody was there in the next tick"
        gone = ~buffer.alive
        for array in (buffer.observation, buffer.reward, buffer.log_prob, buffer.value):
            array[gone] = garbage
        batch = rollout_batch(buffer, harness.network, harness.config)
        assert len(batch.rows) == np.count_nonzero(buffer.alive) < buffer.alive.size
        fields = run_epoch(harness.network, harness.optimizer, batch, harness.config, seed=0, epoch=1)
        assert fields["reward_mean"] == pytest.approx(buffer.reward[buffer.alive].mean(), rel=1e-4)
        return weights(harness), fields

    assert learnt(0.0) == learnt(float("nan"))


def test_what_is_seen_after_a_reset_never_serves_as_the_end_of_the_episode_before_it() -> None:
    harness = TrainingHarness.for_scenario(small_scenario())
    buffer = harness.loop.new_buffer(100)
    harness.loop.collect(buffer, harness.behavior)
    twin = SimulationLoop(small_scenario(), worlds=4, seed=harness.seed).town
    for tick in range(80):
        np.testing.assert_array_equal(buffer.observation[tick], twin.observation)
        twin.step(buffer.action[tick])
    assert buffer.cut_ticks == [79, 99]
    np.testing.assert_array_equal(buffer.cut_observation[0], twin.observation)
    twin.reset()
    np.testing.assert_array_equal(buffer.observation[80], twin.observation)
    assert (buffer.cut_observation[0] != buffer.observation[80]).any()

    batch = rollout_batch(buffer, harness.network, harness.config)
    with torch.no_grad():
        beyond = harness.network.value(torch.from_numpy(buffer.cut_observation[0])).numpy()
    expected = buffer.reward[79] + harness.config.ppo.gamma * beyond - buffer.value[79]
    np.testing.assert_allclose(
        batch.advantage.view(buffer.reward.shape)[79][buffer.truncated[79]],
        expected[buffer.truncated[79]],
        atol=1e-5,
    )
    assert buffer.truncated[79].any()


def test_rewards_are_learnt_from_as_the_town_gives_them_and_clipped_by_the_scenario_alone() -> None:
    scenario = small_scenario()
    reward = scenario.rules.reward.model_copy(update={"clip": 1000.0, "survival": 30.0})
    wide = scenario.model_copy(update={"rules": scenario.rules.model_copy(update={"reward": reward})})
    harness = TrainingHarness.for_scenario(wide)
    buffer = harness.loop.new_buffer(30)
    harness.loop.collect(buffer, harness.behavior)
    batch = rollout_batch(buffer, harness.network, harness.config)
    parts = buffer.reward_parts.sum(axis=-1)
    assert parts[buffer.alive].max() > 20.0
    np.testing.assert_allclose(batch.reward.view(parts.shape)[buffer.alive], parts[buffer.alive], rtol=1e-5)
    assert batch.statistics["reward_clipped_share"] == 0.0


def settings_of_torch() -> tuple[int, int, bool]:
    fill: bool = torch.utils.deterministic.fill_uninitialized_memory
    return torch.get_num_threads(), torch.get_deterministic_debug_mode(), fill


@pytest.fixture
def others_settings() -> Iterator[tuple[int, int, bool]]:
    """Settings of torch that none of our functions would choose, in force during the test."""
    threads, mode, fill = settings_of_torch()
    torch.set_num_threads(3)
    torch.set_deterministic_debug_mode("default")
    yield 3, 0, fill
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)


def test_a_harness_changes_no_setting_of_the_process_when_it_is_made_or_runs(
    others_settings: tuple[int, int, bool],
) -> None:
    harness = TrainingHarness.for_scenario(small_scenario())
    assert settings_of_torch() == others_settings
    seen: list[tuple[int, int, bool]] = []
    harness.run("rollout", lambda fields: seen.append(settings_of_torch()))
    assert {*seen} == {others_settings} == {settings_of_torch()}


def test_a_training_computes_repeatably_and_restores_the_settings_of_the_process(
    others_settings: tuple[int, int, bool], tmp_path: Path
) -> None:
    options = TrainingOptions(mode="rollout", output=tmp_path, worlds=2, rollout_ticks=10, cycles=1, epochs=1)
    seen: list[tuple[int, int, bool]] = []
    train(small_scenario(), options, lambda fields: seen.append(settings_of_torch()))
    assert seen == [(1, 2, False)]
    assert settings_of_torch() == others_settings


def test_settings_are_restored_after_an_error_and_nested_contexts_each_have_their_own(
    others_settings: tuple[int, int, bool],
) -> None:
    with pytest.raises(ZeroDivisionError), repeatable():
        with repeatable(2):
            assert settings_of_torch() == (2, 2, False)
        assert settings_of_torch() == (1, 2, False)
        raise ZeroDivisionError
    assert settings_of_torch() == others_settings
