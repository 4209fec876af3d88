"""``townlet freeze | verify | alerts | report``: the stages between a scenario and a report, one file each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townlet.cli.places import file_option, folder_option, require_apart


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (freeze, verify, alerts, report):
        app.command()(command)


def freeze(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO.yaml", help="Scenario file.")],
    output: Annotated[Path, file_option(help="The copy; it keeps the file's name.")],
) -> None:
    """Check a scenario and copy it, so that what is made of it does not change when the file is edited."""
    from townlet.stages.scenario import freeze_scenario

    typer.echo(f"{output}  configuration {freeze_scenario(scenario, output).digest}")


def verify(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="Manifest of a capture.")],
    output: Annotated[Path, file_option(help="JSON file for what there is to learn from the capture.")],
) -> None:
    """Check every file of a capture and write what there is to learn from it."""
    from townlet.stages.verified_capture import write_replay

    require_apart(output, manifest)
    replay, digest = write_replay(manifest, output)
    typer.echo(f"{replay['files']} files verified, {replay['agent_steps']:,} agent-steps\n{output}  sha256 {digest}")


def alerts(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="Telemetry log (JSONL).")],
    thresholds: Annotated[Path, typer.Option(metavar="SCENARIO.yaml", help="Scenario that holds the bounds.")],
    output: Annotated[Path, file_option(help="JSON file for the alerts.")],
) -> None:
    """Judge every epoch of a valid log by a scenario's thresholds, and write the alerts."""
    from townlet.stages.alerts import write_alerts

    require_apart(output, log, thresholds)
    written = write_alerts(log, thresholds, output)
    typer.echo(f"{len(written.alerts)} alerts in {len(written.records)} epochs\n{output}  sha256 {written.sha256}")


def report(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="Telemetry log (JSONL).")],
    scenario: Annotated[Path, typer.Option(metavar="SCENARIO.yaml", help="Scenario of the training.")],
    manifest: Annotated[Path, typer.Option(help="Manifest of the capture.")],
    policy: Annotated[Path, typer.Option(help="Folder of the policy.")],
    output: Annotated[Path, folder_option(help="Folder for report.html, summary.md and summary.json.")],
) -> None:
    """Write the report of a training: verdict, figures, curves, the capture and where it all comes from."""
    from townlet.stages.report import ReportSources, write_report

    written = write_report(ReportSources(scenario, manifest, policy, log), output)
    typer.echo(f"{written.summary.verdict}\n{written.path}")
