"""The trained policy and its training log, made together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import AssetExecutionContext, AssetSpec, DataVersion, MaterializeResult, MetadataValue, multi_asset

from townlet_pipeline.artefacts import drawings, files, metadata, policies
from townlet_pipeline.artefacts.guard import guarded
from townlet_pipeline.artefacts.labels import OWNERS, tags
from townlet_pipeline.artefacts.object_store import with_object_store
from townlet_pipeline.artefacts.partitions import scenarios
from townlet_pipeline.artefacts.provenance import recorded
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version, log_sha256
from townlet_pipeline.column.progress import LiveProgress
from townlet_pipeline.column.tracking import links, tracked
from townlet_pipeline.column.train import tag_run, train_or_resume, training_failures
from townlet_pipeline.instance.pools import TRAINING
from townlet_pipeline.resources import Mode, TrainerResource

if TYPE_CHECKING:
    from townlet.config import Scenario
    from townlet.training import TrainingResult

_CODE = code_version(__file__)
_PARENTS = ["scenario", "replay_manifest"]
#: Fields of the last record that the log's page shows.
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
@with_object_store
@recorded
def train_policy(
    context: AssetExecutionContext, trainer: TrainerResource, store: StoreResource
) -> tuple[MaterializeResult[None], MaterializeResult[None]]:
    """Train a policy from the verified capture, from its own rollouts, or from both in turn."""
    with training_failures():
        training = _train(context, trainer, store)
    return (
        MaterializeResult[None](
            asset_key="trained_policy",
            data_version=DataVersion(training.result.sha256),
            metadata={
                **_policy_metadata(training, trainer.mode),
                **training.links,
                **metadata.playback_of_capture(files.playback_page(store, context.partition_key)),
                **training.provenance,
            },
        ),
        MaterializeResult[None](
            asset_key="ppo_telemetry",
            data_version=DataVersion(log_sha256(training.records)),
            metadata={**_log_metadata(training.records, training.result.log), **training.provenance},
        ),
    )


@dataclass(frozen=True)
class _Training:
    """A finished training."""

    result: "TrainingResult"
    scenario: "Scenario"
    """The scenario with all options in it."""
    records: Sequence[Mapping[str, Any]]
    """The training log."""
    provenance: Mapping[str, Any]
    """The metadata ``command`` and ``made_from``."""
    links: Mapping[str, Any]
    """The metadata that says where the training is tracked."""


def _train(context: AssetExecutionContext, trainer: TrainerResource, store: StoreResource) -> _Training:
    """Train with the options of the run. Raises InputError for unusable options, and whatever a training raises."""
    from townlet.config import load_scenario
    from townlet.config.dump import scenario_yaml
    from townlet.config.settings import set_words
    from townlet.files.storage import write_atomically
    from townlet.stages.verified_capture import require_verified
    from townlet.telemetry import read_records
    from townlet.training import TrainingOptions
    from townlet.training.devices import device_named

    name, mode = context.partition_key, trainer.mode.value
    manifest = None if trainer.mode is Mode.rollout else files.manifest(store, name)
    output, log = files.policy(store, name), files.log(store, name)
    loaded = load_scenario(files.scenario_copy(store, name))
    scenario = trainer.configured(loaded)
    verified = require_verified(manifest, files.verification(store, name)) if manifest else None
    device = device_named(trainer.device.value)
    tag_run(context, scenario=name, seed=scenario.training.seed, mode=mode)
    asked = TrainingOptions(
        mode=mode,
        output=output,
        ppo_log=log,
        replay_manifest=manifest,
        from_policy=trainer.from_policy,
        checkpoint_every=trainer.checkpoint_every,
        device=device,
    )
    progress = LiveProgress(context, trainer.progress_seconds, asked.planned_epochs(scenario.training))
    with tracked(context, trainer, store, asked, loaded.digest) as recorder:
        result = train_or_resume(context, scenario, asked, recorder.beside(progress))
    # All options in one file, so that the command needs none of them.
    effective = output / f"{name}.yaml"
    write_atomically(effective, scenario_yaml(scenario))
    options = {
        "mode": mode,
        **({} if device == "cpu" else {"device": device}),
        **({} if trainer.from_policy is None else {"from": trainer.from_policy}),
        **({} if manifest is None else {"replay_manifest": manifest}),
        "output": output,
        "ppo_log": log,
    }
    provenance = {
        "command": metadata.command("train", effective, *set_words(scenario.settings), options=options),
        **metadata.made_from(scenario=loaded.digest, replay_manifest=verified),
        **policies.read(trainer.from_policy),
    }
    return _Training(result, scenario, read_records(log), provenance, links(recorder.runs))


def _policy_metadata(training: _Training, mode: Mode) -> dict[str, Any]:
    result, records = training.result, training.records
    return {
        "headline": f"{mode.value}: {result.epochs} epochs, {result.steps:,} agent-steps; "
        f"{drawings.headline_figure(records)}",
        "plots": drawings.learning_curves(records),
        **drawings.figures_before_and_after(records),
        "epochs": result.epochs,
        "agent_steps": result.steps,
        "seconds": result.seconds,
        **_attempt_metadata(result),
        "path": MetadataValue.path(str(result.policy)),
        "training": MetadataValue.json(training.scenario.training.model_dump(mode="json")),
    }


def _attempt_metadata(result: "TrainingResult") -> dict[str, Any]:
    """The number of attempts, and the speed if this process did the whole training."""
    attempt = {"attempt": result.attempt, "updates_lost": result.updates_lost}
    if result.resumed_epoch is not None:
        return {**attempt, "resumed_after_epoch": result.resumed_epoch}
    return {**attempt, "agent_steps_per_second": result.steps / result.seconds}


def _log_metadata(records: Sequence[Mapping[str, Any]], log: Path) -> dict[str, Any]:
    last = records[-1]
    return {
        "headline": f"{len(records)} epochs logged, last KL {last['kl_divergence']:.4f} nats",
        **{field: last[field] for field in _LAST if field in last},
        "dagster/column_schema": metadata.telemetry_schema([name for record in records for name in record]),
        "epochs": len(records),
        "path": MetadataValue.path(str(log)),
    }
