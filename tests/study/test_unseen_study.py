"""The study of unseen towns as a whole, on tiny amounts: killed, continued, reported and shipped."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from townlet.behavior.policy_file import load_policy
from townlet.cli import main
from townlet.config import load_scenario
from townlet.config.drawn import TEST, TRAINING, VALIDATION, drawn_scenario
from townlet.errors import InputError
from townlet.lineage import trace
from townlet.study.conflict.shaping import CONFLICT_PARTS
from townlet.study.scripted_behaviors import queue_jumper
from townlet.study.unseen.amounts import Amounts
from townlet.study.unseen.analysis import choose_seed
from townlet.study.unseen.arms import AWARE, BLIND, HEURISTIC, NEEDS_ONLY, NO_ATTENDANCE, PLACEBO
from townlet.study.unseen.evaluating import evaluate_policy
from townlet.study.unseen.findings import Findings
from townlet.study.unseen.late_penalties import LatePenaltiesLoop
from townlet.study.unseen.learner import train_policy, training_scenario
from townlet.study.unseen.places import Place, Visit
from townlet.study.unseen.plan import evaluations, study_unseen, trainings
from townlet.study.unseen.report import write_unseen_report
from townlet.study.unseen.settings import FULL, QUICK, settings_for
from townlet.study.unseen.ship import ship_policy
from townlet.study.unseen.tasks import Training
from townlet.study.unseen.visits import visit
from townlet.training.towns_loop import TownsLoop

#: Every question, with as little work as possible.
TINY = replace(
    QUICK,
    seeds=2,
    ablation_seeds=1,
    towns=2,
    worlds=1,
    large_people=24,
    choosing_towns=1,
    training=Amounts(cycles=2, towns=1, worlds=1, imitation=1),
)


def silent(done: int, total: int, note: str) -> None:
    assert 0 < done <= total and note


class Killed:
    """A work folder of a study that was killed in the middle, and what was done there by then."""

    def __init__(self, work: Path) -> None:
        self.work = work
        running = multiprocessing.get_context("spawn").Process(target=study_unseen, args=(TINY, work, 1, silent))
        running.start()
        try:
            while running.is_alive() and len(list(work.glob("*.json"))) < 3:
                time.sleep(0.01)
        finally:
            assert running.pid is not None
            os.kill(running.pid, signal.SIGKILL)
            running.join()
        self.done = self.results()

    def results(self) -> dict[Path, int]:
        """Finished trainings and evaluations, with the times of their files."""
        files = [*self.work.glob("*.json"), *self.work.glob("policy-*/policy.json")]
        return {path: path.stat().st_mtime_ns for path in files}


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Killed:
    return Killed(tmp_path_factory.mktemp("study") / "work")


@pytest.fixture(scope="module")
def continued(killed: Killed) -> Iterator[tuple[Findings, list[int]]]:
    """The findings after the study was started again, and the units of work that it had left."""
    totals: list[int] = []
    yield study_unseen(TINY, killed.work, 1, lambda done, total, note: totals.append(total)), totals


def test_a_killed_study_goes_on_where_it_was(killed: Killed, continued: tuple[Findings, list[int]]) -> None:
    findings, totals = continued
    policies, asked = trainings(TINY), evaluations(TINY)
    evaluated = [path for path in killed.done if path.parent == killed.work]
    # All policies were trained, and some evaluations made.
    assert len(killed.done) - len(evaluated) == len(policies) == 8
    assert 3 <= len(evaluated) < len(asked) and set(totals) == {len(asked) - len(evaluated)}
    assert {path: path.stat().st_mtime_ns for path in killed.done} == killed.done
    # Nothing is left to do, and nothing is done again.
    again: list[int] = []
    assert (
        study_unseen(TINY, killed.work, 1, lambda done, total, note: again.append(done)).policies == findings.policies
    )
    assert not again


def test_what_is_lost_is_made_again_to_the_byte(killed: Killed, continued: tuple[Findings, list[int]]) -> None:
    evaluation = next(one for one in evaluations(TINY) if one.policy.arm == AWARE and one.question == "company")
    file, policy = evaluation.file(killed.work), evaluation.policy.folder(killed.work) / "policy.safetensors"
    before = file.read_bytes(), policy.read_bytes()
    file.unlink()
    policy.unlink()
    (policy.parent / "policy.json").unlink()
    study_unseen(TINY, killed.work, 1, silent)
    assert (file.read_bytes(), policy.read_bytes()) == before


def test_the_report_has_every_arm_seed_and_town(continued: tuple[Findings, list[int]], tmp_path: Path) -> None:
    findings, _ = continued
    report = write_unseen_report(findings, tmp_path, "townlet study unseen --quick", "Here and now")
    assert report.name == "unseen-towns-validation.md"
    text, data = report.read_text(), json.loads(report.with_suffix(".json").read_text())
    assert "Here and now" in text and "townlet study unseen --quick" in text and "nan" not in text
    # Policies of one short rollout cannot reach anything.
    assert "**The claim does not stand" in text and not data["claim_stands"] and "**not reached**" in text
    assert set(data["answers"]) == {"towns", "company", "large", "choice"}
    towns = data["answers"]["towns"]
    assert [town["number"] for town in towns["towns"]] == list(VALIDATION[:2])
    for arm, scores in towns["arms"].items():
        assert all(len(rows) == len(data["seeds"][arm]) and len(rows[0]) == 2 for rows in scores.values()), arm
    assert data["answers"]["large"]["towns"][0]["people"] == 24
    assert all(len(seeds) == len(data["seeds"][arm]) for arm, seeds in data["policies"].items())
    assert report.with_suffix(".png").stat().st_size > 10_000
    assert f"seed {data['shipped']['seed']}**" in text


def test_the_chosen_policy_is_shipped_with_its_lineage(continued: tuple[Findings, list[int]], tmp_path: Path) -> None:
    findings, _ = continued
    card = ship_policy(findings, "townlet study unseen --ship", tmp_path / "generalist")
    network, shipped = load_policy(card)
    seed = choose_seed(findings).seed
    trained = load_policy(findings.policies["aware"][seed])[1]
    (beside,) = card.parent.glob("*.yaml")
    assert load_scenario(beside).digest == trained.provenance["config_sha256"]
    assert [node.file for node in trace(card).everything() if not node.made_from] == [beside]
    assert shipped.sha256 == trained.sha256 and network.features == len(trained.observation)
    assert {**trained.provenance, "study": shipped.provenance["study"]} == shipped.provenance
    study = shipped.provenance["study"]
    assert isinstance(study, dict) and study["seed"] == seed and study["arm"] == "aware"
    assert {path.name for path in card.parent.iterdir()} == {"policy.json", "policy.safetensors", beside.name}


def test_everybody_meets_the_same_worlds_and_only_our_people_are_scored(tmp_path: Path) -> None:
    place = Place(VALIDATION[0], 8)
    alone, beside = Visit((place,), 1), Visit((place,), 1, jumpers=2)
    metrics = []
    for name, chosen in (("a", alone), ("b", alone), ("c", beside)):
        evaluate_policy(HEURISTIC, None, chosen, tmp_path / name)
        metrics.append(json.loads((tmp_path / name).read_text())["towns"][0])
    assert metrics[0] == metrics[1] and metrics[0]["people"] == 8
    assert metrics[2]["metrics"] != metrics[0]["metrics"]
    # The queue-jumpers' conflicts are not those of our people, who are as peaceful as without them.
    assert metrics[2]["metrics"]["queue_conflict_intensity_per_100_uses"] < 5.0


def test_arms_differ_in_what_they_see_and_pay_and_in_nothing_else(tmp_path: Path) -> None:
    town = drawn_scenario(TRAINING[0])
    arms = (AWARE, BLIND, PLACEBO, NO_ATTENDANCE, NEEDS_ONLY)
    scenarios = {arm.name: training_scenario(arm, town, 1, TINY.training) for arm in arms}
    whole = town.rules.reward
    assert scenarios["aware"].rules == town.rules == scenarios["placebo"].rules
    blind = scenarios["blind"]
    assert not blind.observations.conflict_features and scenarios["placebo"].observations.conflict_features
    nothing = {"conflict_actor": 0.0, "conflict_suffered": 0.0, "rivalry": 0.0}
    assert blind.rules.reward == whole.model_copy(update=nothing)
    assert scenarios["no_attendance"].rules.reward == whole.model_copy(update={"wage": 0.0, "absence": 0.0})
    only = scenarios["needs_only"].rules.reward
    assert (only.need_weights, only.survival) == (whole.need_weights, whole.survival)
    assert only.wage == only.faint == only.social == only.conflict_actor == 0.0
    assert {scenario.training for scenario in scenarios.values()} == {blind.training}
    folders = [train_policy(arm, 3, tmp_path / arm, amounts=TINY.training) for arm in ("aware", "blind", "aware")]
    hashes = [load_policy(folder)[1].sha256 for folder in folders]
    assert hashes[0] == hashes[2] != hashes[1]


def test_the_placebo_pays_what_was_owed_a_rollout_ago_at_drawn_ticks() -> None:
    scenario = training_scenario(PLACEBO, drawn_scenario(TRAINING[0]), 3, Amounts(cycles=2, towns=1, worlds=8))
    loops = TownsLoop(scenario, seed=3), LatePenaltiesLoop(scenario, seed=3)
    plain, placebo = (loop.new_buffer(scenario.ticks) for loop in loops)
    owed = np.zeros(0)
    for rollout in range(2):
        for loop, buffer in zip(loops, (plain, placebo), strict=True):
            loop.collect(buffer, queue_jumper())
        own, paid = (buffer.reward_parts[..., CONFLICT_PARTS].copy() for buffer in (plain, placebo))
        assert np.array_equal(plain.action, placebo.action)
        assert np.allclose(placebo.reward - plain.reward, (paid - own).sum(axis=-1), atol=1e-4)
        if rollout == 0:
            assert own.any() and not paid.any()
            owed = own
    stayed = plain.alive.all(axis=0)
    assert np.array_equal(np.sort(paid[:, stayed], axis=0), np.sort(owed[:, stayed], axis=0))
    assert not np.array_equal(paid[:, stayed], owed[:, stayed]) and not np.array_equal(paid, own)


def test_a_policy_for_other_observations_is_refused(tmp_path: Path) -> None:
    folder = train_policy("aware", 0, tmp_path / "policy", amounts=TINY.training)
    card = json.loads((folder / "policy.json").read_text())
    card["observation"][0]["name"] = "something else"
    (folder / "policy.json").write_text(json.dumps(card))
    with pytest.raises(InputError, match="something else"):
        evaluate_policy(AWARE, folder, visit("choice", TINY), tmp_path / "result.json")
    assert not (tmp_path / "result.json").exists()


def test_only_the_full_study_looks_at_test_towns() -> None:
    def numbers(**options: bool) -> set[int]:
        settings = settings_for(**{"quick": False, "validation": False} | options)
        return {place.number for one in evaluations(settings) for place in one.visit.places}

    assert numbers() == {*TEST, *VALIDATION}
    assert numbers(quick=True) | numbers(validation=True) == {*VALIDATION}
    asked = [evaluation.question for evaluation in evaluations(FULL)]
    assert asked.index("towns") > len(asked) - 1 - asked[::-1].index("choice")


def test_amounts_arms_and_seeds_give_results_other_names(tmp_path: Path) -> None:
    policy = Training(AWARE, 11, TINY.training)
    others = [
        replace(policy, seed=12),
        replace(policy, arm=PLACEBO),
        replace(policy, amounts=replace(TINY.training, cycles=3)),
    ]
    assert len({one.folder(tmp_path) for one in (policy, *others)}) == 4
    names = {one.file(tmp_path) for settings in (TINY, FULL) for one in evaluations(settings)}
    assert len(names) == len(evaluations(TINY)) + len(evaluations(FULL))


def test_the_command_refuses_to_ship_a_quick_policy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = ["--work", str(tmp_path / "work"), "--output", str(tmp_path / "out")]
    assert main(["study", "unseen", "--quick", "--ship", *folders]) == 2
    assert "--ship" in capsys.readouterr().err
    assert main(["study", "unseen", "--seeds", "1", *folders]) == 2
    assert "--seeds" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
