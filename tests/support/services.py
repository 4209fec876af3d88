"""Servers of the shared environment, started for a test on loopback: Postgres and an S3-compatible object store."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

import psycopg2
import pytest
from s3fs import S3FileSystem

BUCKET = "townlet"
#: What botocore requires; the test's object store accepts any key.
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
_ATTEMPTS = 3


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 60.0, *, every: float = 0.1) -> None:
    """Return as soon as a condition holds; fail the test if that takes longer than ``seconds``."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"{what}: not within {seconds:.0f} s"
        time.sleep(every)


@contextmanager
def postgres() -> Iterator[str]:
    """Yield the URL of an empty database on a server of its own; skip the test if Postgres is not installed."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    found = str(programs[-1] / "postgres") if programs else shutil.which("postgres")
    if found is None:
        pytest.skip("no Postgres: apt-get install postgresql")
    bin_ = Path(found).resolve().parent
    # Postgres refuses to run as root, and pytest's folders are closed to other users.
    user = None if os.geteuid() else _server_user()
    folder = Path(tempfile.mkdtemp(prefix="townlet-postgres-"))
    try:
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        data = folder / "data"
        initdb = [bin_ / "initdb", "-D", data, "-U", "townlet", "-A", "trust", "--no-sync", "--encoding", "UTF8"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **as_user)  # type: ignore[call-overload]
        command = [bin_ / "postgres", "-D", data, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]

        def start(port: int, output: BinaryIO) -> subprocess.Popen[bytes]:
            where = ["-c", f"port={port}", "-c", f"unix_socket_directories={folder}"]
            words = [*command, *where]
            return subprocess.Popen(words, cwd=folder, stdout=output, stderr=output, **as_user)  # type: ignore[call-overload,no-any-return]

        with _server(start, lambda port: _accepts_connections(data), folder / "log") as port:
            place = f"townlet@127.0.0.1:{port}/postgres"
            wait_until(lambda: _answers(f"postgresql://{place}"), "Postgres")
            yield f"postgresql+psycopg2://{place}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _accepts_connections(data: Path) -> bool:
    """Return whether this folder's server is ready, by its own file: the port may be another test's server's."""
    file = data / "postmaster.pid"
    return file.exists() and file.read_text().split()[-1:] == ["ready"]


@contextmanager
def _server(
    start: Callable[[int, BinaryIO], subprocess.Popen[bytes]], ready: Callable[[int], bool], log: Path
) -> Iterator[int]:
    """Yield the port of a server that is ready, and stop the server when the block ends.

    Another process may take a free port before the server does. The server then exits, and is started again on another
    port.
    """
    for attempt in range(_ATTEMPTS):
        port = free_port()
        with log.open("wb") as output, start(port, output) as server:
            try:
                _wait_for(server, partial(ready, port), log)
                if server.poll() is None:
                    yield port
                    return
                assert attempt < _ATTEMPTS - 1, log.read_text()
            finally:
                server.terminate()
                server.wait(30)


def _wait_for(server: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    """Return once a server is ready or has exited."""
    try:
        wait_until(lambda: server.poll() is not None or ready(), str(server.args))
    except AssertionError as error:
        error.add_note(log.read_text())
        raise


def _server_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.skip("Postgres cannot run as root, and there is no user postgres or nobody")


def _answers(url: str) -> bool:
    try:
        psycopg2.connect(url).close()
    except psycopg2.OperationalError:
        return False
    return True


@contextmanager
def object_store() -> Iterator[dict[str, str]]:
    """Yield environment variables for a server in a process of its own, with an empty bucket ``townlet``."""
    program = str(Path(sys.executable).with_name("moto_server"))

    def start(port: int, output: BinaryIO) -> subprocess.Popen[bytes]:
        return subprocess.Popen([program, "-H", "127.0.0.1", "-p", str(port)], stdout=output, stderr=output)

    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with _server(start, lambda port: f"Running on http://127.0.0.1:{port}" in log.read_text(), log) as port:
            endpoint = f"http://127.0.0.1:{port}"
            _make_bucket(endpoint)
            # A cached file system would still use the server of an earlier test.
            S3FileSystem.clear_instance_cache()
            yield {**_CREDENTIALS, "AWS_ENDPOINT_URL": endpoint, "TOWNLET_OBJECT_STORE": f"s3://{BUCKET}/store"}


def _make_bucket(endpoint: str) -> None:
    import boto3

    names = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=endpoint, **names).create_bucket(Bucket=BUCKET)
