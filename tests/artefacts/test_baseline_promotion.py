"""Promotion of baselines: an explicit step that overwrites nothing; the code reproduces what is promoted."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.baselines import rewritten
from support.captures import SCENARIOS, files_in
from support.places import ROOT
from support.tiny_soak import tiny_baseline, tiny_scenario

from townlet.baselines import Baseline, differences, promote, promoted_baseline, promoted_scenarios, read_baseline
from townlet.baselines.baseline import Code, distribution_of, write_baseline
from townlet.baselines.build import default_worlds
from townlet.baselines.document import changes, document, measured_anew, read_promoted
from townlet.baselines.promotion import read_ledger
from townlet.capture import parse_manifest, verify_capture
from townlet.cli import main
from townlet.config import load_scenario
from townlet.errors import InputError
from townlet.host.installation import CHANGES
from townlet.soak.pinned_capture import pin_capture

PAGE = ROOT / "docs" / "ops" / "queue_conflict_baselines.md"


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_scenario(tmp_path_factory.mktemp("scenario"))


@pytest.fixture(scope="module")
def recorded(scenario: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A baseline of three seeds, each recorded."""
    return tiny_baseline(scenario, tmp_path_factory.mktemp("recorded"), captures=True)


@pytest.fixture(scope="module")
def another(scenario: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another one, of other seeds."""
    return tiny_baseline(scenario, tmp_path_factory.mktemp("another"), captures=True, first_seed=100)


def test_promoting_appends_to_the_ledger_with_parent_reason_and_differences(
    recorded: Path, another: Path, scenario: Path, tmp_path: Path
) -> None:
    loaded = load_scenario(scenario)
    assert default_worlds(loaded.name, tmp_path) == 256
    first = promote(recorded, loaded, reason="the first", by="ada", folder=tmp_path, least_seeds=3)
    # The next baseline is compared with this one, so it is as large.
    assert default_worlds(loaded.name, tmp_path) == 4
    assert (first.parent, first.differences) == (None, {})
    before = (tmp_path / "queue_conflict" / first.file).read_bytes()
    second = promote(another, loaded, reason=" other\nseeds ", by=" ada ", folder=tmp_path, least_seeds=3)
    old, new = read_baseline(recorded), read_baseline(another)
    assert (second.parent, second.baseline, second.reason) == (old.sha256, new.sha256, "other\nseeds")
    assert second.differences == differences(old, new) and second.by == "ada"
    file, baseline = promoted_baseline("queue_conflict", tmp_path)
    assert (file, baseline) == (tmp_path / "queue_conflict" / second.file, new)
    # Going back to the first baseline is a third promotion, and does not undo the second.
    third = promote(recorded, loaded, reason="back", by="ada", folder=tmp_path, least_seeds=3)
    ledger = read_ledger(tmp_path / "queue_conflict", "queue_conflict")
    assert ledger.promotions == [first, second, third] and third.parent == new.sha256
    assert (tmp_path / "queue_conflict" / first.file).read_bytes() == before
    assert promoted_scenarios(tmp_path) == ["queue_conflict"]


def test_what_must_not_be_promoted_is_refused_and_leaves_everything_as_it_was(
    recorded: Path, another: Path, scenario: Path, tmp_path: Path
) -> None:
    loaded, home = load_scenario(scenario), tmp_path / "baselines"
    promote(recorded, loaded, reason="the first", by="ada", folder=home, least_seeds=3)
    before = files_in(home / "queue_conflict")
    acted = {"behavior": "neural", "policy_sha256": "a" * 64}
    neural = Path(write_baseline(tmp_path, read_baseline(another).model_copy(update=acted).sealed()))
    changed = load_scenario(tiny_scenario(tmp_path / "b", ("    cooldown_ticks: 4\n", "    cooldown_ticks: 5\n")))
    refused: list[tuple[Path, Any, dict[str, Any], str]] = [
        (rewritten(another, tmp_path, ticks=79), loaded, {}, "sha256: found .*, expected .*the hash of its content"),
        (neural, loaded, {}, "behavior: found 'neural', expected a behavior that needs no weights"),
        (another, loaded, {"least_seeds": 30}, "seeds: found 3, expected at least 30"),
        (another, loaded, {"reason": "  "}, "--reason: found nothing, expected why"),
        (another, loaded, {"by": "  "}, "--by: found nothing, expected who"),
        (another, changed, {}, "scenario_sha256: found .* the scenario has changed since"),
        (another, load_scenario(SCENARIOS / "rivalry_decay.yaml"), {}, "expected a baseline of 'rivalry_decay'"),
        (tiny_baseline(scenario, tmp_path / "light"), loaded, {}, "manifests: found none of seed 0"),
        (recorded, loaded, {}, "found the baseline that is promoted already"),
    ]
    for path, town, options, expected in refused:
        with pytest.raises(InputError, match=expected):
            promote(path, town, **({"reason": "why not", "by": "ada", "folder": home, "least_seeds": 3} | options))
        assert files_in(home / "queue_conflict") == before


def test_who_promotes_is_gits_author_in_the_folder_of_the_baselines_and_never_the_operating_systems_user(
    recorded: Path, scenario: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("GIT_AUTHOR_NAME", raising=False)
    town, folder = load_scenario(scenario), tmp_path / "checkout" / "baselines"
    with pytest.raises(InputError, match=r"--by: found nothing, and git has no user.name, expected who promotes it"):
        promote(recorded, town, reason="a test", folder=folder, least_seeds=3)
    assert not folder.exists()
    subprocess.run(["git", "init", "--quiet", str(folder.parent)], check=True)
    subprocess.run(["git", "-C", str(folder.parent), "config", "user.name", "Grace Hopper"], check=True)
    assert promote(recorded, town, reason="a test", folder=folder, least_seeds=3).by == "Grace Hopper"


def test_a_ledger_that_was_tampered_with_is_refused(
    recorded: Path, another: Path, scenario: Path, tmp_path: Path
) -> None:
    loaded, home = load_scenario(scenario), tmp_path / "queue_conflict"
    for baseline in (recorded, another):
        promote(baseline, loaded, reason="a step", by="ada", folder=tmp_path, least_seeds=3)
    ledger = json.loads((home / "promoted.json").read_text())
    del ledger["promotions"][0]
    (home / "promoted.json").write_text(json.dumps(ledger))
    with pytest.raises(InputError, match=r"promotions.0.parent: found .*, expected None"):
        promoted_baseline("queue_conflict", tmp_path)


def test_the_code_reproduces_the_promoted_baselines_and_their_page() -> None:
    promoted = read_promoted(ROOT / "baselines")
    assert promoted.keys() == {path.stem for path in SCENARIOS.glob("*.yaml")}
    for name, (baseline, _) in promoted.items():
        assert len(baseline.seeds) >= 30 and len(baseline.manifests) == len(baseline.seeds)
        # Thirty days of a whole town take half a minute; `townlet baselines document --check` measures them all.
        some = baseline if baseline.behavior == "scripted" else of_first_seeds(baseline, 3)
        anew = measured_anew(some, load_scenario(SCENARIOS / f"{name}.yaml"))
        assert [str(fault) for fault in changes(some, anew)] == []
    assert PAGE.read_text() == document(promoted)


def of_first_seeds(baseline: Baseline, count: int) -> Baseline:
    first = {name: distribution_of(metric.samples[:count]) for name, metric in baseline.metrics.items()}
    return baseline.model_copy(update={"seeds": baseline.seeds[:count], "metrics": first})


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "artifacts" / "phase4").iterdir()))
def test_the_pinned_captures_are_whole_and_the_code_reproduces_them(name: str, tmp_path: Path) -> None:
    pinned = ROOT / "artifacts" / "phase4" / name
    verify_capture(pinned / "rollout_sample_manifest.json")
    assert sum(path.stat().st_size for path in pinned.iterdir()) < 5_000_000
    path = SCENARIOS / f"{name}.yaml"
    pin_capture(path, load_scenario(path), tmp_path)
    before, after = files_in(pinned), files_in(tmp_path)
    manifests = [parse_manifest(folder / "rollout_sample_manifest.json") for folder in (pinned, tmp_path)]
    # It names the sources' hash, which every edit of a comment changes.
    assert manifests[0] == manifests[1].model_copy(update={"code_sha256": manifests[0].code_sha256})
    del before["rollout_sample_manifest.json"], after["rollout_sample_manifest.json"]
    assert before == after


def test_the_commands_build_show_compare_promote_and_document(
    scenario: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Ada")
    build = ["baselines", "build", str(scenario), "--worlds", "1", "--output"]
    assert main([*build, str(tmp_path / "a")]) == 0
    first = capsys.readouterr().out.splitlines()[-1]
    step = ["baselines", "promote", first, str(scenario), "--reason", "a test | a step"]
    assert main(step) == 0
    assert f"promoted {read_baseline(first).sha256[:12]}, the first one, by Ada" in capsys.readouterr().out
    assert main([*build, str(tmp_path / "b"), "--first-seed", "30", "--behavior", "random"]) == 0
    *_, compared, second = capsys.readouterr().out.splitlines()
    assert compared == f"5 of 5 metrics have another mean than in the promoted {read_baseline(first).sha256[:12]}"
    assert main(["baselines", "show", first, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["metrics"]["reward_mean"]["samples"]) == 30
    assert main(["baselines", "diff", first, second]) == 0
    shown = capsys.readouterr().out
    assert "behavior: scripted → random" in shown and "Hedges' g" in shown
    home, page = str(tmp_path / "baselines"), str(tmp_path / "page.md")
    assert main(["baselines", "promote", second, *step[3:], "--folder", home]) == 0
    assert "replacing " in capsys.readouterr().out
    place = ["--folder", home, "--output", page, "--scenarios", str(scenario.parent)]
    assert main(["baselines", "document", *place]) == 0
    assert main(["baselines", "document", *place, "--check"]) == 0
    assert "a test &#124; a step" in Path(page).read_text()
    Path(page).write_text("something else")
    assert main(["baselines", "document", *place, "--check"]) == 1
    assert "differs from what the code gives now" in capsys.readouterr().err
    assert main(["baselines", "promote", second, *step[3:]]) == 2
    assert "promoted already" in capsys.readouterr().err
    for code, said in (("1" * 40, ""), ("1" * 40 + CHANGES, "warning: nobody can check out the code that measured")):
        measured = Code(sha256="2" * 64, commit=code)
        file = write_baseline(tmp_path, read_baseline(second).model_copy(update={"code": measured}).sealed())
        assert main(["baselines", "promote", str(file), *step[3:]]) == 0
        told = capsys.readouterr()
        assert "the same figures as " in told.out and told.err.startswith(said) and bool(told.err) == bool(said)
    for option in ("--seeds", "--worlds"):
        assert main([*build, str(tmp_path / "c"), option, "0"]) == 2
    assert not (tmp_path / "c").exists()
