"""A policy made elsewhere: checked, with all that is known of where it comes from."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import AssetExecutionContext, DataVersion, MaterializeResult, MetadataValue

from townlet.files.artefact_names import WEIGHTS_NAME
from townlet_pipeline.artefacts import files, metadata
from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.partitions import outside_policies
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version
from townlet_pipeline.instance.pools import SIMULATION
from townlet_pipeline.soak.outside.declarations import declared_policy, provenance_table
from townlet_pipeline.soak.scenario_copy import current_copy, read_scenario

if TYPE_CHECKING:
    from townlet.policies.declared import DeclaredPolicy

_FILES = {"file": "as the declaration or the policy's code names it", "sha256": "of its bytes"}


@townlet_asset(
    "outside",
    "json",
    deps=["policy_file"],
    partitions=outside_policies,
    pool=SIMULATION,
    code_version=code_version(__file__),
)
def outside_policy(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
    """A policy made elsewhere and declared in `configs/policies`: loaded, tried in a short episode, and described.

    Its code is run. `outside_policy.json` has the declaration, the hashes of code and weights, and whether the policy
    is deterministic, gives log-probabilities and values, and does the same again under the same seed. Its data version
    is a hash of the policy's origin, of its declared files and of its scenario.
    """
    from townlet.stages.outside_policy import check_policy, write_check

    policy = declared_policy(context.partition_key)
    source = current_copy(store, policy.declared.scenario, context.run.run_id)
    out = files.main_file(store, policy.name, "outside_policy")
    content = check_policy(policy, source)
    return MaterializeResult(
        data_version=DataVersion(write_check(content, out)),
        metadata={
            **_described(content),
            **read_scenario(store, policy.declared.scenario, source, files_read=_weights(policy)),
            "path": MetadataValue.path(str(out)),
            "command": metadata.command("check", policy.file, options={"scenario": source, "output": out}),
        },
    )


def _weights(policy: "DeclaredPolicy") -> dict[str, Path]:
    """The weights of a Townlet policy, whose card says what they were made from; nothing for any other policy."""
    return {"policy": Path(policy.acting["policy"]) / WEIGHTS_NAME} if "policy" in policy.acting else {}


def _described(content: dict[str, Any]) -> dict[str, Any]:
    """What the page says of a checked policy."""
    behavior, episode, declared = content["behavior"], content["episode"], content["declared"]
    origin = behavior.get("origin", {})
    hashes = {**content["files"], **origin.get("files", {})}
    repeats = "the same again under the same seed" if episode["repeats"] else "not the same again under the same seed"
    return {
        "headline": f"{behavior['name']} for {declared['scenario']}: {episode['agent_steps']} agent-steps, {repeats}",
        "description": MetadataValue.text(declared["description"]),
        "provenance": provenance_table(declared["provenance"]),
        "behavior": behavior["name"],
        "deterministic": behavior["deterministic"],
        "log_probabilities": behavior["deterministic"] or behavior.get("log_probs", True),
        "values": behavior["has_values"],
        "repeats": episode["repeats"],
        "identity": content["identity"],
        "code_sha256": origin.get("code_sha256") or "none",
        "files": metadata.table([{"file": Path(f).name, "sha256": h} for f, h in hashes.items()], _FILES),
        "actions": MetadataValue.json(episode["actions"]),
        "reward_mean": episode["reward_mean"],
        "scenario": declared["scenario"],
    }
