"""The hand-over from a script to the network: who drives whom, what is learnt from each part, and the gate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.places import QUEUE_CONFLICT

from townlet.behavior import HeuristicBehavior, ScriptedBehavior
from townlet.behavior.neural import NeuralBehavior
from townlet.capture import capture_rollout, read_capture
from townlet.cli import main
from townlet.config import Scenario, TrainingConfig, load_scenario
from townlet.config.training import HandoverConfig
from townlet.errors import InputError
from townlet.host.torch_settings import repeatable
from townlet.simulation import SimulationLoop
from townlet.telemetry import TelemetryWriter, read_records, validate_log
from townlet.training import TrainingHarness, TrainingOptions, train
from townlet.training.batch import rollout_batch
from townlet.training.handover import HandoverBehavior, draw_driven, gate_after
from townlet.training.replay import replay_batch

QUEUE = QUEUE_CONFLICT


def town(**training: Any) -> Scenario:
    options = {
        "worlds": 8,
        "rollout_ticks": 40,
        "epochs": 4,
        "network": {"hidden": [32]},
        "ppo": {"minibatch_size": 256},
        "handover": {"script": "scripted", "steps": 4},
    }
    return load_scenario(QUEUE).model_copy(update={"training": TrainingConfig.model_validate(options | training)})


def trained(cycles: int, **training: Any) -> tuple[TrainingHarness, list[dict[str, Any]]]:
    records: list[dict[str, Any]] = []
    with repeatable():
        harness = TrainingHarness.for_scenario(town(**training))
        harness.run("rollout", records.append, cycles=cycles)
    return harness, records


@given(
    worlds=st.integers(1, 9),
    agents=st.integers(1, 5),
    share=st.floats(0.0, 1.0),
    seed=st.integers(0, 2**31 - 1),
    cycle=st.integers(0, 1000),
)
def test_the_share_is_kept_to_the_nearest_person_and_the_draw_repeats(
    worlds: int, agents: int, share: float, seed: int, cycle: int
) -> None:
    driven = draw_driven((worlds, agents), share, seed=seed, cycle=cycle)
    assert driven.shape == (worlds, agents)
    assert abs(driven.sum() - share * worlds * agents) <= 0.5
    np.testing.assert_array_equal(driven, draw_driven((worlds, agents), share, seed=seed, cycle=cycle))


def test_script_and_network_each_drive_the_people_drawn_for_them() -> None:
    harness = TrainingHarness.for_scenario(town())
    scenario, network = harness.scenario, harness.network
    assert scenario is not None
    behavior = HandoverBehavior(ScriptedBehavior(scenario), NeuralBehavior(network))
    behavior.driven = draw_driven((8, len(scenario.people)), 0.5, seed=0, cycle=0)
    loop = SimulationLoop(scenario, worlds=8, seed=0)
    buffer = loop.new_buffer(1)
    twins = [SimulationLoop(scenario, worlds=8, seed=0) for _ in range(2)]
    expected = [twin.new_buffer(1) for twin in twins]
    for twin, record, actor in zip(twins, expected, (ScriptedBehavior(scenario), NeuralBehavior(network)), strict=True):
        twin.collect(record, actor)
    loop.collect(buffer, behavior)
    script, neural = expected
    np.testing.assert_array_equal(buffer.action[0], np.where(behavior.driven, script.action[0], neural.action[0]))
    np.testing.assert_array_equal(buffer.log_prob[0], np.where(behavior.driven, 0.0, neural.log_prob[0]))
    np.testing.assert_array_equal(buffer.value[0], neural.value[0])


def test_what_the_script_did_never_enters_ppos_loss_and_what_the_network_did_is_never_cloned() -> None:
    harness = TrainingHarness.for_scenario(town())
    scenario = harness.scenario
    assert scenario is not None
    driven = draw_driven((8, len(scenario.people)), 0.5, seed=0, cycle=0)
    behavior = HandoverBehavior(HeuristicBehavior(), harness.behavior)
    behavior.driven = driven
    buffer = harness.loop.new_buffer(40)
    harness.loop.collect(buffer, behavior)
    own = rollout_batch(buffer, harness.network, harness.config, only=~driven)
    cloned = replay_batch(buffer, harness.network, harness.config, deterministic=True, only=driven)
    assert cloned.held_out is not None
    by_script = np.broadcast_to(driven, buffer.alive.shape).ravel()
    assert not by_script[own.rows].any()
    assert by_script[cloned.rows].all() and by_script[cloned.held_out].all()
    assert len(own.rows) + len(cloned.rows) + len(cloned.held_out) == buffer.agent_steps
    with torch.no_grad():
        log_probs, _ = harness.network(own.observation, own.mask)
    chances = log_probs.gather(1, own.action[:, None])[:, 0]
    torch.testing.assert_close(own.old_log_prob[own.rows], chances[own.rows], atol=1e-5, rtol=0)
    before = own.advantage[own.rows].clone()
    buffer.reward[:, driven] += 100.0
    after = rollout_batch(buffer, harness.network, harness.config, only=~driven)
    assert torch.equal(after.advantage[after.rows], before)
    assert after.statistics["reward_mean"] == own.statistics["reward_mean"]


CONFIG = HandoverConfig(script="scripted", accuracy_margin=0.05, reward_margin=0.02)


@pytest.mark.parametrize(
    ("accuracy", "majority", "learners", "script", "gate"),
    [
        (0.66, 0.6, None, 0.5, "open"),
        (0.61, 0.6, None, 0.5, "closed"),
        (0.97, 0.96, None, 0.5, "open"),  # the margin is a share of what is left to gain
        (None, None, None, 0.5, "closed"),
        (1.0, 0.2, 0.47, 0.5, "closed"),  # clones well, but has a lower reward
        (0.2, 0.6, 0.49, 0.5, "open"),  # differs from the script, with an equal reward
        (0.2, 0.6, 0.90, 0.5, "open"),
        (None, None, 0.9, None, "closed"),
    ],
)
def test_accuracy_decides_while_the_script_drives_everybody_and_rewards_decide_afterwards(
    accuracy: float | None, majority: float | None, learners: float | None, script: float | None, gate: str
) -> None:
    assert (
        gate_after(CONFIG, accuracy=accuracy, majority_rate=majority, learners_reward=learners, script_reward=script)
        == gate
    )


def test_the_share_falls_step_by_step_to_nobody_as_the_gate_lets_it(tmp_path: Path) -> None:
    harness, records = trained(14, handover={"script": "scripted", "steps": 4, "reward_margin": 10.0}, epochs=8)
    log = tmp_path / "log.jsonl"
    with TelemetryWriter(log, version=1.1) as writer:
        for record in records:
            writer.write(record)
    assert validate_log(log).valid
    shares = {r["cycle_id"]: r["handover_share"] for r in records if "handover_share" in r}
    assert list(dict.fromkeys(shares.values())) == [1.0, 0.75, 0.5, 0.25]
    assert harness.handover.share == 0.0 and harness.handover.gate == "open"
    first = [r for r in records if r["cycle_id"] == 1]
    assert {r["replay_method"] for r in first} == {"cloning"}
    for record in records:
        parts = [record.get(f"{of}_agent_steps", 0) for of in ("fresh", "replayed", "scripted")]
        assert sum(parts) == record["transitions"] and sum(part > 0 for part in parts) == 1
        assert (record["replay_method"] == "none") == (record["fresh_agent_steps"] > 0)
    last = records[-1]
    assert last["fresh_agent_steps"] == last["transitions"] and "handover_share" not in last


@pytest.mark.parametrize(("steps", "worlds"), [(3, 8), (7, 8), (10, 1)])
def test_the_hand_over_comes_to_an_end_whatever_the_number_of_steps_and_people(steps: int, worlds: int) -> None:
    handover = {"script": "scripted", "steps": steps, "reward_margin": 100.0, "accuracy_margin": 0.0}
    harness, records = trained(steps + 6, worlds=worlds, handover=handover, epochs=8)
    assert harness.handover.share == 0.0
    shares = list(dict.fromkeys(r["handover_share"] for r in records if "handover_share" in r))
    assert shares == pytest.approx([1.0 - step / steps for step in range(len(shares))])
    assert len(shares) in (steps, steps - 1)


def test_a_gate_that_never_opens_leaves_everybody_to_the_script() -> None:
    harness, records = trained(4, handover={"script": "scripted", "accuracy_margin": 0.99})
    assert harness.handover.share == 1.0
    assert {(r["handover_share"], r["handover_gate"]) for r in records} == {(1.0, "closed")}
    assert all(r["fresh_agent_steps"] == 0 for r in records)


def test_the_share_falls_only_after_a_cycle_with_an_open_gate() -> None:
    _, records = trained(10, handover={"script": "scripted", "steps": 10, "reward_margin": 0.0}, epochs=6)
    cycles = {r["cycle_id"]: [q for q in records if q["cycle_id"] == r["cycle_id"]] for r in records}
    seen = set()
    for cycle in range(1, 10):
        now, following = cycles[cycle], cycles[cycle + 1][0]
        own = [r for r in now if r["fresh_agent_steps"]]
        if own:
            # The script's rewards include its held-out part, so the outcome shows in the next cycle's gate.
            deserved = following["handover_gate"] == "open"
        else:
            deserved = now[-1]["cloning_accuracy_held_out"] > now[-1]["cloning_majority_rate"] + 0.05
            assert (following["handover_gate"] == "open") == deserved
        fell = now[0]["handover_share"] - following["handover_share"]
        assert fell == pytest.approx(0.1 if deserved else 0.0)
        seen.add(deserved)
    assert seen == {True, False}


def test_a_resumed_hand_over_ends_in_the_bytes_of_an_uninterrupted_one(tmp_path: Path) -> None:
    scenario = town(handover={"script": "scripted", "steps": 5, "reward_margin": 10.0})
    whole = train(scenario, TrainingOptions(mode="rollout", output=tmp_path / "whole", cycles=6))
    part = train(scenario, TrainingOptions(mode="rollout", output=tmp_path / "part", cycles=3))
    share = read_records(part.log)[-1]["handover_share"]
    assert 0.0 < share < 1.0
    resumed = train(scenario, TrainingOptions(mode="rollout", output=tmp_path / "part", cycles=6, resume=True))
    assert resumed.attempt == 2 and resumed.sha256 == whole.sha256 != part.sha256
    assert read_records(resumed.log)[-1].get("handover_share", 0.0) < share


def test_a_training_in_which_the_script_always_drove_everybody_reports_no_rollout_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "scenario" / QUEUE.name
    path.parent.mkdir()
    path.write_text(QUEUE.read_text().replace("\ntraining:\n", "\ntraining:\n  handover: {script: heuristic}\n"))
    output = tmp_path / "trained"
    command = ["train", str(path), "--output", str(output), "--cycles", "1", "--epochs", "1", "--worlds", "2"]
    for said in ("trained queue_conflict (rollout): 1 epochs", "nothing left to do"):
        assert main([*command, "--resume"]) == 0
        found = capsys.readouterr()
        assert said in found.out and "reward per agent-step: no rollout of its own" in found.out
    result = train(
        load_scenario(path), TrainingOptions(mode="rollout", output=output, cycles=1, epochs=1, worlds=2, resume=True)
    )
    assert result.already_done and result.first_reward_mean is None and result.last_reward_mean is None


def test_joint_mixing_during_a_hand_over_is_refused(tmp_path: Path) -> None:
    capture = read_capture(capture_rollout(QUEUE, tmp_path, behavior="random", worlds=2).manifest_path)
    harness = TrainingHarness.for_scenario(town(replay={"mixing": "joint"}))
    with pytest.raises(InputError, match=r"handover\.script: found scripted with replay\.mixing: joint"):
        harness.run("mixed", lambda fields: None, capture=capture)


@pytest.mark.parametrize(
    ("mode", "options", "obstacle"),
    [
        ("rollout", {"replay": {"held_out_share": 0.0}}, r"replay\.held_out_share: 0"),
        ("mixed", {"replay": {"mixing": "joint"}}, r"replay\.mixing: joint"),
        ("replay", {}, "mode replay"),
    ],
)
def test_a_hand_over_that_cannot_take_place_is_refused_before_anything_is_touched(
    tmp_path: Path, mode: str, options: dict[str, Any], obstacle: str
) -> None:
    manifest = capture_rollout(QUEUE, tmp_path / "capture", behavior="random", worlds=2).manifest_path
    train(load_scenario(QUEUE), TrainingOptions(mode="rollout", output=tmp_path / "out", cycles=1, worlds=2))
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with pytest.raises(InputError, match=rf"handover\.script: found scripted with {obstacle}"):
        train(
            town(**options),
            TrainingOptions(
                mode=mode, output=tmp_path / "out", replay_manifest=None if mode == "rollout" else manifest
            ),
        )
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
