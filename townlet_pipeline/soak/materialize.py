"""Materialization of a soak, nightly or endurance."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dagster import AssetExecutionContext, DataVersion, MaterializeResult, MetadataValue, MultiPartitionKey

from townlet.errors import InputError
from townlet.files.artefact_names import MANIFEST_NAME, SOAK_NAME
from townlet_pipeline.artefacts import files, metadata
from townlet_pipeline.artefacts.partitions import when_and_what
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import soak_version
from townlet_pipeline.instance.project import project_root
from townlet_pipeline.soak.scenario_copy import current_copy, read_scenario

if TYPE_CHECKING:
    from townlet.soak.options import SoakOptions
    from townlet.soak.read import Soak
    from townlet.soak.run import SoakResult

#: Folder of a soak that cannot be resumed, until the one that replaces it is finished.
_PREVIOUS = "previous"

_MEANINGS = {
    "metric": "of the network's own rollouts; with reference, of rollouts by the baseline's behaviour",
    "mean": "over the cycles",
    "sd": "standard deviation",
    "first": "in the first cycle",
    "last": "in the last one",
}


def soak_options(context: AssetExecutionContext, store: StoreResource, **asked: Any) -> "SoakOptions":
    """The options of a partition's soak: scenario, promoted baseline, pinned capture, and a seed of the day.

    ``asked`` are further fields of the options.
    """
    from townlet.baselines import BASELINES_FOLDER, promoted_baseline
    from townlet.soak.options import SoakOptions

    _, name = day_and_what(context)
    return SoakOptions(
        scenario=current_copy(store, name, context.run.run_id),
        baseline=promoted_baseline(name, project_root() / BASELINES_FOLDER)[0],
        capture=pinned_capture(name),
        **of_the_day(context, store),
        **asked,
    )


def of_the_day(context: AssetExecutionContext, store: StoreResource) -> dict[str, Any]:
    """The options of a partition's soak that follow from its day: folder, night and seed."""
    day, _ = day_and_what(context)
    output = files.main_file(store, context.partition_key, context.asset_key.to_user_string()).parent
    return {"output": output, "night": day, "seed": date.fromisoformat(day).toordinal()}


def pinned_capture(scenario: str) -> Path | None:
    """The manifest of a scenario's pinned capture; None if there is none."""
    from townlet.soak.options import PINNED_CAPTURES

    pinned = project_root() / PINNED_CAPTURES / scenario / MANIFEST_NAME
    return pinned if pinned.exists() else None


def soak_or_resume(
    context: AssetExecutionContext, options: "SoakOptions", soak: Callable[[bool], "SoakResult"]
) -> tuple["SoakResult", "Soak"]:
    """Run a soak with ``soak(resume)``, from the folder's checkpoint on if that is of the same soak and intact.

    Otherwise, for example after a fix in the code, the soak begins anew. The old files lie in the folder `previous`
    until the new soak is finished. Returns the soak as read back, too. Raises InputError, with nothing changed, for
    unusable options and for a folder that another process writes to.
    """
    from townlet.soak.options import read_inputs
    from townlet.soak.read import read_soak

    # Faulty options are no reason to set anything aside.
    read_inputs(options)
    try:
        result = soak(True)
        found = read_soak(result.folder)
    except InputError as error:
        if not _contents(options.output):
            raise
        with _set_aside(options.output):
            context.log.warning(f"the soak begins anew, because the one in {options.output} cannot be resumed: {error}")
            result = soak(False)
        found = read_soak(result.folder)
    shutil.rmtree(options.output / _PREVIOUS, ignore_errors=True)
    return result, found


@contextmanager
def _set_aside(folder: Path) -> Iterator[None]:
    """Move the content of a soak's folder out of the way, and back again if nothing replaces it."""
    from townlet.files.storage import exclusive, exclusive_file

    previous = folder / _PREVIOUS
    # The first lock is held between the processes of an endurance run.
    with exclusive_file(folder / "soak"), exclusive(folder):
        moved = _contents(folder)
        # An unfinished soak does not replace one that may be finished.
        aside = previous if not previous.exists() else previous / "unfinished"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        for path in moved:
            path.replace(aside / path.name)
    try:
        yield
    except InputError:
        if not (folder / SOAK_NAME).exists():
            for path in _contents(folder):
                _remove(path)
            for path in _contents(aside):
                path.replace(folder / path.name)
        raise


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _contents(folder: Path) -> list[Path]:
    """The content of a folder, without locks and what was set aside."""
    paths = folder.iterdir() if folder.exists() else ()
    return [path for path in paths if not path.name.startswith(".") and path.name != _PREVIOUS]


def day_and_what(context: AssetExecutionContext) -> tuple[str, str]:
    """The day, or the first day of the week, and the scenario or the policy of a partition."""
    return when_and_what(cast(MultiPartitionKey, context.partition_key))


def finished_soak(
    context: AssetExecutionContext,
    store: StoreResource,
    options: "SoakOptions",
    result: "SoakResult",
    soak: "Soak",
    *,
    restart_every: int | None = None,
    made_from: Mapping[str, Mapping[str, str]] | None = None,
) -> MaterializeResult[None]:
    """Return the materialization of a finished soak, as run and as read. Its data version is its manifest's SHA-256.

    ``restart_every`` is the option of an endurance run; ``made_from`` has the data versions of parents that runs made,
    by asset and partition.
    """
    name, taken = soak.manifest["scenario"], soak.resources["seconds"]
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
            **read_scenario(
                store, name, Path(str(options.scenario)), _external(options, soak.manifest, made_from or {}), made_from
            ),
            "path": MetadataValue.path(str(result.folder)),
            # `--resume` lets the command do what is left to do, which may be nothing.
            "command": metadata.command(
                "soak",
                options.scenario,
                "--learning" if options.learning else "--frozen",
                "--resume",
                options=_command_options(options, restart_every),
            ),
        },
    )


def _external(
    options: "SoakOptions", manifest: Mapping[str, Any], made_from: Mapping[str, Any]
) -> dict[str, tuple[Path, str]]:
    """File and data version of the external assets that a soak read, by asset.

    A capture that is not pinned is none of them: it lies in the soak's own folder. Nor is a baseline that a run made.
    """
    promoted = None if made_from else options.baseline
    named = {"promoted_baseline": (promoted, "baseline"), "pinned_capture": (options.capture, "capture")}
    return {
        asset: (Path(str(file)), manifest[what]["sha256"]) for asset, (file, what) in named.items() if file is not None
    }


def _command_options(options: "SoakOptions", restart_every: int | None) -> dict[str, object]:
    """The options of the command that runs the same soak."""
    named = {
        "baseline": options.baseline,
        "cycles": options.cycles,
        "hours": options.hours,
        "seed": options.seed,
        "night": options.night,
        "capture": options.capture,
        "policy": options.policy,
        "behavior": options.behavior,
        "restart_every": restart_every,
        "output": Path(options.output),
    }
    return {name: value for name, value in named.items() if value is not None}
