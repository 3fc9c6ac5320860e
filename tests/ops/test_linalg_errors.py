"""What the functions of linear algebra refuse, and the words in which they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.matrices import Function

import autograd as ag

REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: ag.inv(np.ones((2, 3))), ValueError, r"inv\(float64 \(2, 3\)\).*square"),
    (lambda: ag.inv(np.ones((2, 2))), ValueError, r"inv.*Singular matrix.*pinv takes any"),
    (lambda: ag.solve(np.eye(2), np.ones(3)), ValueError, r"solve.*\(2, 2\).*\(3,\).*b: a vector"),
    (lambda: ag.det(np.ones(3)), ValueError, r"det\(float64 \(3,\)\).*square matrices"),
    (lambda: ag.cholesky(-np.eye(2)), ValueError, r"cholesky.*not positive definite"),
    (lambda: ag.cholesky(np.ones((2, 3))), ValueError, r"cholesky.*not square"),
    (lambda: ag.eigh(np.ones(3)), ValueError, r"eigh.*not square.*symmetric matrices"),
    (lambda: ag.eigh(np.eye(2), "X"), ValueError, r"eigh.*UPLO"),
    (lambda: ag.svd(np.ones((2, 3))), ValueError, r"svd.*pass full_matrices=False"),
    (lambda: ag.qr(np.eye(2), "complete"), ValueError, r"qr.*'complete'.*'reduced'"),
    (lambda: ag.dot(np.ones((2, 3)), np.ones((2, 3))), ValueError, r"dot.*\(3,\) and \(2,\)"),
    (lambda: ag.inner(np.ones(3), np.ones(2)), ValueError, r"inner.*\(3,\) and \(2,\)"),
    (lambda: ag.tensordot(np.ones(3), np.ones(3), 2), ValueError, r"tensordot.*axes=2"),
    (lambda: ag.tensordot(np.ones(3), np.ones(3), (0, 1)), ValueError, r"axes \(1,\).*1 axes"),
    (lambda: ag.tensordot(np.eye(3), np.eye(3), ([0, 0], [0, 1])), ValueError, "none twice"),
    (lambda: ag.tensordot(np.eye(3), np.eye(3), ([0, 1], 0)), ValueError, "pairs 2 axes with 1"),
    (lambda: ag.tensordot(np.eye(3), np.eye(3), [0]), ValueError, "has 1 parts"),
    (lambda: ag.cross(np.ones(2), np.ones(2)), ValueError, r"cross.*length 2.*length 3"),
    (lambda: ag.einsum("ij", np.ones(3)), ValueError, r"einsum\('ij', float64 \(3,\)\)"),
    (lambda: ag.einsum("i,j->k", [1.0], [1.0]), ValueError, r"einsum.*character k"),
    (lambda: ag.einsum(np.ones(3), [0]), TypeError, r"einsum.*lists of axes"),
    (lambda: ag.matrix_power(np.ones((2, 3)), 2), ValueError, r"matrix_power.*\(2, 3\).*square"),
    (lambda: ag.matrix_power(np.eye(2), 0.5), TypeError, r"matrix_power.*0\.5.*integer"),
    (lambda: ag.matrix_power(np.ones((2, 2)), -1), ValueError, r"Singular matrix"),
    (lambda: ag.matrix_transpose(np.ones(3)), ValueError, r"matrix_transpose.*two axes"),
]


@pytest.mark.parametrize(("call", "kind", "message"), REFUSED, ids=[m for *_, m in REFUSED])
def test_errors(call: Function, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()
