"""What can stand under a name: files, folders, devices, pipes and sockets, in words."""

from __future__ import annotations

import stat

_KINDS = {
    stat.S_IFREG: "a file",
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}


def kind_of_file(mode: int) -> str:
    """What has this mode, as ``stat`` gives it."""
    return _KINDS.get(stat.S_IFMT(mode), "something that is no file")
