"""Checks of policies made elsewhere: gates, and advisories about their determinism, their reward and their soaks."""

from dagster import AssetChecksDefinition

from townlet_pipeline.artefacts import files
from townlet_pipeline.artefacts.check import Finding, advisory, gate
from townlet_pipeline.artefacts.partitions import outside_policies
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.column.advisories import against_chance
from townlet_pipeline.column.gates import lineage_intact
from townlet_pipeline.soak.advisories import accepted
from townlet_pipeline.soak.gates import whole
from townlet_pipeline.soak.outside.partitions import policy_nights


@gate("outside_capture", "capture_integrity", outside_policies)
def outside_capture_integrity(store: StoreResource, policy: str) -> Finding:
    """Every file of the capture has the bytes, hash, schema and rows that the manifest says."""
    from townlet.capture import verify_capture

    manifest = verify_capture(files.main_file(store, policy, "outside_capture"))
    count = len(manifest.shards) + 2
    return Finding(True, f"{count} files are as the manifest says", {"files": count, "rows": manifest.rows})


@gate("outside_soak", "soak_is_whole", policy_nights)
def outside_soak_is_whole(store: StoreResource, key: str) -> Finding:
    """The soak is finished, every file has the hash on record, and no cycle is missing or doubled."""
    return whole(store, key, "outside_soak")


@advisory("outside_policy", partitions=outside_policies)
def policy_repeats(store: StoreResource, policy: str) -> Finding:
    """The policy did the same again under the same seed. If not, nothing that it does can be made again."""
    from townlet.files.storage import read_json

    checked = read_json(files.main_file(store, policy, "outside_policy"), "a checked policy")
    repeats = bool(checked["episode"]["repeats"])
    sentence = "the same actions again" if repeats else "other actions under the same seed: seed its generator"
    return Finding(repeats, sentence, {"agent_steps": checked["episode"]["agent_steps"]}, warns=True)


@advisory("outside_evaluation", "no_worse_than_chance", outside_policies)
def outside_no_worse_than_chance(store: StoreResource, policy: str) -> Finding:
    """The policy's reward is not below that of random actions in the same worlds."""
    return against_chance(files.main_file(store, policy, "outside_evaluation"))


@advisory("outside_report", "night_is_accepted", policy_nights)
def outside_night_is_accepted(store: StoreResource, key: str) -> Finding:
    """The night's verdict is *accept*. *Hold* is a warning, *reject* an error; the description says what to do."""
    return accepted(store, key, "outside_report")


def _lineage(asset: str) -> AssetChecksDefinition:
    return lineage_intact(asset, outside_policies)


ALL = [
    *map(_lineage, ("outside_policy", "outside_evaluation", "outside_baseline")),
    outside_capture_integrity,
    outside_soak_is_whole,
    policy_repeats,
    outside_no_worse_than_chance,
    outside_night_is_accepted,
]
