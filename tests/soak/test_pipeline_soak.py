"""Baselines and soaks as assets: a nightly soak of a small scenario, from its baseline to the files it leaves."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, MultiPartitionKey, materialize
from support.left_behind import outputs
from support.pipeline_runs import materialized, new_instance
from support.tiny_soak import tiny_scenario

from townlet.baselines import promote, read_baseline
from townlet.capture import MANIFEST_NAME
from townlet.cli import main
from townlet.config import load_scenario
from townlet.files.storage import sha256
from townlet.lineage import RECORD_NAME, LineageError, read_record, trace
from townlet.soak.options import PINNED_CAPTURES
from townlet.soak.pinned_capture import pin_capture
from townlet.soak.read import read_soak
from townlet_pipeline.artefacts.partitions import register_scenarios
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.column import definitions as column
from townlet_pipeline.resources import SimulatorResource, TrainerResource
from townlet_pipeline.soak import definitions as soak
from townlet_pipeline.soak import progress
from townlet_pipeline.soak.promotions import report_promotions

NAME = "queue_conflict"
NIGHT = MultiPartitionKey({"day": "2026-11-03", "scenario": NAME})
LAST_NIGHT = MultiPartitionKey({"day": "2026-11-05", "scenario": NAME})
NEXT_NIGHT = MultiPartitionKey({"day": "2026-11-04", "scenario": NAME})
WEEK = MultiPartitionKey({"week": "2026-11-02", "scenario": NAME})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project of its own, with a tiny scenario."""
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
    every = [*column.ASSETS, *soak.ASSETS]
    chosen = [asset for asset in every if {key.to_user_string() for key in asset.keys} & names]
    checks = [
        check
        for check in (*column.CHECKS, *soak.CHECKS)
        if {key.asset_key.to_user_string() for key in check.check_keys} & names
    ]
    ops = {name: {"config": options} for name, options in config.items()}
    resources = {"store": StoreResource(), "simulator": SimulatorResource(), "trainer": TrainerResource()}
    run_config = {"ops": ops, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return materialize(
        [*chosen, *checks],
        instance=instance,
        partition_key=partition,
        resources=resources,
        run_config=run_config,
        raise_on_error=False,
    )


@pytest.fixture(scope="module")
def measured(instance: DagsterInstance, project: Path) -> Any:
    """The scenario's baseline, measured and then promoted; and its capture, pinned."""
    result = make(instance, NAME, {"scenario", "conflict_baselines"}, conflict_baselines={"worlds": 2})
    assert result.success
    file = project / "runs" / "store" / NAME / "conflict_baselines" / "baseline.json"
    scenario = load_scenario(project / "configs" / "scenarios" / f"{NAME}.yaml")
    promote(file, scenario, reason="a test", by="ada", folder=project / "baselines")
    pin_capture(project / "configs" / "scenarios" / f"{NAME}.yaml", scenario, project / PINNED_CAPTURES / NAME)
    assert report_promotions(instance) == []
    return result


def made_in(folder: Path) -> dict[str, str]:
    """The files of an asset, without measurements and without the record of its hashes."""
    return {name: content for name, content in outputs(folder).items() if name != RECORD_NAME}


def check_results(result: Any) -> dict[str, bool]:
    """Whether each check of a run holds."""
    return {evaluation.check_name: evaluation.passed for evaluation in result.get_asset_check_evaluations()}


def test_a_baselines_page_tells_what_was_measured_from_what_is_promoted_and_answers_for_the_promoted_one(
    measured: Any, instance: DagsterInstance, project: Path
) -> None:
    assert check_results(measured)["baseline_is_whole"]
    first = materialized(measured)["conflict_baselines"].metadata
    baseline = read_baseline(project / "runs" / "store" / NAME / "conflict_baselines" / "baseline.json")
    assert first["measured_rollouts"].value == baseline.manifests and len(baseline.manifests) == 30
    assert first["promoted_baseline_review"].value == "no baseline of this scenario is promoted"
    options = {"worlds": 2, "seeds": 3, "first_seed": 50}
    again = make(instance, NAME, {"conflict_baselines"}, conflict_baselines=options)
    page = materialized(again)["conflict_baselines"].metadata
    (promotion,) = page["promotions"].records
    assert (promotion.data["by"], promotion.data["reason"], promotion.data["replaced"]) == ("ada", "a test", "nothing")
    answers = {row.data["question"]: row.data["answer"] for row in page["promoted_baseline_review"].records}
    assert len(answers) == 6 and answers["Why?"] == "a test" and "seeds 0 to 29" in answers["Which rollouts?"]
    assert page["promoted_baseline"].value["baseline"] == baseline.sha256 != page["measured_baseline"].value
    assert page["measured_rollouts"].value.keys() == {str(seed) for seed in range(50, 53)}
    assert f"5 of 5 metrics have another mean than in the promoted {baseline.sha256[:12]}" in page["headline"].value


def test_the_same_figures_again_have_the_same_version_and_the_page_says_so(
    measured: Any, instance: DagsterInstance
) -> None:
    again = materialized(make(instance, NAME, {"conflict_baselines"}, conflict_baselines={"worlds": 2}))
    before = materialized(measured)["conflict_baselines"]
    made = again["conflict_baselines"]
    assert [each.tags["dagster/data_version"] for each in (made, before)] == [before.tags["dagster/data_version"]] * 2
    assert f"it is the promoted {before.metadata['measured_baseline'].value[:12]} itself" in (
        made.metadata["headline"].value
    )


def test_the_document_is_checked_against_the_one_in_the_project(
    measured: Any, instance: DagsterInstance, project: Path
) -> None:
    result = make(instance, None, {"baseline_document"})
    assert check_results(result) == {"baselines_come_out_again": False}, "the project has no page yet"
    trace(project / "runs" / "store" / "all" / "baseline_document" / "queue_conflict_baselines.md")
    page = project / "runs" / "store" / "all" / "baseline_document" / "queue_conflict_baselines.md"
    kept = project / "docs" / "ops" / page.name
    kept.parent.mkdir(parents=True)
    kept.write_bytes(page.read_bytes())
    assert check_results(make(instance, None, {"baseline_document"})) == {"baselines_come_out_again": True}
    assert materialized(result)["baseline_document"].metadata["differing"].value == []


@pytest.fixture
def every_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress is reported after every cycle, rather than every ten seconds."""
    monkeypatch.setattr(progress, "SECONDS", 0.0)


def reported_cycles(result: Any, asset: str) -> list[tuple[Any, ...]]:
    """The partition, the cycle and the planned cycles in each report on the progress of a soak."""
    reports = result.asset_observations_for_node(asset)
    # The first cycle of a process says nothing about the time left.
    assert "expected_end" in reports[1].metadata
    assert all("farthest_from_the_baseline" in one.metadata for one in reports)
    return [(one.partition, one.metadata["cycle"].value, one.metadata["cycles_planned"].value) for one in reports]


def test_a_night_is_soaked_against_the_promoted_baseline_with_a_seed_of_its_own(
    measured: Any, instance: DagsterInstance, project: Path, every_cycle: None
) -> None:
    # A nightly soak starts by itself, even if nobody has materialized the scenario.
    shutil.rmtree(project / "runs" / "store" / NAME / "scenario")
    result = make(instance, NIGHT, {"soak_run"}, soak_run={"cycles": 3})
    assert result.success and check_results(result) == {"soak_is_whole": True}
    assert reported_cycles(result, "soak_run") == [(NIGHT, cycle, 3) for cycle in (1, 2, 3)]
    folder = Path(str(materialized(result)["soak_run"].metadata["path"].value))
    soak = read_soak(folder)
    ledger = json.loads((project / "baselines" / NAME / "promoted.json").read_text())
    assert soak.manifest["baseline"]["sha256"] == ledger["promotions"][-1]["baseline"]
    assert (soak.manifest["night"], soak.manifest["seed"], soak.manifest["cycles_done"]) == ("2026-11-03", 739923, 3)
    again = make(instance, NIGHT, {"soak_run"}, soak_run={"cycles": 3})
    versions = [materialized(made)["soak_run"].tags["dagster/data_version"] for made in (result, again)]
    assert versions[0] == versions[1]


def test_a_damaged_soak_and_one_with_too_many_cycles_are_made_anew_when_they_are_asked_for_again(
    measured: Any, instance: DagsterInstance, project: Path
) -> None:
    first = make(instance, NIGHT, {"soak_run"}, soak_run={"cycles": 3})
    folder = Path(str(materialized(first)["soak_run"].metadata["path"].value))
    before = made_in(folder)
    rows = folder / "cycles.jsonl"
    rows.write_bytes(rows.read_bytes().replace(b"1", b"2", 1))
    mended = make(instance, NIGHT, {"soak_run"}, soak_run={"cycles": 3})
    assert mended.success and check_results(mended) == {"soak_is_whole": True}
    assert made_in(folder) == before
    shorter = make(instance, NIGHT, {"soak_run"}, soak_run={"cycles": 2})
    assert shorter.success and read_soak(folder).manifest["cycles_done"] == 2
    kept = made_in(folder)
    refused = make(instance, NIGHT, {"soak_run"}, soak_run={"cycles": 0})
    assert not refused.success and made_in(folder) == kept, "a soak that cannot begin sets nothing aside"


def test_a_scenario_that_was_edited_is_what_the_next_night_soaks(
    measured: Any, instance: DagsterInstance, project: Path
) -> None:
    assert make(instance, NEXT_NIGHT, {"soak_run"}, soak_run={"cycles": 2}).success
    file = project / "configs" / "scenarios" / f"{NAME}.yaml"
    original = file.read_text()
    file.write_text(original.replace("epochs: 2", "epochs: 3"))
    try:
        result = make(instance, NEXT_NIGHT, {"soak_run"}, soak_run={"cycles": 2})
        column = project / "runs" / "store" / NAME
        assert (column / "scenario" / file.name).read_text() == original, "a column may have been made from it"
        (copy,) = column.glob(f"edited_scenario/*/{file.name}")
        assert copy.read_bytes() == file.read_bytes()
        assert read_record(copy.with_name(RECORD_NAME)).kind == trace(copy).kind == "scenario"
    finally:
        file.write_text(original)
    folder = Path(str(materialized(result)["soak_run"].metadata["path"].value))
    assert not (folder / "previous").exists()
    assert read_soak(folder).manifest["training"]["epochs"] == 3
    traced = trace(folder / "soak.json", search=[project / "configs"])
    scenarios = {node.file for node in traced.everything() if node.kind == "scenario"}
    assert copy in scenarios and column / "scenario" / file.name not in scenarios, "it is what was read"
    inputs = materialized(result)["soak_run"].metadata["inputs"].records
    assert {row.data["asset"]: row.data["run"] for row in inputs}["edited scenario"] == "none on record"


@pytest.fixture(scope="module")
def night(measured: Any, instance: DagsterInstance, project: Path) -> Iterator[Any]:
    """A whole night's soak, run from the project's folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        yield make(instance, LAST_NIGHT, {"soak_run", "soak_drift", "acceptance_report"}, soak_run={"cycles": 2})


def test_a_night_can_be_traced_to_its_scenario_its_baseline_and_its_pinned_capture(night: Any, project: Path) -> None:
    report = StoreResource().folder(LAST_NIGHT, "acceptance_report") / "acceptance.html"
    kinds = {node.kind for node in trace(report).everything()}
    assert kinds == {"acceptance_report", "soak_drift", "soak_run", "baseline", "capture", "scenario"}
    (promoted,) = (project / "baselines" / NAME).glob("baseline-*.json")
    for asset in ("soak_run", "soak_drift"):
        table = materialized(night)[asset].metadata["inputs"]
        read = {row.data["asset"]: row.data for row in table.records}
        assert read["promoted_baseline"] == {
            "asset": "promoted_baseline",
            "partition": NAME,
            "data_version": read_baseline(promoted).sha256,
            "run": "promoted by ada",
        }
    pinned = project / PINNED_CAPTURES / NAME / MANIFEST_NAME
    recorded = materialized(night)["soak_run"].metadata["made_from"].value
    assert recorded["pinned_capture"] == {NAME: sha256(pinned.read_bytes())}
    content = promoted.read_bytes()
    promoted.write_bytes(content + b" ")
    with pytest.raises(LineageError, match=promoted.name):
        trace(report)
    promoted.write_bytes(content)


def test_the_commands_of_a_night_make_its_very_bytes_without_dagster(night: Any) -> None:
    for asset, made in materialized(night).items():
        path = Path(str(made.metadata["path"].value))
        folder = path if path.is_dir() else path.parent
        command = shlex.split(str(made.metadata["command"].value))
        before = made_in(folder)
        # `townlet drift` exits with 1 for a soak that is not accepted.
        assert (command[0], main(command[1:]) in (0, 1)) == ("townlet", True), asset
        assert made_in(folder) == before, "with all files there, the command makes the same again"
        shutil.rmtree(folder)
        main(command[1:])
        assert made_in(folder) == before, "in an empty folder, it makes all of them"


def test_an_endurance_run_goes_on_in_fresh_processes(
    measured: Any, instance: DagsterInstance, every_cycle: None
) -> None:
    result = make(instance, WEEK, {"endurance_run"}, endurance_run={"hours": 1.0, "cycles": 4, "restart_every": 3})
    assert result.success and check_results(result) == {"endurance_is_whole": True}
    made = materialized(result)["endurance_run"].metadata
    assert (made["cycles"].value, made["processes"].value) == (4, 2)
    assert reported_cycles(result, "endurance_run") == [(WEEK, cycle, 4) for cycle in (1, 2, 3, 4)]
    assert "--restart-every 3" in str(made["command"].value)
