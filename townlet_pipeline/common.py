"""What all assets share: owners, groups, tags and partitions."""

from collections.abc import Callable, Sequence
from typing import Any

from dagster import AssetsDefinition, asset

from townlet_pipeline.partitions import scenarios

OWNERS = ["team:townlet"]


def stage(
    group: str, *kinds: str, code_version: str, deps: Sequence[str] = ()
) -> Callable[[Callable[..., Any]], AssetsDefinition]:
    """A decorator for an asset with a partition per scenario; its description is the function's docstring."""

    def decorate(compute: Callable[..., Any]) -> AssetsDefinition:
        return asset(
            group_name=group,
            kinds=set(kinds),
            owners=OWNERS,
            tags=tags(group),
            code_version=code_version,
            deps=deps,
            partitions_def=scenarios,
        )(compute)

    return decorate


def tags(group: str) -> dict[str, str]:
    """Tags of an asset of a group, for selections such as ``tag:"townlet/stage"="training"``."""
    return {"townlet/stage": group}
