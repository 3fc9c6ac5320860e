"""train.py as a process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


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
