"""Ops on large float32 arrays, forward and backward, one figure for each op and size.

A matrix of ``size`` elements has rows of ``width``; images are (examples, 16, 25, 25). The two libraries bear the same
names, so each op is written once, of the library ``t``, its functional form ``F`` and the tensors.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.measure import Measure, seconds
from benchmarks.workloads.reading import absolute_sums

Build = Callable[["Inputs"], tuple[Callable[..., Any], list[Any]]]
"""What makes a function of the tensors, and the arrays they are made of: those that are floating get gradients."""

LONG_ENOUGH = 0.05
"""Seconds that one figure is measured for in a round, if an op does not take longer by itself."""


class Inputs:
    """Arrays of one size to compute with, made when first asked for."""

    def __init__(self, size: int, width: int) -> None:
        self.size, self.width = size, width
        self.rows = size // width
        self._drawn = np.random.default_rng(size)
        self.flat = self._drawn.standard_normal(size, np.float32)
        self.second = self._drawn.standard_normal(size, np.float32)
        self.seed = self._drawn.standard_normal(4 * size, np.float32)
        self.matrix = self.flat.reshape(self.rows, width)
        self.other = self.second.reshape(self.rows, width)
        self._places: dict[Any, tuple[np.ndarray, np.ndarray]] = {}

    def factors(self) -> np.ndarray:
        """A matrix of ones, with some 2 and 1/2 in balance along rows and columns: products are exact and near 1."""
        twice = np.indices((self.rows, self.width), np.int8).sum(0) % 2 * 2 - 1
        some = self.draw(500, -(-self.rows // 2), -(-self.width // 2)).repeat(2, 0).repeat(2, 1)
        some = some[: self.rows, : self.width]
        return np.exp2(twice * ((some == 0) * 1 - (some == 1))).astype(np.float32)

    def images(self) -> np.ndarray:
        """Many small images of 16 channels."""
        return self.flat[: self.size // 10_000 * 10_000].reshape(-1, 16, 25, 25)

    def draw(self, high: int, *shape: int) -> np.ndarray:
        """Random indices below ``high``."""
        return self._drawn.integers(0, high, shape)

    def places(self, shape: tuple[int, ...], dim: int) -> tuple[np.ndarray, np.ndarray]:
        """For each element a random index along ``dim``, and for each line another: the same ones whenever asked."""
        if (shape, dim) not in self._places:
            n = shape[dim]
            self._places[shape, dim] = self.draw(n, *shape), self.draw(n, n)
        return self._places[shape, dim]

    def orders(self) -> np.ndarray:
        """For each row of the matrix an order of its columns."""
        return np.argsort(self._drawn.standard_normal((self.rows, self.width), np.float32), axis=1)

    def mask(self) -> np.ndarray:
        """True at every other place of the matrix, about."""
        return self._drawn.random((self.rows, self.width), np.float32) < 0.5


def _each(function: Callable[..., Any], *names: str) -> Build:
    """A function of the inputs called ``names``."""
    return lambda inputs: (function, [getattr(inputs, name) for name in names])


def _unary(functions: dict[str, Callable[..., Any]]) -> dict[str, Build]:
    return {name: _each(function, "matrix") for name, function in functions.items()}


def _reductions() -> dict[str, Build]:
    found: dict[str, Build] = {}
    for where, dims in (("all", {}), ("last", {"dim": -1}), ("first", {"dim": 0})):
        for name in ("sum", "mean", "var", "std", "amax"):
            found[f"{name}, {where}"] = _each(lambda t, F, x, n=name, d=dims: getattr(t, n)(x, **d), "matrix")
        found[f"prod, {where}"] = lambda inputs, d=dims: (lambda t, F, x: t.prod(x, **d), [inputs.factors()])
        every = dims or {"dim": (0, 1)}
        found[f"logsumexp, {where}"] = _each(lambda t, F, x, d=every: t.logsumexp(x, **d), "matrix")
        found[f"norm, {where}"] = _each(lambda t, F, x, d=dims: t.linalg.vector_norm(x, **d), "matrix")
        found[f"max, {where}"] = _each(
            (lambda t, F, x, d=dims: t.max(x, **d).values) if dims else (lambda t, F, x: t.max(x)), "matrix"
        )
    return found


def _layer_norm_written_out(t: Any, F: Any, x: Any) -> Any:
    mean = x.mean(-1, keepdim=True)
    variance = x.var(-1, keepdim=True, unbiased=False)
    return (x - mean) / t.sqrt(variance + 1e-5)


def _softmax() -> dict[str, Build]:
    def layer(inputs: Inputs) -> tuple[Callable[..., Any], list[Any]]:
        n = inputs.width
        return lambda t, F, x, w, b: F.layer_norm(x, (n,), w, b), [inputs.matrix, inputs.second[:n], inputs.second[-n:]]

    def images(function: Callable[..., Any]) -> Build:
        return lambda inputs: (function, [inputs.images(), inputs.second[:16], inputs.second[-16:]])

    return {
        **_unary({
            "softmax, last": lambda t, F, x: F.softmax(x, -1),
            "softmax, first": lambda t, F, x: F.softmax(x, 0),
            "log_softmax, last": lambda t, F, x: F.log_softmax(x, -1),
            "log_softmax, first": lambda t, F, x: F.log_softmax(x, 0),
            "layer norm, mean var sqrt": _layer_norm_written_out,
            "layer norm, centered twice": lambda t, F, x: _by_mean_of_squares(t, x),
        }),
        "layer_norm": layer,
        "group_norm": images(lambda t, F, x, w, b: F.group_norm(x, 4, w, b)),
        "batch_norm": images(lambda t, F, x, w, b: F.batch_norm(x, None, None, w, b, True)),
    }  # fmt: skip


def _by_mean_of_squares(t: Any, x: Any) -> Any:
    offset = x - x.mean(-1, keepdim=True)
    return offset * t.rsqrt((offset * offset).mean(-1, keepdim=True) + 1e-5)


def _indexing() -> dict[str, Build]:
    def along(function: Callable[..., Any]) -> Build:
        return lambda inputs: (function, [inputs.matrix, inputs.draw(inputs.width, inputs.rows, inputs.width)])

    def by_rows(function: Callable[..., Any]) -> Build:
        return lambda inputs: (function, [inputs.matrix, inputs.draw(inputs.rows, inputs.rows)])

    return {
        "gather": along(lambda t, F, x, i: t.gather(x, 1, i)),
        "take_along_dim": along(lambda t, F, x, i: t.take_along_dim(x, i, 1)),
        "scatter": lambda inputs: (
            lambda t, F, x, y, i: t.scatter(x, 1, i, y), [inputs.matrix, inputs.other, inputs.orders()]
        ),
        "scatter_add": lambda inputs: (
            lambda t, F, x, y, i: t.scatter_add(x, 1, i, y),
            [inputs.matrix, inputs.other, inputs.draw(inputs.width, inputs.rows, inputs.width)],
        ),
        "index_select, rows": by_rows(lambda t, F, x, i: t.index_select(x, 0, i)),
        "index_select, columns": lambda inputs: (
            lambda t, F, x, i: t.index_select(x, 1, i), [inputs.matrix, inputs.draw(inputs.width, inputs.width)]
        ),
        "index_add": lambda inputs: (
            lambda t, F, x, y, i: t.index_add(x, 0, i, y),
            [inputs.matrix, inputs.other, inputs.draw(inputs.rows, inputs.rows)],
        ),
        "x[rows]": by_rows(lambda t, F, x, i: x[i]),
        "x[places]": lambda inputs: (
            lambda t, F, x, i: x[i], [inputs.flat, inputs.draw(inputs.size, inputs.size)]
        ),
        "x[rows, columns]": lambda inputs: (
            lambda t, F, x, i, j: x[i, j],
            [inputs.matrix, inputs.draw(inputs.rows, inputs.size), inputs.draw(inputs.width, inputs.size)],
        ),
        "x[mask]": lambda inputs: (lambda t, F, x, m: x[m], [inputs.matrix, inputs.mask()]),
        "where": lambda inputs: (
            lambda t, F, x, y, m: t.where(m, x, y), [inputs.matrix, inputs.other, inputs.mask()]
        ),
        "masked_fill": lambda inputs: (lambda t, F, x, m: x.masked_fill(m, 0.5), [inputs.matrix, inputs.mask()]),
    }  # fmt: skip


def _scans() -> dict[str, Build]:
    found: dict[str, Build] = {}
    for where, dim in (("last", -1), ("first", 0)):
        for name in ("cumsum", "logcumsumexp"):
            found[f"{name}, {where}"] = _each(lambda t, F, x, n=name, d=dim: getattr(t, n)(x, d), "matrix")
        found[f"cumprod, {where}"] = lambda inputs, d=dim: (lambda t, F, x: t.cumprod(x, d), [inputs.factors()])
        found[f"cumprod of any, {where}"] = _each(lambda t, F, x, d=dim: t.cumprod(x, d), "matrix")
        found[f"cummax, {where}"] = _each(lambda t, F, x, d=dim: t.cummax(x, d).values, "matrix")
    return found


LAYOUTS: dict[str, tuple[tuple[int, ...], int]] = {
    "one line": ((-1,), 0),
    "short lines": ((-1, 10), 1),
    "lines of 64": ((-1, 64), 1),
    "beside few": ((-1, 10), 0),
    "middle": ((-1, 100, 100), 1),
    "few steps": ((16, -1), 0),
}
"""Shapes other than about square matrices, and the dimension to work along."""

ALONG: dict[str, Callable[..., Any]] = {
    **{
        name: lambda t, x, d, i, j, n=name: getattr(t, n)(x, d)
        for name in ("sum", "var", "amax", "softmax", "log_softmax", "logsumexp", "cumsum", "cumprod")
    },
    **{name: lambda t, x, d, i, j, n=name: getattr(t, n)(x, d).values for name in ("max", "cummax", "sort")},
    "gather": lambda t, x, d, i, j: t.gather(x, d, i),
    "scatter_add": lambda t, x, d, i, j: t.scatter_add(x, d, i, x),
    "scatter_reduce": lambda t, x, d, i, j: t.scatter_reduce(x, d, i, x, "amax"),
    "index_select": lambda t, x, d, i, j: t.index_select(x, d, j),
    "index_add": lambda t, x, d, i, j: t.index_add(x, d, j, x),
}


def _layouts() -> dict[str, Build]:
    def along(name: str, shape: tuple[int, ...], dim: int) -> Build:
        def build(inputs: Inputs) -> tuple[Callable[..., Any], list[Any]]:
            values = inputs.factors().reshape(-1) if name == "cumprod" else inputs.flat
            rest = inputs.size % -math.prod(shape)  # one dimension is -1
            x = values[: inputs.size - rest].reshape(shape)
            return lambda t, F, x, i, j: ALONG[name](t, x, dim, i, j), [x, *inputs.places(x.shape, dim)]

        return build

    return {f"{name}, {layout}": along(name, shape, dim) for layout, (shape, dim) in LAYOUTS.items() for name in ALONG}


def _sorting() -> dict[str, Build]:
    return {
        "sort, all": _each(lambda t, F, x: t.sort(x).values, "flat"),
        **_unary({
            "sort, last": lambda t, F, x: t.sort(x, -1).values,
            "sort, first": lambda t, F, x: t.sort(x, 0).values,
            "argsort, last": lambda t, F, x: t.argsort(x, -1),
            "topk, last": lambda t, F, x: t.topk(x, 10).values,
            "median, all": lambda t, F, x: t.median(x),
            "median, last": lambda t, F, x: t.median(x, -1).values,
            "kthvalue, last": lambda t, F, x: t.kthvalue(x, 20).values,
        }),
        "unique": lambda inputs: (lambda t, F, i: t.unique(i), [inputs.draw(100_000, inputs.size)]),
    }  # fmt: skip


def _einsum() -> dict[str, Build]:
    def blocks(inputs: Inputs, *shape: int) -> list[Any]:
        count = inputs.size // int(np.prod(shape))
        return [a[: count * int(np.prod(shape))].reshape(count, *shape) for a in (inputs.flat, inputs.second)]

    def einsum(pattern: str, operands: Callable[[Inputs], list[Any]]) -> Build:
        return lambda inputs: (lambda t, F, *xs: t.einsum(pattern, *xs), operands(inputs))

    def square(inputs: Inputs) -> list[Any]:
        return [inputs.matrix, inputs.second[: inputs.width**2].reshape(inputs.width, inputs.width)]

    cases: dict[str, Callable[[Inputs], list[Any]]] = {
        "ij,jk->ik": square,
        "bij,bjk->bik": lambda inputs: blocks(inputs, 100, 100),
        "bhqd,bhkd->bhqk": lambda inputs: blocks(inputs, 8, 32, 32),
        "ij,ij->": lambda inputs: [inputs.matrix, inputs.other],
        "ij,ij->i": lambda inputs: [inputs.matrix, inputs.other],
        "ij,j->i": lambda inputs: [inputs.matrix, inputs.second[: inputs.width]],
        "ij,i->j": lambda inputs: [inputs.matrix, inputs.second[: inputs.rows]],
        "ij->ji": lambda inputs: [inputs.matrix],
    }
    return {pattern: einsum(pattern, operands) for pattern, operands in cases.items()}


def _joining() -> dict[str, Build]:
    return {
        **{
            name: _each(function, "matrix", "other")
            for name, function in {
                "cat, rows": lambda t, F, x, y: t.cat([x, y]),
                "cat, columns": lambda t, F, x, y: t.cat([x, y], 1),
                "stack": lambda t, F, x, y: t.stack([x, y]),
                "stack, last": lambda t, F, x, y: t.stack([x, y], -1),
            }.items()
        },
        **_unary({
            "flip": lambda t, F, x: t.flip(x, (0, 1)),
            "roll": lambda t, F, x: t.roll(x, (7, -3), (0, 1)),
            "pad": lambda t, F, x: F.pad(x, (1, 2, 3, 4)),
            "transpose, contiguous": lambda t, F, x: x.transpose(0, 1).contiguous(),
            "repeat_interleave": lambda t, F, x: t.repeat_interleave(x, 2, 0),
        }),
    }  # fmt: skip


def _pointwise() -> dict[str, Build]:
    return _unary({
        "exp": lambda t, F, x: t.exp(x),
        "tanh": lambda t, F, x: t.tanh(x),
        "sigmoid": lambda t, F, x: t.sigmoid(x),
        "gelu": lambda t, F, x: F.gelu(x),
        "silu": lambda t, F, x: F.silu(x),
        "relu": lambda t, F, x: F.relu(x),
        "x * x + x": lambda t, F, x: x * x + x,
    })  # fmt: skip


def _batches() -> dict[str, Build]:
    """Many small matrices, attention over sequences, and convolutions of groups."""

    def small(function: Callable[..., Any], n: int, *columns: int) -> Build:
        def build(inputs: Inputs) -> tuple[Callable[..., Any], list[Any]]:
            count = inputs.size // (n * n)
            lower = np.tril(0.1 * inputs.flat[: count * n * n].reshape(count, n, n)) + 2 * np.eye(n, dtype=np.float32)
            return function, [lower, *[inputs.second[: count * n * k].reshape(count, n, k) for k in columns]]

        return build

    def attention(inputs: Inputs) -> tuple[Callable[..., Any], list[Any]]:
        length = 256 if inputs.size > 1 << 18 else 16
        count = inputs.size // (8 * length * 32)
        shape = (count, 8, length, 32)
        q, k = (a[: count * 8 * length * 32].reshape(shape) for a in (inputs.flat, inputs.second))
        return (lambda t, F, q, k: F.scaled_dot_product_attention(q, k, k, is_causal=True)), [q, k]

    def convolution(inputs_in_group: int, **settings: int) -> Build:
        def build(inputs: Inputs) -> tuple[Callable[..., Any], list[Any]]:
            weight = inputs.second[: 16 * inputs_in_group * 9].reshape(16, inputs_in_group, 3, 3)
            return (lambda t, F, x, w: F.conv2d(x, w, padding=1, **settings)), [inputs.images(), weight]

        return build

    return {
        **{
            f"{name}, {n} x {n}": small(function, n, *columns)
            for n in (4, 32)
            for name, function, columns in (
                ("cholesky", lambda t, F, a: t.linalg.cholesky(a @ a.mT), ()),
                ("solve_triangular", lambda t, F, a, b: t.linalg.solve_triangular(a, b, upper=False), (3,)),
                ("solve", lambda t, F, a, b: t.linalg.solve(a, b), (3,)),
                ("slogdet", lambda t, F, a: t.linalg.slogdet(a)[1], ()),
                ("inv", lambda t, F, a: t.linalg.inv(a), ()),
            )
        },
        "attention": attention,
        "conv2d, depthwise": convolution(1, groups=16),
        "conv2d, 4 groups": convolution(4, groups=4),
    }


FAMILIES: dict[str, Callable[[], dict[str, Build]]] = {
    "reductions": _reductions,
    "softmax": _softmax,
    "indexing": _indexing,
    "scans": _scans,
    "layouts": _layouts,
    "batches": _batches,
    "sorting": _sorting,
    "einsum": _einsum,
    "joining": _joining,
    "pointwise": _pointwise,
}


class Figure:
    """One op at one size: what is repeated, how often, and what it computes."""

    def __init__(self, t: Any, F: Any, build: Build, inputs: Inputs) -> None:
        function, arrays = build(inputs)
        self.tensors = [t.from_numpy(array) for array in arrays]
        self.leaves = [x.requires_grad_() for x, a in zip(self.tensors, arrays, strict=True) if a.dtype == np.float32]
        out = function(t, F, *self.tensors)
        self.seed = None
        if out.requires_grad:
            count = int(np.prod(tuple(out.shape)))
            self.seed = t.from_numpy(inputs.seed[:count].reshape(tuple(out.shape)))

        def step() -> Any:
            for leaf in self.leaves:
                leaf.grad = None
            result = function(t, F, *self.tensors)
            if self.seed is not None:
                result.backward(self.seed)
            return result

        self.step = step
        self.values = absolute_sums([step().detach(), *[leaf.grad for leaf in self.leaves if leaf.grad is not None]])
        start = time.perf_counter()
        step()
        self.repeats = max(1, min(50, int(LONG_ENOUGH / (time.perf_counter() - start))))
        self.forget()

    def measure(self, repeats: int | None) -> float:
        """Milliseconds of a step."""
        taken = seconds(self.step, repeats or self.repeats) * 1e3
        self.forget()
        return taken

    def forget(self) -> None:
        """Give back the memory of the gradients, which other figures need."""
        for leaf in self.leaves:
            leaf.grad = None


def _label(name: str, size: int) -> str:
    return f"{name}, {size:.0e}".replace("e+0", "e")


def figure_names(family: str, sizes: list[int]) -> list[str]:
    """The names of a family's figures."""
    return [_label(name, size) for name in FAMILIES[family]() for size in sizes]


def _measure(t: Any, F: Any, family: str, sizes: list[int], width: int, repeats: int | None) -> Measure:
    every = {size: Inputs(size, width) for size in sizes}
    found = {
        _label(name, size): Figure(t, F, build, inputs)
        for name, build in FAMILIES[family]().items()
        for size, inputs in every.items()
    }
    values = [value for figure in found.values() for value in figure.values]
    return lambda: ({name: figure.measure(repeats) for name, figure in found.items()}, values)


def chainrule(family: str, sizes: list[int], width: int, repeats: int | None = None) -> Measure:
    """This library."""
    import autograd
    import nn.functional

    return _measure(autograd, nn.functional, family, sizes, width, repeats)


def torch(family: str, sizes: list[int], width: int, repeats: int | None = None) -> Measure:
    """PyTorch, eager."""
    import torch
    import torch.nn.functional

    torch.set_num_threads(2)
    return _measure(torch, torch.nn.functional, family, sizes, width, repeats)
