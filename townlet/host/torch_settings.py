"""Process-wide settings of torch under which equal inputs give equal bits.

Only the functions that run a whole training, soak, capture or evaluation set them; nothing that these call does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def repeatable(threads: int = 1, *, device: str = "cpu") -> Iterator[None]:
    """Let torch compute deterministically, with ``threads`` threads per operation; restore its settings afterwards.

    The number of threads changes the order of sums, and so the last bits of results. ``device`` is where networks
    compute: ``cpu`` or ``cuda``. The settings apply to the whole process: nothing else should use torch meanwhile.
    Contexts may be nested. If the process has not loaded torch, nothing is set and torch is not loaded.
    """
    if "torch" not in sys.modules:
        yield
        return
    import torch

    if device == "cuda":
        # Without it, cuBLAS refuses to be deterministic. It is read when its first matrix product begins.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    deterministic: Any = torch.utils.deterministic
    fill = deterministic.fill_uninitialized_memory
    try:
        torch.set_num_threads(threads)
        # Not `use_deterministic_algorithms`, which does the same but loads torch's compiler.
        torch.set_deterministic_debug_mode("error")
        # That mode fills memory that is about to be overwritten, which takes a third of an update's time.
        deterministic.fill_uninitialized_memory = False
        yield
    finally:
        deterministic.fill_uninitialized_memory = fill
        torch.set_deterministic_debug_mode(mode)
        torch.set_num_threads(before)
