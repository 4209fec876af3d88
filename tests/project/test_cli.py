"""Command line: help, errors, progress, interruption, and the commands that measure and draw."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from support.places import ROOT
from typer.main import get_command

from townlet.cli import app, main
from townlet.cli.groups import OTHERS

QUEUE_CONFLICT = ROOT / "configs" / "scenarios" / "queue_conflict.yaml"
TOWNLET = [sys.executable, "-c", "from townlet.cli import run; run()"]


@pytest.mark.parametrize("command", [[], ["capture"], ["train"], ["plot"], ["bench", "world"], ["study", "learning"]])
def test_commands_have_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--help"]) == 0
    assert "Usage: townlet" in capsys.readouterr().out


def test_playback_answers_to_its_former_name_which_no_help_mentions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["capture", str(QUEUE_CONFLICT), "--output", str(tmp_path)]) == 0
    manifest, pages = str(tmp_path / "rollout_sample_manifest.json"), [tmp_path / "new.html", tmp_path / "old.html"]
    for name, page in zip(["playback", "replay"], pages, strict=True):
        assert main([name, manifest, "--output", str(page)]) == 0
    assert pages[0].read_bytes() == pages[1].read_bytes()
    capsys.readouterr()
    assert main(["--help"]) == 0
    commands = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert "playback" in commands and "replay" not in commands


def test_help_lists_every_command_once_in_a_group_with_its_whole_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    command = get_command(app)
    assert isinstance(command, click.Group)
    for name, each in command.commands.items():
        listed = [line for line in shown.splitlines() if line.startswith(f"  {name}  ")]
        assert len(listed) == (not each.hidden), name
    assert f"\n{OTHERS}:" not in shown and "..." not in shown.replace("[ARGS]...", "")


@pytest.mark.parametrize(
    ("words", "completion"),
    [("townlet sho", "show"), ("townlet train --wor", "--worlds"), ("townlet show queue", "queue_conflict")],
)
def test_a_shell_completes_commands_options_and_names_of_scenarios(words: str, completion: str) -> None:
    asked = {"_TOWNLET_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run([*TOWNLET], env={**os.environ, **asked}, capture_output=True, text=True)
    assert done.stdout.split() == [completion]


def test_schema_describes_every_key_of_a_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["additionalProperties"] is False and "people" in schema["properties"]
    queue = schema["$defs"]["QueueRules"]["properties"]
    assert "in which the person cannot queue" in queue["cooldown_ticks"]["description"]


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["captrue"]) == 2
    assert "capture" in capsys.readouterr().err


def test_a_wrong_path_prints_only_its_error_and_compiles_nothing(tmp_path: Path) -> None:
    wrong = {
        "first.json": ["train", str(QUEUE_CONFLICT), "--mode", "replay", "--replay-manifest", "first.json"],
        "second.json": ["playback", "second.json"],
        "third.json": ["soak", str(QUEUE_CONFLICT), "--baseline", "third.json"],
        "/nowhere.yaml": ["bench", "world", "--scenario", "/nowhere.yaml"],
    }
    program = "import json, sys; from townlet.cli import main; print([main(each) for each in json.loads(sys.argv[1])])"
    command = [sys.executable, "-c", program, json.dumps(list(wrong.values()))]
    environment = {**os.environ, "TOWNLET_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout == f"{[2] * len(wrong)}\n"
    for line, missing in zip(done.stderr.splitlines(), wrong, strict=True):
        assert line.startswith(f"error: {missing}: found no such file")
    assert not [path for path in tmp_path.iterdir() if path.name != "cache"]


def test_the_notice_of_compiling_is_printed_once_when_compiling_begins(tmp_path: Path) -> None:
    program = "import sys, numba\nfrom townlet.cli.console import compiling_notice\ncompiling_notice()\n"
    program += "print('begin', file=sys.stderr)\nfor value in (1, 2.0):\n    numba.njit(lambda x: x)(value)"
    environment = {**os.environ, "TOWNLET_CACHE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.stderr == "begin\ncompiling the town's rules; once per version, well under a minute\n"


def test_study_learning_reports_every_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scenario = tmp_path / "queue_conflict.yaml"
    scenario.write_text(QUEUE_CONFLICT.read_text().replace("worlds: 64", "worlds: 4"))
    options = ["--seeds", "2", "--cycles", "6", "--output", str(tmp_path / "results")]
    assert main(["study", "learning", str(scenario), *options]) == 0
    report = tmp_path / "results" / "queue-conflict-learning.md"
    assert capsys.readouterr().out.strip() == str(report)
    data = json.loads(report.with_suffix(".json").read_text())
    assert data["seeds"] == [0, 1] and [len(curve) for curve in data["reward_mean"]] == [6, 6]
    assert data["reward_mean"][0] != data["reward_mean"][1]
    # People who faint leave their slot empty for a while.
    assert 0.5 < data["agent_steps_per_seed"] / (6 * 80 * 4 * 3) <= 1
    assert report.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert "| 1 |" in report.read_text()


def test_plot_draws_a_captured_world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["capture", str(QUEUE_CONFLICT), "--output", str(tmp_path)]) == 0
    manifest, picture = tmp_path / "rollout_sample_manifest.json", tmp_path / "queue.png"
    assert main(["plot", str(manifest), "--output", str(picture)]) == 0
    first = picture.read_bytes()
    assert main(["plot", str(manifest), "--output", str(picture)]) == 0
    assert picture.read_bytes() == first
    capsys.readouterr()
    for world in ("1", "-1"):
        assert main(["plot", str(manifest), "--output", str(picture), "--world", world]) == 2
        assert f"--world: found {world}, expected below 1" in capsys.readouterr().err


def test_an_interrupted_training_leaves_a_valid_log_and_no_half_written_policy(tmp_path: Path) -> None:
    command = [*TOWNLET, "train", str(QUEUE_CONFLICT), "--output", str(tmp_path), "--cycles", "1000000"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    log = tmp_path / "ppo_telemetry.jsonl"
    try:
        while not (log.exists() and log.stat().st_size):
            assert process.poll() is None
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        _, error = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "interrupted" in error and "--resume goes on there" in error and "Traceback" not in error
    assert main(["validate", str(log)]) == 0
    visible = sorted(file.name for file in tmp_path.iterdir() if not file.name.startswith("."))
    assert visible == ["checkpoint.safetensors", "ppo_telemetry.jsonl"]
