"""Tracking of a training in TensorBoard and MLflow, by the trainer's options, and the links to its runs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import AssetExecutionContext, MetadataValue

from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.resources import TrainerResource

if TYPE_CHECKING:
    from townlet.tracking import Recorder
    from townlet.training import TrainingOptions

#: Folder beside the store in which TensorBoard's files and MLflow's database lie, unless options say otherwise.
FOLDER = "tracking"


@contextmanager
def tracked(
    context: AssetExecutionContext,
    trainer: TrainerResource,
    store: StoreResource,
    options: "TrainingOptions",
    scenario_sha256: str,
) -> Iterator["Recorder"]:
    """Track a training while the block runs, where the trainer's options say; nowhere by default.

    Raises InputError for unusable options and destinations.
    """
    from townlet.host.installation import commit
    from townlet.tracking import Recorder, destinations

    name = context.partition_key
    where = destinations(trainer.track, store.place().parent / FOLDER / name, trainer.track_to)
    tags = {"scenario_sha256": scenario_sha256, "dagster_run": context.run.run_id, "commit": commit()}
    recorder = Recorder(
        where,
        Path(str(options.output)),
        options.log_path(),
        name=name,
        tags={key: value for key, value in tags.items() if value is not None},
        warn=context.log.warning,
    )
    with recorder:
        yield recorder


def links(runs: Sequence[Mapping[str, str]]) -> dict[str, MetadataValue[Any]]:
    """Metadata that says where a training is tracked; an address of the web is a link."""
    return {f"tracked_in_{run['tool']}": _link(run["link"]) for run in runs}


def _link(link: str) -> MetadataValue[Any]:
    return MetadataValue.url(link) if link.startswith(("http://", "https://")) else MetadataValue.text(link)
