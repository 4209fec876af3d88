"""Fingerprints of sources cover a module and everything it imports, without a list."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from support.places import ROOT

from townlet.capture.record import code_sha256
from townlet.soak.manifest import soak_code_sha256
from townlet.sources import digest_of, files_of, modules_named, sources_of, sources_sha256
from townlet.study.conflict.dispatch import methods_hash
from townlet.world.snapshot import rules_sha256


def covered(*modules: str) -> set[str]:
    """The paths, inside the packages, of the modules that a fingerprint covers."""
    entries = [ROOT.joinpath(*module.split(".")).with_suffix(".py") for module in modules]
    return {source.relative_to(ROOT).as_posix() for source in sources_of(entries)}


@pytest.mark.parametrize("package", ["townlet", "townlet_pipeline"])
def test_imports_are_found_as_the_parser_finds_them(package: str) -> None:
    for source in sorted((ROOT / package).rglob("*.py")):
        tree = ast.parse(source.read_bytes())
        for_annotations = {
            inner
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
            for inner in ast.walk(node)
        }
        named = set()
        for node in ast.walk(tree):
            if node in for_annotations:
                continue
            if isinstance(node, ast.ImportFrom) and node.module:
                named |= {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
        found = {file for name in modules_named(source) for file in files_of(name)}
        assert found == {file for name in named for file in files_of(name)}, source


@pytest.mark.parametrize(
    ("modules", "decisive", "not_decisive"),
    [
        # A changed message about a policy's file recompiles no rule and refuses no snapshot.
        (
            ["townlet.world.step"],
            ["world/rules/queues", "rollout", "config/town"],
            ["behavior/policy_file", "config/load"],
        ),
        (
            ["townlet.behavior.heuristic"],
            ["behavior/use_value", "world/rules/queues"],
            ["behavior/policy_file", "config/load"],
        ),
        (
            ["townlet.capture.record"],
            ["capture/tables", "world/rules/queues", "config/load", "host/workers"],
            ["training/update"],
        ),
        # How rows are divided among threads decides the order of sums, and so the last bits of weights.
        (
            ["townlet.training.run"],
            ["host/workers", "training/update", "world/rules/queues"],
            ["soak/run", "bench/world"],
        ),
        (
            ["townlet.soak.cycle"],
            ["telemetry/epoch_alerts", "host/workers", "baselines/world_metrics"],
            ["soak/report"],
        ),
        (
            ["townlet.study.conflict.execute"],
            ["study/conflict/shaping", "training/update", "host/workers"],
            ["bench/world"],
        ),
    ],
)
def test_a_fingerprint_covers_the_sources_that_decide_a_result_and_no_others(
    modules: list[str], decisive: list[str], not_decisive: list[str]
) -> None:
    sources = covered(*modules)
    assert {f"townlet/{name}.py" for name in decisive} <= sources
    assert not {f"townlet/{name}.py" for name in not_decisive} & sources


def test_a_name_from_a_package_is_the_module_that_defines_it_and_a_package_is_all_its_modules() -> None:
    capture = ROOT / "townlet" / "capture"
    assert files_of("townlet.capture.read_capture") == (capture / "read.py",)
    assert files_of("townlet.capture.read") == (capture / "read.py",)
    assert files_of("townlet.capture") == tuple(sorted(capture.glob("*.py")))
    # A name that the package does not import stands for the whole package.
    assert files_of("townlet.capture.nothing") == files_of("townlet.capture")
    # Imported on first use only.
    assert files_of("townlet.training.train") == (ROOT / "townlet" / "training" / "run.py",)


def test_everything_that_stores_results_uses_the_same_fingerprints() -> None:
    assert code_sha256() == sources_sha256("townlet.capture.record")
    assert soak_code_sha256() == sources_sha256("townlet.soak.cycle")
    assert methods_hash() == sources_sha256("townlet.study.conflict.execute")
    assert rules_sha256() == sources_sha256("townlet.world.town", "townlet.world.step")


def test_a_fingerprint_changes_with_content_and_place(tmp_path: Path) -> None:
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_text("1")
    other.write_text("1")
    assert digest_of([one]) != digest_of([other])
    assert digest_of([one, other]) == digest_of([other, one])


def test_a_module_outside_the_project_has_no_fingerprint() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"townlet\.nowhere"):
        sources_sha256("townlet.nowhere")
