"""``scripts/gpu_checks.py`` where there is no GPU; with one, the script is run itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support.places import ROOT


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a CUDA device")
def test_without_a_cuda_device_nothing_is_checked_and_the_reason_is_given(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "gpu_checks.py"), "--output", str(tmp_path / "gpu")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"error: torch {torch.__version__} finds no CUDA device here: nothing was checked")
    assert not (tmp_path / "gpu").exists()
