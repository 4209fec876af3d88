"""Pipes, devices and standard output are written to as they are, and stay."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support.output_places import a_device, standing
from support.small_trainings import QUEUE, SMALL, options_of
from support.telemetry_records import fields

from townlet.cli import main
from townlet.errors import RunError
from townlet.files.storage import exclusive_file, write_atomically
from townlet.telemetry import TelemetryWriter


def test_a_device_is_written_to_and_stays(tmp_path: Path) -> None:
    a_device(tmp_path / "null")
    before = standing(tmp_path)
    write_atomically(tmp_path / "null", b"gone")
    with exclusive_file(tmp_path / "null"), TelemetryWriter(tmp_path / "null") as writer:
        writer.write(fields(1))
        writer.sync()
    assert standing(tmp_path) == before


def test_a_training_logs_to_a_device_and_trains(tmp_path: Path) -> None:
    a_device(tmp_path / "null")
    before = standing(tmp_path)["null"]
    command = ["train", str(QUEUE), "--output", str(tmp_path / "t"), *options_of(**SMALL)]
    assert main([*command, "--ppo-log", str(tmp_path / "null")]) == 0
    assert standing(tmp_path)["null"] == before and set(standing(tmp_path)) == {"null", "t"}
    for refused in (["--resume"], ["--ppo-log-max-entries", "1"]):
        assert main([*command, "--ppo-log", str(tmp_path / "null"), *refused]) == 2


def test_a_pipe_gets_every_line_of_the_log(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    with TelemetryWriter(tmp_path / "pipe") as writer:
        for epoch in (1, 2, 3):
            writer.write(fields(epoch))
    reader.join()
    assert read[0].count(b"\n") == 3 and set(standing(tmp_path)) == {"pipe"}


def test_a_log_whose_reader_leaves_raises_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with TelemetryWriter(tmp_path / "pipe") as writer:
        writer.write(fields(1))
        os.close(reader)
        with pytest.raises(RunError, match="nobody reads the log any more"):
            writer.write(fields(2))


def test_standard_output_is_shared_with_what_is_printed(tmp_path: Path) -> None:
    code = (
        "from townlet.files.storage import write_atomically\n"
        "print('before', flush=True); write_atomically('/dev/stdout', 'between\\n'); print('after')"
    )
    with (tmp_path / "out").open("w") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True)
    assert (tmp_path / "out").read_text() == "before\nbetween\nafter\n" and set(standing(tmp_path)) == {"out"}
