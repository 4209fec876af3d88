"""The executor of all jobs: Dagster's own, in a worker that tags the run and holds its lock."""

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
from townlet_pipeline.runs.worker_lock import hold_worker_lock

if TYPE_CHECKING:
    from townlet_pipeline.instance.dagster_internals import ExecutionPlan, PlanOrchestrationContext, RetryMode


class _IdentifiedExecutor(Executor):
    """An executor that first records which process works on the run."""

    def __init__(self, inner: Executor) -> None:
        self._inner = inner

    @property
    def retries(self) -> "RetryMode":
        return self._inner.retries

    def execute(
        self, plan_context: "PlanOrchestrationContext", execution_plan: "ExecutionPlan"
    ) -> Iterator[DagsterEvent]:
        with hold_worker_lock(plan_context.instance, plan_context.run_id):
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
    """Run all steps in the worker's process or, if the launchpad says so, each step in a process of its own.

    The default is in process, because most steps are shorter than starting a process, which takes seconds.
    """
    create = multi_or_in_process_executor.executor_creation_fn
    assert create is not None
    return _IdentifiedExecutor(create(init_context))
