"""Settings of a training in an environment that is not a town, from a YAML file and options."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field, JsonValue, ValidationError
from pydantic_core import ErrorDetails

from townlet.config.base import Positive, Section
from townlet.config.document import Document, Node, parse_document
from townlet.config.faults import fault_of, quote
from townlet.config.settings import Settings, SettingsSource, put_settings, read_settings
from townlet.config.training import TrainingConfig
from townlet.errors import Fault, InputError
from townlet.files.storage import AnyPath, read_bytes
from townlet.training.options import TrainingOptions

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


def load_settings(path: AnyPath | None, given: Settings = (), source: str = "--set") -> EnvironmentSettings:
    """The settings in a YAML file, or the default ones without a file, with others beside it in their place.

    Args:
        path: the file.
        given: texts such as ``ppo.gamma=0.9`` or ``reward_scale=1``, or a mapping of keys; see
            :func:`townlet.config.settings.with_settings`.
        source: where these come from, for errors.

    Raises InputError with every fault: an unreadable file, unknown keys, wrong types, values out of range, and options
    that only a town has use for.
    """
    file = "settings" if path is None else path
    document = Document(Node(0)) if path is None else parse_document(path, read_bytes(path, "settings in YAML"))
    content = {} if document.value is None else document.value
    if not isinstance(content, dict):
        raise InputError.of(file, "", quote(content), "a mapping of keys such as training, reward_scale, options")
    found = settings_of(content, file, document)
    beside = read_settings(given, source, EnvironmentSettings)
    if not beside:
        return found
    merged = copy.deepcopy(content)
    put_settings(merged, beside, EnvironmentSettings, source)
    return settings_of(merged, source, SettingsSource(beside))


def require_settings_beside(options: TrainingOptions, given: Settings, source: str = "--set") -> None:
    """Raise InputError for settings that contradict options, and for those of a network that is a policy's."""
    found = {".".join(each.where): each for each in read_settings(given, source, EnvironmentSettings)}
    options.require_agreement({name: each.value for name, each in found.items()})
    if options.from_policy is not None:
        expected = f"no such setting: the network is that of {options.from_policy}"
        networks = (each for name, each in found.items() if name.startswith("training.network."))
        faults = [Fault(source, each.key, quote(each.value), expected) for each in networks]
        if faults:
            raise InputError(faults)


def settings_of(content: Mapping[str, Any], file: object, document: Document | SettingsSource) -> EnvironmentSettings:
    """Validate the content of ``file``, whose places ``document`` names; see :func:`load_settings`."""
    given = content.get("training", {})
    faults = list(_town_faults(given, str(file), document)) if isinstance(given, dict) else []
    if faults:
        raise InputError(faults)
    training = _merged(DEFAULTS, given) if isinstance(given, dict) else given
    try:
        return EnvironmentSettings.model_validate({**content, "training": training})
    except ValidationError as error:
        raise InputError(_fault(str(file), detail, document) for detail in error.errors()) from None


def _fault(file: str, detail: ErrorDetails, document: Document | SettingsSource) -> Fault:
    where = tuple(str(part) for part in detail["loc"] if part != "[key]")
    return fault_of(file, detail, EnvironmentSettings, document.place(where))


def _town_faults(training: Mapping[str, Any], file: str, document: Document | SettingsSource) -> Iterator[Fault]:
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
