"""Options of a training, as its caller gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from townlet.config.training import TrainingConfig, mode_named, planned_epochs, with_training_options
from townlet.errors import InputError
from townlet.files.artefact_names import TRAINING_LOG_NAME
from townlet.files.outputs import file_place
from townlet.files.storage import AnyPath, as_path

_AMOUNTS = ("rollout_ticks", "epochs", "cycles", "worlds", "seed")


@dataclass(frozen=True)
class TrainingOptions:
    """Options of a training. None stands for the scenario's own value, or for the default that the field names."""

    mode: str
    """``rollout``, ``replay`` or ``mixed``."""
    output: AnyPath
    """Folder for the policy and the checkpoint; locked during the training."""
    from_policy: AnyPath | None = None
    """Place or name of the policy whose weights the training begins with; by default fresh weights. The network and the
    observations are then the policy's, and nothing is imitated first."""
    replay_manifest: AnyPath | None = None
    """Manifest of the capture to learn from, which ``replay`` and ``mixed`` need."""
    ppo_log: AnyPath | None = None
    """Local file for the telemetry, or a pipe or device; by default ``ppo_telemetry.jsonl`` in ``output``."""
    rollout_ticks: int | None = None
    """Ticks per world in one rollout."""
    epochs: int | None = None
    """Passes over each batch of data."""
    cycles: int | None = None
    """Phases of each kind."""
    worlds: int | None = None
    """Worlds simulated side by side."""
    seed: int | None = None
    """Seed of weights, draws and minibatch order."""
    log_frequency: int = 1
    """Write the epochs 1, 1 + N, 1 + 2N, … only."""
    log_max_entries: int | None = None
    """Rotate the log after so many lines."""
    resume: bool = False
    """Resume from the checkpoint in ``output``, or begin if there is none; the result is, to the byte, that of an
    uninterrupted training. All options must be those of the checkpoint, except for a larger ``cycles``."""
    checkpoint_every: int | None = None
    """Phases between two checkpoints; by default as few as keep checkpoints under 2 % of the time."""
    device: str = "cpu"
    """``cpu``, ``cuda``, or ``auto``: ``cuda`` where torch finds one. Each device gives its own bits."""

    def configure(self, config: TrainingConfig) -> TrainingConfig:
        """Put the amounts that are given in place of a configuration's own. Raises InputError for bad ones."""
        return with_training_options(config, {name: getattr(self, name) for name in _AMOUNTS})

    def planned_epochs(self, config: TrainingConfig) -> int:
        """The number of epochs that these options ask for. Raises InputError for a bad mode or amount."""
        return planned_epochs(mode_named(self.mode), self.configure(config))

    def require_consistent(self) -> None:
        """Raise InputError for an unknown mode, a capture that is missing or superfluous, or a number below 1."""
        file, manifest = "training options", self.replay_manifest
        mode = mode_named(self.mode)
        if mode == "rollout" and manifest is not None:
            raise InputError.of(file, "replay_manifest", str(manifest), "none: mode rollout replays nothing")
        if mode != "rollout" and manifest is None:
            raise InputError.of(file, "replay_manifest", "nothing", f"a capture's manifest for mode {mode}")
        for name in ("log_frequency", "log_max_entries", "checkpoint_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError.of(file, name, str(value), "at least 1")

    def require_agreement(self, settings: Mapping[str, Any]) -> None:
        """Raise InputError for an amount to whose key settings, by full key, give another value."""
        for name in _AMOUNTS:
            value, key = getattr(self, name), f"training.{name}"
            if value is not None and settings.get(key, value) != value:
                found = f"{value} beside --set {key}={settings[key]}"
                raise InputError.of("training options", name, found, "one of them")

    def log_options(self, version: float) -> dict[str, Any]:
        """How the telemetry is written, under a version of its schema."""
        return {"version": version, "frequency": self.log_frequency, "max_entries": self.log_max_entries}

    def log_path(self) -> Path:
        """Return the path of the log. Raises InputError for an object store, to which nothing can be appended, and for
        a pipe or device if the log must be read again."""
        file = "training options"
        path = as_path(self.output) / TRAINING_LOG_NAME if self.ppo_log is None else as_path(self.ppo_log)
        if not isinstance(path, Path):
            raise InputError.of(file, "ppo_log", str(path), "a local file")
        is_stream, most = file_place(path).is_stream, self.log_max_entries
        if is_stream and self.resume:
            raise InputError.of(file, "ppo_log", str(path), "a file: resume continues its log")
        if is_stream and most is not None:
            raise InputError.of(file, "log_max_entries", str(most), "none: the log is not a file")
        return path
