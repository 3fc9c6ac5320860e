"""What the programs say, also where nobody listens any more: closed streams end no training."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from mnist.data.files import shown


def ready_streams() -> None:
    """Make the standard streams such that writing text to them cannot fail.

    A service may have started this process without them, and they may not be able to say every
    character of a name.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
        elif mode == "w" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def say(text: str, way_on: str = "") -> None:
    """Print a line at once. Where the reader of standard output has gone, that is told once on
    standard error, with `way_on`, and everything from then on goes nowhere."""
    try:
        print(text, flush=True)
    except (OSError, ValueError):  # a pipe without a reader, a full disk, a closed stream
        into_nothing(sys.stdout)
        complain(f"standard output is closed, so nothing more is printed{way_on}")


def complain(text: str) -> None:
    """Print a line of one thing that is wrong to standard error, if there is one."""
    with suppress(OSError, ValueError):
        print(" ".join(text.split()), file=sys.stderr, flush=True)


def into_nothing(stream: object) -> None:
    """Send what is still to be written to a stream nowhere, as Python does so at its end."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # type: ignore[attr-defined]
        os.close(nowhere)


def described(error: BaseException) -> str:
    """An error as one line."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror and error.filename:
        text = f"{shown(error.filename)}: {error.strerror}"
    if isinstance(error, MemoryError):
        text = f"not enough memory {f'({error})' if text else ''}"
    return " ".join(text.split()) or type(error).__name__
