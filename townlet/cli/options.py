"""Arguments and options that several commands share, so that they read and behave alike everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townlet.cli.places import folder_option

ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO.yaml", help="Scenario file.")]
CaptureManifest = Annotated[Path, typer.Argument(metavar="MANIFEST", help="Manifest of a capture.")]
TelemetryLog = Annotated[Path, typer.Argument(metavar="LOG", help="Telemetry log (JSONL).")]
TrainedPolicy = Annotated[
    Path,
    typer.Argument(metavar="POLICY", help="Trained policy: its folder or policy.json, or the name of a shipped one."),
]

#: The policy of commands that take a behaviour in its place.
EvaluatedPolicy = Annotated[
    Path | None,
    typer.Argument(metavar="[POLICY]", help="Trained policy: its folder or policy.json, or the name of a shipped one."),
]
#: Option ``--behavior`` of commands in which anybody may act.
ActingBehavior = Annotated[
    str | None,
    typer.Option(
        metavar="BEHAVIOR",
        help="Who acts: scripted, heuristic, random, a policy's place or name, or your own: package.module:factory, "
        "FILE.py:factory or FILE.onnx. The code of your own is run. Or mixed company: KEY=BEHAVIOR,KEY=BEHAVIOR, where "
        "KEY is a person, a job, a share such as 50%, or others.",
    ),
]
#: Option ``--policy`` of commands in which a trained policy may act.
ActingPolicy = Annotated[
    Path | None,
    typer.Option(
        metavar="POLICY", help="Trained policy that acts: its folder or policy.json, or the name of a shipped one."
    ),
]
#: Option ``--world`` of commands that show one world of a capture.
World = Annotated[int, typer.Option(help="Index of the captured world.")]
#: Option ``--seeds`` of studies.
Seeds = Annotated[int, typer.Option(min=1, max=100_000, help="Number of seeds: 0, 1, 2, …")]
#: Option ``--output`` of studies.
ResultsFolder = Annotated[Path, folder_option(help="Folder for the report, its plot and its data.")]
#: Option ``--json`` of commands that print text or a table otherwise.
PrintJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
#: Option ``--baseline`` of commands that compare a telemetry log with other numbers.
ReferenceFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Numbers to compare with: a JSON object of metrics, or a log, whose last record counts."
    ),
]
