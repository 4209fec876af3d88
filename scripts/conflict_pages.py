"""Page behind the README's picture: two policies of the conflict study on the same day of the same town.

``python scripts/conflict_pages.py --output tmp/conflict`` trains a conflict-blind and a conflict-aware policy as
``townlet study conflict`` does, captures a day of each, and shows the two side by side.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townlet.behavior.policy_file import save_policy
from townlet.capture import capture_rollout
from townlet.files.storage import pretty_json, write_atomically
from townlet.study.conflict.arms import AWARE, BLIND, Arm
from townlet.study.conflict.execute import run_task, trained_network
from townlet.study.conflict.settings import FIRST_SEED, FULL, Settings
from townlet.study.conflict.tasks import Policy
from townlet.study.conflict.town import StudyTown, study_scenario
from townlet.view.playback import playback_html, resimulate
from townlet.world.observation.schema import observation_schema_of
from townlet.world.rules.actions import action_names

ARMS = (BLIND, AWARE)


def conflict_page(output: Path, work: Path, seed: int, day: int, settings: Settings = FULL) -> Path:
    """Write the page of the day with seed ``day`` under the two policies of the study's seed ``seed``; return its path.

    Each arm's folder gets the scenario, the policy and the capture. Results of the study in ``work`` are used again.
    """
    sides = []
    for arm in ARMS:
        folder = output / arm.name
        scenario = folder / "town_day_study.yaml"
        policy = _policy(arm, scenario, folder / "policy", work, seed, settings)
        done = capture_rollout(scenario, folder / "capture", seed=day, policy=policy / "policy.json")
        sides.append([resimulate(done.manifest_path, scenario=scenario, policy=policy)])
    page = output / "playback.html"
    write_atomically(page, playback_html(sides, labels=[arm.label for arm in ARMS]))
    return page


def _policy(arm: Arm, file: Path, folder: Path, work: Path, seed: int, settings: Settings) -> Path:
    """Write an arm's scenario into the file and its policy into the folder."""
    scenario = study_scenario(StudyTown(), sees_conflict=arm.sees_conflict, penalty=arm.penalty)
    # Every JSON file is a YAML file.
    write_atomically(file, pretty_json(scenario.model_dump(mode="json")))
    trained = Policy(arm, seed, StudyTown())
    work.mkdir(parents=True, exist_ok=True)
    run_task(trained, settings, work)
    observation, actions = observation_schema_of(scenario), action_names(scenario.object_types)
    network = trained_network(trained, scenario, settings, work)
    provenance = {"study": "conflict", "arm": arm.name, "seed": seed}
    save_policy(folder, network, observation=observation, actions=actions, provenance=provenance)
    return folder


def main(
    output: Annotated[Path, typer.Option(help="Folder for scenarios, policies, captures and the page.")],
    work: Annotated[Path | None, typer.Option(help="Folder of the study's results; OUTPUT/work by default.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the policies.")] = FIRST_SEED,
    day: Annotated[int, typer.Option(help="Seed of the day.")] = 5,
) -> None:
    """Train a conflict-blind and a conflict-aware policy, and show a day of each side by side."""
    typer.echo(conflict_page(output, work or output / "work", seed, day))


if __name__ == "__main__":
    typer.run(main)
