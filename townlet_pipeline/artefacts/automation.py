"""Automation: the conditions under which assets are made by themselves, and the sensors that users switch on."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from dagster import (
    AssetsDefinition,
    AssetSelection,
    AssetSpec,
    AutomationCondition,
    AutomationConditionSensorDefinition,
    DefaultSensorStatus,
)

#: Something that an asset is made from has another data version, or is about to be made. A run that made both made the
#: asset from the new version. (Dagster's own condition, ``any_deps_updated``, also holds if the same was made again. It
#: would measure a baseline after each `make run`.)
_CHANGED: AutomationCondition[Any] = AutomationCondition.any_deps_match(
    (AutomationCondition.data_version_changed() & ~AutomationCondition.executed_with_root_target())
    | AutomationCondition.will_be_requested()
)

#: Made once something it is made from has changed, and for a new partition once all of that is there.
WHEN_NEW_OR_CHANGED: AutomationCondition[Any] = AutomationCondition.eager().replace(
    AutomationCondition.any_deps_updated(), _CHANGED
)

#: Made again once something it is made from has changed, in the latest night or week alone. For the first time, its
#: schedule makes it.
AGAIN_WHEN_CHANGED: AutomationCondition[Any] = (
    AutomationCondition.in_latest_time_window()
    & _CHANGED.since_last_handled()
    & ~AutomationCondition.missing()
    & ~AutomationCondition.any_deps_in_progress()
    & ~AutomationCondition.in_progress()
).with_label("made again when something it is made from has changed")


def automated(
    assets: Sequence[AssetsDefinition], condition: AutomationCondition[Any], names: Iterable[str] = ()
) -> list[AssetsDefinition]:
    """Return the assets, all or those in ``names`` with a condition under which they are made by themselves."""
    chosen = set(names)

    def with_condition(spec: AssetSpec) -> AssetSpec:
        wanted = not chosen or spec.key.to_user_string() in chosen
        return spec.replace_attributes(automation_condition=condition) if wanted else spec

    return [asset.map_asset_specs(with_condition) for asset in assets]


def automation_sensor(
    name: str, selection: AssetSelection | Sequence[str], description: str, *, max_runtime: timedelta
) -> AutomationConditionSensorDefinition:
    """Return the sensor that makes assets whose condition holds. It is off until a user switches it on.

    Dagster's run monitoring ends its runs after ``max_runtime``.
    """
    return AutomationConditionSensorDefinition(
        name,
        target=selection if isinstance(selection, AssetSelection) else AssetSelection.assets(*selection),
        description=description,
        default_status=DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=30,
        run_tags={"dagster/max_runtime": str(int(max_runtime.total_seconds()))},
    )
