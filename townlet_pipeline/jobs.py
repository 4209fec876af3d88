"""Jobs, one for each purpose. Each has a maximum runtime, and an executor that records its worker."""

from datetime import timedelta
from typing import TYPE_CHECKING

import dagster
from dagster import AssetSelection, JobDefinition, define_asset_job

from townlet_pipeline.certificate import run_certificate
from townlet_pipeline.runs.executors import townlet_executor

if TYPE_CHECKING:
    from townlet_pipeline.instance.dagster_internals import UnresolvedAssetJobDefinition

#: The assets of a column, of a scenario or an experiment, by group.
COLUMN = AssetSelection.groups("rollouts", "training", "telemetry", "evaluation")


def job(
    name: str, selection: AssetSelection, description: str, *, max_runtime: timedelta
) -> "UnresolvedAssetJobDefinition":
    """Return a job over assets and their checks, which Dagster's run monitoring ends after ``max_runtime``.

    The time a run waits in the queue does not count.
    """
    return define_asset_job(
        name, selection=selection, description=description, executor_def=townlet_executor, tags=_tags(max_runtime)
    )


def _tags(max_runtime: timedelta) -> dict[str, str]:
    return {"dagster/max_runtime": str(int(max_runtime.total_seconds()))}


train_scenario = job(
    "train_scenario",
    COLUMN,
    "A scenario's whole column: capture, playback, verification, training, validation, alerts, report and evaluation.",
    max_runtime=timedelta(hours=24),
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

refresh_morning = job(
    "refresh_morning",
    AssetSelection.assets("morning_overview"),
    "The morning page: last night's verdicts, why, and what to do next, with missed nights.",
    max_runtime=timedelta(minutes=30),
)


@dagster.job(executor_def=townlet_executor, tags=_tags(timedelta(hours=1)))
def certify() -> None:
    """The certificate's seven commands on `queue_conflict`, as `make certify` runs them."""
    run_certificate()


ALL: "list[UnresolvedAssetJobDefinition | JobDefinition]" = [
    train_scenario,
    nightly_soak,
    weekly_endurance,
    refresh_baselines,
    document_baselines,
    refresh_morning,
    certify,
]
