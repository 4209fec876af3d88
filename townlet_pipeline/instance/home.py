"""The Dagster instance that a project keeps, so that nothing is lost when a process ends."""

import os
from pathlib import Path
from typing import Any

import yaml

from townlet.errors import InputError
from townlet.files.storage import write_atomically
from townlet_pipeline.instance.environment import environment, timezone
from townlet_pipeline.instance.pages import page_address
from townlet_pipeline.instance.project import project_root, shown
from townlet_pipeline.instance.timetable import plans

_HERE = Path(__file__).parent
_SETTINGS = "dagster.yaml"
_ANOTHER = "DAGSTER_HOME or --home names another"
#: A file of settings that begins with this line is ours to write anew.
_OURS = "# Written by Townlet whenever its settings change. Delete this line to keep settings of your own."


def ensure_home(home: Path | None = None) -> Path:
    """The instance's folder, made if need be: ``home``, else ``$DAGSTER_HOME``, else one per environment.

    That is the project's ``.dagster`` for ``local`` and ``.dagster-shared`` for ``shared``. Its ``dagster.yaml`` is
    brought up to date, unless somebody made it their own by deleting its first line. Sets ``DAGSTER_HOME`` for this
    process and those it starts. Raises InputError for an unusable environment, and for a folder that cannot be made,
    written to or, because Dagster makes an address of its path, named in one.
    """
    chosen = environment()
    # Materializations link to pages; a training should not fail at its end because of that address.
    page_address()
    # Nor should the browser open on definitions that could not be loaded because of their hours.
    timezone()
    plans()
    default = project_root() / (".dagster" if chosen.name == "local" else f".dagster-{chosen.name}")
    folder = _folder(home or Path(os.environ.get("DAGSTER_HOME") or default))
    file, wanted = folder / _SETTINGS, settings(chosen.name)
    try:
        present = file.read_text("utf-8") if file.exists() else None
        if present is None or (present.startswith(_OURS) and present != wanted):
            write_atomically(file, wanted)
    except (OSError, UnicodeDecodeError, InputError) as error:
        raise InputError.of(file, "", _said(error), f"a file that can be read and written; {_ANOTHER}") from None
    if keeps_databases(folder):
        _require_plain(folder)
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


def own_settings(folder: Path) -> str | None:
    """What to tell of an instance with settings of somebody's own that lack some of ours; None of any other.

    Raises InputError for a ``dagster.yaml`` that is no YAML mapping.
    """
    file = folder / _SETTINGS
    if file.read_text("utf-8").startswith(_OURS):
        return None
    own = _parsed(file)
    missing = [name for name in yaml.safe_load(settings(environment().name)) if name not in own]
    if not missing:
        return None
    return f"{shown(file)} has settings of your own, without {', '.join(missing)}; delete it to have Townlet's again"


def keeps_databases(folder: Path) -> bool:
    """Whether Dagster keeps what it knows in databases in this folder, as it does unless its settings say where.

    Raises InputError for a ``dagster.yaml`` that is no YAML mapping.
    """
    return not {"storage", "run_storage", "event_log_storage", "schedule_storage"} & _parsed(folder / _SETTINGS).keys()


def settings(name: str) -> str:
    """The content of ``dagster.yaml`` in an environment: what both have, and what only this one has."""
    own = _HERE / f"dagster.{name}.yaml"
    parts = [_OURS, (_HERE / _SETTINGS).read_text("utf-8"), *([own.read_text("utf-8")] if own.exists() else [])]
    return "\n".join(parts)


def _folder(named: Path) -> Path:
    """The folder under its whole name, made if need be."""
    try:
        folder = named.expanduser().resolve()
        if folder.exists() and not folder.is_dir():
            raise InputError.of(folder, "", "a file", f"a folder for Dagster's instance; {_ANOTHER}")
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError, ValueError) as error:
        wanted = f"a folder for Dagster's instance, which can be made here; {_ANOTHER}"
        raise InputError.of(named, "", _said(error), wanted) from None
    return folder


def _require_plain(folder: Path) -> None:
    """Refuse a path that is another one in the address that Dagster makes of it for its databases."""
    from sqlalchemy.engine import make_url

    if make_url(f"sqlite:///{folder}").database != str(folder):
        wanted = "a path without ? and %, which Dagster's databases cannot have"
        raise InputError.of("environment", "DAGSTER_HOME", repr(str(folder)), f"{wanted}; {_ANOTHER}")


def _parsed(file: Path) -> dict[str, Any]:
    try:
        own = yaml.safe_load(file.read_text("utf-8")) or {}
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError.of(file, "", " ".join(str(error).split()), "Dagster's settings as YAML") from None
    if not isinstance(own, dict):
        raise InputError.of(file, "", type(own).__name__, "Dagster's settings as a YAML mapping")
    return own


def _said(error: Exception) -> str:
    if isinstance(error, InputError):
        return error.faults[0].found
    return (getattr(error, "strerror", None) or str(error)).lower()
