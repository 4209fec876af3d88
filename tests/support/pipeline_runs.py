"""Pipeline runs for tests: a real instance and real files, with small amounts of work."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster import AssetMaterialization, AssetsDefinition, DagsterInstance, ExecuteInProcessResult, materialize

from townlet_pipeline.artefacts.partitions import register_scenarios
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.column.definitions import ASSETS, CHECKS
from townlet_pipeline.resources import SimulatorResource, TrainerResource

SCENARIO = "observation_baseline"
SMALL = {"cycles": 1, "epochs": 2, "worlds": 2, "rollout_ticks": 10, "progress_seconds": 0.0}


@dataclass
class Column:
    """A whole column that was materialized. Tests that change its files work on a copy."""

    instance: DagsterInstance
    store: Path
    result: ExecuteInProcessResult

    def path(self, relative: str) -> Path:
        return self.store / SCENARIO / relative


def new_instance(folder: Path) -> DagsterInstance:
    """Return a Dagster instance with files of its own, which sends no usage statistics."""
    # Dagster fills its empty databases in many small steps; a copy is quicker.
    shutil.copytree(_empty_databases(), folder, dirs_exist_ok=True)
    return _instance(folder)


def _instance(folder: Path) -> DagsterInstance:
    return DagsterInstance.local_temp(str(folder), overrides={"telemetry": {"enabled": False}})


@functools.cache
def _empty_databases() -> Path:
    """A folder with the databases of an instance without any run, which lasts as long as this process."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with _instance(folder):
        return folder


def run_column(
    instance: DagsterInstance,
    store: Path | StoreResource,
    *,
    scenario: str = SCENARIO,
    replaced: Sequence[AssetsDefinition] = (),
    simulator: SimulatorResource | None = None,
    selection: Any = None,
    **training: Any,
) -> ExecuteInProcessResult:
    """Materialize a scenario's column into ``store``, and return the result.

    Args:
        instance: the Dagster instance.
        store: a folder or a resource.
        scenario: the partition.
        replaced: assets that take the place of those with the same keys.
        simulator: options of captures; by default the scenario's.
        selection: assets to materialize; by default all.
        **training: options of the trainer, over :data:`SMALL`.
    """
    register_scenarios(instance)
    keys = {key for asset in replaced for key in asset.keys}
    kept = [asset for asset in ASSETS if not keys & asset.keys]
    return materialize(
        [*replaced, *kept, *CHECKS],
        instance=instance,
        partition_key=scenario,
        resources={
            "store": StoreResource(root=str(store)) if isinstance(store, Path) else store,
            "simulator": simulator or SimulatorResource(),
            "trainer": TrainerResource(**{**SMALL, **training}),
        },
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
        selection=selection,
    )


def materialized(result: ExecuteInProcessResult) -> dict[str, AssetMaterialization]:
    """Return the materializations of a run by asset."""
    found = (event.step_materialization_data.materialization for event in result.get_asset_materialization_events())
    return {materialization.asset_key.to_user_string(): materialization for materialization in found}


def versions(result: ExecuteInProcessResult) -> dict[str, str]:
    """Return the data versions of a run by asset."""
    return {name: m.tags["dagster/data_version"] for name, m in materialized(result).items() if m.tags}


def reasons(result: ExecuteInProcessResult) -> dict[str, str]:
    """Return why steps failed, by step."""
    failed = [event for event in result.all_events if event.is_step_failure]
    causes = {}
    for event in failed:
        user = event.step_failure_data.user_failure_data
        causes[str(event.step_key)] = str(user.description if user else event.step_failure_data.error)
    return causes


def failed_checks(result: ExecuteInProcessResult) -> dict[str, str]:
    """Return the descriptions of checks that failed, by name."""
    return {e.check_name: e.description or "" for e in result.get_asset_check_evaluations() if not e.passed}
