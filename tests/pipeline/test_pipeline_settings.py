"""Settings in the launchpad: a column in a town that they make, which its gates, pages and commands know."""

from __future__ import annotations

import html
import json
import shlex
from pathlib import Path

from support.pipeline_runs import SCENARIO, failed_checks, materialized, new_instance, reasons, run_column, versions

from townlet.capture import parse_manifest
from townlet.cli import main
from townlet.config import load_scenario
from townlet.config.settings import with_settings
from townlet.files.storage import sha256
from townlet_pipeline.resources import SimulatorResource

TOWN = ["rules.needs.start_jitter=0.3"]
RECORD = {"rules.needs.start_jitter": 0.3}


def test_a_column_with_settings_is_of_one_town_and_its_commands_make_the_same_bytes(tmp_path: Path) -> None:
    with new_instance(tmp_path / "home") as instance:
        settings = [*TOWN, "ppo.gamma=0.9", "network.hidden=[8]"]
        result = run_column(instance, tmp_path / "store", simulator=SimulatorResource(settings=TOWN), settings=settings)
    assert result.success, reasons(result)
    assert failed_checks(result) == {}
    made, found = tmp_path / "store" / SCENARIO, versions(result)
    manifest = made / "rollout_capture" / "rollout_sample_manifest.json"
    assert parse_manifest(manifest).scenario.settings == RECORD
    card = json.loads((made / "trained_policy" / "policy.json").read_text())
    assert card["provenance"]["settings"] == {
        **RECORD,
        "training.network.hidden": [8],
        "training.ppo.gamma": 0.9,
    }
    evaluated = json.loads((made / "policy_evaluation" / "evaluation.json").read_text())["scenario"]
    town = with_settings(load_scenario(made / "scenario" / f"{SCENARIO}.yaml"), RECORD)
    assert evaluated == {"name": SCENARIO, "config_sha256": town.digest, "settings": RECORD}
    command = str(materialized(result)["policy_evaluation"].metadata["command"].value)
    assert "--set rules.needs.start_jitter=0.3" in command
    page = (made / "summary_report" / "report.html").read_text()
    commands = html.unescape(page.split('<pre tabindex="0">')[1].split("</pre>")[0]).splitlines()
    for line in commands[:2]:
        assert "--set rules.needs.start_jitter=0.3" in line
        assert main(shlex.split(line)[1:]) == 0
    assert sha256(manifest.read_bytes()) == found["rollout_capture"]
    assert json.loads((made / "trained_policy" / "policy.json").read_text()) == card
