"""The code location ``townlet``: assets, checks, jobs, schedules, sensors and resources."""

from dagster import Definitions

from townlet_pipeline import assets, checks, jobs
from townlet_pipeline.executors import townlet_executor
from townlet_pipeline.experiments import register_experiment
from townlet_pipeline.incidents import incidents
from townlet_pipeline.reaper import zombie_runs
from townlet_pipeline.resources import SimulatorResource, StoreResource, TrainerResource
from townlet_pipeline.retire import retire_partition
from townlet_pipeline.schedules import schedules_of, with_deadlines
from townlet_pipeline.sensors import scenario_files

defs = Definitions(
    assets=with_deadlines([*assets.ALL, *assets.SOAK]),
    asset_checks=[*checks.ALL, *checks.SOAK],
    jobs=[*jobs.ALL, register_experiment, retire_partition],
    schedules=schedules_of(jobs.ALL),
    sensors=[scenario_files, zombie_runs, incidents],
    resources={"store": StoreResource(), "simulator": SimulatorResource(), "trainer": TrainerResource()},
    executor=townlet_executor,
)
