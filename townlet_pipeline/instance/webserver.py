"""The Dagster UI's web server, on loopback. It answers only its own pages and this machine's programs."""

from pathlib import Path
from typing import Annotated

import typer

from townlet_pipeline.instance.commands import run_command

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

#: Defaults of Dagster's own web server: the time limit of a database query in milliseconds, the age in seconds at which
#: a database connection is replaced, connections beyond the pool's size, and milliseconds between polls of live data.
_QUERY_TIMEOUT, _CONNECTION_AGE, _EXTRA_CONNECTIONS, _POLL_INTERVAL = 15000, 3600, 20, 2000


@app.command()
def main(
    workspace: Annotated[Path, typer.Option(help="File that says where the code servers are.")],
    port: Annotated[int, typer.Option(help="Port on loopback.")] = 3000,
) -> None:
    """Serve the UI of the instance in $DAGSTER_HOME until interrupted."""
    import uvicorn
    from dagster import DagsterInstance
    from dagster_webserver.app import create_app_from_workspace_process_context

    from townlet_pipeline.instance.dagster_internals import WorkspaceFileTarget, WorkspaceProcessContext
    from townlet_pipeline.instance.origins import OwnPagesOnly, named_hosts

    with DagsterInstance.get() as instance:
        instance.optimize_for_webserver(_QUERY_TIMEOUT, _CONNECTION_AGE, _EXTRA_CONNECTIONS)
        code = WorkspaceFileTarget([str(workspace)])
        with WorkspaceProcessContext(instance, workspace_load_target=code, code_server_log_level="warning") as context:
            ui = create_app_from_workspace_process_context(context, live_data_poll_rate=_POLL_INTERVAL)
            guarded = OwnPagesOnly(ui, named_hosts())
            # Open pages never close their connections, so the shutdown waits for them only briefly.
            uvicorn.run(guarded, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=3)


if __name__ == "__main__":
    run_command(app)
