"""Training in a run: tags, an unfinished training resumed, and divergence as a failure of the step."""

from collections.abc import Callable, Iterator
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
    """Tag the run with ``townlet/scenario``, ``townlet/seed`` and the like, by which runs are found and compared."""
    context.instance.add_run_tags(context.run.run_id, {f"townlet/{name}": str(value) for name, value in tags.items()})


def train_or_resume(
    context: AssetExecutionContext,
    scenario: "Scenario",
    options: "TrainingOptions",
    progress: Callable[[dict[str, Any]], None],
) -> "TrainingResult":
    """Train like :func:`townlet.training.train`, from the folder's checkpoint on if the training there is unfinished.

    After a finished training, or one of another configuration, training begins anew. In each case the bytes are those
    of a training that was never interrupted.
    """
    from townlet.training import train

    output = Path(str(options.output))
    if is_unfinished_training(output):
        try:
            result = train(scenario, replace(options, resume=True), progress)
        except InputError as error:
            # Nothing was changed. If an option is at fault, the training that begins anew refuses it as well.
            context.log.warning(f"training begins anew, because the one in {output} cannot be resumed: {error}")
        else:
            context.log.info(
                f"attempt {result.attempt} resumed after epoch {result.resumed_epoch}: {result.updates_lost} optimizer "
                "steps of earlier attempts were lost and done again"
            )
            return result
    return train(scenario, options, progress)


@contextmanager
def training_failures() -> Iterator[None]:
    """Turn a divergence, which names epoch, minibatch and term, into a Failure that is not retried."""
    from townlet.training import TrainingDiverged

    try:
        yield
    except TrainingDiverged as error:
        raise Failure(f"the training diverged: {error}", allow_retries=False) from None
