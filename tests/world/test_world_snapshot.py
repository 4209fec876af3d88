"""Snapshots: a run continued from one equals the run that was never interrupted, byte for byte."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.places import SCENARIOS, TESTS
from support.world_digest import bytes_of, play

from townlet.behavior import RandomBehavior
from townlet.config import load_scenario
from townlet.errors import InputError
from townlet.world import Town
from townlet.world.snapshot import load_snapshot, save_snapshot

CONTINUE = """
import sys
from support.world_digest import play
from townlet.world.snapshot import load_snapshot
print(play(load_snapshot(sys.argv[1]), int(sys.argv[2])))
"""


@pytest.fixture
def town() -> Town:
    lived = Town(load_scenario(SCENARIOS / "town_day.yaml"), worlds=3, seed=5, first_world=2)
    play(lived, 120)
    return lived


def test_a_run_continued_from_a_snapshot_in_another_process_is_bit_identical(town: Town, tmp_path: Path) -> None:
    save_snapshot(town, tmp_path / "worlds.safetensors")
    uninterrupted = play(town, 100)
    done = subprocess.run(
        [sys.executable, "-c", CONTINUE, str(tmp_path / "worlds.safetensors"), "100"],
        capture_output=True,
        text=True,
        check=True,
        cwd=TESTS,
    )
    assert done.stdout.strip() == uninterrupted


def test_a_snapshot_holds_the_scenario_the_seed_and_every_array(town: Town, tmp_path: Path) -> None:
    save_snapshot(town, tmp_path / "worlds.safetensors")
    again = load_snapshot(tmp_path / "worlds.safetensors")
    assert (again.scenario, again.worlds, again.seed, again.first_world) == (town.scenario, 3, 5, 2)
    assert bytes_of(again.state) == bytes_of(town.state)
    assert (again.policy_draws() == town.policy_draws()).all()


def test_the_same_worlds_give_the_same_file(town: Town, tmp_path: Path) -> None:
    assert save_snapshot(town, tmp_path / "a") == save_snapshot(town, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_snapshot_is_not_changed_by_what_happens_next(town: Town, tmp_path: Path) -> None:
    save_snapshot(town, tmp_path / "worlds")
    before = (tmp_path / "worlds").read_bytes()
    shape = town.alive.shape
    action = np.zeros(shape, np.int32)
    RandomBehavior().act(town, action, np.zeros(shape, np.float32), np.zeros(shape, np.float32))
    town.step(action)
    assert (tmp_path / "worlds").read_bytes() == before
    assert bytes_of(load_snapshot(tmp_path / "worlds").state) != bytes_of(town.state)


@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_an_incomplete_snapshot_is_refused(town: Town, tmp_path: Path, kept: int) -> None:
    save_snapshot(town, tmp_path / "worlds")
    content = (tmp_path / "worlds").read_bytes()
    (tmp_path / "worlds").write_bytes(content[:kept])
    with pytest.raises(InputError, match=r"worlds: found .* expected a snapshot"):
        load_snapshot(tmp_path / "worlds")


def test_a_snapshot_taken_under_other_rules_is_refused(town: Town, tmp_path: Path) -> None:
    save_snapshot(town, tmp_path / "worlds")
    content = (tmp_path / "worlds").read_bytes()
    entry = rb'"rules_sha256\":\"'
    at = content.index(entry) + len(entry)
    (tmp_path / "worlds").write_bytes(content[:at] + b"0" * 64 + content[at + 64 :])
    with pytest.raises(InputError, match=r"rules_sha256: found 0+, .*: they have changed since"):
        load_snapshot(tmp_path / "worlds")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "worlds").write_text("name: town_day\n")
    with pytest.raises(InputError, match="expected a snapshot of worlds in safetensors form"):
        load_snapshot(tmp_path / "worlds")
    with pytest.raises(InputError, match="expected a snapshot of worlds"):
        load_snapshot(tmp_path / "nothing")
