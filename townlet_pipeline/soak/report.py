"""Materialization of the report on a soak, nightly or endurance."""

from collections.abc import Mapping

from dagster import AssetExecutionContext, DataVersion, MaterializeResult, MetadataValue

from townlet_pipeline.artefacts import files, metadata
from townlet_pipeline.artefacts.provenance import run_that_made
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import soak_version
from townlet_pipeline.instance.page_index import MORNING
from townlet_pipeline.instance.pages import handbook_url, page_address, page_url, run_url
from townlet_pipeline.soak.verdict_record import verdict_metadata
from townlet_pipeline.soak.verdict_table import verdict_table


def report_on(
    context: AssetExecutionContext, store: StoreResource, source: str, also: Mapping[str, str] | None = None
) -> MaterializeResult[None]:
    """Write the acceptance report on the soak of the asset ``source`` into the folder of the present asset.

    ``also`` are data versions of other parents, by asset. The data version is the SHA-256 of ``acceptance.json``.
    """
    from townlet.files.storage import sha256
    from townlet.soak.report import write_acceptance

    key, name = context.partition_key, context.asset_key.to_user_string()
    soak, out = store.folder(key, source), files.main_file(store, key, name)
    version = soak_version(store, key, source)
    run = run_that_made(context.instance, source, key, version)
    links = {f"run of {name}": run_url(context.run.run_id)}
    if context.instance.has_run(run):
        links[f"run of {source}"] = run_url(run)
    if (others := page_url(store.place() / MORNING)) is not None:
        # The page server's first page always exists, and leads to the morning page once there is one.
        exists = (store.place() / MORNING).is_file()
        links["last night, all scenarios"] = others if exists else f"{page_address()}/"
    evidence = write_acceptance(soak, output=out.parent, links=links, handbook=handbook_url())
    verdict = evidence.verdict
    options: dict[str, object] = {"output": out.parent, "handbook": handbook_url()}
    return MaterializeResult(
        data_version=DataVersion(sha256(out.with_suffix(".json").read_bytes())),
        metadata={
            "headline": f"{verdict.decision}: {verdict.why}",
            "page": metadata.page(out),
            **verdict_metadata(verdict),
            "report": metadata.markdown_of(out.with_suffix(".md")),
            "table": verdict_table(evidence),
            **metadata.made_from(**{source: version}, **(also or {})),
            "path": MetadataValue.path(str(out)),
            "command": metadata.command(
                "drift",
                soak,
                *(word for label, target in links.items() for word in ("--link", f"{label}={target}")),
                options=options,
            ),
        },
    )
