"""The bar while a training runs, in a terminal and in a notebook."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from typing import TypeVar

from tqdm import TqdmWarning

with warnings.catch_warnings():
    # In a notebook without ipywidgets it warns, and takes a bar of text, which will do as well.
    warnings.simplefilter("ignore", TqdmWarning)
    from tqdm.auto import tqdm

T = TypeVar("T")


def progress_bar(
    items: Iterable[T], title: str, total: int, *, start: int = 0, unit: str = "batch"
) -> tqdm[T]:
    """`items`, with a bar that goes away at their end; in a terminal or a notebook, nowhere else.

    Args:
        total: items that there are, with the `start` that were done before.
    """
    # A notebook's output is no terminal, but obeys the carriage returns of a bar of text.
    notebook = type(sys.stdout).__module__.startswith("ipykernel.")
    return tqdm(
        items,
        title,
        total,
        initial=start,
        leave=False,
        unit=unit,
        file=sys.stdout if notebook else sys.stderr,
        disable=False if notebook else None,
    )
