"""Summaries of a log, comparison with a baseline, and the log as a table."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.places import ROOT
from support.telemetry_records import record, write_lines

from townlet.errors import InputError
from townlet.telemetry import (
    differences,
    load_baseline,
    render_markdown,
    render_text,
    summarize,
    telemetry_table,
    write_table,
)
from townlet.telemetry.record import FIELDS, required_fields

LOG = [record(epoch, reward_mean=-1.0 + 0.1 * epoch) for epoch in range(1, 7)]


def test_a_metric_is_summarised_by_latest_range_mean_and_slope_per_epoch() -> None:
    reward = summarize(LOG).metric("reward_mean")
    assert reward is not None
    assert reward.latest == pytest.approx(-0.4)
    assert reward.minimum == pytest.approx(-0.9)
    assert reward.maximum == pytest.approx(-0.4)
    assert reward.mean == pytest.approx(-0.65)
    assert reward.slope == pytest.approx(0.1)
    assert reward.trend == "rising"


def test_the_slope_is_per_epoch_also_in_a_thinned_log() -> None:
    reward = summarize(LOG[::2]).metric("reward_mean")
    assert reward is not None
    assert reward.slope == pytest.approx(0.1)


def test_a_change_within_the_scatter_is_steady_and_no_change_is_constant() -> None:
    noisy = [record(epoch, adv_mean=value) for epoch, value in enumerate([0, 1, 0, 1, 0, 1, 0.1], 1)]
    summary = summarize(noisy)
    trends = {metric.name: metric.trend for metric in summary.metrics}
    assert (trends["adv_mean"], trends["lr"], trends["batch_entropy_mean"]) == (
        "steady",
        "constant",
        "falling",
    )


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_latest_and_mean_lie_within_the_range(values: list[float]) -> None:
    metric = summarize([record(n, adv_mean=value) for n, value in enumerate(values, 1)]).metric("adv_mean")
    assert metric is not None
    slack = 1e-9 * max(abs(metric.minimum), abs(metric.maximum))
    assert metric.minimum <= metric.latest <= metric.maximum
    assert metric.minimum - slack <= metric.mean <= metric.maximum + slack


def test_epochs_are_broken_down_by_mode_and_by_cycle() -> None:
    replay = {"data_mode": "replay", "cycle_id": 0, "kl_divergence": 0.5}
    summary = summarize([record(1, **replay), *LOG[1:5]])
    assert [(group.label, group.epochs, group.transitions) for group in summary.by_mode] == [
        ("replay", 1, 256),
        ("rollout", 4, 1024),
    ]
    assert [(group.label, group.epochs) for group in summary.by_cycle] == [
        ("cycle 1", 1),
        ("cycle 2", 2),
        ("cycle 3", 1),
    ]
    assert summary.by_mode[0].means["kl_divergence"] == 0.5
    # Figures of replays describe recorded data, so the table of metrics covers rollouts only.
    kl = summary.metric("kl_divergence")
    assert kl is not None and kl.maximum < 0.5
    assert "reward_mean" not in summary.by_mode[0].means


def test_last_n_looks_at_the_end_of_the_log_only() -> None:
    summary = summarize(LOG, last=2)
    assert (summary.records, summary.first_epoch, summary.last_epoch) == (2, 5, 6)


def test_a_log_of_schema_1_0_can_be_summarised() -> None:
    names = {field.name for field in required_fields(1.0)}
    old = [{name: one[name] for name in one if name in names} | {"telemetry_version": 1.0} for one in LOG]
    summary = summarize(old)
    assert (summary.versions, summary.by_mode, summary.duration_sec) == ((1.0,), (), None)
    assert "## Key figures" in render_markdown(summary)


def test_the_verdict_describes_the_course_of_the_training() -> None:
    verdict = summarize(LOG).verdict
    assert "over 6 epochs (1,536 agent-steps so far)" in verdict
    assert "mean reward per agent-step rose from -0.9 to -0.4" in verdict
    assert "policy entropy fell from 1.818 to 1.25 nats" in verdict
    assert "KL divergence per epoch at most 0.006 nats" in verdict
    assert verdict.endswith("Nothing stands out as wrong.")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"reward_clipped_share": 0.5}, "50.0% of the rewards were clipped"),
        ({"adv_zero_std_batches": 1}, "1 minibatch had constant advantages"),
        ({"kl_divergence": 0.4}, "moved 0.4 nats in epoch 1"),
        ({"clip_fraction": 0.9}, "90% of the ratios were clipped"),
        ({"batch_entropy_mean": 0.001}, "nearly deterministic"),
        ({"effective_sample_share": 0.01}, "Only 1.0% of the recorded samples carry weight"),
    ],
)
def test_what_stands_out_is_remarked_on(changed: dict[str, float], expected: str) -> None:
    summary = summarize([record(1, **changed)])
    assert [expected in remark for remark in summary.remarks] == [True]
    assert "1 thing to look at" in summary.verdict


def test_markdown_explains_every_metric_and_lists_idle_ones_apart() -> None:
    text = render_markdown(summarize(LOG, baseline={"kl_divergence": 0.002}))
    assert text.startswith("All numbers are finite over 6 epochs")
    assert "| `kl_divergence` | 0.004 | 0.002 | 0.002 | +100.0% |" in text
    assert "| conflicts in queues in the data that fed the epoch |" in text
    assert "Always 0: `adv_zero_std_batches`, `late_help_events`" in text
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 5
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_an_extra_field_cannot_break_a_table() -> None:
    text = render_markdown(summarize([record(1, **{"a|b\n": 1.0})]))
    assert "| `a\\|b\\n` |" in text


def test_text_columns_are_aligned() -> None:
    lines = render_text(summarize(LOG)).splitlines()
    start = lines.index("Key figures") + 3
    header, *rows = lines[start : lines.index("", start)]
    column = header.index("meaning")
    assert all(row[column - 1] == " " and row[column] != " " for row in rows)


def test_a_summary_is_strict_json() -> None:
    content = summarize(LOG, baseline={"late_help_events": 1.0}).as_json()
    again = json.loads(json.dumps(content, allow_nan=False))
    assert again["metrics"][0]["name"] == "loss_policy"
    assert again["drift"][0]["relative"] == -1.0


def test_cycles_beyond_a_dozen_are_counted_not_listed() -> None:
    text = render_markdown(summarize([record(epoch, cycle_id=epoch) for epoch in range(1, 16)]))
    assert "| cycle 3 |" not in text and "| cycle 4 |" in text
    assert "3 earlier cycles left out" in text


def test_a_baseline_can_be_a_json_object_a_distribution_or_a_log(tmp_path: Path) -> None:
    flat, nested = tmp_path / "flat.json", tmp_path / "nested.json"
    flat.write_text('{"kl_divergence": 0.01, "name": "x", "reward_mean": 1}')
    nested.write_text('{"metrics": {"kl_divergence": {"n": 3, "mean": 0.02, "sd": 0.1}}, "seeds": [1, 2]}')
    assert load_baseline(flat) == {"kl_divergence": 0.01, "reward_mean": 1.0}
    assert load_baseline(nested) == {"kl_divergence": 0.02}
    log = write_lines(tmp_path / "log.jsonl", LOG)
    from_log = load_baseline(log)
    assert from_log["reward_mean"] == pytest.approx(-0.4)
    assert not {"epoch", "steps", "log_stream_offset", "epoch_duration_sec"} & from_log.keys()


@pytest.mark.parametrize("content", ["", "[1]", "{}", '{"kl_divergence": NaN}', '{"a": "b"}', '{"kl": 1e999}'])
def test_a_file_without_reference_values_is_unusable(tmp_path: Path, content: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(content)
    with pytest.raises(InputError):
        load_baseline(path)


def test_a_comparison_falls_back_to_the_baseline_recorded_in_the_log_and_never_compares_nothing() -> None:
    found = differences(record(1, baseline_reward_mean=0.5), {"reward_mean": 0.25}, "log")
    assert [(each.field, each.absolute, each.relative) for each in found] == [("baseline_reward_mean", 0.25, 1.0)]
    with pytest.raises(InputError, match="at least one that the log has"):
        differences(record(1), {"unknown": 1.0}, "log")


def test_a_relative_difference_from_zero_always_exceeds() -> None:
    (difference,) = differences(record(1, adv_mean=1e-9), {"adv_mean": 0.0}, "log")
    assert difference.relative is None
    assert difference.exceeds(1e9, relative=True)
    assert not difference.exceeds(1e-6, relative=False)


def test_a_table_has_the_declared_types_and_carries_meaning_and_unit() -> None:
    table = telemetry_table([record(1, note="x"), record(2, updates=3.0, extra=1)])
    schema = table.schema
    assert [schema.field(name).type for name in ("epoch", "kl_divergence", "data_mode", "extra", "note")] == [
        pa.int64(),
        pa.float64(),
        pa.string(),
        pa.float64(),
        pa.string(),
    ]
    assert schema.field("kl_divergence").metadata[b"unit"] == b"nats"
    assert b"KL" in schema.field("kl_divergence").metadata[b"meaning"]
    assert table.to_pylist()[1]["updates"] == 3
    assert table.to_pylist()[1]["note"] is None


def test_tables_of_both_schemas_have_the_same_columns() -> None:
    names = {field.name for field in required_fields(1.0)}
    old = {name: value for name, value in record(1).items() if name in names}
    assert telemetry_table([old]).schema.equals(telemetry_table([record(1)]).schema, check_metadata=True)


def test_a_written_table_is_the_same_bytes_for_the_same_log_and_opens_in_pandas(tmp_path: Path) -> None:
    log = write_lines(tmp_path / "log.jsonl", LOG)
    hashes = {write_table(log, tmp_path / f"{name}.parquet") for name in ("one", "two")}
    assert len(hashes) == 1
    frame = pd.read_parquet(tmp_path / "one.parquet")
    assert frame["epoch"].tolist() == [1, 2, 3, 4, 5, 6]
    assert str(frame["cycle_id"].dtype) == "int64"
    assert pq.ParquetFile(tmp_path / "one.parquet").metadata.row_group(0).column(0).compression == "ZSTD"


def test_no_table_is_written_from_an_invalid_log(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    out.write_bytes(b"precious")
    with pytest.raises(InputError, match="line 1: lr"):
        write_table(write_lines(tmp_path / "log.jsonl", [record(1, lr="x")]), out)
    assert out.read_bytes() == b"precious"


def test_the_documentation_shows_the_declared_fields() -> None:
    rows = ["| field | type | unit | records | meaning |", "|---|---|---|---|---|"]
    for field in FIELDS:
        records = "optional" if field.since is None else f"{field.since}" if field.since > 1.0 else "1.0, 1.1"
        meaning = field.meaning + (f": `{'`, `'.join(field.choices)}`" if field.choices else "")
        clock = "; differs between identical runs" if field.role == "clock" else ""
        rows.append(f"| `{field.name}` | {field.kind} | {field.unit} | {records} | {meaning}{clock} |")
    page = ROOT / "docs" / "TELEMETRY.md"
    assert "\n".join(rows) + "\n" in page.read_text(encoding="utf-8")
