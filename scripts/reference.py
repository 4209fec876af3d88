"""Reference pages of the documentation site, generated from the code while the site is built."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import mkdocs_gen_files
import typer.cli
import typer.main

import townlet
import townlet_pipeline
from townlet.cli import app
from townlet.config import Scenario
from townlet.metrics import METRICS
from townlet.telemetry.record import FIELDS

#: Packages of the Python reference, whose modules with public names are all in it.
PACKAGES = (townlet, townlet_pipeline)


def command_line() -> str:
    """Every command with its arguments, options and help."""
    command = typer.main.get_command(app)
    assert isinstance(command, click.Group)
    # Typer would list hidden commands, too.
    command.commands = {name: each for name, each in command.commands.items() if not each.hidden}
    with typer.Context(command) as context:
        return typer.cli.get_docs_for_click(obj=command, ctx=context, name="townlet", title="Command line")


def scenario_files() -> str:
    """Every key of a scenario file, section by section: type, default, bounds and meaning."""
    schema = Scenario.model_json_schema()
    sections = [("Scenario", schema), *sorted(schema["$defs"].items())]
    head = (
        "# Scenario files\n\nEvery key, by section. An editor completes them with the schema that "
        "`townlet schema` prints; [Write a scenario](../SCENARIOS.md) explains the rules.\n"
    )
    return head + "\n".join(_section(name, section) for name, section in sections if "properties" in section)


def _section(name: str, section: Mapping[str, Any]) -> str:
    rows = "\n".join(_row(key, field) for key, field in section["properties"].items())
    description = _line(section.get("description", ""))
    return f"\n## {name}\n\n{description}\n\n| key | type | default | meaning |\n|---|---|---|---|\n{rows}\n"


def _row(key: str, field: Mapping[str, Any]) -> str:
    # The defaults of a nested section are listed with its own keys.
    default = f"`{field['default']}`" if "default" in field and not isinstance(field["default"], dict) else ""
    return (
        f"| `{key}` | {_type(field)} | {default.replace('|', chr(92) + '|')} | {_line(field.get('description', ''))} |"
    )


def _type(field: Mapping[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in field:
        return " or ".join(_type(choice) for choice in field["anyOf"])
    if "enum" in field or "const" in field:
        return ", ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if isinstance(inner := field.get("items") or field.get("additionalProperties"), dict):
        kind = "list" if field.get("type") == "array" else "mapping"
        return f"{kind} of {_type(inner)}"
    return str(field.get("type", "any")) + "".join(_bounds(field))


def _bounds(field: Mapping[str, Any]) -> Iterator[str]:
    words = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    return (f" {sign} {field[bound]}" for bound, sign in words.items() if bound in field)


def telemetry_fields() -> str:
    """Every field of a telemetry record."""
    rows = "\n".join(
        f"| `{field.name}` | {field.kind} | {field.unit} | {field.since or ''} | {_line(field.meaning)} |"
        for field in FIELDS
    )
    return (
        "# Telemetry fields\n\nThe fields of one line of a training log; "
        "[Read the training log](../TELEMETRY.md) explains how to read them.\n\n"
        f"| field | type | unit | since | meaning |\n|---|---|---|---|---|\n{rows}\n"
    )


def metrics() -> str:
    """Every metric of the registry."""
    better = {True: "more", False: "less", None: ""}
    rows = "\n".join(
        f"| `{metric.name}` | {_line(metric.label)} | {_line(metric.unit)} | {better[metric.more_is_better]} "
        f"| {_line(metric.meaning)} | {_line(metric.source)} |"
        for metric in METRICS.values()
    )
    return (
        "# Metrics\n\nWhat baselines, evaluations, studies, soaks and the pipeline measure; "
        "[Concepts](../CONCEPTS.md) explains the words.\n\n"
        f"| metric | label | unit | better | meaning | source |\n|---|---|---|---|---|---|\n{rows}\n"
    )


def python_pages() -> dict[str, str]:
    """A page for each folder and single module directly below a package, from its docstrings, by the page's name."""
    pages: dict[str, list[str]] = {}
    for module in public_modules():
        pages.setdefault(".".join(module.split(".")[:2]), []).append(module)
    return {name: f"# {name}\n\n" + "\n\n".join(f"::: {each}" for each in all_of) for name, all_of in pages.items()}


def python() -> str:
    """The list of these pages, with the first sentence of each."""
    rows = "\n".join(f"| [{name}](python/{name}.md) | {_line(_purpose(name))} |" for name in python_pages())
    return (
        f"# Python\n\nTownlet {townlet.__version__}. What begins with an underscore is nobody else's business.\n\n"
        f"| module | holds |\n|---|---|\n{rows}\n"
    )


def public_modules() -> list[str]:
    """Every module that defines or offers a public name, by its dotted name; commands have a page of their own."""
    found = []
    for package in PACKAGES:
        root = Path(str(package.__file__)).parent
        for file in sorted(root.rglob("*.py")):
            parts = (package.__name__, *file.relative_to(root).with_suffix("").parts)
            name = ".".join(parts).removesuffix(".__init__")
            if name.startswith("townlet.cli"):
                continue
            if "." in name and not any(part.startswith("_") for part in name.split(".")) and _has_public_names(file):
                found.append(name)
    return sorted(found)


def _has_public_names(file: Path) -> bool:
    """Whether a module defines a public function, class or value, or offers imported ones in ``__all__``."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            return True
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(
            isinstance(each, ast.Name) and (each.id == "__all__" or not each.id.startswith("_")) for each in targets
        ):
            return True
    return False


def _purpose(name: str) -> str:
    """The first sentence of a module's docstring."""
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.origin is not None
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    return text.split("\n\n")[0]


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


for name, page in (
    ("command-line", command_line()),
    ("scenario-files", scenario_files()),
    ("telemetry-fields", telemetry_fields()),
    ("metrics", metrics()),
    ("python", python()),
    *((f"python/{name}", page) for name, page in python_pages().items()),
):
    with mkdocs_gen_files.open(f"reference/{name}.md", "w", encoding="utf-8") as file:
        file.write(page)
