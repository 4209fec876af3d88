#!/usr/bin/env bash
# Guess:     reading a Parquet file, turning a column into a NumPy array, or a list into an Arrow array needs no pandas; only
#            to_pandas() loads it.
# Versions:  pyarrow 26.0.1, pandas 3.0.0, NumPy 2.4.6.
# Behaviour: where pandas is installed, read_table(), to_numpy() and pyarrow.array(list) import it: a process that only reads
#            Parquet into NumPy pays for pandas in start-up time and memory. ParquetFile.read() and the buffers of its
#            columns give the same numbers without it.
# Seen:      ParquetFile.read and the buffer: [1.0, 2.0, 3.0] False
#            to_numpy: [1.0, 2.0, 3.0] True
#            read_table: True
#            pyarrow.array of a list: True
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3.11 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1 pandas==3.0.0 numpy==2.4.6 2>/dev/null
cat > write.py <<'PY'
import pyarrow
import pyarrow.parquet

pyarrow.parquet.write_table(pyarrow.table({"reward": pyarrow.array([1.0, 2.0, 3.0])}), "steps.parquet")
PY
cat > read.py <<'PY'
import sys

import numpy
import pyarrow.parquet

column = pyarrow.parquet.ParquetFile("steps.parquet").read()["reward"].chunk(0)
numbers = numpy.frombuffer(column.buffers()[1], numpy.float64)
print("ParquetFile.read and the buffer:", numbers.tolist(), "pandas" in sys.modules)
print("to_numpy:", column.to_numpy().tolist(), "pandas" in sys.modules)
PY
cat > table.py <<'PY'
import sys

import pyarrow.parquet

pyarrow.parquet.read_table("steps.parquet")
print("read_table:", "pandas" in sys.modules)
PY
cat > make.py <<'PY'
import sys

import pyarrow

pyarrow.array([1.0, 2.0])
print("pyarrow.array of a list:", "pandas" in sys.modules)
PY
venv/bin/python write.py
found=$(for each in read table make; do venv/bin/python "$each.py"; done)
echo "$found"
expected='ParquetFile.read and the buffer: [1.0, 2.0, 3.0] False
to_numpy: [1.0, 2.0, 3.0] True
read_table: True
pyarrow.array of a list: True'
[ "$found" = "$expected" ] || { echo "it behaves otherwise now"; exit 1; }
