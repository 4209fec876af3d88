"""Asset checks, made of functions that examine one partition's files: gates stop a run, advisories do not."""

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
from townlet_pipeline.artefacts.object_store import fetch_checked
from townlet_pipeline.artefacts.partitions import key_of, scenarios
from townlet_pipeline.artefacts.store import StoreResource


class Finding(NamedTuple):
    """The outcome of a check: whether it holds, a sentence, and the numbers behind it.

    A finding that does not hold is a WARN if ``warns`` is set, and otherwise an ERROR.
    """

    passed: bool
    sentence: str
    numbers: dict[str, Any]
    warns: bool = False


#: Examines the files of one partition in a store; its docstring describes the check in Dagster.
CheckFunction = Callable[[StoreResource, str], Finding]


def gate(
    asset: str, name: str | None = None, partitions: PartitionsDefinition[str] | None = scenarios
) -> Callable[[CheckFunction], AssetChecksDefinition]:
    """Return a decorator for a check that must hold before the same run makes anything downstream of the asset."""
    return lambda function: _check(function, asset, name or function.__name__, blocking=True, partitions=partitions)


def advisory(
    asset: str, name: str | None = None, partitions: PartitionsDefinition[str] | None = scenarios
) -> Callable[[CheckFunction], AssetChecksDefinition]:
    """Return a decorator for a check that reports a warning or an error, and never stops a run."""
    return lambda function: _check(function, asset, name or function.__name__, blocking=False, partitions=partitions)


def _check(
    function: CheckFunction,
    asset: str,
    name: str,
    *,
    blocking: bool,
    partitions: PartitionsDefinition[str] | None = scenarios,
) -> AssetChecksDefinition:
    """Return Dagster's check. An InputError or a broken lineage fails it, with every fault in its description."""

    def run(context: AssetCheckExecutionContext, store: StoreResource) -> AssetCheckResult:
        try:
            fetch_checked(context, store)
            found = function(store, key_of(context))
        except InputError as error:
            found = Finding(False, str(error), {"faults": len(error.faults)})
        except RunError as error:
            found = Finding(False, str(error), {"faults": 1})
        return AssetCheckResult(
            passed=found.passed,
            severity=AssetCheckSeverity.WARN if found.warns else AssetCheckSeverity.ERROR,
            description=found.sentence,
            metadata=found.numbers,
        )

    with warnings.catch_warnings():
        # Checks per partition are a preview in the pinned release. Without them, the result for one scenario would
        # stand for all.
        warnings.simplefilter("ignore", PreviewWarning)
        return asset_check(
            asset=asset, name=name, description=function.__doc__, blocking=blocking, partitions_def=partitions
        )(run)
