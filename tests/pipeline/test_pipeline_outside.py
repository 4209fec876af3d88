"""Policies made elsewhere in the pipeline: declared in a file, checked, evaluated, measured and soaked."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dagster import (
    AssetKey,
    DagsterInstance,
    MultiPartitionKey,
    SensorResult,
    build_schedule_context,
    build_sensor_context,
    materialize,
)
from support.left_behind import outputs
from support.pipeline_runs import failed_checks, materialized, new_instance, reasons, versions
from support.scenario_sensor import carried_out
from support.tiny_soak import tiny_scenario

from townlet.cli import main
from townlet.errors import InputError
from townlet.files.storage import sha256
from townlet.lineage import RECORD_NAME, trace
from townlet.soak.read import read_soak
from townlet_pipeline.artefacts.partitions import known_policies
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.column.retire import retire
from townlet_pipeline.definitions import defs
from townlet_pipeline.soak.outside import checks
from townlet_pipeline.soak.outside.definitions import NIGHTLY, ONCE
from townlet_pipeline.soak.outside.policy_files import policy_files

REPOSITORY = defs.get_repository_def()
SCENARIO = "queue_conflict"
NIGHT = MultiPartitionKey({"day": "2026-11-03", "policy": "mine"})
CODE = """
import os
import signal
from pathlib import Path

import numpy as np

from townlet.behavior import from_logits

FILE = Path(__file__).with_name("weights.npy")

def factory():
    weights = np.load(FILE)
    if Path(__file__).with_name("die").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return from_logits(lambda observation, mask: np.tile(weights[: mask.shape[1]], (len(mask), 1)), name="mine")
"""
DECLARED = """
behavior: ../../mine/policy.py:factory
scenario: queue_conflict
description: Weights that nobody trained
provenance: {library: numpy 2.4, trained by: Ada}
files:
  ../../mine/weights.npy:
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with a tiny scenario and a declared policy; the current folder is another one."""
    root = tmp_path_factory.mktemp("project")
    tiny_scenario(root / "configs" / "scenarios")
    for folder in ("mine", "configs/policies"):
        (root / folder).mkdir()
    (root / "mine" / "policy.py").write_text(CODE)
    np.save(root / "mine" / "weights.npy", np.linspace(0.0, 1.0, 40))
    (root / "configs" / "policies" / "mine.yaml").write_text(DECLARED)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TOWNLET_PROJECT", str(root))
        yield root


@pytest.fixture(scope="module")
def instance(project: Path) -> Iterator[DagsterInstance]:
    (project / "home").mkdir()
    with new_instance(project / "home") as found:
        evaluate(found)
        yield found


def evaluate(instance: DagsterInstance) -> SensorResult:
    """One evaluation of the sensor `policy_files`, its requests carried out as the daemon does."""
    return carried_out(instance, policy_files(build_sensor_context(instance=instance)))


def make(instance: DagsterInstance, partition: str, *names: str, **config: dict[str, Any]) -> Any:
    """Materialize assets by name, with their checks."""
    chosen = [asset for asset in (*ONCE, *NIGHTLY) if asset.key.to_user_string() in names]
    of_them = [check for check in checks.ALL if {key.asset_key for key in check.check_keys} & {a.key for a in chosen}]
    ops = {name: {"config": options} for name, options in config.items()}
    return materialize(
        [*chosen, *of_them],
        instance=instance,
        partition_key=partition,
        resources={"store": StoreResource()},
        run_config={"ops": ops, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
    )


EVERYTHING = ("outside_policy", "outside_capture", "outside_evaluation", "outside_baseline")
UNLIKE = ("made_with", "sha256")
SMALL = {"outside_evaluation": {"worlds": 2}, "outside_baseline": {"worlds": 2}}


@pytest.fixture(scope="module")
def examined(instance: DagsterInstance) -> Any:
    return make(instance, "mine", *EVERYTHING, **SMALL)


def test_a_declared_policy_becomes_assets_with_its_provenance(examined: Any, project: Path) -> None:
    assert reasons(examined) == {} and failed_checks(examined).keys() <= {"no_worse_than_chance"}
    made = materialized(examined)
    assert set(made) == set(EVERYTHING)
    page = made["outside_policy"].metadata
    flags = ("deterministic", "repeats", "log_probabilities", "values")
    assert [page[flag].value for flag in flags] == [False, True, True, False]
    rows = [record.data for record in page["provenance"].records]  # type: ignore[attr-defined]
    assert {row["field"]: row["value"] for row in rows} == {"library": "numpy 2.4", "trained by": "Ada"}
    (weights,) = [record.data for record in page["files"].records]  # type: ignore[attr-defined]
    assert weights == {"file": "weights.npy", "sha256": sha256((project / "mine" / "weights.npy").read_bytes())}
    assert page["code_sha256"].value == sha256((project / "mine" / "policy.py").read_bytes())
    assert str(made["outside_evaluation"].metadata["standing"].value).endswith(".")
    (manifest,) = (project / "runs" / "store" / "mine" / "outside_capture").glob("*manifest.json")
    assert json.loads(manifest.read_text())["behavior"]["origin"]["code_sha256"] == page["code_sha256"].value


def made_in(folder: Path) -> dict[str, Any]:
    """The files of an asset, without measurements and records; of a baseline, the content without its command."""
    baseline = folder / "baseline.json"
    if baseline.is_file():
        # The paths in `made_with` are those of the command, and the baseline's hash covers them.
        return {key: value for key, value in json.loads(baseline.read_text()).items() if key not in UNLIKE}
    return {name: content for name, content in outputs(folder).items() if name != RECORD_NAME}


def test_the_commands_make_the_same_without_dagster(
    examined: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    for asset, made in materialized(examined).items():
        folder = project / "runs" / "store" / "mine" / asset
        before, kept = made_in(folder), {file: file.read_bytes() for file in folder.iterdir() if file.is_file()}
        for file in kept:
            file.unlink()
        program, *words = shlex.split(str(made.metadata["command"].value))
        assert (program, main(words)) == ("townlet", 0), asset
        after = made_in(folder)
        for file, content in kept.items():
            file.write_bytes(content)
        assert after == before != {}


def test_a_night_soaks_it_and_is_traced_to_its_weights(examined: Any, instance: DagsterInstance, project: Path) -> None:
    result = make(instance, NIGHT, "outside_soak", "outside_report", outside_soak={"cycles": 3})
    assert reasons(result) == {} and failed_checks(result).keys() <= {"night_is_accepted"}
    made = materialized(result)
    soak = read_soak(Path(str(made["outside_soak"].metadata["path"].value)))
    said = soak.manifest
    assert (said["behavior"], said["night"], said["cycles_done"]) == ("mine", "2026-11-03", 3)
    assert said["origin"]["code_sha256"] == sha256((project / "mine" / "policy.py").read_bytes())
    report = made["outside_report"].metadata
    assert report["verdict"].value in ("accept", "hold", "reject")
    page = Path(str(report["path"].value))
    assert "mine, made outside Townlet" in page.with_suffix(".md").read_text()
    nodes = list(trace(page).everything())
    kinds = {node.kind for node in nodes}
    assert {"outside_report", "outside_soak", "outside_baseline", "outside_policy", "scenario"} <= kinds
    assert project / "mine" / "policy.py" in {file for node in nodes for file in node.files}
    inputs = [record.data for record in made["outside_soak"].metadata["inputs"].records]  # type: ignore[attr-defined]
    assert {row["asset"] for row in inputs} == {"scenario", "outside_baseline"}
    assert {row["run"] for row in inputs if row["asset"] == "outside_baseline"} == {examined.run_id}
    command = str(made["outside_soak"].metadata["command"].value)
    assert f"--behavior {project / 'mine' / 'policy.py'}:factory" in command


def test_other_weights_are_another_version_and_nothing_is_made_of_them_unchecked(
    examined: Any, instance: DagsterInstance, project: Path
) -> None:
    assert evaluate(instance).asset_events == [], "the same version is reported once"
    before = versions(examined)
    weights = project / "mine" / "weights.npy"
    kept = weights.read_bytes()
    np.save(weights, np.linspace(1.0, 0.0, 40))
    try:
        (event, _) = evaluate(instance).asset_events
        assert (event.asset_key, event.partition) == (AssetKey("policy_file"), "mine")
        folder = project / "runs" / "store" / "mine" / "outside_evaluation"
        evaluated = made_in(folder)
        refused = make(instance, "mine", "outside_evaluation", outside_evaluation={"worlds": 2})
        assert "as it is now: check the policy again" in reasons(refused)["outside_evaluation"]
        assert made_in(folder) == evaluated
        again = make(instance, "mine", "outside_policy", "outside_evaluation", outside_evaluation={"worlds": 2})
        assert again.success
        assert all(versions(again)[name] != before[name] for name in ("outside_policy", "outside_evaluation"))
    finally:
        weights.write_bytes(kept)
        evaluate(instance)
    assert versions(make(instance, "mine", "outside_policy"))["outside_policy"] == before["outside_policy"]


def test_faulty_declarations_are_named_and_the_others_are_made(
    examined: Any, instance: DagsterInstance, project: Path
) -> None:
    folder = project / "configs" / "policies"
    faulty = {
        "unknown.yaml": DECLARED + "nigthly: true",
        "gone.yaml": DECLARED.replace("policy.py", "polciy.py"),
        "Upper.yaml": DECLARED,
        f"{SCENARIO}.yaml": DECLARED,
        "pinned.yaml": DECLARED.replace("weights.npy:", f"weights.npy: {'0' * 64}"),
    }
    for name, content in faulty.items():
        (folder / name).write_text(content)
    try:
        said = str(evaluate(instance).skip_reason.skip_message)  # type: ignore[union-attr]
        for part in (
            "unknown.yaml: nigthly (line 8): found unknown key 'nigthly'",
            "gone.yaml: behavior (line 2): found no file '../../mine/polciy.py:factory', expected FILE.onnx",
            "'Upper.yaml': expected NAME.yaml with a name of at most 100 lower-case letters",
            f"{SCENARIO}.yaml: found the name '{SCENARIO}', expected a name that no scenario has",
        ):
            assert part in said
        assert sorted(known_policies(instance)) == ["mine", "pinned"]
        refused = make(instance, "pinned", "outside_policy")
        assert f"expected {'0' * 64}, as declared" in reasons(refused)["outside_policy"]
        assert not (project / "runs" / "store" / "pinned" / "outside_policy").exists()
        assert make(instance, "mine", "outside_policy").success
    finally:
        for name in faulty:
            (folder / name).unlink()
    assert "pinned: its declaration is gone" in str(evaluate(instance).skip_reason)
    with pytest.raises(InputError, match=r"remove configs/policies/mine\.yaml first"):
        retire(instance, StoreResource(), ["pinned", "mine"])
    retire(instance, StoreResource(), ["pinned"])
    assert known_policies(instance) == ["mine"]


def test_a_night_is_requested_for_those_who_asked_for_it(instance: DagsterInstance, project: Path) -> None:
    def requested() -> list[str]:
        moment = datetime(2026, 11, 30, 6, tzinfo=UTC)
        context = build_schedule_context(instance, scheduled_execution_time=moment, repository_def=REPOSITORY)
        ticked = REPOSITORY.get_schedule_def("nightly_policies").evaluate_tick(context)
        return [str(request.partition_key) for request in ticked.run_requests or ()]

    file = project / "configs" / "policies" / "mine.yaml"
    assert requested() == []
    file.write_text(f"{DECLARED}nightly: true\n")
    try:
        assert requested() == ["2026-11-30|mine"]
    finally:
        file.write_text(DECLARED)


#: Materializes `outside_policy` in a process of its own, which the policy's code kills.
KILLED = """
import sys
from dagster import DagsterInstance, materialize
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.soak.outside.assets.outside_policy import outside_policy
with DagsterInstance.local_temp(sys.argv[1], overrides={"telemetry": {"enabled": False}}) as instance:
    materialize([outside_policy], instance=instance, partition_key="mine", resources={"store": StoreResource()})
"""


def test_a_process_killed_by_the_policys_code_leaves_what_was_there(
    examined: Any, instance: DagsterInstance, project: Path
) -> None:
    folder = project / "runs" / "store" / "mine" / "outside_policy"
    before = made_in(folder)
    (project / "mine" / "die").touch()
    try:
        done = subprocess.run([sys.executable, "-c", KILLED, str(project / "home")], capture_output=True, text=True)
    finally:
        (project / "mine" / "die").unlink()
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert made_in(folder) == before
    assert make(instance, "mine", "outside_policy").success, "the killed process holds no lock"
