"""Alerts: the epochs that broke a threshold of the scenario."""

from collections.abc import Mapping

from dagster import AssetExecutionContext, DataVersion, MaterializeResult, MetadataValue

from townlet_pipeline.artefacts import files, metadata
from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version, log_sha256

_MEANINGS = {
    "epoch": "epoch that alerted",
    "signal": "name of the watched signal",
    "field": "telemetry field",
    "found": "its value",
    "expected": "the bound it broke",
}


@townlet_asset(
    "telemetry",
    "json",
    deps=["validated_telemetry", "scenario"],
    code_version=code_version(__file__),
)
def telemetry_alerts(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
    """Every epoch compared with the scenario's thresholds, as `townlet watch` does; the alerts as JSON.

    Its data version is the SHA-256 of that file.
    """
    from townlet.stages.alerts import write_alerts

    name = context.partition_key
    log, out, source = files.log(store, name), files.alerts(store, name), files.scenario_copy(store, name)
    written = write_alerts(log, source, out)
    rows, bounds = written.alerts, written.thresholds
    epochs = len({row["epoch"] for row in rows})
    return MaterializeResult(
        data_version=DataVersion(written.sha256),
        metadata={
            "headline": f"{epochs} of {len(written.records)} epochs raised an alert; {len(bounds)} signals watched",
            "alerts": len(rows),
            "epochs_with_alerts": epochs,
            "thresholds": MetadataValue.json(bounds),
            "table": metadata.table(rows[:100], _MEANINGS),
            "dagster/column_schema": metadata.table([], _MEANINGS).schema,
            **metadata.column_lineage("validated_telemetry", _columns(bounds)),
            **metadata.made_from(scenario=written.scenario_digest, validated_telemetry=log_sha256(written.records)),
            "path": MetadataValue.path(str(out)),
            "command": metadata.command("alerts", log, options={"thresholds": source, "output": out}),
        },
    )


def _columns(bounds: Mapping[str, float]) -> dict[str, list[str]]:
    """The telemetry columns that each column of an alert comes from: those of the watched signals."""
    from townlet.telemetry.epoch_alerts import SIGNALS

    watched = [signal.field for signal in SIGNALS if signal.name in bounds]
    return {name: ["epoch"] if name == "epoch" else watched for name in _MEANINGS}
