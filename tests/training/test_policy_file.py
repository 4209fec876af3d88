"""Policy files: a policy is read back unchanged, or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save
from support.saved_policies import ACTIONS, OBSERVATION, make_network, save_into

from townlet.behavior.policy_file import load_policy, save_policy
from townlet.errors import InputError
from townlet.files.artefact_names import CARD_NAME, WEIGHTS_NAME
from townlet.files.storage import sha256


def commit(folder: Path, data: bytes) -> None:
    """Put weights in place with a card that names their hash."""
    (folder / WEIGHTS_NAME).write_bytes(data)
    alter_card(folder, sha256=sha256(data), size=len(data))


def alter_card(folder: Path, **fields: Any) -> None:
    card = json.loads((folder / CARD_NAME).read_text())
    (folder / CARD_NAME).write_text(json.dumps(card | fields))


def fault_in(folder: Path, **spaces: Any) -> str:
    with pytest.raises(InputError) as caught:
        load_policy(folder, **spaces)
    return str(caught.value)


@pytest.mark.parametrize("name", ["", CARD_NAME, WEIGHTS_NAME])
def test_a_saved_policy_loads_by_its_folder_or_either_file(tmp_path: Path, name: str) -> None:
    saved = make_network(seed=4)
    card = save_into(tmp_path, saved)
    network, loaded = load_policy(tmp_path / name, observation=OBSERVATION, actions=ACTIONS)
    assert loaded == card
    assert loaded.provenance == {"scenario": "queue_conflict", "seed": 3}
    for weight, other in zip(saved.parameters(), network.parameters(), strict=True):
        assert torch.equal(weight, other)


def test_equal_policies_have_equal_bytes(tmp_path: Path) -> None:
    save_into(tmp_path / "a")
    save_into(tmp_path / "b")
    for name in (CARD_NAME, WEIGHTS_NAME):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_card_names_the_hash_of_the_weights(tmp_path: Path) -> None:
    card = save_into(tmp_path)
    assert card.sha256 == sha256((tmp_path / WEIGHTS_NAME).read_bytes())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert f"{tmp_path / CARD_NAME}: found no such file" in fault_in(tmp_path)
    save_into(tmp_path)
    (tmp_path / WEIGHTS_NAME).unlink()
    assert f"{tmp_path / WEIGHTS_NAME}: found no such file" in fault_in(tmp_path)


def test_truncated_weights_are_refused(tmp_path: Path) -> None:
    card = save_into(tmp_path)
    data = (tmp_path / WEIGHTS_NAME).read_bytes()
    (tmp_path / WEIGHTS_NAME).write_bytes(data[:-7])
    assert f"found {card.size - 7} bytes, expected {card.size} bytes" in fault_in(tmp_path)


def test_a_single_flipped_bit_is_refused(tmp_path: Path) -> None:
    save_into(tmp_path)
    data = bytearray((tmp_path / WEIGHTS_NAME).read_bytes())
    data[-1] ^= 1
    (tmp_path / WEIGHTS_NAME).write_bytes(data)
    assert f"{WEIGHTS_NAME}: sha256: found" in fault_in(tmp_path)


def test_weights_that_were_replaced_without_their_card_are_refused(tmp_path: Path) -> None:
    save_into(tmp_path / "old", make_network(0))
    save_into(tmp_path / "new", make_network(1))
    (tmp_path / "new" / WEIGHTS_NAME).replace(tmp_path / "old" / WEIGHTS_NAME)
    assert "sha256" in fault_in(tmp_path / "old")


def test_a_file_that_is_not_safetensors_is_refused_even_if_its_hash_is_right(tmp_path: Path) -> None:
    save_into(tmp_path)
    commit(tmp_path, (tmp_path / WEIGHTS_NAME).read_bytes()[:40])
    assert "expected weights in safetensors form" in fault_in(tmp_path)


def test_weights_that_are_not_finite_are_refused_by_name(tmp_path: Path) -> None:
    save_into(tmp_path)
    weights = load_file(tmp_path / WEIGHTS_NAME)
    weights["trunk.0.weight"][1, 2] = float("nan")
    commit(tmp_path, save(weights))
    assert "trunk.0.weight: found 1 weights that are NaN or infinite" in fault_in(tmp_path)


def test_weights_of_another_shape_type_or_name_are_refused_by_name(tmp_path: Path) -> None:
    save_into(tmp_path)
    weights = load_file(tmp_path / WEIGHTS_NAME)
    weights["trunk.0.weight"] = torch.zeros(8, 4)
    weights["value_head.bias"] = weights["value_head.bias"].double()
    weights["extra"] = weights.pop("policy_head.bias")
    commit(tmp_path, save(weights))
    message = fault_in(tmp_path)
    assert "trunk.0.weight: found float32 [8, 4], expected float32 [8, 5]" in message
    assert "value_head.bias: found float64 [1], expected float32 [1]" in message
    assert "extra: found float32 [3], expected no such tensor" in message
    assert "policy_head.bias: found nothing, expected float32 [3]" in message


def test_a_card_that_is_torn_or_lacks_a_field_is_refused(tmp_path: Path) -> None:
    save_into(tmp_path)
    text = (tmp_path / CARD_NAME).read_text()
    (tmp_path / CARD_NAME).write_text(text[: len(text) // 2])
    assert CARD_NAME in fault_in(tmp_path)
    card = json.loads(text)
    del card["sha256"]
    card["network"]["hidden"] = [0]
    (tmp_path / CARD_NAME).write_text(json.dumps(card))
    message = fault_in(tmp_path)
    assert "sha256: found nothing" in message
    assert "network.hidden.0: found 0" in message


def test_a_card_of_a_later_version_is_refused(tmp_path: Path) -> None:
    save_into(tmp_path)
    alter_card(tmp_path, version=2)
    assert "version: found 2, expected 1" in fault_in(tmp_path)


def test_a_policy_for_other_observations_or_actions_names_what_differs(tmp_path: Path) -> None:
    save_into(tmp_path)
    renamed = [*OBSERVATION[:2], OBSERVATION[2] | {"name": "rivals near"}, *OBSERVATION[3:]]
    found = fault_in(tmp_path, observation=renamed, actions=ACTIONS)
    assert "observation: found no rivals near, expected every feature that people observe there" in found
    assert "observation: found feature 2, expected no feature that people do not observe there" in found
    assert "observation: found feature 4, expected no feature that people do not" in fault_in(
        tmp_path, observation=OBSERVATION[:4], actions=ACTIONS
    )
    found = fault_in(tmp_path, observation=OBSERVATION, actions=["wait", "south"])
    assert "actions: found no south, expected every action of the town" in found
    assert "actions: found north, request, expected no action that the town does not have" in found
    wider = [OBSERVATION[0] | {"high": 2.0}, *OBSERVATION[1:]]
    assert "observation.0.high: found 1.0, expected 2.0, as in the town" in fault_in(
        tmp_path, observation=wider, actions=ACTIONS
    )


def test_saving_weights_that_are_not_finite_fails_and_leaves_the_old_policy(tmp_path: Path) -> None:
    old = save_into(tmp_path)
    network = make_network(1)
    with torch.no_grad():
        network.value_head.bias.fill_(float("inf"))
    with pytest.raises(InputError, match=r"value_head\.bias"):
        save_into(tmp_path, network)
    assert load_policy(tmp_path)[1] == old


def test_a_description_that_does_not_fit_the_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="5 features and 2 actions described"):
        save_policy(tmp_path, make_network(), observation=OBSERVATION, actions=ACTIONS[:2], provenance={})
    assert not list(tmp_path.iterdir())
