"""Options for output files and folders; unusable paths are refused before any work begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from townlet.errors import InputError
from townlet.files.outputs import file_place, folder_place


def file_option(*, early: bool = True, **details: Any) -> Any:
    """An option for a file to write, checked by :func:`~townlet.files.outputs.file_place`.

    Without ``early``, the check is left to the write, for a command that may only read the file.
    """
    return typer.Option(parser=_file if early else _file_name, metavar="FILE", **details)


def folder_option(**details: Any) -> Any:
    """An option for a folder to write to, checked by :func:`~townlet.files.outputs.folder_place`; it need not exist."""
    return typer.Option(parser=_folder, metavar="FOLDER", **details)


def require_apart(output: Path | None, *inputs: Path | None) -> None:
    """Raise InputError if ``output`` would replace one of the files that the command reads."""
    if output is not None and output.is_file():
        for one in inputs:
            if one is not None and one.exists() and output.samefile(one):
                raise InputError.of(output, "", "a file that is read", "another place for what is written")


def _file(given: str | Path) -> Path:
    path = _file_name(given)
    file_place(path)
    return path


def _file_name(given: str | Path) -> Path:
    text = str(given)
    if text.rpartition("/")[2] in ("", ".", ".."):
        raise InputError.of(text or "options", "", "a folder's name" if text else "an empty path", "the path of a file")
    return Path(text)


def _folder(given: str | Path) -> Path:
    text = str(given)
    if not text:
        raise InputError.of("options", "", "an empty path", "the path of a folder")
    folder_place(Path(text))
    return Path(text)
