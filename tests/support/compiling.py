"""What tests of compilers share: a process that has made nothing yet, and compilers that fail."""

from __future__ import annotations

import ctypes
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from autograd.native import Library, compilers, library, loading

COMPILER = next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)

TEXT = "void scale(double *x, double by) { x[0] *= by; }"
FUNCTIONS = {"scale": (ctypes.c_void_p, ctypes.c_double)}

# Which flags the real compilers take: to find out is half of many tests.
_KNOWN: dict[compilers.Compiler, tuple[str, ...]] = {}


class Fresh:
    """A process that has made nothing yet, with a cache of its own in a folder with odd letters."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._patch = monkeypatch
        self.cache = folder / "a cache, größer ☃"
        self.folder = folder
        self._path = os.environ["PATH"]
        self.log = folder / "calls"
        monkeypatch.setenv("PULLBACK_CACHE", str(self.cache))
        monkeypatch.delenv("CC", raising=False)
        monkeypatch.delenv("PULLBACK_JIT", raising=False)
        self.again()

    def again(self) -> None:
        """As another process would begin."""
        shop = loading._Shop()
        shop._flags |= _KNOWN
        self._patch.setattr(loading, "_shop", shop)
        compilers._identified.cache_clear()

    def alone(self, compiler: Path | str | None) -> None:
        """No other compiler than this one is there, which CC names."""
        empty = self.folder / "no programs"
        empty.mkdir(exist_ok=True)
        self._patch.setenv("PATH", str(empty))
        self._patch.setattr(compilers, "_zig", lambda: None)
        if compiler is not None:
            self._patch.setenv("CC", str(compiler))

    def script(self, does: str, name: str = "a compiler, ☃", version: bool = True) -> Path:
        """A compiler that says what it is, and does something else than to compile.

        In its text $CC is a real compiler. Each call for something to compile is a line of `log`.
        """
        path = self.folder / name
        asked = '[ "$1" = --version ] && { echo fake 1.0; exit 0; }\n' if version else ""
        text = f"#!/bin/sh\n{asked}CC='{COMPILER}'\nPATH='{self._path}'\n"
        path.write_text(f"{text}echo call >> '{self.log}'\n{does}\n", encoding="utf-8")
        path.chmod(0o700)
        return path

    def calls(self) -> int:
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0

    def make(self, text: str = TEXT, **options: Any) -> Library | str:
        return library(text, FUNCTIONS, trials={"scale": (8, 2.0)}, **options)

    def works(self, text: str = TEXT, of: float = 6.0) -> Library:
        """Make a library, and see that it computes."""
        made = self.make(text)
        assert isinstance(made, Library), made
        x = (ctypes.c_double * 1)(3.0)
        made["scale"](x, 2.0)
        assert x[0] == of
        known = loading._shop._flags.items()
        _KNOWN.update((one, flags) for one, flags in known if "fake" not in one.version)
        return made

    def kept(self) -> list[Path]:
        return sorted(self.cache.glob(f"*{Path(compilers.LIBRARY).suffix}"))

    def left(self) -> list[Path]:
        return sorted(self.cache.glob("making-*"))
