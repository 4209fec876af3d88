"""Morning page: self-contained HTML whose first line says it all, then every scenario, the most urgent first."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from typing import Any

from townlet.files.storage import pretty_json, write_atomically
from townlet.morning.drawings import Links, courses, strip
from townlet.morning.night import MARKS, WORDS, Incident, Night, State
from townlet.morning.overview import HOW_TO_BEGIN, Overview
from townlet.view.html_page import page

#: States in which there is nothing to do.
_CALM: frozenset[State] = frozenset({"accepted", "waiting", "none"})
#: States in which a run of the night may wait or still go on.
_MAY_RUN: frozenset[State] = frozenset({"missed", "unfinished"})

_CSS = """
a { color: #0b5cad; }
:root { --good: #00734f; --warn: #e6a700; --bad: #b3261e; --broken: #7a3e9d; --dim: #5b6673; }
@media (prefers-color-scheme: dark) { a { color: #7cc4ff; } :root { --dim: #9aa7b5; } }
h1 { font-size: 1.35rem; line-height: 1.35; border-left: .4rem solid var(--dim); padding-left: .7rem; }
h1.accepted { border-color: var(--good); } h1.held, h1.missed, h1.unfinished { border-color: var(--warn); }
h1.rejected { border-color: var(--bad); } h1.crashed, h1.damaged { border-color: var(--broken); }
.asof { color: var(--dim); font-size: .9rem; margin: 0 0 1rem; }
.nights { display: grid; gap: .6rem; }
.night { display: grid; grid-template-columns: 9rem minmax(0, 1fr) 19.5rem; gap: .2rem 1rem; padding: .6rem .8rem;
  border: 1px solid var(--line); border-left: .4rem solid var(--dim); border-radius: .4rem; align-items: start; }
.night.accepted { border-left-color: var(--good); }
.night.held, .night.missed, .night.unfinished { border-left-color: var(--warn); }
.night.rejected { border-left-color: var(--bad); }
.night.crashed, .night.damaged { border-left-color: var(--broken); }
.night h2 { margin: 0; font-size: 1.05rem; overflow-wrap: anywhere; }
.night p { margin: .15rem 0; overflow-wrap: anywhere; }
.night.accepted p, .night.none p, .night.waiting p { display: inline; margin-right: .6rem; }
.night.accepted a { white-space: nowrap; }
.night .next { font-weight: 600; }
.badge { display: inline-block; border-radius: .3rem; padding: .1rem .5rem; font-weight: 700; white-space: nowrap; }
.badge, .cell { background: transparent; color: inherit; }
.badge.accepted, .cell.accepted { background: var(--good); color: #fff; }
.badge.held, .cell.held { background: var(--warn); color: #1a1a1a; }
.badge.rejected, .cell.rejected { background: var(--bad); color: #fff; }
.badge.crashed, .cell.crashed, .badge.damaged, .cell.damaged { background: var(--broken); color: #fff; }
.badge.missed, .cell.missed, .badge.unfinished, .cell.unfinished { box-shadow: inset 0 0 0 2px var(--warn); }
.badge.waiting, .badge.none, .cell.waiting, .cell.none { box-shadow: inset 0 0 0 1px var(--line); }
.cells { display: grid; grid-template-columns: repeat(14, minmax(0, 1fr)); gap: 2px; }
.cell { height: 1.5rem; border-radius: .2rem; text-align: center; line-height: 1.5rem; font-size: .85rem;
  font-weight: 700; text-decoration: none; }
a.cell:hover, a.cell:focus { outline: 2px solid currentColor; outline-offset: 1px; }
.days { display: flex; justify-content: space-between; color: var(--dim); font-size: .75rem; }
.key { color: var(--dim); font-size: .85rem; }
.key span { white-space: nowrap; margin-right: .9rem; }
.key .cell { display: inline-block; width: 1.3rem; height: 1.3rem; line-height: 1.3rem; margin: 0 .25rem 0 0;
  vertical-align: top; }
details { margin: .2rem 0; } summary { cursor: pointer; } pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.courses { display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); gap: .8rem; }
.trend { margin: 0 0 1.2rem; } .trend h3 { font-size: 1rem; margin: 0 0 .3rem; }
.course .label { display: block; font-size: .8rem; } .course figcaption { font-size: .9rem; min-height: 3.1rem; }
.course .unit { font-size: .75rem; }
.course .beside { font-size: .75rem; color: var(--dim); display: block; }
.course svg { background: var(--soft); border-radius: .3rem; display: block; }
.course polyline { fill: none; stroke: currentColor; stroke-width: 1.6; }
.course .single { fill: currentColor; }
.course .baseline { stroke: #0072b2; stroke-width: 1.2; stroke-dasharray: 4 3; }
.course .last { fill: var(--dim); } .course .last.accepted { fill: var(--good); }
.course .last.held { fill: var(--warn); } .course .last.rejected { fill: var(--bad); }
@media (prefers-color-scheme: dark) { .course .baseline { stroke: #56b4e9; } }
@media (max-width: 800px) {
  .night { grid-template-columns: minmax(0, 1fr); }
  .courses { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .6rem; }
  .course { display: flex; flex-direction: column; } .course svg { margin-top: auto; }
  .course .unit { display: none; } .course figcaption { min-height: 0; }
}
"""


#: The handbook in the project.
_HANDBOOK = Path("docs/OPS_HANDBOOK.md")


def page_links(file: Path, handbook: str | None = None, runs: str | None = None, incidents: str | None = None) -> Links:
    """The links of a page in a file, to a handbook at an address, by default the one in the current folder.

    ``runs`` and ``incidents`` are the beginnings of the addresses of Dagster's runs and of incidents' pages.
    """
    folder = file.absolute().parent
    return Links(folder, handbook or os.path.relpath(_HANDBOOK.absolute(), folder), runs, incidents)


def write_morning(overview: Overview, file: Path, links: Links) -> dict[str, Any]:
    """Write the page into a file, and the plain values beside it as JSON; return those."""
    content = overview.as_json()
    write_atomically(file.with_suffix(".json"), pretty_json(content))
    write_atomically(file, morning_html(overview, links))
    return content


def morning_html(overview: Overview, links: Links) -> str:
    """The page. It loads nothing, runs nothing, and is equal for equal overviews and links."""
    nights = overview.nights
    worst = nights[0].state if nights else "none"
    as_of = f"As of {overview.as_of:%Y-%m-%d %H:%M} {overview.as_of.tzname() or ''}".strip()
    handbook = f'<a href="{escape(links.handbook, quote=True)}">handbook</a>'
    runs = f' · <a href="{escape(links.runs, quote=True)}">runs in Dagster</a>' if links.runs is not None else ""
    parts = [
        f'<h1 class="{worst}">{escape(overview.headline)}</h1>',
        f'<p class="asof">{escape(as_of)}. What each verdict means, and what to do: {handbook}{runs}</p>',
        _faults(overview),
        f"<p>{escape(HOW_TO_BEGIN)}</p>" if not nights or all(night.state == "none" for night in nights) else "",
        _nights(overview, links) if nights else "",
        _trends(overview),
    ]
    return page(overview.headline, parts, css=_CSS)


def _faults(overview: Overview) -> str:
    if not overview.faults:
        return ""
    lines = "".join(f"<li>{escape(fault)}</li>" for fault in overview.faults)
    return f'<section class="faults"><p>Files that cannot be read:</p><ul>{lines}</ul></section>'


def _nights(overview: Overview, links: Links) -> str:
    cards = "".join(_card(night, overview, links) for night in overview.nights)
    shown = dict.fromkeys(night.state for strip_ in overview.strips.values() for night in strip_)
    key = "".join(
        f'<span><span class="cell {state}">{mark.strip()}</span>{WORDS[state]}</span>'
        for state, mark in MARKS.items()
        if state in shown
    )
    return f'<section class="nights">{cards}</section><p class="key">{key}</p>'


def _card(night: Night, overview: Overview, links: Links) -> str:
    word = night.word.capitalize()
    badge = f'<span class="badge {night.state}">{MARKS[night.state].strip()} {word}</span>'
    step = ""
    if night.step is not None:
        # The step of a failed run is to open its incident's page, so it leads there.
        page = night.incident.file.with_suffix(".md") if night.incident and night.state == "crashed" else None
        address = links.incident(page) if page else links.anchor(night.step.handbook)
        says = f'<a href="{escape(address, quote=True)}">{escape(night.step.sentence)}</a>'
        step = f"<p>{says}</p>" if night.state in _CALM else f'<p class="next">Next: {says}</p>'
    report = ""
    if night.report is not None:
        report = f'<p><a href="{escape(links.file(night.report), quote=True)}">Acceptance report</a></p>'
    elif night.drift is not None:
        report = "<p>The acceptance report was not made.</p>"
    elif night.state in _MAY_RUN and links.runs is not None:
        report = f'<p><a href="{escape(links.runs, quote=True)}">Runs in Dagster</a></p>'
    incident = _incident(night, night.incident, links) if night.incident else ""
    return (
        f'<article class="night {night.state}"><div>{badge}</div>'
        f"<div><h2>{escape(night.scenario)}</h2><p>{escape(night.why)}</p> {step} {report}{incident}</div>"
        f"{strip(overview.strips[night.scenario], links)}</article>"
    )


def _incident(night: Night, incident: Incident, links: Links) -> str:
    """Links to the incident's page, its handbook's row and the run that failed; and what they say, to be unfolded."""
    page = f'<a href="{escape(links.incident(incident.file.with_suffix(".md")), quote=True)}">Incident</a>'
    run = ""
    if night.step is not None and night.state == "crashed":
        run = f' · <a href="{escape(links.anchor(night.step.handbook), quote=True)}">Handbook</a>'
    if links.runs is not None:
        run += f' · <a href="{escape(links.runs + incident.run_id, quote=True)}">Run in Dagster</a>'
    steps = "".join(f"<li>{escape(step)}</li>" for step in incident.how_to_resume)
    log, when = escape("\n".join(incident.log_tail)), escape(incident.failed_at)
    return (
        f"<p>{page}{run}</p><details><summary>Reason, steps and log</summary>"
        f"<p>{escape(incident.reason)}</p><ol>{steps}</ol>"
        f"<p>Run {escape(incident.run_id)}, failed at {when}.</p><pre>{log}</pre></details>"
    )


def _trends(overview: Overview) -> str:
    """The courses of the headline metrics, in the order of the cards."""
    drawn = {night.scenario: courses(overview.strips[night.scenario]) for night in overview.nights}
    sections = "".join(
        f'<div class="trend"><h3>{escape(scenario)}</h3><div class="courses">{"".join(figures)}</div></div>'
        for scenario, figures in drawn.items()
        if figures
    )
    if not sections:
        return ""
    how = (
        "One point per night, the last one in its verdict's colour. The dashed line is the baseline of the last night. "
        "Conflict, uses and reward are those of the frozen reference: the baseline's own behaviour, in today's town. "
        "Speed is in agent-steps per run of a fixed calculation, the yardstick. A scale spans at least 10 %."
    )
    return f'<section><h2>The last nights</h2><p class="key">{how}</p>{sections}</section>'
