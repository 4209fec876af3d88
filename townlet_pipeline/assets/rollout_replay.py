"""The page on which the rollout capture can be watched, with a link to the tick of every bad conflict."""

from pathlib import Path
from typing import TYPE_CHECKING

from dagster import AssetExecutionContext, DataVersion, MaterializeResult, MetadataValue

import townlet
from townlet_pipeline import files, metadata
from townlet_pipeline.common import SIMULATION, stage
from townlet_pipeline.failures import readable_failures
from townlet_pipeline.resources import StoreResource
from townlet_pipeline.versions import code_version

if TYPE_CHECKING:
    from townlet.view.replay import ConflictLink

#: Conflicts that are listed, and worlds that the page holds at most.
_LISTED, _WORLDS = 20, 4

_MEANINGS = {
    "tick": "when",
    "world": "in which world",
    "who": "who caused it",
    "kind": "what it was",
    "against": "who suffered it",
    "where": "at which object",
    "intensity": "how bad it was",
    "link": "the page at that tick",
}


@stage(
    "rollouts",
    "html",
    "numba",
    deps=["rollout_capture", "scenario"],
    pool=SIMULATION,
    code_version=code_version(
        __file__, files=sorted((Path(townlet.__file__).parent / "view" / "replay" / "page").iterdir())
    ),
)
def rollout_replay(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
    """A self-contained page that plays the capture: map, queues, conflicts and grudges, tick by tick.

    It holds the worlds of the worst conflicts, four at most. They are simulated again from the recorded actions and
    must agree with the recording to the bit. Its data version is the SHA-256 of the page.
    """
    from townlet.config import load_scenario
    from townlet.stages.replay import manifest_sha256
    from townlet.storage import write_atomically
    from townlet.view.replay import conflict_links, film_of, replay_html, worlds_to_watch

    name = context.partition_key
    source, manifest, page = files.snapshot(store, name), files.manifest(store, name), files.replay_page(store, name)
    with readable_failures():
        scenario, links = load_scenario(source), conflict_links(manifest)
        worlds = worlds_to_watch(links, _WORLDS)
        version = write_atomically(
            page, replay_html([[film_of(manifest, world, scenario=scenario) for world in worlds]])
        )
        captured = manifest_sha256(manifest)
    rows = [_row(link, page) for link in links if link.world in worlds][:_LISTED]
    worst = f"; the worst: {rows[0]['kind']} by {rows[0]['who']} in tick {rows[0]['tick']}" if rows else ""
    return MaterializeResult(
        data_version=DataVersion(version),
        metadata={
            "headline": f"{len(links)} conflicts in all worlds{worst}",
            "conflicts": metadata.table(rows, _MEANINGS),
            "conflict_events": len(links),
            "conflict_intensity_worst": max((link.intensity for link in links), default=0.0),
            "worlds": MetadataValue.json(worlds),
            "bytes": page.stat().st_size,
            **metadata.made_from(rollout_capture=captured, scenario=scenario.digest),
            "path": MetadataValue.path(str(page)),
            "page": MetadataValue.url(page.absolute().as_uri()),
            "command": metadata.command(
                "replay",
                manifest,
                *(word for world in worlds for word in ("--world", str(world))),
                options={"scenario": source, "output": page},
            ),
        },
    )


def _row(link: "ConflictLink", page: Path) -> dict[str, str | float]:
    return {
        "tick": link.tick,
        "world": link.world,
        "who": link.who,
        "kind": link.kind,
        "against": link.against,
        "where": link.where,
        "intensity": link.intensity,
        "link": page.absolute().as_uri() + link.fragment,
    }
