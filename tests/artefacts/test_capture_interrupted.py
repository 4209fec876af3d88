"""A capture that cannot be written, or is killed, leaves the earlier one valid."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.captures import QUEUE, capture, files_in, queue_scenario

from townlet.capture import capture_rollout, parse_manifest, verify_capture
from townlet.cli import main

RUN = [sys.executable, "-c", "import sys; from townlet.cli import main; sys.exit(main(sys.argv[1:]))", "capture"]


def test_a_second_process_on_the_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture(tmp_path)
    before = files_in(tmp_path)
    hold = (
        "from townlet.files.storage import exclusive\n"
        f"with exclusive({str(tmp_path)!r}): print('held', flush=True); input()"
    )
    holder = subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
    assert main(["capture", str(QUEUE), "--output", str(tmp_path), "--seed", "3"]) == 2
    assert capsys.readouterr().err == (
        f"error: {tmp_path}: found another process writing here, expected a folder that no other process writes to\n"
    )
    assert files_in(tmp_path) == before
    holder.communicate(b"\n")
    assert main(["capture", str(QUEUE), "--output", str(tmp_path), "--seed", "3"]) == 0


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("mine")
    for output in (tmp_path / "taken", tmp_path / "taken" / "below"):
        assert main(["capture", str(QUEUE), "--output", str(output)]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"error: {output}: ") and error.count("\n") == 1
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_device_that_is_full_leaves_the_earlier_capture_valid(tmp_path: Path) -> None:
    path = capture(tmp_path)
    before = files_in(tmp_path)

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    program = "import sys; from townlet.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "capture", str(QUEUE), "--output", str(tmp_path), "--seed", "3"]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=no_room)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path}/steps-00000-")
    assert done.stderr.endswith(": File too large\n")
    assert {path.name for path in tmp_path.iterdir()} - {".lock"} == set(before)
    assert files_in(tmp_path) == before
    assert verify_capture(path).seed == 7


def test_all_that_the_manifest_names_is_written_before_it_and_under_names_of_its_own(tmp_path: Path) -> None:
    """A process killed between any two writes therefore leaves the earlier capture or the new one."""
    path = capture(tmp_path)
    manifest = parse_manifest(path)
    for entry in (*manifest.shards, manifest.events, manifest.metrics):
        assert entry.sha256[:12] in entry.file
        assert (tmp_path / entry.file).stat().st_mtime_ns <= path.stat().st_mtime_ns


def test_a_missing_policy_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = tmp_path / "policy.json"
    assert main(["capture", str(QUEUE), "--output", str(tmp_path / "out"), "--policy", str(policy)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {policy}: found no such file, expected ")
    assert not (tmp_path / "out").exists()


def test_a_capture_that_is_killed_leaves_the_earlier_one_valid(tmp_path: Path) -> None:
    earlier = capture_rollout(QUEUE, tmp_path / "capture", seed=1)
    before = set(files_in(tmp_path / "capture"))
    scenario = queue_scenario(tmp_path, extra="capture: {worlds: 20000, worlds_per_shard: 20}\n")
    process = subprocess.Popen([*RUN, str(scenario), "--output", str(tmp_path / "capture")], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while len(list((tmp_path / "capture").glob("steps-*"))) < 3 and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert set(files_in(tmp_path / "capture")) > before
    assert verify_capture(earlier.manifest_path) == earlier.manifest
    again = capture_rollout(QUEUE, tmp_path / "capture", seed=1)
    assert again.manifest_sha256 == earlier.manifest_sha256
    assert set(files_in(tmp_path / "capture")) == before
