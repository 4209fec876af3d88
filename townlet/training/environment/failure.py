"""Failures of an environment: an exception that it raised, or a result that nothing can be learnt from."""

from __future__ import annotations

from pathlib import Path

from townlet.errors import RunError
from townlet.host.user_modules import raised_by_user


class EnvironmentFailed(RunError):  # noqa: N818 (the field's word for it is not an error's name)
    """An environment raised an exception, or returned what its interface does not allow."""

    @classmethod
    def of(cls, place: str, found: str, expected: str) -> EnvironmentFailed:
        """The failure at a place, such as ``CartPole-v1, world 3, step 12 of episode 7``."""
        return cls(f"{place}: found {found}, expected {expected}")

    @classmethod
    def by(cls, place: str, error: Exception) -> EnvironmentFailed:
        """The failure by an exception of the environment's own code, whose traceback is part of the message."""
        # The first frames are ours; those of the environment and its wrappers follow.
        return cls(f"{place}: the environment raised {raised_by_user(error, Path(__file__).parent)}")
