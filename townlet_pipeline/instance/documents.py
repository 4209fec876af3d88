"""Pages of the documentation as HTML, for the page server: the handbook above all, which every verdict refers to."""

import html
import re
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from townlet_pipeline.instance.project import documentation, project_root

if TYPE_CHECKING:
    from markdown_it.token import Token

#: Folder of the documentation in addresses and in the project.
FOLDER = "docs"
#: Folder of incidents' pages in addresses.
INCIDENTS = "incidents"
#: The handbook's page.
HANDBOOK = f"{FOLDER}/OPS_HANDBOOK.md"

#: A link or an image: its text and its target.
_LINK = re.compile(r"!?\[([^\]]+)\]\(([^)\s]*)\)")
#: A target that is served: a page of the documentation, with or without an anchor; an anchor; another site.
_SERVED = re.compile(r"(?P<path>[\w./-]+\.md)?(#[\w-]+)?|https?://.*")

_CSS = """
:root { color-scheme: light dark; --line: #d5dae1; --soft: #f4f6f8; --ink: #2b3440; --paper: #fff; --mark: #fff3c4; }
@media (prefers-color-scheme: dark) {
  :root { --line: #3a4450; --soft: #1d242c; --ink: #dfe5ec; --paper: #12171c; --mark: #4a3d0a; }
  a { color: #7cc4ff; }
}
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 52rem; margin: 0 auto; padding: 1rem; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; } h3, h4 { margin: 1.6rem 0 .4rem; }
pre, code { background: var(--soft); border-radius: .3rem; font-size: .9em; }
pre { padding: .8rem; overflow-x: auto; } code { overflow-wrap: anywhere; }
table { border-collapse: collapse; display: block; overflow-x: auto; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line); }
p:has(> :target) + h3, p:has(> :target) + h3 + p, tr:has(:target) { background: var(--mark); }
"""


def document(path: str) -> bytes | None:
    """Return a page of the documentation or of an incident as HTML, by its address without the first slash.

    These are ``docs/SOAK.md`` and the like, and ``incidents/NAME.md`` for a page in ``runs/incidents``. Returns None if
    there is no such page. Headings have GitHub's anchors, so links between pages work here as there.
    """
    first, _, rest = path.partition("/")
    if first not in (FOLDER, INCIDENTS):
        return None
    folder = (documentation() if first == FOLDER else project_root() / "runs" / INCIDENTS).resolve()
    try:
        file = (folder / rest).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        return None
    if not (file.is_relative_to(folder) and file.suffix == ".md" and file.is_file()):
        return None
    return _rendered(file, file.stat().st_mtime_ns, first == FOLDER)


def anchors(page: bytes) -> set[str]:
    """Return the anchors of a page that links can lead to."""
    return {html.unescape(anchor) for anchor in re.findall(r'\bid="([^"]+)"', page.decode())}


@lru_cache(maxsize=32)
def _rendered(file: Path, _changed: int, own: bool) -> bytes:
    """Render a page; a later version of the file is rendered again.

    The documentation is the project's ``own``, and uses HTML for anchors. An incident quotes programs, so none acts.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": own}).enable("table")
    text = file.read_text("utf-8")
    tokens = parser.parse(_without_dead_links(text, file.parent) if own else text)
    title = _name_headings(tokens) or file.stem
    body = parser.renderer.render(tokens, parser.options, {})
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_CSS}</style></head>\n<body><main>\n{body}</main></body></html>\n"
    ).encode()


def _without_dead_links(text: str, folder: Path) -> str:
    """Return a page of a folder with images, and links to files that are not served, as plain text."""
    pages = documentation().resolve()

    def checked(link: re.Match[str]) -> str:
        target = _SERVED.fullmatch(link[2])
        path = target and target["path"]
        dead = target is None or (path and not (folder / path).resolve().is_relative_to(pages))
        return link[1] if dead or link[0].startswith("!") else link[0]

    return _LINK.sub(checked, text)


def _name_headings(tokens: "list[Token]") -> str:
    """Give every heading its anchor, and return the text of the first."""
    first, taken = "", dict[str, int]()
    for opening, content in pairwise(tokens):
        if opening.type != "heading_open":
            continue
        text = "".join(part.content for part in content.children or () if part.type in ("text", "code_inline"))
        first = first or text
        anchor = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        repeated = taken[anchor] = taken.get(anchor, -1) + 1
        opening.attrSet("id", f"{anchor}-{repeated}" if repeated else anchor)
    return first
