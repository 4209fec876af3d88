"""Declarations of policies made elsewhere: the files in ``configs/policies``, as partitions and as an external asset.

Reading one runs none of the policy's code.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from dagster import DagsterInstance, MetadataValue

from townlet.errors import Fault, InputError
from townlet_pipeline.artefacts import metadata
from townlet_pipeline.artefacts.external import MADE_BY, POLICY_FILE, Present, external_asset, report, reported_version
from townlet_pipeline.artefacts.partitions import ALL, add_policies, files_on_disk, known_policies, outside_policies
from townlet_pipeline.instance.project import (
    KEY_EXPECTED,
    is_key,
    policies_folder,
    policy_declaration,
    project_root,
    scenario_folder,
    shown,
)

if TYPE_CHECKING:
    from townlet.policies.declared import DeclaredPolicy

policy_file = external_asset(
    POLICY_FILE,
    "outside",
    "yaml",
    description="The file in `configs/policies` that declares a policy made elsewhere: its behaviour, its scenario and "
    "where it comes from. People write it; no run makes it. The sensor `policy_files` reports each edit of it and each "
    "new version of the policy's files. Its data version is the SHA-256 of what it says and of these files.",
    partitions=outside_policies,
)

_PROVENANCE = {"field": "as declared", "value": "as declared"}


def declared_policy(name: str) -> "DeclaredPolicy":
    """A declared policy. Raises InputError for a name without a declaration, and with every fault of one."""
    from townlet.policies.declared import load_declared

    file = policy_declaration(name)
    if name == ALL or name in files_on_disk():
        # Both lie in a folder of that name in the store.
        raise InputError.of(file, "", f"the name {name!r}", "a name that no scenario has")
    return load_declared(file, scenario_folder(project_root()))


def declared_names() -> tuple[list[str], list[str]]:
    """The names of all declarations, and a line for each entry that cannot be one. Hidden entries are ignored."""
    folder = policies_folder()
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    found = [file for file in entries if file.suffix.lower() in (".yaml", ".yml") and not file.name.startswith(".")]
    names = [file.stem for file in found if file.suffix == ".yaml" and is_key(file.stem)]
    expected = f"NAME.yaml with a name of {KEY_EXPECTED}"
    return names, [str(Fault(shown(folder), ascii(f.name), "", expected)) for f in found if f.stem not in names]


def present_policies(instance: DagsterInstance, names: Iterable[str]) -> tuple[list[str], list[Present], list[str]]:
    """The valid declarations among ``names``, those that are new or of another version, and the faults of the others.

    A declaration is of another version if it says something else, or if a file of the policy has other bytes.
    """
    valid, found, faults = [], [], []
    for name in names:
        try:
            policy = declared_policy(name)
            version = policy.version
        except InputError as error:
            others = f" (and {len(error.faults) - 1} more)" if len(error.faults) > 1 else ""
            faults.append(f"{error.faults[0]}{others}")
            continue
        valid.append(name)
        if version != reported_version(instance, POLICY_FILE, name):
            found.append(Present(POLICY_FILE, name, version, _page(policy)))
    return valid, found, faults


def register_policies(instance: DagsterInstance, say: Callable[[str], None] | None = None) -> None:
    """Do at once what the sensor `policy_files` does; ``say`` gets a line for each file that is no declaration."""
    names, unusable = declared_names()
    valid, found, faults = present_policies(instance, names)
    add_policies(instance, [name for name in valid if name not in known_policies(instance)])
    report(instance, found)
    for line in (*unusable, *faults) if say else ():
        say(line)  # type: ignore[misc]


def _page(policy: "DeclaredPolicy") -> dict[str, object]:
    declared = policy.declared
    return {
        "headline": f"{declared.behavior} for {declared.scenario}" + (", every night" if declared.nightly else ""),
        "description": MetadataValue.text(declared.description),
        "provenance": provenance_table(declared.provenance),
        MADE_BY: declared.provenance.get("trained by", "made elsewhere"),
        "path": MetadataValue.path(shown(policy.file)),
        "command": f"townlet check {shown(policy.file)} --output runs/outside_policy.json",
    }


def provenance_table(provenance: dict[str, str]) -> MetadataValue:
    """The declared provenance as a table."""
    return metadata.table([{"field": field, "value": value} for field, value in provenance.items()], _PROVENANCE)
