"""Deadlines of scheduled assets: after its deadline, Dagster shows an asset as overdue."""

from collections.abc import Sequence

from dagster import AssetsDefinition, AssetSpec, FreshnessPolicy

from townlet_pipeline.instance.environment import timezone
from townlet_pipeline.instance.timetable import plans


def with_deadlines(assets: Sequence[AssetsDefinition]) -> list[AssetsDefinition]:
    """Return the assets, with a deadline for each that is scheduled. Raises InputError for unusable hours."""
    deadlines = {
        name: FreshnessPolicy.cron(plan.deadline, plan.within, timezone())
        for plan in plans().values()
        for name in plan.assets
    }

    def dated(spec: AssetSpec) -> AssetSpec:
        policy = deadlines.get(spec.key.to_user_string())
        return spec if policy is None else spec.replace_attributes(freshness_policy=policy)

    return [asset.map_asset_specs(dated) for asset in assets]
