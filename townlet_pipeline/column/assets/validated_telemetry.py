"""The validated training log, as a table with a declared schema."""

from dagster import AssetExecutionContext, DataVersion, MaterializeResult, MetadataValue

from townlet_pipeline.artefacts import files, metadata
from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version, log_sha256


@townlet_asset(
    "telemetry",
    "parquet",
    deps=["ppo_telemetry", "trained_policy"],
    code_version=code_version(__file__),
)
def validated_telemetry(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
    """The training log as one Parquet file, each column with its type, unit and meaning.

    A gate lets only a valid log through. The asset also waits for the policy's gate, so nothing is reported about
    weights that are not finite. Its data version is the log's.
    """
    from townlet.telemetry import telemetry_table, validate_log, write_table

    name = context.partition_key
    log, out = files.log(store, name), files.telemetry_table(store, name)
    write_table(log, out)
    result = validate_log(log)
    columns = telemetry_table(result.records).column_names
    schema = metadata.telemetry_schema(columns)
    return MaterializeResult(
        data_version=DataVersion(log_sha256(result.records)),
        metadata={
            "headline": f"{len(result.records)} records valid, {len(schema.columns)} columns",
            "dagster/column_schema": schema,
            "dagster/row_count": len(result.records),
            **metadata.column_lineage("ppo_telemetry", {column: [column] for column in columns}),
            **metadata.made_from(ppo_telemetry=log_sha256(result.records)),
            "torn_last_line": str(result.torn or "none"),
            "path": MetadataValue.path(str(out)),
            "command": metadata.command("validate", log, options={"table": out}),
        },
    )
