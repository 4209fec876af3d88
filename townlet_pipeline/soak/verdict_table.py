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
    "unit": "unit of the mean",
    "lowest_corrected_p": "lowest p of its tests, corrected over all tests of the soak; 1 without a test",
}


def verdict_table(evidence: "Evidence") -> TableMetadataValue:
    """A row for each metric of a soak: its verdict, its mean and its lowest corrected p."""
    from townlet.soak.units import unit_of

    rows: list[dict[str, str | float]] = []
    for metric in evidence.assessment.metrics:
        unit, found = unit_of(metric.name), metric.most_certain()
        rows.append(
            {
                "metric": metric.name,
                "of": metric.role,
                "verdict": metric.verdict,
                "soak": metric.mean / unit.size,
                "unit": unit.name,
                "lowest_corrected_p": found.corrected_p if found else 1.0,
            }
        )
    return metadata.table(rows, _MEANINGS)
