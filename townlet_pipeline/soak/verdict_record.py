"""Record of a verdict: metadata that a report's materialization carries, and the same read back from the instance.

Sensors and pages read verdicts from here, because the report's files may lie on another machine or be of a later run.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import AssetKey, AssetMaterialization, AssetRecordsFilter, DagsterInstance, EventLogRecord, MetadataValue

from townlet_pipeline.instance.pages import handbook_url, page_url

if TYPE_CHECKING:
    from townlet.soak.verdict import SoakVerdict

VERDICTS = ("accept", "hold", "reject")

#: Records read from the instance at once.
_PAGE = 100


@dataclass(frozen=True)
class VerdictRecord:
    """The verdict on a night or a weekend, as it was reported."""

    asset: str
    """``acceptance_report``, ``endurance_report`` or ``outside_report``."""
    scenario: str
    """The scenario, or the policy made elsewhere, that was soaked."""
    when: str
    """The day of a night, or the first day of a weekend's week."""
    verdict: str
    """accept, hold or reject."""
    why: str
    next_step: str
    handbook: str
    """Anchor of the row in the handbook."""
    file: Path
    """The report."""
    run_id: str
    made_at: float
    """Seconds since the epoch."""

    @property
    def page(self) -> str | None:
        """The address of the report; None if it does not lie in the project's store."""
        return page_url(self.file)


def verdict_metadata(verdict: "SoakVerdict") -> dict[str, MetadataValue[Any]]:
    """Return what a materialization says about a verdict, with a link to the row of the handbook."""
    return {
        "verdict": MetadataValue.text(verdict.decision),
        "why": MetadataValue.text(verdict.why),
        "next_step": MetadataValue.text(verdict.next_step.sentence),
        "handbook": MetadataValue.url(handbook_url(verdict.next_step.handbook)),
        "reasons": MetadataValue.text(verdict.reasons),
    }


def verdicts_since(instance: DagsterInstance, asset: str, moment: float) -> Iterator[VerdictRecord]:
    """Yield an asset's verdicts that were reported after a moment (seconds since the epoch), the oldest first."""
    wanted, cursor = AssetRecordsFilter(AssetKey(asset), after_timestamp=moment), None
    while True:
        found = instance.fetch_materializations(wanted, limit=_PAGE, cursor=cursor, ascending=True)
        yield from (record for one in found.records if (record := _record_of(one)) is not None)
        if not found.has_more:
            return
        cursor = found.cursor


def latest_verdicts(instance: DagsterInstance, asset: str, keys: Sequence[str]) -> dict[str, VerdictRecord]:
    """Return the latest verdict of each partition that has one, by partition."""
    latest: dict[str, VerdictRecord] = {}
    for key in keys:
        wanted = AssetRecordsFilter(AssetKey(asset), asset_partitions=[key])
        for one in instance.fetch_materializations(wanted, limit=1).records:
            if (record := _record_of(one)) is not None:
                latest[key] = record
    return latest


def _record_of(record: EventLogRecord) -> VerdictRecord | None:
    """Return the verdict in a materialization; None if there is none, as in materializations by other code."""
    made = record.asset_materialization
    if made is None or made.partition is None or _text(made, "verdict") not in VERDICTS:
        return None
    when, scenario = _split(made.partition)
    return VerdictRecord(
        asset=made.asset_key.to_user_string(),
        scenario=scenario,
        when=when,
        verdict=_text(made, "verdict"),
        why=_text(made, "why"),
        next_step=_text(made, "next_step"),
        handbook=_text(made, "handbook").partition("#")[2],
        file=Path(_text(made, "path")),
        run_id=record.run_id,
        made_at=record.timestamp,
    )


def _split(key: str) -> tuple[str, str]:
    """Return the day and the scenario in a partition's key, which follow the order of the dimensions' names."""
    first, _, second = key.partition("|")
    return (first, second) if first[:1].isdigit() else (second, first)


def _text(made: AssetMaterialization, name: str) -> str:
    found = made.metadata.get(name)
    return str(found.value) if found is not None else ""
