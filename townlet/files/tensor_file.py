"""Safetensors files with a JSON description of their arrays: checkpoints and snapshots."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from townlet.errors import InputError
from townlet.files.strict_json import strict


def tensors_with_description(
    content: bytes, name: str, file: object, expected: str
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays in a safetensors file, and the JSON object in its metadata.

    Nothing in such a file is executable.

    Args:
        content: the file's bytes.
        name: the metadata entry that holds the description.
        file: the file's name, for errors.
        expected: a description of the file, for errors.

    Raises InputError for anything else.
    """
    try:
        arrays: dict[str, NDArray[Any]] = load(content)
    except (SafetensorError, ValueError, TypeError, LookupError, MemoryError, OverflowError) as error:
        # KeyError, a LookupError, is raised for number types that NumPy lacks.
        raise InputError.of(file, "", f"a damaged file or one of another kind ({error})", expected) from None
    length = int.from_bytes(content[:8], "little")
    header = strict(content[8 : 8 + length], file, expected)
    text = header.get("__metadata__", {}).get(name)
    if not isinstance(text, str):
        raise InputError.of(file, "", "a damaged file or one of another kind", expected)
    description = strict(text.encode(), file, expected)
    if not isinstance(description, dict):
        raise InputError.of(file, "", "a description that is not a JSON object", expected)
    return arrays, description
