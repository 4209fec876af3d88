"""The acceptance report: a nightly soak on one page, to be read in the morning."""

from dagster import AssetExecutionContext, MaterializeResult

from townlet_pipeline.artefacts import files
from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version
from townlet_pipeline.soak.partitions import nights
from townlet_pipeline.soak.report import report_on


@townlet_asset(
    "soak", "html", "markdown", deps=["soak_run", "soak_drift"], partitions=nights, code_version=code_version(__file__)
)
def acceptance_report(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
    """The soak on one page: verdict, changes, each metric against the baseline's band, and its sources.

    It is self-contained HTML, Markdown and JSON. Its data version is the SHA-256 of `acceptance.json`, which has no
    links.
    """
    from townlet.files.storage import read_bytes, sha256

    drift = sha256(read_bytes(files.main_file(store, context.partition_key, "soak_drift"), "a verdict on a soak"))
    return report_on(context, store, "soak_run", {"soak_drift": drift})
