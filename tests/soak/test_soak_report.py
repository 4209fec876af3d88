"""Acceptance report of a real soak, and files for which none is written."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from support.places import QUEUE_CONFLICT, ROOT
from support.tiny_soak import rows_of, tiny_options, tiny_scenario

from townlet.baselines import read_baseline
from townlet.baselines.baseline import distribution_of, write_baseline
from townlet.baselines.build import build_baseline
from townlet.cli import main
from townlet.errors import InputError
from townlet.metrics import MEMORY
from townlet.soak import report_tables
from townlet.soak.assessment import CorrectedFinding
from townlet.soak.evidence import assess_soak
from townlet.soak.manifest import LOG_NAME, sealed
from townlet.soak.options import SoakOptions
from townlet.soak.report import write_acceptance
from townlet.soak.report_plots import soak_plots
from townlet.soak.run import run_soak
from townlet.soak.verdict import decide
from townlet.statistics.change import Finding
from townlet.telemetry.formatting import number

SCENARIO = QUEUE_CONFLICT
REPORTS = ("acceptance.html", "acceptance.json", "acceptance.md")
INTENSITY = "queue_conflict_intensity_per_1000"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a baseline and a learning soak of eighteen cycles against it."""
    folder = tmp_path_factory.mktemp("soaks")
    baseline = build_baseline(SCENARIO, folder / "baseline", seeds=12, worlds=64, captures=False).path
    options = SoakOptions(scenario=SCENARIO, output=folder / "soak", baseline=baseline, cycles=18, night="2026-11-22")
    run_soak(options)
    return folder


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A soak whose entropy lies below a bound of its scenario in every cycle."""
    folder = tmp_path_factory.mktemp("held")
    scenario = tiny_scenario(folder / "scenario", ("entropy: 0.02\n", "entropy: 5.0\n"))
    run_soak(tiny_options(folder, scenario=scenario, learning=False))
    return folder / "soak"


@pytest.fixture
def soak(place: Path, tmp_path: Path) -> Path:
    """A copy of the soak, to be damaged."""
    return Path(shutil.copytree(place / "soak", tmp_path / "soak"))


def baseline_of(place: Path) -> Path:
    return next((place / "baseline").glob("baseline-*.json"))


def rewrite(soak: Path, **changed: object) -> None:
    """Change fields of the soak's manifest, with a hash that fits."""
    manifest = json.loads((soak / "soak.json").read_text())
    (soak / "soak.json").write_text(json.dumps(sealed(manifest | changed)))


def another_baseline(place: Path, folder: Path, factor: float) -> Path:
    """The baseline with the intensities of all its seeds times a factor."""
    baseline = read_baseline(baseline_of(place))
    samples = [factor * sample for sample in baseline.metrics[INTENSITY].samples]
    metrics = baseline.metrics | {INTENSITY: distribution_of(samples)}
    return Path(str(write_baseline(folder, baseline.model_copy(update={"metrics": metrics}).sealed())))


def test_a_soak_like_its_baseline_is_accepted_and_its_learning_is_reported_separately(place: Path) -> None:
    evidence = assess_soak(place / "soak")
    assert evidence.verdict.decision == "accept"
    assert {m.verdict for m in evidence.assessment.metrics if m.role == "reference"} == {"steady"}
    learned = {metric.name for metric in evidence.assessment.of("learned")}
    assert "entropy" in learned
    assert "By learning, the network moved" in evidence.verdict.reasons


def test_the_same_soak_gives_the_same_bytes(place: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_acceptance(place / "soak", output=tmp_path / name)
    for report in REPORTS:
        assert (tmp_path / "one" / report).read_bytes() == (tmp_path / "two" / report).read_bytes()


@pytest.fixture(scope="module")
def reported(place: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A folder with the report on the soak, and the lines that the command printed."""
    folder, printed = tmp_path_factory.mktemp("reported"), io.StringIO()
    links = ["--link", "run=http://ui/runs/1234", "--handbook", "http://pages/handbook"]
    with contextlib.redirect_stdout(printed):
        assert main(["drift", str(place / "soak"), "--output", str(folder), *links]) == 0
    return folder, printed.getvalue().splitlines()


def links_of(folder: Path) -> list[str]:
    return re.findall(r'<a href="([^"]+)"', (folder / "acceptance.html").read_text())


def test_the_first_three_lines_say_verdict_reason_and_next_step(reported: tuple[Path, list[str]]) -> None:
    folder, printed = reported
    lines = ["✓ accept", "Nothing changed that chance or learning does not explain.", "Next: Nothing to do."]
    assert [line.split(" (docs")[0] for line in printed[:3]] == lines
    page = (folder / "acceptance.html").read_text()
    body = page[page.index("<main>") :]
    places = [*map(body.index, ("2026-11-22", "✓ <strong>Accept.", lines[1], "Nothing to do.", "<h2>"))]
    assert places == sorted(places)
    markdown = (folder / "acceptance.md").read_text()
    assert markdown.splitlines()[2:7:2] == ["**✓ Accept.**", lines[1], "**Next:** Nothing to do."]
    assert "![" in markdown


def test_the_page_stands_alone_and_its_links_lead_to_the_handbook_the_runs_and_the_soaks_files(
    place: Path, reported: tuple[Path, list[str]]
) -> None:
    folder, _ = reported
    page = (folder / "acceptance.html").read_text()
    assert not re.findall(r"""<script|src=["'](?!data:)|url\((?!#|data:)|@import""", page)
    handbook, run, *files = links_of(folder)
    assert (handbook, run) == ("http://pages/handbook#night-accepted", "http://ui/runs/1234")
    assert [Path(file).name for file in files][:2] == ["soak.json", "cycles.jsonl"]
    assert all((folder / file).samefile(place / "soak" / Path(file).name) for file in files)


def test_memory_is_given_in_mb_and_nothing_is_a_rounding_error(place: Path, reported: tuple[Path, list[str]]) -> None:
    page = (reported[0] / "acceptance.html").read_text()
    memory = next(metric for metric in assess_soak(place / "soak").assessment.metrics if metric.name == MEMORY)
    assert f"<td>{number(memory.mean / 1e6)}\N{NO-BREAK SPACE}MB</td>" in page
    quarters = page[page.index("<h2>First quarter") :]
    assert not re.search(r"\d{3},\d{3},\d{3}|\de-1\d", quarters)


def test_a_broken_bound_is_the_reason_and_is_drawn_first_with_the_cycles_beyond_it(held: Path) -> None:
    evidence = assess_soak(held)
    bound = next(bound for bound in evidence.bounds if bound.field == "batch_entropy_mean")
    assert (bound.bound, bound.cycles, bound.of) == (5.0, (1, 2, 3, 4, 5, 6), 6)
    assert bound.sentence.startswith("Policy entropy fell below the scenario's bound of 5 in 6 of 6 cycles, first in")
    assert evidence.verdict.why.startswith(evidence.bounds[0].sentence)
    assert evidence.verdict.next_step.handbook == "night-bound-broken"
    rows = report_tables.changes(evidence)
    assert ["policy entropy", "bound broken", f"{bound.sentence}."] in rows[: len(evidence.bounds)]
    plot = soak_plots(evidence)[evidence.bounds.index(bound)]
    assert plot.title == "Policy entropy: bound broken"
    axes = Figure().add_subplot()
    plot.draw(axes)
    worst, beyond, limit = axes.get_lines()
    records = [json.loads(line) for line in (held / LOG_NAME).read_text().splitlines()]
    assert min(np.asarray(worst.get_ydata())) == min(record["batch_entropy_mean"] for record in records)
    assert list(np.asarray(beyond.get_xdata())) == list(bound.cycles)
    assert set(np.asarray(limit.get_ydata())) == {5.0}


def test_the_steps_of_a_single_odd_cycle_name_its_seed(held: Path) -> None:
    evidence = assess_soak(held)
    odd = CorrectedFinding(Finding("one cycle", 1.0, 0.5, 1.5, 1e-9, 3), 1e-8, beyond_margin=True)
    (first, *others) = evidence.assessment.metrics
    assert first.role == "reference"
    assessment = replace(evidence.assessment, metrics=(replace(first, verdict="alert", findings=(odd,)), *others))
    found = replace(evidence, assessment=assessment, verdict=decide(assessment))
    assert found.verdict.next_step.handbook == "night-one-cycle"
    seed = rows_of(held)[3]["seed"]
    command = f"townlet capture configs/scenarios/queue_conflict.yaml --seed {seed} --output runs/odd"
    assert command in found.steps()[0]


def test_an_alert_comes_before_a_broken_bound(held: Path) -> None:
    evidence = assess_soak(held)
    (metric, *_) = evidence.assessment.metrics
    alarmed = replace(metric, verdict="alert")
    assessment = replace(evidence.assessment, metrics=(*evidence.assessment.metrics[1:], alarmed))
    rows = report_tables.changes(replace(evidence, assessment=assessment))
    assert [row[1] for row in rows[:2]] == ["alert", "bound broken"]


def test_a_shifted_soak_is_rejected_with_size_interval_and_probability(place: Path, tmp_path: Path) -> None:
    shifted = another_baseline(place, tmp_path / "shifted", 1.15)
    assert main(["drift", str(place / "soak"), "--baseline", str(shifted), "--output", str(tmp_path)]) == 1
    report = json.loads((tmp_path / "acceptance.json").read_text())
    assert report["verdict"] == "reject"
    metric = next(m for m in report["assessment"]["metrics"] if m["name"] == INTENSITY and m["role"] == "reference")
    assert metric["verdict"] == "alert"
    level = metric["tests"][0]
    assert level["interval"][0] < level["effect"] < level["interval"][1] < 0
    assert level["p"] <= level["corrected_p"] < 0.001
    assert "Conflict intensity lay 1" in report["reasons"]


def test_the_verdict_is_available_without_a_report(place: Path, soak: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drift", str(soak), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "accept"
    assert not (soak / "acceptance.html").exists()


@pytest.mark.parametrize("name", ["cycles.jsonl", "resources.jsonl", "telemetry.jsonl"])
def test_a_file_that_was_altered_is_refused_and_nothing_written(
    name: str, soak: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = (soak / name).read_text()
    (soak / name).write_text(content.replace("1", "2", 1))
    assert main(["drift", str(soak)]) == 2
    assert name in capsys.readouterr().err
    assert not (soak / "acceptance.json").exists()


def test_a_torn_manifest_and_an_unfinished_soak_are_refused(soak: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = soak / "soak.json"
    whole = manifest.read_text()
    manifest.write_text(whole[: len(whole) // 2])
    assert main(["drift", str(soak)]) == 2
    manifest.write_text(whole)
    rewrite(soak, finished=False)
    assert main(["drift", str(soak)]) == 2
    assert "not finished" in capsys.readouterr().err


def test_a_damaged_baseline_is_refused(place: Path, soak: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "baseline.json"
    spoilt.write_text(re.sub(r'("mean": )\d', r"\g<1>9", baseline_of(place).read_text(), count=1))
    with pytest.raises(InputError, match="sha256"):
        assess_soak(soak, spoilt)


def test_a_baseline_of_other_rollouts_is_refused(place: Path, soak: Path, tmp_path: Path) -> None:
    fewer = build_baseline(SCENARIO, tmp_path / "fewer", seeds=8, worlds=8, captures=False).path
    with pytest.raises(InputError, match="worlds: found 64, expected 8"):
        assess_soak(soak, fewer)


def test_a_soak_is_assessed_wherever_its_folder_lies(place: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(place / "soak", tmp_path / "elsewhere" / "night")
    (original,) = (place / "baseline").glob("baseline-*.json")
    hidden = original.rename(tmp_path / "hidden.json")
    try:
        evidence = write_acceptance(moved)
    finally:
        hidden.rename(original)
    assert evidence.baseline == read_baseline(original)
    handbook, *files = links_of(moved)
    assert original.name in files
    file, anchor = handbook.split("#")
    assert (moved / file).samefile(ROOT / "docs" / "OPS_HANDBOOK.md")
    assert anchor == "night-accepted"


def test_a_baseline_of_another_policy_than_the_soaks_is_refused(place: Path, soak: Path, tmp_path: Path) -> None:
    baseline = read_baseline(baseline_of(place))
    neural = baseline.model_copy(update={"behavior": "neural", "policy_sha256": "a" * 64}).sealed()
    rewrite(soak, behavior="neural", policy="b" * 64)
    with pytest.raises(InputError, match=r"soak.json: policy: found 'b+', expected 'a+', which acted"):
        assess_soak(soak, write_baseline(tmp_path, neural))
    rewrite(soak, policy="a" * 64)
    assert assess_soak(soak, write_baseline(tmp_path, neural)).verdict.decision == "accept"


def test_another_baseline_in_the_place_of_the_named_one_is_refused(place: Path, soak: Path, tmp_path: Path) -> None:
    other = another_baseline(place, tmp_path, 1.01)
    (copy,) = soak.glob("baseline-*.json")
    copy.write_bytes(other.read_bytes())
    with pytest.raises(InputError, match=r"as .*soak\.json says"):
        assess_soak(soak)
