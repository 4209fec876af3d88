"""The search of a sweep: what is drawn, what is pruned, and what becomes of bad trials, without any training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import optuna
import pytest
from support.places import SCENARIOS

from townlet.config import load_scenario
from townlet.errors import InputError
from townlet.sweep.options import STEPS, SweepOptions
from townlet.sweep.records import Report, TrialRecord, read_records, trial_folder, write_record
from townlet.sweep.results import SweepResult
from townlet.sweep.search import importances, next_settings, pruned, study_of, trials_possible
from townlet.sweep.searching import Searching
from townlet.sweep.space import read_space
from townlet.sweep.tasks import Outcome
from townlet.sweep.work import Stop, Watch

SCENARIO = load_scenario(SCENARIOS / "queue_conflict.yaml")
SPACE = read_space({"ppo.gamma": {"low": 0.0, "high": 0.95}, "epochs": [2, 4, 8]}, SCENARIO)


def curve_of(number: int) -> list[float]:
    """The metric after each part of a made-up training."""
    generator = np.random.default_rng(number)
    return list(np.cumsum(generator.normal(0.1, 0.3, STEPS - 1)))


def searched(options: SweepOptions, trials: int) -> list[TrialRecord]:
    """The trials of a search over made-up trainings; the score is best where gamma is 0.3."""
    records: list[TrialRecord] = []
    for number in range(trials):
        record = TrialRecord(number=number, settings=next_settings(SPACE, options, records))
        state, score = "complete", -abs(float(record.settings["ppo.gamma"]) - 0.3)  # type: ignore[arg-type]
        for step, value in enumerate(curve_of(number), 1):
            record = record.model_copy(update={"reports": (*record.reports, Report(step=step, value=value))})
            stop, notes = pruned(SPACE, options, records, record)
            record = record.model_copy(update={"notes": notes})
            if stop:
                state, score = "pruned", None  # type: ignore[assignment]
                break
        records.append(record.model_copy(update={"state": state, "score": score}))
    return records


def test_the_search_starts_with_the_scenarios_own_settings_and_nears_the_best(tmp_path: Path) -> None:
    records = searched(SweepOptions(output=tmp_path, pruner="none"), 30)
    assert records[0].settings == {"ppo.gamma": 0.6, "epochs": 4}
    assert all(SPACE.holds(record.settings) for record in records)
    chance = searched(SweepOptions(output=tmp_path, pruner="none", sampler="random"), 30)
    near, far = (np.median([-float(record.score or 0.0) for record in part[10:]]) for part in (records, chance))
    assert near < 0.7 * far
    assert len({json.dumps(record.settings) for record in records}) == len(records), "nothing is drawn twice"
    assert next(iter(importances(SPACE, SweepOptions(output=tmp_path), records))) == "ppo.gamma"


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_pruning_by_files_is_what_one_study_in_one_process_would_do(pruner: str, tmp_path: Path) -> None:
    records = searched(SweepOptions(output=tmp_path, pruner=pruner, sampler="random"), 16)  # type: ignore[arg-type]
    reference = study_of(SPACE, SweepOptions(output=tmp_path, pruner=pruner), [])  # type: ignore[arg-type]
    for record in records:
        trial = reference.ask()
        state = optuna.trial.TrialState.COMPLETE
        for step, value in enumerate(curve_of(record.number), 1):
            trial.report(value, step)
            if trial.should_prune():
                state = optuna.trial.TrialState.PRUNED
                break
        reference.tell(trial, None if state == optuna.trial.TrialState.PRUNED else 0.0, state)
        assert (record.state == "pruned") == (state == optuna.trial.TrialState.PRUNED)
        assert len(record.reports) == step
    assert {record.state for record in records} == {"complete", "pruned"}


def test_what_is_drawn_depends_on_the_files_and_the_seed_alone(tmp_path: Path) -> None:
    options = SweepOptions(output=tmp_path)
    for record in searched(options, 13):
        write_record(tmp_path, record)
    read = read_records(tmp_path)
    assert next_settings(SPACE, options, read) == next_settings(SPACE, options, searched(options, 13))
    assert next_settings(SPACE, options, read) != next_settings(SPACE, SweepOptions(output=tmp_path, seed=1), read)
    failed = [*read[:12], TrialRecord(number=12, settings=read[12].settings, state="failed", reason="diverged")]
    assert next_settings(SPACE, options, failed) != next_settings(SPACE, options, read)
    (trial_folder(tmp_path, 4) / "trial.json").write_text('{"number": 4, "settings": {}, "state": "done"}')
    with pytest.raises(InputError, match=r"trial-04/trial.json: state: found 'done'"):
        read_records(tmp_path)


def test_trials_at_the_same_time_know_what_is_finished_whoever_is_faster(tmp_path: Path) -> None:
    options = SweepOptions(output=tmp_path, jobs=2, pruner="none")
    searching = Searching(SCENARIO, SPACE, options, 8, lambda: None)
    tasks = [searching.next_task() for _ in range(5)]
    assert [task.name for task in tasks if task] == ["trial-00", "trial-01", "trial-02", "trial-03"]
    assert tasks[4] is None, "trial 4 waits for trial 0"
    for task in tasks[1:4]:
        assert task is not None
        searching.done(task, Outcome("complete", (0.5,)))
    assert searching.next_task() is None
    assert tasks[0] is not None
    searching.done(tasks[0], Outcome("complete", (0.1,)))
    fifth = searching.next_task()
    assert fifth is not None
    # Another process goes on with the trial that was left.
    again = Searching(SCENARIO, SPACE, options, 8, lambda: None).next_task()
    assert again == fifth


def test_settings_that_are_refused_together_fail_with_their_reason(tmp_path: Path) -> None:
    space = read_space({"towns.count": [0, 2], "rollout_ticks": [80, 1000]}, SCENARIO)
    options = SweepOptions(output=tmp_path, sampler="grid", trials=9)
    assert trials_possible(space, options) == 4
    searching = Searching(SCENARIO, space, options, 4, lambda: None)
    for expected in ("trial-00", "trial-01", "trial-03"):
        task = searching.next_task()
        assert task is not None
        assert task.name == expected
        searching.done(task, Outcome("complete", (1.0, 2.0)))
    assert searching.next_task() is None
    assert [record.state for record in searching.records] == ["complete", "complete", "failed", "complete"]
    assert "rollout_ticks: found 80, expected 1000 with towns.count" in searching.records[2].reason
    assert searching.best == searching.records[0]
    with pytest.raises(InputError, match=r"ppo\.gamma: found a range, expected a step or choices, for --sampler grid"):
        trials_possible(SPACE, options)


def test_a_resumed_training_makes_the_reports_of_one_that_was_not_killed(tmp_path: Path) -> None:
    records = [{"cycle_id": 1 + epoch // 2, "reward_mean": 0.1 * (epoch // 2)} for epoch in range(50)]
    # A rollout in which nobody was in town.
    records = [record for record in records if record["cycle_id"] != 5]
    whole: list[tuple[int, float]] = []
    watch = Watch("reward_mean", 25, lambda step, value: bool(whole.append((step, value))))
    for record in records:
        watch.feed(record)
    assert [step for step, _ in whole] == list(range(1, STEPS))
    assert whole[0] == (1, pytest.approx(0.1))
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(record) + "\n" for record in records[:23]) + '{"cycle_')
    resumed: list[tuple[int, float]] = []
    watch = Watch("reward_mean", 25, lambda step, value: bool(resumed.append((step, value))))
    watch.feed_log(log)
    for record in records[17:]:
        watch.feed(record)
    assert resumed == whole


def test_a_training_ends_at_a_number_that_is_not_finite_whatever_it_was_before() -> None:
    watch = Watch("reward_mean", 20, lambda step, value: False)
    watch.feed({"cycle_id": 1, "reward_mean": 5.0})
    with pytest.raises(Stop, match="the metric is nan in rollout 2"):
        watch.feed({"cycle_id": 2, "reward_mean": float("nan")})


def test_trials_are_ranked_by_the_metrics_better_way(tmp_path: Path) -> None:
    scores = enumerate((2.0, 3.0, 1.0))
    records = tuple(TrialRecord(number=n, settings={}, state="complete", score=score) for n, score in scores)
    for metric, order in (("reward_mean", [1, 0, 2]), ("queue_conflict_intensity_per_1000", [2, 0, 1])):
        options = SweepOptions(output=tmp_path, metric=metric)
        result = SweepResult(SCENARIO, SCENARIO, SPACE, options, records, records[0], None)
        assert [record.number for record in result.ranked] == order
