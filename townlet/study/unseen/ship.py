"""Shipping of the chosen policy: its card, weights and scenario as package data, with the lineage in the card."""

from __future__ import annotations

from pathlib import Path

from pydantic import JsonValue

from townlet.behavior.policy_file import PolicyCard, load_policy, save_policy
from townlet.config import Scenario
from townlet.config.drawn import drawn_scenario
from townlet.config.dump import scenario_yaml
from townlet.errors import RunError
from townlet.files.artefact_names import CARD_NAME, WEIGHTS_NAME
from townlet.files.storage import write_atomically
from townlet.policies import policies_folder
from townlet.sources import sources_sha256
from townlet.study.unseen.analysis import choose_seed
from townlet.study.unseen.arms import AWARE
from townlet.study.unseen.findings import Findings
from townlet.study.unseen.learner import training_scenario
from townlet.study.unseen.settings import Settings

#: The folder of the shipped policy, in the installed package.
SHIPPED = policies_folder() / "generalist"
#: Bytes that a shipped policy may have, card and weights together.
LARGEST = 1_000_000


def ship_policy(findings: Findings, command: str, folder: Path = SHIPPED) -> Path:
    """Write the chosen seed's policy into a folder; returns its card.

    The weights stay as they are, to the byte. The card keeps what the training says, and adds the study that chose the
    policy: its command and amounts, the arm, the seed, the ranks by which it was chosen, and the hash of the trainer's
    sources. The scenario of the training, whose hash is on the card, lies beside it, so that ``townlet lineage`` finds
    it.

    Raises RunError for a policy above ``LARGEST`` or of another scenario than this code's, before anything is written.
    """
    choice = choose_seed(findings)
    source = findings.policies[AWARE.name][choice.seed]
    network, card = load_policy(source)
    size = sum((source / name).stat().st_size for name in (CARD_NAME, WEIGHTS_NAME))
    if size > LARGEST:
        raise RunError(f"{source}: found {size:,} bytes, expected at most {LARGEST:,} for a policy that is shipped")
    settings = findings.settings
    scenario = _scenario(card, settings)
    study: dict[str, JsonValue] = {
        "made_by": command,
        "arm": AWARE.name,
        "seed": choice.seed,
        "chosen_by": "the middle of the seeds' mean ranks over the rows of the protocol's table, in validation towns",
        "mean_ranks": {str(seed): rank for seed, rank in choice.mean_ranks.items()},
        "settings": settings.as_json(),
        "trainer_sha256": sources_sha256("townlet.study.unseen.learner"),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for earlier in folder.glob("*.yaml"):
        earlier.unlink()
    title = f"# What all training towns of the policy have in common; {scenario.description}\n"
    write_atomically(folder / f"{scenario.name}.yaml", title + scenario_yaml(scenario))
    shipped = save_policy(
        folder,
        network,
        observation=card.observation,
        actions=card.actions,
        provenance=card.provenance | {"study": study},
    )
    if shipped.sha256 != card.sha256:
        raise RunError(f"{folder}: found weights with SHA-256 {shipped.sha256}, expected {card.sha256}, as trained")
    return folder / CARD_NAME


def _scenario(card: PolicyCard, settings: Settings) -> Scenario:
    """The scenario that a policy was trained with; raises RunError if its hash is not the card's."""
    name, seed = str(card.provenance["scenario"]), int(str(card.provenance["seed"]))
    drawn = drawn_scenario(int(name.removeprefix("drawn_")))
    scenario = training_scenario(AWARE, drawn, seed, settings.training)
    if scenario.digest != card.provenance["config_sha256"]:
        found = card.provenance["config_sha256"]
        raise RunError(f"{name}: found a policy of the configuration {found}, expected {scenario.digest}, this code's")
    return scenario
