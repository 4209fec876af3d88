"""Captures record every agent-step and event, the observations and masks of each choice, and every file's hash."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.captures import QUEUE, capture, events, files_in, queue_scenario, rows_of, steps

from townlet.behavior import RandomBehavior
from townlet.capture import MANIFEST_NAME, METRICS_NAME, capture_rollout, read_capture, verify_capture
from townlet.capture.record import code_sha256
from townlet.capture.tables import EVENTS_SCHEMA, steps_schema
from townlet.cli import main
from townlet.config import load_scenario
from townlet.files.storage import sha256
from townlet.world import CONFLICT_KINDS, EVENT_KINDS, Town


def test_the_command_and_the_function_write_the_same_capture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["capture", str(QUEUE), "--output", str(tmp_path / "command")]) == 0
    printed = capsys.readouterr()
    result = capture_rollout(QUEUE, tmp_path / "function")
    assert files_in(tmp_path / "command") == files_in(tmp_path / "function")
    assert printed.out.startswith("captured 240 agent-steps of queue_conflict (1 world(s) × 80 ticks, scripted)\n")
    assert result.manifest_sha256 in printed.out


def test_a_capture_is_a_manifest_metrics_events_and_steps_and_the_manifest_has_their_hashes(tmp_path: Path) -> None:
    result = capture_rollout(QUEUE, tmp_path, worlds=3)
    manifest = result.manifest
    written = files_in(tmp_path)
    named = {manifest.metrics.file, manifest.events.file, manifest.shards[0].file}
    assert set(written) == {MANIFEST_NAME, METRICS_NAME, *named}
    for entry in (manifest.events, manifest.metrics, *manifest.shards):
        assert (len(written[entry.file]), sha256(written[entry.file])) == (entry.bytes, entry.sha256)
    assert sha256(written[MANIFEST_NAME]) == result.manifest_sha256
    assert manifest.scenario.file_sha256 == sha256(QUEUE.read_bytes())
    assert (
        manifest.scenario.config_sha256
        == load_scenario(QUEUE)
        .model_copy(update={"capture": load_scenario(QUEUE).capture.model_copy(update={"worlds": 3})})
        .digest
    )
    assert manifest.code_sha256 == code_sha256()
    assert verify_capture(result.manifest_path) == manifest
    assert json.loads(written[METRICS_NAME]) == result.metrics


def test_tables_have_the_documented_columns_and_a_row_per_agent_step_and_event(tmp_path: Path) -> None:
    manifest = capture_rollout(QUEUE, tmp_path, worlds=3).manifest
    table = steps(tmp_path, manifest)
    town = Town(load_scenario(QUEUE), worlds=1, seed=0)
    assert table.schema == steps_schema(town.people, len(town.observation_schema), len(town.action_names))
    assert (manifest.observation, manifest.actions) == (town.observation_schema, town.action_names)
    assert table.num_rows == manifest.rows == 3 * 80 * 3
    places = list(zip(*(table[name].to_pylist() for name in ("world", "tick", "agent")), strict=True))
    assert places == [(w, t, a) for w in range(3) for t in range(80) for a in ("anna", "ben", "cara")]
    happened = events(tmp_path / MANIFEST_NAME)
    assert len(happened) == manifest.events.rows > 0
    assert set(happened[0]) == set(EVENTS_SCHEMA.names)


def test_pandas_opens_the_shards(tmp_path: Path) -> None:
    manifest = capture_rollout(QUEUE, tmp_path).manifest
    frame = pd.read_parquet(tmp_path / manifest.shards[0].file)
    assert len(frame) == manifest.rows
    assert frame["observation"].map(len).unique().tolist() == [len(manifest.observation)]
    assert frame.groupby("agent", observed=True)["reward"].mean().notna().all()
    assert len(pd.read_parquet(tmp_path / manifest.events.file)) == manifest.events.rows


@pytest.mark.parametrize("behavior", ["scripted", "random"])
def test_an_observation_is_what_the_action_was_chosen_on(tmp_path: Path, behavior: str) -> None:
    path = capture(tmp_path, worlds=4, seed=21, behavior=behavior)
    buffer = read_capture(path).buffer
    town = Town(load_scenario(QUEUE), worlds=4, seed=21)
    happened = []
    for tick in range(buffer.ticks):
        alive = buffer.alive[tick]
        assert (alive == town.alive).all()
        assert (buffer.observation[tick] == town.observation).all()
        assert (buffer.mask[tick] == town.mask).all()
        town.step(buffer.action[tick])
        assert (buffer.reward[tick][alive] == town.reward[alive]).all()
        assert (buffer.terminated[tick][alive] == town.terminated[alive]).all()
        for world in range(4):
            count = town.state.worlds[world].event_count
            happened += [(world, tick, EVENT_KINDS[e.kind]) for e in town.state.events[world, :count]]
    assert (buffer.cut_observation[0][buffer.truncated[-1]] == town.observation[buffer.truncated[-1]]).all()
    recorded = [(row["world"], row["tick"], row["kind"]) for row in events(path)]
    assert recorded == sorted(happened, key=lambda row: row[:2])


def test_the_end_of_the_episode_is_truncated_for_all_who_are_left_and_shows_what_they_saw_last(tmp_path: Path) -> None:
    manifest = capture_rollout(QUEUE, tmp_path, worlds=3, behavior="random").manifest
    rows = rows_of(steps(tmp_path, manifest))
    assert any(row["terminated"] for row in rows)
    for row in rows:
        assert row["truncated"] == (row["tick"] == 79 and not row["terminated"])
        assert (row["final_observation"] is not None) == row["truncated"]


def test_events_name_people_and_objects_and_leave_out_what_does_not_apply(tmp_path: Path) -> None:
    happened = events(capture(tmp_path))
    for row in happened:
        assert (row["kind"] in CONFLICT_KINDS) == (row["intensity"] != 0)
        assert row["actor"] in ("anna", "ben", "cara") and row["object"] == "shower_1"
        assert (row["rival"] is None) == (row["kind"] == "use_completed")
        assert (row["detail"] is None) == (row["kind"] != "use_completed")


def test_a_script_is_deterministic_without_log_probabilities_or_values(tmp_path: Path) -> None:
    manifest = capture_rollout(QUEUE, tmp_path).manifest
    table = steps(tmp_path, manifest)
    behavior = manifest.behavior
    assert (behavior.name, behavior.deterministic, behavior.has_values) == ("scripted", True, False)
    assert behavior.policy_sha256 is None
    assert set(table["log_prob"].to_pylist()) == {0.0}
    assert table["value"].null_count == table.num_rows
    assert np.isnan(read_capture(tmp_path / MANIFEST_NAME).buffer.value).all()


def test_the_random_behaviour_records_the_log_probability_of_its_legal_action(tmp_path: Path) -> None:
    manifest = capture_rollout(QUEUE, tmp_path, worlds=4, behavior="random").manifest
    buffer = read_capture(tmp_path / MANIFEST_NAME).buffer
    assert (manifest.behavior.deterministic, manifest.behavior.has_values) == (False, False)
    legal = buffer.mask.sum(-1)
    assert np.allclose(buffer.log_prob[buffer.alive], -np.log(legal)[buffer.alive], atol=1e-6)
    assert np.take_along_axis(buffer.mask, buffer.action[..., None], -1).all()


def test_the_random_behaviour_takes_every_legal_action_equally_often() -> None:
    town = Town(load_scenario(QUEUE), worlds=6000, seed=1)
    action = np.zeros((6000, 3), np.int32)
    RandomBehavior().act(town, action, np.zeros((6000, 3), np.float32), np.zeros((6000, 3), np.float32))
    for person in range(3):
        legal = np.flatnonzero(town.mask[0, person])
        share = np.bincount(action[:, person], minlength=town.mask.shape[-1]) / 6000
        assert np.abs(share[legal] - 1 / len(legal)).max() < 0.02
        assert share[legal].sum() == pytest.approx(1.0)


def test_options_override_the_file_as_if_they_were_written_in_it(tmp_path: Path) -> None:
    by_option = capture_rollout(QUEUE, tmp_path / "option", ticks=65, worlds=3, seed=99)
    file = queue_scenario(tmp_path, ticks="ticks: 65", seed="seed: 99", extra="capture: {worlds: 3}\n")
    by_file = capture_rollout(file, tmp_path / "file")
    manifest = by_option.manifest
    assert (manifest.ticks, manifest.worlds, manifest.seed, manifest.rows) == (65, 3, 99, 65 * 3 * 3)
    assert manifest.scenario.config_sha256 == by_file.manifest.scenario.config_sha256
    assert manifest.shards == by_file.manifest.shards
    assert by_option.metrics == by_file.metrics


def test_a_shorter_episode_leaves_out_instructions_that_it_does_not_reach(tmp_path: Path) -> None:
    assert capture_rollout(QUEUE, tmp_path, ticks=10).manifest.rows == 30


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--ticks", "0"], "--ticks: found 0, expected greater than or equal to 1"),
        (["--worlds", "0"], "--worlds: found 0, expected greater than or equal to 1"),
        (["--seed", "-1"], "--seed: found -1, expected greater than or equal to 0"),
        (
            ["--behavior", "scriptd"],
            "--behavior: found 'scriptd', expected one of generalist, heuristic, neural, random, scripted; did you "
            "mean 'scripted'; or the place of a policy, FILE.onnx, package.module:factory or FILE.py:factory, "
            "KEY=BEHAVIOR,KEY=BEHAVIOR, with a person's name, a job, a share such as 50%, or others as KEY",
        ),
        (["--behavior", "neural"], "--policy: found nothing, expected a policy.json for the neural behaviour"),
        (
            ["--behavior", "random", "--policy", "p.json"],
            "--policy: found p.json, expected none: the random behaviour has no weights",
        ),
    ],
)
def test_unusable_options_are_named_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert main(["capture", str(QUEUE), "--output", str(tmp_path / "out"), *options]) == 2
    assert capsys.readouterr().err == f"error: options: {message}\n"
    assert not (tmp_path / "out").exists()


def test_worlds_in_several_shards_give_the_same_rows_events_and_metrics_as_in_one(tmp_path: Path) -> None:
    whole = capture_rollout(QUEUE, tmp_path / "whole", worlds=5, behavior="random")
    file = queue_scenario(tmp_path, extra="capture: {worlds: 5, worlds_per_shard: 2}\n")
    parts = capture_rollout(file, tmp_path / "parts", behavior="random")
    assert [(shard.first_world, shard.worlds) for shard in parts.manifest.shards] == [(0, 2), (2, 2), (4, 1)]
    assert steps(tmp_path / "parts", parts.manifest).equals(steps(tmp_path / "whole", whole.manifest))
    assert parts.manifest.events == whole.manifest.events
    assert parts.manifest.metrics == whole.manifest.metrics
    ours, theirs = (read_capture(result.manifest_path).buffer for result in (parts, whole))
    for name in ("observation", "mask", "action", "log_prob", "reward", "reward_parts", "alive", "truncated"):
        assert (getattr(ours, name) == getattr(theirs, name)).all(), name


def test_two_processes_write_byte_identical_captures(tmp_path: Path) -> None:
    scenario = queue_scenario(tmp_path, extra="capture: {worlds: 3, worlds_per_shard: 2}\n")
    behaviors = ("scripted", "random")
    code = (
        "import sys; from townlet.capture import capture_rollout\n"
        f"for name in {behaviors}: capture_rollout(sys.argv[1], f'{{sys.argv[2]}}/{{name}}', behavior=name)"
    )
    runs = [subprocess.Popen([sys.executable, "-c", code, scenario, tmp_path / run]) for run in ("first", "second")]
    assert [process.wait() for process in runs] == [0, 0]
    for behavior in behaviors:
        first = files_in(tmp_path / "first" / behavior)
        assert len(first) == 6
        assert first == files_in(tmp_path / "second" / behavior)


def test_a_new_capture_replaces_the_old_one_and_removes_its_tables(tmp_path: Path) -> None:
    old = capture_rollout(QUEUE, tmp_path, seed=1)
    (tmp_path / ".steps-00000-0123456789ab.parquet.77.part").write_bytes(b"left by a capture that was killed")
    (tmp_path / "notes.txt").write_text("not ours")
    (tmp_path / "steps-mine.parquet").write_text("not ours either")
    new = capture_rollout(QUEUE, tmp_path, seed=2)
    assert old.manifest.shards[0].file != new.manifest.shards[0].file
    ours = {MANIFEST_NAME, METRICS_NAME, new.manifest.metrics.file, new.manifest.events.file}
    names = {*ours, new.manifest.shards[0].file, "notes.txt", "steps-mine.parquet"}
    assert {path.name for path in tmp_path.iterdir()} - {".lock"} == names
    assert verify_capture(new.manifest_path) == new.manifest


def test_a_refused_capture_leaves_the_earlier_one_as_it_was(tmp_path: Path) -> None:
    capture(tmp_path / "capture")
    before = files_in(tmp_path / "capture")
    broken = queue_scenario(tmp_path, ticks="ticks: none")
    assert main(["capture", str(broken), "--output", str(tmp_path / "capture")]) == 2
    assert files_in(tmp_path / "capture") == before
