"""Structure of the code: what may import what, and how large a folder, a file and a function may be.

The tables of layers are read from ``docs/ARCHITECTURE.md``, so that page and code cannot disagree.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.places import ROOT

PACKAGES = ("townlet", "townlet_pipeline")
#: A row of a table of layers begins with its module or folder: | `world/engine/` | … |
ROW = re.compile(r"^\| ((?:`[\w./]+`(?:, )?)+) \|", re.M)


def layers() -> dict[str, list[list[str]]]:
    """Per package its layers from the lowest up; each is one or several modules or folders, as dotted names."""
    page = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
    found = {}
    for package in PACKAGES:
        begin = page.index(f"### Layers of `{package}`")
        end = page.find("\n#", begin + 1)
        rows = ROW.findall(page[begin:end])
        found[package] = [[dotted(package, name) for name in re.findall(r"`([^`]+)`", row)] for row in rows]
    return found


def dotted(package: str, name: str) -> str:
    """``world/rules/`` of townlet as ``townlet.world.rules``."""
    return ".".join((package, *name.removesuffix(".py").rstrip("/").split("/")))


def sources() -> dict[str, Path]:
    """Every module of ours by its dotted name."""
    return {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
        for package in PACKAGES
        for file in sorted((ROOT / package).rglob("*.py"))
    }


def imports() -> Iterator[tuple[str, str]]:
    """Pairs of a module and one that it imports, wherever the statement stands, annotations included."""
    modules = sources()
    for module, file in modules.items():
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            for name in names:
                while name and name not in modules:
                    name = name.rpartition(".")[0]
                if name and name != module:
                    yield module, name


def place_of(module: str, order: list[list[str]]) -> tuple[int, str]:
    """The number of the layer that holds a module, by the longest name that fits, and that name."""
    fits = [
        (len(name), number, name)
        for number, names in enumerate(order)
        for name in names
        if module == name or module.startswith(f"{name}.")
    ]
    assert fits, f"{module} is in no layer of docs/ARCHITECTURE.md"
    _, number, name = max(fits)
    return number, name


def test_a_module_imports_only_from_its_own_layer_and_those_above_it_in_the_table() -> None:
    order = layers()
    wrong = []
    for module, imported in imports():
        package, other = module.split(".")[0], imported.split(".")[0]
        if module in PACKAGES or imported in PACKAGES:
            continue
        if package != other:
            if package == "townlet":
                wrong.append(f"{module} imports {imported}: townlet may not import the pipeline")
            continue
        (here, mine), (there, theirs) = place_of(module, order[package]), place_of(imported, order[package])
        if there > here or (there == here and mine != theirs):
            wrong.append(f"{module} imports {imported}, of a layer that is not below its own")
    assert not wrong, "\n".join(sorted(set(wrong)))


def test_every_name_in_the_tables_is_a_module_or_folder() -> None:
    modules = {*sources(), *(module.rpartition(".")[0] for module in sources())}
    missing = [name for order in layers().values() for names in order for name in names if name not in modules]
    assert not missing


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = {}
    for module, imported in imports():
        # A package re-exports names from its own modules.
        if not module.startswith(f"{imported}.") and not imported.startswith(f"{module}."):
            graph.setdefault(module, set()).add(imported)
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " → ".join((*path[path.index(module) :], module))
        if module in done:
            return
        for imported in sorted(graph.get(module, ())):
            visit(imported, (*path, module))
        done.add(module)

    for module in sorted(graph):
        visit(module, ())


def files() -> list[Path]:
    """Every Python file of the project."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.split() if (ROOT / name).exists()]
    return [file for folder in (*PACKAGES, "tests", "scripts", "examples") for file in (ROOT / folder).rglob("*.py")]


def test_no_file_is_longer_than_300_lines_and_no_function_than_60() -> None:
    long = []
    for file in files():
        content = file.read_text()
        if content.count("\n") > 300:
            long.append(f"{file.relative_to(ROOT)}: {content.count(chr(10))} lines")
        long += [
            f"{file.relative_to(ROOT)}: {node.name} has {node.end_lineno - node.lineno + 1} lines"
            for node in ast.walk(ast.parse(content))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.end_lineno is not None
            and node.end_lineno - node.lineno >= 60
        ]
    assert not long, "\n".join(long)


def test_a_modules_docstring_begins_with_a_noun_that_says_what_it_holds() -> None:
    """A docstring that begins with a question word does not name the subject."""
    asking = re.compile(r"(What|How|Which|Who|Whose|Where|When|Whether|Why)\b")
    first = {module: ast.get_docstring(ast.parse(file.read_text())) or "" for module, file in sources().items()}
    assert not {module: text for module, text in first.items() if not text or asking.match(text)}


@pytest.mark.parametrize(("folder", "most"), [("townlet/world", 12), ("townlet_pipeline", 14), ("tests", 12)])
def test_a_folder_is_seen_at_a_glance(folder: str, most: int) -> None:
    entries = {entry.name for entry in (ROOT / folder).iterdir() if not entry.name.startswith((".", "__pycache__"))}
    assert len(entries) <= most, sorted(entries)
