"""The command ``python -m townlet_pipeline.instance``, which makes the instance ready."""

import os
import sys
from pathlib import Path

import typer

from townlet_pipeline.instance.commands import say, start
from townlet_pipeline.instance.environment import environment, require_reachable
from townlet_pipeline.instance.home import own_settings
from townlet_pipeline.instance.instance import open_instance

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main() -> None:
    """Make the instance ready, and print where it is."""
    require_reachable(environment())
    with open_instance():
        folder = Path(os.environ["DAGSTER_HOME"])
    if told := own_settings(folder):
        say(told, sys.stderr)
    say(str(folder))


if __name__ == "__main__":
    start(app)
