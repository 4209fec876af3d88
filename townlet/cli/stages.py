"""``townlet freeze | check | verify | alerts | report``: stages from a scenario to a report, each with its artefact."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townlet.cli.options import CaptureManifest, ScenarioFile, TelemetryLog
from townlet.cli.places import file_option, folder_option, require_apart
from townlet.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (freeze, check, verify, alerts, report):
        app.command()(command)


def freeze(
    scenario: ScenarioFile,
    output: Annotated[Path, file_option(help="File for the copy; it must have the scenario's file name.")],
) -> None:
    """Check a scenario and copy it.

    Later edits of the original do not affect what is made from the copy.
    """
    from townlet.stages.scenario import freeze_scenario

    typer.echo(f"{output}  configuration {freeze_scenario(scenario, output).digest}")


def check(
    declaration: Annotated[
        Path, typer.Argument(metavar="POLICY.yaml", help="Declaration of a policy made elsewhere. Its code is run.")
    ],
    output: Annotated[Path, file_option(help="JSON file for the result.")],
    scenario: Annotated[
        Path | None,
        typer.Option(
            metavar="SCENARIO.yaml",
            help="Scenario file; by default the one of the declared name in the folder scenarios beside the "
            "declaration's folder.",
        ),
    ] = None,
) -> None:
    """Check a policy made elsewhere: load it, let it act for a short episode, and record where it comes from."""
    from townlet.policies.declared import load_declared
    from townlet.stages.outside_policy import check_policy, write_check

    require_apart(output, declaration, scenario)
    scenarios = scenario.parent if scenario is not None else declaration.absolute().parent.parent / "scenarios"
    policy = load_declared(declaration, scenarios)
    if scenario is not None and scenario.name != policy.scenario_file.name:
        raise InputError.of("options", "--scenario", scenario.name, f"{policy.scenario_file.name}, as declared")
    checked = check_policy(policy, policy.scenario_file)
    episode = checked["episode"]
    typer.echo(
        f"{checked['behavior']['name']} acted for {episode['agent_steps']} agent-steps of {policy.declared.scenario}, "
        f"{'and the same seed gave the same actions' if episode['repeats'] else 'otherwise when it was repeated'}\n"
        f"{output}  version {write_check(checked, output)}"
    )


def verify(
    manifest: CaptureManifest,
    output: Annotated[Path, file_option(help="JSON file for the result.")],
) -> None:
    """Check every file of a capture against its hash.

    The result says how a policy can learn from the capture.
    """
    from townlet.stages.verified_capture import write_verification

    require_apart(output, manifest)
    replay, digest = write_verification(manifest, output)
    typer.echo(f"{replay['files']} files verified, {replay['agent_steps']:,} agent-steps\n{output}  sha256 {digest}")


def alerts(
    log: TelemetryLog,
    thresholds: Annotated[Path, typer.Option(metavar="SCENARIO.yaml", help="Scenario with the thresholds.")],
    output: Annotated[Path, file_option(help="JSON file for the alerts.")],
) -> None:
    """Check every epoch of a valid log against a scenario's thresholds, and write the alerts."""
    from townlet.stages.alerts import write_alerts

    require_apart(output, log, thresholds)
    written = write_alerts(log, thresholds, output)
    typer.echo(f"{len(written.alerts)} alerts in {len(written.records)} epochs\n{output}  sha256 {written.sha256}")


def report(
    log: TelemetryLog,
    scenario: Annotated[Path, typer.Option(metavar="SCENARIO.yaml", help="Scenario of the training.")],
    manifest: Annotated[Path, typer.Option(metavar="MANIFEST", help="Manifest of the capture.")],
    policy: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of the policy that the training saved.")],
    output: Annotated[Path, folder_option(help="Folder for report.html, summary.md and summary.json.")],
) -> None:
    """Write the report of a training.

    The report holds the verdict, key figures, learning curves, the recorded rollout and the provenance.
    """
    from townlet.stages.report import ReportSources, write_report

    written = write_report(ReportSources(scenario, manifest, policy, log), output)
    typer.echo(f"{written.summary.verdict}\n{written.path}")
