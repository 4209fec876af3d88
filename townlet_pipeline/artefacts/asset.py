"""The decorator of assets: owners, group, tags, partitions, and the guard around each function."""

from collections.abc import Callable, Sequence
from typing import Any

from dagster import AssetsDefinition, PartitionsDefinition, asset

from townlet_pipeline.artefacts.guard import guarded
from townlet_pipeline.artefacts.labels import OWNERS, tags
from townlet_pipeline.artefacts.object_store import with_object_store
from townlet_pipeline.artefacts.partitions import scenarios
from townlet_pipeline.artefacts.provenance import recorded
from townlet_pipeline.artefacts.trainer_options import require_trainer_options


def townlet_asset(
    group: str,
    *kinds: str,
    code_version: str,
    deps: Sequence[str] = (),
    pool: str | None = None,
    partitions: PartitionsDefinition[str] | None = scenarios,
) -> Callable[[Callable[..., Any]], AssetsDefinition]:
    """Return a decorator that makes a function an asset; its docstring becomes the asset's description.

    The function's results must have the metadata that :func:`townlet_pipeline.artefacts.provenance.recorded` asks for.

    Args:
        group: the asset's group in Dagster.
        kinds: the libraries and file formats that Dagster shows on it, such as ``numba`` and ``parquet``.
        code_version: see :func:`townlet_pipeline.artefacts.versions.code_version`.
        deps: the assets that it is made from.
        pool: the pool in which its run needs a slot.
        partitions: by default one per scenario; None for an asset made once for all scenarios.
    """

    def decorate(compute: Callable[..., Any]) -> AssetsDefinition:
        return asset(
            group_name=group,
            kinds=set(kinds),
            owners=OWNERS,
            tags=tags(group),
            code_version=code_version,
            deps=deps,
            partitions_def=partitions,
            pool=pool,
        )(guarded(with_object_store(recorded(compute)), require_trainer_options))

    return decorate
