"""Watches: what people should look at, told as a warning or an error, without stopping anything."""

from typing import Any

from townlet_pipeline.artefacts import files
from townlet_pipeline.artefacts.check import Finding, watch
from townlet_pipeline.column.experiments import source_of
from townlet_pipeline.resources import StoreResource

#: Share of an epoch's rewards on their clip that is an error; verdict.CLIPPED_REWARDS is a warning.
MOST_CLIPPED = 0.25


@watch("scenario")
def scenario_unchanged(store: StoreResource, scenario: str) -> Finding:
    """The copy that everything downstream reads still says what the file in configs/scenarios says."""
    from townlet.config import load_scenario

    copy, source = load_scenario(files.snapshot(store, scenario)), load_scenario(source_of(store, scenario))
    same = copy.digest == source.digest
    told = "as on file" if same else "the file has changed since: materialize this asset"
    return Finding(same, told, {}, warns=True)


@watch("rollout_replay")
def replay_is_of_the_capture(store: StoreResource, scenario: str) -> Finding:
    """The page plays the capture that is in the store, and refers to no other file and no network."""
    from townlet.files.storage import read_bytes
    from townlet.stages.verified_capture import manifest_sha256
    from townlet.view.references import foreign_references
    from townlet.view.replay.document import document_in

    file = files.replay_page(store, scenario)
    page = read_bytes(file, "a replay page").decode()
    films = [film for films in document_in(page, file)["sides"] for film in films]
    captured = manifest_sha256(files.manifest(store, scenario))
    others = sum(film["manifest"] != captured for film in films)
    foreign = foreign_references(page, scripts=True)
    told = f"{len(films)} world(s), {others} of another capture; {len(foreign)} references"
    numbers = {"worlds": len(films), "worlds_of_another_capture": others, "references": len(foreign)}
    return Finding(not others and not foreign, told, numbers)


@watch("ppo_telemetry")
def rewards_not_clipped(store: StoreResource, scenario: str) -> Finding:
    """Few rewards sat on their clip, where they teach nothing; many are an error."""
    from townlet.telemetry import validate_log
    from townlet.telemetry.overview import CLIPPED_REWARDS

    records = validate_log(files.log(store, scenario)).records
    worst = max((float(record.get("reward_clipped_share", 0.0)) for record in records), default=0.0)
    told = f"at most {worst:.1%} of an epoch's rewards sat on their clip, {CLIPPED_REWARDS:.0%} are tolerable"
    return Finding(worst <= CLIPPED_REWARDS, told, {"clipped_share_max": worst}, warns=worst <= MOST_CLIPPED)


@watch("ppo_telemetry")
def entropy_kept(store: StoreResource, scenario: str) -> Finding:
    """The policy still explores; if it had stopped before half of the training was over, that is an error."""
    from townlet.telemetry import validate_log
    from townlet.telemetry.overview import NO_ENTROPY, own_rollouts

    records = own_rollouts(validate_log(files.log(store, scenario)).records)
    course = [float(record["batch_entropy_mean"]) for record in records if "batch_entropy_mean" in record]
    if not course:
        return Finding(False, "no epoch says its policy entropy", {}, warns=True)
    half = course[(len(course) - 1) // 2]
    told = f"{course[-1]:.3g} nats at the end, {half:.3g} half-way; below {NO_ENTROPY} nothing is explored any more"
    numbers = {"entropy_last": course[-1], "entropy_half_way": half}
    return Finding(course[-1] >= NO_ENTROPY, told, numbers, warns=half >= NO_ENTROPY)


@watch("telemetry_alerts")
def within_thresholds(store: StoreResource, scenario: str) -> Finding:
    """No epoch went beyond a threshold of the scenario; if the last one did, that is an error."""
    from townlet.files.storage import read_json

    content = read_json(files.alerts(store, scenario), "telemetry alerts")
    by_signal: dict[str, list[dict[str, Any]]] = {}
    for alert in content["alerts"]:
        by_signal.setdefault(alert["signal"], []).append(alert)
    told = "\n".join(map(_first_of, by_signal.values())) or f"{len(content['thresholds'])} signals within their bounds"
    at_the_end = any(alert["epoch"] == content["last_epoch"] for alert in content["alerts"])
    numbers = {"alerts": len(content["alerts"]), "signals_that_alerted": len(by_signal)}
    return Finding(not by_signal, told, numbers, warns=not at_the_end)


def _first_of(alerts: list[dict[str, Any]]) -> str:
    """The alerts of one signal in a line."""
    first = alerts[0]
    others = f" and in {len(alerts) - 1} later" if len(alerts) > 1 else ""
    return f"{first['field']} {first['found']} in epoch {first['epoch']}{others}, expected {first['expected']}"


@watch("summary_report")
def report_is_self_contained(store: StoreResource, scenario: str) -> Finding:
    """The page opens anywhere: it refers to no other file and no network, and runs no script."""
    from townlet.files.storage import read_bytes
    from townlet.view.references import foreign_references

    page = read_bytes(files.report(store, scenario), "a report").decode()
    foreign = foreign_references(page)
    told = f"{len(page):,} characters" if not foreign else f"refers to {', '.join(sorted(set(foreign))[:5])}"
    return Finding(not foreign, told, {"characters": len(page), "references": len(foreign)})


@watch("policy_evaluation")
def no_worse_than_chance(store: StoreResource, scenario: str) -> Finding:
    """In the same worlds, the policy's reward is not below that of random actions."""
    from townlet.evaluation import read_evaluation
    from townlet.metrics import REWARD

    more = read_evaluation(files.evaluation(store, scenario))["policy_minus"]["random"][REWARD]
    told = f"{more['mean']:+.4g} per agent-step beside random actions ({more['low']:.4g} to {more['high']:.4g})"
    return Finding(more["high"] >= 0.0, told, {"reward_beyond_chance": more["mean"]}, warns=True)


ALL = [
    scenario_unchanged,
    replay_is_of_the_capture,
    rewards_not_clipped,
    entropy_kept,
    within_thresholds,
    report_is_self_contained,
    no_worse_than_chance,
]
