"""The cache of compiled rules: every user gets a private one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FIND = """
import os, pwd, sys
if {homeless}:
    def nobody(number): raise KeyError(number)
    pwd.getpwuid = nobody
from townlet.cli import main
from townlet.host.cache import private_cache
try:
    print(private_cache())
except Exception as error:
    print(f"error: {{error}}")
"""


def found(homeless: bool = False, **variables: str) -> str:
    """The cache folder of a process whose environment names only these places, or its error."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("HOME", "XDG_CACHE_HOME", "TOWNLET_CACHE", "TMPDIR")
    }
    command = [sys.executable, "-c", FIND.format(homeless=homeless)]
    done = subprocess.run(command, env={**environment, **variables}, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_cache_is_in_the_folder_that_the_user_names(tmp_path: Path) -> None:
    assert found(TOWNLET_CACHE=f"{tmp_path}/here", HOME=str(tmp_path)) == f"{tmp_path}/here"
    assert found(XDG_CACHE_HOME=f"{tmp_path}/xdg", HOME=str(tmp_path)) == f"{tmp_path}/xdg/townlet"
    assert found(HOME=str(tmp_path)) == f"{tmp_path}/.cache/townlet"


def test_a_user_without_a_home_has_a_cache_too(tmp_path: Path) -> None:
    assert found(homeless=True, TMPDIR=str(tmp_path)) == f"{tmp_path}/townlet-{os.getuid()}"
    assert found(homeless=True, TOWNLET_CACHE=f"{tmp_path}/here") == f"{tmp_path}/here"


def test_a_home_in_which_no_folder_can_be_made_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    assert found(HOME=f"{tmp_path}/home", TMPDIR=str(tmp_path)) == f"{tmp_path}/townlet-{os.getuid()}"


def test_the_cache_is_closed_to_others(tmp_path: Path) -> None:
    folder = Path(found(TOWNLET_CACHE=f"{tmp_path}/here"))
    assert folder.stat().st_mode & 0o777 == 0o700
    own = tmp_path / ".cache" / "townlet"
    own.mkdir(parents=True)
    own.chmod(0o775)
    assert found(HOME=str(tmp_path)) == str(own)
    assert own.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_named_cache_that_others_may_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    assert found(TOWNLET_CACHE=str(tmp_path)).startswith(f"error: TOWNLET_CACHE: found {tmp_path}, which others may")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a file another user's")
def test_another_users_cache_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    assert found(TOWNLET_CACHE=str(tmp_path)).startswith(f"error: TOWNLET_CACHE: found {tmp_path}, another user's")


def test_a_cache_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert found(TOWNLET_CACHE=f"{tmp_path}/file/cache").startswith(f"error: TOWNLET_CACHE: found {tmp_path}/file/")


SAVE = """
import threading
from pathlib import Path
import filelock, numpy as np
from townlet.training.compiled.minibatch import moments

folder = Path(moments._cache.cache_path)
with filelock.FileLock(folder / ".lock"):
    other = threading.Thread(target=lambda: moments(np.zeros((4, 5), np.float32), np.arange(2)))
    other.start()
    other.join(1.5)
    print(len(list(folder.glob("*.nb?"))), end=" ")
other.join()
print(len(list(folder.glob("*.nb?"))))
"""


def test_code_is_added_to_the_cache_by_one_process_at_a_time(tmp_path: Path) -> None:
    environment = {**os.environ, "TOWNLET_CACHE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", SAVE], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "2"]
