"""Hypothesis profiles of this folder: ``gate`` takes seconds; ``fuzz``, for ``make fuzz``, takes minutes."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# Each example rewrites the files in the folder from the fixture.
_SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("gate", max_examples=15, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("fuzz", max_examples=500, deadline=None, suppress_health_check=_SLOW)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Load the profile for this folder's modules only: a test takes the profile that is loaded with its module."""
    settings.load_profile("fuzz" if os.environ.get("TOWNLET_FUZZ") else "gate")
    try:
        return (yield)
    finally:
        settings.load_profile("townlet")
