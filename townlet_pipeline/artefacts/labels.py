"""Labels of assets: their owners, and tags by which assets can be selected."""

OWNERS = ["team:townlet"]


def tags(group: str) -> dict[str, str]:
    """Tags of an asset of a group, for selections such as ``tag:"townlet/stage"="training"``."""
    return {"townlet/stage": group}
