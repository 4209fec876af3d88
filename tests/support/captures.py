"""Captures for tests to make, damage and compare."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from support.places import SCENARIOS
from townlet.capture import Manifest, capture_rollout, read_events

QUEUE = SCENARIOS / "queue_conflict.yaml"


def queue_scenario(folder: Path, **replaced: str) -> Path:
    """Write a copy of ``queue_conflict`` with lines replaced by key, and lines of ``extra`` appended."""
    content = QUEUE.read_text() + replaced.pop("extra", "")
    for key, line in replaced.items():
        (old,) = [found for found in content.splitlines() if found.startswith(f"{key}:")]
        content = content.replace(f"\n{old}\n", f"\n{line}\n")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "queue_conflict.yaml").write_text(content)
    return folder / "queue_conflict.yaml"


def capture(folder: Path, **options: object) -> Path:
    """Capture ``queue_conflict``; return the path of the manifest."""
    return Path(capture_rollout(QUEUE, folder, **options).manifest_path)  # type: ignore[arg-type]


def steps(folder: Path, manifest: Manifest) -> pa.Table:
    """All agent-steps of a capture."""
    return pa.concat_tables(pq.read_table(folder / shard.file) for shard in manifest.shards).unify_dictionaries()


def rows_of(table: pa.Table) -> list[dict[str, object]]:
    """The rows, without NaN, so that they can be compared."""
    return [dict(row) for row in table.to_pylist()]


def files_in(folder: Path) -> dict[str, bytes]:
    """The content of each visible file."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if not path.name.startswith(".")}


def events(manifest_path: Path) -> list[dict[str, object]]:
    return rows_of(read_events(manifest_path))
