"""The evaluation of a policy made elsewhere, beside the heuristic."""

from typing import Any

from dagster import AssetExecutionContext, DataVersion, MaterializeResult, MetadataValue

from townlet_pipeline.artefacts import files, metadata
from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.partitions import outside_policies
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version
from townlet_pipeline.column.assets.policy_evaluation import EvaluationConfig, evaluation_metadata
from townlet_pipeline.instance.pools import SIMULATION
from townlet_pipeline.soak.outside.checked import checked_policy


@townlet_asset(
    "outside",
    "json",
    deps=["outside_policy"],
    partitions=outside_policies,
    pool=SIMULATION,
    code_version=code_version(__file__),
)
def outside_evaluation(
    context: AssetExecutionContext, config: EvaluationConfig, store: StoreResource
) -> MaterializeResult[None]:
    """The policy against the heuristic, chance and the schedule, in the same fresh worlds: means with intervals.

    `standing` says in a sentence how it stands against the heuristic. With which seeds it was trained is not known, so
    only those of the scenario are avoided. Its data version is the SHA-256 of `evaluation.json`.
    """
    from townlet.config import load_scenario
    from townlet.evaluation import evaluate, write_evaluation

    checked = checked_policy(context, store, context.partition_key)
    out = files.main_file(store, checked.policy.name, "outside_evaluation")
    acting: dict[str, Any] = checked.policy.acting
    result = evaluate(
        acting.get("policy"),
        load_scenario(checked.scenario),
        behavior=acting.get("behavior"),
        worlds=config.worlds,
        seed=config.seed,
    )
    options = {"scenario": checked.scenario, "worlds": result["worlds"], "seed": result["seed"], "output": out}
    words = (acting["policy"],) if "policy" in acting else ("--behavior", acting["behavior"])
    return MaterializeResult(
        data_version=DataVersion(write_evaluation(result, out)),
        metadata={
            **evaluation_metadata(result),
            **checked.read(store),
            "path": MetadataValue.path(str(out)),
            "command": metadata.command("evaluate", *words, options=options),
        },
    )
