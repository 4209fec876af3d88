"""Check of the trainer's options at a run's first step, because the training would refuse them only much later."""

from collections.abc import Mapping
from typing import Any

from dagster import AssetExecutionContext, MultiPartitionKey

from townlet_pipeline.artefacts.partitions import key_of
from townlet_pipeline.artefacts.scenario_source import source_of
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.resources import TrainerResource


def require_trainer_options(context: AssetExecutionContext, store: StoreResource) -> None:
    """Raise InputError for options that the run's training would refuse, before its capture is made anew.

    Soaks, and assets made once for all scenarios, have no such training.
    """
    config: Mapping[str, Any] = context.run.run_config
    given = config.get("resources", {}).get("trainer", {}).get("config")
    if not given or isinstance(key_of(context), MultiPartitionKey) or not context.has_partition_key:
        return
    from townlet.config import load_scenario

    source = source_of(store, context.partition_key)
    # Values that come from environment variables are not known before the training.
    plain = {name: value for name, value in given.items() if not isinstance(value, Mapping)}
    if source.exists():
        TrainerResource(**plain).configured(load_scenario(source))
