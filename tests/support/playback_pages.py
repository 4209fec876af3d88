"""Opening a playback page in a browser tab."""

from __future__ import annotations

from pathlib import Path

from support.browser import Tab


def show(tab: Tab, page: Path, fragment: str = "") -> None:
    tab.open(page, fragment)
    tab.until("window.playback && playback.panes.every(pane => pane.map.at)")
    tab.settle()
