"""Baseline file: for every metric its distribution over seeds, and everything that it came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
)
from upath import UPath

from townlet.config.base import Section
from townlet.config.settings_use import why_another_scenario
from townlet.config.town import Name
from townlet.config.validate import validated
from townlet.errors import InputError
from townlet.files.storage import AnyPath, as_path, canonical_json, pretty_json, read_json, sha256, write_atomically
from townlet.policies.origin import Origin

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from townlet.config import Scenario

#: Fewest seeds of a baseline that may be promoted.
LEAST_SEEDS = 30
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_LEVELS = {f"{level:g}" for level in QUANTILES}

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=1)]

#: Sections of a scenario that do not affect a rollout of a fixed behaviour.
_IRRELEVANT = {"description", "seed", "capture", "training", "soak", "telemetry"}


class Distribution(Section):
    """One metric over the seeds."""

    n: Count
    mean: float
    sd: float
    """Sample standard deviation (n − 1); 0 for a single seed."""
    quantiles: dict[str, float]
    """By level, such as ``0.05``."""
    samples: Annotated[list[float], Field(min_length=1)]
    """One per seed, in the order of the baseline's seeds."""

    @field_validator("quantiles")
    @classmethod
    def _has_every_level(cls, quantiles: dict[str, float]) -> dict[str, float]:
        if quantiles.keys() != _LEVELS:
            raise ValueError(f"the levels {', '.join(sorted(_LEVELS))}")
        return quantiles


class Code(Section):
    """The code that made a baseline."""

    sha256: Sha256
    """Hash of the sources that decide the result of a rollout."""
    commit: str | None
    """The checkout's commit, with ``+changes`` if files differed from it; null outside a checkout."""


class Baseline(Section):
    """A baseline. A SHA-256 over all its other fields identifies it; the file's name contains the first digits."""

    format: Literal["townlet-baseline"] = "townlet-baseline"
    version: Literal[1] = 1
    scenario: str
    scenario_sha256: Sha256
    """See :func:`scenario_sha256`."""
    settings: dict[str, JsonValue] = {}
    """Settings beside the scenario's file, by full key; see :mod:`townlet.config.settings`."""
    behavior: Name
    policy_sha256: Sha256 | None
    """Weights of the policy that acted; null for other behaviours."""
    origin: Origin | None = None
    """Of a behaviour made outside Townlet, or of mixed company."""
    worlds: Count
    ticks: Count
    """Ticks of one episode: a sample is ``worlds`` episodes under one seed."""
    seeds: Annotated[list[int], Field(min_length=1)]
    manifests: dict[str, Sha256]
    """Hash of the manifest of each recorded rollout, by seed; empty if none was recorded."""
    metrics: dict[str, Distribution]
    code: Code
    made_with: str
    """The command that makes it again."""
    sha256: str = ""

    @model_serializer(mode="wrap")
    def _without_what_is_usual(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        usual: dict[str, Any] = {"origin": None, "settings": {}}
        return {name: value for name, value in handler(self).items() if name not in usual or value != usual[name]}

    @property
    def actor(self) -> str:
        """Who acted, in words without a full stop."""
        if self.origin is None:
            return f"{self.behavior} behaviour"
        kind = "mixed company" if self.origin.members else f"{self.behavior}, made outside Townlet"
        return f"{kind}: {self.origin.sentence()}"

    @property
    def acted(self) -> str | None:
        """The hash that identifies the weights, or the origin, of the behaviour; None for those without either."""
        return self.policy_sha256 or (self.origin.sha256 if self.origin else None)

    @field_validator("metrics")
    @classmethod
    def _have_a_sample_per_seed(cls, metrics: dict[str, Distribution], info: ValidationInfo) -> dict[str, Distribution]:
        seeds = len(info.data.get("seeds", ()))
        for name, metric in metrics.items():
            if seeds and not metric.n == len(metric.samples) == seeds:
                raise ValueError(f"as many samples of {name} as seeds, {seeds}")
        return metrics

    def samples(self) -> dict[str, NDArray[np.float64]]:
        """Samples by metric, float64 [n], one per seed."""
        import numpy as np

        return {name: np.array(metric.samples, np.float64) for name, metric in self.metrics.items()}

    @property
    def size(self) -> str:
        """Seeds, worlds and ticks in words: ``30 seeds of 1 world × 1,000 ticks``."""
        from townlet.telemetry.formatting import count

        seeds, worlds = count(len(self.seeds), "seed"), count(self.worlds, "world")
        return f"{seeds} of {worlds} × {count(self.ticks, 'tick')}"

    @property
    def file_name(self) -> str:
        """The file name, which follows from the content."""
        return f"baseline-{self.sha256[:12]}.json"

    def sealed(self) -> Baseline:
        """A copy with its own SHA-256."""
        return self.model_copy(update={"sha256": own_sha256(self.model_dump(mode="json"))})


def scenario_sha256(scenario: Scenario) -> str:
    """SHA-256, in hexadecimal, of everything in a scenario that affects a rollout of a fixed behaviour.

    The description, the seed and the sections about capture, training, soaks and telemetry are left out. Keys keep
    their order, because the order of people and objects is their index in the town.
    """
    content = scenario.model_dump(mode="json", exclude=_IRRELEVANT)
    return hashlib.sha256(json.dumps(content, separators=(",", ":"), allow_nan=False).encode()).hexdigest()


def distribution_of(samples: list[float]) -> Distribution:
    """The distribution of a metric's values, one per seed."""
    import numpy as np

    values = np.array(samples, np.float64)
    return Distribution(
        n=len(samples),
        mean=float(values.mean()),
        sd=float(values.std(ddof=1)) if len(samples) > 1 and values.min() != values.max() else 0.0,
        quantiles={f"{level:g}": float(np.quantile(values, level)) for level in QUANTILES},
        samples=samples,
    )


def write_baseline(folder: AnyPath, baseline: Baseline) -> Path | UPath:
    """Write a sealed baseline under the name that its content gives, unless it is there already; return its path."""
    path = as_path(folder) / baseline.file_name
    if not path.exists():
        write_atomically(path, pretty_json(baseline.model_dump(mode="json")))
    elif read_baseline(path) != baseline:
        raise InputError.of(path, "", "another baseline", "a name that only this one's content gives")
    return path


def read_baseline(path: AnyPath) -> Baseline:
    """A baseline from its file. Raises InputError unless the content matches its hash."""
    raw: dict[str, Any] = read_json(path, "a baseline")
    baseline = validated(raw, Baseline, path)
    require_own_sha256(path, raw)
    for name, metric in baseline.metrics.items():
        if not metric.n == len(metric.samples) == len(baseline.seeds):
            found = f"{len(metric.samples)} samples, n {metric.n}"
            raise InputError.of(path, f"metrics.{name}", found, f"one for each of the {len(baseline.seeds)} seeds")
    return baseline


def require_scenario(path: AnyPath, baseline: Baseline, scenario: Scenario) -> None:
    """Raise InputError unless a baseline was made with exactly this scenario."""
    if baseline.scenario != scenario.name:
        raise InputError.of(path, "scenario", repr(baseline.scenario), f"a baseline of {scenario.name!r}")
    digest = scenario_sha256(scenario)
    if baseline.scenario_sha256 != digest:
        expected = f"{digest[:12]}: {why_another_scenario(baseline.settings, scenario.settings)}; make a new baseline"
        raise InputError.of(path, "scenario_sha256", baseline.scenario_sha256[:12], expected)


def own_sha256(content: Mapping[str, Any]) -> str:
    """SHA-256 of a JSON object without its field ``sha256``, which holds it."""
    return sha256(canonical_json({name: value for name, value in content.items() if name != "sha256"}).encode())


def require_own_sha256(path: AnyPath, content: Mapping[str, Any]) -> None:
    """Raise InputError unless the JSON object in a file matches the hash that it carries."""
    digest = own_sha256(content)
    if content.get("sha256") != digest:
        raise InputError.of(path, "sha256", repr(content.get("sha256")), f"{digest}, the hash of its content")
