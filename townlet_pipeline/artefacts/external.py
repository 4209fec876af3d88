"""External assets: files that people write or promote. No run makes them; sensors report their versions."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from dagster import (
    AssetDep,
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    AssetRecordsFilter,
    AssetSpec,
    DagsterInstance,
    IdentityPartitionMapping,
    PartitionsDefinition,
)

from townlet_pipeline.artefacts.labels import OWNERS, tags

SCENARIO_FILE, PROMOTED_BASELINE, PINNED_CAPTURE = "scenario_file", "promoted_baseline", "pinned_capture"
#: The policy that comes with Townlet.
GENERALIST = "generalist_policy"
#: The declaration of a policy made elsewhere.
POLICY_FILE = "policy_file"

#: What these come from is not read where they are: a soak reads a promoted baseline, not how it was measured.
EXTERNAL = frozenset((SCENARIO_FILE, PROMOTED_BASELINE, PINNED_CAPTURE, GENERALIST, POLICY_FILE))

#: The metadata that says who or what made an external asset's version, since no run did.
MADE_BY = "made_by"

_VERSION = "dagster/data_version"


def external_asset(
    name: str,
    group: str,
    *kinds: str,
    description: str,
    partitions: PartitionsDefinition[str],
    made_from: Iterable[str] = (),
) -> AssetSpec:
    """Return an asset that the graph shows and that no run makes.

    ``made_from`` are the assets that it comes from, in each partition from the same key.
    """
    return AssetSpec(
        name,
        group_name=group,
        kinds=set(kinds),
        owners=OWNERS,
        tags=tags(group),
        description=description,
        partitions_def=partitions,
        # The same keys of another set of keys: Dagster infers no mapping.
        deps=[AssetDep(parent, partition_mapping=IdentityPartitionMapping()) for parent in made_from],
    )


class Present(NamedTuple):
    """An external asset of one partition as it is now: its data version, and the metadata for its page."""

    asset: str
    key: str
    version: str
    metadata: Mapping[str, Any]

    def events(self) -> list[AssetObservation | AssetMaterialization]:
        """The events that report this version, in the only order in which all of Dagster takes notice.

        Staleness of what is made from a partitioned external asset follows from observations, its automation from
        materializations. If the materialization came first, what is made from it would be stale for good.
        """
        version = {_VERSION: self.version}
        return [
            AssetObservation(self.asset, partition=self.key, tags=version),
            AssetMaterialization(self.asset, partition=self.key, metadata=dict(self.metadata), tags=version),
        ]


def reported_version(instance: DagsterInstance, asset: str, key: str) -> str | None:
    """The version of an external asset that was last reported for a partition; None if none ever was."""
    wanted = AssetRecordsFilter(AssetKey(asset), asset_partitions=[key])
    for record in instance.fetch_materializations(wanted, limit=1).records:
        made = record.asset_materialization
        return None if made is None else (made.tags or {}).get(_VERSION)
    return None


def report(instance: DagsterInstance, present: Iterable[Present]) -> list[Present]:
    """Report what differs from the version that was last reported, and return it.

    The keys must be partitions already. An unchanged version must not be reported again: whatever is made automatically
    from the asset would be made again.
    """
    changed = [each for each in present if reported_version(instance, each.asset, each.key) != each.version]
    for event in (event for each in changed for event in each.events()):
        instance.report_runless_asset_event(event)
    return changed
