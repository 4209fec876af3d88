"""Modes of training, the phases of their cycles, and the number of epochs that they come to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from support.places import QUEUE_CONFLICT

from townlet.config import load_scenario
from townlet.config.training import (
    Mode,
    TrainingConfig,
    combination_faults,
    mode_named,
    phase_kinds,
    planned_epochs,
)
from townlet.errors import InputError
from townlet.training import TrainingHarness, TrainingOptions
from townlet_pipeline import resources

CONFIG = TrainingConfig(cycles=3, epochs=5)
LESSONS = TrainingConfig.model_validate({"cycles": 3, "epochs": 5, "imitation": {"rollouts": 2, "epochs": 7}})
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
        ("rollout", LESSONS, ("rollout",), 19),
        ("mixed", LESSONS, ("replay", "rollout"), 34),
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


TOWNS = {"towns": {"count": 2}, "rollout_ticks": 1000}
IMITATION = {"imitation": {"rollouts": 2}}


@pytest.mark.parametrize(
    ("options", "mode", "where", "says"),
    [
        ({"towns": {"count": 2}}, None, "rollout_ticks", "found 80, expected 1000 with towns.count"),
        (TOWNS | {"handover": {"script": "heuristic"}}, None, "towns.count", "found 2 with handover.script: heuristic"),
        (IMITATION | {"handover": {"script": "scripted"}}, None, "imitation.rollouts", "found 2 with handover.script"),
        (TOWNS, "replay", "towns.count", "found 2 with mode replay, expected 0, or mode rollout"),
        (TOWNS, "mixed", "towns.count", "found 2 with mode mixed"),
        (IMITATION, "replay", "imitation.rollouts", "found 2 with mode replay"),
        (
            IMITATION | {"replay": {"mixing": "joint"}},
            "mixed",
            "imitation.rollouts",
            "mode mixed, replay.mixing: joint",
        ),
    ],
)
def test_what_cannot_be_combined_is_refused_in_a_scenario_or_before_a_training(
    options: dict[str, Any], mode: Mode | None, where: str, says: str, tmp_path: Path
) -> None:
    config = TrainingConfig.model_validate(options)
    harness = TrainingHarness.for_scenario(load_scenario(QUEUE_CONFLICT)) if mode else None
    if harness is not None:
        harness.config = config
        with pytest.raises(InputError, match=f"training options: {re.escape(where)}: .*{re.escape(says)}"):
            harness.require_usable(mode or "rollout", None)
        return
    content = yaml.safe_load(QUEUE_CONFLICT.read_text())
    content["training"] |= options
    file = tmp_path / QUEUE_CONFLICT.name
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    with pytest.raises(InputError, match=rf"training.{re.escape(where)}( \(line \d+\))?: .*{re.escape(says)}"):
        load_scenario(file)


@pytest.mark.parametrize(
    ("options", "mode"), [(TOWNS, "rollout"), (IMITATION, "mixed"), (TOWNS | IMITATION, "rollout")]
)
def test_what_can_be_combined_is_not_refused(options: dict[str, Any], mode: Mode) -> None:
    assert not [*combination_faults(TrainingConfig.model_validate(options), mode)]
