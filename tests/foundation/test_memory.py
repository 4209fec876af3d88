"""Memory that is not available is refused in words, before anything finished is touched."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.small_trainings import QUEUE, SMALL, on_file, options_of, run

from townlet.cli import main
from townlet.config import load_scenario
from townlet.envs import vector_env
from townlet.errors import InputError
from townlet.host import memory
from townlet.host.memory import available_memory, memory_for
from townlet.rollout import RolloutBuffer

LARGE = QUEUE.parent / "town_large.yaml"
#: The largest value that an option accepts, and one that no option accepts.
HUGE, ENDLESS = str(10**7), "9" * 20


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("memory") / "finished"
    run(load_scenario(QUEUE), folder)
    return folder


@pytest.mark.parametrize(
    ("ticks", "expected"),
    [
        (HUGE, r"error: memory: found .* GiB available, expected .* GiB for .*--rollout-ticks"),
        (ENDLESS, "rollout_ticks: found 9{20}, expected less than or equal to"),
        ("1" + "0" * 400, "rollout_ticks: found .*, expected less than or equal to"),
    ],
)
def test_a_training_that_cannot_get_its_memory_touches_nothing_and_says_what_to_change(
    ticks: str, expected: str, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = on_file(finished)
    options = options_of(**SMALL | {"rollout_ticks": ticks, "worlds": 64})
    assert main(["train", str(QUEUE), "--output", str(finished), *options]) == 2
    assert re.search(expected, capsys.readouterr().err)
    assert on_file(finished) == before
    assert main(["train", str(QUEUE), "--output", str(finished), "--resume", *options_of(**SMALL)]) == 0


@pytest.mark.parametrize(
    "command",
    [
        ["capture", str(QUEUE), "--ticks", "10000000", "--worlds", "65536"],
        ["capture", str(LARGE), "--ticks", "10000000", "--worlds", "65536"],
    ],
)
def test_commands_that_need_too_much_memory_are_refused_before_they_write(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--output", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert " GiB for " in said and "need less" in said
    assert not (tmp_path / "out").exists()


def test_worlds_and_buffers_that_do_not_fit_are_refused_in_python_too() -> None:
    with pytest.raises(InputError, match=r"memory: found .* GiB available, expected .* GiB for 1,000,000,000 worlds"):
        vector_env("queue_conflict", worlds=10**9)
    for ticks in (10**12, 10**20, 10**400):
        with pytest.raises(InputError, match="GiB for a rollout of"):
            RolloutBuffer(ticks, 4, 3, 100, 20)


def test_the_computed_size_of_a_buffer_is_its_actual_size() -> None:
    shape = (7, 3, 5, 11, 6)
    buffer = RolloutBuffer(*shape)
    arrays = [value for value in vars(buffer).values() if hasattr(value, "nbytes")]
    assert RolloutBuffer.bytes_for(*shape) == sum(array.nbytes for array in arrays)


def test_a_limit_of_the_process_counts() -> None:
    code = (
        "import resource\n"
        "from townlet.host.memory import available_memory\n"
        "before = available_memory()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**30, resource.RLIM_INFINITY))\n"
        "print(before, available_memory())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert 0 < after < 2**30 and after <= before


@pytest.mark.parametrize("version", [1, 2])
def test_a_containers_limit_counts_but_not_the_file_cache(
    version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path if version == 2 else tmp_path / "memory"
    root.mkdir(exist_ok=True)
    names = ("memory.max", "memory.current") if version == 2 else ("memory.limit_in_bytes", "memory.usage_in_bytes")
    for name, content in zip(names, ("1000000\n", "900000\n"), strict=True):
        (root / name).write_text(content)
    (root / "memory.stat").write_text("anon 5\ninactive_file 30000\nactive_file 20000\n")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    assert available_memory() == 150000
    (root / names[0]).write_text("max\n")
    assert available_memory() > 150000


def test_a_failed_allocation_is_refused_like_one_that_cannot_fit() -> None:
    with pytest.raises(InputError, match=r"memory: found too little, expected 0\.0 GiB for a test; less need less"):
        _fail_to_take()


def _fail_to_take() -> None:
    with memory_for(10, "a test", "less"):
        raise MemoryError
