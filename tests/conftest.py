"""Options of the test run."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from support.pipeline_runs import Column

# Tests have instances of their own; they must neither need the user's nor touch it.
os.environ.pop("DAGSTER_HOME", None)

# What a shell starts in the background is deaf to Ctrl-C, and so would be what tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests run side by side, and torch's idle threads would take the cores from other tests. A training has as many threads
# as it is told to, whatever this says.
os.environ.setdefault("OMP_NUM_THREADS", "1")

#: A folder in memory: SQLite waits for the disk in every transaction of a pipeline run.
MEMORY = Path("/dev/shm")
#: Free bytes that a whole test run needs there, with a large reserve.
ENOUGH = 4_000_000_000
if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH:
    # For other processes, and for this one, in which pytest has already used a temporary file.
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)

# The first example of a test may compile a rule.
settings.register_profile("townlet", deadline=None)
settings.load_profile("townlet")


#: Files that take longest. They come first, so that the processes that share the tests end at about the same time.
LONGEST = (
    "test_pipeline_ui.py",
    "test_world_determinism.py",
    "test_training_resume.py",
    "test_soak_kills.py",
    "test_study_drift.py",
    "test_pipeline_environments.py",
    "test_baseline_promotion.py",
    "test_reference_tasks.py",
    "test_soak_report.py",
    "test_pipeline_run.py",
    "test_pipeline_instance.py",
    "test_bench_pipeline.py",
    "test_pipeline_kills.py",
    "test_pipeline_soak.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: position for position, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


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
