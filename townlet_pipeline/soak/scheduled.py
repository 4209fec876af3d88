"""Scenarios that the schedules of soaks and baselines request."""

from dagster import DagsterInstance

from townlet_pipeline.artefacts.partitions import known_scenarios
from townlet_pipeline.instance.project import project_root


def scheduled_scenarios(instance: DagsterInstance) -> list[str]:
    """Return the scenarios that have a partition and a promoted baseline."""
    from townlet.baselines.promotion import BASELINES_FOLDER, promoted_scenarios

    known = set(known_scenarios(instance))
    return [name for name in promoted_scenarios(project_root() / BASELINES_FOLDER) if name in known]
