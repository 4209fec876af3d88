"""Sweeps of settings in the pipeline: a small one with a killed process, its page, its checks, and refusals."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from dagster import DagsterInstance, ExecuteInProcessResult, materialize, validate_run_config
from support.pipeline_runs import failed_checks, materialized, new_instance, reasons

from townlet_pipeline.artefacts.partitions import register_scenarios
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.column.assets.scenario import scenario
from townlet_pipeline.definitions import defs
from townlet_pipeline.studies import sweep_checks
from townlet_pipeline.studies.settings_sweep import settings_sweep

SPACE = {"ppo.gamma": {"low": 0.0, "high": 0.95}, "ppo.learning_rate": {"low": "1e-3", "high": "1e-2", "log": True}}
SMALL = {
    "space": SPACE,
    "settings": ["training.worlds=2", "rollout_ticks=20"],
    "cycles": 30,
    "trials": 3,
    "seeds_per_trial": 1,
    "worlds": 2,
    "confirm": 2,
}


def swept(instance: DagsterInstance, store: Path, **config: Any) -> ExecuteInProcessResult:
    register_scenarios(instance)
    return materialize(
        [scenario, settings_sweep, *sweep_checks.ALL],
        instance=instance,
        partition_key="queue_conflict",
        resources={"store": StoreResource(root=str(store))},
        run_config={
            "ops": {"settings_sweep": {"config": {**SMALL, **config}}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
        raise_on_error=False,
    )


def kill_processes(store: Path, killed: list[int]) -> None:
    """Kill the process of the sweep once it has begun the second trial, and the one that goes on with it."""
    for sign in ("checkpoint.safetensors", "attempts.json"):
        while not list(store.glob(f"queue_conflict/settings_sweep/*/trial-01/seed-0/{sign}")):
            time.sleep(0.005)
        for child in psutil.Process().children():
            if "spawn_main" in " ".join(child.cmdline()):
                os.kill(child.pid, signal.SIGKILL)
                killed.append(child.pid)


def test_a_sweep_has_its_table_plots_and_experiment_on_its_page(tmp_path: Path) -> None:
    killed: list[int] = []
    killer = threading.Thread(target=kill_processes, args=(tmp_path / "store", killed))
    with new_instance(tmp_path / "home") as instance:
        killer.start()
        result = swept(instance, tmp_path / "store")
        killer.join()
    assert result.success, reasons(result)
    assert len(set(killed)) == 2
    shown = {name: value.value for name, value in materialized(result)["settings_sweep"].metadata.items()}
    folder = tmp_path / "store" / "queue_conflict" / "settings_sweep"
    content = json.loads((folder / "sweep.json").read_text())
    assert [trial["state"] for trial in content["trials"]] == ["complete", "failed", "complete"]
    assert content["trials"][1]["reason"].startswith("its process ended 2 times, last with signal 9")
    assert len(materialized(result)["settings_sweep"].metadata["trials"].records) == 2  # type: ignore[attr-defined]
    assert str(shown["plots"]).startswith("![Trials, confirmation and settings](data:image/png;base64,")
    assert shown["best_settings"] == content["best"]["settings"]
    experiment = yaml.safe_load(str(shown["experiment"]).removeprefix("```yaml").removesuffix("```"))
    validate_run_config(defs.resolve_job_def("register_experiment"), experiment)
    assert experiment["ops"]["freeze_and_register"]["config"]["settings"][0] == "training.cycles=30"
    assert str(shown["command"]).endswith(f"--output {next(folder.glob('*/plan.json')).parent}")
    assert set(failed_checks(result)) <= {"best_is_confirmed"}
    _check_gate(tmp_path / "store", folder)


def _check_gate(store: Path, folder: Path) -> None:
    resource = StoreResource(root=str(store))
    record = next(folder.glob("*/trial-01/trial.json"))
    record.write_text(json.dumps(json.loads(record.read_text()) | {"reason": "another"}))
    finding = sweep_checks.examine(resource, "queue_conflict")
    assert not finding.passed
    assert "are not those that sweep.json states" in finding.sentence


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"space": {"ppo.gama": [0.1, 0.2]}}, "space: ppo.gama: found unknown key 'gama'"),
        ({"space": {}, "space_file": "configs/sweeps/nowhere.yaml"}, "nowhere.yaml: found no such file"),
        ({"trials": 0}, "options: --trials: found 0, expected a number from 1"),
    ],
)
def test_a_bad_sweep_fails_with_its_place_and_trains_nothing(
    config: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    with new_instance(tmp_path / "home") as instance:
        result = swept(instance, tmp_path / "store", **config)
    assert reason in reasons(result)["settings_sweep"]
    assert not list((tmp_path / "store").rglob("trial-*"))


def test_the_launchpad_example_of_the_page_is_valid(pytestconfig: pytest.Config) -> None:
    page = (pytestconfig.rootpath / "docs" / "SWEEPS.md").read_text()
    example = yaml.safe_load(page.split("```yaml\nops:")[1].split("```")[0].join(["ops:", ""]))
    validate_run_config(defs.resolve_job_def("sweep_settings"), example)
