"""A finished run, and steps of trainings to count and to disturb."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.programs.small_trainings import CONFIG, DATA, Steps

from mnist.training import train


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run that nobody disturbed; to be copied."""
    folder = tmp_path_factory.mktemp("kept")
    train(DATA, CONFIG, folder, str)
    return folder


@pytest.fixture
def run(kept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "run"))


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    return Steps(monkeypatch)
