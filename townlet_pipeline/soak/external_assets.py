"""Promoted baselines and pinned captures as assets of the graph, which people promote and pin and no run makes."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from dagster import DagsterInstance, MetadataValue

from townlet.errors import InputError
from townlet_pipeline.artefacts.external import (
    MADE_BY,
    PINNED_CAPTURE,
    PROMOTED_BASELINE,
    Present,
    external_asset,
    reported_version,
)
from townlet_pipeline.artefacts.partitions import soaked_scenarios
from townlet_pipeline.instance.project import project_root, shown

promoted_baseline = external_asset(
    PROMOTED_BASELINE,
    "baselines",
    "json",
    description="The baseline with which a scenario's soaks are compared. `townlet baselines promote` puts it into "
    "`baselines/<scenario>/`; no run makes it, and none changes it. Its page answers six questions: which rollouts, "
    "which policy or script, which code and commit, who promoted it, why, and what it replaced. Its data version is "
    "the SHA-256 that the baseline states.",
    partitions=soaked_scenarios,
    made_from=("conflict_baselines",),
)

pinned_capture = external_asset(
    PINNED_CAPTURE,
    "baselines",
    "parquet",
    description="The capture that a scenario's soaks replay, pinned in `artifacts/phase4/<scenario>/`. A soak of a "
    "scenario without one records its own. Its data version is the SHA-256 of the manifest, which names the hash of "
    "every file.",
    partitions=soaked_scenarios,
    made_from=("scenario",),
)


def present_files(instance: DagsterInstance, keys: Iterable[str]) -> tuple[list[Present], list[str]]:
    """The promoted baselines and pinned captures of ``keys`` that the instance does not know yet, and all faults.

    A baseline is read only if the ledger names another one than was last reported.
    """
    found: list[Present] = []
    faults: list[str] = []
    for key in keys:
        for each in (_promoted, _pinned):
            try:
                found.extend(each(instance, key))
            except InputError as error:
                faults.append(str(error.faults[0]))
    return found, faults


def _promoted(instance: DagsterInstance, key: str) -> Iterator[Present]:
    from townlet.baselines import BASELINES_FOLDER
    from townlet.baselines.promotion import read_ledger
    from townlet.baselines.review import review_of

    home = project_root() / BASELINES_FOLDER
    promotions = read_ledger(home / key, key).promotions
    if not promotions or promotions[-1].baseline == reported_version(instance, PROMOTED_BASELINE, key):
        return
    review = review_of(home, key)
    by = promotions[-1].by
    yield Present(
        PROMOTED_BASELINE,
        key,
        review.baseline.sha256,
        {
            "headline": f"{review.baseline.sha256[:12]}, promoted by {by}: {promotions[-1].reason}",
            **{question: MetadataValue.text(answer) for question, answer in review.sentences()},
            MADE_BY: f"promoted by {by}",
            "path": MetadataValue.path(shown(Path(str(review.file)))),
            "command": f"townlet lineage {shown(Path(str(review.file)))}",
        },
    )


def _pinned(instance: DagsterInstance, key: str) -> Iterator[Present]:
    from townlet.capture.manifest import parse_manifest
    from townlet.files.artefact_names import MANIFEST_NAME
    from townlet.files.storage import read_bytes, sha256
    from townlet.soak.options import PINNED_CAPTURES
    from townlet.telemetry.formatting import count

    manifest = project_root() / PINNED_CAPTURES / key / MANIFEST_NAME
    if not manifest.exists():
        return
    version = sha256(read_bytes(manifest, "a capture's manifest"))
    if version == reported_version(instance, PINNED_CAPTURE, key):
        return
    recorded = parse_manifest(manifest)
    yield Present(
        PINNED_CAPTURE,
        key,
        version,
        {
            "headline": f"{count(recorded.worlds, 'world')}, {recorded.ticks} ticks, {recorded.behavior.name}",
            MADE_BY: "pinned by hand",
            "path": MetadataValue.path(shown(manifest)),
            "command": f"townlet verify {shown(manifest)}",
        },
    )
