"""Which epochs went beyond the scenario's thresholds."""

from dagster import AssetExecutionContext, DataVersion, MaterializeResult, MetadataValue

from townlet_pipeline import files, metadata
from townlet_pipeline.common import stage
from townlet_pipeline.failures import readable_failures
from townlet_pipeline.resources import StoreResource
from townlet_pipeline.versions import code_version, telemetry_version

_MEANINGS = {
    "epoch": "epoch that alerted",
    "signal": "name of the watched signal",
    "field": "telemetry field",
    "found": "its value",
    "expected": "the bound it broke",
}
_FIELDS = ("signal", "field", "found", "expected")


@stage(
    "telemetry",
    "json",
    deps=["validated_telemetry", "scenario"],
    code_version=code_version(__file__),
)
def telemetry_alerts(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
    """Every epoch judged by the thresholds of the scenario, as `townlet watch` does; the alerts as JSON.

    Its data version is the SHA-256 of that file.
    """
    from townlet.config import load_scenario
    from townlet.storage import pretty_json, write_atomically
    from townlet.telemetry import alerts_for, read_records

    name = context.partition_key
    log, out, source = files.log(store, name), files.alerts(store, name), files.snapshot(store, name)
    with readable_failures():
        scenario, records = load_scenario(source), read_records(log)
        thresholds = scenario.telemetry.thresholds
        rows: list[dict[str, str | int]] = [
            {"epoch": int(record["epoch"]), **{name: str(getattr(alert, name)) for name in _FIELDS}}
            for record in records
            for alert in alerts_for(record, thresholds)
        ]
        bounds = thresholds.model_dump(exclude_none=True)
        version = write_atomically(out, pretty_json({"thresholds": bounds, "alerts": rows}))
    epochs = len({row["epoch"] for row in rows})
    return MaterializeResult(
        data_version=DataVersion(version),
        metadata={
            "headline": f"{epochs} of {len(records)} epochs raised an alert; {len(bounds)} signals watched",
            "alerts": len(rows),
            "epochs_with_alerts": epochs,
            "thresholds": MetadataValue.json(bounds),
            "table": metadata.table(rows[:100], _MEANINGS),
            **metadata.made_from(scenario=scenario.digest, validated_telemetry=telemetry_version(records)),
            "path": MetadataValue.path(str(out)),
            "command": metadata.command("watch", log, options={"thresholds": source}),
        },
    )
