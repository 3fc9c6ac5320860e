"""Run by a Python of its own: loads a library and calls what is to be tried, before others load it.

It imports nothing of the project. A crash here is a message there.
"""

from __future__ import annotations

import ctypes
import json
import sys
from typing import Any


def main() -> None:
    """Read from the only argument the path, the names, and for each call to try its arguments.

    An argument is [bytes, null] for a pointer to so many zeros, or [value, type], where the type is
    one of ctypes.
    """
    if sys.platform == "win32":
        ctypes.windll.kernel32.SetErrorMode(0x8007)  # no window that waits for a click
    else:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    path, names, calls = json.loads(sys.argv[1])
    library = ctypes.CDLL(path)
    for name in names:
        getattr(library, name)
    for name, arguments in calls.items():
        function = getattr(library, name)
        function.restype = None
        function(*map(_argument, arguments))


def _argument(described: list[Any]) -> Any:
    value, kind = described
    if kind is not None:
        return getattr(ctypes, kind)(value)
    # Vectors may be asked for at addresses that they divide.
    room = ctypes.create_string_buffer(value + 64)
    address = -(-ctypes.addressof(room) // 64) * 64
    pointer = ctypes.c_void_p(address)
    pointer.room = room  # type: ignore[attr-defined]  # lives as long as the pointer
    return pointer


if __name__ == "__main__":
    main()
