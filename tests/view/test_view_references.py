"""Foreign references of a page: everything that a browser would load from elsewhere, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.captures import queue_scenario

from townlet.capture import capture_rollout
from townlet.view.foreign_references import foreign_references
from townlet.view.playback import playback_html, resimulate


@pytest.mark.parametrize(
    "page",
    [
        "<p>see http://example.org/x.png, url(x) and @import</p>",
        '<script type="application/json">{"description": "src=\\"http://example.org\\" url(x) <a"}</script>',
        '<a href="https://example.org">a link that somebody may click on</a>',
        '<svg><g clip-path="url(#clip)"><use xlink:href="#g"/></g></svg><link rel="icon" href="data:,">',
        "<style>a { background: url(data:image/png;base64,AA) }</style>",
        '<p title="url(http://example.org)">text</p>',
    ],
)
def test_texts_links_and_own_content_are_no_references(page: str) -> None:
    assert foreign_references(page) == []


@pytest.mark.parametrize(
    "page",
    [
        "<img src=x.png>",
        "<IMG SRC='http://example.org/x'>",
        '<img srcset="x 2x">',
        '<link rel="stylesheet" href="x.css">',
        '<svg><image xlink:href="x.png"/></svg>',
        '<svg><g fill="url(x.svg#a)"/></svg>',
        '<p style="background: url(&quot;x&quot;)">',
        "<style>@import 'x';</style>",
        "<style>a { background: URL( x ) }</style>",
        "<iframe srcdoc=x></iframe>",
        '<base href="http://example.org/">',
        '<meta http-equiv="Refresh" content="0;url=x">',
        "<form action=x></form>",
        "<script>1</script>",
        '<p onclick="x()">',
    ],
)
def test_whatever_is_loaded_is_found(page: str) -> None:
    assert foreign_references(page) != []


def test_a_pages_own_script_may_run_and_load_nothing() -> None:
    assert foreign_references("<script>run()</script>", scripts=True) == []
    for loads in ("fetch('x')", "import('x')", "new WebSocket('x')", "i.src = 'https://example.org'"):
        assert foreign_references(f"<script>{loads}</script>", scripts=True) != []


def test_a_link_in_the_description_of_a_scenario_is_no_reference_of_its_playback(tmp_path: Path) -> None:
    description = "See <a href='http://example.org'>the rules</a> https://example.org/x.png or url(x)."
    scenario = queue_scenario(tmp_path / "scenario", description=f'description: "{description}"')
    manifest = capture_rollout(scenario, tmp_path / "capture", ticks=5).manifest_path
    page = playback_html([[resimulate(manifest, scenario=scenario)]])
    assert "https://example.org/x.png" in page
    assert foreign_references(page, scripts=True) == []
