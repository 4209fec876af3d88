"""How a policy is trained: the options applied to a scenario, and an unfinished training taken up again."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import AssetExecutionContext, Failure

from townlet.errors import InputError
from townlet_pipeline.artefacts.unfinished import is_unfinished_training

if TYPE_CHECKING:
    from townlet.config import Scenario
    from townlet.training import TrainingOptions, TrainingResult


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
