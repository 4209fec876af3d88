"""Pages show text from users as typed, never as markup."""

from __future__ import annotations

import markdown
from markdown_it import MarkdownIt
from support.places import ROOT
from support.telemetry_records import record

from townlet.baselines.document import document, read_promoted
from townlet.telemetry import render_markdown, summarize

PAGE = MarkdownIt("commonmark", {"html": True}).enable("table")
BASELINES = ROOT / "baselines"


def kinds(source: str) -> set[str]:
    """The kinds of inline elements on a page."""
    return {inline.type for block in PAGE.parse(source) for inline in block.children or []}


def test_a_promotion_by_anybody_for_any_reason_is_one_row() -> None:
    baseline, history = read_promoted(BASELINES)["queue_conflict"]
    hostile = {"by": "ann | <b>x</b>\n\n# Head", "reason": "why <img src=x> ![p](http://127.0.0.1:9/p.png)"}
    changed = [*history[:-1], history[-1].model_copy(update=hostile)]
    before, after = (document({"queue_conflict": (baseline, each)}) for each in (history, changed))
    assert after.count("\n") == before.count("\n")
    assert kinds(after).isdisjoint({"html_inline", "image"})
    site = markdown.markdown(after, extensions=["tables", "fenced_code"])
    assert "<b>" not in site and "<img" not in site and "ann | &lt;b&gt;" in site.replace("&#124;", "|")


def test_a_field_of_any_name_is_a_code_span() -> None:
    name = "a`![i](http://127.0.0.1:9/y.png)`b"
    text = render_markdown(summarize([record(1, **{name: 1.0})]))
    assert kinds(text).isdisjoint({"image", "link_open"})
    assert name in {i.content for b in PAGE.parse(text) for i in b.children or [] if i.type == "code_inline"}
