"""Fixtures that several files about sensors share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dagster import DagsterInstance
from support.pipeline_runs import new_instance
from support.webhook_server import webhook_server

from townlet_pipeline.runs.webhook import WEBHOOK


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterInstance]:
    with new_instance(tmp_path_factory.mktemp("home")) as instance:
        yield instance


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    with webhook_server(200) as (address, received):
        monkeypatch.setenv(WEBHOOK, address)
        yield received
