"""Runs in processes of their own, for tests to kill: a small training of ``queue_conflict``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster import AssetSelection, DagsterInstance, DagsterRun, ExecuteInProcessResult

from support.pipeline_runs import run_column
from support.places import ROOT
from townlet_pipeline.instance.home import settings

SCENARIO = "queue_conflict"
#: Long enough to be killed halfway: each epoch is reported, which takes longer than the epoch itself.
TRAINING: dict[str, Any] = {
    "mode": "rollout",
    "cycles": 20,
    "epochs": 2,
    "worlds": 2,
    "rollout_ticks": 20,
    "checkpoint_every": 1,
    "progress_seconds": 0.0,
}
EPOCHS = TRAINING["cycles"] * TRAINING["epochs"]
#: The same training without checkpoints and reports, which slow it down.
FAST = {**TRAINING, "checkpoint_every": None, "progress_seconds": 3600.0}
TRAINED = AssetSelection.assets("trained_policy", "ppo_telemetry")


@dataclass
class Project:
    """An instance, and a store with the scenario in it."""

    home: Path
    store: Path
    instance: DagsterInstance

    @property
    def log(self) -> Path:
        return self.store / SCENARIO / "ppo_telemetry" / "ppo_telemetry.jsonl"

    @property
    def policy(self) -> Path:
        return self.store / SCENARIO / "trained_policy"

    def lines(self) -> int:
        """Return the number of lines in the training log."""
        return len(self.log.read_bytes().splitlines()) if self.log.exists() else 0

    def writer(self) -> int:
        """Return the PID of the process that holds the policy's folder."""
        holder = self.policy.with_name(".trained_policy.holder").read_text()
        return int(holder.split("process ")[1].split()[0])

    def latest(self) -> DagsterRun:
        """Return the run that was created last."""
        return self.instance.get_runs(limit=1)[0]

    def train(self, **options: Any) -> ExecuteInProcessResult:
        """Run the training in this process."""
        return run_column(self.instance, self.store, scenario=SCENARIO, selection=TRAINED, **{**FAST, **options})


@contextmanager
def project(folder: Path) -> Iterator[Project]:
    """Yield a project whose instance has the settings of the local environment."""
    home, store = folder / "home", folder / "store"
    home.mkdir()
    (home / "dagster.yaml").write_text(settings("local"))
    with DagsterInstance.from_config(str(home)) as instance:
        scenario = AssetSelection.assets("scenario")
        assert run_column(instance, store, scenario=SCENARIO, selection=scenario).success
        yield Project(home, store, instance)


@contextmanager
def training_process(project: Project, executor: str, scenario: str = SCENARIO) -> Iterator[subprocess.Popen[bytes]]:
    """Run the training as ``dagster asset materialize``, in a process group that is killed when the block ends."""
    config = {
        "resources": {"store": {"config": {"root": str(project.store)}}, "trainer": {"config": TRAINING}},
        "execution": {"config": {executor: {}}},
    }
    select = 'key:"trained_policy" or key:"ppo_telemetry"'
    options = ["--select", select, "--partition", scenario, "--config-json", json.dumps(config)]
    process = subprocess.Popen(
        [sys.executable, "-m", "dagster", "asset", "materialize", "-m", "townlet_pipeline.definitions", *options],
        cwd=ROOT,
        env={**os.environ, "DAGSTER_HOME": str(project.home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, 9)
        process.wait()
