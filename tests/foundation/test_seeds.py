"""Seeds of any size: small ones are kept, large ones are always folded into the same number for compiled rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from townlet.capture import capture_rollout
from townlet.cli import main
from townlet.config.find import scenarios_folder
from townlet.errors import InputError
from townlet.seeds import fold_seed


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 + 5, 2**63 - 1, np.int64(7), np.uint64(2**63 - 1)])
def test_a_seed_that_fits_is_kept(seed: Any) -> None:
    assert fold_seed(seed) == int(seed)
    assert type(fold_seed(seed)) is int


def test_larger_seeds_are_folded_into_range_always_alike() -> None:
    large = [2**63, 2**63 + 1, 2**64 - 1, 2**64, 2**64 + 7, 10**40, 10**5000]
    folded = [fold_seed(seed) for seed in large]

    assert folded == [fold_seed(seed) for seed in large]
    assert all(0 <= seed < 2**63 for seed in folded)
    assert len(set(folded)) == len(large)
    assert fold_seed(np.uint64(2**63)) == folded[0]
    # Recordings must stay reproducible from their seeds, so folding must never change.
    assert folded[:2] == [7615710049341846149, 5571293818624036155]


@pytest.mark.parametrize("seed", [-1, -(2**70), 1.5, 1.0, "7", None, np.float64(3), float("nan")])
def test_anything_that_is_not_a_seed_is_refused(seed: Any) -> None:
    with pytest.raises(InputError, match=r"seed: found .*, expected a whole number from 0 on"):
        fold_seed(seed)


@pytest.mark.parametrize("seed", [2**31, 2**63, 10**400])
def test_a_capture_and_a_training_under_a_large_seed_record_it_as_given(seed: int, tmp_path: Path) -> None:
    file, capture, policy = scenarios_folder() / "queue_conflict.yaml", tmp_path / "capture", tmp_path / "policy"
    manifest = capture_rollout(file, capture, seed=seed, behavior="random").manifest_path
    assert json.loads(manifest.read_text())["seed"] == seed
    assert main(["verify", str(manifest), "--output", str(tmp_path / "verified.json")]) == 0

    few = ["--worlds", "2", "--cycles", "1", "--epochs", "1", "--rollout-ticks", "5"]
    assert main(["train", str(file), "--output", str(policy), "--seed", str(seed), *few]) == 0
    assert json.loads((policy / "policy.json").read_text())["provenance"]["seed"] == seed
    assert main(["evaluate", str(policy), "--scenario", str(file), "--worlds", "2", "--seed", str(seed + 1)]) == 0
    assert main(["evaluate", str(policy), "--scenario", str(file), "--worlds", "2", "--seed", "-1"]) == 2
