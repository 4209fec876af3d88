"""The policy of a partition as its check left it, for the assets that let it act."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dagster import AssetExecutionContext, MetadataValue

from townlet_pipeline.artefacts import files
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.soak.outside.declarations import declared_policy
from townlet_pipeline.soak.scenario_copy import current_copy, read_scenario

if TYPE_CHECKING:
    from townlet.policies.declared import DeclaredPolicy


class CheckedPolicy(NamedTuple):
    """A policy that is still the one that was checked."""

    policy: "DeclaredPolicy"
    scenario: Path
    """The copy of its scenario."""
    version: str
    """The data version of `outside_policy`."""
    brings_observations: bool
    """Whether the network of its soak sees other features than people did in the scenario's pinned capture."""

    def read(self, store: StoreResource, **also: dict[str, str]) -> dict[str, MetadataValue[Any]]:
        """The metadata of what was read: the scenario's copy, the checked policy, and ``also`` by asset."""
        made_from = {"outside_policy": {self.policy.name: self.version}, **also}
        return read_scenario(store, self.policy.declared.scenario, self.scenario, made_from=made_from)


def checked_policy(context: AssetExecutionContext, store: StoreResource, name: str) -> CheckedPolicy:
    """The policy of a partition; its code is run.

    Raises InputError if it was never checked, or if the policy, one of its files or its scenario has changed since:
    then `outside_policy` has to be made again.
    """
    from townlet.config import load_scenario
    from townlet.stages.outside_policy import require_checked

    policy = declared_policy(name)
    source = current_copy(store, policy.declared.scenario, context.run.run_id)
    check = files.main_file(store, name, "outside_policy")
    scenario = load_scenario(source)
    version, acting = require_checked(policy, scenario, check)
    learns = "policy" in policy.acting
    return CheckedPolicy(policy, source, version, learns and acting.scenario is not scenario)
