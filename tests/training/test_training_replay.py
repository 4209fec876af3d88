"""Trainings from a capture to a policy: replay, rollout and both mixed, as the certificate runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.places import ROOT

from townlet.capture import capture_rollout, read_capture
from townlet.cli import main
from townlet.config import TrainingConfig, load_scenario
from townlet.telemetry import CLOCK_FIELDS, read_records, validate_log
from townlet.telemetry.rates import conflict_intensity
from townlet.training import TrainingHarness, TrainingOptions, train
from townlet.world import CONFLICT_KINDS
from townlet.world.state.events import INTENSITY_SUM

QUEUE_CONFLICT = ROOT / "configs" / "scenarios" / "queue_conflict.yaml"


def test_training_harness_rollout_queue_conflict_metrics() -> None:
    """A rollout's telemetry holds the totals of that rollout alone, though simulation and buffer are reused."""
    scenario = load_scenario(QUEUE_CONFLICT)
    config = TrainingConfig(worlds=16, rollout_ticks=40, epochs=1)
    harness = TrainingHarness.for_scenario(scenario.model_copy(update={"training": config}))
    loop = harness.loop
    records: list[dict[str, float]] = []
    totals: list[tuple[float, float]] = []
    for _ in range(4):
        harness.run_rollout(None, records.append)
        counter = loop.town.state.counter.sum(axis=0)
        totals.append((float(counter[: len(CONFLICT_KINDS)].sum()), float(counter[INTENSITY_SUM])))
    assert harness.loop is loop
    assert [(r["queue_conflict_events"], r["queue_conflict_intensity_sum"]) for r in records] == totals
    assert all(events > 0 and 0.1 * events <= intensity <= 5 * events for events, intensity in totals)
    assert [r["cycle_id"] for r in records] == [1, 2, 3, 4]
    assert {r["rollout_ticks"] for r in records} == {40}
    assert all(r["conflict.rivalry_max_max_avg"] >= r["conflict.rivalry_max_mean_avg"] > 0 for r in records)


def test_mixed_training_alternates_replay_and_rollout_on_one_network(tmp_path: Path) -> None:
    manifest = capture_rollout(QUEUE_CONFLICT, tmp_path / "capture").manifest_path
    log = tmp_path / "mixed.jsonl"
    result = train(
        load_scenario(QUEUE_CONFLICT),
        TrainingOptions(
            mode="mixed",
            output=tmp_path,
            replay_manifest=manifest,
            ppo_log=log,
            rollout_ticks=20,
            worlds=4,
            epochs=2,
            cycles=2,
        ),
    )
    assert validate_log(log).valid
    records = read_records(log)
    assert [r["data_mode"] for r in records] == ["replay", "replay", "rollout", "rollout"] * 2
    assert [r["cycle_id"] for r in records] == [0, 0, 1, 1, 1, 1, 2, 2]
    assert [r["rollout_ticks"] for r in records] == [0, 0, 20, 20] * 2
    capture = read_capture(manifest)
    replayed = [r for r in records if r["data_mode"] == "replay"]
    assert {r["queue_conflict_events"] for r in replayed} == {capture.manifest.totals["queue_conflict_events"]}
    assert {r["baseline_sample_count"] for r in records} == {3}
    card = json.loads(result.policy.read_text())
    assert card["provenance"]["parents"]["replay_manifest_sha256"] == capture.manifest_sha256


def test_a_policy_learns_to_shower_from_its_own_rollouts() -> None:
    scenario = load_scenario(QUEUE_CONFLICT)
    config = TrainingConfig(worlds=32, rollout_ticks=80, epochs=4, cycles=30, seed=3)
    harness = TrainingHarness.for_scenario(scenario.model_copy(update={"training": config}))
    records: list[dict[str, float]] = []
    harness.run("rollout", records.append)
    assert records[-1]["reward_mean"] > records[0]["reward_mean"] + 0.2
    assert records[-1]["shower_complete_events"] > 3 * records[0]["shower_complete_events"]
    assert records[-1]["reward_clipped_share"] < 0.01


@pytest.mark.parametrize("mode", ["rollout", "replay", "mixed"])
def test_the_same_seed_gives_the_same_bytes_in_separate_processes(tmp_path: Path, mode: str) -> None:
    for run in ("one", "two"):
        folder = tmp_path / run
        options = ["--worlds", "4", "--rollout-ticks", "30", "--cycles", "2", "--epochs", "2", "--seed", "5"]
        replay = [] if mode == "rollout" else ["--replay-manifest", f"{folder}/rollout_sample_manifest.json"]
        capture = ["capture", str(QUEUE_CONFLICT), "--output", str(folder), "--worlds", "2"]
        training = ["train", str(QUEUE_CONFLICT), "--mode", mode, "--output", str(folder), *options, *replay]
        code = f"import sys; from townlet.cli import main; sys.exit(main({capture}) or main({training}))"
        # A random hash seed reveals any dependence on a set's order.
        environment = {**os.environ, "PYTHONHASHSEED": "random"}
        subprocess.run([sys.executable, "-c", code], check=True, env=environment, capture_output=True)
    one, two = tmp_path / "one", tmp_path / "two"
    names = sorted(file.name for file in one.iterdir() if file.is_file())
    assert names == sorted(file.name for file in two.iterdir() if file.is_file())
    assert "policy.safetensors" in names and "rollout_sample_manifest.json" in names
    for name in names:
        if name == "ppo_telemetry.jsonl":
            assert _without_clocks(one / name) == _without_clocks(two / name)
        else:
            assert (one / name).read_bytes() == (two / name).read_bytes(), name


def _without_clocks(log: Path) -> list[dict[str, object]]:
    return [{key: value for key, value in record.items() if key not in CLOCK_FIELDS} for record in read_records(log)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--mode", "replayed"],
            "mode: found 'replayed', expected one of mixed, replay, rollout; did you mean 'replay'?",
        ),
        (["--mode", "mixed"], "replay_manifest: found nothing"),
        (["--mode", "rollout", "--epochs", "0"], "epochs: found 0"),
        (["--mode", "rollout", "--rollout-ticks", "-3"], "rollout_ticks: found -3"),
        (["--mode", "replay", "--replay-manifest", "nowhere.json"], "nowhere.json: found no such file"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    log = tmp_path / "out" / "ppo.jsonl"
    assert main(["train", str(QUEUE_CONFLICT), "--ppo-log", str(log), *options]) == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error
    assert not log.exists()


def test_a_capture_of_another_town_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kitchen = ROOT / "configs" / "scenarios" / "kitchen_breakfast.yaml"
    manifest = capture_rollout(kitchen, tmp_path / "capture").manifest_path
    options = ["--mode", "replay", "--replay-manifest", str(manifest), "--output", str(tmp_path / "out")]
    assert main(["train", str(QUEUE_CONFLICT), *options]) == 2
    error = capsys.readouterr().err
    assert "rollout_sample_manifest.json: scenario.name: found 'kitchen_breakfast'" in error
    assert not (tmp_path / "out").exists()


def test_a_capture_under_other_rules_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = tmp_path / "queue_conflict.yaml"
    changed.write_text(QUEUE_CONFLICT.read_text().replace("conflict_actor: 0.1", "conflict_actor: 0.3"))
    manifest = capture_rollout(changed, tmp_path / "capture").manifest_path
    options = ["--mode", "replay", "--replay-manifest", str(manifest), "--output", str(tmp_path / "out")]
    assert main(["train", str(QUEUE_CONFLICT), *options]) == 2
    assert "scenario.town_sha256: found" in capsys.readouterr().err
    assert main(["train", str(changed), *options, "--epochs", "1", "--cycles", "1"]) == 0


def test_a_file_that_is_not_a_training_log_is_never_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("what I must not forget\n")
    assert main(["train", str(QUEUE_CONFLICT), "--ppo-log", str(notes), "--cycles", "1", "--worlds", "1"]) == 2
    assert "notes.txt: line 1: found something other than a telemetry record" in capsys.readouterr().err
    assert notes.read_text() == "what I must not forget\n"


def test_a_replays_reward_and_conflicts_cover_the_whole_capture_including_what_is_held_out(tmp_path: Path) -> None:
    result = capture_rollout(QUEUE_CONFLICT, tmp_path / "capture", behavior="scripted", worlds=2)
    capture = read_capture(result.manifest_path)
    trained = train(
        load_scenario(QUEUE_CONFLICT),
        TrainingOptions(mode="replay", output=tmp_path, replay_manifest=result.manifest_path, epochs=1),
    )
    record = read_records(trained.log)[-1]
    buffer = capture.buffer
    assert record["held_out_agent_steps"] > 0
    assert record["counted_agent_steps"] == buffer.agent_steps == record["transitions"] + record["held_out_agent_steps"]
    assert record["reward_mean"] == pytest.approx(float(buffer.reward[buffer.alive].mean()), rel=1e-5)
    expected = 1000.0 * buffer.totals["queue_conflict_intensity_sum"] / buffer.agent_steps
    assert conflict_intensity(record) == pytest.approx(expected)
