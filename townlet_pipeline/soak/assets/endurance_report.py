"""The report on a weekend's endurance run."""

from dagster import AssetExecutionContext, MaterializeResult

from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version
from townlet_pipeline.soak.partitions import weekends
from townlet_pipeline.soak.report import report_on


@townlet_asset(
    "soak", "html", "markdown", deps=["endurance_run"], partitions=weekends, code_version=code_version(__file__)
)
def endurance_report(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
    """The run on one page, like the acceptance report, with the first and last quarter of memory, speed and files.

    Its data version is the SHA-256 of `acceptance.json`.
    """
    return report_on(context, store, "endurance_run")
