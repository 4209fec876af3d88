"""Acceptance report of a soak: one page, the verdict first, as Markdown, self-contained HTML and JSON.

Its first three lines are the verdict, why, and what to do now. Equal soaks and baselines give equal bytes: the only
times in it are those that the soak recorded.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from townlet.files.artefact_names import ACCEPTANCE_STEM
from townlet.files.storage import AnyPath, pretty_json, require_folder, write_atomically
from townlet.project import shipped_files
from townlet.soak import report_tables
from townlet.soak.evidence import Evidence, assess_soak
from townlet.soak.manifest import CYCLES_NAME, LOG_NAME, MANIFEST_NAME, RESOURCES_NAME
from townlet.soak.next_steps import Decision
from townlet.soak.report_plots import soak_plots
from townlet.telemetry.formatting import count, number
from townlet.text.markdown import code, link, plain, table
from townlet.view.html_page import Section, page, section_html
from townlet.view.style import Plot, markdown_image

STEM = ACCEPTANCE_STEM
#: Where the handbook lies in a checkout.
HANDBOOK = "docs/OPS_HANDBOOK.md"
#: A mark beside each verdict's word, because not everybody sees its colour.
MARKS: Mapping[Decision, str] = {"accept": "✓", "hold": "=", "reject": "✗"}
#: Most plots on the page; what changed comes first.
_MOST_PLOTS = 18

_CSS = """
a { color: #0b5cad; }
:root { --good: #00734f; --warn: #e6a700; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { a { color: #7cc4ff; } }
.first { border: 1px solid var(--line); border-left: .5rem solid; border-radius: .4rem; padding: .6rem 1rem; }
.first p { margin: .35rem 0; font-size: 1.1rem; overflow-wrap: anywhere; }
.first .badge { display: inline-block; border-radius: .3rem; padding: .05rem .6rem; font-size: 1.25rem; color: #fff; }
.first.accept { border-left-color: var(--good); } .accept .badge { background: var(--good); }
.first.hold { border-left-color: var(--warn); } .hold .badge { background: var(--warn); color: #1a1a1a; }
.first.reject { border-left-color: var(--bad); } .reject .badge { background: var(--bad); }
.first ol { margin: .3rem 0 .5rem; padding-left: 1.4rem; }
.first li { margin: .2rem 0; overflow-wrap: anywhere; }
.first small { opacity: .85; }
p, li { overflow-wrap: anywhere; }
@media (max-width: 45rem) {
  .first + section :is(table, tbody, tr, td) { display: block; white-space: normal; }
  .first + section :is(thead, td:empty) { display: none; }
  .first + section td { border: 0; padding: 0 .3rem; min-width: 0; }
  .first + section td:first-child { font-weight: 600; }
  .first + section tr { border-bottom: 1px solid var(--line); padding: .4rem 0; }
}
code { background: var(--soft); border-radius: .2rem; padding: 0 .2rem; }
"""
_HOW_TO_READ = (
    "One point per cycle. The frozen reference is the baseline's own behaviour, rolled out in each cycle. It is "
    "compared with the band, which holds the middle 90 % of the baseline's seeds. The network's metrics have no band."
)


def write_acceptance(
    folder: AnyPath,
    baseline: AnyPath | None = None,
    *,
    output: AnyPath | None = None,
    links: Mapping[str, str] | None = None,
    handbook: str | None = None,
) -> Evidence:
    """Assess a finished soak, and write ``acceptance.md``, ``.html`` and ``.json``.

    Args:
        folder: the soak.
        baseline: baseline to use instead of the soak's own copy.
        output: folder of the report; by default the soak's.
        links: targets by label, such as runs and pages.
        handbook: address of the handbook without an anchor; by default its file in this checkout, if there is one.

    Returns what the report was made of. Raises InputError, with nothing written, for files that are not what their
    manifests say.
    """
    target = Path(str(output if output is not None else folder))
    require_folder(target, [f"{STEM}.{suffix}" for suffix in ("json", "md", "html")])
    evidence = assess_soak(folder, baseline)
    # The soak's folder, as seen from the report.
    place = os.path.relpath(str(folder), target)
    sources = [*(links or {}).items(), *_sources(evidence, place)]
    row = _handbook_row(handbook, target, evidence)
    plots = soak_plots(evidence)[:_MOST_PLOTS]
    html, markdown = _html(evidence, sources, row, plots), _markdown(evidence, sources, row, plots)
    write_atomically(target / f"{STEM}.json", pretty_json(evidence.as_json()))
    write_atomically(target / f"{STEM}.md", markdown)
    write_atomically(target / f"{STEM}.html", html)
    return evidence


def _handbook_row(handbook: str | None, target: Path, evidence: Evidence) -> str:
    """The address of the verdict's row in the handbook; empty if there is no handbook."""
    if handbook is None:
        file = shipped_files() / HANDBOOK
        if not file.exists():
            return ""
        handbook = Path(os.path.relpath(file, target.resolve())).as_posix()
    return f"{handbook}#{evidence.verdict.next_step.handbook}"


def _html(evidence: Evidence, sources: Sequence[tuple[str, str]], row: str, plots: Sequence[Plot]) -> str:
    """The page as HTML that loads and runs nothing; ``sources`` are labels and addresses."""
    changes, quarters = report_tables.changes(evidence), report_tables.quarter_rows(evidence)
    nothing = "" if changes else _NO_CHANGES
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in evidence.verdict.details)
    listed = "".join(f"<li>{_anchor(label, target)}</li>" for label, target in sources)
    correction, metrics = report_tables.correction(evidence), report_tables.metric_rows(evidence)
    quarters_title, how = "First quarter and last", report_tables.HOW_QUARTERS
    parts = [
        f"<h1>{escape(_title(evidence))}</h1>",
        _first_lines(evidence, row),
        section_html(Section("What changed", nothing, header=report_tables.CHANGED, rows=changes)),
        section_html(Section("Cycle by cycle", _HOW_TO_READ, plots)),
        f"<section><h2>All reasons</h2><ul>{reasons}</ul></section>",
        section_html(Section("Every metric", correction, header=report_tables.METRICS, rows=metrics)),
        section_html(Section(quarters_title, how, header=report_tables.QUARTERS, rows=quarters)) if quarters else "",
        f"<section><h2>Where it comes from</h2><ul>{listed}</ul><p>{escape(_circumstances(evidence))}</p></section>",
    ]
    return page(_title(evidence), parts, css=_CSS)


def _first_lines(evidence: Evidence, row: str) -> str:
    """The verdict, why, and what to do now, step by step."""
    verdict = evidence.verdict
    step, decision = verdict.next_step, verdict.decision
    steps = "".join(f"<li>{_with_code(each)}</li>" for each in evidence.steps())
    more = f'<a href="{escape(row, quote=True)}">More in the handbook</a>' if row else "More in the handbook"
    return (
        f'<div class="first {decision}"><p><span class="badge">{MARKS[decision]} '
        f"<strong>{decision.capitalize()}.</strong></span></p><p>{escape(verdict.why)}</p>"
        f"<p><strong>Next:</strong> {escape(step.sentence)}</p>{f'<ol>{steps}</ol>' if steps else ''}"
        f"<p><small>{more} ({HANDBOOK}#{step.handbook})</small></p></div>"
    )


def _markdown(evidence: Evidence, sources: Sequence[tuple[str, str]], row: str, plots: Sequence[Plot]) -> str:
    """The page as Markdown for the Dagster UI, with the plots embedded."""
    verdict = evidence.verdict
    changes, quarters = report_tables.changes(evidence), report_tables.quarter_rows(evidence)
    steps = "\n".join(f"{number}. {_plain_with_code(step)}" for number, step in enumerate(evidence.steps(), 1))
    handbook = f"{link('More in the handbook', row)} ({HANDBOOK}#{verdict.next_step.handbook})"
    parts = [
        f"# {plain(_title(evidence))}",
        f"**{MARKS[verdict.decision]} {verdict.decision.capitalize()}.**",
        plain(verdict.why),
        f"**Next:** {plain(verdict.next_step.sentence)}",
        steps,
        handbook,
        f"## What changed\n\n{_table(report_tables.CHANGED, changes) if changes else _NO_CHANGES}",
        f"## Cycle by cycle\n\n{_HOW_TO_READ}\n\n{markdown_image(plots, 3)}" if plots else "",
        "## All reasons\n\n" + "\n".join(f"- {plain(reason)}" for reason in verdict.details),
        f"## Every metric\n\n{report_tables.correction(evidence)}\n\n"
        f"{_table(report_tables.METRICS, report_tables.metric_rows(evidence))}",
        f"## First quarter and last\n\n{report_tables.HOW_QUARTERS}\n\n{_table(report_tables.QUARTERS, quarters)}"
        if quarters
        else "",
        "## Where it comes from\n\n" + "\n".join(f"- {link(label, target)}" for label, target in sources),
        plain(_circumstances(evidence)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


_NO_CHANGES = "Nothing that chance does not explain."
_CODE = re.compile(r"`([^`]+)`")


def _with_code(text: str) -> str:
    """A sentence as markup, with its code spans."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def _plain_with_code(text: str) -> str:
    """A sentence as Markdown, with its code spans."""
    spans = _CODE.findall(text)
    # The escapes strip blanks at the ends, so the sentence is escaped whole, with a mark in the place of each span.
    escaped = plain(_CODE.sub("\N{OBJECT REPLACEMENT CHARACTER}", text))
    for span in spans:
        escaped = escaped.replace("\N{OBJECT REPLACEMENT CHARACTER}", code(span), 1)
    return escaped


def _title(evidence: Evidence) -> str:
    manifest = evidence.soak.manifest
    night = f", {manifest['night']}" if manifest["night"] else ""
    mode = "learning" if manifest["learning"] else "learning off"
    return f"Soak of {manifest['scenario']}{night}: {count(manifest['cycles_done'], 'cycle')}, {mode}"


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
        f"{baseline.actor}; code {manifest['code_version'][:12]}; {environment}.{_ignored(evidence)}"
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


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return table(header, [list(map(plain, row)) for row in rows])
