"""Commands in the documentation: short ones are run, the others are parsed as the command line parses them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from support.places import ROOT
from typer.main import get_command

from townlet.cli import app, main
from townlet_pipeline import run, ui
from townlet_pipeline.column import retire
from townlet_pipeline.instance import pages
from townlet_pipeline.runs import dead_runs

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: Blocks marked ``bash`` and ``python`` are run; ``console`` ones take long, or need files of the reader's.
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^```(?:bash|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(townlet [^`]+|python -m townlet_pipeline\.[^`]+|make [^`]+)`")
PROGRAMS = {"townlet": app, **{module.__name__: module.app for module in (dead_runs, pages, retire, run, ui)}}
#: Options of `townlet` itself, after which it ends.
ENDING = {"--version", "--install-completion", "--show-completion"}
#: Words that end a command in a line of a shell, and words for something that is left out.
OVER, LEFT_OUT = {"|", ">", "2>", "&&", ";"}, {"…", "..."}


@pytest.mark.parametrize("page", [page for page in PAGES if BLOCK.search(page.read_text())], ids=lambda page: page.name)
def test_the_blocks_of_a_page_run_in_order(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("configs", "scripts"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    for language, code in BLOCK.findall(page.read_text()):
        if language == "python":
            exec(compile(code, page.name, "exec"), {"__name__": "__main__"})
        elif re.search(r"[^\w\s./=,:*-]", code):
            run_in_shell(code)
        else:
            # In this process, which has imported torch already.
            for line in code.splitlines():
                program, *arguments = shlex.split(line)
                assert program == "townlet", line
                found = [path for word in arguments for path in expanded(word)]
                assert main(found) == 0, line


def expanded(word: str) -> list[str]:
    return sorted(map(str, Path().glob(word))) if "*" in word else [word]


def run_in_shell(code: str) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = ["bash", "-euo", "pipefail", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_are_commands_with_such_arguments(page: Path) -> None:
    for words, whole in commands_of(page.read_text()):
        try:
            require_command(words, whole)
        except click.UsageError as error:
            pytest.fail(f"{page.name}: {shlex.join(words)}: {error.format_message()}")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("townlet trane x.yaml", "No such command 'trane'"),
        ("townlet baselines", "Missing command"),
        ("townlet validate", "Missing argument"),
        ("townlet freeze a b", "unexpected extra argument"),
        ("townlet playback m.json --outptu x", "No such option '--outptu"),
        ("townlet capture x.yaml --output", "Option '--output' requires an argument"),
        ("python -m townlet_pipeline.run --cycle", "No such option '--cycle"),
        ("python -m townlet_pipeline.runs", "no program townlet_pipeline.runs"),
        ("townlet pipeline run --cycle", "No such option '--cycle"),
        ("make runn", "no target"),
    ],
)
def test_a_command_with_a_mistake_is_found(line: str, why: str) -> None:
    ((words, whole),) = commands_of(f"```console\n{line}\n```\n")
    with pytest.raises(click.UsageError) as raised:
        require_command(words, whole)
    assert why in raised.value.format_message()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_links_of_a_page_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def commands_of(text: str) -> Iterator[tuple[list[str], bool]]:
    """Our commands on a page, as words, and whether each is shown with all its arguments."""
    for block in SHELL.findall(text):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            while words and (words[0] in {"$", "time"} or re.fullmatch(r"[A-Z_]+=.*", words[0])):
                words = words[1:]
            if words and is_ours(words):
                yield until_over(words), True
    for span in INLINE.findall(text):
        shown = (word.strip("[]") for word in until_over(shlex.split(span)))
        yield [word for word in shown if word not in LEFT_OUT], False


def is_ours(words: list[str]) -> bool:
    return words[0] in {"townlet", "make"} or (words[:2] == ["python", "-m"] and words[2].startswith("townlet_"))


def until_over(words: list[str]) -> list[str]:
    end = next((at for at, word in enumerate(words) if word in OVER), len(words))
    return words[:end]


def require_command(words: list[str], whole: bool) -> None:
    """Raise UsageError unless the command and its options exist and, if it is whole, no argument is missing."""
    if words[0] == "make":
        targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        unknown = [word for word in words[1:] if "=" not in word and word not in targets]
        if unknown:
            raise click.UsageError(f"no target {unknown[0]}")
        return
    if words[0] == "townlet" and ENDING.intersection(words[1:2]):
        return
    if words[:2] == ["townlet", "pipeline"] and words[2:]:
        # It hands over to the module of that name.
        words = ["python", "-m", f"townlet_pipeline.{words[2]}", *words[3:]]
    name, arguments = (words[2], words[3:]) if words[0] == "python" else (words[0], words[1:])
    if name not in PROGRAMS:
        raise click.UsageError(f"no program {name}")
    command = get_command(PROGRAMS[name])
    context = click.Context(command, info_name=name)
    while isinstance(command, click.Group):
        if not arguments:
            if whole:
                raise click.UsageError("Missing command.")
            return
        _, found, arguments = command.resolve_command(context, arguments)
        assert found is not None
        command = found
        context = click.Context(command, parent=context)
    given, extra, _ = command.make_parser(context).parse_args(list(arguments))
    if extra:
        raise click.UsageError(f"Got unexpected extra argument {extra[0]}")
    missing = [parameter.human_readable_name for parameter in command.params if not_given(parameter, given)]
    if whole and missing:
        raise click.UsageError(f"Missing argument {missing[0]}")


def not_given(parameter: click.Parameter, given: dict[str, object]) -> bool:
    # Since 8.3 Click's parser leaves a mark in place of an argument that is missing.
    return parameter.required and given.get(str(parameter.name)) in (None, (), getattr(click.core, "UNSET", None))
