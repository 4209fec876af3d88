"""The code location: what it offers, what loading it imports, and that everything in it is described."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from dagster import AssetKey, AssetSpec, Definitions, validate_run_config
from pydantic import ValidationError
from support.places import ROOT

from townlet.errors import InputError
from townlet_pipeline.artefacts.external import EXTERNAL
from townlet_pipeline.artefacts.partitions import outside_policies, scenarios, soaked_scenarios
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_sources, code_version
from townlet_pipeline.definitions import defs
from townlet_pipeline.instance.home import ensure_home, settings_warning
from townlet_pipeline.instance.project import project_root, shown
from townlet_pipeline.instance.timetable import plans
from townlet_pipeline.resources import SimulatorResource
from townlet_pipeline.soak.outside.partitions import policy_nights
from townlet_pipeline.soak.partitions import nights, weekends

#: Partitions of the assets that are not partitioned by scenario alone.
PARTITIONS = {
    **dict.fromkeys(("baseline_document", "morning_overview", "generalist_policy")),
    **dict.fromkeys(("soak_run", "soak_drift", "acceptance_report"), nights),
    **dict.fromkeys(("endurance_run", "endurance_report"), weekends),
    **dict.fromkeys(("promoted_baseline", "pinned_capture"), soaked_scenarios),
    **dict.fromkeys(("policy_file", "outside_policy", "outside_capture"), outside_policies),
    **dict.fromkeys(("outside_evaluation", "outside_baseline"), outside_policies),
    **dict.fromkeys(("outside_soak", "outside_report"), policy_nights),
}


def specs(*, external: bool = False) -> list[AssetSpec]:
    """The assets that runs make, or those that people write or promote."""
    every = defs.resolve_all_asset_specs()
    return [spec for spec in every if (spec.key.to_user_string() in EXTERNAL) == external]


def test_loading_the_definitions_loads_no_heavy_library() -> None:
    heavy = ("torch", "numba", "matplotlib", "pyarrow", "numpy", "pandas")
    code = f"import sys, townlet_pipeline.definitions; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-W", "error::dagster.PreviewWarning", "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
    assert "PreviewWarning: " not in done.stderr


def test_the_column_goes_from_scenario_to_report() -> None:
    every = [*specs(), *specs(external=True)]
    parents = {spec.key.to_user_string(): {dep.asset_key.to_user_string() for dep in spec.deps} for spec in every}
    assert parents == {
        "scenario_file": set(),
        "generalist_policy": set(),
        "scenario": {"scenario_file"},
        "rollout_capture": {"scenario"},
        "rollout_playback": {"rollout_capture", "scenario"},
        "replay_manifest": {"rollout_capture"},
        "trained_policy": {"scenario", "replay_manifest"},
        "ppo_telemetry": {"scenario", "replay_manifest"},
        "validated_telemetry": {"ppo_telemetry", "trained_policy"},
        "telemetry_alerts": {"scenario", "validated_telemetry"},
        "summary_report": {"rollout_capture", "trained_policy", "validated_telemetry"},
        "policy_evaluation": {"rollout_capture", "scenario", "trained_policy", "validated_telemetry"},
        "conflict_baselines": {"scenario"},
        "settings_sweep": {"scenario"},
        "baseline_document": {"promoted_baseline"},
        "promoted_baseline": {"conflict_baselines"},
        "pinned_capture": {"scenario"},
        "soak_run": {"promoted_baseline", "pinned_capture"},
        "soak_drift": {"soak_run"},
        "acceptance_report": {"soak_run", "soak_drift"},
        "endurance_run": {"promoted_baseline", "pinned_capture"},
        "endurance_report": {"endurance_run"},
        "morning_overview": {"acceptance_report"},
        "policy_file": set(),
        "outside_policy": {"policy_file"},
        "outside_capture": {"outside_policy"},
        "outside_evaluation": {"outside_policy"},
        "outside_baseline": {"outside_policy"},
        "outside_soak": {"outside_baseline"},
        "outside_report": {"outside_soak"},
        "several_seeds": {"scenario", "replay_manifest"},
    }


@pytest.mark.parametrize(
    "spec",
    sorted([*specs(), *specs(external=True)], key=lambda spec: spec.key),
    ids=lambda spec: spec.key.to_user_string(),
)
def test_every_asset_has_a_description_an_owner_a_group_and_a_check(spec: AssetSpec) -> None:
    assert len(spec.description or "") > 40
    assert spec.owners == ["team:townlet"]
    assert spec.group_name != "default"
    assert spec.kinds
    assert spec.tags["townlet/stage"] == spec.group_name
    assert spec.partitions_def == PARTITIONS.get(spec.key.to_user_string(), scenarios)
    graph = defs.resolve_asset_graph()
    checked = bool([key for key in graph.asset_check_keys if key.asset_key == spec.key])
    made = spec.key.to_user_string() not in EXTERNAL
    assert (bool(spec.code_version), checked, graph.get(spec.key).is_executable) == (made, made, made)


def test_gates_are_blocking_and_advisories_are_not() -> None:
    graph = defs.resolve_asset_graph()
    blocking = {key.name for key in graph.asset_check_keys if graph.get_check_spec(key).blocking}
    assert blocking == {
        "lineage_intact",
        "capture_integrity",
        "slice_reproduces",
        "replay_is_current",
        "enough_to_learn",
        "finite_weights",
        "telemetry_schema",
        "table_matches_log",
        "worlds_are_unseen",
        "baseline_is_whole",
        "baselines_come_out_again",
        "sweep_is_whole",
        "soak_is_whole",
        "endurance_is_whole",
        "seeds_are_whole",
    }
    gated = {key.asset_key for key in graph.asset_check_keys if graph.get_check_spec(key).blocking}
    # A verdict is reported and stops nothing.
    reports = ("acceptance_report", "endurance_report", "outside_report")
    verdicts = {AssetKey(name) for name in ("soak_drift", "morning_overview", *reports)}
    assert gated == {spec.key for spec in specs()} - verdicts
    assert all(graph.get_check_spec(key).description for key in graph.asset_check_keys)


def test_dg_and_the_workspace_file_name_the_same_location() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    module = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"][0]["python_module"]
    assert module["location_name"] == project["code_location_name"] == "townlet"
    assert module["module_name"] == project["code_location_target_module"]


@pytest.mark.parametrize(
    "command", [["dagster", "definitions", "validate", "-w", "workspace.yaml"], ["dg", "list", "defs", "--json"]]
)
def test_both_ways_to_load_the_location_work(command: list[str], tmp_path: Path) -> None:
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_the_definitions_are_consistent() -> None:
    Definitions.validate_loadable(defs)
    keys = defs.resolve_job_def("train_scenario").asset_layer.executable_asset_keys
    others = {*PARTITIONS, "conflict_baselines", "settings_sweep", "several_seeds"}
    assert keys == {spec.key for spec in specs() if spec.key.to_user_string() not in others}
    assert AssetKey("trained_policy") in keys


def test_a_code_version_changes_with_any_byte_of_its_sources(tmp_path: Path) -> None:
    source = tmp_path / "rules.yaml"
    source.write_text("a: 1\n")
    asset = ROOT / "townlet_pipeline" / "column" / "assets" / "telemetry_alerts.py"
    before = code_version(str(asset), files=[source])
    assert code_version(str(asset), files=[source]) == before
    source.write_text("a: 2\n")
    assert code_version(str(asset), files=[source]) != before


@pytest.mark.parametrize(
    ("asset", "calls", "does_not_call"),
    [
        (
            "rollout_capture",
            ["world/rules/queues", "capture/record", "files/storage", "simulation"],
            ["training/update"],
        ),
        (
            "trained_policy",
            ["world/rules/queues", "training/update", "telemetry/writer", "behavior/network"],
            ["bench/world"],
        ),
        ("telemetry_alerts", ["telemetry/epoch_alerts", "config/telemetry"], ["world/rules/queues", "training/update"]),
    ],
)
def test_the_code_of_an_asset_is_all_that_it_imports(asset: str, calls: list[str], does_not_call: list[str]) -> None:
    sources = code_sources(ROOT / "townlet_pipeline" / "column" / "assets" / f"{asset}.py")
    assert {ROOT / "townlet" / f"{name}.py" for name in calls} <= sources
    assert not {ROOT / "townlet" / f"{name}.py" for name in does_not_call} & sources


@pytest.fixture
def unset_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    monkeypatch.setenv("DAGSTER_HOME", "")
    yield monkeypatch


def test_a_new_home_gets_the_settings_and_an_old_one_keeps_its_own(
    unset_home: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = ensure_home(tmp_path / "home")
    settings = folder / "dagster.yaml"
    assert yaml.safe_load(settings.read_text())["telemetry"] == {"enabled": False}
    assert settings_warning(folder) is None
    settings.write_text("telemetry:\n  enabled: true\nnux: {}\nretention: {}\nconcurrency: {}\n")
    ensure_home(folder)
    assert yaml.safe_load(settings.read_text())["telemetry"] == {"enabled": True}
    warning = f"{settings} has settings of your own, without run_monitoring, run_retries, freshness"
    assert settings_warning(folder) == f"{warning}; delete it to restore Townlet's"
    unmarked = ROOT / "townlet_pipeline" / "instance" / "dagster.yaml"
    settings.write_text(unmarked.read_text())
    assert settings_warning(folder) is None, "none of ours is missing"


def test_the_commands_warn_about_settings_that_the_users_own_file_lacks(
    unset_home: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    unset_home.setenv("DAGSTER_HOME", str(tmp_path))
    done = subprocess.run([sys.executable, "-m", "townlet_pipeline.instance"], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == f"{tmp_path}\n"
    assert "settings of your own, without nux, run_monitoring, run_retries, concurrency" in done.stderr
    (tmp_path / "dagster.yaml").write_text("- a\n")
    with pytest.raises(InputError, match=r"dagster.yaml: found list, expected Dagster's settings as a YAML mapping"):
        settings_warning(tmp_path)


def test_the_store_is_a_local_folder_of_the_project_by_default(tmp_path: Path) -> None:
    assert StoreResource().folder("queue_conflict", "scenario") == ROOT / "runs/store/queue_conflict/scenario"
    assert StoreResource(root=str(tmp_path)).folder("a", "b") == tmp_path / "a" / "b"
    with pytest.raises(ValidationError, match="a local folder"):
        StoreResource(root="s3://bucket/store")


def test_a_simulator_names_only_the_options_that_it_was_given() -> None:
    assert SimulatorResource().options() == {}
    assert SimulatorResource(worlds=3, behavior="random").options() == {"worlds": 3, "behavior": "random"}


def test_every_job_schedule_and_sensor_has_a_description() -> None:
    repository = defs.get_repository_def()
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    silent = [one.name for one in (*jobs, *repository.schedule_defs, *repository.sensor_defs) if not one.description]
    assert silent == []


def test_the_launchpad_examples_of_the_documentation_are_valid() -> None:
    page = (ROOT / "docs" / "PIPELINE.md").read_text()
    examples = [yaml.safe_load(block.split("```")[0]) for block in page.split("```yaml\n")[1:]]
    for example in examples:
        job = "register_experiment" if "ops" in example else "train_scenario"
        validate_run_config(defs.resolve_job_def(job), example)
    assert [set(example) for example in examples] == [{"ops"}, {"resources"}, {"resources"}]


@pytest.mark.parametrize(
    ("section", "names"),
    [
        ("The column", {spec.key.to_user_string() for spec in [*specs(), *specs(external=True)]}),
        ("The checks", {key.name for key in defs.resolve_asset_graph().asset_check_keys}),
        ("Time", set(plans())),
    ],
)
def test_the_documentation_lists_every_asset_every_check_and_every_schedule(section: str, names: set[str]) -> None:
    page = (ROOT / "docs" / "PIPELINE.md").read_text()
    text = page.split(f"## {section}\n")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == names


def test_a_project_without_scenarios_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOWNLET_PROJECT", str(tmp_path))
    with pytest.raises(InputError, match="configs/scenarios"):
        project_root()


def test_paths_are_shown_relative_to_the_project() -> None:
    assert shown(ROOT / "runs" / "store") == "runs/store"
    assert shown(Path("/elsewhere/x")) == "/elsewhere/x"
