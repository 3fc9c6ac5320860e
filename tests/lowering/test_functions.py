"""Functions in C keep the bounds that their table states, for every kind of number."""

from __future__ import annotations

import doctest
import platform
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.compiling import COMPILER
from support.functions_in_c import (
    EXACT,
    REFERENCES,
    Array,
    called,
    exact_error,
    loops,
    made,
    public,
    short,
    worst,
)

from autograd.lowering.functions import FUNCTIONS, is_function, needed, table
from autograd.native import Library

SINGLE, DOUBLE = public("f32"), public("f64")
ONE = [n for n in SINGLE if FUNCTIONS[n].arguments == 1]
TWO = [n for n in SINGLE if FUNCTIONS[n].arguments == 2 and short(n) in REFERENCES]
# Where a loop runs often: it must become vectors.
HEAVY = ["exp", "log", "tanh", "erf", "expm1", "log1p", "sqrt", "maximum", "sin", "cos"]

# Ends of ranges, halves, neighbours of 1, of where functions change their way, of where they
# overflow or vanish.
POINTS = [0.0, 1.0, 0.5, 0.25, 0.75, 1.5, 2.0, 3.0, 2.5, 0.6, 4.0, 6.0, 10.0, 20.0, 28.0, 0.35, 0.7]
POINTS += [87.0, 88.7228, 89.4, 103.97, 104.0, 126.0, 127.0, 128.0, 149.0, 150.0, 9.2, 10.06]
POINTS += [709.7827, 710.4758, 745.13, 1022.0, 1024.0, 1074.0, 1075.0, 26.5, 1e9, 1e17, 1e18]
POINTS += [np.pi * k / 4 for k in range(1, 9)] + [2.0**20, 2.0**23, 2.0**24, 2.0**53, 2.0**-25]
POINTS += [np.inf, np.nan]


def neighbourhoods(dtype: type[np.floating], far: int) -> Array:
    """The points, with so many neighbours on either side, of both signs; and the range's ends."""
    limits = np.finfo(dtype)
    ends = [limits.max, limits.tiny, limits.smallest_subnormal]
    points = np.array([*POINTS, *ends], dtype)
    integers = points.view(np.int32 if dtype is np.float32 else np.int64)
    near = (integers[:, None] + np.arange(-far, far + 1)).ravel().view(dtype)
    return np.concatenate([near, -near])


def patterns(count: int, seed: int) -> Array:
    """float32 of random bits."""
    bits = np.random.default_rng(seed).integers(0, 2**32, count, dtype=np.uint32)
    return bits.view(np.float32)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(True, id="fused"),
        pytest.param(False, id="apart", marks=pytest.mark.slow),
    ],
)
def compiled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Library]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PULLBACK_JIT", raising=False)
        patch.setenv("PULLBACK_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield made([*SINGLE, *DOUBLE], request.param)


def test_what_is_needed_comes_first_and_once() -> None:
    text = needed(["pb_softplus_f32", "pb_exp_f32", "pb_softplus_f32"])
    defined = re.findall(r"^PB_INLINE \w+ (pb_\w+)", text, re.M)
    assert len(set(defined)) == len(defined)
    for name in defined:
        assert set(FUNCTIONS[name].needs) <= set(defined[: defined.index(name)])
    assert "pb_softplus_f32" in defined
    assert "pb_tanh_f32" not in defined
    with pytest.raises(KeyError, match="pb_nothing_f32"):
        needed(["pb_nothing_f32"])


def test_every_text_is_in_the_table() -> None:
    folder = Path(needed.__code__.co_filename).parent
    text = "".join(file.read_text(encoding="utf-8") for file in folder.glob("*.c"))
    assert sorted(re.findall(r"^PB_INLINE \w+ (pb_\w+)", text, re.M)) == sorted(FUNCTIONS)
    assert set(map(short, SINGLE)) == set(map(short, DOUBLE))
    assert is_function("exp")
    assert not is_function("exp_rest")
    assert not is_function("nothing")


def test_the_examples_of_the_table() -> None:
    found = doctest.testmod(table)
    assert found.attempted >= 2
    assert not found.failed


def test_float32_is_within_two_ulp() -> None:
    assert not [name for name in SINGLE if not FUNCTIONS[name].bound <= 2]  # type: ignore[operator]


@pytest.mark.parametrize("name", ONE)
def test_float32_on_a_sample(compiled: Library, name: str) -> None:
    for x in (neighbourhoods(np.float32, 200), patterns(200_000, 0)):
        error, where = worst(compiled, name, x)
        assert error <= FUNCTIONS[name].bound, where  # type: ignore[operator]


def test_a_share_without_fused_products(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where processors have none: every sixth function, as compilers take seconds for all."""
    monkeypatch.delenv("PULLBACK_JIT", raising=False)
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path))
    names = ONE[::6]
    apart = made(names, False)
    for name in names:
        for x in (neighbourhoods(np.float32, 200), patterns(200_000, 0)):
            error, where = worst(apart, name, x)
            assert error <= FUNCTIONS[name].bound, where  # type: ignore[operator]


def pairs(name: str, count: int, seed: int) -> Iterator[tuple[Array, Array]]:
    """Arguments of functions of two: all pairs of points, random bits, and where results are."""
    points = neighbourhoods(np.float32, 1)
    x, y = np.meshgrid(points, points)
    yield x.ravel(), y.ravel()
    yield patterns(count, seed), patterns(count, seed + 1)
    rng = np.random.default_rng(seed)
    sign = rng.choice(np.float32([-1, 1]), count)
    near = (1 + sign * rng.uniform(0, 0.5, count) ** 8).astype(np.float32)
    for base in (near, np.exp2(rng.uniform(-149, 128, count)).astype(np.float32)):
        with np.errstate(divide="ignore"):
            exponent = rng.uniform(-151, 129, count) / np.log2(base.astype(np.float64))
        yield base, exponent.astype(np.float32)
    x, y = rng.standard_normal((2, count), np.float32) * 3
    yield x, y
    yield x, np.rint(y * 5)
    yield x, x + near - 1


@pytest.mark.parametrize("name", TWO)
def test_float32_of_two_arguments(compiled: Library, name: str) -> None:
    for x, y in pairs(name, 20_000, 0):
        error, where = worst(compiled, name, x, y)
        assert error <= FUNCTIONS[name].bound, where  # type: ignore[operator]


@pytest.mark.slow
@pytest.mark.parametrize("name", TWO)
def test_float32_of_two_arguments_on_many(compiled: Library, name: str) -> None:
    for seed in range(10):
        for x, y in pairs(name, 2_000_000, seed):
            error, where = worst(compiled, name, x, y)
            assert error <= FUNCTIONS[name].bound, where  # type: ignore[operator]


BLOCK, EVERY = 1 << 22, 61


@pytest.mark.slow
@pytest.mark.parametrize("name", ONE)
def test_float32_on_many_numbers(compiled: Library, name: str) -> None:
    """One of 61 of all numbers that there are."""
    for start in range(0, 1 << 32, BLOCK * EVERY):
        bits = np.arange(start, min(start + BLOCK * EVERY, 1 << 32), EVERY, dtype=np.uint32)
        error, where = worst(compiled, name, bits.view(np.float32))
        assert error <= FUNCTIONS[name].bound, where  # type: ignore[operator]


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ONE)
def test_float32_on_every_number(compiled: Library, name: str) -> None:
    for start in range(0, 1 << 32, BLOCK):
        x = np.arange(start, start + BLOCK, dtype=np.uint32).view(np.float32)
        error, where = worst(compiled, name, x)
        assert error <= FUNCTIONS[name].bound, where  # type: ignore[operator]


@pytest.mark.parametrize("name", ["remainder", "floor_divide"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_remainders_are_numpys(compiled: Library, name: str, dtype: type[np.floating]) -> None:
    suffix = "f32" if dtype is np.float32 else "f64"
    for x, y in pairs(name, 20_000, 0):
        with np.errstate(all="ignore"):
            x, y = x.astype(dtype), y.astype(dtype)
            expected = getattr(np, name)(x, y)
        found = called(compiled, f"pb_{name}_{suffix}", x, y)
        np.testing.assert_array_equal(found, expected)
        numbers = ~np.isnan(found)
        np.testing.assert_array_equal(np.signbit(found[numbers]), np.signbit(expected[numbers]))


def sampled(name: str, count: int, seed: int) -> tuple[Array, ...]:
    """Finite float64 where the function has values, the most where they change."""
    rng = np.random.default_rng(seed)
    sign = rng.choice([-1.0, 1.0], count)
    sizes = [np.exp2(rng.uniform(*ends, count)) for ends in ((-1074, 1024), (-30, 8), (-3, 3))]
    x = np.concatenate([*(sign * size for size in sizes), neighbourhoods(np.float64, 1)])
    x = np.concatenate([x, rng.uniform(-750, 750, count), 1 + sign * rng.uniform(0, 1, count) ** 6])
    x = x[np.isfinite(x)]
    plain = short(name)
    ends = {"logit": (5e-324, 1 - 2**-53), "log1p": (-1 + 2**-53, np.inf), "arccosh": (1, np.inf)}
    ends |= dict.fromkeys(("log", "log2", "log10", "sqrt"), (5e-324, np.inf))
    ends |= dict.fromkeys(("arcsin", "arccos", "arctanh"), (-1 + 2**-53, 1 - 2**-53))
    first, last = FUNCTIONS[name].domain or ends.get(plain, (-np.inf, np.inf))
    x = x[(x >= first) & (x <= last)]
    if FUNCTIONS[name].arguments == 1:
        return (x,)
    x, y = x, rng.permutation(x)
    if plain in ("logaddexp", "logaddexp2"):  # else mpmath computes e to the power of anything
        x, y = np.clip(x, -500, 500), np.clip(y, -500, 500)
    if plain == "xlogy":
        y = np.abs(y) + 5e-324
    if plain == "power":
        x = np.abs(x) + 5e-324
        with np.errstate(divide="ignore"):
            y = np.clip(rng.uniform(-1080, 1025, x.size) / np.log2(x), -1e300, 1e300)
    return x, y


@pytest.mark.parametrize("name", [n for n in DOUBLE if short(n) in EXACT and n.endswith("64")])
@pytest.mark.parametrize("count", [60, pytest.param(4000, marks=pytest.mark.slow)])
def test_float64(compiled: Library, name: str, count: int) -> None:
    arguments = sampled(name, count, 0)
    found = called(compiled, name, *arguments)
    for value, *given in zip(found.tolist(), *(a.tolist() for a in arguments), strict=True):
        assert not np.isnan(value), f"{name}({given})"
        error = exact_error(name, value, *given)
        assert error <= FUNCTIONS[name].bound, f"{name}({given}): {error}"  # type: ignore[operator]


UFUNCS = [n for n in DOUBLE if hasattr(np, short(n)) and short(n) != "sinc"]


@pytest.mark.parametrize("name", UFUNCS + [n.replace("f64", "f32") for n in UFUNCS])
def test_special_values_are_numpys(compiled: Library, name: str) -> None:
    """Infinities, NaN and zeros, with their signs; that of zeros where NumPy says which it is."""
    dtype = np.float32 if name.endswith("f32") else np.float64
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1, -1, 2, -2, 3, -3, 0.5, -1.5], dtype)
    arguments: tuple[Array, ...] = (special,)
    if FUNCTIONS[name].arguments == 2:
        x, y = np.meshgrid(special, special)
        arguments = x.ravel(), y.ravel()
    with np.errstate(all="ignore"):
        expected = getattr(np, short(name))(*arguments)
    found = called(compiled, name, *arguments)
    edge = np.isnan(expected) | np.isinf(expected) | (expected == 0)
    np.testing.assert_array_equal(found[edge], expected[edge])
    assert np.isfinite(found[~edge]).all()
    if short(name) not in ("maximum", "minimum", "fmax", "fmin"):
        zero = expected == 0
        np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(expected[zero]))


@pytest.mark.parametrize("name", [n for n in SINGLE + DOUBLE if FUNCTIONS[n].arguments == 1])
def test_nan_stays_nan(compiled: Library, name: str) -> None:
    dtype = np.float32 if name.endswith("f32") else np.float64
    assert np.isnan(called(compiled, name, np.full(40, np.nan, dtype))).all()


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="flags of x86")
@pytest.mark.parametrize(
    "flags",
    [
        "-mavx2 -mfma",
        pytest.param("-march=x86-64-v4", marks=pytest.mark.slow),
        pytest.param("", marks=pytest.mark.slow),
    ],
)
def test_loops_become_vectors(tmp_path: Path, flags: str) -> None:
    if COMPILER is None or "Free Software" not in _said(COMPILER, "--version"):
        pytest.skip("needs gcc, which says what it did")
    near = [f"{name}_near" for name in ("exp", "sin", "cos", "tan")]
    singles = [f"pb_{n}_f32" for n in [*HEAVY, *near, "power", "softplus", "expit"]]
    doubles = [f"pb_{n}_f64" for n in [*HEAVY[:8], *near, "softplus", "expit"]]
    # Without SSE 4.1 what rounds is a call, and 64-bit integers cannot be compared.
    without = ["pb_sin_f32", "pb_cos_f32"] + [n for n in doubles if "n_near" in n or "s_near" in n]
    names = [n for n in singles + doubles if flags or n not in without]
    lines = loops(names, errors=False)[0].splitlines()
    # Twice, as in a program: compilers are less ready then to take in what is called.
    again = [line.replace("loop_", "again_") for line in lines if line.startswith("void loop_")]
    lines += [line.replace("out[i] =", "out[i] = 2 *") for line in again]  # equal ones become one
    (tmp_path / "loop.c").write_text("\n".join(lines))
    command = [*_command(flags), "-c", "-fopt-info-vec-optimized", "-o", "loop.o", "loop.c"]
    said = _said(*command, folder=tmp_path)
    found = re.findall(r"loop\.c:(\d+):\d+: optimized: +loop vectorized", said)
    vectors = {lines[int(number) - 1].partition("(")[0] for number in found}
    wanted = {f"void {what}_{name}" for what in ("loop", "again") for name in names}
    assert vectors == wanted


def _command(flags: str) -> list[str]:
    assert COMPILER is not None
    always = "-std=gnu11 -O3 -w -fno-math-errno -fno-trapping-math -ffp-contract=off"
    return [COMPILER, *always.split(), *flags.split()]


def _said(*command: str, folder: Path | None = None) -> str:
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize("flags", ["", "-march=native"])
def test_nothing_undefined_is_done(tmp_path: Path, flags: str) -> None:
    if COMPILER is None:
        pytest.skip("needs cc, gcc or clang")
    calls = []
    for name in SINGLE + DOUBLE:
        real, integer = ("float", "uint32_t") if name in SINGLE else ("double", "uint64_t")
        given = ["x", f"pb_from_bits_{name[-3:]}(~bits * 0x9e3779b9u)"][: FUNCTIONS[name].arguments]
        calls.append(
            f"for (uint32_t i = 0; i < 500000; i++) {{ {integer} bits = i * ({integer})"
            f"0x9e3779b97f4a7c15u; {real} x = pb_from_bits_{name[-3:]}(bits);"
            f" sum += {name}({', '.join(given)}) > 0; }}"
        )
    main = "int main(void) { volatile long sum = 0; " + "\n".join(calls) + " return 0; }"
    (tmp_path / "all.c").write_text(needed([*SINGLE, *DOUBLE]) + main)
    sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    # Without -O3, which has removed what is undefined before it is looked for.
    command = [c if c != "-O3" else "-O1" for c in _command(flags)]
    _said(*command, *sanitizers, "-o", "all", "all.c", "-lm", folder=tmp_path)
    _said(str(tmp_path / "all"), folder=tmp_path)
