"""Policies made elsewhere that the schedule of their nights requests."""

from dagster import DagsterInstance

from townlet.errors import InputError
from townlet_pipeline.artefacts.partitions import known_policies
from townlet_pipeline.soak.outside.declarations import declared_names, declared_policy


def nightly_policies(instance: DagsterInstance) -> list[str]:
    """The policies that have a partition and whose declaration says `nightly: true`."""
    known = set(known_policies(instance))
    return [name for name in declared_names()[0] if name in known and _is_nightly(name)]


def _is_nightly(name: str) -> bool:
    try:
        return declared_policy(name).declared.nightly
    except InputError:
        # The sensor `policy_files` names the fault.
        return False
