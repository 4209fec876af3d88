"""Training in a town that is empty for a while: rollouts during which nobody is in town are skipped and counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.left_behind import outputs

from townlet.behavior.policy_file import load_policy
from townlet.capture import capture_rollout
from townlet.cli import main
from townlet.config import Scenario, load_scenario
from townlet.evaluation import evaluate
from townlet.study.learning import study_learning
from townlet.telemetry import read_records
from townlet.training import TrainingHarness, TrainingOptions, TrainingResult, train

#: One person who faints in the first tick of every episode, and whose place then stays empty: during the last seven of
#: an episode's eight rollouts, nobody is in town.
TOWN = """
name: empty_town
description: One person who faints at once; nobody is in town during most of the rollouts.
ticks: 40
map: {width: 5, height: 5}
people:
  ann: {at: [1, 1], needs: {hunger: 0.0}}
schedule:
  ann: [{at: 0, do: wait}]
rules:
  needs: {faint_after: 1, newcomer_after: 100}
training:
  worlds: 1
  rollout_ticks: 5
  cycles: 10
  epochs: 2
  network: {hidden: [8]}
"""

#: Additions to the training section, each with its mode and the number of phases per cycle that only replay.
WAYS: dict[str, tuple[str, str, int]] = {
    "rollout": ("rollout", "", 0),
    "mixed": ("mixed", "", 1),
    "joint": ("mixed", "  replay: {mixing: joint}\n", 0),
    "awr": ("mixed", "  replay: {method: awr}\n", 1),
    "handover": ("rollout", "  handover: {script: scripted, steps: 2, accuracy_margin: 0.0}\n", 0),
}


def town(folder: Path, section: str = "") -> Path:
    path = folder / "empty_town.yaml"
    path.write_text(TOWN + section)
    return path


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    return Path(capture_rollout(town(folder), folder, worlds=4, behavior="random").manifest_path)


def trained(scenario: Scenario, output: Path, mode: str, recorded: Path, **options: Any) -> TrainingResult:
    return train(
        scenario,
        TrainingOptions(mode=mode, output=output, replay_manifest=None if mode == "rollout" else recorded, **options),
    )


@pytest.mark.parametrize("way", WAYS)
def test_a_training_skips_rollouts_of_an_empty_town_and_ends_with_a_policy(
    way: str, recorded: Path, tmp_path: Path
) -> None:
    mode, section, replays = WAYS[way]
    scenario = load_scenario(town(tmp_path, section))
    result = trained(scenario, tmp_path / "out", mode, recorded)
    records = read_records(result.log)
    # Episodes begin in the 1st and in the 9th of ten rollouts.
    assert [r["cycle_id"] for r in records if r["data_mode"] != "replay"] == [1, 1, 9, 9]
    assert len([r for r in records if r["data_mode"] == "replay"]) == 10 * 2 * replays
    assert result.epochs == len(records) == records[-1]["epoch"]
    assert [r.get("rollouts_passed_over") for r in records if r["data_mode"] != "replay"] == [None, None, 7, 7]
    assert result.passed_over == load_policy(result.policy)[1].provenance["rollouts_passed_over"] == 8


@pytest.mark.parametrize("way", WAYS)
def test_a_training_resumed_among_empty_rollouts_leaves_the_same_bytes(
    way: str, recorded: Path, tmp_path: Path
) -> None:
    mode, section, _ = WAYS[way]
    scenario = load_scenario(town(tmp_path, section))
    trained(scenario, tmp_path / "once", mode, recorded)
    trained(scenario, tmp_path / "twice", mode, recorded, cycles=4)
    resumed = trained(scenario, tmp_path / "twice", mode, recorded, resume=True)
    assert resumed.passed_over == 8
    assert outputs(tmp_path / "twice") == outputs(tmp_path / "once")


def test_the_commands_report_the_number_of_skipped_rollouts_and_read_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "out" / "ppo_telemetry.jsonl"
    assert main(["train", str(town(tmp_path)), "--output", str(log.parent)]) == 0
    assert "8 rollouts were skipped, because nobody was in town during them" in capsys.readouterr().out
    assert main(["validate", str(log)]) == main(["watch", str(log)]) == main(["summary", str(log)]) == 0


def test_a_policy_is_evaluated_in_a_nearly_empty_town(tmp_path: Path) -> None:
    scenario = load_scenario(town(tmp_path))
    policy = train(scenario, TrainingOptions(mode="rollout", output=tmp_path / "out")).policy
    result = evaluate(policy, scenario, worlds=2)
    assert all(np.isfinite(list(values.values())).all() for values in result["values"].values())
    assert not np.isnan([v["mean"] for metrics in result["behaviors"].values() for v in metrics.values()]).any()


def test_a_study_compares_seeds_over_rollouts_that_are_not_empty(tmp_path: Path) -> None:
    study = study_learning(town(tmp_path), [0, 1], 10)
    assert study.reward.shape == (2, 2)
    assert np.isfinite(study.reward).all()


def test_a_rollout_of_an_empty_town_changes_no_weight(tmp_path: Path) -> None:
    harness = TrainingHarness.for_scenario(load_scenario(town(tmp_path)))
    records: list[dict[str, Any]] = []
    harness.run_rollout(None, records.append)
    before = {name: tensor.clone() for name, tensor in harness.network.state_dict().items()}
    harness.run_rollout(None, records.append)
    assert len(records) == 2
    assert (harness.cycle, harness.epoch, harness.passed_over) == (2, 2, 1)
    assert all(before[name].equal(tensor) for name, tensor in harness.network.state_dict().items())
