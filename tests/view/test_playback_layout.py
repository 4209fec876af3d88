"""The playback page in a browser: two rollouts side by side, phone and desktop, contrast, motion and compression."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.browser import DESKTOP, PHONE, Tab
from support.playback_pages import show

from townlet.view.playback import playback_html, resimulate

#: Texts whose contrast with the background is below 4.5 (WCAG 2.2, criterion 1.4.3).
FAINT = """(() => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g)
      .map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const color = getComputedStyle(node).backgroundColor;
      if (!/, 0\\)|transparent/.test(color)) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  return [...document.querySelectorAll('h1, h2, h2 small, h3, p, dt, dd, button, select, li, small, .tick')]
    .filter(node => node.innerText && node.offsetParent && node.style.opacity !== '0.5')
    .map(node => [light(getComputedStyle(node).color), light(behind(node)), node.outerHTML.slice(0, 90)])
    .filter(([one, other]) => (Math.max(one, other) + .05) / (Math.min(one, other) + .05) < 4.5);
})()"""

#: Controls and pictures without an accessible name.
NAMELESS = """[...document.querySelectorAll('button, select, input, canvas[role=img]')].filter(node =>
  !(node.getAttribute('aria-label') || node.innerText.trim() || node.labels?.length || node.closest('label')))
  .map(node => node.outerHTML)"""


def test_labels_name_the_sides(tab: Tab, manifest: Path, page: Path) -> None:
    simulated, file = resimulate(manifest), page.with_name("labels.html")
    file.write_text(playback_html([[simulated], [simulated]], labels=["before <i>", "after"]))
    show(tab, file)
    names = tab.ask("[...document.querySelectorAll('.pane h2')].map(title => title.firstChild.textContent)")
    assert names == ["before <i>", "after"]


def test_two_rollouts_run_side_by_side_in_step(tab: Tab, two: Path, pictures: Path) -> None:
    show(tab, two, "#t=30")
    names = tab.ask("[...document.querySelectorAll('.pane h2')].map(title => title.firstChild.textContent)")
    assert names == ["Scripted", "Heuristic"]
    tab.press("ArrowRight")
    shown = tab.ask("playback.panes.map(pane => pane.canvas.getAttribute('aria-label').split('.')[0])")
    assert tab.until("playback.panes.every(pane => pane.canvas.getAttribute('aria-label').includes('tick 31'))"), shown
    first, second = tab.ask(
        "[...document.querySelectorAll('.stage')].map(s => s.getBoundingClientRect()).map(b => [b.left, b.right])"
    )
    assert first[1] <= second[0]
    tab.picture(pictures / "playback-two.png")


def test_a_conflict_on_one_side_shows_the_same_place_on_the_other(tab: Tab, two: Path) -> None:
    show(tab, two)
    tab.ask("playback.panes.forEach(({camera}) => camera.zoom(0.2))")
    first, second = tab.ask("playback.recordings.map(recording => recording.conflicts.map(({tick}) => tick))")
    tick = min(set(first) - set(second))
    tab.ask(f"location.hash = '#t={tick}'")
    tab.until(f"playback.tick === {tick}")
    places = tab.ask("playback.panes.map(({camera}) => [camera.tile, camera.left, camera.top])")
    assert places[0] == places[1]
    assert places[0][0] == 24


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_fits_a_phone(tab: Tab, day: Path, pictures: Path, dark: bool) -> None:
    tab.size(*PHONE, dark=dark)
    show(tab, day, "#t=300")
    assert tab.ask("document.documentElement.scrollWidth") <= PHONE[0]
    tab.click_on("#play")
    tab.until("playback.tick > 302")
    tab.click_on("#play")
    assert tab.ask("document.querySelector('footer').getBoundingClientRect().bottom") <= PHONE[1] + 1
    tab.picture(pictures / f"playback-phone-{'dark' if dark else 'light'}.png")


def test_everything_fits_a_desktop_window_without_scrolling(tab: Tab, day: Path, pictures: Path) -> None:
    tab.size(*DESKTOP, dark=True)
    show(tab, day, "#t=300&p=finn")
    height = tab.ask("document.documentElement.scrollHeight")
    assert height <= DESKTOP[1]
    tab.picture(pictures / "playback-day-dark.png")


def test_with_reduced_motion_only_whole_ticks_are_drawn(tab: Tab, page: Path) -> None:
    show(tab, page)
    tab.ask(
        "window.drawn = []; (draw => { playback.panes[0].map.draw = function (time, view) {"
        " drawn.push(time); return draw.call(this, time, view); }; })(playback.panes[0].map.draw)"
    )
    tab.click_on("#play")
    tab.until("playback.tick > 3")
    tab.click_on("#play")
    assert tab.ask("drawn.length > 3 && drawn.every(Number.isInteger)")


def test_every_control_has_a_name_and_texts_have_contrast_in_light_and_dark(tab: Tab, two: Path) -> None:
    for dark in (False, True):
        tab.size(*DESKTOP, dark=dark)
        show(tab, two, "#t=30")
        assert tab.ask(FAINT) == []
    assert tab.ask(NAMELESS) == []


def test_an_uncompressed_page_plays_in_a_browser_that_cannot_decompress(tab: Tab, manifest: Path, page: Path) -> None:
    simulated = resimulate(manifest)
    for coding in ("identity", "deflate-raw"):
        text = playback_html([[simulated]], coding=coding)  # type: ignore[arg-type]
        file = page.with_name("plain.html")
        file.write_text(text.replace('"use strict";', '"use strict"; delete window.DecompressionStream;', 1))
        tab.open(file)
        if coding == "identity":
            assert tab.until("window.playback && playback.panes[0].recording.ticks") == 80
        else:
            assert "--plain" in tab.until("document.querySelector('.failure')?.textContent")
            # The browser logs the error some time later.
            for _ in range(300):
                if tab.complaints:
                    break
                tab.settle()
            assert "--plain" in tab.complaints.pop()
