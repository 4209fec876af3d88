"""Layout of HTML reports: style, sections, plots and tables as self-contained markup."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from townlet.view.style import Plot, svg

Rows = Sequence[Sequence[str]]

_CSS = """
:root { color-scheme: light dark; --line: #d5dae1; --soft: #f4f6f8; --ink: #2b3440; --paper: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --line: #3a4450; --soft: #1d242c; --ink: #dfe5ec; --paper: #12171c; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; margin: .5rem 0; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
.verdict { font-size: 1.1rem; border-left: .3rem solid #0072b2; padding: .2rem 0 .2rem .8rem; max-width: 60rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); gap: .8rem; margin: 1.2rem 0; }
.figure { background: var(--soft); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem; }
.figure span { display: block; }
.label, .unit { font-size: .85rem; opacity: .8; }
.value { font-size: 1.3rem; font-variant-numeric: tabular-nums; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem; }
figure { margin: 0; }
svg { width: 100%; height: auto; color: var(--ink); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); }
th { background: var(--soft); white-space: nowrap; }
td:first-child { white-space: nowrap; }
td:last-child:not(.number) { min-width: 16rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem; overflow-x: auto; }
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a page: title, introductory text, plots, and a table with its header row."""

    title: str
    text: str = ""
    plots: Sequence[Plot] = ()
    header: Sequence[str] = ()
    rows: Rows = ()


def page(title: str, parts: Sequence[str], *, css: str = "") -> str:
    """Build an HTML document from parts of markup, with rules of its own; it loads nothing and runs no script."""
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{escape(title)}</title><style>{_CSS}{css}</style>'
    )
    body = "\n".join(part for part in parts if part)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body><main>\n{body}\n</main></body></html>\n'


def section_html(section: Section) -> str:
    """Build the markup of a section."""
    text = f"<p>{escape(section.text)}</p>" if section.text else ""
    figures = "".join(f"<figure>{svg(plot)}</figure>" for plot in section.plots)
    plots = f'<div class="plots">{figures}</div>' if figures else ""
    table = _table(section.header, section.rows) if section.rows else ""
    return f"<section><h2>{escape(section.title)}</h2>{text}{plots}{table}</section>"


def _table(header: Sequence[str], rows: Rows) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td{_alignment(cell)}>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    # `tabindex` makes the scrolling box reachable by keyboard.
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _alignment(cell: str) -> str:
    return ' class="number"' if _NUMBER.fullmatch(cell) else ""


_NUMBER = re.compile(r"[+-]?[\d,]+(\.\d+)?(e[+-]?\d+)?%?")
