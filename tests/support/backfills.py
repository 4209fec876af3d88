"""Backfills, launched as the UI does, of many small scenarios."""

from __future__ import annotations

from pathlib import Path

from support.services import wait_until
from support.web_server import WebServer
from townlet.config.find import scenarios_folder

#: The assets that a backfill makes of each scenario.
ASSETS = ["scenario", "rollout_capture", "replay_manifest"]

_TEMPLATE = "observation_baseline"
_LAUNCH = """
mutation($parameters: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $parameters) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
_STATUS = """
query($backfill: String!) {
  partitionBackfillOrError(backfillId: $backfill) { ... on PartitionBackfill { status } }
}
"""


def add_towns(folder: Path, count: int) -> list[str]:
    """Write small scenarios into the scenario folder of a project, and return their names."""
    content = (scenarios_folder() / f"{_TEMPLATE}.yaml").read_text()
    assert content.count(f"name: {_TEMPLATE}\n") == 1
    names = [f"town_{number:03d}" for number in range(count)]
    for name in names:
        (folder / f"{name}.yaml").write_text(content.replace(f"name: {_TEMPLATE}\n", f"name: {name}\n"))
    return names


def backfill(server: WebServer, names: list[str]) -> str:
    """Launch a backfill as the assets' page does, wait for its end, and return its ID."""
    parameters = {"assetSelection": [{"path": [asset]} for asset in ASSETS], "partitionNames": names}
    answer = server.ask(_LAUNCH, parameters=parameters)["launchPartitionBackfill"]
    assert answer["__typename"] == "LaunchBackfillSuccess", answer
    launched: str = answer["backfillId"]

    def is_over() -> bool:
        found = server.ask(_STATUS, backfill=launched)["partitionBackfillOrError"]["status"]
        assert found in ("REQUESTED", "COMPLETED_SUCCESS", "COMPLETED"), found
        return bool(found != "REQUESTED")

    wait_until(is_over, "the backfill", 300.0 + 60.0 * len(names))
    return launched
