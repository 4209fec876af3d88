"""HTML report of a training and its plots: self-contained, deterministic and accessible."""

from __future__ import annotations

import base64
import collections
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from support.telemetry_records import fields, record, write_lines

from townlet.cli import main
from townlet.telemetry import TelemetryWriter, read_records, summarize
from townlet.telemetry.rates import conflict_intensity
from townlet.view.html_page import Section, section_html
from townlet.view.key_figures import key_figures
from townlet.view.learning_curves import learning_curves
from townlet.view.report import summary_html
from townlet.view.style import INK, markdown_image, png, svg

SVG = "{http://www.w3.org/2000/svg}"


def mixed_log(epochs: int = 16) -> list[dict[str, Any]]:
    """Four replay and four rollout epochs in turn; the reward is −0.5 in the capture and grows in rollouts."""
    return [
        record(
            epoch,
            data_mode="replay" if (epoch - 1) % 8 < 4 else "rollout",
            reward_mean=-0.5 if (epoch - 1) % 8 < 4 else -1.0 + epoch / 32,
            queue_conflict_intensity_sum=20.0 if (epoch - 1) % 8 < 4 else float(32 - epoch),
        )
        for epoch in range(1, epochs + 1)
    ]


@pytest.fixture(scope="module")
def page() -> str:
    records = mixed_log()
    return summary_html(summarize(records), records)


def test_equal_records_give_an_equal_page(page: str) -> None:
    records = mixed_log()
    assert summary_html(summarize(records), records) == page


def test_the_page_refers_to_nothing_outside_itself(page: str) -> None:
    links = re.findall(r"""(?:src|href)=["']([^"']*)""", page)
    assert all(link.startswith("#") for link in links)
    assert not re.search(r"<script|<link|@import|url\((?!#)", page)


def test_every_element_of_the_page_is_closed_and_no_id_occurs_twice(page: str) -> None:
    ids: list[str] = []

    class Nesting(HTMLParser):
        open_tags: list[str] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            ids.extend(value for name, value in attrs if name == "id" and value)
            if tag not in ("meta", "link", "br"):
                self.open_tags.append(tag)

        def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            ids.extend(value for name, value in attrs if name == "id" and value)

        def handle_endtag(self, tag: str) -> None:
            assert self.open_tags.pop() == tag

    parser = Nesting()
    parser.feed(page)
    assert parser.open_tags == []
    assert [name for name, times in collections.Counter(ids).items() if times > 1] == []


def test_the_page_follows_light_and_dark_and_fits_a_phone(page: str) -> None:
    assert "prefers-color-scheme: dark" in page
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
    assert INK not in page.split("</style>", 1)[1], "plots take the page's text colour"


def test_the_verdict_comes_first_and_the_figures_compare_own_rollouts(page: str) -> None:
    assert page.index('class="verdict"') < page.index('class="figures"') < page.index("<svg")
    figures = {figure.label: figure for figure in key_figures(mixed_log())}
    assert (figures["mean reward"].before, figures["mean reward"].after) == (-1.0 + 5 / 32, -0.5)
    assert figures["mean reward"].recorded == -0.5
    assert figures["conflict intensity"].before == pytest.approx(1000 * 27 / 256)
    assert figures["conflict intensity"].recorded == pytest.approx(1000 * 20 / 256)


def test_the_figures_of_a_replay_only_log_do_not_change() -> None:
    records = [record(epoch, data_mode="replay", reward_mean=-0.5) for epoch in range(1, 4)]
    reward = key_figures(records)[0]
    assert (reward.before, reward.after, reward.recorded) == (-0.5, -0.5, None)


def test_conflict_intensity_is_per_thousand_agent_steps() -> None:
    assert conflict_intensity(record(1, transitions=2000, queue_conflict_intensity_sum=5.0)) == 2.5


def test_each_plot_is_valid_svg_with_a_description() -> None:
    for plot in learning_curves(mixed_log()):
        root = ElementTree.fromstring(svg(plot))
        assert root.tag == f"{SVG}svg"
        assert root.attrib["role"] == "img"
        assert root.attrib["aria-label"] == plot.alt
        assert len(plot.alt) > len(plot.title)
        assert root.find(f".//{SVG}metadata") is None


def test_replay_and_rollout_differ_in_colour_legend_and_description() -> None:
    reward = learning_curves(mixed_log())[0]
    drawn = svg(reward)
    assert "replay phases" in drawn
    assert "own rollouts" in drawn
    assert re.search(r"replay went from .*; rollout went from", reward.alt)
    only_rollout = learning_curves([record(epoch, reward_mean=0.1) for epoch in range(1, 4)])[0]
    assert "replay phases" not in svg(only_rollout)


def test_markup_in_texts_is_escaped_everywhere() -> None:
    records = mixed_log()
    section = Section("<b>&", "\\1 <i>", header=["<th>"], rows=[['"<td>']])
    text = summary_html(summarize(records), records, title="<u>", reproduce=["a <b"], sections=[section])
    for raw in ("<b>&", "<i>", '"<td>', "<u>", "a <b"):
        assert raw not in text


def test_numbers_are_right_aligned_and_names_and_hashes_are_not() -> None:
    section = Section("t", header=["a", "b", "c", "d"], rows=[["-1,234.5", "1e-05", "7fa9e0b2", "+12.5%"]])
    assert re.findall(r"<td( class=\"number\")?>", section_html(section)) == [' class="number"'] * 2 + [""] + [
        ' class="number"'
    ]


def test_a_log_of_schema_1_0_gets_a_page_of_the_fields_it_has(tmp_path: Path) -> None:
    with TelemetryWriter(tmp_path / "log.jsonl", version=1.0) as writer:
        for epoch in range(1, 4):
            writer.write(fields(epoch))
    records = read_records(tmp_path / "log.jsonl")
    text = summary_html(summarize(records), records)
    titles = [plot.title for plot in learning_curves(records)]
    assert titles == ["KL divergence and clip fraction", "Value loss and total loss", "Policy and entropy loss"]
    assert text.count("<svg") == 3


def test_a_single_epoch_is_drawn() -> None:
    records = [record(1, reward_mean=0.0, kl_divergence=0.0, clip_fraction=0.0)]
    assert summary_html(summarize(records), records).count("<svg") == 6


def test_the_summary_command_prints_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str], page: str) -> None:
    log = write_lines(tmp_path / "log.jsonl", mixed_log())
    assert main(["summary", str(log), "--format", "html"]) == 0
    assert capsys.readouterr().out == page


def test_a_markdown_image_carries_its_own_png() -> None:
    plots = learning_curves(mixed_log())
    match = re.fullmatch(r"!\[([^\]]*)\]\(data:image/png;base64,([^)]*)\)", markdown_image(plots))
    assert match is not None
    assert match[1].startswith("Mean reward")
    data = base64.b64decode(match[2], validate=True)
    assert data.startswith(b"\x89PNG\r\n")
    assert data == png(plots), "equal plots give equal images"
