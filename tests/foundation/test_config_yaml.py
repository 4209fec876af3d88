"""YAML by the core schema of YAML 1.2, with original texts and lines in errors, and bounds on the cost of reading."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from support.broken_scenarios import BAKERY

from townlet.config import load_scenario
from townlet.config.document import MOST_BYTES, parse_document
from townlet.errors import InputError

SMALL = "name: small\ndescription: One person.\nticks: 20\nmap: {width: 5, height: 5}\npeople:\n"


def values(content: str) -> Any:
    return parse_document("small.yaml", content.encode()).value


def faults(tmp_path: Path, content: str, name: str = "small") -> list[str]:
    file = tmp_path / f"{name}.yaml"
    file.write_text(content)
    with pytest.raises(InputError) as caught:
        load_scenario(file)
    return [str(fault).removeprefix(f"{file}: ") for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[("~", None), ("null", None), ("", None), ("true", True), ("FALSE", False)],
        *[("12", 12), ("+1", 1), ("-7", -7), ("0", 0), ("0o10", 8), ("0x10", 16)],
        *[("1e-3", 0.001), (".5", 0.5), ("1.", 1.0), ("1.5E+3", 1500.0), ("-.5e1", -5.0), (".inf", math.inf)],
        *[(word, word) for word in ("no", "on", "yes", "off", "y", "N", "8:00", "1:30", "010", "08", "1_000")],
        *[(word, word) for word in ("2001-01-01", "0b11", "+.", "1e", "0x", "=", "1,000", "0:0.5", "-0o7")],
        *[("'5'", "5"), ('"true"', "true"), ("!!str 5", "5"), ("! 5", "5"), ("!!float 5", 5.0), ("!!int '5'", 5)],
    ],
)
def test_a_scalar_means_what_the_core_schema_says(text: str, value: Any) -> None:
    read = values(f"key: {text}")["key"]
    assert (type(read), read) == (type(value), value)
    assert math.isnan(values("key: .NaN")["key"])


def test_keys_are_text_as_written() -> None:
    assert list(values("{no: 1, on: 2, null: 3, true: 4, 010: 5, 1.0: 6, ~: 7}")) == [
        *("no", "on", "null", "true", "010", "1.0", "~")
    ]


def test_people_may_have_names_that_other_readers_take_for_values(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(f"{SMALL}  no: {{at: [1, 1]}}\n  on: {{at: [2, 1]}}\n  y: {{at: [3, 1]}}\n")
    assert list(load_scenario(tmp_path / "small.yaml").people) == ["no", "on", "y"]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("seed: 010", "seed (line 7): found '010', expected a whole number without leading zeros"),
        ("seed: 1_000", "seed (line 7): found '1_000', expected a whole number without _ in it"),
        ("seed: 1e3", "seed (line 7): found 1e3, expected a whole number"),
        ("seed:\n  0x1.8", "seed (line 8): found '0x1.8', expected a whole number"),
        (
            "ticks_per_day: 1:30",
            "ticks_per_day (line 7): found '1:30', expected a whole number of ticks, not a time of day",
        ),
        (
            "rules: {needs: {decay: {hygiene: 0:0.5}}}",
            "rules.needs.decay.hygiene (line 7): found '0:0.5', expected a number of ticks, not a time of day",
        ),
        (f"ticks_per_day: 1{':1' * 3000}", "of ticks, not a time of day"),
        (f"seed: {'9' * 5000}", "expected a whole number"),
        ("telemetry: {thresholds: {kl: 1e999}}", "found 1e999, expected a finite number"),
        ("training: {ppo: {learning_rate: 1e-3x}}", "found '1e-3x', expected a number"),
        ("description: no\ndescription: on", "description (line 7): found a second time, expected once"),
        ("schedule: {<<: 5}", "line 7 column 16: found 5, expected a mapping, or a list of mappings, to merge"),
        ("schedule: {[a]: 5}", "found ['a'], expected text as a key"),
        ("schedule: *nobody", "line 7 column 11: found the alias *nobody, expected an anchor before it"),
        ("schedule: !mine {}", "line 7 column 11: found the tag '!mine', expected no tag"),
        ("seed: !!int x", "line 7 column 7: found 'x', expected a value that fits its tag, !!int"),
    ],
)
def test_ambiguous_scalars_are_refused_as_written(tmp_path: Path, line: str, fault: str) -> None:
    found = faults(tmp_path, f"{SMALL}  ann: {{at: [1, 1]}}\n{line}\n")
    assert any(fault in each for each in found), found
    assert max(map(len, found)) < 400


def test_clock_times_of_a_shift_are_refused(tmp_path: Path) -> None:
    found = faults(tmp_path, BAKERY.replace("start: 5", "start: 8:00").replace("end: 20", "end: 16:00"), "bakery")
    expected = "expected a whole number of ticks, not a time of day"
    assert found == [
        f"jobs.baker.start (line 22): found '8:00', {expected}",
        f"jobs.baker.end (line 22): found '16:00', {expected}",
    ]


def test_an_exponent_needs_no_point(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(f"{SMALL}  ann: {{at: [1, 1]}}\ntraining: {{ppo: {{learning_rate: 1e-4}}}}\n")
    assert load_scenario(tmp_path / "small.yaml").training.ppo.learning_rate == 0.0001


def test_a_fault_has_the_line_of_its_own_entry(tmp_path: Path) -> None:
    people = "  ann:\n    at: [1,\n      two]\n  ben:\n    at: [2, 1]\n    needs:\n      hunger:\n        no\n"
    assert faults(tmp_path, SMALL + people) == [
        "people.ann.at.1 (line 8): found 'two', expected a whole number",
        "people.ben.needs.hunger (line 13): found 'no', expected a number",
    ]


def test_anchors_and_merge_keys_work_as_in_any_yaml(tmp_path: Path) -> None:
    content = BAKERY.replace("anna: {at: [1, 2], needs: {hunger: 0.5}", "anna: &a {at: [1, 2], needs: &n {hunger: 0.5}")
    content = content.replace("ben: {at: [6, 2]}", "ben: {at: [6, 2], <<: *a, needs: *n}")
    (tmp_path / "bakery.yaml").write_text(content)
    people = load_scenario(tmp_path / "bakery.yaml").people
    assert (people["ben"].job, people["ben"].needs, people["ben"].at) == ("baker", {"hunger": 0.5}, (6, 2))
    assert values("{a: &a {x: 1, y: 1}, b: &b {y: 2, z: 2}, c: {<<: [*a, *b], z: 3}}")["c"] == {"x": 1, "y": 1, "z": 3}
    assert values("{'<<': 1}") == {"<<": 1}


def bomb(levels: int, line: str) -> str:
    lines = [f"l{level}: &l{level} " + line.format(f"*l{level - 1}") for level in range(1, levels)]
    return "\n".join(["l0: &l0 {x: 1}", *lines])


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("[" * 3000 + "]" * 3000, "found deeper nesting, expected at most 40 levels"),
        ("{a: " * 200_000, "found deeper nesting, expected at most 40 levels"),
        ("- " * 3000, "found deeper nesting, expected at most 40 levels"),
        (bomb(60, "[{}]"), "found deeper nesting, expected at most 40 levels"),
        (bomb(12, "[{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}]"), "found more values, expected at most 500,000"),
        (
            bomb(12, "{{<<: [{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}], a: 1}}"),
            "found more values, expected at most 500,000",
        ),
        ("a: &a [*a]", "line 1 column 8: found the alias *a inside its own anchor, expected valid YAML"),
        ("a: &a {<<: *a}", "found the alias *a inside its own anchor"),
        ("a: " + "x" * MOST_BYTES, "expected at most 8,388,608 bytes of YAML"),
        ("a: [" + "1," * 1_000_000, "found more values, expected at most 500,000"),
    ],
)
def test_a_document_that_would_cost_too_much_is_refused_early(content: str, fault: str) -> None:
    with pytest.raises(InputError) as caught:
        values(content)
    assert fault in str(caught.value)
    assert len(str(caught.value)) < 400
