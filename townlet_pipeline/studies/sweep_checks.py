"""Checks of sweeps: a gate, and an advisory about the confirmation."""

from pathlib import Path

from townlet_pipeline.artefacts import files
from townlet_pipeline.artefacts.check import Finding, advisory, gate
from townlet_pipeline.artefacts.store import StoreResource


@gate("settings_sweep")
def sweep_is_whole(store: StoreResource, scenario: str) -> Finding:
    """Every trial in `sweep.json` is as its own record says, each once, and the best has the best score."""
    return examine(store, scenario)


def examine(store: StoreResource, scenario: str) -> Finding:
    """The finding of the gate."""
    from townlet.files.storage import read_json
    from townlet.sweep.records import read_records

    content = read_json(files.main_file(store, scenario, "settings_sweep"), "a sweep")
    folder = _folder_of(store, scenario, content)
    records = read_records(folder) if folder else []
    stated = content["trials"]
    if [record.model_dump(mode="json", exclude={"notes"}) for record in records] != stated:
        return Finding(False, "the records of the trials are not those that sweep.json states", {"trials": len(stated)})
    sign = 1.0 if content["metric"]["more_is_better"] else -1.0
    scores = [sign * record.score for record in records if record.score is not None]
    if not scores or sign * content["best"]["score"] != max(scores):
        return Finding(False, "the best trial has not the best score", {"trials": len(stated)})
    return Finding(True, f"{len(stated)} trials, each as recorded", {"trials": len(stated)})


@advisory("settings_sweep")
def best_is_confirmed(store: StoreResource, scenario: str) -> Finding:
    """With fresh seeds in unseen worlds, the best settings are better than the scenario's own, intervals apart."""
    from townlet.files.storage import read_json

    content = read_json(files.main_file(store, scenario, "settings_sweep"), "a sweep")
    confirmation = content["confirmation"]
    if confirmation is None:
        reason = "no trial beat the scenario's own settings, or no seeds were asked for"
        return Finding(False, f"nothing was confirmed: {reason}", {}, warns=True)
    found = confirmation["probability_of_improvement"]["value"]
    sentence = f"the best settings are {'' if confirmation['better'] else 'not shown to be '}better than the scenario's"
    return Finding(bool(confirmation["better"]), sentence, {"probability_of_improvement": found}, warns=True)


def _folder_of(store: StoreResource, scenario: str, content: object) -> Path | None:
    """The folder whose sweep the file beside it is a copy of."""
    from townlet.files.storage import read_json

    copy = files.main_file(store, scenario, "settings_sweep")
    originals = sorted(copy.parent.glob(f"*/{copy.name}"))
    return next((path.parent for path in originals if read_json(path, "a sweep") == content), None)


ALL = [sweep_is_whole, best_is_confirmed]
