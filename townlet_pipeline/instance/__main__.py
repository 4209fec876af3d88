"""The command ``python -m townlet_pipeline.instance``, which makes the instance ready."""

import os
import sys
from pathlib import Path

import typer

from townlet_pipeline.instance.commands import print_line, run_command
from townlet_pipeline.instance.environment import environment, require_reachable
from townlet_pipeline.instance.home import settings_warning
from townlet_pipeline.instance.opening import open_instance

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main() -> None:
    """Make the instance ready, and print its folder."""
    require_reachable(environment())
    with open_instance():
        folder = Path(os.environ["DAGSTER_HOME"])
    if warning := settings_warning(folder):
        print_line(warning, sys.stderr)
    print_line(str(folder))


if __name__ == "__main__":
    run_command(app)
