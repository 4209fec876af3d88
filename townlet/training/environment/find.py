"""Environments by name: Gymnasium's and PettingZoo's registries, or a factory in a module or file."""

from __future__ import annotations

import functools
import inspect
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import gymnasium
import gymnasium.envs.registration
import pettingzoo
from pettingzoo.utils import conversions
from pydantic import JsonValue

from townlet.errors import InputError, nearest_name
from townlet.host.user_modules import as_error, source_sha256
from townlet.training.environment.adapters import Adapter, ParallelAdapter, SingleAdapter
from townlet.training.environment.failure import EnvironmentFailed
from townlet.training.environment.modules import import_named, package_of

Options = Mapping[str, JsonValue]


@dataclass(frozen=True)
class Environment:
    """An environment that has been found."""

    name: str
    """As it was given."""
    origin: dict[str, JsonValue]
    """Provenance: its name, options, interface, package and source, and the versions of the libraries."""
    adapt: Callable[[], Adapter]
    """Makes one."""


def find_environment(given: str | Callable[..., Any], options: Options | None = None) -> Environment:
    """Find an environment by its name, or by the class or function that makes it.

    ``[MODULE:]ID`` is an id that Gymnasium has registered, or else PettingZoo, after importing the module.
    ``MODULE:FACTORY`` and ``FILE.py:FACTORY`` name a class or a function that makes a Gymnasium environment, or a
    parallel or an AEC environment of PettingZoo. ``options`` are its keyword arguments.

    Raises InputError if there is none of the name, for arguments that it does not take, and for spaces that cannot be
    learnt in; and EnvironmentFailed if it cannot be made.
    """
    arguments = dict(options or {})
    if isinstance(given, str):
        name, source = given, f"--env {given}"
        factory, make = _maker(name, arguments, source)
    else:
        name = f"{given.__module__}:{getattr(given, '__qualname__', type(given).__qualname__)}"
        source, factory, make = f"environment {name}", given, functools.partial(given, **arguments)
    # The first one shows what the others will be.
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        first = _made(make, source)
    adapter = _adapter(first, source)
    adapter.close()
    own = type(first.unwrapped)
    parallel = not isinstance(first, gymnasium.Env)
    origin: dict[str, JsonValue] = {
        "name": name,
        "options": arguments,
        "interface": "pettingzoo" if parallel else "gymnasium",
        "class": f"{own.__module__}.{own.__qualname__}",
        "package": package_of(own.__module__),
        "source_sha256": source_sha256(own),
        **_made_by(factory, own),
        "gymnasium": gymnasium.__version__,
        **({"pettingzoo": version("pettingzoo")} if parallel else {}),
    }
    return Environment(name, origin, lambda: _adapter(_made(make, source), source))


def _made_by(factory: Any, own: type) -> dict[str, JsonValue]:
    """The hash of the user's own file that makes an environment whose class is in another: its wrappers count too."""
    code = factory.func if isinstance(factory, functools.partial) else factory
    found = None if code is None or package_of(getattr(code, "__module__", "")) else source_sha256(code)
    return {} if found in (None, source_sha256(own)) else {"factory_sha256": found}


def _entry_point(given: Any) -> Any:
    """The class or function that a registry names; None if it names none that can be imported."""
    if not isinstance(given, str):
        return given
    try:
        return gymnasium.envs.registration.load_env_creator(given)
    except Exception:
        # Making the environment says what is wrong.
        return None


def _maker(name: str, options: Mapping[str, Any], source: str) -> tuple[Any, Callable[[], Any]]:
    """The class or function behind the name, None if it is not known, and a function that makes one environment."""
    module, _, rest = name.rpartition(":")
    named = import_named(module, source) if module else None
    if rest in gymnasium.registry:
        entry = _entry_point(gymnasium.registry[rest].entry_point)
        return entry, lambda: gymnasium.make(rest, **options)
    # PettingZoo spells its modules' versions with _v and its ids' with -v, and takes both.
    versioned = re.sub(r"_v(\d+)$", r"-v\1", rest)
    for kind, registry in _pettingzoo_registries():
        if versioned in registry:
            return None, functools.partial(pettingzoo.make, kind, versioned, **options)
    if named is None:
        known = nearest_name(rest, gymnasium.registry).partition("; ")[2]
        expected = "an id that Gymnasium knows, MODULE:ID, MODULE:FACTORY or FILE.py:FACTORY"
        raise InputError.of(source, "", "no such id", f"{expected}{f'; {known}' if known else ''}")
    factory = getattr(named, rest, None)
    if factory is None:
        public = [each for each in vars(named) if not each.startswith("_") and callable(getattr(named, each))]
        expected = f"an id that it registers, or a class or function in it: {nearest_name(rest, public)}"
        raise InputError.of(source, "", f"no {rest!r} in {module}", expected)
    if not callable(factory):
        raise InputError.of(source, "", f"a {type(factory).__name__}", "a class or function that makes an environment")
    return factory, lambda: factory(**options)


def _pettingzoo_registries() -> list[tuple[str, Mapping[str, Any]]]:
    """The registries, which PettingZoo has since 1.27."""
    return [
        (kind, registry)
        for kind in ("parallel", "aec")
        if (registry := getattr(pettingzoo, f"{kind}_registry", None)) is not None
    ]


def _made(make: Callable[[], Any], source: str) -> Any:
    try:
        return make()
    except (gymnasium.error.Error, ImportError) as error:
        raise InputError.of(source, "", f"{type(error).__name__}: {error}", "an environment that can be made") from None
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise EnvironmentFailed.by(source, error) from error
        raise InputError.of(source, "options", str(error), "arguments that the environment takes") from None
    except SystemExit as end:
        raise EnvironmentFailed.by(source, as_error(end)) from end
    except Exception as error:
        raise EnvironmentFailed.by(source, error) from error


def _adapter(env: Any, source: str) -> Adapter:
    """The adapter of an environment, by its interface."""
    if isinstance(env, gymnasium.Env):
        return SingleAdapter(env, source)
    if isinstance(env, pettingzoo.ParallelEnv):
        return ParallelAdapter(env, source)
    if isinstance(env, pettingzoo.AECEnv):
        if env.metadata.get("is_parallelizable", False):
            return ParallelAdapter(conversions.aec_to_parallel(env), source)
        return ParallelAdapter(conversions.turn_based_aec_to_parallel(env), source, lambda: env.agent_selection)
    found = f"{type(env).__module__}.{type(env).__qualname__}"
    expected = "a gymnasium.Env, a pettingzoo.ParallelEnv or a pettingzoo.AECEnv"
    raise InputError.of(source, "", found if not inspect.ismodule(env) else "a module", expected)
