"""Resimulation reproduces a capture to the bit or refuses it, and the page's document unpacks to the same numbers."""

from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.captures import QUEUE, SCENARIOS, capture, queue_scenario

from townlet.capture import capture_rollout, parse_manifest, read_capture, read_events
from townlet.capture.tables import to_parquet
from townlet.cli import main
from townlet.config import load_scenario
from townlet.config.find import scenario_of
from townlet.errors import InputError
from townlet.files.storage import pretty_json, sha256
from townlet.view.floor_plan import floor_plan_of
from townlet.view.playback import (
    Resimulation,
    conflict_links,
    document_in,
    fragment,
    playback_html,
    resimulate,
    world_document,
)
from townlet.view.playback.document import columns_of


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return capture(tmp_path_factory.mktemp("queue"), worlds=3)


@pytest.fixture(scope="module")
def simulated(manifest: Path) -> Resimulation:
    return resimulate(manifest, 1)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Resimulation:
    folder = tmp_path_factory.mktemp("day")
    return resimulate(capture_rollout(SCENARIOS / "town_day.yaml", folder, behavior="heuristic").manifest_path)


def test_a_resimulation_has_the_recorded_rewards_actions_and_events(manifest: Path, simulated: Resimulation) -> None:
    buffer = read_capture(manifest).buffer
    np.testing.assert_array_equal(simulated.frames["reward"], buffer.reward[:, 1])
    np.testing.assert_array_equal(simulated.frames["reward_parts"], buffer.reward_parts[:, 1])
    np.testing.assert_array_equal(simulated.frames["action"], buffer.action[:, 1])
    recorded = [event for event in read_events(manifest).to_pylist() if event["world"] == 1]
    assert simulated.event_tick.tolist() == [event["tick"] for event in recorded]
    assert simulated.events["intensity"].tolist() == [event["intensity"] for event in recorded]


def test_a_resimulation_has_the_positions_and_needs_that_the_next_observation_shows(
    manifest: Path, simulated: Resimulation
) -> None:
    capture = read_capture(manifest)
    column = {feature["name"]: index for index, feature in enumerate(capture.manifest.observation)}
    seen = capture.buffer.observation[1:, 1]
    width, height = simulated.scenario.map.width, simulated.scenario.map.height
    np.testing.assert_allclose(seen[..., column["x"]] * (width - 1), simulated.frames["tile"][:-1] % width, atol=1e-4)
    np.testing.assert_allclose(seen[..., column["y"]] * (height - 1), simulated.frames["tile"][:-1] // width, atol=1e-4)
    np.testing.assert_allclose(seen[..., column["need_hygiene"]], simulated.frames["needs"][:-1, :, 1], atol=1e-6)
    strongest = simulated.frames["grudge_strength"][:-1].max(axis=-1)
    np.testing.assert_allclose(seen[..., column["rivalry_strongest"]], strongest, atol=1e-6)
    waits = simulated.frames["place"][:-1] >= 0
    np.testing.assert_array_equal(seen[..., column["waiting"]] > 0, waits)
    # `ahead` also counts the holder of the object.
    np.testing.assert_allclose(
        seen[..., column["ahead"]][waits] * 8, simulated.frames["place"][:-1][waits] + 1, atol=1e-5
    )


@pytest.mark.parametrize("behavior", ["random", "heuristic", "scripted"])
def test_every_behaviour_can_be_resimulated(tmp_path: Path, behavior: str) -> None:
    simulated = resimulate(capture(tmp_path, behavior=behavior, seed=11, ticks=40), 0)
    assert simulated.frames["tile"].shape == (40, 3)


def rewrite(manifest: Path, shard: pa.Table | None = None, events: pa.Table | None = None) -> None:
    """Replace tables of a capture, with matching hashes, so that only a resimulation can notice."""
    content = json.loads(manifest.read_text())
    for entry, table in ((content["shards"][0], shard), (content["events"], events)):
        if table is not None:
            data = to_parquet(table)
            (manifest.parent / entry["file"]).write_bytes(data)
            entry.update(bytes=len(data), sha256=sha256(data))
    manifest.write_text(pretty_json(content))


def changed(table: pa.Table, name: str, row: int, value: object) -> pa.Table:
    values = table[name].to_pylist()
    values[row] = value
    at = table.column_names.index(name)
    return table.set_column(at, table.schema.field(at), pa.array(values, table.schema.field(at).type))


def shard_of(manifest: Path) -> pa.Table:
    return pq.read_table(manifest.parent / parse_manifest(manifest).shards[0].file)


def test_a_reward_that_differs_in_its_last_bit_is_refused_with_tick_and_person(tmp_path: Path) -> None:
    manifest = capture(tmp_path)
    table = shard_of(manifest)
    row = 3 * 33 + 1
    reward = np.float32(table["reward"][row].as_py())
    rewrite(manifest, changed(table, "reward", row, float(np.nextafter(reward, np.float32(1)))))
    with pytest.raises(InputError, match=r"world 0, tick 33, ben: reward: found another one when its actions are"):
        resimulate(manifest)


def test_another_action_than_the_one_taken_is_refused(tmp_path: Path) -> None:
    manifest = capture(tmp_path)
    table = shard_of(manifest)
    rewrite(manifest, changed(table, "action", 1, 1))
    with pytest.raises(InputError, match=r"world 0, tick [01], \w+: "):
        resimulate(manifest)


def test_an_event_that_never_happened_is_refused(tmp_path: Path) -> None:
    manifest = capture(tmp_path)
    rewrite(manifest, events=changed(read_events(manifest), "intensity", 0, 4.5))
    with pytest.raises(InputError, match=r"world 0, tick \d+: event \w+: found another one"):
        resimulate(manifest)


def test_a_capture_of_another_town_than_the_scenario_says_is_refused(tmp_path: Path) -> None:
    other = queue_scenario(tmp_path / "other", map="map: {width: 9, height: 8}")
    manifest = capture(tmp_path / "capture")
    with pytest.raises(InputError, match=r"scenario.town_sha256: found another town, expected the scenario that was"):
        resimulate(manifest, scenario=other)


def test_a_damaged_capture_is_refused_and_the_page_stays_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest, page = capture(tmp_path / "capture"), tmp_path / "playback.html"
    page.write_text("the page before")
    shard = manifest.parent / parse_manifest(manifest).shards[0].file
    shard.write_bytes(shard.read_bytes()[:-1])
    assert main(["playback", str(manifest), "--output", str(page)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {shard}: found ")
    assert page.read_text() == "the page before"


def test_a_world_that_was_not_captured_is_refused(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["playback", str(manifest), "--world", "3"]) == 2
    assert capsys.readouterr().err == "error: options: --world: found 3, expected below 3, the worlds captured\n"


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (["--gif", "a.gif", "--compare", "other.json"], "--compare"),
        (["--gif", "a.gif", "--plain"], "--plain"),
        (["--gif", "a.gif", "--world", "0", "--world", "1"], "--world"),
        (["--gif", "a.gif", "--output", "b.html"], "--output"),
        (["--gif", "a.gif", "--policy", "policy"], "--policy"),
        (["--gif", "a.gif", "--label", "before"], "--label"),
        (["--label", "before", "--label", "after"], "--label"),
        (["--scenario", "a.yaml", "--scenario", "b.yaml"], "--scenario"),
        (["--from", "3"], "--from"),
        (["--to", "3"], "--to"),
    ],
)
def test_options_that_do_not_apply_to_a_gif_or_a_page_are_refused(
    words: list[str],
    where: str,
    manifest: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["playback", str(manifest), *words]) == 2
    assert capsys.readouterr().err.startswith(f"error: options: {where}: found ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["observation_baseline", "employment_punctuality", "rivalry_decay", "kitchen_breakfast"]
)
def test_every_drill_makes_a_document_even_without_objects_or_events(name: str, tmp_path: Path) -> None:
    simulated = resimulate(capture_rollout(SCENARIOS / f"{name}.yaml", tmp_path).manifest_path)
    unpacked = series_in(world_document(simulated))
    assert len(unpacked["event_tick"]) == simulated.manifest.events.rows
    assert unpacked["closed"].shape == (simulated.manifest.ticks, len(simulated.scenario.objects))


def series_in(document: dict[str, Any], coding: str = "deflate-raw") -> dict[str, np.ndarray]:
    """Unpack the columns of a world's document as the page does: float64 [length, series]."""
    data, columns = base64.b64decode(document["data"]), {}
    data = zlib.decompress(data, -zlib.MAX_WBITS) if coding == "deflate-raw" else data
    for name, (length, series, size, offset, scale) in document["columns"].items():
        steps = np.frombuffer(data, f"<i{size}", length * series, offset).reshape(series, length)
        columns[name] = np.cumsum(steps, axis=1, dtype=np.int64).T / scale
    return columns


@pytest.mark.parametrize("coding", ["deflate-raw", "identity"])
def test_a_document_unpacks_to_the_numbers_of_the_resimulation(simulated: Resimulation, coding: str) -> None:
    unpacked = series_in(world_document(simulated, coding=coding), coding)  # type: ignore[arg-type]
    for name, (values, scale) in columns_of(simulated).items():
        np.testing.assert_array_equal(np.rint(unpacked[name] * scale), values, err_msg=name)
    np.testing.assert_allclose(
        unpacked["needs"], simulated.frames["needs"].reshape(len(unpacked["needs"]), -1), atol=5e-4
    )
    np.testing.assert_array_equal(unpacked["tile"], simulated.frames["tile"])


def test_a_day_of_town_day_is_a_page_below_five_megabytes_even_without_compression(day: Resimulation) -> None:
    assert len(day.frames["tile"]) == 1000
    assert len(playback_html([[day]]).encode()) < 1_000_000
    assert len(playback_html([[day]], coding="identity").encode()) < 5_000_000


def test_equal_captures_give_equal_pages(tmp_path: Path, manifest: Path, simulated: Resimulation) -> None:
    again = capture(tmp_path, worlds=3)
    assert playback_html([[resimulate(again, 1)]]) == playback_html([[simulated]])


def test_a_page_refers_to_nothing_else_and_may_load_nothing(simulated: Resimulation) -> None:
    page = playback_html([[simulated]])
    assert "default-src 'none'" in page
    assert not re.findall(r"""(?:src|href)=["'](?!data:)|@import|url\(|https?://""", page)
    assert "{{" not in page


def test_a_page_says_which_capture_it_shows(manifest: Path, simulated: Resimulation, tmp_path: Path) -> None:
    page = tmp_path / "playback.html"
    assert main(["playback", str(manifest), "--world", "1", "--output", str(page)]) == 0
    document = document_in(page.read_text(), page)
    assert document["sides"][0][0]["manifest"] == sha256(manifest.read_bytes())
    assert page.read_text() == playback_html([[simulated]])
    with pytest.raises(InputError, match="no playback in it"):
        document_in("<html></html>", page)


def test_two_captures_stand_side_by_side_with_the_same_worlds_of_each(manifest: Path, tmp_path: Path) -> None:
    other, page = capture(tmp_path / "other", worlds=2, behavior="heuristic"), tmp_path / "playback.html"
    words = ["playback", str(manifest), "--compare", str(other), "--world", "1", "--world", "0", "--output", str(page)]
    assert main([*words, "--label", "before", "--label", "after"]) == 0
    assert document_in(page.read_text(), page)["labels"] == ["before", "after"]
    sides = document_in(page.read_text(), page)["sides"]
    assert [[(world["behavior"], world["world"]) for world in side] for side in sides] == [
        [("scripted", 0), ("scripted", 1)],
        [("heuristic", 0), ("heuristic", 1)],
    ]


def test_conflict_links_name_every_conflict_the_worst_first(manifest: Path) -> None:
    links = conflict_links(manifest)
    events = [event for event in read_events(manifest).to_pylist() if event["intensity"] > 0]
    assert len(links) == len(events) == parse_manifest(manifest).totals["queue_conflict_events"]
    assert [link.intensity for link in links] == sorted((event["intensity"] for event in events), reverse=True)
    first = links[0]
    assert {"world": first.world, "tick": first.tick, "actor": first.who, "rival": first.against}.items() <= next(
        event for event in events if (event["world"], event["tick"], event["actor"]) == first[:3]
    ).items()
    assert first.fragment == fragment(first.tick, first.world) == f"#t={first.tick}&w={first.world}"


def test_the_floor_plan_of_a_town_has_its_rooms_and_doors() -> None:
    scenario = scenario_of("town_day")
    plan = floor_plan_of(scenario)
    assert sorted(plan.names) == ["cafe 1", "grocer 1", "gym 1", "home 1", "home 2", "home 3", "home 4", "office 1"]
    x, y = scenario.objects["shower_gym_1_1"].at
    assert plan.names[plan.rooms[y, x]] == "gym 1"
    assert plan.rooms[0, 0] == -1
    blueprint = scenario.model_dump()
    assert "blueprint" not in blueprint
    # A door of two tiles in each wall that has one: one for homes and the office, two for the others.
    assert plan.doors.sum() == 2 * (4 + 1 + 2 * 3)
    assert not (plan.doors & plan.walls).any()


def test_a_town_without_walls_has_no_rooms() -> None:
    plan = floor_plan_of(load_scenario(QUEUE))
    assert plan.names == () and not plan.walls.any() and not plan.doors.any()
