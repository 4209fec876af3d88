"""How an asset check is made of a function that judges one scenario's files."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    PartitionsDefinition,
    PreviewWarning,
    asset_check,
)

from townlet.errors import InputError, RunError
from townlet_pipeline.artefacts.object_store import pull_checked
from townlet_pipeline.artefacts.partitions import key_of, scenarios
from townlet_pipeline.artefacts.store import StoreResource


class Finding(NamedTuple):
    """What a check found: whether it holds, a sentence, and the numbers behind it.

    One that ``warns`` has the severity WARN if it does not hold, any other one ERROR.
    """

    passed: bool
    told: str
    numbers: dict[str, Any]
    warns: bool = False


Judge = Callable[[StoreResource, str], Finding]


def gate(
    asset: str, name: str | None = None, partitions: PartitionsDefinition[str] | None = scenarios
) -> Callable[[Judge], AssetChecksDefinition]:
    """A check that must hold before anything downstream of an asset is made in the same run."""
    return lambda judge: _check(judge, asset, name or judge.__name__, blocking=True, partitions=partitions)


def watch(
    asset: str, name: str | None = None, partitions: PartitionsDefinition[str] | None = scenarios
) -> Callable[[Judge], AssetChecksDefinition]:
    """A check that is told and never stops a run."""
    return lambda judge: _check(judge, asset, name or judge.__name__, blocking=False, partitions=partitions)


def _check(
    judge: Judge, asset: str, name: str, *, blocking: bool, partitions: PartitionsDefinition[str] | None = scenarios
) -> AssetChecksDefinition:
    """An InputError is a failed check whose description names every fault; so is a broken lineage."""

    def run(context: AssetCheckExecutionContext, store: StoreResource) -> AssetCheckResult:
        try:
            pull_checked(context, store)
            found = judge(store, key_of(context))
        except InputError as error:
            found = Finding(False, str(error), {"faults": len(error.faults)})
        except RunError as error:
            found = Finding(False, str(error), {"faults": 1})
        return AssetCheckResult(
            passed=found.passed,
            severity=AssetCheckSeverity.WARN if found.warns else AssetCheckSeverity.ERROR,
            description=found.told,
            metadata=found.numbers,
        )

    with warnings.catch_warnings():
        # Checks per partition are a preview in the pinned release; without them, the result for one scenario
        # would stand for all.
        warnings.simplefilter("ignore", PreviewWarning)
        return asset_check(
            asset=asset, name=name, description=judge.__doc__, blocking=blocking, partitions_def=partitions
        )(run)
