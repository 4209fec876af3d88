"""The harness of a training: one learner and one loop, reused in every phase and cycle."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from townlet.behavior.base import Behavior
from townlet.behavior.compiled.kernel import threads_for
from townlet.behavior.network import ActorCritic
from townlet.behavior.neural import NeuralBehavior
from townlet.behavior.policy_file import require_spaces
from townlet.config.scenario import Scenario
from townlet.config.settings_use import why_another_town
from townlet.config.training import Mode, TrainingConfig, combination_faults, phase_kinds
from townlet.errors import Fault, InputError
from townlet.host.memory import FEWER, memory_for
from townlet.rollout import RolloutBuffer
from townlet.simulation import SimulationLoop
from townlet.training.batch import rollout_batch
from townlet.training.handover import Handover, require_handover, script_batch
from townlet.training.imitation import LabelledBehavior, imitation_batch
from townlet.training.joint import joint_batch
from townlet.training.learner import Learner, Log, PhaseSource
from townlet.training.loop import Loop
from townlet.training.memory_needed import learning_bytes
from townlet.training.replay import replay_batch, replay_method, require_learnable
from townlet.training.towns_loop import TownsLoop
from townlet.training.trajectories import learnable_rows

if TYPE_CHECKING:
    from townlet.capture import Capture


class TrainingHarness(Learner):
    """Trains a policy from recorded captures, from its own rollouts, or from both in turn.

    Under :func:`townlet.host.torch_settings.repeatable` the same scenario, seed and captures give the same weights and
    records to the bit, except for clock fields. Construct the harness and run it inside; it never changes a setting of
    the process itself.

    The network acts and learns on ``device``; the worlds are simulated on the processor. Another device gives other
    bits.

    Args:
        loop: the worlds that the network acts in.
        config: amounts and constants.
        seed: of the first weights and of the minibatch order.
        device: where the network acts and learns.
        scenario: the town's scenario; without one, nothing can be replayed and no schedule can act.
    """

    def __init__(
        self,
        loop: Loop,
        config: TrainingConfig,
        *,
        seed: int,
        device: str | torch.device = "cpu",
        scenario: Scenario | None = None,
    ) -> None:
        features, actions = len(loop.town.observation_schema), len(loop.town.action_names)
        network = ActorCritic(features, actions, config.network, seed=seed).to(torch.device(device))
        super().__init__(network, config, seed=seed)
        self.loop, self.scenario = loop, scenario
        self.neural = NeuralBehavior(network)
        self.behavior: Behavior = self.neural
        self.handover = Handover.of(config.handover)
        self._buffer: RolloutBuffer | None = None

    @classmethod
    def for_scenario(
        cls,
        scenario: Scenario,
        *,
        seed: int | None = None,
        device: str | torch.device = "cpu",
        loop: Loop | None = None,
    ) -> TrainingHarness:
        """A harness for a scenario's town, by the scenario's ``training`` section.

        ``seed`` replaces the section's own. ``loop`` replaces a new :class:`SimulationLoop` of the scenario, or, with
        ``towns.count``, a new :class:`TownsLoop`.
        """
        config = scenario.training
        seed = config.seed if seed is None else seed
        if loop is None:
            threads = threads_for(torch.device(device), config.network, config.threads)
            if config.towns.count:
                loop = TownsLoop(scenario, seed=seed, threads=threads)
            else:
                loop = SimulationLoop(scenario, worlds=config.worlds, seed=seed, threads=threads)
        return cls(loop, config, seed=seed, device=device, scenario=scenario)

    def run(
        self,
        mode: Mode,
        log: Log,
        *,
        capture: Capture | None = None,
        cycles: int | None = None,
        epochs: int | None = None,
        source: str = "replay",
        done: int = 0,
        after_phase: Callable[[int], None] | None = None,
    ) -> None:
        """Run ``cycles`` cycles, each of the phases that :func:`townlet.config.training.phase_kinds` names.

        Args:
            mode: where experience comes from.
            log: called after each epoch with its telemetry fields.
            capture: the recorded data, for the modes ``replay`` and ``mixed``.
            cycles: cycles in all; by default the configuration's.
            epochs: epochs of each phase; by default the configuration's.
            source: the file of the capture that errors name.
            done: the number of phases that a resumed training has already done; they are not run again.
            after_phase: called between phases with the number of phases done; the harness can be saved then.

        Raises ValueError if ``capture`` is missing where the mode replays one or given where it does not, and what
        :meth:`require_usable` and the phases raise.
        """
        if (capture is None) != (mode == "rollout"):
            raise ValueError(f"capture: found {capture!r}, expected one for replay and mixed, none for rollout")
        self.require_usable(mode, capture, source)
        kinds = phase_kinds(mode, self.config)
        phases = len(kinds) * (self.config.cycles if cycles is None else cycles)
        for phase in range(done, phases):
            kind = kinds[phase % len(kinds)]
            self.progress = phase / phases
            if capture is None or kind == "rollout":
                self.run_rollout(epochs, log)
            elif kind == "joint":
                self.run_joint(capture, epochs, log, source)
            else:
                self.run_replay(capture, epochs, log, source)
            if after_phase is not None:
                after_phase(phase + 1)

    def require_usable(self, mode: Mode, capture: Capture | None, source: str = "replay") -> None:
        """Raise InputError unless a training in this mode, with this capture if it replays one, can begin."""
        require_handover(self.config, mode)
        faults = [Fault("training options", *fault) for fault in combination_faults(self.config, mode)]
        if faults:
            raise InputError(faults)
        if capture is not None:
            self.require_match(capture, source)
            require_learnable(capture.buffer, self.config.replay, capture.manifest.behavior.without_chances, source)

    def require_match(self, capture: Capture, source: str = "replay") -> None:
        """Raise InputError unless a capture comes from this very town: its schemas, map, people and rules."""
        if self.scenario is None:
            raise ValueError("scenario: found none, expected one: a capture belongs to a town")
        town, recorded = self.loop.town, capture.manifest.scenario
        found, expected = recorded.town_sha256, self.scenario.town_digest
        if found != expected and recorded.name != self.scenario.name:
            raise InputError.of(source, "scenario.name", repr(recorded.name), f"a capture of {self.scenario.name!r}")
        require_spaces(capture.manifest, town.observation_schema, town.action_names, source=source)
        if found != expected:
            changed = f"{expected[:12]}; {why_another_town(recorded.settings, self.scenario.settings)}"
            raise InputError.of(source, "scenario.town_sha256", found[:12], changed)

    def take_memory(self, mode: Mode, capture: Capture | None) -> None:
        """Allocate what a training in this mode needs besides network and worlds, before anything is written.

        Raises InputError, which says what to change, if there is too little memory.
        """
        town, config = self.loop.town, self.config
        shape = config.rollout_ticks, town.worlds, len(town.people), self.network.features, self.network.actions
        needed = learning_bytes(mode, config, shape, capture)
        if isinstance(self.loop, TownsLoop):
            needed += self.loop.state_bytes
        what = (
            f"{config.rollout_ticks:,} ticks × {town.worlds:,} worlds × {len(town.people):,} people and what is learnt"
        )
        with memory_for(needed, what, FEWER):
            if mode != "replay":
                self._buffer = self._buffer or self.loop.new_buffer(config.rollout_ticks, self.network.state_units)

    def run_replay(self, capture: Capture, epochs: int | None, log: Log, source: str = "replay") -> None:
        """Learn from a capture for ``epochs`` epochs, by ``replay.method``.

        Raises InputError, with ``source`` as the file, if the capture was made with other observations or actions,
        lacks what the method needs, or has nothing to learn from; and TrainingDiverged.
        """
        started = time.perf_counter()
        self.require_match(capture, source)
        self.baseline = dict(capture.baseline)
        deterministic = capture.manifest.behavior.without_chances
        batch = replay_batch(capture.buffer, self.network, self.config, deterministic=deterministic, source=source)
        self.learn(batch, epochs, log, PhaseSource("replay", capture.buffer, started))

    def run_joint(self, capture: Capture, epochs: int | None, log: Log, source: str = "replay") -> None:
        """Collect a rollout and learn from it and from segments of a capture, mixed in every minibatch.

        The event counters and rivalry averages in the telemetry cover the rollout only. If nobody was in town during
        the rollout, the whole phase is skipped and counted, because the amount of recorded data depends on that of
        fresh agent-steps. Raises what :meth:`run_replay` does.
        """
        started = time.perf_counter()
        self.require_match(capture, source)
        deterministic = capture.manifest.behavior.without_chances
        replay_method(self.config.replay, deterministic=deterministic, source=source)
        self.baseline = dict(capture.baseline)
        buffer = self._collect(self.behavior)
        if buffer is None:
            return
        batch = joint_batch(
            buffer,
            capture.buffer,
            self.network,
            self.config,
            deterministic=deterministic,
            seed=self.seed,
            cycle=self.cycle,
            source=source,
        )
        self.learn(batch, epochs, log, PhaseSource("mixed", buffer, started))

    def run_rollout(self, epochs: int | None, log: Log) -> None:
        """Collect a rollout from where the worlds stand, and learn from it for ``epochs`` epochs.

        While a script drives some of the people, the network learns from the others by PPO and then clones the
        script's actions. At the start, it may imitate the heuristic instead (``imitation``). A rollout during which
        nobody was in town is skipped and counted, and so is one without a decision of a network that commits itself;
        it has no epochs. Raises TrainingDiverged.
        """
        started = time.perf_counter()
        if self.cycle < self.config.imitation.rollouts:
            self._run_imitation(log, started)
            return
        if self.handover.share > 0.0:
            self._run_handover(epochs, log, started)
            return
        buffer = self._collect(self.behavior)
        if buffer is not None:
            batch = rollout_batch(buffer, self.network, self.config)
            self.learn(batch, epochs, log, PhaseSource("rollout", buffer, started))

    def _run_imitation(self, log: Log, started: float) -> None:
        labelled = LabelledBehavior(self.neural, demonstrate=self.cycle == 0)
        buffer = self._collect(labelled)
        if buffer is not None:
            batch = imitation_batch(buffer, self.network, self.config)
            self.learn(batch, self.config.imitation.epochs, log, PhaseSource("rollout", buffer, started))

    def _run_handover(self, epochs: int | None, log: Log, started: float) -> None:
        town, handover = self.loop.town, self.handover
        behavior = handover.behavior(
            (town.worlds, len(town.people)), self.scenario, self.behavior, seed=self.seed, cycle=self.cycle
        )
        driven, fields = behavior.driven, handover.fields()
        buffer = self._collect(behavior)
        if buffer is None:
            return
        if len(learnable_rows(buffer, self.network, ~driven)):
            batch = rollout_batch(buffer, self.network, self.config, only=~driven)
            self.learn(batch, epochs, log, PhaseSource("rollout", buffer, started, fields))
            started = time.perf_counter()
        last: dict[str, Any] = {}
        if len(learnable_rows(buffer, self.network, driven)):
            # Cloning comes last: PPO's ratios are to the policy that acted.
            batch = script_batch(buffer, self.network, self.config, driven)
            last = self.learn(batch, epochs, log, PhaseSource("rollout", buffer, started, fields))
        self.handover = handover.after(buffer, driven, last)

    def _collect(self, behavior: Behavior) -> RolloutBuffer | None:
        """Collect the next rollout; if nobody was in town, or nobody decided, count it as skipped and return None."""
        if self._buffer is None:
            self._buffer = self.loop.new_buffer(self.config.rollout_ticks, self.network.state_units)
        self.loop.collect(self._buffer, behavior)
        self.cycle += 1
        if not len(learnable_rows(self._buffer, self.network)):
            self.passed_over += 1
            return None
        return self._buffer

    @property
    def last_rollout(self) -> RolloutBuffer:
        """The buffer of the last rollout. Raises ValueError before the first."""
        if self._buffer is None:
            raise ValueError("rollout: found none, expected one")
        return self._buffer

    def counters(self) -> dict[str, Any]:
        """Everything that the next phase depends on besides weights, optimizer and town, as JSON values."""
        handover = {"script_share": self.handover.share, "gate": self.handover.gate}
        return {**super().counters(), **handover}

    def set_counters(self, counters: Mapping[str, Any]) -> None:
        """Restore what :meth:`counters` returned."""
        super().set_counters(counters)
        self.handover = replace(self.handover, share=counters["script_share"], gate=counters["gate"])
        if isinstance(self.loop, TownsLoop):
            self.loop.rollouts = self.cycle
