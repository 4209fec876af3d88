"""Hook of the documentation site: links to files of the repository that are not pages become plain text."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

#: A link to a parent folder: its text, its path and its anchor.
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(((?:\.\./)+[^)#\s]*)(#[^)]*)?\)")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The page without links that lead out of ``docs``."""
    depth = len(PurePosixPath(page.file.src_uri).parts) - 1

    def plain(link: re.Match[str]) -> str:
        climbs = link[2].count("../")
        return link[0] if climbs <= depth else link[1]

    return _LINK.sub(plain, markdown)
