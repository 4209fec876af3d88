"""A soak's report as a materialization: the same for a night and for an endurance run."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dagster import AssetExecutionContext, DataVersion, MaterializeResult, MetadataValue, TableMetadataValue

from townlet_pipeline.artefacts import files, metadata
from townlet_pipeline.artefacts.provenance import run_that_made
from townlet_pipeline.resources import StoreResource

if TYPE_CHECKING:
    from townlet.soak.evidence import Evidence

_MEANINGS = {
    "metric": "what is judged",
    "of": "the baseline's behaviour (reference), the network, or the process (resource)",
    "verdict": "steady, watch, alert, learned or not enough data",
    "soak": "mean over the cycles",
    "lowest_corrected_p": "of its tests, corrected over all tests of the soak; 1 without a test",
}


def report_on(
    context: AssetExecutionContext, store: StoreResource, source: str, also: Mapping[str, str] | None = None
) -> MaterializeResult[None]:
    """The acceptance report of the soak that the asset ``source`` made, in the folder of the asset at work.

    ``also`` are data versions of other parents, by asset. The data version is the SHA-256 of ``acceptance.json``.
    """
    from townlet.files.storage import sha256
    from townlet.soak.report import write_acceptance

    key, name = context.partition_key, context.asset_key.to_user_string()
    soak, out = store.folder(key, source), files.main_file(store, key, name)
    version = soak_version(store, key, source)
    run = run_that_made(context.instance, source, key, version)
    links = {f"run of {name}": f"/runs/{context.run.run_id}"}
    if context.instance.has_run(run):
        links[f"run of {source}"] = f"/runs/{run}"
    evidence = write_acceptance(soak, output=out.parent, links=links)
    return MaterializeResult(
        data_version=DataVersion(sha256(out.with_suffix(".json").read_bytes())),
        metadata={
            "headline": f"{evidence.verdict.decision}: {len(evidence.assessment.of('alert'))} alerts, "
            f"{len(evidence.assessment.of('watch'))} to watch, {evidence.assessment.cycles} cycles",
            "verdict": MetadataValue.text(evidence.verdict.reasons),
            "report": MetadataValue.md(out.with_suffix(".md").read_text(encoding="utf-8")),
            "table": verdicts(evidence),
            **metadata.made_from(**{source: version}, **(also or {})),
            "path": MetadataValue.path(str(out)),
            "command": metadata.command(
                "drift",
                soak,
                *(word for label, target in links.items() for word in ("--link", f"{label}={target}")),
                options={"output": out.parent},
            ),
        },
    )


def soak_version(store: StoreResource, key: str, source: str) -> str:
    """The data version of a soak: the SHA-256 of its manifest, which names the hash of its cycles."""
    from townlet.files.storage import read_bytes, sha256

    return sha256(read_bytes(files.main_file(store, key, source), "a soak's manifest"))


def verdicts(evidence: "Evidence") -> TableMetadataValue:
    """A row per metric."""
    rows: list[dict[str, str | float]] = [
        {
            "metric": metric.name,
            "of": metric.role,
            "verdict": metric.verdict,
            "soak": metric.mean,
            "lowest_corrected_p": found.corrected_p if (found := metric.most_certain()) else 1.0,
        }
        for metric in evidence.assessment.metrics
    ]
    return metadata.table(rows, _MEANINGS)
