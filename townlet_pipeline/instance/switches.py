"""Switches of schedules: which are on, and since when."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from townlet_pipeline.instance.timetable import schedules_on

if TYPE_CHECKING:
    from dagster import DagsterInstance


@dataclass(frozen=True)
class Switch:
    """The switch of a schedule."""

    on: bool
    since: datetime | None
    """When it was switched on; None if it is off, or if no daemon has seen it yet."""


def switch_of(instance: "DagsterInstance", schedule: str) -> Switch:
    """Return the switch of a schedule. What somebody chose in the UI counts before the default."""
    default = schedules_on()
    states = [state for state in instance.all_instigator_state() if state.name == schedule]
    on = [state for state in states if state.status.value == "RUNNING" or (default and state.status.value != "STOPPED")]
    began = [getattr(state.instigator_data, "start_timestamp", None) for state in on]
    known = [datetime.fromtimestamp(moment, UTC) for moment in began if moment]
    # Before the daemon has seen a schedule that is on by default, there is no state of it.
    return Switch(on=bool(on) or (default and not states), since=max(known, default=None))
