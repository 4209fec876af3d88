"""Files of earlier trainings in the output folder, which must not be mistaken for those of a new one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from townlet.errors import InputError
from townlet.files.artefact_names import CARD_NAME, DIVERGENCE_NAME, WEIGHTS_NAME
from townlet.files.outputs import remove_unfinished
from townlet.files.storage import AnyPath, as_path, pretty_json, write_atomically
from townlet.training.checkpoint import CHECKPOINT_NAME

ATTEMPTS_NAME = "attempts.json"
PREVIOUS_NAME = "previous"


def set_aside_previous_policy(folder: AnyPath) -> None:
    """Move an earlier policy into ``previous``, and remove an earlier diagnosis and unfinished files.

    Call it before a training begins or resumes, so that an interrupted training leaves no policy beside another
    training's log. The policy in ``previous`` can be used. The caller holds the folder's lock.
    """
    root = as_path(folder)
    card, weights = root / CARD_NAME, root / WEIGHTS_NAME
    # A policy without both files was never completely saved.
    if card.exists() and weights.exists():
        for file in (weights, card):
            write_atomically(root / PREVIOUS_NAME / file.name, file.read_bytes())
    for file in (card, weights, root / DIVERGENCE_NAME):
        file.unlink(missing_ok=True)
    if isinstance(root, Path):
        remove_unfinished(root, (CHECKPOINT_NAME, CARD_NAME, WEIGHTS_NAME, DIVERGENCE_NAME, ATTEMPTS_NAME))


def forget_previous(folder: AnyPath) -> None:
    """Remove the policy that was set aside. Call it once the new one is saved."""
    aside = as_path(folder) / PREVIOUS_NAME
    for name in (CARD_NAME, WEIGHTS_NAME):
        (aside / name).unlink(missing_ok=True)
    # Users may have put files of their own there; object stores have no folders.
    if isinstance(aside, Path) and aside.is_dir() and not any(aside.iterdir()):
        aside.rmdir()


def write_divergence(folder: AnyPath, content: dict[str, Any]) -> str:
    """Write the diagnosis of a divergence, strict JSON; return a phrase that says where it is, or why it is not."""
    path = as_path(folder) / DIVERGENCE_NAME
    try:
        write_atomically(path, pretty_json(content))
    except InputError as error:
        return f"no diagnosis could be written to {path}: found {error.faults[0].found}"
    except OSError as error:
        return f"no diagnosis could be written to {path}: {error.strerror or error}"
    return f"the diagnosis is in {path}"
