"""The build step that writes the commit into wheels and source archives; all else is in pyproject.toml."""

from __future__ import annotations

import subprocess
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

#: Read by townlet/host/installation.py.
NAME = Path("townlet") / "host" / "commit.txt"
HERE = Path(__file__).resolve().parent


def commit() -> str | None:
    """The commit of this checkout, with ``+changes`` if files differ from it; None without git or a checkout."""
    try:
        head, changes = (
            subprocess.run(["git", "-C", HERE, *words], capture_output=True, text=True, check=True).stdout.strip()
            for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{head}+changes" if changes else head


def write_commit(folder: Path) -> None:
    """Write the commit into a copy of the sources. A source archive has it already, and no checkout."""
    found = commit() if (HERE / ".git").exists() else None
    if found is not None:
        (folder / NAME).parent.mkdir(parents=True, exist_ok=True)
        (folder / NAME).write_text(f"{found}\n")


class BuildWithCommit(build_py):
    """Copies the packages, and writes the commit beside them. An editable install asks git instead."""

    def run(self) -> None:
        """Copy the packages."""
        super().run()
        if not self.editable_mode:
            write_commit(Path(self.build_lib))


class ArchiveWithCommit(sdist):
    """Collects a source archive, with the commit in it."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Copy the files."""
        super().make_release_tree(base_dir, files)
        write_commit(Path(base_dir))


setup(cmdclass={"build_py": BuildWithCommit, "sdist": ArchiveWithCommit})
