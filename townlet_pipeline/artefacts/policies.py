"""Policies that a launchpad names: what a run read of them, for its page and its record."""

from pathlib import Path
from typing import Any

from dagster import MetadataValue

from townlet.errors import InputError, nearest_name
from townlet_pipeline.artefacts import metadata
from townlet_pipeline.artefacts.external import GENERALIST


def require_shipped(policy: str | None) -> None:
    """Raise InputError for a policy that does not come with Townlet: nobody could simulate its capture again."""
    from townlet.policies import shipped_policies, shipped_policy

    if policy is not None and shipped_policy(policy) is None:
        raise InputError.of("options", "policy", repr(policy), nearest_name(policy, shipped_policies()))


def read(policy: str | None) -> dict[str, MetadataValue[Any]]:
    """The metadata ``read_from`` of a run that read a policy, by its name or place; nothing without one.

    The shipped policy stands there under its asset's name. Raises InputError for an unknown name.
    """
    if policy is None:
        return {}
    from townlet.behavior.policy_file import card_file
    from townlet.policies import shipped_policy

    what = "policy" if shipped_policy(policy) is None else GENERALIST
    return metadata.read_from({what: Path(str(card_file(policy))).absolute()})
