"""``as_strided``: elements read at steps of one's own."""

import math

import numpy as np
import pytest

import autograd


@pytest.mark.parametrize(
    ("shape", "size", "stride", "offset"),
    [
        ((6,), (2, 3), (1, 2), None), ((2, 3), (2, 2), (2, 1), 1), ((2, 3), (), (), 5), ((4,), (3, 0), (7, 1), 2),
        ((2, 2), (2, 2, 2), (1, 1, 1), 0), ((3,), (2, 4), (1, 0), 1),
    ],
)  # fmt: skip
def test_as_strided_reads_at_steps(shape, size, stride, offset):
    x = np.arange(1.0, math.prod(shape) + 1).reshape(shape)
    t = autograd.tensor(x, requires_grad=True)
    found = t.as_strided(size, stride, offset)
    memory, expected, slope = x.ravel(), np.empty(size), np.zeros(x.size)
    for place in np.ndindex(*size):
        number = (offset or 0) + sum(i * s for i, s in zip(place, stride, strict=True))
        expected[place] = memory[number]
        slope[number] += 2 * memory[number]
    np.testing.assert_array_equal(found.detach(), expected)
    found.square().sum().backward()
    np.testing.assert_array_equal(t.grad, slope.reshape(shape))


def test_as_strided_is_a_view_that_is_not_written_to():
    x = autograd.arange(5.0)
    windows = autograd.as_strided(x, (3, 3), (1, 1))
    x[2] = 9.0
    assert windows.diagonal().tolist() == [0.0, 9.0, 4.0]
    with pytest.raises(autograd.MutationError, match="read-only"):
        windows.add_(1)
    assert x[1:].as_strided((2,), (3,)).tolist() == [1.0, 4.0]
    assert x.reshape(5, 1).as_strided((1,), (1,), 2).tolist() == [9.0]
    rows = autograd.func.vmap(lambda row: row.as_strided((2, 2), (1, 1)))(autograd.arange(6.0).reshape(2, 3))
    assert rows.tolist() == [[[0.0, 1.0], [1.0, 2.0]], [[3.0, 4.0], [4.0, 5.0]]]


@pytest.mark.parametrize("cut", [
    lambda x: x.t(), lambda x: x[:, 1:], lambda x: x[1], lambda x: x[1:].t(), lambda x: x.t()[1:, ::2],
    lambda x: x[::2],
])  # fmt: skip
def test_as_strided_of_what_is_turned_or_a_part_counts_places_in_memory(cut):
    memory = np.arange(12.0)
    for whole in (lambda x: x * 1, lambda x: (x.t() * 1).t()):
        x = autograd.tensor(memory.reshape(3, 4), requires_grad=True)
        y = whole(x)
        part = cut(y)
        again = part.as_strided(part.shape, part.stride())
        assert autograd.equal(again, part)
        (again * part.detach()).sum().backward()
        (expected,) = autograd.grad((cut(x) ** 2).sum() / 2, x)
        assert autograd.equal(x.grad, expected)
        assert part.as_strided((2, 2), (3, 1), 1).tolist() == y.as_strided((2, 2), (3, 1), 1).tolist()
        with autograd.no_grad():
            y.mul_(2)
        assert autograd.equal(again, 2 * cut(x))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: x.as_strided((2,), (1, 1)), ValueError, "as many sizes as strides"),
        (lambda x: x.as_strided((2,), (-1,)), ValueError, "none negative"),
        (lambda x: x[1].detach().as_strided((2,), (1,), 0), ValueError, r"of shape \(3,\) lies in memory that is not"),
        (lambda x: x[:, 1:].detach().as_strided((2,), (1,)), ValueError, "not known as a whole"),
        (lambda x: x[1:].requires_grad_().t().as_strided((2,), (1,), 0), ValueError, "not known as a whole"),
        (lambda x: autograd.from_numpy(np.ones((2, 4))[:, ::2]).as_strided((2,), (1,)), ValueError, "not known as a"),
        (lambda x: x[1].as_strided((2,), (4,), 3), IndexError, "reach element 7"),
        (
            lambda x: x.as_strided((2, 2), (3, 3)),
            IndexError,
            "reach element 6, but the tensor of shape .* has 6",
        ),
        (lambda x: x.as_strided((2,), (1,), -1), IndexError, "from element -1 on"),
    ],
)
def test_as_strided_beyond_a_tensor(call, error, message):
    with pytest.raises(error, match=message):
        call(autograd.ones(2, 3))
