"""Columns of a capture as NumPy arrays: as Arrow itself converts them, without loading pandas."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.places import ROOT

from townlet.capture.columns import numbers_of, numbers_or_nan, whole_column

NUMBERS = st.floats(width=32, allow_nan=False)


def chunked(values: list[object], kind: pa.DataType, cut: int) -> pa.ChunkedArray:
    """The values in two pieces, the second of which does not begin at the start of its memory."""
    whole = pa.array(values, kind)
    return pa.chunked_array([whole[:cut], whole[cut:]], kind)


@given(st.lists(NUMBERS, max_size=20), st.integers(0, 20))
def test_numbers_are_those_that_arrow_converts(values: list[object], cut: int) -> None:
    column = chunked(values, pa.float32(), cut)
    found = numbers_of(column)
    assert found.dtype == np.float32 and np.array_equal(found, column.to_numpy())
    assert np.array_equal(numbers_of(column.combine_chunks()), found)


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 40))
def test_truth_values_are_those_that_arrow_converts(values: list[object], cut: int) -> None:
    column = chunked(values, pa.bool_(), cut)
    found = numbers_of(column)
    assert found.dtype == np.bool_ and found.tolist() == values


@given(st.lists(st.one_of(st.none(), NUMBERS), max_size=20), st.integers(0, 20))
def test_nulls_become_nan_where_they_may_and_are_refused_where_not(values: list[object], cut: int) -> None:
    column = chunked(values, pa.float32(), cut)
    expected = np.array([np.nan if value is None else value for value in values], np.float32)
    assert np.array_equal(numbers_or_nan(column), expected, equal_nan=True)
    if None in values:
        with pytest.raises(ValueError, match="nulls, expected none"):
            numbers_of(whole_column(column))


def test_reading_a_capture_does_not_load_pandas() -> None:
    manifest = ROOT / "artifacts" / "phase4" / "queue_conflict" / "rollout_sample_manifest.json"
    reading = f"from townlet.capture import read_capture; read_capture({str(manifest)!r})"
    code = f"import sys; {reading}; print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
