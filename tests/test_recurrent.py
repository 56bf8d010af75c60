"""Recurrent layers and cells compute what their formulas say; sequences of various lengths; names, shapes, errors."""

import copy
import itertools
import pickle

import numpy as np
import pytest

import autograd
import nn
from autograd.ops.pullback import pull_back
from autograd.testing import assert_close
from nn.utils import rnn as sequences

# ---- an independent definition: one sequence at a time, one number of the state after the other ----------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step(mode, x, h, c, w_ih, w_hh, b_ih, b_hh):
    a, b = w_ih @ x + b_ih, w_hh @ h + b_hh
    if mode == "LSTM":
        i, f, g, o = (a + b).reshape(4, -1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c
    if mode == "GRU":
        (ar, az, an), (br, bz, bn) = a.reshape(3, -1), b.reshape(3, -1)
        z = sigmoid(az + bz)
        return (1 - z) * np.tanh(an + sigmoid(ar + br) * bn) + z * h, c
    return (np.maximum(a + b, 0) if mode == "RNN_RELU" else np.tanh(a + b)), c


def layer(mode, x, h, c, weights, reverse):
    """One direction over one sequence (time, features)."""
    zero = np.zeros(len(weights["weight_ih"]))
    bias = weights.get("bias_ih", zero), weights.get("bias_hh", zero)
    outputs = []
    for row in x[::-1] if reverse else x:
        h, c = step(mode, row, h, c, weights["weight_ih"], weights["weight_hh"], *bias)
        h = weights["weight_hr"] @ h if "weight_hr" in weights else h
        outputs.append(h)
    return np.array(outputs[::-1] if reverse else outputs), h, c


def expected(model, x, h0, c0):
    """Output and last states of all layers for one sequence."""
    state = {name: p.detach().numpy() for name, p in model.named_parameters()}
    directions = 2 if model.bidirectional else 1
    lasts = []
    for n in range(model.num_layers):
        made = []
        for direction in range(directions):
            end = f"_l{n}" + "_reverse" * direction
            weights = {name.removesuffix(end): p for name, p in state.items() if name.endswith(end)}
            k = n * directions + direction
            out, h, c = layer(model.mode, x, h0[k], c0[k], weights, direction == 1)
            made.append(out)
            lasts.append((h, c))
        x = np.concatenate(made, 1)
    return x, np.array([h for h, _ in lasts]), np.array([c for _, c in lasts])


def build(kind, **settings):
    autograd.manual_seed(1)
    if kind == "ReLU":
        return nn.RNN(3, 4, nonlinearity="relu", dtype="float64", **settings)
    return getattr(nn, kind)(3, 4, dtype="float64", **settings)


def states_of(hx):
    return hx if isinstance(hx, tuple) else (hx,)


KINDS = ("RNN", "ReLU", "GRU", "LSTM")
SETTINGS = [
    {}, {"bias": False, "bidirectional": True}, {"num_layers": 2, "batch_first": True},
    {"num_layers": 2, "bidirectional": True},
]  # fmt: skip
CASES = [(kind, settings) for kind in KINDS for settings in SETTINGS]
CASES += [("LSTM", {"num_layers": 2, "bidirectional": True, "proj_size": 2})]
LENGTHS = (2, 5, 3, 5)


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_layers_follow_their_formulas_for_sequences_of_any_length(kind, settings):
    model = build(kind, **settings)
    count = model.num_layers * (2 if model.bidirectional else 1)
    width = model.proj_size or 4
    draw = autograd.Generator().manual_seed(2)
    batch = [autograd.randn(n, 3, generator=draw, dtype="float64") for n in LENGTHS]
    h0 = autograd.randn(count, 4, width, generator=draw, dtype="float64")
    c0 = autograd.randn(count, 4, 4, generator=draw, dtype="float64")
    wanted = [expected(model, x.numpy(), h0.numpy()[:, i], c0.numpy()[:, i]) for i, x in enumerate(batch)]

    def given(pick):
        return (pick(h0), pick(c0)) if kind == "LSTM" else pick(h0)

    def require(output, hx, i):
        np.testing.assert_allclose(output.detach().numpy(), wanted[i][0], rtol=1e-10, atol=1e-12)
        for state, right in zip(states_of(hx), wanted[i][1:], strict=False):
            np.testing.assert_allclose(state.detach().numpy(), right, rtol=1e-10, atol=1e-12)

    packed, hx = model(sequences.pack_sequence(batch, enforce_sorted=False), given(lambda s: s))
    for i, output in enumerate(sequences.unpack_sequence(packed)):
        require(output, tuple(state[:, i] for state in states_of(hx)), i)
    output, hx = model(batch[2], given(lambda s: s[:, 2]))
    require(output, hx, 2)
    equal = autograd.stack([batch[1], batch[3]], 0 if model.batch_first else 1)
    output, hx = model(equal, given(lambda s: s[:, [1, 3]]))
    for place, i in enumerate((1, 3)):
        require(output[place] if model.batch_first else output[:, place], tuple(s[:, place] for s in states_of(hx)), i)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_reach_inputs_states_and_weights_to_second_order(kind):
    model = build(kind, bidirectional=True)
    draw = autograd.Generator().manual_seed(3)
    data = autograd.randn(5, 3, generator=draw, dtype="float64", requires_grad=True)
    states = [autograd.randn(2, 3, 4, generator=draw, dtype="float64", requires_grad=True) for _ in range(2)]
    states = states if kind == "LSTM" else states[:1]
    parameters = list(model.parameters())

    def run(data, *others):
        for p, value in zip(names, others[len(states) :], strict=True):
            setattr(model, p, value)
        given = others[: len(states)] if kind == "LSTM" else others[0]
        packed, hx = model(sequences.PackedSequence(data, autograd.tensor([3, 1, 1])), given)
        return (packed.data, *states_of(hx))

    names = [name for name, _ in model.named_parameters()]
    inputs = (data, *states, *parameters)
    assert autograd.gradcheck(run, inputs)
    if kind != "ReLU":
        assert autograd.gradgradcheck(run, inputs, fast_mode=True)


FILLED = {
    "RNN": (
        lambda: nn.RNN(2, 2, bidirectional=True),
        [0.211127595, -0.177084813, 0.591971297, 0.496160411, 0.73304194, -0.656655071, 0.465389777, 0.736071548],
        [2.902060133, 18.204323312, 2.648666217, 1.552140421],
    ),
    "GRU": (
        lambda: nn.GRU(2, 2, 2, bidirectional=True),
        [0.234290798, 0.235023128, -0.194573866, 0.380494072, 0.266471813, 0.205906535, -0.180727046, 0.360210898],
        [0.45024968, 0.561163338, 0.065793482, 2.579728677],
    ),
    "LSTM": (
        lambda: nn.LSTM(2, 3, 2, bidirectional=True, proj_size=1),
        [-0.041470239, -0.034575357, -0.037413173, -0.032522474],
        [0.454211383, 0.286979581, 0.007016719, 2.432511073],
    ),
}
"""The last step's output and the squared gradients of input and first weights, as PyTorch 2.13 computes them."""


@pytest.mark.parametrize("kind", FILLED)
def test_numbers_of_pytorch(kind):
    make, last, squares = FILLED[kind]
    model = make().double()
    for k, p in enumerate(model.parameters()):
        p.data.copy_(np.sin(np.arange(p.numel()) + k).reshape(p.shape) / 2)
    x = autograd.tensor(np.cos(np.arange(12.0)).reshape(3, 2, 2), requires_grad=True)
    output, hx = model(x)
    np.testing.assert_allclose(output[-1].detach().numpy().ravel(), last, atol=1e-8)
    weights = autograd.tensor(np.cos(np.arange(output.numel())).reshape(output.shape))
    ((output * weights).sum() + sum(state.square().sum() for state in states_of(hx))).backward()
    found = [p.grad.square().sum().item() for p in (x, *model.parameters())]
    np.testing.assert_allclose(found[:4], squares, rtol=1e-7)


@pytest.mark.parametrize("kind", ["RNNCell", "GRUCell", "LSTMCell"])
@pytest.mark.parametrize("bias", [True, False])
def test_cells_follow_their_formulas(kind, bias):
    autograd.manual_seed(0)
    cell = getattr(nn, kind)(3, 4, bias=bias, dtype="float64")
    zero = np.zeros(len(cell.weight_ih))
    weights = [p.detach().numpy() for p in (cell.weight_ih, cell.weight_hh)]
    weights += [p.detach().numpy() for p in (cell.bias_ih, cell.bias_hh)] if bias else [zero, zero]
    x, h, c = (autograd.randn(2, n, dtype="float64") for n in (3, 4, 4))
    lstm = kind == "LSTMCell"
    found = states_of(cell(x, (h, c) if lstm else h))
    alone = states_of(cell(x[1], (h[1], c[1]) if lstm else h[1]))
    mode = {"RNNCell": "RNN_TANH", "GRUCell": "GRU", "LSTMCell": "LSTM"}[kind]
    for i in range(2):
        right = step(mode, x.numpy()[i], h.numpy()[i], c.numpy()[i], *weights)
        for state, one in zip(found, right, strict=False):
            np.testing.assert_allclose(state[i].detach().numpy(), one, rtol=1e-12)
    for state, one in zip(found, alone, strict=True):
        assert_close(state[1], one)
    fresh = states_of(cell(x))
    zeros = autograd.zeros(2, 4, dtype="float64")
    for state, one in zip(fresh, states_of(cell(x, (zeros, zeros) if lstm else zeros)), strict=True):
        assert_close(state, one)


def test_a_relu_cell_is_one():
    cell = nn.RNNCell(1, 1, nonlinearity="relu")
    for p, value in zip(cell.parameters(), (1.0, 1.0, 0.0, -2.0), strict=True):
        p.data.fill_(value)
    assert cell(autograd.tensor([[1.0], [4.0]]), autograd.tensor([[0.5], [0.5]])).tolist() == [[0.0], [2.5]]


# ---- names, looks, initial values ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (nn.RNN(3, 4), "RNN(3, 4)"),
        (
            nn.LSTM(3, 4, 2, False, True, 0.5, True, proj_size=2),
            "LSTM(3, 4, proj_size=2, num_layers=2, bias=False, batch_first=True, dropout=0.5, bidirectional=True)",
        ),
        (nn.RNNCell(3, 4, False, "relu"), "RNNCell(3, 4, bias=False, nonlinearity=relu)"),
        (nn.GRUCell(3, 4), "GRUCell(3, 4)"),
    ],
)
def test_reprs(module, text):
    assert repr(module) == text


def test_state_dict_has_pytorch_names_order_and_shapes():
    state = nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2).state_dict()
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
    ends = ("_l0", "_l0_reverse", "_l1", "_l1_reverse")
    assert list(shapes) == [part + end for end, part in itertools.product(ends, parts)]
    assert [shapes[part + "_l1"] for part in parts] == [(16, 4), (16, 2), (16,), (16,), (2, 4)]
    assert shapes["weight_ih_l0"] == (16, 3)
    assert list(nn.GRU(3, 4, bias=False).state_dict()) == ["weight_ih_l0", "weight_hh_l0"]
    assert list(nn.LSTMCell(3, 4).state_dict()) == ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    assert [len(row) for row in nn.LSTM(3, 4, 2, proj_size=2).all_weights] == [5, 5]


@pytest.mark.parametrize("module", [nn.LSTM(50, 100), nn.GRUCell(50, 100)])
def test_parameters_are_uniform_within_the_root_of_the_hidden_size(module):
    for p in module.parameters():
        values = np.abs(p.detach().numpy())
        assert 0.095 < values.max() <= 0.1
        assert 0.04 < values.mean() < 0.06


def test_copies_and_pickles_compute_the_same():
    model = nn.GRU(2, 3, 2)
    model.flatten_parameters()
    x = autograd.randn(4, 2, 2)
    for made in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert_close(made(x)[0], model(x)[0], rtol=0, atol=0)


def test_dropout_acts_between_layers_in_training_only():
    with pytest.warns(UserWarning, match="dropout=0.5 acts between layers"):
        nn.GRU(3, 4, dropout=0.5)
    model = nn.LSTM(3, 50, 2, dropout=1.0)
    x = autograd.randn(4, 2, 3)
    trained = model(x)[0]
    model.weight_ih_l1.data.zero_()
    assert_close(trained, model(x)[0])  # the second layer saw zeros
    model = nn.LSTM(3, 50, 2, dropout=0.5)
    assert not np.allclose(model(x)[0].detach().numpy(), model(x)[0].detach().numpy())
    model.eval()
    assert_close(model(x)[0], model(x)[0], rtol=0, atol=0)


def test_float16_is_computed_in_float32_and_given_back():
    x = autograd.randn(20, 2, 3, dtype="float64")
    for kind in ("RNN", "GRU", "LSTM"):
        model = build(kind)
        exact = model(x)[0]
        output, hx = model.half()(x.half())
        assert {output.dtype, *(state.dtype for state in states_of(hx))} == {np.dtype("float16")}
        np.testing.assert_allclose(output.detach().numpy(), exact.detach().numpy(), atol=4e-3)
        output.sum().backward()
        assert model.weight_hh_l0.grad.dtype == np.float16


def test_frozen_weights_get_no_gradient_and_the_others_the_same():
    model = build("LSTM")
    x = autograd.randn(4, 2, 3, dtype="float64")
    model(x)[0].sum().backward()
    whole = model.weight_ih_l0.grad
    model.zero_grad()
    model.weight_hh_l0.requires_grad_(False)
    model(x)[0].sum().backward()
    assert model.weight_hh_l0.grad is None
    assert_close(model.weight_ih_l0.grad, whole)


def test_outputs_may_be_changed_in_place_but_not_what_backward_needs():
    model = build("GRU")
    output, h = model(autograd.randn(4, 2, 3, dtype="float64"))
    h.detach().zero_()  # the last state is a copy
    output.sum().backward()
    output, h = model(autograd.randn(4, 2, 3, dtype="float64"))
    output.detach().zero_()
    with pytest.raises(autograd.MutationError, match="gru"):
        h.sum().backward()


def test_a_long_sequence_trains():
    autograd.manual_seed(0)
    model = nn.LSTM(1, 8)
    x = autograd.randn(1000, 1, 1)
    (model(x)[0][-1].sum()).backward()
    assert np.isfinite(model.weight_hh_l0.grad.numpy()).all()
    assert np.abs(model.weight_hh_l0.grad.numpy()).max() > 0


def test_saturated_gates_warn_of_nothing():
    model = nn.LSTM(1, 2)
    with np.errstate(all="raise"):
        output, (_, c) = model(autograd.tensor([[1e6], [-1e6], [3e4]]))
    assert np.isfinite(output.detach().numpy()).all()
    assert np.isfinite(c.detach().numpy()).all()


# ---- errors ----------------------------------------------------------------------------------------------------------

ZEROS = autograd.zeros


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: nn.LSTM(3, 4)(ZEROS(2, 2, 5)), autograd.ShapeError, r"input_size=3, got shape \(2, 2, 5\).*LSTM"),
        (lambda: nn.LSTM(3, 4)(ZEROS(5)), autograd.ShapeError, r"\(time, batch, features\).*got shape \(5,\)"),
        (lambda: nn.LSTM(3, 4)(ZEROS(0, 2, 3)), autograd.ShapeError, "empty.*no steps"),
        (lambda: nn.GRU(3, 4)(ZEROS(2, 2, 3), ZEROS(1, 3, 4)), autograd.ShapeError,
         r"h_0 has shape \(1, 3, 4\); expected \(1, 2, 4\)"),
        (lambda: nn.GRU(3, 4)(ZEROS(2, 3), ZEROS(1, 1, 4)), autograd.ShapeError, r"\(1, 1, 4\); expected \(1, 4\)"),
        (lambda: nn.LSTM(3, 4, proj_size=2)(ZEROS(2, 2, 3), (ZEROS(1, 2, 2), ZEROS(1, 2, 2))), autograd.ShapeError,
         r"c_0 has shape \(1, 2, 2\); expected \(1, 2, 4\)"),
        (lambda: nn.LSTM(3, 4)(ZEROS(2, 2, 3), ZEROS(1, 2, 4)), TypeError, r"pair \(h_0, c_0\)"),
        (lambda: nn.RNN(3, 4)(ZEROS(2, 2, 3, dtype="float64")), autograd.DtypeError,
         r"float64.*weights are float32.*model.to\('float64'\)"),
        (lambda: nn.LSTMCell(3, 4)(ZEROS(2, 5)), autograd.ShapeError, r"\(batch, 3\) or \(3,\), got \(2, 5\)"),
        (lambda: nn.GRUCell(3, 4)(ZEROS(2, 3), ZEROS(4)), autograd.ShapeError, r"shape \(2, 4\), got \(4,\)"),
        (lambda: nn.LSTMCell(3, 4)(ZEROS(2, 3), ZEROS(2, 4)), TypeError, "pair"),
        (lambda: nn.LSTM(3, 4, dropout=1.5), ValueError, "between 0 and 1, got 1.5"),
        (lambda: nn.LSTM(3, 4, proj_size=4), ValueError, "hidden_size=4, got 4"),
        (lambda: nn.RNN(3, 4, nonlinearity="sin"), ValueError, "'tanh' or 'relu', got 'sin'"),
        (lambda: nn.RNNCell(3, 4, nonlinearity="sin"), ValueError, "'tanh' or 'relu', got 'sin'"),
        (lambda: nn.GRU(0, 4), ValueError, "input_size must be greater than zero, got 0"),
        (lambda: nn.GRU(3, 4.0), TypeError, "hidden_size must be an int, got float"),
        (lambda: nn.GRU(3, 4, bias=1), TypeError, "bias must be True or False, got int"),
        (lambda: nn.RNNBase("SRU", 3, 4), ValueError, "RNN_TANH, RNN_RELU, LSTM, GRU, got 'SRU'"),
    ],
)  # fmt: skip
def test_errors_name_what_came_and_what_was_expected(call, error, text):
    with pytest.raises(error, match=text):
        call()


# ---- packing and padding ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_first", [False, True])
def test_packing_puts_the_longest_first_and_padding_undoes_it(batch_first):
    x = autograd.tensor(np.arange(12.0).reshape(3, 2, 2), requires_grad=True)  # (time, batch, features)
    given = x.transpose(0, 1) if batch_first else x
    packed = sequences.pack_padded_sequence(given, autograd.tensor([2, 3]), batch_first, enforce_sorted=False)
    assert packed.data.tolist() == [[2, 3], [0, 1], [6, 7], [4, 5], [10, 11]]
    assert packed.batch_sizes.tolist() == [2, 2, 1]
    assert packed.sorted_indices.tolist() == packed.unsorted_indices.tolist() == [1, 0]
    padded, lengths = sequences.pad_packed_sequence(packed, batch_first, padding_value=-1, total_length=4)
    assert lengths.tolist() == [2, 3]
    by_sequence = padded if batch_first else padded.transpose(0, 1)
    assert by_sequence.tolist() == [
        [[0, 1], [4, 5], [-1, -1], [-1, -1]], [[2, 3], [6, 7], [10, 11], [-1, -1]],
    ]  # fmt: skip
    padded.sum().backward()
    assert x.grad.tolist() == [[[1, 1], [1, 1]], [[1, 1], [1, 1]], [[0, 0], [1, 1]]]


def test_sorted_sequences_keep_their_order():
    packed = sequences.pack_sequence([autograd.tensor([1, 2, 3]), autograd.tensor([4])])
    assert packed.data.tolist() == [1, 4, 2, 3]
    assert packed.sorted_indices is packed.unsorted_indices is None
    assert [each.tolist() for each in sequences.unpack_sequence(packed)] == [[1, 2, 3], [4]]
    data, sizes, *order = packed
    assert (data.tolist(), sizes.tolist(), order) == ([1, 4, 2, 3], [2, 1, 1], [None, None])


def test_unsorted_packing_is_undone_for_the_last_states():
    autograd.manual_seed(0)
    model = nn.GRU(2, 3)
    batch = [autograd.randn(n, 2) for n in (1, 3, 2)]
    _, h = model(sequences.pack_sequence(batch, enforce_sorted=False))
    for i, x in enumerate(batch):
        assert_close(h[:, i], model(x)[1])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [[1, 3], [2, 0]]), ({"batch_first": True}, [[1, 2], [3, 0]]),
        ({"padding_value": 9, "batch_first": True, "padding_side": "left"}, [[1, 2], [9, 3]]),
    ],
)  # fmt: skip
def test_pad_sequence(settings, expected):
    parts = [autograd.tensor([1, 2]), autograd.tensor([3])]
    padded = sequences.pad_sequence(parts, **settings)
    assert padded.tolist() == expected
    assert padded.dtype == np.int64
    if "padding_side" not in settings:
        back = sequences.unpad_sequence(padded, autograd.tensor([2, 1]), settings.get("batch_first", False))
        assert [each.tolist() for each in back] == [[1, 2], [3]]


def test_packed_sequences_convert():
    packed = sequences.pack_sequence([autograd.tensor([1.0, 2.0]), autograd.tensor([3.0])])
    assert packed.double().data.dtype == np.float64
    assert packed.to("float16").batch_sizes is packed.batch_sizes
    assert packed.to("float32") is packed
    assert packed.cpu() is packed
    assert [each.data.dtype for each in (packed.half(), packed.int(), packed.long(), packed.double().float())] == [
        np.float16, np.int32, np.int64, np.float32,
    ]  # fmt: skip
    assert [each.data.dtype for each in (packed.short(), packed.char(), packed.byte())] == [np.int16, np.int8, np.uint8]
    assert not packed.is_cuda
    assert sequences.invert_permutation(autograd.tensor([2, 0, 1])).tolist() == [1, 2, 0]
    assert sequences.invert_permutation(None) is None


X = autograd.zeros(3, 2, 1)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: sequences.pack_padded_sequence(X, [2, 3]), ValueError, r"\[2, 3\]; pass enforce_sorted=False"),
        (lambda: sequences.pack_padded_sequence(X, [3, 0]), autograd.ShapeError, r"\[3, 0\] must be between 1 and"),
        (lambda: sequences.pack_padded_sequence(X, [4, 2]), autograd.ShapeError, "between 1 and the 3"),
        (lambda: sequences.pack_padded_sequence(X, [3, 3, 3]), autograd.ShapeError, "batch of 2.*batch_first=True"),
        (lambda: sequences.pack_padded_sequence(autograd.zeros(3), [3]), autograd.ShapeError, r"got shape \(3,\)"),
        (lambda: sequences.pad_packed_sequence(sequences.pack_padded_sequence(X, [3, 1]), total_length=2), ValueError,
         "total_length=2, but the longest sequence has 3"),
        (lambda: sequences.pad_sequence([]), ValueError, "no sequences"),
        (lambda: sequences.pad_sequence([X], padding_side="top"), ValueError, "'left' or 'right', got 'top'"),
        (lambda: sequences.pad_sequence([X, X[:, :1]]), autograd.ShapeError, r"sequence 1 has \(3, 1, 1\)"),
        (lambda: sequences.PackedSequence(X), ValueError, "needs data and batch_sizes"),
    ],
)  # fmt: skip
def test_errors_of_packing(call, error, text):
    with pytest.raises(error, match=text):
        call()


# ---- the pull-back that gives the second derivatives -----------------------------------------------------------------


def test_pull_back_takes_partial_derivatives_of_values_that_depend_on_each_other():
    x = autograd.tensor(3.0, requires_grad=True)
    y = x * x
    d_x, nothing, d_y = pull_back(lambda v: [v[0] * v[2], v[2]], [x, None, y], [autograd.tensor(1.0), None])
    assert nothing is None
    assert (d_x.item(), d_y.item()) == (9.0, 3.0)
    assert autograd.grad(d_x, x)[0].item() == 6.0
    arrays = pull_back.kernel(lambda v: [v[0] * v[1]], [np.array(2.0), np.array(5.0)], [np.array(1.0)])
    assert [type(g) for g in arrays] != [autograd.Tensor] * 2
    assert [float(g) for g in arrays] == [5.0, 2.0]


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("cell", [False, True])
def test_gradients_through_the_last_state_alone_can_be_differentiated(name, cell):
    make = getattr(nn, name + "Cell" if cell else name)(2, 3, dtype=autograd.float64)

    def last(x):
        found = make(x) if cell else make(x)[1]
        return found[0] if isinstance(found, tuple) else found

    x = autograd.randn(4, 2, dtype=autograd.float64, requires_grad=True)
    assert autograd.gradgradcheck(last, (x,))


def test_weights_are_initialized_by_name():
    layer = nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2)
    assert layer._flat_weights_names == [name for name, _ in layer.named_parameters()]
    for name in layer._flat_weights_names:
        nn.init.zeros_(layer._parameters[name])
    assert not any(p.any() for p in layer.parameters())
