"""The scenario: a validated copy of its file, which everything downstream reads."""

from dagster import AssetExecutionContext, DataVersion, MaterializeResult, MetadataValue

from townlet_pipeline.artefacts import files, metadata
from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.scenario_source import source_of
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version
from townlet_pipeline.instance.project import shown


@townlet_asset(
    "rollouts",
    "yaml",
    deps=["scenario_file"],
    code_version=code_version(__file__),
)
def scenario(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
    """The town, its people and their training: `configs/scenarios/<scenario>.yaml`, validated and copied.

    For an experiment, `<scenario>__<experiment>`, it is the registered configuration. Its data version is the hash of
    the complete configuration, defaults included and comments excluded.
    """
    from townlet.stages.scenario import freeze_scenario
    from townlet.telemetry.formatting import count

    name = context.partition_key
    source, copy = source_of(store, name), files.scenario_copy(store, name)
    loaded = freeze_scenario(source, copy)
    rows = [
        {"person": person, "starts_at": f"{entry.at[0]}, {entry.at[1]}", "job": entry.job or ""}
        for person, entry in loaded.people.items()
    ]
    return MaterializeResult(
        data_version=DataVersion(loaded.digest),
        metadata={
            "headline": f"{count(len(loaded.people), 'person', 'people')}, {count(len(loaded.objects), 'object')}, "
            f"{loaded.ticks} ticks",
            "description": MetadataValue.text(loaded.description),
            "source": MetadataValue.path(shown(source)),
            "path": MetadataValue.path(str(copy)),
            "ticks": loaded.ticks,
            "people": len(loaded.people),
            "objects": len(loaded.objects),
            "table": metadata.table(rows, {"person": "name", "starts_at": "tile: column, row", "job": "empty: none"}),
            **metadata.made_from(),
            "command": metadata.command("freeze", source, options={"output": copy}),
        },
    )
