"""What the processes of one program decide together, so that none waits for one that has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from nn.parallel.processes import DistributedError, Group

T = TypeVar("T")


def jointly(group: Group | None, work: Callable[[], T], told: tuple[type[Exception], ...]) -> T:
    """work() at each process; where it fails at any with an error of `told`, all raise that.

    An error of some processes alone becomes a DistributedError that names the first of them.
    """
    if group is None:
        return work()
    value, error = None, None
    try:
        value = work()
    except told as caught:
        error = caught
    texts = group.gather(None if error is None else str(error))
    if error is not None and None not in texts:
        raise error
    for rank, text in enumerate(texts):
        if text is not None:
            raise DistributedError(f"{text} (at rank {rank} of {group.size})") from error
    return value  # type: ignore[return-value]


def at_first(group: Group | None, work: Callable[[], T]) -> T:
    """work() of rank 0 alone: what it gives, or the error that it raises, at all processes."""
    if group is None:
        return work()
    given: tuple[T | None, Exception | None] = (None, None)
    if group.rank == 0:
        try:
            given = work(), None
        except Exception as error:
            given = None, error
    value, failed = group.gather(given)[0]
    if failed is not None:
        raise failed
    return value  # type: ignore[return-value]
