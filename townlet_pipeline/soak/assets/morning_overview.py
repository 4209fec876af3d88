"""The morning page: last night's verdicts of all scenarios, and the nights before."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    AutomationCondition,
    DataVersion,
    MaterializeResult,
    MetadataValue,
)

from townlet.errors import InputError
from townlet_pipeline.artefacts import files, metadata
from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.object_store import fetch
from townlet_pipeline.artefacts.partitions import key_of
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version
from townlet_pipeline.instance.dagster_definitions import get_current_datetime
from townlet_pipeline.instance.environment import timezone
from townlet_pipeline.instance.pages import handbook_url, incident_url, page_url, ui_address
from townlet_pipeline.instance.pools import MORNING
from townlet_pipeline.instance.project import project_root
from townlet_pipeline.instance.timetable import plans
from townlet_pipeline.runs.incidents import incidents_folder

if TYPE_CHECKING:
    from townlet.morning.overview import Overview

#: States that Dagster plots, each as a number of scenarios.
_COUNTED = ("accepted", "held", "rejected", "crashed", "damaged", "missed", "unfinished")

#: One request for each tick of the sensor in which a report was made. `eager()` would forget a report that is made
#: while the page is, and would wait for ever for that of a night that failed.
AFTER_EACH_REPORT: AutomationCondition[Any] = AutomationCondition.any_deps_updated()


def _automated(asset: AssetsDefinition) -> AssetsDefinition:
    return asset.map_asset_specs(lambda spec: spec.replace_attributes(automation_condition=AFTER_EACH_REPORT))


@_automated
@townlet_asset(
    "soak",
    "html",
    "json",
    deps=["acceptance_report"],
    partitions=None,
    pool=MORNING,
    code_version=code_version(__file__),
)
def morning_overview(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
    """Last night on one page: each scenario's verdict, why, what to do next, its last 14 nights and its metrics.

    It is made after each night's report and each failed night, and once more when the nights are due. Its data version
    is the SHA-256 of `morning.json` without the moment at which it was made.
    """
    from townlet.baselines.promotion import BASELINES_FOLDER, promoted_scenarios
    from townlet.files.storage import canonical_json, sha256
    from townlet.morning.overview import read_overview
    from townlet.morning.page import page_links, write_morning
    from townlet.morning.schedule import read_schedule

    plan, now = plans()["nightly_soak"], get_current_datetime().replace(second=0, microsecond=0)
    baselines, incidents = project_root() / BASELINES_FOLDER, incidents_folder()
    out = files.main_file(store, key_of(context), "morning_overview")
    schedule = read_schedule(plan.starts, timezone(), plan.allowed)
    _fetch_nights(context, store, promoted_scenarios(baselines), schedule.today(now))
    overview = read_overview(store.place(), baselines=baselines, incidents=incidents, schedule=schedule, now=now)
    content = write_morning(overview, out, page_links(out, handbook_url(), _runs(), incident_url()))
    return MaterializeResult(
        data_version=DataVersion(sha256(canonical_json({**content, "as_of": None}).encode())),
        metadata={
            "headline": overview.headline,
            "page": metadata.page(out),
            "last_night": MetadataValue.md(_table(overview)),
            **{state: content["counts"].get(state, 0) for state in _COUNTED},
            **metadata.made_from(soak_drift=_verdicts(overview)),
            **metadata.read_from(_incidents(overview)),
            "path": MetadataValue.path(str(out)),
            "command": _command(store, overview, out, plan.starts),
        },
    )


def _runs() -> str:
    """The beginning of the addresses of runs."""
    return f"{ui_address()}/runs/"


def _table(overview: "Overview") -> str:
    """Last night as Markdown."""
    from townlet.morning.text import markdown_table

    return markdown_table(overview, handbook=handbook_url, page=page_url, incident=lambda page: incident_url(page.name))


def _verdicts(overview: "Overview") -> dict[str, str]:
    """The hashes of last night's verdicts by partition; the page lists those of the nights before."""
    return {f"{night.day}|{night.scenario}": night.drift_sha256 for night in overview.nights if night.drift_sha256}


def _incidents(overview: "Overview") -> dict[str, Path]:
    """The incidents of last night."""
    found = {night.scenario: night.incident for night in overview.nights}
    return {f"incident of {scenario}": incident.file for scenario, incident in found.items() if incident}


def _fetch_nights(context: AssetExecutionContext, store: StoreResource, scenarios: Sequence[str], today: Any) -> None:
    """Fetch the nights that other machines published, as far as nothing is being written in their folders."""
    if not store.published_at:
        return
    from townlet.morning.overview import SHOWN

    for back in range(SHOWN):
        for scenario in scenarios:
            key = f"{today - timedelta(days=back)}|{scenario}"
            try:
                fetch(store, key, ("soak_drift", "acceptance_report"), run_id=context.run.run_id)
            except InputError as error:
                context.log.warning(f"{key} is shown as it is on this machine: {error}")


def _command(store: StoreResource, overview: "Overview", out: Path, starts: str) -> MetadataValue[Any]:
    """The command that makes the same page."""
    from townlet.morning.schedule import DEFAULT_CRON

    options: dict[str, object] = {
        "store": store.place(),
        "now": overview.as_of.isoformat(),
        **({"cron": starts} if starts != DEFAULT_CRON else {}),
        **({"timezone": timezone()} if timezone() != "UTC" else {}),
        "handbook": handbook_url(),
        "runs": _runs(),
        "incident_pages": incident_url(),
        "output": out,
    }
    return metadata.command("morning", options=options)
