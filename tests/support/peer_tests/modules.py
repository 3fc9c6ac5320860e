"""The modules that the fetched tests import, by our functions; `install` puts them in place.

A function of NumPy or SciPy that is called without tensors is that function. With tensors it is our
op that stands for it; where there is none, the function itself is called, which has to refuse: its
refusal says that the test is out of scope, and a result of it is checked like any other.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from support.peer_tests import checks, transforms
from support.peer_tests.scope import FOURIER, INTERNALS, NUMPY, SCIPY, OutOfScopeError, refusal

import autograd
from autograd import Tensor
from autograd.interop import protocols
from autograd.runtime.trees import flatten


def install() -> None:
    """Puts the modules where `import autograd.numpy` and the like find them, in this process."""
    modules: dict[str, ModuleType] = {
        "autograd": _root(),
        "autograd.numpy": Namespace("autograd.numpy", np, NUMPY, OF_NUMPY),
        "autograd.numpy.random": np.random,
        "autograd.numpy.linalg": Namespace("autograd.numpy.linalg", np.linalg, NUMPY, OF_LINALG),
        "autograd.numpy.fft": Namespace("autograd.numpy.fft", None, FOURIER),
    }
    modules |= {f"autograd.{name}": Namespace(f"autograd.{name}", s, SCIPY) for name, s in _scipy()}
    for name, contents in PARTS.items():
        modules[f"autograd.{name}"] = Namespace(f"autograd.{name}", None, INTERNALS, contents)
    sys.modules.update(modules)
    for name, module in modules.items():
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(modules[parent], last, module)


class Namespace(ModuleType):
    """A module of what stands for the contents of another, `source`.

    Args:
        reason: why its functions are out of scope, where there is no op of ours.
        own: what there is besides, by name.
    """

    def __init__(
        self, name: str, source: Any, reason: str, own: dict[str, Any] | None = None
    ) -> None:
        super().__init__(name)
        self.__path__: list[str] = []  # a package: it has modules in it
        self._source, self._reason = source, reason
        self.__dict__.update(own or {})

    def __getattr__(self, name: str) -> Any:
        path = f"{self.__name__.removeprefix('autograd.')}.{name}"
        if name.startswith("__") and not hasattr(self._source, name):
            raise AttributeError(name)
        if hasattr(self._source, name):
            return standing_for(getattr(self._source, name), path, self._reason)
        return Missing(self._reason if self._source is None else INTERNALS, path)


class Missing:
    """What there is not. To call it, or to look into it, is out of scope."""

    def __init__(self, reason: str, path: str) -> None:
        self._is = reason, path
        self.__name__ = path.rpartition(".")[2]

    def __call__(self, *args: Any, **options: Any) -> Any:
        raise OutOfScopeError(*self._is)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name) if name.startswith("__") else OutOfScopeError(*self._is)


class Standing:
    """What stands for a function, or an object with methods, of NumPy or SciPy."""

    def __init__(self, thing: Any, path: str, reason: str) -> None:
        self._thing, self._path, self._reason = thing, path, reason
        self.__name__ = path.rpartition(".")[2]

    def __getattr__(self, name: str) -> Any:
        return standing_for(getattr(self._thing, name), f"{self._path}.{name}", self._reason)

    def __getitem__(self, key: Any) -> Any:
        return self._called(self._thing.__getitem__, (key,), {})

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self._called(self._thing, args, options)

    def _called(
        self, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        op = BY_NAME.get(self._path) or protocols._OPS.get(function, function)
        if not any(isinstance(leaf, Tensor) for leaf in flatten([args, options])[0]):
            op = function
        try:
            return op(*args, **options)
        except (TypeError, RuntimeError) as error:
            if op is function and refusal(error):
                raise OutOfScopeError(self._reason, self._path) from error
            if self._reason == SCIPY and "unexpected keyword argument" in str(error):
                what = f"{self._path} with {', '.join(options)}"
                raise OutOfScopeError(self._reason, what) from error
            raise


def standing_for(thing: Any, path: str, reason: str) -> Any:
    """What the tests get for a thing of NumPy or SciPy: constants, types and modules are as
    they are."""
    if isinstance(thing, type | ModuleType | np.ndarray | np.generic | np.dtype):
        return thing
    stands = callable(thing) or hasattr(thing, "__getitem__")
    return Standing(thing, path, reason) if stands and not isinstance(thing, str) else thing


def _array(value: Any, dtype: Any = None) -> Any:
    tensors = any(isinstance(leaf, Tensor) for leaf in flatten(value)[0])
    return Tensor(value, dtype=dtype) if tensors else np.array(value, dtype)


def _make_diagonal(d: Any, axis1: int, axis2: int) -> Any:
    """A diagonal along the last two axes, which are all that is asked for."""
    assert {axis1, axis2} == {-1, -2}
    return transforms.plain(autograd.expand_dims(d, -1) * np.eye(np.shape(d)[-1]))


def _scipy() -> Iterator[tuple[str, Any]]:
    """SciPy, and what is in it that the tests import; nothing where it is not installed."""
    try:
        yield "scipy", import_module("scipy")
    except ImportError:
        return
    for name in ("special", "stats", "linalg", "signal", "integrate"):
        yield f"scipy.{name}", import_module(f"scipy.{name}")
    stats = import_module("scipy.stats")
    yield "scipy.stats.multivariate_normal", stats.multivariate_normal  # an object, not a module


def _root() -> ModuleType:
    """Ours, with their functions over it."""
    root = ModuleType("autograd")
    root.__path__ = autograd.__path__
    root.__getattr__ = lambda name: getattr(autograd, name)  # type: ignore[method-assign]
    own = [
        *("grad", "value_and_grad", "jacobian", "hessian", "grad_and_aux", "make_vjp", "make_jvp"),
        *("elementwise_grad", "deriv", "make_hvp", "hessian_tensor_product", "make_ggnvp"),
        *("tensor_jacobian_product", "holomorphic_grad", "checkpoint"),
    ]
    root.__dict__.update({name: getattr(transforms, name) for name in own} | OF_BUILTINS)
    return root


OF_NUMPY = {"array": _array, "make_diagonal": _make_diagonal}
OF_LINALG = {
    # Which takes the symmetric part of a matrix, where NumPy's reads a triangle.
    "eigh": lambda a, *args: transforms.plain(autograd.eigh(a, *args)),
    "_dot": lambda a, b: transforms.plain(autograd.matmul(a, b)),
    "T": lambda a: transforms.plain(autograd.matrix_transpose(a)),
}
BY_NAME: dict[str, Any] = {
    f"scipy.special.{name}": getattr(autograd, {"psi": "digamma"}.get(name, name))
    for name in (
        *("digamma", "erf", "erfc", "erfinv", "expit", "gammaln", "logit", "logsumexp"),
        *("polygamma", "psi"),
    )
}
BY_NAME["numpy.linalg.norm"] = lambda x, *args, **named: protocols._linalg_norm(
    _array(x), *args, **named
)
OF_BUILTINS = {name: getattr(builtins, name) for name in ("isinstance", "dict", "list", "tuple")}
_EXTEND = {"primitive": transforms.primitive, "defvjp": transforms.defvjp}
PARTS: dict[str, dict[str, Any]] = {
    "test_util": {
        name: getattr(checks, name)
        for name in ("check_grads", "combo_check", "check_equivalent", "scalar_close")
    },
    "extend": _EXTEND,
    "tracer": {"primitive": transforms.primitive, "isbox": lambda x: isinstance(x, Tensor)},
    "builtins": OF_BUILTINS,
    "core": {"make_vjp": transforms.core_vjp, "make_jvp": transforms.core_jvp},
    "wrap_util": {"unary_to_nary": transforms.unary_to_nary},
    "misc": {"flatten": transforms.flatten},
    "util": {},
}
