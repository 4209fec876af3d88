"""Randomly damaged scenario files and options give exit code 0, 1 or 2, and never a traceback."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from townlet.cli import main
from townlet.config import load_scenario
from townlet.config.find import builtin_scenarios, scenarios_folder
from townlet.errors import InputError

TEXTS = {name: (scenarios_folder() / f"{name}.yaml").read_text(encoding="utf-8") for name in builtin_scenarios()}
SMALL = TEXTS["observation_baseline"]

WORDS = st.sampled_from(
    [
        *(
            "8:00",
            "010",
            "1e-3",
            "no",
            "~",
            ".nan",
            "-.inf",
            "1_000",
            "0x10",
            "2001-01-01",
            "-0.0",
            "1e999",
            "9" * 5000,
        ),
        *(
            "<<: *a",
            "&a",
            "*a",
            "!!int",
            "!x",
            "[",
            "]",
            "{",
            "}",
            ",",
            ": ",
            "- ",
            "|",
            ">",
            "#",
            "'",
            '"',
            "%",
            "@",
            "`",
        ),
        *("\t", "\n", "\n  ", "---", "...", "\x00", "\ufeff", "\u2028", "\ud7ff", "\U0001f600", "? ", "null", "[" * 99),
    ]
)
VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def damaged_texts(draw: st.DrawFn) -> tuple[str, bytes]:
    """A scenario's name, and its text with pieces removed, repeated or inserted."""
    name = draw(st.sampled_from(sorted(TEXTS)))
    text = TEXTS[name]
    for _ in range(draw(st.integers(1, 4))):
        first = draw(st.integers(0, len(text)))
        last = min(len(text), first + draw(st.integers(0, 40)))
        put = draw(WORDS | st.text(max_size=12) | st.just(text[first:last] * 2))
        text = text[:first] + put + text[last:]
    content = text.encode("utf-8", "surrogatepass")
    return name, content + draw(st.sampled_from([b"", b"\xff", b"\x80\x00"]))


@st.composite
def damaged_trees(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A scenario's name, and its content with some values or keys changed."""
    name = draw(st.sampled_from(sorted(TEXTS)))
    content: dict[str, Any] = yaml.safe_load(TEXTS[name])
    for _ in range(draw(st.integers(1, 3))):
        part: Any = content
        while True:
            keys: list[Any] = list(part) if isinstance(part, dict) else list(range(len(part)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(part[key], dict | list) and draw(st.booleans()):
                part = part[key]
                continue
            if isinstance(part, dict) and draw(st.integers(0, 4)) == 0:
                part[draw(st.text(max_size=6) | WORDS)] = part.pop(key)
            else:
                part[key] = draw(VALUES)
            break
    return name, content


def exit_code(arguments: list[str]) -> tuple[int, str]:
    """The exit code of a command, and its standard error."""
    told = io.StringIO()
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
        code = main(arguments)
    return code, told.getvalue()


@contextlib.contextmanager
def written(name: str, content: bytes) -> Iterator[Path]:
    """A scenario file in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.yaml"
        file.write_bytes(content)
        yield file


def require_a_scenario_or_a_refusal(name: str, content: bytes) -> None:
    with written(name, content) as file:
        try:
            assert load_scenario(file).name == name
        except InputError as error:
            assert error.faults
            assert all(fault.file == str(file) and fault.expected for fault in error.faults)


@given(damaged_texts())
def test_a_damaged_text_is_a_scenario_or_refused(damaged: tuple[str, bytes]) -> None:
    require_a_scenario_or_a_refusal(*damaged)


@given(damaged_trees())
def test_a_damaged_tree_is_a_scenario_or_refused(damaged: tuple[str, dict[str, Any]]) -> None:
    name, content = damaged
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    require_a_scenario_or_a_refusal(name, text.encode("utf-8", "surrogatepass"))


OPTIONS = {
    "capture": ["--ticks", "--worlds", "--seed", "--behavior", "--policy"],
    "train": ["--seed", "--worlds", "--cycles", "--epochs", "--rollout-ticks", "--mode", "--replay-manifest"],
    "evaluate": ["--seed", "--worlds", "--trained-with"],
}
#: No large valid values: these tests do not need the commands to do much work.
ARGUMENTS = st.one_of(
    st.sampled_from(["-1", "0", "1e3", "1.5", "nan", "", " ", "--", "-", "/", "no/such", "'", "\udcff", "0x1", "१"]),
    st.text(st.characters(exclude_characters="\x00"), max_size=10),
    st.integers(max_value=0).map(str),
    st.integers(min_value=10**20).map(str),
)


@given(st.sampled_from(sorted(OPTIONS)), st.data())
def test_options_of_any_kind_are_carried_out_or_refused(command: str, data: st.DataObject) -> None:
    given_options = data.draw(st.dictionaries(st.sampled_from(OPTIONS[command]), ARGUMENTS, min_size=1, max_size=3))
    words = [f"{option}={value}" for option, value in given_options.items()]
    with written("observation_baseline", SMALL.encode()) as file:
        # The scenario's folder stands in for a policy, because everything else is read first.
        inputs = [str(file), "--output", f"{file}.out"]
        if command == "evaluate":
            inputs = [str(file.parent), "--scenario", str(file)]
        few = [] if command == "capture" else ["--worlds=1"] if command == "evaluate" else ["--cycles=1", "--epochs=1"]
        code, told = exit_code([command, *inputs, *few, *words])
    assert code in (0, 1, 2), (code, told)
    assert "Traceback" not in told
    assert code == 0 or told
