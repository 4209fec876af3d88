"""How the steps of a run are executed: as Dagster does, by a worker whose name is in the run's tags."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dagster import (
    DagsterEvent,
    Executor,
    Field,
    InitExecutorContext,
    Selector,
    executor,
    in_process_executor,
    multi_or_in_process_executor,
    multiprocess_executor,
)

from townlet_pipeline.runs.worker import worker_tags
from townlet_pipeline.runs.worker_lock import present

if TYPE_CHECKING:
    from dagster._core.execution.context.system import PlanOrchestrationContext
    from dagster._core.execution.plan.plan import ExecutionPlan
    from dagster._core.execution.retries import RetryMode


class _Tagged(Executor):
    """An executor of Dagster's that notes first which process works on the run."""

    def __init__(self, inner: Executor) -> None:
        self._inner = inner

    @property
    def retries(self) -> "RetryMode":
        return self._inner.retries

    def execute(
        self, plan_context: "PlanOrchestrationContext", execution_plan: "ExecutionPlan"
    ) -> Iterator[DagsterEvent]:
        with present(plan_context.instance, plan_context.run_id):
            plan_context.instance.add_run_tags(plan_context.run_id, worker_tags(plan_context.run_id))
            yield from self._inner.execute(plan_context, execution_plan)


@executor(
    name="townlet",
    config_schema=Field(
        Selector(  # type: ignore[no-untyped-call]
            {
                "in_process": in_process_executor.config_schema.as_field(),
                "multiprocess": multiprocess_executor.config_schema.as_field(),
            }
        ),
        default_value={"in_process": {}},
    ),
    requirements=multi_or_in_process_executor.get_requirements,
)
def townlet_executor(init_context: InitExecutorContext) -> Executor:
    """All steps in the run's own process, or, chosen in the launchpad, each in one of its own.

    In process by default, because a step here is a function call, and starting a process for it costs seconds.
    """
    create = multi_or_in_process_executor.executor_creation_fn
    assert create is not None
    return _Tagged(create(init_context))
