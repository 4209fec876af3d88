"""Beginning of a training: fresh weights, or those of a policy that is to be fine-tuned."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

from townlet.behavior.brought_observations import changed_observations, with_observations
from townlet.behavior.network import ActorCritic
from townlet.behavior.policy_file import PolicyCard, card_file, load_policy, read_card
from townlet.config.scenario import Scenario
from townlet.config.settings_use import OF_POLICY, refuse_settings
from townlet.config.training import ImitationConfig
from townlet.files.storage import AnyPath
from townlet.training.harness import TrainingHarness


@dataclass(frozen=True)
class Beginning:
    """What a training begins with."""

    scenario: Scenario
    """The scenario to train in. From a policy on, it has the policy's network and observations, and no imitation."""
    card: PolicyCard | None = None
    """The policy's; None for fresh weights."""
    policy: AnyPath | None = None

    @classmethod
    def of(cls, scenario: Scenario, policy: AnyPath | None) -> Beginning:
        """The beginning from a policy, by its place or name, or from fresh weights without one.

        Raises InputError for a policy without a usable card, and for settings that the policy decides.
        """
        if policy is None:
            return cls(scenario)
        file = card_file(policy)
        card = read_card(file)
        refuse_settings(scenario, OF_POLICY, f"no such setting: network and observations are those of {policy}")
        changes = {"network": card.network, "imitation": ImitationConfig()}
        seen = with_observations(scenario, card.observation, file)
        training = scenario.training.model_copy(update=changes)
        return cls(seen.model_copy(update={"training": training}), card, file)

    @property
    def sha256(self) -> str | None:
        """SHA-256 of the policy's weights; None for fresh ones."""
        return None if self.card is None else self.card.sha256

    def provenance(self, given: Scenario) -> dict[str, JsonValue]:
        """What a card says about the observations, if they are not those of the scenario as it was given."""
        changed = changed_observations(given, self.scenario)
        return {"observations": changed} if changed else {}

    def put_into(self, harness: TrainingHarness) -> None:
        """Give a new harness the policy's weights, if there is one.

        Raises InputError for a policy that is damaged, or does not know all types of object, features and actions of
        the harness's towns.
        """
        if self.policy is None:
            return
        town = harness.loop.town
        network: ActorCritic = load_policy(self.policy, observation=town.observation_schema, actions=town.action_names)[
            0
        ]
        harness.network.load_state_dict(network.state_dict())
