"""The report on a night's soak of a policy made elsewhere."""

from dagster import AssetExecutionContext, MaterializeResult

from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version
from townlet_pipeline.soak.outside.partitions import policy_nights
from townlet_pipeline.soak.report import report_on


@townlet_asset(
    "outside",
    "html",
    "markdown",
    deps=["outside_soak"],
    partitions=policy_nights,
    code_version=code_version(__file__),
)
def outside_report(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
    """The soak on one page, like the acceptance report: verdict, changes, each metric against the policy's baseline.

    Its data version is the SHA-256 of `acceptance.json`.
    """
    return report_on(context, store, "outside_soak")
