"""Partitions: one per scenario, and one per experiment; and the scenarios that have nights and weekends."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from dagster import (
    AssetCheckExecutionContext,
    AssetExecutionContext,
    DagsterInstance,
    DynamicPartitionsDefinition,
    MultiPartitionKey,
)

from townlet.errors import Fault, InputError
from townlet_pipeline.instance.project import KEY_EXPECTED, is_key, project_root, scenario_file, scenario_folder, shown

#: Separates the scenario's name from the experiment's in the key of an experiment's partition.
SEPARATOR = "__"

#: The key of an asset without partitions, which is made once for all scenarios.
ALL = "all"

#: Attempts to add keys while other processes add some, too.
_ATTEMPTS = 10

#: The keys are in the instance; the sensor ``scenario_files`` and the job ``register_experiment`` add them.
scenarios = DynamicPartitionsDefinition(name="scenarios")

#: The scenarios with a promoted baseline, which alone can be soaked. The sensor ``promotions`` adds the keys.
soaked_scenarios = DynamicPartitionsDefinition(name="soaked_scenarios")


#: The policies made elsewhere that are declared. The sensor ``policy_files`` adds the keys.
outside_policies = DynamicPartitionsDefinition(name="outside_policies")

#: Dimensions of partitions that say when.
_TIMES = ("day", "week")


def when_and_what(key: MultiPartitionKey) -> tuple[str, str]:
    """The day, or the first day of the week, of a partition, and its scenario or policy."""
    keys = key.keys_by_dimension
    (when,) = (each for dimension, each in keys.items() if dimension in _TIMES)
    (what,) = (each for dimension, each in keys.items() if dimension not in _TIMES)
    return when, what


def key_of(context: AssetExecutionContext | AssetCheckExecutionContext) -> str:
    """The partition that a step makes or checks; :data:`ALL` if its assets have none."""
    return context.partition_key if context.has_partition_key else ALL


def files_on_disk() -> list[str]:
    """Names of the present scenario files, sorted, whether or not their content is valid."""
    return sorted(file.stem for file in _candidates() if _unusable(file) is None)


def unusable_files() -> list[str]:
    """One line for each entry that ends like a YAML file and cannot be a scenario. Hidden entries are ignored."""
    folder = shown(scenario_folder(project_root()))
    faults = ((file, _unusable(file)) for file in sorted(_candidates()))
    return [str(Fault(folder, ascii(file.name), *fault)) for file, fault in faults if fault is not None]


def _candidates() -> Iterable[Path]:
    """All entries that end like a YAML file, except hidden ones, which editors and macOS leave."""
    everything = scenario_folder(project_root()).iterdir()
    return (file for file in everything if file.suffix.lower() in (".yaml", ".yml") and not file.name.startswith("."))


def _unusable(file: Path) -> tuple[str, str] | None:
    """Why a file cannot be a scenario, whatever its content: what was found, and what was expected."""
    if file.suffix != ".yaml":
        return file.suffix, "the ending .yaml"
    if not is_key(file.stem):
        return "", f"a name of {KEY_EXPECTED}"
    # A dangling link is reported as a scenario that cannot be read.
    if file.exists() and not file.is_file():
        return "a folder" if file.is_dir() else "a device, a pipe or a socket", "a file"
    return None


def new_scenarios(known: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """The names of valid scenario files that are not ``known``, and the first fault of each other new file by name."""
    from townlet.config import load_scenario

    valid, faulty, before = [], {}, set(known)
    for name in files_on_disk():
        if name in before:
            continue
        try:
            load_scenario(scenario_file(name))
        except InputError as error:
            others = len(error.faults) - 1
            more = f" (and {others} more)" if others else ""
            faulty[name] = f"{error.faults[0]}{more}; it becomes a partition once it is valid"
        else:
            valid.append(name)
    return valid, faulty


def register_scenarios(instance: DagsterInstance, say: Callable[[str], None] | None = None) -> list[str]:
    """Make every valid scenario file a partition of the instance, and return the new keys.

    ``say`` gets a line for each file that is not registered, with the reason.
    """
    new, faulty = new_scenarios(known_scenarios(instance))
    if new:
        add_scenarios(instance, new)
    if say is not None:
        for line in (*unusable_files(), *faulty.values()):
            say(line)
    return new


def register_soaked_scenarios(instance: DagsterInstance) -> list[str]:
    """Make every scenario with a promoted baseline a partition of nights and weekends, and return the new keys."""
    new = new_soaked_scenarios(instance)
    if new:
        _add(instance, soaked_scenarios, new)
    return new


def new_soaked_scenarios(instance: DagsterInstance, also: Iterable[str] = ()) -> list[str]:
    """The partitions with a promoted baseline that are not yet among the soaked scenarios, sorted.

    ``also`` are partitions that are about to be added. A baseline without a partition is left out, such as that of a
    scenario whose file is gone.
    """
    from townlet.baselines import BASELINES_FOLDER, promoted_scenarios

    before, known = set(known_soaked_scenarios(instance)), {*known_scenarios(instance), *also}
    return [name for name in promoted_scenarios(project_root() / BASELINES_FOLDER) if name in known - before]


def known_soaked_scenarios(instance: DagsterInstance) -> list[str]:
    """The scenarios of which nights and weekends are partitions, including those whose baseline is gone."""
    return list(instance.get_dynamic_partitions(str(soaked_scenarios.name)))


def remove_partition(instance: DagsterInstance, key: str) -> None:
    """Remove a key from all assets, nights and weekends included. No run and no backfill of it may be unfinished."""
    for definition in (soaked_scenarios, scenarios, outside_policies):
        if instance.has_dynamic_partition(str(definition.name), key):
            instance.delete_dynamic_partition(str(definition.name), key)


def known_policies(instance: DagsterInstance) -> list[str]:
    """The policies made elsewhere that have a partition, including those whose declaration is gone."""
    return list(instance.get_dynamic_partitions(str(outside_policies.name)))


def add_policies(instance: DagsterInstance, keys: Sequence[str]) -> None:
    """Make keys partitions of the assets of policies made elsewhere, unless they are already."""
    _add(instance, outside_policies, keys)


def add_scenarios(instance: DagsterInstance, keys: Sequence[str]) -> None:
    """Make keys partitions of the instance, unless they are already."""
    _add(instance, scenarios, keys)


def _add(instance: DagsterInstance, definition: DynamicPartitionsDefinition, keys: Sequence[str]) -> None:
    """Add keys that are not there yet.

    Dagster first asks for the keys that are there and then adds the others. If another process, such as the daemon's
    sensor, adds one in between, the database refuses them all; then they are added again.
    """
    from sqlalchemy.exc import IntegrityError

    for attempt in range(1, _ATTEMPTS + 1):
        try:
            instance.add_dynamic_partitions(str(definition.name), list(keys))
        except IntegrityError:
            if attempt == _ATTEMPTS:
                raise
        else:
            return


def known_scenarios(instance: DagsterInstance) -> list[str]:
    """All keys of the instance: experiments and scenarios, including those whose file is gone."""
    return list(instance.get_dynamic_partitions(str(scenarios.name)))
