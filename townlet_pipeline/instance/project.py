"""Where the project keeps its scenarios, its Dagster instance and its artefacts."""

import os
from pathlib import Path

from townlet.errors import InputError

#: Most letters of a partition's key, as many as a scenario's name may have (``townlet.config.town.MOST_LETTERS``, which
#: is not imported before it is needed).
LONGEST_KEY = 100
#: What a key has to be.
KEY_EXPECTED = f"at most {LONGEST_KEY} lower-case letters, digits and _, beginning with a letter"

_CHECKOUT = Path(__file__).resolve().parents[2]


def project_root() -> Path:
    """The project's folder: ``$TOWNLET_PROJECT``, else the checkout this package lies in, else the current folder.

    Raises InputError if it has no ``configs/scenarios``.
    """
    named = os.environ.get("TOWNLET_PROJECT")
    root = Path(named) if named else _CHECKOUT if scenario_folder(_CHECKOUT).is_dir() else Path.cwd()
    if not scenario_folder(root).is_dir():
        where = "TOWNLET_PROJECT" if named else ""
        raise InputError.of(root, where, "no configs/scenarios", "the folder of a Townlet project")
    return root.resolve()


def scenario_folder(root: Path) -> Path:
    """The folder with one YAML file per scenario."""
    return root / "configs" / "scenarios"


def scenario_file(name: str) -> Path:
    """The file of a scenario by its name. Raises InputError for a name that no scenario can have."""
    if not is_key(name):
        raise InputError.of("scenario", "name", repr(name), KEY_EXPECTED)
    return scenario_folder(project_root()) / f"{name}.yaml"


def is_key(name: str) -> bool:
    """Whether a scenario or an experiment can have this name; anybody can add partitions with other ones."""
    from townlet.config.load import is_scenario_name

    return is_scenario_name(name)


def shown(path: Path) -> str:
    """A path as people write it: from the project's folder if it lies in there."""
    root = project_root()
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
