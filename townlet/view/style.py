"""Visual style of all plots, and their output as PNG, SVG and Markdown images."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Colour of text, axes and grid. In SVG it becomes ``currentColor``, so that plots follow a page's light or dark mode.
INK = "#2b3440"
#: Colours that the colour-blind can tell apart, legible on white and on near-black; after Okabe and Ito (2008).
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#7f7f7f")
#: Colours of recorded data and of a policy's own rollouts.
REPLAY_COLOR, ROLLOUT_COLOR = PALETTE[1], PALETTE[0]

_RC: Any = {
    "axes.edgecolor": INK,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "grid.alpha": 0.15,
    "grid.color": INK,
    "legend.framealpha": 0.0,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.6,
    "svg.fonttype": "none",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot: its title, its description for screen readers, and the function that draws it."""

    title: str
    alt: str
    draw: Callable[[Axes], None]


def style(salt: str = "townlet") -> AbstractContextManager[None]:
    """Context manager that applies the style; the ids in an SVG depend on ``salt``."""
    from matplotlib import rc_context

    return rc_context({**_RC, "svg.hashsalt": salt})


def figure_of(plots: Sequence[Plot], columns: int = 2) -> Figure:
    """Draw the plots into one figure with ``columns`` columns. Call this, and save the figure, inside :func:`style`."""
    from matplotlib.figure import Figure

    columns = min(columns, len(plots))
    rows = -(-len(plots) // columns)
    figure = Figure(figsize=(5.2 * columns, 2.7 * rows), layout="constrained")
    for index, plot in enumerate(plots):
        axes = figure.add_subplot(rows, columns, index + 1)
        axes.set_title(plot.title)
        plot.draw(axes)
    return figure


def png(plots: Sequence[Plot], columns: int = 2) -> bytes:
    """Render the plots as one PNG image on white, about 1,000 pixels wide."""
    with style():
        buffer = io.BytesIO()
        figure_of(plots, columns).savefig(buffer, format="png", dpi=96, metadata={"Software": None})
    return buffer.getvalue()


def svg(plot: Plot) -> str:
    """Render a plot as an SVG element: transparent, in the page's text colour, with a description for screen readers.

    Equal data gives equal bytes: ids come from the title, and no date or program name is written.
    """
    with style(plot.title):
        buffer = io.StringIO()
        figure = figure_of([plot])
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    # Drop ids of groups: they would repeat in every plot of a page, and nothing refers to them.
    text = re.sub(r'<g id="[^"]*"', "<g", text).replace(INK, "currentColor")
    opening, content = text.split(">", 1)
    box = re.search(r'viewBox="([^"]*)"', opening)
    assert box is not None
    # Without width and height, the plot scales with the page.
    return (
        f'<svg role="img" aria-label="{html.escape(plot.alt, quote=True)}" viewBox="{box[1]}" '
        f'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{content}'
    )


def markdown_image(plots: Sequence[Plot], columns: int = 2) -> str:
    """Render the plots as a Markdown image with an embedded PNG, which the Dagster UI displays."""
    data = base64.b64encode(png(plots, columns)).decode()
    alt = "; ".join(plot.title for plot in plots)
    return f"![{alt}](data:image/png;base64,{data})"
