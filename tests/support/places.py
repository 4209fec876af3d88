"""Places in the project that tests read from."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
SCENARIOS = ROOT / "configs" / "scenarios"
QUEUE_CONFLICT = SCENARIOS / "queue_conflict.yaml"
