"""Trainings on a full or read-only disk, and in folders with other people's files."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.small_trainings import SMALL, on_file, options_of, run, steady_queue

from townlet.behavior.policy_file import load_policy
from townlet.cli import main
from townlet.config import load_scenario
from townlet.training.checkpoint import CHECKPOINT_NAME
from townlet.training.folder import forget_previous

TRAIN = [sys.executable, "-c", "from townlet.cli import run; run()", "train"]
#: The superuser may write everywhere, but not without its capabilities.
ORDINARY = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return steady_queue(tmp_path_factory.mktemp("scenario"))


@pytest.fixture(scope="module")
def finished(queue: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trainings") / "finished"
    run(load_scenario(queue), folder)
    return folder


@pytest.fixture
def trained(finished: Path, tmp_path: Path) -> Path:
    """A copy of a finished training's folder."""
    return Path(shutil.copytree(finished, tmp_path / "trained"))


def test_a_full_disk_stops_a_training_and_leaves_the_last_checkpoint(queue: Path, trained: Path) -> None:
    before = {name: content for name, (content, _) in on_file(trained).items()}

    def fill_up() -> None:
        # Enough for the log and the policy, but not for a checkpoint.
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    options = options_of(**(SMALL | {"cycles": 4}))
    done = subprocess.run(
        [*TRAIN, str(queue), "--output", str(trained), "--resume", *options],
        preexec_fn=fill_up,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr == f"error: {trained / CHECKPOINT_NAME}: File too large\n"
    after = {name: content for name, (content, _) in on_file(trained).items()}
    assert after[CHECKPOINT_NAME] == before[CHECKPOINT_NAME]
    assert after["ppo_telemetry.jsonl"].startswith(before["ppo_telemetry.jsonl"])
    assert not list(trained.glob(".*.part"))
    # Once there is room, the training can finish, and removes the policy that it had set aside.
    assert load_policy(trained / "previous")
    assert main(["train", str(queue), "--output", str(trained), "--resume", *options]) == 0
    assert not (trained / "previous").exists() and load_policy(trained)


def test_a_folder_that_cannot_be_written_is_refused_at_once(queue: Path, trained: Path) -> None:
    before = on_file(trained)
    trained.chmod(0o555)
    try:
        done = subprocess.run(
            [
                *ORDINARY,
                *TRAIN,
                str(queue),
                "--output",
                str(trained),
                "--resume",
                *options_of(**(SMALL | {"cycles": 4})),
            ],
            capture_output=True,
            text=True,
        )
    finally:
        trained.chmod(0o755)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"error: {trained}: ") and "which may not be written to" in done.stderr
    assert {name: content for name, (content, _) in on_file(trained).items()} == {
        name: content for name, (content, _) in before.items()
    }


def test_the_folder_of_the_policy_set_aside_goes_once_it_is_empty_and_stays_with_what_others_put_there(
    tmp_path: Path,
) -> None:
    aside = tmp_path / "previous"
    forget_previous(tmp_path)
    aside.mkdir()
    for name in ("policy.json", "policy.safetensors", "notes.txt"):
        (aside / name).write_text(name)
    forget_previous(tmp_path)
    assert [path.name for path in aside.iterdir()] == ["notes.txt"]
    (aside / "notes.txt").unlink()
    forget_previous(tmp_path)
    assert not aside.exists()


def test_an_empty_folder_that_cannot_be_removed_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "previous").mkdir()
    monkeypatch.setattr(os, "rmdir", refuse)
    with pytest.raises(PermissionError, match="previous"):
        forget_previous(tmp_path)
