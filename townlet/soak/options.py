"""Options of a soak, and everything that it reads before it begins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from townlet.baselines.baseline import Baseline, read_baseline, require_scenario
from townlet.baselines.promotion import promoted_baseline
from townlet.config import Scenario, load_scenario
from townlet.config.settings_use import refuse_settings, scenario_for
from townlet.config.training import HandoverConfig, ImitationConfig, TownsConfig, TrainingConfig
from townlet.errors import InputError
from townlet.files.storage import AnyPath, as_path, read_bytes, sha256
from townlet.telemetry.epoch_alerts import bounds_moved_by_learning

if TYPE_CHECKING:
    from townlet.behavior import Behavior
    from townlet.behavior.network import ActorCritic
    from townlet.behavior.policy_file import PolicyCard

#: Settings that have no effect on a network that does not learn.
_OF_LEARNING = ("training.ppo.learning_rate", "training.epochs", "soak.epochs")
#: Where a checkout keeps the captures that soaks replay, by scenario.
PINNED_CAPTURES = Path("artifacts") / "phase4"


@dataclass(frozen=True)
class SoakOptions:
    """Options of a soak; a resumed soak has the same."""

    scenario: Path
    """Scenario file."""
    output: Path
    """Folder of the soak."""
    baseline: AnyPath | None = None
    """File of the baseline; by default the promoted one."""
    cycles: int | None = None
    """Number of cycles; with ``hours``, the largest number."""
    hours: float | None = None
    """Hours of work, over all processes of the soak, after which no further cycle begins."""
    learning: bool = True
    """Whether the network learns; if not, it is only observed."""
    seed: int = 0
    """Every cycle's seed is a function of this one and of the cycle's number."""
    policy: AnyPath | None = None
    """Place or name of a policy: the weights to begin with, and those of the baseline's behaviour if that is neural.
    People are shown what the policy was trained to see."""
    behavior: str | None = None
    """Who acts in the baseline's rollouts, if the baseline was made with a behaviour from outside Townlet: the same
    ``package.module:factory``, ``FILE.py:factory`` or file."""
    capture: AnyPath | None = None
    """Manifest of the capture to replay; by default the pinned one, else one recorded at the start."""
    night: str | None = None
    """A name for the report, such as the date."""
    settings: tuple[str, ...] = ()
    """Values for keys of the scenario, see :func:`townlet.config.settings.with_settings`."""


@dataclass(frozen=True)
class SoakInputs:
    """The files that the options name, read and checked."""

    scenario: Scenario
    """With the soak's own training section, and with the observations of the policy to begin with, if there is one."""
    scenario_file_sha256: str
    brings_observations: bool
    """Whether the policy's observation options are others than those in the scenario's file."""
    baseline: Baseline
    behavior: Behavior
    """The baseline's."""
    acted_in: Scenario
    """The scenario for that behaviour: the same town, in which it may be shown other observations."""
    network: ActorCritic | None
    """The network to begin with; None for a fresh one."""
    policy_sha256: str | None

    @property
    def bounds_not_applied(self) -> dict[str, float]:
        """The scenario's bounds, by signal name, that the soak ignores: those that learning moves, if it learns."""
        learning = self.scenario.training.ppo.learning_rate > 0.0
        return bounds_moved_by_learning(self.scenario.telemetry.thresholds) if learning else {}

    @property
    def bounds(self) -> dict[str, float]:
        """The scenario's bounds, by signal name, that raise alerts."""
        given = self.scenario.telemetry.thresholds.model_dump(exclude_none=True)
        return {name: bound for name, bound in given.items() if name not in self.bounds_not_applied}


def read_inputs(options: SoakOptions) -> SoakInputs:
    """Read everything that a soak begins with, except the capture that it replays.

    Raises InputError for unusable options, for a baseline that is damaged or of another scenario, and for a policy
    other than the baseline's if the baseline was made with one.
    """
    from townlet.baselines.document import require_policy
    from townlet.behavior.choose import choose_behavior

    _require_options(options)
    scenario = scenario_for("soak", load_scenario(options.scenario), options.settings)
    if not options.learning:
        refuse_settings(scenario, _OF_LEARNING, "none with --frozen: the network does not learn")
    given = options.baseline
    file, baseline = promoted_baseline(scenario.name) if given is None else (as_path(given), read_baseline(given))
    require_scenario(file, baseline, scenario)
    if baseline.behavior == "neural" and options.policy is None:
        expected = f"the policy.json of {baseline.policy_sha256}, with which the baseline was made"
        raise InputError.of("options", "--policy", "nothing", expected)
    if baseline.origin is not None and options.behavior is None:
        expected = f"the behaviour with which the baseline was made: {baseline.origin.sentence()}"
        raise InputError.of("options", "--behavior", "nothing", expected)
    acting = options.policy if baseline.behavior == "neural" else None
    choice = choose_behavior(scenario, options.behavior or baseline.behavior, acting)
    if choice.behavior.name != baseline.behavior:
        raise InputError.of("options", "--behavior", choice.behavior.name, f"{baseline.behavior}, as in the baseline")
    require_policy(str(options.behavior or options.policy), baseline, choice.identity)
    network, started_from, lived_in = _network(options, scenario)
    return SoakInputs(
        scenario=lived_in.model_copy(update={"training": soak_training(scenario, options.learning, started_from)}),
        brings_observations=lived_in is not scenario,
        scenario_file_sha256=sha256(read_bytes(options.scenario, "a scenario")),
        baseline=baseline,
        behavior=choice.behavior,
        acted_in=lived_in if choice.origin is None else choice.scenario,
        network=network,
        policy_sha256=started_from.sha256 if started_from else None,
    )


def soak_training(scenario: Scenario, learning: bool, card: PolicyCard | None) -> TrainingConfig:
    """The training section of a soak: the scenario's, without what would make one cycle unlike the next.

    The scenario's ``soak`` section replaces sizes. A soak has no planned end, so schedules are constant. Replay and
    rollout alternate; the network acts in the scenario's own town and learns by PPO from the start, without a
    hand-over and without imitation. Without learning, the step size is 0 and one pass over the data is enough.
    """
    sizes = scenario.soak.model_dump(include={"worlds", "rollout_ticks", "epochs"}, exclude_none=True)
    config = scenario.training.model_copy(update=sizes)
    constant = {"lr_schedule": "constant", "entropy_schedule": "constant"}
    ppo = config.ppo.model_copy(update=constant if learning else constant | {"learning_rate": 0.0})
    changed = {
        "cycles": 1,
        "epochs": config.epochs if learning else 1,
        "ppo": ppo,
        "replay": config.replay.model_copy(update={"mixing": "alternate"}),
        "handover": HandoverConfig(),
        "imitation": ImitationConfig(),
        "towns": TownsConfig(),
        "network": card.network if card else config.network,
    }
    return config.model_copy(update=changed)


def _network(options: SoakOptions, scenario: Scenario) -> tuple[ActorCritic | None, PolicyCard | None, Scenario]:
    """The network to begin with, its policy's card, and the scenario with the observations that the policy brings."""
    if options.policy is None:
        return None, None, scenario
    refuse_settings(scenario, ["training.network"], f"no such setting: the network is that of {options.policy}")
    from townlet.behavior.choose import policy_in_town

    return policy_in_town(options.policy, scenario)


def _require_options(options: SoakOptions) -> None:
    file = "options"
    if options.cycles is None and options.hours is None:
        raise InputError.of(file, "--cycles", "nothing", "a number of cycles, or --hours")
    if options.cycles is not None and options.cycles < 1:
        raise InputError.of(file, "--cycles", str(options.cycles), "at least 1")
    if options.hours is not None and not (options.hours > 0.0 and math.isfinite(options.hours)):
        raise InputError.of(file, "--hours", str(options.hours), "more than 0")
    if options.seed < 0:
        raise InputError.of(file, "--seed", str(options.seed), "at least 0")
