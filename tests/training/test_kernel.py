"""The choice of the kernel that computes the network, and of the number of threads."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.small_trainings import QUEUE, SMALL, options_of, steady_queue

from townlet.behavior.compiled.kernel import TORCH, VARIABLE, Kernel, arithmetic, processor_kernel, usable_kernels
from townlet.cli import main
from townlet.errors import InputError
from townlet.host.workers import VARIABLE as THREADS
from townlet.host.workers import available_cores, worker_threads


def chosen(monkeypatch: pytest.MonkeyPatch, name: str) -> Kernel:
    """The kernel of a process in which the variable has this value."""
    monkeypatch.setenv(VARIABLE, name)
    return processor_kernel.__wrapped__()


def test_the_widest_kernel_of_the_processor_is_taken_unless_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    usable = usable_kernels()
    assert usable[-1] is TORCH and [kernel.lanes for kernel in usable] == sorted(
        (kernel.lanes for kernel in usable), reverse=True
    )
    assert chosen(monkeypatch, "") is usable[0]
    for kernel in usable:
        assert chosen(monkeypatch, kernel.name) is kernel


@pytest.mark.parametrize(
    ("name", "says"), [("avx521", "did you mean avx512|one of"), ("neon", "this processor can run")]
)
def test_a_kernel_that_is_unknown_or_of_another_processor_is_refused(
    name: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name in [kernel.name for kernel in usable_kernels()]:
        pytest.skip("this processor has it")
    with pytest.raises(InputError, match=f"{VARIABLE}: found '{name}', expected .*({says})"):
        chosen(monkeypatch, name)


def test_a_policy_says_by_which_arithmetic_it_was_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from townlet.behavior.policy_file import load_policy

    processor = torch.device("cpu")
    usual = arithmetic(processor)
    assert main(["train", str(QUEUE), "--output", str(tmp_path / "usual"), *options_of(**SMALL)]) == 0
    monkeypatch.setattr("townlet.behavior.compiled.kernel.processor_kernel", lambda: TORCH)
    assert arithmetic(processor).startswith(f"torch {torch.__version__} ")
    assert main(["train", str(QUEUE), "--output", str(tmp_path / "torch"), *options_of(**SMALL)]) == 0
    for place, expected in (("usual", usual), ("torch", arithmetic(processor))):
        assert load_policy(tmp_path / place)[1].provenance["kernel"] == expected


def test_a_training_is_not_resumed_by_another_arithmetic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if processor_kernel() is TORCH:
        pytest.skip("this processor has no tiles")
    queue = steady_queue(tmp_path / "scenario")
    command = ["train", str(queue), "--output", str(tmp_path / "policy"), *options_of(**SMALL)]
    assert main(command) == 0
    monkeypatch.setattr("townlet.behavior.compiled.kernel.processor_kernel", lambda: TORCH)
    assert main([*command, "--resume", "--cycles", "3"]) == 2
    assert "code.kernel" in capsys.readouterr().err


def test_there_is_a_thread_per_core_unless_more_are_asked_for_or_the_variable_says_how_many(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(THREADS, raising=False)
    assert worker_threads(1) == available_cores() and worker_threads(200) == 200
    monkeypatch.setenv(THREADS, "3")
    assert worker_threads(1) == worker_threads(200) == 3
    for wrong in ("0", "257", "two", "1.5"):
        monkeypatch.setenv(THREADS, wrong)
        assert main(["train", str(QUEUE), "--output", str(tmp_path / "policy"), *options_of(**SMALL)]) == 2
        assert f"{THREADS}: found '{wrong}', expected a whole number from 1 to 256" in capsys.readouterr().err
    assert not (tmp_path / "policy").exists()
