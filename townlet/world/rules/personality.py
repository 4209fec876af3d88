"""Personality: four traits, and how much each changes a rule."""

from __future__ import annotations

from townlet.world.engine.compile import rule
from townlet.world.state.constants import TownRules
from townlet.world.state.layout import TownLayout

#: Columns of ``layout.traits``.
EXTROVERSION, FORGIVENESS, AMBITION, PATIENCE = 0, 1, 2, 3


@rule
def trait_factor(layout: TownLayout, rules: TownRules, a: int, trait: int) -> float:
    """The factor of a person's trait on a rule's constant: 0 to 2 at full strength, exactly 1 for the average."""
    return float(1.0 + rules.personality * (2.0 * layout.traits[a, trait] - 1.0))
