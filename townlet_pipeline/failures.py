"""Unusable input as Dagster shows it best: a failed step with a readable reason, and no retry."""

from collections.abc import Iterator
from contextlib import contextmanager

from dagster import Failure, MetadataValue, TableRecord

from townlet.errors import InputError


@contextmanager
def readable_failures() -> Iterator[None]:
    """Turn an InputError into a Failure whose description says where, what was found and what was expected."""
    try:
        yield
    except InputError as error:
        raise as_failure(error) from None


def as_failure(error: InputError) -> Failure:
    """The Failure that stands for an InputError; trying again would not help, so it never is."""
    rows = [
        TableRecord({"file": f.file, "where": f.where, "found": f.found, "expected": f.expected}) for f in error.faults
    ]
    return Failure(str(error), metadata={"faults": MetadataValue.table(rows)}, allow_retries=False)
