"""Playback pages of small captures, and a browser tab to open them in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.browser import DESKTOP, Tab, browser_tab, find_browser
from support.captures import SCENARIOS, capture

from townlet.capture import capture_rollout
from townlet.view.playback import playback_html, resimulate


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder for screenshots: the one that TOWNLET_SCREENSHOTS names, or a temporary one."""
    chosen = os.environ.get("TOWNLET_SCREENSHOTS")
    return Path(chosen) if chosen else tmp_path_factory.mktemp("screenshots")


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return capture(tmp_path_factory.mktemp("queue"), worlds=2)


@pytest.fixture(scope="session")
def page(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("pages") / "playback.html"
    file.write_text(playback_html([[resimulate(manifest, world) for world in (0, 1)]]))
    return file


@pytest.fixture(scope="session")
def two(manifest: Path, page: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    other = capture(tmp_path_factory.mktemp("other"), behavior="heuristic")
    file = page.with_name("two.html")
    file.write_text(playback_html([[resimulate(manifest)], [resimulate(other)]]))
    return file


@pytest.fixture(scope="session")
def day(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    done = capture_rollout(SCENARIOS / "town_day.yaml", tmp_path_factory.mktemp("day"), ticks=400, behavior="heuristic")
    file = page.with_name("day.html")
    file.write_text(playback_html([[resimulate(done.manifest_path)]]))
    return file


@pytest.fixture(scope="session")
def browser() -> Iterator[Tab]:
    if find_browser() is None:
        pytest.skip("no Chromium or Chrome is installed")
    with browser_tab() as tab:
        yield tab


@pytest.fixture
def tab(browser: Tab) -> Iterator[Tab]:
    """A tab of desktop size. After the test, it must have logged no complaint and loaded no other address."""
    browser.size(*DESKTOP)
    browser.complaints.clear()
    browser.requests.clear()
    yield browser
    browser.ask("0")
    assert browser.complaints == []
    assert {address.split(":")[0] for address in browser.requests} <= {"file", "about"}
    assert len({address.split("#")[0] for address in browser.requests if address.startswith("file")}) == 1
