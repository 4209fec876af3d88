"""The capture that a soak replays: its scenario's pinned one, or one recorded when the soak begins."""

from __future__ import annotations

from pathlib import Path

from townlet.baselines.build import default_behavior
from townlet.capture import MANIFEST_NAME, Capture, capture_rollout, read_capture
from townlet.config import Scenario
from townlet.config.settings_use import is_used
from townlet.files.storage import AnyPath, as_path
from townlet.soak.options import PINNED_CAPTURES, SoakInputs, SoakOptions

#: The folder in a soak's folder for a capture that was recorded for it.
RECORDED_NAME = "reference"


def pin_capture(scenario_path: AnyPath, scenario: Scenario, folder: AnyPath) -> Capture:
    """Record the capture that soaks of a scenario replay into a folder; the same code gives the same bytes.

    Its observations are those of ``scenario``, whatever the file's are.

    The scenario's script acts, or the random behaviour where there is no script: an idle town teaches nothing, and the
    heuristic acts in the baseline already. The scenario's ``soak`` section may shorten the episode.
    """
    behavior = "scripted" if default_behavior(scenario) == "scripted" else "random"
    ticks = scenario.soak.capture_ticks
    observations = scenario.observations
    settings = {key: value for key, value in scenario.settings.items() if is_used("capture", key)}
    if ticks is not None:
        settings.pop("ticks", None)
    recorded = capture_rollout(
        scenario_path, folder, behavior=behavior, ticks=ticks, observations=observations, settings=settings
    )
    return read_capture(recorded.manifest_path)


def capture_to_replay(options: SoakOptions, inputs: SoakInputs) -> tuple[Capture, str]:
    """The capture that a soak replays, and the path of its manifest.

    It is the one that the options name, else the pinned one, unless the soak's policy brings other observations than
    people had in it or settings would make another capture, else one recorded into the soak's folder, whose lock the
    caller holds; a resumed soak records the same bytes again. The path of a pinned capture is relative to the project's
    folder, and so the same in every checkout; that of a recorded one is relative to the soak's.

    Raises InputError for a damaged capture.
    """
    scenario = inputs.scenario
    pinned = PINNED_CAPTURES / scenario.name / MANIFEST_NAME
    if options.capture is not None:
        given = as_path(options.capture)
        is_pinned = given.parts[-len(pinned.parts) :] == pinned.parts
        return read_capture(given), str(pinned) if is_pinned else str(given)
    is_another = any(key == "soak.capture_ticks" or is_used("capture", key) for key in scenario.settings)
    if pinned.exists() and not (inputs.brings_observations or is_another):
        return read_capture(pinned), str(pinned)
    folder = Path(options.output) / RECORDED_NAME
    return pin_capture(options.scenario, scenario, folder), f"{RECORDED_NAME}/{MANIFEST_NAME}"
