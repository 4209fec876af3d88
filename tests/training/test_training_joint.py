"""Joint batches: recorded data mixed with fresh data, and their telemetry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.places import QUEUE_CONFLICT
from support.toy_problems import (
    AGENTS,
    CONFIG,
    TICKS,
    WORLDS,
    Learner,
    make_learner,
    play_bandit,
    play_corridor,
    record_uniform_policy,
)

from townlet.capture import Capture, capture_rollout, read_capture
from townlet.config import Scenario, TrainingConfig, load_scenario
from townlet.config.training import ReplayConfig
from townlet.errors import InputError
from townlet.telemetry import read_records, validate_log
from townlet.training import TrainingHarness, TrainingOptions, train
from townlet.training.batch import rollout_batch
from townlet.training.importance import effective_sample_share
from townlet.training.joint import draw_segments, joint_batch, segment_shares
from townlet.training.replay import replay_batch

QUEUE = QUEUE_CONFLICT
SLOTS = WORLDS * AGENTS


pytestmark = pytest.mark.usefixtures("one_thread")


def with_replay(**options: Any) -> TrainingConfig:
    return CONFIG.model_copy(update={"replay": ReplayConfig.model_validate({"held_out_share": 0.0} | options)})


def trained_learner() -> Learner:
    learner = make_learner()
    for seed in range(6):
        learner.learn(rollout_batch(play_bandit(learner, seed), learner.network, CONFIG), epochs=4)
    return learner


# Segments


@given(seed=st.integers(0, 10_000), segments=st.integers(1, 6))
def test_the_share_of_each_segment_is_that_of_its_agent_steps_alone(seed: int, segments: int) -> None:
    rng = np.random.default_rng(seed)
    segment = np.concatenate([np.arange(segments), rng.integers(segments, size=40)])
    log_ratio = (30.0 * rng.normal(size=len(segment))).astype(np.float32)
    shares, length = segment_shares(segment, log_ratio)
    for index in range(segments):
        assert shares[index] == pytest.approx(effective_sample_share(log_ratio[segment == index]), rel=1e-6)
        assert length[index] == (segment == index).sum()


def test_segments_that_are_too_far_from_the_policy_are_dropped_and_counted_and_the_rest_drawn_up_to_the_bound() -> None:
    buffer = play_bandit(make_learner(), 0)
    buffer.alive[3:, 1, 1] = False
    rows = np.flatnonzero(buffer.alive)
    log_ratio = np.zeros((TICKS, WORLDS, AGENTS), np.float32)
    log_ratio[8:, 0] = -10.0
    log_ratio[8, 0] = 10.0  # one agent-step in 8 has all the weight
    config = with_replay(segment_ticks=8)

    def drawn(most: int, cycle: int = 1) -> np.ndarray:
        segments = draw_segments(rows, log_ratio.ravel(), buffer, config, most=most, seed=0, cycle=cycle)
        # The person who left after three ticks has no second segment.
        assert (segments.found, segments.dropped) == (2 * SLOTS - 1, AGENTS)
        return segments.rows

    everything = drawn(10_000)
    assert len(everything) == len(rows) - 8 * AGENTS
    assert (np.diff(everything) > 0).all()
    some = drawn(100)
    assert 100 - 8 < len(some) <= 100
    tick, slot = np.divmod(some, SLOTS)
    whole = {(int(t) // 8, int(s)) for t, s in zip(tick, slot, strict=True)}
    assert sum(3 if s == AGENTS + 1 else 8 for _, s in whole) == len(some)
    np.testing.assert_array_equal(some, drawn(100))
    assert set(some.tolist()) != set(drawn(100, cycle=2).tolist())
    assert len(drawn(0)) == 0


# Fresh and recorded in one batch


def mixed(learner: Learner, **options: Any) -> tuple[Any, Any, Any]:
    config = with_replay(mixing="joint", segment_ticks=4, **options)
    fresh, recorded = play_corridor(learner, 50), record_uniform_policy(3)
    batch = joint_batch(fresh, recorded, learner.network, config, deterministic=False, seed=0, cycle=1)
    return batch, fresh, recorded


def test_fresh_agent_steps_keep_ppos_terms_and_recorded_ones_get_vtraces() -> None:
    learner = trained_learner()
    batch, fresh, recorded = mixed(learner, min_effective_share=0.0)
    alone, other = (
        rollout_batch(fresh, learner.network, CONFIG),
        replay_batch(recorded, learner.network, CONFIG, deterministic=False),
    )
    size = len(alone.rows)
    for name in ("observation", "mask", "action", "old_log_prob", "advantage", "value_target", "reward"):
        assert torch.equal(getattr(batch, name)[:size], getattr(alone, name)), name
        assert torch.equal(getattr(batch, name)[size:], getattr(other, name)), name
    assert (batch.weight[:size] == 1.0).all() and torch.equal(batch.weight[size:], other.weight)
    assert batch.weight.max() <= CONFIG.replay.rho_bar
    with torch.no_grad():
        proximal = learner.network(batch.observation, batch.mask)[0].gather(1, batch.action[:, None])[:, 0]
    torch.testing.assert_close(batch.old_log_prob, proximal, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("floor", "replayed"), [(0.5, 512), (0.8, 128), (1.0, 0)])
def test_fresh_data_never_falls_below_its_floor(floor: float, replayed: int) -> None:
    learner = make_learner()
    batch, _, _ = mixed(learner, fresh_share=floor)
    assert batch.statistics["fresh_agent_steps"] == 512
    assert replayed - 4 < batch.statistics["replayed_agent_steps"] <= replayed
    assert len(batch.rows) == 512 + batch.statistics["replayed_agent_steps"]
    fields = learner.learn(batch)
    assert np.isfinite(list(fields.values())).all()
    assert ("effective_sample_share" in fields) == (replayed > 0)


def test_the_objective_of_a_mixed_minibatch_is_the_decoupled_one_written_out() -> None:
    learner = trained_learner()
    batch, _, _ = mixed(learner, min_effective_share=0.1)
    learner.config = CONFIG.model_copy(update={"ppo": CONFIG.ppo.model_copy(update={"minibatch_size": 10_000})})
    learner.learn(batch, epochs=12)  # away from the proximal policy
    rows = torch.from_numpy(batch.rows)
    with torch.no_grad():
        log_probs, value = learner.network(batch.observation[rows], batch.mask[rows])
    ratio = (log_probs.gather(1, batch.action[rows, None])[:, 0] - batch.old_log_prob[rows]).double().exp()
    advantage = batch.advantage[rows].double()
    gain = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    clipped = torch.minimum(ratio * gain, ratio.clamp(0.8, 1.2) * gain)
    fields = learner.learn(batch)
    assert fields["loss_policy"] == pytest.approx(-float((batch.weight[rows] * clipped).mean()), abs=1e-6)
    assert fields["loss_value"] == pytest.approx(float((value - batch.value_target[rows]).square().mean()), rel=1e-4)
    assert fields["clip_fraction"] > 0.0 and fields["kl_divergence"] > 0.0


def test_statistics_are_those_of_the_agent_steps_drawn() -> None:
    learner = trained_learner()
    batch, fresh, recorded = mixed(learner, min_effective_share=0.3)
    drawn = batch.rows[512:] - 512
    log_ratio = batch.log_ratio[batch.rows[512:]]
    said = batch.statistics
    assert 0 < said["replay_segments_dropped"] < said["replay_segments"] == 4 * SLOTS
    assert said["log_ratio_abs_mean"] == pytest.approx(np.abs(log_ratio).mean(), rel=1e-6)
    assert said["effective_sample_share"] == pytest.approx(effective_sample_share(log_ratio))
    rewards = np.concatenate([fresh.reward.ravel(), recorded.reward.ravel()[drawn]])
    assert said["reward_mean"] == pytest.approx(rewards.mean(), rel=1e-5)
    assert said["fresh_reward_mean"] == pytest.approx(fresh.reward.mean(), rel=1e-5)


def test_mixed_minibatches_learn_more_of_the_bandit_than_the_fresh_data_alone() -> None:
    def reward_after(floor: float) -> float:
        learner = make_learner(config=with_replay(mixing="joint", segment_ticks=4, fresh_share=floor))
        for cycle in range(8):
            fresh = play_bandit(learner, cycle)
            fresh.alive[2:] = False
            fresh.terminated[1] = True
            batch = joint_batch(
                fresh,
                record_uniform_policy(cycle),
                learner.network,
                learner.config,
                deterministic=False,
                seed=0,
                cycle=cycle,
            )
            learner.learn(batch, epochs=4)
        return float(play_bandit(learner, 99).reward.mean())

    assert reward_after(0.2) > reward_after(1.0) + 0.05


# Through the harness and the log


def town(**training: Any) -> Scenario:
    options = {"worlds": 4, "rollout_ticks": 30, "epochs": 2, "cycles": 2, "network": {"hidden": [16]}}
    return load_scenario(QUEUE).model_copy(update={"training": TrainingConfig.model_validate(options | training)})


@pytest.fixture(scope="module")
def random_capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("random")
    return Path(str(capture_rollout(QUEUE, folder, behavior="random", worlds=4).manifest_path))


@pytest.fixture(scope="module")
def script_capture(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    folder = tmp_path_factory.mktemp("script")
    return read_capture(capture_rollout(QUEUE, folder, behavior="scripted", worlds=4).manifest_path)


def test_joint_training_logs_where_its_data_came_from_in_records_that_are_valid(
    tmp_path: Path, random_capture: Path
) -> None:
    scenario = town(replay={"mixing": "joint"})
    result = train(scenario, TrainingOptions(mode="mixed", output=tmp_path, replay_manifest=random_capture))
    assert validate_log(result.log).valid
    records = read_records(result.log)
    assert [(r["data_mode"], r["cycle_id"], r["rollout_ticks"]) for r in records] == [
        ("mixed", cycle, 30) for cycle in (1, 1, 2, 2)
    ]
    assert {r["replay_method"] for r in records} == {"vtrace"}
    for record in records:
        assert 0 < record["replayed_agent_steps"] <= record["fresh_agent_steps"]
        assert record["transitions"] == record["fresh_agent_steps"] + record["replayed_agent_steps"]
        assert 0 <= record["replay_segments_dropped"] < record["replay_segments"]
        assert 0.3 < record["effective_sample_share"] <= 1.0 and record["log_ratio_abs_mean"] > 0.0
    assert result.first_reward_mean == records[0]["fresh_reward_mean"]
    assert result.epochs == 4


def test_a_resumed_joint_training_ends_in_the_bytes_of_an_uninterrupted_one(
    tmp_path: Path, random_capture: Path
) -> None:
    def run(folder: str, cycles: int, resume: bool = False) -> str:
        options = {"mode": "mixed", "output": tmp_path / folder, "replay_manifest": random_capture}
        return train(town(replay={"mixing": "joint"}), TrainingOptions(cycles=cycles, resume=resume, **options)).sha256

    whole = run("whole", 3)
    assert run("part", 1) != whole
    assert run("part", 3, resume=True) == whole


def test_alternating_epochs_say_what_they_consist_of(random_capture: Path, script_capture: Capture) -> None:
    for capture in (read_capture(random_capture), script_capture):
        records: list[dict[str, Any]] = []
        TrainingHarness.for_scenario(town()).run("mixed", records.append, capture=capture)
        for record in records:
            replay = record["data_mode"] == "replay"
            assert record["replayed_agent_steps"] == (record["transitions"] if replay else 0)
            assert record["fresh_agent_steps"] == (0 if replay else record["transitions"])
            assert ("cloning_accuracy_held_out" in record) == (record["replay_method"] == "cloning")
        assert {r["replay_method"] for r in records} == {
            "cloning" if capture.manifest.behavior.deterministic else "vtrace",
            "none",
        }


@pytest.mark.parametrize("method", ["cloning", "awr"])
def test_joint_mixing_by_a_method_without_importance_weights_is_refused_and_nothing_is_written(
    tmp_path: Path, random_capture: Path, method: str
) -> None:
    scenario, output = town(replay={"mixing": "joint", "method": method}), tmp_path / "out"
    with pytest.raises(InputError) as refused:
        train(scenario, TrainingOptions(mode="mixed", output=output, replay_manifest=random_capture))
    expected = "auto or vtrace with replay.mixing: joint"
    assert str(refused.value) == f"training options: replay.method: found {method}, expected {expected}"
    assert not output.exists()


def test_a_scripts_capture_is_refused_for_joint_mixing_before_anything_is_simulated(script_capture: Capture) -> None:
    harness = TrainingHarness.for_scenario(town(replay={"mixing": "joint"}))
    with pytest.raises(InputError, match=r"capture\.json: behavior\.deterministic: found true"):
        harness.run("mixed", lambda fields: None, capture=script_capture, source="capture.json")
    assert harness.cycle == 0
