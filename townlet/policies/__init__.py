"""Policies that come with Townlet, by name, and the place that a name or a path means."""

from __future__ import annotations

import re
from pathlib import Path

from upath import UPath

from townlet.errors import InputError, nearest_name
from townlet.files.artefact_names import CARD_NAME
from townlet.files.storage import AnyPath, as_path, read_json


def policies_folder() -> Path:
    """Return the folder of the shipped policies in the installed package; each has a folder of its own."""
    return Path(__file__).parent


def shipped_policies() -> list[str]:
    """Return the sorted names of the shipped policies."""
    return sorted(card.parent.name for card in policies_folder().glob(f"*/{CARD_NAME}"))


def shipped_policy(name: AnyPath) -> Path | None:
    """Return the folder of the shipped policy of this name; None for another name, and for a path that exists."""
    text = str(name)
    if text not in shipped_policies() or as_path(name).exists():
        return None
    return policies_folder() / text


def shipped_with(sha256: str | None) -> str | None:
    """Return the name of the shipped policy whose weights have this SHA-256; None if there is none."""
    cards = {name: policies_folder() / name / CARD_NAME for name in shipped_policies()}
    return next(
        (name for name, card in cards.items() if read_json(card, "a policy's card").get("sha256") == sha256), None
    )


def find_policy(name_or_path: AnyPath) -> Path | UPath:
    """Return the place of a policy: a bare name such as ``generalist`` means a shipped one, anything else a path.

    A file or folder of that name in the current folder comes first, so that nobody's own policy is passed over.
    ``models:/NAME@ALIAS`` is in MLflow's registry, and is downloaded by
    :func:`~townlet.policies.registered.registered_policy`.

    Raises InputError for a bare name that is neither, and for a registered policy that cannot be had. Another path is
    not checked.
    """
    from townlet.config.town import NAME_PATTERN
    from townlet.policies.registered import is_registered, registered_policy

    if is_registered(name_or_path):
        return registered_policy(str(name_or_path))
    place = as_path(name_or_path)
    if not re.fullmatch(NAME_PATTERN, str(name_or_path)) or place.exists():
        return place
    names = shipped_policies()
    if str(name_or_path) not in names:
        expected = f"the folder or policy.json of a policy, or {nearest_name(str(name_or_path), names)}"
        raise InputError.of("policy", "", repr(str(name_or_path)), expected)
    return policies_folder() / str(name_or_path)
