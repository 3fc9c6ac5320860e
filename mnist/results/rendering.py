"""From a drawing to the bytes of a PNG, on light or dark ground. Needs matplotlib (`plot`)."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Drawing = Callable[["Look"], "Figure"]

HINT = "for pictures of the results install matplotlib: pip install matplotlib"

WIDTH = 5.4  # inches of every picture: a column of the page, and still legible on a telephone
_DPI = 160
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


def can_draw() -> bool:
    """Whether matplotlib is installed, and works with the NumPy that there is."""
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
        **dict.fromkeys(_INKED, look.ink),
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        # A name in letters that the font has not: boxes stand for them.
        warnings.filterwarnings("ignore", "Glyph")
        buffer = io.BytesIO()
        drawing(look).savefig(buffer, dpi=_DPI, format="png")
    return buffer.getvalue()
