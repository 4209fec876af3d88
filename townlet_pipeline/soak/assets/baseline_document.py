"""The page of all promoted baselines, with figures measured anew."""

from pathlib import Path

from dagster import AssetExecutionContext, DataVersion, MaterializeResult, MetadataValue

from townlet_pipeline.artefacts import files, metadata
from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.partitions import key_of
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version
from townlet_pipeline.instance.pools import SIMULATION
from townlet_pipeline.instance.project import project_root, scenario_file


@townlet_asset(
    "baselines",
    "markdown",
    deps=["promoted_baseline"],
    partitions=None,
    pool=SIMULATION,
    code_version=code_version(__file__),
)
def baseline_document(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
    """All promoted baselines on one page, every figure measured again by the present code, and those that differ.

    Its data version is the SHA-256 of the page. `townlet baselines document` writes the one in `docs/ops`.
    """
    from townlet.baselines import BASELINES_FOLDER, promoted_baseline
    from townlet.baselines.document import changes, document, measured_anew, read_promoted
    from townlet.config import load_scenario
    from townlet.files.storage import write_atomically

    home = project_root() / BASELINES_FOLDER
    promoted = read_promoted(home)
    anew = {
        name: (measured_anew(baseline, load_scenario(scenario_file(name))), history)
        for name, (baseline, history) in promoted.items()
    }
    page = document(anew)
    path = files.main_file(store, key_of(context), "baseline_document")
    version = write_atomically(path, page)
    differing = [str(fault) for name in promoted for fault in changes(promoted[name][0], anew[name][0])]
    return MaterializeResult(
        data_version=DataVersion(version),
        metadata={
            "headline": f"{len(promoted)} baselines promoted, {len(differing)} figures differ from them",
            "page": MetadataValue.md(page),
            "differing": MetadataValue.json(differing),
            **metadata.made_from(),
            **metadata.read_from(
                {f"promoted baseline of {name}": Path(str(promoted_baseline(name, home)[0])) for name in promoted}
            ),
            "path": MetadataValue.path(str(path)),
            "command": metadata.command("baselines", "document", options={"output": path}),
        },
    )
