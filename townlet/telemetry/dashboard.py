"""Live view of a training on a terminal: its main signals as small curves, with bounds and alerts."""

from __future__ import annotations

import contextlib
import math
import signal
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console, ConsoleDimensions, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from townlet.files.strict_json import is_number
from townlet.telemetry.environments import without_a_town
from townlet.telemetry.epoch_alerts import SIGNALS, EpochReport, Signal, examine
from townlet.telemetry.follow import Follower
from townlet.telemetry.formatting import count, number
from townlet.telemetry.reader import Line
from townlet.telemetry.summary import HIGHLIGHTS
from townlet.text.terminal import printable

Bounds = Mapping[str, float | None]

#: Most epochs kept for drawing; no terminal is wider.
KEPT = 500

#: Latest epochs from which speed is computed.
RECENT = 20

#: Most alerts that are listed, the newest ones.
LISTED = 8

#: Fewest columns that also show bounds and counts; values beyond a bound are red at any width.
NARROW = 72

#: Seconds between looks at the keyboard and the size of the terminal.
TICK = 0.1

BLOCKS = "▁▂▃▄▅▆▇█"
PLAIN_BLOCKS = "_.-=+*#@"

_COUNTS = {"cycle_id": "cycle", "steps": "agent-steps"}


class WatchedLog:
    """A log as read so far; an epoch that is written again replaces the earlier one."""

    def __init__(self, log: Path, bounds: Bounds) -> None:
        self.log = log
        self.bounds = bounds
        self.lines = 0
        self.alarmed = 0
        self.alerts: Counter[str] = Counter()
        self.listed: deque[str] = deque(maxlen=LISTED)
        self.epochs: deque[EpochReport] = deque(maxlen=KEPT)
        self.last: EpochReport | None = None
        #: When the last line was written, in seconds since 1970.
        self.written = 0.0

    def take(self, lines: Sequence[Line]) -> None:
        """Add the next lines of the log, with their alerts."""
        for line in lines:
            self._add(examine(line, self.bounds))
        if lines:
            self.written = _written(lines[-1].file)

    def _add(self, report: EpochReport) -> None:
        self.lines += 1
        self.last = report
        self.alarmed += bool(report.alerts)
        self.alerts.update({alert.signal for alert in report.alerts})
        epoch = report.record.get("epoch")
        place = f"epoch {epoch}" if is_number(epoch) else f"line {report.line}"
        self.listed.extend(f"{place}: {alert}" for alert in report.alerts)
        if is_number(epoch):
            while self.epochs and self.epochs[-1].record["epoch"] >= epoch:
                self.epochs.pop()
            self.epochs.append(report)

    def __str__(self) -> str:
        if self.last is None:
            return f"{self.log}: no line yet"
        signals = ", ".join(f"{name} {times}" for name, times in sorted(self.alerts.items()))
        alarms = f"{count(self.alarmed, 'line')} with alerts ({signals})" if self.alerts else "no alert"
        return f"{self.log}: {count(self.lines, 'line')}, {alarms}; last: {self.last}"


class Sparkline:
    """A curve of one character per value, scaled from the least to the largest of the newest values that fit.

    A value beyond its bound is red, a non-finite one a red ``!``, and a missing one a gap.
    """

    def __init__(self, values: Sequence[object], beyond: Sequence[bool]) -> None:
        self._values = values
        self._beyond = beyond

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(min(8, options.max_width), options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        values, beyond = self._values[-options.max_width :], self._beyond[-options.max_width :]
        blocks = PLAIN_BLOCKS if options.ascii_only else BLOCKS
        finite = [value for value in values if isinstance(value, int | float) and is_number(value)]
        # Halved, because the distance between two finite numbers may overflow.
        low, high = min(finite, default=0.0) / 2, max(finite, default=0.0) / 2
        text = Text(no_wrap=True, end="")
        for value, alarm in zip(values, beyond, strict=True):
            style = "bold red" if alarm else "cyan"
            if isinstance(value, int | float) and is_number(value):
                share = (value / 2 - low) / (high - low) if high > low else 0.5
                text.append(blocks[min(len(blocks) - 1, math.floor(share * len(blocks)))], style)
            else:
                text.append(" " if value is None else "!", "bold red")
        yield text


def watch_on_terminal(log: Path, bounds: Bounds, interval: float) -> bool:
    """Show a training until Ctrl-C, reading the log every ``interval`` seconds; return whether anything alerted.

    At the end the terminal is restored and a summary line is printed. The log need not exist yet. SIGTERM does the same
    and then ends the process.
    """
    watched = WatchedLog(log, bounds)
    console = Console()
    screen = Live(console=console, screen=True, auto_refresh=False)
    with _signals() as caught, screen, Follower(log) as follower:
        due, shown = 0.0, None
        while not caught:
            if time.monotonic() >= due:
                due = time.monotonic() + interval
                watched.take(follower.poll())
            now, size = time.time(), console.size
            if shown != (shown := (watched.lines, size, int(now))):
                screen.update(dashboard(watched, now, size), refresh=True)
            time.sleep(min(TICK, interval))
    print(watched, flush=True)
    if signal.SIGTERM in caught:
        signal.raise_signal(signal.SIGTERM)
    return bool(watched.alerts)


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect Ctrl-C and SIGTERM instead of obeying at once, so that every frame is drawn completely."""
    caught: list[int] = []
    asked = (signal.SIGINT, signal.SIGTERM)
    before = {each: signal.signal(each, lambda received, frame: caught.append(received)) for each in asked}
    try:
        yield caught
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _written(file: str) -> float:
    try:
        return Path(file).stat().st_mtime
    except OSError:
        return time.time()


def dashboard(watched: WatchedLog, now: float, size: ConsoleDimensions) -> RenderableType:
    """Draw the watched log at the time ``now`` (seconds since 1970) for a terminal of a given size."""
    if watched.last is None:
        return Text(f"waiting for {printable(str(watched.log))}; Ctrl-C ends", style="yellow")
    signals = _signal_table(watched, narrow=size.width < NARROW)
    room = size.height - signals.row_count - 5
    alerts = [_line(alert, "red") for alert in watched.listed]
    return Group(*_heading(watched, now), Text(), signals, Text(), *(alerts[-room:] if room > 0 else ()))


def _heading(watched: WatchedLog, now: float) -> Iterator[Text]:
    latest = watched.epochs[-1].record if watched.epochs else {}
    alarm = f"{count(watched.alarmed, 'line')} with alerts" if watched.alerts else "no alert"
    first = _line(f"epoch {_figure(latest.get('epoch'))}  ", "bold")
    first.append(alarm, "bold red" if watched.alerts else "green")
    yield first.append(f"  last line {_span(now - watched.written)} ago", "not bold")
    words = [f"{noun} {_figure(latest[name])}" for name, noun in _COUNTS.items() if name in latest]
    yield _line("  ".join([*words, *_speed(watched), printable(str(watched.log))]), "dim")


def _line(words: str, style: str) -> Text:
    return Text(words, style, no_wrap=True, overflow="ellipsis")


def _speed(watched: WatchedLog) -> Iterator[str]:
    """Speed by the log's clock, which excludes the time between epochs."""
    recent = [report.record for report in list(watched.epochs)[-RECENT:]]
    timed = [
        (float(record["epoch_duration_sec"]), float(record["transitions"]))
        for record in recent
        if is_number(record.get("epoch_duration_sec")) and is_number(record.get("transitions"))
    ]
    seconds = sum(duration for duration, _ in timed)
    if math.isfinite(seconds) and seconds > 0:
        yield f"{number(sum(transitions for _, transitions in timed) / seconds)} agent-steps/s"
        yield f"{number(seconds / len(timed))} s per epoch"


def _signal_table(watched: WatchedLog, narrow: bool) -> Table:
    """A row per highlighted signal and per signal with a bound."""
    table = Table(box=None, padding=(0, 1), expand=True, header_style="dim")
    table.add_column("signal", no_wrap=True)
    table.add_column("epochs", ratio=1, min_width=8, no_wrap=True)
    table.add_column("latest", justify="right", no_wrap=True)
    if not narrow:
        table.add_column("bound", no_wrap=True)
        table.add_column("alerts", justify="right", no_wrap=True)
    watches = {bounded.field: bounded for bounded in SIGNALS if watched.bounds.get(bounded.name) is not None}
    for field in dict.fromkeys((*HIGHLIGHTS, *watches)):
        values = [without_a_town(report.record).get(field) for report in watched.epochs]
        if field not in watches and all(value is None for value in values):
            continue
        beyond = [any(alert.field == field for alert in report.alerts) for report in watched.epochs]
        latest = Text(_figure(values[-1]) if values else "", "bold red" if beyond and beyond[-1] else "")
        bound = _bound(watched, watches[field]) if field in watches and not narrow else ()
        table.add_row(Text(field), Sparkline(values, beyond), latest, *bound)
    return table


def _bound(watched: WatchedLog, bounded: Signal) -> tuple[Text, Text]:
    times = watched.alerts[bounded.name]
    sign = "<=" if bounded.side == "max" else ">="
    return Text(f"{sign} {watched.bounds[bounded.name]:g}"), Text(str(times), "bold red" if times else "dim")


def _figure(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool) and is_number(value):
        return number(value)
    return "missing" if value is None else printable(str(value))[:12]


def _span(seconds: float) -> str:
    """``8 s``, ``4 min 8 s``, ``2 h 4 min``."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    if minutes == 0:
        return f"{rest} s"
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
