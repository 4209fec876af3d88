"""The training of a scenario with several seeds, and what can be said about any other seed."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dagster import AssetExecutionContext, AssetObservation, Config, DataVersion, MaterializeResult, MetadataValue
from pydantic import Field

from townlet.errors import InputError
from townlet_pipeline.artefacts import files, metadata, policies
from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version
from townlet_pipeline.column.train import tag_run
from townlet_pipeline.instance.pools import TRAINING
from townlet_pipeline.resources import Mode, TrainerResource

if TYPE_CHECKING:
    from townlet.config import Scenario
    from townlet.study.several_seeds import SeedsPlan, SeedsResults

NAME = "several_seeds"
_SCORES = {
    "who": "a seed's policy, a statistic over seeds, or another behaviour",
    "reward_mean": "reward per agent-step",
    "queue_conflict_intensity_per_1000": "conflict intensity per 1,000 agent-steps",
}
_IMPROVEMENT = {
    "over": "the other behaviour",
    "probability": "that a policy with another seed earns more than it",
    "low": "lower end of the 95 % interval",
    "high": "upper end",
}


class SeedsConfig(Config):
    """How many seeds, and how they are scored. The trainer's options say how each is trained."""

    seeds: int = Field(
        default=10, description="Number of seeds: the trainer's seed, or else the scenario's, and those after it."
    )
    jobs: int = Field(default=1, description="Trainings side by side. It changes the time alone.")
    worlds: int = Field(default=16, description="Unseen worlds in which each policy is scored, at least 2.")


@townlet_asset(
    "studies",
    "json",
    "pytorch",
    deps=["scenario", "replay_manifest"],
    pool=TRAINING,
    code_version=code_version(__file__),
)
def several_seeds(
    context: AssetExecutionContext, config: SeedsConfig, trainer: TrainerResource, store: StoreResource
) -> MaterializeResult[None]:
    """The same training with several seeds, every policy scored in the same unseen worlds: means with intervals.

    The interquartile mean over seeds, its bootstrap interval, and the probability that another seed's policy earns more
    than the heuristic. Finished seeds are kept and unfinished ones go on, also after a kill. Its data version is the
    SHA-256 of `seeds.json`.
    """
    from townlet.config import load_scenario
    from townlet.files.storage import read_bytes, sha256
    from townlet.stages.verified_capture import require_verified
    from townlet.study.several_seeds.results import SEEDS_NAME, scenario_file

    name, mode = context.partition_key, trainer.mode.value
    manifest = None if trainer.mode is Mode.rollout else files.manifest(store, name)
    verified = require_verified(manifest, files.verification(store, name)) if manifest else None
    folder = files.main_file(store, name, NAME).parent
    loaded = load_scenario(files.scenario_copy(store, name))
    scenario = trainer.configured(loaded)
    tag_run(context, scenario=name, seed=scenario.training.seed, seeds=config.seeds, mode=mode)
    results = _train(context, config, _plan(scenario, config, trainer, store, name))
    options = {
        "mode": mode,
        **({} if trainer.device.value == "cpu" else {"device": trainer.device.value}),
        **({} if trainer.from_policy is None else {"from": trainer.from_policy}),
        **({} if manifest is None else {"replay_manifest": manifest}),
        "seeds": config.seeds,
        "unseen_worlds": config.worlds,
        "output": folder,
    }
    return MaterializeResult(
        data_version=DataVersion(sha256(read_bytes(folder / SEEDS_NAME, "the results of several seeds"))),
        metadata={
            **seeds_metadata(results),
            **metadata.made_from(scenario=loaded.digest, replay_manifest=verified),
            **policies.read(trainer.from_policy),
            "path": MetadataValue.path(str(folder / SEEDS_NAME)),
            "command": metadata.command("train", scenario_file(folder, scenario.name), options=options),
        },
    )


def _plan(
    scenario: "Scenario", config: SeedsConfig, trainer: TrainerResource, store: StoreResource, name: str
) -> "SeedsPlan":
    from townlet.study.several_seeds import SeedsPlan
    from townlet.training import TrainingOptions
    from townlet.training.devices import device_named

    options = TrainingOptions(
        mode=trainer.mode.value,
        output=files.main_file(store, name, NAME).parent,
        replay_manifest=None if trainer.mode is Mode.rollout else files.manifest(store, name),
        from_policy=trainer.from_policy,
        checkpoint_every=trainer.checkpoint_every,
        device=device_named(trainer.device.value),
        resume=True,
    )
    return SeedsPlan.of(scenario, options, seeds=config.seeds, worlds=config.worlds)


def _train(context: AssetExecutionContext, config: SeedsConfig, plan: "SeedsPlan") -> "SeedsResults":
    """Go on with what is in the folder, or begin anew where that is of other options."""
    from townlet.study.several_seeds import train_seeds

    progress = _live(context)
    try:
        study = train_seeds(plan, jobs=config.jobs, progress=progress)
    except InputError as error:
        # If an option is at fault, the trainings that begin anew refuse it as well.
        context.log.warning(f"all trainings begin anew, because those in {plan.folder} cannot be resumed: {error}")
        anew = replace(plan, options=replace(plan.options, resume=False))
        study = train_seeds(anew, jobs=config.jobs, progress=progress)
    kept = sum(outcome.already_done for outcome in study.outcomes)
    context.log.info(f"{len(study.outcomes)} seeds, {kept} of them trained before")
    return study.results


def seeds_metadata(results: Mapping[str, Any]) -> dict[str, Any]:
    """What the asset's page says: the interquartile mean, the table, the probabilities, and the plots."""
    from townlet.metrics import REWARD
    from townlet.study.several_seeds.plots import seeds_plots
    from townlet.study.several_seeds.report import interval, probability
    from townlet.view.style import markdown_image

    reward, chances = results["interquartile_means"][REWARD], results["probability_of_improvement"]
    rows = [{"over": who, "probability": each["value"], **_ends(each)} for who, each in chances.items()]
    return {
        "headline": f"reward {interval(reward)} per agent-step over {len(results['seeds'])} seeds; "
        f"P(more than the heuristic) = {probability(chances['heuristic'])}",
        "plots": MetadataValue.md(markdown_image(seeds_plots(results))),
        "scores": metadata.table(_score_rows(results), _SCORES),
        "improvement": metadata.table(rows, _IMPROVEMENT),
        **{f"{name}_iqm": each["value"] for name, each in results["interquartile_means"].items()},
        "seeds": len(results["seeds"]),
        "diverged": sum(each["diverged"] is not None for each in results["seeds"]),
        "worlds": results["worlds"]["count"],
    }


def _ends(estimate: Mapping[str, Any]) -> dict[str, float]:
    """The ends of an interval; of one seed, which has none, the value itself."""
    return {end: estimate["value"] if estimate[end] is None else estimate[end] for end in ("low", "high")}


def _score_rows(results: Mapping[str, Any]) -> list[dict[str, str | float]]:
    names = [name for name in _SCORES if name != "who"]
    means = results["interquartile_means"]
    rows: list[dict[str, str | float]] = [
        {"who": f"seed {each['seed']}" + (", diverged" if each["diverged"] else ""), **_of(each["scores"], names)}
        for each in results["seeds"]
    ]
    rows.append({"who": "IQM", **{name: means[name]["value"] for name in names}})
    rows += [{"who": f"95 %, {end}", **{name: _ends(means[name])[end] for name in names}} for end in ("low", "high")]
    return rows + [{"who": who, **_of(scores, names)} for who, scores in results["behaviors"].items()]


def _of(scores: Mapping[str, float], names: list[str]) -> dict[str, float]:
    return {name: float(scores[name]) for name in names}


def _live(context: AssetExecutionContext, seconds: float = 10.0) -> Callable[[int, int, str], None]:
    """Progress as observations of the asset, at most one in so many seconds, because each costs about 40 ms."""
    began = last = time.monotonic()
    before: int | None = None

    def report(done: int, planned: int, note: str) -> None:
        nonlocal last, before
        now = time.monotonic()
        before = done if before is None else before
        if now - last < seconds:
            return
        last = now
        shown: dict[str, Any] = {"epochs": done, "epochs_planned": planned, "standing": note}
        if done > before:
            left = (now - began) / (done - before) * (planned - done)
            shown["expected_end"] = MetadataValue.timestamp(time.time() + left)
        context.log_event(AssetObservation(context.asset_key, partition=context.partition_key, metadata=shown))
        context.log.info(f"{done} of {planned} epochs; {note}")

    return report
