"""The evaluation of the policy, compared with other behaviours, in worlds that it was not trained in."""

from collections.abc import Mapping
from typing import Any

from dagster import AssetExecutionContext, Config, DataVersion, MaterializeResult, MetadataValue
from pydantic import Field

from townlet_pipeline.artefacts import files, metadata
from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version
from townlet_pipeline.instance.pools import SIMULATION

_MEANINGS = {
    "metric": "what is measured",
    "behavior": "who acted",
    "mean": "over worlds",
    "low": "lower end of the 95 % interval",
    "high": "upper end",
    "policy_minus": "the policy's value minus this behaviour's, in the same worlds",
    "unit": "of the metric",
}


class EvaluationConfig(Config):
    """Size of an evaluation."""

    worlds: int = Field(default=16, description="Number of worlds, at least 2; each runs one episode.")
    seed: int | None = Field(
        default=None, description="Seed of the worlds; empty: the first from 1,000,000 on that was not trained with."
    )


@townlet_asset(
    "evaluation",
    "json",
    "numba",
    deps=["validated_telemetry", "trained_policy", "rollout_capture", "scenario"],
    pool=SIMULATION,
    code_version=code_version(__file__),
)
def policy_evaluation(
    context: AssetExecutionContext, config: EvaluationConfig, store: StoreResource
) -> MaterializeResult[None]:
    """The policy against the heuristic, chance and the schedule, in the same fresh worlds: means with intervals.

    Settings of the training that change the town hold there too. Neither the training nor the replayed capture drew
    from the seed of these worlds. The asset also waits for the checks of the training log. Its data version is the
    SHA-256 of `evaluation.json`.
    """
    from townlet.capture import parse_manifest
    from townlet.config import load_scenario
    from townlet.config.settings import set_words, with_settings
    from townlet.evaluation import evaluate, write_evaluation
    from townlet.files.artefact_names import CARD_NAME
    from townlet.files.storage import read_json
    from townlet.stages.verified_capture import manifest_sha256

    name = context.partition_key
    source, policy, out = files.scenario_copy(store, name), files.policy(store, name), files.evaluation(store, name)
    manifest = files.manifest(store, name)
    scenario, recorded_seed = load_scenario(source), parse_manifest(manifest).seed
    town = with_settings(scenario, _of_the_town(read_json(policy / CARD_NAME, "a policy's card")), "provenance")
    result = evaluate(policy, town, worlds=config.worlds, seed=config.seed, trained_with=[recorded_seed])
    version = write_evaluation(result, out)
    captured = manifest_sha256(manifest)
    options = {
        "scenario": source,
        "worlds": result["worlds"],
        "seed": result["seed"],
        "trained_with": recorded_seed,
        "output": out,
    }
    return MaterializeResult(
        data_version=DataVersion(version),
        metadata={
            **evaluation_metadata(result),
            **metadata.playback_of_capture(files.playback_page(store, name)),
            **metadata.made_from(
                trained_policy=result["policy_sha256"], scenario=scenario.digest, rollout_capture=captured
            ),
            "path": MetadataValue.path(str(out)),
            "command": metadata.command("evaluate", policy, *set_words(town.settings), options=options),
        },
    )


def _of_the_town(card: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a training that an evaluation depends on; the observations are the policy's own."""
    from townlet.config.settings_use import is_used

    settings = card["provenance"].get("settings", {})
    return {
        key: value
        for key, value in settings.items()
        if is_used("evaluation", key) and not key.startswith("observations.")
    }


def evaluation_metadata(result: Mapping[str, Any]) -> dict[str, Any]:
    """What an asset's page says of an evaluation: the reward, how the policy stands, a table, and every mean."""
    from townlet.metrics import REWARD
    from townlet.policy_standing import policy_standing, reward_verdict

    reward = result["behaviors"]["policy"][REWARD]
    return {
        "headline": f"reward {reward['mean']:.4f} ({reward['low']:.4f} to {reward['high']:.4f}) per agent-step in "
        f"{result['worlds']} unseen worlds",
        "verdict": reward_verdict(result),
        "standing": policy_standing(result).sentence(),
        "table": metadata.table(_rows(result), _MEANINGS),
        **{metric: interval["mean"] for metric, interval in result["behaviors"]["policy"].items()},
        "worlds": result["worlds"],
        "seed": result["seed"],
    }


def _rows(result: Mapping[str, Any]) -> list[dict[str, str | float]]:
    """A row for each metric and behaviour, who is evaluated first."""
    from townlet.policy_standing import acting_name

    name = acting_name(result)
    return [
        {
            "metric": metric,
            "behavior": name if behavior == "policy" else behavior,
            **intervals[metric],
            "policy_minus": result["policy_minus"].get(behavior, {}).get(metric, {}).get("mean", 0.0),
            "unit": result["metrics"][metric]["unit"],
        }
        for metric in result["metrics"]
        for behavior, intervals in result["behaviors"].items()
    ]
