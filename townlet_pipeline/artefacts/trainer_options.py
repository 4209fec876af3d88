"""Check of the options of simulator and trainer at a run's first step, because later steps would refuse them late."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dagster import AssetExecutionContext, MultiPartitionKey

from townlet_pipeline.artefacts.partitions import key_of
from townlet_pipeline.artefacts.scenario_source import source_of
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.resources import Mode, SimulatorResource, TrainerResource

if TYPE_CHECKING:
    from townlet.config import Scenario

_CAPTURE, _POLICY = "rollout_capture", "trained_policy"


def require_trainer_options(context: AssetExecutionContext, store: StoreResource) -> None:
    """Raise InputError for options that the run's training would refuse, before its capture is made anew.

    That is so too for settings of the simulator that are wrong or make another town than the trainer's, if the run
    makes both. Soaks, and assets made once for all scenarios, have no such training.
    """
    simulator, trainer = _given(context, "simulator"), _given(context, "trainer")
    if not (simulator or trainer) or isinstance(key_of(context), MultiPartitionKey) or not context.has_partition_key:
        return
    from townlet.config import load_scenario

    source = source_of(store, context.partition_key)
    if source.exists():
        scenario, selected = load_scenario(source), context.run.asset_selection
        # Dagster says nothing of a selection if a run makes all that its job can make.
        makes = {key.to_user_string() for key in selected} if selected else {_CAPTURE, _POLICY}
        recorded = SimulatorResource(**simulator).configured(scenario)
        trained = TrainerResource(**trainer).configured(scenario)
        if {_CAPTURE, _POLICY} <= makes and trainer.get("mode") != Mode.rollout.value:
            _require_same_town(recorded, trained)


def _given(context: AssetExecutionContext, resource: str) -> dict[str, Any]:
    """The options of a resource; values from environment variables are not known before the step that uses them."""
    config: Mapping[str, Any] = context.run.run_config
    given = config.get("resources", {}).get(resource, {}).get("config") or {}
    return {name: value for name, value in given.items() if not isinstance(value, Mapping)}


def _require_same_town(recorded: "Scenario", trained: "Scenario") -> None:
    from townlet.config.settings_use import why_another_town
    from townlet.errors import InputError

    if recorded.town_digest != trained.town_digest:
        differing = why_another_town(recorded.settings, trained.settings, "for simulator", "for trainer")
        expected = "the same settings of the town for both: the training replays the capture"
        raise InputError.of("trainer options", "settings", differing, expected)
