"""Experiments: a scenario with changes, under a name that always means the same configuration.

The complete configuration lies in ``<store>/<scenario>__<experiment>/experiment/`` and never changes. An experiment
is a partition like any scenario.
"""

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import Config, DagsterInstance, OpExecutionContext, job, op
from pydantic import Field

from townlet.errors import Fault, InputError, nearest_name
from townlet_pipeline.artefacts import files
from townlet_pipeline.artefacts.object_store import publish
from townlet_pipeline.artefacts.partitions import SEPARATOR, add_scenarios, files_on_disk, scenarios
from townlet_pipeline.artefacts.scenario_source import EXPERIMENT, experiment_file, fetch_if_shared
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.instance.project import LONGEST_KEY, scenario_file
from townlet_pipeline.resources import NEEDED_BY_ALL
from townlet_pipeline.runs.executors import townlet_executor
from townlet_pipeline.runs.failures import readable_failures

if TYPE_CHECKING:
    from townlet.config import Scenario

#: Most differences that a refusal names; one changed section can have many.
_SHOWN = 8


@dataclass(frozen=True)
class Registered:
    """A registered experiment: its key, its scenario file, and whether it was new."""

    key: str
    file: Path
    new: bool


def register(
    instance: DagsterInstance,
    store: StoreResource,
    scenario: str,
    experiment: str,
    *,
    changes: Mapping[str, Mapping[str, Any]] | None = None,
    capture_options: Mapping[str, int | None] | None = None,
    settings: Sequence[str] = (),
) -> Registered:
    """Write the complete configuration of an experiment and add its partition.

    Registering the same configuration again changes nothing. A file that cannot be read is written anew if nothing was
    ever made from it. Raises InputError, with nothing written, for an unknown scenario, for an invalid name or
    configuration, and for a name that already means another configuration.

    Args:
        instance: where the partition is added.
        store: where the configuration is written, and published if it has an object store.
        scenario: name of a file in ``configs/scenarios``.
        experiment: name of the experiment.
        changes: values to change, by section of the scenario.
        capture_options: ``ticks``, ``worlds`` and ``seed`` of the capture.
        settings: texts such as ``ppo.gamma=0.9``, see :func:`townlet.config.settings.with_settings`.
    """
    from townlet.config import load_scenario
    from townlet.config.settings import with_settings
    from townlet.files.storage import exclusive, write_atomically

    key = _key(scenario, experiment)
    base = with_settings(load_scenario(scenario_file(scenario)), settings, "experiment")
    _require_once(base.settings, changes or {}, capture_options or {})
    effective = _effective(base, key, changes or {}, capture_options or {})
    content = _content(effective, f"{scenario} with the changes of the experiment {experiment}; do not edit.")
    file = experiment_file(store, key)
    fetch_if_shared(store, key)
    with exclusive(file.parent):
        registered = _registered(store, key)
        new = registered is None
        if registered is None:
            write_atomically(file, content)
        else:
            _require_same(file, registered, effective)
    if store.published_at:
        publish(store, key, EXPERIMENT)
    if not instance.has_dynamic_partition(str(scenarios.name), key):
        add_scenarios(instance, [key])
    return Registered(key, file, new)


def _key(scenario: str, experiment: str) -> str:
    from townlet.config.town import NAME_PATTERN

    known = files_on_disk()
    if scenario not in known:
        raise InputError.of("experiment", "scenario", repr(scenario), nearest_name(scenario, known))
    if not re.fullmatch(NAME_PATTERN, experiment):
        expected = "a name of lower-case letters, digits and _ that begins with a letter"
        raise InputError.of("experiment", "experiment", repr(experiment), expected)
    key = f"{scenario}{SEPARATOR}{experiment}"
    if len(key) > LONGEST_KEY:
        found, most = f"{len(experiment)} letters", LONGEST_KEY - len(scenario) - len(SEPARATOR)
        raise InputError.of("experiment", "experiment", found, f"at most {most}: {LONGEST_KEY} with {scenario}'s")
    if key in known:
        raise InputError.of("experiment", "experiment", repr(experiment), f"another name: {key}.yaml is a scenario")
    return key


def _require_once(
    settings: Mapping[str, Any], changes: Mapping[str, Any], capture_options: Mapping[str, int | None]
) -> None:
    """Raise InputError for a key that both settings and the other changes name."""
    from townlet.config.settings import full_keys

    sizes = {"ticks": "ticks", "worlds": "capture.worlds", "seed": "scenario.seed"}
    others = {sizes[name] for name, value in capture_options.items() if value is not None}
    for key in sorted(set(settings) & (others | set(full_keys(changes, "experiment")))):
        raise InputError.of("experiment", "settings", f"{key}, which another option sets too", "it once")


def _effective(
    base: "Scenario", key: str, changes: Mapping[str, Mapping[str, Any]], capture_options: Mapping[str, int | None]
) -> "Scenario":
    from townlet.config.options import with_options
    from townlet.config.validate_scenario import validated_scenario

    content = _merged(base.model_dump(mode="json"), {"name": key, **changes})
    changed = validated_scenario(content, "experiment", numbers_as_text=True)
    options = {name: capture_options.get(name) for name in ("ticks", "worlds", "seed")}
    return with_options(changed, **options)


def _content(effective: "Scenario", title: str) -> str:
    """The content of an experiment's file, read back from a temporary file before it is written to the store.

    Raises InputError for every fault that it would have as a file, such as a name that refers to nothing.
    """
    from townlet.config import load_scenario
    from townlet.config.dump import scenario_yaml

    content = f"# {title}\n{scenario_yaml(effective)}"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{effective.name}.yaml"
        file.write_text(content, encoding="utf-8")
        try:
            load_scenario(file)
        except InputError as error:
            # Nobody sees the temporary file, so its line numbers would mean nothing.
            raise InputError(
                replace(fault, file="experiment", where=re.sub(r" \(line \d+\)$", "", fault.where))
                for fault in error.faults
            ) from None
    return content


def _registered(store: StoreResource, key: str) -> "Scenario | None":
    """The configuration registered under a key; None without a file, and for an unreadable one that nothing came from.

    Raises InputError for an unreadable file from which something was made: only a person may decide to give that up.
    """
    from townlet.config import load_scenario

    file = experiment_file(store, key)
    if not file.exists():
        return None
    try:
        return load_scenario(file)
    except InputError as error:
        fetch_if_shared(store, key, "scenario")
        if not files.scenario_copy(store, key).exists():
            return None
        give_up = f"python -m townlet_pipeline.column.retire {key} --delete-files"
        raise InputError(
            replace(fault, expected=f"{fault.expected}; take another name, or give up what was made: {give_up}")
            for fault in error.faults
        ) from None


def _merged(content: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``content`` with its leaves replaced by those of ``changes``."""
    merged = dict(content)
    for name, value in changes.items():
        inner = merged.get(name)
        merged[name] = _merged(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
    return merged


def _require_same(file: Path, registered: "Scenario", asked: "Scenario") -> None:
    """Raise InputError naming what differs, unless both configurations are the same."""
    if registered.digest == asked.digest:
        return
    differences = list(_differences(asked.model_dump(mode="json"), registered.model_dump(mode="json"), ""))
    raise InputError(
        Fault(str(file), where, found, f"{expected}, as the experiment of this name was registered; take another name")
        for where, found, expected in differences[:_SHOWN]
    )


def _differences(found: Any, expected: Any, where: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(found, dict) and isinstance(expected, dict):
        for name in dict.fromkeys([*expected, *found]):
            yield from _differences(found.get(name), expected.get(name), f"{where}.{name}")
    elif found != expected:
        yield where.removeprefix("."), repr(found), repr(expected)


class CaptureOptions(Config):
    """Size of a capture. An empty option leaves the scenario's value."""

    ticks: int | None = Field(default=None, description="Ticks of an episode.")
    worlds: int | None = Field(default=None, description="Number of worlds recorded.")
    seed: int | None = Field(default=None, description="Seed of the worlds.")


class Experiment(Config):
    """An experiment to register: a scenario, a name, and the changes."""

    scenario: str = Field(description="Name of a file in configs/scenarios.")
    experiment: str = Field(description="Name of the experiment; the partition is <scenario>__<experiment>.")
    training: dict[str, Any] = Field(
        default={}, description="Changes to the scenario's training section, such as {ppo: {learning_rate: 0.01}}."
    )
    rules: dict[str, Any] = Field(default={}, description="Changes to the scenario's rules section.")
    settings: list[str] = Field(
        default=[], description="Values for single keys, such as ppo.learning_rate=1e-3, like those of --set."
    )
    simulator: CaptureOptions = Field(default=CaptureOptions(), description="Size of the capture.")


@op
def freeze_and_register(context: OpExecutionContext, config: Experiment, store: StoreResource) -> None:
    """Write the experiment's complete configuration and add its partition."""
    with readable_failures():
        done = register(
            context.instance,
            store,
            config.scenario,
            config.experiment,
            changes={"training": config.training, "rules": config.rules},
            capture_options=config.simulator.model_dump(),
            settings=config.settings,
        )
    context.log.info(f"{done.key}: {'written to' if done.new else 'already in'} {done.file}")


@job(
    executor_def=townlet_executor,
    resource_defs={**NEEDED_BY_ALL, "store": StoreResource()},
    tags={"dagster/max_runtime": "600"},
    description="Writes a scenario with changes under a name of its own, and adds it as a partition of every asset. "
    "The same name with another configuration is refused.",
)
def register_experiment() -> None:
    """Register an experiment."""
    freeze_and_register()
