"""The playback page in a real browser: it plays, seeks, links and explains, on desk and phone, without complaint."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.browser import DESKTOP, PHONE, Tab, browser_tab, find_browser
from support.captures import SCENARIOS, capture

from townlet.capture import capture_rollout, read_events
from townlet.view.playback import conflict_links, playback_html, resimulate

pytestmark = pytest.mark.skipif(find_browser() is None, reason="no Chromium or Chrome is installed")

#: The moment that the page shows.
SHOWN = "[playback.tick, playback.panes[0].recording.world]"


#: Texts whose contrast with what is behind them is below 4.5 (WCAG 2.2, criterion 1.4.3).
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

#: What can be pressed or looked at without saying what it is.
NAMELESS = """[...document.querySelectorAll('button, select, input, canvas[role=img]')].filter(node =>
  !(node.getAttribute('aria-label') || node.innerText.trim() || node.labels?.length || node.closest('label')))
  .map(node => node.outerHTML)"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: the folder that TOWNLET_SCREENSHOTS names, or one that is thrown away."""
    chosen = os.environ.get("TOWNLET_SCREENSHOTS")
    return Path(chosen) if chosen else tmp_path_factory.mktemp("screenshots")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return capture(tmp_path_factory.mktemp("queue"), worlds=2)


@pytest.fixture(scope="module")
def page(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("pages") / "playback.html"
    file.write_text(playback_html([[resimulate(manifest, world) for world in (0, 1)]]))
    return file


@pytest.fixture(scope="module")
def two(manifest: Path, page: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    other = capture(tmp_path_factory.mktemp("other"), behavior="heuristic")
    file = page.with_name("two.html")
    file.write_text(playback_html([[resimulate(manifest)], [resimulate(other)]]))
    return file


@pytest.fixture(scope="module")
def day(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    done = capture_rollout(SCENARIOS / "town_day.yaml", tmp_path_factory.mktemp("day"), ticks=400, behavior="heuristic")
    file = page.with_name("day.html")
    file.write_text(playback_html([[resimulate(done.manifest_path)]]))
    return file


@pytest.fixture(scope="module")
def browser() -> Iterator[Tab]:
    with browser_tab() as tab:
        yield tab


@pytest.fixture
def tab(browser: Tab) -> Iterator[Tab]:
    """The tab at the size of a desk; whatever a test does there, nothing is complained of and nothing loaded."""
    browser.size(*DESKTOP)
    browser.complaints.clear()
    browser.requests.clear()
    yield browser
    browser.ask("0")
    assert browser.complaints == []
    assert {address.split(":")[0] for address in browser.requests} <= {"file", "about"}
    assert len({address.split("#")[0] for address in browser.requests if address.startswith("file")}) == 1


def show(tab: Tab, page: Path, fragment: str = "") -> None:
    tab.open(page, fragment)
    tab.until("window.playback && playback.panes.every(pane => pane.map.at)")
    tab.settle()


def test_it_plays_from_the_start_to_the_end_and_stops(tab: Tab, page: Path) -> None:
    tab.size(*DESKTOP, still=False)
    show(tab, page)
    tab.ask("document.getElementById('speed').value = '250'")
    assert tab.ask(SHOWN) == [0, 0]
    tab.click_on("#play")
    assert tab.ask("document.getElementById('play').getAttribute('aria-label')") == "Pause"
    tab.until("playback.tick > 5")
    tab.until("!playback.playing")
    assert tab.ask(SHOWN) == [79, 0]
    assert tab.ask("location.hash") == "#t=79&w=0"


def test_steps_and_keys_move_by_one_tick_by_ten_and_to_the_ends(tab: Tab, page: Path) -> None:
    show(tab, page, "#t=40&w=0")
    for press, tick in [("ArrowRight", 41), ("ArrowLeft", 40), ("End", 79), ("ArrowRight", 79), ("Home", 0)]:
        tab.press(press)
        assert tab.ask("playback.tick") == tick
    tab.press("ArrowRight", modifiers=8)
    assert tab.ask("playback.tick") == 10
    tab.click_on("#forward")
    tab.click_on("#forward")
    tab.click_on("#back")
    assert tab.ask("playback.tick") == 11
    # On a button, the space bar presses that.
    tab.ask("document.activeElement.blur()")
    tab.press(" ")
    assert tab.ask("playback.playing")
    tab.press(" ")
    assert not tab.ask("playback.playing")


def test_a_deep_link_opens_its_tick_and_world_with_the_events_recorded_there(
    tab: Tab, page: Path, manifest: Path
) -> None:
    link = next(link for link in conflict_links(manifest) if link.world == 1)
    show(tab, page, link.fragment)
    assert tab.ask(SHOWN) == [link.tick, 1]
    told = tab.ask("document.getElementById('status').textContent")
    assert told.startswith(f"Tick {link.tick}. ")
    assert link.who.capitalize() in told and link.against.capitalize() in told
    recorded = [
        event for event in read_events(manifest).to_pylist() if (event["world"], event["tick"]) == (1, link.tick)
    ]
    assert tab.ask("[...document.querySelectorAll('.events .now')].length") == len(recorded)
    tab.ask("location.hash = '#t=3&w=0'")
    tab.until("playback.tick === 3")
    assert tab.ask(SHOWN) == [3, 0]


def test_every_tick_shows_the_events_and_places_that_were_simulated(tab: Tab, page: Path, manifest: Path) -> None:
    simulated = resimulate(manifest)
    show(tab, page)
    found = tab.ask(
        "(recording => Array.from({length: recording.ticks}, (_, t) => recording.people.map((_, a) =>"
        " [recording.get('tile', a, t), recording.role(a, t), recording.get('place', a, t),"
        " recording.need(a, 1, t), recording.grudges(a, t)"
        ".reduce((sum, grudge) => sum + grudge.strength, 0)])))(playback.panes[0].recording)"
    )
    frames = simulated.frames
    for tick, people in enumerate(found):
        for a, (tile, role, place, hygiene, grudges) in enumerate(people):
            assert (tile, role, place) == tuple(frames[name][tick, a] for name in ("tile", "role", "place"))
            assert hygiene == pytest.approx(frames["needs"][tick, a, 1], abs=6e-4)
            assert grudges == pytest.approx(frames["grudge_strength"][tick, a].sum(), abs=4 * 6e-4)
    kinds = tab.ask("playback.panes[0].recording.events.map(event => [event.tick, event.kind])")
    recorded = [event for event in read_events(manifest).to_pylist() if event["world"] == 0]
    assert kinds == [[event["tick"], event["kind"]] for event in recorded]


def test_a_conflict_clicked_in_the_timeline_is_shown(tab: Tab, page: Path, manifest: Path, pictures: Path) -> None:
    show(tab, page)
    worst = next(link for link in conflict_links(manifest) if link.world == 0)
    box = tab.ask("(b => [b.x, b.y, b.width])(document.getElementById('timeline').getBoundingClientRect())")
    # Two pixels beside its stem, which is near enough.
    tab.click(box[0] + (worst.tick + 0.5) / 80 * box[2] + 2, box[1] + 30)
    assert tab.ask(SHOWN) == [worst.tick, 0]
    tab.settle()
    first = "document.querySelector('.events .now.conflict')"
    assert worst.who.capitalize() in tab.ask(f"{first}.textContent")
    assert tab.ask(f"{first}.textContent").endswith(f"{worst.intensity:.2f}")
    tab.picture(pictures / "playback-desktop.png")


def test_the_next_conflict_and_the_one_before_are_a_key_away(tab: Tab, page: Path, manifest: Path) -> None:
    show(tab, page)
    ticks = sorted({link.tick for link in conflict_links(manifest) if link.world == 0})
    for tick in ticks:
        tab.press("n")
        assert tab.ask("playback.tick") == tick
    tab.press("n")
    assert tab.ask("playback.tick") == ticks[-1]
    tab.press("p")
    assert tab.ask("playback.tick") == ticks[-2]


def test_an_event_in_the_list_leads_to_its_tick_and_keeps_the_focus(tab: Tab, page: Path) -> None:
    show(tab, page, "#t=60&w=0")
    tick = tab.ask(
        "(b => {b.focus(); b.click(); return Number(b.dataset.tick)})(document.querySelector('.events .courtesy'))"
    )
    assert tick < 60
    assert tab.ask("playback.tick") == tick
    tab.until("document.activeElement.dataset.tick === String(playback.tick)")


def test_whoever_is_pointed_at_is_told_of_and_whoever_is_clicked_is_told_more_of(tab: Tab, page: Path) -> None:
    show(tab, page, "#t=32&w=0")
    place = "(b => {const p = playback.panes[0].map.at.get(1); return [b.x + p.x, b.y + p.y]})"
    x, y = tab.ask(f"{place}(document.querySelector('.stage canvas').getBoundingClientRect())")
    tab.mouse("mouseMoved", x, y)
    tab.settle()
    told = tab.ask("document.querySelector('.tip').innerText")
    assert "Ben" in told and "hygiene" in told
    tab.click(x, y)
    tab.until("!document.querySelector('.detail').hidden")
    assert "reward" in tab.ask("document.querySelector('.detail').innerText")
    assert tab.ask("document.querySelectorAll('.people button[aria-pressed=true]').length") == 1


def test_the_queue_panel_lists_the_line_in_its_order(tab: Tab, page: Path, manifest: Path) -> None:
    simulated = resimulate(manifest)
    waiting = (simulated.frames["place"] >= 0).sum(axis=1)
    tick = int(waiting.argmax())
    show(tab, page, f"#t={tick}&w=0")
    order = sorted(
        (int(place), name)
        for name, place in zip(simulated.manifest.people, simulated.frames["place"][tick], strict=True)
        if place >= 0
    )
    assert tab.ask("document.querySelector('.queues .sr').textContent").endswith(
        "waiting: " + ", then ".join(name.capitalize() for _, name in order)
    )


def test_a_side_is_called_as_one_likes(tab: Tab, manifest: Path, page: Path) -> None:
    simulated, file = resimulate(manifest), page.with_name("called.html")
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
    restless, calm = tab.ask("playback.recordings.map(recording => recording.conflicts.map(({tick}) => tick))")
    tick = min(set(restless) - set(calm))
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


def test_a_desk_has_room_for_everything_without_scrolling_the_page(tab: Tab, day: Path, pictures: Path) -> None:
    tab.size(*DESKTOP, dark=True)
    show(tab, day, "#t=300&p=finn")
    height = tab.ask("document.documentElement.scrollHeight")
    assert height <= DESKTOP[1]
    tab.picture(pictures / "playback-day-dark.png")


def test_a_rollout_in_which_nothing_happens_plays_too(tab: Tab, page: Path, tmp_path: Path) -> None:
    done = capture_rollout(SCENARIOS / "observation_baseline.yaml", tmp_path)
    file = page.with_name("still.html")
    file.write_text(playback_html([[resimulate(done.manifest_path)]]))
    show(tab, file)
    for key in ("n", "p", "End", "Home", "ArrowRight"):
        tab.press(key)
    assert tab.ask("playback.tick") == 1
    assert tab.ask("document.querySelector('.events').innerText") == "Nothing yet."


def test_whoever_wants_no_motion_sees_whole_ticks_only(tab: Tab, page: Path) -> None:
    show(tab, page)
    tab.ask(
        "window.drawn = []; (draw => { playback.panes[0].map.draw = function (time, view) {"
        " drawn.push(time); return draw.call(this, time, view); }; })(playback.panes[0].map.draw)"
    )
    tab.click_on("#play")
    tab.until("playback.tick > 3")
    tab.click_on("#play")
    assert tab.ask("drawn.length > 3 && drawn.every(Number.isInteger)")


def test_everything_to_press_has_a_name_and_texts_stand_out_in_light_and_dark(tab: Tab, two: Path) -> None:
    for dark in (False, True):
        tab.size(*DESKTOP, dark=dark)
        show(tab, two, "#t=30")
        assert tab.ask(FAINT) == []
    assert tab.ask(NAMELESS) == []


def test_a_page_that_is_not_compressed_plays_where_nothing_can_unpack(tab: Tab, manifest: Path, page: Path) -> None:
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
            # The browser tells of it in its own time.
            for _ in range(300):
                if tab.complaints:
                    break
                tab.settle()
            assert "--plain" in tab.complaints.pop()
