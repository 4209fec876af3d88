"""Damage around a soak: it is survived or refused with a clear message, and nothing that was written is lost."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import random
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.left_behind import outputs
from support.tiny_soak import rows_of, tiny_options

from townlet.cli import main
from townlet.errors import InputError
from townlet.files.storage import exclusive
from townlet.soak.cycle import cycle_seed
from townlet.soak.options import SoakOptions
from townlet.soak.read import read_soak
from townlet.soak.rows import RowFile
from townlet.soak.run import run_soak

SOAK = [sys.executable, "-c", "import sys; from townlet.cli import main; sys.exit(main(sys.argv[1:]))", "soak"]
#: The superuser may write anywhere; without these privileges, its processes are like anybody's.
ORDINARY = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> SoakOptions:
    """A finished soak of four cycles."""
    options = tiny_options(tmp_path_factory.mktemp("whole"), cycles=4)
    run_soak(options)
    return options


@pytest.fixture
def halfway(whole: SoakOptions, tmp_path: Path) -> SoakOptions:
    """The same soak after two cycles."""
    options = dataclasses.replace(whole, output=tmp_path / "soak")
    assert not run_soak(options, most=2).finished
    return options


def files_in(folder: Path) -> dict[str, bytes]:
    """Every visible file of the soak, byte for byte."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name[0] != "."}


def words(options: SoakOptions) -> list[str]:
    """The options as arguments of the command."""
    named = {"baseline": options.baseline, "cycles": options.cycles, "output": options.output}
    return [str(options.scenario), *(str(word) for name, value in named.items() for word in (f"--{name}", value))]


def test_a_second_soak_on_one_folder_is_refused_at_once(halfway: SoakOptions, capsys: Any) -> None:
    before = outputs(halfway.output)
    with exclusive(halfway.output):
        assert main(["soak", *words(halfway), "--resume"]) == 2
    assert f"error: {halfway.output}: found another process writing here" in capsys.readouterr().err
    assert outputs(halfway.output) == before


def test_a_soak_is_not_begun_over_another_one_and_not_resumed_as_another_one(
    halfway: SoakOptions, whole: SoakOptions
) -> None:
    before = outputs(halfway.output)
    with pytest.raises(InputError, match=r"soak.json: found a soak, expected an empty folder, or --resume"):
        run_soak(halfway)
    for changes, message in (
        ({"seed": 5}, "soak.seed: found 0, expected 5"),
        ({"learning": False}, "expected false|found true|learning_rate"),
        ({"night": "2031-01-01"}, "soak.night: found null"),
    ):
        changed: dict[str, Any] = changes
        with pytest.raises(InputError, match=message):
            run_soak(dataclasses.replace(halfway, **changed), resume=True)
    assert outputs(halfway.output) == before
    run_soak(halfway, resume=True)
    assert outputs(halfway.output) == outputs(whole.output)


def test_a_folder_that_cannot_be_written_is_refused_and_left_as_it_was(
    halfway: SoakOptions, whole: SoakOptions
) -> None:
    before = outputs(halfway.output)
    halfway.output.chmod(0o555)
    try:
        done = subprocess.run([*ORDINARY, *SOAK, *words(halfway), "--resume"], capture_output=True, text=True)
    finally:
        halfway.output.chmod(0o755)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith(f"error: {halfway.output}: ") and "which may not be written to" in done.stderr
    assert outputs(halfway.output) == before
    run_soak(halfway, resume=True)
    assert outputs(halfway.output) == outputs(whole.output)


@pytest.mark.parametrize("full", ["soak.json", "telemetry.jsonl"])
def test_a_full_disk_ends_a_soak_with_the_files_name_and_it_can_be_resumed_once_there_is_room(
    halfway: SoakOptions, whole: SoakOptions, full: str
) -> None:
    rows = rows_of(halfway.output)
    room = 1_000 if full == "soak.json" else (halfway.output / full).stat().st_size + 2_000

    def fill_up() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    done = subprocess.run([*SOAK, *words(halfway), "--resume"], preexec_fn=fill_up, capture_output=True, text=True)
    start = f"error: {halfway.output / full}: "
    assert done.returncode == 2 and done.stderr in (f"{start}File too large\n", f"{start}No space left on device\n")
    assert rows_of(halfway.output) == rows and not list(halfway.output.glob(".*.part"))
    run_soak(halfway, resume=True)
    assert outputs(halfway.output) == outputs(whole.output)


def test_a_row_that_does_not_fit_leaves_no_part_of_itself(tmp_path: Path) -> None:
    program = f"""
import resource
from pathlib import Path
from townlet.soak.rows import RowFile
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
file = RowFile(Path({str(tmp_path / "rows.jsonl")!r}))
file.append({{"cycle": 1, "note": "x" * 40}})
file.append({{"cycle": 2, "note": "x" * 40}})
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "OSError: [Errno" in done.stderr and "rows.jsonl" in done.stderr
    assert [row["cycle"] for row in RowFile(tmp_path / "rows.jsonl").rows()] == [1]


@pytest.mark.parametrize("damage", ["a digit", "cut short", "no JSON", "another format"])
def test_a_corrupted_baseline_is_refused_before_a_folder_is_touched(
    whole: SoakOptions, tmp_path: Path, damage: str
) -> None:
    assert whole.baseline is not None
    content = Path(str(whole.baseline)).read_text()
    sample = str(json.loads(content)["metrics"]["reward_mean"]["samples"][1])
    last = "1" if sample[-1] != "1" else "2"
    broken = {
        "a digit": content.replace(sample, sample[:-1] + last),
        "cut short": content[: len(content) // 2],
        "no JSON": "baseline",
        "another format": content.replace("townlet-baseline", "townlet-policy"),
    }[damage]
    assert broken != content
    path = tmp_path / "baseline.json"
    path.write_text(broken)
    with pytest.raises(InputError, match=r"baseline.json: "):
        run_soak(dataclasses.replace(whole, baseline=path, output=tmp_path / "soak"))
    assert not (tmp_path / "soak").exists()


def test_a_jump_of_the_clock_changes_only_times_of_day(
    whole: SoakOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jumps = itertools.cycle([0.0, 4e9, 1.0, -5.0])
    monkeypatch.setattr(time, "time", lambda: next(jumps))
    options = dataclasses.replace(whole, output=tmp_path / "soak")
    run_soak(options, most=1)
    run_soak(options, resume=True)
    assert outputs(options.output) == outputs(whole.output)
    used = read_soak(options.output).resources
    # By the clock that jumps, every other cycle would have a negative duration.
    assert (used["seconds"] > 0).all() and (used["cpu_seconds"] >= 0).all()
    # Nor does that clock end the hours of work: four cycles of this soak take less than an hour.
    timed = dataclasses.replace(whole, output=tmp_path / "timed", hours=1.0)
    assert run_soak(timed).cycles == 4


@pytest.mark.parametrize("name", ["cycles.jsonl", "telemetry.jsonl", "resources.jsonl", "checkpoint.safetensors"])
def test_a_soak_whose_files_were_altered_is_not_resumed(halfway: SoakOptions, name: str) -> None:
    path = halfway.output / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    before = files_in(halfway.output)
    with pytest.raises(InputError, match=name):
        run_soak(halfway, resume=True)
    assert files_in(halfway.output) == before


@pytest.mark.parametrize("name", ["cycles.jsonl", "telemetry.jsonl", "resources.jsonl", "soak.json", "measured.json"])
def test_a_finished_soak_is_read_only_if_every_byte_is_what_was_written(
    whole: SoakOptions, tmp_path: Path, name: str
) -> None:
    assert read_soak(whole.output).manifest["finished"]
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in whole.output.iterdir():
        if file.is_file():
            (copy / file.name).write_bytes(file.read_bytes())
    content = bytearray((copy / name).read_bytes())
    digits = [
        index for index, byte in enumerate(content) if chr(byte).isdigit() and b"sha256" in content[index - 100 : index]
    ]
    digits = digits or [index for index, byte in enumerate(content) if chr(byte).isdigit()]
    index = random.Random(name).choice(digits)
    content[index] = ord("1") if content[index] != ord("1") else ord("2")
    (copy / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        read_soak(copy)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"cycles_done": 5}, "sha256: found '[0-9a-f]{64}', expected [0-9a-f]{64}, the hash of its content"),
        ({"files": None}, "files: found null, expected a mapping"),
        ({"schema_version": 1}, "schema_version: found 1, expected 2"),
        ({"format": "townlet-capture"}, "format: found 'townlet-capture', expected 'townlet-soak'"),
        ({"baseline": {"sha256": "0" * 64}}, "baseline.file: found nothing, expected a value"),
        ({"note": "by hand"}, "unknown key 'note'"),
    ],
)
def test_a_manifest_that_is_not_one_is_refused_by_the_field_at_fault(
    whole: SoakOptions, tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    content = json.loads((whole.output / "soak.json").read_text())
    (tmp_path / "soak.json").write_text(json.dumps(content | changed))
    with pytest.raises(InputError, match=f"soak.json: .*{message}"):
        read_soak(tmp_path)


def test_without_resume_a_leftover_checkpoint_is_not_used(halfway: SoakOptions, whole: SoakOptions) -> None:
    (halfway.output / "soak.json").unlink()
    run_soak(dataclasses.replace(halfway, seed=5), most=1)
    assert rows_of(halfway.output)[0]["seed"] == cycle_seed(5, 1)
    (halfway.output / "soak.json").unlink()
    run_soak(halfway)
    assert outputs(halfway.output) == outputs(whole.output)
    assert set(read_soak(halfway.output).resources["process"]) == {1.0}


def test_an_unfinished_soak_says_so(halfway: SoakOptions) -> None:
    with pytest.raises(InputError, match=r"soak.json: finished: found a soak that is not finished"):
        read_soak(halfway.output)
