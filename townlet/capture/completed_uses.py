"""Completed uses by affordance, as a capture's metrics have them and as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Key of the completed uses by affordance in a capture's metrics; see :mod:`townlet.outcomes.uses`.
USES_KEY = "uses_completed"


def uses_sentence(metrics: Mapping[str, Any]) -> str:
    """A line about the completed uses by affordance in a capture's metrics; empty if none are counted."""
    uses: Mapping[str, int] = metrics.get(USES_KEY, {})
    return f"completed uses: {', '.join(f'{name} {count:,}' for name, count in uses.items())}\n" if uses else ""
