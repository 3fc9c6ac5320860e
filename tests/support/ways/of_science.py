"""What SciPy, pandas, Matplotlib and PyTorch make of tensors."""

from __future__ import annotations

import operator
from importlib import import_module
from typing import Any

import numpy as np
from support.ways.judging import Flat, Refused, Right, Said, ways

import autograd as ag
from autograd import Tensor


def of(name: str) -> Any:
    """A module, or what is in it, imported where a way needs it."""
    module, _, attribute = name.rpartition(":")
    return getattr(import_module(module), attribute) if module else import_module(name)


def asked(package: str, *names: str) -> dict[str, Any]:
    """Rows of functions of a package that are called with one tensor."""
    return {
        f"{package}.{name}(t)": lambda x, name=name: of(f"{package}:{name}")(x) for name in names
    }


def after(write: Any, held: Any) -> Any:
    """The numbers of a pandas object, after something was written into it."""
    write(held)
    return held.to_numpy()


def held(made: Any) -> Any:
    """The numbers of a pandas object, whose errors may come but where somebody looks at them."""
    repr(made)
    return made.to_numpy()


def series(*parts: Any) -> Any:
    """A pandas Series."""
    return of("pandas").Series(list(parts))


def frame(*shape: int) -> Any:
    """A pandas DataFrame of ones."""
    return of("pandas").DataFrame(np.ones(shape))


def sparse() -> Any:
    """A sparse matrix."""
    return of("scipy.sparse").csr_array(np.eye(3))


def _with_data(matrix: Any, data: Any) -> Any:
    matrix.data = data
    return matrix


def axes() -> Any:
    """Where Matplotlib draws."""
    return of("matplotlib.figure").Figure().subplots()


put = operator.setitem
NODES = [0.0, 1.0, 2.0]
ASKED = Refused(RuntimeError, ("stack()", "detach()", ".data"))

SCIPY = [
    *ways(
        ASKED,
        {
            "sparse.data = t": lambda x: _with_data(sparse(), x).toarray(),
            "sparse.data = t, sparse @ array": lambda x: _with_data(sparse(), x) @ np.ones(3),
            **asked("scipy.special", "logsumexp", "softmax", "log_softmax", "factorial"),
            **asked("scipy.stats", "zscore", "skew", "gmean", "entropy", "gaussian_kde"),
            **asked("scipy.integrate", "simpson", "trapezoid", "cumulative_trapezoid"),
            **asked("scipy.linalg", "norm", "companion"),
            **asked("scipy.fft", "fft", "dct"),
            "special.logsumexp([a, b])": lambda a, b: of("scipy.special").logsumexp([a, b]),
            "special.erf([a, b])": lambda a, b: of("scipy.special").erf([a, b]),
            "special.polygamma(1, t)": lambda x: of("scipy.special").polygamma(1, x),
            "special.comb(5, t)": lambda a: of("scipy.special").comb(5, a),
            "stats.norm.logpdf(t)": lambda x: of("scipy.stats").norm.logpdf(x),
            "stats.norm.pdf(0.3, t, t)": lambda a, b: of("scipy.stats").norm.pdf(0.3, a, b),
            "stats.norm(t, t).logpdf(0.3)": lambda a, b: of("scipy.stats").norm(a, b).logpdf(0.3),
            "stats.t.logpdf(0.3, df=t)": lambda a: of("scipy.stats").t.logpdf(0.3, a),
            "stats.poisson.logpmf(2, t)": lambda a: of("scipy.stats").poisson.logpmf(2, a),
            "stats.multivariate_normal": lambda x: of("scipy.stats").multivariate_normal.logpdf(
                np.zeros(3), x
            ),
            "stats.pearsonr(t, array)": lambda x: of("scipy.stats").pearsonr(x, [1.0, 2, 4]),
            "stats.ttest_1samp(t)": lambda x: of("scipy.stats").ttest_1samp(x, 0.0),
            "optimize.minimize of a loss with t": lambda a: of("scipy.optimize").minimize(
                lambda v: ((v - a) ** 2).sum(), np.ones(1)
            ),
            "optimize.minimize from t": lambda x: of("scipy.optimize").minimize(
                lambda v: ((v - 1) ** 2).sum(), x
            ),
            "optimize.newton from t": lambda a: of("scipy.optimize").newton(lambda v: v * v - 1, a),
            "optimize.minimize_scalar": lambda a: of("scipy.optimize").minimize_scalar(
                lambda v: np.asarray((v - a) ** 2)
            ),
            "optimize.curve_fit(p0=t)": lambda a: of("scipy.optimize").curve_fit(
                lambda t, slope: slope * t, np.arange(3.0), np.arange(3.0), p0=a
            ),
            "optimize.nnls(array, t)": lambda x: of("scipy.optimize").nnls(np.eye(3), x),
            "optimize.linprog(t)": lambda x: of("scipy.optimize").linprog(x, bounds=(1, 2)),
            "optimize.approx_fprime": lambda x: of("scipy.optimize").approx_fprime(
                np.ones(3), lambda v: (v * x).sum()
            ),
            "integrate.solve_ivp from t": lambda x: of("scipy.integrate").solve_ivp(
                lambda t, y: -y, (0, 1), x
            ),
            "integrate.solve_ivp with t": lambda a: of("scipy.integrate").solve_ivp(
                lambda t, y: -a * y, (0, 1), [1.0]
            ),
            "integrate.odeint with t": lambda a: of("scipy.integrate").odeint(
                lambda y, t: -a * y, [1.0], [0, 1]
            ),
            "interpolate.interp1d(nodes, t)": lambda x: of("scipy.interpolate").interp1d(NODES, x),
            "interpolate.interp1d()(t)": lambda x: of("scipy.interpolate").interp1d(NODES, NODES)(
                x
            ),
            "interpolate.CubicSpline(nodes, t)": lambda x: of("scipy.interpolate").CubicSpline(
                NODES, x
            ),
            "interpolate.CubicSpline()(t)": lambda x: of("scipy.interpolate").CubicSpline(
                NODES, NODES
            )(x),
            "interpolate.griddata": lambda x: of("scipy.interpolate").griddata(
                np.arange(3.0), x, 0.5
            ),
            "sparse @ t": lambda x: sparse() @ x,
            "t @ sparse": lambda x: x @ sparse(),
            "sparse * t, sparse / t": lambda a: sparse() * a,
            "t * sparse": lambda a: a * sparse(),
            "sparse.dot(t)": lambda x: sparse().dot(x),
            "sparse.multiply(t)": lambda x: sparse().multiply(x),
            "sparse of (t, (i, j))": lambda x: of("scipy.sparse").csr_array((x, ([0, 1, 2],) * 2)),
            "sparse.linalg.spsolve": lambda x: of("scipy.sparse.linalg").spsolve(sparse(), x),
            "sparse.linalg.cg": lambda x: of("scipy.sparse.linalg").cg(np.eye(3), x),
            "aslinearoperator() @ t": lambda x: (
                of("scipy.sparse.linalg").aslinearoperator(np.eye(3)) @ x
            ),
            "linalg.solve(array, t)": lambda x: of("scipy.linalg").solve(np.eye(3), x),
            "linalg.expm(m)": lambda m: of("scipy.linalg").expm(m),
            "signal.convolve(t, array)": lambda x: of("scipy.signal").convolve(x, [1.0, 2.0]),
            "signal.lfilter(t, 1, array)": lambda x: of("scipy.signal").lfilter(x, 1.0, np.ones(3)),
            "ndimage.gaussian_filter(t, 1)": lambda x: of("scipy.ndimage").gaussian_filter(x, 1.0),
            "ndimage.gaussian_filter(array, t)": lambda a: of("scipy.ndimage").gaussian_filter(
                np.arange(3.0), a
            ),
            "spatial.distance.cdist": lambda m: of("scipy.spatial.distance").cdist(m, m),
            "spatial.transform.Rotation": lambda x: of(
                "scipy.spatial.transform"
            ).Rotation.from_rotvec(x),
        },
        "scipy",
    ),
    *ways(
        Refused(TypeError, ("the ufunc", "tensor.data")),
        {
            **asked("scipy.special", "expit", "erf", "gammaln", "psi", "zeta", "logit"),
            "special.xlogy(t, t)": lambda x: of("scipy.special").xlogy(x, x),
            "special.jv(t, 1)": lambda a: of("scipy.special").jv(a, 1.0),
        },
        "scipy",
    ),
    *ways(
        Refused(Exception),
        {
            "sparse + t": lambda x: sparse() + x,
            "t + sparse": lambda x: x + sparse(),
            "sparse of m": lambda m: of("scipy.sparse").csr_array(m),
            "optimize.least_squares with t": lambda a: of("scipy.optimize").least_squares(
                lambda v: v - a, [1.0]
            ),
            "integrate.quad_vec with t": lambda x: of("scipy.integrate").quad_vec(
                lambda v: v * x, 0, 1
            ),
            "linalg.toeplitz(t)": lambda x: of("scipy.linalg").toeplitz(x),
        },
        "scipy",
    ),
    *ways(
        Right(),
        {
            "optimize.newton, closing over t": lambda a: of("scipy.optimize").newton(
                lambda v: v * 2 - a, 1.0
            ),
            "integrate.fixed_quad with t": lambda a: of("scipy.integrate").fixed_quad(
                lambda v: v * a, 0, 1
            )[0],
        },
        "scipy",
    ),
    *ways(
        Said("float"),
        {
            "integrate.quad with t": lambda a: of("scipy.integrate").quad(lambda v: v * a, 0, 1)[0],
            "integrate.quad from 0 to t": lambda a: of("scipy.integrate").quad(abs, 0, a)[0],
            "integrate.quad(args=(t,))": lambda a: of("scipy.integrate").quad(
                lambda v, slope: v * slope, 0, 1, args=(a,)
            )[0],
            "optimize.brentq, closing over t": lambda a: of("scipy.optimize").brentq(
                lambda v: v - a, 0, 2
            ),
            "sparse[0, 0] = t": lambda a: _filled(of("scipy.sparse").lil_array((2, 2)), a),
        },
        "scipy",
    ),
]

PANDAS = [
    *ways(
        ASKED,
        {
            "Series(t)": lambda x: of("pandas").Series(x),
            "Series([a, b], dtype=float)": lambda a, b: of("pandas").Series([a, b], dtype=float),
            "DataFrame(m)": lambda m: of("pandas").DataFrame(m),
            "DataFrame({'a': t})": lambda x: of("pandas").DataFrame({"a": x}),
            "Series * t": lambda x: series(1.0, 2.0, 3.0) * x,
            "Series + t, of no axes": lambda a: series(1.0, 2.0) + a,
            "Series.add(t)": lambda x: series(1.0, 2.0, 3.0).add(x),
            "Series @ t": lambda x: series(1.0, 2.0, 3.0) @ x,
            "Series < t": lambda a: series(1.0, 2.0) < a,
            "frame * t": lambda x: frame(2, 3) * x,
            "frame @ t": lambda x: frame(2, 3) @ x,
            "frame['a'] = t": lambda x: after(lambda held: put(held, "a", x), frame(3, 1)),
            "frame.loc[0] = t": lambda x: after(lambda held: put(held.loc, 0, x), frame(2, 3)),
            "Series.fillna(t)": lambda a: series(np.nan, 1.0).fillna(a),
            "Series.clip(t, t)": lambda a, b: series(0.0, 1.0, 2.0).clip(a, b),
            "Series.where(c, t)": lambda a: held(series(0.0, 1.0).where([True, False], a)),
            "Series.mask(c, t)": lambda a: held(series(0.0, 1.0).mask([True, False], a)),
            "Series.mask(c, t) of one": lambda x: held(
                series(0.0, 1.0, 2.0).mask([True, False, True], x)
            ),
            "frame.where(c, t)": lambda a: held(frame(2, 2).where(np.eye(2) > 0, a)),
            "frame.mask(c, t)": lambda a: held(frame(2, 2).mask(np.eye(2) > 0, a)),
            "Series.replace(0, t)": lambda a: series(0.0, 1.0).replace(0.0, a),
            "Series.quantile(t)": lambda a: series(0.0, 1.0).quantile(a / 2),
            "pd.array([a, b])": lambda a, b: of("pandas").array([a, b]),
            "pd.to_numeric([a, b])": lambda a, b: of("pandas").to_numeric([a, b]),
            "pd.cut(t, 2)": lambda x: of("pandas").cut(x, 2),
            "pd.isna(t)": lambda x: of("pandas").isna(x),
        },
        "pandas",
    ),
    *ways(
        Refused(TypeError),
        {
            "exp(Series of t)": lambda a, b: ag.exp(series(a, b)),
            "Tensor(Series of t)": lambda a, b: Tensor(series(a, b)),
            "np.exp(Series of t)": lambda a, b: np.exp(series(a, b)),
        },
        "pandas",
    ),
    *ways(
        Right(),
        {
            "t * Series": lambda x: x * series(1.0, 2.0, 3.0),
            "t @ frame": lambda x: x @ frame(3, 2),
            "multiply(t, Series)": lambda x: ag.multiply(x, series(1.0, 2.0, 3.0)),
            "Series([a, b])": lambda a, b: (series(a, b) * 2).to_numpy(),
            "Series([a, b]).sum()": lambda a, b: series(a, b).sum(),
            "DataFrame({'a': [a, b]})": lambda a, b: (
                of("pandas").DataFrame({"a": [a, b]})["a"].to_numpy()
            ),
            "frame['a'] = t, of no axes": lambda a: after(
                lambda held: put(held, "a", a), frame(2, 1)
            ),
            "Series.map, Series.apply": lambda a: series(1.0, 2.0).map(lambda v: v * a).to_numpy(),
            "frame.apply": lambda a: frame(2, 2).apply(lambda column: column.sum() * a).to_numpy(),
            "groupby.agg": lambda a: (
                series(1.0, 2.0).groupby([0, 1]).agg(lambda group: a * 2).to_numpy()
            ),
        },
        "pandas",
    ),
    *ways(Flat(), {"Series == t": lambda x: series(1.0, 2.0, 3.0) == x}, "pandas"),
    *ways(
        Said("float"),
        {
            "Series([a, b]).mean()": lambda a, b: series(a, b).mean(),
            "Series([a, b]).astype(float)": lambda a, b: series(a, b).astype(float),
            "Series[0] = t": lambda a: after(lambda held: put(held, 0, a), series(0.0, 1.0)),
            "Series.iloc[0] = t": lambda a: after(lambda held: put(held.iloc, 0, a), series(0.0)),
            "frame.loc[0, 0] = t": lambda a: after(
                lambda held: put(held.loc, (0, 0), a), frame(2, 2)
            ),
            "Series.ewm(alpha=t)": lambda a: series(0.0, 1.0).ewm(alpha=a).mean().to_numpy(),
            "rolling.apply": lambda a: (
                series(0.0, 1.0).rolling(1).apply(lambda window: a, raw=True).to_numpy()
            ),
        },
        "pandas",
    ),
]

OTHERS = [
    *ways(
        Refused(RuntimeError, ("detach()",)),
        {
            "Axes.plot(t)": lambda x: axes().plot(x),
            "Axes.imshow(m)": lambda m: axes().imshow(m),
            "Axes.scatter(t, t)": lambda x: (
                of("matplotlib.figure").Figure().subplots().scatter(x, x)
            ),
        },
        "matplotlib",
    ),
    *ways(
        Refused(BufferError, ("detach()",)),
        {**asked("torch", "as_tensor", "from_dlpack")},
        "torch",
    ),
    *ways(
        Refused(TypeError),
        {
            "torch.tensor([a, b])": lambda a, b: of("torch").tensor([a, b]),
            "torch.full((2,), t)": lambda a: of("torch").full((2,), a),
        },
        "torch",
    ),
    *ways(
        Right(),
        {"t * torch.ones(3)": (lambda x: x * of("torch").ones(3), lambda x: x)},
        "torch",
    ),
]


def _filled(held: Any, a: Any) -> Any:
    held[0, 0] = a
    return held.toarray()


WAYS = [*SCIPY, *PANDAS, *OTHERS]
