"""What all assets share: who owns them, their partitions and their group."""

from typing import Any

from townlet_pipeline.partitions import scenarios

OWNERS = ["team:townlet"]


def shared(group: str, *kinds: str, **tags: str) -> dict[str, Any]:
    """Keyword arguments of an asset of a group: its kinds, owners and tags."""
    return {"group_name": group, "kinds": set(kinds), "owners": OWNERS, "tags": {"townlet/stage": group, **tags}}


def partitioned(group: str, *kinds: str, **tags: str) -> dict[str, Any]:
    """The same for an asset with a partition per scenario."""
    return {**shared(group, *kinds, **tags), "partitions_def": scenarios}
