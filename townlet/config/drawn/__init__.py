"""Towns drawn from a number: layout, population, capacities, jobs and rules, with the actions of ``town_day``."""

from townlet.config.drawn.content import FEWEST_PEOPLE, MOST_PEOPLE, drawn_content, drawn_scenario
from townlet.config.drawn.demand import demands, shower_demand
from townlet.config.drawn.numbers import READERS, TEST, TRAINING, VALIDATION
from townlet.config.drawn.text import drawn_yaml

__all__ = [
    "FEWEST_PEOPLE",
    "MOST_PEOPLE",
    "READERS",
    "TEST",
    "TRAINING",
    "VALIDATION",
    "demands",
    "drawn_content",
    "drawn_scenario",
    "drawn_yaml",
    "shower_demand",
]
