"""Options of the test run."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# Tests have instances of their own; they must neither need the user's nor touch it.
os.environ.pop("DAGSTER_HOME", None)


# The first example of a test may compile a rule.
settings.register_profile("townlet", deadline=None)
settings.load_profile("townlet")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-golden",
        action="store_true",
        help="write tests/golden/*.json anew from the present rules, instead of comparing with them",
    )
