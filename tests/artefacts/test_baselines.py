"""Baselines are distributions over seeds that come out of the code again; promoting one overwrites nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import ttest_ind
from support.captures import SCENARIOS, files_in
from support.places import ROOT
from support.tiny_soak import tiny_baseline, tiny_scenario

from townlet.baselines import differences, promote, promoted_baseline, promoted_scenarios, read_baseline
from townlet.baselines.baseline import write_baseline
from townlet.baselines.build import build_baseline, rollout_folder
from townlet.baselines.compare import difference
from townlet.baselines.document import changes, document, measured_anew, read_promoted
from townlet.baselines.promotion import read_ledger
from townlet.capture import parse_manifest, verify_capture
from townlet.cli import main
from townlet.config import load_scenario
from townlet.errors import InputError
from townlet.soak.reference import pin_reference
from townlet.statistics.effect_size import hedges_g
from townlet.statistics.welch import difference_of_means

PAGE = ROOT / "docs" / "ops" / "queue_conflict_baselines.md"

Samples = st.lists(st.floats(-100, 100), min_size=2, max_size=20).map(lambda values: np.array(values, np.float64))


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_scenario(tmp_path_factory.mktemp("scenario"))


@pytest.fixture(scope="module")
def recorded(scenario: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A baseline of three seeds, each recorded."""
    return tiny_baseline(scenario, tmp_path_factory.mktemp("recorded"), captures=True)


@pytest.fixture(scope="module")
def another(scenario: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of other seeds."""
    return tiny_baseline(scenario, tmp_path_factory.mktemp("another"), captures=True, first_seed=100)


def rewritten(path: Path, folder: Path, **changed: object) -> Path:
    """A baseline's file with other content, and the hash that was there."""
    copy = folder / "baseline.json"
    copy.write_text(json.dumps(json.loads(path.read_text()) | changed))
    return copy


def test_its_figures_are_those_of_the_rollouts_that_its_manifests_name(recorded: Path, scenario: Path) -> None:
    baseline = read_baseline(recorded)
    assert baseline.seeds == [0, 1, 2] and baseline.behavior == "scripted" and baseline.worlds == 4
    for index, seed in enumerate(baseline.seeds):
        folder = rollout_folder(recorded.parent, seed)
        manifest = verify_capture(folder / "rollout_sample_manifest.json")
        assert (manifest.seed, manifest.worlds) == (seed, 4)
        total = json.loads((folder / "rollout_sample_metrics.json").read_text())["total"]
        intensity = baseline.metrics["queue_conflict_intensity_per_1000"].samples[index]
        assert intensity == pytest.approx(total["queue_conflict_intensity_per_1000_agent_steps"])
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
    ("changed", "told"),
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
    recorded: Path, tmp_path: Path, changed: dict[str, object], told: str
) -> None:
    with pytest.raises(InputError) as refusal:
        read_baseline(rewritten(recorded, tmp_path, **changed))
    assert [fault.where for fault in refusal.value.faults] == [told]


def test_a_baseline_is_named_by_its_content_and_never_overwritten(
    recorded: Path, scenario: Path, tmp_path: Path
) -> None:
    first = tiny_baseline(scenario, tmp_path)
    before = files_in(tmp_path)
    assert tiny_baseline(scenario, tmp_path) == first and files_in(tmp_path) == before
    second = tiny_baseline(scenario, tmp_path, first_seed=50)
    assert second != first and files_in(tmp_path).items() > before.items()
    assert first.name == f"baseline-{read_baseline(first).sha256[:12]}.json"


def test_promoting_appends_to_the_ledger_with_parent_reason_and_differences(
    recorded: Path, another: Path, scenario: Path, tmp_path: Path
) -> None:
    loaded = load_scenario(scenario)
    first = promote(recorded, loaded, reason="the first", by="ada", folder=tmp_path, least_seeds=3)
    assert (first.parent, first.differences) == (None, {})
    before = (tmp_path / "queue_conflict" / first.file).read_bytes()
    second = promote(another, loaded, reason=" other\nseeds ", folder=tmp_path, least_seeds=3)
    old, new = read_baseline(recorded), read_baseline(another)
    assert (second.parent, second.baseline, second.reason) == (old.sha256, new.sha256, "other\nseeds")
    assert second.differences == differences(old, new) and second.by
    file, baseline = promoted_baseline("queue_conflict", tmp_path)
    assert (file, baseline) == (tmp_path / "queue_conflict" / second.file, new)
    # Back to the first one is a third step, not the undoing of the second.
    third = promote(recorded, loaded, reason="back", by="ada", folder=tmp_path, least_seeds=3)
    ledger = read_ledger(tmp_path / "queue_conflict", "queue_conflict")
    assert ledger.promotions == [first, second, third] and third.parent == new.sha256
    assert (tmp_path / "queue_conflict" / first.file).read_bytes() == before
    assert promoted_scenarios(tmp_path) == ["queue_conflict"]


def test_what_must_not_be_promoted_is_refused_and_leaves_everything_as_it_was(
    recorded: Path, another: Path, scenario: Path, tmp_path: Path
) -> None:
    loaded, home = load_scenario(scenario), tmp_path / "baselines"
    promote(recorded, loaded, reason="the first", folder=home, least_seeds=3)
    before = files_in(home / "queue_conflict")
    acted = {"behavior": "neural", "policy_sha256": "a" * 64}
    neural = Path(write_baseline(tmp_path, read_baseline(another).model_copy(update=acted).sealed()))
    changed = load_scenario(tiny_scenario(tmp_path / "b", ("    cooldown_ticks: 4\n", "    cooldown_ticks: 5\n")))
    refused: list[tuple[Path, Any, dict[str, Any], str]] = [
        (rewritten(another, tmp_path, ticks=79), loaded, {}, "sha256: found .*, expected .*the hash of its content"),
        (neural, loaded, {}, "behavior: found 'neural', expected a behavior that needs no weights"),
        (another, loaded, {"least_seeds": 30}, "seeds: found 3, expected at least 30"),
        (another, loaded, {"reason": "  "}, "--reason: found nothing, expected why"),
        (another, changed, {}, "scenario_sha256: found .* the scenario has changed since"),
        (another, load_scenario(SCENARIOS / "rivalry_decay.yaml"), {}, "expected a baseline of 'rivalry_decay'"),
        (tiny_baseline(scenario, tmp_path / "light"), loaded, {}, "manifests: found none of seed 0"),
        (recorded, loaded, {}, "found the baseline that counts already"),
    ]
    for path, town, options, told in refused:
        with pytest.raises(InputError, match=told):
            promote(path, town, **({"reason": "why not", "folder": home, "least_seeds": 3} | options))
        assert files_in(home / "queue_conflict") == before


def test_a_ledger_that_was_tampered_with_is_refused(
    recorded: Path, another: Path, scenario: Path, tmp_path: Path
) -> None:
    loaded, home = load_scenario(scenario), tmp_path / "queue_conflict"
    for baseline in (recorded, another):
        promote(baseline, loaded, reason="a step", folder=tmp_path, least_seeds=3)
    ledger = json.loads((home / "promoted.json").read_text())
    del ledger["promotions"][0]
    (home / "promoted.json").write_text(json.dumps(ledger))
    with pytest.raises(InputError, match=r"promotions.0.parent: found .*, expected None"):
        promoted_baseline("queue_conflict", tmp_path)


@given(Samples, Samples)
def test_a_difference_is_that_of_the_means_with_welchs_interval(old: Any, new: Any) -> None:
    found = difference(old, new)
    assert found.change is not None and found.low is not None and found.high is not None
    assert found.change == pytest.approx(new.mean() - old.mean(), abs=1e-9)
    assert found.low <= found.change + 1e-9 and found.high >= found.change - 1e-9
    if old.var() + new.var() > 1e-6:
        interval = ttest_ind(new, old, equal_var=False).confidence_interval()
        assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


@given(Samples, Samples, st.integers(-200, 200))
def test_an_interval_scales_with_the_samples_however_small_or_large_they_are(old: Any, new: Any, power: int) -> None:
    assume(old.std() + new.std() > 1e-3)
    unit = 10.0**power
    _, *plain = difference_of_means(new, old)
    assert difference_of_means(unit * new, unit * old)[1:] == pytest.approx(
        [unit * bound for bound in plain], abs=1e-9 * unit
    )


@given(Samples, Samples, st.floats(0.1, 10), st.floats(-10, 10))
def test_an_effect_size_has_no_unit_and_a_direction(old: Any, new: Any, scale: float, shift: float) -> None:
    assume(old.std() > 1e-3 and new.std() > 1e-3)
    effect = hedges_g(old, new)
    assert effect is not None
    assert hedges_g(old * scale + shift, new * scale + shift) == pytest.approx(effect, rel=1e-5, abs=1e-5)
    assert hedges_g(new, old) == pytest.approx(-effect)
    assert effect == 0.0 or (effect > 0) == (new.mean() > old.mean())


def test_hedges_g_of_a_worked_example() -> None:
    old, new = np.array([1.0, 2.0, 3.0]), np.array([3.0, 4.0, 5.0])
    # Two standard deviations apart, times the correction 1 − 3 / (4 · 4 − 1).
    assert hedges_g(old, new) == pytest.approx(2.0 * 0.8)
    assert hedges_g(old[:1], new) is None and hedges_g(np.ones(3), np.ones(3)) == 0.0
    assert hedges_g(np.ones(3), 2 * np.ones(3)) is None


def test_the_promoted_baselines_and_their_page_come_out_of_the_code_again() -> None:
    promoted = read_promoted(ROOT / "baselines")
    assert {"queue_conflict", "employment_punctuality", "rivalry_decay"} <= promoted.keys()
    anew = {
        name: (measured_anew(baseline, load_scenario(SCENARIOS / f"{name}.yaml")), history)
        for name, (baseline, history) in promoted.items()
    }
    for name, (baseline, _) in promoted.items():
        assert [str(fault) for fault in changes(baseline, anew[name][0])] == []
        assert len(baseline.seeds) >= 30 and len(baseline.manifests) == len(baseline.seeds)
    assert PAGE.read_text() == document(anew)


def test_a_changed_figure_is_found_by_measuring_anew(recorded: Path, scenario: Path) -> None:
    baseline = read_baseline(recorded)
    metric = baseline.metrics["reward_mean"]
    wrong = metric.model_copy(update={"samples": [metric.samples[0] + 1e-12, *metric.samples[1:]]})
    altered = baseline.model_copy(update={"metrics": baseline.metrics | {"reward_mean": wrong}})
    (fault,) = changes(altered, measured_anew(altered, load_scenario(scenario)))
    assert fault.where == "metrics.reward_mean"


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "artifacts" / "phase4").iterdir()))
def test_the_pinned_captures_are_whole_and_come_out_of_the_code_again(name: str, tmp_path: Path) -> None:
    pinned = ROOT / "artifacts" / "phase4" / name
    verify_capture(pinned / "rollout_sample_manifest.json")
    assert sum(path.stat().st_size for path in pinned.iterdir()) < 1_000_000
    path = SCENARIOS / f"{name}.yaml"
    pin_reference(path, load_scenario(path), tmp_path)
    before, after = files_in(pinned), files_in(tmp_path)
    manifests = [parse_manifest(folder / "rollout_sample_manifest.json") for folder in (pinned, tmp_path)]
    # It names the sources' hash, which every edit of a comment changes.
    assert manifests[0] == manifests[1].model_copy(update={"code_sha256": manifests[0].code_sha256})
    del before["rollout_sample_manifest.json"], after["rollout_sample_manifest.json"]
    assert before == after


def test_the_commands_build_show_compare_promote_and_document(scenario: Path, tmp_path: Path, capsys: Any) -> None:
    build = ["baselines", "build", str(scenario), "--worlds", "1", "--output"]
    assert main([*build, str(tmp_path / "a")]) == 0
    first = capsys.readouterr().out.splitlines()[-1]
    assert main([*build, str(tmp_path / "b"), "--first-seed", "30", "--behavior", "random"]) == 0
    second = capsys.readouterr().out.splitlines()[-1]
    assert main(["baselines", "show", first, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["metrics"]["reward_mean"]["samples"]) == 30
    assert main(["baselines", "diff", first, second]) == 0
    told = capsys.readouterr().out
    assert "behavior: scripted → random" in told and "Hedges' g" in told
    home, page = str(tmp_path / "promoted"), str(tmp_path / "page.md")
    for path in (first, second):
        step = ["baselines", "promote", path, str(scenario), "--reason", "a test | a step", "--folder", home]
        assert main(step) == 0
    assert "replacing" in capsys.readouterr().out
    place = ["--folder", home, "--output", page, "--scenarios", str(scenario.parent)]
    assert main(["baselines", "document", *place]) == 0
    assert main(["baselines", "document", *place, "--check"]) == 0
    assert "a test &#124; a step" in Path(page).read_text()
    Path(page).write_text("something else")
    assert main(["baselines", "document", *place, "--check"]) == 1
    assert "differs from what the code gives now" in capsys.readouterr().err
    assert main(["baselines", "promote", second, str(scenario), "--reason", "again", "--folder", home]) == 2
    for option in ("--seeds", "--worlds"):
        assert main([*build, str(tmp_path / "c"), option, "0"]) == 2
    assert not (tmp_path / "c").exists()


def test_equal_constants_do_not_differ_in_the_last_bit() -> None:
    """60 times 0.1, summed and divided by 60, is another number than 30 times."""
    assert difference_of_means(np.full(60, 0.1), np.full(30, 0.1)) == (0.0, 0.0, 0.0)
    assert difference_of_means(np.full(60, 0.3), np.full(30, 0.1))[0] == 0.3 - 0.1


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
