"""The notebook of the documentation: it runs from the first cell to the last, and is committed without outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from support.places import ROOT

NOTEBOOK = ROOT / "examples" / "quickstart.ipynb"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The outputs of each cell of code, after a run in an empty folder."""
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TMPDIR", str(folder))
        environment.setenv("PYTHONPATH", str(ROOT))
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return [{**cell, "folder": folder} for cell in notebook.cells if cell.cell_type == "code"]


def printed(cell: dict[str, Any]) -> str:
    return "".join(each.get("text", "") for each in cell["outputs"] if each.get("name") == "stdout")


def kinds(cell: dict[str, Any]) -> set[str]:
    return {kind for each in cell["outputs"] for kind in each.get("data", {})}


def test_the_notebook_is_committed_without_outputs_and_without_the_name_of_a_kernel() -> None:
    content = json.loads(NOTEBOOK.read_text())
    assert content["metadata"] == {"language_info": {"name": "python"}}
    cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 8 and all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    nbformat.validate(nbformat.from_dict(content))


def test_every_cell_shows_what_it_is_for(run: list[dict[str, Any]]) -> None:
    _, picture, town, events, training, curves, evaluation, page = run
    assert "image/png" in kinds(picture) and "image/png" in kinds(curves)
    assert "tick 40 of 80" in printed(town) and "push_in" in str(events["outputs"])
    first, last = (float(word) for word in printed(training).replace(",", "").split() if word.lstrip("-")[:1].isdigit())
    assert first < last
    assert "chance" in printed(evaluation) and "text/html" in kinds(evaluation)
    (file,) = page["folder"].glob("townlet-*/playback.html")
    assert "<script>" in Path(file).read_text() and file.name in str(page["outputs"])
