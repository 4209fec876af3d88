"""Plots and figures in the metadata of captures and trainings.

They do not affect an artefact's content, so they are kept in this package, which code versions leave out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dagster import MetadataValue, TableMetadataValue

from townlet.files.storage import AnyPath
from townlet_pipeline.artefacts import metadata

Records = Sequence[Mapping[str, Any]]


def capture_plots(manifest: AnyPath) -> MetadataValue[Any]:
    """The plots of a capture: needs, reward, conflicts and rivalry over the ticks of an episode."""
    from townlet.capture import read_capture, read_events
    from townlet.view import capture_plots

    return _image(capture_plots.capture_plots(read_capture(manifest), read_events(manifest)))


def people_table(metrics: Mapping[str, Any]) -> TableMetadataValue:
    """The people of a capture, with what each felt, got and did, from the capture's metrics."""
    from townlet.view.capture_plots import AGENT_COLUMNS, agent_rows

    meanings = {"agent": "name", **{column: f"{label}, {unit}" for column, label, unit in AGENT_COLUMNS}}
    return metadata.table(agent_rows(metrics), meanings)


def learning_curves(records: Records) -> MetadataValue[Any]:
    """The learning curves of a training, from its log."""
    from townlet.view import learning_curves

    return _image(learning_curves.learning_curves(records))


def headline_figure(records: Records) -> str:
    """The first key figure of a training in words: mean reward, before and after."""
    from townlet.view.key_figures import key_figures

    return str(key_figures(records)[0])


def figures_before_and_after(records: Records) -> dict[str, float]:
    """All key figures of a training, such as ``reward_mean_before`` and ``reward_mean_after``."""
    from townlet.view.key_figures import key_figures

    return {
        f"{figure.name}_{end}": getattr(figure, end) for figure in key_figures(records) for end in ("before", "after")
    }


def _image(plots: Sequence[Any]) -> MetadataValue[Any]:
    """Plots as an image inside the metadata, which the UI shows without any file server."""
    from townlet.view.style import markdown_image

    return MetadataValue.md(markdown_image(plots))
