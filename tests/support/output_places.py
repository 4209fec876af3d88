"""Makers of things that may already be at the path of an output, and a fingerprint of what is there."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest


def a_folder(path: Path) -> None:
    path.mkdir()


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))


def a_loop(path: Path) -> None:
    path.symlink_to(path.name)


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_file(path: Path) -> None:
    path.write_text("kept")


def a_device(path: Path) -> None:
    """Another null device."""
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        path.write_bytes(b"")
    except PermissionError:
        pytest.skip("devices cannot be made or used here")


def standing(folder: Path) -> dict[str, tuple[int, int]]:
    """Inode and mode of everything in a folder, by name."""
    return {one.name: (one.lstat().st_ino, one.lstat().st_mode) for one in folder.iterdir()}
