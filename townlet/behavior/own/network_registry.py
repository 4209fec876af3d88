"""Factories of networks in a user's own code, which a scenario or a policy's card only names.

Code runs only where the user names it too: in ``$TOWNLET_MODULES``, or by :func:`register_network`. So a scenario or a
policy of somebody else's runs nothing by itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from townlet.errors import InputError
from townlet.host.user_modules import as_error, import_user_module, is_missing, where_raised

#: Names of factories that may run, or of their modules, separated by commas.
VARIABLE = "TOWNLET_MODULES"
FORMS = "package.module:factory or FILE.py:factory"

#: A function or class that takes the number of features, and the :class:`~townlet.config.training.NetworkConfig` if it
#: takes two arguments, and returns a ``torch.nn.Module`` from float32 [B, F] to float32 [B, K].
Factory = Callable[..., Any]

_registered: dict[str, Factory] = {}


def register_network(name: str, factory: Factory) -> None:
    """Allow ``network.module: NAME`` in this process, made by ``factory``.

    Args:
        name: as scenarios and cards give it: any words, or ``package.module:factory``, which other processes find by
            ``$TOWNLET_MODULES``. A second registration replaces the first.
        factory: a function or class that takes the number of features F, and the network's configuration if it takes
            two arguments, and returns a ``torch.nn.Module`` from observations, float32 [B, F], to float32 [B, K], which
            the heads (and the memory, if the network is recurrent) read.

    Raises InputError for an empty name, and for anything that cannot be called.
    """
    if not name or name != name.strip() or "," in name:
        raise InputError.of("register_network", "name", repr(name), "words without commas, such as package.module:make")
    if not callable(factory):
        expected = "a function or class that makes a module"
        raise InputError.of("register_network", "factory", f"a {type(factory).__name__}", expected)
    _registered[name] = factory


def network_factory(name: str) -> Factory:
    """The factory of this name, which the user has registered, or named in ``$TOWNLET_MODULES``; then it is imported.

    Raises InputError for a name that the user has not named, and for a module or factory that cannot be found.
    """
    if name in _registered:
        return _registered[name]
    place, _, attribute = name.rpartition(":")
    if not place or not {name, place} & set(_allowed()):
        raise InputError.of("training options", "network.module", repr(name), _how_to_allow(name, place))
    made: Any = _imported(name, place)
    for part in attribute.split("."):
        if not hasattr(made, part):
            raise InputError.of("training options", "network.module", repr(name), f"a {part} in {place}, {FORMS}")
        made = getattr(made, part)
    if not callable(made):
        expected = "a function or class that makes a module"
        raise InputError.of("training options", "network.module", f"{name}, a {type(made).__name__}", expected)
    factory: Factory = made
    return factory


def _allowed() -> list[str]:
    return [word.strip() for word in os.environ.get(VARIABLE, "").split(",") if word.strip()]


def _how_to_allow(name: str, place: str) -> str:
    """What a user does to let the code run, if they know it."""
    if not place:
        return f"a name that townlet.register_network has been given, or {FORMS} that ${VARIABLE} names"
    return f"a name that you have allowed, since it runs code: {VARIABLE}={name}, or townlet.register_network in Python"


def _imported(name: str, place: str) -> Any:
    try:
        return import_user_module(place)
    except FileNotFoundError as error:
        if place.endswith(".py") and not Path(place).is_file():
            raise InputError.of("training options", "network.module", repr(name), f"a file {place}") from None
        raise failed(name, error) from error
    except ModuleNotFoundError as error:
        if is_missing(place, error):
            expected = f"a module {error.name}, which is not found: {FORMS}"
            raise InputError.of("training options", "network.module", repr(name), expected) from None
        raise failed(name, error) from error
    except Exception as error:
        raise failed(name, error) from error


def failed(name: str, error: BaseException) -> InputError:
    """The error of a user's own code, with its place: their traceback is not printed."""
    shown = as_error(error) if isinstance(error, SystemExit) else error
    return InputError.of("network.module", name, where_raised(shown), "code that makes a torch.nn.Module")
