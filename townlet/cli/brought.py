"""A sentence about a policy in a town: the observations that it brings, and the types of object that it misses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from townlet.config import Scenario
    from townlet.files.storage import AnyPath


def say_what_it_brought(policy: AnyPath | None, scenario: Scenario) -> None:
    """Print one line about a policy that acts in a scenario's town otherwise than the scenario says; else nothing."""
    if policy is None:
        return
    from townlet.behavior.brought_observations import changed_observations, with_observations
    from townlet.behavior.fit import lacking_types
    from townlet.behavior.policy_file import card_file, read_card
    from townlet.world.rules.actions import action_names

    file = card_file(policy)
    card = read_card(file)
    changed = changed_observations(scenario, with_observations(scenario, card.observation, file))
    lacking = lacking_types(card.actions, action_names(scenario.object_types))
    said = []
    if changed:
        options = ", ".join(f"{name} {str(value).lower()}" for name, value in changed.items())
        said.append(f"people observe what it was trained with ({options}), and the rules stay as they are")
    if lacking:
        said.append(f"the town has no {', '.join(lacking)}, whose features are 0 to it")
    if said:
        typer.echo(f"{policy} in {scenario.name}: {'; '.join(said)}")
