"""Checks of trainings with several seeds: a gate, and advisories about divergence and chance."""

from townlet_pipeline.artefacts import files
from townlet_pipeline.artefacts.check import Finding, advisory, gate
from townlet_pipeline.artefacts.store import StoreResource


@gate("several_seeds")
def seeds_are_whole(store: StoreResource, scenario: str) -> Finding:
    """Every seed's policy is the one that was scored, and the statistics are those of the scores."""
    return examine(store, scenario)


def examine(store: StoreResource, scenario: str) -> Finding:
    """The finding of the gate."""
    from townlet.behavior.policy_file import load_policy
    from townlet.study.several_seeds.results import read_results, statistics

    main = files.main_file(store, scenario, "several_seeds")
    results = read_results(main)
    scored = [each for each in results["seeds"] if each["diverged"] is None]
    other = [
        each["seed"]
        for each in scored
        if load_policy(main.parent / str(each["folder"]))[1].sha256 != each["policy_sha256"]
    ]
    if other:
        return Finding(False, f"the policies of seeds {other} are not those that were scored", {"others": len(other)})
    expected = statistics(results["seeds"], results["behaviors"])
    same = {name: results[name] for name in expected} == expected
    sentence = f"{len(scored)} policies are as scored" if same else "the statistics are not those of the scores"
    return Finding(same, sentence, {"policies": len(scored)})


@advisory("several_seeds")
def no_seed_diverged(store: StoreResource, scenario: str) -> Finding:
    """The training of every seed came to its end."""
    from townlet.study.several_seeds.results import read_results

    seeds = read_results(files.main_file(store, scenario, "several_seeds"))["seeds"]
    diverged = [each["seed"] for each in seeds if each["diverged"] is not None]
    sentence = f"{len(diverged)} of {len(seeds)} trainings diverged" + (f": seeds {diverged}" if diverged else "")
    return Finding(not diverged, sentence, {"diverged": len(diverged)}, warns=True)


@advisory("several_seeds")
def seeds_beat_chance(store: StoreResource, scenario: str) -> Finding:
    """A policy with another seed certainly earns more than random actions: the 95 % interval is above one half."""
    from townlet.study.several_seeds.report import probability
    from townlet.study.several_seeds.results import CHANCE, read_results

    found = read_results(files.main_file(store, scenario, "several_seeds"))["probability_of_improvement"][CHANCE]
    low = found["value"] if found["low"] is None else found["low"]
    sentence = f"P(more than chance) = {probability(found)}"
    return Finding(low > 0.5, sentence, {"probability": found["value"]}, warns=True)


ALL = [seeds_are_whole, no_seed_diverged, seeds_beat_chance]
