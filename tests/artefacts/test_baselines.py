"""Baselines: distributions over seeds that the code reproduces; a damaged one is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.baselines import rewritten
from support.captures import SCENARIOS, files_in
from support.tiny_soak import tiny_baseline, tiny_scenario

from townlet.baselines import read_baseline
from townlet.baselines.build import build_baseline, rollout_folder
from townlet.baselines.document import changes, measured_anew
from townlet.capture import verify_capture
from townlet.capture.sample_metrics import INTENSITY_KEY
from townlet.config import load_scenario
from townlet.errors import InputError
from townlet.metrics import CONFLICT_INTENSITY


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_scenario(tmp_path_factory.mktemp("scenario"))


@pytest.fixture(scope="module")
def recorded(scenario: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A baseline of three seeds, each recorded."""
    return tiny_baseline(scenario, tmp_path_factory.mktemp("recorded"), captures=True)


def test_its_figures_are_those_of_the_rollouts_that_its_manifests_name(recorded: Path, scenario: Path) -> None:
    baseline = read_baseline(recorded)
    assert baseline.seeds == [0, 1, 2] and baseline.behavior == "scripted" and baseline.worlds == 4
    for index, seed in enumerate(baseline.seeds):
        folder = rollout_folder(recorded.parent, seed)
        manifest = verify_capture(folder / "rollout_sample_manifest.json")
        assert (manifest.seed, manifest.worlds) == (seed, 4)
        total = json.loads((folder / "rollout_sample_metrics.json").read_text())["total"]
        intensity = baseline.metrics[CONFLICT_INTENSITY].samples[index]
        assert intensity == pytest.approx(total[INTENSITY_KEY])
    for metric in baseline.metrics.values():
        assert (metric.n, metric.mean) == (3, pytest.approx(np.mean(metric.samples)))
        assert metric.sd == pytest.approx(np.std(metric.samples, ddof=1))
        assert metric.quantiles["0.5"] == pytest.approx(np.median(metric.samples))
    assert "late_arrivals_per_1000" not in baseline.metrics


def test_measured_without_recording_the_figures_are_the_same_to_the_last_bit(
    recorded: Path, scenario: Path, tmp_path: Path
) -> None:
    light, whole = read_baseline(tiny_baseline(scenario, tmp_path)), read_baseline(recorded)
    assert light.metrics == whole.metrics and not light.manifests and len(whole.manifests) == 3
    assert changes(whole, measured_anew(whole, load_scenario(scenario))) == []


@pytest.mark.parametrize("name", ["employment_punctuality", "town_day"])
def test_towns_with_jobs_count_late_arrivals_and_those_without_a_schedule_act_by_need(
    tmp_path: Path, name: str
) -> None:
    result = build_baseline(SCENARIOS / f"{name}.yaml", tmp_path, seeds=1, worlds=1, captures=False)
    assert "late_arrivals_per_1000" in result.baseline.metrics
    assert result.baseline.behavior == ("heuristic" if name == "town_day" else "scripted")
    assert all(metric.sd == 0.0 for metric in result.baseline.metrics.values())


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"worlds": 5}, "sha256"),
        ({"policy_sha256": "0" * 64}, "sha256"),
        ({"seeds": [0, 1]}, "metrics"),
        ({"made_with": "by hand"}, "sha256"),
        ({"note": "a stranger"}, "note"),
        ({"sha256": "0" * 64}, "sha256"),
    ],
)
def test_an_altered_baseline_is_refused_by_the_place_at_fault(
    recorded: Path, tmp_path: Path, changed: dict[str, object], place: str
) -> None:
    with pytest.raises(InputError) as refusal:
        read_baseline(rewritten(recorded, tmp_path, **changed))
    assert [fault.where for fault in refusal.value.faults] == [place]


def test_a_baseline_is_named_by_its_content_and_never_overwritten(
    recorded: Path, scenario: Path, tmp_path: Path
) -> None:
    first = tiny_baseline(scenario, tmp_path)
    before = files_in(tmp_path)
    assert tiny_baseline(scenario, tmp_path) == first and files_in(tmp_path) == before
    second = tiny_baseline(scenario, tmp_path, first_seed=50)
    assert second != first and files_in(tmp_path).items() > before.items()
    assert first.name == f"baseline-{read_baseline(first).sha256[:12]}.json"


def test_a_changed_figure_is_found_by_measuring_anew(recorded: Path, scenario: Path) -> None:
    baseline = read_baseline(recorded)
    metric = baseline.metrics["reward_mean"]
    wrong = metric.model_copy(update={"samples": [metric.samples[0] + 1e-12, *metric.samples[1:]]})
    altered = baseline.model_copy(update={"metrics": baseline.metrics | {"reward_mean": wrong}})
    (fault,) = changes(altered, measured_anew(altered, load_scenario(scenario)))
    assert fault.where == "metrics.reward_mean"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"quantiles": {"0.5": 0.0}}, "expected the levels 0, 0.05"),
        ({"samples": [1.0]}, "expected as many samples of reward_mean as seeds"),
        ({"n": 1}, "expected as many samples of reward_mean as seeds"),
    ],
)
def test_a_baseline_whose_parts_do_not_fit_together_is_refused(
    recorded: Path, tmp_path: Path, change: dict[str, Any], expected: str
) -> None:
    content = json.loads(recorded.read_text(encoding="utf-8"))
    content["metrics"]["reward_mean"] |= change
    altered = tmp_path / recorded.name
    altered.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=expected):
        read_baseline(altered)
