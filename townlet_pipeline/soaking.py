"""A soak as a materialization: the same for a night and for a weekend's endurance run."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dagster import AssetExecutionContext, DataVersion, MaterializeResult, MetadataValue, MultiPartitionKey

from townlet_pipeline import files, metadata
from townlet_pipeline.acceptance import soak_version
from townlet_pipeline.experiments import source_of
from townlet_pipeline.project import project_root
from townlet_pipeline.resources import StoreResource

if TYPE_CHECKING:
    from townlet.soak.options import SoakOptions
    from townlet.soak.run import SoakResult

_MEANINGS = {
    "metric": "of the network's own rollouts, or, as reference, of the baseline's behaviour",
    "mean": "over the cycles",
    "sd": "standard deviation",
    "first": "in the first cycle",
    "last": "in the last one",
}


def soak_options(context: AssetExecutionContext, store: StoreResource, **asked: Any) -> "SoakOptions":
    """The soak of a partition: its scenario, the promoted baseline, the pinned capture, and a seed of its own day."""
    from townlet.baselines import BASELINES_FOLDER, promoted_baseline
    from townlet.capture import MANIFEST_NAME
    from townlet.soak.options import REFERENCES_FOLDER, SoakOptions

    day, name = when_and_what(context)
    pinned = project_root() / REFERENCES_FOLDER / name / MANIFEST_NAME
    return SoakOptions(
        scenario=frozen_scenario(store, name),
        output=files.main_file(store, context.partition_key, context.asset_key.to_user_string()).parent,
        baseline=promoted_baseline(name, project_root() / BASELINES_FOLDER)[0],
        capture=pinned if pinned.exists() else None,
        night=day,
        **{"seed": date.fromisoformat(day).toordinal(), **asked},
    )


def frozen_scenario(store: StoreResource, name: str) -> Path:
    """The copy that the asset `scenario` made, made now where there is none: nights come by themselves, also to a
    store in which nobody has materialized anything yet. Raises InputError for a faulty file.
    """
    from townlet.stages.scenario import freeze_scenario

    copy = files.snapshot(store, name)
    if not copy.exists():
        freeze_scenario(source_of(store, name), copy)
    return copy


def when_and_what(context: AssetExecutionContext) -> tuple[str, str]:
    """The day, or the week's first day, and the scenario of a partition."""
    keys = cast(MultiPartitionKey, context.partition_key).keys_by_dimension
    (when,) = (key for dimension, key in keys.items() if dimension != "scenario")
    return when, keys["scenario"]


def soaked(
    context: AssetExecutionContext, store: StoreResource, options: "SoakOptions", result: "SoakResult"
) -> MaterializeResult[None]:
    """What a finished soak tells; its data version is the SHA-256 of its manifest, which names the hash of its rows."""
    from townlet.config import load_scenario
    from townlet.soak.read import read_soak

    soak, name = read_soak(result.folder), when_and_what(context)[1]
    taken = soak.resources["seconds"]
    alerts = "no alert" if not result.alerts else f"{result.alerts} alerts"
    return MaterializeResult(
        data_version=DataVersion(soak_version(store, context.partition_key, context.asset_key.to_user_string())),
        metadata={
            "headline": f"{result.cycles} cycles in {taken.sum() / 60:.1f} minutes, {alerts} by the thresholds",
            "cycles": result.cycles,
            "alerts": result.alerts,
            "processes": int(soak.resources["process"][-1]),
            "metrics": metadata.table(
                [
                    {
                        "metric": metric,
                        "mean": float(values.mean()),
                        "sd": float(values.std()),
                        "first": float(values[0]),
                        "last": float(values[-1]),
                    }
                    for metric, values in soak.cycles.items()
                    if metric not in ("cycle", "seed", "first_epoch", "last_epoch")
                ],
                _MEANINGS,
            ),
            "resident_memory_bytes": int(soak.resources["resident_memory_bytes"][-1]),
            "agent_steps_per_second": float(soak.cycles["agent_steps"].sum() / taken.sum()),
            "baseline": soak.manifest["baseline"]["sha256"],
            **metadata.made_from(scenario={name: load_scenario(options.scenario).digest}),
            "path": MetadataValue.path(str(result.folder)),
            "command": metadata.command("soak", options.scenario, _mode(options), options=_words(options)),
        },
    )


def _mode(options: "SoakOptions") -> str:
    return "--learning" if options.learning else "--frozen"


def _words(options: "SoakOptions") -> dict[str, object]:
    """The options of the command that does the same."""
    named = {
        "baseline": options.baseline,
        "cycles": options.cycles,
        "hours": options.hours,
        "seed": options.seed,
        "night": options.night,
        "capture": options.capture,
        "output": Path(options.output),
    }
    return {name: value for name, value in named.items() if value is not None}
