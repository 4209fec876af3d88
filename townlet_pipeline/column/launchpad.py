"""Launchpad of a column: the options of a run, filled with the values of the chosen partition's scenario."""

from typing import TYPE_CHECKING, Any

from dagster import PartitionedConfig

from townlet.errors import InputError
from townlet_pipeline.artefacts.partitions import scenarios
from townlet_pipeline.artefacts.scenario_source import source_of
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.resources import PPO_OPTIONS, SECTION_OPTIONS

if TYPE_CHECKING:
    from townlet.config import Scenario


def scenario_values(key: str) -> dict[str, Any]:
    """The run config whose options have the values that a partition's scenario has now.

    A run with it does what a run without options does. It is empty for a scenario that is gone or cannot be read, which
    the run itself reports.
    """
    from townlet.config import load_scenario

    try:
        return _values(load_scenario(source_of(StoreResource(), key)))
    except InputError:
        return {}


def _values(scenario: "Scenario") -> dict[str, Any]:
    training = scenario.training
    simulator = {"ticks": scenario.ticks, "worlds": scenario.capture.worlds, "seed": scenario.seed}
    trainer = {
        **{name: getattr(training, name) for name in SECTION_OPTIONS},
        **{name: getattr(training.ppo, name) for name in PPO_OPTIONS},
    }
    return {"resources": {"simulator": {"config": simulator}, "trainer": {"config": trainer}}}


def training_values(key: str) -> dict[str, Any]:
    """The trainer's part of :func:`scenario_values`, for jobs that record nothing."""
    values = scenario_values(key)
    return {"resources": {"trainer": values["resources"]["trainer"]}} if values else {}


#: The config of a job over trainings alone.
of_the_training: PartitionedConfig[Any] = PartitionedConfig(scenarios, run_config_for_partition_key_fn=training_values)

#: The config of a job over columns: the launchpad shows it as soon as a partition is chosen.
of_the_scenario: PartitionedConfig[Any] = PartitionedConfig(scenarios, run_config_for_partition_key_fn=scenario_values)
