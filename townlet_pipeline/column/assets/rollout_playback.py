"""The page that plays the rollout capture, with a link to the tick of each of the worst conflicts."""

from pathlib import Path

from dagster import AssetExecutionContext, DataVersion, MaterializeResult, MetadataValue

import townlet
from townlet_pipeline.artefacts import files, metadata
from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version
from townlet_pipeline.instance.pools import SIMULATION

#: The most conflicts that are listed, and the most worlds on the page.
_LISTED, _WORLDS = 20, 4


@townlet_asset(
    "rollouts",
    "html",
    "numba",
    deps=["rollout_capture", "scenario"],
    pool=SIMULATION,
    code_version=code_version(
        __file__, files=sorted((Path(townlet.__file__).parent / "view" / "playback" / "web").iterdir())
    ),
)
def rollout_playback(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
    """A self-contained page that plays the capture: map, queues, conflicts and grudges, tick by tick.

    It contains the worlds of the worst conflicts, four at most. They are simulated again from the recorded actions and
    must agree with the recording to the bit. Its data version is the SHA-256 of the page.
    """
    from townlet.config import load_scenario
    from townlet.files.storage import write_atomically
    from townlet.stages.verified_capture import manifest_sha256
    from townlet.view.playback import conflict_links, playback_html, resimulate, worlds_with_worst_conflicts

    name = context.partition_key
    source, manifest, page = (
        files.scenario_copy(store, name),
        files.manifest(store, name),
        files.playback_page(store, name),
    )
    scenario, links = load_scenario(source), conflict_links(manifest)
    worlds = worlds_with_worst_conflicts(links, _WORLDS)
    version = write_atomically(
        page, playback_html([[resimulate(manifest, world, scenario=scenario) for world in worlds]])
    )
    captured = manifest_sha256(manifest)
    listed = [link for link in links if link.world in worlds][:_LISTED]
    worst = f"; the worst: {listed[0].kind} by {listed[0].who} in tick {listed[0].tick}" if listed else ""
    return MaterializeResult(
        data_version=DataVersion(version),
        metadata={
            "headline": f"{len(links)} conflicts in all worlds{worst}",
            "conflicts": metadata.conflicts(listed, page),
            "queue_conflict_events": len(links),
            "conflict_intensity_worst": max((link.intensity for link in links), default=0.0),
            "worlds": MetadataValue.json(worlds),
            "bytes": page.stat().st_size,
            **metadata.made_from(rollout_capture=captured, scenario=scenario.digest),
            "path": MetadataValue.path(str(page)),
            "page": metadata.page(page),
            "command": metadata.command(
                "playback",
                manifest,
                *(word for world in worlds for word in ("--world", str(world))),
                options={"scenario": source, "output": page},
            ),
        },
    )
