"""Other libraries and other versions of Arrow read captures and telemetry tables."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.captures import QUEUE, capture
from support.places import ROOT
from support.telemetry_records import record, write_lines

from townlet.telemetry.table import write_table


def snippet(page: str, library: str) -> str:
    """The line of a documentation page that opens files with a library."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return next(line for line in text.splitlines() if re.match(rf"{library}\.\w+\(", line))


@pytest.mark.parametrize("library", ["pandas", "polars", "duckdb"])
def test_the_line_for_a_telemetry_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    module = pytest.importorskip(library, reason=f"{library} is not installed")
    monkeypatch.chdir(tmp_path)
    write_table(write_lines(Path("log.jsonl"), [record(epoch) for epoch in (1, 2, 3)]), "out.parquet")
    found = eval(snippet("TELEMETRY.md", library), {library: module})
    assert len(found) == 3


@pytest.mark.parametrize("library", ["polars", "duckdb"])
def test_the_line_for_a_capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    module = pytest.importorskip(library, reason=f"{library} is not installed")
    monkeypatch.chdir(tmp_path)
    capture(Path("tmp/capture"), worlds=2)
    assert len(eval(snippet("CAPTURE.md", library), {library: module})) == 3


def test_captures_under_the_lowest_version_of_arrow(tmp_path: Path) -> None:
    """Each version reads what the other wrote."""
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lowest = re.search(r'"pyarrow>=(\d+)"', pyproject)
    assert lowest
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(tmp_path / "arrow")]
    done = subprocess.run([*install, f"pyarrow=={lowest[1]}.0.0"], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"pip found no pyarrow {lowest[1]}: {done.stderr.strip()[-200:]}")
    newest = capture(tmp_path / "newest", worlds=4)
    program = (
        "import sys, pyarrow\n"
        "from townlet.capture import capture_rollout, read_capture\n"
        f"capture_rollout({str(QUEUE)!r}, {str(tmp_path / 'old')!r}, worlds=4)\n"
        f"for path in ({str(newest)!r}, {str(tmp_path / 'old' / newest.name)!r}):\n"
        "    print(pyarrow.__version__, float(read_capture(path).buffer.cut_observation[0].sum()))\n"
    )
    for folder in (str(tmp_path / "arrow"), ""):
        path = os.pathsep.join(filter(None, [folder, str(ROOT), os.environ.get("PYTHONPATH", "")]))
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, env={**os.environ, "PYTHONPATH": path}
        )
        assert done.returncode == 0, done.stderr.decode()
        versions, sums = zip(*(line.split() for line in done.stdout.decode().splitlines()), strict=True)
        assert (versions[0] == f"{lowest[1]}.0.0") is bool(folder)
        assert len(sums) == 2 and all(float(value) > 0 for value in sums)
