"""``make run``: the command that materializes a scenario's column and prints a summary."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import filelock
import pytest
from dagster import AssetKey, DagsterInstance
from support.pipeline_commands import make_run
from support.places import ROOT

from townlet_pipeline.instance.opening import open_instance

SCENARIO = "observation_baseline"
ASSETS = ["scenario", "rollout_capture", "replay_manifest", "trained_policy", "ppo_telemetry", "validated_telemetry"]
#: Assets without descendants, which may come in any order.
LEAVES = ["policy_evaluation", "rollout_playback", "summary_report", "telemetry_alerts"]


def test_a_run_prints_a_summary_and_is_kept(tmp_path: Path) -> None:
    home, store = tmp_path / "home", tmp_path / "store"
    words = [SCENARIO, "--home", str(home), "--store", str(store), "--cycles", "1", "--epochs", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "townlet_pipeline.run", *words], capture_output=True, text=True, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    named = [match[1] for line in lines if (match := re.match(r"  ([a-z_]+) +[\d.]+ s  \S", line))]
    assert [name for name in named if name not in LEAVES] == ASSETS
    assert sorted(set(named) - set(ASSETS)) == LEAVES
    assert len(lines) < 24, "no debug log on the terminal"
    assert re.search(r"^  conflict intensity, per 100 completed uses: script none, policy ", done.stdout, re.MULTILINE)
    assert re.search(r"^  mean reward, per agent-step: script \S+, policy \S+$", done.stdout, re.MULTILINE)
    # In this drill the script only waits.
    assert "cannot be compared." in done.stdout
    assert "telemetry: 4 records valid, no alerts" in lines
    report = store / SCENARIO / "summary_report" / "report.html"
    assert f"report: {report}" in lines
    assert report.is_file()
    assert "make ui" in lines[-1]
    with DagsterInstance.from_config(str(home)) as instance:
        for name in (*ASSETS, *LEAVES):
            assert instance.get_materialized_partitions(AssetKey(name)) == {SCENARIO}


def test_an_unknown_scenario_or_mode_is_refused_before_anything_runs(tmp_path: Path) -> None:
    done = make_run("queue_conflicts", "--home", str(tmp_path / "home"))
    assert done.returncode == 2
    assert "did you mean 'queue_conflict'?" in done.stderr
    assert "Traceback" not in done.stderr
    done = make_run(SCENARIO, "--mode", "mix", "--home", str(tmp_path / "home"))
    assert done.returncode == 2
    assert "expected one of mixed, replay, rollout; did you mean 'mixed'?" in done.stderr


def test_a_failing_step_is_named_with_its_reason_and_the_exit_code_is_1(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    file = tmp_path / "configs" / "scenarios" / f"{SCENARIO}.yaml"
    file.write_text(file.read_text().replace("width: 5", "width: wide"))
    unregistered = make_run(SCENARIO, TOWNLET_PROJECT=str(tmp_path))
    assert unregistered.returncode == 2
    assert "map.width (line 8): found 'wide'" in unregistered.stderr
    # A scenario stays a partition when its file is broken later.
    with DagsterInstance.from_config(str(tmp_path / ".dagster")) as instance:
        instance.add_dynamic_partitions("scenarios", [SCENARIO])
    done = make_run(SCENARIO, TOWNLET_PROJECT=str(tmp_path))
    assert done.returncode == 1
    assert "scenario: FAILED: " in done.stdout
    assert "map.width (line 8): found 'wide'" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert (tmp_path / ".dagster" / "dagster.yaml").is_file(), "by default the home is in the project"
    (page,) = (tmp_path / "runs" / "incidents").glob("*.md")
    assert "map.width" in page.read_text(), "although no daemon runs"
    assert f"incident: runs/incidents/{page.name}; no message was sent" in done.stderr


def test_a_second_run_of_a_scenario_waits_for_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    home = tmp_path / "home"
    (home / "turns").mkdir(parents=True)
    words = [sys.executable, "-m", "townlet_pipeline.run", SCENARIO, "--home", str(home), "--mode", "rollout"]
    words += ["--store", str(tmp_path / "store"), "--cycles", "0"]
    project = {**os.environ, "TOWNLET_PROJECT": str(tmp_path), "DAGSTER_HOME": ""}
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    file = tmp_path / "configs" / "scenarios" / f"{SCENARIO}.yaml"
    file.write_text(file.read_text().replace("width: 5", "width: wide"))
    with open_instance(home) as instance:
        # A scenario stays a partition when its file is broken later.
        instance.add_dynamic_partitions("scenarios", [SCENARIO])
    with filelock.FileLock(home / "turns" / f"{SCENARIO}.lock"):
        # The pipe is closed early, which must not end the run.
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=project
        )
        assert process.stdout is not None
        waits = "waiting for another run of this scenario in a terminal to end"
        assert process.stdout.readline() == f"{SCENARIO}: {waits}\n"
        process.stdout.close()
        process.stdout = None
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "no message was sent" in errors
    assert errors.endswith(f"{SCENARIO}: failed; assets downstream of the failure were left unchanged\n")
