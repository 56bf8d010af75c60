"""Arguments: what makes no sense is refused, of empty and 0-d tensors too; PyTorch's names are taken: a line each."""

import numpy as np
import pytest

import autograd
import nn
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


square = tensor([[2.0, 1.0], [1.0, 3.0]])
pair = x[None, None]

NAMED = [
    (lambda: autograd.t(input=x), lambda: x.t()),
    (lambda: autograd.adjoint(input=x), lambda: x.mT),
    (lambda: autograd.argwhere(input=x), lambda: autograd.argwhere(x)),
    (lambda: autograd.nonzero(input=x, as_tuple=True), lambda: autograd.nonzero(x, as_tuple=True)),
    (lambda: autograd.combinations(input=x[0], r=2), lambda: autograd.combinations(x[0], 2)),
    (lambda: autograd.tensordot(a=x, b=x, dims=2), lambda: autograd.tensordot(x, x, 2)),
    (lambda: autograd.bernoulli(input=x * 0), lambda: x * 0),
    (lambda: autograd.multinomial(input=tensor([0.0, 1.0]), num_samples=1), lambda: tensor([1])),
    (lambda: autograd.rand_like(input=x).shape, lambda: (2, 3)),
    (lambda: autograd.randn_like(input=x).shape, lambda: (2, 3)),
    (lambda: autograd.randint_like(input=x, low=2, high=3), lambda: x * 0 + 2),
    (lambda: autograd.randint_like(input=x, high=1), lambda: x * 0),
    (lambda: autograd.dropout(input=x, p=0.5, train=False), lambda: x),
    (lambda: autograd.alpha_dropout(input=x, p=0.5, train=False), lambda: x),
    (lambda: linalg.lstsq(input=square, b=square).solution.round(), lambda: autograd.eye(2)),
    (lambda: F.one_hot(input=tensor([1])), lambda: tensor([[0, 1]])),
    (
        lambda: F.bilinear(input1=square, input2=square, weight=square[None]),
        lambda: F.bilinear(square, square, square[None]),
    ),
    (lambda: F.relu_(input=-x), lambda: x * 0),
    (lambda: F.hardtanh_(input=x.clone(), min_val=0.0, max_val=2.0), lambda: x.clamp(0, 2)),
    (lambda: x.new_zeros(size=(2,)), lambda: autograd.zeros(2)),
    (lambda: x.new_ones(size=[2, 3], dtype=autograd.int8), lambda: autograd.ones(2, 3, dtype=autograd.int8)),
    (lambda: x.new_empty(size=(2, 3)).shape, lambda: (2, 3)),
    (lambda: x.view(size=(3, 2)), lambda: x.reshape(3, 2)),
    (lambda: x.view(dtype=autograd.int32), lambda: x.view(autograd.int32)),
    (lambda: autograd.zeros(2, 3).copy_(other=x, non_blocking=True), lambda: x),
    (lambda: x.type(autograd.float64, non_blocking=True), lambda: x.double()),
    (lambda: x.cpu(memory_format=autograd.preserve_format), lambda: x),
    (lambda: x.clone().uniform_(**{"from": 2, "to": 2}), lambda: x * 0 + 2),
    (lambda: x.clone().random_(to=1), lambda: x * 0),
    (lambda: autograd.finfo(type=autograd.float16).max, lambda: 65504.0),
    (lambda: autograd.iinfo(type=autograd.int8).max, lambda: 127),
    (lambda: autograd.set_rng_state(new_state=autograd.get_rng_state()), lambda: None),
    (lambda: autograd.Generator().set_state(new_state=autograd.Generator().get_state()), lambda: None),
    (lambda: x.is_contiguous(memory_format=autograd.contiguous_format), lambda: True),
    (lambda: autograd.empty(2, 0, memory_format=autograd.contiguous_format), lambda: autograd.empty(2, 0)),
    (lambda: F.unfold(pair, tensor([1, 2]), stride=np.array([1, 2])), lambda: F.unfold(pair, (1, 2), stride=(1, 2))),
    (lambda: F.max_pool2d(pair, tensor([1, 2]), np.array([2, 1])), lambda: F.max_pool2d(pair, (1, 2), (2, 1))),
    (lambda: nn.Conv2d(1, 1, tensor([1, 2]), stride=np.array([2, 1])), lambda: nn.Conv2d(1, 1, (1, 2), stride=(2, 1))),
    (lambda: autograd.promote_types(type1=autograd.int8, type2=autograd.float32), lambda: autograd.float32),
]


@pytest.mark.parametrize("place", range(len(NAMED)))
def test_the_names_of_arguments_are_pytorchs(place):
    by_name, expected = (make() for make in NAMED[place])
    assert repr(by_name) == repr(expected)


@pytest.mark.parametrize("mode", [True, False])
def test_inference_mode_by_name(mode):
    with autograd.inference_mode(mode=mode):
        assert autograd.is_inference_mode_enabled() is mode
    assert autograd.inference_mode(mode=mode)(autograd.is_inference_mode_enabled)() is mode


def test_contiguous_in_another_order():
    images = autograd.zeros(2, 4, 4, 3).permute(0, 3, 1, 2)
    volumes = autograd.zeros(2, 4, 4, 4, 3).permute(0, 4, 1, 2, 3)
    assert images.is_contiguous(memory_format=autograd.channels_last)
    assert not images.is_contiguous()
    assert volumes.is_contiguous(memory_format=autograd.channels_last_3d)
    assert not volumes.is_contiguous(memory_format=autograd.channels_last)
    assert not images.contiguous().is_contiguous(memory_format=autograd.channels_last)


def test_transposed_numbers_are_themselves():
    turn = tensor(2.0 + 1.0j)
    assert values(turn.mT) == values(turn.T) == 2 + 1j
    assert values(turn.mH) == values(turn.H) == values(autograd.adjoint(turn)) == 2 - 1j
