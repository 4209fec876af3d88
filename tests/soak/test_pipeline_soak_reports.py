"""Soaks in Dagster: one in the store becomes a verdict, a page, and advisories that warn or report an error."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from dagster import AssetCheckSeverity, DagsterInstance, ExecuteInProcessResult, MultiPartitionKey, materialize
from support.pipeline_runs import new_instance
from support.places import QUEUE_CONFLICT

from townlet.baselines import read_baseline
from townlet.baselines.baseline import distribution_of, write_baseline
from townlet.baselines.build import build_baseline
from townlet.soak.manifest import sealed
from townlet.soak.options import SoakOptions
from townlet.soak.run import run_soak
from townlet_pipeline.artefacts.partitions import register_scenarios
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.soak import advisories
from townlet_pipeline.soak.assets.acceptance_report import acceptance_report
from townlet_pipeline.soak.assets.endurance_report import endurance_report
from townlet_pipeline.soak.assets.soak_drift import soak_drift

SCENARIO = QUEUE_CONFLICT
NIGHT = MultiPartitionKey({"day": "2026-11-20", "scenario": "queue_conflict"})
WEEKEND = MultiPartitionKey({"week": "2026-11-16", "scenario": "queue_conflict"})
INTENSITY = "queue_conflict_intensity_per_1000"


@pytest.fixture(scope="module")
def soaked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A soak of eighteen cycles and its baseline."""
    folder = tmp_path_factory.mktemp("soaked")
    baseline = build_baseline(SCENARIO, folder / "baseline", seeds=12, worlds=64, captures=False).path
    run_soak(SoakOptions(scenario=SCENARIO, output=folder / "soak", baseline=baseline, cycles=18, learning=False))
    return folder


@pytest.fixture
def instance(tmp_path: Path) -> DagsterInstance:
    home = tmp_path / "home"
    home.mkdir()
    made = new_instance(home)
    register_scenarios(made)
    return made


def soak_in_store(soaked: Path, store: StoreResource, key: str, asset: str) -> Path:
    return Path(shutil.copytree(soaked / "soak", store.folder(key, asset)))


def a_night(instance: DagsterInstance, store: StoreResource) -> ExecuteInProcessResult:
    checks = [check for check in advisories.ALL if check is not advisories.endured]
    return materialize(
        [soak_drift, acceptance_report, *checks],
        instance=instance,
        partition_key=NIGHT,
        resources={"store": store},
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
    )


def test_a_steady_night_passes_its_checks_and_its_page_leads_to_the_soak(
    soaked: Path, instance: DagsterInstance, tmp_path: Path
) -> None:
    store = StoreResource(root=str(tmp_path / "store"))
    soak_in_store(soaked, store, NIGHT, "soak_run")
    done = a_night(instance, store)
    assert done.success, [event.message for event in done.all_events if event.is_failure]
    assert all(evaluation.passed for evaluation in done.get_asset_check_evaluations())
    folder = store.folder(NIGHT, "acceptance_report")
    assert json.loads((folder / "acceptance.json").read_text())["verdict"] == "accept"
    page = (folder / "acceptance.html").read_text()
    assert f'href="/runs/{done.run_id}"' in page
    assert (folder / "../soak_run/cycles.jsonl").exists()
    assert 'href="../soak_run/cycles.jsonl"' in page
    made = done.asset_materializations_for_node("acceptance_report")[0]
    assert "**Accept.**" in str(made.metadata["report"].value)
    assert set(made.metadata["made_from"].value) == {"soak_run", "soak_drift"}  # type: ignore[arg-type]


def test_a_night_that_drifted_is_reported_in_full_and_fails_its_check(
    soaked: Path, instance: DagsterInstance, tmp_path: Path
) -> None:
    store = StoreResource(root=str(tmp_path / "store"))
    folder = soak_in_store(soaked, store, NIGHT, "soak_run")
    baseline = read_baseline(next((soaked / "baseline").glob("baseline-*.json")))
    shifted = [1.2 * sample for sample in baseline.metrics[INTENSITY].samples]
    metrics = baseline.metrics | {INTENSITY: distribution_of(shifted)}
    other = write_baseline(folder, baseline.model_copy(update={"metrics": metrics}).sealed())
    manifest = json.loads((folder / "soak.json").read_text())
    manifest["baseline"] = {"file": Path(other).name, "sha256": read_baseline(other).sha256}
    (folder / "soak.json").write_text(json.dumps(sealed(manifest)))
    done = a_night(instance, store)
    assert done.success, [event.message for event in done.all_events if event.is_failure]
    checks = {one.check_name: one for one in done.get_asset_check_evaluations()}
    drifted = checks["steady_against_baseline"]
    assert (drifted.passed, drifted.severity) == (False, AssetCheckSeverity.ERROR)
    assert "Conflict intensity" in str(drifted.description)
    red, verdict = (
        checks["night_is_accepted"],
        json.loads((store.folder(NIGHT, "soak_drift") / "drift.json").read_text()),
    )
    assert (red.passed, red.severity) == (False, AssetCheckSeverity.ERROR)
    assert red.description == f"reject: {verdict['why']} {verdict['next_step']}"
    assert str(red.metadata["handbook"].value).endswith(f"#{verdict['handbook']}")
    assert checks["report_says_what_was_found"].passed


def test_a_soak_that_was_altered_stops_the_night_with_the_file_and_no_report(
    soaked: Path, instance: DagsterInstance, tmp_path: Path
) -> None:
    store = StoreResource(root=str(tmp_path / "store"))
    cycles = soak_in_store(soaked, store, NIGHT, "soak_run") / "cycles.jsonl"
    cycles.write_text(cycles.read_text().replace("1", "2", 1))
    done = a_night(instance, store)
    assert not done.success
    assert "cycles.jsonl" in str(done.failure_data_for_node("soak_drift").error)  # type: ignore[union-attr]
    assert not (store.folder(NIGHT, "acceptance_report") / "acceptance.json").exists()


def test_an_endurance_run_too_short_to_judge_memory_says_so_and_is_held(
    soaked: Path, instance: DagsterInstance, tmp_path: Path
) -> None:
    store = StoreResource(root=str(tmp_path / "store"))
    (baseline,) = (soaked / "baseline").glob("baseline-*.json")
    short = store.folder(WEEKEND, "endurance_run")
    run_soak(SoakOptions(scenario=SCENARIO, output=short, baseline=baseline, cycles=8, learning=False))
    done = materialize(
        [endurance_report, advisories.endured],
        instance=instance,
        partition_key=WEEKEND,
        resources={"store": store},
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    (checked,) = done.get_asset_check_evaluations()
    assert (checked.passed, checked.severity) == (False, AssetCheckSeverity.WARN)
    assert str(checked.description).startswith("hold: ")
    assert "Not enough data to assess resident memory" in str(checked.metadata["reasons"].value)
