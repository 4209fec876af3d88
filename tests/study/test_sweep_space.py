"""Spaces of settings: what is read, what is refused, and what is drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.places import ROOT, SCENARIOS

from townlet.config import load_scenario
from townlet.errors import InputError
from townlet.statistics.over_seeds import rank_test
from townlet.sweep.confirm import Confirmation
from townlet.sweep.corners import require_corners
from townlet.sweep.distributions import Choices, Range, grid_point, grid_size
from townlet.sweep.options import SweepOptions, fixed_scenario, plan_of, require_plan
from townlet.sweep.reading import _distribution
from townlet.sweep.space import as_json, read_space

SCENARIO = load_scenario(SCENARIOS / "queue_conflict.yaml")


def test_the_space_that_comes_with_townlet_holds_the_scenarios_own_settings() -> None:
    space = read_space(ROOT / "configs" / "sweeps" / "queue_conflict.yaml", SCENARIO)
    require_corners(space, SCENARIO)
    assert space.holds(space.default)
    assert space.default["ppo.gamma"] == SCENARIO.training.ppo.gamma
    assert {key: _distribution(content) for key, content in space.as_json().items()} == dict(space.settings)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("", "found an empty file, expected settings with their values"),
        ("7", "found 7, expected settings with their values"),
        ("ppo.gama: [0.1, 0.2]", "ppo.gama (line 1): found unknown key 'gama'"),
        ("pppo.gamma: [0.1, 0.2]", "pppo.gamma: found unknown key 'pppo'"),
        ("seed: [1, 2]", "seed: found a key with more than one meaning, expected scenario.seed or training.seed"),
        ("training.seed: [1, 2]", "training.seed (line 1): found a seed, expected other keys"),
        ("ppo: [1, 2]", "ppo: found a whole section, expected a key in it, such as ppo.learning_rate"),
        ("epochs: 3", "epochs (line 1): found 3, expected a list of choices, or a range"),
        ("epochs: [3]", "epochs (line 1): found 1, expected 2 to 1000 choices"),
        ("epochs: [3, 4, 3]", "epochs.2 (line 1): found 3 a second time, expected once"),
        ("epochs: [3, {a: 1}]", "epochs.1 (line 1): found a mapping with a, expected a value"),
        ("epochs: {low: 1.5, high: 4}", "epochs (line 1): found numbers with a point, expected whole numbers"),
        ("epochs: {low: 1, hihg: 4}", "epochs.hihg (line 1): found unknown key 'hihg'"),
        ("epochs: {low: 4, high: 2}", "epochs.low (line 1): found 4, expected less than high, which is 2"),
        ("epochs: {low: 1, high: 4, step: 2}", "epochs.step (line 1): found 2, expected a step that leads from 1 to 4"),
        ("ppo.gamma: {low: 0, high: 1, log: true}", "ppo.gamma.low (line 1): found 0, expected more than 0"),
        ("ppo.gamma: {low: .nan, high: 1}", "ppo.gamma.low (line 1): found nan, expected a finite number"),
        ("ppo.lr_schedule: {low: 1, high: 2}", "ppo.lr_schedule (line 1): found a range, expected a list of choices"),
        (
            "ppo.gamma: {low: 0, high: 1.0e+300, step: 1.0e-300}",
            "ppo.gamma.step (line 1): found 1e-300, expected a step",
        ),
        (f"epochs: [1, 1{'0' * 400}]", "epochs.1 (line 1): found 1"),
        ("\nppo.gamma: {low: 0.5, high: 1.5}", "ppo.gamma.high (line 2): found 1.5, expected less than or equal to 1"),
        ("ppo.lr_schedule: [linear, linea]", "ppo.lr_schedule (line 1): found 'linea', expected 'constant' or"),
        ("objects.shower_2.type: [a, b]", "objects.shower_2.type (line 1): found unknown name 'shower_2'"),
        ("towns.count: [2, 4]", "training.rollout_ticks: found 80, expected 1000 with towns.count"),
    ],
)
def test_a_bad_space_is_refused_before_any_training(written: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(written)
    with pytest.raises(InputError) as refused:
        require_corners(read_space(file, SCENARIO), SCENARIO)
    assert f"{file}: " in str(refused.value)
    assert message in str(refused.value)


def test_values_that_are_good_in_some_combination_are_not_refused() -> None:
    space = read_space({"towns.count": [0, 2], "rollout_ticks": [80, 1000]}, SCENARIO)
    require_corners(space, SCENARIO)


def test_a_large_space_is_tried_value_by_value() -> None:
    good = {"low": 0.1, "high": 0.9}
    content = {f"ppo.{name}": good for name in ("gamma", "gae_lambda", "clip_epsilon", "learning_rate", "value_coef")}
    large = {**content, "epochs": [1, 2, 3, 4], "rollout_ticks": [40, 80], "network.activation": ["tanh", "rely"]}
    with pytest.raises(InputError, match="found 'rely', expected 'tanh' or 'relu'; did you mean 'relu'") as refused:
        require_corners(read_space(large, SCENARIO), SCENARIO)
    assert len(refused.value.faults) == 1


def test_a_setting_is_fixed_or_varied_but_not_both() -> None:
    space = read_space({"cycles": [2, 4]}, SCENARIO)
    with pytest.raises(InputError, match=r"training\.cycles: found a fixed value, expected a key that space does not"):
        fixed_scenario(SCENARIO, space, ["training.cycles=3"])
    assert fixed_scenario(SCENARIO, space, ["epochs=3"]).training.epochs == 3


def test_ranges_draw_numbers_that_people_can_type() -> None:
    fine, stepped = Range(1e-4, 1e-2, log=True), Range(0.1, 0.7, step=0.2)
    assert fine.setting(0.00123456) == 0.001235
    assert fine.setting(0.0100001) == 0.01, "inside the range, whatever is rounded"
    assert [stepped.point(index) for index in range(stepped.count() or 0)] == [0.1, 0.3, 0.5, 0.7]
    assert [stepped.holds(value) for value in (0.3, 0.4, 0.9, True)] == [True, False, False, False]
    whole = Range(2, 8, whole=True, step=2)
    assert [whole.point(index) for index in range(whole.count() or 0)] == [2, 4, 6, 8]
    assert [whole.holds(value) for value in (4, 4.0, 5)] == [True, False, False]
    assert as_json(whole) == {"low": 2, "high": 8, "step": 2}


def test_choices_may_be_lists_and_truths_are_no_numbers() -> None:
    lists = Choices(([64], [64, 64], None))
    assert [lists.setting(lists.value(value)) for value in lists.values] == list(lists.values)
    truths = Choices((True, 2))
    assert truths.holds(True)
    assert not truths.holds(1)
    small: list[Range | Choices] = [truths, Range(1, 3, whole=True)]
    assert grid_size(small) == 6
    points = [grid_point(small, index) for index in range(6)]
    assert points == [(True, 1), (True, 2), (True, 3), (2, 1), (2, 2), (2, 3)]
    assert grid_size([truths, Range(0.0, 1.0)]) is None


def test_a_grid_larger_than_memory_is_searched_from_its_beginning() -> None:
    huge = [Range(1, 10**9, whole=True)] * 8
    assert grid_size(huge) == 10**72
    assert grid_point(huge, 10**9 + 2) == (1, 1, 1, 1, 1, 1, 2, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trials": 0}, "--trials: found 0, expected a number from 1"),
        ({"confirm": 1}, "--confirm: found 1, expected 0, or at least 2"),
        ({"worlds": 1}, "--worlds: found 1"),
        ({"metric": "reward_meen"}, "did you mean 'reward_mean'?"),
        ({"metric": "faints_per_1000", "pruner": "median"}, "--pruner: found median, expected none with --metric"),
        ({"sampler": "tpee"}, "did you mean 'tpe'?"),
        ({"pruner": "medium"}, "did you mean 'median'?"),
    ],
)
def test_bad_options_are_refused(options: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        SweepOptions(output=tmp_path, **options).require_usable()  # type: ignore[arg-type]
    assert message in str(refused.value)


def test_no_trial_and_no_scenario_has_seen_what_the_confirmation_uses(tmp_path: Path) -> None:
    options = SweepOptions(output=tmp_path, seed=3, seeds_per_trial=2, confirm=4)
    assert options.seeds == (3, 4)
    assert options.fresh_seeds == (5, 6, 7, 8)
    clashing = SCENARIO.model_copy(update={"seed": 1_000_000})
    assert options.world_seeds(clashing) == (1_000_001, 1_000_002)


def test_a_sweep_does_not_go_on_with_trials_that_were_scored_in_other_worlds(tmp_path: Path) -> None:
    space = read_space({"epochs": [1, 2]}, SCENARIO)
    # With more seeds of the confirmation, the first unseen seed is a later one.
    few, many = (SweepOptions(output=tmp_path, seed=999_990, confirm=confirm) for confirm in (0, 10))
    require_plan(tmp_path, plan_of(SCENARIO, space, few))
    with pytest.raises(InputError, match="world_seed: found 1000002, expected 1000000"):
        require_plan(tmp_path, plan_of(SCENARIO, space, many))


def test_settings_are_only_called_better_where_a_rank_test_agrees(tmp_path: Path) -> None:
    options = SweepOptions(output=tmp_path)
    best, default = (2.0, 2.1, 2.2, 2.3), (1.0, 1.1, 1.2, 1.3)
    assert [Confirmation(options, 1, best[:n], default[:n]).better for n in (2, 3, 4)] == [False, False, True]
    assert not Confirmation(options, 1, default, best).better


def test_settings_are_only_called_better_where_intervals_lie_apart_on_the_better_side(tmp_path: Path) -> None:
    fewer = SweepOptions(output=tmp_path, metric="queue_conflict_intensity_per_1000")
    more, high, low = SweepOptions(output=tmp_path), tuple(map(float, range(10, 20))), tuple(map(float, range(10)))
    shifted = tuple(score - 3.5 for score in high)
    assert rank_test(high, shifted) < 0.05
    assert [Confirmation(more, 1, *scores).better for scores in ((high, low), (high, shifted))] == [True, False]
    assert [Confirmation(fewer, 1, *scores).better for scores in ((low, high), (shifted, high))] == [True, False]
    assert not Confirmation(fewer, 1, high, low).better
