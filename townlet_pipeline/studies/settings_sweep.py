"""A sweep of a scenario's settings, and whether the best of them is confirmed."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from dagster import AssetExecutionContext, AssetObservation, Config, DataVersion, MaterializeResult, MetadataValue
from pydantic import Field

from townlet_pipeline.artefacts import files, metadata
from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.partitions import SEPARATOR
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version
from townlet_pipeline.instance.pools import TRAINING
from townlet_pipeline.instance.project import project_root

if TYPE_CHECKING:
    from townlet.sweep.options import SweepOptions
    from townlet.sweep.results import SweepResult

_TRIALS = {
    "trial": "its number; the scenario's own settings are named",
    "score": "the metric in unseen worlds, which chose the best and so flatters it",
    "settings": "what it trained with",
}
#: Shortest time between two observations on the asset's page, because each costs about 40 ms.
_SECONDS = 10.0


class SweepConfig(Config):
    """A space of settings, and how it is searched. What is empty has the default of ``townlet sweep``."""

    space: dict[str, Any] = Field(
        default={},
        description="Settings and the values that each may take, such as {ppo.gamma: {low: 0.0, high: 0.95}}; empty: "
        "the file.",
    )
    space_file: str | None = Field(
        default=None, description="File with the space; empty: configs/sweeps/<scenario>.yaml."
    )
    settings: list[str] = Field(default=[], description="What is fixed for all trials, as KEY=VALUE.")
    trials: int = Field(default=32, description="Trials in all; pruned and failed ones count.")
    seeds_per_trial: int = Field(default=2, description="Trainings of a trial, each with a seed of its own.")
    cycles: int | None = Field(default=None, description="Rollouts of each training; empty: the scenario's.")
    metric: str = Field(default="reward_mean", description="Score: a metric of evaluations in unseen worlds.")
    sampler: str = Field(default="tpe", description="What draws settings: tpe, random or grid.")
    pruner: str | None = Field(
        default=None, description="What stops bad trials early: median, hyperband or none; empty: median if it can."
    )
    jobs: int = Field(default=1, description="Trainings at a time.")
    seed: int = Field(default=0, description="Seed of the search, and the first seed of the trainings.")
    worlds: int = Field(default=64, description="Unseen worlds in which each policy is scored.")
    confirm: int = Field(default=10, description="Fresh seeds that compare the best settings with the scenario's own.")


@townlet_asset("studies", "yaml", "pytorch", deps=["scenario"], pool=TRAINING, code_version=code_version(__file__))
def settings_sweep(
    context: AssetExecutionContext, config: SweepConfig, store: StoreResource
) -> MaterializeResult[None]:
    """Better settings of a scenario's training: many trials, and the best of them confirmed with fresh seeds.

    `experiment` in its metadata is the launchpad configuration of `register_experiment` for the best settings. A sweep
    that was killed goes on. Each space has a folder of its own; the files of the latest sweep are copied beside them.
    Its data version is the SHA-256 of `sweep.json`.
    """
    from townlet.config import load_scenario
    from townlet.files.storage import canonical_json, sha256, write_atomically
    from townlet.sweep.options import code
    from townlet.sweep.outputs import RESULT_FILES
    from townlet.sweep.run import sweep

    name = context.partition_key
    copy, folder = files.scenario_copy(store, name), files.main_file(store, name, "settings_sweep").parent
    loaded = load_scenario(copy)
    source = None if config.space else space_file(name, config.space_file)
    space: Path | Mapping[str, Any] = config.space if source is None else source
    identity = {**config.model_dump(exclude={"trials", "confirm", "jobs"}), "scenario": loaded.digest, "code": code()}
    identity["space"] = config.space if source is None else source.read_text(encoding="utf-8")
    output = store.folder(name, f"settings_sweep/{sha256(canonical_json(identity).encode())[:12]}")
    result = sweep(
        loaded,
        space,
        _options(config, output),
        settings=config.settings,
        cycles=config.cycles,
        file=str(copy),
        progress=_LiveSweep(context),
    )
    for each in RESULT_FILES:
        write_atomically(folder / each, (output / each).read_bytes())
    written = output / "space.yaml"
    write_atomically(written, yaml.safe_dump(result.space.as_json(), sort_keys=False))
    return MaterializeResult(
        data_version=DataVersion(sha256((folder / "sweep.json").read_bytes())),
        metadata={
            **_metadata(result),
            **metadata.made_from(scenario=loaded.digest),
            **({} if source is None else metadata.read_from({"space of settings": source})),
            "path": MetadataValue.path(str(folder / "sweep.md")),
            "command": metadata.command("sweep", copy, written, *_set(config), options=_amounts(config, output)),
        },
    )


def space_file(name: str, given: str | None) -> Path:
    """The file with the space of a scenario, or of the scenario that an experiment changes.

    Raises InputError if there is none.
    """
    from townlet.errors import InputError

    file = project_root() / (given or f"configs/sweeps/{name.partition(SEPARATOR)[0]}.yaml")
    if not file.is_file():
        raise InputError.of(file, "", "no such file", "a space of settings; or put one into the launchpad, as space")
    return file


def _options(config: SweepConfig, output: Path) -> "SweepOptions":
    from townlet.sweep.options import SweepOptions

    amounts = config.model_dump(exclude={"space", "space_file", "settings", "cycles"})
    return SweepOptions(output=output, **amounts)


def _set(config: SweepConfig) -> list[str]:
    """The words of the command for what is fixed."""
    return [word for setting in config.settings for word in ("--set", setting)]


def _amounts(config: SweepConfig, output: Path) -> dict[str, object]:
    """The other options of the command that makes the same sweep."""
    given = config.model_dump(exclude={"space", "space_file", "settings"}, exclude_defaults=True)
    return {**given, "output": output}


def _metadata(result: "SweepResult") -> dict[str, Any]:
    from townlet.sweep.outputs import experiment_yaml
    from townlet.sweep.report import best_rows, headline, improvement_words, next_step
    from townlet.sweep.results import PLOT_NAME

    rows = [dict(zip(_TRIALS, row, strict=True)) for row in best_rows(result)]
    shown: dict[str, Any] = {
        "headline": headline(result),
        "plots": metadata.picture(result.folder / PLOT_NAME, "Trials, confirmation and settings"),
        "trials": metadata.table(rows, _TRIALS),
        "best_settings": MetadataValue.json(dict(result.best.settings)),
        "experiment": MetadataValue.md(f"```yaml\n{experiment_yaml(result)}```"),
        "next": next_step(result),
        **{f"{state}_trials": result.count(state) for state in ("complete", "pruned", "failed")},
    }
    if result.confirmation is not None:
        shown["confirmation"] = MetadataValue.json(result.confirmation.as_json())
        shown["improvement"] = improvement_words(result)
    return shown


class _LiveSweep:
    """A reporter of trainings as observations of the asset, whose page then says how far the sweep is."""

    def __init__(self, context: AssetExecutionContext) -> None:
        self._context = context
        self._began = self._last = time.monotonic()
        self._before: int | None = None

    def __call__(self, done: int, planned: int, note: str) -> None:
        """Report where the sweep stands, at most once per interval."""
        now = time.monotonic()
        if self._before is None:
            self._before = done
        if now - self._last < _SECONDS:
            return
        self._last = now
        shown: dict[str, Any] = {"trainings": done, "trainings_planned": planned, "standing": note}
        if done > self._before:
            left = (now - self._began) / (done - self._before) * (planned - done)
            shown["expected_end"] = MetadataValue.timestamp(time.time() + left)
        self._context.log_event(
            AssetObservation(self._context.asset_key, partition=self._context.partition_key, metadata=shown)
        )
        self._context.log.info(f"sweep: {done} of {planned} trainings; {note}")
