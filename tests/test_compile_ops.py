"""Everything goes through ``autograd.compile`` with the numbers that it has without: every op, layer and optimizer.

What is compared is exact: the program makes the NumPy calls that the recorded run made.
"""

from __future__ import annotations

import math
import zlib

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd import _gradients, compiler
from autograd.compiler import passes, runs
from autograd.engine.nodes import Handle, new_tensor
from autograd.func import vmap
from autograd.ops.lines import put_lines, put_lines_backward
from autograd.testing.calls import flat
from autograd.testing.strategies import draw_arguments
from autograd.testing.subject import Subject, differentiable_outputs, table
from tests.helpers import require_same

# ---- every op --------------------------------------------------------------------------------------------------------

SUBJECTS = [Subject(target) for target in table()]

BY_VALUES = {
    "class_margins": "how many classes are listed",
    "ctc_loss": "lengths",
    "ctc_nll": "the shortest input",
    "euclidean_distances": "which points are near each other",
    "getitem": "how many elements a mask selects",
    "group_norm": "whether a mean is far from 0",
    "histc": "how many elements lie inside",
    "layer_norm": "whether a mean is far from 0",
    "multilabel_margin_loss": "how many labels are listed",
    "multilabel_slope": "how many labels are listed",
    "one_hot": "the largest index",
    "repeat_interleave": "the counts",
    "unique_parts": "how many values are distinct",
}
"""Ops that Python steers by values: for other values they may be recorded again; the numbers are right all the same."""


def narrow(array):
    """Floating numbers in the default dtype, which has fast ways of its own."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fc":
        return array
    return array.astype(np.float32 if array.dtype.kind == "f" else np.complex64)


class Calls:
    """A case of an op, for numbers that are drawn: its values and gradients as one function of arrays.

    The arrays that a case has as constants (indices, targets, weights) are among the arguments, too.
    """

    def __init__(self, subject, number):
        self.subject, self.case = subject, subject.cases[number]
        self.slots = subject.slots(self.case)
        self.constants = [name for name, value in self.case.arguments.items() if isinstance(value, np.ndarray)]
        self.seed = zlib.crc32(f"{subject.name}{number}".encode())
        self.leaves = [n for n, slot in enumerate(self.slots) if slot.leaf] if subject.differentiable else []

    def arrays(self, draw):
        shapes = [(2, 3) if slot.domain.shape is None else slot.domain.shape for slot in self.slots]
        made = draw_arguments(self.subject, self.case, self.slots, shapes, self.seed + draw).made
        return [narrow(array) for array in made], [narrow(self.case.arguments[name]) for name in self.constants]

    def other_constants(self, arrays, seeds, constants):
        """The constants turned round, if that is as legal."""
        turned = [np.ascontiguousarray(constant[::-1]) if constant.ndim else constant for constant in constants]
        try:
            with np.errstate(all="ignore"):
                self(arrays, seeds, turned)
        except (ValueError, IndexError, TypeError, RuntimeError):
            return constants
        return turned

    def call(self, given, constants):
        case = self.case._replace(
            arguments={**self.case.arguments, **dict(zip(self.constants, constants, strict=True))}
        )
        return self.subject.call(case, self.slots, given)

    def seeds(self, arrays, constants):
        rng = np.random.default_rng(self.seed)
        made = []
        for out in differentiable_outputs(self.call([new_tensor(array) for array in arrays], constants)):
            seed = rng.normal(size=out.shape)
            made.append(np.asarray(seed + 1j * seed if out.dtype.kind == "c" else seed).astype(out.dtype))
        return made if self.leaves else []

    def __call__(self, arrays, seeds, constants):
        given = [new_tensor(array) for array in arrays]
        if not self.leaves:
            return [out._data if isinstance(out, Handle) else out for out in flat(self.call(given, constants))]
        for n in self.leaves:
            given[n].requires_grad_()
        outs = differentiable_outputs(self.call(given, constants))
        pairs = [(out, new_tensor(seed)) for out, seed in zip(outs, seeds, strict=True) if out.requires_grad]
        leaves = [given[n] for n in self.leaves]
        found = ()
        if pairs:
            found = _gradients.grad([p[0] for p in pairs], leaves, [p[1] for p in pairs], allow_unused=True)
        return [out.detach()._data for out in outs] + [None if g is None else g._data for g in found]


def copies(trees):
    return [[array.copy() if isinstance(array, np.ndarray) else array for array in tree] for tree in trees]


class Recorded(AssertionError):
    """The function was called where its program should have run."""


def never(*args, **kwargs):
    raise Recorded


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_every_op_and_its_gradient(subject, monkeypatch):
    """Recorded on some numbers, the program has eager's results for other numbers: small arrays, and, for the first
    case, as if they were large: then what works row by row does so on blocks of a few elements.
    """
    cases = range(len(subject.cases))
    require_same_on_others(subject, cases[1:] or cases)
    for name, value in {"LARGE": 1, "ALONE": 1, "BLOCK": 6, "FEWEST": 2}.items():
        monkeypatch.setattr(runs, name, value)
    monkeypatch.setitem(passes.PASSES, "join_sums", lambda program: None)  # which changes the order of additions
    require_same_on_others(subject, cases[:1])


def require_same_on_others(subject, cases):
    for number in cases:
        calls = Calls(subject, number)
        arrays, constants = calls.arrays(0)
        seeds = calls.seeds(arrays, constants)
        others = calls.arrays(1)[0]
        turned = calls.other_constants(others, seeds, constants)

        def step(arrays, seeds, constants, calls=calls):
            return calls(arrays, seeds, constants)

        compiled = compiler.compile(step, verify=False)
        first, second = (arrays, seeds, constants), (others, seeds, turned)
        require_same(compiled(*copies(first)), step(*copies(first)), f"case {number}, recorded")
        if subject.name not in BY_VALUES:
            compiled.function = never
        require_same(compiled(*copies(second)), step(*copies(second)), f"case {number}, on other numbers")
        assert compiled.source


WRITTEN = {
    "an element": (lambda x: x[1], (4,)),
    "an element of two dimensions": (lambda x: x[1, -1], (2, 3)),
    "an element of a view": (lambda x: x.diagonal()[0], (2, 2)),
    "a selected element": (lambda x: x.select(0, 1), (3,)),
    "an element with an Ellipsis": (lambda x: x[..., 1], (3,)),
    "the last of a list": (lambda x: x.unbind()[-1], (3,)),
    "rows": (lambda x: x[1:], (3, 2)),
    "pairs as complex numbers": (autograd.view_as_complex, (3, 2)),
    "complex numbers as pairs": (lambda x: autograd.view_as_real(autograd.view_as_complex(x).t()), (3, 2, 2)),
    "bytes": (lambda x: x.view(autograd.int64), (3,)),
}


@pytest.mark.parametrize(("view", "shape"), WRITTEN.values(), ids=WRITTEN)
def test_what_is_written_through_a_view(view, shape):
    def step(x):
        y = x * 1
        view(y).mul_(2)
        return y, view(y) * 1

    x = autograd.arange(1.0, 1 + math.prod(shape)).reshape(shape).double()
    for verify in (True, False):
        compiled = autograd.compile(step, verify=verify)
        for i in range(4):
            for found, expected in zip(compiled(x + i), step(x + i), strict=True):
                assert autograd.equal(found, expected)
        assert compiled.recordings == 1
    many = autograd.stack([x, x + 1])
    for found, expected in zip(vmap(step)(many), zip(*map(step, many), strict=True), strict=True):
        assert autograd.equal(found, autograd.stack(list(expected)))


class Holder:
    """Something with a tensor."""

    x = None


NUMBERS = {
    "reshape": lambda x: x.reshape(1) * 2,
    "expand": lambda x: x.expand(3) * 2,
    "index": lambda x: x[None] * 2,
    "diagflat": autograd.diagflat,
    "write": lambda x: x.add_(1) * 2,
    "write through a view": lambda x: x.reshape(1).add_(1) * x,
    "write through data": lambda x: x.data.mul_(3) + x,
}


@pytest.mark.parametrize("function", NUMBERS.values(), ids=NUMBERS)
def test_a_number_that_is_another_tensor_at_each_call(function):
    compiled, held = autograd.compile(function), Holder()
    inside = autograd.compile(lambda: function(held.x))
    for i in range(6):
        x, y, held.x = autograd.tensor(i + 0.5), autograd.tensor(i + 0.5), autograd.tensor(i + 0.5)
        expected = function(x)
        assert autograd.equal(compiled(y), expected)
        assert autograd.equal(inside(), expected)
        assert x == y == held.x
    assert compiled.recordings == 1
    assert inside.recordings <= 2


def test_what_an_index_selects_lies_as_it_does_uncompiled():
    """Which of its views are possible depends on that, and the order in which it is summed."""

    def step(x, index):
        selected = x[:, index]
        return selected.view(-1), selected.is_contiguous()

    compiled, x = autograd.compile(step, fullgraph=True), autograd.randn(2, 3, 5)
    for index in (autograd.tensor([2, 0]), autograd.tensor([1, 1]), autograd.tensor([0, 2])):
        found, contiguous = compiled(x, index)
        assert contiguous
        assert autograd.equal(found, x[:, index].view(-1))
    assert compiled.recordings == 1


@pytest.mark.parametrize("index", [((1, 0),), (slice(None), (2, 0)), (1, (0, 1), (2, 0)), (0, slice(None), range(2))])
def test_tuples_and_ranges_in_an_index_stay_such(index):
    compiled, x = autograd.compile(lambda x: x[index] * 2, fullgraph=True), autograd.randn(2, 3, 4)
    for _ in range(3):
        assert autograd.equal(compiled(x), x[index] * 2)
    assert compiled.recordings == 1


AT_AN_INDEX = {
    "scatter": lambda index: autograd.zeros(3, 5).scatter(1, index, 2.0),
    "scatter, added": lambda index: autograd.ones(3, 5).scatter(1, index, 1.0, reduce="add"),
    "scatter, multiplied": lambda index: autograd.ones(3, 5).scatter(1, index, 3.0, reduce="multiply"),
    "index_put": lambda index: autograd.zeros(5).index_put((index[:, 0],), autograd.tensor(1.0), accumulate=True),
    "index_fill": lambda index: autograd.zeros(5).index_fill(0, index[:, 0], 2.0),
}


@pytest.mark.parametrize("function", AT_AN_INDEX.values(), ids=AT_AN_INDEX)
def test_a_number_that_is_put_at_an_index(function):
    """Where the index alone is recorded, a sum at it was a constant of the program."""
    compiled = autograd.compile(function, verify=False)
    for column in ([0, 1, 2], [4, 4, 0], [2, 1, 1]):
        index = autograd.tensor(column)[:, None]
        assert autograd.equal(compiled(index), function(index))
    assert compiled.recordings == 1


MATRICES = {
    "jacrev, places": (lambda x: autograd.func.jacrev(lambda x: x.cummin(-1).values)(x), (2, 4)),
    "jacrev, windows": (lambda x: autograd.func.jacrev(lambda x: F.adaptive_max_pool1d(x, 3))(x), (1, 2, 5)),
    "jacrev, by examples": (
        lambda x: autograd.func.jacrev(lambda x: F.group_norm(x, 2, x.detach()[0, :, 0], x[0, :, 1]))(x), (2, 4, 3),
    ),
    "jacfwd": (lambda x: autograd.func.jacfwd(lambda x: F.max_pool1d(x, 2, return_indices=True)[0])(x), (1, 2, 6)),
    "jacrev of each example": (vmap(autograd.func.jacrev(lambda x: x.cummin(-1).values)), (3, 2, 4)),
    "hessian of each example": (vmap(autograd.func.hessian(lambda x: autograd.matrix_exp(x).sum())), (3, 1, 1)),
}  # fmt: skip


@pytest.mark.parametrize(("matrix", "shape"), MATRICES.values(), ids=MATRICES)
def test_matrices_of_derivatives_at_other_numbers(matrix, shape):
    """What is put at places that the argument decides was a constant: the unit vectors were no arrays that record."""
    compiled, rng = autograd.compile(lambda x: matrix(x), verify=False), np.random.default_rng(0)
    matrix(autograd.ones(shape))  # which imports what is imported late
    for _ in range(4):
        x = autograd.tensor(rng.normal(size=shape))
        require_same(compiled(x), matrix(x))
    assert compiled.recordings == 1


WRITING = {
    "columns": lambda x, y, index: autograd.func.jacfwd(lambda x, y: put_lines(x, y, index, 0) * 3, argnums=(0, 1))(
        x, y
    ),
    "rows": lambda x, y, index: autograd.func.jacrev(lambda x: put_lines_backward(x * 3, index, 0)[1])(x),
}


@pytest.mark.parametrize("step", WRITING.values(), ids=WRITING)
def test_derivatives_of_an_op_that_writes_into_zeros(step):
    """The zeros of what does not move, or gets no gradient, did not record, so what came of them was a constant."""
    compiled, rng = autograd.compile(lambda *given: step(*given), verify=False), np.random.default_rng(0)
    for _ in range(4):
        x, y = (autograd.tensor(rng.normal(size=(rows, 2))) for rows in (3, 2))
        index = rng.permuted(np.array([[0, 1], [1, 0], [2, 2]]), axis=0)[:2]
        require_same(compiled(x, y, index), step(x, y, index))
    assert compiled.recordings == 1
