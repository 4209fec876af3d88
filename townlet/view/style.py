"""One visual style for every plot, and the forms in which plots leave: PNG, SVG and Markdown images."""

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

#: Text, axes and grid. In SVG these become ``currentColor``, so that a plot follows the page's light or dark mode.
INK = "#2b3440"
#: Colours that the colour-blind tell apart and that hold on white and on near-black; after Okabe and Ito (2008).
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#7f7f7f")
REPLAY, ROLLOUT = PALETTE[1], PALETTE[0]

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
    """One plot: its title, what it shows in words (for those who cannot see it), and how to draw it."""

    title: str
    alt: str
    draw: Callable[[Axes], None]


def style(salt: str = "townlet") -> AbstractContextManager[None]:
    """The style, in force inside a ``with`` block; ``salt`` decides the ids in an SVG."""
    from matplotlib import rc_context

    return rc_context({**_RC, "svg.hashsalt": salt})


def figure_of(plots: Sequence[Plot], columns: int = 2) -> Figure:
    """A figure with the plots side by side in ``columns``; to be made, and saved, inside :func:`style`."""
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
    """The plots as one PNG image on white, about 1,000 pixels wide."""
    with style():
        buffer = io.BytesIO()
        figure_of(plots, columns).savefig(buffer, format="png", dpi=96, metadata={"Software": None})
    return buffer.getvalue()


def svg(plot: Plot) -> str:
    """One plot as an SVG element for HTML: transparent, in the page's text colour, described for screen readers.

    Equal data gives equal bytes: ids come from the title, and neither date nor program is written.
    """
    with style(plot.title):
        buffer = io.StringIO()
        figure = figure_of([plot])
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    # Names of groups would occur once per plot on a page; nothing refers to them.
    text = re.sub(r'<g id="[^"]*"', "<g", text).replace(INK, "currentColor")
    opening, content = text.split(">", 1)
    box = re.search(r'viewBox="([^"]*)"', opening)
    assert box is not None
    # Without width and height it scales with the page.
    return (
        f'<svg role="img" aria-label="{html.escape(plot.alt, quote=True)}" viewBox="{box[1]}" '
        f'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{content}'
    )


def markdown_image(plots: Sequence[Plot], columns: int = 2) -> str:
    """The plots as a Markdown image that carries its own PNG, as the Dagster UI shows it."""
    data = base64.b64encode(png(plots, columns)).decode()
    alt = "; ".join(plot.title for plot in plots)
    return f"![{alt}](data:image/png;base64,{data})"
