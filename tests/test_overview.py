"""``nn.summary``: shapes, parameters, multiply-adds and memory, and that the model stays as it is."""

import numpy as np
import pytest

import autograd
import nn


def test_numbers_add_up():
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Sequential(nn.Linear(32, 10)))
    model[0].weight.requires_grad_(False)
    found = nn.summary(model, autograd.zeros(5, 64))
    assert found.parameters == 64 * 32 + 32 + 32 * 10 + 10 == sum(row.parameters for row in found.rows)
    assert found.trainable == found.parameters - 64 * 32
    assert found.multiply_adds == 5 * (64 * 32 + 32 * 10) == sum(row.multiply_adds for row in found.rows)
    assert found.parameter_bytes == 4 * found.parameters
    assert found.activation_bytes == 4 * 5 * (32 + 32 + 10)
    assert [(row.path, row.depth, row.kind, row.shapes) for row in found.rows] == [
        ("", 0, "Sequential", "5 x 10"),
        ("0", 1, "Linear", "5 x 32"),
        ("1", 1, "ReLU", "5 x 32"),
        ("2", 1, "Sequential", "5 x 10"),
        ("2.0", 2, "Linear", "5 x 10"),
    ]
    assert "parameters: 2,410 (2,048 of them frozen)" in repr(found)


class Twice(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(4, 4)
        self.unused = nn.Linear(2, 2)
        self.weight = nn.Parameter(np.ones((3, 4), np.float32))

    def forward(self, x, *, scale=1.0):
        x = self.layer(self.layer(x))
        return {"product": x @ self.weight.T, "sum": autograd.einsum("bi,oi->o", x, self.weight) * scale}


def test_shared_unused_and_own_parameters():
    model = Twice()
    found = nn.summary(model, autograd.zeros(2, 4), scale=2.0)
    top, layer, unused = found.rows
    assert (top.shapes, top.parameters, top.multiply_adds) == (
        "2 x 3, 3",
        12,
        2 * 3 * 4 + 3 * 4,
    )  # einsum sums over b first
    assert (layer.calls, layer.multiply_adds) == (2, 2 * 2 * 16)
    assert (unused.calls, unused.shapes, unused.parameters) == (0, "", 6)
    assert "layer: Linear (2 calls)" in repr(found)


def test_the_model_stays_as_it_is():
    class Counting(nn.Module):
        def __init__(self):
            self.calls = []

        def forward(self, x):
            self.calls.append((self.training, autograd.is_grad_enabled()))
            return x

    model = nn.Sequential(Counting(), nn.Linear(3, 3))
    model[1].train()
    before = [list(vars(module)) for module in model.modules()]
    nn.summary(model, autograd.zeros(1, 3))
    with pytest.raises(autograd.ShapeError, match=r"Sequential\.1"):
        nn.summary(model, autograd.zeros(1, 4))
    assert model[0].calls == [(False, False)] * 2
    assert [list(vars(module)) for module in model.modules()] == before
    assert model.training


@pytest.mark.parametrize(
    ("layer", "shape", "multiply_adds"),
    [
        (nn.Conv2d(4, 6, 3, groups=2), (2, 4, 5, 5), 2 * 6 * 3 * 3 * (2 * 3 * 3)),
        (nn.ConvTranspose2d(4, 6, 3), (2, 4, 5, 5), 2 * 4 * 5 * 5 * (6 * 3 * 3)),
        (nn.LSTM(3, 5, bidirectional=True), (7, 2, 3), 2 * (7 * 2) * 4 * 5 * (3 + 5)),
        (nn.GRU(3, 5), (7, 2, 3), (7 * 2) * 3 * 5 * (3 + 5)),
        (nn.RNN(3, 5, num_layers=2), (7, 2, 3), (7 * 2) * 5 * (3 + 5 + 5 + 5)),
    ],
)
def test_multiply_adds_of_layers(layer, shape, multiply_adds):
    assert nn.summary(layer, autograd.ones(*shape)).multiply_adds == multiply_adds


def test_multiply_adds_of_attention():
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    x = autograd.ones(3, 5, 8)
    projections = 3 * 5 * 8 * 8 * 4
    assert nn.summary(layer, x, x, x).multiply_adds == projections + 3 * 2 * 5 * 5 * (4 + 4)
