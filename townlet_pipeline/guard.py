"""What surrounds the work of every step that makes artefacts."""

import functools
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from dagster import AssetExecutionContext

from townlet_pipeline.failures import readable_failures
from townlet_pipeline.locks import locked
from townlet_pipeline.partitions import key_of
from townlet_pipeline.resources import StoreResource
from townlet_pipeline.worker import die_with_worker


def guarded(compute: Callable[..., Any]) -> Callable[..., Any]:
    """An asset's function that alone writes its folders, ends with the run's worker, and fails readably.

    See :func:`townlet_pipeline.locks.locked`, :func:`townlet_pipeline.worker.die_with_worker` and
    :func:`townlet_pipeline.failures.readable_failures`.
    """

    @functools.wraps(compute)
    def run(context: AssetExecutionContext, store: StoreResource, **resources: Any) -> Any:
        die_with_worker(context.instance, context.run.run_id)
        with readable_failures(), ExitStack() as held:
            for key in sorted(context.selected_asset_keys):
                held.enter_context(locked(store.folder(key_of(context), key.to_user_string()), context.run.run_id))
            return compute(context, store=store, **resources)

    return run
