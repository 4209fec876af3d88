"""Advisories on soaks: the verdict *hold* is a warning, *reject* an error."""

from dagster import MetadataValue

from townlet_pipeline.artefacts import files
from townlet_pipeline.artefacts.check import Finding, advisory
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.instance.pages import handbook_url, page_url
from townlet_pipeline.soak.partitions import nights, weekends


@advisory("soak_drift", partitions=nights)
def steady_against_baseline(store: StoreResource, key: str) -> Finding:
    """Nothing drifted from the baseline. A change that is certain but small, or a lack of data, is a warning."""
    return accepted(store, key, "soak_drift")


@advisory("acceptance_report", partitions=nights)
def night_is_accepted(store: StoreResource, key: str) -> Finding:
    """The night's verdict is *accept*. *Hold* is a warning, *reject* an error; the description says what to do."""
    return accepted(store, key, "acceptance_report")


@advisory("acceptance_report", partitions=nights)
def report_says_what_was_found(store: StoreResource, key: str) -> Finding:
    """The page gives the verdict of this soak's drift, and loads nothing from elsewhere."""
    from townlet.files.storage import read_bytes, read_json
    from townlet.view.foreign_references import foreign_references

    file = files.main_file(store, key, "acceptance_report")
    reported = read_json(file.with_suffix(".json"), "an acceptance report")
    found = read_json(files.main_file(store, key, "soak_drift"), "a verdict on a soak")
    page = read_bytes(file, "an acceptance report").decode()
    foreign = foreign_references(page)
    same = reported == found and f"<strong>{found['verdict'].capitalize()}.</strong>" in page
    agreement = "as the drift says" if same else "not what this soak's drift says: materialize the report again"
    return Finding(same and not foreign, f"{reported['verdict']}, {agreement}", {"references": len(foreign)})


@advisory("endurance_report", partitions=weekends)
def endured(store: StoreResource, key: str) -> Finding:
    """In hours of work nothing drifted, memory and open files did not grow, and speed did not fall."""
    return accepted(store, key, "endurance_report")


def accepted(store: StoreResource, key: str, asset: str) -> Finding:
    """The finding about the verdict on a soak."""
    from townlet.files.storage import read_json

    found = read_json(files.main_file(store, key, asset).with_suffix(".json"), "a verdict on a soak")
    metrics = found["assessment"]["metrics"]
    numbers = {
        "alerts": sum(metric["verdict"] == "alert" for metric in metrics),
        "watched": sum(metric["verdict"] == "watch" for metric in metrics),
        "not_enough_data": sum(metric["verdict"] == "not enough data" for metric in metrics),
    }
    verdict, page = found["verdict"], page_url(files.main_file(store, key, asset))
    more = {
        "reasons": found["reasons"],
        "handbook": MetadataValue.url(handbook_url(found["handbook"])),
        **({"report": MetadataValue.url(page)} if page and page.endswith(".html") else {}),
    }
    sentence = f"{verdict}: {found['why']} {found['next_step']}"
    return Finding(verdict == "accept", sentence, {**numbers, **more}, warns=verdict == "hold")


ALL = [steady_against_baseline, night_is_accepted, report_says_what_was_found, endured]
