"""A finished run, and steps of trainings to count and to disturb."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.programs.idx_files import write_digits
from support.programs.launches import Start, Started, write_site
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


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_digits(tmp_path_factory.mktemp("digits"))


@pytest.fixture
def start(tmp_path: Path, site: Path) -> Start:
    def started(*command: object, cwd: Path = tmp_path, **environment: str) -> Started:
        return Started([*command], cwd, site, **environment)

    return started
