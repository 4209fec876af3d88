"""Runs whose worker is dead: the sensor and the command close them, and leave all others alone."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus, build_sensor_context
from support.pipeline_commands import ended
from support.pipeline_runs import new_instance
from support.places import ROOT
from support.unfinished_runs import dead_worker, tag_for, this_process, unfinished_run

from townlet_pipeline.instance.commands import run_command
from townlet_pipeline.runs import dead_runs
from townlet_pipeline.runs.dead_runs import close_dead_runs, zombie_runs
from townlet_pipeline.runs.worker import worker_status


@pytest.fixture(autouse=True)
def no_grace_period(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_runs, "GRACE_SECONDS", 0.0)


def test_only_runs_whose_own_worker_is_dead_are_closed(tmp_path: Path) -> None:
    me = this_process()
    with new_instance(tmp_path) as instance:
        reused_pid = unfinished_run(instance, dead_worker())
        canceled = unfinished_run(instance, dead_worker(), DagsterRunStatus.CANCELING)
        for other in (
            tag_for(me),
            tag_for(replace(me, host=f"not-{me.host}", started=me.started + 1)),
            # A re-executed run has its parent's tags until it starts.
            dead_worker().format(id=reused_pid.run_id),
            "what is this",
        ):
            unfinished_run(instance, other)
        assert {one.run_id for one in close_dead_runs(instance)} == {reused_pid.run_id, canceled.run_id}
        assert {run.run_id: run.status for run in instance.get_runs() if run.is_finished} == {
            reused_pid.run_id: DagsterRunStatus.FAILURE,
            canceled.run_id: DagsterRunStatus.CANCELED,
        }


def test_a_rebooted_machine_is_not_confused_with_a_namesake_or_a_container() -> None:
    machine = replace(this_process(), machine="installed-here", namespace=4026531836)
    before = replace(machine, boot="the-boot-before", pid=1, started=1)
    assert worker_status(before, machine) == "dead"
    for other in (
        replace(before, machine="another-machine"),
        replace(before, namespace=4026532999),
        replace(machine, namespace=4026532999, pid=1, started=1),
    ):
        assert worker_status(other, machine) == "unknown", other
    nameless = replace(machine, machine="")
    assert worker_status(replace(nameless, boot="the-boot-before"), nameless) == "unknown"
    # All containers of an image have its machine ID, whichever machine they run on.
    container = replace(machine, namespace=4026532999)
    assert worker_status(replace(container, boot="another-boot"), container) == "unknown"


def test_a_run_of_a_restarted_container_is_closed_once_nobody_holds_its_lock(tmp_path: Path) -> None:
    me = this_process()
    code = (
        "import sys, time; from dagster import DagsterInstance\n"
        "from townlet_pipeline.runs.worker_lock import hold_worker_lock\n"
        "with DagsterInstance.from_config(sys.argv[1]) as instance, hold_worker_lock(instance, sys.argv[2]):\n"
        "    print('held', flush=True); time.sleep(600)"
    )
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}")
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        run = unfinished_run(instance, tag_for(replace(me, namespace=me.namespace + 1, pid=1, started=1)))
        assert close_dead_runs(instance) == [], "without a lock here, it may be another machine of the same name"
        words = [sys.executable, "-c", code, str(tmp_path), run.run_id]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            assert close_dead_runs(instance) == []
            process.kill()
        assert [one.run_id for one in close_dead_runs(instance)] == [run.run_id]
        assert list((tmp_path / "workers").iterdir()) == []


def test_the_sensor_and_the_command_close_runs_too(tmp_path: Path) -> None:
    with new_instance(tmp_path) as instance:
        one = unfinished_run(instance, dead_worker())
        ticked = zombie_runs.evaluate_tick(build_sensor_context(instance))
        assert ticked.skip_message == f"closed: {one.run_id}"
        assert zombie_runs.evaluate_tick(build_sensor_context(instance)).skip_message.startswith("every unfinished run")
        two = unfinished_run(instance, dead_worker())
    done = ended(lambda: run_command(dead_runs.app), "--home", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{two.run_id}: The run's worker, process ")
    assert done.stdout.endswith("1 closed\n")
