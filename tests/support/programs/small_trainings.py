"""Small trainings that something happens to, and what must hold of their files then."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from support.layers.rank_trainings import digits

from mnist.config import Config
from mnist.storage.runs import RunError
from mnist.training import Training
from mnist.training.learning import Outcome

DATA = digits(200)
# Op by op: to make the programs of so few steps takes longer than they do.
CONFIG = Config(epochs=2, batch_size=50, validation=40, seed=5, checkpoint_every=2, engine="tape")
STEPS = 4  # an epoch
SAME = ("config.json", "metrics.jsonl", "last.ckpt", "best.ckpt")


def files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in SAME}


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Steps:
    """Counts the steps of trainings, and does something before one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls, self.at, self.act = 0, 0, lambda: None
        self.rates: list[float] = []
        original = Training._step

        def counted(training: Training, *args: Any) -> Outcome:
            self.calls += 1
            self.rates.append(training.learner.optimizer.lr)
            if self.calls == self.at:
                self.act()
            return original(training, *args)

        monkeypatch.setattr(Training, "_step", counted)

    def crash_at(self, step: int) -> None:
        self.at, self.act = self.calls + step, self._crash

    def stop_at(self, step: int) -> None:
        self.at, self.act = self.calls + step, lambda: os.kill(os.getpid(), signal.SIGINT)

    def _crash(self) -> None:
        raise MemoryError("no more")


def expect_unchanged(folder: Path, told: str, act: Any, kind: type[Exception] = RunError) -> None:
    before = everything(folder)
    with pytest.raises(kind, match=re.escape(told)) as caught:
        act()
    assert len(str(caught.value).splitlines()) == 1
    assert everything(folder) == before
