"""Mixed company: several behaviours in one town, each of which does what it does alone, in every artefact."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.captures import QUEUE, capture, files_in
from support.places import SCENARIOS

from townlet.behavior import from_actions, from_logits
from townlet.behavior.base import act_within
from townlet.behavior.choose import choose_behavior
from townlet.behavior.network import ActorCritic
from townlet.behavior.own.groups import company_of, groups_of, names_company, spread_out
from townlet.behavior.policy_file import read_card, save_policy
from townlet.capture import Capture, capture_rollout, read_capture
from townlet.cli import main
from townlet.config import Scenario, load_scenario
from townlet.config.rules import ObservationConfig
from townlet.config.training import NetworkConfig
from townlet.errors import InputError
from townlet.lineage.kinds import artefact_of
from townlet.training import TrainingOptions, train
from townlet.view.inspection import inspect_moment
from townlet.view.playback.document import world_document
from townlet.view.playback.resimulation import resimulate
from townlet.world import Town
from townlet.world.observation.schema import observation_schema_of
from townlet.world.rules.actions import action_names

DAY = SCENARIOS / "town_day.yaml"
TOWN = load_scenario(DAY)


def manifest_in(folder: Path) -> Capture:
    return read_capture(folder / "rollout_sample_manifest.json")


def saved_policy(folder: Path, scenario: Scenario, *, commitment: int = 0, **options: Any) -> Path:
    """A policy with random weights that brings these observation options."""
    observations = ObservationConfig(**options)
    seen = observation_schema_of(scenario.model_copy(update={"observations": observations}))
    actions = action_names(scenario.object_types)
    config = NetworkConfig(hidden=(16,), commitment_ticks=commitment)
    network = ActorCritic(len(seen), len(actions), config, seed=len(seen))
    save_policy(folder, network, observation=seen, actions=actions, provenance={"seed": 0})
    return folder


def choices_in(town: Town, behavior: Any) -> dict[str, Any]:
    made = {
        "mask": np.zeros_like(town.mask),
        "action": np.zeros(town.alive.shape, np.int32),
        "log_prob": np.zeros(town.alive.shape, np.float32),
        "value": np.zeros(town.alive.shape, np.float32),
    }
    act_within(behavior, town, *made.values())
    return made


def test_everybody_does_what_they_would_do_alone_in_the_same_state(tmp_path: Path) -> None:
    """Members of any kind, with observations of their own: action, mask, log-probability and value, to the last bit."""
    scenario = TOWN
    policies = {
        "map": saved_policy(tmp_path / "map", scenario, mode="hybrid", map_radius=2, neighbors=2),
        "ways": saved_policy(tmp_path / "ways", scenario, mode="full", map_radius=1, offers=True, commitment=8),
        "blind": saved_policy(tmp_path / "blind", scenario, conflict_features=False),
    }
    own = from_logits(lambda observation, mask: observation[:, : mask.shape[1]], name="mine")
    company = {
        "anna": str(policies["map"]),
        "clerk": str(policies["ways"]),
        "cara": str(policies["blind"]),
        "50%": own,
        "others": "heuristic",
    }
    choice = choose_behavior(scenario, company)
    shown = choice.scenario.observations
    assert (shown.mode, shown.map_radius, shown.neighbors, shown.offers) == ("full", 2, 4, True)
    assert shown.conflict_features and choice.scenario.digest != scenario.digest
    town = Town(choice.scenario, worlds=3, seed=5)
    alone = {key: choose_behavior(scenario, behavior) for key, behavior in company.items()}
    towns = {key: Town(one.scenario, worlds=3, seed=5) for key, one in alone.items()}
    assert choice.origin is not None
    for _ in range(120):
        together = choices_in(town, choice.behavior)
        for key, one in alone.items():
            people = [town.people.index(name) for name in choice.origin.members[key].people]
            for name, made in choices_in(towns[key], one.behavior).items():
                assert np.array_equal(together[name][:, people], made[:, people], equal_nan=name == "value"), (
                    key,
                    name,
                )
        for each in (town, *towns.values()):
            each.step(together["action"])
    assert choice.origin.members["anna"].observations["mode"] == "hybrid"
    another, fresh = Town(choice.scenario, worlds=3, seed=9), choose_behavior(scenario, company).behavior
    for name, made in choices_in(another, choice.behavior).items():
        assert np.array_equal(made, choices_in(another, fresh)[name], equal_nan=name == "value"), "of no other town"
    assert town.mask.any(-1).all() and not np.array_equal(together["mask"], town.mask), "somebody is committed"


def test_a_capture_says_who_acted_for_whom_and_is_the_same_from_python(tmp_path: Path) -> None:
    short = ["--ticks", "60", "--worlds", "2"]
    words = "cara=random,barista=generalist,others=heuristic"
    assert main(["capture", str(DAY), "--behavior", words, *short, "--output", str(tmp_path / "words")]) == 0
    company = {"cara": "random", "barista": "generalist", "others": "heuristic"}
    capture_rollout(DAY, tmp_path / "mapping", behavior=company, ticks=60, worlds=2)
    assert files_in(tmp_path / "words") == files_in(tmp_path / "mapping")
    capture = manifest_in(tmp_path / "words")
    entry = capture.manifest.behavior
    assert (entry.name, entry.deterministic, entry.has_values, entry.log_probs) == ("mixed", False, True, False)
    assert entry.origin is not None and entry.origin.given == words
    assert {key: member.people for key, member in entry.origin.members.items()} == {
        "cara": ["cara"],
        "barista": ["anna", "ben", "erin", "gina"],
        "others": ["dan", "finn", "hugo"],
    }
    buffer, people = capture.buffer, capture.manifest.people
    estimated = {name for name in people if not np.isnan(buffer.value[:, :, people.index(name)]).all()}
    assert estimated == {"anna", "ben", "erin", "gina"}
    uncertain = {name for name in people if (buffer.log_prob[:, :, people.index(name)] < 0).any()}
    assert uncertain == {*estimated, "cara"}


@pytest.mark.parametrize(
    ("company", "deterministic", "log_probs"),
    [
        ({"anna": "heuristic", "others": "heuristic"}, True, True),
        ({"anna": "random", "others": "generalist"}, False, True),
        ({"anna": "random", "others": "heuristic"}, False, False),
        (
            {"anna": from_actions(lambda o, m: m.argmax(1), name="first", deterministic=False), "others": "random"},
            False,
            False,
        ),
    ],
)
def test_chances_are_known_only_if_everybody_has_them(company: Any, deterministic: bool, log_probs: bool) -> None:
    behavior: Any = choose_behavior(TOWN, company).behavior
    assert (behavior.deterministic, behavior.has_log_probs) == (deterministic, log_probs)


@settings(max_examples=200, deadline=None)
@given(people=st.integers(1, 200), data=st.data())
def test_a_share_is_spread_evenly(people: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, people))
    chosen = spread_out(people, count)
    assert len(set(chosen)) == count and all(0 <= index < people for index in chosen)
    gaps = {int(gap) for gap in np.diff([*chosen, *(index + people for index in chosen[:1])])}
    assert not gaps or max(gaps) - min(gaps) <= 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=4, unique=True))
def test_shares_of_100_percent_are_everybody_and_each_is_rounded(shares: list[int]) -> None:
    left = 100 - sum(shares)
    if left < 1 or left in shares:
        return
    try:
        groups = groups_of(TOWN, [f"{share}%" for share in [*shares, left]])
    except InputError as error:
        assert "found nobody for" in str(error) and min(*shares, left) < 100 / len(TOWN.people)
        return
    everybody = [person for people in groups.values() for person in people]
    assert sorted(everybody) == sorted(TOWN.people)
    for key, people in groups.items():
        assert abs(len(people) - float(key[:-1]) * len(TOWN.people) / 100) <= 1


@pytest.mark.parametrize(
    ("words", "company"),
    [
        ("a=random,others=runs/x,y=z", {"a": "random", "others": "runs/x", "y": "z"}),
        ("a=runs/x,y/z=1/policy,others=random", {"a": "runs/x,y/z=1/policy", "others": "random"}),
        (" 50% = my.module:make , others=s3://bucket/a=b ", {"50%": "my.module:make", "others": "s3://bucket/a=b"}),
    ],
)
def test_paths_with_commas_and_equals_signs_are_paths(words: str, company: dict[str, str]) -> None:
    assert names_company(words) and company_of(words) == company
    assert not any(map(names_company, ("./a=b", "runs/a=b", "C:\\a=b", "my.module:make", "heuristic")))


@pytest.mark.parametrize(
    ("company", "message"),
    [
        ({"barrista": "random", "others": "heuristic"}, "expected a share .* did you mean 'barista'"),
        ({"anna": "random", "barista": "random", "others": "heuristic"}, "found anna in barista and in another group"),
        (
            {"anna": "random"},
            "found none for ben, cara, dan, erin, finn and 2 more, expected a behaviour",
        ),
        ({"100%": "random", "others": "heuristic"}, "found nobody for others, expected at least one"),
        ({"1%": "random", "others": "heuristic"}, "found nobody for 1%, expected at least one"),
        ({"60%": "random", "50%": "heuristic"}, "found shares of 110 %, expected at most 100 %"),
        ({"anna": "rondom", "others": "heuristic"}, "found 'rondom', expected one of"),
        ({"anna": "ben=random,others=random", "others": "random"}, "found mixed company for anna"),
        ({"anna": "neural", "others": "random"}, "--policy: found nothing"),
        ("anna=random,anna=heuristic", "found anna twice"),
        ("anna=random,others=", "found 'others=', expected KEY=BEHAVIOR"),
    ],
)
def test_unusable_company_is_named(tmp_path: Path, company: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        capture_rollout(DAY, tmp_path / "out", behavior=company)
    assert not (tmp_path / "out").exists()


def test_lineage_checks_the_weights_of_every_policy_among_the_members(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    train(load_scenario(QUEUE), TrainingOptions("rollout", Path("mine"), cycles=1, worlds=4))
    words = "anna=generalist,ben=mine,others=heuristic"
    assert main(["capture", str(QUEUE), "--behavior", words, "--output", "out"]) == 0
    scored = ["--scenario", str(QUEUE), "--worlds", "2", "--output", "scored/evaluation.json"]
    assert main(["evaluate", "--behavior", words, *scored]) == 0
    capsys.readouterr()
    for file in ("out/rollout_sample_manifest.json", "scored/evaluation.json"):
        assert main(["lineage", file]) == 0
        printed = capsys.readouterr().out
        assert (
            printed.count("── policy ") == 2 and "mine/policy.json" in printed and "generalist/policy.json" in printed
        )
    artefact = artefact_of(Path("out/rollout_sample_manifest.json"))
    assert artefact is not None and f"townlet capture --behavior {words} --worlds" in artefact.made_by
    shutil.rmtree("mine")
    assert main(["lineage", "out/rollout_sample_manifest.json"]) == 1
    assert "policy.safetensors: found " in capsys.readouterr().err


def test_a_network_learns_from_mixed_company(tmp_path: Path) -> None:
    """With importance weights where everybody's log-probabilities are known, by cloning otherwise."""
    policy = saved_policy(tmp_path / "policy", load_scenario(QUEUE))
    for others, method in (("random", "vtrace"), ("heuristic", "cloning")):
        manifest = capture(tmp_path / others, behavior={"anna": str(policy), "others": others})
        output = tmp_path / others / "policy"
        options = TrainingOptions(mode="replay", output=output, replay_manifest=manifest, cycles=1, epochs=1)
        log = train(load_scenario(QUEUE), options).log
        assert json.loads(log.read_text().splitlines()[0])["replay_method"] == method


def test_inspection_and_playback_say_who_acted_and_show_what_each_saw(tmp_path: Path) -> None:
    """The outputs of every member are those recorded, though the town shows more than each of them knows."""
    blind = saved_policy(tmp_path / "blind", TOWN, conflict_features=False)
    seeing = saved_policy(tmp_path / "seeing", TOWN, mode="hybrid", map_radius=1, offers=True)
    own = from_logits(lambda observation, mask: observation[:, -mask.shape[1] :], name="mine")
    company = {"anna": str(blind), "clerk": str(seeing), "ben": own, "others": "heuristic"}
    capture_rollout(DAY, tmp_path / "out", behavior=company, ticks=30, worlds=1)
    manifest = tmp_path / "out" / "rollout_sample_manifest.json"
    capture = read_capture(manifest)
    for agent, who in (("anna", {"policy": blind}), ("dan", {"policy": seeing}), ("ben", {"behavior": own})):
        at = 25, 0, capture.manifest.people.index(agent)
        given: Any = {"policy": None, **who}
        found = inspect_moment(given.pop("policy"), manifest, tick=25, agent=agent, **given)
        assert found.acted and np.log(found.probabilities[found.action]) == pytest.approx(
            capture.buffer.log_prob[at], abs=1e-5
        )
        assert found.value is None or found.value == pytest.approx(capture.buffer.value[at], abs=1e-5)
        assert not inspect_moment(who.get("policy"), manifest, tick=25, agent="cara", **given).acted
    simulated = resimulate(manifest, policy=seeing)
    assert simulated.policy_outputs is not None
    assert simulated.policy_outputs.acted_for == ["dan", "finn", "hugo"]
    document = world_document(simulated)
    assert document["policy_outputs"]["acted"] == [name in ("dan", "finn", "hugo") for name in TOWN.people]
    acts = dict(zip(document["people"], document["company"], strict=True))
    assert acts["anna"] == ["anna", "neural", read_card(blind).sha256, True]
    assert acts["ben"] == ["ben", "mine", None, False] and acts["cara"] == ["others", "heuristic", None, False]
    with pytest.raises(InputError, match="expected"):
        inspect_moment(saved_policy(tmp_path / "far", TOWN, mode="full"), manifest, tick=1, agent="anna")


def test_behaviours_of_one_name_have_labels_of_their_own() -> None:
    """By its label each is scored alone, so two under one label would be one."""
    each = [from_logits(lambda observation, mask: mask * 1.0, name="mine") for _ in range(3)]
    choice = choose_behavior(TOWN, {"anna": each[0], "ben": each[1], "cara": each[2], "others": each[0]})
    labels = {key: group.label for key, group in choice.behavior.groups.items()}
    assert labels == {"anna": "mine", "ben": "mine (2)", "cara": "mine (3)", "others": "mine"}
