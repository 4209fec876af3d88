"""The Dagster UI's web server on loopback, which answers its own pages and programs of this machine alone."""

from pathlib import Path
from typing import Annotated

import typer

from townlet_pipeline.instance.commands import start

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

#: As Dagster's own web server has them: milliseconds of a query, seconds of a connection, connections, milliseconds.
_QUERY, _CONNECTION, _CONNECTIONS, _POLL = 15000, 3600, 20, 2000


@app.command()
def main(
    workspace: Annotated[Path, typer.Option(help="Says where the code servers are.")],
    port: Annotated[int, typer.Option(help="Port on loopback.")] = 3000,
) -> None:
    """Serve the UI of the instance in $DAGSTER_HOME until interrupted."""
    import uvicorn
    from dagster import DagsterInstance
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import WorkspaceFileTarget
    from dagster_webserver.app import create_app_from_workspace_process_context

    from townlet_pipeline.instance.origins import OwnPagesOnly, named_hosts

    with DagsterInstance.get() as instance:
        instance.optimize_for_webserver(_QUERY, _CONNECTION, _CONNECTIONS)
        code = WorkspaceFileTarget([str(workspace)])
        with WorkspaceProcessContext(instance, workspace_load_target=code, code_server_log_level="warning") as context:
            pages = create_app_from_workspace_process_context(context, live_data_poll_rate=_POLL)
            guarded = OwnPagesOnly(pages, named_hosts())
            # Open pages hold their connection for ever.
            uvicorn.run(guarded, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=3)


if __name__ == "__main__":
    start(app)
