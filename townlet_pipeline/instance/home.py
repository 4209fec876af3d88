"""The instance's home: the folder in which Dagster keeps its settings, databases and logs."""

import os
from pathlib import Path
from typing import Any

import yaml

from townlet.errors import InputError
from townlet.files.storage import write_atomically
from townlet_pipeline.instance.environment import environment, timezone
from townlet_pipeline.instance.pages import page_address, ui_address
from townlet_pipeline.instance.project import project_root, shown
from townlet_pipeline.instance.timetable import plans, schedules_on

_HERE = Path(__file__).parent
_SETTINGS = "dagster.yaml"
_ANOTHER = "DAGSTER_HOME or --home names another"
#: A settings file that begins with this line is ours to rewrite.
_OURS = "# Written by Townlet whenever its settings change. Delete this line to keep settings of your own."


def ensure_home(home: Path | None = None) -> Path:
    """Create the home if need be, and return its folder: ``home``, else ``$DAGSTER_HOME``, else the environment's own.

    The environment's own is ``.dagster`` in the project for ``local``, and ``.dagster-shared`` for ``shared``. Updates
    the home's ``dagster.yaml``, unless the user has taken that over by deleting its first line. Sets ``DAGSTER_HOME``
    for this process and those it starts.

    Raises InputError for an unusable environment, for a folder that cannot be created or written to, and for a path
    that changes when Dagster puts it into a URL.
    """
    chosen = environment()
    # Materializations link to pages and runs: a bad address must not fail a training at its end.
    page_address()
    ui_address()
    # Schedules have hours: bad ones must not leave the browser with definitions that fail to load.
    timezone()
    plans()
    schedules_on()
    default = project_root() / (".dagster" if chosen.name == "local" else f".dagster-{chosen.name}")
    folder = _folder(home or Path(os.environ.get("DAGSTER_HOME") or default))
    file, wanted = folder / _SETTINGS, settings(chosen.name)
    try:
        present = file.read_text("utf-8") if file.exists() else None
        if present is None or (present.startswith(_OURS) and present != wanted):
            write_atomically(file, wanted)
    except (OSError, UnicodeDecodeError, InputError) as error:
        raise InputError.of(
            file, "", _describe_error(error), f"a file that can be read and written; {_ANOTHER}"
        ) from None
    if keeps_databases(folder):
        _require_path_usable_in_url(folder)
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


def settings_warning(folder: Path) -> str | None:
    """Return a warning about a home whose ``dagster.yaml`` is the user's own and lacks some of our settings, else None.

    Raises InputError for a ``dagster.yaml`` that is no YAML mapping.
    """
    file = folder / _SETTINGS
    if file.read_text("utf-8").startswith(_OURS):
        return None
    own = _parse(file)
    missing = [name for name in yaml.safe_load(settings(environment().name)) if name not in own]
    if not missing:
        return None
    return f"{shown(file)} has settings of your own, without {', '.join(missing)}; delete it to restore Townlet's"


def keeps_databases(folder: Path) -> bool:
    """Return whether Dagster keeps its databases in this folder, as it does unless the settings name another place.

    Raises InputError for a ``dagster.yaml`` that is no YAML mapping.
    """
    return not {"storage", "run_storage", "event_log_storage", "schedule_storage"} & _parse(folder / _SETTINGS).keys()


def settings(name: str) -> str:
    """Return the content of an environment's ``dagster.yaml``: the settings of all environments, then its own."""
    own = _HERE / f"dagster.{name}.yaml"
    parts = [_OURS, (_HERE / _SETTINGS).read_text("utf-8"), *([own.read_text("utf-8")] if own.exists() else [])]
    return "\n".join(parts)


def _folder(named: Path) -> Path:
    """Return a folder's absolute path, and create it if need be."""
    try:
        folder = named.expanduser().resolve()
        if folder.exists() and not folder.is_dir():
            raise InputError.of(folder, "", "a file", f"a folder for Dagster's instance; {_ANOTHER}")
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError, ValueError) as error:
        wanted = f"a folder for Dagster's instance, which can be created here; {_ANOTHER}"
        raise InputError.of(named, "", _describe_error(error), wanted) from None
    return folder


def _require_path_usable_in_url(folder: Path) -> None:
    """Raise InputError for a path that changes when Dagster puts it into the URL of its databases."""
    from sqlalchemy.engine import make_url

    if make_url(f"sqlite:///{folder}").database != str(folder):
        wanted = "a path without ? and %, which Dagster's databases cannot have"
        raise InputError.of("environment", "DAGSTER_HOME", repr(str(folder)), f"{wanted}; {_ANOTHER}")


def _parse(file: Path) -> dict[str, Any]:
    try:
        own = yaml.safe_load(file.read_text("utf-8")) or {}
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError.of(file, "", " ".join(str(error).split()), "Dagster's settings as YAML") from None
    if not isinstance(own, dict):
        raise InputError.of(file, "", type(own).__name__, "Dagster's settings as a YAML mapping")
    return own


def _describe_error(error: Exception) -> str:
    if isinstance(error, InputError):
        return error.faults[0].found
    return (getattr(error, "strerror", None) or str(error)).lower()
