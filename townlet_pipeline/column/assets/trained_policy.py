"""The trained policy and its training log, made together."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import AssetExecutionContext, AssetSpec, DataVersion, MaterializeResult, MetadataValue, multi_asset

from townlet_pipeline.artefacts import files, metadata
from townlet_pipeline.artefacts.guard import guarded
from townlet_pipeline.artefacts.object_store import mirrored
from townlet_pipeline.artefacts.partitions import scenarios
from townlet_pipeline.artefacts.provenance import recorded
from townlet_pipeline.artefacts.stage import OWNERS, tags
from townlet_pipeline.artefacts.versions import code_version, telemetry_version
from townlet_pipeline.column.progress import LiveProgress, planned_epochs
from townlet_pipeline.column.train import configured, tag_run, train_or_resume, training_failures
from townlet_pipeline.instance.pools import TRAINING
from townlet_pipeline.resources import Mode, StoreResource, TrainerResource

if TYPE_CHECKING:
    from townlet.training import TrainingResult
    from townlet.view.headline import Figure

_CODE = code_version(__file__)
_PARENTS = ["scenario", "replay_manifest"]


@multi_asset(
    name="train_policy",
    partitions_def=scenarios,
    pool=TRAINING,
    specs=[
        AssetSpec(
            "trained_policy",
            deps=_PARENTS,
            description="The policy after training by PPO: `policy.safetensors` (weights) and `policy.json` (what "
            "they are, and the hashes of what they were made from). Its data version is the weights' SHA-256.",
            code_version=_CODE,
            group_name="training",
            kinds={"pytorch"},
            owners=OWNERS,
            tags=tags("training"),
        ),
        AssetSpec(
            "ppo_telemetry",
            deps=_PARENTS,
            description="The training log: one JSON line per epoch, schema 1.1. Its data version is the SHA-256 of "
            "its records without the clock fields (durations, speed), so equal trainings have equal versions.",
            code_version=_CODE,
            group_name="training",
            kinds={"json"},
            owners=OWNERS,
            tags=tags("training"),
        ),
    ],
)
@guarded
@mirrored
@recorded
def train_policy(
    context: AssetExecutionContext, trainer: TrainerResource, store: StoreResource
) -> tuple[MaterializeResult[None], MaterializeResult[None]]:
    """Train a policy from the verified capture, from its own rollouts, or from both in turn."""
    from townlet.config import load_scenario
    from townlet.config.dump import scenario_yaml
    from townlet.files.storage import write_atomically
    from townlet.stages.verified_capture import require_verified
    from townlet.telemetry import read_records
    from townlet.training.devices import device_named
    from townlet.view.headline import headline
    from townlet.view.plots import learning_plots

    name, mode = context.partition_key, trainer.mode
    manifest = None if mode is Mode.rollout else files.manifest(store, name)
    output, log = files.policy(store, name), files.log(store, name)
    effective = output / f"{name}.yaml"
    with training_failures():
        loaded = load_scenario(files.snapshot(store, name))
        scenario = configured(loaded, trainer)
        verified = require_verified(manifest, files.replay(store, name)) if manifest else None
        training, device = scenario.training, device_named(trainer.device.value)
        tag_run(context, scenario=name, seed=training.seed, mode=mode.value)
        result = train_or_resume(
            context,
            scenario,
            mode=mode.value,
            output=output,
            ppo_log=log,
            replay_manifest=manifest,
            checkpoint_every=trainer.checkpoint_every,
            device=device,
            progress=LiveProgress(context, trainer.progress_seconds, planned_epochs(training, mode.value)),
        )
        # All options in one file, so that the command below needs none of them.
        write_atomically(effective, scenario_yaml(scenario))
        records = read_records(log)
    replay = {} if manifest is None else {"replay_manifest": manifest}
    elsewhere = {} if device == "cpu" else {"device": device}
    options = {"mode": mode.value, **elsewhere, **replay, "output": output, "ppo_log": log}
    again = metadata.command("train", effective, options=options)
    parents = metadata.made_from(scenario=loaded.digest, replay_manifest=verified)
    return (
        MaterializeResult[None](
            asset_key="trained_policy",
            data_version=DataVersion(result.sha256),
            metadata={
                "headline": _told(result, headline(records), mode),
                "plots": metadata.plots(learning_plots(records)),
                **_policy_metadata(result, headline(records)),
                **metadata.replay_of_capture(files.replay_page(store, name)),
                "command": again,
                **parents,
                "training": MetadataValue.json(scenario.training.model_dump(mode="json")),
            },
        ),
        MaterializeResult[None](
            asset_key="ppo_telemetry",
            data_version=DataVersion(telemetry_version(records)),
            metadata={
                "headline": f"{len(records)} epochs logged, last KL {records[-1]['kl_divergence']:.4f} nats",
                **_log_metadata(records, log),
                "command": again,
                **parents,
            },
        ),
    )


def _told(result: "TrainingResult", figures: "Sequence[Figure]", mode: Mode) -> str:
    return f"{mode.value}: {result.epochs} epochs, {result.steps:,} agent-steps; {figures[0]}"


def _policy_metadata(result: "TrainingResult", figures: "Sequence[Figure]") -> dict[str, Any]:
    numbers = {f"{f.name}_{end}": getattr(f, end) for f in figures for end in ("before", "after")}
    return {
        **numbers,
        "epochs": result.epochs,
        "agent_steps": result.steps,
        "seconds": result.seconds,
        **_attempt_metadata(result),
        "path": MetadataValue.path(str(result.policy)),
    }


def _attempt_metadata(result: "TrainingResult") -> dict[str, Any]:
    """How often the training was taken up; its speed only if this process did all of it."""
    told = {"attempt": result.attempt, "updates_lost": result.updates_lost}
    if result.resumed_epoch is not None:
        return {**told, "resumed_after_epoch": result.resumed_epoch}
    return {**told, "agent_steps_per_second": result.steps / result.seconds}


def _log_metadata(records: Sequence[Mapping[str, Any]], log: Path) -> dict[str, Any]:
    last = records[-1]
    return {
        **{field: last[field] for field in _LAST if field in last},
        "dagster/column_schema": metadata.telemetry_schema([name for record in records for name in record]),
        "epochs": len(records),
        "path": MetadataValue.path(str(log)),
    }


_LAST = (
    "reward_mean",
    "loss_total",
    "loss_policy",
    "loss_value",
    "batch_entropy_mean",
    "kl_divergence",
    "clip_fraction",
    "grad_norm",
)
