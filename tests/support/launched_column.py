"""A column that is launched from the web server, in a project with little to do, and queries about its assets."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from support.pipeline_runs import SCENARIO, SMALL
from support.places import ROOT
from support.web_server import WebServer
from townlet.baselines import BASELINES_FOLDER, promote
from townlet.baselines.build import build_baseline
from townlet.config import load_scenario

ASSET = """
query($asset: AssetKeyInput!, $partition: String!) {
  assetOrError(assetKey: $asset) { ... on Asset {
    assetMaterializations(limit: 1, partitions: [$partition]) {
      runId
      tags { key value }
      metadataEntries {
        label
        ... on TextMetadataEntry { text }
        ... on MarkdownMetadataEntry { mdStr }
        ... on JsonMetadataEntry { jsonString }
      }
    }
  } }
  assetNodeOrError(assetKey: $asset) { ... on AssetNode {
    dependencyKeys { path }
    dataVersionByPartition(partitions: [$partition])
    staleStatusByPartition(partitions: [$partition])
    assetChecksOrError { ... on AssetChecks { checks { name blocking } } }
  } }
}
"""
PARTITIONS = (
    "query($asset: AssetKeyInput!) { assetNodeOrError(assetKey: $asset) { ... on AssetNode { partitionKeys } } }"
)


def make_project(root: Path) -> None:
    """Create a project with a tiny scenario that has a promoted baseline, and one in which people conflict."""
    folder = root / "configs" / "scenarios"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "configs" / "scenarios" / "queue_conflict.yaml", folder)
    tiny = folder / f"{SCENARIO}.yaml"
    content, amounts = (ROOT / "configs" / "scenarios" / tiny.name).read_text(), "  rollout_ticks: 20\n"
    assert content.count(amounts) == 1
    tiny.write_text(content.replace(amounts, f"{amounts}  worlds: 2\n  epochs: 1\n  network: {{hidden: [16]}}\n"))
    baseline = build_baseline(tiny, root / "baseline", worlds=2).path
    promote(baseline, load_scenario(tiny), reason="a test", by="ada", folder=root / BASELINES_FOLDER)


def has_partition(server: WebServer) -> bool:
    """Return whether the sensor has made a partition of the tiny scenario's file."""
    node = server.ask(PARTITIONS, asset={"path": ["rollout_capture"]})["assetNodeOrError"]
    return SCENARIO in node["partitionKeys"]


class LaunchedColumn:
    """A column that was launched from the web server and has ended."""

    def __init__(self, server: WebServer, store: Path) -> None:
        self.server, self.store = server, store
        config = {"resources": {"trainer": {"config": SMALL}, "store": {"config": {"root": str(store)}}}}
        self.id = server.launch("train_scenario", SCENARIO, config)
        self.status = server.finish(self.id)

    def asset(self, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the last materialization of an asset, and its node in the graph."""
        answer = self.server.ask(ASSET, asset={"path": [name]}, partition=SCENARIO)
        return answer["assetOrError"]["assetMaterializations"][0], answer["assetNodeOrError"]

    def metadata(self, name: str) -> dict[str, dict[str, Any]]:
        """Return the metadata of an asset's last materialization, by label."""
        return {entry["label"]: entry for entry in self.asset(name)[0]["metadataEntries"]}
