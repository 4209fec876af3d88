"""Options of the test run."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from support.pipeline_runs import Column

# Tests have instances of their own; they must neither need the user's nor touch it.
os.environ.pop("DAGSTER_HOME", None)

# What a shell starts in the background is deaf to Ctrl-C, and so would be what tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


# The first example of a test may compile a rule.
settings.register_profile("townlet", deadline=None)
settings.load_profile("townlet")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-golden",
        action="store_true",
        help="write tests/golden/*.json anew from the present rules, instead of comparing with them",
    )


@pytest.fixture(scope="session")
def column(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Column]:
    """One column of the pipeline, materialized once for all tests that only look at it."""
    from support.pipeline_runs import Column, new_instance, reasons, run_column

    with new_instance(tmp_path_factory.mktemp("home")) as instance:
        store = tmp_path_factory.mktemp("store")
        result = run_column(instance, store)
        assert result.success, reasons(result)
        yield Column(instance, store, result)
