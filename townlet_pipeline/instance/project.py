"""The project's folder, and the scenarios and names in it."""

import os
from pathlib import Path

from townlet.errors import InputError

#: The most characters in a partition's key, as in a scenario's name: ``townlet.config.town.LONGEST_NAME``, whose import
#: would slow down loading.
LONGEST_KEY = 100
#: The form of a key, for error messages.
KEY_EXPECTED = f"at most {LONGEST_KEY} lower-case letters, digits and _, beginning with a letter"

_CHECKOUT = Path(__file__).resolve().parents[2]


def project_root() -> Path:
    """Return the project's folder: ``$TOWNLET_PROJECT``, else this package's checkout, else the current folder.

    Raises InputError if it has no ``configs/scenarios``.
    """
    root, named = _place()
    if not scenario_folder(root).is_dir():
        where = "TOWNLET_PROJECT" if named else ""
        raise InputError.of(
            root, where, "no configs/scenarios", "the folder of a Townlet project; townlet init makes one"
        )
    return root.resolve()


def ensure_project() -> str | None:
    """Make the project if its folder is still empty; return a line about what was made, or None if nothing was.

    Hidden files do not count. Any other folder is left alone, and is no project: see :func:`project_root`.
    """
    from townlet.project import make_project, may_become_project

    root, _ = _place()
    if scenario_folder(root).is_dir() or not may_become_project(root):
        return None
    made = make_project(root)
    return f"made a project in {root.resolve()}: {len(made.written)} files, scenarios in configs/scenarios"


def documentation() -> Path:
    """Return the folder of the documentation: the project's own, else the one that comes with Townlet."""
    from townlet.project import documentation

    return documentation(project_root())


def command_line(command: str, scenario: str = "") -> str:
    """Return how people call ``run`` or ``ui`` in this project: by make where there is a Makefile, else by townlet."""
    if (project_root() / "Makefile").is_file():
        return f"make {command}{f' SCENARIO={scenario}' if scenario else ''}"
    return f"townlet pipeline {command}{f' {scenario}' if scenario else ''}"


def _place() -> tuple[Path, bool]:
    """The folder that is or should be the project, and whether the user named it."""
    named = os.environ.get("TOWNLET_PROJECT")
    if named:
        return Path(named), True
    return (_CHECKOUT if scenario_folder(_CHECKOUT).is_dir() else Path.cwd()), False


def policy_declaration(name: str) -> Path:
    """Return the file that declares a policy made elsewhere. Raises InputError for a name that none can have."""
    if not is_key(name):
        raise InputError.of("policy", "name", repr(name), KEY_EXPECTED)
    return policies_folder() / f"{name}.yaml"


def policies_folder() -> Path:
    """Return the folder of the declarations of policies made elsewhere; it need not exist."""
    return project_root() / "configs" / "policies"


def scenario_folder(root: Path) -> Path:
    """Return the folder with one YAML file per scenario."""
    return root / "configs" / "scenarios"


def scenario_file(name: str) -> Path:
    """Return a scenario's file. Raises InputError for a name that no scenario can have."""
    if not is_key(name):
        raise InputError.of("scenario", "name", repr(name), KEY_EXPECTED)
    return scenario_folder(project_root()) / f"{name}.yaml"


def is_key(name: str) -> bool:
    """Return whether a scenario or an experiment can have this name. In the UI, partitions can have any name."""
    from townlet.config.load import is_scenario_name

    return is_scenario_name(name)


def shown(path: Path) -> str:
    """Return a path as shown to people: relative to the project's folder if it lies inside."""
    root = project_root()
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
