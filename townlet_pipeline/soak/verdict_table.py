"""The verdict on each metric of a soak, as a table in metadata."""

from typing import TYPE_CHECKING

from dagster import TableMetadataValue

from townlet_pipeline.artefacts import metadata

if TYPE_CHECKING:
    from townlet.soak.evidence import Evidence

_MEANINGS = {
    "metric": "what is tested",
    "of": "the baseline's behaviour (reference), the network, or the process (resource)",
    "verdict": "steady, watch, alert, learned or not enough data",
    "soak": "mean over the cycles",
    "lowest_corrected_p": "lowest p of its tests, corrected over all tests of the soak; 1 without a test",
}


def verdict_table(evidence: "Evidence") -> TableMetadataValue:
    """A row for each metric of a soak: its verdict, its mean and its lowest corrected p."""
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
