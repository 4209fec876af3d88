"""The report of a training, put together from its log, its capture and its policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from townlet.errors import InputError
from townlet.stages.commands import command_line
from townlet.stages.replay import manifest_sha256
from townlet.storage import canonical_json, pretty_json, read_json, sha256, write_atomically
from townlet.telemetry.version import telemetry_version, without_clock

if TYPE_CHECKING:
    from townlet.capture import Manifest

REPORT_NAME = "report.html"


@dataclass(frozen=True)
class Report:
    """What was written, and what people are shown of it."""

    path: Path
    version: str
    parents: dict[str, str]
    summary: Any
    markdown: str
    headline: list[Any]
    plots: list[Any]


@dataclass(frozen=True)
class ReportSources:
    """The files that a report is made from."""

    scenario: Path
    manifest: Path
    policy: Path
    """The folder of the policy's card and weights."""
    log: Path


def write_report(sources: ReportSources, output: Path, show: Callable[[Path], str] = str) -> Report:
    """Write ``report.html``, ``summary.md`` and ``summary.json`` into the folder ``output``.

    ``show`` says how paths are written in the commands at the end of the page. Raises InputError for unusable
    artefacts, and if log and policy are not of the same training.
    """
    from townlet.capture import read_capture, read_events
    from townlet.telemetry import read_records, render_markdown, summarize
    from townlet.view.capture_plots import AGENT_COLUMNS, agent_rows, capture_plots
    from townlet.view.headline import headline
    from townlet.view.page import Section
    from townlet.view.plots import learning_plots
    from townlet.view.report import summary_html

    path, manifest = output / REPORT_NAME, sources.manifest
    records = read_records(sources.log)
    capture = read_capture(manifest)
    card = read_json(sources.policy / "policy.json", "a policy's card")
    _require_one_training(sources.log, records[-1], card["provenance"])
    summary = summarize(records)
    rows = [
        [str(row["agent"]), *(f"{row[name]:.4g}" for name, _, _ in AGENT_COLUMNS)]
        for row in agent_rows(capture.metrics)
    ]
    recorded = Section(
        "The recorded rollout",
        f"{capture.manifest.rows:,} agent-steps of the {capture.manifest.behavior.name} behaviour, means over "
        f"{capture.manifest.worlds} world(s): what replay phases learn from.",
        capture_plots(capture, read_events(manifest)),
        ["agent", *(f"{label} ({unit})" for _, label, unit in AGENT_COLUMNS)],
        rows,
    )
    parents = {
        "rollout_capture": manifest_sha256(manifest),
        "trained_policy": str(card["sha256"]),
        "validated_telemetry": telemetry_version(records),
    }
    provenance = Section(
        "Where it comes from",
        header=["asset", "SHA-256 of its content"],
        rows=[[asset, version] for asset, version in parents.items()],
    )
    page = summary_html(
        summary,
        records,
        title=f"Training report: {capture.manifest.scenario.name}",
        reproduce=_commands(sources, card["provenance"]["mode"], capture.manifest, show),
        sections=[recorded, provenance],
    )
    markdown = render_markdown(summary)
    write_atomically(path.with_name("summary.md"), markdown)
    write_atomically(path.with_name("summary.json"), pretty_json(summary.as_json()))
    write_atomically(path, page)
    said = {"summary": summarize(without_clock(records)).as_json(), "parents": parents}
    return Report(
        path=path,
        version=sha256(canonical_json(said).encode()),
        parents=parents,
        summary=summary,
        markdown=markdown,
        headline=headline(records),
        plots=learning_plots(records),
    )


def _commands(sources: ReportSources, mode: str, recorded: Manifest, show: Callable[[Path], str]) -> list[str]:
    """The whole chain as shell commands, from the copied scenario to the log's summary."""
    capture = {
        "output": sources.manifest.parent,
        "ticks": recorded.ticks,
        "worlds": recorded.worlds,
        "seed": recorded.seed,
        "behavior": recorded.behavior.name,
    }
    replay = {} if mode == "rollout" else {"replay_manifest": sources.manifest}
    train = {"mode": mode, **replay, "output": sources.policy, "ppo_log": sources.log}
    return [
        command_line("capture", sources.scenario, options=capture, show=show),
        command_line("train", sources.policy / sources.scenario.name, options=train, show=show),
        command_line("validate", sources.log, show=show),
        command_line("summary", sources.log, options={"format": "html"}, show=show),
    ]


def _require_one_training(log: Path, last: Mapping[str, Any], provenance: Mapping[str, Any]) -> None:
    """Raise InputError if the log is of another training than the policy: one that was ended before it saved any."""
    found, expected = (last["epoch"], last["steps"]), (provenance["epochs"], provenance["agent_steps"])
    if found != expected:
        raise InputError.of(
            log,
            "epoch, steps",
            f"a log that ends at epoch {found[0]} with {found[1]:,} agent-steps",
            f"{expected[0]} and {expected[1]:,}, with which the policy was trained; materialize trained_policy again",
        )
