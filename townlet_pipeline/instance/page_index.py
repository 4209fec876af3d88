"""First page of the page server: the morning page, then every scenario's pages, its newest night first."""

import html
import re
import urllib.parse
from collections.abc import Sequence
from pathlib import Path

from townlet.files.artefact_names import NIGHTS, WEEKENDS
from townlet_pipeline.instance.documents import HANDBOOK

#: The morning page, in the store.
MORNING = "all/morning_overview/morning.html"
_NO_NIGHT = "Last night: there is no page yet. It is made after the first night."
#: Matches names that are not hidden.
_SEEN = "[!.]*"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.6 system-ui,sans-serif;max-width:52rem;margin:0 auto;padding:1rem}"
    "h2{font-size:1.15rem;margin:1.5rem 0 .3rem}ul{margin:0}"
)


def index_of(folder: Path) -> str:
    """Return a page that links to the pages of a store. It omits other files and hidden ones.

    The morning page comes first, or a sentence that there is none yet. Then come the scenarios, each with its nights,
    weekends and other pages, the newest first.
    """
    # Columns lie one folder deep in their scenario's, nights and weekends three.
    found = (*folder.glob(f"{_SEEN}/{_SEEN}/{_SEEN}.html"), *folder.glob(f"{'/'.join([_SEEN] * 5)}.html"))
    pages: dict[str, list[tuple[str, ...]]] = {}
    for name in (page.relative_to(folder) for page in found):
        if name.as_posix() != MORNING:
            pages.setdefault(name.parts[0], []).append(name.parts)
    made = (folder / MORNING).is_file()
    first = [_link(MORNING, "Last night: all verdicts on one page") if made else f"<li>{_NO_NIGHT}</li>"]
    first.append(_link(HANDBOOK, "Handbook: what to do about a verdict, and when something is red"))
    lists = [f"<h2>{html.escape(scenario)}</h2>{_list(names)}" for scenario, names in sorted(pages.items())]
    body = "".join(lists) or "<p>There are no pages yet: runs make them.</p>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Pages of Townlet</title><style>{_STYLE}</style></head><body><h1>Pages</h1>"
        f"<ul>{''.join(first)}</ul>{body}</body></html>"
    )


def _list(names: Sequence[tuple[str, ...]]) -> str:
    """Return a scenario's pages as a list: nights, then weekends, then the others; the newest of each first."""
    order = {NIGHTS: 0, WEEKENDS: 1}
    newest = sorted(sorted(names), key=lambda parts: parts[2] if _is_soak(parts) else "", reverse=True)
    kept = sorted(newest, key=lambda parts: order[parts[1]] if _is_soak(parts) else len(order))
    return f"<ul>{''.join(_link('/'.join(parts), _label(parts)) for parts in kept)}</ul>"


def _is_soak(parts: Sequence[str]) -> bool:
    return len(parts) == 5 and parts[1] in (NIGHTS, WEEKENDS) and _DAY.fullmatch(parts[2]) is not None


def _label(parts: Sequence[str]) -> str:
    if not _is_soak(parts):
        return "/".join(parts[1:])
    return f"{'night' if parts[1] == NIGHTS else 'weekend'} of {parts[2]}: {parts[3].replace('_', ' ')}"


def _link(target: str, label: str) -> str:
    # Relative, so that it also works behind a server that adds a prefix.
    return f'<li><a href="{urllib.parse.quote(target)}">{html.escape(label)}</a></li>'
