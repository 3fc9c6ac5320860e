"""The command that disturbs trainings, as it is run by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(__file__).parents[2] / "disturbed_runs.py"

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="most cases run in forks")


def played(*arguments: str, seconds: float) -> str:
    done = subprocess.run(
        [sys.executable, str(COMMAND), *arguments], capture_output=True, text=True, timeout=seconds
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@forks
@pytest.mark.slow
def test_some_of_each_kind_hold() -> None:
    lines = played("--short", seconds=300).splitlines()
    kinds = {line.split("  ")[0]: line for line in lines[:-1]}
    assert {"folders", "kills", "full disks", "data sets", "signals", "streams", "names"} <= set(
        kinds
    )
    assert all(f"edits of {name}" in kinds for name in ("config.json", "last.ckpt", "best.ckpt"))


@forks
@pytest.mark.slow
def test_a_share_holds() -> None:
    number = int(os.environ.get("PULLBACK_SHARE", "0"))  # another one each day, where CI runs it
    told = played("--share", f"{number % 4}/4", seconds=1800).splitlines()[-1]
    assert int(told.split()[2]) > 250


@forks
@pytest.mark.exhaustive
def test_all_hold() -> None:
    lines = played(seconds=3600).splitlines()
    counts = {line.split("  ")[0]: int(line.split(" of ")[-1].split()[0]) for line in lines[:-1]}
    assert counts["kills"] >= 100
    for name in ("config.json", "metrics.jsonl", "times.jsonl", "last.ckpt", "best.ckpt"):
        assert counts[f"edits of {name}"] >= 60


@forks
@pytest.mark.slow
def test_what_does_not_hold_is_told(tmp_path: Path) -> None:
    """With a product that trains into any folder."""
    (tmp_path / "sitecustomize.py").write_text(
        "import mnist.storage.runs as runs\n"
        "runs.RunFolder.expect_free = lambda self, overwrite=False: self.names()\n"
    )
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{COMMAND.parents[1]}"}
    done = subprocess.run(
        [sys.executable, str(COMMAND), "--only", "--out on a finished run"],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )
    assert done.returncode == 1
    assert "must hold: refused in a line" in done.stdout and "0 of 1 hold" in done.stdout
