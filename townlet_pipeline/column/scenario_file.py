"""The scenario's file as an asset of the graph: people edit it, and no run makes it."""

from collections.abc import Iterable

from dagster import DagsterInstance, MetadataValue

from townlet.errors import InputError
from townlet_pipeline.artefacts.external import SCENARIO_FILE, Present, external_asset, report, reported_version
from townlet_pipeline.artefacts.partitions import files_on_disk, known_scenarios, scenarios
from townlet_pipeline.instance.project import scenario_file, shown

scenario_file_asset = external_asset(
    SCENARIO_FILE,
    "rollouts",
    "yaml",
    description="The file in `configs/scenarios` that people edit. No run makes it. The sensor `scenario_files` "
    "reports each edit that changes what the file says, which makes `scenario` stale. An experiment has no such file. "
    "Its data version is the hash of the complete configuration, defaults included and comments excluded.",
    partitions=scenarios,
)


def edited_files(instance: DagsterInstance, names: Iterable[str]) -> tuple[list[Present], list[str]]:
    """The files among ``names`` that say something else than was last reported, and the names of those not valid.

    An edit of comments changes nothing that a file says.
    """
    from townlet.config import load_scenario

    found, invalid = [], []
    for name in names:
        file = scenario_file(name)
        try:
            loaded = load_scenario(file)
        except InputError:
            invalid.append(name)
            continue
        if loaded.digest != reported_version(instance, SCENARIO_FILE, name):
            page = {"headline": loaded.description, "path": MetadataValue.path(shown(file))}
            found.append(Present(SCENARIO_FILE, name, loaded.digest, page))
    return found, invalid


def report_scenario_files(instance: DagsterInstance) -> list[Present]:
    """Report at once what the sensor `scenario_files` would report of the partitions that are there."""
    known = set(known_scenarios(instance))
    return report(instance, edited_files(instance, [name for name in files_on_disk() if name in known])[0])
