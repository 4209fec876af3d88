"""Reference pages of the documentation site, generated from the code while the site is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click
import mkdocs_gen_files
import typer.cli
import typer.main

import townlet
from townlet.cli import app
from townlet.config import Scenario
from townlet.metrics import METRICS
from townlet.telemetry.record import FIELDS

#: Modules of the Python reference.
MODULES = (
    "townlet.config",
    "townlet.world.town",
    "townlet.simulation",
    "townlet.rollout",
    "townlet.envs",
    "townlet.behavior.base",
    "townlet.behavior.heuristic",
    "townlet.behavior.loaded_policy",
    "townlet.behavior.neural",
    "townlet.capture",
    "townlet.training",
    "townlet.training.advantages",
    "townlet.training.losses",
    "townlet.telemetry",
    "townlet.metrics",
    "townlet.baselines",
    "townlet.outcomes",
    "townlet.evaluation",
    "townlet.lineage",
    "townlet.stages",
    "townlet.world.snapshot",
    "townlet.soak",
    "townlet.soak.drift_detection",
    "townlet_pipeline",
)


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


def python() -> str:
    """Public modules, from their docstrings."""
    return f"# Python\n\nTownlet {townlet.__version__}.\n\n" + "\n\n".join(f"::: {module}" for module in MODULES) + "\n"


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


for name, page in (
    ("command-line", command_line()),
    ("scenario-files", scenario_files()),
    ("telemetry-fields", telemetry_fields()),
    ("metrics", metrics()),
    ("python", python()),
):
    with mkdocs_gen_files.open(f"reference/{name}.md", "w", encoding="utf-8") as file:
        file.write(page)
