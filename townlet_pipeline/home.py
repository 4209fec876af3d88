"""The Dagster instance that a project keeps, so that nothing is lost when a process ends."""

import os
import sys
from pathlib import Path

import yaml

from townlet.errors import InputError
from townlet.storage import write_atomically
from townlet.text import show_what_can_be_shown
from townlet_pipeline.environment import environment, require_reachable, timezone
from townlet_pipeline.pages import page_address
from townlet_pipeline.project import project_root, shown
from townlet_pipeline.timetable import plans

_HERE = Path(__file__).parent
#: A file of settings that begins with this line is ours to write anew.
_OURS = "# Written by Townlet whenever its settings change. Delete this line to keep settings of your own."


def ensure_home(home: Path | None = None) -> Path:
    """The instance's folder, made if need be: ``home``, else ``$DAGSTER_HOME``, else one per environment.

    That is the project's ``.dagster`` for ``local`` and ``.dagster-shared`` for ``shared``. Its ``dagster.yaml`` is
    brought up to date, unless somebody made it their own by deleting its first line. Sets ``DAGSTER_HOME`` for this
    process and those it starts. Raises InputError for an unusable environment.
    """
    chosen = environment()
    # Materializations link to pages; a training should not fail at its end because of that address.
    page_address()
    # Nor should the browser open on definitions that could not be loaded because of their hours.
    timezone()
    plans()
    default = project_root() / (".dagster" if chosen.name == "local" else f".dagster-{chosen.name}")
    folder = (home or Path(os.environ.get("DAGSTER_HOME") or default)).expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    file, wanted = folder / "dagster.yaml", settings(chosen.name)
    present = file.read_text(encoding="utf-8") if file.exists() else None
    if present is None or (present.startswith(_OURS) and present != wanted):
        write_atomically(file, wanted)
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


def own_settings(folder: Path) -> str | None:
    """What to tell of an instance with settings of somebody's own that lack some of ours; None of any other.

    Raises InputError for a ``dagster.yaml`` that is no YAML mapping.
    """
    file = folder / "dagster.yaml"
    text = file.read_text(encoding="utf-8")
    if text.startswith(_OURS):
        return None
    try:
        own = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise InputError.of(file, "", " ".join(str(error).split()), "Dagster's settings as YAML") from None
    if not isinstance(own, dict):
        raise InputError.of(file, "", type(own).__name__, "Dagster's settings as a YAML mapping")
    missing = [name for name in yaml.safe_load(settings(environment().name)) if name not in own]
    if not missing:
        return None
    return f"{shown(file)} has settings of your own, without {', '.join(missing)}; delete it to have Townlet's again"


def settings(name: str) -> str:
    """The content of ``dagster.yaml`` in an environment: what both have, and what only this one has."""
    own = _HERE / f"dagster.{name}.yaml"
    parts = [
        _OURS,
        (_HERE / "dagster.yaml").read_text(encoding="utf-8"),
        *([own.read_text(encoding="utf-8")] if own.exists() else []),
    ]
    return "\n".join(parts)


def _open_pools() -> None:
    """Give each pool its limit: until it has one, Dagster's first look at the queue lets every run through."""
    from dagster import DagsterInstance

    from townlet_pipeline.common import SIMULATION, TRAINING

    with DagsterInstance.get() as instance:
        limited = {pool.name for pool in instance.event_log_storage.get_pool_limits()}
        for pool in sorted({TRAINING, SIMULATION} - limited):
            instance.event_log_storage.initialize_concurrency_limit_to_default(pool)


def main() -> None:
    """Entry point of ``python -m townlet_pipeline.home``: make the instance ready and print where it is."""
    try:
        folder = ensure_home()
        require_reachable(environment())
        told = own_settings(folder)
    except InputError as error:
        for fault in error.faults:
            print(f"error: {fault}", file=sys.stderr)
        raise SystemExit(2) from None
    _open_pools()
    if told:
        print(told, file=sys.stderr)
    print(folder)


if __name__ == "__main__":
    show_what_can_be_shown()
    main()
