"""What every test gets: a random stream of its own, and global state sealed around it."""

from __future__ import annotations

import functools
import gc
import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from support.streams import generator

from autograd import native
from autograd.engine.modes import mode
from autograd.runtime import threads

# torch announces its own deprecations, also of what it imports; the project's stay errors.
_TORCH_NOISE = "ignore::DeprecationWarning:torch"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes many seconds; runs only with -m slow")
    # Nothing is compiled but for tests that ask for it by `in_c`, and nothing of the user's own
    # cache is read or written. Processes that share the tests inherit both.
    if "PULLBACK_TESTS" not in os.environ:
        os.environ["PULLBACK_TESTS"] = os.environ["PULLBACK_CACHE"] = tempfile.mkdtemp()
        os.environ["PULLBACK_JIT"] = "0"
        config.add_cleanup(functools.partial(shutil.rmtree, os.environ["PULLBACK_CACHE"], True))
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # As a shell starts what runs in the background. Programs that tests start would inherit
        # it, and the Ctrl-C that is sent to them would be lost.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        # As nohup does it; programs that tests start shall hear it, and this one need not.
        signal.signal(signal.SIGHUP, lambda number, frame: None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = "slow" in str(config.getoption("markexpr"))
    whole = "exhaustive" in str(config.getoption("markexpr"))
    for item in items:
        if item.get_closest_marker("oracle"):
            item.add_marker(pytest.mark.filterwarnings(_TORCH_NOISE))
        if item.get_closest_marker("slow") and not wanted:
            item.add_marker(pytest.mark.skip(reason="slow: run with -m slow"))
        if item.get_closest_marker("exhaustive") and not whole:
            item.add_marker(pytest.mark.skip(reason="exhaustive: run with -m exhaustive"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    # Before the fixtures: what importing torch does to the process is no test's doing.
    if item.get_closest_marker("oracle"):
        import_torch()


@functools.cache
def import_torch() -> ModuleType:
    """torch, or a skip that says how to get it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import torch
        except ImportError:
            pytest.skip("PyTorch is not installed: pip install pullback[oracle]")
        torch.set_num_threads(1)  # what the tests compute is small, and the cores are ours too
        # The first optimizer changes os.environ for good; `sealed` would blame the test that made
        # it.
        torch.optim.SGD([torch.zeros(1, requires_grad=True)])
    return torch


@pytest.fixture
def plain_kernels(torch: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """torch's own convolution: im2col and a matrix product, as ours.

    By default oneDNN computes it, whose float32 weight gradients, summed over all pixels of a
    batch, are up to 2e-4 from those in float64, where ours and torch's own are within 5e-6; and
    NNPACK, by transforms that break ties of maxima.
    """
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    with torch.backends.nnpack.flags(enabled=False):
        yield


@pytest.fixture
def in_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs run in C, for a test that needs a compiler."""
    monkeypatch.delenv("PULLBACK_JIT", raising=False)
    why = native.unavailable()
    if why is not None:
        pytest.skip(f"there is no C: {why}")


@pytest.fixture
def torch() -> ModuleType:
    """PyTorch, for tests marked `oracle`."""
    return import_torch()


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Random numbers that depend on the name of the test alone, not on what ran before it."""
    return generator(f"{request.path.name}::{request.node.name}")


@pytest.fixture(autouse=True, scope="module")
def frozen() -> None:
    """What there is before the tests of a file stays: thirty thousand tests and their reports are
    millions of objects, which each collection would walk, also those that tests ask for."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def sealed() -> Iterator[None]:
    """Fails a test that leaves global state changed, and puts the state back for the next."""
    before = _global_state()
    yield
    after = _global_state()
    changed = [name for name in before if before[name] != after[name]]
    if changed:
        _restore(before)
    assert not changed, f"the test has changed {', '.join(changed)}"


def _global_state() -> dict[str, Any]:
    return {
        "recording": mode.recording,
        "the number of threads": threads.get_num_threads(),
        "np.geterr()": np.geterr(),
        "NumPy's global random state": _random_state(),
        "the working directory": os.getcwd(),
        "os.environ": _environment(),
    }


def _environment() -> dict[Any, Any]:
    """As the bytes that lie below, where that is so: each `os.environ[name]` decodes."""
    environment = dict(getattr(os.environ, "_data", os.environ))
    for name in ("PYTEST_CURRENT_TEST", b"PYTEST_CURRENT_TEST"):  # where pytest notes what runs
        environment.pop(name, None)
    return environment


def _random_state() -> tuple[Any, ...]:
    """As bytes, which are compared in no time: this is asked twice a test."""
    kind, keys, *rest = np.random.get_state()
    return kind, np.asarray(keys).tobytes(), *rest


def _restore(state: dict[str, Any]) -> None:
    mode.recording, count, errors, random_state, directory, environment = state.values()
    threads.set_num_threads(count)
    np.seterr(**errors)
    kind, keys, *rest = random_state
    np.random.set_state((kind, np.frombuffer(keys, np.uint32), *rest))
    os.chdir(directory)
    os.environ.clear()
    os.environ.update({os.fsdecode(k): os.fsdecode(v) for k, v in environment.items()})
