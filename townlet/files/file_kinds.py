"""The kinds of file that a path can name, in words: files, folders, devices, pipes and sockets."""

from __future__ import annotations

import stat

_KINDS = {
    stat.S_IFREG: "a file",
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a block device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}


def kind_of_file(mode: int) -> str:
    """Name the kind of file that a mode, the ``st_mode`` of ``stat``, belongs to."""
    return _KINDS.get(stat.S_IFMT(mode), "something unknown")
