"""The report that people read."""

from dagster import AssetExecutionContext, DataVersion, MaterializeResult, MetadataValue

from townlet_pipeline import files, metadata
from townlet_pipeline.common import stage
from townlet_pipeline.failures import readable_failures
from townlet_pipeline.reporting import write_report
from townlet_pipeline.resources import StoreResource
from townlet_pipeline.versions import code_version


@stage(
    "telemetry",
    "html",
    "markdown",
    deps=["validated_telemetry", "trained_policy", "rollout_capture"],
    code_version=code_version(__file__),
)
def summary_report(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
    """The training in a sentence, three figures, curves and tables: self-contained HTML, Markdown and JSON.

    Its data version is a hash over the summary without clock fields, the capture's manifest and the weights, so that
    two equal trainings have equal versions although they took different times.
    """
    with readable_failures():
        report = write_report(store, context.partition_key)
    log = files.log(store, context.partition_key)
    return MaterializeResult(
        data_version=DataVersion(report.version),
        metadata={
            "headline": str(report.headline[0]),
            "verdict": MetadataValue.md(report.summary.verdict),
            "plots": metadata.plots(report.plots),
            "report": MetadataValue.md(report.markdown),
            "remarks": len(report.summary.remarks),
            **{f"{f.label.replace(' ', '_')}_after": f.after for f in report.headline},
            **metadata.made_from(**report.parents),
            "path": MetadataValue.path(str(report.path)),
            "command": metadata.command("summary", log, options={"format": "html"}),
        },
    )
