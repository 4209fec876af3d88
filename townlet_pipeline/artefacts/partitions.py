"""One partition per scenario, and per experiment on one: everything that is made of it is one column of assets."""

from collections.abc import Callable, Iterable
from pathlib import Path

from dagster import (
    AssetCheckExecutionContext,
    AssetExecutionContext,
    DagsterInstance,
    DynamicPartitionsDefinition,
)

from townlet.errors import Fault, InputError
from townlet_pipeline.instance.project import KEY_EXPECTED, is_key, project_root, scenario_file, scenario_folder, shown

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
    """Names of the scenario files there are now, sorted, whether or not what is in them is valid."""
    return sorted(file.stem for file in _candidates() if _unusable(file) is None)


def unusable_files() -> list[str]:
    """What lies among the scenario files as YAML and cannot be one, a line each; hidden files are not looked at."""
    folder = shown(scenario_folder(project_root()))
    faults = ((file, _unusable(file)) for file in sorted(_candidates()))
    return [str(Fault(folder, ascii(file.name), *fault)) for file, fault in faults if fault is not None]


def _candidates() -> Iterable[Path]:
    """Whatever is there under a name that ends like YAML's; editors and Macs leave hidden ones."""
    everything = scenario_folder(project_root()).iterdir()
    return (file for file in everything if file.suffix.lower() in (".yaml", ".yml") and not file.name.startswith("."))


def _unusable(file: Path) -> tuple[str, str] | None:
    """Why a file can be no scenario whatever is in it: what was found, and what was expected."""
    if file.suffix != ".yaml":
        return file.suffix, "the ending .yaml"
    if not is_key(file.stem):
        return "", f"a name of {KEY_EXPECTED}"
    # A link to nowhere is told as a scenario that cannot be read.
    if file.exists() and not file.is_file():
        return "a folder" if file.is_dir() else "a device, a pipe or a socket", "a file"
    return None


def new_scenarios(known: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """The names of valid scenario files that are not ``known``; and of the others, by name, the first fault."""
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
    """Make every valid scenario file a partition of the instance, at once; return the keys that are new.

    What is not registered, and why, is told line by line through ``say``.
    """
    new, faulty = new_scenarios(known_scenarios(instance))
    if new:
        instance.add_dynamic_partitions(str(scenarios.name), new)
    if say is not None:
        for told in (*unusable_files(), *faulty.values()):
            say(told)
    return new


def known_scenarios(instance: DagsterInstance) -> list[str]:
    """All keys of the instance: scenarios, those whose file is gone included, and experiments."""
    return list(instance.get_dynamic_partitions(str(scenarios.name)))
