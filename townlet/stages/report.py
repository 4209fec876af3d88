"""Report of a training, made from its log, its capture and its policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from townlet.config import load_scenario
from townlet.config.settings import set_words, with_settings
from townlet.errors import InputError
from townlet.files.artefact_names import CARD_NAME, REPORT_NAME
from townlet.files.storage import canonical_json, pretty_json, read_json, require_field, sha256, write_atomically
from townlet.policies import shipped_with
from townlet.stages.commands import command_line
from townlet.stages.verified_capture import manifest_sha256
from townlet.telemetry.log_hash import log_sha256, without_clock

if TYPE_CHECKING:
    from townlet.capture import Capture, Manifest
    from townlet.view.html_page import Section

#: Numbers of a scenario's training section that options of ``townlet train`` replace.
OPTIONS = ("rollout_ticks", "epochs", "cycles", "worlds", "seed")


@dataclass(frozen=True)
class Report:
    """A written report: its page, the hashes of its sources, and the parts that the pipeline shows."""

    path: Path
    version: str
    parents: dict[str, str]
    summary: Any
    markdown: str
    key_figures: list[Any]


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

    ``show`` renders the paths in the commands at the end of the page.

    Raises InputError if an artefact is unusable, or if log and policy come from different trainings, for example
    because the last one ended before it saved a policy.
    """
    from townlet.capture import read_capture
    from townlet.telemetry import read_records, render_markdown, summarize
    from townlet.view.key_figures import key_figures
    from townlet.view.report import summary_html

    path = output / REPORT_NAME
    records = read_records(sources.log)
    capture = read_capture(sources.manifest)
    trained = _Trained.of(sources.policy / CARD_NAME)
    trained.require_log(sources.log, records[-1])
    commands = _commands(sources, trained, capture.manifest, show)
    summary = summarize(records)
    markdown = render_markdown(summary)
    parents = {
        "rollout_capture": manifest_sha256(sources.manifest),
        "trained_policy": trained.sha256,
        "validated_telemetry": log_sha256(records),
    }
    page = summary_html(
        summary,
        records,
        title=f"Training report: {capture.manifest.scenario.name}",
        reproduce=commands,
        sections=[_recorded_rollout(sources.manifest, capture), _provenance(parents)],
    )
    write_atomically(path.with_name("summary.md"), markdown)
    write_atomically(path.with_name("summary.json"), pretty_json(summary.as_json()))
    write_atomically(path, page)
    content = {"summary": summarize(without_clock(records)).as_json(), "parents": parents}
    return Report(
        path=path,
        version=sha256(canonical_json(content).encode()),
        parents=parents,
        summary=summary,
        markdown=markdown,
        key_figures=key_figures(records),
    )


def _recorded_rollout(manifest: Path, capture: Capture) -> Section:
    """The section about the recorded rollout, with its plots and a row per person."""
    from townlet.capture import read_events
    from townlet.capture.completed_uses import uses_sentence
    from townlet.view.capture_plots import AGENT_COLUMNS, agent_rows, capture_plots
    from townlet.view.html_page import Section

    rows = [
        [str(row["agent"]), *(f"{row[name]:.4g}" for name, _, _ in AGENT_COLUMNS)]
        for row in agent_rows(capture.metrics)
    ]
    return Section(
        "The recorded rollout",
        f"{capture.manifest.rows:,} agent-steps of the {capture.manifest.behavior.name} behaviour, means over "
        f"{capture.manifest.worlds} world(s): what replay phases learn from. {uses_sentence(capture.metrics)}".strip(),
        capture_plots(capture, read_events(manifest)),
        ["agent", *(f"{label} ({unit})" for _, label, unit in AGENT_COLUMNS)],
        rows,
    )


def _provenance(parents: Mapping[str, str]) -> Section:
    """The section with the hashes of the assets that the report is made from."""
    from townlet.view.html_page import Section

    return Section(
        "Where it comes from",
        header=["asset", "SHA-256 of its content"],
        rows=[[asset, version] for asset, version in parents.items()],
    )


@dataclass(frozen=True)
class _Trained:
    """A training, as its policy's card describes it."""

    sha256: str
    mode: str
    epochs: int
    steps: int
    log_frequency: int
    initial_policy: str | None
    """SHA-256 of the weights that the training began with; None for fresh ones."""
    options: dict[str, Any]
    """The scenario's training section, with command-line options applied."""
    settings: dict[str, Any]
    """Settings beside the scenario's file, by full key."""

    @classmethod
    def of(cls, path: Path) -> _Trained:
        """Read a card. Raises InputError if it lacks any of the fields."""
        what = "a policy's card"
        card = read_json(path, what)
        # Cards older than this field were written beside logs of every epoch.
        provenance = {"log_frequency": 1, **require_field(card, "provenance", path, what, dict)}
        card = {**card, "provenance": provenance}
        kinds = {"mode": str, "epochs": int, "agent_steps": int, "log_frequency": int, "training": dict}
        fields = (require_field(card, f"provenance.{name}", path, what, kind) for name, kind in kinds.items())
        mode, epochs, steps, frequency, options = fields
        initial = provenance.get("parents", {}).get("initial_policy_sha256")
        weights, settings = require_field(card, "sha256", path, what, str), provenance.get("settings", {})
        return cls(weights, mode, epochs, steps, frequency, initial, options, settings)

    def require_log(self, log: Path, last: Mapping[str, Any]) -> None:
        """Raise InputError unless ``last`` is the last record that this training logged."""
        final = self.epochs - (self.epochs - 1) % self.log_frequency
        found, expected = f"epoch {last['epoch']}", f"epoch {final}, the last one logged of the {self.epochs}"
        if final == self.epochs:
            found += f" with {last['steps']:,} agent-steps"
            expected = f"epoch {final} with {self.steps:,}"
        if last["epoch"] != final or (final == self.epochs and last["steps"] != self.steps):
            expected += " with which the policy was trained; train again (materialize trained_policy)"
            raise InputError.of(log, "", f"a log that ends at {found}", expected)


def _commands(sources: ReportSources, trained: _Trained, recorded: Manifest, show: Callable[[Path], str]) -> list[str]:
    """The shell commands that reproduce the whole chain, from the copied scenario to the log's summary."""
    capture = {
        "output": sources.manifest.parent,
        "ticks": recorded.ticks,
        "worlds": recorded.worlds,
        "seed": recorded.seed,
        "behavior": recorded.behavior.name,
        **_named("policy", recorded.behavior.policy_sha256),
    }
    # The pipeline keeps the scenario with all options applied beside the policy.
    effective = sources.policy / sources.scenario.name
    scenario = effective if effective.exists() else sources.scenario
    own = with_settings(load_scenario(scenario), trained.settings).training.model_dump(mode="json")
    changed = {name: trained.options[name] for name in OPTIONS if trained.options.get(name, own[name]) != own[name]}
    train = {"mode": trained.mode, "output": sources.policy, "ppo_log": sources.log, **changed}
    train |= _named("from", trained.initial_policy)
    if trained.mode != "rollout":
        train["replay_manifest"] = sources.manifest
    if trained.log_frequency != 1:
        train["ppo_log_frequency"] = trained.log_frequency
    return [
        command_line("capture", sources.scenario, *set_words(recorded.scenario.settings), options=capture, show=show),
        command_line("train", scenario, *set_words(trained.settings), options=train, show=show),
        command_line("validate", sources.log, show=show),
        command_line("summary", sources.log, options={"format": "html"}, show=show),
    ]


def _named(option: str, sha256: str | None) -> dict[str, str]:
    """The option that names a policy; one that does not come with Townlet is known by its hash alone."""
    if sha256 is None:
        return {}
    return {option: shipped_with(sha256) or f"POLICY-{sha256[:12]}"}
