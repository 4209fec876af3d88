"""Records of trials: one file per trial, written when it begins and when it is finished."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from townlet.config.base import AsTuple, Section
from townlet.config.validate import validated
from townlet.errors import InputError
from townlet.files.storage import pretty_json, read_json, write_atomically

RECORD_NAME = "trial.json"

State = Literal["running", "complete", "pruned", "failed"]


class Report(Section):
    """The metric during the first training of a trial."""

    step: Annotated[int, Field(ge=1)]
    """The part of the training that is over, in parts of :data:`townlet.sweep.options.STEPS`."""
    value: float


class TrialRecord(Section):
    """One trial."""

    number: Annotated[int, Field(ge=0)]
    settings: dict[str, JsonValue]
    """By key."""
    state: State = "running"
    """``pruned`` if it was stopped early, ``failed`` if it gave no score."""
    reason: str = ""
    """Why it has no score."""
    score: float | None = None
    """The metric in unseen worlds, interquartile mean over seeds."""
    scores: Annotated[tuple[float, ...], AsTuple] = ()
    """The metric of each seed."""
    reports: Annotated[tuple[Report, ...], AsTuple] = ()
    notes: dict[str, float] = {}
    """What the pruner keeps about the trial."""

    @property
    def is_finished(self) -> bool:
        """Whether the trial is over, with or without a score."""
        return self.state != "running"


def trial_folder(folder: Path, number: int) -> Path:
    """The folder of a trial."""
    return folder / f"trial-{number:02d}"


def write_record(folder: Path, record: TrialRecord) -> None:
    """Write a trial's record into its folder."""
    content = record.model_dump(mode="json", exclude_defaults=True)
    write_atomically(
        trial_folder(folder, record.number) / RECORD_NAME, pretty_json({"number": record.number} | content)
    )


def read_records(folder: Path) -> list[TrialRecord]:
    """The records of all trials of a sweep that have begun, by number. Raises InputError for a damaged one."""
    found: list[TrialRecord] = []
    while (path := trial_folder(folder, len(found)) / RECORD_NAME).exists():
        record = validated(read_json(path, "a trial of a sweep"), TrialRecord, path)
        if record.number != len(found):
            raise InputError.of(path, "number", str(record.number), f"{len(found)}, as its folder says")
        found.append(record)
    return found
