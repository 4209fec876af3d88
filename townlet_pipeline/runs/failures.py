"""Failures of steps: readable reasons, and retries only where they can help."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster import DagsterEvent, Failure, MetadataValue, RetryRequested, TableRecord

from townlet.errors import InputError

#: Retries of a step after a transient failure, and seconds before each.
RETRIES, RETRY_SECONDS = 3, 10.0

#: Errors of a disk or a network that may pass by themselves. A full disk and a missing permission are not among them.
_TRANSIENT = frozenset(
    {
        errno.EAGAIN,
        errno.EBUSY,
        errno.ECONNABORTED,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EHOSTUNREACH,
        errno.EINTR,
        errno.EIO,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENFILE,
        errno.EPIPE,
        errno.ESTALE,
        errno.ETIMEDOUT,
    }
)


@contextmanager
def readable_failures() -> Iterator[None]:
    """Turn an InputError into a Failure that says where, what was found and what was expected; it is not retried.

    An OSError that may pass by itself makes Dagster retry the step. Any other OSError becomes a Failure that names its
    file.
    """
    try:
        yield
    except InputError as error:
        raise as_failure(error) from None
    except OSError as error:
        failure = Failure(_describe_os_error(error), allow_retries=False)
        if is_transient(error):
            raise RetryRequested(max_retries=RETRIES, seconds_to_wait=RETRY_SECONDS) from failure
        raise failure from error


def is_transient(error: OSError) -> bool:
    """Return whether the operation may succeed if it is simply tried again."""
    return error.errno in _TRANSIENT or isinstance(error, TimeoutError | ConnectionError)


def as_failure(error: InputError) -> Failure:
    """Return the Failure for an InputError. It is never retried, because the input would be the same."""
    rows = [
        TableRecord({"file": f.file, "where": f.where, "found": f.found, "expected": f.expected}) for f in error.faults
    ]
    return Failure(str(error), metadata={"faults": MetadataValue.table(rows)}, allow_retries=False)


def failure_reason(event: DagsterEvent) -> str:
    """Return why a step failed: what its Failure says, else the message of the innermost error."""
    data: Any = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error else "no reason given"


def _describe_os_error(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason
