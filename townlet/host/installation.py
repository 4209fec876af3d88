"""The installation that runs: interpreter, library versions, commit and machine."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from townlet import __version__

#: Libraries that can change the bytes of an artefact or the run that makes it.
PACKAGES = ("townlet", "numpy", "numba", "torch", "pyarrow", "pydantic", "safetensors", "scipy", "dagster")
_SHOWN = ("torch", "numpy", "numba", "dagster")
#: The build writes the commit here; a checkout has no such file.
_BUILT_FROM = Path(__file__).with_name("commit.txt")

#: Follows the commit of a checkout in which files differ from it.
CHANGES = "+changes"


@functools.cache
def describe_installation() -> dict[str, Any]:
    """Describe Python, the libraries, the commit of this code with any change since, and the machine.

    The result does not change during a process, so it is cached. In a git checkout of this code, ``commit`` is asked of
    git; elsewhere it is the one that a wheel was built from, or ``None``. ``changed_since_commit`` looks at tracked
    files only, and is ``None`` if git cannot tell.
    """
    commit = _git("rev-parse", "HEAD")
    changes = None if commit is None else _git("status", "--porcelain", "--untracked-files=no")
    if commit is None:
        commit, changes = _built_from()
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
    installation = describe_installation()
    head: str | None = installation["commit"]
    return head if head is None or installation["changed_since_commit"] is False else f"{head}{CHANGES}"


def _built_from() -> tuple[str | None, str | None]:
    """The commit that this package was built from, and whether files differed from it: a text, empty if none did."""
    try:
        text = _BUILT_FROM.read_text("utf-8").strip()
    except OSError:
        return None, None
    return text.removesuffix(CHANGES), CHANGES if text.endswith(CHANGES) else ""


def version_lines() -> list[str]:
    """What runs here, for reports of bugs: Townlet's version and commit, then Python and the main libraries."""
    built = commit()
    libraries = [f"{name} {version}" for name in _SHOWN if (version := _version(name)) is not None]
    return [
        f"townlet {__version__}{f' (commit {built})' if built else ''}",
        ", ".join([f"Python {platform.python_version()}", *libraries]),
    ]


def _version(package: str) -> str | None:
    if package == "townlet":
        # An editable install keeps the version that it was made with.
        return __version__
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def git_author(folder: Path) -> str | None:
    """The author that git would name in a commit made in a folder, which need not exist yet; None if git knows none.

    It is ``GIT_AUTHOR_NAME``, or ``author.name`` or ``user.name`` as git's configuration for that folder has it. Git's
    own guess, the operating system's user, does not count.
    """
    place = next((each for each in (folder.absolute(), *folder.absolute().parents) if each.is_dir()), Path.cwd())
    named = (_answer(place, "config", "--get", name) for name in ("author.name", "user.name"))
    return os.environ.get("GIT_AUTHOR_NAME", "").strip() or next(filter(None, named), None)


def _git(*arguments: str) -> str | None:
    """Git's answer about the checkout that holds this code; ``None`` if there is none, as for an installed package."""
    checkout = Path(__file__).parents[2]
    return _answer(checkout, *arguments) if (checkout / ".git").exists() else None


def _answer(folder: Path, *arguments: str) -> str | None:
    """What git prints in a folder; ``None`` if it fails."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
