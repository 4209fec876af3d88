"""How long tests in this folder try: ``gate`` for a moment, and ``fuzz``, which ``make fuzz`` asks for, for minutes."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# Files are written anew for each example, into the folder that a fixture gave.
_SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("gate", max_examples=15, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("fuzz", max_examples=500, deadline=None, suppress_health_check=_SLOW)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A test takes the profile that is loaded when its module is; those of other folders keep theirs."""
    settings.load_profile("fuzz" if os.environ.get("TOWNLET_FUZZ") else "gate")
    try:
        return (yield)
    finally:
        settings.load_profile("townlet")
