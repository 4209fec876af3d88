"""Wrong scenario files are refused with the file, the place, what was found and what was expected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SerializerFunctionWrapHandler, model_serializer
from support.broken_scenarios import BAKERY, NOT_A_MAPPING, UNKNOWN_KEYS, WRONG_VALUES
from support.places import SCENARIOS

from townlet.cli import main
from townlet.config import Scenario, load_scenario, scenario_names
from townlet.config.base import Section
from townlet.config.options import with_options
from townlet.config.validate_scenario import validated_scenario
from townlet.errors import InputError

Refuse = Callable[..., list[str]]


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Refuse:
    """Capture from a faulty file: it must exit with 2 and write nothing. Returns its errors without the path."""

    def refuse(content: str | bytes, name: str = "bakery") -> list[str]:
        file = tmp_path / f"{name}.yaml"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        code = main(["capture", str(file), "--output", str(tmp_path / "capture")])
        printed = capsys.readouterr()
        assert (code, printed.out) == (2, "")
        assert not (tmp_path / "capture").exists()
        lines = printed.err.splitlines()
        assert lines and all(line.startswith(f"error: {file}: ") for line in lines), printed.err
        return [line.removeprefix(f"error: {file}: ") for line in lines]

    return refuse


def with_change(old: str, new: str) -> str:
    assert BAKERY.count(old) == 1, old
    return BAKERY.replace(old, new)


def test_all_shipped_scenarios_load() -> None:
    names = scenario_names(SCENARIOS)
    assert {"queue_conflict", "employment_punctuality", "rivalry_decay"} <= set(names)
    assert {"observation_baseline", "kitchen_breakfast"} <= set(names)
    for name in names:
        assert load_scenario(SCENARIOS / f"{name}.yaml").name == name


def test_the_bakery_that_the_other_tests_break_is_valid(tmp_path: Path) -> None:
    (tmp_path / "bakery.yaml").write_text(BAKERY)
    assert load_scenario(tmp_path / "bakery.yaml").people["anna"].job == "baker"


@pytest.mark.parametrize(("old", "new", "place", "nearest"), UNKNOWN_KEYS)
def test_an_unknown_key_is_named_with_the_nearest_valid_one(
    refused: Refuse, old: str, new: str, place: str, nearest: str
) -> None:
    (message,) = refused(with_change(old, new))
    key = place.split(" ")[0].split(".")[-1]
    assert message.startswith(f"{place}: found unknown key {key!r}, expected one of ")
    assert message.endswith(f"; did you mean {nearest!r}?")


@pytest.mark.parametrize(("old", "new", "place", "complaint"), WRONG_VALUES)
def test_a_wrong_value_is_shown_with_its_place_and_what_was_expected(
    refused: Refuse, old: str, new: str, place: str, complaint: str
) -> None:
    assert refused(with_change(old, new)) == [f"{place}: {complaint}"]


def test_an_unknown_job_is_named_as_is_the_job_that_then_nobody_has(refused: Refuse) -> None:
    assert refused(with_change("job: baker}", "job: backer}")) == [
        "jobs.baker (line 22): found a job that nobody has, expected people with this job",
        "people.anna.job (line 24): found 'backer', expected one of baker; did you mean 'baker'?",
    ]


def test_an_object_of_a_type_without_affordance_and_an_affordance_without_object_are_both_named(
    refused: Refuse,
) -> None:
    printed = refused(with_change("type: oven,", "type: ofen,"))
    assert [message.split(", one of")[0] for message in printed[:2]] == [
        "objects.oven_1.type (line 11): found 'ofen', expected a type with an affordance",
        "affordances.bake.object (line 14): found 'oven', expected the type of an object",
    ]


def test_a_wall_beyond_the_map_is_outside_and_whoever_stands_in_it_is_named(refused: Refuse) -> None:
    printed = refused(with_change("opposite: [7, 0]", "opposite: [7, 9]"))
    assert (
        printed[0]
        == "map.walls.0.opposite (line 9): found [7, 9], expected a tile inside the 8×5 map, [0, 0] to [7, 4]"
    )
    assert len(printed) == 4


@pytest.mark.parametrize(("do", "nearest"), [("wiat", "wait"), ("move nort", "move north"), ("camp_oven", "camp oven")])
def test_an_unknown_verb_is_answered_with_all_instructions_and_the_nearest(
    refused: Refuse, do: str, nearest: str
) -> None:
    (message,) = refused(with_change("do: use oven", f"do: {do}"))
    assert message.startswith(f"schedule.anna.0.do (line 40): found {do!r}, expected one of camp oven, give_way oven, ")
    assert message.endswith(f"; did you mean {nearest!r}?")


def test_a_job_that_nobody_has_and_work_that_no_job_wants_are_faults(refused: Refuse) -> None:
    assert refused(with_change(", job: baker}", "}")) == [
        "jobs.baker (line 22): found a job that nobody has, expected people with this job"
    ]
    second = "  oven_1: {type: oven, at: [3, 2]}\n  desk_1: {type: desk, at: [5, 3]}"
    content = with_change("  oven_1: {type: oven, at: [3, 2]}", second)
    content = content.replace("  work:\n    object: oven", "  work:\n    object: desk")
    assert refused(content) == [
        "affordances.work.work (line 21): found true, expected a job whose workplace is a desk",
        "jobs.baker.workplace (line 23): found 'oven_1', "
        "expected an object whose type has an affordance with work: true",
    ]


#: Sections to add to the bakery, and the one message that each must cause.
RULES_WITHOUT_EFFECT = [
    (
        "economy: {stock_per_day: {oven: 3}}",
        "rules.economy.stock_per_day.oven (line 38): found 3, expected an affordance of the oven with uses_stock: true",
    ),
    (
        "economy: {stock_per_day: {ofen: 3}}",
        "rules.economy.stock_per_day.ofen (line 38): found 'ofen', "
        "expected a type of object, one of oven; did you mean 'oven'?",
    ),
    (
        "perturbations: {power_outage: {per_day: 0.5}}",
        "rules.perturbations.power_outage.per_day (line 38): "
        "found 0.5, expected 0, or an affordance with utility: power",
    ),
    (
        "perturbations: {water_outage: {per_day: 0.5}}",
        "rules.perturbations.water_outage.per_day (line 38): "
        "found 0.5, expected 0, or an affordance with utility: water",
    ),
    (
        "perturbations: {price_spike: {per_day: 1.0}}",
        "rules.perturbations.price_spike.per_day (line 38): found 1, expected 0, or an affordance with a price",
    ),
    (
        "perturbations: {closure: {per_day: 0.5, object: ofen}}",
        "rules.perturbations.closure.object (line 38): found 'ofen', "
        "expected a type of object, one of oven; did you mean 'oven'?",
    ),
    (
        "lifecycle: {eviction_debt: 5.0}",
        "rules.lifecycle.eviction_debt (line 38): found 5, expected 0, or rules.economy.rent_per_day above 0",
    ),
]


@pytest.mark.parametrize(("section", "message"), RULES_WITHOUT_EFFECT)
def test_a_rule_that_could_never_have_an_effect_is_refused(refused: Refuse, section: str, message: str) -> None:
    assert refused(with_change("schedule:\n", f"  {section}\nschedule:\n")) == [message]


def test_a_cost_of_eviction_without_evictions_is_refused(refused: Refuse) -> None:
    assert refused(with_change("    need_weights: {hunger: 1.0}\n", "    eviction: 1.0\n")) == [
        "rules.reward.eviction (line 37): found 1, expected 0, or rules.lifecycle.eviction_debt above 0"
    ]


def test_an_affordance_that_uses_stock_needs_stock(refused: Refuse) -> None:
    assert refused(with_change("effects: {hunger: 0.2}", "effects: {hunger: 0.2}\n    uses_stock: true")) == [
        "affordances.bake.uses_stock (line 17): found true, expected oven in rules.economy.stock_per_day"
    ]


def test_a_price_that_nobody_can_ever_pay_is_refused(refused: Refuse, tmp_path: Path) -> None:
    costly = with_change("effects: {hunger: 0.2}", "effects: {hunger: 0.2}\n    price: 2.0")
    (tmp_path / "bakery.yaml").write_text(costly)
    load_scenario(tmp_path / "bakery.yaml")  # the bakers earn
    unpaid = costly.replace("wage: 0.1", "wage: 0.0")
    assert refused(unpaid) == [
        "affordances.bake.price (line 17): found 2, "
        "expected at most rules.economy.start_wallet, 0, or a job with a wage"
    ]
    (tmp_path / "bakery.yaml").write_text(unpaid.replace("schedule:\n", "  economy: {start_wallet: 2.0}\nschedule:\n"))
    load_scenario(tmp_path / "bakery.yaml")


def test_money_and_perturbations_that_have_all_they_need_are_accepted(tmp_path: Path) -> None:
    sold = with_change("effects: {hunger: 0.2}", "effects: {hunger: 0.2}\n    price: 2.0\n    uses_stock: true")
    sold = sold.replace("    price: 2.0", "    price: 2.0\n    utility: power")
    rules = """\
  economy: {stock_per_day: {oven: 3}, rent_per_day: 1.0}
  lifecycle: {eviction_debt: 5.0}
  perturbations:
    power_outage: {per_day: 0.1}
    price_spike: {per_day: 0.1}
    closure: {per_day: 0.1, object: oven}
"""
    (tmp_path / "bakery.yaml").write_text(sold.replace("schedule:\n", f"{rules}schedule:\n"))
    assert load_scenario(tmp_path / "bakery.yaml").rules.perturbations.closure.object == "oven"


def test_people_are_needed(refused: Refuse) -> None:
    start, end = BAKERY.index("people:"), BAKERY.index("rules:")
    assert "people: found nothing, expected a value" in refused(BAKERY[:start] + BAKERY[end:])
    assert "people (line 23): found an empty mapping, expected at least 1 entry" in refused(
        BAKERY[:start] + "people: {}\n" + BAKERY[end:]
    )


def test_all_faults_are_reported_at_once(refused: Refuse) -> None:
    content = with_change("cooldown_ticks: 4", "cooldown_ticks: -1")
    content = (
        content.replace("kl: 0.2", "kll: 0.2").replace("ticks: 60", "ticks: many").replace("at: [6, 2]", "at: [6]")
    )
    places = [message.split(":")[0] for message in refused(content)]
    assert sorted(places) == [
        "people.ben.at.1 (line 25)",
        "rules.queue.cooldown_ticks (line 31)",
        "telemetry.thresholds.kll (line 48)",
        "ticks (line 3)",
    ]


@pytest.mark.parametrize(("content", "message"), NOT_A_MAPPING)
def test_a_file_that_is_not_a_yaml_mapping_is_refused_with_the_place(
    refused: Refuse, content: str | bytes, message: str
) -> None:
    assert refused(content) == [message]


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path, found in ((tmp_path / "none.yaml", "no such file"), (tmp_path, "a folder")):
        assert main(["capture", str(path), "--output", str(tmp_path / "out")]) == 2
        assert f"error: {path}: found {found}, expected " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_faults_are_separate_objects_for_programs(tmp_path: Path) -> None:
    file = tmp_path / "bakery.yaml"
    file.write_text(with_change("cooldown_ticks: 4", "cooldown_ticks: -4"))
    with pytest.raises(InputError) as caught:
        load_scenario(file)
    (fault,) = caught.value.faults
    assert (fault.file, fault.where, fault.found) == (str(file), "rules.queue.cooldown_ticks (line 31)", "-4")


def test_a_scenario_is_frozen() -> None:
    scenario = load_scenario(SCENARIOS / "queue_conflict.yaml")
    with pytest.raises(ValueError, match="frozen"):
        scenario.ticks = 5  # type: ignore[misc]


def test_the_digest_tells_content_apart_but_not_comments_or_written_out_defaults() -> None:
    content = yaml.safe_load(BAKERY)
    digest = Scenario.model_validate(content).digest
    assert Scenario.model_validate(content | {"seed": 0}).digest == digest
    assert Scenario.model_validate(content | {"seed": 1}).digest != digest
    swapped = dict(reversed(content["people"].items()))
    assert Scenario.model_validate(content | {"people": swapped}).digest != digest


def test_only_files_that_can_be_scenarios_are_listed(tmp_path: Path) -> None:
    for name in ("a.yaml", "._a.yaml", ".#b.yaml", "a (copy).yaml", "v1.5.yaml", "b|c.yaml", "B.yaml", "b.yml"):
        (tmp_path / name).touch()
    (tmp_path / f"{'x' * 101}.yaml").touch()
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "dangling.yaml").symlink_to("nowhere")
    assert scenario_names(tmp_path) == ["a"]


def test_content_from_other_sources_is_validated_like_a_file() -> None:
    content = load_scenario(SCENARIOS / "queue_conflict.yaml").model_dump(mode="json")
    content["rules"]["lifecycle"]["eviction_debt"] = 5.0
    fault = "rules.lifecycle.eviction_debt: found 5, expected 0, or rules.economy.rent_per_day above 0"
    with pytest.raises(InputError, match=f"experiment: {fault}"):
        validated_scenario(content, "experiment")
    with pytest.raises(InputError, match=f"options: {fault}"):
        with_options(Scenario.model_validate(content), ticks=None, worlds=None, seed=None)
    with pytest.raises(InputError, match="options: --worlds: found 0, expected"):
        with_options(load_scenario(SCENARIOS / "queue_conflict.yaml"), ticks=None, worlds=0, seed=None)


def test_ctrl_c_while_a_scenario_is_serialized_stays_ctrl_c() -> None:
    class Interrupted(Section):
        ticks: int = 1

        @model_serializer(mode="wrap")
        def serialized(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Interrupted().model_dump(mode="json")
