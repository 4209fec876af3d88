"""Kills: a soak that was killed and resumed, however often, leaves the bytes of an uninterrupted one.

``SOAK_KILLS=50 python -m pytest tests/soak/test_soak_kills.py`` sets the number of kills.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.killed_trainings import Trainings, trainings
from support.left_behind import outputs
from support.services import wait_until
from support.tiny_soak import rows_of, tiny_baseline, tiny_scenario

from townlet.cli import main
from townlet.soak.read import read_soak
from townlet.telemetry import read_records

KILLS = int(os.environ.get("SOAK_KILLS", "6"))
CYCLES = 12


@pytest.fixture(scope="module")
def processes() -> Iterator[Trainings]:
    with trainings() as server:
        yield server


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The arguments of the soak that all of these tests run, except for its folder."""
    folder = tmp_path_factory.mktemp("asked")
    scenario = tiny_scenario(folder / "scenario")
    baseline = tiny_baseline(scenario, folder / "baseline")
    return [str(scenario), "--baseline", str(baseline), "--cycles", str(CYCLES), "--resume", "--output"]


@pytest.fixture(scope="module")
def whole(processes: Trainings, asked: list[str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """An uninterrupted soak, and the seconds it took."""
    root = tmp_path_factory.mktemp("whole")
    # The first soak includes the time in which the server loads everything.
    for folder in (root / "first", root / "soak"):
        started = time.perf_counter()
        end = processes.run(*asked, folder, folder=folder, command="soak")
        assert end.code == 0, end.errors
    return folder, time.perf_counter() - started


def require_equal(killed: Path, whole: Path) -> None:
    assert outputs(killed) == outputs(whole)
    soak = read_soak(killed)
    assert soak.cycles["cycle"].tolist() == soak.resources["cycle"].tolist() == list(range(1, CYCLES + 1))
    assert (soak.resources["seconds"] > 0).all()
    process = soak.resources["process"].tolist()
    assert process == sorted(process)
    epochs = [record["epoch"] for record in read_records(killed / "telemetry.jsonl")]
    assert epochs == list(range(1, 4 * CYCLES + 1))


def test_a_soak_killed_at_random_moments_loses_and_repeats_no_cycle(
    processes: Trainings, asked: list[str], whole: tuple[Path, float], tmp_path: Path
) -> None:
    folder, seconds = whole
    moments, kills, soaks = random.Random(0), 0, 0
    killed = tmp_path / "killed"
    while kills < KILLS:
        end = processes.run(*asked, killed, after=moments.uniform(0.0, seconds), folder=killed, command="soak")
        assert end.code in (0, -signal.SIGKILL), end.errors
        kills += end.code != 0
        if end.code == 0:
            require_equal(killed, folder)
            soaks += 1
            killed = tmp_path / f"killed-{soaks}"
    assert processes.run(*asked, killed, folder=killed, command="soak").code == 0
    require_equal(killed, folder)


def test_a_soak_killed_before_a_file_operation_is_resumed_without_a_trace(
    processes: Trainings, asked: list[str], tmp_path: Path
) -> None:
    short = ["2" if word == str(CYCLES) else word for word in asked]
    whole = tmp_path / "whole"
    end = processes.run(*short, whole, folder=whole, command="soak")
    assert end.code == 0 and end.operations > 20
    for at in range(1, end.operations + 1, 5):
        killed = tmp_path / f"killed-at-{at}"
        assert processes.run(*short, killed, at=at, folder=killed, command="soak").code == -signal.SIGKILL
        # The second attempt is killed as well, while it resumes the first.
        processes.run(*short, killed, at=1 + at % 9, folder=killed, command="soak")
        end_of_third = processes.run(*short, killed, folder=killed, command="soak")
        assert end_of_third.code == 0, end_of_third.errors
        assert outputs(killed) == outputs(whole), at


@pytest.mark.parametrize("victim", ["the process that works", "the one that started it", "both"])
def test_a_soak_killed_among_fresh_processes_continues(
    asked: list[str], whole: tuple[Path, float], tmp_path: Path, victim: str
) -> None:
    folder = tmp_path / "soak"
    started, worker = begun_with_fresh_processes([*asked, str(folder), "--restart-every", "7"], folder)
    parent = psutil.Process(started.pid)
    for process in {"the process that works": [worker], "the one that started it": [parent]}.get(
        victim, [parent, worker]
    ):
        process.kill()
    errors = started.communicate(timeout=60)[1]
    psutil.wait_procs([worker], timeout=60)
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
    if victim == "the process that works":
        assert started.returncode == 1
        assert errors.endswith(
            f"error: the process that worked on {folder} was killed; the same command with --resume continues after "
            "its last checkpoint\n"
        )
    assert main(["soak", *asked, str(folder)]) == 0
    require_equal(folder, whole[0])


def test_interrupting_the_process_that_starts_fresh_ones_ends_the_working_one_immediately(
    asked: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "soak"
    many = ["9000" if word == str(CYCLES) else word for word in asked]
    started, worker = begun_with_fresh_processes([*many, str(folder), "--restart-every", "8000"], folder)
    # A terminal would interrupt both processes; this signal goes to the parent alone.
    started.send_signal(signal.SIGINT)
    errors = started.communicate(timeout=60)[1]
    assert started.returncode == 130 and "Traceback" not in errors
    assert f"the same command with --resume continues {folder}" in errors
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
    done = len(rows_of_torn(folder))
    few = [str(done + 1) if word == str(CYCLES) else word for word in asked]
    assert done < 8000 and main(["soak", *few, str(folder)]) == 0
    assert read_soak(folder).cycles["cycle"].tolist() == list(range(1, done + 2))


def begun_with_fresh_processes(words: list[str], folder: Path) -> tuple[subprocess.Popen[str], psutil.Process]:
    """The process of a soak with fresh processes that has done two cycles, and the process at work."""
    program = "import sys; from townlet.cli import main; sys.exit(main(sys.argv[1:]))"
    started = subprocess.Popen([sys.executable, "-c", program, "soak", *words], stderr=subprocess.PIPE, text=True)

    def has_begun() -> bool:
        assert started.poll() is None, started.stderr and started.stderr.read()
        return (folder / "cycles.jsonl").exists() and len(rows_of_torn(folder)) >= 2

    wait_until(has_begun, "two cycles", 300.0)
    children = psutil.Process(started.pid).children()
    (worker,) = (child for child in children if "resource_tracker" not in " ".join(child.cmdline()))
    return started, worker


def rows_of_torn(folder: Path) -> list[str]:
    """Lines of the cycles' file, the last of which may still be incomplete."""
    return (folder / "cycles.jsonl").read_text().splitlines()


def test_a_soak_interrupted_by_ctrl_c_says_how_to_continue_and_does(
    processes: Trainings, asked: list[str], whole: tuple[Path, float], tmp_path: Path
) -> None:
    folder, _ = whole
    stopped = tmp_path / "stopped"
    operations = processes.run(*asked, stopped, folder=stopped, command="soak").operations
    shutil.rmtree(stopped)
    # Halfway through its file operations, a soak has done some cycles and has others left.
    end = processes.run(*asked, stopped, folder=stopped, at=operations // 2, number=signal.SIGINT, command="soak")
    assert end.code == 130 and "Traceback" not in end.errors, end.errors
    saved = re.search(f"the last checkpoint in {stopped} is after cycle ([1-9]\\d*); ", end.errors)
    assert saved, end.errors
    assert int(saved[1]) <= len(rows_of(stopped))
    assert processes.run(*asked, stopped, folder=stopped, command="soak").code == 0
    require_equal(stopped, folder)
