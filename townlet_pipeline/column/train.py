"""How a policy is trained: the options applied to a scenario, and an unfinished training taken up again."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import AssetExecutionContext, Failure, MultiPartitionKey

from townlet.errors import InputError
from townlet_pipeline.artefacts.partitions import key_of
from townlet_pipeline.artefacts.unfinished import is_unfinished_training
from townlet_pipeline.column.experiments import source_of
from townlet_pipeline.resources import StoreResource, TrainerResource

if TYPE_CHECKING:
    from townlet.config import Scenario
    from townlet.training import TrainingOptions, TrainingResult


#: Options that live in the `ppo` part of a scenario's training section.
_PPO = ("learning_rate", "entropy_coef", "clip_epsilon", "minibatch_size")
_AMOUNTS = ("cycles", "epochs", "rollout_ticks", "worlds", "seed")


def configured(scenario: "Scenario", trainer: TrainerResource) -> "Scenario":
    """The scenario with the options in its training section. Raises InputError naming each bad option."""
    from townlet.config.training import with_training_options

    ppo = {name: getattr(trainer, name) for name in _PPO if getattr(trainer, name) is not None}
    options = {name: getattr(trainer, name) for name in _AMOUNTS}
    training = with_training_options(
        scenario.training, {**options, "ppo": {**scenario.training.ppo.model_dump(), **ppo}}
    )
    return scenario.model_copy(update={"training": training})


def require_trainer_options(context: AssetExecutionContext, store: StoreResource) -> None:
    """Raise InputError for options that the run's training would refuse, before its captures are made anew."""
    config: Mapping[str, Any] = context.run.run_config
    given = config.get("resources", {}).get("trainer", {}).get("config")
    if not given or isinstance(key_of(context), MultiPartitionKey) or not context.has_partition_key:
        return
    from townlet.config import load_scenario

    source = source_of(store, context.partition_key)
    # Whatever comes from the environment is known to the training alone.
    plain = {name: value for name, value in given.items() if not isinstance(value, Mapping)}
    if source.exists():
        configured(load_scenario(source), TrainerResource(**plain))


def tag_run(context: AssetExecutionContext, **tags: str | int) -> None:
    """Give the run tags by which runs are found and compared: ``townlet/scenario``, ``townlet/seed`` and the like."""
    context.instance.add_run_tags(context.run.run_id, {f"townlet/{name}": str(value) for name, value in tags.items()})


def train_or_resume(
    context: AssetExecutionContext,
    scenario: "Scenario",
    options: "TrainingOptions",
    progress: Callable[[Mapping[str, Any]], None],
) -> "TrainingResult":
    """Train as :func:`townlet.training.train` does, from the folder's checkpoint on if the training there was ended.

    A finished training, or one of another configuration, is begun anew. Either way the bytes are those of a training
    that nothing ended.
    """
    from townlet.training import train

    output = Path(str(options.output))
    if is_unfinished_training(output):
        try:
            result = train(scenario, replace(options, resume=True), progress)
        except InputError as error:
            # Nothing was changed. If an option is at fault, the training that begins anew refuses it as well.
            context.log.warning(f"training begins anew, because what lies in {output} cannot be gone on from: {error}")
        else:
            context.log.info(
                f"attempt {result.attempt} went on after epoch {result.resumed_epoch}: {result.updates_lost} optimizer "
                "steps of earlier attempts were lost and done again"
            )
            return result
    return train(scenario, options, progress)


@contextmanager
def training_failures() -> Iterator[None]:
    """Turn a divergence, which says epoch, minibatch and term, into a Failure that is not tried again."""
    from townlet.training import TrainingDiverged

    try:
        yield
    except TrainingDiverged as error:
        raise Failure(f"the training diverged: {error}", allow_retries=False) from None
