"""Private name of Dagster that the definitions need.

It is apart from those in :mod:`townlet_pipeline.instance.dagster_internals`, whose modules load servers, which takes
seconds. Dagster has no public way to give a job of assets fewer resources than the code location has.
"""

from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition as UnresolvedAssetJobDefinition,
)
