"""The documentation site: every page builds without a warning, and the reference matches the code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel
from support.browser import DESKTOP, browser_tab, find_browser
from support.places import ROOT
from typer.main import get_command

from townlet.cli import app
from townlet.config import Scenario
from townlet.metrics import METRICS
from townlet.telemetry.record import FIELDS
from townlet.training.environment.settings import EnvironmentSettings
from townlet_pipeline.resources import SimulatorResource, TrainerResource


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "properdocs", "build", "-f", "mkdocs.yml", "-d", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_in_the_navigation(site: Path) -> None:
    menu = (ROOT / "mkdocs.yml").read_text()
    for page in (ROOT / "docs").rglob("*.md"):
        assert str(page.relative_to(ROOT / "docs")) in menu
    assert (site / "index.html").exists()


def test_the_reference_names_every_command_key_field_and_metric(site: Path) -> None:
    pages = {name: (site / "reference" / f"{name}.html").read_text() for name in ("command-line", "scenario-files")}
    telemetry = (site / "reference" / "telemetry-fields.html").read_text()
    assert all(f"<code>{field.name}</code>" in telemetry for field in FIELDS)
    metrics = (site / "reference" / "metrics.html").read_text()
    assert all(f"<code>{name}</code>" in metrics for name in METRICS)
    commands = get_command(app).commands  # type: ignore[attr-defined]
    shown = {name: f"townlet {name}" in pages["command-line"] for name in commands}
    assert shown == {name: not command.hidden for name, command in commands.items()}
    assert all(key in pages["scenario-files"] for key in ("fair_use_ticks", "decay_per_tick", "learning_rate"))


def test_the_python_reference_has_every_module_with_public_names(site: Path) -> None:
    pages = "".join(page.read_text() for page in (site / "reference" / "python").glob("*.html"))
    shown = set(re.findall(r'id="(townlet[\w.]*)"', pages))
    for package in ("townlet", "townlet_pipeline"):
        for file in (ROOT / package).rglob("*.py"):
            module = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            public = re.findall(r"^(?:class|def) ([A-Za-z]\w*)", file.read_text(), re.MULTILINE)
            if public and "._" not in f".{module}" and not module.startswith("townlet.cli") and module != package:
                assert module in shown, module


def test_every_field_of_a_configuration_has_its_type(site: Path) -> None:
    pages = "".join(page.read_text() for page in (site / "reference" / "python").glob("*.html"))
    for model in (*sections_of(Scenario, set()), EnvironmentSettings, TrainerResource, SimulatorResource):
        for name in model.model_fields.keys() & model.__annotations__.keys():
            place = f'id="{model.__module__}.{model.__qualname__}.{name}"'
            assert place in pages
            signature = pages.partition(place)[2].split('<div class="doc-signature', 1)[1].split("</pre>")[0]
            assert re.match(rf"{name}\s*:\s*\S", re.sub("<[^>]+>", "", signature.split("<code>", 1)[1])), place
    keys = (site / "reference" / "scenario-files.html").read_text()
    assert not re.findall(r"<tr>\s*<td><code>\w+</code></td>\s*<td>(?:any)?</td>", keys)


def sections_of(model: type[BaseModel], found: set[type[BaseModel]]) -> set[type[BaseModel]]:
    """A model, and those that its fields are made of."""
    if model not in found:
        found.add(model)
        for field in model.model_fields.values():
            for part in [field.annotation, *get_args(field.annotation)]:
                if isinstance(part, type) and issubclass(part, BaseModel):
                    sections_of(part, found)
    return found


def test_pages_load_nothing_from_other_servers(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = re.findall(r"<(?:script|img|iframe)[^>]+src=\"([^\"]+)\"", page.read_text())
        loaded += re.findall(r"<link[^>]+href=\"([^\"]+)\"", page.read_text())
        assert not [address for address in loaded if address.startswith(("http", "//"))], page


@pytest.mark.skipif(find_browser() is None, reason="needs Chromium")
def test_the_search_works_in_the_site_on_the_disk(site: Path) -> None:
    with browser_tab() as tab:
        tab.size(*DESKTOP)
        tab.open(site / "TRAINING.html")
        tab.until("document.querySelector('[data-md-component=search-query]') !== null")
        tab.ask("document.querySelector('[data-md-component=search-query]').focus()")
        for letter in "rivalry":
            tab.press(letter)
        found = "[...document.querySelectorAll('.md-search-result__link')].map(link => link.href).join(' ')"
        assert "SCENARIOS.html" in tab.until(found)
        assert not tab.complaints
        assert all(address.startswith(("file:", "data:", "about:")) for address in tab.requests)
