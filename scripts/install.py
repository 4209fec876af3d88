"""Installation of the project's environment, by one process at a time.

The Makefile runs it with any Python that is new enough: ``python scripts/install.py .venv``. Processes started at the
same time wait for each other; all but the first find nothing to do.
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Files that an environment is made from; it is out of date if one of them is newer.
SOURCES = (ROOT / "pyproject.toml", ROOT / "constraints.txt")
#: Arguments of pip, in this order. pip itself is first, because the one of Python 3.11 unpacks archives carelessly.
#: torch has an exact version, because a looser request would install its CUDA build.
STEPS = (("--upgrade", "pip>=25.3"), ("torch==2.13.0",), ("--editable", f"{ROOT}[pipeline,dev]"))


def up_to_date(done: Path) -> bool:
    """Whether the environment was completed after the last change of its sources."""
    return done.exists() and all(done.stat().st_mtime >= source.stat().st_mtime for source in SOURCES)


def install(folder: Path) -> None:
    """Make or update the environment in a folder, and mark it as complete."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    print(f"installing into {folder}; a few minutes the first time", flush=True)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for step in STEPS:
        subprocess.run([*pip, "--constraint", SOURCES[1], *step], check=True)
    (folder / "installed").touch()


def main(folder: Path) -> int:
    """Install if needed; return 0, the exit code of the step that failed, or 130 if interrupted."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this one file may be run by an older Python
        print(
            f"Townlet needs Python 3.11 or newer, found {sys.version.split()[0]}; PYTHON=… names one", file=sys.stderr
        )
        return 2
    try:
        with folder.with_name(f"{folder.name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"another process is installing into {folder}; waiting for it", flush=True)
                fcntl.flock(lock, fcntl.LOCK_EX)
            if not up_to_date(folder / "installed"):
                install(folder)
    except subprocess.CalledProcessError as error:
        return int(error.returncode)
    except KeyboardInterrupt:
        print("interrupted; the same command continues", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
