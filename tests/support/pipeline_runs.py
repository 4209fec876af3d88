"""Running the pipeline in the tests: a real instance, real files, small amounts."""

from __future__ import annotations

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
    """A whole column that was materialized; tests that change its files work on a copy."""

    instance: DagsterInstance
    store: Path
    result: ExecuteInProcessResult

    def path(self, relative: str) -> Path:
        return self.store / SCENARIO / relative


def new_instance(folder: Path) -> DagsterInstance:
    """A Dagster instance with files of its own that reports nothing to anybody."""
    return DagsterInstance.local_temp(str(folder), overrides={"telemetry": {"enabled": False}})


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
    """Materialize a scenario's column into ``store``; ``replaced`` takes the place of assets of the same keys."""
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
    """The materializations of a run by asset."""
    found = (event.step_materialization_data.materialization for event in result.get_asset_materialization_events())
    return {materialization.asset_key.to_user_string(): materialization for materialization in found}


def versions(result: ExecuteInProcessResult) -> dict[str, str]:
    """The data versions of a run by asset."""
    return {name: m.tags["dagster/data_version"] for name, m in materialized(result).items() if m.tags}


def reasons(result: ExecuteInProcessResult) -> dict[str, str]:
    """Why steps failed, by step."""
    failed = [event for event in result.all_events if event.is_step_failure]
    told = {}
    for event in failed:
        user = event.step_failure_data.user_failure_data
        told[str(event.step_key)] = str(user.description if user else event.step_failure_data.error)
    return told


def failed_checks(result: ExecuteInProcessResult) -> dict[str, str]:
    """Checks that did not hold, with what they said."""
    return {e.check_name: e.description or "" for e in result.get_asset_check_evaluations() if not e.passed}
