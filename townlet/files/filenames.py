"""File names and paths as fields of models: their types, and what they accept."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator


def is_file_name(text: object) -> bool:
    """Tell whether a value is the name of a visible file: printable, without separators or a leading dot."""
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


#: The name of a file in the same folder as the file that names it.
FileName = Annotated[str, AfterValidator(_require_name)]
#: The path of a file in the same folder or below.
InnerPath = Annotated[str, AfterValidator(_require_inner_path)]
#: A path that may lead anywhere.
AnyFile = Annotated[str, AfterValidator(_require_path)]
