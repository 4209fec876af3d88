"""The live view of a followed training on a terminal, and plain lines anywhere else."""

from __future__ import annotations

import fcntl
import io
import json
import math
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, ConsoleDimensions
from support.places import ROOT
from support.telemetry_records import fields, record, write_lines

from townlet.telemetry import TelemetryWriter
from townlet.telemetry.dashboard import Sparkline, WatchedLog, dashboard
from townlet.telemetry.reader import Line

WATCH = [sys.executable, str(ROOT / "scripts" / "telemetry_watch.py")]
ENTER, LEAVE, HIDE_CURSOR, SHOW_CURSOR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25l", "\x1b[?25h"


class Terminal:
    """A pseudo-terminal with ``townlet watch`` in its foreground, and everything written to it."""

    def __init__(self, *options: str, term: str = "xterm-256color") -> None:
        self.keyboard, self._screen = pty.openpty()
        self.resize(30, 110)
        self.before = termios.tcgetattr(self._screen)
        environment = {n: v for n, v in os.environ.items() if n not in ("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR")}
        self.watcher = subprocess.Popen(
            [*WATCH, *options],
            stdin=self._screen,
            stdout=self._screen,
            stderr=self._screen,
            env={**environment, "TERM": term, "PYTHONUTF8": "1"},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self.written = ""
        self._bytes = b""

    def resize(self, lines: int, columns: int) -> None:
        fcntl.ioctl(self.keyboard, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def wait_for(self, words: str, after: int = 0) -> int:
        """Wait until a text is written; return its position."""
        deadline = time.monotonic() + 90
        while words not in self.written[after:]:
            assert time.monotonic() < deadline, f"waited too long for {words!r}: {self.written[-2000:]!r}"
            self._read(0.05)
        return self.written.index(words, after)

    def press_ctrl_c(self) -> int:
        os.write(self.keyboard, b"\x03")
        return self.end()

    def end(self) -> int:
        """Wait for the watcher to end; return its exit code."""
        deadline = time.monotonic() + 90
        while self.watcher.poll() is None:
            assert time.monotonic() < deadline, "the watcher goes on"
            self._read(0.05)
        while self._read(0):
            pass
        return self.watcher.returncode

    def is_as_it_was(self) -> bool:
        return bool(termios.tcgetattr(self._screen) == self.before)

    def close(self) -> None:
        self.watcher.kill()
        self.watcher.wait()
        os.close(self.keyboard)
        os.close(self._screen)

    def _read(self, timeout: float) -> bool:
        if not select.select([self.keyboard], [], [], timeout)[0]:
            return False
        self._bytes += os.read(self.keyboard, 65536)
        self.written = self._bytes.decode(errors="replace")
        return True


@contextmanager
def terminal(*options: str, term: str = "xterm-256color") -> Iterator[Terminal]:
    one = Terminal(*options, term=term)
    try:
        yield one
    finally:
        one.close()


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "")


def test_a_terminal_shows_the_training_through_rotation_and_resize_and_is_restored_at_ctrl_c(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with terminal(str(log), "--follow", "--interval", "0.05", "--kl-threshold", "0.1") as tty:
        tty.wait_for("waiting for ")
        with TelemetryWriter(log, max_entries=2) as writer:
            for epoch in range(1, 6):
                writer.write(fields(epoch))
            tty.wait_for("epoch 5")
            tty.wait_for("no alert")
            writer.write(fields(6, kl_divergence=0.5))
            place = tty.wait_for("1 line with alerts")
            tty.wait_for("epoch 6: kl_divergence 0.5, expected at most 0.1", place)
            assert re.search(r"kl_divergence +▁▁▁▁▁█ +0\.5 +<= 0\.1 +1 *\n", plain(tty.written[place:]))
            tty.resize(12, 60)
            writer.write(fields(7))
            # A frame is complete once the next has begun; Ctrl-C may cut off the last one.
            tty.wait_for("epoch 7", tty.wait_for("epoch 7", place) + 1)
        assert tty.press_ctrl_c() == 1
        drawn, after = tty.written.split(LEAVE)
        assert tty.written.count(ENTER) == 1
        assert tty.is_as_it_was() and drawn.rindex(SHOW_CURSOR) > drawn.rindex(HIDE_CURSOR)
        printed = plain(after).strip()
        assert printed.startswith(
            f"{log}: 7 lines, 1 line with alerts (kl 1); last: epoch 7  rollout cycle 4  steps 1792"
        )
        frame = plain(drawn.split("\x1b[H")[-2]).rstrip("\n").split("\n")
        assert len(frame) <= 12
        assert max(cell_len(line) for line in frame) <= 60
        assert any(re.match(r" *kl_divergence +▁▁▁▁▁█▁ +0.005 *$", line) for line in frame), frame


def test_a_terminal_is_restored_before_sigterm_ends_the_process(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with terminal(str(log), "--follow") as tty:
        tty.wait_for("waiting for ")
        os.kill(tty.watcher.pid, signal.SIGTERM)
        assert tty.end() == -signal.SIGTERM
        assert tty.is_as_it_was()
        assert plain(tty.written.split(LEAVE)[1]).strip() == f"{log}: no line yet"


def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines(tmp_path: Path) -> None:
    log = write_lines(tmp_path / "log.jsonl", [record(1)])
    with terminal(str(log), "--follow", term="dumb") as tty:
        tty.wait_for("corr 0.3  ok")
        assert tty.press_ctrl_c() == 0
        assert "\x1b" not in tty.written


def test_piped_lines_are_those_of_a_log_that_is_not_followed(tmp_path: Path) -> None:
    log = write_lines(tmp_path / "log.jsonl", [record(1), record(2, kl_divergence=0.5), record(3)])
    command = [*WATCH, str(log), "--kl-threshold", "0.1"]
    expected = subprocess.run(command, capture_output=True).stdout
    environment = {**os.environ, "FORCE_COLOR": "1", "TTY_COMPATIBLE": "1", "TERM": "xterm"}
    watcher = subprocess.Popen([*command, "--follow"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    guard = threading.Timer(90, watcher.kill)
    guard.start()
    try:
        assert watcher.stdout is not None
        printed = b"".join(watcher.stdout.readline() for _ in range(3))
        watcher.send_signal(signal.SIGINT)
        rest = watcher.communicate()
    finally:
        guard.cancel()
        watcher.kill()
    assert (printed, rest, watcher.returncode) == (expected, (b"", b""), 1)


def rendered(renderable: Any, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get().rstrip("\n").split("\n")


def course_of(*records: dict[str, Any], **bounds: float) -> WatchedLog:
    watched = WatchedLog(Path("log.jsonl"), bounds)
    watched.take([Line("log.jsonl", number, 0, one, ()) for number, one in enumerate(records, 1)])
    return watched


def test_a_sparkline_shows_the_newest_values_that_fit_and_marks_those_that_are_not_numbers() -> None:
    values = [99.0, 0.0, 1.0, None, math.nan, 7.0, 8.0]
    assert rendered(Sparkline(values, [False] * 7), 6) == ["▁▂ !██"]
    assert rendered(Sparkline([3.0, 3.0], [False] * 2), 6) == ["▅▅"]


def test_epochs_that_a_resumed_training_writes_anew_replace_the_old_ones() -> None:
    watched = course_of(*(record(epoch) for epoch in (1, 2, 3, 4)), record(3, kl_divergence=0.5), kl=0.1)
    assert [report.record["epoch"] for report in watched.epochs] == [1, 2, 3]
    assert watched.epochs[-1].record["kl_divergence"] == 0.5
    assert (watched.lines, watched.alarmed, dict(watched.alerts)) == (5, 1, {"kl": 1})


def test_a_signal_with_a_bound_is_shown_though_the_log_lacks_it() -> None:
    lines = rendered(dashboard(course_of({"epoch": 1}, sleep_complete_min=2.0), 0.0, ConsoleDimensions(100, 25)), 100)
    assert any(re.match(r" *sleep_complete_events +missing +>= 2 +1 *$", line) for line in lines), lines


def test_the_heading_shows_the_logs_speed_and_the_time_since_its_last_line() -> None:
    watched = course_of(record(1), record(2))
    watched.written = 1000.0
    lines = rendered(dashboard(watched, 1000.0 + 3725, ConsoleDimensions(100, 25)), 100)
    assert lines[0].strip() == "epoch 2  no alert  last line 1 h 2 min ago"
    assert lines[1].strip() == "cycle 1  agent-steps 512  1,024 agent-steps/s  0.25 s per epoch  log.jsonl"


json_values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers(), max_size=2)
)
names = st.one_of(st.sampled_from(sorted(record(1))), st.text(max_size=20))


@given(
    changes=st.lists(st.dictionaries(names, json_values, max_size=8), max_size=5),
    bound=st.floats(allow_nan=False, allow_infinity=False),
    width=st.integers(20, 200),
    height=st.integers(3, 60),
)
@settings(max_examples=60, deadline=None)
def test_any_content_of_a_log_is_shown_within_the_width(
    changes: list[dict[str, Any]], bound: float, width: int, height: int
) -> None:
    watched = course_of(*({**record(n), **change} for n, change in enumerate(changes, 1)), kl=bound, entropy=bound)
    lines = rendered(dashboard(watched, 0.0, ConsoleDimensions(width, height)), width)
    assert max(cell_len(line) for line in lines) <= width
    assert all(line.isprintable() for line in lines)
    assert watched.lines == len(changes)


def test_the_live_view_needs_none_of_the_heavy_libraries() -> None:
    program = (
        "import json, sys; import townlet.cli.watch, townlet.telemetry.dashboard;"
        "print(json.dumps(sorted({'torch', 'numba', 'numpy', 'pyarrow', 'pandas', 'matplotlib'} & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
