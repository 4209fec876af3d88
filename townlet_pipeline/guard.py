"""What surrounds the work of every step that makes artefacts."""

import functools
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from dagster import AssetExecutionContext, MultiPartitionKey

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
            _require_trainer_options(context, store)
            return compute(context, store=store, **resources)

    return run


def _require_trainer_options(context: AssetExecutionContext, store: StoreResource) -> None:
    """Raise InputError for options that the run's training would refuse, before its captures are made anew."""
    config: Mapping[str, Any] = context.run.run_config
    given = config.get("resources", {}).get("trainer", {}).get("config")
    if not given or isinstance(key_of(context), MultiPartitionKey) or not context.has_partition_key:
        return
    from townlet.config import load_scenario
    from townlet_pipeline.experiments import source_of
    from townlet_pipeline.resources import TrainerResource
    from townlet_pipeline.training import configured

    source = source_of(store, context.partition_key)
    # Whatever comes from the environment is known to the training alone.
    plain = {name: value for name, value in given.items() if not isinstance(value, Mapping)}
    if source.exists():
        configured(load_scenario(source), TrainerResource(**plain))
