"""Acceptance report of a soak: one page, the verdict first, as Markdown, self-contained HTML and JSON.

Equal soaks and baselines give equal bytes: the only times in it are those that the soak recorded.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from townlet.files.artefact_names import ACCEPTANCE_STEM
from townlet.files.storage import AnyPath, pretty_json, require_folder, write_atomically
from townlet.soak.assessment import MetricAssessment
from townlet.soak.evidence import Evidence, assess_soak, metrics_of, resources_of
from townlet.soak.manifest import CYCLES_NAME, LOG_NAME, MANIFEST_NAME, RESOURCES_NAME
from townlet.soak.report_plots import soak_plots
from townlet.soak.verdict import describe_finding, label_of
from townlet.statistics.change import Finding
from townlet.telemetry.formatting import count, number
from townlet.text.markdown import link, plain, table
from townlet.view.html_page import Section, page, section_html
from townlet.view.style import Plot, markdown_image

STEM = ACCEPTANCE_STEM
#: Share of a metric below which a difference is a rounding error.
_ROUNDING = 1e-12
#: Most plots on the page; the metrics that changed come first.
_MOST_PLOTS = 18

_HEADER = ("metric", "of", "verdict", "soak", "baseline", "change, 95 % interval", "lowest corrected p")
_OWNERS = {"reference": "frozen reference", "network": "network", "resource": "process"}


def write_acceptance(
    folder: AnyPath,
    baseline: AnyPath | None = None,
    *,
    output: AnyPath | None = None,
    links: Mapping[str, str] | None = None,
) -> Evidence:
    """Assess a finished soak, and write ``acceptance.md``, ``.html`` and ``.json``.

    Args:
        folder: the soak.
        baseline: baseline to use instead of the soak's own copy.
        output: folder of the report; by default the soak's.
        links: targets by label, such as runs and pages.

    Returns what the report was made of. Raises InputError, with nothing written, for files that are not what their
    manifests say.
    """
    target = Path(str(output if output is not None else folder))
    require_folder(target, [f"{STEM}.{suffix}" for suffix in ("json", "md", "html")])
    evidence = assess_soak(folder, baseline)
    # The soak's folder, as seen from the report.
    place = os.path.relpath(str(folder), target)
    sources = [*(links or {}).items(), *_sources(evidence, place)]
    html, markdown = acceptance_html(evidence, sources), acceptance_markdown(evidence, sources)
    write_atomically(target / f"{STEM}.json", pretty_json(evidence.as_json()))
    write_atomically(target / f"{STEM}.md", markdown)
    write_atomically(target / f"{STEM}.html", html)
    return evidence


def acceptance_html(evidence: Evidence, sources: Sequence[tuple[str, str]]) -> str:
    """The page as HTML that loads and runs nothing, with ``sources`` by label and address."""
    parts = [
        f"<h1>{escape(_title(evidence))}</h1>",
        f'<p class="verdict"><strong>{evidence.verdict.decision.capitalize()}.</strong> '
        f"{escape(evidence.verdict.reasons)}</p>",
        section_html(Section("What changed", _no_changes(evidence), header=_CHANGED, rows=_changes(evidence))),
        section_html(Section("Cycle by cycle", _HOW_TO_READ, _plots(evidence))),
        section_html(Section("Every metric", _correction(evidence), header=_HEADER, rows=_rows(evidence))),
        section_html(Section("First quarter and last", _QUARTERS, header=_QUARTER_HEADER, rows=_quarters(evidence)))
        if _quarters(evidence)
        else "",
        "<section><h2>Where it comes from</h2><ul>"
        + "".join(f"<li>{_anchor(label, target)}</li>" for label, target in sources)
        + f"</ul><p>{escape(_circumstances(evidence))}</p></section>",
    ]
    return page(_title(evidence), parts)


def acceptance_markdown(evidence: Evidence, sources: Sequence[tuple[str, str]]) -> str:
    """The page as Markdown for the Dagster UI, with the plots embedded."""
    listed = "\n".join(f"- {link(label, target)}" for label, target in sources)
    changes, plots = _changes(evidence), _plots(evidence)
    changed = _markdown_table(_CHANGED, changes) if changes else _no_changes(evidence)
    quarters = _quarters(evidence)
    parts = [
        f"# {plain(_title(evidence))}",
        f"**{evidence.verdict.decision.capitalize()}.** {plain(evidence.verdict.reasons)}",
        f"## What changed\n\n{changed}",
        f"## Cycle by cycle\n\n{_HOW_TO_READ}\n\n{markdown_image(plots, 3)}" if plots else "",
        f"## Every metric\n\n{_correction(evidence)}\n\n{_markdown_table(_HEADER, _rows(evidence))}",
        f"## First quarter and last\n\n{_QUARTERS}\n\n{_markdown_table(_QUARTER_HEADER, quarters)}" if quarters else "",
        f"## Where it comes from\n\n{listed}\n\n{plain(_circumstances(evidence))}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


_CHANGED = ("metric", "verdict", "what was found")
_HOW_TO_READ = (
    "One point per cycle. The frozen reference is the baseline's own behaviour, rolled out in each cycle. It is "
    "compared with the band, which holds the middle 90 % of the baseline's seeds. The network's metrics have no band."
)
_QUARTERS = (
    "Means of the first and the last quarter of the cycles, without each process's first cycles. Shown equal: the 90 % "
    "interval of the change lies within the margin. The trend is by least squares, with a level for each process."
)
_QUARTER_HEADER = (
    "resource",
    "first quarter",
    "last quarter",
    "change, 90 % interval",
    "shown equal",
    "trend over the run, 95 % interval",
)


def _title(evidence: Evidence) -> str:
    manifest = evidence.soak.manifest
    night = f", {manifest['night']}" if manifest["night"] else ""
    mode = "learning" if manifest["learning"] else "learning off"
    return f"Soak of {manifest['scenario']}{night}: {count(manifest['cycles_done'], 'cycle')}, {mode}"


def _changes(evidence: Evidence) -> list[list[str]]:
    """A row for every metric with a certain finding, and for every metric that changed as the network learned."""
    rate, rows = evidence.assessment.rate, []
    for metric in (*evidence.assessment.of("alert"), *evidence.assessment.of("watch")):
        certain = [describe_finding(metric, found) for found in metric.findings if found.is_certain(rate)]
        rows.append([label_of(metric), metric.verdict, "; ".join(certain)])
    for metric in evidence.assessment.of("learned"):
        change = metric.learned_change
        assert change is not None
        why = "by learning" if change.reference_steady else "but the frozen reference moved too"
        course = f"from {number(change.first)} in the first quarter to {number(change.last)} in the last, {why}"
        rows.append([label_of(metric), "learned", f"{course} ({change.found.test}, p {change.found.p:.2g})"])
    return rows


def _no_changes(evidence: Evidence) -> str:
    return "" if _changes(evidence) else "Nothing that chance does not explain."


def _plots(evidence: Evidence) -> list[Plot]:
    soak = evidence.soak
    plots = soak_plots(
        evidence.assessment.metrics,
        metrics_of(soak.cycles),
        evidence.baseline.samples(),
        resources_of(soak.resources),
    )
    return plots[:_MOST_PLOTS]


def _correction(evidence: Evidence) -> str:
    tests, rate = evidence.assessment.tests, evidence.assessment.rate
    return (
        f"{count(tests, 'test')}, corrected together (Holm). A change counts if its corrected p is at most {rate:g}. "
        f"If nothing changed, the probability that any counts is at most {rate:g}."
    )


def _rows(evidence: Evidence) -> list[list[str]]:
    return [_row(metric) for metric in evidence.assessment.metrics]


def _row(metric: MetricAssessment) -> list[str]:
    most_certain, baseline = metric.most_certain(), ""
    if metric.baseline_mean is not None:
        baseline = f"{number(metric.baseline_mean)} ± {number(metric.baseline_sd or 0.0)}"
    probability = f"{most_certain.corrected_p:.2g}" if most_certain else ""
    mean = _amount(metric, metric.mean) if metric.cycles else "none"
    return [metric.name, _OWNERS[metric.role], metric.verdict, mean, baseline, _change(metric), probability]


def _change(metric: MetricAssessment) -> str:
    """The effect of the first test, or the change while learning, with its interval."""
    if metric.findings:
        first = metric.findings[0].finding
        effect, low, high = first.effect, first.low, first.high
    elif metric.learned_change:
        learned = metric.learned_change
        effect, low, high = learned.last - learned.first, learned.low, learned.high
    else:
        return ""
    return f"{_amount(metric, effect)} ({_amount(metric, low)} to {_amount(metric, high)})"


def _quarters(evidence: Evidence) -> list[list[str]]:
    return [
        [
            label_of(metric),
            _amount(metric, metric.quarters.first),
            _amount(metric, metric.quarters.last),
            f"{_amount(metric, metric.quarters.low)} to {_amount(metric, metric.quarters.high)}",
            "yes" if metric.quarters.equal else "no",
            _trend(metric, metric.quarters.trend),
        ]
        for metric in evidence.assessment.metrics
        if metric.quarters is not None
    ]


def _trend(metric: MetricAssessment, trend: Finding | None) -> str:
    """A trend with its interval, and whether that excludes 0."""
    if trend is None:
        return "not enough data"
    excludes_0 = "" if trend.low <= 0 <= trend.high else ", not 0"
    effect, low, high = (_amount(metric, value) for value in (trend.effect, trend.low, trend.high))
    return f"{effect} ({low} to {high}{excludes_0})"


def _amount(metric: MetricAssessment, value: float) -> str:
    """A value or a change of a metric for display: bytes in MB, and 0 for a rounding error."""
    known = (metric.mean, *((metric.quarters.first, metric.quarters.last) if metric.quarters else ()))
    if abs(value) <= _ROUNDING * max(map(abs, known)):
        return "0"
    return f"{number(value / 1e6)} MB" if "bytes" in metric.name.split("_") else number(value)


def _sources(evidence: Evidence, place: str) -> list[tuple[str, str]]:
    """What the report was made of, as labels and addresses; an empty address where none is certain."""
    manifest = evidence.soak.manifest
    own = [MANIFEST_NAME, CYCLES_NAME, RESOURCES_NAME, LOG_NAME, manifest["baseline"]["file"]]
    another = evidence.baseline.sha256 != manifest["baseline"]["sha256"]
    return [
        *((name, name if place == "." else f"{place}/{name}") for name in own),
        *([(f"compared with another baseline: {evidence.baseline.file_name}", "")] if another else []),
        (f"capture replayed {manifest['capture']['sha256'][:12]}: {manifest['capture']['file']}", ""),
    ]


def _circumstances(evidence: Evidence) -> str:
    manifest, baseline = evidence.soak.manifest, evidence.baseline
    environment = ", ".join(f"{name} {value}" for name, value in manifest["environment"].items())
    return (
        f"Scenario {manifest['scenario_sha256'][:12]}, seed {manifest['seed']}, {manifest['worlds']:,} worlds of "
        f"{manifest['ticks']:,} ticks per cycle; baseline of {len(baseline.seeds)} seeds, "
        f"{baseline.behavior} behaviour; code {manifest['code_version'][:12]}; {environment}.{_ignored(evidence)}"
    )


def _ignored(evidence: Evidence) -> str:
    bounds = ", ".join(f"{name} {number(bound)}" for name, bound in evidence.bounds_not_applied.items())
    return (
        f" Bounds of the scenario that were not applied, because learning moves what they bound: {bounds}."
        if bounds
        else ""
    )


def _anchor(label: str, target: str) -> str:
    return f'<a href="{escape(target, quote=True)}">{escape(label)}</a>' if target else escape(label)


def _markdown_table(header: tuple[str, ...], rows: list[list[str]]) -> str:
    return table(header, [list(map(plain, row)) for row in rows])
