"""The Dagster instance that a project keeps, so that nothing is lost when a process ends."""

import os
import sys
from pathlib import Path

from townlet.errors import InputError
from townlet.storage import write_atomically
from townlet_pipeline.environment import environment, require_reachable
from townlet_pipeline.project import project_root

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
    default = project_root() / (".dagster" if chosen.name == "local" else f".dagster-{chosen.name}")
    folder = (home or Path(os.environ.get("DAGSTER_HOME") or default)).expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    file, wanted = folder / "dagster.yaml", settings(chosen.name)
    present = file.read_text() if file.exists() else None
    if present is None or (present.startswith(_OURS) and present != wanted):
        write_atomically(file, wanted)
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


def settings(name: str) -> str:
    """The content of ``dagster.yaml`` in an environment: what both have, and what only this one has."""
    own = _HERE / f"dagster.{name}.yaml"
    parts = [_OURS, (_HERE / "dagster.yaml").read_text(), *([own.read_text()] if own.exists() else [])]
    return "\n".join(parts)


def main() -> None:
    """Entry point of ``python -m townlet_pipeline.home``: make the instance ready and print where it is."""
    try:
        folder = ensure_home()
        require_reachable(environment())
    except InputError as error:
        for fault in error.faults:
            print(f"error: {fault}", file=sys.stderr)
        raise SystemExit(2) from None
    print(folder)


if __name__ == "__main__":
    main()
