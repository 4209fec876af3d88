"""The registry of metrics: every name that artefacts, studies and soaks use is in it, and rates come out right."""

from __future__ import annotations

import pytest

from townlet.baselines import WORLD_METRICS
from townlet.evaluation import EVALUATION_METRICS
from townlet.metrics import METRICS, per_1000_agent_steps
from townlet.soak.cycle import LEARNING_METRICS
from townlet.soak.resource_drift import RESOURCES
from townlet.study.conflict.evaluate import STUDY_METRICS


def test_every_metric_in_use_is_registered() -> None:
    resources = {resource.name for resource in RESOURCES}
    used = {*WORLD_METRICS, *EVALUATION_METRICS, *STUDY_METRICS, *LEARNING_METRICS, *resources}
    assert used <= METRICS.keys()


def test_metrics_have_distinct_headings() -> None:
    headings = [metric.heading for metric in METRICS.values()]
    assert len(set(headings)) == len(headings)


def test_a_rate_is_per_thousand_agent_steps_and_none_count_as_one() -> None:
    assert per_1000_agent_steps(5.0, 2000) == 2.5
    assert per_1000_agent_steps(0.0, 0) == 0.0
    assert per_1000_agent_steps(3.0, 0) == pytest.approx(3000.0)
