"""Arrays in safetensors form with a description beside them, as JSON: what checkpoints and snapshots are."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from townlet.errors import InputError
from townlet.files.strict_json import strict


def tensors_with_description(
    content: bytes, name: str, file: object, expected: str
) -> tuple[dict[str, NDArray[Any]], str]:
    """The arrays in the bytes of a ``file``, and the description, a JSON object, that it has under a ``name``.

    Raises InputError, with what was ``expected``, for anything else. Nothing in such a file is executable.
    """
    try:
        arrays: dict[str, NDArray[Any]] = load(content)
    except (SafetensorError, ValueError, TypeError, LookupError, MemoryError, OverflowError) as error:
        # Among them a KeyError for a type of numbers that NumPy does not have.
        raise InputError.of(file, "", f"a damaged file or one of another kind ({error})", expected) from None
    length = int.from_bytes(content[:8], "little")
    header = strict(content[8 : 8 + length], file, expected)
    description = header.get("__metadata__", {}).get(name)
    if not isinstance(description, str):
        raise InputError.of(file, "", "a damaged file or one of another kind", expected)
    if not isinstance(strict(description.encode(), file, expected), dict):
        raise InputError.of(file, "", "a description that is no JSON object", expected)
    return arrays, description
