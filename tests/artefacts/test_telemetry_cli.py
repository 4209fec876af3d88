"""Commands about telemetry: exit codes, output, and options."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.places import ROOT
from support.telemetry_records import record, write_lines

from townlet.cli import main
from townlet.config import load_scenario

SCRIPTS = ROOT / "scripts"


@pytest.fixture
def log(tmp_path: Path) -> str:
    return str(write_lines(tmp_path / "log.jsonl", [record(1), record(2), record(3)]))


def test_validate_ends_with_0_for_a_valid_log(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", log]) == 0
    assert capsys.readouterr().out == f"{log}: valid, 3 records\n"


def test_validate_ends_with_1_and_names_file_line_and_field_of_every_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_lines(tmp_path / "log.jsonl", [record(1, lr=-1), record(2, kl_divergence=float("nan"))])
    assert main(["validate", str(log)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{log}: line 1: lr: found -1, expected a finite number of at least 0",
        f"{log}: line 2: kl_divergence: found NaN, expected a finite number of at least 0",
        f"{log}: invalid: 2 faults, 2 records",
    ]


def test_validate_ends_with_2_for_unusable_input_but_judges_the_other_logs_first(
    log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", str(tmp_path / "none.jsonl"), log]) == 2
    printed = capsys.readouterr()
    assert printed.out == f"{log}: valid, 3 records\n"
    assert printed.err == f"error: {tmp_path}/none.jsonl: found no such file, expected a telemetry log (JSONL)\n"


def test_validate_reports_a_torn_line_and_passes(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    with Path(log).open("a") as file:
        file.write('{"telemetry_version": 1.1, "ep')
    assert main(["validate", log]) == 0
    assert f"{log}: line 4: torn: 30 bytes of an unfinished record" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], 0),
        (["--drift-threshold", "0.5"], 0),
        (["--drift-threshold", "0.001"], 1),
        (["--drift-threshold", "0.5", "--relative"], 1),
        (["--drift-threshold", "1.5", "--relative"], 0),
    ],
)
def test_validate_ends_with_1_if_a_metric_drifted(log: str, tmp_path: Path, options: list[str], code: int) -> None:
    baseline = tmp_path / "baseline.json"
    baseline.write_text('{"kl_divergence": 0.002}')
    assert main(["validate", log, "--baseline", str(baseline), *options]) == code


def test_a_threshold_without_a_baseline_is_refused(log: str) -> None:
    assert main(["validate", log, "--drift-threshold", "1"]) == 2


def test_a_baseline_that_shares_nothing_with_the_log_is_unusable(log: str, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    baseline.write_text('{"other": 1}')
    assert main(["validate", log, "--baseline", str(baseline)]) == 2


def test_validate_prints_one_json_object(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", log, log, "--json", "--baseline", log, "--drift-threshold", "0"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["passed"] is True
    assert [one["records"] for one in printed["logs"]] == [3, 3]
    assert {drift["absolute"] for drift in printed["logs"][0]["drift"]} == {0.0}


def test_validate_writes_a_table_of_a_valid_log(log: str, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    assert main(["validate", log, "--table", str(out)]) == 0
    assert out.read_bytes().startswith(b"PAR1")
    assert main(["validate", log, log, "--table", str(out)]) == 2


def test_watch_ends_with_1_if_anything_alerted(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", log, "--kl-threshold", "1"]) == 0
    capsys.readouterr()
    assert main(["watch", log, "--json", "--shower-complete-min", "9"]) == 1
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["epoch"] for one in printed] == [1, 2, 3]
    assert printed[0]["alerts"] == [
        {
            "signal": "shower_complete_min",
            "field": "shower_complete_events",
            "found": "8",
            "expected": "at least 9",
            "value": 8.0,
            "bound": 9.0,
        }
    ]


@pytest.mark.parametrize("options", [["--kl-threshold", "nan"], ["--grad-threshold", "inf"], ["--interval", "nan"]])
def test_watch_refuses_a_bound_that_nothing_could_exceed(log: str, options: list[str]) -> None:
    assert main(["watch", log, *options]) == 2


def test_watch_of_a_missing_log_is_unusable(tmp_path: Path) -> None:
    assert main(["watch", str(tmp_path / "none.jsonl")]) == 2


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_summary_prints_every_form(log: str, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", log, "--format", form, "--last", "2", "--baseline", log]) == 0
    printed = capsys.readouterr().out
    assert "over 2 epochs" in (json.loads(printed)["verdict"] if form == "json" else printed)


def test_summary_of_an_invalid_log_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", str(write_lines(tmp_path / "log.jsonl", [record(1, lr=-1)]))]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("script", "command"),
    [("validate_ppo_telemetry", "validate"), ("telemetry_watch", "watch"), ("telemetry_summary", "summary")],
)
def test_the_scripts_are_the_commands(script: str, command: str, log: str, tmp_path: Path) -> None:
    by_script = [sys.executable, str(SCRIPTS / f"{script}.py")]
    by_command = [sys.executable, "-c", "import sys, townlet.cli; sys.exit(townlet.cli.main())", command]
    for path, code in ((log, 0), (str(tmp_path / "none"), 2)):
        printed = [subprocess.run([*way, path], capture_output=True, text=True) for way in (by_script, by_command)]
        assert (printed[0].returncode, printed[0].stdout) == (code, printed[1].stdout)


@pytest.mark.parametrize("command", ["validate", "watch", "summary"])
def test_the_tools_start_without_the_heavy_libraries(command: str, log: str) -> None:
    program = f"""
import sys
from townlet.cli import main
from townlet.config import load_scenario
assert main([{command!r}, {log!r}]) == 0
heavy = {{"torch", "numba", "numpy", "pyarrow", "pandas", "matplotlib", "dagster"}} & set(sys.modules)
sys.exit(f"imported {{sorted(heavy)}}" if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_watch_takes_its_bounds_from_a_scenario_and_options_override_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = ROOT / "configs" / "scenarios" / "queue_conflict.yaml"
    bound = load_scenario(scenario).telemetry.thresholds.kl
    assert bound is not None
    log = str(write_lines(tmp_path / "log.jsonl", [record(1, kl_divergence=2 * bound)]))
    command = ["watch", log, "--thresholds", str(scenario)]
    assert main(command) == 1
    assert f"ALERT kl_divergence {2 * bound:g}, expected at most {bound:g}" in capsys.readouterr().out
    assert main([*command, "--kl-threshold", str(3 * bound)]) == 0
    assert main(["watch", log, "--thresholds", str(tmp_path / "none.yaml")]) == 2
