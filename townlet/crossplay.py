"""Cross-play: how people under each of several behaviours fare in the company of each other one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from townlet.behavior.choose import member_of
from townlet.behavior.own.groups import OTHERS, groups_of, names_company
from townlet.behavior.own.mixed import Group, mixed_company
from townlet.config import Scenario
from townlet.errors import InputError
from townlet.evaluation import WORLDS, require_options, unused_seed
from townlet.files.storage import AnyPath, pretty_json, write_atomically
from townlet.group_scores import as_json, values_alone
from townlet.host.torch_settings import repeatable
from townlet.metrics import METRICS
from townlet.outcomes.groups import Values, group_values
from townlet.policies.origin import Member

#: The share of the people who are scored, by default.
SHARE = "50%"

Members = Mapping[str, tuple[Group, Member]]


def crossplay(
    behaviors: Sequence[str],
    scenario: Scenario,
    *,
    share: str = SHARE,
    worlds: int = WORLDS,
    seed: int | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> dict[str, Any]:
    """Score the same people in the same worlds under each behaviour, beside others who follow each behaviour.

    Args:
        behaviors: at least two, each as :func:`townlet.behavior.choose.choose_behavior` takes it.
        scenario: the town.
        share: of the people who are scored, the focal people, such as ``50%``; see
            :func:`townlet.behavior.own.groups.groups_of`. All others are their company.
        worlds: number of worlds, at least 2, with one episode each.
        seed: of the worlds; by default the first from 1,000,000 on that no policy was trained with.
        progress: called with the episodes done, those in all, and what is played next.

    Returns an object for :func:`write_crossplay`: ``scores[focal][company][metric]`` are means over worlds with their
    95 % intervals (Student's t), ``minus_alone`` the differences to ``scores[focal][focal]`` world by world, and
    ``values`` those of each world.

    Raises InputError for unusable options, and for a behaviour that is unusable or does not fit the town.
    """
    _require_options(behaviors, share, worlds, seed)
    focal = groups_of(scenario, [share, OTHERS])[share]
    indices = {share: tuple(list(scenario.people).index(name) for name in focal)}
    members = {words: member_of(scenario, words) for words in behaviors}
    cards = [group.card for group, _ in members.values() if group.card is not None]
    chosen, used = unused_seed(cards, scenario, seed)
    values: dict[str, dict[str, Values]] = {words: {} for words in behaviors}
    pairs = [(row, column) for row in behaviors for column in behaviors]
    with repeatable(scenario.training.threads):
        for index, (row, column) in enumerate(pairs):
            if progress:
                progress(index * worlds, len(pairs) * worlds, f"{row} among {column}")
            play = _Play(scenario, share, indices, worlds, chosen)
            values[row][column] = play.alone(members[row][0]) if row == column else play.mixed(members, row, column)
    return {
        "format": "townlet-crossplay",
        "version": 1,
        "scenario": {"name": scenario.name, "config_sha256": scenario.digest},
        "behaviors": {words: _identity(member) for words, (_, member) in members.items()},
        "share": share,
        "focal": focal,
        "seed": chosen,
        "seeds_trained_with": sorted(used),
        "worlds": worlds,
        "ticks": scenario.ticks,
        **_summary(values),
    }


def _require_options(behaviors: Sequence[str], share: str, worlds: int, seed: int | None) -> None:
    require_options(worlds, seed)
    if len(set(behaviors)) < max(len(behaviors), 2):
        expected = "at least two, each once"
        raise InputError.of("options", "behaviours", ", ".join(behaviors) or "none", expected)
    for words in behaviors:
        if names_company(words):
            raise InputError.of("options", "behaviours", f"mixed company {words}", "single behaviours, to be mixed")
    if not share.endswith("%"):
        raise InputError.of("options", "--share", repr(share), "a share of the people, such as 50%")


class _Play:
    """Episodes in the same worlds, whoever acts."""

    def __init__(
        self, scenario: Scenario, share: str, focal: Mapping[str, tuple[int, ...]], worlds: int, seed: int
    ) -> None:
        self._scenario, self._share, self._focal = scenario, share, focal
        self._worlds, self._seed = worlds, seed

    def alone(self, group: Group) -> Values:
        """The focal people's metrics where everybody follows one behaviour."""
        found = values_alone(group, self._scenario, self._focal, worlds=self._worlds, seed=self._seed)
        return found[self._share]

    def mixed(self, members: Members, row: str, column: str) -> Values:
        """The focal people's metrics where they follow one behaviour, and the others another."""
        given = {self._share: row, OTHERS: column}
        behavior, shown = mixed_company(self._scenario, given, lambda _, words: members[str(words)])
        return group_values(behavior, shown, self._focal, worlds=self._worlds, seed=self._seed)[self._share]


def _identity(member: Member) -> dict[str, Any]:
    """What a behaviour is, without people."""
    return {name: value for name, value in member.model_dump(mode="json").items() if name != "people"}


def _summary(values: Mapping[str, Mapping[str, Values]]) -> dict[str, Any]:
    first = next(iter(values))
    registered = {name: METRICS[name] for name in values[first][first]}
    minus = {
        row: {
            column: {metric: each[metric] - companies[row][metric] for metric in registered}
            for column, each in companies.items()
            if column != row
        }
        for row, companies in values.items()
    }
    return {
        "metrics": {
            name: {"label": metric.label, "unit": metric.unit, "more_is_better": metric.more_is_better}
            for name, metric in registered.items()
        },
        "scores": {row: {column: as_json(own) for column, own in each.items()} for row, each in values.items()},
        "minus_alone": {row: {column: as_json(own) for column, own in each.items()} for row, each in minus.items()},
        "values": {
            row: {column: {metric: v.tolist() for metric, v in own.items()} for column, own in each.items()}
            for row, each in values.items()
        },
    }


def sentence(result: Mapping[str, Any], metric: str) -> str:
    """Who does best in whose company, and who is exploited by whom, by one metric.

    A behaviour is exploited by another where its people fare clearly worse among those than among their own, and those
    clearly better among them than among their own: both intervals of the difference, by themselves, exclude 0.
    """
    sign = -1.0 if result["metrics"][metric]["more_is_better"] is False else 1.0
    scores, minus = result["scores"], result["minus_alone"]
    best: dict[str, list[str]] = {}
    for company in scores:
        means = {row: sign * float(scores[row][company][metric]["mean"]) for row in scores}
        leaders = [row for row, mean in means.items() if mean == max(means.values())]
        best.setdefault(_and(leaders), []).append(company)
    leads = "; ".join(f"{leader} best among {_and(companies)}" for leader, companies in best.items())

    def side(row: str, column: str) -> int:
        """1 where a row fares clearly better in a company than alone, −1 where clearly worse, else 0."""
        low, high = sorted(sign * float(minus[row][column][metric][end]) for end in ("low", "high"))
        return 1 if low > 0 else -1 if high < 0 else 0

    pairs = [(row, other) for row in scores for other in scores if row != other]
    exploited = [f"{row} by {other}" for row, other in pairs if side(row, other) < 0 < side(other, row)]
    return (
        f"{result['metrics'][metric]['label']}: by the means, {leads}; "
        f"{'exploited: ' + _and(exploited) if exploited else 'nobody is exploited'}"
    )


def _and(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def write_crossplay(result: Mapping[str, Any], output: AnyPath) -> str:
    """Write a cross-play as JSON; return its SHA-256. Equal ones give equal bytes."""
    return write_atomically(output, pretty_json(result))
