"""Node of a lineage: an artefact whose files were all checked, with those it was made from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from townlet.baselines.review import BaselineReview


@dataclass(frozen=True)
class Node:
    """An artefact whose files were all checked, and the nodes it was made from."""

    kind: str
    file: Path
    sha256: str
    """The hash by which the artefact is known: that of its content if it carries one, else of the main file's bytes."""
    made_by: str
    files: dict[Path, str]
    """All files that were checked, with the hashes of their bytes."""
    made_from: list[Node] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    """Sentences about settings, and about what could not be checked, and why."""
    review: BaselineReview | None = None
    """Of a baseline: where it comes from, and who promoted it."""

    def everything(self) -> Iterator[Node]:
        """Yield this node and all its ancestors, each once, nearest first."""
        seen: dict[Path, Node] = {}
        waiting = [self]
        while waiting:
            node = waiting.pop(0)
            if node.file not in seen:
                seen[node.file] = node
                waiting.extend(node.made_from)
        yield from seen.values()

    def reviews(self) -> list[BaselineReview]:
        """The reviews of all baselines in the lineage, each baseline once, nearest first."""
        found = [node.review for node in self.everything() if node.review is not None]
        return list({review.baseline.sha256: review for review in reversed(found)}.values())[::-1]

    def as_json(self) -> dict[str, Any]:
        """Return all artefacts as one flat JSON object, nearest first, and the answers about each baseline."""
        nodes = list(self.everything())
        return {
            "file": str(self.file),
            "scenarios": [str(node.file) for node in nodes if not node.made_from],
            "files_checked": len({file for node in nodes for file in node.files}),
            "baselines": [review.as_json() for review in self.reviews()],
            "artefacts": [
                {
                    "kind": node.kind,
                    "file": str(node.file),
                    "sha256": node.sha256,
                    "made_by": node.made_by,
                    "files": {str(file): digest for file, digest in node.files.items()},
                    "made_from": [str(parent.file) for parent in node.made_from],
                    "notes": list(node.notes),
                }
                for node in nodes
            ],
        }
