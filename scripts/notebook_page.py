"""Page of the documentation site that shows the notebook, made from its cells while the site is built."""

from __future__ import annotations

import json
from pathlib import Path

import mkdocs_gen_files

NOTEBOOK = Path(__file__).parent.parent / "examples" / "quickstart.ipynb"
#: Links in the notebook are relative to its folder, those of the page to ``docs``.
_TO_DOCS = "../docs/"


def page() -> str:
    """The notebook as Markdown."""
    parts = []
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        parts.append(text.replace(_TO_DOCS, "") if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
    title, *others = parts
    where = "This page is `examples/quickstart.ipynb`, which `jupyter lab` or any other editor of notebooks opens."
    return "\n\n".join([title, where, *others]) + "\n"


with mkdocs_gen_files.open("notebook.md", "w") as file:
    file.write(page())
