"""Numbers as people read them."""

from __future__ import annotations

import math
from typing import Any

from mnist.data.files import shown

_LONGEST, _PART = 200, 90  # characters of a fact, and of each end of a longer one


def percent(share: float, decimals: int = 2) -> str:
    """A share as a percentage. What is not quite all or nothing is never shown as such."""
    if math.isnan(share):
        return "-"
    smallest = 10.0**-decimals
    value = 100 * share
    if 0 < value < smallest / 2:
        return f"<{smallest:.{decimals}f} %"
    if 100 - smallest / 2 <= value < 100:
        return f">{100 - smallest:.{decimals}f} %"
    return f"{value:.{decimals}f} %"


def interval(low: float, high: float) -> str:
    return f"{100 * low:.2f} to {100 * high:.2f} %"


def duration(seconds: float) -> str:
    """In the two largest units."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def plain(value: Any) -> str:
    """A setting: numbers with as many digits as they need, words for the rest, of the longest the
    beginning and the end."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return shown(text if len(text) <= _LONGEST else f"{text[:_PART]} ... {text[-_PART:]}")
