"""The code location ``townlet``: assets, checks, jobs, schedules, sensors and resources, merged from the domains."""

from dagster import Definitions

from townlet_pipeline import jobs
from townlet_pipeline.column.definitions import defs as column
from townlet_pipeline.resources import SimulatorResource, StoreResource, TrainerResource
from townlet_pipeline.runs.definitions import defs as runs
from townlet_pipeline.runs.executors import townlet_executor
from townlet_pipeline.schedules import schedules_of
from townlet_pipeline.soak.definitions import defs as soak

defs = Definitions.merge(
    column,
    soak,
    runs,
    Definitions(
        jobs=jobs.ALL,
        schedules=schedules_of(jobs.ALL),
        resources={"store": StoreResource(), "simulator": SimulatorResource(), "trainer": TrainerResource()},
        executor=townlet_executor,
    ),
)
