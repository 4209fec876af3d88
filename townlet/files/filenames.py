"""Names of files that stand in other files, and what may be one."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator


def is_file_name(text: object) -> bool:
    """Whether a value is the name of one file: characters that can be seen, no separators, and not hidden, so neither
    ``.`` nor ``..``."""
    return (
        isinstance(text, str)
        and 0 < len(text) <= 255
        and text.isprintable()
        and not text.startswith(".")
        and "/" not in text
        and "\\" not in text
    )


def _require_name(text: str) -> str:
    if not is_file_name(text):
        raise ValueError("the name of a file in the same folder")
    return text


def _require_inner_path(text: str) -> str:
    if not all(map(is_file_name, text.split("/"))):
        raise ValueError("the path of a file in the same folder or below it")
    return text


def _require_path(text: str) -> str:
    if not (0 < len(text) <= 4095 and text.isprintable()):
        raise ValueError("the path of a file")
    return text


#: The name of a file in the folder of the file that names it.
FileName = Annotated[str, AfterValidator(_require_name)]
#: The path of a file in or below that folder.
InnerPath = Annotated[str, AfterValidator(_require_inner_path)]
#: A path that may lead out of that folder.
AnyFile = Annotated[str, AfterValidator(_require_path)]
