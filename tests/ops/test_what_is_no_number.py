"""None, text and arrays of objects are refused by every op, with its name and the argument's: never
taken for NaN, compared as objects, or met by an error from inside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.specs.specs import SPECS, Spec

import autograd as ag
import nn
from autograd import Tensor

OBJECTS = np.array([None, 1.0, "a"], object)
OTHERS = [None, "a", b"a", float, object(), OBJECTS, np.array(["a"]), [1.0, None], {"a": 1.0}]


def _given(spec: Spec) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of the first sample, its floating arrays as tensors that want a gradient."""
    sample = spec.draw()[0]
    args = [
        Tensor(a, requires_grad=a.dtype.kind == "f") if isinstance(a, np.ndarray) else a
        for a in sample.args
    ]
    return args, sample.options


@pytest.mark.filterwarnings("ignore:Data type alias 'a'")
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.op.__name__)
def test_what_is_no_number_is_refused_by_name(spec: Spec) -> None:
    args, options = _given(spec)
    for i, arg in enumerate(args):
        if not isinstance(arg, Tensor) or (spec.op is ag.getitem and i == 1):
            continue  # an index may be much
        for other in OTHERS:
            if other is None and spec.op is ag.clip and i:
                continue  # no bound
            if isinstance(other, np.ndarray) and spec.op.name in ("where", "chosen") and not i:
                continue  # objects are true or not
            with pytest.raises((TypeError, ValueError), match=rf"^{spec.op.name}\b") as caught:
                spec.op(*args[:i], other, *args[i + 1 :], **options)
            assert "object has no attribute" not in str(caught.value)


def test_where_none_means_that_something_is_left_out() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)

    @ag.custom_vjp
    def shifted(x: Any, by: Any = None) -> Any:
        return x + 1 if by is None else x + by

    @ag.primitive
    def scaled(x: Any, by: Any) -> Any:
        return x * 2 if by is None else x * by

    scaled.defvjp(lambda g, out, x, by: 2 * g, lambda g, out, x, by: g)
    for result in (shifted(x, None), shifted(x, by=None), scaled(x, None), ag.clip(x, None, 5.0)):
        assert result.dtype == np.float64
        assert not np.isnan(result.data).any()
    assert x[None].shape == ag.index_update(x, None, 1.0)[None].shape == (1, 2)


def test_a_class_that_numpy_leaves_alone_is_left_alone() -> None:
    class Aloof:
        __array_ufunc__ = None

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return np.ones(2)

    with pytest.raises(TypeError, match="add: argument 1 is Aloof"):
        ag.add(Tensor([1.0, 2.0]), Aloof())


@pytest.mark.parametrize("made", [Tensor, nn.Parameter, nn.Buffer])
def test_constructors_say_what_they_were_given(made: Any) -> None:
    given = {"NoneType": None, "ndarray of object": OBJECTS, "set": {1.0}, "str": "a"}
    for words, data in given.items():
        with pytest.raises(TypeError, match=f"^Tensor: {words}.* given, numbers expected"):
            made(data)
    with pytest.raises(TypeError, match="a part of a list that holds tensors is NoneType"):
        made([Tensor(1.0), None])


def test_an_argument_without_default_is_asked_for() -> None:
    with pytest.raises(TypeError, match="where: no argument 'x' given"):
        ag.where(True, y=Tensor(1.0, requires_grad=True))
