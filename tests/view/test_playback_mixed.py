"""The page of mixed company, in a browser: the selected person's card says who acts for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.browser import Tab, browser_tab, find_browser
from support.captures import capture
from support.playback_pages import show

from townlet.behavior import from_actions
from townlet.view.playback import playback_html, resimulate


@pytest.fixture
def tab() -> Iterator[Tab]:
    if find_browser() is None:
        pytest.skip("no Chromium or Chrome is installed")
    with browser_tab() as tab:
        yield tab


def test_the_card_of_a_person_says_who_acts_for_them(tab: Tab, tmp_path: Path) -> None:
    own = from_actions(lambda observation, mask: mask.argmax(1), name="my_own", deterministic=True)
    manifest = capture(tmp_path, worlds=1, behavior={"anna": "generalist", "ben": own, "others": "heuristic"})
    page = tmp_path / "playback.html"
    page.write_text(playback_html([[resimulate(manifest, policy="generalist")]]))
    show(tab, page, "#tick=1")
    cards = {}
    for a in range(3):
        tab.ask(f"playback.panes[0].select({a}), playback.redraw(), 0")
        tab.settle()
        cards[a] = tab.ask("document.querySelector('.about').innerText")
    assert not tab.complaints
    assert "Trained policy" in cards[0] and "(anna)" in cards[0] and "Action chosen by policy" in cards[0]
    assert "My Own (ben)" in cards[1] and "Action not chosen by policy" in cards[1]
    assert "Heuristic (others)" in cards[2] and "Action not chosen by policy" in cards[2]
