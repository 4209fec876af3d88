"""An environment with a PufferLib that is a stub, and one without any."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

#: A PufferLib of two environments: one that works as `snake` does, and one that crashes.
PUFFERLIB = {
    "pufferlib/__init__.py": "__version__ = '3.0'",
    "pufferlib/ocean/__init__.py": "",
    "pufferlib/ocean/snake/snake.py": """
from types import SimpleNamespace
import numpy as np

class Snake:
    def __init__(self, num_envs):
        self.num_agents = 5 * num_envs
        self.single_observation_space = SimpleNamespace(shape=(11, 11))
        self.single_action_space = SimpleNamespace(n=4)
        self.is_reset = False
    def reset(self, seed):
        self.is_reset = True
    def step(self, actions):
        assert self.is_reset and actions.shape == (self.num_agents,) and actions.dtype == np.int32
        assert 0 <= actions.min() and actions.max() < 4
""",
    "pufferlib/ocean/cpr/cpr.py": "import os; os.abort()",
}


@pytest.fixture
def no_pufferlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hides an installed PufferLib."""
    (tmp_path / "pufferlib.py").write_text("raise ImportError('no PufferLib here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)


@pytest.fixture
def some_pufferlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installs the PufferLib above."""
    for name, source in PUFFERLIB.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(source)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
