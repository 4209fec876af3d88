"""Text from users in Markdown: a parser reads back exactly what was typed."""

import markdown
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from townlet.text.markdown import code, fenced, link, plain, table

#: The Markdown of Dagster's pages; the documentation site uses Python-Markdown.
PAGE = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
HOSTILE = [
    "![p](http://127.0.0.1:9/p.png)",
    "[a](javascript:b)",
    "<img src=x onerror=y>",
    "a`![i](http://127.0.0.1:9/y.png)`b",
    "ann | <b>x</b>\n\n# Head",
    "```\n![a](b)\n```",
    "- item",
    "1. item",
    "12) item",
    "# heading",
    "~~gone~~ **bold** __bold__ &lt; &amp; \\[a](b)",
    "===",
    "    indented",
    "\x1b[31mred \u202e",
    "a\\",
]
#: Characters of random texts: all that can be markup, and a few others.
SIGNS = st.text(st.sampled_from("\\`*_[]()!<>|&#~-+=1.a \n\t\"'{}:;/$^"), max_size=40)


def shown(source: str) -> tuple[set[str], str]:
    """The kinds of elements that a Markdown text gives, and the visible text."""
    kinds, text = set(), []
    for block in PAGE.parse(source):
        kinds.add(block.type)
        for inline in block.children or []:
            kinds.add(inline.type)
            text.append(inline.content)
        if block.type == "fence":
            text.append(block.content)
    return kinds, "".join(text)


def readable(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("text", HOSTILE)
def test_plain_text_is_nothing_but_text(text: str) -> None:
    kinds, found = shown(plain(text))
    assert kinds <= {"paragraph_open", "inline", "paragraph_close", "text", "text_special"}
    if text.isascii() and "\x1b" not in text:
        assert found == readable(text)
    assert "![" not in plain(text) and "](" not in plain(text)
    site = markdown.markdown(plain(text), extensions=["tables"])
    assert site.count("<") == 2, site


@given(SIGNS)
def test_any_text_is_shown_as_it_was_typed(text: str) -> None:
    kinds, found = shown(f"| a |\n| - |\n| x{plain(text)} |\n")
    assert found == f"ax{readable(text)}"
    assert kinds.isdisjoint({"image", "link_open", "html_inline", "code_inline", "em_open", "strong_open", "s_open"})
    kinds, found = shown(plain(text))
    assert found == readable(text)
    assert kinds <= {"paragraph_open", "inline", "paragraph_close", "text", "text_special"}


@given(SIGNS)
def test_any_text_can_be_a_code_span_in_a_table(text: str) -> None:
    kinds, found = shown(table(["a"], [[f"x {code(text)}"]]))
    expected = readable(text)
    if "\\|" not in expected:  # A code span in a table cannot hold a backslash before a bar.
        assert readable(found) == readable(f"ax {expected}")
    assert kinds.isdisjoint({"image", "link_open", "html_inline", "em_open", "strong_open"})


@given(SIGNS)
def test_any_lines_can_be_a_block(text: str) -> None:
    kinds, found = shown(fenced(text))
    assert kinds == {"fence"}
    assert found.splitlines() == text.splitlines()


def test_unprintable_characters_are_shown_as_escapes() -> None:
    assert plain("\x1b[31m\u202e") == r"\\x1b\[31m\\u202e"
    assert code("") == ""


@pytest.mark.parametrize("target", ["javascript:alert(1)", " data:text/html,x", "vbscript:x", ""])
def test_no_link_leads_to_another_scheme(target: str) -> None:
    assert "link_open" not in shown(link("label", target))[0]


@given(SIGNS, SIGNS)
def test_a_link_holds_its_label_whatever_its_target(label: str, target: str) -> None:
    blocks = PAGE.parse(f"- x{link(label, f'/runs/{target}')}")
    kinds = [inline.type for block in blocks for inline in block.children or []]
    assert kinds[0] == "text"
    assert kinds.count("link_open") == 1
    assert kinds[-1] == "link_close", kinds
