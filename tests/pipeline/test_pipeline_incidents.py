"""Incident pages: what they say about a failed run, that each run has one, and that they reveal no secret."""

import json
from pathlib import Path

import pytest
from dagster import AssetSelection, DagsterInstance, DagsterRunStatus, RunsFilter, build_sensor_context
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from markdown_it import MarkdownIt
from support.pipeline_runs import SCENARIO, new_instance, run_column
from support.places import ROOT
from support.unfinished_runs import dead_worker, this_process, unfinished_run
from support.webhook_server import webhook_server

from townlet_pipeline.definitions import defs
from townlet_pipeline.instance.pages import handbook_url, run_url
from townlet_pipeline.runs import dead_runs
from townlet_pipeline.runs.dead_runs import close_dead_runs
from townlet_pipeline.runs.incidents import (
    as_markdown,
    describe_incident,
    incidents,
    incidents_folder,
    report_incident,
)
from townlet_pipeline.runs.webhook import WEBHOOK

EXPERIMENT = {"ops": {"freeze_and_register": {"config": {"scenario": SCENARIO, "experiment": "bold"}}}}


@pytest.fixture(autouse=True)
def no_grace_period(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_runs, "GRACE_SECONDS", 0.0)


def tick(instance: DagsterInstance, cursor: str | None = None) -> SensorExecutionData:
    """Evaluate the sensor once."""
    context = build_sensor_context(instance, cursor=cursor, repository_def=defs.get_repository_def())
    return incidents.evaluate_tick(context)


@pytest.mark.parametrize("status", [200, 500])
def test_a_failed_run_leaves_one_incident_that_is_posted_and_never_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    (tmp_path / "project" / "configs" / "scenarios").mkdir(parents=True)
    source = ROOT / "configs" / "scenarios" / f"{SCENARIO}.yaml"
    (tmp_path / "project" / "configs" / "scenarios" / source.name).write_bytes(source.read_bytes())
    monkeypatch.setenv("TOWNLET_PROJECT", str(tmp_path / "project"))
    (tmp_path / "home").mkdir()
    with new_instance(tmp_path / "home") as instance, webhook_server(status) as (address, received):
        monkeypatch.setenv(WEBHOOK, address)
        needed = AssetSelection.assets("scenario", "trained_policy", "ppo_telemetry")
        result = run_column(instance, tmp_path / "store", selection=needed, cycles=0, mode="rollout")
        assert not result.success
        first = tick(instance)
        assert result.run_id in str(first.skip_message)
        for cursor in (first.cursor, None):
            assert tick(instance, cursor).skip_message == "every failed run has its page"
    page, record = sorted(incidents_folder().glob("2*"), key=lambda path: path.suffix, reverse=True)
    assert page.stem == record.stem
    assert page.stem.endswith(result.run_id)
    content, text = json.loads(record.read_text()), page.read_text()
    assert [message["incident"] for message in received] == [content], "posted once, though the sensor saw it twice"
    assert content["scenario"] == SCENARIO
    assert content["steps"] == [
        {
            "step": "train_policy",
            "error": "training options: cycles: found 0, expected greater than or equal to 1",
        }
    ]
    assert content["steps"][0]["error"] in text
    assert f"open the run {result.run_id}, choose Open in Launchpad, change the option that the reason names" in text
    assert "From failure" not in text, "it would fail again"
    assert any("STEP_FAILURE train_policy" in line for line in content["log_tail"])
    assert "cycles: found 0" in received[0]["text"]


def test_a_page_promises_a_restart_only_if_the_daemon_can_start_the_run(tmp_path: Path) -> None:
    with new_instance(tmp_path) as instance:
        origin = RemoteJobOrigin(
            RemoteRepositoryOrigin(GrpcServerCodeLocationOrigin("localhost", 1, None, "townlet"), "__repository__"),
            "certify",
        )
        for known in (None, origin):
            run = unfinished_run(instance, dead_worker(), remote_job_origin=known)
            instance.add_run_tags(run.run_id, {"dagster/will_retry": "true"})
            tagged = instance.get_run_records(RunsFilter([run.run_id]))[0].dagster_run
            (advice,) = describe_incident(instance, tagged)["how_to_resume"]
            assert advice.startswith("Nothing: Dagster restarts" if known else f"In the UI, open the run {run.run_id}")


def test_each_run_that_failed_before_the_first_tick_has_a_page_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "configs" / "scenarios").mkdir(parents=True)
    monkeypatch.setenv("TOWNLET_PROJECT", str(tmp_path))
    monkeypatch.delenv(WEBHOOK, raising=False)
    (tmp_path / "home").mkdir()
    with new_instance(tmp_path / "home") as instance:
        failed = [unfinished_run(instance, dead_worker()).run_id for _ in range(6)]
        close_dead_runs(instance)
        cursor = None
        for most in (4, 6, 6):
            cursor = tick(instance, cursor).cursor
            assert len(list(incidents_folder().glob("*.md"))) == most
    assert all(list(incidents_folder().glob(f"*-{run_id}.md")) for run_id in failed)


def test_a_page_begins_with_the_dead_worker_whatever_else_the_log_says(tmp_path: Path) -> None:
    with new_instance(tmp_path) as instance:
        run = unfinished_run(instance, dead_worker())
        instance.report_engine_event(
            f"Run execution process for {run.run_id} was terminated by signal 9 (SIGKILL).", run
        )
        instance.report_run_failed(run)
        instance.report_engine_event("Something else", run)
        first = describe_incident(instance, run)["reason"].splitlines()[0]
    assert first.startswith(f"The run's worker, {this_process()}, is dead")


def test_texts_on_a_page_are_no_markup_and_contain_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WEBHOOK, "http://127.0.0.1:9/T0KEN-of-a-chat")
    with new_instance(tmp_path) as instance:
        run = instance.create_run_for_job(
            defs.resolve_job_def("register_experiment"),
            run_config={**EXPERIMENT, "resources": {"store": {"config": {"object_store": "s3://KEY:pa/s@s@bucket/x"}}}},
            tags={"why": "![p](http://127.0.0.1:9/p.png) <img src=x>\n\n# Head"},
            status=DagsterRunStatus.STARTED,
        )
        instance.report_engine_event("```\n<script>1</script> at http://127.0.0.1:9/T0KEN-of-a-chat", run)
        instance.report_run_failed(run, "<b>why</b>")
        incident = describe_incident(instance, run)
    page = as_markdown(incident)
    assert incident["run_config"]["resources"]["store"]["config"]["object_store"] == "s3://…@bucket/x"
    for secret in ("KEY", "pa/s", "T0KEN"):
        assert secret not in page + json.dumps(incident)
    assert "\n# Head" not in page
    tokens = MarkdownIt().parse(page)
    texts = [token for token in tokens if token.type == "inline"]
    parts = [part for token in texts for part in token.children or []]
    assert not [part for part in parts if part.type in ("image", "html_inline")]
    assert [part.attrs["href"] for part in parts if part.type == "link_open"] == [
        handbook_url("something-is-red"),
        run_url(run.run_id),
    ]
    assert not [token for token in tokens if token.type == "html_block"]
    assert [token.content for token in tokens if token.type == "fence"][1].count("<script>") >= 1


def test_an_address_that_cannot_be_reached_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with new_instance(tmp_path) as instance:
        run = unfinished_run(instance, dead_worker())
        close_dead_runs(instance)
        for number, address in enumerate(("http://127.0.0.1:9/", "file:///etc/passwd", "http://[")):
            monkeypatch.setenv(WEBHOOK, address)
            written = report_incident(instance, run, tmp_path / str(number))
            assert written is not None
            page, outcome = written
            assert f"{WEBHOOK} could not be reached" in outcome
            incident = json.loads(page.with_suffix(".json").read_text())
            assert incident["kind"] == "interrupted"
            assert "is dead: it was killed, or its machine went down" in incident["reason"]
            assert "From failure" in page.read_text()
