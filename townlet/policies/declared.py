"""Declarations of policies made elsewhere: a YAML file names the behaviour, its scenario, and where it comes from.

behavior: ../../mine/policy.py:factory
scenario: town_day
description: PPO of a library
provenance: {library: stable-baselines3 2.7, trained by: Ada}
files: {../../mine/model.zip: 9f2c…}
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from townlet.config.base import Section
from townlet.config.document import Document, parse_document
from townlet.config.faults import fault_of, quote
from townlet.config.load import is_scenario_name, scenario_names
from townlet.config.town import Name
from townlet.errors import Fault, InputError, nearest_name
from townlet.files.artefact_names import CARD_NAME, WEIGHTS_NAME
from townlet.files.filenames import AnyFile
from townlet.files.storage import canonical_json, read_bytes, sha256
from townlet.policies.origin import Sha256

#: The forms of a declared behaviour, for messages. Paths start at the declaration's folder.
FORMS = "FILE.onnx, FILE.py:factory, package.module:factory, or the folder of a Townlet policy"

_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


class Declaration(Section):
    """The content of a declaration."""

    behavior: AnyFile
    """``FILE.onnx``, ``FILE.py:factory``, ``package.module:factory``, or the folder of a Townlet policy."""
    scenario: Name
    """Name of the scenario that the policy is for."""
    description: str = ""
    provenance: dict[str, str] = {}
    """Where the policy comes from, in fields of one's own: library, version, command, author, address."""
    files: dict[AnyFile, Sha256 | None] = {}
    """Files that belong to the policy, such as weights; those with a SHA-256 must have it."""
    nightly: bool = False
    """Whether a scheduled night soaks it."""


@dataclass(frozen=True)
class DeclaredPolicy:
    """A declared policy whose files were found. Nothing of its code has been run."""

    file: Path
    """The declaration."""
    declared: Declaration
    place: Path | None
    """File or folder of the behaviour; None for a module, which Python finds."""
    factory: str
    """Name of the factory in that file; empty without one."""
    scenario_file: Path

    @property
    def name(self) -> str:
        """The policy's name, which is that of its file."""
        return self.file.stem

    @property
    def acting(self) -> dict[str, str]:
        """The option with which commands let it act: ``behavior``, or ``policy`` for a Townlet policy."""
        if self.place is None:
            return {"behavior": self.declared.behavior}
        words = f"{self.place}:{self.factory}" if self.factory else str(self.place)
        return {"policy" if _is_policy(self.place) else "behavior": words}

    @property
    def version(self) -> str:
        """SHA-256 of the declaration and of all its files: another one means that something was edited or replaced.

        Raises InputError for a file that cannot be read.
        """
        content = {"declared": self.declared.model_dump(), "files": list(map(_sha256, self._all_files()))}
        return sha256(canonical_json(content).encode())

    def hashes(self) -> dict[str, str]:
        """SHA-256 of each declared file, by its path as declared.

        Raises InputError for a file that cannot be read, and for each whose hash is not the declared one.
        """
        found = {given: _sha256(self.file.parent / given) for given in self.declared.files}
        faults = [
            Fault(str(self.file), f"files.{given}", f"SHA-256 {found[given]}", f"{pinned}, as declared")
            for given, pinned in self.declared.files.items()
            if pinned not in (None, found[given])
        ]
        if faults:
            raise InputError(faults)
        return found

    def _all_files(self) -> Iterator[Path]:
        if self.place is not None and _is_policy(self.place):
            yield from (self.place / CARD_NAME, self.place / WEIGHTS_NAME)
        elif self.place is not None:
            yield self.place
        yield from (self.file.parent / given for given in self.declared.files)


def load_declared(file: Path, scenarios: Path) -> DeclaredPolicy:
    """Load a declaration.

    Args:
        file: the YAML file; the paths in it start at its folder.
        scenarios: folder of the scenario files.

    Raises InputError with every fault: invalid YAML, unknown keys, wrong types, a file that is missing, a scenario that
    does not exist. Hashes of files are not computed, and no code is run.
    """
    if not is_scenario_name(file.stem):
        expected = "at most 100 lower-case letters, digits and _, beginning with a letter"
        raise InputError.of(file, "", f"the name {file.stem!r}", expected)
    document = parse_document(file, read_bytes(file, "the declaration of a policy"))
    declared = _validated(document, file)
    faults = [*_missing(declared, document, file), *_unknown_scenario(declared, scenarios, document, file)]
    if faults:
        raise InputError(faults)
    place, factory = _parts(declared.behavior, file.parent)
    return DeclaredPolicy(file.resolve(), declared, place, factory, scenarios / f"{declared.scenario}.yaml")


def _validated(document: Document, file: Path) -> Declaration:
    if not isinstance(document.value, dict):
        found = "an empty file" if document.value is None else quote(document.value)
        raise InputError.of(file, "", found, "a mapping with behavior and scenario")
    try:
        return Declaration.model_validate(document.value)
    except ValidationError as error:
        raise InputError(_fault(document, file, detail) for detail in error.errors()) from None


def _fault(document: Document, file: Path, detail: Any) -> Fault:
    where = tuple(str(part) for part in detail["loc"] if part != "[key]")
    node = document.written(where)
    return fault_of(str(file), detail, Declaration, document.place(where), node.written if node else None)


def _parts(behavior: str, folder: Path) -> tuple[Path | None, str]:
    """File or folder of a behaviour, and the name of its factory; None for a module."""
    place, colon, factory = behavior.rpartition(":")
    if colon and place.endswith(".py"):
        return (folder / place).resolve(), factory
    if _MODULE.fullmatch(behavior):
        return None, ""
    found = (folder / behavior).resolve()
    return found.parent if found.name == CARD_NAME else found, ""


def _missing(declared: Declaration, document: Document, file: Path) -> Iterator[Fault]:
    """Faults of files that do not exist, and of a behaviour that has none of the forms."""
    place, factory = _parts(declared.behavior, file.parent)
    if place is not None:
        is_code, is_network = place.suffix == ".py" and bool(factory), place.suffix == ".onnx"
        if not (_is_policy(place) or (_is_file(place) and (is_code or is_network))):
            found = repr(declared.behavior) if _is_file(place) else f"no file {declared.behavior!r}"
            yield Fault(str(file), document.place(("behavior",)), found, FORMS)
    for given in declared.files:
        if not _is_file(file.parent / given):
            yield Fault(str(file), document.place(("files", given)), "no such file", "a file beside the declaration")


def _unknown_scenario(declared: Declaration, scenarios: Path, document: Document, file: Path) -> Iterator[Fault]:
    names = scenario_names(scenarios)
    if declared.scenario not in names:
        where, expected = document.place(("scenario",)), nearest_name(declared.scenario, names)
        yield Fault(str(file), where, repr(declared.scenario), expected)


def _is_policy(place: Path) -> bool:
    return _is_file(place / CARD_NAME)


def _is_file(place: Path) -> bool:
    """Whether a file exists; a name that is too long for the file system has none."""
    try:
        return place.is_file()
    except OSError:
        return False


def _sha256(file: Path) -> str:
    return sha256(read_bytes(file, "a file of a policy"))
