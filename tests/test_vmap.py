"""``func.vmap``: dims, randomness, chunks, errors; derivatives through it and inside of it; the batched array."""

from __future__ import annotations

import gc
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
import autograd.numpy as anp
import nn
import nn.functional as F
from autograd import func, tensor
from autograd.errors import BatchingError, FreedGraphError, GradientError, MutationError
from autograd.func import batching, vmap
from autograd.scipy.signal import convolve
from autograd.scipy.special import logsumexp
from autograd.scipy.stats import beta, multivariate_normal, norm

RNG = np.random.default_rng(5)


def draw(*shape: int, grad: bool = False) -> Any:
    made = autograd.from_numpy(RNG.standard_normal(shape))
    return made.requires_grad_() if grad else made


def same(found: Any, expected: Any) -> None:
    found, expected = (np.asarray(x.detach().numpy() if hasattr(x, "detach") else x) for x in (found, expected))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)


def looped(function: Callable[..., Any], *args: Any) -> Any:
    return autograd.stack([function(*[arg[i] for arg in args]) for i in range(len(args[0]))])


def slope(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The gradient of a function of one Tensor, itself differentiable."""

    def gradient(x: Any) -> Any:
        x = x * 1 if x.requires_grad else x.detach().requires_grad_()
        return autograd.grad(function(x), x, create_graph=True)[0]

    return gradient


# ---- dims ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_dim", [0, 1, 2, -1, -3])
@pytest.mark.parametrize("out_dim", [0, 1, -1])
def test_dims(in_dim: int, out_dim: int) -> None:
    x = draw(3, 4, 5)
    found = vmap(lambda row: row.cumsum(0) * row[0], in_dim, out_dim)(x)
    rows = np.moveaxis(x.numpy(), in_dim, 0)
    same(found, np.moveaxis(np.stack([np.cumsum(row, 0) * row[0] for row in rows]), 0, out_dim))


def test_nested_arguments_and_results() -> None:
    pair = namedtuple("pair", "first second")
    batch = {"x": draw(4, 3), "y": [draw(3, 4), draw(3)]}

    def function(batch: Any, factor: float) -> Any:
        total = batch["x"] + batch["y"][0] * factor
        return pair(total, {"none": None, "sum": total.sum()}), batch["y"][1]

    dims = ({"x": 0, "y": [1, None]}, None)
    found, kept = vmap(function, dims, (pair(1, {"none": None, "sum": 0}), None))(batch, 2.0)
    total = batch["x"].numpy() + 2 * batch["y"][0].numpy().T
    assert type(found) is pair
    same(found.first, total.T)
    same(found.second["sum"], total.sum(1))
    assert found.second["none"] is None
    same(kept, batch["y"][1])


def test_what_is_the_same_for_all_is_repeated() -> None:
    same(vmap(lambda x: autograd.ones(2))(draw(3, 1)), np.ones((3, 2)))
    same(vmap(lambda x: x * 2, chunk_size=2, out_dims=1)(tensor([[1.0], [2.0], [3.0]])), [[2.0, 4.0, 6.0]])


def test_keyword_arguments_are_passed_on() -> None:
    same(vmap(lambda x, *, y: x * y)(tensor([1.0, 2.0]), y=tensor([3.0, 4.0])), [[3, 4], [6, 8]])


def test_no_example_at_all() -> None:
    assert vmap(lambda x: F.conv1d(x, autograd.ones(2, 1, 3)).sum(0))(autograd.ones(0, 1, 5)).shape == (0, 3)


@pytest.mark.parametrize(("in_dims", "out_dims", "args", "message"), [
    (2, 0, (draw(2, 3),), "argument 0, of shape .* has 2 dimensions, but the dim given for it is 2"),
    ((0, 0), 0, (draw(2, 3),), "has 2 items, but the function was called with 1"),
    ("0", 0, (draw(2, 3),), "in_dims must be an int, or a tuple"),
    (([0],), 0, (draw(2, 3),), "another structure than the arguments"),
    ((None,), 0, (draw(2, 3),), "none of the arguments is mapped over"),
    (0, 0, (2.0,), "not a Tensor or array but float"),
    (0, 0, (), "without arguments"),
    (0, None, (draw(2, 3),), "out_dims is None for a result that differs"),
    (0, ("lol",), (draw(2, 3),), "another structure than what the function returned"),
    (0, [0.5], (draw(2, 3),), "another structure than what the function returned"),
    (0, 2, (draw(2),), "has 1 dimensions, but the dim given for it is 2"),
    (0, (0, 0), (draw(2),), "another structure than what the function returned"),
])  # fmt: skip
def test_misfits(in_dims: Any, out_dims: Any, args: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        vmap(lambda x=None: x, in_dims, out_dims)(*args)


def test_misfits_of_sizes_results_and_settings() -> None:
    with pytest.raises(ValueError, match=r"same number of examples everywhere, got 2 \(argument 0\), 3 \(argument 1\)"):
        vmap(autograd.add)(draw(2), draw(3))
    with pytest.raises(ValueError, match="must return Tensors or arrays, got float"):
        vmap(lambda x: 1.0)(draw(2))
    with pytest.raises(ValueError, match="randomness is one of"):
        vmap(autograd.sin, randomness="any")
    with pytest.raises(ValueError, match="chunk_size must be None or a positive int, got 0"):
        vmap(autograd.sin, chunk_size=0)
    with pytest.raises(TypeError, match="expected a function to map"):
        vmap(3)  # type: ignore[arg-type]


# ---- one example, seen from inside -----------------------------------------------------------------------------------


def test_a_batched_tensor_looks_like_one_example() -> None:
    seen: list[Any] = []

    def function(x: Any) -> Any:
        seen.extend([x.shape, x.size(0), x.ndim, len(x), x.numel(), [part.shape for part in x], repr(x)])
        return autograd.stack([part * 2 for part in x])

    x = draw(4, 2, 3)
    same(vmap(function)(x), 2 * x.numpy())
    assert seen[:-1] == [(2, 3), 2, 2, 2, 6, [(3,), (3,)]]
    assert "BatchedArray(shape=(2, 3), dtype=float64, examples=4" in seen[-1]


@pytest.mark.parametrize(("index", "shape"), [
    (lambda i: i, (4, 3)),
    (lambda i: (slice(None), i), (2, 4, 3)),
    (lambda i: (i, slice(1, 3), i), (4, 3, 4)),
    (lambda i: (None, i[0], ...), (4, 3)),
    (lambda i: (slice(None), i, i), (2, 4, 4)),
    (lambda i: (0, slice(None), i), (2, 3, 4)),
    (lambda i: i.reshape(1, 3), (4, 2)),
])  # fmt: skip
def test_batched_indices(index: Callable[[Any], Any], shape: tuple[int, ...]) -> None:
    places = autograd.from_numpy(RNG.integers(-2, 4, (5, 3)) % 4)
    x, one = draw(5, *shape, grad=True), draw(*shape, grad=True)
    found = vmap(lambda x, i: x[index(i)])(x, places)
    expected = looped(lambda x, i: x[index(i)], x, places)
    same(found, expected)
    same(*[autograd.grad((out**2).sum(), x)[0] for out in (found, expected)])
    found = vmap(lambda i: one[index(i)])(places)
    expected = looped(lambda i: one[index(i)], places)
    same(found, expected)
    same(*[autograd.grad((out**2).sum(), one)[0] for out in (found, expected)])


def test_writing_at_batched_indices_keeps_the_last_and_its_gradient() -> None:
    places = tensor([[0, 1, 0], [2, 2, 2]])
    x, values = draw(2, 4, grad=True), draw(2, 3, grad=True)

    def function(x: Any, values: Any, i: Any) -> Any:
        x = x.clone()
        x[i] = values * 2
        x[1:2] += 1
        return x * x

    found, expected = vmap(function)(x, values, places), looped(function, x, values, places)
    same(found, expected)
    for a, b in zip(autograd.grad(found.sum(), (x, values)), autograd.grad(expected.sum(), (x, values)), strict=True):
        same(a, b)


@pytest.mark.parametrize(("index", "shape"), [
    (lambda i: (i, slice(None), [0, 2]), (3, 2, 3)),  # a number of each example beside an array
    (lambda i: (slice(1), i, True), (2, 3)),
    (lambda i: ([0, 1, 0], None, i, [0, 1, 1]), (2, 3, 2)),
    (lambda i: (np.array([True, False, True]), i), (3, 3)),
    (lambda i: (slice(None), [0, 1, 1], ..., [0, 2, 1]), (4, 2, 3)),  # an Ellipsis for nothing
    (lambda i: (slice(None), np.array([0, 1, 1]), ..., i.reshape(1)), (4, 2, 3)),
    (lambda i: (slice(None), ..., i), (2, 3)),
    (lambda i: ([], i), (2, 3)),
    (lambda i: [], (2, 3)),
])  # fmt: skip
@pytest.mark.parametrize("batched", [True, False])
def test_what_is_written_at_an_index(index: Callable[[Any], Any], shape: tuple[int, ...], batched: bool) -> None:
    places = tensor([1, 0, 2, 1, -1])
    x = draw(5, *shape, grad=True)
    values = draw(5, 2, *x[0][index(tensor(0))].shape, grad=True) if batched else draw(grad=True)

    def function(x: Any, i: Any, values: Any) -> Any:
        x = x * 1
        x[index(i)] = values[0] if batched else values
        if batched:
            x[index(i)] += values[1]
        return x * x

    given = values if batched else values.expand(5)
    found, expected = (m(function)(x, places, given) for m in (vmap, lambda f: lambda *args: looped(f, *args)))
    same(found, expected)
    weights = draw(*found.shape)
    gradients = [autograd.grad((out * weights).sum(), (x, values)) for out in (found, expected)]
    for a, b in zip(*gradients, strict=True):
        same(a, b)


@pytest.mark.parametrize("write", [
    lambda x, v: x[0].add_(v),
    lambda x, v: x.diagonal().copy_(v.expand(2)),
    lambda x, v: x.t()[1:].mul_(v),
    lambda x, v: x.transpose_(0, 1).mul_(v),
    lambda x, v: (x[0, 1].mul_(v), x.sum(0))[1],
])  # fmt: skip
def test_a_view_of_what_was_written_is_returned(write: Callable[..., Any]) -> None:
    x, values = draw(4, 2, 3, grad=True), draw(4, grad=True)
    found, expected = (m(lambda x, v: write(x * 2, v))(x, values) for m in (vmap, lambda f: lambda *a: looped(f, *a)))
    same(found, expected)
    for a, b in zip(*[autograd.grad((out**2).sum(), (x, values)) for out in (found, expected)], strict=True):
        same(a, b)


@pytest.mark.parametrize("index", [lambda x: x > 0, lambda x: x.sum(1) > 0, lambda x: (x > 0.5,)])
def test_a_number_written_at_a_mask_of_each_example_has_a_gradient(index: Callable[[Any], Any]) -> None:
    x, values = draw(4, 3, 2, grad=True), draw(4, grad=True)

    def function(x: Any, v: Any) -> Any:
        y = x * 2
        y[index(y)] = v
        return y * y

    found, expected = vmap(function)(x, values), looped(function, x, values)
    same(found, expected)
    for a, b in zip(*[autograd.grad((out**2).sum(), (x, values)) for out in (found, expected)], strict=True):
        same(a, b)


def test_an_ellipsis_for_nothing_keeps_arrays_apart_only_in_numpy() -> None:
    x, i = RNG.standard_normal((3, 4, 2, 5)), np.array([[0, 1], [1, 1], [1, 0]])
    expected = np.stack([row[:, j, ..., [0, 3]] for row, j in zip(x, i, strict=True)])
    assert expected.shape == (3, 2, 4)
    same(vmap(lambda x, i: x[:, i, ..., np.array([0, 3])])(x, i), expected)
    given = autograd.from_numpy(x), autograd.from_numpy(i)
    same(vmap(lambda x, i: x[:, i, ..., [0, 3]])(*given), expected.swapaxes(1, 2))


def test_values_are_added_at_numbers_of_no_dimension() -> None:
    x, values, places = draw(3, 2, 3), draw(3), tensor([1, 0, 1])

    def function(x: Any, value: Any, i: Any) -> Any:
        return autograd.index_put(x, (np.array([1]), i), value, accumulate=True)

    same(vmap(function)(x, values, places), looped(function, x, values, places))
    expected = x.clone()
    expected[:, 1, 2] += values
    same(vmap(lambda x, v: x.index_put((tensor(1), tensor(2)), v, accumulate=True))(x, values), expected)


@pytest.mark.parametrize("shape", [(3,), (3, 2), (0, 2), (1, 3, 2)])
def test_values_of_more_dimensions_than_their_place(shape: tuple[int, ...]) -> None:
    """A value that all share may look as if it had the examples' dimension."""

    def write(x: Any, value: Any) -> Any:
        x = x.clone()
        x[1] = value
        return x

    for dims, given in ((0, None), shape), ((0, 0), (3, *shape)):
        with pytest.raises(ValueError, match=r"does not broadcast to the place x\[index\] of shape \(2,\)"):
            vmap(write, in_dims=dims)(draw(3, 4, 2), draw(*given))
    same(vmap(write, in_dims=(0, None))(draw(3, 4, 2), draw(1, 1, 2) * 0)[:, 1], np.zeros((3, 2)))


def test_functions_of_numpy_on_arrays() -> None:
    a, b = RNG.standard_normal((4, 2, 3)), RNG.standard_normal(3)
    found = vmap(lambda a, b: np.concatenate([(a @ b) / a.max(axis=-1), a.T.reshape(-1)[::2]]), (0, None))(a, b)
    assert type(found) is np.ndarray
    same(found, np.stack([np.concatenate([(x @ b) / x.max(-1), x.T.reshape(-1)[::2]]) for x in a]))
    same(vmap(lambda a: np.interp(a[0], b[:2], b[1:]))(a), np.stack([np.interp(x[0], b[:2], b[1:]) for x in a]))
    same(
        vmap(lambda a: np.linalg.norm(a) + np.einsum("ij,ij", a, a))(a), [np.linalg.norm(x) + (x * x).sum() for x in a]
    )


@pytest.mark.parametrize(
    "make", [autograd.zeros_like, autograd.ones_like, lambda x: autograd.full_like(x, 3.0), autograd.empty_like]
)
def test_tensors_like_a_batched_array(make: Callable[[Any], Any]) -> None:
    x = RNG.standard_normal((3, 4))
    found = vmap(lambda row: make(row).mul_(0) + row + make(row).mul_(0).dtype.itemsize)(x)
    same(found, x + 8)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: anp.array([x[0], 1.0, [x[1], x[2]][1]]),
        lambda x: anp.asarray([[x, x * x]]),
        lambda x: anp.r_[x, 1.0],
        lambda x: anp.c_[x, x * x],
        lambda x: anp.block([[x, x], [x, x * x]]),
        lambda x: anp.interp(x, [-1.0, 0.1, 2.0], [0.5, 0.25, 3.0]),
        logsumexp,
        lambda x: norm.logpdf(x, 0.1, 1 + x * x),
        lambda x: beta.logpdf(np.tanh(x * x), 2.0, 3.0),
        lambda x: multivariate_normal.logpdf(x, np.zeros(4), cov=np.diag(np.arange(1.0, 5.0))),
        lambda x: convolve(x, np.ones(2)),
        lambda x: np.subtract.outer(x, [1.0, 2.0]) + np.multiply.outer(x, x[:2]),
        lambda x: np.subtract.outer([1.0, 2.0], x),
        lambda x: np.hsplit(x, indices_or_sections=2)[1],
        lambda x: np.mean(x * x, where=[True, False, True, True]) + np.var(x, where=[True, True, False, True]),
    ],
)
def test_functions_of_autograd_numpy_and_scipy_on_arrays(function: Callable[[Any], Any]) -> None:
    x = RNG.standard_normal((3, 4))
    for mapped in (function, func.grad(lambda row: np.sum(np.sin(function(row))))):
        found = vmap(mapped)(x)
        assert type(found) is np.ndarray
        same(found, np.stack([mapped(row) for row in x]))


def test_numpy_in_place() -> None:
    def function(x: Any) -> Any:
        out = np.zeros_like(x)
        np.multiply(x, 2, out=out)
        out[0] += x[1]
        out[out > 2] = 0.5
        return out

    x = np.array([[1.0, 2.0], [0.25, 0.5]])
    same(vmap(function)(x), [[0.5, 0.5], [1.0, 1.0]])


# ---- what cannot be done for a batch ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("function", "message"), [
    (lambda x: x if x.sum() > 0 else -x, "asks a batched tensor for its value.*where"),
    (lambda x: x * x.sum().item(), "asks a batched tensor for its value"),
    (lambda x: x * float(x[0]), "asks a batched tensor for its value"),
    (lambda x: x.tolist(), "asks a batched tensor for its value"),
    (lambda x: np.asarray(x), "cannot be turned into one np.ndarray"),
    (lambda x: x[x > 0], "a mask that differs between examples, has a shape that depends on values"),
    (lambda x: autograd.nonzero(x), "numpy.nonzero has a shape that depends on values"),
    (lambda x: autograd.unique(x), "unique has a shape that depends on values"),
    (lambda x: x + autograd.rand(3), "draws random numbers.*randomness='different'"),
    (lambda x: F.dropout(x), "draws random numbers"),
])  # fmt: skip
def test_refused(function: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(BatchingError, match=message):
        vmap(function)(draw(2, 3))


@pytest.mark.parametrize("write", [
    lambda target, x: target.add_(x),
    lambda target, x: target.copy_(x),
    lambda target, x: target.__setitem__(0, x[0]),
    lambda target, x: target.__setitem__(x.argmax(), 1.0),
    lambda target, x: np.add(x, 1, out=target),
])  # fmt: skip
def test_batched_values_are_not_written_into_what_all_share(write: Callable[..., Any]) -> None:
    target = autograd.zeros(3, dtype=autograd.float64)
    with pytest.raises(BatchingError, match=r"cannot be written in place into an array of shape \(3,\) that is not"):
        vmap(lambda x: write(target, x))(draw(2, 3))
    same(target, np.zeros(3))
    with pytest.raises(BatchingError, match=r"cannot be written in place into an array of shape \(\) that is not"):
        vmap(lambda x: autograd.tensor(0.0).add_(x))(draw(2))


def test_errors_speak_of_one_example() -> None:
    with pytest.raises(ValueError, match=r"matmul\(x=float64\[3\], y=float64\[4\]\)"):
        vmap(lambda x: x @ draw(4))(draw(2, 3))
    for index, message in [(3, "axis 0 with size 3"), (([0],) * 2, "too many"), ((..., ...), "single ellipsis")]:
        with pytest.raises(IndexError, match=message):
            vmap(lambda x, index=index: x.clone().__setitem__(index, 1.0))(draw(2, 3))
        with pytest.raises(IndexError, match=message):
            vmap(lambda x, index=index: x[index])(draw(2, 3).numpy())


@pytest.mark.parametrize("use", [lambda x: x + 1, lambda x: x.sum(), lambda x: x[0], lambda x: x.clone()])
def test_a_tensor_that_escaped(use: Callable[[Any], Any]) -> None:
    kept: list[Any] = []
    vmap(lambda x: (kept.append(x), x)[1])(draw(2, 3))
    assert kept[0].shape == (3,)
    with pytest.raises(BatchingError, match="used after the function that vmap mapped has ended"):
        use(kept[0])


def test_nothing_stays_open_after_an_error() -> None:
    def fail(x: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        vmap(fail)(draw(2))
    assert autograd.rand(2).shape == (2,)


# ---- random numbers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [
    lambda x: x + autograd.rand(3), lambda x: x + autograd.randn(3), lambda x: F.dropout(x),
    lambda x: autograd.randperm(9), lambda x: autograd.bernoulli(x.sigmoid()), lambda x: x.clone().normal_(),
    lambda x: autograd.multinomial(x.exp(), 2),
    lambda x: autograd.normal(x, 1.0), lambda x: autograd.randint(0, 99, (4,)), lambda x: autograd.rand_like(x),
])  # fmt: skip
@pytest.mark.parametrize("chunk_size", [None, 4])
def test_randomness(function: Callable[[Any], Any], chunk_size: int | None) -> None:
    x = autograd.ones(8, 3, dtype=autograd.float64)
    autograd.manual_seed(0)
    rows = vmap(function, randomness="same", chunk_size=chunk_size)(x).numpy()
    assert (rows == rows[0]).all()
    rows = vmap(function, randomness="different", chunk_size=chunk_size)(x).numpy()
    assert len({row.tobytes() for row in rows}) > 2


@pytest.mark.parametrize("dim", [0, -1])
def test_hard_choices_at_random(dim: int) -> None:
    logits = autograd.zeros(50, 4, 3, dtype=autograd.float64)
    autograd.manual_seed(0)
    chosen = vmap(lambda x: F.gumbel_softmax(x, hard=True, dim=dim), randomness="different")(logits).numpy()
    np.testing.assert_array_equal(np.unique(chosen), [0, 1])
    np.testing.assert_array_equal(chosen.sum(axis=dim if dim < 0 else dim + 1), 1)
    assert len({row.tobytes() for row in chosen}) > 2


def test_randomness_of_nested_levels() -> None:
    def drawn(inner: str, outer: str) -> Any:
        return vmap(vmap(lambda x: x + autograd.rand(()), randomness=inner), randomness=outer)(autograd.zeros(3, 4))

    rows = drawn("same", "different").numpy()
    assert (rows == rows[:, :1]).all()
    assert len(set(rows[:, 0])) == 3
    rows = drawn("different", "same").numpy()
    assert (rows == rows[:1]).all()
    assert len(set(rows[0])) == 4
    assert len(set(drawn("different", "different").numpy().ravel())) == 12


# ---- derivatives -----------------------------------------------------------------------------------------------------


def test_gradients_of_arguments_and_captured_tensors() -> None:
    w = draw(4, 4, grad=True)
    doubled = w * 2
    turned = doubled.T
    counted: list[Any] = []
    doubled.register_hook(lambda g: counted.append(g.shape))
    x = draw(4, 5, grad=True)

    def function(row: Any) -> Any:
        return (row @ turned + w[0]).tanh() @ doubled

    found = vmap(function, 1)(x)
    expected = function(x.T)
    same(found, expected)
    gradients = [autograd.grad((out**2).sum(), (x, w, doubled), retain_graph=True) for out in (found, expected)]
    for a, b in zip(*gradients, strict=True):
        same(a, b)
    assert counted == [(4, 4)] * 2
    total = autograd.grad(function(x.T).sum(), w, retain_graph=True)[0]
    found.sum().backward()
    same(w.grad, total)
    with pytest.raises(FreedGraphError):
        found.sum().backward()


def test_derivatives_of_third_order() -> None:
    x = draw(3, 4, grad=True)
    y = vmap(lambda row: (row**4).sum())(x)
    for factor, power in ((4, 3), (12, 2), (24, 1)):
        (y,) = autograd.grad(y.sum(), x, create_graph=True)
        same(y, factor * x.detach() ** power)


def test_gradients_inside() -> None:
    x = draw(2, 3, 4, grad=True)
    found = vmap(vmap(slope(lambda row: (row**3).sum())))(x)
    same(found, 3 * x.detach() ** 2)
    same(autograd.grad((found**2).sum(), x)[0], 36 * x.detach() ** 3)
    hessians = vmap(lambda row: vmap(lambda v: autograd.grad(slope(lambda r: (r**3).sum())(leaf), leaf, v)[0])(eye))
    eye, leaf = autograd.eye(4, dtype=autograd.float64), draw(4, grad=True)
    same(hessians(x[0].detach())[1], np.diag(6 * leaf.detach().numpy()))


def test_a_jacobian_row_by_row() -> None:
    x = draw(4, grad=True)
    y = x.sin() * x[0]
    jacobian = vmap(lambda v: autograd.grad(y, x, v, retain_graph=True)[0])(autograd.eye(4, dtype=autograd.float64))
    values = x.detach().numpy()
    expected = np.diag(np.cos(values) * values[0])
    expected[:, 0] += np.sin(values)
    same(jacobian, expected)


@pytest.mark.parametrize("picture", [False, True])
def test_gradients_of_every_sample(picture: bool) -> None:
    if picture:
        shapes: list[tuple[int, ...]] = [(3, 1, 3, 3), (3,), (2, 3, 2, 2), (2,), (4, 18), (4,)]
    else:
        shapes = [(5, 6), (5,), (5, 5), (5,), (4, 5), (4,)]
    parameters = [draw(*shape) for shape in shapes]
    x, y = (draw(6, 1, 8, 8) if picture else draw(6, 6)), tensor([0, 1, 2, 3, 0, 1])

    def loss(p: list[Any], x: Any, y: Any) -> Any:
        if picture:
            x = F.max_pool2d(F.conv2d(x.unsqueeze(0), p[0], p[1], padding=1).relu(), 2)
            x = F.conv2d(x, p[2], p[3]).tanh().reshape(1, -1)
        else:
            x = F.linear(F.linear(x.unsqueeze(0), p[0], p[1]).relu(), p[2], p[3])
            x = F.layer_norm(x, (5,)).sigmoid()
        return F.cross_entropy(F.linear(x, p[4], p[5]), y.reshape(1))

    def gradients(x: Any, y: Any) -> Any:
        leaves = [p.detach().requires_grad_() for p in parameters]
        return autograd.grad(loss(leaves, x, y), leaves)

    each = zip(*[gradients(x[i], y[i]) for i in range(6)], strict=True)
    for found, expected in zip(vmap(gradients)(x, y), each, strict=True):
        same(found, autograd.stack(list(expected)))


def test_an_inner_vmap_sees_the_outer_examples() -> None:
    a, b = draw(3, 4, grad=True), draw(5, 4, grad=True)
    found = vmap(lambda x: vmap(lambda y: (x @ y) ** 2)(b))(a)
    expected = (a @ b.T) ** 2
    same(found, expected)
    for p, q in zip(autograd.grad(found.sum(), (a, b)), autograd.grad(expected.sum(), (a, b)), strict=True):
        same(p, q)


def test_complex_gradients() -> None:
    z = autograd.complex(draw(3, 2), draw(3, 2)).requires_grad_()
    w = autograd.complex(draw(2), draw(2)).requires_grad_()
    found, expected = vmap(lambda row: (row * w).exp().abs().sum())(z), (z * w).exp().abs().sum(1)
    for p, q in zip(autograd.grad(found.sum(), (z, w)), autograd.grad(expected.sum(), (z, w)), strict=True):
        same(p, q)


def test_arguments_changed_in_place() -> None:
    x = draw(3, 2, grad=True)
    y = x * 2
    out = vmap(lambda row: row.mul_(row))(y)
    same(y, 4 * x.detach() ** 2)
    same(autograd.grad(y.sum(), x, retain_graph=True)[0], 8 * x.detach())
    same(autograd.grad(out.sum(), x)[0], 8 * x.detach())
    with pytest.raises(MutationError, match="outside of the mapped function a leaf that requires grad"):
        vmap(lambda row: row.mul_(2))(x)


def test_what_was_saved_and_overwritten_is_noticed() -> None:
    def function(row: Any) -> Any:
        y = row.exp()
        total = (y * y).sum()
        y.mul_(2)
        return total

    x = draw(3, 2, grad=True)
    total = vmap(function)(x).sum()
    with pytest.raises(MutationError, match="overwritten in place since"):
        total.backward()


def test_no_backward_inside() -> None:
    with pytest.raises(GradientError, match="inside of a function that vmap maps there is no"):
        vmap(lambda row: row.sum().backward())(draw(2, 3, grad=True))


def test_no_graph_where_none_is_wanted() -> None:
    w = draw(3, grad=True)
    with autograd.no_grad():
        assert not vmap(lambda row: row * w)(draw(2, 3)).requires_grad
    assert not vmap(lambda row: row * 2)(draw(2, 3)).requires_grad
    assert vmap(lambda row: row * w)(draw(2, 3)).requires_grad


def test_no_garbage() -> None:
    w = draw(4, 4, grad=True)

    def step() -> None:
        vmap(lambda row: F.linear(row, w).tanh().sum())(draw(5, 4)).sum().backward()

    step()
    gc.collect()
    gc.disable()
    try:
        step()
        assert gc.collect() == 0
    finally:
        gc.enable()


# ---- with the rest of the library ------------------------------------------------------------------------------------


def test_with_the_other_transforms() -> None:
    x = draw(5, 3)
    same(vmap(func.grad(lambda row: (row**3).sum()))(x), 3 * x**2)
    same(vmap(func.hessian(lambda row: (row**3).sum()))(x)[2], autograd.diag(6 * x[2]))
    same(vmap(func.jacfwd(lambda row: row.sin() * row[0]))(x), vmap(func.jacrev(lambda row: row.sin() * row[0]))(x))
    rows = func.grad(lambda w: vmap(lambda row: (row * w).sum() ** 2)(x).sum())(
        autograd.ones(3, dtype=autograd.float64)
    )
    same(rows, 2 * (x.sum(1, keepdim=True) * x).sum(0))
    a = RNG.standard_normal((4, 2, 3))
    found = func.grad(lambda a: vmap(lambda rows: np.sin(rows.T.reshape(-1)).sum(axis=0))(a).sum())(a)
    assert type(found) is np.ndarray
    same(found, np.cos(a))


@pytest.mark.parametrize(
    "inner",
    [
        lambda f, c: func.grad(f)(c),
        lambda f, c: func.jacrev(f)(c),
        lambda f, c: func.jacfwd(f)(c),
        lambda f, c: func.vjp(f, c)[1](f(c) * 0 + 1)[0],
        lambda f, c: func.jvp(f, (c,), (c,))[1],
        lambda f, c: func.linearize(f, c)[1](c),
        lambda f, c: func.hvp(f, c, c)[1],
    ],
)
@pytest.mark.parametrize("kind", [autograd.tensor, np.asarray])
def test_a_derivative_inside_depends_on_the_row_that_it_captures(inner: Any, kind: Any) -> None:
    c, x = kind([2.0, 3.0]), np.array([[0.5, -1.2], [1.4, 0.3], [-0.8, 2.1]])

    def row_by_row(row: Any) -> Any:
        return inner(lambda z: np.sum(z**2 * row), c)

    found = func.grad(lambda x: np.sum(np.sin(vmap(row_by_row)(x))))(x)
    expected = func.grad(lambda x: sum(np.sum(np.sin(row_by_row(row))) for row in x))(x)
    same(found, expected)
    assert np.abs(found).min() > 0.01


@pytest.mark.parametrize("transform", [func.jacfwd, func.jacrev])
def test_jacobians_at_indices_that_differ_between_examples(transform: Any) -> None:
    x, w = draw(4, 3), draw(3)

    def function(w: Any, row: Any) -> Any:
        return (w * 2)[row.argsort()][:2] ** 2

    same(vmap(transform(function), (None, 0))(w, x), autograd.stack([transform(function)(w, row) for row in x]))


def test_with_checkpoint() -> None:
    x, w = draw(5, 3, 4), draw(4, 4, grad=True)

    def total(x: Any) -> Any:
        return vmap(vmap(lambda row: (F.linear(row, w).tanh() * row).sum()))(x).sum()

    (expected,) = autograd.grad(total(x), w)
    same(autograd.grad(autograd.checkpoint(total, x), w)[0], expected)
    parts = vmap(lambda rows: autograd.checkpoint(lambda r: (F.linear(r, w).tanh() * r).sum(), rows))(x)
    same(autograd.grad(parts.sum(), w)[0], expected)


def test_with_detect_anomaly() -> None:
    with autograd.detect_anomaly(), np.errstate(divide="ignore"):
        assert vmap(lambda row: row.exp().sum())(draw(2, 3)).shape == (2,)
        with pytest.raises(autograd.errors.AnomalyError, match="'log' made -inf"):
            vmap(lambda row: (row - row).log())(draw(2, 3))


def test_operations_of_the_user() -> None:
    class Square(autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return 2 * ctx.saved_tensors[0] * g

    @autograd.op(x=lambda g, x: 3 * x * x * g)
    def cube(x: Any) -> Any:
        """The third power, of one array at a time."""
        return np.asarray(x) ** 3

    x = draw(3, 2, grad=True)
    same(autograd.grad(vmap(lambda row: Square.apply(row).sum())(x).sum(), x)[0], 2 * x)
    same(autograd.grad(vmap(lambda row: cube(row).sum())(x).sum(), x)[0], 3 * x**2)


def test_running_statistics_are_not_changed_by_an_error() -> None:
    mean, variance = autograd.zeros(4), autograd.ones(4)
    with pytest.raises(BatchingError, match="cannot be written in place"):
        vmap(lambda x: F.batch_norm(x, mean, variance, training=True))(autograd.rand(3, 5, 4))
    same(mean, np.zeros(4))
    same(variance, np.ones(4))


def test_running_statistics_are_those_of_one_input_with_many_weights() -> None:
    mean, variance = autograd.zeros(4).double(), autograd.ones(4).double()
    x, biases = draw(5, 4), draw(3, 4)
    found = vmap(lambda bias: F.batch_norm(x, mean, variance, None, bias, training=True))(biases)
    same(found, autograd.stack([F.batch_norm(x, None, None, None, bias, training=True) for bias in biases]))
    same(mean, 0.1 * x.mean(0))


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: autograd.linspace(a, b, 3),
        lambda a, b: autograd.linspace(a, 2, 3, dtype=autograd.int64),
        lambda a, b: autograd.logspace(0, b, 3, base=2),
        lambda a, b: autograd.linalg.pinv(autograd.eye(2) * a, rtol=b.abs()),
        lambda a, b: autograd.linalg.matrix_rank(autograd.diag(autograd.stack([a, b])), atol=b.abs()),
        autograd.igamma,
        lambda a, b: autograd.special.zeta(a.abs() + 1.5, b.abs()),
    ],
)
def test_numbers_that_differ(function: Callable[..., Any]) -> None:
    a, b = draw(4), draw(4)
    same(vmap(function)(a, b), looped(function, a, b))


@pytest.mark.parametrize("loss", [F.nll_loss, F.cross_entropy, F.multi_margin_loss])
@pytest.mark.parametrize("dims", [(0, 0, 0), (0, None, 0), (0, 0, None), (None, 0, 0)])
def test_classes_and_weights_that_differ_between_examples_of_one_map_or_two(loss: Any, dims: Any) -> None:
    slope = func.grad(lambda x, target, weight: loss(x, target, weight=weight))
    every = draw(2, 3, 5, 4), autograd.from_numpy(RNG.integers(0, 4, (2, 3, 5))), draw(2, 3, 4).abs()
    given = [item if dim == 0 else item[0] for item, dim in zip(every, dims, strict=True)]
    found = vmap(vmap(slope), dims)(*given)
    for i, j in np.ndindex(2, 3):
        one = [item[i, j] if dim == 0 else item[j] for item, dim in zip(given, dims, strict=True)]
        same(found[i, j], slope(*one))


@pytest.mark.parametrize(
    "make", [nn.BatchNorm1d, lambda n: nn.InstanceNorm1d(n, affine=True, track_running_stats=True)]
)
def test_running_statistics_of_stacked_models_are_changed(make: Callable[[int], Any]) -> None:
    models = [make(3).double() for _ in range(4)]
    parameters, buffers = func.stack_module_state(models)
    x = draw(4, 5, 3, 6)
    found = vmap(lambda p, b, x: func.functional_call(models[0], (p, b), (x,)))(parameters, buffers, x)
    same(found, autograd.stack([model(rows) for model, rows in zip(models, x, strict=True)]))
    for name, stacked in buffers.items():
        same(stacked, autograd.stack([model.state_dict()[name] for model in models]))


def test_a_batch_of_gradients_is_pulled_back_at_once():
    x = autograd.tensor([1.0, 2.0, 3.0], requires_grad=True)
    unused = autograd.ones(2, requires_grad=True)
    rows, none = autograd.grad(x**2, (x, unused), autograd.eye(3), is_grads_batched=True, allow_unused=True)
    assert rows.tolist() == [[2.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 6.0]]
    assert none is None
    (rows,) = autograd.grad(x**3, x, autograd.eye(3), create_graph=True, is_grads_batched=True)
    (second,) = autograd.grad(rows.sum(), x)
    assert second.tolist() == [6.0, 12.0, 18.0]


@pytest.mark.parametrize("make", [autograd.zeros_like, autograd.ones_like, lambda x: x.new_full((3,), 2.0)])
def test_what_is_made_like_an_array_can_be_written_to_in_nested_maps(make):
    def written(x):
        y = make(x)
        y[:2] = x[:2]
        return y

    x = autograd.arange(12.0).reshape(2, 2, 3)
    expected = autograd.stack([autograd.stack([written(row) for row in rows]) for rows in x])
    assert autograd.equal(vmap(vmap(written))(x), expected)


@pytest.mark.parametrize(("rows", "columns"), [(4, 2), (3, 3), (2, 3)])
def test_least_squares(rows: int, columns: int) -> None:
    x, y = draw(3, rows, columns, grad=True), draw(3, rows, 2)
    each = [autograd.linalg.lstsq(*pair) for pair in zip(x, y, strict=True)]
    for found, column in zip(vmap(autograd.linalg.lstsq)(x, y), zip(*each, strict=True), strict=True):
        same(found, autograd.stack(list(column)))


def test_writing_in_place_without_examples() -> None:
    gradients = vmap(func.grad(lambda x: x.clone().clamp_(0, 1).sum()))(draw(0, 3))
    assert gradients.shape == (0, 3)


@pytest.mark.parametrize("in_dims", [(0, 0, 0), (None, 0, 0), (0, 0, None)])
def test_masked_scatter_with_a_mask_of_each_example(in_dims: tuple[Any, ...]) -> None:
    x, mask, source = draw(3, 2, 3), autograd.from_numpy(RNG.random((3, 2, 3)) < 0.5), draw(3, 6)
    given = [item if dim == 0 else item[0] for item, dim in zip((x, mask, source), in_dims, strict=True)]

    def slopes(x: Any, mask: Any, source: Any) -> Any:
        return func.grad_and_value(lambda *pair: (pair[0].masked_scatter(mask, pair[1]) ** 2).sum(), (0, 1))(x, source)

    gradients, _ = vmap(slopes, in_dims)(*given)
    for i in range(3):
        expected, _ = slopes(*[item[i] if dim == 0 else item for item, dim in zip(given, in_dims, strict=True)])
        same(gradients[0][i], expected[0])
        same(gradients[1][i], expected[1])


@pytest.mark.parametrize("in_dims", [(0, None), (None, 0), (0, 0)])
def test_the_distance_of_close_vectors(in_dims: tuple[Any, ...]) -> None:
    """It is taken from their difference, at a place that is counted in all examples."""
    x, y = draw(2, 3, 4), draw(2, 3, 4)
    y[0, 1] = x[0, 2] + 1e-3
    given = [a if dim == 0 else a[0] for a, dim in zip((x, y), in_dims, strict=True)]
    rows = [[a[i] if dim == 0 else a for a, dim in zip(given, in_dims, strict=True)] for i in range(2)]
    expected = autograd.stack([autograd.cdist(*row, compute_mode="donot_use_mm_for_euclid_dist") for row in rows])
    found = vmap(lambda x, y: autograd.cdist(x, y, compute_mode="use_mm_for_euclid_dist"), in_dims)(*given)
    same(found, expected)


def test_ends_of_ranges_keep_their_digits() -> None:
    starts = autograd.tensor([-2.0, -1.75])
    found = vmap(lambda start: autograd.linspace(start, -3, 50, dtype=autograd.float64))(starts)
    same(found, autograd.stack([autograd.linspace(start, -3, 50, dtype=autograd.float64) for start in starts]))


def test_positions_counted_in_one_dimension() -> None:
    places = autograd.tensor([[3, 0, 19], [7, 11, 2]])
    found = vmap(lambda row: autograd.unravel_index(row, (4, 5)))(places)
    for axis, expected in zip(found, autograd.unravel_index(places, (4, 5)), strict=True):
        assert autograd.equal(axis, expected)


def test_masked_scatter_of_bools_where_nothing_is_masked() -> None:
    x, mask, source = autograd.ones(2, 3).bool(), autograd.zeros(2, 3).bool(), autograd.zeros(2, 3).bool()
    found = vmap(lambda *given: given[0].masked_scatter(*given[1:]))(x, mask, source)
    assert found.dtype == autograd.bool
    assert autograd.equal(found, x)


BAGS = {
    "rows": (autograd.tensor([[[0, 2, 1], [2, 2, 3]], [[4, 0, 0], [1, 3, 2]]]), None),
    "line": (autograd.tensor([[0, 2, 1, 2, 4, 3], [2, 2, 0, 1, 3, 0]]), autograd.tensor([[0, 2, 2, 5], [0, 0, 3, 6]])),
}


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("padding_idx", [None, 2])
@pytest.mark.parametrize("bags", ["rows", "line"])
@pytest.mark.parametrize("dims", [(0, 0), (None, 0), (0, None)])
def test_bags_that_differ(mode: str, padding_idx: int | None, bags: str, dims: tuple[Any, Any]) -> None:
    weight, (index, offsets) = draw(2, 5, 3), BAGS[bags]
    if dims[1] is None:
        index = index[0]

    def slope(weight: Any, index: Any, offsets: Any) -> Any:
        def total(weight: Any) -> Any:
            found = F.embedding_bag(index, weight, offsets, mode=mode, padding_idx=padding_idx)
            return (found * autograd.arange(found.numel()).reshape(found.shape)).sum(), found

        return func.grad(total, has_aux=True)(weight)

    given, each = (weight if dims[0] == 0 else weight[0], index, offsets), (*dims, None if offsets is None else 0)
    for k, found in enumerate(vmap(slope, each)(*given)):
        rows = [[a if dim is None else a[i] for a, dim in zip(given, each, strict=True)] for i in range(2)]
        same(found, autograd.stack([slope(*row)[k] for row in rows]))


def test_rows_that_are_shortened_in_the_weight_of_each_example() -> None:
    weight, index = 3 * draw(2, 5, 3), autograd.tensor([[0, 2, 2], [4, 1, 0]])
    expected = weight.clone()
    rows = [F.embedding(i, w, max_norm=1.0) for i, w in zip(index, expected, strict=True)]
    same(vmap(lambda i, w: F.embedding(i, w, max_norm=1.0))(index, weight), autograd.stack(rows))
    same(weight, expected)


@pytest.mark.parametrize("together", [False, True])
def test_label_sequences_of_lengths_that_differ(together: bool) -> None:
    x, targets = draw(3, 6, 2, 4).log_softmax(-1), autograd.from_numpy(RNG.integers(1, 4, (3, 2, 3)))
    steps, counts = autograd.tensor([[6, 5], [6, 6], [4, 6]]), autograd.tensor([[3, 1], [2, 2], [1, 3]])
    given = x, targets.reshape(3, 6)[:, :4] if together else targets, steps, counts
    slope = func.grad(lambda x, *rest: F.ctc_loss(x, *rest))
    same(vmap(F.ctc_loss)(*given), looped(F.ctc_loss, *given))
    same(vmap(slope)(*given), looped(slope, *given))
    single = x[:, :, 0], targets[:, 0], steps[:, 0], counts[:, 0]
    same(vmap(F.ctc_loss)(*single), looped(F.ctc_loss, *single))


def test_stacked_averages_over_all_batches_are_used_without_being_counted() -> None:
    models = [nn.BatchNorm1d(3, momentum=None).double() for _ in range(2)]
    x = draw(5, 3)
    for model in models:
        model(draw(4, 3))
        model.eval()
    found = vmap(lambda *state: func.functional_call(models[0], state, x))(*func.stack_module_state(models))
    same(found, autograd.stack([model(x) for model in models]))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: autograd.linalg.svd(x)[0].sum(),
        lambda x: autograd.istft(x + 0j, 4, window=x[0, :1].expand(4)).sum(),
    ],
)
def test_gradients_without_examples(function: Callable[[Any], Any]) -> None:
    assert vmap(func.grad(function))(draw(0, 3, 3)).shape == (0, 3, 3)


@pytest.mark.parametrize(("function", "shapes"), [
    (lambda a, b: autograd.einsum("ij,kj->ik", a, b), [(2, 3), (4, 3)]),
    (lambda a, b: autograd.einsum("...i,i", a, b), [(2, 3, 4), (4,)]),
    (lambda a, b: autograd.linalg.cross(a, b, dim=0), [(3, 4), (3, 1)]),
    (lambda a, b: F.group_norm(a, 2, b, b.sin()), [(2, 4, 3), (4,)]),
    (lambda a, b: F.instance_norm(a, weight=b), [(2, 4, 3), (4,)]),
    (lambda a, b: F.nll_loss(a * b, tensor([0, 2, 1]), reduction="sum"), [(3, 4), (4,)]),
])  # fmt: skip
@pytest.mark.parametrize("dims", [(0, 0), (0, None), (None, 0)])
def test_products_and_normalization_of_all_examples_at_once(function: Any, shapes: Any, dims: Any) -> None:
    args = [draw(*shape) if dim is None else draw(4, *shape) for shape, dim in zip(shapes, dims, strict=True)]
    for of in (function, func.grad(lambda *args: function(*args).sin().sum(), 0)):
        rows = [of(*[x if dim is None else x[i] for x, dim in zip(args, dims, strict=True)]) for i in range(4)]
        same(vmap(of, dims)(*args), autograd.stack(rows))
        same(vmap(vmap(of, dims), dims)(*[x if dim is None else x[None] for x, dim in zip(args, dims, strict=True)])[0],
             autograd.stack(rows))  # fmt: skip


def test_crosses_of_arrays_along_other_axes() -> None:
    a, b = RNG.standard_normal((4, 3, 2)), RNG.standard_normal((4, 3))
    found = vmap(lambda a, b: np.cross(a, b, axisa=0, axisb=0, axisc=0))(a, b)
    same(found, [np.cross(x, y, axisa=0, axisb=0, axisc=0) for x, y in zip(a, b, strict=True)])


def labels(x: Any) -> Any:
    return (x.abs() * 10).long() % 4


AT_ONCE: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]]]] = {
    "polygamma": (lambda x: autograd.polygamma(2, x.square() + 0.3), [(3,)]),
    "digamma": (lambda x: autograd.digamma(x.square() + 0.3), [(3,)]),
    "nanmedian": (lambda x: autograd.where(x > 0.5, np.nan, x).nanmedian(), [(3, 4)]),
    "nanmedian of nothing": (lambda x: (x * np.nan).nanmedian(), [(3,)]),
    "cumprod": (lambda x: x.cumprod(-1), [(2, 4)]),
    "logcumsumexp": (lambda x: x.logcumsumexp(0), [(4, 2)]),
    "diagonal_scatter": (lambda x, y: x.diagonal_scatter(y, 1, -1, 0), [(3, 2, 4), (2, 2)]),
    "a number on a diagonal": (lambda x, y: x.diagonal_scatter(y), [(3, 3), ()]),
    "scatter_reduce": (lambda x, y: x.scatter_reduce(0, labels(y), y, "amax"), [(4, 3), (2, 3)]),
    "index_reduce": (lambda x, y: x.index_reduce(1, labels(y[0]), y, "amin"), [(3, 4), (3, 2)]),
    "products of what is scattered": (lambda x, y: x.scatter_reduce(-1, labels(y), y, "prod"), [(3, 4), (2, 5)]),
    "searchsorted": (lambda x, y: autograd.searchsorted(x.sort()[0], y, right=True), [(5,), (2, 3)]),
    "a number searched for": (lambda x, y: autograd.searchsorted(x.sort()[0], y), [(5,), ()]),
    "searchsorted in many lines": (lambda x, y: autograd.searchsorted(x, y, sorter=x.argsort(-1)), [(2, 5), (2, 3)]),
    "isin": (lambda x, y: autograd.isin(labels(x), labels(y)[:2], invert=True), [(3, 4), (5,)]),
    "eig": (lambda x: autograd.linalg.eig(x)[0].abs().sum(), [(3, 3)]),
    "eigvals": (lambda x: (autograd.linalg.eigvals(x) ** 3).sum().real, [(3, 3)]),
    "eigh": (lambda x: autograd.linalg.eigh(x + x.mT)[1].abs(), [(3, 3)]),
    "svd": (lambda x: autograd.linalg.svd(x, full_matrices=False)[0].abs(), [(3, 2)]),
    "lu": (lambda x: autograd.linalg.lu(x)[2], [(3, 3)]),
    "matrix_exp": (autograd.matrix_exp, [(3, 3)]),
    "weights of classes": (
        lambda x, y, w: F.cross_entropy(x, labels(y), w.detach().abs(), ignore_index=2), [(5, 4), (5,), (4,)]
    ),
    "weights of classes, each": (
        lambda x, y, w: F.nll_loss(x, labels(y), w.detach().abs(), reduction="none"), [(2, 4, 3), (2, 3), (4,)]
    ),
    "multilabel_margin_loss": (lambda x, y: F.multilabel_margin_loss(x, labels(y) - 1), [(3, 4), (3, 4)]),
    "multilabel_margin_loss, each": (
        lambda x, y: F.multilabel_margin_loss(x, labels(y) - 1, reduction="none"), [(4,), (4,)]
    ),
    "group_norm": (lambda x, w: F.group_norm(x, 2, w, w + 1), [(2, 4, 3), (4,)]),
    "adaptive_avg_pool": (lambda x: F.adaptive_avg_pool2d(x, (2, 3)), [(2, 5, 7)]),
    "cdist": (lambda x, y: autograd.cdist(x, y), [(30, 3), (28, 3)]),
}  # fmt: skip


@pytest.mark.parametrize("mapped", [None, 0, 1])
@pytest.mark.parametrize(("function", "shapes"), AT_ONCE.values(), ids=AT_ONCE)
def test_no_loop_over_examples(function: Any, shapes: Any, mapped: int | None, monkeypatch: Any) -> None:
    """Of all arguments, or of one: its value, and its gradient inside and outside of the map."""
    if mapped is not None and (mapped >= len(shapes) or len(shapes) == 1):
        return
    dims = tuple([0 if mapped in (None, n) else None for n in range(len(shapes))])
    args = [draw(*shape) if dim is None else draw(4, *shape) for shape, dim in zip(shapes, dims, strict=True)]

    def total(*args: Any) -> Any:
        found = function(*args)
        return args[0].sum() + (found.sin().sum() if found.is_floating_point() else 0)

    def each(of: Callable[..., Any]) -> Any:
        return [of(*[x if dim is None else x[i] for x, dim in zip(args, dims, strict=True)]) for i in range(4)]

    expected = each(function), each(func.grad(total))
    first = args[0].clone().requires_grad_()
    whole = sum(
        total(*[x if dim is None else x[i] for x, dim in zip([first, *args[1:]], dims, strict=True)]) for i in range(4)
    )
    (slopes,) = autograd.grad(whole, first, materialize_grads=True)

    def refuse(self: Any, function: Any, values: Any, name: str) -> Any:
        raise AssertionError(f"{name} is computed for one example after the other")

    monkeypatch.setattr(batching.Level, "looped", refuse)
    same(vmap(function, dims)(*args), autograd.stack(expected[0]))
    same(vmap(func.grad(total), dims)(*args), autograd.stack(expected[1]))
    outside = vmap(total, dims)(first, *args[1:]).sum()
    same(autograd.grad(outside, first, materialize_grads=True)[0], slopes)
    pairs = [x if dim is None else autograd.stack([x, x.flip(0)]) for x, dim in zip(args, dims, strict=True)]
    both = vmap(vmap(function, dims), dims)(*pairs)
    same(both[0], autograd.stack(expected[0]))
    same(both[1], autograd.stack(expected[0][::-1]))


@pytest.mark.parametrize("function", [lambda x: x.histc(5), lambda x: x.histc(4, -1, 1.2), lambda x: x[0, 0].histc(3)])
def test_histograms_of_all_examples_at_once(function: Callable[[Any], Any], monkeypatch: Any) -> None:
    x = draw(4, 5, 6).round(decimals=1)
    expected = looped(function, x)
    monkeypatch.setattr(batching.Level, "looped", None)
    same(vmap(function)(x), expected)


def test_searched_and_sorted_lines_with_nan() -> None:
    lines = tensor([[0.0, 1.0, np.nan], [1.0, 1.0, 2.0], [np.nan] * 3])
    values = tensor([[np.nan, 1.0, 5.0]] * 3)
    for right in (False, True):
        expected = [np.searchsorted(a, v, "right" if right else "left") for a, v in zip(lines, values, strict=True)]
        same(autograd.searchsorted(lines, values, right=right), expected)
        same(vmap(lambda a, v, right=right: autograd.searchsorted(a, v, right=right))(lines, values), expected)


@pytest.mark.parametrize(
    ("function", "arrays"),
    [
        (lambda a, b: np.block([[a, a @ a], [b, b]]), RNG.standard_normal((2, 4, 2, 2))),
        (lambda a, b: np.block([a[0], 1.0, b[0, 0]]), RNG.standard_normal((2, 4, 2, 2))),
        (lambda i, j: np.ravel_multi_index((i, j), (3, 3)), RNG.integers(0, 3, (2, 4, 5))),
        (lambda a, v: np.searchsorted(np.sort(a), v), RNG.standard_normal((2, 4, 5))),
        (lambda a, v: np.searchsorted(a, v, "right", np.argsort(a)), RNG.integers(0, 3, (2, 4, 5))),
        (lambda a, v: np.isin(a, v), RNG.integers(0, 9, (2, 4, 5))),
        (lambda a, v: np.linalg.eigvals(a + v)[0], RNG.standard_normal((2, 4, 3, 3))),
    ],
)
def test_functions_of_numpy_of_all_examples_at_once(function: Any, arrays: Any, monkeypatch: Any) -> None:
    expected = [function(*pair) for pair in zip(*arrays, strict=True)]
    monkeypatch.setattr(batching.Level, "looped", None)
    same(vmap(function)(*arrays), expected)
