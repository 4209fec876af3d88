"""Overview of the last night of all scenarios, and of the nights before it.

A night of a scenario is *expected* on a day of the schedule if the scenario had a promoted baseline at its start, if it
had a night before or most scenarios have one on that day, and if any scenario had a night on that day or in the seven
days before it. So a scenario whose nights fail to come while others' do is always seen, and a schedule that was
switched off is missed for a week. A night that is expected and has no files is *missed* once it is due.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from townlet.morning.night import HEADLINE_METRICS, MARKS, SEVERITY, WORDS, Night, State
from townlet.morning.promoted import promoted_since
from townlet.morning.read import Incidents, days_of, read_incidents, read_night, scenarios_with_nights
from townlet.morning.schedule import Schedule
from townlet.soak.next_steps import MISSED, NOT_SOAKED, WAITING
from townlet.telemetry.formatting import count

#: Nights in a strip.
SHOWN = 14
#: Days after the newest night of all during which nights are still expected.
_EXPECTED_FOR = 7
#: States of nights that did not happen and were not expected to.
_NO_NIGHT: frozenset[State] = frozenset({"none"})
_NOTHING_YET = "No night yet."
HOW_TO_BEGIN = (
    "A night is a soak of a scenario beside its promoted baseline. The schedule nightly_soak starts one of each such "
    "scenario; the UI shows the schedules. To begin at once, open Jobs, nightly_soak in the UI and launch a partition."
)


@dataclass(frozen=True)
class Overview:
    """The last night, and the nights before it."""

    store: Path
    """The folder of all artefacts."""
    as_of: datetime
    """The moment that decided what is missed."""
    day: date | None
    """The day of the last night; None if there is no night at all."""
    strips: Mapping[str, Sequence[Night]]
    """By scenario its last nights, the oldest first; the last one is of ``day``."""
    faults: Sequence[str]
    """One line for each incident and each ledger of promotions that cannot be read."""

    @property
    def nights(self) -> list[Night]:
        """The last night of every scenario, the most urgent first."""
        last = [strip[-1] for strip in self.strips.values() if strip]
        return sorted(last, key=lambda night: (SEVERITY[night.state], night.scenario))

    @property
    def counts(self) -> dict[State, int]:
        """The number of scenarios in each state that occurs in the last night, the most urgent first."""
        counted = Counter(night.state for night in self.nights)
        return {state: counted[state] for state in MARKS if counted[state]}

    @property
    def accepted(self) -> bool:
        """Whether there was a night, and every expected one is accepted."""
        return set(self.counts) - _NO_NIGHT == {"accepted"}

    @property
    def headline(self) -> str:
        """The last night in one sentence, without a full stop."""
        if self.day is None:
            return _NOTHING_YET.removesuffix(".")
        expected = [night for night in self.nights if night.state not in _NO_NIGHT]
        if not expected:
            return f"{self.day}: no night"
        accepted = sum(night.state == "accepted" for night in expected)
        parts = []
        for state in [state for state in self.counts if state not in ("accepted", *_NO_NIGHT)]:
            names = [night.scenario for night in expected if night.state == state]
            # Seven names tell nobody more than that it is all of them.
            same = len(names) == len(expected) > 1
            parts.append(f"all {WORDS[state]}" if same else f"{len(names)} {WORDS[state]}: {', '.join(names)}")
        fresh = [night for night in self.nights if night.state == "none" and night.step is not None]
        later = f"{count(len(fresh), 'scenario')} not soaked yet" if fresh else ""
        noun = "night" if len(expected) == 1 else "nights"
        first = f"{self.day}: {accepted} of {len(expected)} {noun} accepted"
        if not parts:
            first = f"{self.day}: {'all ' if len(expected) > 1 else ''}{len(expected)} {noun} accepted"
        return "; ".join(part for part in (first, *parts, later) if part)

    def as_json(self) -> dict[str, Any]:
        """Plain values: the last night, the strips, the courses of metrics, and the hashes of all verdicts read."""
        return {
            "format": "townlet-morning",
            "schema_version": 1,
            "as_of": self.as_of.isoformat(timespec="minutes"),
            "day": self.day.isoformat() if self.day else None,
            "headline": self.headline,
            "accepted": self.accepted,
            "counts": self.counts,
            "nights": [night.as_json(self.store) for night in self.nights],
            "strips": {
                scenario: [
                    {
                        "day": night.day.isoformat(),
                        "state": night.state,
                        "why": night.why,
                        "levels": {
                            name: {"mean": night.levels[name].mean, "baseline": night.levels[name].baseline}
                            for name in HEADLINE_METRICS
                            if name in night.levels
                        },
                    }
                    for night in strip
                ]
                for scenario, strip in self.strips.items()
            },
            "faults": list(self.faults),
            "made_from": [
                {"scenario": scenario, "day": night.day.isoformat(), "drift_sha256": night.drift_sha256}
                for scenario, strip in self.strips.items()
                for night in strip
                if night.drift_sha256
            ],
        }


def read_overview(
    store: Path,
    *,
    baselines: Path,
    incidents: Path,
    schedule: Schedule,
    now: datetime,
    day: date | None = None,
) -> Overview:
    """Read the overview of a day's night, by default the last one that has begun.

    Args:
        store: the folder of all artefacts.
        baselines: the folder of promoted baselines, whose scenarios have nights.
        incidents: the folder of incidents.
        schedule: when nights begin and are due.
        now: decides which nights have begun and are due.
        day: the day of the night.

    Damaged files are shown as such; a store that does not exist has no nights.
    """
    promoted, unreadable = promoted_since(baselines)
    failed, faults = read_incidents(incidents)
    faults = [*unreadable, *faults]
    found = {
        name: sorted({*days_of(store, name), *(when for when, scenario in failed if scenario == name)})
        for name in sorted({*promoted, *scenarios_with_nights(store)})
    }
    reader = _Reader(store, found, promoted, failed, schedule, now)
    last = day if day is not None else reader.last_day()
    if last is None:
        return Overview(store, now, None, {}, faults)
    shown = [last - timedelta(days=back) for back in reversed(range(SHOWN))]
    strips = {
        name: [reader.night(name, when) for when in shown]
        for name, days in found.items()
        if name in promoted or last in days
    }
    return Overview(store, now, last, strips, faults)


@dataclass(frozen=True)
class _Reader:
    """What is known when nights are read."""

    store: Path
    found: Mapping[str, Sequence[date]]
    """By scenario the days on which it has files or an incident, in order."""
    promoted: Mapping[str, datetime]
    """By scenario the moment from which on it has nights."""
    incidents: Incidents
    schedule: Schedule
    now: datetime

    def last_day(self) -> date | None:
        """The newest day on which there is something, or on which something is expected that should have begun."""
        newest = max((days[-1] for days in self.found.values() if days), default=None)
        if newest is None:
            return None
        ahead = (newest + timedelta(days=days) for days in range(1, _EXPECTED_FOR + 1))
        begun = [day for day in ahead if self.schedule.starts(day) <= self.now and self._is_anything_expected(day)]
        return max(begun, default=newest)

    def night(self, scenario: str, day: date) -> Night:
        """A night as its files tell it, or why there are none."""
        if day in self.found[scenario]:
            night = read_night(self.store, scenario, day, self.incidents)
            if night is not None:
                return night
        if not self._is_expected(scenario, day):
            never = not any(each <= day for each in self.found[scenario])
            why = "It has not been soaked yet." if never else "No night was expected."
            return Night(scenario, day, "none", why, NOT_SOAKED if never else None)
        due = self.schedule.due(day)
        if self.now < due:
            return Night(scenario, day, "waiting", f"It is due at {due:%H:%M} ({self.schedule.zone}).", WAITING)
        why = f"Nothing was made by {due:%H:%M} ({self.schedule.zone}), when it was due."
        return Night(scenario, day, "missed", why, MISSED)

    def _is_anything_expected(self, day: date) -> bool:
        return any(self._is_expected(name, day) for name in self.found)

    def _is_expected(self, scenario: str, day: date) -> bool:
        if not self.schedule.includes(day) or not self._is_promoted(scenario, day):
            return False
        earliest = day - timedelta(days=_EXPECTED_FOR)
        if not any(earliest <= each <= day for days in self.found.values() for each in days):
            return False
        return any(each < day for each in self.found[scenario]) or self._have_most(day)

    def _is_promoted(self, scenario: str, day: date) -> bool:
        return scenario in self.promoted and self.promoted[scenario] <= self.schedule.starts(day)

    def _have_most(self, day: date) -> bool:
        """Whether most scenarios have a night: then the schedule started it, and not somebody by hand."""
        promoted = [name for name in self.promoted if self._is_promoted(name, day)]
        return 2 * sum(day in self.found[name] for name in promoted) > len(promoted)
