"""Places of the files that come with Townlet besides its code: captures, baselines, spaces of sweeps, documentation."""

from __future__ import annotations

from pathlib import Path

#: Folders that a project has and that come with Townlet.
FOLDERS = ("artifacts", "baselines")
#: The folder of the documentation's pages.
DOCUMENTATION = "docs"


def shipped_files() -> Path:
    """Return the folder that holds ``artifacts``, ``baselines`` and ``docs`` as they come with Townlet.

    In a checkout, it is the checkout itself.
    """
    return (Path(__file__).parent / FOLDERS[0]).resolve().parent


def shipped_sweeps() -> Path:
    """Return the folder of the spaces of sweeps that come with Townlet."""
    return Path(__file__).parent / "sweeps"


def documentation(project: Path | None = None) -> Path:
    """Return the folder of the documentation: the project's own if it has one, else the one that comes with Townlet."""
    own = None if project is None else project / DOCUMENTATION
    return own if own is not None and own.is_dir() else shipped_files() / DOCUMENTATION
