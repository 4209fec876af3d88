"""Book of a training's tracked runs: ``tracking.json``, beside the checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from townlet.config.base import Section
from townlet.config.validate import validated
from townlet.files.artefact_names import TRACKING_NAME
from townlet.files.storage import pretty_json, read_json, write_atomically
from townlet.tracking.destination import Destination


class TrackedIn(Section):
    """One run of the training in another tool."""

    tool: str
    address: str
    """As messages show it, without a password."""
    experiment: str
    run: Annotated[str, Field(min_length=1)]
    """The run's id in MLflow; the run's folder in TensorBoard's."""
    link: str
    """Where it can be looked at."""


class TrackingBook(Section):
    """The content of ``tracking.json``."""

    format: Literal["townlet-tracking"] = "townlet-tracking"
    version: Literal[1] = 1
    runs: list[TrackedIn] = []


def tracked_in(folder: Path) -> list[TrackedIn]:
    """Return the runs that the training of a folder is tracked in. Raises InputError for a damaged book."""
    file = folder / TRACKING_NAME
    if not file.exists():
        return []
    content = read_json(file, "the runs that a training is tracked in")
    return validated(content, TrackingBook, file).runs


def run_in(folder: Path, destination: Destination) -> str | None:
    """Return the id of the training's run at a destination; None if there is none."""
    runs = (each for each in tracked_in(folder) if (each.tool, each.address, each.experiment) == destination.key)
    return next((each.run for each in runs), None)


def note_run(folder: Path, destination: Destination, run_id: str, link: str) -> None:
    """Put a run into the book, in place of an earlier one at the same destination."""
    others = [each for each in tracked_in(folder) if (each.tool, each.address, each.experiment) != destination.key]
    tool, address, experiment = destination.key
    noted = TrackedIn(tool=tool, address=address, experiment=experiment, run=run_id, link=link)
    write_atomically(folder / TRACKING_NAME, pretty_json(TrackingBook(runs=[*others, noted]).model_dump(mode="json")))
