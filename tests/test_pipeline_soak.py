"""Baselines and soaks as assets: a night of a small scenario, from its baseline to what the soak left."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, MultiPartitionKey, materialize
from pipeline_runs import materialized, new_instance
from tiny_soak import tiny_scenario

from townlet.baselines import promote, read_baseline
from townlet.config import load_scenario
from townlet.soak.read import read_soak
from townlet_pipeline import assets, checks
from townlet_pipeline.partitions import register_scenarios
from townlet_pipeline.resources import SimulatorResource, StoreResource, TrainerResource

NAME = "queue_conflict"
NIGHT = MultiPartitionKey({"day": "2026-11-03", "scenario": NAME})
WEEK = MultiPartitionKey({"week": "2026-11-02", "scenario": NAME})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project of its own, whose scenario takes a moment."""
    root = tmp_path_factory.mktemp("project")
    tiny_scenario(root / "configs" / "scenarios")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TOWNLET_PROJECT", str(root))
        yield root


@pytest.fixture(scope="module")
def instance(project: Path) -> DagsterInstance:
    (project / "home").mkdir()
    found = new_instance(project / "home")
    register_scenarios(found)
    return found


def make(instance: DagsterInstance, partition: str | None, names: set[str], **config: dict[str, Any]) -> Any:
    """Materialize assets by name with their checks."""
    every = [*assets.ALL, *assets.SOAK]
    chosen = [asset for asset in every if {key.to_user_string() for key in asset.keys} & names]
    judged = [
        check
        for check in (*checks.ALL, *checks.SOAK)
        if {key.asset_key.to_user_string() for key in check.check_keys} & names
    ]
    ops = {name: {"config": options} for name, options in config.items()}
    resources = {"store": StoreResource(), "simulator": SimulatorResource(), "trainer": TrainerResource()}
    run_config = {"ops": ops, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return materialize(
        [*chosen, *judged],
        instance=instance,
        partition_key=partition,
        resources=resources,
        run_config=run_config,
        raise_on_error=False,
    )


@pytest.fixture(scope="module")
def measured(instance: DagsterInstance, project: Path) -> Any:
    """The scenario's baseline, measured and then promoted."""
    result = make(instance, NAME, {"scenario", "conflict_baselines"}, conflict_baselines={"worlds": 2})
    assert result.success
    file = project / "runs" / "store" / NAME / "conflict_baselines" / "baseline.json"
    scenario = load_scenario(project / "configs" / "scenarios" / f"{NAME}.yaml")
    promote(file, scenario, reason="a test", by="ada", folder=project / "baselines")
    return result


def judged(result: Any) -> dict[str, bool]:
    """The checks of a run and whether they hold."""
    return {evaluation.check_name: evaluation.passed for evaluation in result.get_asset_check_evaluations()}


def test_a_baselines_page_names_its_rollouts_code_and_promotions(
    measured: Any, instance: DagsterInstance, project: Path
) -> None:
    assert judged(measured)["baseline_is_whole"]
    first = materialized(measured)["conflict_baselines"].metadata
    baseline = read_baseline(project / "runs" / "store" / NAME / "conflict_baselines" / "baseline.json")
    assert first["rollouts"].value == baseline.manifests and len(baseline.manifests) == 30
    assert first["promotions"].records == []
    again = make(instance, NAME, {"conflict_baselines"}, conflict_baselines={"worlds": 2})
    second = materialized(again)["conflict_baselines"]
    (promotion,) = second.metadata["promotions"].records
    assert (promotion.data["by"], promotion.data["reason"], promotion.data["replaced"]) == ("ada", "a test", "nothing")
    versions = [made.tags["dagster/data_version"] for made in (second, materialized(measured)["conflict_baselines"])]
    assert versions[0] == versions[1]


def test_the_document_is_checked_against_the_one_in_the_project(
    measured: Any, instance: DagsterInstance, project: Path
) -> None:
    result = make(instance, None, {"baseline_document"})
    assert result.success or judged(result) == {"baselines_come_out_again": False}
    page = project / "runs" / "store" / "all" / "baseline_document" / "queue_conflict_baselines.md"
    kept = project / "docs" / "ops" / page.name
    kept.parent.mkdir(parents=True)
    kept.write_bytes(page.read_bytes())
    assert judged(make(instance, None, {"baseline_document"})) == {"baselines_come_out_again": True}
    assert materialized(result)["baseline_document"].metadata["differing"].value == []


def test_a_night_is_soaked_against_the_promoted_baseline_with_a_seed_of_its_own(
    measured: Any, instance: DagsterInstance, project: Path
) -> None:
    # Nights come by themselves, also where nobody has materialized the scenario.
    shutil.rmtree(project / "runs" / "store" / NAME / "scenario")
    result = make(instance, NIGHT, {"soak_run"}, soak_run={"cycles": 3})
    assert result.success and judged(result) == {"soak_is_whole": True}
    folder = Path(str(materialized(result)["soak_run"].metadata["path"].value))
    soak = read_soak(folder)
    ledger = json.loads((project / "baselines" / NAME / "promoted.json").read_text())
    assert soak.manifest["baseline"]["sha256"] == ledger["promotions"][-1]["baseline"]
    assert (soak.manifest["night"], soak.manifest["seed"], soak.manifest["cycles_done"]) == ("2026-11-03", 739923, 3)
    again = make(instance, NIGHT, {"soak_run"}, soak_run={"cycles": 3})
    versions = [materialized(made)["soak_run"].tags["dagster/data_version"] for made in (result, again)]
    assert versions[0] == versions[1]
    (folder / "cycles.jsonl").write_bytes((folder / "cycles.jsonl").read_bytes().replace(b"1", b"2", 1))
    spoilt = make(instance, NIGHT, {"soak_run"}, soak_run={"cycles": 3})
    assert not spoilt.success


def test_an_endurance_run_goes_on_in_fresh_processes(measured: Any, instance: DagsterInstance) -> None:
    result = make(instance, WEEK, {"endurance_run"}, endurance_run={"hours": 1.0, "cycles": 3, "restart_every": 2})
    assert result.success and judged(result) == {"endurance_is_whole": True}
    made = materialized(result)["endurance_run"].metadata
    assert (made["cycles"].value, made["processes"].value) == (3, 2)
