"""Long tables of one kind: which of their rows are plain tests, and which are slow."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeVar

import pytest

T = TypeVar("T")


def shared(
    rows: Sequence[T], every: int, kind: Callable[[T], Hashable] = lambda row: None
) -> Iterator[tuple[T, list[pytest.MarkDecorator]]]:
    """Each row and the marks of its test: none for each `every`-th one and for the first of each
    kind; `slow` for the others."""
    seen: set[Hashable] = set()
    for number, row in enumerate(rows):
        own = kind(row)
        plain = number % every == 0 or own not in seen
        seen.add(own)
        yield row, [] if plain else [pytest.mark.slow]


def some(samples: Sequence[T]) -> Sequence[T]:
    """Every sixth one and the last."""
    return [*samples[:-1:6], *samples[-1:]]
