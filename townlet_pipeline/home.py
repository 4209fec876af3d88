"""The Dagster instance that a project keeps, so that nothing is lost when a process ends."""

import os
import shutil
from pathlib import Path

from townlet_pipeline.project import project_root

_TEMPLATE = Path(__file__).with_name("dagster.yaml")


def ensure_home(home: Path | None = None) -> Path:
    """The instance's folder, made if need be: ``home``, else ``$DAGSTER_HOME``, else the project's ``.dagster``.

    Sets ``DAGSTER_HOME`` for this process and those it starts. An instance that has a ``dagster.yaml`` keeps it.
    """
    chosen = home or Path(os.environ.get("DAGSTER_HOME") or project_root() / ".dagster")
    folder = chosen.expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "dagster.yaml").exists():
        shutil.copyfile(_TEMPLATE, folder / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


if __name__ == "__main__":
    print(ensure_home())
