"""Listener of a training, who is told its beginning as well as its epochs."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from townlet.config.training import TrainingConfig


@runtime_checkable
class TrainingListener(Protocol):
    """A function for a training's ``progress`` that also wants to know when the training begins."""

    def begins(self, resumed: bool, configured: TrainingConfig) -> None:
        """Hear that the folder is this training's: locked, with a checkpoint, its log cut to it.

        A log of an earlier training stands there until the first epoch, unless this one is resumed.

        Args:
            resumed: whether it goes on from a checkpoint.
            configured: its configuration, with all options in it.
        """
        ...

    def __call__(self, record: dict[str, Any]) -> None:
        """Hear of an epoch, by its telemetry fields, after its line was written."""
        ...
