"""The acceptance report of a soak: verdict first, one page, as Markdown, self-contained HTML and JSON.

Equal soaks and baselines give equal bytes: nothing in it comes from a clock but what the soak itself recorded.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from townlet.files.artefact_names import ACCEPTANCE_STEM
from townlet.files.storage import AnyPath, pretty_json, require_folder, write_atomically
from townlet.soak.assessment import MetricAssessment
from townlet.soak.evidence import Evidence, judge_soak, metrics_of, resources_of
from townlet.soak.manifest import CYCLES_NAME, LOG_NAME, MANIFEST_NAME, RESOURCES_NAME
from townlet.soak.report_plots import soak_plots
from townlet.soak.verdict import label_of, told
from townlet.statistics.change import Finding
from townlet.telemetry.formatting import count, number
from townlet.text.markdown import link, plain, table
from townlet.view.html_page import Section, page, section_html
from townlet.view.style import Plot, markdown_image

STEM = ACCEPTANCE_STEM
#: Share of a metric below which a difference of it is one of rounding.
_ROUNDING = 1e-12
#: Plots on the page; the metrics that changed come first.
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
    """Judge a finished soak, and write ``acceptance.md``, ``.html`` and ``.json``.

    They go into ``output``, by default the soak's folder. ``baseline`` is judged by instead of the one that the soak
    names; ``links`` go to runs and replays, by label. Returns what it was made of. Raises InputError, with nothing
    written, for files that are not what their manifests say.
    """
    target = Path(str(output if output is not None else folder))
    require_folder(target, [f"{STEM}.{suffix}" for suffix in ("json", "md", "html")])
    evidence = judge_soak(folder, baseline)
    # The soak's own files, as seen from the report.
    place = os.path.relpath(str(folder), target)
    sources = [*(links or {}).items(), *_sources(evidence, place)]
    html, markdown, content = (
        acceptance_html(evidence, sources),
        acceptance_markdown(evidence, sources),
        evidence.as_json(),
    )
    write_atomically(target / f"{STEM}.json", pretty_json(content))
    write_atomically(target / f"{STEM}.md", markdown)
    write_atomically(target / f"{STEM}.html", html)
    return evidence


def acceptance_html(evidence: Evidence, sources: Sequence[tuple[str, str]]) -> str:
    """The page, with ``sources`` by label and address; it loads nothing and runs nothing."""
    parts = [
        f"<h1>{escape(_title(evidence))}</h1>",
        f'<p class="verdict"><strong>{evidence.ruling.verdict.capitalize()}.</strong> '
        f"{escape(evidence.ruling.reasons)}</p>",
        section_html(Section("What changed", _nothing(evidence), header=_CHANGED, rows=_changes(evidence))),
        section_html(Section("Cycle by cycle", _READING, _plots(evidence))),
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
    """The same for the Dagster UI; plots are inside."""
    listed = "\n".join(f"- {link(label, target)}" for label, target in sources)
    changes, plots = _changes(evidence), _plots(evidence)
    changed = _markdown_table(_CHANGED, changes) if changes else _nothing(evidence)
    quarters = _quarters(evidence)
    parts = [
        f"# {plain(_title(evidence))}",
        f"**{evidence.ruling.verdict.capitalize()}.** {plain(evidence.ruling.reasons)}",
        f"## What changed\n\n{changed}",
        f"## Cycle by cycle\n\n{_READING}\n\n{markdown_image(plots, 3)}" if plots else "",
        f"## Every metric\n\n{_correction(evidence)}\n\n{_markdown_table(_HEADER, _rows(evidence))}",
        f"## First quarter and last\n\n{_QUARTERS}\n\n{_markdown_table(_QUARTER_HEADER, quarters)}" if quarters else "",
        f"## Where it comes from\n\n{listed}\n\n{plain(_circumstances(evidence))}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


_CHANGED = ("metric", "verdict", "what was found")
_READING = (
    "One point per cycle. The frozen reference is the baseline's own behaviour, rolled out beside each cycle: it is "
    "judged against the band, which holds the middle 90 % of the baseline's seeds. The network's metrics are its own."
)
_QUARTERS = (
    "Means of the first and the last quarter of the cycles, warming up left out. Equal means shown equal: the 90 % "
    "interval of the change lies within the margin. The trend is by least squares, a level for each process."
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
    """A row for every finding that chance does not explain, and for every metric that learning moved."""
    rate, rows = evidence.assessment.rate, []
    for metric in (*evidence.assessment.of("alert"), *evidence.assessment.of("watch")):
        found = [told(metric, one) for one in metric.judged if one.alarms(rate)]
        rows.append([label_of(metric), metric.verdict, "; ".join(found)])
    for metric in evidence.assessment.of("learned"):
        moved = metric.movement
        assert moved is not None
        why = "because it learned" if moved.by_learning else "but the frozen reference moved too"
        course = f"from {number(moved.first)} in the first quarter to {number(moved.last)} in the last, {why}"
        rows.append([label_of(metric), "learned", f"{course} ({moved.found.test}, p {moved.found.p:.2g})"])
    return rows


def _nothing(evidence: Evidence) -> str:
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
    one = evidence.assessment
    return (
        f"{count(one.tests, 'test')}, corrected together (Holm). If nothing changed, the probability that any of "
        f"them is at or below {one.rate:g} is at most {one.rate:g}, and only those count as a change."
    )


def _rows(evidence: Evidence) -> list[list[str]]:
    return [_row(metric) for metric in evidence.assessment.metrics]


def _row(metric: MetricAssessment) -> list[str]:
    worst, baseline = metric.worst(), ""
    if metric.baseline_mean is not None:
        baseline = f"{number(metric.baseline_mean)} ± {number(metric.baseline_sd or 0.0)}"
    first = metric.judged[0].finding if metric.judged else metric.movement
    change = ""
    if first is not None:
        effect = first.last - first.first if first is metric.movement else first.effect  # type: ignore[union-attr]
        change = f"{_amount(metric, effect)} ({_amount(metric, first.low)} to {_amount(metric, first.high)})"
    chance = f"{worst.corrected:.2g}" if worst else ""
    mean = _amount(metric, metric.mean) if metric.cycles else "none"
    return [metric.name, _OWNERS[metric.role], metric.verdict, mean, baseline, change, chance]


def _quarters(evidence: Evidence) -> list[list[str]]:
    return [
        [
            label_of(metric),
            _amount(metric, metric.quarters.first),
            _amount(metric, metric.quarters.last),
            f"{_amount(metric, metric.quarters.low)} to {_amount(metric, metric.quarters.high)}",
            "yes" if metric.quarters.equal else "no",
            _course(metric, metric.quarters.course),
        ]
        for metric in evidence.assessment.metrics
        if metric.quarters is not None
    ]


def _course(metric: MetricAssessment, trend: Finding | None) -> str:
    """A trend in words; whether it can be told from 0."""
    if trend is None:
        return "not enough data"
    told_apart = "" if trend.low <= 0 <= trend.high else ", not 0"
    effect, low, high = (_amount(metric, value) for value in (trend.effect, trend.low, trend.high))
    return f"{effect} ({low} to {high}{told_apart})"


def _amount(metric: MetricAssessment, value: float) -> str:
    """A value or a change of a metric as people read it: bytes in MB, and 0 where only rounding is left of it."""
    known = (metric.mean, *((metric.quarters.first, metric.quarters.last) if metric.quarters else ()))
    if abs(value) <= _ROUNDING * max(map(abs, known)):
        return "0"
    return f"{number(value / 1e6)} MB" if "bytes" in metric.name.split("_") else number(value)


def _sources(evidence: Evidence, place: str) -> list[tuple[str, str]]:
    """What the report was made of, by label; without an address where it has no certain one."""
    manifest = evidence.soak.manifest
    own = [MANIFEST_NAME, CYCLES_NAME, RESOURCES_NAME, LOG_NAME, manifest["baseline"]["file"]]
    another = evidence.baseline.sha256 != manifest["baseline"]["sha256"]
    return [
        *((name, name if place == "." else f"{place}/{name}") for name in own),
        *([(f"judged by another baseline: {evidence.baseline.file_name}", "")] if another else []),
        (f"capture replayed {manifest['capture']['sha256'][:12]}: {manifest['capture']['file']}", ""),
    ]


def _circumstances(evidence: Evidence) -> str:
    manifest, baseline = evidence.soak.manifest, evidence.baseline
    environment = ", ".join(f"{name} {value}" for name, value in manifest["environment"].items())
    return (
        f"Scenario {manifest['scenario_sha256'][:12]}, seed {manifest['seed']}, {manifest['worlds']:,} worlds of "
        f"{manifest['ticks']:,} ticks per cycle; baseline of {len(baseline.seeds)} seeds, "
        f"{baseline.behavior} behaviour; code {manifest['code_version'][:12]}; {environment}."
    )


def _anchor(label: str, target: str) -> str:
    return f'<a href="{escape(target, quote=True)}">{escape(label)}</a>' if target else escape(label)


def _markdown_table(header: tuple[str, ...], rows: list[list[str]]) -> str:
    return table(header, [list(map(plain, row)) for row in rows])
