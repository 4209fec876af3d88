"""Private names of Dagster that the definitions need.

They are apart from those in :mod:`townlet_pipeline.instance.dagster_internals`, whose modules load servers, which takes
seconds. Dagster has no public way to give a job of assets fewer resources than the code location has, nor to ask its
clock, which tests set.
"""

from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition as UnresolvedAssetJobDefinition,
)
from dagster._time import get_current_datetime as get_current_datetime
