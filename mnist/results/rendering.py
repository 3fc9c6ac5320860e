"""From a drawing to the bytes of a PNG, on light or dark ground. Needs matplotlib (`plot`)."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

Drawing = Callable[["Look"], "Figure"]

HINT = "for pictures of the results install matplotlib: pip install 'pullback[plot]'"

WIDTH = 5.4  # inches of every picture: a column of the page, and still legible on a telephone
_DPI = 160
_IMAGE = 0.92  # the side of an image in a gallery, of the width of its cell
_BAR = 0.7  # inches of height
_INKED = (
    "text.color",
    "axes.labelcolor",
    "axes.edgecolor",
    "axes.titlecolor",
    "xtick.color",
    "ytick.color",
    "legend.labelcolor",
)


def uri(png: bytes) -> str:
    """A picture as the address of itself, for pages that need no other file."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


@dataclass(frozen=True)
class Look:
    """The colours of a picture; each pair of ink and ground differs enough to be read."""

    paper: str
    ink: str
    faint: str
    parts: dict[str, str]  # of training, validation and test
    good: str
    sequence: str  # names of matplotlib's colour maps: from nothing to much,
    digits: str  # and from no ink to full ink
    below: str  # colours of what is far below 0, and far above; 0 has that of the paper
    above: str


LIGHT = Look(
    paper="#ffffff",
    ink="#1f2328",
    faint="#6a737d",
    parts={"train": "#8a6d00", "validation": "#9c36b5", "test": "#0b62c4"},
    good="#e3e8ee",
    sequence="Oranges",
    digits="gray_r",
    below="#1552a8",
    above="#b3191d",
)
DARK = Look(
    paper="#16191d",
    ink="#e6e9ec",
    faint="#9aa4af",
    parts={"train": "#e3b341", "validation": "#d38bf0", "test": "#6cb6ff"},
    good="#2b323a",
    sequence="inferno",
    digits="gray",
    below="#74b7ff",
    above="#ff8272",
)


def signed(look: Look) -> Colormap:
    """The colours of numbers below and above 0, for a scale that has it in the middle."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signed", [look.below, look.paper, look.above])


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        return False
    return True


def render(drawing: Drawing, look: Look = LIGHT) -> bytes:
    """The picture as a PNG, the same bytes for the same drawing and version of matplotlib."""
    import matplotlib as mpl

    settings: dict[str, Any] = {
        "figure.facecolor": look.paper,
        "savefig.facecolor": look.paper,
        "axes.facecolor": look.paper,
        "legend.facecolor": look.paper,
        "grid.color": look.faint,
        "font.family": "DejaVu Sans",  # comes with matplotlib
        "text.parse_math": False,  # a $ in the name of a folder is a $
        "font.size": 10,
        "axes.titlesize": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
    }
    for name in _INKED:
        settings[name] = look.ink
    with mpl.rc_context(settings), warnings.catch_warnings():
        # A name in letters that the font has not: boxes stand for them.
        warnings.filterwarnings("ignore", "Glyph")
        buffer = io.BytesIO()
        drawing(look).savefig(buffer, dpi=_DPI, format="png")
    return buffer.getvalue()


class Gallery:
    """Images in rows, each in a cell with room for words above and below it.

    One pair of axes for all, as matplotlib takes long to lay out many. A cell is one unit wide.
    """

    def __init__(self, count: int, columns: int, *, above: float, below: float = 0.06) -> None:
        from matplotlib.figure import Figure

        self.columns, self._above, self._below = columns, above, below
        self.rows = -(-count // columns)
        height = self.rows * (_IMAGE + above + below)
        self.figure = Figure(figsize=(WIDTH, height * WIDTH / columns))
        self.axes = self.figure.add_axes((0.0, 0.0, 1.0, 1.0), aspect="auto")
        self.axes.set_axis_off()
        self.axes.set_xlim(0, columns)
        self.axes.set_ylim(height, 0)

    def corner(self, index: int) -> tuple[float, float]:
        """The upper left corner of an image, to the right and down."""
        row, column = divmod(index, self.columns)
        x = column + (1 - _IMAGE) / 2
        return x, row * (_IMAGE + self._above + self._below) + self._above

    def show(self, index: int, image: NDArray[Any], **scale: Any) -> None:
        x, y = self.corner(index)
        self.axes.imshow(
            image, extent=(x, x + _IMAGE, y + _IMAGE, y), aspect="auto", zorder=1, **scale
        )

    def outline(self, index: int, image: NDArray[Any], level: float, colour: str) -> None:
        """Where the image crosses a level."""
        (x, y), (height, width) = self.corner(index), image.shape
        across = x + (np.arange(width) + 0.5) * _IMAGE / width
        down = y + (np.arange(height) + 0.5) * _IMAGE / height
        self.axes.contour(across, down, image, [level], colors=colour, linewidths=0.6, alpha=0.7)

    def frame(self, index: int, colour: str) -> None:
        x, y = self.corner(index)
        left, right, top, bottom = x, x + _IMAGE, y, y + _IMAGE
        self.axes.plot(
            [left, right, right, left, left],
            [top, top, bottom, bottom, top],
            color=colour,
            linewidth=0.8,
        )

    def title(self, index: int, text: str, size: float) -> None:
        x, y = self.corner(index)
        self.axes.text(x + _IMAGE / 2, y - 0.03, text, ha="center", va="bottom", fontsize=size)

    def caption(self, index: int, text: str, size: float, colour: str) -> None:
        x, y = self.corner(index)
        middle, under = x + _IMAGE / 2, y + _IMAGE + 0.02
        self.axes.text(middle, under, text, ha="center", va="top", fontsize=size, color=colour)

    def scale(self, low: float, high: float, shades: Colormap, label: str) -> None:
        """A bar of colours below the images."""
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        width, height = self.figure.get_size_inches()
        taller = height + _BAR
        self.figure.set_size_inches(width, taller)
        self.axes.set_position((0.0, _BAR / taller, 1.0, height / taller))
        bar = self.figure.add_axes((0.05, 0.7 * _BAR / taller, 0.9, 0.2 * _BAR / taller))
        mappable = ScalarMappable(Normalize(low, high), shades)
        self.figure.colorbar(mappable, cax=bar, orientation="horizontal", label=label)
