"""Lineage: ``townlet lineage`` walks from a file to its scenario and notices every wrong byte on the way."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.places import ROOT

from townlet.cli import main
from townlet.errors import InputError
from townlet.lineage import LineageError, read_record, register, trace, write_record
from townlet.lineage.artefact import Artefact, Claim, file_sha256
from townlet.lineage.kinds import KINDS

SCENARIO = ROOT / "configs" / "scenarios" / "observation_baseline.yaml"


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scenario, a capture, a policy trained on it and a table of the log, made by commands in separate folders."""
    place = tmp_path_factory.mktemp("chain")
    scenario, manifest = place / "town" / SCENARIO.name, place / "capture" / "rollout_sample_manifest.json"
    log, table = place / "log" / "ppo.jsonl", place / "table" / "telemetry.parquet"
    train = ["train", str(scenario), "--mode", "replay", "--replay-manifest", str(manifest), "--epochs", "1"]
    for command in (
        ["freeze", str(SCENARIO), "--output", str(scenario)],
        ["capture", str(scenario), "--output", str(manifest.parent), "--worlds", "2"],
        [*train, "--output", str(place / "policy"), "--ppo-log", str(log)],
        ["validate", str(log), "--table", str(table)],
    ):
        assert main(command) == 0
    card = place / "policy" / "policy.json"
    write_record(scenario, kind="scenario", made_by="townlet freeze")
    write_record(manifest, kind="capture", made_by="townlet capture", made_from={"scenario": scenario})
    write_record(card, kind="policy", made_by="townlet train", made_from={"scenario": scenario, "capture": manifest})
    write_record(log, kind="log", made_by="townlet train", made_from={"scenario": scenario, "capture": manifest})
    write_record(table, kind="table", made_by="townlet validate", made_from={"log": log, "policy": card})
    return place


def on_the_way(chain: Path) -> list[Path]:
    """Every file in the table's lineage."""
    table = chain / "table" / "telemetry.parquet"
    return sorted({file for node in trace(table).everything() for file in node.files})


def test_the_walk_ends_at_the_scenario_and_checks_every_file_once(chain: Path) -> None:
    node = trace(chain / "table" / "telemetry.parquet")
    assert [each.kind for each in node.everything()] == ["table", "log", "policy", "scenario", "capture"]
    for each in node.everything():
        assert {file: file_sha256(file) for file in each.files} == each.files
    files = {path for path in chain.rglob("*") if path.is_file() and path.name != "lineage.json"}
    assert {path for path in files if not path.name.startswith(".")} == set(on_the_way(chain))


@settings(max_examples=25)
@given(data=st.data())
def test_any_changed_byte_on_the_way_is_found_and_named_with_both_hashes(
    chain: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    file = data.draw(st.sampled_from(on_the_way(chain)))
    content = bytearray(file.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    copy = tmp_path_factory.mktemp("copy") / "chain"
    shutil.copytree(chain, copy)
    spoilt = copy / file.relative_to(chain)
    spoilt.write_bytes(content)
    with pytest.raises(LineageError) as raised:
        trace(copy / "table" / "telemetry.parquet")
    assert raised.value.file == spoilt
    assert file_sha256(spoilt) in raised.value.found
    assert file_sha256(file) in raised.value.expected


def test_a_missing_file_on_the_way_is_a_broken_lineage(chain: Path, tmp_path: Path) -> None:
    shutil.copytree(chain, tmp_path / "chain")
    shard = next((tmp_path / "chain" / "capture").glob("steps-*"))
    shard.unlink()
    with pytest.raises(LineageError, match=rf"{shard.name}: found no such file, expected"):
        trace(tmp_path / "chain" / "policy" / "policy.safetensors")


def test_an_altered_record_is_refused(chain: Path, tmp_path: Path) -> None:
    shutil.copytree(chain, tmp_path / "chain")
    record = tmp_path / "chain" / "log" / "lineage.json"
    record.write_text(record.read_text().replace("townlet train", "townlet brain"))
    with pytest.raises(LineageError, match=r"lineage\.json: found SHA-256"):
        trace(tmp_path / "chain" / "log" / "ppo.jsonl")


@pytest.mark.parametrize("file", ["policy/policy.json", "policy/policy.safetensors", "capture/{shard}"])
def test_captures_and_policies_need_no_record(chain: Path, tmp_path: Path, file: str) -> None:
    shutil.copytree(chain, tmp_path / "chain", ignore=shutil.ignore_patterns("lineage.json"))
    shard = next((chain / "capture").glob("steps-*")).name
    node = trace(tmp_path / "chain" / file.format(shard=shard))
    kinds = [each.kind for each in node.everything()]
    assert kinds[-2:] == (["policy", "scenario", "capture"] if "policy" in file else ["capture", "scenario"])[-2:]


def test_a_parent_known_by_its_hash_is_found_in_the_search_folder(
    chain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("policy", "capture", "town"):
        ignore = shutil.ignore_patterns("lineage.json")
        shutil.copytree(chain / folder, tmp_path / folder / "deep" / "down", ignore=ignore)
    card = tmp_path / "policy" / "deep" / "down" / "policy.json"
    assert main(["lineage", str(card)]) == 1
    assert "rollout_sample_manifest.json: found no such file, expected SHA-256" in capsys.readouterr().err
    assert main(["lineage", str(card), "--search", str(tmp_path / "capture")]) == 0


def test_a_policy_and_another_scenario_of_the_same_name_do_not_belong_together(chain: Path, tmp_path: Path) -> None:
    shutil.copytree(chain / "policy", tmp_path / "policy", ignore=shutil.ignore_patterns("lineage.json"))
    changed = SCENARIO.read_text().replace("seed: 17", "seed: 18")
    (tmp_path / "policy" / SCENARIO.name).write_text(changed)
    card = tmp_path / "policy" / "policy.json"
    content = json.loads(card.read_text())
    content["provenance"]["config_sha256"] = "0" * 64
    card.write_text(json.dumps(content))
    with pytest.raises(LineageError, match="a configuration with SHA-256"):
        trace(card)


def test_the_command_prints_a_tree_or_json(chain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = chain / "table" / "telemetry.parquet"
    assert main(["lineage", str(table)]) == 0
    printed = capsys.readouterr().out
    assert f"table {file_sha256(table)[:12]}  {table}  (townlet validate)" in printed
    assert f"{len(on_the_way(chain))} files checked" in printed
    assert main(["lineage", str(table), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["scenarios"] == [str(chain / "town" / SCENARIO.name)]
    assert content["files_checked"] == len(on_the_way(chain))


@pytest.mark.parametrize("name", ["nowhere.json", "note.txt"])
def test_a_file_without_lineage_is_unusable_input(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "note.txt").write_text("no artefact")
    assert main(["lineage", str(tmp_path / name)]) == 2
    assert f"error: {tmp_path / name}: found " in capsys.readouterr().err


def test_a_record_needs_the_files_that_it_names(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(InputError, match="no such file"):
        write_record(tmp_path / "a.json", kind="a", made_by="hand", made_from={"b": tmp_path / "b.json"})
    assert not (tmp_path / "lineage.json").exists()
    assert read_record_error(tmp_path / "a.json").faults[0].where == "kind"


def read_record_error(path: Path) -> InputError:
    with pytest.raises(InputError) as raised:
        read_record(path)
    return raised.value


def test_a_circular_lineage_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    write_record(tmp_path / "a.json", kind="a", made_by="hand", made_from={"itself": tmp_path / "a.json"})
    with pytest.raises(LineageError, match="no parent"):
        trace(tmp_path / "a.json")
    for name, other in (("x", "y"), ("y", "x")):
        for each in (name, other):
            (tmp_path / each).mkdir(exist_ok=True)
            (tmp_path / each / f"{each}.json").write_text("{}")
        parent = tmp_path / other / f"{other}.json"
        write_record(tmp_path / name / f"{name}.json", kind=name, made_by="hand", made_from={"other": parent})
    with pytest.raises(LineageError, match="itself among what it was made from"):
        trace(tmp_path / "x" / "x.json")


def test_a_kind_can_be_added_that_names_its_parents(chain: Path, tmp_path: Path) -> None:
    note, policy = tmp_path / "certificate.json", chain / "policy" / "policy.json"
    note.write_text(json.dumps({"policy": str(policy), "sha256": file_sha256(policy)}))

    @register("certificate", lambda file: file.name == "certificate.json")
    def kind(file: Path) -> Artefact:
        content = json.loads(file.read_text())
        return Artefact(
            "certificate", file, "a notary", made_from=(Claim(Path(content["policy"]), content["sha256"], str(file)),)
        )

    try:
        assert [node.kind for node in trace(note).everything()][:2] == ["certificate", "policy"]
    finally:
        KINDS.remove(kind)
