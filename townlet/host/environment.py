"""The environment in which something is made: interpreter, libraries, commit and machine."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

#: Libraries that can change a byte of an artefact, or the run that makes it.
PACKAGES = ("townlet", "numpy", "numba", "torch", "pyarrow", "pydantic", "safetensors", "scipy", "dagster")


@functools.cache
def environment_now() -> dict[str, Any]:
    """Python, library versions, the commit of this code and whether it was changed since, and the machine.

    It is that of the process, so it is looked up once. ``commit`` is ``None`` outside a git checkout of this code, and
    ``changed_since_commit``, which concerns files that git knows, where that cannot be told.
    """
    commit = _git("rev-parse", "HEAD")
    changes = None if commit is None else _git("status", "--porcelain", "--untracked-files=no")
    return {
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _version(name)) is not None},
        "commit": commit,
        "changed_since_commit": None if changes is None else bool(changes),
        "machine": {
            "system": f"{platform.system()} {platform.release()}",
            "architecture": platform.machine(),
            "cores": os.cpu_count(),
        },
    }


def commit() -> str | None:
    """The commit of the checkout that holds this code, with ``+changes`` unless it is known to have none."""
    environment = environment_now()
    head: str | None = environment["commit"]
    return head if head is None or environment["changed_since_commit"] is False else f"{head}+changes"


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git(*arguments: str) -> str | None:
    """What git says of the checkout that this code is; ``None`` where it is none, such as installed in another."""
    checkout = Path(__file__).parents[2]
    if not (checkout / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(checkout), *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
