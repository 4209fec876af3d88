"""Environments: `local`, one person's machine, and `shared`, the database and the object store of a team."""

import difflib
import functools
import os
import re
import urllib.parse
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass

from townlet.errors import Fault, InputError, nearest_name

#: The first chooses the environment, the next two say where its services are, the last sets the time zone.
VARIABLE = "TOWNLET_ENV"
POSTGRES = "TOWNLET_POSTGRES_URL"
OBJECT_STORE = "TOWNLET_OBJECT_STORE"
TIMEZONE = "TOWNLET_TIMEZONE"

_NAMES = ("local", "shared")
#: By variable: the start of its value, and an example. The driver is named because SQLAlchemy defaults to psycopg 3,
#: and dagster-postgres comes with psycopg2.
_URLS = {
    POSTGRES: ("postgresql+psycopg2://", "postgresql+psycopg2://user:password@host:5432/database"),
    OBJECT_STORE: ("s3://", "s3://bucket/prefix"),
}


@dataclass(frozen=True)
class Environment:
    """The URLs of Dagster's database and of the store to which artefacts are published; None if local."""

    name: str
    postgres: str | None = None
    object_store: str | None = None


def environment(variables: Mapping[str, str] = os.environ) -> Environment:
    """Return the environment that ``$TOWNLET_ENV`` names, by default ``local``.

    Raises InputError for an unknown name, and for each URL that ``shared`` needs and that is missing or of another
    kind.
    """
    name = variables.get(VARIABLE) or "local"
    if name not in _NAMES:
        raise InputError.of("environment", VARIABLE, repr(name), nearest_name(name, _NAMES))
    if name == "local":
        return Environment(name)
    faults = [
        Fault("environment", variable, found, f"{example}, because {VARIABLE} is shared")
        for variable, (start, example) in _URLS.items()
        if (found := _fault_of(variables.get(variable), start))
    ]
    if faults:
        raise InputError(faults)
    return Environment(name, variables[POSTGRES], variables[OBJECT_STORE].rstrip("/"))


def timezone(variables: Mapping[str, str] = os.environ) -> str:
    """Return the time zone of days, nights and deadlines: ``$TOWNLET_TIMEZONE``, else UTC.

    Raises InputError for an unknown zone.
    """
    name = variables.get(TIMEZONE) or "UTC"
    known = _zones()
    if name not in known:
        raise InputError.of(
            "environment", TIMEZONE, repr(name), f"a zone such as Europe/Berlin{_suggestion(name, known)}"
        )
    return name


def require_reachable(chosen: Environment) -> None:
    """Raise InputError unless the shared database and bucket answer. A local environment always passes."""
    if chosen.postgres and chosen.object_store:
        _require_postgres(chosen.postgres)
        _require_bucket(chosen.object_store)


@functools.cache
def _zones() -> set[str]:
    """Return all time zones; cached, because finding them reads many folders."""
    return zoneinfo.available_timezones()


def _suggestion(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _fault_of(value: str | None, start: str) -> str:
    """Return what is wrong with a URL; the empty string if nothing is."""
    # The value itself is not quoted: it may hold a password.
    return "nothing" if not value else "" if value.startswith(start) and value != start else "another kind of value"


def _require_postgres(url: str) -> None:
    import sqlalchemy

    wanted = "a Postgres server that lets this user in"
    try:
        engine = sqlalchemy.create_engine(url, connect_args={"connect_timeout": 10}, poolclass=sqlalchemy.NullPool)
        engine.connect().close()
    except sqlalchemy.exc.SQLAlchemyError as error:
        found = _without_password(" ".join(str(getattr(error, "orig", error)).split()), url)
        raise InputError.of("environment", POSTGRES, found, wanted) from None
    except ValueError:
        # The error quotes what it takes for the port: part of the password, if that contains `:` or `@`.
        found = "an address that cannot be read"
        wanted = f"{_URLS[POSTGRES][1]}, with : / @ in the password as %3A %2F %40"
        raise InputError.of("environment", POSTGRES, found, wanted) from None


def _without_password(message: str, url: str) -> str:
    """Return a driver's message without any part of the URL's password.

    If the password contains an at-sign, the driver takes the part after it for the server's name, and quotes it.
    """
    credentials = url.partition("://")[2].rpartition("@")[0]
    parts = [part for part in re.split("[:/@]", credentials.partition(":")[2]) if part]
    for part in sorted({*parts, *map(urllib.parse.unquote, parts)}, key=len, reverse=True):
        message = message.replace(part, "…")
    return message


def _require_bucket(url: str) -> None:
    from upath import UPath

    wanted = "a bucket that can be read (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY say how)"
    try:
        bucket = UPath(url)
        bucket.fs.ls(bucket.drive, refresh=True)
    except ImportError:
        raise InputError.of(
            "environment", OBJECT_STORE, "no s3fs", "the package: pip install 'townlet[shared]'"
        ) from None
    except Exception as error:  # s3fs and botocore raise errors that have no common base
        raise InputError.of(url, OBJECT_STORE, str(error) or type(error).__name__, wanted) from None
