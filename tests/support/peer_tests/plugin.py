"""A plugin of pytest for the process in which the fetched tests run: puts the modules in their
places before any test is imported, and writes what came of each test into a file."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from support.peer_tests import modules, scope

REPORT = "PULLBACK_PEER_REPORT"  # the environment variable that names the file
_rows: list[dict[str, Any]] = []


def pytest_configure(config: pytest.Config) -> None:
    modules.install()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    scope.tally = fresh = scope.Tally()
    failure: BaseException | None = None
    try:
        return (yield)
    except BaseException as error:
        failure = error
        raise
    finally:
        _rows.append(_judged(item, fresh, failure))


def _judged(item: pytest.Item, tally: scope.Tally, failure: BaseException | None) -> dict[str, Any]:
    name = f"{item.path.name}::{item.name}"
    stated = scope.STATED_TESTS.get(name.partition("[")[0])
    left_out, message, outcome = tally.left_out, "", "passed"
    if failure is not None:
        outside = scope.refusal(failure)
        if stated:
            outside = scope.OutOfScopeError(scope.STATED, stated)
        expected = isinstance(failure, pytest.fail.Exception)  # an error, of a check left out
        if isinstance(failure, pytest.skip.Exception):
            outcome, message = "skipped", str(failure)
        elif outside or (expected and left_out):
            left_out = [*left_out, (outside.reason, outside.what)] if outside else left_out
            outcome = "passed in part" if tally.checks else "out of scope"
        else:
            outcome, message = "failed", f"{type(failure).__name__}: {failure}"
    elif left_out:
        outcome = "passed in part" if tally.checks else "out of scope"
    return {"test": name, "outcome": outcome, "left_out": left_out, "message": message}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "setup" and not report.passed:
        outcome = "skipped" if report.skipped else "failed"
        text = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
        name = report.nodeid.rpartition("/")[2]
        _rows.append({"test": name, "outcome": outcome, "left_out": [], "message": text})


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        row = {"test": report.nodeid, "outcome": "failed", "left_out": []}
        _rows.append(row | {"message": report.longreprtext})


def pytest_sessionfinish(session: pytest.Session) -> None:
    Path(os.environ[REPORT]).write_text(json.dumps(_rows), encoding="utf-8")
