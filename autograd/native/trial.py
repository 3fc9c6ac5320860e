"""Run by a Python of its own: loads a library and calls what is to be tried, before others load it.

It imports nothing of the project. A crash here is a message there.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from typing import Any

TRIED = "all was tried"


def main() -> None:
    """Read from a file the library's name, those of its functions, and arguments for calls.

    The library lies in the folder that this runs in. For each call that is to be tried there is a
    list of arguments. An argument is [bytes, null] for a pointer to so many zeros, or
    [value, type], where the type is one of ctypes. On the command line are the file, and the
    seconds after which this ends itself.
    """
    if sys.platform == "win32":
        ctypes.windll.kernel32.SetErrorMode(0x8007)  # no window that waits for a click
    else:
        import resource
        import signal

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.alarm(int(sys.argv[2]))  # where who started it is there no more, and cannot end it
    with open(sys.argv[1], encoding="ascii") as file:
        path, names, calls = json.load(file)
    library = ctypes.CDLL(os.path.join(os.curdir, path))
    for name in names:
        getattr(library, name)
    for name, arguments in calls.items():
        function = getattr(library, name)
        function.restype = None
        function(*map(_argument, arguments))
    print(TRIED)  # a library can end a process without a failure, too


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
