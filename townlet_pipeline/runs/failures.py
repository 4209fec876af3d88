"""What can go wrong in a step, as Dagster shows it best: a readable reason, and a retry only where one can help."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from dagster import Failure, MetadataValue, RetryRequested, TableRecord

from townlet.errors import InputError

#: Retries of a step after a transient failure, and seconds before each.
RETRIES, RETRY_SECONDS = 3, 10.0

#: Failures of a disk or a network that may be over in a moment. A full disk or a missing right is not among them.
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
    """Turn an InputError into a Failure that says where, what was found and what was expected, and is not tried again.

    An OSError that may be over in a moment has the step tried again; any other one is a Failure with its file.
    """
    try:
        yield
    except InputError as error:
        raise as_failure(error) from None
    except OSError as error:
        reason = Failure(_told(error), allow_retries=False)
        if is_transient(error):
            raise RetryRequested(max_retries=RETRIES, seconds_to_wait=RETRY_SECONDS) from reason
        raise reason from error


def is_transient(error: OSError) -> bool:
    """Whether an operation that failed so may succeed when it is simply tried again."""
    return error.errno in _TRANSIENT or isinstance(error, TimeoutError | ConnectionError)


def as_failure(error: InputError) -> Failure:
    """The Failure that stands for an InputError; trying again would not help, so it never is."""
    rows = [
        TableRecord({"file": f.file, "where": f.where, "found": f.found, "expected": f.expected}) for f in error.faults
    ]
    return Failure(str(error), metadata={"faults": MetadataValue.table(rows)}, allow_retries=False)


def _told(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason
