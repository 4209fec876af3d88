"""Cost of the drift detector: what makes a verdict cheap changes no figure in it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from townlet.statistics import change
from townlet.statistics.change import change_point, midranks

FEW_VALUES = st.sampled_from([-np.inf, -1.5, -0.0, 0.0, 1e-300, 2.0, np.inf])


@given(st.lists(st.one_of(FEW_VALUES, st.floats(allow_nan=False)), min_size=1, max_size=60))
def test_midranks_are_those_of_scipy(values: list[float]) -> None:
    assert np.array_equal(midranks(np.array(values)), rankdata(values))


def test_the_number_of_orders_in_memory_at_once_changes_no_probability(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    values = random.poisson(2.0, 40).astype(float) + np.where(np.arange(40) >= 25, 1.3, 0.0)
    found = set()
    for together in (7, 200, 10_000):
        monkeypatch.setattr(change, "_TOGETHER", together)
        change._tied_share.cache_clear()
        found.add(change_point(values).p)
    (p,) = found
    assert 1e-5 < p < 0.05, "a probability that many orders decide"


def test_a_verdict_does_not_load_the_module_that_takes_longer_than_it() -> None:
    night = "{name: np.arange(40.0) for name in ('m', 'reference_m')}"
    code = (
        "import sys; import numpy as np; from townlet.soak.drift_detection import detect_drift; "
        f"found = detect_drift({night}, {{'m': np.arange(30.0)}}, learning=False); "
        "assert found.tests > 4; print('scipy.stats' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
