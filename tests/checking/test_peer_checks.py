"""The adapter for HIPS autograd's tests (tests/peer_tests.py): what its checks find, and how it
judges. The tests themselves are fetched, and not run here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import peer_tests
import pytest
from support.peer_tests import scope
from support.peer_tests.checks import check_equivalent, check_grads, combo_check

from autograd import Tensor, multiply, primitive, sin


@primitive
def doubled(x: Any) -> Any:
    return 2 * x


@primitive
def passed_on(x: Any) -> Any:
    return 1.0 * x


@primitive
def doubled_oddly(x: Any) -> Any:
    return 2 * x


doubled.defvjp(lambda g, out, x: 2.001 * g)
passed_on.defvjp(lambda g, out, x: 1.001 * g)
doubled_oddly.defvjp(lambda g, out, x: 2 * passed_on(g))  # right, with a derivative that is wrong


@pytest.fixture(autouse=True)
def fresh_tally(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scope, "tally", scope.Tally())


@pytest.mark.parametrize("point", [1.0, np.ones((2, 3))], ids=["number", "array"])
def test_a_wrong_rule_is_found(point: Any) -> None:
    with pytest.raises(AssertionError, match=r"\(VJP\) check of doubled failed"):
        check_grads(doubled, modes=["rev"])(point)
    with pytest.raises(AssertionError, match=r"\(JVP\) check of doubled failed"):
        check_grads(doubled, modes=["fwd"], order=1)(point)


def test_a_rule_with_a_wrong_derivative_is_found_at_the_second_order() -> None:
    check_grads(doubled_oddly, modes=["rev"], order=1)(1.0)
    with pytest.raises(AssertionError, match=r"\(VJP\) check of vjp_doubled_oddly failed"):
        check_grads(doubled_oddly, modes=["rev"])(1.0)


def test_a_lost_gradient_is_found() -> None:
    with pytest.raises(AssertionError, match="check of"):
        check_grads(lambda x: multiply(sin(x), 0) + np.sin(getattr(x, "data", x)))(0.5)


def test_right_ones_pass_in_every_combination() -> None:
    def scaled(x: Any, by: Any, power: int) -> Any:
        return {"sum": x * by["by"] ** power, "sines": [np.sin(x)]}

    combo_check(scaled, (0, 1), order=3)(
        [0.7, np.ones((2, 3))], [{"by": 1.5}, {"by": np.full(3, 0.5)}], power=[1, 2]
    )
    assert scope.tally == scope.Tally(checks=8)


def test_complex_numbers_are_left_out_and_the_rest_is_not() -> None:
    combo_check(multiply, (0, 1))([2.0, 1j, np.ones(2)], [3.0])
    assert scope.tally == scope.Tally(2, [(scope.COMPLEX, "an argument")])


def test_equivalent_is_of_structure_shapes_and_numbers() -> None:
    check_equivalent((1.0, [np.ones(2)]), (Tensor(1.0), [Tensor(np.ones(2))]))
    for other in (1.0, [np.full(2, 1.001)]), (1.0, [np.ones((1, 2))]), (1.0, (np.ones(2),)):
        with pytest.raises(AssertionError):
            check_equivalent((1.0, [np.ones(2)]), other)


FETCHED = """
import pytest
import autograd.numpy as np
from autograd import grad
from autograd.core import vspace
from autograd.extend import defvjp, primitive
from autograd.test_util import check_grads, combo_check

def test_passes():
    assert type(grad(lambda x: np.sum(x**2))(np.ones(2))) is np.ndarray
    check_grads(lambda x: np.mean([x, np.tanh(x)]))(1.0)

def test_passes_in_part():
    combo_check(np.sin, [0])([0.5, 0.5j])

def test_is_refused():
    check_grads(lambda x: np.interp(x, [0.0, 1.0], [0.0, 2.0]))(0.5)

def test_is_internal():
    vspace(1.0)

def test_fails():
    wrong = primitive(lambda x: 2 * x)
    defvjp(wrong, lambda out, x: lambda g: g)
    check_grads(wrong)(1.0)

@pytest.mark.skip(reason="no reason")
def test_is_skipped():
    pass
"""


@pytest.mark.slow
def test_the_command_judges_each_test(tmp_path: Path) -> None:
    Path(tmp_path, "test_fetched.py").write_text(FETCHED)
    rows, _ = peer_tests.run(tmp_path, [])
    assert [(row["test"].rpartition("::")[2], row["outcome"]) for row in rows] == [
        ("test_passes", "passed"),
        ("test_passes_in_part", "passed in part"),
        ("test_is_refused", "out of scope"),
        ("test_is_internal", "out of scope"),
        ("test_fails", "failed"),
        ("test_is_skipped", "skipped"),
    ]
    table = "\n".join(peer_tests.table(rows))
    for words in ("numpy.interp 1", "core.vspace 1", "check of <lambda> failed", "in all", "6"):
        assert words in table
