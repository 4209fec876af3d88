"""Policy outputs on the playback page equal those of ``townlet inspect``, up to rounding."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.browser import DESKTOP, PHONE, Tab, browser_tab, find_browser
from support.captures import QUEUE, SCENARIOS, capture

from townlet.behavior.network import ActorCritic
from townlet.behavior.policy_file import save_policy
from townlet.capture import capture_rollout, parse_manifest
from townlet.cli import main
from townlet.config.training import NetworkConfig
from townlet.view.inspection import inspect_moment
from townlet.view.playback import Resimulation, document_in, playback_html, resimulate


def a_policy(folder: Path, manifest: Path, seed: int = 3) -> Path:
    """A policy for a captured town, with large weights in its policy head."""
    town = parse_manifest(manifest)
    network = ActorCritic(len(town.observation), len(town.actions), NetworkConfig(hidden=(16,)), seed=seed)
    network.policy_head.weight.data *= 100
    save_policy(folder, network, observation=town.observation, actions=town.actions, provenance={})
    return folder


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture of scripted behaviour."""
    return capture(tmp_path_factory.mktemp("script"), worlds=2)


@pytest.fixture(scope="module")
def policy(script: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_policy(tmp_path_factory.mktemp("policy"), script)


@pytest.fixture(scope="module")
def simulated(script: Path, policy: Path) -> Resimulation:
    return resimulate(script, 1, policy=policy)


@pytest.mark.parametrize(("tick", "agent"), [(0, "anna"), (28, "cara"), (79, "ben")])
def test_policy_outputs_equal_an_inspection(
    simulated: Resimulation, script: Path, policy: Path, capsys: pytest.CaptureFixture[str], tick: int, agent: str
) -> None:
    words = ["--tick", str(tick), "--agent", agent, "--world", "1", "--json"]
    assert main(["inspect", str(policy), "--manifest", str(script), *words]) == 0
    inspection = json.loads(capsys.readouterr().out)
    assert simulated.policy_outputs is not None and not simulated.policy_outputs.acted_for
    at = tick, simulated.manifest.people.index(agent)
    frames = simulated.policy_outputs.frames
    actions = [int(action) for action in frames["top_actions"][at] if action >= 0]
    expected = dict(list(inspection["probabilities"].items())[:4])
    assert [simulated.manifest.actions[action] for action in actions] == list(expected)
    assert frames["top_probabilities"][at][: len(actions)].tolist() == pytest.approx(list(expected.values()), abs=1e-6)
    assert float(frames["taken_probability"][at]) == pytest.approx(
        inspection["probabilities"][inspection["action"]], abs=1e-6
    )
    assert float(frames["value"][at]) == pytest.approx(inspection["value"], rel=1e-5)
    names = [simulated.policy_outputs.features[feature] for feature in frames["top_features"][at]]
    assert names == [(one["feature"], one["meaning"]) for one in inspection["influences"][:5]]
    assert frames["attributions"][at].tolist() == pytest.approx(
        [one["on_action"] for one in inspection["influences"][:5]], rel=1e-4
    )


def test_the_policy_that_acted_is_recognised_and_gives_the_recorded_values(policy: Path, tmp_path: Path) -> None:
    acted = Path(capture_rollout(QUEUE, tmp_path, ticks=20, policy=policy / "policy.json").manifest_path)
    simulated = resimulate(acted, policy=policy)
    assert simulated.policy_outputs is not None and simulated.policy_outputs.acted_for == simulated.manifest.people
    np.testing.assert_allclose(simulated.policy_outputs.frames["value"], simulated.frames["value"], rtol=1e-5)
    assert resimulate(acted).policy_outputs is None


def test_a_policy_of_another_town_is_refused_and_the_page_stays_as_it_was(
    policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = capture_rollout(SCENARIOS / "kitchen_breakfast.yaml", tmp_path, ticks=5).manifest_path
    page = tmp_path / "playback.html"
    page.write_text("the page before")
    assert main(["playback", str(other), "--policy", str(policy), "--output", str(page)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {policy / 'policy.json'}: actions: found no request for ")
    assert page.read_text() == "the page before"


def test_each_side_has_its_own_policy_or_both_share_one(
    script: Path, policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, page = a_policy(tmp_path / "other", script, seed=4), tmp_path / "playback.html"
    sides = ["playback", str(script), "--compare", str(script), "--output", str(page)]

    def policies_shown(*policies: Path) -> list[str]:
        assert main([*sides, *(word for one in policies for word in ("--policy", str(one)))]) == 0
        return [worlds[0]["policy_outputs"]["policy"] for worlds in document_in(page.read_text(), page)["sides"]]

    first, second = (json.loads((one / "policy.json").read_text())["sha256"] for one in (policy, other))
    assert policies_shown(policy) == [first, first]
    assert policies_shown(policy, other) == [first, second]
    capsys.readouterr()
    assert main(["playback", str(script), "--policy", str(policy), "--policy", str(other)]) == 2
    assert capsys.readouterr().err == (
        "error: options: --policy: found 2 of them, expected at most 1, one for each side\n"
    )


def test_a_day_of_town_day_with_policy_outputs_is_a_page_below_a_megabyte(tmp_path: Path) -> None:
    day = Path(capture_rollout(SCENARIOS / "town_day.yaml", tmp_path / "day", behavior="heuristic").manifest_path)
    simulated = resimulate(day, policy=a_policy(tmp_path / "policy", day))
    assert simulated.policy_outputs is not None and simulated.policy_outputs.frames["top_actions"].shape == (1000, 8, 4)
    assert len(playback_html([[simulated]]).encode()) < 1_000_000
    assert len(playback_html([[simulated]], coding="identity").encode()) < 5_000_000


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    if find_browser() is None:
        pytest.skip("no Chromium or Chrome is installed")
    with browser_tab() as tab:
        yield tab


#: Label, bar width and number of every row.
ROWS = (
    "(list => [...list.children].map(row => [row.querySelector('.what').innerText,"
    " Number.parseFloat(row.querySelector('.bar i').style.width), row.querySelector('small').innerText]))"
)


def read_bars(tab: Tab, number: int) -> list[tuple[str, float, str]]:
    return [tuple(row) for row in tab.ask(f"{ROWS}(document.querySelectorAll('.policy-outputs')[{number}])")]


def test_clicking_a_person_shows_the_probabilities_and_attributions_of_an_inspection(
    tab: Tab, script: Path, policy: Path, simulated: Resimulation, tmp_path: Path
) -> None:
    page = tmp_path / "playback.html"
    page.write_text(playback_html([[simulated]]))
    tab.size(*DESKTOP)
    tab.open(page, "#t=28")
    tab.until("Boolean(window.playback && playback.panes[0].map.at)")
    tab.settle()
    assert tab.ask("document.querySelector('.about').hidden")
    place = "(b => {const p = playback.panes[0].map.at.get(2); return [b.x + p.x, b.y + p.y]})"
    tab.click(*tab.ask(f"{place}(document.querySelector('.stage canvas').getBoundingClientRect())"))
    tab.until("document.querySelectorAll('.policy-outputs li').length > 2")
    for tick in (28, 29):
        inspection = inspect_moment(policy, script, tick=tick, agent="cara", world=1)
        actions, features = read_bars(tab, 0), read_bars(tab, 1)
        expected = list(inspection.probabilities.items())[:4]
        taken = inspection.action, inspection.probabilities[inspection.action]
        expected += [] if taken in expected else [taken]
        marked = [name.replace("_", " ") + (" ✓" if name == inspection.action else "") for name, _ in expected]
        assert [name for name, _, _ in actions] == marked
        assert [width for _, width, _ in actions] == pytest.approx([100 * c for _, c in expected], abs=0.51)
        assert [name for name, _, _ in features] == [i.feature.replace("_", " ") for i in inspection.influences[:5]]
        shares = [float(text.replace("−", "-")) for _, _, text in features]
        assert shares == pytest.approx([i.on_action for i in inspection.influences[:5]], abs=6e-4)
        assert features[0][1] == 50.0
        tab.press("ArrowRight")
        tab.settle()
    tab.press("Escape")
    tab.until("document.querySelector('.about').hidden")
    assert tab.complaints == []


def test_policy_outputs_fit_a_phone_and_a_desktop_without_overlapping(
    tab: Tab, script: Path, policy: Path, tmp_path: Path
) -> None:
    page, alone = tmp_path / "two.html", tmp_path / "one.html"
    simulated = resimulate(script, policy=policy)
    page.write_text(playback_html([[simulated], [simulated]]))
    alone.write_text(playback_html([[simulated]]))
    for file, size in ((page, (1280, 800)), (alone, (1280, 800)), (alone, PHONE)):
        tab.size(*size)
        tab.open(file, "#t=28&p=cara")
        tab.until("document.querySelectorAll('.policy-outputs li').length > 2")
        tab.settle()
        assert tab.ask("document.documentElement.scrollWidth") <= size[0]
        assert size == PHONE or tab.ask("document.documentElement.scrollHeight") <= size[1]
        cards = "[...document.querySelectorAll('.card')].map(c => c.getBoundingClientRect()).filter(b => b.width)"
        boxes = tab.ask(f"{cards}.map(b => [b.left, b.top, b.right, b.bottom])")
        assert boxes
        for i, one in enumerate(boxes):
            assert not any(
                one[0] < other[2] - 1 and other[0] < one[2] - 1 and one[1] < other[3] - 1 and other[1] < one[3] - 1
                for other in boxes[:i]
            ), "two cards overlap"
