"""The servers that a team shares, started for a test on loopback: Postgres and an S3-compatible object store."""

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
from pathlib import Path

import psycopg2
import pytest
from s3fs import S3FileSystem

ROOT = Path(__file__).parent.parent
BUCKET = "townlet"
#: What botocore needs to find the object store of a test; it takes any key.
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Return as soon as a condition holds; fail the test if it does not for so long."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.1)


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of an empty database on a server of its own; skips the test where Postgres is not installed."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    found = str(programs[-1] / "postgres") if programs else shutil.which("postgres")
    if found is None:
        pytest.skip("no Postgres: apt-get install postgresql")
    bin_ = Path(found).resolve().parent
    # Postgres refuses to run as root, and the folders of pytest are closed to others.
    user = None if os.geteuid() else _server_user()
    folder = Path(tempfile.mkdtemp(prefix="townlet-postgres-"))
    try:
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        data, port, log = folder / "data", free_port(), folder / "log"
        initdb = [bin_ / "initdb", "-D", data, "-U", "townlet", "-A", "trust", "--no-sync", "--encoding", "UTF8"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **as_user)  # type: ignore[call-overload]
        settings = ["listen_addresses=127.0.0.1", f"port={port}", f"unix_socket_directories={folder}", "fsync=off"]
        command = [bin_ / "postgres", "-D", data, *(word for setting in settings for word in ("-c", setting))]
        with (
            log.open("wb") as output,
            subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, **as_user) as server,
        ):
            try:
                place = f"townlet@127.0.0.1:{port}/postgres"
                wait_until(lambda: _answers(f"postgresql://{place}"), f"Postgres ({log.read_text()})")
                yield f"postgresql+psycopg2://{place}"
            finally:
                server.terminate()
                server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
    """Environment variables that lead to a server in a process of its own, with an empty bucket ``townlet``."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_until(lambda: _listens(port), "the object store")
            _make_bucket(endpoint)
            # A file system made before still speaks to the server of another test.
            S3FileSystem.clear_instance_cache()
            yield {**_CREDENTIALS, "AWS_ENDPOINT_URL": endpoint, "TOWNLET_OBJECT_STORE": f"s3://{BUCKET}/store"}
        finally:
            server.terminate()
            server.wait(30)


def _make_bucket(endpoint: str) -> None:
    import boto3

    names = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=endpoint, **names).create_bucket(Bucket=BUCKET)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
