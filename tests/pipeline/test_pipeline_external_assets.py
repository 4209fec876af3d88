"""External assets: what people edit, promote and pin is in the graph, and makes stale what hangs on it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetKey,
    AssetMaterialization,
    AssetsDefinition,
    AssetSelection,
    DagsterInstance,
    DataVersion,
    Definitions,
    MaterializeResult,
    MultiPartitionKey,
    SensorResult,
    asset,
    build_sensor_context,
    evaluate_automation_conditions,
    materialize,
)
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest
from support.pipeline_runs import new_instance
from support.places import ROOT
from support.scenario_sensor import SCENARIO, carried_out, project_with_one_scenario
from support.scenario_sensor import evaluate as evaluate_files

from townlet_pipeline.artefacts.automation import WHEN_NEW_OR_CHANGED, automated
from townlet_pipeline.artefacts.external import reported_version
from townlet_pipeline.artefacts.partitions import add_scenarios, known_soaked_scenarios, scenarios
from townlet_pipeline.column.scenario_file import scenario_file_asset
from townlet_pipeline.definitions import defs
from townlet_pipeline.soak.external_assets import pinned_capture, promoted_baseline
from townlet_pipeline.soak.partitions import nights, weekends
from townlet_pipeline.soak.promotions import promotions, report_promotions

SOAKED = "queue_conflict"
GRAPH = defs.resolve_asset_graph()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two scenarios, one of which has a pinned capture and the first of its two promoted baselines."""
    root = tmp_path / "project"
    folder = project_with_one_scenario(root, monkeypatch)
    shutil.copy(ROOT / "configs" / "scenarios" / f"{SOAKED}.yaml", folder)
    for kind in ("baselines", "artifacts/phase4"):
        shutil.copytree(ROOT / kind / SOAKED, root / kind / SOAKED)
    ledger = root / "baselines" / SOAKED / "promoted.json"
    content = json.loads(ledger.read_text())
    ledger.write_text(json.dumps({**content, "promotions": content["promotions"][:1]}))
    return root


@pytest.fixture
def instance(project: Path, tmp_path: Path) -> Iterator[DagsterInstance]:
    with new_instance(tmp_path) as made:
        evaluate_files(made, None)
        yield made


def promote_the_second(project: Path) -> str:
    """Bring the second promotion into the project, as a `git pull` does, and return its version."""
    ledger = json.loads((ROOT / "baselines" / SOAKED / "promoted.json").read_text())
    ledger["promotions"] = ledger["promotions"][:2]
    (project / "baselines" / SOAKED / "promoted.json").write_text(json.dumps(ledger))
    return str(ledger["promotions"][1]["baseline"])


def evaluate(instance: DagsterInstance) -> SensorResult:
    """One evaluation of the sensor `promotions`, its requests carried out as the daemon does."""
    return carried_out(instance, promotions(build_sensor_context(instance=instance)))


def soaked_keys(instance: DagsterInstance) -> set[str]:
    """The scenarios of which there are nights, and weekends."""
    found = [
        {str(key).split("|")[position] for key in made.get_partition_keys(dynamic_partitions_store=instance)}
        for made, position in ((nights, 1), (weekends, 0))
    ]
    assert found[0] == found[1]
    return found[0]


def test_only_scenarios_with_a_promoted_baseline_have_nights_and_a_promotion_adds_one(
    project: Path, instance: DagsterInstance
) -> None:
    add_scenarios(instance, [f"{SOAKED}__bold"])
    assert soaked_keys(instance) == set()
    evaluate(instance)
    assert soaked_keys(instance) == {SOAKED}
    shutil.copytree(ROOT / "baselines" / SCENARIO, project / "baselines" / SCENARIO)
    shutil.copytree(ROOT / "baselines" / SCENARIO, project / "baselines" / "of_no_partition")
    evaluate(instance)
    assert soaked_keys(instance) == {SOAKED, SCENARIO} == set(known_soaked_scenarios(instance))


def test_a_promotion_is_reported_once_with_the_answers_to_six_questions(
    project: Path, instance: DagsterInstance
) -> None:
    first = evaluate(instance)
    assert {event.asset_key.to_user_string() for event in first.asset_events} == {"promoted_baseline", "pinned_capture"}
    assert evaluate(instance).asset_events == []
    version = promote_the_second(project)
    assert report_promotions(instance) == []
    assert evaluate(instance).asset_events == []
    reported = instance.fetch_materializations(AssetKey("promoted_baseline"), limit=10).records
    assert len(reported) == 2
    made = reported[0].asset_materialization
    assert made is not None and made.partition == SOAKED
    assert (made.tags or {})["dagster/data_version"] == version
    assert reported_version(instance, "promoted_baseline", SOAKED) == version
    questions = {name: str(value.value) for name, value in made.metadata.items() if name.endswith("?")}
    promotion = json.loads((project / "baselines" / SOAKED / "promoted.json").read_text())["promotions"][1]
    assert len(questions) == 6 and all(questions.values())
    assert promotion["by"] in questions["Who promoted it?"] and promotion["reason"] == questions["Why?"]
    assert promotion["parent"][:12] in questions["What did it replace?"]


def test_a_damaged_ledger_and_a_damaged_capture_are_named_and_the_others_are_reported(
    project: Path, instance: DagsterInstance
) -> None:
    shutil.copytree(ROOT / "baselines" / SCENARIO, project / "baselines" / SCENARIO)
    (project / "baselines" / SCENARIO / "promoted.json").write_text("{")
    (project / "artifacts" / "phase4" / SOAKED / "rollout_sample_manifest.json").write_text("[]")
    result = evaluate(instance)
    said = str(result.skip_reason.skip_message if result.skip_reason else "")
    assert "promoted.json" in said and "rollout_sample_manifest.json" in said
    assert {(event.asset_key.to_user_string(), event.partition) for event in result.asset_events} == {
        ("promoted_baseline", SOAKED)
    }


@asset(deps=["promoted_baseline"], partitions_def=nights)
def soak_run() -> MaterializeResult[None]:
    return MaterializeResult(data_version=DataVersion("a soak"))


@asset(deps=["scenario_file"], partitions_def=scenario_file_asset.partitions_def)
def scenario() -> MaterializeResult[None]:
    return MaterializeResult(data_version=DataVersion("a scenario"))


def status(instance: DagsterInstance, made: AssetsDefinition, key: str) -> str:
    """Whether the UI shows a partition as fresh or stale."""
    every = Definitions(assets=[promoted_baseline, pinned_capture, scenario_file_asset, scenario, soak_run])
    resolver = CachingStaleStatusResolver(instance, every.resolve_asset_graph(), LoadingContextForTest(instance))
    return str(resolver.get_status(made.key, key).value)


def test_a_promotion_makes_the_nights_of_its_scenario_stale_until_they_are_made_again(
    project: Path, instance: DagsterInstance
) -> None:
    shutil.copytree(ROOT / "baselines" / SCENARIO, project / "baselines" / SCENARIO)
    evaluate(instance)
    of_both = [MultiPartitionKey({"day": "2026-11-03", "scenario": name}) for name in (SOAKED, SCENARIO)]

    def soak(night: str) -> None:
        assert materialize([promoted_baseline, soak_run], instance=instance, partition_key=night).success

    for night in of_both:
        soak(night)
    assert [status(instance, soak_run, night) for night in of_both] == ["FRESH", "FRESH"]
    promote_the_second(project)
    evaluate(instance)
    assert [status(instance, soak_run, night) for night in of_both] == ["STALE", "FRESH"]
    soak(of_both[0])
    assert [status(instance, soak_run, night) for night in of_both] == ["FRESH", "FRESH"]


def test_an_edit_makes_the_copy_of_its_scenario_stale_and_an_edited_comment_does_not(
    project: Path, instance: DagsterInstance
) -> None:
    cursor = evaluate_files(instance, None).cursor
    for name in (SCENARIO, SOAKED):
        assert materialize([scenario_file_asset, scenario], instance=instance, partition_key=name).success
    file = project / "configs" / "scenarios" / f"{SCENARIO}.yaml"
    file.write_text(f"# a comment\n{file.read_text()}")
    commented = evaluate_files(instance, cursor)
    assert (commented.asset_events, status(instance, scenario, SCENARIO)) == ([], "FRESH")
    file.write_text(file.read_text().replace("seed: 17", "seed: 18"))
    evaluate_files(instance, commented.cursor)
    assert [status(instance, scenario, name) for name in (SCENARIO, SOAKED)] == ["STALE", "FRESH"]


def made(name: str, key: str, version: str) -> AssetMaterialization:
    """The report of an asset that was made by hand."""
    return AssetMaterialization(name, partition=key, tags={"dagster/data_version": version})


def requested(instance: DagsterInstance, cursor: Any = None) -> tuple[dict[str, set[str]], Any]:
    """The partitions that one evaluation requests for the two sensors that are off, by asset; and the next cursor."""
    sensors = [defs.resolve_sensor_def(name) for name in ("stale_columns", "stale_soaks")]
    keys = {key for made in sensors if (chosen := made.asset_selection) for key in chosen.resolve(GRAPH)}
    result = evaluate_automation_conditions(defs, instance, AssetSelection.assets(*keys), cursor=cursor)
    found = {key.to_user_string(): result.get_requested_partitions(key) for key in keys}
    return {name: partitions for name, partitions in found.items() if partitions}, result.cursor


def test_conditions_ask_for_the_column_of_an_edited_scenario_and_for_the_last_night_after_a_promotion(
    project: Path, instance: DagsterInstance
) -> None:
    """What the two sensors request once they are switched on."""
    files = evaluate_files(instance, None).cursor
    evaluate(instance)
    last = max(str(key) for key in nights.get_partition_keys(dynamic_partitions_store=instance))
    for night in (f"2026-11-03|{SOAKED}", last):
        for name in ("soak_run", "soak_drift", "acceptance_report"):
            instance.report_runless_asset_event(made(name, night, "first"))
    at_first, cursor = requested(instance)
    assert at_first == {}, "switching them on makes nothing"
    promote_the_second(project)
    evaluate(instance)
    file = project / "configs" / "scenarios" / f"{SCENARIO}.yaml"
    file.write_text(file.read_text().replace("seed: 17", "seed: 18"))
    evaluate_files(instance, files)
    changed, cursor = requested(instance, cursor)
    column = defs.resolve_job_def("train_scenario").asset_layer.executable_asset_keys
    assert changed == {
        **{name: {SCENARIO} for name in {*(key.to_user_string() for key in column), "conflict_baselines"}},
        **{name: {last} for name in ("soak_run", "soak_drift", "acceptance_report")},
    }
    unchanged, cursor = requested(instance, cursor)
    assert unchanged == {}
    instance.report_runless_asset_event(made("soak_run", last, "second"))
    soaked_again, _ = requested(instance, cursor)
    assert soaked_again == {name: {last} for name in ("soak_drift", "acceptance_report")}


def test_what_one_run_makes_together_is_not_made_again_and_what_it_leaves_out_is(
    project: Path, instance: DagsterInstance
) -> None:
    version = "first"

    @asset(partitions_def=scenarios)
    def copied() -> MaterializeResult[None]:
        return MaterializeResult(data_version=DataVersion(version))

    @asset(deps=[copied], partitions_def=scenarios)
    def recorded() -> None: ...

    both = automated([copied, recorded], WHEN_NEW_OR_CHANGED)

    def run(chosen: list[AssetsDefinition]) -> None:
        assert materialize(both, instance=instance, partition_key=SOAKED, selection=chosen).success

    def asked(cursor: Any) -> tuple[set[str], Any]:
        found = evaluate_automation_conditions(both, instance, cursor=cursor)
        return found.get_requested_partitions(recorded.key), found.cursor

    run(both)
    _, cursor = asked(None)
    version = "second"
    run(both)
    together, cursor = asked(cursor)
    run([both[0]])
    same, cursor = asked(cursor)
    version = "third"
    run([both[0]])
    alone, cursor = asked(cursor)
    assert (together, same, alone) == (set(), set(), {SOAKED})


def test_the_sensor_of_promotions_is_on_and_those_that_cost_are_off() -> None:
    found = {sensor.name: sensor for sensor in defs.get_repository_def().sensor_defs}
    on = {name: sensor.default_status.value for name, sensor in found.items()}
    assert (on["promotions"], on["stale_columns"], on["stale_soaks"]) == ("RUNNING", "STOPPED", "STOPPED")
    assert (found["promotions"].minimum_interval_seconds or 0) <= 60
