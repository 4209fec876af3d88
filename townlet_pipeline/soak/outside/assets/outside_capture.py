"""The capture of a policy made elsewhere."""

from dagster import AssetExecutionContext, DataVersion, MaterializeResult, MetadataValue

from townlet_pipeline.artefacts import drawings, files, metadata
from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.partitions import outside_policies
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version
from townlet_pipeline.instance.pools import SIMULATION
from townlet_pipeline.soak.outside.checked import checked_policy


@townlet_asset(
    "outside",
    "parquet",
    deps=["outside_policy"],
    partitions=outside_policies,
    pool=SIMULATION,
    code_version=code_version(__file__),
)
def outside_capture(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
    """One recorded episode per world of the policy's scenario, as `rollout_capture` has it of the scenario's schedule.

    Its data version is the SHA-256 of the manifest, which names the policy's origin and the hash of every other file.
    """
    from townlet.capture import capture_rollout
    from townlet.metrics import METRICS, REWARD

    checked = checked_policy(context, store, context.partition_key)
    output = files.main_file(store, checked.policy.name, "outside_capture").parent
    result = capture_rollout(checked.scenario, output, **checked.policy.acting)  # type: ignore[arg-type]
    reward = float(result.metrics["baseline"][REWARD])
    return MaterializeResult(
        data_version=DataVersion(result.manifest_sha256),
        metadata={
            "headline": f"{result.manifest.rows:,} agent-steps, {METRICS[REWARD].label} {reward:.3f}",
            "plots": drawings.capture_plots(result.manifest_path),
            "people": drawings.people_table(result.metrics),
            "agent_steps": result.manifest.rows,
            REWARD: reward,
            **checked.read(store),
            "path": MetadataValue.path(str(result.manifest_path)),
            "command": metadata.command(
                "capture", checked.scenario, options={"output": output, **checked.policy.acting}
            ),
        },
    )
