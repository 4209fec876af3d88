"""One partition per scenario, and per experiment on one: everything that is made of it is one column of assets."""

from dagster import (
    AssetCheckExecutionContext,
    AssetExecutionContext,
    DagsterInstance,
    DynamicPartitionsDefinition,
)

from townlet_pipeline.project import project_root, scenario_folder

#: Between a scenario's name and that of an experiment on it, in the key of the experiment's partition.
SEPARATOR = "__"

#: In the place of a key, of what is made once for all scenarios.
ALL = "all"

#: The keys live in the instance: the sensor ``scenario_files`` and the job ``register_experiment`` add them.
scenarios = DynamicPartitionsDefinition(name="scenarios")


def key_of(context: AssetExecutionContext | AssetCheckExecutionContext) -> str:
    """The partition that a step makes or checks, :data:`ALL` if its assets have none."""
    return context.partition_key if context.has_partition_key else ALL


def files_on_disk() -> list[str]:
    """Names of the scenario files there are now, sorted."""
    return sorted(file.stem for file in scenario_folder(project_root()).glob("*.yaml"))


def register_scenarios(instance: DagsterInstance) -> list[str]:
    """Make every scenario file a partition of the instance, at once; return the keys that are new."""
    known = set(known_scenarios(instance))
    new = [name for name in files_on_disk() if name not in known]
    if new:
        instance.add_dynamic_partitions(str(scenarios.name), new)
    return new


def known_scenarios(instance: DagsterInstance) -> list[str]:
    """All keys of the instance: scenarios, those whose file is gone included, and experiments."""
    return list(instance.get_dynamic_partitions(str(scenarios.name)))
