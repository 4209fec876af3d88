"""Fit of a policy to an environment: the same features and actions, in the same order."""

from __future__ import annotations

from collections.abc import Mapping

from townlet.behavior.policy_file import PolicyCard
from townlet.errors import Fault, InputError
from townlet.files.storage import AnyPath
from townlet.training.environment.worlds import EnvironmentWorlds


def require_fit(card: PolicyCard, worlds: EnvironmentWorlds, file: AnyPath) -> None:
    """Raise InputError, with ``file`` as the file, unless the policy of a card was trained in such an environment."""
    faults, source = [], str(file)
    theirs, ours = card.observation, worlds.observation_schema
    if len(theirs) != len(ours):
        faults.append(Fault(source, "observation", f"{len(theirs)} features", f"{len(ours)}, as in {worlds.name}"))
    else:
        for index, (found, expected) in enumerate(zip(theirs, ours, strict=True)):
            if found != expected:
                faults.append(Fault(source, f"observation.{index}", _in_words(found), _in_words(expected)))
                # One shifted feature misplaces all that follow.
                break
    if card.actions != worlds.action_names:
        few = worlds.action_names if len(worlds.action_names) <= 12 else [*worlds.action_names[:12], "…"]
        faults.append(
            Fault(source, "actions", f"{len(card.actions)} actions", f"{len(worlds.action_names)}: {', '.join(few)}")
        )
    if faults:
        raise InputError(faults)


def _in_words(feature: Mapping[str, object]) -> str:
    return f"{feature.get('name')} from {feature.get('low', '−∞')} to {feature.get('high', '∞')}"
