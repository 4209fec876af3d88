"""Gates of baselines and soaks: conditions for comparing with them and reporting on them."""

from townlet_pipeline.artefacts import files
from townlet_pipeline.artefacts.check import Finding, gate
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.instance.project import documentation
from townlet_pipeline.soak.partitions import nights, weekends


@gate("conflict_baselines")
def baseline_is_whole(store: StoreResource, scenario: str) -> Finding:
    """The baseline has the hash that it states, and every rollout the manifest that the baseline names."""
    from townlet.baselines import read_baseline
    from townlet.baselines.build import rollout_folder
    from townlet.capture import MANIFEST_NAME, verify_capture
    from townlet.files.storage import read_bytes, sha256

    file = files.main_file(store, scenario, "conflict_baselines")
    baseline = read_baseline(file)
    for seed, expected in baseline.manifests.items():
        manifest = rollout_folder(file.parent, int(seed)) / MANIFEST_NAME
        verify_capture(manifest)
        if sha256(read_bytes(manifest, "a capture's manifest")) != expected:
            return Finding(False, f"{manifest}: another rollout than the one measured", {})
    return Finding(True, f"{len(baseline.manifests)} rollouts are as recorded", {"rollouts": len(baseline.manifests)})


@gate("soak_run", partitions=nights)
def soak_is_whole(store: StoreResource, key: str) -> Finding:
    """The soak is finished, every file has the hash on record, and no cycle is missing or doubled."""
    return whole(store, key, "soak_run")


@gate("endurance_run", partitions=weekends)
def endurance_is_whole(store: StoreResource, key: str) -> Finding:
    """The run is finished, every file has the hash on record, and no cycle is missing or doubled."""
    return whole(store, key, "endurance_run")


def whole(store: StoreResource, key: str, asset: str) -> Finding:
    """The finding about a finished soak. Raises InputError for one that is not, or whose files differ."""
    from townlet.soak.read import read_soak

    soak = read_soak(files.main_file(store, key, asset).parent)
    cycles = len(soak.cycles["cycle"])
    return Finding(True, f"{cycles} cycles, each once", {"cycles": cycles})


@gate("baseline_document", partitions=None)
def baselines_come_out_again(store: StoreResource, key: str) -> Finding:
    """The page in the project is, to the byte, the page that the present code makes from new measurements."""
    from townlet.files.storage import read_bytes

    page = files.main_file(store, key, "baseline_document")
    kept = documentation() / "ops" / page.name
    same = kept.exists() and kept.read_bytes() == read_bytes(page, "a page")
    sentence = f"{kept.name} is what the code gives" if same else f"{kept}: not what the code gives now"
    return Finding(same, sentence, {})


ALL = [baseline_is_whole, soak_is_whole, endurance_is_whole, baselines_come_out_again]
