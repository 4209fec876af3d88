"""Destinations of tracked trainings: the tool, its folder or address, and the experiment."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from townlet.errors import InputError, nearest_name

TOOLS = ("tensorboard", "mlflow")
#: Name of the experiment in MLflow, unless another is given.
EXPERIMENT = "townlet"
#: Variables that MLflow's own clients read.
ADDRESS_VARIABLE, EXPERIMENT_VARIABLE = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"
#: Secrets among an address's options, as drivers of databases take them: password, sslpassword, passwd, token.
_SECRET = re.compile(r"([?&][^=&#]*(?:pass|pwd|token|secret)[^=&#]*=)[^&#]*", re.IGNORECASE)


@dataclass(frozen=True)
class Destination:
    """One place where a training is tracked."""

    tool: str
    """One of :data:`TOOLS`."""
    address: str
    """TensorBoard's folder, in which each training has its own; or MLflow's tracking URI."""
    experiment: str = EXPERIMENT
    """MLflow's experiment; TensorBoard has none."""

    def __post_init__(self) -> None:
        """Raise InputError for an address that is none."""
        try:
            urlsplit(self.address)
        except ValueError as error:
            raise InputError.of("options", "tracking address", str(error), "a folder or a tracking URI") from None

    @property
    def shown(self) -> str:
        """The address as messages and files show it: without a password, wherever in it that stands."""
        address, password = self.address, urlsplit(self.address).password
        if password is not None:
            address = address.replace(f":{password}@", ":***@", 1)
        return _SECRET.sub(r"\1***", address) if "://" in address else address

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells two destinations of one training apart."""
        return self.tool, self.shown, self.experiment if self.tool == "mlflow" else ""


def destinations(
    tools: Sequence[str], folder: Path, place: str | None = None, experiment: str | None = None
) -> list[Destination]:
    """Return where a training is tracked.

    Args:
        tools: names of :data:`TOOLS`; one that is named twice counts once.
        folder: the training's folder; by default all is written beside it, where all trainings of one folder meet.
        place: a folder, for TensorBoard's files and MLflow's database; or a tracking URI, for MLflow alone.
        experiment: MLflow's experiment; by default ``$MLFLOW_EXPERIMENT_NAME``, or ``townlet``.

    MLflow's address is by default ``$MLFLOW_TRACKING_URI``. Raises InputError for an unknown tool, for a place without
    a tool, and for a tracking URI without MLflow.
    """
    for tool in tools:
        if tool not in TOOLS:
            raise InputError.of("options", "--track", repr(tool), nearest_name(tool, TOOLS))
    is_address = place is not None and "://" in place
    for option, given, needed in (
        ("--track-to", place, "mlflow" if is_address else ""),
        ("--track-experiment", experiment, "mlflow"),
    ):
        if given is not None and (not tools or (needed and needed not in tools)):
            expected = f"none without --track {needed or ' or --track '.join(TOOLS)}"
            raise InputError.of("options", option, repr(given), expected)
    if place == "" or experiment == "":
        option = "--track-to" if place == "" else "--track-experiment"
        raise InputError.of("options", option, "an empty text", "a folder, an address or a name")
    beside = folder.absolute().parent
    files = beside if place is None or is_address else Path(place).absolute()
    found = []
    for tool in dict.fromkeys(tools):
        if tool == "tensorboard":
            found.append(Destination(tool, str(files / "tensorboard" if files == beside else files)))
        else:
            given = place if is_address else None if place else os.environ.get(ADDRESS_VARIABLE)
            name = experiment or os.environ.get(EXPERIMENT_VARIABLE) or EXPERIMENT
            found.append(Destination(tool, given or f"sqlite:///{files / 'mlflow.db'}", name))
    return found
