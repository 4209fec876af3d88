"""The memory that the compiled passes touch, and that their bits depend on neither threads nor kernels."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from townlet.behavior.compiled.kernel import TORCH, VARIABLE, processor_kernel, usable_kernels

TESTS = Path(__file__).parents[1]

pytestmark = [
    pytest.mark.skipif(processor_kernel() is TORCH, reason="this processor has no tiles"),
    pytest.mark.skipif(sys.platform != "linux", reason="memory is closed by a call of Linux"),
]


def digests(threads: int, **environment: str) -> set[str]:
    """Digests of the passes in a process, one per way to place their memory."""
    done = subprocess.run(
        [sys.executable, "-m", "support.guarded_passes", str(threads)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        cwd=TESTS,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def usual() -> set[str]:
    return digests(1)


def test_the_passes_touch_nothing_outside_their_arrays(usual: set[str]) -> None:
    assert len(usual) == 1


@pytest.mark.parametrize("threads", [3, 16])
def test_any_number_of_threads_gives_the_same_bits_at_every_shape(threads: int, usual: set[str]) -> None:
    assert digests(threads) == usual


@pytest.mark.parametrize("kernel", [kernel.name for kernel in usable_kernels() if kernel is not TORCH][1:])
def test_every_width_of_vectors_gives_the_same_bits_at_every_shape(kernel: str, usual: set[str]) -> None:
    assert digests(1, **{VARIABLE: kernel}) == usual


def test_no_index_of_the_compiled_passes_is_outside_its_array(usual: set[str]) -> None:
    assert digests(1, NUMBA_BOUNDSCHECK="1") == usual
