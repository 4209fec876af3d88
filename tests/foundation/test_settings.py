"""Settings: a scenario with values from outside, by the rules of its file, and refusals that name the key."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.broken_scenarios import BAKERY
from support.places import SCENARIOS

from townlet.config import Scenario, load_scenario
from townlet.config.options import with_options
from townlet.config.setting_keys import setting_keys
from townlet.config.settings import setting_texts, with_settings
from townlet.config.training import TrainingConfig
from townlet.errors import InputError


@pytest.fixture
def bakery(tmp_path: Path) -> Scenario:
    file = tmp_path / "bakery.yaml"
    file.write_text(BAKERY)
    return load_scenario(file)


def in_its_file(tmp_path: Path, *changes: tuple[str, str]) -> Scenario:
    """The bakery with changes made in the text of its file."""
    content = BAKERY
    for old, new in changes:
        assert content.count(old) == 1
        content = content.replace(old, new)
    file = tmp_path / "bakery.yaml"
    file.write_text(content)
    return load_scenario(file)


#: A setting, and the change of the file's text that means the same.
SAME = [
    ("rules.queue.cooldown_ticks=9", ("cooldown_ticks: 4", "cooldown_ticks: 9")),
    ("ppo.learning_rate=1e-4", ("training:\n", "training:\n  ppo: {learning_rate: 1e-4}\n")),
    ("training.ppo.target_kl=0.02", ("training:\n", "training:\n  ppo: {target_kl: 0.02}\n")),
    ("network.hidden=[32, 16]", ("activation: tanh", "activation: tanh\n    hidden: [32, 16]")),
    ("cycles=7", ("training:\n", "training:\n  cycles: 7\n")),
    ("scenario.seed=5", ("ticks: 60\n", "ticks: 60\nseed: 5\n")),
    ("training.seed=5", ("training:\n", "training:\n  seed: 5\n")),
    ("observations.offers=true", ("rules:\n", "observations: {offers: true}\nrules:\n")),
    ("rules.reward.need_weights.energy=2", ("{hunger: 1.0}", "{hunger: 1.0, energy: 2}")),
    ("soak.worlds=3", ("training:\n", "soak: {worlds: 3}\ntraining:\n")),
    ("telemetry.thresholds.kl=null", ("    kl: 0.2\n", "    kl: null\n")),
    ("affordances.bake.ticks=4", ("    ticks: 3\n", "    ticks: 4\n")),
    ("people.ben.at=[5, 2]", ("[6, 2]", "[5, 2]")),
]


@pytest.mark.parametrize(("setting", "change"), SAME)
def test_a_setting_does_what_the_same_value_in_the_file_does(
    tmp_path: Path, bakery: Scenario, setting: str, change: tuple[str, str]
) -> None:
    assert with_settings(bakery, [setting]).digest == in_its_file(tmp_path, change).digest != bakery.digest


def test_a_shorter_episode_leaves_out_the_instructions_after_its_end(bakery: Scenario) -> None:
    assert [entry.at for entry in with_settings(bakery, ["ticks=9"]).schedule["anna"]] == [0]


def test_a_mapping_may_be_nested_and_hold_numbers_as_other_yaml_readers_leave_them(bakery: Scenario) -> None:
    nested = {"ppo": {"learning_rate": "1e-4", "target_kl": 0.1}, "rules.queue": {"cooldown_ticks": 9}}
    texts = ["ppo.learning_rate=1e-4", "ppo.target_kl=0.1", "rules.queue.cooldown_ticks=9"]
    assert with_settings(bakery, nested) == with_settings(bakery, texts)


def test_every_key_that_is_listed_can_be_set_to_its_default(bakery: Scenario) -> None:
    keys = setting_keys(Scenario)
    assert {"ppo.learning_rate", "scenario.seed", "rules.queue.intensity.push_in"} <= {key.name for key in keys}
    texts = [f"{key.name}={key.default}" for key in keys if key.default and "NAME" not in key.name]
    assert len(texts) > 100
    for text in texts:
        assert with_settings(bakery, [text]).settings


def test_no_settings_leave_the_scenario_itself(bakery: Scenario) -> None:
    assert with_settings(bakery, []) is with_settings(bakery, {}) is bakery


#: A setting that is refused, and what the message says after the name of the option.
REFUSED = [
    ("ppo.learning_rate", "found 'ppo.learning_rate', expected KEY=VALUE, such as ppo.learning_rate=1e-3"),
    ("=3", "found '=3', expected KEY=VALUE, such as ppo.learning_rate=1e-3"),
    ("ppo.gamma=", "ppo.gamma: found nothing, expected a value; null stands for none"),
    ("ppo.gamma=[1", "ppo.gamma: found '[1', expected a YAML scalar, or a list such as [64, 64]"),
    (
        "ppo={gamma: 1}",
        "ppo: found '{gamma: 1}', expected a YAML scalar, or a list such as [64, 64]; or set ppo.gamma",
    ),
    ("ppo.gamma=high", "ppo.gamma: found 'high', expected a number"),
    ("ppo.gamma=1_0", "ppo.gamma: found '1_0', expected a number without _ in it"),
    ("ppo.gamma=2", "ppo.gamma: found 2, expected less than or equal to 1"),
    ("ppo.gamma.x=1", "ppo.gamma.x: found a key below a single value, expected ppo.gamma=VALUE"),
    ("network.hidden=[64, x]", "network.hidden.1: found 'x', expected a whole number"),
    ("network.hidden.0=64", "network.hidden.0: found a key below a single value, expected network.hidden=VALUE"),
    (
        "network.activation=tahn",
        "network.activation: found 'tahn', expected 'tanh' or 'relu'; did you mean 'tanh'?",
    ),
    ("observations.offers=yes", "observations.offers: found 'yes', expected true or false"),
    ("seed=3", "seed: found a key with more than one meaning, expected scenario.seed or training.seed"),
    (
        "worlds=3",
        "worlds: found a key with more than one meaning, expected training.worlds, capture.worlds or soak.worlds",
    ),
    ("name=x", "name: found what cannot be set, expected another key: a scenario has the name of its file"),
    ("affordances.bakke.ticks=3", "affordances.bakke.ticks: found unknown name 'bakke', expected one of bake, work; "),
    (
        "rules.economy.stock_per_day.oven=3",
        "rules.economy.stock_per_day.oven: found 3, expected an affordance of the oven with uses_stock: true",
    ),
    ("towns.count=3", "training.rollout_ticks: found 40, expected 1000 with towns.count: in a rollout, "),
]


@pytest.mark.parametrize(("setting", "message"), REFUSED)
def test_a_wrong_setting_is_refused_with_the_option_the_key_and_what_was_expected(
    bakery: Scenario, setting: str, message: str
) -> None:
    with pytest.raises(InputError) as refusal:
        with_settings(bakery, [setting])
    assert str(refusal.value).startswith(f"--set: {message}")


#: An unknown key at each level, and the known one that is suggested.
MISSPELT = [
    ("rule.queue.cooldown_ticks=1", "rules"),
    ("rules.quee.cooldown_ticks=1", "queue"),
    ("rules.queue.cooldown=1", "cooldown_ticks"),
    ("training.pppo.gamma=1", "ppo"),
    ("learning_rate=1e-3", "ppo.learning_rate"),
    ("queue.cooldown_ticks=1", "rules.queue.cooldown_ticks"),
    ("scenario.seeds=1", "seed"),
]


@pytest.mark.parametrize(("setting", "meant"), MISSPELT)
def test_an_unknown_key_is_answered_with_the_nearest(bakery: Scenario, setting: str, meant: str) -> None:
    with pytest.raises(InputError, match=r"^--set: .*: found unknown key .*, expected one of") as refusal:
        with_settings(bakery, [setting])
    assert str(refusal.value).endswith(f"; did you mean {meant!r}?")


def test_every_wrong_setting_is_named_and_none_may_be_given_twice(bakery: Scenario) -> None:
    with pytest.raises(InputError) as refusal:
        with_settings(bakery, ["ppo.gamma=2", "cycles=0"], "settings")
    assert {(fault.file, fault.where) for fault in refusal.value.faults} == {
        ("settings", "ppo.gamma"),
        ("settings", "cycles"),
    }
    with pytest.raises(InputError, match=r"^--set: training.cycles: found a second time, expected once$"):
        with_settings(bakery, ["cycles=3", "training.cycles=3"])


@pytest.mark.parametrize(
    "settings",
    [
        ["ppo.learning_rate=1e-5", "scenario.seed=3", "network.hidden=[8]"],
        ["telemetry.thresholds.kl=null", "rules.needs.decay.energy=0.5"],
        ["network.commitment_ticks=3", "schedule.ben=[{at: 3, do: use oven}]"],
    ],
)
def test_the_record_of_settings_makes_the_same_scenario_as_a_mapping_and_as_texts(
    bakery: Scenario, settings: list[str]
) -> None:
    changed = with_settings(bakery, settings)
    record = changed.settings
    assert list(record) == sorted(record) and len(record) == len(settings)
    assert with_settings(bakery, record) == with_settings(bakery, setting_texts(record)) == changed
    assert with_options(changed, ticks=None, worlds=None, seed=None).settings == record


def test_the_record_of_settings_upon_settings_has_them_all_and_the_later_value(bakery: Scenario) -> None:
    committed = with_settings(bakery, ["network.commitment_ticks=3", "rules.queue.cooldown_ticks=4"])
    again = with_settings(committed, ["network.commitment_ticks=0", "cycles=3"])
    assert again.settings == {
        "rules.queue.cooldown_ticks": 4,
        "training.cycles": 3,
        "training.network.commitment_ticks": 0,
    }
    assert with_settings(bakery, again.settings).digest == again.digest


def test_an_option_that_contradicts_a_setting_is_refused(bakery: Scenario) -> None:
    longer = with_settings(bakery, ["ticks=90"])
    assert with_options(longer, ticks=90, worlds=None, seed=None).ticks == 90
    with pytest.raises(InputError, match=r"^options: --ticks: found 80 beside --set ticks=90, expected one of them$"):
        with_options(longer, ticks=80, worlds=None, seed=None)


def test_shipped_scenarios_keep_their_digests_under_settings_that_change_nothing() -> None:
    for file in sorted(SCENARIOS.glob("*.yaml")):
        scenario = load_scenario(file)
        same = with_settings(scenario, {"ticks": scenario.ticks})
        assert same.digest == scenario.digest


def test_no_key_of_the_training_section_but_the_seed_is_one_of_the_scenario_too() -> None:
    assert Scenario.model_fields.keys() & TrainingConfig.model_fields.keys() == {"seed"}, (
        "short keys would be ambiguous"
    )
