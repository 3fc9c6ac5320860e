"""Checkpoints where there is no room or no permission: one clear line, and the old one intact."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from mnist.storage import checkpoints
from mnist.storage.checkpoints import CheckpointError

ROOT = Path(checkpoints.__file__).parents[2]


def test_no_room_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    """On a file system of 256 KiB where one may be made; else within a limit to files' sizes."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = sys.platform == "linux" and os.geteuid() == 0
    mounted = (
        mounted
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], capture_output=True
        ).returncode
    )
    try:
        done = attempt(folder, "" if mounted else "size")
        assert sorted(path.name for path in folder.iterdir()) == ["a.ckpt"]
        assert checkpoints.read(folder / "a.ckpt")["epoch"] == 1
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)
    reason = "No space left on device" if mounted else "File too large"
    assert done.startswith(f"{folder / 'a.ckpt'}: cannot be written ({reason}); ")


def test_a_file_too_large_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    done = attempt(tmp_path, "size")
    assert done.startswith(f"{tmp_path / 'a.ckpt'}: cannot be written (File too large); ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.ckpt"]
    assert checkpoints.read(tmp_path / "a.ckpt")["epoch"] == 1


@pytest.mark.parametrize("limit", ["read-only", "no permission"])
def test_a_folder_that_one_may_not_write_to(limit: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    tmp_path.chmod(0o755)
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)  # the user that the attempt is made as
        reachable(folder)
    done = attempt(folder, limit)
    folder.chmod(0o755)
    assert done.startswith(f"{folder / 'a.ckpt'}: cannot be written (Permission denied); ")
    assert sorted(path.name for path in folder.iterdir()) == ["a.ckpt"]
    assert checkpoints.read(folder / "a.ckpt")["epoch"] == 1


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "none" / "a.ckpt"
    with pytest.raises(CheckpointError, match=r"written \(No such file or directory\); "):
        checkpoints.write(path, {})


def test_a_file_that_one_may_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    checkpoints.write(path, {})
    path.chmod(0)
    if os.geteuid() == 0:
        reachable(tmp_path)
    program = f"""
        try:
            checkpoints.read({str(path)!r})
        except checkpoints.CheckpointError as error:
            print(error)
    """
    told = run_as_nobody(program)
    expected = "cannot be read (Permission denied); make it readable for yourself"
    assert told == f"{path}: {expected}"


def attempt(folder: Path, limit: str) -> str:
    """What is said of a second, large checkpoint in `folder`, in a process with that limit."""
    before = {
        "": "",
        "size": "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))",
        "read-only": f"os.chmod({str(folder)!r}, 0o555)",
        "no permission": f"os.chmod({str(folder)!r}, 0o111)",
    }[limit]
    path = str(folder / "a.ckpt")
    program = f"""
        checkpoints.write({path!r}, {{"epoch": 1, "x": np.zeros(1000)}})
        {before}
        try:
            checkpoints.write({path!r}, {{"epoch": 2, "x": np.zeros(100_000)}})
        except checkpoints.CheckpointError as error:
            print(error)
    """
    if limit in ("", "size"):
        return run(program)
    return run_as_nobody(program)


IMPORTS = """
    import os, resource, signal
    import numpy as np
    from mnist.storage import checkpoints
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # as Python does where it starts
"""
DROP = "os.setgroups([]); os.setgid(65534); os.setuid(65534)"


def run_as_nobody(program: str) -> str:
    """Its output, run by a user that is not root, whom permissions do not stop."""
    return run(program, DROP if os.geteuid() == 0 else "")


def run(program: str, start: str = "") -> str:
    lines = [textwrap.dedent(part) for part in (IMPORTS, start, program)]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], cwd=ROOT, capture_output=True, text=True
    )
    assert not done.stderr and not done.returncode
    return done.stdout.strip()


def reachable(folder: Path) -> None:
    """Let others pass through the folders above, which pytest makes for their owner alone."""
    for above in folder.parents:
        if above.stat().st_uid == os.geteuid() and "pytest" in str(above):
            above.chmod(above.stat().st_mode | 0o011)
