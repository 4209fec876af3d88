"""The scenario: a validated copy of its file, which everything downstream reads."""

from dagster import AssetExecutionContext, DataVersion, MaterializeResult, MetadataValue

from townlet_pipeline import files, metadata
from townlet_pipeline.common import stage
from townlet_pipeline.failures import readable_failures
from townlet_pipeline.project import project_root, scenario_file, scenario_folder, shown
from townlet_pipeline.resources import StoreResource
from townlet_pipeline.versions import code_version


@stage(
    "rollouts",
    "yaml",
    code_version=code_version(__file__, files=sorted(scenario_folder(project_root()).glob("*.yaml"))),
)
def scenario(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
    """The town, its people and their training: `configs/scenarios/<scenario>.yaml`, validated and copied.

    Its data version is the hash of the complete configuration, defaults included and comments excluded. Its code
    version covers the scenario files, so an edited file shows as out of date when the code location is reloaded.
    """
    from townlet.config import load_scenario
    from townlet.storage import read_bytes, write_atomically
    from townlet.telemetry.formatting import count

    name = context.partition_key
    source, copy = scenario_file(name), files.snapshot(store, name)
    with readable_failures():
        loaded = load_scenario(source)
        write_atomically(copy, read_bytes(source, "a scenario"))
    rows = [
        {"person": person, "starts_at": f"{entry.at[0]}, {entry.at[1]}", "job": entry.job or ""}
        for person, entry in loaded.people.items()
    ]
    return MaterializeResult(
        data_version=DataVersion(loaded.digest),
        metadata={
            "headline": f"{count(len(loaded.people), 'person', 'people')}, {count(len(loaded.objects), 'object')}, "
            f"{loaded.ticks} ticks",
            "description": MetadataValue.md(loaded.description),
            "source": MetadataValue.path(shown(source)),
            "path": MetadataValue.path(str(copy)),
            "ticks": loaded.ticks,
            "people": len(loaded.people),
            "objects": len(loaded.objects),
            "table": metadata.table(rows, {"person": "name", "starts_at": "tile: column, row", "job": "empty: none"}),
        },
    )
