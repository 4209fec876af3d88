"""Verdicts that reach people: held and rejected soaks are told once, through the webhook and as pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance
from support.reported_verdicts import emptied, look, project_with_baselines, report, tick
from support.webhook_server import webhook_server

from townlet_pipeline.runs.incidents import incidents_folder
from townlet_pipeline.runs.webhook import WEBHOOK
from townlet_pipeline.soak.verdict_sensor import Memory

NOW = datetime.now(UTC)
NOBODY = "http://127.0.0.1:9/hook"


@pytest.fixture
def instance(home: DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    monkeypatch.setenv("TOWNLET_PROJECT", str(project_with_baselines(tmp_path, "drill")))
    monkeypatch.delenv(WEBHOOK, raising=False)
    with emptied(home) as instance:
        yield instance


def pages() -> list[str]:
    """The pages, without the moment in their names."""
    return sorted(page.name.partition("-")[2] for page in incidents_folder().glob("*.md"))


def test_a_rejected_night_is_told_with_its_reason_what_to_do_and_where_to_read(
    instance: DagsterInstance, received: list[Any]
) -> None:
    report(instance, "reject")
    done = tick(instance)
    (message,) = received
    told = message["incident"]
    assert (told["kind"], told["scenario"], told["night"], told["verdict"]) == (
        "verdict",
        "drill",
        "2026-12-01",
        "reject",
    )
    assert told["report"].endswith("/drill/nights/2026-12-01/acceptance_report/acceptance.html")
    assert told["handbook"].endswith("#night-town-changed")
    first, second, *_ = message["text"].splitlines()
    assert first == "drill: the night of 2026-12-01 is rejected. Conflict intensity is 10 % above the baseline."
    assert second == f"Next step: Find what changed. {told['handbook']}"
    assert told["report"] in message["text"]
    (page,) = incidents_folder().glob("*.md")
    assert json.loads(page.with_suffix(".json").read_text()) == told
    assert page.name in str(done.skip_message)
    for text in ("# drill: the night of 2026-12-01 is rejected", told["handbook"], told["report"]):
        assert text in page.read_text()


def test_each_verdict_that_is_no_accept_is_told_once_however_often_the_night_is_made_again(
    instance: DagsterInstance, received: list[Any]
) -> None:
    cursor = tick(instance).cursor
    for verdict in ("accept", "hold", "hold", "reject", "hold", "accept"):
        report(instance, verdict)
        cursor = tick(instance, cursor).cursor
    report(instance, "reject", weekend=True)
    report(instance, "hold", scenario="other")
    tick(instance, cursor)
    # A sensor that was reset looks at all of them again.
    tick(instance)
    told = ["night-2026-12-01-drill-held", "night-2026-12-01-drill-rejected", "night-2026-12-01-other-held"]
    assert pages() == [f"{name}.md" for name in (*told, "weekend-2026-12-01-drill-rejected")]
    assert len(received) == 4


def test_what_an_older_instance_remembers_is_no_news(instance: DagsterInstance, received: list[Any]) -> None:
    report(instance, "reject")
    look(instance, Memory(), datetime.now(UTC) + timedelta(days=3))
    assert received == pages() == []


def test_a_message_that_could_not_be_posted_is_posted_at_a_later_tick_and_then_no_more(
    instance: DagsterInstance, received: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with webhook_server(500) as (address, refused), monkeypatch.context() as patch:
        patch.setenv(WEBHOOK, address)
        for scenario in ("drill", "other", "third"):
            report(instance, "reject", scenario=scenario)
        first = tick(instance)
        assert len(pages()) == 3, "the pages do not wait"
        assert len(refused) == 1, "the tick tries no other message at a webhook that fails"
        cursor = tick(instance, first.cursor).cursor
        assert len(refused) == 2
    for _ in range(2):
        cursor = tick(instance, cursor).cursor
    assert sorted(message["incident"]["scenario"] for message in received) == ["drill", "other", "third"]


def test_after_a_day_a_message_is_given_up(
    instance: DagsterInstance, received: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, hours in (("drill", 23), ("other", 25)):
        report(instance, "hold", scenario=name)
        with monkeypatch.context() as patch:
            patch.setenv(WEBHOOK, NOBODY)
            memory = look(instance, Memory(), NOW)
        look(instance, memory, NOW + timedelta(hours=hours))
    assert [message["incident"]["scenario"] for message in received] == ["drill"]


def test_a_tick_tells_a_few_alarms_and_the_next_ones_the_others(instance: DagsterInstance, received: list[Any]) -> None:
    for day in range(1, 7):
        report(instance, "reject", f"2026-12-0{day}")
    cursor = None
    for most in (4, 6, 6):
        cursor = tick(instance, cursor).cursor
        assert len(received) == most


def test_without_a_webhook_the_pages_are_written_all_the_same(instance: DagsterInstance) -> None:
    report(instance, "hold")
    tick(instance)
    assert pages() == ["night-2026-12-01-drill-held.md"]
