"""Sweeps by real processes: killed and resumed, continued, and refused."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from support.places import QUEUE_CONFLICT

from townlet.cli import main
from townlet.sweep.reading import optuna_study

SPACE = "ppo.gamma: {low: 0.0, high: 0.95}\nppo.learning_rate: {low: 1e-3, high: 1e-2, log: true}\n"
SMALL = ["--set", "training.worlds=2", "--set", "rollout_ticks=20", "--worlds", "2", "--cycles", "6"]
RESULTS = ("sweep.json", "sweep.md", "sweep.png", "best.yaml", "experiment.yaml")


def command(folder: Path, output: str, *options: str) -> list[str]:
    words = ["sweep", str(QUEUE_CONFLICT), str(folder / "space.yaml"), *SMALL, "--seeds-per-trial", "1"]
    return [*words, "--trials", "5", "--confirm", "2", "--output", str(folder / output), *options]


def killed(arguments: list[str], folder: Path, trial: str) -> None:
    """Run a sweep in a process of its own, and kill it in the training of a trial; wait until its own have ended."""
    code = "import sys; from townlet.cli import run; run(sys.argv[1:])"
    with subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE) as process:
        children: list[psutil.Process] = []
        while not (folder / trial / "seed-0" / "checkpoint.safetensors").exists():
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.005)
            children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert children
        _, alive = psutil.wait_procs(children, timeout=30)
        assert not alive, "processes of a sweep end with it"


def test_a_sweep_that_was_killed_has_the_bytes_of_one_that_was_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "space.yaml").write_text(SPACE)
    # It would have been a shorter one.
    killed(command(tmp_path, "killed", "--trials", "4"), tmp_path / "killed", "trial-02")
    assert json.loads((tmp_path / "killed" / "trial-00" / "trial.json").read_text())["state"] == "complete"
    assert main(command(tmp_path, "killed")) == 0
    resumed = capsys.readouterr().out
    assert main(command(tmp_path, "whole")) == 0
    whole = capsys.readouterr().out
    assert resumed == whole.replace(str(tmp_path / "whole"), str(tmp_path / "killed"))
    for name in RESULTS:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    content = json.loads((tmp_path / "whole" / "sweep.json").read_text())
    assert sum(content["counts"].values()) == len(content["trials"]) == 5
    _check_results(content, tmp_path / "whole", whole)
    _check_going_on(tmp_path, capsys)


def _check_results(content: dict[str, object], folder: Path, printed: str) -> None:
    assert "5 trials: " in printed
    commands = ("next: ", str(folder))
    assert all(len(line) <= 80 for line in printed.splitlines() if not line.startswith(commands))
    study = optuna_study(folder)
    assert study.best_value == content["best"]["score"]  # type: ignore[index]
    page = (folder / "sweep.md").read_text()
    assert "over 2 seeds, 1 to 2, which no trial used" in page


def _check_going_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / "whole" / "sweep.json").stat()
    assert main(command(folder, "whole", "--metric", "faints_per_1000")) == 2
    error = capsys.readouterr().err
    assert "plan.json: metric: found faints_per_1000, expected reward_mean, as the sweep in this folder has" in error
    assert (folder / "whole" / "sweep.json").stat() == before
    assert main(command(folder, "whole", "--confirm", "0")) == 0
    assert "It is not confirmed" in capsys.readouterr().out.replace("\n", " "), "what is done is not done again"
