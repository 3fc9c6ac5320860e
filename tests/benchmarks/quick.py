"""run.py as the tests run it: everything small and short."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.sides import PEERS, ROOT


def run(*arguments: str, status: int = 0) -> str:
    """What run.py prints, in an environment that names no peers."""
    hidden = {f"PULLBACK_{peer.upper()}_PYTHON" for peer in PEERS} | {"MNIST_DIR"}
    done = subprocess.run(
        # On one thread: two would wait for each other on a machine that is busy with other tests.
        [sys.executable, "tests/benchmarks/run.py", "--quick", "--threads", "1", *arguments],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in hidden},
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr
