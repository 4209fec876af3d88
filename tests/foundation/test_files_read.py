"""Reads of anything but a regular file are refused in words, at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from townlet.errors import Fault, InputError
from townlet.files.filenames import is_file_name
from townlet.files.storage import read_bytes, read_json, read_sized
from townlet.telemetry import read_log

RUN = [sys.executable, "-c", "from townlet.cli import run; run()"]

#: Files without a strict JSON object, and what the error names.
REFUSED = {
    "deep lists": (
        b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        "found more than 100 levels of lists and objects",
    ),
    "deep objects": (b'{"a":' * 101 + b"1" + b"}" * 101, "found more than 100 levels of lists and objects"),
    "many digits": (b'{"a": 1' + b"0" * 5_000 + b"}", "found a whole number of 5001 digits"),
    "beyond a double": (b'{"a": [1, 1' + b"0" * 400 + b"]}", "a.1: found a whole number of 401 digits"),
    "infinite": (b'{"a": {"b": 1e999}}', "a.b: found inf, expected a finite number"),
    "NaN": (b'{"a": NaN}', "a: found nan, expected a finite number"),
    "a key twice": (b'{"a": 1, "a": 2}', "a: found the key more than once, expected it once"),
    "half a pair": (rb'{"a": "\ud800"}', "a: found half of a surrogate pair, expected text that UTF-8 can write"),
    "a key of half a pair": (rb'{"\udc00": 1}', "found half of a surrogate pair"),
    "not UTF-8": (b'{"a": "\xff"}', "byte 7: found bytes that are not UTF-8"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "line 1 column 1: found Unexpected UTF-8 BOM"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "byte 0: found bytes that are not UTF-8"),
    "cut": (b'{"a": 1', "line 1 column 8: found an incomplete file"),
    "empty": (b"", "line 1 column 1: found an incomplete file"),
    "a list": (b"[]", "found a JSON list, expected numbers as a JSON object"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_anything_but_strict_json_is_refused_in_words(tmp_path: Path, kind: str) -> None:
    content, told = REFUSED[kind]
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_json(tmp_path / "a.json", "numbers")
    assert told in str(caught.value)
    assert len(str(caught.value)) < 400


def test_strict_json_is_read(tmp_path: Path) -> None:
    value = {"deep": json.loads("[" * 99 + "]" * 99), "most": 10**308, "text": "é\0\n"}
    (tmp_path / "a.json").write_text(json.dumps(value), encoding="utf-8")
    assert read_json(tmp_path / "a.json", "values") == value


def test_anything_but_a_regular_file_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, found in (("pipe", "a pipe"), (".", "a folder")):
        for read in (read_bytes, read_json):
            with pytest.raises(InputError, match=f"found {found}, expected a readable file with rows"):
                read(tmp_path / name, "rows")
    (tmp_path / "log.jsonl").write_text("{}\n", encoding="utf-8")
    os.mkfifo(tmp_path / "log.jsonl.1")
    with pytest.raises(InputError, match=r"log\.jsonl\.1: found a pipe, expected a telemetry log"):
        read_log(tmp_path / "log.jsonl")
    with pytest.raises(InputError, match="found a device, expected a telemetry log"):
        read_log("/dev/zero")


def test_a_file_of_another_size_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(2**42)  # A sparse file, too large for any memory.
    with pytest.raises(InputError, match=f"found {2**42} bytes, expected 7, as somebody says"):
        read_sized(tmp_path / "huge", "rows", 7, ", as somebody says")
    with pytest.raises(InputError, match=f"found {2**42} bytes, expected at most"):
        read_json(tmp_path / "huge", "rows")


def test_a_log_may_be_a_pipe_that_is_given(tmp_path: Path) -> None:
    command = [*RUN, "validate", "/dev/stdin"]
    done = subprocess.run(command, input=b'{"telemetry_version": 1.1}\n', capture_output=True)
    assert done.returncode == 1
    assert b"/dev/stdin: line 1: epoch: found no such field" in done.stdout + done.stderr


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "a/b", "a\\b", "a\0b", "a\nb", "a\x1b[2J", "\u2028", 7, None]
)
def test_values_that_are_not_file_names(name: object) -> None:
    assert not is_file_name(name)


def test_usual_names_are_file_names() -> None:
    assert all(map(is_file_name, ("steps-00000.parquet", "Größe 1.json", "a..b", "名前")))


def test_no_fault_holds_a_control_character() -> None:
    told = str(Fault("a\x1b[2J", "b\nerror: all is well", "\x9b1m\udcff", "é"))
    assert told == r"a\x1b[2J: b\nerror: all is well: found \x9b1m\udcff, expected é"


def test_text_is_the_same_in_every_locale(tmp_path: Path) -> None:
    """On an ASCII terminal, other characters are replaced, and files keep their bytes."""
    plain = {**os.environ, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    done = subprocess.run([*RUN, "validate", str(tmp_path / "Größe")], capture_output=True, env=plain)
    assert done.returncode == 2 and b"no such file" in done.stderr and b"Traceback" not in done.stderr
    show = "from townlet.text.terminal import show_what_can_be_shown as s; s(); print('KL \u2016', flush=True)"
    latin = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    assert subprocess.run([sys.executable, "-c", show], capture_output=True, env=latin).stdout == b"KL ?\n"
