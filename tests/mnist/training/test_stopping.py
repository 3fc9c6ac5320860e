"""Signals: those that end a training save it, and what the process was started to ignore is."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.programs.small_trainings import CONFIG, DATA, STEPS, Steps, files

from mnist.training import resume, train
from mnist.training.stopping import stoppable

SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are sent as on Unix")


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """What is done at signals is as before afterwards, whatever a test sets."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: signal.Signals(number).name)
def test_a_signal_saves_and_ends(number: int, kept: Path, tmp_path: Path, steps: Steps) -> None:
    before = signal.getsignal(number)
    steps.at, steps.act = 3, lambda: send(number)
    run = train(DATA, CONFIG, tmp_path, str)
    assert (run.signum, run.interrupted, steps.calls) == (number, True, 3)
    assert signal.getsignal(number) == before
    resumed = resume(DATA, tmp_path, str)
    assert (resumed.signum, resumed.interrupted, steps.calls) == (0, False, 2 * STEPS)
    assert files(tmp_path) == files(kept)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: signal.Signals(number).name)
def test_what_was_ignored_stays_ignored(
    number: int, kept: Path, tmp_path: Path, steps: Steps
) -> None:
    signal.signal(number, signal.SIG_IGN)
    steps.at, steps.act = 3, lambda: send(number)
    assert not train(DATA, CONFIG, tmp_path, str).interrupted
    assert signal.getsignal(number) == signal.SIG_IGN
    assert files(tmp_path) == files(kept)


def test_the_first_signal_counts_and_a_second_ctrl_c_is_at_once() -> None:
    with stoppable() as stop:
        assert not stop
        send(signal.SIGTERM)
        send(signal.SIGTERM)  # as of services that lose patience: what is being saved is whole
        send(signal.SIGINT)  # and one Ctrl-C of somebody who sees it still there
        assert stop and stop.signum == signal.SIGTERM
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)
        assert stop.signum == signal.SIGTERM


def test_on_another_thread_nobody_asks() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    seen = []

    def work() -> None:
        with stoppable() as stop:
            seen.append((bool(stop), [signal.getsignal(number) for number in SIGNALS]))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, before)]
