"""A fault in the rules, planted in the code, is told in one night: through a real daemon, to a real web server."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from dagster import AssetCheckKey, AssetCheckSeverity, AssetKey, DagsterInstance, materialize
from support.pipeline_runs import materialized
from support.planted_fault import TOWN, FaultyCode, packages_with_a_fault, project_with_a_baseline
from support.services import wait_until
from support.webhook_server import webhook_server

from townlet_pipeline.artefacts.partitions import register_scenarios
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.instance.home import settings
from townlet_pipeline.instance.page_index import MORNING
from townlet_pipeline.runs.webhook import WEBHOOK
from townlet_pipeline.soak.assets.morning_overview import morning_overview

DAY = "2026-11-05"


def test_a_rule_changed_by_a_tenth_is_told_in_one_night_and_the_report_is_red(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = project_with_a_baseline(tmp_path / "project")
    monkeypatch.setenv("TOWNLET_PROJECT", str(project))
    packages, home = packages_with_a_fault(tmp_path / "packages"), tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(settings("local"))
    with DagsterInstance.from_config(str(home)) as instance, webhook_server(200) as (address, received):
        register_scenarios(instance)
        code = FaultyCode(packages, home, **{WEBHOOK: address})
        with code.daemon() as log:
            code.launch_night(DAY, cycles=12)
            try:
                wait_until(lambda: bool(received), "the message about the night", 300)
            except AssertionError as error:
                error.add_note(log.read_text())
                raise
        key = AssetCheckKey(AssetKey("acceptance_report"), "night_is_accepted")
        made = materialize([morning_overview], instance=instance, resources={"store": StoreResource()})
        (checked,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=5)
    (message,) = received
    told = message["incident"]
    assert (told["kind"], told["scenario"], told["night"], told["verdict"]) == ("verdict", TOWN, DAY, "reject")
    assert told["reason"] == "Mean reward lay 15.9 % below the baseline."
    assert message["text"].startswith(f"{TOWN}: the night of {DAY} is rejected. Mean reward lay 15.9 % below")
    report = project / "runs" / "store" / TOWN / "nights" / DAY / "acceptance_report" / "acceptance.html"
    assert told["report"].endswith(report.relative_to(project / "runs" / "store").as_posix())
    first_lines = report.read_text().partition('<div class="first reject">')[2].partition("</div>")[0]
    said = [re.sub("<[^>]+>", "", line) for line in re.findall("<p>(.*?)</p>", first_lines)]
    assert said[:2] == ["✗ Reject.", told["reason"]]
    assert said[2] == f"Next: {told['next_step']}"
    morning = project / "runs" / "store" / MORNING
    headline = f"{DAY}: 0 of 1 night accepted; 1 rejected: {TOWN}"
    assert materialized(made)["morning_overview"].metadata["headline"].value == headline
    for shown in (headline, told["reason"], told["next_step"], os.path.relpath(report, morning.parent)):
        assert shown in morning.read_text()
    (page,) = (project / "runs" / "incidents").glob(f"*-night-{DAY}-{TOWN}-rejected.md")
    assert told["report"] in page.read_text()
    evaluation = checked.event.dagster_event.asset_check_evaluation_data
    assert (evaluation.passed, evaluation.severity) == (False, AssetCheckSeverity.ERROR)
    assert evaluation.description.startswith("reject: Mean reward lay 15.9 % below the baseline.")
