"""The summary report: a training on one page."""

from dagster import AssetExecutionContext, DataVersion, MaterializeResult, MetadataValue

from townlet_pipeline.artefacts import files, metadata
from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version
from townlet_pipeline.instance.project import shown


@townlet_asset(
    "telemetry",
    "html",
    "markdown",
    deps=["validated_telemetry", "trained_policy", "rollout_capture"],
    code_version=code_version(__file__),
)
def summary_report(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
    """The training in a sentence, three figures, curves and tables: self-contained HTML, Markdown and JSON.

    Its data version is a hash over the summary without clock fields, the capture's manifest and the weights. So equal
    trainings have equal versions, however long they took.
    """
    from townlet.stages.report import ReportSources, write_report

    name, path = context.partition_key, files.report(store, context.partition_key)
    sources = ReportSources(
        scenario=files.scenario_copy(store, name),
        manifest=files.manifest(store, name),
        policy=files.policy(store, name),
        log=files.log(store, name),
    )
    report = write_report(sources, path.parent, shown)
    metrics = [metric.name for metric in report.summary.metrics]
    options = {
        "scenario": sources.scenario,
        "manifest": sources.manifest,
        "policy": sources.policy,
        "output": path.parent,
    }
    return MaterializeResult(
        data_version=DataVersion(report.version),
        metadata={
            "headline": str(report.key_figures[0]),
            "verdict": MetadataValue.text(report.summary.verdict),
            "page": metadata.page(report.path),
            "report": MetadataValue.md(report.markdown),
            "remarks": len(report.summary.remarks),
            **{f"{f.label.replace(' ', '_')}_after": f.after for f in report.key_figures},
            "dagster/column_schema": metadata.telemetry_schema(metrics),
            **metadata.column_lineage("validated_telemetry", {metric: [metric] for metric in metrics}),
            **metadata.made_from(**report.parents),
            "path": MetadataValue.path(str(report.path)),
            "command": metadata.command("report", sources.log, options=options),
        },
    )
