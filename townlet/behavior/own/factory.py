"""Factories of behaviours in a user's own code, by ``package.module:factory`` or ``FILE.py:factory``."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

from townlet.behavior.base import Behavior
from townlet.behavior.own.functions import checked_name
from townlet.config import Scenario
from townlet.errors import InputError, nearest_name
from townlet.host.user_modules import as_error, import_user_module, is_missing, source_sha256, where_raised
from townlet.policies.origin import Origin, origin_of

#: How a factory is named, for messages.
FORMS = "package.module:factory or FILE.py:factory"


def names_factory(words: str) -> bool:
    """Whether words have the form of a factory's name; a location such as ``s3://bucket/policy`` does not."""
    module, colon, attribute = words.rpartition(":")
    return bool(colon) and bool(module) and attribute.replace(".", "").isidentifier()


def behavior_by_factory(words: str, scenario: Scenario) -> Behavior:
    """The behaviour that a factory makes for a scenario; its code is run.

    A factory is a function or a class that takes nothing, or the scenario; a :class:`Behavior` itself will do. Modules
    are found as Python finds them, and last in the current folder. The behaviour's ``origin`` names the words and the
    hash of the module's file.

    Raises InputError for a module or a name that does not exist, and for anything that is no behaviour. Errors of the
    user's own code are passed on as InputError, with the cause chained.
    """
    place, _, attribute = words.rpartition(":")
    module = _module(place)
    made: Any = module
    for part in attribute.split("."):
        if not hasattr(made, part):
            raise InputError.of(place, "", f"no {attribute}", nearest_name(part, _public(made)))
        made = getattr(made, part)
    if not _is_behavior(made):
        made = _call(words, made, scenario)
    if not _is_behavior(made):
        expected = "a behaviour, such as townlet.behavior.from_logits returns"
        raise InputError.of(words, "", f"a {type(made).__name__}", expected)
    checked_name(made.name)
    return with_origin(made, given=words, code_sha256=source_sha256(module))


def with_origin(behavior: Behavior, *, given: str, code_sha256: str | None = None) -> Behavior:
    """The same behaviour, whose origin says how it was named.

    ``code_sha256`` stands for the code that made it, if the behaviour does not know that itself. A behaviour without a
    place for its origin keeps none.
    """
    own = origin_of(behavior) or Origin()
    known = own.model_copy(update={"given": given, "code_sha256": code_sha256 or own.code_sha256})
    try:
        behavior.origin = known  # type: ignore[attr-defined]
    except AttributeError:
        expected = "a behaviour with an attribute origin, which can be set"
        raise InputError.of(given, "", f"a {type(behavior).__name__} without one", expected) from None
    return behavior


def _module(place: str) -> ModuleType:
    try:
        return import_user_module(place)
    except FileNotFoundError as error:
        if place.endswith(".py") and not Path(place).is_file():
            raise InputError.of(place, "", "no such file", "a Python file") from None
        raise _own_error(place, error) from error
    except ModuleNotFoundError as error:
        if is_missing(place, error):
            raise InputError.of("options", "--behavior", f"no module {error.name!r}", FORMS) from error
        raise _own_error(place, error) from error
    except Exception as error:
        raise _own_error(place, error) from error


def _call(words: str, factory: Any, scenario: Scenario) -> Any:
    if not callable(factory):
        raise InputError.of(words, "", f"a {type(factory).__name__}", "a function or a class that makes a behaviour")
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):
        signature = inspect.Signature()
    try:
        signature.bind()
        given: tuple[Any, ...] = ()
    except TypeError:
        given = (scenario,)
    try:
        return factory(*given)
    except InputError:
        raise
    except SystemExit as end:
        raise _own_error(words, as_error(end)) from end
    except Exception as error:
        raise _own_error(words, error) from error


def _own_error(where: str, error: Exception) -> InputError:
    """The error of a user's own code, with its place: their traceback is not printed."""
    return InputError.of(where, "", where_raised(error), "code that makes a behaviour")


def _is_behavior(made: Any) -> bool:
    return not isinstance(made, type) and callable(getattr(made, "act", None)) and hasattr(made, "name")


def _public(module: Any) -> list[str]:
    return [name for name in vars(module) if not name.startswith("_")] if hasattr(module, "__dict__") else []
