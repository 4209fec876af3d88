"""Jobs: the whole column of one scenario."""

from dagster import AssetSelection, define_asset_job, in_process_executor

#: Seconds after which run monitoring ends a run that hangs.
_MAX_RUNTIME = 24 * 3600

train_scenario = define_asset_job(
    "train_scenario",
    selection=AssetSelection.all(),
    description="A scenario's whole column: capture, verification, training, validation, alerts and report.",
    executor_def=in_process_executor,
    tags={"dagster/max_runtime": str(_MAX_RUNTIME)},
)
