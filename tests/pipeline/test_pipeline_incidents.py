"""Runs that ended badly: closed when nobody is left to do it, and told to those who should hear of it."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetSelection, DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter, build_sensor_context
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from markdown_it import MarkdownIt
from support.pipeline_runs import SCENARIO, new_instance, run_column
from support.places import ROOT

from townlet_pipeline.definitions import defs
from townlet_pipeline.runs import dead_runs as reaper
from townlet_pipeline.runs import webhook, worker
from townlet_pipeline.runs.dead_runs import reap, zombie_runs
from townlet_pipeline.runs.incidents import as_markdown, describe, incidents, incidents_folder, report_incident
from townlet_pipeline.runs.webhook import WEBHOOK, post

EXPERIMENT = {"ops": {"freeze_and_register": {"config": {"scenario": SCENARIO, "experiment": "bold"}}}}


@pytest.fixture(autouse=True)
def nobody_else_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaper, "GRACE_SECONDS", 0.0)


def started(
    instance: DagsterInstance,
    tag: str,
    status: DagsterRunStatus = DagsterRunStatus.STARTED,
    remote_job_origin: RemoteJobOrigin | None = None,
) -> DagsterRun:
    """A run that is under way, as far as the instance knows; ``{id}`` in the worker's tag is the run's."""
    run_id = str(uuid.uuid4())
    tags = {worker.TAG: tag.format(id=run_id)}
    job = defs.resolve_job_def("certify")
    return instance.create_run_for_job(
        job, run_id=run_id, tags=tags, status=status, remote_job_origin=remote_job_origin
    )


def this_process() -> worker.Worker:
    me = worker.this_worker()
    assert me is not None
    return me


def tag(of: worker.Worker) -> str:
    """A worker's tag for a run that :func:`started` makes."""
    return worker.tag_of("{id}", of)


def dead_worker() -> str:
    """A worker's tag with this process's number, as if another had had it before."""
    return tag(replace(this_process(), started=this_process().started + 1))


def test_only_runs_whose_own_process_is_gone_are_closed(tmp_path: Path) -> None:
    me = this_process()
    with new_instance(tmp_path) as instance:
        recycled = started(instance, dead_worker())
        canceled = started(instance, dead_worker(), DagsterRunStatus.CANCELING)
        for other in (
            tag(me),
            tag(replace(me, host=f"not-{me.host}", started=me.started + 1)),
            # A re-execution has the tags of its parent until it starts.
            dead_worker().format(id=recycled.run_id),
            "what is this",
        ):
            started(instance, other)
        assert {one.run_id for one in reap(instance)} == {recycled.run_id, canceled.run_id}
        assert {run.run_id: run.status for run in instance.get_runs() if run.is_finished} == {
            recycled.run_id: DagsterRunStatus.FAILURE,
            canceled.run_id: DagsterRunStatus.CANCELED,
        }


def test_a_machine_that_was_started_anew_is_told_from_one_of_the_same_name_and_from_a_container() -> None:
    machine = replace(this_process(), machine="installed-here", namespace=4026531836)
    before = replace(machine, boot="the-boot-before", pid=1, started=1)
    assert worker.whereabouts(before, machine) == "gone"
    for other in (
        replace(before, machine="another-machine"),
        replace(before, namespace=4026532999),
        replace(machine, namespace=4026532999, pid=1, started=1),
    ):
        assert worker.whereabouts(other, machine) == "elsewhere", other
    nameless = replace(machine, machine="")
    assert worker.whereabouts(replace(nameless, boot="the-boot-before"), nameless) == "elsewhere"
    # The containers of one image have its machine's id, whichever machine they are on.
    container = replace(machine, namespace=4026532999)
    assert worker.whereabouts(replace(container, boot="another-boot"), container) == "elsewhere"


def test_a_run_of_a_container_that_was_started_again_is_closed_once_nobody_holds_its_lock(tmp_path: Path) -> None:
    me = this_process()
    code = (
        "import sys, time; from dagster import DagsterInstance; from townlet_pipeline.runs.worker_lock import present\n"
        "with DagsterInstance.from_config(sys.argv[1]) as instance, present(instance, sys.argv[2]):\n"
        "    print('held', flush=True); time.sleep(600)"
    )
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}")
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        run = started(instance, tag(replace(me, namespace=me.namespace + 1, pid=1, started=1)))
        assert reap(instance) == [], "it has no lock here: it may be another one of the same name"
        words = [sys.executable, "-c", code, str(tmp_path), run.run_id]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            assert reap(instance) == []
            process.kill()
        assert [one.run_id for one in reap(instance)] == [run.run_id]
        assert list((tmp_path / "workers").iterdir()) == []


def test_the_sensor_and_the_command_close_runs_too(tmp_path: Path) -> None:
    with new_instance(tmp_path) as instance:
        one = started(instance, dead_worker())
        ticked = zombie_runs.evaluate_tick(build_sensor_context(instance))
        assert ticked.skip_message == f"closed: {one.run_id}"
        assert zombie_runs.evaluate_tick(build_sensor_context(instance)).skip_message.startswith("every unfinished run")
        two = started(instance, dead_worker())
    done = subprocess.run(
        [sys.executable, "-m", "townlet_pipeline.runs.dead_runs", "--home", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{two.run_id}: The run's worker, process ")
    assert done.stdout.endswith("1 closed\n")


@contextmanager
def listener(status: int, **headers: str) -> Iterator[tuple[str, list[Any]]]:
    """A web server on this machine, its address, and what was posted to it."""
    received: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook", received
        server.shutdown()


def look(instance: DagsterInstance, cursor: str | None = None) -> SensorExecutionData:
    """One tick of the sensor."""
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
    with new_instance(tmp_path / "home") as instance, listener(status) as (address, received):
        monkeypatch.setenv(WEBHOOK, address)
        needed = AssetSelection.assets("scenario", "trained_policy", "ppo_telemetry")
        result = run_column(instance, tmp_path / "store", selection=needed, cycles=0, mode="rollout")
        assert not result.success
        first = look(instance)
        assert result.run_id in str(first.skip_message)
        for cursor in (first.cursor, None):
            assert look(instance, cursor).skip_message == "every failed run has its page"
    page, told = sorted(incidents_folder().glob("2*"), key=lambda path: path.suffix, reverse=True)
    assert page.stem == told.stem
    assert page.stem.endswith(result.run_id)
    content, text = json.loads(told.read_text()), page.read_text()
    assert [message["incident"] for message in received] == [content], "posted once, though the sensor saw it twice"
    assert content["scenario"] == SCENARIO
    assert content["steps"] == [
        {
            "step": "train_policy",
            "error": "training options: cycles: found 0, expected greater than or equal to 1",
        }
    ]
    assert content["steps"][0]["error"] in text
    assert f"open the run {result.run_id}, choose Open in Launchpad, change what the reason names" in text
    assert "From failure" not in text, "it would fail again"
    assert any("STEP_FAILURE train_policy" in line for line in content["log_tail"])
    assert "cycles: found 0" in received[0]["text"]


def test_a_run_is_said_to_start_again_by_itself_only_if_the_daemon_can_start_it(tmp_path: Path) -> None:
    with new_instance(tmp_path) as instance:
        origin = RemoteJobOrigin(
            RemoteRepositoryOrigin(GrpcServerCodeLocationOrigin("localhost", 1, None, "townlet"), "__repository__"),
            "certify",
        )
        for known in (None, origin):
            run = started(instance, dead_worker(), remote_job_origin=known)
            instance.add_run_tags(run.run_id, {"dagster/will_retry": "true"})
            tagged = instance.get_run_records(RunsFilter([run.run_id]))[0].dagster_run
            (told,) = describe(instance, tagged)["how_to_resume"]
            assert told.startswith("Nothing: it is started again" if known else f"In the UI open the run {run.run_id}")


def test_an_address_is_a_secret_and_not_in_what_is_said_of_it() -> None:
    secret = "T0KEN"
    for address, why in {
        f"http://127.0.0.1:9/{secret}": "Connection refused",
        f"http://127.0.0.1:9/a b/{secret}": "InvalidURL",
        f"http://127.0.0.1:{secret}/": "InvalidURL",
        f"http://[{secret}": "ValueError",
        f"{secret}.example.org": "it does not begin with http:// or https://",
    }.items():
        assert post(address, {}) == f"{WEBHOOK} could not be reached: {why}"
    with listener(500) as (address, _):
        assert post(address, {}) == f"{WEBHOOK} could not be reached: status 500"


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_message_that_was_sent_elsewhere_has_reached_nobody(status: int) -> None:
    with listener(200) as (there, arrived), listener(status, Location=there) as (address, _):
        assert post(address, {}) == f"{WEBHOOK} could not be reached: status {status}"
    assert arrived == []


def test_a_server_that_answers_a_byte_now_and_then_does_not_hold_up_the_sensors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhook, "_TIMEOUT_SECONDS", 0.5)
    ended = threading.Event()

    def trickle(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            while not ended.wait(0.05):
                connection.sendall(b"H")

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=trickle, args=(server,), daemon=True).start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        assert post(address, {}).startswith(f"{WEBHOOK} could not be reached: no answer within")
        ended.set()


def test_a_run_that_failed_before_the_first_look_has_its_page_too_and_each_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "configs" / "scenarios").mkdir(parents=True)
    monkeypatch.setenv("TOWNLET_PROJECT", str(tmp_path))
    monkeypatch.delenv(WEBHOOK, raising=False)
    (tmp_path / "home").mkdir()
    with new_instance(tmp_path / "home") as instance:
        failed = [started(instance, dead_worker()).run_id for _ in range(6)]
        reap(instance)
        cursor = None
        for most in (4, 6, 6):
            cursor = look(instance, cursor).cursor
            assert len(list(incidents_folder().glob("*.md"))) == most
    assert all(list(incidents_folder().glob(f"*-{run_id}.md")) for run_id in failed)


def test_a_page_begins_with_the_workers_end_whoever_told_of_it(tmp_path: Path) -> None:
    with new_instance(tmp_path) as instance:
        run = started(instance, dead_worker())
        instance.report_engine_event(
            f"Run execution process for {run.run_id} was terminated by signal 9 (SIGKILL).", run
        )
        instance.report_run_failed(run)
        instance.report_engine_event("Something else", run)
        first = describe(instance, run)["reason"].splitlines()[0]
    assert first.startswith(f"The run's worker, {this_process()}, is gone")


def test_texts_of_others_are_no_markup_and_no_secret_is_in_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
        incident = describe(instance, run)
    page = as_markdown(incident)
    assert incident["run_config"]["resources"]["store"]["config"]["object_store"] == "s3://…@bucket/x"
    for secret in ("KEY", "pa/s", "T0KEN"):
        assert secret not in page + json.dumps(incident)
    assert "\n# Head" not in page
    tokens = MarkdownIt().parse(page)
    texts = [token for token in tokens if token.type == "inline"]
    assert not [
        part for token in texts for part in token.children or [] if part.type in ("image", "html_inline", "link")
    ]
    assert not [token for token in tokens if token.type == "html_block"]
    assert [token.content for token in tokens if token.type == "fence"][1].count("<script>") >= 1


def test_an_address_that_cannot_be_reached_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with new_instance(tmp_path) as instance:
        run = started(instance, dead_worker())
        reap(instance)
        for number, address in enumerate(("http://127.0.0.1:9/", "file:///etc/passwd", "http://[")):
            monkeypatch.setenv(WEBHOOK, address)
            written = report_incident(instance, run, tmp_path / str(number))
            assert written is not None
            page, told = written
            assert f"{WEBHOOK} could not be reached" in told
            incident = json.loads(page.with_suffix(".json").read_text())
            assert incident["kind"] == "interrupted"
            assert "is gone: it was killed, or its machine went down" in incident["reason"]
            assert "From failure" in page.read_text()
