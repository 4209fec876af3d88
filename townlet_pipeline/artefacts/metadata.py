"""Metadata of materializations: tables, links, hashes of what was read, and the command that makes the same files."""

import base64
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from dagster import (
    AssetKey,
    MetadataValue,
    TableColumn,
    TableColumnConstraints,
    TableColumnDep,
    TableColumnLineage,
    TableMetadataValue,
    TableRecord,
    TableSchema,
)

from townlet.files.storage import AnyPath
from townlet.stages.commands import command_line
from townlet.telemetry.record import BY_NAME, FIELDS
from townlet.text import markdown
from townlet_pipeline.instance.pages import page_url
from townlet_pipeline.instance.project import shown

if TYPE_CHECKING:
    from townlet.view.playback import ConflictLink

#: Dagster's types of table columns, by kind of telemetry field.
_TYPES = {"int": "int", "float": "float", "str": "string"}
#: Conflicts shown on a capture's page in the UI; its playback lists more.
_SHOWN = 5
#: A link to a file, in Markdown of our own: no image, and no address with a scheme.
_RELATIVE_LINK = re.compile(r"(?<!!)\[([^\]\[]*)\]\((?![a-z]+:)([^)\s]+)\)")
_CONFLICT = ("tick", "world", "who", "kind", "against", "where", "intensity")


def table(
    rows: Sequence[Mapping[str, str | int] | Mapping[str, str | float]], meanings: Mapping[str, str]
) -> TableMetadataValue:
    """Rows as a table whose columns, in the order of ``meanings``, carry their meanings."""
    types = {name: _type_name(row[name]) for row in rows[:1] for name in row}
    columns = [TableColumn(name, types.get(name, "string"), meaning) for name, meaning in meanings.items()]
    return MetadataValue.table([TableRecord(dict(row)) for row in rows], TableSchema(columns))


def page(file: Path) -> MetadataValue[Any]:
    """Return a link that the UI opens if the page lies in the store that is served, and otherwise its path."""
    url = page_url(file)
    return MetadataValue.path(str(file)) if url is None else MetadataValue.url(url)


def markdown_of(file: Path) -> MetadataValue[Any]:
    """A Markdown file for the UI, which knows no files: links to files beside it become addresses of their pages.

    A link to a file outside the store that is served becomes its path in plain text.
    """

    def absolute(link: re.Match[str]) -> str:
        label, target = link.groups()
        path, hash_sign, anchor = unquote(target).partition("#")
        url = page_url(Path(os.path.normpath(file.parent / path)), f"{hash_sign}{anchor}")
        return f"[{label}]({url})" if url else f"{label} ({markdown.plain(path)})"

    return MetadataValue.md(_RELATIVE_LINK.sub(absolute, file.read_text(encoding="utf-8")))


def picture(file: Path, alt: str) -> MetadataValue[Any]:
    """A PNG file inside Markdown, which the UI displays."""
    data = base64.b64encode(file.read_bytes()).decode()
    return MetadataValue.md(f"![{alt}](data:image/png;base64,{data})")


def playback_of_capture(page_file: Path) -> dict[str, MetadataValue[Any]]:
    """A link to the page that plays the capture of the same partition; nothing if there is no such page yet."""
    return {"playback_of_capture": page(page_file)} if page_file.exists() else {}


def conflicts(links: "Sequence[ConflictLink]", page_file: Path) -> MetadataValue[Any]:
    """Conflicts as a Markdown table; each tick is a link to that moment on a playback page."""
    rows = [(_moment(link, page_file), *map(markdown.plain, _conflict(link))) for link in links]
    return MetadataValue.md(markdown.table(_CONFLICT, rows))


def recorded_conflicts(manifest: AnyPath, page_file: Path) -> MetadataValue[Any]:
    """The worst conflicts in the world of a capture's worst conflict, as :func:`conflicts` shows them.

    The playback page always contains that world.
    """
    from townlet.view.playback import conflict_links

    links = conflict_links(manifest)
    return conflicts([link for link in links if link.world == links[0].world][:_SHOWN], page_file)


def made_from(**parents: str | Mapping[str, str] | None) -> dict[str, MetadataValue[Any]]:
    """The metadata ``made_from``: content hashes of what was actually read, by asset, or by asset and partition.

    A plain hash is that of the same partition. For partitioned parents, Dagster's own ``dagster/input_data_version/…``
    tags are hashes of hashes.
    """
    return {"made_from": MetadataValue.json({name: version for name, version in parents.items() if version})}


def read_from(files: Mapping[str, Path]) -> dict[str, MetadataValue[Any]]:
    """The metadata ``read_from``: files that no run made and that were actually read, by what they are, with SHA-256.

    The file of an external asset, whose version ``made_from`` gives, is under the asset's name.
    """
    from townlet.lineage.artefact import file_sha256

    read = {name: {"file": shown(file), "sha256": file_sha256(file)} for name, file in files.items()}
    return {"read_from": MetadataValue.json(read)}


def command(*words: str | Path, options: Mapping[str, object] | None = None) -> MetadataValue[Any]:
    """Return the shell command that makes the same files without Dagster, to run in the project's folder."""
    return MetadataValue.text(command_line(*words, options=options, show=shown))


def column_lineage(asset: str, columns: Mapping[str, Sequence[str]]) -> dict[str, TableColumnLineage]:
    """The columns of an asset that each column comes from."""
    key = AssetKey(asset)
    deps = {name: [TableColumnDep(key, source) for source in sources] for name, sources in columns.items()}
    return {"dagster/column_lineage": TableColumnLineage(deps)}


def telemetry_schema(present: Sequence[str]) -> TableSchema:
    """The declared columns of a telemetry table: type, meaning, unit, and bounds as constraints."""
    columns = [
        TableColumn(
            field.name,
            _TYPES[field.kind],
            f"{field.meaning} ({field.unit})" if field.unit else field.meaning,
            TableColumnConstraints(nullable=field.since is None, other=_bounds(field.low, field.high)),
        )
        for field in FIELDS
        if field.name in present
    ]
    extra = [TableColumn(name, "float", "a field of this log alone") for name in present if name not in BY_NAME]
    return TableSchema([*columns, *extra])


def _moment(link: "ConflictLink", page_file: Path) -> str:
    url = page_url(page_file, link.fragment)
    return str(link.tick) if url is None else markdown.link(f"tick {link.tick}", url)


def _conflict(link: "ConflictLink") -> list[str]:
    return [str(link.world), link.who, link.kind, link.against, link.where, f"{link.intensity:.3g}"]


def _bounds(low: float | None, high: float | None) -> list[str]:
    return [text for bound, text in ((low, f"at least {low}"), (high, f"at most {high}")) if bound is not None]


def _type_name(value: object) -> str:
    return "string" if isinstance(value, str) else "float" if isinstance(value, float) else "int"
