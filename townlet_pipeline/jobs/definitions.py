"""Jobs, one for each purpose. Each has a maximum runtime, and an executor that records its worker."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import dagster
from dagster import AssetSelection, JobDefinition, PartitionedConfig

from townlet_pipeline.column.launchpad import of_the_scenario, of_the_training
from townlet_pipeline.instance.dagster_definitions import UnresolvedAssetJobDefinition
from townlet_pipeline.jobs.certificate import run_certificate
from townlet_pipeline.resources import NEEDED_BY_ALL
from townlet_pipeline.runs.executors import townlet_executor

#: The assets of a column, of a scenario or an experiment, by group.
COLUMN = AssetSelection.groups("rollouts", "training", "telemetry", "evaluation")


class AssetJob(UnresolvedAssetJobDefinition):
    """A job over assets whose launchpad offers only the resources that its own assets use."""

    def resolve(
        self, asset_graph: Any, default_executor_def: Any = None, resource_defs: Mapping[str, Any] | None = None
    ) -> JobDefinition:
        """Resolve the job, as Dagster does, without the resources that nothing in it needs."""
        used = super().resolve(asset_graph, default_executor_def, resource_defs).required_resource_keys
        kept = {name: each for name, each in (resource_defs or {}).items() if name in used}
        return super().resolve(asset_graph, default_executor_def, kept)


def job(
    name: str,
    selection: AssetSelection,
    description: str,
    *,
    max_runtime: timedelta,
    config: PartitionedConfig[Any] | None = None,
) -> AssetJob:
    """Return a job over assets and their checks, which Dagster's run monitoring ends after ``max_runtime``.

    The time a run waits in the queue does not count. ``config`` fills the launchpad for a partition.
    """
    return AssetJob(
        name,
        config=config,
        selection=selection,
        description=description,
        executor_def=townlet_executor,
        tags=_tags(max_runtime),
    )


def _tags(max_runtime: timedelta) -> dict[str, str]:
    return {"dagster/max_runtime": str(int(max_runtime.total_seconds()))}


train_scenario = job(
    "train_scenario",
    COLUMN,
    "A scenario's whole column: capture, playback, verification, training, validation, alerts, report and evaluation.",
    max_runtime=timedelta(hours=24),
    config=of_the_scenario,
)


train_seeds = job(
    "train_seeds",
    AssetSelection.assets("several_seeds"),
    "The training of a scenario with several seeds, and statistics over them.",
    max_runtime=timedelta(hours=24),
    config=of_the_training,
)

nightly_soak = job(
    "nightly_soak",
    AssetSelection.assets("soak_run", "soak_drift", "acceptance_report"),
    "A scenario's nightly soak, its drift from the promoted baseline, and the report for the morning.",
    max_runtime=timedelta(hours=4),
)

weekly_endurance = job(
    "weekly_endurance",
    AssetSelection.assets("endurance_run", "endurance_report"),
    "A soak of many hours in a series of fresh processes, and what changed from its first quarter to its last.",
    max_runtime=timedelta(hours=12),
)

refresh_baselines = job(
    "refresh_baselines",
    AssetSelection.assets("conflict_baselines"),
    "A scenario's baseline, measured again. It promotes nothing.",
    max_runtime=timedelta(hours=2),
)

document_baselines = job(
    "document_baselines",
    AssetSelection.assets("baseline_document"),
    "The page of all promoted baselines, with every figure measured again.",
    max_runtime=timedelta(hours=2),
)

examine_policy = job(
    "examine_policy",
    AssetSelection.assets("outside_policy", "outside_capture", "outside_evaluation", "outside_baseline"),
    "A policy made elsewhere: checked, recorded, evaluated beside the heuristic, and measured for its soaks.",
    max_runtime=timedelta(hours=4),
)

nightly_policies = job(
    "nightly_policies",
    AssetSelection.assets("outside_soak", "outside_report"),
    "A soak of a policy made elsewhere, compared with its own baseline, and the report on it.",
    max_runtime=timedelta(hours=4),
)

refresh_morning = job(
    "refresh_morning",
    AssetSelection.assets("morning_overview"),
    "The morning page: last night's verdicts, why, and what to do next, with missed nights.",
    max_runtime=timedelta(minutes=30),
)


sweep_settings = job(
    "sweep_settings",
    AssetSelection.assets("settings_sweep"),
    "Search for better settings of a scenario's training; the best are confirmed with fresh seeds.",
    max_runtime=timedelta(hours=24),
)


@dagster.job(executor_def=townlet_executor, resource_defs=NEEDED_BY_ALL, tags=_tags(timedelta(hours=1)))
def certify() -> None:
    """The certificate's seven commands on `queue_conflict`, as `make certify` runs them."""
    run_certificate()


ALL: list[AssetJob | JobDefinition] = [
    train_scenario,
    train_seeds,
    nightly_soak,
    weekly_endurance,
    refresh_baselines,
    document_baselines,
    refresh_morning,
    examine_policy,
    nightly_policies,
    sweep_settings,
    certify,
]
