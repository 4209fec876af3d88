"""The drill `queue_conflict` with a scenario's default observations, whatever its file says."""

from __future__ import annotations

from pathlib import Path

from townlet.config.dump import scenario_yaml
from townlet.config.find import scenario_of
from townlet.config.rules import ObservationConfig


def plain_drill(folder: Path) -> Path:
    """Write the drill into a folder and return its file."""
    scenario = scenario_of("queue_conflict").model_copy(update={"observations": ObservationConfig()})
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "queue_conflict.yaml"
    file.write_text(scenario_yaml(scenario), encoding="utf-8")
    return file
