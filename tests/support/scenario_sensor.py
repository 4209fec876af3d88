"""A project with one scenario, and evaluations of the sensor that makes partitions of its files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from dagster import DagsterInstance, SensorResult, build_sensor_context

from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.column.sensors import scenario_files
from townlet_pipeline.instance.project import scenario_file

SCENARIO = "observation_baseline"


def project_with_one_scenario(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project with one scenario the current one, and return its scenario folder."""
    folder = project / "configs" / "scenarios"
    folder.mkdir(parents=True)
    shutil.copy(scenario_file(SCENARIO), folder)
    monkeypatch.setenv("TOWNLET_PROJECT", str(project))
    return folder


def evaluate(instance: DagsterInstance, cursor: str | None) -> SensorResult:
    """One evaluation of the sensor, its requests carried out as the daemon does."""
    result = scenario_files(build_sensor_context(instance=instance, cursor=cursor), store=StoreResource())
    return carried_out(instance, result)


def carried_out(instance: DagsterInstance, result: object) -> SensorResult:
    """The result of a sensor's evaluation, after its requests were carried out as the daemon does."""
    assert isinstance(result, SensorResult)
    for request in result.dynamic_partitions_requests or []:
        instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
    for event in result.asset_events:
        instance.report_runless_asset_event(event)
    return result


def reported(result: SensorResult) -> dict[str | None, str]:
    """The changes that an evaluation reports, by partition."""
    return {
        event.partition: str(event.metadata["change"].value)
        for event in result.asset_events
        if "change" in event.metadata
    }


def reason_of(result: SensorResult) -> str:
    """Why an evaluation requests no run: what it found."""
    return str(result.skip_reason.skip_message if result.skip_reason else "")
