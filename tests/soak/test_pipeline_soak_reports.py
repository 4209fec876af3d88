"""Soaks in Dagster: one in the store becomes a verdict, a page, and advisories that warn or report an error."""

from __future__ import annotations

import json
import re
import shutil
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from dagster import AssetCheckSeverity, DagsterInstance, ExecuteInProcessResult, MultiPartitionKey, materialize
from support.pipeline_runs import new_instance
from support.places import QUEUE_CONFLICT, ROOT
from support.services import free_port

from townlet.baselines import read_baseline
from townlet.baselines.baseline import distribution_of, write_baseline
from townlet.baselines.build import build_baseline
from townlet.metrics import MEMORY
from townlet.soak.evidence import assess_soak
from townlet.soak.manifest import sealed
from townlet.soak.options import SoakOptions
from townlet.soak.run import run_soak
from townlet_pipeline.artefacts.metadata import markdown_of
from townlet_pipeline.artefacts.partitions import soaked_scenarios
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.instance.pages import PORT, page_server, served_folder
from townlet_pipeline.soak import advisories
from townlet_pipeline.soak.assets.acceptance_report import acceptance_report
from townlet_pipeline.soak.assets.endurance_report import endurance_report
from townlet_pipeline.soak.assets.soak_drift import soak_drift
from townlet_pipeline.soak.verdict_table import verdict_table

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
    made.add_dynamic_partitions(str(soaked_scenarios.name), [NIGHT.keys_by_dimension["scenario"]])
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


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a page server of a project that has a store of its own."""
    project, number = tmp_path / "project", free_port()
    (project / "configs").mkdir(parents=True)
    (project / "configs" / "scenarios").symlink_to(ROOT / "configs" / "scenarios")
    (project / "docs").symlink_to(ROOT / "docs")
    monkeypatch.setenv("TOWNLET_PROJECT", str(project))
    monkeypatch.setenv(PORT, str(number))
    with page_server(served_folder(), number) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield number
        server.shutdown()


def opened(url: str) -> str:
    """The body of a page, once it is found with its anchor."""
    with urllib.request.urlopen(url, timeout=20) as answer:
        body: str = answer.read().decode()
    anchor = urlsplit(url).fragment
    assert not anchor or f'id="{anchor}"' in body, url
    return body


def test_a_steady_night_passes_its_checks_and_every_link_of_its_report_leads_somewhere(
    soaked: Path, port: int, instance: DagsterInstance
) -> None:
    store = StoreResource()
    soak_in_store(soaked, store, NIGHT, "soak_run")
    done = a_night(instance, store)
    assert done.success, [event.message for event in done.all_events if event.is_failure]
    assert all(evaluation.passed for evaluation in done.get_asset_check_evaluations())
    made = done.asset_materializations_for_node("acceptance_report")[0].metadata
    assert made["headline"].value == "accept: Nothing changed that chance does not explain."
    assert set(made["made_from"].value) == {"soak_run", "soak_drift"}  # type: ignore[arg-type]
    page = str(made["page"].value)
    assert page.startswith(f"http://127.0.0.1:{port}/queue_conflict/nights/2026-11-20/acceptance_report/")
    markdown = str(made["report"].value)
    assert "**✓ Accept.**" in markdown
    file = store.folder(NIGHT, "acceptance_report") / "acceptance.html"
    for origin, targets in (
        (page, re.findall(r'<a href="([^"]+)"', opened(page))),
        ("", re.findall(r"(?<!!)\[[^\]]*\]\(([^)]+)\)", markdown)),
    ):
        assert f"http://127.0.0.1:3000/runs/{done.run_id}" in targets
        assert f"http://127.0.0.1:{port}/handbook#night-accepted" in targets
        assert sum("soak_run/" in target for target in targets) == 5
        for target in targets:
            if not target.startswith("http://127.0.0.1:3000/"):
                assert opened(urljoin(origin, target))
            if "://" not in target:
                assert (file.parent / target).exists()


def test_a_link_to_a_file_that_is_not_served_becomes_text(port: int, tmp_path: Path) -> None:
    served, other = served_folder() / "all" / "report.md", tmp_path / "report.md"
    for file in (served, other):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("- [log](../log.jsonl)\n- [run](http://ui/runs/1)\n- ![plot](data:image/png;base64,AA==)\n")
    run_and_plot = "- [run](http://ui/runs/1)\n- ![plot](data:image/png;base64,AA==)\n"
    assert markdown_of(served).value == f"- [log](http://127.0.0.1:{port}/log.jsonl)\n{run_and_plot}"
    assert markdown_of(other).value == f"- log (../log.jsonl)\n{run_and_plot}"


def test_the_table_gives_memory_in_mb(soaked: Path) -> None:
    evidence = assess_soak(soaked / "soak")
    memory = next(metric for metric in evidence.assessment.metrics if metric.name == MEMORY)
    rows = {str(row.data["metric"]): row.data for row in verdict_table(evidence).records}
    assert (rows[MEMORY]["soak"], rows[MEMORY]["unit"]) == (memory.mean / 1e6, "MB")


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
    made = done.asset_materializations_for_node("acceptance_report")[0].metadata
    assert str(made["headline"].value).startswith("reject: Conflict intensity lay 1")
    assert "1. Read `git log` since the last accepted night" in str(made["report"].value)


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


def test_an_endurance_run_too_short_to_judge_memory_says_so(
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
    assert checked.passed
    assert "Not enough data to assess resident memory" in str(checked.metadata["reasons"].value)
