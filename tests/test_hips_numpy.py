"""``autograd.numpy``: NumPy's names, values and dtypes on arrays; its meaning and derivatives on boxes and Tensors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as onp
import pytest

import autograd
import autograd.numpy as np
from autograd import func, numerical
from autograd.boxes import ArrayBox
from autograd.errors import GradientError, NotDifferentiableError
from autograd.tracer import getval

X = onp.array([[0.3, -1.2, 0.7], [1.4, 0.2, -0.6]])
V = onp.array([0.4, 1.3, -0.8, 2.1])
S = onp.array([[2.0, 0.4, -0.3], [0.1, 3.0, 0.5], [0.2, -0.6, 2.5]])


def derivatives_agree(f, x):
    """First and second derivatives of a weighted sum of ``f(x)`` against differences, and values against NumPy's."""

    def weighted(x):
        y = f(x)
        return np.sum(y * onp.cos(onp.arange(onp.size(getval(y)))).reshape(np.shape(y)))

    plain, seen = f(x), []

    def look(x):
        seen.append(getval(f(x)))
        return np.sum(x)

    func.grad(look)(x)
    onp.testing.assert_allclose(seen[0], plain, rtol=1e-12, atol=1e-14)
    assert onp.asarray(seen[0]).dtype == onp.asarray(plain).dtype
    g = func.grad(weighted)
    assert type(g(x)) is onp.ndarray
    onp.testing.assert_allclose(g(x), numerical.jacobian(weighted, x), rtol=1e-7, atol=1e-8)
    onp.testing.assert_allclose(func.jacobian(g)(x), numerical.jacobian(g, x), rtol=1e-6, atol=1e-7)


FUNCTIONS = {
    "average over axes": lambda x: np.average(
        np.reshape(np.tile(x, 6), (2, 3, 4)), axis=(2, 0), weights=np.outer(x * x, [0.3, 0.6])
    ),
    "asanyarray": lambda x: np.asanyarray([x[0] * x[1], x[2]]),
    "asfortranarray": lambda x: np.asfortranarray(np.reshape(x * x, (2, 2))),
    "ascontiguousarray": lambda x: np.ascontiguousarray(np.reshape(x * x, (2, 2)).T),
    **{
        f"pad {mode}": lambda x, mode=mode: np.pad(np.reshape(x * x, (2, 2)), ((0, 3), (4, 1)), mode)
        for mode in ("edge", "reflect", "symmetric", "wrap")
    },
    "nancumsum": lambda x: np.nancumsum(np.reshape(np.where(x > 2, np.nan, x * x), (2, 2)), axis=1),
    "nancumprod": lambda x: np.nancumprod(np.where(x > 2, np.nan, x)),
    "nanpercentile": lambda x: np.nanpercentile(np.where(x > 2, np.nan, x * x), [20, 70]),
    "pad with constants": lambda x: np.pad(np.reshape(x, (2, 2)) ** 2, 2, constant_values=((1, 2), (3, 4))),
    "pad chosen axes": lambda x: np.pad(np.reshape(x * x, (2, 2)), {-1: (1, 2)}),
    "array": lambda x: np.array([x[0], 2.0, [x[1], 1][0]]),
    "array nested": lambda x: np.array([[x[0], x[1]], [0, x[2] * x[3]]]),
    "array ndmin": lambda x: np.array(x * x, ndmin=3),
    "asarray": lambda x: np.asarray([x[0] * x[1], x[2]]),
    "sum of a list": lambda x: np.sum([x[0] ** 2, 3.0, x[1]]),
    "max of a tuple": lambda x: np.max((x[0] ** 2, 3.0, x[1])),
    "dot with a list": lambda x: np.dot([0.1, 0.2, 0.3, 0.4], x * x),
    "operator with a list": lambda x: x * [0.1, 0.2, 0.3, 0.4] + (1.1, 1.2, 1.3, 1.4),
    "concatenate": lambda x: np.concatenate([x * x, [0.1, 0.2], x[:1]]),
    "concatenate axis": lambda x: np.concatenate((np.ones((1, 2)), np.reshape(x * x, (2, 2))), axis=0),
    "stack": lambda x: np.stack([x * x, x, onp.arange(4)], axis=1),
    "vstack": lambda x: np.vstack([x * x, [1.0, 2.0, 3.0, 4.0]]),
    "hstack": lambda x: np.hstack([x[0] * x, 1.0, x]),
    "hstack of rows": lambda x: np.hstack(np.reshape(x * x, (2, 2))),
    "stack of a generator": lambda x: np.stack([x[i] * x for i in range(2)]),
    "vstack converted": lambda x: np.vstack([x * x, onp.ones(4, "f4")], dtype=float, casting="unsafe"),
    "stacks of an array": lambda x: onp.concatenate(np.outer(x, x)) + onp.vstack(np.outer(x, x))[0, 0],
    "hstack of an array": lambda x: onp.hstack(np.outer(x, x), dtype=float),
    "row_stack": lambda x: np.row_stack([x * x, x]),
    "column_stack": lambda x: np.column_stack([x * x, x]),
    "block": lambda x: np.block([[x * x, x[:2]], [np.ones(6)]]),
    "append": lambda x: np.append(x * x, 2.0),
    "r_": lambda x: np.r_[x * x, 1.0, 0:2],
    "c_": lambda x: np.c_[x * x, onp.arange(4.0)],
    "full": lambda x: np.full((2, 3), x[0] * x[1]),
    "full_like": lambda x: np.full_like(onp.ones(3), x[0] * x[1]),
    "linspace": lambda x: np.linspace(x[0] * x[1], x[2], 5),
    "linspace of integers": lambda x: np.linspace(x[2] - 5, x[3], 7, dtype=int) * x[0],
    "step of linspace": lambda x: np.multiply(*np.linspace(x[0] * x[1], x[2], 5, endpoint=False, retstep=True)),
    "select": lambda x: np.select([x > 1, x > 0], [x * x, 3 * x], 7.0),
    "choose": lambda x: np.choose([0, 1, 1, 0], [x * x, 2 * x]),
    "select of a box and a number": lambda x: np.select([x > 1, x > 0], [x * x, 3.0], x[0]),
    "select of shapes": lambda x: np.select([x[:2] > 1, [[True], [False]]], [x[1] * x[:2], 2], x[2:, None] ** 2),
    "choose of shapes": lambda x: np.choose([0, 1, 1, 0], [x * x, x[1]]),
    "choose of one": lambda x: np.choose([[0], [0]], [x * x]),
    "where": lambda x: np.where(x > 0, x * x, 0.5),
    "where by name": lambda x: np.where(condition=x > 0, x=x * x, y=0.5),
    "make_diagonal": lambda x: np.make_diagonal(np.reshape(x * x, (2, 2)), axis1=-1, axis2=-2),
    "make_diagonal beside": lambda x: np.make_diagonal(x * x, offset=1),
    "indices of int64": lambda x: x[np.int64(x + 1)] * x,
    "array of ints": lambda x: onp.array(x * x, dtype=int) * x,
    "tril of a vector": lambda x: np.tril(x * x, 1),
    "triu": lambda x: np.triu(np.outer(x, x), k=-1),
    "compress": lambda x: np.compress([True, False, True, False], x * x),
    "extract": lambda x: np.extract([True, False, True, True], x * x),
    "delete": lambda x: np.delete(x * x, 1),
    "partition": lambda x: np.partition(x * x, 2),
    "sort": lambda x: np.sort(x * x),
    "rollaxis": lambda x: np.rollaxis(np.reshape(x * x, (1, 2, 2)), 2),
    "apply_along_axis": lambda x: np.apply_along_axis(lambda r: r * r[0], 0, np.reshape(x, (2, 2))),
    "average": lambda x: np.average(x * x, weights=[0.1, 0.2, 0.3, 0.4]),
    "average by a box": lambda x: np.average(np.reshape(x, (2, 2)), axis=1, weights=x[:2] ** 2),
    "nanmax": lambda x: np.nanmax(np.array([x[0] * x[3], onp.nan, x[1]])),
    "nanvar": lambda x: np.nanvar(np.array([x[0], onp.nan, x[1], x[3]])),
    "nanstd": lambda x: np.nanstd(np.array([x[0], onp.nan, x[1], x[3]]), ddof=1),
    "nanprod": lambda x: np.nanprod(np.array([x[0], onp.nan, x[1]])),
    "nanmax where": lambda x: np.nanmax(x * x, where=[True, True, False, False], initial=0.1),
    "nanprod where": lambda x: np.nanprod(x * x, where=[True, True, False, True], initial=2.0),
    "nanvar where": lambda x: np.nanvar(
        np.array([x[0], onp.nan, x[1], x[3]]), where=[True, True, False, True], correction=1
    ),
    "nanvar of complex": lambda x: np.nanvar(np.array([x[0] * 1j, onp.nan, x[1], x[3] + 2j * x[2]])),
    "convolve by number": lambda x: np.convolve(x * x, x[:3], 1),
    "hstack converted": lambda x: np.hstack([x * x, onp.ones(1, "f4")], dtype=float, casting="unsafe"),
    "full_like of another shape": lambda x: np.full_like(x, x[0] * x[1], shape=(2,)),
    "interp of one point": lambda x: np.interp(x, [0.5], x[:1] ** 2, right=4.0),
    "singular values of one triangle": lambda x: np.linalg.svd(np.reshape(x, (2, 2)), compute_uv=False, hermitian=True),
    "pinv of one triangle": lambda x: np.linalg.pinv(np.reshape(x, (2, 2)), hermitian=True),
    "svd of one triangle": lambda x: np.linalg.svd(np.reshape(x, (2, 2)), hermitian=True)[2] ** 2,
    "quantile of integers": lambda x: np.quantile(onp.arange(5, dtype=onp.int8) * 7, np.abs(x) / 4),
    "ediff1d": lambda x: np.ediff1d(x * x, to_end=1.0),
    "convolve": lambda x: np.convolve(x * x, x[:3]),
    "convolve same": lambda x: np.convolve(x[:2], x * x, "same"),
    "convolve valid": lambda x: np.convolve(x * x, x[:2], "valid"),
    "cbrt": lambda x: np.cbrt(x),
    "polyval": lambda x: np.polyval(x, x[0]),
    "interp": lambda x: np.interp(x, [-1.0, 0.1, 2.0], x[:3] ** 2),
    "interp period": lambda x: np.interp(x, [0.15, 0.5, 0.9], [1.0, 2.0, 0.0], period=1.0),
    "split": lambda x: np.split(x * x, 2)[1],
    "array_split": lambda x: np.array_split(x * x, 3)[0],
    "real_if_close": lambda x: np.real_if_close(x * x + 0j),
    "astype": lambda x: np.astype(x * x, onp.float64),
    "cumsum": lambda x: np.cumsum(x * x),
    "einsum": lambda x: np.einsum("i,j->ij", x, [1.0, 2.0] * x[:2]),
    "pad": lambda x: np.pad(x * x, (1, 2), "constant"),
    "trapezoid of unequal steps": lambda x: np.trapezoid(np.outer(x, x), dx=x[1:] ** 2),
    "trapezoid of steps along an axis": lambda x: np.trapezoid(np.outer(x, x), dx=onp.ones((3, 4)) / 3, axis=0),
    "vecdot along an axis of each": lambda x: np.linalg.vecdot(
        np.stack([np.outer(x, x)] * 2), np.outer(x, x**2), axis=1
    ),
    "max from a value": lambda x: np.max(x[:0], initial=x[1] ** 2) + np.min(np.outer(x, x)[:, :0], 1, initial=2.0),
    "nanmax from a value": lambda x: np.nanmax(np.outer(x, x)[:0], axis=0, initial=3.0) * x,
    "axes in arrays": lambda x: (
        np.transpose(np.reshape(x, (1, 2, 2)), np.argsort([2, 0, 1])) * x[:2]
        + np.reshape(x, (2, 2, 1)).transpose(onp.array([1, 2, 0]))
    ),
    "shapes in arrays": lambda x: np.broadcast_to(np.reshape(x * x, onp.array([2, 2])), onp.array([3, 2, 2])),
    "roll by several shifts": lambda x: np.roll(x * x, (1, 2)) + np.roll(np.outer(x, x), [1, 3], 1)[0],
    "deviation from a box": lambda x: np.var(onp.array([1, 2, 4]), mean=x[:1]) + np.std(onp.arange(3), mean=x[:1]),
    "numbers beside a box": lambda x: np.broadcast_arrays(x, 0.1)[1] + np.atleast_1d(0.1, x)[0] * x,
    "grid of a number": lambda x: x[:, None] + np.meshgrid(0.1, x)[0] * x[0],
    "after an out that is None": lambda x: (
        np.sum(np.outer(x, x), 1, None, None, True) + np.std(np.outer(x, x), 0, None, None, 1, True)
    ),
    "nansum after an out that is None": lambda x: np.nansum(np.outer(x, x), 1, None, None, True),
    "after an out that is None, methods": lambda x: (
        np.outer(x, x).sum(1, None, None, True)
        + np.outer(x, x).max(0, None, True)
        + np.outer(x, x).var(1, None, None, 1, keepdims=True)
    ),
    "edges of a histogram": lambda x: np.histogram(x**3, 5)[1] ** 2,
    "copy in an order": lambda x: np.copy(np.outer(x, x), order="F") + np.copy(x, "C", True),
    "var": lambda x: np.var(x, ddof=1),
    "ptp": lambda x: np.ptp(x * x),
    "mean where": lambda x: np.mean(np.reshape(x * x, (2, 2)), 0, where=onp.array([[True, False], [True, True]])),
    "mean where a box": lambda x: np.mean(x * x, where=x > 0, keepdims=True),
    "var where": lambda x: np.var(x, ddof=1, where=[True, True, False, True]),
    "var of complex where": lambda x: np.var(x + 1j * x * x, where=[True, True, False, True]),
    "std where": lambda x: np.std(np.reshape(x * x, (2, 2)), axis=(0, 1), where=onp.array([True, False])),
    "var mean": lambda x: np.var(x, mean=x[:1] ** 2),
    "nanmean where": lambda x: np.nanmean(np.array([x[0], onp.nan, x[1]]), where=[True, True, False]),
    "nansum where": lambda x: np.nansum(x * x, where=[True, True, False, True], initial=2.0),
    "all where": lambda x: x * np.all(x > 0, where=[True, True, False, True]) + np.any(x < -1, where=x > 0),
    "outer of a ufunc": lambda x: np.subtract.outer(x * x, [1.0, 2.0]) + np.multiply.outer(x, x[:2]),
    "angle in degrees": lambda x: np.angle(x + 2j, deg=True),
    "inv by name": lambda x: np.linalg.inv(a=np.reshape(x, (2, 2))),
    "isclose by name": lambda x: np.isclose(a=x, b=x) * x,
    "kron by name": lambda x: np.kron(x, b=x[:2]),
    "repeat by name": lambda x: np.repeat(a=x * x, repeats=2),
    "round by name": lambda x: np.round(a=x) * x,
    "hsplit by name": lambda x: np.hsplit(ary=x * x, indices_or_sections=2)[1],
    "vstack by name": lambda x: np.vstack(tup=(x * x, [1.0, 2.0, 3.0, 4.0])),
    "fft by name": lambda x: np.real(np.fft.fft(a=np.reshape(x * x, (2, 2)), axis=0)),
    "dot without out": lambda x: np.dot(x, x * x, out=None),
    "numpy's own by name": lambda x: onp.linalg.inv(a=onp.expand_dims(a=x[:1], axis=0)) + onp.vstack(tup=(x, x)),
    "linalg.norm": lambda x: np.linalg.norm(x),
    "linalg.trace": lambda x: np.linalg.trace(np.outer(x, x)),
    "linalg.matrix_transpose": lambda x: np.linalg.matrix_transpose(np.outer(x, x**2)),
    "fft": lambda x: np.abs(np.fft.fft(x)) ** 2,
    "imag": lambda x: np.imag(x) + np.imag(np.exp(1j * x)),
    "methods": lambda x: x.reshape(2, 2).T.sum(axis=0).max() * x.mean() + x.size,
}


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if hasattr(onp, "matvec") or name != "pad chosen axes"])
def test_functions_on_boxes_are_numpys(name):
    derivatives_agree(FUNCTIONS[name], V)


@pytest.mark.parametrize("f", [np.mean, np.var, np.std, np.sum])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_reductions_of_chosen_elements_keep_the_dtype(f, dtype):
    x, chosen = onp.arange(6, dtype=dtype).reshape(2, 3), onp.array([True, False, True])
    seen = []
    slope = func.grad(lambda x: seen.append(getval(f(x, axis=1, where=chosen))) or np.sum(x))(x)
    assert seen[0].dtype == slope.dtype == dtype
    onp.testing.assert_allclose(seen[0], f(x, axis=1, where=chosen), rtol=1e-3)


@pytest.mark.parametrize(
    ("f", "data"),
    [
        (lambda x: np.nanvar(x, axis=1, ddof=1), [[1, 2, onp.nan], [onp.nan, 4, onp.nan]]),
        (lambda x: np.nanstd(x), [1, 3, onp.nan]), (lambda x: np.nanmin(x, initial=0.5), [onp.nan, onp.nan]),
        (lambda x: np.ediff1d(x, to_begin=onp.ones(1, "f2")), [1, 3]), (lambda x: np.linalg.svd(
            x, hermitian=True)[0] ** 2, [[1, 2], [2, 5]]),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Degrees of freedom")
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_values_and_dtypes_of_boxes_are_numpys(f, data, dtype):
    if dtype == "float16" and onp.ndim(data) == 2 and not onp.isnan(data).any():
        dtype = "float64"
    x, seen = onp.array(data, dtype), []
    func.grad(lambda x: seen.append(getval(f(x))) or np.sum(x))(x)
    onp.testing.assert_allclose(seen[0], f(x), rtol=1e-3, strict=True)


@pytest.mark.parametrize("f", [np.add, np.arctan2, np.maximum, np.power, np.fmod])
@pytest.mark.parametrize(
    "other", [onp.ones(2, "i4"), onp.int64(2), onp.float64(2), onp.ones(2), onp.ones(2, "i2"), 2, 2.0, True]
)
def test_functions_of_two_arrays_promote_as_numpy_does(f, other):
    x, seen = onp.array([1.5, 2.5], "f4"), []
    func.grad(lambda x: seen.extend([getval(f(x, other)), getval(f(other, x))]) or np.sum(x))(x)
    onp.testing.assert_allclose(seen[0], f(x, other), rtol=1e-6, strict=True)
    onp.testing.assert_allclose(seen[1], f(other, x), rtol=1e-6, strict=True)


@pytest.mark.filterwarnings("ignore:Degrees of freedom")
@pytest.mark.parametrize("f", [np.nanstd, lambda x, axis: np.std(x, axis, where=~onp.isnan(getval(x)))])
def test_the_deviation_of_equal_elements_has_the_gradient_0(f):
    x = onp.array([[2.0, 2.0, onp.nan], [3.0, onp.nan, 5.0]])
    slope = func.grad(lambda x: np.sum(f(x, axis=1)))(x)
    onp.testing.assert_array_equal(slope, [[0, 0, 0], [-0.5, 0, 0.5]])


@pytest.mark.parametrize("mode", [-1, 3, "odd", None])
def test_convolve_knows_no_other_modes(mode):
    for call in (np.convolve, lambda *args: func.grad(lambda x: np.sum(np.convolve(x, *args[1:])))(args[0])):
        with pytest.raises((TypeError, ValueError)):
            call(onp.ones(4), onp.ones(2), mode)


@pytest.mark.parametrize("call", [np.vstack, lambda: np.linalg.inv(b=X), lambda: np.vstack(rows=[X])])
def test_arguments_that_numpy_does_not_have_are_refused(call):
    with pytest.raises(TypeError, match="argument"):
        call()


@pytest.mark.parametrize("triangle", ["L", "U"])
@pytest.mark.parametrize(
    "f", [lambda a, uplo: np.linalg.eigvalsh(a, uplo), lambda a, uplo: np.linalg.eigh(a, uplo)[1] ** 2]
)
def test_eigenvalues_depend_on_the_triangle_that_numpy_reads(f, triangle):
    derivatives_agree(lambda a: f(a, triangle), S)


def test_sizes_of_boxes_along_several_axes():
    """Which NumPy tells of arrays since 2.4."""
    seen = []

    def function(x):
        seen.extend([np.size(np.outer(x, x)[:2], (0, -1)), np.size(x, ()), np.size(x, 0)])
        return np.sum(x)

    autograd.grad(function)(onp.ones(4))
    assert seen == [8, 1, 4]


@pytest.mark.parametrize("index", [
    (1, slice(None), [0, 2]), (0, [1, 0], None), ([0, 1], 1), (Ellipsis, 0), (-1, 1), (Ellipsis, [0, 1], [0, 2]),
    (slice(None), [0, 1, 0], Ellipsis, [0, 2, 1]), (slice(None), None, 1, Ellipsis, [[0, 2]]), (0, Ellipsis, [1], [2]),
    (slice(None), onp.array(1), None, [0, 2]), ([0, 1], True, 1), (True, [0, 1]),
    (1, slice(None), (0, 2)), (0, slice(None), range(1, 3)), (1, slice(None), True), ((0, 1),),
])  # fmt: skip
def test_indices_mean_what_they_mean_to_numpy(index):
    x = onp.arange(12.0).reshape(2, 2, 3)
    seen = []

    def f(x):
        seen.append(x[index])
        return np.sum(x[index] ** 2)

    expected = onp.zeros_like(x)
    expected[index] = 2 * x[index]
    onp.testing.assert_array_equal(autograd.grad(f)(x), expected)
    onp.testing.assert_array_equal(getval(seen[0]), x[index])


def test_the_slope_of_the_cube_root_is_infinite_at_0():
    onp.testing.assert_array_equal(autograd.elementwise_grad(np.cbrt)(onp.array([0.0, -0.0, 8.0, -8.0]))[:2], onp.inf)


def test_nanprod_computes_in_the_dtype_asked_for():
    dtypes = []

    def product(x):
        out = np.nanprod(x, dtype=onp.float64)
        dtypes.append(out.dtype)
        return out

    g = func.grad(product)(onp.array([2.0, onp.nan, 3.0], onp.float32))
    assert dtypes == [onp.float64]
    onp.testing.assert_array_equal(g, onp.array([3.0, 0.0, 2.0], onp.float32))


def test_plain_arrays_stay_numpys():
    for name in ("tanh", "sum", "concatenate", "dot", "array", "where", "arange", "linspace", "einsum"):
        assert name in dir(np)
    assert np.pi == onp.pi
    assert np.float64 is onp.float64
    assert np.sum(onp.arange(3, dtype=onp.int8)).dtype == onp.sum(onp.arange(3, dtype=onp.int8)).dtype
    assert np.tanh([0.5, 1.0]).dtype == onp.float64
    assert type(np.tanh(0.5)) is onp.float64
    assert np.add.reduce(X, axis=0).tolist() == onp.add.reduce(X, axis=0).tolist()
    assert np.concatenate([[1], [2]]).dtype == onp.int64
    assert type(np.array([1.0, 2.0])) is onp.ndarray
    out = onp.zeros(4)
    assert np.exp(V, out=out) is out
    assert np.where(x=1, y=2, condition=[True, False]).tolist() == [1, 2]
    assert np.where([False, True])[0].tolist() == [1]
    with pytest.raises(ValueError, match="both or neither"):
        np.where([False, True], 1)
    D = onp.arange(6.0).reshape(2, 3)
    assert type(np.make_diagonal(D)) is onp.ndarray
    assert onp.diagonal(np.make_diagonal(D, 1, 2, 0), 1, 2, 0).tolist() == D.tolist()
    assert np.random.RandomState(0).rand() == onp.random.RandomState(0).rand()
    assert np.linalg.inv(S).tolist() == onp.linalg.inv(S).tolist()


def test_tensors_stay_tensors():
    t = autograd.tensor([1.0, 2.0], requires_grad=True)
    for y in (np.tanh(t), np.add(t, 1), np.sum(t), np.concatenate([t, t]), np.stack([t, t]), np.sum([t, t])):
        assert type(y) is autograd.Tensor
        assert y.requires_grad


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: np.result_type(x), onp.float64),
        (lambda x: np.isscalar(x), False),
        (lambda x: np.iscomplex(x).any(), False),
        (lambda x: np.digitize(x, [0.0, 1.0]).tolist(), [1, 2, 0, 2]),
        (lambda x: np.argpartition(x, 1)[0], 2),
        (lambda x: bool(np.array_equiv(x, x)), True),
        (lambda x: np.shape(x), (4,)),
        (lambda x: np.nanargmax(x), 3),
        (lambda x: type(x > 0), onp.ndarray),
        (lambda x: np.int64(x).tolist(), [0, 1, 0, 2]),
        (lambda x: onp.asarray(x, bool).all(), True),
        (lambda x: type(np.floor(x) // 1 == 1), onp.ndarray),
    ],
)
def test_what_has_no_derivative_is_an_array(f, expected):
    seen = []

    def look(x):
        seen.append(f(x))
        return np.sum(x)

    autograd.grad(look)(V)
    assert seen[0] == expected


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (np.unwrap, NotDifferentiableError, "numpy.unwrap has no differentiable op"),
        (lambda x: onp.exp(x) + np.spacing(x), NotDifferentiableError, "numpy.spacing"),
        (lambda x: float(x[0]), GradientError, r"float\(\) of a value that is being differentiated"),
        (lambda x: onp.array([x[0], 1.0]), GradientError, r"make that of autograd\.numpy\.array"),
        (lambda x: onp.asarray(x, onp.float32), GradientError, "not turned into an array silently"),
        (lambda x: np.lookup(x), AttributeError, "has no attribute 'lookup'"),
        (lambda x: np.array([x, x[:2]]), ValueError, "shape"),
    ],
)
def test_errors_say_what_to_do(f, error, message):
    with pytest.raises(error, match=message):
        autograd.grad(lambda x: np.sum(f(x)))(V)


def test_derivatives_of_complex_functions_are_those_of_numpys_users():
    z = onp.array([1.0 + 2.0j, -0.5j])
    onp.testing.assert_allclose(autograd.grad(lambda z: np.sum(np.real(z * np.conj(z))))(z), 2 * onp.conj(z))
    assert autograd.holomorphic_grad(np.exp)(z[0]) == pytest.approx(onp.exp(z[0]))


def test_numpy_vjps_helps_rules():
    from autograd.numpy.numpy_vjps import match_complex, repeat_to_match_shape, unbroadcast, unbroadcast_f

    assert unbroadcast_f(onp.ones((1, 3)), lambda g: 2 * g)(X).tolist() == onp.sum(2 * X, 0, keepdims=True).tolist()
    assert unbroadcast(X, ((3,), 1, X.dtype, False)).shape == (3,)
    repeated, count = repeat_to_match_shape(onp.array([1.0, 2.0]), (2, 3), X.dtype, 1, False)
    assert (repeated.shape, count, repeated[1, 2]) == ((2, 3), 3, 2.0)
    assert match_complex(X, X + 1j).dtype == X.dtype
    assert match_complex(1j, X).dtype == onp.complex128
    assert repeat_to_match_shape(3.0, (), X.dtype, None, False) == (3.0, 1)


def test_editors_see_numpys_names():
    stub = Path(np.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    assert "from numpy import *" in stub
    assert {"sum", "float64", "pi", "linalg"} <= {*dir(np)}
    assert {"inv", "trace"} <= {*dir(np.linalg)}
    assert "fft" in dir(np.fft)
    assert "RandomState" in dir(np.random)


def test_import_of_autograd_loads_none_of_it():
    code = (
        "import sys, autograd; "
        "print([m for m in ('numpy', 'scipy', 'misc', 'extend', 'differential_operators', 'func')"
        " if 'autograd.' + m in sys.modules]); "
        "import autograd.numpy, autograd.scipy; print('scipy' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split("\n")[:2] == ["[]", "False"]


def test_a_box_shows_its_value():
    seen = []
    func.grad(lambda x: seen.append(x._value) or np.sum(x))(V)
    assert type(seen[0]) is onp.ndarray
    onp.testing.assert_array_equal(seen[0], V)


def test_boxes_are_named_as_in_hips():
    from autograd.numpy.numpy_boxes import ArrayBox as named

    assert named is ArrayBox


def test_arrays_keep_class_and_get_the_layout_asked_for():
    record = onp.rec.array([(1.0, 2)])
    assert np.asanyarray(record) is record
    assert np.ascontiguousarray(onp.ones((2, 3)).T).flags.c_contiguous
    assert np.asfortranarray(onp.ones((2, 3))).flags.f_contiguous


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: np.pad(x, 1, "mean"), NotDifferentiableError, "numpy.pad: there is no derivative for mode='mean'"),
        (lambda x: np.pad(x, 1, "reflect", reflect_type="odd"), NotDifferentiableError, "'reflect_type': 'odd'"),
        (lambda x: np.histogram(x, density=True)[0], NotDifferentiableError, "histogram: .* with respect to 'a'"),
        (lambda x: np.histogram(V, bins=np.sort(x))[1], NotDifferentiableError, "histogram: .* with respect to 'bins'"),
        (lambda x: np.cos(x, onp.zeros(4)), NotDifferentiableError, "numpy.cos: .* cannot be written into an array"),
        (lambda x: np.interp(x, [0.0, 1.0], x), ValueError, r"as many values as places, got shapes \(4,\) and \(2,\)"),
        (lambda x: np.vecdot(x, x[:1]), ValueError, r"vectors of \(4,\) and \(1,\) elements"),
        (lambda x: np.average(np.outer(x, x), weights=x), ValueError, r"weights have shape \(4,\) .* give the axis"),
    ],
)
def test_what_an_argument_of_numpy_means_on_boxes(call, error, message):
    with pytest.raises(error, match=message):
        func.grad(lambda x: np.sum(call(x)))(V)


NEWER = {
    "cumulative_sum": lambda x: np.cumulative_sum(x * x, include_initial=True),
    "cumulative_prod": lambda x: np.cumulative_prod(np.reshape(x, (2, 2)), axis=-1, include_initial=True),
    "matvec": lambda x: np.matvec(np.reshape(x, (2, 2)), x[:2]) + onp.matvec(np.ones((3, 4, 2)), x[1:3])[0, :2],
    "vecmat": lambda x: np.vecmat(x[:2], np.reshape(x, (2, 2))),
    "unstack": lambda x: np.unstack(np.reshape(x * x, (2, 2)), axis=1)[1],
}


@pytest.mark.parametrize("name", [name for name in NEWER if hasattr(onp, name)])
def test_functions_that_came_with_numpy_2_1_or_later(name):
    derivatives_agree(NEWER[name], V)


@pytest.mark.skipif(not hasattr(onp, "vecmat"), reason="NumPy 2.2 has it")
def test_vectors_before_matrices_are_conjugated():
    z, matrix = onp.array([1 + 2j, 3 - 1j]), onp.array([[1j, 2], [3, 4 - 1j]])
    found = np.vecmat(autograd.from_numpy(z), autograd.from_numpy(matrix))
    onp.testing.assert_allclose(found, onp.vecmat(z, matrix))


@pytest.mark.skipif(not hasattr(onp, "cumulative_sum"), reason="NumPy 2.1 has it")
def test_cumulative_sums_of_a_matrix_need_an_axis():
    with pytest.raises(ValueError, match=r"give the axis along which to add up an array of shape \(2, 3\)"):
        func.grad(lambda x: np.sum(np.cumulative_sum(x)))(X)
