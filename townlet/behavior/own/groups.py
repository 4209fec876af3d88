"""Groups of people in one town, by names, jobs and shares, and the words that give each group a behaviour."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal

from townlet.behavior.base import Behavior
from townlet.config import Scenario
from townlet.errors import InputError, nearest_name

#: The key of everybody whom no other key names.
OTHERS = "others"
#: How company is written, for messages.
COMPANY_FORM = "KEY=BEHAVIOR,KEY=BEHAVIOR, with a person's name, a job, a share such as 50%, or others as KEY"

#: A key has no character that a path could have before its ``=``, so ``./a=b`` is always a path.
_KEY = r"[^=,/\\:]+"
_COMPANY = re.compile(rf"\s*{_KEY}=")
_NEXT_PART = re.compile(rf",(?=\s*{_KEY}=)")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_ALL = Decimal(100)
#: The end of the names of jobs that a blueprint numbers.
_NUMBER = re.compile(r"_\d+$")


def names_company(words: str) -> bool:
    """Whether words have the form of company, ``KEY=…``."""
    return _COMPANY.match(words) is not None


def company_of(words: str) -> dict[str, str]:
    """The behaviour of each key, from ``KEY=BEHAVIOR,KEY=BEHAVIOR``.

    A behaviour ends at a comma that another ``KEY=`` follows, so paths may have commas and equals signs in them.
    Raises InputError for words of another form, and for a key that occurs twice.
    """
    company: dict[str, str] = {}
    for part in _NEXT_PART.split(words):
        key, _, behavior = (side.strip() for side in part.partition("="))
        if not key or not behavior:
            raise InputError.of("options", "--behavior", repr(part.strip()), COMPANY_FORM)
        if key in company:
            raise InputError.of("options", "--behavior", f"{key} twice", "each key once, and others for the rest")
        company[key] = behavior
    return company


def words_of(given: str | Behavior | Mapping[str, str | Behavior]) -> str:
    """The words for ``--behavior``; a behaviour that was handed over in Python is called by its name."""
    if isinstance(given, Mapping):
        return ",".join(f"{key}={words_of(behavior)}" for key, behavior in given.items())
    return given if isinstance(given, str) else given.name


def groups_of(scenario: Scenario, keys: Collection[str]) -> dict[str, list[str]]:
    """The people of each key, by their names, in the order of the scenario.

    Names and jobs are taken first; ``barista`` stands for ``barista_1``, ``barista_2`` and so on, too. Shares are of
    those whom no name and no job claims, spread evenly among them, so that they live and work among each other; shares
    of 100 % together leave nobody. ``others`` are the rest.

    Raises InputError unless every key is known and has somebody, and everybody is in exactly one group.
    """
    groups: dict[str, list[str]] = {key: [] for key in keys}
    free, shares = list(scenario.people), []
    for key in keys:
        share = _SHARE.fullmatch(key)
        if share:
            shares.append((key, Decimal(share[1])))
        elif key != OTHERS:
            groups[key] = _take(_people_of(scenario, key), free, key)
    for key, people in _shared(free, shares):
        groups[key] = _take(people, free, key)
    if OTHERS in groups:
        groups[OTHERS] = free
    elif free:
        expected = "a behaviour for everybody, such as others=heuristic"
        raise InputError.of("options", "--behavior", f"none for {_listed(free)}", expected)
    for key, people in groups.items():
        if not people:
            raise InputError.of("options", "--behavior", f"nobody for {key}", "at least one person for each key")
    return groups


def spread_out(people: int, count: int) -> list[int]:
    """Indices of ``count`` of the people, evenly spaced, so that they live and work among the others."""
    return sorted((1 + i * people // count) % people for i in range(count))


def _people_of(scenario: Scenario, key: str) -> list[str]:
    roles = {job: {job, _NUMBER.sub("", job)} for job in scenario.jobs}
    with_job = [name for name, person in scenario.people.items() if person.job and key in roles[person.job]]
    known = {job for each in roles.values() for job in each}
    if key in scenario.people and with_job:
        raise InputError.of("options", "--behavior", f"{key}, a person and a job", "the name of one of them only")
    if key not in scenario.people and key not in known:
        expected = f"a share such as 50%, or {nearest_name(key, [*scenario.people, *known, OTHERS])}"
        raise InputError.of("options", "--behavior", repr(key), expected)
    return [key] if key in scenario.people else with_job


def _shared(free: Sequence[str], shares: Sequence[tuple[str, Decimal]]) -> Iterable[tuple[str, list[str]]]:
    """The people of each share. Sums of shares are rounded, not shares, so that 100 % are everybody."""
    total = sum((share for _, share in shares), Decimal(0))
    if total > _ALL:
        raise InputError.of("options", "--behavior", f"shares of {total} %", "at most 100 % together")
    everybody, left, summed = len(free), list(free), Decimal(0)
    for key, share in shares:
        before, summed = _rounded(summed, everybody), summed + share
        people = [left[index] for index in spread_out(len(left), _rounded(summed, everybody) - before)]
        left = [person for person in left if person not in people]
        yield key, people


def _rounded(share: Decimal, people: int) -> int:
    return int(share * people / _ALL + Decimal("0.5"))


def _take(people: Iterable[str], free: list[str], key: str) -> list[str]:
    """Move people from those that are free into the group of a key."""
    taken = list(people)
    twice = [person for person in taken if person not in free]
    if twice:
        found = f"{_listed(twice)} in {key} and in another group"
        raise InputError.of("options", "--behavior", found, "everybody in one group")
    free[:] = [person for person in free if person not in taken]
    return taken


def _listed(people: Sequence[str], most: int = 5) -> str:
    beyond = len(people) - most
    return ", ".join(people[:most]) + (f" and {beyond} more" if beyond > 0 else "")
