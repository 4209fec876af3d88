"""The page of all promoted baselines, from figures measured anew."""

from dagster import AssetExecutionContext, DataVersion, MaterializeResult, MetadataValue, asset

from townlet_pipeline import metadata
from townlet_pipeline.common import OWNERS, SIMULATION, tags
from townlet_pipeline.failures import readable_failures
from townlet_pipeline.project import project_root, scenario_file
from townlet_pipeline.resources import StoreResource
from townlet_pipeline.versions import code_version

#: The page in the store; the one in the project's folder of documents has the same name.
PAGE = "queue_conflict_baselines.md"


@asset(
    group_name="baselines",
    kinds={"markdown"},
    owners=OWNERS,
    tags=tags("baselines"),
    deps=["conflict_baselines"],
    pool=SIMULATION,
    code_version=code_version(__file__),
)
def baseline_document(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
    """All promoted baselines on one page, every figure measured again by the present code, and what differs.

    Its data version is the SHA-256 of the page. `townlet baselines document` writes the one in `docs/ops`.
    """
    from townlet.baselines import BASELINES_FOLDER
    from townlet.baselines.document import changes, document, measured_anew, read_promoted
    from townlet.config import load_scenario
    from townlet.storage import write_atomically

    with readable_failures():
        promoted = read_promoted(project_root() / BASELINES_FOLDER)
        anew = {
            name: (measured_anew(baseline, load_scenario(scenario_file(name))), history)
            for name, (baseline, history) in promoted.items()
        }
        page = document(anew)
        path = store.folder("all", "baseline_document") / PAGE
        version = write_atomically(path, page)
    differing = [str(fault) for name in promoted for fault in changes(promoted[name][0], anew[name][0])]
    return MaterializeResult(
        data_version=DataVersion(version),
        metadata={
            "headline": f"{len(promoted)} baselines promoted, {len(differing)} figures differ from them",
            "page": MetadataValue.md(page),
            "differing": MetadataValue.json(differing),
            **metadata.made_from(**{"promoted baselines": {n: b.sha256 for n, (b, _) in promoted.items()}}),
            "path": MetadataValue.path(str(path)),
            "command": metadata.command("baselines", "document"),
        },
    )
