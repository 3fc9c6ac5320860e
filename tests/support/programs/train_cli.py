"""train.py, as a process and in this one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))
import train  # noqa: E402


def begun(
    *arguments: object, cwd: Path, environment: dict[str, str] | None = None, **options: Any
) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if name != "MNIST_DIR"}
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    command = [sys.executable, str(ROOT / "train.py"), *map(str, arguments)]
    return subprocess.Popen(command, cwd=cwd, env=clean | (environment or {}), text=True, **options)


def run(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    process = begun(*arguments, cwd=cwd, environment=environment)
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Until the process has written it."""
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def without_pictures(folder: Path) -> dict[str, str]:
    """The environment of a process without matplotlib, whose pictures take longer than the
    training; the folder is not that of the run."""
    hidden = folder / "hidden"
    hidden.mkdir(exist_ok=True)
    (hidden / "matplotlib.py").write_text("raise ImportError('hidden')")
    return {"PYTHONPATH": str(hidden)}


def settle(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process becomes one that train.py may be called in: in the folder, with no data set
    that is known of and without matplotlib."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MNIST_DIR", raising=False)
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)


class Here:
    """train.py in this process."""

    def __init__(self, capsys: Any) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: object) -> tuple[int, list[str], str]:
        """The exit code, the lines of standard output, and standard error."""
        try:
            code = train.main([str(argument) for argument in arguments])
        except SystemExit as end:  # of argparse
            assert isinstance(end.code, int)
            code = end.code
        out, err = self.capsys.readouterr()
        return code, out.splitlines(), err
