"""Networks with a module of a user's own: when they run, what they must do, and what a card says about them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.places import QUEUE_CONFLICT, ROOT
from torch import Tensor, nn
from typer.testing import CliRunner

import townlet
from townlet.behavior.network import ActorCritic
from townlet.behavior.own import network_registry
from townlet.behavior.policy_file import load_policy
from townlet.cli import app
from townlet.config.training import NetworkConfig
from townlet.errors import InputError

VARIABLE = network_registry.VARIABLE


@pytest.fixture(autouse=True)
def _nothing_is_allowed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(network_registry, "_registered", {})
    yield


@pytest.fixture
def named(tmp_path: Path) -> str:
    """A file with a network, by the words that name its factory."""
    return f"{shutil.copy(ROOT / 'examples' / 'own_network.py', tmp_path)}:residual"


def network(factory: Callable[..., Any], **options: Any) -> ActorCritic:
    townlet.register_network("mine", factory)
    return ActorCritic(5, 3, NetworkConfig(module="mine", **options), seed=7)


def train(folder: Path, named: str, *options: Any) -> Any:
    arguments = ["train", QUEUE_CONFLICT, "--mode", "rollout", "--worlds", 2, "--rollout-ticks", 10, "--epochs", 1]
    arguments += ["--set", f"network.module={named}", "--set", "ppo.minibatch_size=32", "--output", folder, *options]
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_it_trains_saves_and_evaluates_only_where_the_user_names_it(
    tmp_path: Path, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = train(tmp_path / "policy", named)
    assert f"{VARIABLE}={named}" in str(refused.exception)
    assert not (tmp_path / "policy").exists()
    monkeypatch.setenv(VARIABLE, f"some.other:thing, {named}")
    done = train(tmp_path / "policy", named, "--cycles", 2)
    assert done.exit_code == 0, done.output
    card = json.loads((tmp_path / "policy" / "policy.json").read_text())
    assert card["network"]["module"] == named and len(card["module_sha256"]) == 64
    first, _ = load_policy(tmp_path / "policy")
    assert {"trunk.0.weight", "trunk.1.layers.0.weight", "policy_head.weight"} <= first.state_dict().keys()
    # Another run has the same bytes, from which a third goes on.
    assert train(tmp_path / "again", named, "--cycles", 2).exit_code == 0
    weights = [tmp_path / each / "policy.safetensors" for each in ("policy", "again")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    # Other source is another network, and a policy says so.
    file = Path(named.partition(":")[0])
    file.write_text(file.read_text().replace("nn.ReLU(), nn.Linear", "nn.Tanh(), nn.Linear"))
    with pytest.raises(InputError, match=r"module_sha256.*the source of .* that the policy was trained with"):
        load_policy(tmp_path / "policy")
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(InputError, match=f"{VARIABLE}="):
        load_policy(tmp_path / "policy")


def test_a_resumption_refuses_other_source(tmp_path: Path, named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, named.rpartition(":")[0])
    constant = ("--checkpoint-every", 1, "--set", "ppo.lr_schedule=constant", "--set", "ppo.entropy_schedule=constant")
    assert train(tmp_path / "policy", named, "--cycles", 1, *constant).exit_code == 0
    longer = train(tmp_path / "policy", named, "--cycles", 2, "--resume", *constant)
    assert longer.exit_code == 0, longer.exception
    file = Path(named.rpartition(":")[0])
    file.write_text(file.read_text() + "# changed\n")
    refused = train(tmp_path / "policy", named, "--cycles", 3, "--resume", *constant)
    assert "code.module_sha256" in str(refused.exception)


def test_first_weights_are_a_function_of_the_seed_alone() -> None:
    def drawing(features: int, config: NetworkConfig) -> nn.Module:
        linear = nn.Linear(features, config.hidden[0])
        linear.bias.data.fill_(float(np.random.random()))
        return linear

    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    one, other = network(drawing, hidden=(9,)), network(drawing, hidden=(9,), recurrent="gru", recurrent_units=4)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == np.random.get_state()[1].tolist()
    assert torch.equal(one.trunk.weight, other.trunk.weight) and one.trunk.weight.shape == (9, 5)
    assert other.memory.weight_ih.shape == (12, 9) and other.policy_head.weight.shape == (3, 13)
    assert not torch.equal(one.trunk.weight, ActorCritic(5, 3, one.config, seed=8).trunk.weight)


def _raising(features: int) -> nn.Module:
    raise RuntimeError("no weights here")


class _Frozen(nn.Linear):
    def __init__(self, features: int) -> None:
        super().__init__(features, 4)
        self.bias.requires_grad_(False)


class _Unused(nn.Linear):
    def __init__(self, features: int) -> None:
        super().__init__(features, 4)
        self.spare = nn.Linear(2, 2)


class _Flat(nn.Linear):
    def __init__(self, features: int) -> None:
        super().__init__(features, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs).squeeze(1)


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        (lambda features: "no module", "a str, expected a torch.nn.Module"),
        (_raising, "RuntimeError: no weights here in test_own_network.py, line"),
        (lambda features: nn.Linear(features + 1, 4), "RuntimeError: mat1 and mat2"),
        (lambda features: nn.Linear(features, 4).double(), "float64.*weights of float32"),
        (lambda features: nn.Sequential(nn.Linear(features, 4), nn.Dropout(0.5)), "no dropout"),
        (lambda features: nn.Sequential(nn.Linear(features, 4), nn.BatchNorm1d(4)), "no batch normalisation"),
        (_Frozen, "bias, which gets no gradient"),
        (_Unused, "spare.weight, which gets no gradient"),
        (_Flat, r"float32 \[48\], expected float32 \[48, K\]"),
    ],
)
def test_a_module_that_ppo_cannot_use_is_refused(factory: Callable[..., Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        network(factory)


def test_first_weights_that_no_seed_decides_are_refused() -> None:
    generator = torch.Generator().manual_seed(0)

    def drifting(features: int) -> nn.Module:
        linear = nn.Linear(features, 4)
        linear.bias.data.fill_(float(torch.rand((), generator=generator)))
        return linear

    with pytest.raises(InputError, match="other first weights in a second making"):
        network(drifting)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no_such_module_here:make", "a module no_such_module_here, which is not found"),
        ("json:no_such_factory", "a no_such_factory in json"),
        ("json:__name__", "a str, expected a function"),
        ("none.py:make", "a file none.py"),
    ],
)
def test_a_name_of_nothing_is_refused(name: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, name)
    with pytest.raises(InputError, match=words):
        network_registry.network_factory(name)


def test_only_functions_are_registered() -> None:
    with pytest.raises(InputError, match="words without commas"):
        townlet.register_network("a,b", nn.Linear)
    with pytest.raises(InputError, match="a function or class"):
        townlet.register_network("mine", "nn.Linear")
