"""The playback page in a browser: it plays, seeks, follows links, and shows what was simulated."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.browser import DESKTOP, Tab
from support.captures import SCENARIOS
from support.playback_pages import show

from townlet.capture import capture_rollout, read_events
from townlet.view.playback import conflict_links, playback_html, resimulate

#: The tick and world that the page shows.
SHOWN = "[playback.tick, playback.panes[0].recording.world]"


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
    # While a button has the focus, space would press the button.
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
    status = tab.ask("document.getElementById('status').textContent")
    assert status.startswith(f"Tick {link.tick}. ")
    assert link.who.capitalize() in status and link.against.capitalize() in status
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
    # Clicking two pixels beside a stem still selects it.
    tab.click(box[0] + (worst.tick + 0.5) / 80 * box[2] + 2, box[1] + 30)
    assert tab.ask(SHOWN) == [worst.tick, 0]
    tab.settle()
    first = "document.querySelector('.events .now.conflict')"
    assert worst.who.capitalize() in tab.ask(f"{first}.textContent")
    assert tab.ask(f"{first}.textContent").endswith(f"{worst.intensity:.2f}")
    tab.picture(pictures / "playback-desktop.png")


def test_keys_go_to_the_next_and_the_previous_conflict(tab: Tab, page: Path, manifest: Path) -> None:
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


def test_pointing_at_a_person_shows_a_tip_and_clicking_shows_details(tab: Tab, page: Path) -> None:
    show(tab, page, "#t=32&w=0")
    place = "(b => {const p = playback.panes[0].map.at.get(1); return [b.x + p.x, b.y + p.y]})"
    x, y = tab.ask(f"{place}(document.querySelector('.stage canvas').getBoundingClientRect())")
    tab.mouse("mouseMoved", x, y)
    tab.settle()
    tip = tab.ask("document.querySelector('.tip').innerText")
    assert "Ben" in tip and "hygiene" in tip
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


def test_a_rollout_in_which_nothing_happens_plays_too(tab: Tab, page: Path, tmp_path: Path) -> None:
    done = capture_rollout(SCENARIOS / "observation_baseline.yaml", tmp_path)
    file = page.with_name("still.html")
    file.write_text(playback_html([[resimulate(done.manifest_path)]]))
    show(tab, file)
    for key in ("n", "p", "End", "Home", "ArrowRight"):
        tab.press(key)
    assert tab.ask("playback.tick") == 1
    assert tab.ask("document.querySelector('.events').innerText") == "Nothing yet."
