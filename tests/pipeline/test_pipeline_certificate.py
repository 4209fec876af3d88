"""The certificate as a job: it runs the script, names the command that failed, and can be terminated."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import filelock
import pytest
from dagster import DagsterInstance
from support.pipeline_runs import new_instance, reasons
from support.places import ROOT
from support.services import wait_until

from townlet_pipeline.definitions import defs
from townlet_pipeline.jobs import certificate


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterInstance]:
    with new_instance(tmp_path_factory.mktemp("home")) as instance:
        yield instance


@pytest.mark.parametrize("code", [0, 3])
def test_the_certificate_runs_the_script_and_names_the_command_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instance: DagsterInstance, code: int
) -> None:
    (tmp_path / "configs" / "scenarios").mkdir(parents=True)
    (tmp_path / "scripts").mkdir()
    script = f"set -euo pipefail\nset -x\npython -c 'print(6 * 7)'\npython -c 'exit({code})'\npython -c 'print(1)'\n"
    (tmp_path / "scripts" / "certify.sh").write_text(script)
    monkeypatch.setenv("TOWNLET_PROJECT", str(tmp_path))
    silent = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    job = defs.resolve_job_def("certify")
    result = job.execute_in_process(instance=instance, raise_on_error=False, run_config=silent)
    logged = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert "42" in logged
    assert [path.name for path in (tmp_path / "scripts").iterdir()] == ["certify.sh"], "nothing is left in the checkout"
    if code:
        assert reasons(result)["run_certificate"].startswith("exit code 3: python -c 'exit(3)'")
        return
    output = next(event for event in result.all_events if event.is_successful_output)
    table = output.step_output_data.metadata["commands"]
    assert [row.data["command"] for row in table.records] == [
        "python -c 'print(6 * 7)'",
        "python -c 'exit(0)'",
        "python -c 'print(1)'",
    ]


def test_terminating_the_certificate_ends_its_running_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "configs" / "scenarios").mkdir(parents=True)
    monkeypatch.setenv("TOWNLET_PROJECT", str(tmp_path))
    script = tmp_path / "certify.sh"
    script.write_text("python -c 'import os, time; print(os.getpid(), flush=True); time.sleep(600)'\necho over\n")
    started: list[int] = []

    def terminate(line: str) -> None:
        started.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        certificate.run_script(script, terminate)
    wait_until(lambda: not Path(f"/proc/{started[0]}").exists(), "the command to end")


def test_two_certificates_do_not_write_to_one_folder(tmp_path: Path) -> None:
    for folder in ("scripts", "tmp/ci_phase4"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "certify.sh", tmp_path / "scripts")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    with filelock.FileLock(tmp_path / "tmp" / ".ci_phase4.lock"):
        done = subprocess.run(
            ["bash", str(tmp_path / "scripts" / "certify.sh")], capture_output=True, text=True, env=environment
        )
    assert done.returncode == 2
    assert done.stderr == (
        "error: tmp/ci_phase4: found another certificate writing here, expected none: wait for it, or end it\n"
    )
    assert (tmp_path / "tmp" / "ci_phase4").is_dir()
