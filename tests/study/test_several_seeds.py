"""Several seeds: one folder each, the same unseen worlds, and the same bytes however the work was cut up."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.killed_trainings import Trainings, trainings
from support.small_trainings import QUEUE, SMALL, on_file, options_of

from townlet.cli import main
from townlet.config import load_scenario
from townlet.config.settings import with_settings
from townlet.errors import InputError
from townlet.study.several_seeds import SeedsPlan, read_results, train_seeds
from townlet.telemetry import CLOCK_FIELDS, read_records
from townlet.training import TrainingOptions

AMOUNTS = {name: value for name, value in SMALL.items() if name != "mode"}


def plan_of(output: Path, seeds: int = 3, *, resume: bool = False, **options: Any) -> SeedsPlan:
    given = TrainingOptions(output=output, resume=resume, **(SMALL | options))
    return SeedsPlan.of(load_scenario(QUEUE), given, seeds=seeds, worlds=2)


def lasting(folder: Path) -> dict[str, Any]:
    """Every visible file but checkpoints and counts of attempts; logs without the fields of the clock."""
    found: dict[str, Any] = {}
    for file in sorted(folder.rglob("*")):
        name = str(file.relative_to(folder))
        if file.suffix == ".jsonl":
            found[name] = [{k: v for k, v in record.items() if k not in CLOCK_FIELDS} for record in read_records(file)]
        elif file.is_file() and not file.name.startswith((".", "checkpoint", "attempts")):
            found[name] = file.read_bytes()
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seeds, trained one after the other in this process."""
    folder = tmp_path_factory.mktemp("whole") / "study"
    train_seeds(plan_of(folder), jobs=1)
    return folder


def test_every_seed_has_a_folder_and_a_score_in_the_same_worlds(whole: Path, tmp_path: Path) -> None:
    results = read_results(whole)
    assert [each["seed"] for each in results["seeds"]] == [0, 1, 2]
    assert results["worlds"] == {"count": 2, "seed": 1_000_000, "ticks": 80}
    for each in results["seeds"]:
        folder, again = whole / each["folder"], tmp_path / "evaluation.json"
        card = json.loads((folder / "policy.json").read_text())
        assert card["provenance"]["seed"] == each["seed"] and card["sha256"] == each["policy_sha256"]
        command = ["evaluate", str(folder), "--scenario", str(QUEUE), "--worlds", "2", "--seed", "1000000"]
        assert main([*command, "--output", str(again)]) == 0
        assert again.read_bytes() == (folder / "evaluation.json").read_bytes()
    reward = results["interquartile_means"]["reward_mean"]
    assert reward["seeds"] == 3 and reward["low"] <= reward["value"] <= reward["high"]
    assert set(results["probability_of_improvement"]) == {"scripted", "heuristic", "random"}
    assert len(results["curves"]["reward_mean"]["seeds"]) == 3
    assert (whole / "seeds.png").read_bytes().startswith(b"\x89PNG")


def test_processes_side_by_side_make_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    train_seeds(plan_of(tmp_path), jobs=2, progress=lambda done, total, note: told.append((done, total)))
    assert lasting(tmp_path) == lasting(whole)
    assert told == sorted(told) and told[-1] == (12, 12)


def test_finished_seeds_are_kept_and_further_ones_are_added(whole: Path, tmp_path: Path) -> None:
    train_seeds(plan_of(tmp_path, 2), jobs=1)
    before = on_file(tmp_path / "seed-1")
    study = train_seeds(plan_of(tmp_path, resume=True), jobs=1)
    assert [outcome.already_done for outcome in study.outcomes] == [True, True, False]
    assert on_file(tmp_path / "seed-1") == before
    assert lasting(tmp_path) == lasting(whole)


def test_scores_of_a_study_with_settings_are_kept(tmp_path: Path) -> None:
    town = with_settings(load_scenario(QUEUE), ["rules.queue.cooldown_ticks=8"])
    plan = SeedsPlan.of(town, TrainingOptions(output=tmp_path, resume=True, **SMALL), seeds=1, worlds=2)
    train_seeds(plan, jobs=1)
    before = on_file(tmp_path / "seed-0")
    train_seeds(plan, jobs=1)
    assert on_file(tmp_path / "seed-0") == before


def test_other_options_are_refused_and_nothing_is_changed(whole: Path) -> None:
    before = on_file(whole)
    with pytest.raises(InputError, match="epochs"):
        train_seeds(plan_of(whole, resume=True, epochs=3), jobs=1)
    assert on_file(whole) == before


@pytest.fixture(scope="module")
def killer() -> Iterator[Trainings]:
    with trainings() as ready:
        yield ready


@pytest.mark.parametrize(("at", "number"), [(60, signal.SIGKILL), (75, signal.SIGINT)])
def test_after_any_kill_the_same_command_goes_on(
    killer: Trainings, whole: Path, tmp_path: Path, at: int, number: signal.Signals
) -> None:
    folder = tmp_path / "study"
    command = [QUEUE, "--seeds", 3, "--jobs", 1, "--unseen-worlds", 2, "--output", folder, *options_of(**AMOUNTS)]
    end = killer.run(*command, folder=folder, at=at, number=number)
    assert not (folder / "seeds.json").exists()
    if number is signal.SIGINT:
        assert end.code == 130
        assert "of 3 seeds done" in end.errors and "with --resume goes on" in end.errors
    else:
        assert end.code == -signal.SIGKILL
    assert killer.run(*command, "--resume", folder=folder).code == 0
    assert lasting(folder) == lasting(whole)


def test_a_diverged_seed_counts_as_chance_and_stops_no_other(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = [read_records(whole / f"seed-{seed}" / "ppo_telemetry.jsonl") for seed in range(3)]
    norms = sorted((max(record["grad_norm_max"] for record in log), seed) for seed, log in enumerate(logs))
    # Between the largest norm of all seeds and the next: one seed alone exceeds it.
    bound = f"{{diverged_above: {(norms[1][0] + norms[2][0]) / 2}, gamma:"
    file = tmp_path / QUEUE.name
    file.write_text(QUEUE.read_text().replace("{gamma:", bound))
    words = ["train", str(file), "--seeds", "3", "--jobs", "1", "--unseen-worlds", "2", "--output", str(tmp_path / "s")]
    assert main([*words, *options_of(**AMOUNTS)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"1 of 3 trainings diverged, and count as chance: seed {norms[2][1]}: epoch" in said
    results = read_results(tmp_path / "s")
    diverged = results["seeds"][norms[2][1]]
    assert diverged["policy_sha256"] is None and diverged["scores"] == results["behaviors"]["random"]
    assert [each["policy_sha256"] is None for each in results["seeds"]].count(True) == 1


def test_the_table_fits_a_terminal(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", str(QUEUE), "--seeds", "3", "--jobs", "1", "--unseen-worlds", "2", "--resume", "--output"]
    assert main([*words, str(whole), *options_of(**AMOUNTS)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines[:-1])) <= 80
    assert [line.split()[0] for line in lines[1:4]] == ["seed"] * 3
    assert "3 of 3 seeds were trained already; their files are unchanged" in lines


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seeds", "0"], "--seeds: found 0, expected from 1"),
        (["--seeds", "2", "--jobs", "0"], "--jobs: found 0"),
        (["--seeds", "2", "--unseen-worlds", "1"], "--worlds: found 1, expected at least 2"),
        (["--seeds", "2", "--ppo-log", "x.jsonl"], "--ppo-log: found x.jsonl, expected none with --seeds"),
        (["--seeds", "2", "--cycles", "0"], "cycles"),
        (["--jobs", "2"], "--jobs: found 2, expected none without --seeds"),
        (["--seeds", "2", "--mode", "replay"], "replay_manifest"),
    ],
)
def test_unusable_options_are_refused_before_anything_is_written(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", str(QUEUE), *words]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_single_trainings_folder_is_left_alone(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = on_file(whole / "seed-0")
    assert main(["train", str(QUEUE), "--seeds", "2", "--output", str(whole / "seed-0")]) == 2
    assert "holds a single training" in capsys.readouterr().err
    assert on_file(whole / "seed-0") == before
