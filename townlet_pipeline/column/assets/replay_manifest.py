"""The replay manifest: the record that a capture was verified, with what a trainer needs to know about it."""

from dagster import AssetExecutionContext, DataVersion, MaterializeResult, MetadataValue

from townlet_pipeline.artefacts import files, metadata
from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version


@townlet_asset(
    "rollouts",
    "json",
    deps=["rollout_capture"],
    code_version=code_version(__file__),
)
def replay_manifest(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
    """The record that every file of the capture was verified: its hash and size, who acted, and how to learn from it.

    Training accepts only a capture whose manifest still has the hash recorded here. The data version is the SHA-256 of
    this file, which contains no path and no time.
    """
    from townlet.stages.verified_capture import write_verification

    name = context.partition_key
    manifest, place = files.manifest(store, name), files.verification(store, name)
    replay, version = write_verification(manifest, place)
    return MaterializeResult(
        data_version=DataVersion(version),
        metadata={
            "headline": f"{replay['files']} files verified, {replay['agent_steps']:,} agent-steps to learn by "
            f"{replay['method']}",
            "agent_steps": replay["agent_steps"],
            "files": replay["files"],
            "bytes": replay["bytes"],
            "method": replay["method"],
            "replay": MetadataValue.json(replay),
            **metadata.made_from(rollout_capture=replay["manifest_sha256"]),
            "path": MetadataValue.path(str(place)),
            "manifest": MetadataValue.path(str(manifest)),
            "command": metadata.command("verify", manifest, options={"output": place}),
        },
    )
