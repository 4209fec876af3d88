"""Alerts of an epoch, and following a log through rotation, truncation and replacement."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.places import ROOT
from support.telemetry_records import fields, record, write_lines

from townlet.config.telemetry import WatchThresholds
from townlet.telemetry import Follower, TelemetryWriter, alerts_for, examine, read_log
from townlet.telemetry.epoch_alerts import SIGNALS

WATCH = [sys.executable, str(ROOT / "scripts" / "telemetry_watch.py")]


def test_every_bound_of_a_scenario_has_a_signal() -> None:
    assert {signal.name for signal in SIGNALS} == set(WatchThresholds.model_fields)


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_a_signal_alerts_beyond_its_bound_only_and_names_value_and_bound(signal: Any) -> None:
    beyond = 0.6 if signal.side == "max" else 0.4
    for value, alerted in ((0.5, False), (beyond, True)):
        alerts = alerts_for(record(1, **{signal.field: value}), WatchThresholds(**{signal.name: 0.5}))
        assert [(alert.field, alert.value, alert.bound) for alert in alerts] == (
            [(signal.field, value, 0.5)] if alerted else []
        )


def test_a_loss_alerts_by_its_magnitude() -> None:
    assert [alert.value for alert in alerts_for(record(1, loss_total=-3.0), {"loss": 2.0})] == [-3.0]


def test_a_signal_without_a_bound_never_alerts() -> None:
    assert alerts_for(record(1, kl_divergence=1e9), WatchThresholds()) == []


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None, "0.1", True])
def test_a_value_that_is_not_a_number_always_alerts(signal: Any, value: Any) -> None:
    alerts = alerts_for(record(1, **{signal.field: value}), {signal.name: 1.0})
    assert [(alert.field, alert.value) for alert in alerts] == [(signal.field, None)]


def test_a_nan_alerts_even_without_any_bound() -> None:
    assert [str(alert) for alert in alerts_for(record(1, adv_mean=math.nan), {})] == [
        "adv_mean NaN, expected a finite number"
    ]


def test_a_missing_field_whose_signal_has_a_bound_alerts() -> None:
    old = {name: value for name, value in record(1).items() if name != "batch_entropy_mean"}
    assert [str(alert) for alert in alerts_for(old, {"entropy": 0.1})] == [
        "batch_entropy_mean is missing, expected at least 0.1"
    ]


def test_a_line_that_is_not_json_alerts(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(f"{json.dumps(record(1))}\nnonsense\n")
    reports = [examine(line, {}) for line in read_log(log).lines]
    assert [[alert.signal for alert in report.alerts] for report in reports] == [[], ["record"]]


@given(
    steps=st.lists(
        st.one_of(
            st.just("poll"),
            st.just("checkpoint"),
            st.just("resume"),
            st.just("new run"),
            st.integers(1, 4),
        ),
        max_size=25,
    ),
    max_entries=st.one_of(st.none(), st.integers(1, 3)),
)
@settings(max_examples=100)
def test_a_follower_gives_each_line_of_a_growing_log_once_through_rotation_resume_and_replacement(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Any], max_entries: int | None
) -> None:
    log = tmp_path_factory.mktemp("log") / "log.jsonl"
    seen: list[int] = []
    serial = epoch = 0
    safe: tuple[int, int] = (0, 0)
    writer = TelemetryWriter(log, max_entries=max_entries)
    with Follower(log) as follower:
        for step in [*steps, "poll"]:
            if step == "poll":
                seen.extend(line.record["serial"] for line in follower.poll() if line.record)
                assert len(seen) == len(set(seen))
                expected = [line.record["serial"] for line in read_log(log).lines if line.record] if epoch else []
                assert [number for number in seen if number in set(expected)] == expected
            elif step == "checkpoint":
                safe = (epoch, writer.offset)
            elif step == "resume" and safe[0]:
                writer.close()
                epoch = safe[0]
                writer = TelemetryWriter.resume(log, offset=safe[1], max_entries=max_entries)
            elif step == "new run":
                writer.close()
                writer, safe = TelemetryWriter(log, max_entries=max_entries), (0, 0)
                epoch, serial = 1, serial + 1
                writer.write(fields(1, serial=serial))
            elif isinstance(step, int):
                for _ in range(step):
                    epoch, serial = epoch + 1, serial + 1
                    writer.write(fields(epoch, serial=serial))
    writer.close()


def test_a_half_written_line_is_given_once_it_is_whole(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    line = json.dumps(record(1)).encode() + b"\n"
    with Follower(log) as follower, log.open("ab", buffering=0) as file:
        assert follower.poll() == []
        file.write(line[:40])
        assert follower.poll() == []
        file.write(line[40:])
        assert [one.record for one in follower.poll()] == [record(1)]
        assert follower.poll() == []


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


@pytest.mark.parametrize(("bound", "code"), [("0.0001", 1), ("10", 0)])
def test_watch_follow_waits_for_the_log_survives_rotation_and_ends_cleanly_at_ctrl_c(
    tmp_path: Path, bound: str, code: int
) -> None:
    log, out = tmp_path / "log.jsonl", tmp_path / "out"

    def epochs_printed() -> list[int]:
        return [json.loads(line)["epoch"] for line in out.read_text().splitlines()]

    with out.open("w") as sink:
        watcher = subprocess.Popen(
            [*WATCH, str(log), "--follow", "--interval", "0.02", "--json", "--kl-threshold", bound],
            stdout=sink,
            stderr=subprocess.PIPE,
            # Tests that run in the background ignore Ctrl-C, and their children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        try:
            with TelemetryWriter(log, max_entries=2) as writer:
                for epoch in range(1, 8):
                    writer.write(fields(epoch))
                    if epoch in (3, 6, 7):
                        wait_for(lambda epoch=epoch: epochs_printed() == list(range(1, epoch + 1)))
            with TelemetryWriter.resume(log, offset=3, max_entries=2) as writer:
                writer.write(fields(4, epoch_duration_sec=0.5))
            wait_for(lambda: epochs_printed() == [1, 2, 3, 4, 5, 6, 7, 4])
            os.kill(watcher.pid, signal.SIGINT)
            _, errors = watcher.communicate(timeout=30)
        finally:
            watcher.kill()
    assert (watcher.returncode, errors) == (code, b"")


def test_the_text_form_names_alerts_in_one_line_per_epoch(tmp_path: Path) -> None:
    log = write_lines(tmp_path / "log.jsonl", [record(1), record(2, kl_divergence=0.5, late_help_events=0.0)])
    command = [*WATCH, str(log), "--kl-threshold", "0.1", "--late-help-min", "0"]
    done = subprocess.run(command, capture_output=True, text=True)
    first, second = done.stdout.splitlines()
    assert first.startswith("epoch 1  rollout cycle 1  steps 256") and first.endswith("  ok")
    assert second.endswith("ALERT kl_divergence 0.5, expected at most 0.1")
    assert done.returncode == 1
