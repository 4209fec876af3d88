"""The rollout capture: what everyone in the town saw, did and got."""

from dagster import AssetExecutionContext, DataVersion, MaterializeResult, MetadataValue

from townlet_pipeline.artefacts import drawings, files, metadata, policies
from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version
from townlet_pipeline.instance.pools import SIMULATION
from townlet_pipeline.resources import SimulatorResource


@townlet_asset(
    "rollouts",
    "parquet",
    "numba",
    deps=["scenario"],
    code_version=code_version(__file__),
    pool=SIMULATION,
)
def rollout_capture(
    context: AssetExecutionContext, store: StoreResource, simulator: SimulatorResource
) -> MaterializeResult[None]:
    """One recorded episode per world: Parquet tables of agent-steps and events, metrics, and a manifest of hashes.

    Its data version is the SHA-256 of the manifest, which names the hash of every other file.
    """
    from townlet.capture import capture_rollout
    from townlet.capture.completed_uses import USES_KEY
    from townlet.capture.sample_metrics import INTENSITY_KEY
    from townlet.config import load_scenario
    from townlet.config.settings import set_words
    from townlet.metrics import CONFLICT_INTENSITY, METRICS, REWARD

    name = context.partition_key
    policies.require_shipped(simulator.policy)
    source, output = files.scenario_copy(store, name), files.manifest(store, name).parent
    loaded = load_scenario(source)
    options, settings = simulator.options_beside(loaded), simulator.configured(loaded).settings
    result = capture_rollout(source, output, **options, settings=settings)
    total, manifest = result.metrics["total"], result.manifest
    reward = float(result.metrics["baseline"][REWARD])
    intensity = float(total[INTENSITY_KEY])
    return MaterializeResult(
        data_version=DataVersion(result.manifest_sha256),
        metadata={
            "headline": f"{manifest.rows:,} agent-steps, {METRICS[REWARD].label} {reward:.3f}, "
            f"{METRICS[CONFLICT_INTENSITY].label} {intensity:.1f}",
            "plots": drawings.capture_plots(result.manifest_path),
            "people": drawings.people_table(result.metrics),
            "agent_steps": manifest.rows,
            REWARD: reward,
            "queue_conflict_events": int(total["queue_conflict_events"]),
            CONFLICT_INTENSITY: intensity,
            "conflicts": metadata.recorded_conflicts(result.manifest_path, files.playback_page(store, name)),
            **({USES_KEY: MetadataValue.json(result.metrics[USES_KEY])} if USES_KEY in result.metrics else {}),
            "clipped_reward_share": float(total["clipped_reward_share"]),
            "behavior": manifest.behavior.name,
            "inactive_counters": MetadataValue.json(manifest.inactive_counters),
            **metadata.made_from(scenario=loaded.digest),
            **policies.read(simulator.policy),
            "path": MetadataValue.path(str(result.manifest_path)),
            "command": metadata.command("capture", source, *set_words(settings), options={"output": output, **options}),
        },
    )
