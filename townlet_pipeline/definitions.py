"""The code location ``townlet``: assets, checks, jobs and resources."""

from dagster import Definitions, in_process_executor

from townlet_pipeline import assets, checks
from townlet_pipeline.jobs import train_scenario
from townlet_pipeline.resources import SimulatorResource, StoreResource, TrainerResource

# In process, because a step here is a function call, and starting a process for it costs seconds.
defs = Definitions(
    assets=assets.ALL,
    asset_checks=checks.ALL,
    jobs=[train_scenario],
    resources={"store": StoreResource(), "simulator": SimulatorResource(), "trainer": TrainerResource()},
    executor=in_process_executor,
)
