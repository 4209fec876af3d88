"""The shipped policy in the pipeline: its asset, and a column that records and fine-tunes it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from dagster import AssetKey, AssetSelection
from support.pipeline_runs import SCENARIO, failed_checks, materialized, new_instance, reasons, run_column

from townlet.errors import InputError
from townlet.files.artefact_names import CARD_NAME
from townlet.lineage import trace
from townlet.policies import policies_folder
from townlet_pipeline.artefacts import policies
from townlet_pipeline.artefacts.external import GENERALIST
from townlet_pipeline.artefacts.files import MAIN
from townlet_pipeline.column import generalist
from townlet_pipeline.definitions import defs
from townlet_pipeline.resources import SimulatorResource

MADE = ["scenario", "rollout_capture", "rollout_playback", "replay_manifest", "trained_policy", "ppo_telemetry"]
CARD = policies_folder() / "generalist" / CARD_NAME
SHA256 = json.loads(CARD.read_text(encoding="utf-8"))["sha256"]


def test_its_asset_shows_card_hash_size_seed_and_results() -> None:
    (spec,) = (spec for spec in defs.resolve_all_asset_specs() if spec.key == AssetKey(GENERALIST))
    shown = spec.metadata
    assert shown["sha256"] == SHA256
    assert shown["bytes"] == sum(CARD.with_name(name).stat().st_size for name in (CARD_NAME, "policy.safetensors"))
    assert isinstance(shown["seed"], int) and str(shown["results"]).startswith("docs/results/")
    assert SHA256[:12] in str(shown["headline"])
    assert "observation" not in shown["card"].value and shown["card"].value["sha256"] == SHA256


def test_the_page_of_a_damaged_policy_says_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(CARD.parent, tmp_path / "generalist")
    (tmp_path / "generalist" / CARD_NAME).write_text("{", encoding="utf-8")
    monkeypatch.setattr(generalist, "policies_folder", lambda: tmp_path)
    assert set(generalist.policy_metadata()) == {"headline"}
    assert str(tmp_path / "generalist" / CARD_NAME) in generalist.policy_metadata()["headline"]


def test_a_capture_takes_shipped_policies_only() -> None:
    policies.require_shipped(None)
    policies.require_shipped("generalist")
    with pytest.raises(InputError, match=r"policy: found 'generalst', expected one of generalist; did you mean"):
        policies.require_shipped("generalst")


def test_a_column_records_it_and_fine_tunes_it(tmp_path: Path) -> None:
    with new_instance(tmp_path) as instance:
        result = run_column(
            instance,
            tmp_path / "store",
            simulator=SimulatorResource(policy="generalist"),
            selection=AssetSelection.assets(*MADE),
            from_policy="generalist",
        )
        assert reasons(result) == {} and failed_checks(result) == {}
        made = materialized(result)
    for asset, option in (("rollout_capture", "--policy generalist"), ("trained_policy", "--from generalist")):
        assert option in str(made[asset].metadata["command"].value)
        rows = [record.data for record in made[asset].metadata["inputs"].records]  # type: ignore[attr-defined]
        assert GENERALIST in [row["asset"] for row in rows]
        nodes = list(trace(tmp_path / "store" / SCENARIO / asset / MAIN[asset]).everything())
        assert CARD in [node.file for node in nodes]
    card = json.loads((tmp_path / "store" / SCENARIO / "trained_policy" / CARD_NAME).read_text())
    parents = card["provenance"]["parents"]
    assert parents["initial_policy_sha256"] == parents["replay_policy_sha256"] == SHA256
