"""Putting the report of a scenario together from its log, its capture and its policy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from townlet.storage import canonical_json, pretty_json, read_json, sha256, write_atomically
from townlet_pipeline import files
from townlet_pipeline.metadata import command_line
from townlet_pipeline.replay import manifest_sha256
from townlet_pipeline.resources import StoreResource
from townlet_pipeline.versions import without_clock


@dataclass(frozen=True)
class Report:
    """What was written, and what the asset page shows of it."""

    path: Path
    version: str
    summary: Any
    markdown: str
    headline: list[Any]
    plots: list[Any]


def write_report(store: StoreResource, scenario: str) -> Report:
    """Write ``report.html``, ``summary.md`` and ``summary.json``. Raises InputError for unusable artefacts."""
    from townlet.capture import read_capture, read_events
    from townlet.telemetry import read_records, render_markdown, summarize
    from townlet.view.capture_plots import AGENT_COLUMNS, agent_rows, capture_plots
    from townlet.view.headline import headline
    from townlet.view.page import Section
    from townlet.view.plots import learning_plots
    from townlet.view.report import summary_html

    path, manifest = files.report(store, scenario), files.manifest(store, scenario)
    records = read_records(files.log(store, scenario))
    capture = read_capture(manifest)
    card = read_json(files.policy(store, scenario) / "policy.json", "a policy's card")
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
    provenance = Section(
        "Where it comes from",
        header=["artefact", "SHA-256"],
        rows=[["capture manifest", manifest_sha256(manifest)], ["policy weights", card["sha256"]]],
    )
    page = summary_html(
        summary,
        records,
        title=f"Training report: {scenario}",
        reproduce=_commands(store, scenario, card["provenance"]["mode"]),
        sections=[recorded, provenance],
    )
    markdown = render_markdown(summary)
    write_atomically(path.with_name("summary.md"), markdown)
    write_atomically(path.with_name("summary.json"), pretty_json(summary.as_json()))
    write_atomically(path, page)
    said = {"summary": summarize(without_clock(records)).as_json(), "parents": provenance.rows}
    return Report(
        path=path,
        version=sha256(canonical_json(said).encode()),
        summary=summary,
        markdown=markdown,
        headline=headline(records),
        plots=learning_plots(records),
    )


def _commands(store: StoreResource, scenario: str, mode: str) -> list[str]:
    """The whole chain as shell commands, from the effective scenario to the report."""
    policy, log = files.policy(store, scenario), files.log(store, scenario)
    replay = {} if mode == "rollout" else {"replay_manifest": files.manifest(store, scenario)}
    options = {"mode": mode, **replay, "output": policy, "ppo_log": log}
    return [
        command_line("train", policy / f"{scenario}.yaml", options=options),
        command_line("validate", log),
        command_line("summary", log, options={"format": "html"}),
    ]
