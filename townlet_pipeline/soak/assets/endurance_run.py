"""A weekend's endurance run of a scenario."""

from dagster import AssetExecutionContext, Config, MaterializeResult
from pydantic import Field

from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version
from townlet_pipeline.column.train import training_failures
from townlet_pipeline.instance.pools import TRAINING
from townlet_pipeline.soak.materialize import finished_soak, soak_options, soak_or_resume
from townlet_pipeline.soak.partitions import weekends
from townlet_pipeline.soak.progress import LiveSoak


class EnduranceConfig(Config):
    """Length of a run, and how often a fresh process takes over."""

    hours: float = Field(default=2.0, description="Hours of work after which no cycle begins.")
    cycles: int | None = Field(default=None, description="The most cycles; empty: as many as there is time for.")
    restart_every: int = Field(default=2000, description="Cycles after which a fresh process takes over.")
    learning: bool = Field(default=True, description="Whether the network learns; if not, it is only measured.")


@townlet_asset(
    "soak",
    "jsonl",
    "pytorch",
    "numba",
    deps=["promoted_baseline", "pinned_capture"],
    partitions=weekends,
    pool=TRAINING,
    code_version=code_version(__file__),
)
def endurance_run(
    context: AssetExecutionContext, config: EnduranceConfig, store: StoreResource
) -> MaterializeResult[None]:
    """A soak of many hours in a series of fresh processes, to find leaks and slowdowns.

    A killed run resumes where it stopped; with other options or other code, it begins anew. Hours are the working time
    of all its processes. Its data version is the SHA-256 of `soak.json`.
    """
    from townlet.soak.endurance import endure

    asked = config.model_dump(exclude={"restart_every"})
    options = soak_options(context, store, **asked)
    with training_failures():
        live, every = LiveSoak(context), config.restart_every
        result, soak = soak_or_resume(
            context, options, lambda resume: endure(options, restart_every=every, resume=resume, after_cycle=live)
        )
        return finished_soak(context, store, options, result, soak, restart_every=config.restart_every)
