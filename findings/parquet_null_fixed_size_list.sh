#!/usr/bin/env bash
# Guess:     a Parquet file with a null in a column of fixed-size lists, written by one pyarrow, can be read by another.
# Versions:  pyarrow 26.0.1 writes, pyarrow 17.0.0 reads.
# Behaviour: 26.0.1 reads its own file; 17.0.0 refuses the whole column. Both read a column of variable-size lists.
# Seen:      17.0.0: fixed: ArrowInvalid: Expected all lists to be of size=3 but index 2 had size=0
#            17.0.0: variable: [[1.0, 2.0, 3.0], None]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for version in 17.0.0 26.0.1; do
    python3.11 -m venv "$version"
    "$version/bin/pip" install --quiet --disable-pip-version-check "pyarrow==$version" "numpy==2.1.3" 2>/dev/null
done
cat > write.py <<'PY'
import pyarrow as pa
import pyarrow.parquet as pq

values = [[1.0, 2.0, 3.0], None]
pq.write_table(pa.table({"fixed": pa.array(values, pa.list_(pa.float32(), 3))}), "fixed.parquet")
pq.write_table(pa.table({"variable": pa.array(values, pa.list_(pa.float32()))}), "variable.parquet")
PY
cat > read.py <<'PY'
import pyarrow as pa
import pyarrow.parquet as pq

for name in ("fixed", "variable"):
    try:
        result = pq.read_table(f"{name}.parquet").column(name).to_pylist()
    except pa.ArrowInvalid as error:
        result = f"ArrowInvalid: {error}"
    print(f"{pa.__version__}: {name}: {result}")
PY
26.0.1/bin/python write.py
{ 26.0.1/bin/python read.py; 17.0.0/bin/python read.py; } | tee seen
grep -qF '26.0.1: fixed: [[1.0, 2.0, 3.0], None]' seen
grep -q '^17.0.0: fixed: ArrowInvalid: Expected all lists to be of size=3' seen
grep -qF '17.0.0: variable: [[1.0, 2.0, 3.0], None]' seen
