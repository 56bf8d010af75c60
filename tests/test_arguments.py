"""Dimensions, sizes and counts that make no sense are refused, of empty and 0-d tensors too: a line each."""

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd import linalg, tensor
from tests.helpers import leaf, values

x = tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
number = tensor(2.0)
nothing = autograd.zeros(0)

REFUSED = [
    # dimensions that there are not
    (lambda: linalg.matrix_norm(x, dim=(0, 3)), IndexError, "axis 3"),
    (lambda: linalg.matrix_norm(x, 1, (-3, 0)), IndexError, "axis -3"),
    (lambda: linalg.norm(x, 2, dim=(0, 5)), IndexError, "axis 5"),
    (lambda: autograd.tensordot(x, x, ([0], [2])), IndexError, "axis 2"),
    (lambda: autograd.tensordot(number, x, ([0], [0])), IndexError, "axis 0"),
    (lambda: autograd.tensordot(number, number, 1), IndexError, "axis"),
    (lambda: nothing.softmax(1), IndexError, "axis 1"),
    (lambda: nothing.log_softmax(-2), IndexError, "axis -2"),
    (lambda: x[:0].gather(2, tensor(np.zeros((0, 3), int))), IndexError, "axis 2"),
    (lambda: number.transpose(0, 1), IndexError, "axis 1"),
    (lambda: number.flip(1), IndexError, "axis 1"),
    (lambda: number.unfold(1, 1, 1), IndexError, "axis 1"),
    # dimensions that are named twice, or are too few or too many
    (lambda: autograd.squeeze(x, (0, 0)), RuntimeError, "twice"),
    (lambda: autograd.squeeze(x, (1, -1)), RuntimeError, "twice"),
    (lambda: number.flip((0, 0)), RuntimeError, "repeated"),
    (lambda: x.roll(1, (0, 1)), RuntimeError, "equally many"),
    (lambda: linalg.matrix_norm(x, dim=(0,)), RuntimeError, "two dimensions"),
    (lambda: linalg.norm(x[0], "fro"), RuntimeError, "expected matrices"),
    (lambda: linalg.norm(x, "nuc", 0), RuntimeError, "two dimensions"),
    (lambda: linalg.matrix_norm(x, "frobenius"), ValueError, "'frobenius'"),
    # sizes, counts and orders that are negative, or 0 where that means nothing
    (lambda: x.reshape(-2, 3), RuntimeError, r"negative.*\(-2, 3\)"),
    (lambda: x.view(-3), RuntimeError, "negative.*-3"),
    (lambda: nothing.reshape(-2), RuntimeError, "negative"),
    (lambda: tensor([1.0]).unflatten(0, (-1, -1)), RuntimeError, "do not multiply"),
    (lambda: nothing.unflatten(0, (0, -1)), RuntimeError, "do not multiply"),
    (lambda: autograd.tensordot(x, x, -1), RuntimeError, "negative"),
    (lambda: autograd.tensordot(x, x, [0, 1, 2]), ValueError, r"two lists of dimensions, got \[0, 1, 2\]"),
    (lambda: x.clamp(), RuntimeError, "at least one of 'min' and 'max'"),
    (lambda: autograd.randperm(-1), RuntimeError, "negative"),
    (lambda: autograd.tril_indices(-1, 2), RuntimeError, "negative"),
    (lambda: autograd.triu_indices(2, -1), RuntimeError, "negative"),
    (lambda: autograd.multinomial(x[1], 0), ValueError, "at least one"),
    (lambda: autograd.mvlgamma(x + 5, 0), ValueError, "at least 1"),
    (lambda: linalg.tensorinv(number, 0), RuntimeError, "at least 1"),
    (lambda: F.one_hot(x.long(), -2), ValueError, "at least one class"),
    (lambda: F.one_hot(nothing.long(), 0), ValueError, "at least one class"),
    # fractions
    (lambda: x.roll(0.5), TypeError, "integer"),
    (lambda: x.tril(0.5), TypeError, "integer"),
    (lambda: autograd.rot90(x, 1.0), TypeError, "integer"),
    (lambda: autograd.linspace(0, 1, 2.5), TypeError, "integer"),
    (lambda: autograd.randint(5.5, (2,)), TypeError, "integer"),
    (lambda: autograd.randperm(2.5), RuntimeError, "integers"),
]


@pytest.mark.parametrize("place", range(len(REFUSED)))
def test_refused(place):
    call, kind, words = REFUSED[place]
    with pytest.raises(kind, match=words):
        call()


def test_accepted():
    assert autograd.zeros(2, 0, 3).unflatten(0, (1, -1)).shape == (1, 2, 0, 3)
    assert nothing.unflatten(0, (-1, 2)).shape == (0, 2)
    assert values(x.roll(np.int64(1), np.int64(0))) == values(x.roll(1, 0)) == [[3, 4, 5], [0, 1, 2]]
    assert values(x.roll(tensor([1, -1]), (0, 1))) == [[4, 5, 3], [1, 2, 0]]
    assert values(x.roll(1, ())) == values(x.roll(1)) == [[5, 0, 1], [2, 3, 4]]
    assert values(np.roll(x, 1, (0, 1))) == [[5, 3, 4], [2, 0, 1]]
    assert values(number.transpose(0, -1)) == values(number.flip(0)) == 2
    assert autograd.block_diag().shape == (1, 0)


def test_roll_of_all_elements_and_its_gradient():
    y = leaf(1.0, 2.0, 3.0)
    (found,) = autograd.grad(y.roll(1, ()) @ leaf(5.0, 6.0, 7.0), y)
    assert values(found) == [6, 7, 5]
