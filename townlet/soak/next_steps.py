"""Next steps after a verdict: one sentence for each case, and the row of the handbook that says more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from townlet.metrics import SPEED
from townlet.soak.assessment import MetricAssessment
from townlet.soak.learned_change import LEARNING_METRICS

Decision = Literal["accept", "hold", "reject"]

#: Whose change explains most: the town's explains a network's and a resource's, a network's explains a resource's.
ROLES = ("reference", "network", "resource")


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do now."""

    sentence: str
    handbook: str
    """Anchor of the row in the handbook."""
    steps: tuple[str, ...] = ()
    """How to do it: the same steps as in the handbook's row, as Markdown of one line each."""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"next_step": self.sentence, "handbook": self.handbook}

    def filled_in(self, scenario: str, seed: int) -> list[str]:
        """The steps, with a scenario and a seed in their commands."""
        return [step.replace("NAME", scenario).replace("SEED", str(seed)) for step in self.steps]


_NOTHING = NextStep("Nothing to do.", "night-accepted")
_BOUND = NextStep(
    "Decide today whether the bound is too tight or something broke.",
    "night-bound-broken",
    (
        "Look at the report's first plot: the value, the bound, and the cycles beyond it.",
        "Compare with the nights before. If they come close to the bound as well, the bound is too tight. If they stay "
        "far from it, something broke.",
        "Too tight: widen `telemetry.thresholds` in the scenario's file. The baseline stays as it is.",
        "Broken: read `git log` since the last accepted night, and build nothing on this code until it is found.",
    ),
)
_NO_DATA = NextStep(
    "Find out why cycles are missing, then run the night again.",
    "night-too-little-data",
    (
        "Compare `cycles_done` in `soak.json` with the cycles that were asked for. The town's metrics need 8 cycles, "
        "memory and speed 16.",
        "Too few were asked for: launch the partition again with more cycles.",
        "Enough were asked for: the report's table names the metrics that lack data. Look in `cycles.jsonl` from which "
        "cycle on they are missing.",
    ),
)
_NO_BASELINE = NextStep(
    "Build a baseline and promote it.",
    "night-no-baseline",
    (
        "Measure one: `townlet baselines build configs/scenarios/NAME.yaml`.",
        "Promote it with the reason: `townlet baselines promote NEW.json configs/scenarios/NAME.yaml --reason 'why'`.",
        "Launch the night's partition again.",
    ),
)
_TOWN = NextStep(
    "Find the commit that changed the town, and decide whether the change was intended.",
    "night-town-changed",
    (
        "Read `git log` since the last accepted night: `townlet/world`, `townlet/behavior` and the scenario's file.",
        "See what moved: `townlet baselines build configs/scenarios/NAME.yaml`, then "
        "`townlet baselines diff OLD.json NEW.json`.",
        "The change was intended: promote the new baseline, with the reason.",
        "It was not: the soak found a bug in the rules. Revert the commit, or fix it, and launch the night again.",
    ),
)
_TOWN_DRIFTED = NextStep(
    "Find what carries over from one cycle to the next in the town.",
    "night-town-drifted",
    (
        "Look at its plot: each cycle has a fresh town and a fresh seed, and still the values moved during the soak.",
        "Run it again: `townlet soak configs/scenarios/NAME.yaml --seed SEED --output runs/again`.",
        "It moves in the same cycle: read `git log` since the last accepted night, for `townlet/world`.",
        "It does not: look at the machine, and at what else ran on it.",
    ),
)
_ONE_CYCLE = NextStep(
    "Play back that cycle's rollout and look for what is odd.",
    "night-one-cycle",
    (
        "Record it, with the cycle's `seed` in `cycles.jsonl`: "
        "`townlet capture configs/scenarios/NAME.yaml --seed SEED --output runs/odd`.",
        "Play it: `townlet playback runs/odd/rollout_sample_manifest.json`.",
        "Keep the seed as a test, whatever the cause is.",
    ),
)
_TRAINER = NextStep(
    "Run the soak again with its seed, to see whether the trainer repeats it.",
    "night-trainer-changed",
    (
        "Nothing learned in this soak, so the losses should not move. Something carries over from cycle to cycle.",
        "Run it again: `townlet soak configs/scenarios/NAME.yaml --frozen --seed SEED --output runs/again`.",
        "It moves in the same cycle: read `git log` since the last accepted night, for `townlet/training`.",
        "It does not: look at the machine, and at the versions of torch and NumPy at the report's end.",
    ),
)
_NETWORK = NextStep(
    "Do not use this policy; find what changed how it acts.",
    "night-network-changed",
    (
        "Nothing learned in this soak, so the policy should act the same in every cycle. The town did not change.",
        "Run it again: `townlet soak configs/scenarios/NAME.yaml --frozen --seed SEED --output runs/again`.",
        "It moves in the same cycle: read `git log` since the last accepted night, for `townlet/behavior`.",
        "It does not: look at the machine, and at the versions of torch and NumPy at the report's end.",
    ),
)
_MEMORY = NextStep(
    "See in its plot whether it grows steadily: that is a leak.",
    "night-memory",
    (
        "It grows cycle by cycle: it is a leak. Read `git log` since the last accepted night.",
        "It jumped once: see in `resources.jsonl` whether a new `process` begins there. If so, wait for another night.",
        "How fast it grows in hours is in the report of the last weekend's endurance run.",
    ),
)
_SPEED = NextStep(
    "Check what else ran on the machine; act if it happens two nights in a row.",
    "night-speed",
    (
        "Look for other work on the machine at that time. If there was any, wait for the next night.",
        "Measure without the soak: `townlet bench world`.",
        "It is slower for two nights in a row: read `git log` since the last accepted night.",
    ),
)

#: Steps after a night that has no verdict.
CRASHED = NextStep("Open the incident's page and do what it says.", "night-failed")
DAMAGED = NextStep("Materialize the asset of the damaged file again.", "night-damaged")
MISSED = NextStep("Look under Runs in Dagster whether it waits; if not, launch the night.", "night-missed")
UNFINISHED = NextStep("Look under Runs in Dagster whether it still runs; if not, launch it again.", "night-running")
WAITING = NextStep("Nothing to do before it is due.", "night-waiting")
NOT_SOAKED = NextStep("Nothing to do until the schedule's next start.", "night-waiting")


def next_step(
    decision: Decision, changed: Sequence[MetricAssessment], *, broken_bounds: bool, has_baseline: bool
) -> NextStep:
    """What to do after a verdict.

    Args:
        decision: the verdict.
        changed: the metrics that the verdict rests on: those with an alert, or else those to watch.
        broken_bounds: whether a bound of the scenario was broken.
        has_baseline: whether there was a baseline to compare with.
    """
    if decision == "accept":
        return _NOTHING
    if changed:
        return _after_change(changed)
    if not has_baseline:
        return _NO_BASELINE
    return _BOUND if broken_bounds else _NO_DATA


def _after_change(changed: Sequence[MetricAssessment]) -> NextStep:
    """The step for the change that explains most."""
    of = {role: [metric for metric in changed if metric.role == role] for role in ROLES}
    if of["reference"]:
        tests = {found.finding.test for metric in of["reference"] if (found := metric.decisive()) is not None}
        if tests == {"one cycle"}:
            return _ONE_CYCLE
        return _TOWN_DRIFTED if tests <= {"trend", "change point"} else _TOWN
    if of["network"]:
        learning = all(metric.name in LEARNING_METRICS for metric in of["network"])
        return _TRAINER if learning else _NETWORK
    return _SPEED if all(metric.name == SPEED for metric in of["resource"]) else _MEMORY
