"""The nightly soak of a scenario."""

from dagster import AssetExecutionContext, Config, MaterializeResult
from pydantic import Field

from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version
from townlet_pipeline.column.train import training_failures
from townlet_pipeline.instance.pools import TRAINING
from townlet_pipeline.soak.materialize import finished_soak, soak_options, soak_or_resume
from townlet_pipeline.soak.partitions import nights
from townlet_pipeline.soak.progress import LiveSoak


class SoakConfig(Config):
    """Length of a soak, and whether the network learns."""

    cycles: int = Field(default=300, description="Cycles of replay and rollout, each under a fresh seed.")
    hours: float | None = Field(default=None, description="Hours after which no cycle begins; empty: no such bound.")
    learning: bool = Field(default=True, description="Whether the network learns; if not, it is only measured.")


@townlet_asset(
    "soak",
    "jsonl",
    "pytorch",
    "numba",
    deps=["promoted_baseline", "pinned_capture"],
    partitions=nights,
    pool=TRAINING,
    code_version=code_version(__file__),
)
def soak_run(context: AssetExecutionContext, config: SoakConfig, store: StoreResource) -> MaterializeResult[None]:
    """Replay and rollout in turn with one network, many times, and each time the promoted baseline's behaviour.

    A killed run resumes where it stopped; with other options or other code, it begins anew. Its data version is the
    SHA-256 of `soak.json`, which names the hashes of the cycles' rows and of the telemetry without its clock fields.
    """
    from townlet.soak.run import run_soak

    options = soak_options(context, store, **config.model_dump())
    with training_failures():
        live = LiveSoak(context)
        result, soak = soak_or_resume(context, options, lambda resume: run_soak(options, resume=resume, progress=live))
        return finished_soak(context, store, options, result, soak)
