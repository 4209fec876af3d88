"""Fixtures of the training tests."""

import pytest
import torch


@pytest.fixture
def one_thread() -> None:
    """Use one thread: these matrices are too small to share, and idle threads compete for a busy machine's cores."""
    torch.set_num_threads(1)
