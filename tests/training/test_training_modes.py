"""Modes of training, the phases of their cycles, and the number of epochs that they come to."""

from __future__ import annotations

from typing import get_args

import pytest

from townlet.config.training import Mode, TrainingConfig, mode_named, phase_kinds, planned_epochs
from townlet.errors import InputError
from townlet.training import TrainingOptions
from townlet_pipeline import resources

CONFIG = TrainingConfig(cycles=3, epochs=5)
JOINT = TrainingConfig.model_validate({"cycles": 3, "epochs": 5, "replay": {"mixing": "joint"}})


def test_the_launchpad_offers_the_modes_that_a_training_has() -> None:
    assert {choice.value for choice in resources.Mode} == {*get_args(Mode)}


@pytest.mark.parametrize(
    ("mode", "config", "kinds", "epochs"),
    [
        ("rollout", CONFIG, ("rollout",), 15),
        ("replay", CONFIG, ("replay",), 15),
        ("mixed", CONFIG, ("replay", "rollout"), 30),
        ("mixed", JOINT, ("joint",), 15),
        ("rollout", JOINT, ("rollout",), 15),
    ],
)
def test_a_cycles_phases_and_a_trainings_epochs_follow_from_mode_and_mixing(
    mode: Mode, config: TrainingConfig, kinds: tuple[str, ...], epochs: int
) -> None:
    assert phase_kinds(mode, config) == kinds
    assert planned_epochs(mode, config) == epochs


def test_options_replace_the_planned_amounts_and_unknown_modes_are_refused() -> None:
    assert TrainingOptions("mixed", "out", cycles=2, epochs=1).planned_epochs(CONFIG) == 4
    with pytest.raises(InputError, match=r"training options: mode: found 'mixt', expected .*mixed"):
        mode_named("mixt")
    with pytest.raises(InputError, match="training options: epochs: found 0"):
        TrainingOptions("mixed", "out", epochs=0).planned_epochs(CONFIG)
