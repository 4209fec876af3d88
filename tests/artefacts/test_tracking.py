"""Trainings that are tracked: a killed one goes on in its own run, and neither doubles nor lacks a point."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.places import SCENARIOS
from support.telemetry_records import record, write_lines
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from townlet.cli import main
from townlet.config import load_scenario
from townlet.errors import InputError
from townlet.policies import find_policy, registered
from townlet.telemetry import read_records
from townlet.telemetry.curves import depends_on_clock, points_of
from townlet.tracking import Destination, destinations, track
from townlet.tracking.facts import Facts
from townlet.tracking.track import Track
from townlet.training import TrainingOptions, train

pytest.importorskip("mlflow", reason="needs pip install 'townlet[mlflow]'")

from mlflow import MlflowClient

#: A training, tracked in both tools, which sleeps after each epoch; the log is looked at all the time.
_TRAIN = """
import sys, time
from pathlib import Path
from townlet.config import load_scenario
from townlet.tracking import Recorder, destinations
from townlet.training import TrainingOptions, train
scenario, cycles, folder, place = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
options = TrainingOptions(mode="rollout", output=folder, cycles=cycles, worlds=8, resume=True, checkpoint_every=4)
where = destinations(["mlflow", "tensorboard"], folder, place)
with Recorder(where, folder, options.log_path(), interval=0.1) as recorder:
    train(load_scenario(Path(scenario)), options, recorder.beside(lambda record: time.sleep(float(sys.argv[5]))))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with MLflow's database and TensorBoard's files, which all tests share."""
    return tmp_path_factory.mktemp("tracked")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing may be left in the working directory."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    yield
    assert list(Path().iterdir()) == []


def start(cycles: int, folder: Path, place: Path, *, pause: float = 0.0) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _TRAIN, str(SCENARIOS / "queue_conflict.yaml"), str(cycles), str(folder)]
    return subprocess.Popen([*command, str(place), str(pause)], start_new_session=True)


def client(place: Path) -> MlflowClient:
    return MlflowClient(tracking_uri=f"sqlite:///{place / 'mlflow.db'}")


def run_in(folder: Path, tool: str) -> str:
    runs = json.loads((folder / "tracking.json").read_text())["runs"]
    return str(next(each["run"] for each in runs if each["tool"] == tool))


def mlflow_points(folder: Path, place: Path) -> dict[str, dict[int, list[float]]]:
    found: dict[str, dict[int, list[float]]] = {}
    for curve in client(place).get_run(run_in(folder, "mlflow")).data.metrics:
        for point in client(place).get_metric_history(run_in(folder, "mlflow"), curve):
            found.setdefault(curve, {}).setdefault(point.step, []).append(point.value)
    return found


def tensorboard_points(folder: Path, place: Path) -> dict[str, dict[int, list[float]]]:
    """The points as TensorBoard reads them, and none is purged: in the files themselves each is there once."""
    read = EventAccumulator(
        str(place / run_in(folder, "tensorboard")), size_guidance={"scalars": 0}, purge_orphaned_data=False
    )
    read.Reload()
    found: dict[str, dict[int, list[float]]] = {}
    for curve in read.Tags()["scalars"]:
        for point in read.Scalars(curve):
            found.setdefault(curve, {}).setdefault(point.step, []).append(point.value)
    return found


def require_the_log_and_no_more(found: dict[str, dict[int, list[float]]], log: Path) -> None:
    wanted: dict[str, dict[int, list[float]]] = {}
    for point in points_of(read_records(log)):
        wanted.setdefault(point.curve, {}).setdefault(point.step, []).append(point.value)
    assert found.keys() == wanted.keys()
    for curve, steps in wanted.items():
        assert {step: len(values) for step, values in found[curve].items()} == dict.fromkeys(steps, 1), curve
        if not depends_on_clock(curve):
            for step, values in steps.items():
                assert found[curve][step] == pytest.approx(values, rel=1e-6)


def wait_until(condition: Callable[[], Any]) -> None:
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("waited for a minute in vain")


def test_a_killed_training_goes_on_in_its_own_runs_without_doubled_or_missing_points(
    tmp_path: Path, place: Path
) -> None:
    folder = tmp_path / "training"
    log, book = folder / "ppo_telemetry.jsonl", folder / "tracking.json"
    first = start(20, folder, place, pause=0.2)
    wait_until(lambda: book.exists() and len(json.loads(book.read_text())["runs"]) == 2)
    wait_until(lambda: len(client(place).get_metric_history(run_in(folder, "mlflow"), "count/epoch")) > 20)
    # The training and the process that writes its points.
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    runs = run_in(folder, "mlflow"), run_in(folder, "tensorboard")
    assert client(place).get_run(runs[0]).info.status == "RUNNING"
    tagged = client(place).get_run(runs[0]).data.tags
    second = start(20, folder, place)
    assert second.wait() == 0
    assert (run_in(folder, "mlflow"), run_in(folder, "tensorboard")) == runs
    assert len(read_records(log)) == 80
    require_the_log_and_no_more(mlflow_points(folder, place), log)
    require_the_log_and_no_more(tensorboard_points(folder, place), log)
    run = client(place).get_run(runs[0])
    assert run.info.status == "FINISHED"
    assert run.data.params["ppo.learning_rate"] == "0.003" and run.data.params["cycles"] == "20"
    card = json.loads((folder / "policy.json").read_text())
    assert run.data.tags["townlet.policy_sha256"] == card["sha256"]
    assert run.data.tags["townlet.code_sha256"] == tagged["townlet.code_sha256"]
    kept = {each.path for each in client(place).list_artifacts(runs[0], "policy")}
    assert kept == {"policy/policy.json", "policy/policy.safetensors"}
    # An export finds the same run, and nothing to add.
    store = f"sqlite:///{place / 'mlflow.db'}"
    assert main(["export", "mlflow", str(log), "--tracking-uri", store]) == 0
    require_the_log_and_no_more(mlflow_points(folder, place), log)


def test_a_training_that_alone_is_killed_leaves_a_killed_run(tmp_path: Path, place: Path) -> None:
    folder = tmp_path / "training"
    training = start(1000, folder, place, pause=0.1)
    wait_until(lambda: (folder / "tracking.json").exists() and run_in(folder, "mlflow"))
    os.kill(training.pid, signal.SIGKILL)
    training.wait()
    wait_until(lambda: client(place).get_run(run_in(folder, "mlflow")).info.status == "KILLED")


def test_points_of_a_time_in_which_the_database_was_away_follow_at_the_next_contact(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(track, "RETRY_SECONDS", 0.0)
    told: list[str] = []
    log = write_lines(tmp_path / "ppo.jsonl", [record(1), record(2)])
    (where,) = destinations(["mlflow"], tmp_path / "away", str(place))
    tracked = Track(where, tmp_path, log, told.append)
    tracked.run.prepare()
    tracked.begin("away", Facts(), resumed=False)
    tracked.follow()
    with closing(sqlite3.connect(place / "mlflow.db")) as other:
        other.execute("ALTER TABLE metrics RENAME TO away")
        write_lines(log, [record(epoch) for epoch in (1, 2, 3)])
        tracked.follow()
        tracked.follow()
        assert len(told) == 1 and "the training goes on" in told[0]
        other.execute("ALTER TABLE away RENAME TO metrics")
    write_lines(log, [record(epoch) for epoch in (1, 2, 3, 4)])
    tracked.follow()
    assert len(told) == 2 and "no point is missing" in told[1]
    require_the_log_and_no_more(mlflow_points(tmp_path, place), log)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--track", "wandb"], "--track: found 'wandb', expected one of mlflow, tensorboard"),
        (["--track-to", "there"], "--track-to: found 'there', expected none without --track"),
        (["--track", "tensorboard", "--track-to", "http://x"], "none without --track mlflow"),
        (["--track", "mlflow", "--track-to", "nonsense://here"], "nonsense://here: found "),
        (["--track", "tensorboard", "--track-to", "/proc/here"], "/proc"),
    ],
)
def test_an_unusable_destination_is_refused_before_anything_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], fault: str
) -> None:
    folder = tmp_path / "training"
    assert main(["train", str(SCENARIOS / "queue_conflict.yaml"), "--output", str(folder), *options]) == 2
    assert fault in capsys.readouterr().err
    assert not list(folder.glob("*"))


def test_a_registered_policy_is_downloaded_and_checked(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{place / 'mlflow.db'}")
    monkeypatch.setattr(registered, "private_cache", lambda: tmp_path)
    options = TrainingOptions(mode="rollout", output=tmp_path / "training", cycles=1, worlds=2)
    result = train(load_scenario(SCENARIOS / "queue_conflict.yaml"), options)
    command = ["export", "mlflow", str(result.log), "--register", "town", "--alias", "champion"]
    assert main(command) == main(command) == 0
    (version,) = client(place).search_model_versions("name = 'town'")
    assert version.tags["townlet.weights_sha256"] == result.sha256
    found = find_policy("models:/town@champion")
    assert find_policy("models:/town/1") == found and found.is_relative_to(tmp_path)
    assert (found / "policy.json").read_bytes() == (tmp_path / "training" / "policy.json").read_bytes()
    (found / "policy.safetensors").write_bytes(b"altered")
    with pytest.raises(InputError, match="with which it was registered"):
        find_policy("models:/town@champion")
    with pytest.raises(InputError, match="models:/town@other"):
        find_policy("models:/town@other")
    assert main([*command[:-1], "latest"]) == 2


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://me:hush@host/a", "http://me:***@host/a"),
        ("postgresql://me@host/db?sslmode=on&password=hush", "postgresql://me@host/db?sslmode=on&password=***"),
        ("mysql://host/db?passwd=hush&ssl=1", "mysql://host/db?passwd=***&ssl=1"),
        ("/folder/a?token=b", "/folder/a?token=b"),
    ],
)
def test_a_password_is_not_shown_wherever_in_an_address_it_stands(address: str, shown: str) -> None:
    assert Destination("mlflow", address).shown == shown


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Invalid IPv6 URL, expected a folder or a tracking URI"):
        destinations(["mlflow"], tmp_path, "http://[host")


def test_what_another_library_prints_as_the_process_starts_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('hello'); print(1)\n")
    code = """
import sys
from pathlib import Path
from townlet.tracking import Destination, Recorder
folder = Path(sys.argv[1])
with Recorder([Destination("tensorboard", str(folder / "curves"))], folder, folder / "log.jsonl"):
    print("ready")
"""
    paths = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["ready"]), done.stderr
