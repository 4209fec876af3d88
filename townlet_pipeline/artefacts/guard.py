"""The guard around every step that makes artefacts: locks, exit with the worker, and readable failures."""

import functools
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from dagster import AssetExecutionContext

from townlet_pipeline.artefacts.locks import locked
from townlet_pipeline.artefacts.partitions import key_of
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.runs.failures import readable_failures
from townlet_pipeline.runs.worker import exit_with_worker

#: Raises InputError for options of a run that would be refused only later, after other work was done.
Requirement = Callable[[AssetExecutionContext, StoreResource], None]


def guarded(compute: Callable[..., Any], require: Requirement | None = None) -> Callable[..., Any]:
    """Return an asset's function that locks its folders, ends with the run's worker, and fails readably.

    ``require`` is called before anything is made. See :func:`townlet_pipeline.artefacts.locks.locked`,
    :func:`townlet_pipeline.runs.worker.exit_with_worker` and :func:`townlet_pipeline.runs.failures.readable_failures`.
    """

    @functools.wraps(compute)
    def run(context: AssetExecutionContext, store: StoreResource, **resources: Any) -> Any:
        exit_with_worker(context.instance, context.run.run_id)
        with readable_failures(), ExitStack() as held:
            for key in sorted(context.selected_asset_keys):
                held.enter_context(locked(store.folder(key_of(context), key.to_user_string()), context.run.run_id))
            if require is not None:
                require(context, store)
            return compute(context, store=store, **resources)

    return run
