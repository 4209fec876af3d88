"""Settings of a training in an environment that is not a town, from a YAML file and options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field, JsonValue, ValidationError

from townlet.config.base import Positive, Section
from townlet.config.document import Document, Node, parse_document
from townlet.config.faults import fault_of, quote
from townlet.config.training import TrainingConfig
from townlet.errors import Fault, InputError
from townlet.files.storage import AnyPath, read_bytes

#: Values of ``training`` that a file need not name; all others are those of a scenario.
DEFAULTS: dict[str, Any] = {
    "worlds": 16,
    "rollout_ticks": 64,
    "cycles": 150,
    "epochs": 8,
    "network": {"hidden": [64, 64]},
    "ppo": {"entropy_coef": 0.0, "minibatch_size": 256, "lr_schedule": "linear"},
}

#: Parts of ``training`` that only a town has use for, with the reason.
_TOWNS_ONLY = {
    ("towns",): "only towns can be drawn from numbers",
    ("imitation",): "only a town has a heuristic",
    ("handover",): "only a town has a schedule or a heuristic",
    ("replay",): "only captures of a town can be replayed",
    ("network", "commitment_ticks"): "only people of a town can commit themselves",
}


class EnvironmentSettings(Section):
    """The content of a settings file."""

    training: TrainingConfig
    """Amounts and constants, as in a scenario."""
    reward_scale: Annotated[Positive | None, Field(default=None)]
    """Factor on the rewards that are learnt from; by default they are divided by the standard deviation of the returns
    so far. Returns and rewards in telemetry are unscaled."""
    options: dict[str, JsonValue] = {}
    """Keyword arguments of the environment."""


def load_settings(path: AnyPath | None) -> EnvironmentSettings:
    """The settings in a YAML file, or the default ones without a file.

    Raises InputError with every fault: an unreadable file, unknown keys, wrong types, values out of range, and options
    that only a town has use for.
    """
    if path is None:
        return settings_of({}, "settings", Document(Node(0)))
    document = parse_document(path, read_bytes(path, "settings in YAML"))
    content = {} if document.value is None else document.value
    if not isinstance(content, dict):
        raise InputError.of(path, "", quote(content), "a mapping of keys such as training, reward_scale, options")
    return settings_of(content, path, document)


def settings_of(content: Mapping[str, Any], file: object, document: Document) -> EnvironmentSettings:
    """Validate the content of ``file``, whose lines are in ``document``; see :func:`load_settings`."""
    given = content.get("training", {})
    faults = list(_town_faults(given, str(file), document)) if isinstance(given, dict) else []
    if faults:
        raise InputError(faults)
    training = _merged(DEFAULTS, given) if isinstance(given, dict) else given
    try:
        return EnvironmentSettings.model_validate({**content, "training": training})
    except ValidationError as error:
        raise InputError(
            fault_of(str(file), detail, EnvironmentSettings, document.place(tuple(map(str, detail["loc"]))))
            for detail in error.errors()
        ) from None


def _town_faults(training: Mapping[str, Any], file: str, document: Document) -> Iterator[Fault]:
    for where, reason in _TOWNS_ONLY.items():
        part: Any = training
        for key in where:
            part = part.get(key) if isinstance(part, dict) else None
        if part is not None:
            yield Fault(file, document.place(("training", *where)), quote(part), f"nothing: {reason}")


def _merged(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults with the given values in their place, also in the mappings in them."""
    merged = {**defaults, **given}
    for name, value in defaults.items():
        if isinstance(value, dict) and isinstance(given.get(name), dict):
            merged[name] = {**value, **given[name]}
    return merged
