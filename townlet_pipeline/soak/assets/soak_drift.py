"""Drift: the change of a nightly soak against its baseline."""

from dagster import AssetExecutionContext, DataVersion, MaterializeResult, MetadataValue

from townlet_pipeline.artefacts import files, metadata
from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version, soak_version
from townlet_pipeline.soak.partitions import nights
from townlet_pipeline.soak.verdict_table import verdict_table


@townlet_asset("soak", "json", deps=["soak_run"], partitions=nights, code_version=code_version(__file__))
def soak_drift(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
    """The results of every suitable test on every metric of the soak, corrected together, and the verdict.

    Its data version is the SHA-256 of `drift.json`.
    """
    from townlet.files.storage import pretty_json, write_atomically
    from townlet.soak.evidence import assess_soak

    key = context.partition_key
    soak, out = store.folder(key, "soak_run"), files.main_file(store, key, "soak_drift")
    evidence = assess_soak(soak)
    version = write_atomically(out, pretty_json(evidence.as_json()))
    return MaterializeResult(
        data_version=DataVersion(version),
        metadata={
            "headline": f"{evidence.verdict.decision}: {evidence.verdict.why}",
            "verdict": MetadataValue.text(evidence.verdict.decision),
            "reasons": MetadataValue.text(evidence.verdict.reasons),
            "tests": evidence.assessment.tests,
            "alerts": len(evidence.assessment.of("alert")),
            "watched": len(evidence.assessment.of("watch")),
            "table": verdict_table(evidence),
            **metadata.made_from(soak_run=soak_version(store, key, "soak_run")),
            **metadata.read_from({"promoted baseline": soak / evidence.soak.manifest["baseline"]["file"]}),
            "path": MetadataValue.path(str(out)),
            "command": metadata.command("drift", soak, "--json", options={"output": out.parent}),
        },
    )
