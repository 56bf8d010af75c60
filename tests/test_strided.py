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


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: x.as_strided((2,), (1, 1)), ValueError, "as many sizes as strides"),
        (lambda x: x.as_strided((2,), (-1,)), ValueError, "none negative"),
        (lambda x: x.t().as_strided((2,), (1,)), ValueError, r"of shape \(3, 2\) is not contiguous"),
        (lambda x: x[1].as_strided((2,), (1,), 0), ValueError, "a part of another one"),
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
