"""Outcomes of simulated soaks in a file, so that an interrupted study continues where it stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from townlet.errors import InputError
from townlet.files.outputs import append_line, make_folder
from townlet.files.storage import canonical_json, read_bytes, sha256, write_atomically
from townlet.files.strict_json import strict
from townlet.sources import sources_sha256
from townlet.study.drift.nights import Outcome


class OutcomeCache:
    """Outcomes by name, one line of a file each.

    A file serves one version of the sources and one ``identity``, which says what nights are drawn from, and how.
    """

    def __init__(self, work: Path, identity: dict[str, Any]) -> None:
        identity = {**identity, "code": sources_sha256("townlet.study.drift.plan")}
        key = sha256(canonical_json(identity).encode())
        self._path = work / f"outcomes-{key[:12]}.jsonl"
        self._known: dict[str, Outcome] = {}
        lines = read_bytes(self._path, "outcomes").splitlines(keepends=True) if self._path.exists() else []
        for number, line in enumerate(lines, start=1):
            # A killed study may leave half a line at the end.
            if line.endswith(b"\n"):
                name, outcome = _outcome(self._path, number, line)
                self._known[name] = outcome
        if lines and not lines[-1].endswith(b"\n"):
            write_atomically(self._path, b"".join(lines[:-1]))

    def get(self, name: str, simulate: Callable[[], Outcome]) -> Outcome:
        """The outcome of this name, simulated if it is not known yet."""
        if name not in self._known:
            outcome = simulate()
            make_folder(self._path.parent)
            line = json.dumps([name, outcome.verdict, outcome.metrics, outcome.untold]) + "\n"
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                append_line(descriptor, line.encode(), self._path)
            finally:
                os.close(descriptor)
            self._known[name] = outcome
        return self._known[name]


def _outcome(path: Path, number: int, line: bytes) -> tuple[str, Outcome]:
    expected = "an outcome: name, verdict, flagged metrics and resources that cannot be told"
    match strict(line, path, expected, number):
        case [str(name), ("accept" | "hold" | "reject") as verdict, list(metrics), list(untold)]:
            return name, Outcome(verdict, tuple(metrics), tuple(untold))
    raise InputError.of(path, f"line {number}", repr(line[:40]), expected)
