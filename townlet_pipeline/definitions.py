"""The code location ``townlet``: assets, checks, jobs, schedules, sensors and resources, merged from its domains."""

from dagster import Definitions

from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.column import definitions as column
from townlet_pipeline.jobs import definitions as jobs
from townlet_pipeline.resources import NEEDED_BY_ALL, SimulatorResource, TrainerResource
from townlet_pipeline.runs import definitions as runs
from townlet_pipeline.runs.executors import townlet_executor
from townlet_pipeline.schedules import schedules_of
from townlet_pipeline.soak import definitions as soak
from townlet_pipeline.soak.outside import definitions as outside
from townlet_pipeline.studies import definitions as studies

# The modules are imported, not their `defs`: Dagster refuses a module that holds several Definitions.
defs = Definitions.merge(
    column.defs,
    soak.defs,
    outside.defs,
    studies.defs,
    runs.defs,
    Definitions(
        jobs=jobs.ALL,
        schedules=schedules_of(jobs.ALL),
        resources={
            **NEEDED_BY_ALL,
            "store": StoreResource(),
            "simulator": SimulatorResource(),
            "trainer": TrainerResource(),
        },
        executor=townlet_executor,
    ),
)
