"""Advisories on a scenario's column: they warn or report an error, and stop nothing."""

from pathlib import Path
from typing import Any

from townlet_pipeline.artefacts import files
from townlet_pipeline.artefacts.check import Finding, advisory
from townlet_pipeline.artefacts.scenario_source import source_of
from townlet_pipeline.artefacts.store import StoreResource

#: A greater share of clipped rewards is an error; one above ``townlet.telemetry.overview.CLIPPED_REWARDS`` a warning.
MOST_CLIPPED = 0.25


@advisory("scenario")
def scenario_unchanged(store: StoreResource, scenario: str) -> Finding:
    """The copied scenario, which everything downstream reads, still says what its file in configs/scenarios says."""
    from townlet.config import load_scenario

    copy, source = load_scenario(files.scenario_copy(store, scenario)), load_scenario(source_of(store, scenario))
    same = copy.digest == source.digest
    sentence = "says what the file says" if same else "the file has changed since: materialize this asset"
    return Finding(same, sentence, {}, warns=True)


@advisory("rollout_playback")
def playback_is_of_the_capture(store: StoreResource, scenario: str) -> Finding:
    """The page plays the capture in the store, and loads nothing from elsewhere."""
    from townlet.files.storage import read_bytes
    from townlet.stages.verified_capture import manifest_sha256
    from townlet.view.foreign_references import foreign_references
    from townlet.view.playback.document import document_in

    file = files.playback_page(store, scenario)
    page = read_bytes(file, "a playback page").decode()
    worlds = [world for side in document_in(page, file)["sides"] for world in side]
    captured = manifest_sha256(files.manifest(store, scenario))
    others = sum(world["manifest"] != captured for world in worlds)
    foreign = foreign_references(page, scripts=True)
    sentence = f"{len(worlds)} world(s), {others} of another capture; {len(foreign)} references"
    numbers = {"worlds": len(worlds), "worlds_of_another_capture": others, "references": len(foreign)}
    return Finding(not others and not foreign, sentence, numbers)


@advisory("ppo_telemetry")
def rewards_not_clipped(store: StoreResource, scenario: str) -> Finding:
    """Few rewards were clipped: a clipped reward no longer tells good from better. Many are an error."""
    from townlet.telemetry import validate_log
    from townlet.telemetry.overview import CLIPPED_REWARDS

    records = validate_log(files.log(store, scenario)).records
    worst = max((float(record.get("reward_clipped_share", 0.0)) for record in records), default=0.0)
    sentence = f"at most {worst:.1%} of an epoch's rewards were clipped, {CLIPPED_REWARDS:.0%} are tolerable"
    return Finding(worst <= CLIPPED_REWARDS, sentence, {"clipped_share_max": worst}, warns=worst <= MOST_CLIPPED)


@advisory("ppo_telemetry")
def entropy_kept(store: StoreResource, scenario: str) -> Finding:
    """The policy still explores at the end. If it had already stopped half-way through, that is an error."""
    from townlet.telemetry import validate_log
    from townlet.telemetry.overview import NO_ENTROPY, own_rollouts

    records = own_rollouts(validate_log(files.log(store, scenario)).records)
    course = [float(record["batch_entropy_mean"]) for record in records if "batch_entropy_mean" in record]
    if not course:
        return Finding(False, "no epoch records the policy's entropy", {}, warns=True)
    half = course[(len(course) - 1) // 2]
    sentence = f"{course[-1]:.3g} nats at the end, {half:.3g} half-way; below {NO_ENTROPY} a policy no longer explores"
    numbers = {"entropy_last": course[-1], "entropy_half_way": half}
    return Finding(course[-1] >= NO_ENTROPY, sentence, numbers, warns=half >= NO_ENTROPY)


@advisory("telemetry_alerts")
def within_thresholds(store: StoreResource, scenario: str) -> Finding:
    """No epoch broke a threshold of the scenario. If the last one did, that is an error."""
    from townlet.files.storage import read_json

    content = read_json(files.alerts(store, scenario), "telemetry alerts")
    by_signal: dict[str, list[dict[str, Any]]] = {}
    for alert in content["alerts"]:
        by_signal.setdefault(alert["signal"], []).append(alert)
    sentence = "\n".join(map(_first_of, by_signal.values())) or f"{len(content['thresholds'])} signals within bounds"
    at_the_end = any(alert["epoch"] == content["last_epoch"] for alert in content["alerts"])
    numbers = {"alerts": len(content["alerts"]), "signals_that_alerted": len(by_signal)}
    return Finding(not by_signal, sentence, numbers, warns=not at_the_end)


def _first_of(alerts: list[dict[str, Any]]) -> str:
    """One line about all alerts of a signal."""
    first = alerts[0]
    others = f" and in {len(alerts) - 1} later" if len(alerts) > 1 else ""
    return f"{first['field']} {first['found']} in epoch {first['epoch']}{others}, expected {first['expected']}"


@advisory("summary_report")
def report_is_self_contained(store: StoreResource, scenario: str) -> Finding:
    """The page opens anywhere: it loads nothing from elsewhere and runs no script."""
    from townlet.files.storage import read_bytes
    from townlet.view.foreign_references import foreign_references

    page = read_bytes(files.report(store, scenario), "a report").decode()
    foreign = foreign_references(page)
    sentence = f"{len(page):,} characters" if not foreign else f"refers to {', '.join(sorted(set(foreign))[:5])}"
    return Finding(not foreign, sentence, {"characters": len(page), "references": len(foreign)})


@advisory("policy_evaluation")
def no_worse_than_chance(store: StoreResource, scenario: str) -> Finding:
    """The policy's reward is not below that of random actions in the same worlds."""
    return against_chance(files.evaluation(store, scenario))


def against_chance(evaluation: Path) -> Finding:
    """The finding about an evaluation: whether the policy's reward is certainly below that of random actions."""
    from townlet.evaluation import read_evaluation
    from townlet.metrics import REWARD

    more = read_evaluation(evaluation)["policy_minus"]["random"][REWARD]
    sentence = f"{more['mean']:+.4g} per agent-step against random actions ({more['low']:.4g} to {more['high']:.4g})"
    return Finding(more["high"] >= 0.0, sentence, {"reward_beyond_chance": more["mean"]}, warns=True)


ALL = [
    scenario_unchanged,
    playback_is_of_the_capture,
    rewards_not_clipped,
    entropy_kept,
    within_thresholds,
    report_is_self_contained,
    no_worse_than_chance,
]
