"""Behaviours made from a function: what it may return, what is recorded, and who is asked."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from support.captures import QUEUE
from support.places import SCENARIOS

from townlet.behavior import from_actions, from_logits
from townlet.behavior.choose import policy_in_town
from townlet.behavior.neural import NeuralBehavior
from townlet.behavior.own.draws import draw_actions, weights_of
from townlet.behavior.policy_file import load_policy
from townlet.capture import capture_rollout, read_capture
from townlet.cli import main
from townlet.config import load_scenario
from townlet.errors import InputError
from townlet.files.storage import sha256
from townlet.policies.origin import Member, Origin
from townlet.simulation import SimulationLoop
from townlet.training import TrainingOptions, train
from townlet.world.rules.actions import NORTH, WAIT


def test_people_of_an_own_behaviour_stay_with_their_choices_as_those_of_a_policy(tmp_path: Path) -> None:
    """The function is asked for those who decide; all the rest is what a committed policy of ours records."""
    network, card = load_policy("generalist")
    scenario = policy_in_town("generalist", load_scenario(SCENARIOS / "town_day.yaml")).scenario
    asked: list[int] = []

    def outputs(observation: Any, mask: Any) -> tuple[Any, Any]:
        asked.append(len(mask))
        return network(torch.from_numpy(observation), torch.from_numpy(mask))

    ticks = card.network.commitment_ticks
    own = from_logits(outputs, name="mine", commitment_ticks=ticks)
    buffers = []
    for behavior in (own, NeuralBehavior(network)):
        loop = SimulationLoop(scenario, worlds=2, seed=5)
        buffers.append(loop.new_buffer(60))
        loop.collect(buffers[-1], behavior)
    ours, theirs = buffers
    for name in ("mask", "action", "alive"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name
    decisions = (ours.mask.sum(-1) > 1) & ours.alive
    assert sum(asked) == decisions.sum() < ours.alive.sum() / 4
    assert np.array_equal(np.isnan(ours.value), np.isnan(theirs.value))
    assert np.allclose(ours.log_prob, theirs.log_prob, atol=1e-5)
    with pytest.raises(InputError, match="commitment_ticks: found -1, expected at least 0"):
        from_logits(outputs, name="mine", commitment_ticks=-1)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_drawn_actions_are_legal_and_have_their_share(data: st.DataObject) -> None:
    rows, actions = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 6))
    numbers = st.floats(-1e6, 1e6, width=32) | st.just(-np.inf)
    logits = data.draw(arrays.arrays(np.float64, (rows, actions), elements=numbers))
    mask = data.draw(arrays.arrays(np.bool_, (rows, actions)))
    mask[:, data.draw(st.integers(0, actions - 1))] = True
    draws = data.draw(arrays.arrays(np.float64, (rows,), elements=st.floats(0.0, 1.0, exclude_max=True)))
    weights = weights_of(logits, mask)
    chosen, log_probs = draw_actions(weights, draws)
    shares = weights / weights.sum(axis=1, keepdims=True)
    each = np.arange(rows)
    assert mask[each, chosen].all() and (shares[each, chosen] > 0.0).all()
    assert np.allclose(np.exp(log_probs), shares[each, chosen])
    below = np.cumsum(shares, axis=1)[each, chosen] - shares[each, chosen]
    assert (below <= draws + 1e-9).all() and (draws < below + shares[each, chosen] + 1e-9).all()


def test_an_illegal_action_becomes_waiting_and_unknown_chances_allow_cloning_alone(tmp_path: Path) -> None:
    def act(observation: Any, mask: Any) -> Any:
        return np.full(len(mask), NORTH)

    capture_rollout(QUEUE, tmp_path / "capture", behavior=from_actions(act, name="pushy", deterministic=False))
    capture = read_capture(tmp_path / "capture" / "rollout_sample_manifest.json")
    here = capture.buffer.alive
    legal = np.take_along_axis(capture.buffer.mask, capture.buffer.action[..., None], -1)[..., 0]
    assert legal[here].all() and (capture.buffer.log_prob[here] == 0.0).all()
    assert set(capture.buffer.action[here].tolist()) == {WAIT, NORTH}
    assert not capture.manifest.behavior.log_probs
    manifest = tmp_path / "capture" / "rollout_sample_manifest.json"
    options = TrainingOptions(mode="replay", output=tmp_path / "policy", replay_manifest=manifest, cycles=1, epochs=1)
    log = train(load_scenario(QUEUE), options).log
    assert json.loads(log.read_text().splitlines()[0])["replay_method"] == "cloning"


def result(value: Any) -> Any:
    return lambda observation, mask: value(observation, mask)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: from_logits(result(lambda o, m: o), name="mine"), r"logits: found float32 \[3, \d+\]"),
        (lambda: from_logits(result(lambda o, m: m * np.nan), name="mine"), "logits: found NaN"),
        (lambda: from_logits(result(lambda o, m: np.where(m, np.inf, 0.0)), name="mine"), "logits: found inf"),
        (lambda: from_logits(result(lambda o, m: (m * 1.0, o)), name="mine"), "values: found float32"),
        (lambda: from_logits(result(lambda o, m: (m * 1.0, o[:, 0], 1)), name="mine"), "found 3 results"),
        (lambda: from_logits(result(lambda o, m: (m * 1.0, o[:, 0] + np.inf)), name="mine"), "values: found infinity"),
        (
            lambda: from_actions(result(lambda o, m: m.argmax(1) + 99), name="mine", deterministic=True),
            r"actions: found 99, expected 0 to \d+",
        ),
        (
            lambda: from_actions(result(lambda o, m: m.argmax(1) * 0.5), name="mine", deterministic=True),
            r"actions: found float64 \[3\], expected integers \[3\]",
        ),
        (
            lambda: from_actions(result(lambda o, m: (m.argmax(1), o[:, 0] * 0 + 1)), name="mine", deterministic=False),
            "log_probs: found 1.0, expected finite numbers of at most 0",
        ),
        (lambda: from_actions(result(lambda o, m: 0), name="neural", deterministic=True), "name: found 'neural'"),
        (lambda: from_actions(result(lambda o, m: 0), name="My policy", deterministic=True), "name: found 'My policy'"),
        (lambda: from_logits(result(lambda o, m: 0), name="mine", files=["nowhere.zip"]), "nowhere.zip"),
        (
            lambda: from_logits(result(lambda o, m: [m * 1.0, o[:, 0]]), name="mine"),
            "logits: found list that is no array, expected an array or a tensor",
        ),
    ],
)
def test_unusable_results_are_named_and_leave_no_capture(tmp_path: Path, make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        capture_rollout(QUEUE, tmp_path / "out", behavior=make())
    assert not (tmp_path / "out" / "rollout_sample_manifest.json").exists()


def test_the_mask_is_honoured_whatever_a_function_does_with_what_it_is_given() -> None:
    """The most probable action is a legal one, and a function that writes into its arguments changes nothing."""
    mask, draws, seen = np.array([[False, True, True]]), np.array([0.5]), np.ones((1, 2), np.float32)

    def spoiling(result: Any) -> Any:
        def function(observation: Any, mask: Any) -> Any:
            mask[:] = True
            return result

        return function

    logits = np.array([[9.0, 2.0, 1.0]])
    greedy = from_logits(spoiling((logits, np.array([[0.5]]))), name="mine", deterministic=True)
    action, log_prob, value = greedy.choose(seen, mask, draws)
    assert (action.tolist(), log_prob.tolist(), value.tolist()) == ([1], [0.0], [0.5]) and greedy.has_values
    action, log_prob, value = from_logits(spoiling(logits), name="mine").choose(seen, mask, draws)
    assert action.tolist() == [1] and np.isnan(value).all()
    assert log_prob == pytest.approx(-np.log1p(np.exp(-1.0)))
    pushy = from_actions(spoiling((np.array([0]), None, np.array([0.25]))), name="mine", deterministic=True)
    action, _, value = pushy.choose(seen, np.array([[True, False, True]]), draws)
    assert (action.tolist(), value.tolist()) == ([0], [0.25])
    honest = from_actions(spoiling((np.array([1]), np.array([-1.0]))), name="mine", deterministic=False)
    with pytest.raises(InputError, match="actions: found 1, expected actions that the mask allows"):
        honest.choose(seen, np.array([[True, False, True]]), draws)


def test_chances_count_only_if_all_are_known() -> None:
    """What was recorded where the function kept silent is no log-probability, whatever it said before or after."""
    for speaks in ([True, False], [False, True]):
        answers = iter(speaks)

        def act(observation: Any, mask: Any, answers: Any = answers) -> Any:
            return mask.argmax(1), np.full(len(mask), -1.0) if next(answers) else None

        own = from_actions(act, name="moody", deterministic=False)
        loop = SimulationLoop(load_scenario(QUEUE), worlds=1, seed=0)
        loop.collect(loop.new_buffer(2), own)
        assert not own.has_log_probs


def test_half_precision_and_gradients_are_read_as_any_numbers() -> None:
    def outputs(observation: Any, mask: Any) -> Any:
        return torch.from_numpy(mask).to(torch.bfloat16).requires_grad_()

    mask = np.array([[True, True, False]])
    probabilities, values = from_logits(outputs, name="mine").evaluate(np.zeros((1, 2), np.float32), mask)
    assert probabilities.tolist() == [[0.5, 0.5, 0.0]] and values is None


def test_the_origin_is_where_the_function_is_and_tells_files_apart_by_their_names(tmp_path: Path) -> None:
    def scaled(scale: float, observation: Any, mask: Any) -> Any:
        return mask * scale

    first, second = tmp_path / "a" / "actor.npy", tmp_path / "b" / "actor.npy"
    for file in (first, second):
        file.parent.mkdir()
        file.write_text(file.parent.name)
    one = from_logits(functools.partial(scaled, 2.0), name="mine", files=[first, second])
    assert one.origin.code_sha256 == sha256(Path(__file__).read_bytes())
    assert from_logits(functools.partial(scaled, 2.0), name="mine", files=[second, first]).origin.sha256 == (
        one.origin.sha256
    )
    first.write_text("b")
    second.write_text("a")
    changed_places = from_logits(functools.partial(scaled, 2.0), name="mine", files=[first, second])
    assert changed_places.origin.sha256 != one.origin.sha256


def test_all_that_decides_what_a_behaviour_does_is_in_its_hash() -> None:
    one, two = "1" * 64, "2" * 64
    alone = Origin(given="a.py:f", code_sha256=one, files={"weights": one})
    member = Member(people=["anna"], behavior="mine", policy_sha256=one, origin=alone)
    others: list[dict[str, Any]] = [
        {"people": ["ben"]},
        {"behavior": "yours"},
        {"policy_sha256": two},
        {"origin": alone.model_copy(update={"code_sha256": two})},
    ]
    companies = [{"g": member}, {"h": member}, *({"g": member.model_copy(update=other)} for other in others)]
    origins = [
        alone,
        alone.model_copy(update={"code_sha256": two}),
        alone.model_copy(update={"files": {"weights": two}}),
        *(Origin(members=members) for members in companies),
    ]
    assert len({origin.sha256 for origin in origins}) == len(origins)
    assert alone.model_copy(update={"given": "elsewhere/b.py:g", "files": {"/new/weights": one}}).sha256 == alone.sha256


def test_an_error_of_the_function_is_told_with_its_own_lines_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code = "from townlet.behavior import from_logits\n\ndef bad():\n    return from_logits(wrong, name='bad')\n"
    Path("bad.py").write_text(f"{code}\ndef wrong(observation, mask):\n    return observation @ weights\n")
    assert main(["capture", str(QUEUE), "--behavior", "bad.py:bad", "--output", "out"]) == 1
    error = capsys.readouterr().err
    assert "behavior bad: its function raised NameError: name 'weights' is not defined" in error
    assert error.count('File "') == 1 and 'bad.py", line 7, in wrong' in error
    assert not Path("out/rollout_sample_manifest.json").exists()
