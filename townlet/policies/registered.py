"""Policies in MLflow's registry: their addresses, and their files, which are checked after every download."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from townlet.errors import InputError
from townlet.files.artefact_names import CARD_NAME, WEIGHTS_NAME
from townlet.files.storage import read_bytes, sha256
from townlet.host.cache import private_cache
from townlet.host.mlflow_settings import set_mlflow_defaults

#: Tags of a version that hold the SHA-256 of each of its files, by the file's name.
HASH_TAGS = {CARD_NAME: "townlet.card_sha256", WEIGHTS_NAME: "townlet.weights_sha256"}

_FORMS = "models:/NAME@ALIAS or models:/NAME/VERSION"
_ADDRESS = re.compile(r"models:/(?P<name>[^/@:]+)(?:@(?P<alias>[^/@:]+)|/(?P<version>[0-9]+))")


def is_registered(policy: object) -> bool:
    """Whether this is the address of a policy in a registry, and no path."""
    return str(policy).startswith("models:/")


def registered_policy(address: str) -> Path:
    """Return the folder of a registered policy in the cache, downloaded if it is not there yet.

    The registry is ``$MLFLOW_REGISTRY_URI``, else ``$MLFLOW_TRACKING_URI``. The files must have the SHA-256 with which
    the version was registered.

    Raises InputError for another form of address, without a registry or MLflow, for a name, alias or version that the
    registry does not have, and for a version that was not registered by Townlet or whose files were altered.
    """
    parts = _ADDRESS.fullmatch(address)
    if parts is None:
        raise InputError.of("policy", "", repr(address), _FORMS)
    registry = os.environ.get("MLFLOW_REGISTRY_URI") or os.environ.get("MLFLOW_TRACKING_URI")
    if not registry:
        raise InputError.of("policy", "", f"{address}, and no $MLFLOW_TRACKING_URI", "the address of MLflow's registry")
    set_mlflow_defaults()
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError:
        raise InputError.of("policy", "", "no MLflow", "MLflow: pip install 'townlet[mlflow]'") from None
    try:
        client = MlflowClient(os.environ.get("MLFLOW_TRACKING_URI") or registry, registry)
        name = parts["name"]
        found = (
            client.get_model_version_by_alias(name, parts["alias"])
            if parts["alias"]
            else client.get_model_version(name, parts["version"])
        )
        wanted = {file: found.tags.get(tag, "") for file, tag in HASH_TAGS.items()}
        if not all(re.fullmatch("[0-9a-f]{64}", digest) for digest in wanted.values()):
            expected = "a policy that townlet export mlflow --register has registered"
            raise InputError.of(address, "", "a model without the SHA-256 of a policy's files", expected)
        return _cached(wanted, address) or _downloaded(client, str(found.source), wanted, address)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError.of(address, "", why, "a policy in the registry") from None


def _folder(wanted: dict[str, str]) -> Path:
    return private_cache() / "policies" / "-".join(digest[:32] for digest in wanted.values())


def _cached(wanted: dict[str, str], address: str) -> Path | None:
    folder = _folder(wanted)
    if not all((folder / name).is_file() for name in wanted):
        return None
    _require(folder, wanted, address)
    return folder


def _downloaded(client: object, source: str, wanted: dict[str, str], address: str) -> Path:
    """Download into a new folder, check, and put it in its place. Without a place of its own, MLflow would return the
    registry's own folder, in which an edit would change the registered files."""
    from mlflow import MlflowClient

    assert isinstance(client, MlflowClient)
    folder = _folder(wanted)
    folder.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as beside:
        run, _, path = source.removeprefix("runs:/").partition("/")
        got = Path(client.download_artifacts(run, path, beside))
        _require(got, wanted, address)
        if not folder.exists():
            got.rename(folder)
    return folder


def _require(folder: Path, wanted: dict[str, str], address: str) -> None:
    """Raise InputError unless the files have these hashes."""
    for name, digest in wanted.items():
        found = sha256(read_bytes(folder / name, "a file of a registered policy"))
        if found != digest:
            raise InputError.of(address, name, f"SHA-256 {found}", f"{digest}, with which it was registered")
