"""Soaks: replay and rollout in turn, a row of metrics per cycle, and the baseline's behaviour for comparison."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.left_behind import outputs
from support.places import ROOT
from support.tiny_soak import rows_of, tiny_baseline, tiny_options, tiny_scenario

from townlet.baselines import read_baseline, scenario_sha256
from townlet.baselines.measure import measure_seed
from townlet.behavior import ScriptedBehavior
from townlet.behavior.network import ActorCritic
from townlet.behavior.policy_file import save_policy
from townlet.cli import main
from townlet.config import load_scenario
from townlet.config.dump import scenario_yaml
from townlet.errors import InputError
from townlet.soak.cycle import cycle_seed
from townlet.soak.endurance import endure
from townlet.soak.options import SoakOptions
from townlet.soak.pinned_capture import pin_capture
from townlet.soak.progress import farthest_metric
from townlet.soak.read import read_soak
from townlet.soak.run import run_soak
from townlet.telemetry import read_records
from townlet.training.checkpoint import read_checkpoint
from townlet.world import Town


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> SoakOptions:
    return tiny_options(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def learnt(options: SoakOptions) -> Path:
    run_soak(options)
    return options.output


@pytest.fixture(scope="module")
def frozen(options: SoakOptions) -> Path:
    output = options.output.with_name("frozen")
    run_soak(dataclasses.replace(options, learning=False, output=output))
    return output


def network_of(folder: Path) -> dict[str, Any]:
    checkpoint = read_checkpoint(folder)
    assert checkpoint is not None
    return {name: array for name, array in checkpoint.arrays.items() if name.startswith("network.")}


def test_every_cycle_replays_then_rolls_out_and_its_telemetry_carries_its_number(learnt: Path) -> None:
    records = read_records(learnt / "telemetry.jsonl")
    assert [(r["data_mode"], r["cycle_id"]) for r in records[::2]] == [
        pair for cycle in range(1, 7) for pair in (("replay", cycle - 1), ("rollout", cycle))
    ]
    assert {r["telemetry_version"] for r in records} == {1.1}
    for row in rows_of(learnt):
        (first, second) = [r for r in records if r["cycle_id"] == row["cycle"] and r["data_mode"] == "rollout"]
        assert row["entropy"] == pytest.approx((first["batch_entropy_mean"] + second["batch_entropy_mean"]) / 2)
        assert row["reward_mean"] == pytest.approx(first["reward_mean"], rel=1e-6)
        assert row["queue_conflict_events_per_1000"] == pytest.approx(
            1000 * first["queue_conflict_events"] / first["counted_agent_steps"]
        )
        assert (row["first_epoch"], row["last_epoch"]) == (second["epoch"] - 3, second["epoch"])


def test_every_cycle_has_a_fresh_seed_from_which_its_towns_begin_anew(learnt: Path, options: SoakOptions) -> None:
    rows = rows_of(learnt)
    seeds = [row["seed"] for row in rows]
    assert seeds == [cycle_seed(0, cycle) for cycle in range(1, 7)] and len(set(seeds)) == 6
    assert not set(seeds) & {cycle_seed(1, cycle) for cycle in range(1, 1000)}
    scenario = load_scenario(options.scenario)
    for row in rows:
        alone = measure_seed(scenario, ScriptedBehavior(scenario), 4, row["seed"])
        assert {f"reference_{name}": value for name, value in alone.items()} == {
            name: value for name, value in row.items() if name.startswith("reference_")
        }


def test_without_learning_the_network_stays_what_it_was_and_with_learning_it_does_not(
    learnt: Path, frozen: Path, options: SoakOptions
) -> None:
    scenario = load_scenario(options.scenario)
    town = Town(scenario, worlds=1, seed=0)
    fresh = ActorCritic(
        len(town.observation_schema), len(town.action_names), scenario.training.network, seed=scenario.training.seed
    )
    for name, tensor in fresh.state_dict().items():
        assert np.array_equal(network_of(frozen)[f"network.{name}"], tensor.numpy())
        assert not np.array_equal(network_of(learnt)[f"network.{name}"], tensor.numpy())
    assert all("kl_divergence" not in row and row["entropy"] > 0 for row in rows_of(frozen))
    assert all(row["kl_divergence"] > 0 for row in rows_of(learnt))


def test_the_baselines_behavior_does_not_depend_on_what_the_network_learns(learnt: Path, frozen: Path) -> None:
    for with_learning, without in zip(rows_of(learnt), rows_of(frozen), strict=True):
        common = {name for name in without if name.startswith("reference_")}
        assert len(common) == 5 and all(with_learning[name] == without[name] for name in common)
    own = [[row["reward_mean"] for row in rows_of(folder)] for folder in (learnt, frozen)]
    assert own[0] != own[1]


def test_a_soak_with_a_fresh_process_now_and_then_leaves_the_same_bytes(learnt: Path, options: SoakOptions) -> None:
    output = options.output.with_name("restarted")
    parts = []
    result = endure(dataclasses.replace(options, output=output), restart_every=4, progress=parts.append)
    assert [part.cycles for part in parts] == [4] and result.finished and result.process == 2
    assert [part.standing.done for part in (*parts, result)] == [4, 6]
    assert result.standing.farthest == farthest_metric(rows_of(output), read_baseline(str(options.baseline)))
    assert outputs(output) == outputs(learnt)
    used = read_soak(output).resources
    assert used["process"].tolist() == [1, 1, 1, 1, 2, 2] and used["process_cycle"].tolist() == [1, 2, 3, 4, 1, 2]
    for few in (0, 2):
        with pytest.raises(InputError, match=f"--restart-every: found {few}, expected at least 3: a process's first 2"):
            endure(options, restart_every=few)


def test_an_error_in_a_fresh_process_is_reported_as_usual(learnt: Path, options: SoakOptions) -> None:
    with pytest.raises(InputError, match=r"soak: soak.json: found a soak, expected an empty folder") as refusal:
        run_soak(options)
    with pytest.raises(InputError) as in_a_process:
        endure(options, restart_every=3)
    assert in_a_process.value.faults == refusal.value.faults


def test_a_soak_can_be_made_longer_and_a_finished_one_is_left_as_it_is(learnt: Path, options: SoakOptions) -> None:
    output = options.output.with_name("longer")
    short = run_soak(dataclasses.replace(options, output=output, cycles=2))
    assert short.finished and read_soak(output).manifest["cycles_done"] == 2
    again = run_soak(dataclasses.replace(options, output=output, cycles=2), resume=True)
    assert again.already_done and again.standing is None
    result = run_soak(dataclasses.replace(options, output=output), resume=True)
    assert (result.cycles, result.resumed_cycle) == (6, 2)
    assert outputs(output) == outputs(learnt)
    with pytest.raises(InputError, match=r"--cycles: found 3, expected at least 6: so many are done"):
        run_soak(dataclasses.replace(options, output=output, cycles=3), resume=True)
    assert outputs(output) == outputs(learnt)


def test_in_another_checkout_a_soak_has_the_same_bytes(options: SoakOptions, tmp_path: Path) -> None:
    pinned = Path("artifacts") / "phase4" / "queue_conflict"
    for name in ("one", "two"):
        checkout = tmp_path / name
        shutil.copytree(ROOT / pinned, checkout / pinned)
        promoted = checkout / "baselines" / Path(str(options.baseline)).name
        promoted.parent.mkdir()
        promoted.write_bytes(Path(str(options.baseline)).read_bytes())
        capture = checkout / pinned / "rollout_sample_manifest.json"
        run_soak(dataclasses.replace(options, baseline=promoted, capture=capture, output=checkout / "soak", cycles=1))
    assert outputs(tmp_path / "one" / "soak") == outputs(tmp_path / "two" / "soak")
    manifest = read_soak(tmp_path / "one" / "soak").manifest
    assert manifest["capture"]["file"] == str(pinned / "rollout_sample_manifest.json")


def test_no_cycle_begins_after_the_given_hours(options: SoakOptions) -> None:
    output = options.output.with_name("hours")
    timed = dataclasses.replace(options, output=output, cycles=None, hours=1e-6)
    assert run_soak(timed).cycles == 1
    assert run_soak(timed, resume=True).already_done
    enough = 2.5 * float(read_soak(output).resources["seconds"][0]) / 3600
    result = run_soak(dataclasses.replace(timed, hours=enough), resume=True)
    spent = read_soak(output).resources["seconds"]
    assert result.cycles > 1 and spent.sum() >= enough * 3600 > spent[:-1].sum()


def test_alerts_are_recorded_in_the_cycle_that_raised_them(tmp_path: Path) -> None:
    strict = tiny_scenario(tmp_path / "strict", ("    kl: 0.5\n", "    kl: 0.0\n"))
    result = run_soak(tiny_options(tmp_path, scenario=strict, cycles=2))
    rows = rows_of(tmp_path / "soak")
    assert result.alerts == sum(len(row["alerts"]) for row in rows) > 0
    for row in rows:
        for alert in row["alerts"]:
            assert row["first_epoch"] <= alert["epoch"] <= row["last_epoch"]
    assert {"kl"} <= {alert["signal"] for row in rows for alert in row["alerts"]}
    assert read_soak(tmp_path / "soak").manifest["alerts"] == result.alerts


def test_a_soak_that_learns_ignores_the_bounds_that_learning_moves_and_its_manifest_names_them(tmp_path: Path) -> None:
    shipped = "    entropy: 0.02\n    queue_events_min: 1\n"
    broken = "    entropy: 99.0\n    queue_events_min: 1000000\n"
    strict = tiny_scenario(tmp_path / "strict", (shipped, broken), ("grad: 100.0", "grad: 0.0"))
    learning = tiny_options(tmp_path, scenario=strict, cycles=1)
    frozen = dataclasses.replace(learning, learning=False, output=tmp_path / "frozen")
    moved = {"entropy": 99.0, "queue_events_min": 1e6, "queue_intensity_min": 1.0, "shower_complete_min": 1.0}
    for options, ignored in ((learning, moved), (frozen, {})):
        run_soak(options)
        (row,) = rows_of(options.output)
        alarmed = {alert["signal"] for alert in row["alerts"]}
        assert (
            {"grad"} if ignored else {"grad", "entropy", "queue_events_min"}
        ) <= alarmed and not alarmed & ignored.keys()
        assert read_soak(options.output).manifest["bounds_not_applied"] == ignored


def test_a_baseline_of_a_policy_needs_that_policy_and_the_soak_begins_with_it(
    tmp_path: Path, options: SoakOptions
) -> None:
    scenario = load_scenario(options.scenario)
    town = Town(scenario, worlds=1, seed=0)

    def policy(seed: int) -> Path:
        torch.manual_seed(seed)
        network = ActorCritic(
            len(town.observation_schema), len(town.action_names), scenario.training.network, seed=seed
        )
        folder = tmp_path / f"policy-{seed}"
        save_policy(folder, network, observation=town.observation_schema, actions=town.action_names, provenance={})
        return folder / "policy.json"

    baseline = tiny_baseline(options.scenario, tmp_path / "baseline", policy=policy(5))
    assert read_baseline(baseline).behavior == "neural"
    asked = dataclasses.replace(options, baseline=baseline, output=tmp_path / "soak", cycles=2, learning=False)
    with pytest.raises(InputError, match=r"options: --policy: found nothing, expected the policy.json of"):
        run_soak(asked)
    with pytest.raises(InputError, match=r"the baseline's policy"):
        run_soak(dataclasses.replace(asked, policy=policy(6)))
    assert not (tmp_path / "soak").exists()
    run_soak(dataclasses.replace(asked, policy=policy(5)))
    # The same network, which does not learn, acts for the baseline and for itself, in equally many worlds.
    assert all(row["reference_reward_mean"] < 0 and row["reward_mean"] < 0 for row in rows_of(tmp_path / "soak"))
    assert network_of(tmp_path / "soak").keys() == network_of(options.output).keys()


def test_a_scenarios_soak_section_makes_soaks_smaller_and_nothing_else(options: SoakOptions, tmp_path: Path) -> None:
    sizes = "soak: {worlds: 2, rollout_ticks: 10, epochs: 1, capture_ticks: 5}\ntelemetry:\n"
    smaller = tiny_scenario(tmp_path / "smaller", ("telemetry:\n", sizes))
    plain, shortened = load_scenario(options.scenario), load_scenario(smaller)
    assert shortened.training == plain.training and shortened.digest != plain.digest
    assert (shortened.town_digest, scenario_sha256(shortened)) == (plain.town_digest, scenario_sha256(plain))
    run_soak(dataclasses.replace(options, scenario=smaller, output=tmp_path / "soak", cycles=1))
    capture = pin_capture(smaller, shortened, tmp_path / "capture")
    _, collected = read_records(tmp_path / "soak" / "telemetry.jsonl")
    assert (capture.manifest.ticks, capture.manifest.worlds) == (5, plain.capture.worlds)
    assert (collected["rollout_ticks"], collected["transitions"]) == (10, 10 * 2 * len(plain.people))
    # A section without a field is as none: hashes and written files stay.
    empty = tiny_scenario(tmp_path / "empty", ("telemetry:\n", "soak: {}\ntelemetry:\n"))
    assert load_scenario(empty).digest == plain.digest and "soak" not in scenario_yaml(plain)
    (tmp_path / smaller.name).write_text(scenario_yaml(shortened))
    assert load_scenario(tmp_path / smaller.name) == shortened


def test_senseless_options_are_refused_before_anything_is_written(options: SoakOptions, tmp_path: Path) -> None:
    output = tmp_path / "soak"
    asked = dataclasses.replace(options, output=output)
    other = tiny_scenario(tmp_path / "other", ("    decay_per_tick: 0.01\n", "    decay_per_tick: 0.02\n"))
    for changes, message in (
        ({"cycles": 0}, "--cycles: found 0, expected at least 1"),
        ({"cycles": None}, "--cycles: found nothing, expected a number of cycles, or --hours"),
        ({"hours": 0.0}, "--hours: found 0.0, expected more than 0"),
        ({"hours": float("nan")}, "--hours: found nan, expected more than 0"),
        ({"seed": -1}, "--seed: found -1, expected at least 0"),
        ({"baseline": None}, "expected a promoted baseline"),
        ({"scenario": other}, "the scenario has changed since; make a new baseline"),
        ({"scenario": tmp_path / "none.yaml"}, "none.yaml: found no such file"),
    ):
        changed: dict[str, Any] = changes
        with pytest.raises(InputError, match=message):
            if "baseline" in changed:
                # No baseline of that name is promoted.
                with pytest.MonkeyPatch.context() as elsewhere:
                    elsewhere.chdir(tmp_path)
                    run_soak(dataclasses.replace(asked, **changed))
            else:
                run_soak(dataclasses.replace(asked, **changed))
    assert not output.exists()


def test_the_command_soaks_and_says_where(options: SoakOptions, tmp_path: Path, capsys: Any) -> None:
    command = ["soak", str(options.scenario), "--baseline", str(options.baseline), "--frozen", "--cycles", "2"]
    assert main([*command, "--output", str(tmp_path / "soak")]) == 0
    assert "soaked queue_conflict for 2 cycles: " in capsys.readouterr().out
    assert main([*command, "--output", str(tmp_path / "soak"), "--resume"]) == 0
    assert "nothing left to do" in capsys.readouterr().out
    assert main([*command, "--output", str(tmp_path / "soak"), "--resume", "--seed", "4"]) == 2
    assert "soak.seed: found 0, expected 4" in capsys.readouterr().err
