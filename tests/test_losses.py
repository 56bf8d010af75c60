"""Losses: PyTorch's values and gradients, what holds between them, their edges and their errors."""

import itertools
import math
import warnings

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
from autograd import errors
from autograd.ops import _blocks, distances
from autograd.ops.distances import cdist, pdist
from tests.helpers import run_python

DATA = {
    "X": [[0.5, -1.2, 2.0], [1.5, 0.3, -0.7]],
    "Y": [[-0.4, 0.9, 1.1], [0.2, -1.6, 0.8]],
    "P": [[0.2, 0.9, 0.4], [0.6, 0.05, 0.7]],
    "Q": [[0.0, 1.0, 0.3], [0.5, 0.1, 1.0]],
    "S": [[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0]],
    "B": [[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]],
    "V": [[0.5, 2.0, 1.0], [1.5, 1.0, 3.0]],
    "W": [0.5, 2.0, 1.0],
    "C": [2, 0],
    "M": [1, -1],
    "L": [[2, 0, -1], [1, -1, 0]],
}

# name, arguments, settings, mean, sum, losses, gradient of the mean by the first argument: from PyTorch
FROM_PYTORCH = [
    ("mse_loss", "XY", {}, 2.26333, 13.58,
     [[0.81, 4.41, 0.81], [1.69, 3.61, 2.25]],
     [[0.3, -0.7, 0.3], [0.433333, 0.633333, -0.5]]),
    ("mse_loss", "XY", {"weight": "V"}, 2.54778, 22.93,
     [[0.405, 8.82, 0.81], [2.535, 3.61, 6.75]],
     [[0.1, -0.933333, 0.2], [0.433333, 0.422222, -1.0]]),
    ("l1_loss", "XY", {}, 1.43333, 8.6,
     [[0.9, 2.1, 0.9], [1.3, 1.9, 1.5]],
     [[0.166667, -0.166667, 0.166667], [0.166667, 0.166667, -0.166667]]),
    ("l1_loss", "XY", {"weight": "V"}, 1.54444, 13.9,
     [[0.45, 4.2, 0.9], [1.95, 1.9, 4.5]],
     [[0.0555556, -0.222222, 0.111111], [0.166667, 0.111111, -0.333333]]),
    ("smooth_l1_loss", "XY", {"beta": 1.3}, 0.803846, 4.82308,
     [[0.311538, 1.45, 0.311538], [0.65, 1.25, 0.85]],
     [[0.115385, -0.166667, 0.115385], [0.166667, 0.166667, -0.166667]]),
    ("huber_loss", "XY", {"delta": 1.3}, 1.045, 6.27,
     [[0.405, 1.885, 0.405], [0.845, 1.625, 1.105]],
     [[0.15, -0.216667, 0.15], [0.216667, 0.216667, -0.216667]]),
    ("huber_loss", "XY", {"delta": 1.3, "weight": "V"}, 1.76417, 10.585,
     [[0.2025, 3.77, 0.405], [1.2675, 1.625, 3.315]],
     [[0.075, -0.433333, 0.15], [0.325, 0.216667, -0.65]]),
    ("binary_cross_entropy", "PQ", {"weight": "W"}, 0.393281, 2.35969,
     [[0.111572, 0.210721, 0.632465], [0.356779, 0.691474, 0.356675]],
     [[0.104167, -0.37037, 0.0694444], [0.0347222, -0.350877, -0.238095]]),
    ("binary_cross_entropy_with_logits", "XQ", {}, 1.14054, 6.84324,
     [[0.974077, 1.46328, 1.52693], [0.951413, 0.824355, 1.10319]],
     [[0.103743, -0.128087, 0.0967995], [0.0529291, 0.0790738, -0.111365]]),
    ("binary_cross_entropy_with_logits", "XQ", {"weight": "W", "pos_weight": "W"}, 1.8634, 11.1804,
     [[0.487038, 5.85313, 1.52693], [0.45053, 1.75958, 1.10319]],
     [[0.0518716, -0.51235, 0.0967995], [0.0302651, 0.143962, -0.111365]]),
    ("multilabel_soft_margin_loss", "XB", {"weight": "W"}, 0.758856, 1.51771,
     [0.296844, 1.22087],
     [[-0.0314617, 0.0771584, -0.0198672], [0.0681312, 0.191481, -0.111365]]),
    ("kl_div", "XQ", {}, -0.0696707, -0.418024,
     [[0.0, 1.2, -0.961192], [-1.09657, -0.260259, 0.7]],
     [[-0.0, -0.166667, -0.05], [-0.0833333, -0.0166667, -0.166667]]),
    ("kl_div", "XY", {"log_target": True}, 0.537502, 3.22501,
     [[-0.603288, 5.16517, -2.70375], [-1.58782, -0.383603, 3.33831]],
     [[-0.11172, -0.409934, -0.500694], [-0.203567, -0.0336494, -0.370923]]),
    ("poisson_nll_loss", "XV", {"full": True}, 3.00214, 18.0129,
     [[1.39872, 3.353, 5.38906], [2.46156, 1.04986, 4.36067]],
     [[0.191454, -0.283134, 1.06484], [0.496948, 0.0583098, -0.417236]]),
    ("poisson_nll_loss", "PV", {"log_input": False}, 1.60229, 9.61373,
     [[1.00472, 1.11072, 1.31629], [1.36624, 3.04573, 1.77002]],
     [[-0.25, -0.203704, -0.25], [-0.25, -3.16667, -0.547619]]),
    ("gaussian_nll_loss", "XYV", {"full": True}, 1.88775, 11.3265,
     [[1.38236, 2.36801, 1.32394], [1.685, 2.72394, 1.84324]],
     [[0.3, -0.175, 0.15], [0.144444, 0.316667, -0.0833333]]),
    ("cross_entropy", "XC", {"weight": "W", "label_smoothing": 0.1}, 0.550179, 0.825269,
     [0.476433, 0.348836],
     [[0.108545, -0.0225852, -0.08596], [-0.0435626, 0.0361396, 0.007423]]),
    ("cross_entropy", "XQ", {"weight": "W", "label_smoothing": 0.1}, 4.67513, 9.35026,
     [6.51044, 2.83982],
     [[0.184686, -0.898072, 0.713386], [0.382591, 0.0282951, -0.410886]]),
    ("cross_entropy", "XC", {"ignore_index": 2}, 0.345005, 0.345005,
     [0.0, 0.345005],
     [[0.0, 0.0, 0.0], [-0.291783, 0.213311, 0.0784726]]),
    ("nll_loss", "XC", {"weight": "W"}, -1.83333, -2.75,
     [-2.0, -0.75],
     [[0.0, 0.0, -0.666667], [-0.333333, 0.0, 0.0]]),
    ("multi_margin_loss", "XC", {"p": 2, "margin": 1.5, "weight": "W"}, 0.0075, 0.015,
     [0.0, 0.015],
     [[0.0, 0.0, 0.0], [-0.05, 0.05, 0.0]]),
    ("multilabel_margin_loss", "XL", {}, 0.366667, 0.733333,
     [0.0, 0.733333],
     [[0.0, 0.0, 0.0], [0.166667, -0.166667, 0.0]]),
    ("soft_margin_loss", "XS", {}, 0.587207, 3.52324,
     [[0.474077, 0.263282, 0.126928], [1.70141, 0.554355, 0.403186]],
     [[-0.0629234, 0.0385792, -0.0198672], [0.136262, -0.0709262, 0.055302]]),
    ("hinge_embedding_loss", "XS", {"margin": 1.2}, 1.18333, 7.1,
     [[0.5, 2.4, 2.0], [0.0, 0.3, 1.9]],
     [[0.166667, -0.166667, 0.166667], [0.0, 0.166667, -0.166667]]),
    ("margin_ranking_loss", "XYS", {"margin": 0.5}, 0.3, 1.8,
     [[0.0, 0.0, 0.0], [1.8, 0.0, 0.0]],
     [[-0.0, 0.0, -0.0], [0.166667, -0.0, 0.0]]),
    ("cosine_embedding_loss", "XYM", {"margin": -0.9}, 0.697201, 1.3944,
     [0.738782, 0.65562],
     [[0.0682636, -0.155315, -0.110255], [0.0977894, -0.251242, 0.101874]]),
    ("triplet_margin_loss", "XYP", {"margin": 2.0, "swap": True}, 3.29919, 6.59837,
     [3.53365, 3.06472],
     [[0.183254, -0.427593, 0.183254], [-0.0308201, 0.271468, 0.14297]]),
    ("triplet_margin_loss", "XYP", {"margin": 2.0, "p": 1.0}, 3.025, 6.05,
     [1.9, 4.15],
     [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),
    ("triplet_margin_with_distance_loss", "XYP", {"margin": 2.0}, 2.43163, 4.86326,
     [1.79854, 3.06472],
     [[0.126801, -0.0324203, -0.11783], [-0.0308201, 0.271468, 0.14297]]),
]  # fmt: skip


def given(key, dtype="float64"):
    value = np.array(DATA[key])
    return autograd.tensor(value if value.dtype.kind == "i" else value.astype(dtype))


def arguments(keys, settings, dtype="float64"):
    args = [given(key, dtype) for key in keys]
    args[0].requires_grad_()
    return args, {k: given(v, dtype) if isinstance(v, str) and v in DATA else v for k, v in settings.items()}


@pytest.mark.parametrize(
    ("name", "keys", "settings", "mean", "total", "each", "slope"),
    FROM_PYTORCH,
    ids=[f"{row[0]}-{number}" for number, row in enumerate(FROM_PYTORCH)],
)
def test_values_and_gradients_are_pytorchs(name, keys, settings, mean, total, each, slope):
    args, settings = arguments(keys, settings)
    loss = getattr(F, name)
    out = loss(*args, **settings)
    assert out.item() == pytest.approx(mean, rel=2e-5)
    assert loss(*args, reduction="sum", **settings).item() == pytest.approx(total, rel=2e-5)
    np.testing.assert_allclose(loss(*args, reduction="none", **settings).detach().numpy(), each, rtol=2e-5, atol=2e-6)
    out.backward()
    np.testing.assert_allclose(args[0].grad.numpy(), slope, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(
    ("name", "keys", "settings", "mean"),
    [row[:4] for row in FROM_PYTORCH],
    ids=[f"{row[0]}-{number}" for number, row in enumerate(FROM_PYTORCH)],
)
def test_float16_keeps_its_dtype(name, keys, settings, mean):
    args, settings = arguments(keys, settings, "float16")
    out = getattr(F, name)(*args, **settings)
    out.backward()
    assert out.dtype == args[0].grad.dtype == np.float16
    assert out.item() == pytest.approx(mean, rel=1e-2, abs=2e-3)


# ---- what holds between losses ---------------------------------------------------------------------------------------


def one_hot(target, classes, dtype="float64"):
    return autograd.tensor(np.eye(classes, dtype=dtype)[target])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("settings", [{}, {"label_smoothing": 0.3}])
def test_integer_and_one_hot_targets_have_the_same_cross_entropy(reduction, settings):
    rng = np.random.default_rng(0)
    scores, target = rng.normal(size=(7, 4)), rng.integers(0, 4, 7)
    found = []
    for t in (autograd.tensor(target), one_hot(target, 4)):
        x = autograd.tensor(scores, requires_grad=True)
        out = F.cross_entropy(x, t, reduction=reduction, **settings)
        out.sum().backward()
        found.append((out.detach().numpy(), x.grad.numpy()))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-12)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-12, atol=1e-14)


def test_cross_entropy_is_what_its_formula_says():
    rng = np.random.default_rng(1)
    scores, target = rng.normal(size=(5, 3)), rng.integers(0, 3, 5)
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    out = F.cross_entropy(autograd.tensor(scores), autograd.tensor(target))
    assert out.item() == pytest.approx(-np.log(p[np.arange(5), target]).mean(), rel=1e-12)
    assert F.nll_loss(autograd.tensor(np.log(p)), autograd.tensor(target)).item() == pytest.approx(
        out.item(), rel=1e-12
    )


def test_sum_of_squares_error_and_its_gradient():
    x, t = autograd.tensor([1.0, 2.0, 4.0], requires_grad=True), autograd.tensor([0.0, 2.5, 1.0])
    error = 0.5 * F.mse_loss(x, t, reduction="sum")
    error.backward()
    assert error.item() == 0.5 * (1 + 0.25 + 9)
    assert x.grad.tolist() == [1.0, -0.5, 3.0]


def test_binary_cross_entropy_is_that_of_two_classes():
    x = np.array([-3.0, 0.2, 5.0])
    t = np.array([1, 0, 1])
    both = autograd.tensor(np.stack([np.zeros(3), x], 1))
    expected = F.cross_entropy(both, autograd.tensor(t)).item()
    logits, target = autograd.tensor(x), autograd.tensor(t.astype(float))
    assert F.binary_cross_entropy_with_logits(logits, target).item() == pytest.approx(expected, rel=1e-12)
    assert F.binary_cross_entropy(logits.sigmoid(), target).item() == pytest.approx(expected, rel=1e-12)
    assert F.soft_margin_loss(logits, 2 * target - 1).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cross_entropy_of_many_scores_is_that_of_few(dtype, reduction, monkeypatch):
    """Many rows are worked on in blocks; what forward has kept is used up by the first backward."""
    monkeypatch.setattr(_blocks, "BLOCK", 1 << 14)
    rng = np.random.default_rng(2)
    scores, target = rng.normal(size=(300, 400)).astype(dtype) * 5, rng.integers(0, 400, 300)
    x = autograd.tensor(scores, requires_grad=True)
    out = F.cross_entropy(x, autograd.tensor(target), reduction=reduction)
    seed = rng.normal(size=out.shape)
    out.backward(autograd.tensor(seed.astype(dtype)), retain_graph=True)
    first, x.grad = x.grad, None
    out.backward(autograd.tensor(seed.astype(dtype)))
    wide = scores.astype(np.float64) - scores.max(1, keepdims=True)
    total = np.exp(wide).sum(1, keepdims=True)
    losses = np.log(total)[:, 0] - wide[np.arange(300), target]
    expected = {"none": losses, "sum": losses.sum(), "mean": losses.mean()}[reduction]
    slope = (np.exp(wide) / total - np.eye(400)[target]) * (seed[:, None] if seed.ndim else seed)
    tol = 2e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(out.detach().numpy(), expected, rtol=tol)
    slope /= 300 if reduction == "mean" else 1
    for found in (first, x.grad):
        np.testing.assert_allclose(found.numpy(), slope, rtol=tol, atol=tol * 1e-2)
    assert out.dtype == x.grad.dtype == dtype


def test_cross_entropy_over_further_dimensions_is_that_of_rows():
    rng = np.random.default_rng(3)
    scores, target = rng.normal(size=(2, 3, 4, 5)), rng.integers(0, 3, (2, 4, 5))
    weight = autograd.tensor([0.5, 1.0, 2.0], dtype="float64")
    rows = autograd.tensor(np.moveaxis(scores, 1, -1).reshape(-1, 3))
    for reduction in ("mean", "sum"):
        settings = {"weight": weight, "ignore_index": 1, "reduction": reduction, "label_smoothing": 0.1}
        out = F.cross_entropy(autograd.tensor(scores), autograd.tensor(target), **settings)
        expected = F.cross_entropy(rows, autograd.tensor(target.reshape(-1)), **settings)
        assert out.item() == pytest.approx(expected.item(), rel=1e-12)


# ---- edges -----------------------------------------------------------------------------------------------------------


def slope_of(loss, x, *args, **settings):
    x = autograd.tensor(x, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = loss(x, *[autograd.tensor(a) for a in args], **settings)
    out.sum().backward()
    return out.detach().numpy(), x.grad.numpy()


def test_far_tails_are_exact():
    x, t = [1e4, -1e4, 1e4, -1e4, 20.0, -20.0], [1.0, 0.0, 0.0, 1.0, 1.0, 0.0]
    value, slope = slope_of(F.binary_cross_entropy_with_logits, x, t, reduction="none")
    tail = math.exp(-20)
    np.testing.assert_allclose(value, [0, 0, 1e4, 1e4, tail, tail], rtol=1e-6)
    np.testing.assert_allclose(slope, [0, 0, 1, -1, -tail, tail], rtol=1e-6, atol=3e-9)
    value, slope = slope_of(F.soft_margin_loss, x, [2 * y - 1 for y in t], reduction="none")
    np.testing.assert_allclose(value, [0, 0, 1e4, 1e4, tail, tail], rtol=1e-6)
    np.testing.assert_allclose(slope, [0, 0, 1, -1, -tail, tail], rtol=1e-6)
    value, slope = slope_of(F.cross_entropy, [[1e4, -1e4], [-1e4, 1e4]], [0, 0], reduction="none")
    assert value.tolist() == [0.0, 2e4]
    assert slope.tolist() == [[0.0, 0.0], [-1.0, 1.0]]


def test_an_infinite_and_wrong_logit_has_an_infinite_loss():
    x, target = autograd.tensor([math.inf, math.inf, -math.inf, -math.inf]), autograd.tensor([0.0, 0.5, 1.0, 0.5])
    losses = F.binary_cross_entropy_with_logits(x, target, reduction="none")
    assert losses.tolist() == [math.inf] * 4


def test_losses_of_the_largest_differences_are_finite():
    largest = np.finfo("f").max
    x = autograd.tensor(np.array([largest, -largest], "f"))
    assert F.smooth_l1_loss(x, x * 0, beta=1e3, reduction="none").tolist() == [largest, largest]


def test_binary_cross_entropy_of_certain_probabilities():
    value, slope = slope_of(F.binary_cross_entropy, [0.0, 1.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0], reduction="none")
    assert value.tolist() == [0.0, 0.0, 100.0, 100.0]
    np.testing.assert_allclose(slope, [0, 0, -1e12, 1e12], rtol=1e-6)


def test_weights_of_classes_are_learned_where_targets_are_probabilities():
    x, soft = autograd.tensor([[1.0, -0.5], [0.25, 2.0]]), autograd.tensor([[0.3, 0.7], [0.9, 0.1]])
    weight = autograd.tensor([0.5, 2.0], requires_grad=True)
    F.cross_entropy(x, soft, weight, reduction="sum").backward()
    expected = -(soft * F.log_softmax(x, 1)).sum(0)
    np.testing.assert_allclose(weight.grad.numpy(), expected.numpy(), rtol=1e-6)
    weight.grad = None
    F.multilabel_soft_margin_loss(x, soft, weight).backward()
    expected = F.binary_cross_entropy_with_logits(x, soft, reduction="none").mean(0) / 2
    np.testing.assert_allclose(weight.grad.numpy(), expected.numpy(), rtol=1e-6)


def test_a_loss_module_keeps_the_graph_of_its_weights():
    x, soft = autograd.tensor([[1.0, -0.5], [0.25, 2.0]]), autograd.tensor([[0.3, 0.7], [0.9, 0.1]])
    for module, function in (
        (nn.MultiLabelSoftMarginLoss, F.multilabel_soft_margin_loss), (nn.CrossEntropyLoss, F.cross_entropy),
    ):  # fmt: skip
        weight = autograd.tensor([0.5, 2.0], requires_grad=True)
        by_module, by_function = module(weight * 2)(x, soft), function(x, soft, weight * 2)
        assert autograd.equal(autograd.grad(by_module, weight)[0], autograd.grad(by_function, weight)[0])
    with pytest.raises(errors.NotDifferentiableError, match="pos_weight"):
        nn.BCEWithLogitsLoss(pos_weight=weight)(x, soft)
    with autograd.no_grad():  # where no gradient can be lost
        loss = nn.BCEWithLogitsLoss(pos_weight=weight)(x, soft)
    assert autograd.equal(loss, nn.BCEWithLogitsLoss(pos_weight=weight.detach())(x, soft))


def test_long_vectors_of_logits_are_as_exact_as_short_ones():
    x = np.linspace(-30, 30, 2001, dtype=np.float32)
    out = F.binary_cross_entropy_with_logits(autograd.tensor(x), autograd.zeros(2001), reduction="none").numpy()
    np.testing.assert_allclose(out, np.logaddexp(0, x.astype(np.float64)), rtol=3e-7)


@pytest.mark.parametrize(
    ("loss", "x", "args", "settings", "expected"),
    [
        (F.l1_loss, [2.0], [[2.0]], {}, [0.0]),
        (F.smooth_l1_loss, [2.0], [[2.0]], {"beta": 0.0}, [0.0]),
        (F.smooth_l1_loss, [3.0], [[2.0]], {"beta": 0.0}, [1.0]),
        (F.huber_loss, [3.0], [[2.0]], {}, [1.0]),
        (F.hinge_embedding_loss, [1.0, 1.0], [[-1.0, 1.0]], {"reduction": "sum"}, [-1.0, 1.0]),
        (F.margin_ranking_loss, [1.0], [[1.0], [1.0]], {}, [-1.0]),
        (F.multi_margin_loss, [1.0, 0.0], [0], {}, [0.0, 0.0]),
        (F.multilabel_margin_loss, [1.0, 0.0], [[0, -1]], {}, [0.0, 0.0]),
        (F.kl_div, [-1.0, -2.0], [[0.0, 1.0]], {"reduction": "sum"}, [0.0, -1.0]),
    ],
)
def test_gradients_at_kinks_are_pytorchs(loss, x, args, settings, expected):
    assert slope_of(loss, x, *args, **settings)[1].tolist() == expected


@pytest.mark.parametrize(
    ("loss", "x", "target", "expected", "slope"),
    [
        (F.multi_margin_loss, [1.0, 3.0], [0], [1.5], [-0.5, 0.5]),
        (F.multi_margin_loss, [1.0, 3.0], 0, 1.5, [-0.5, 0.5]),
        (F.multi_margin_loss, 2.0, 0, 0.0, 0.0),
        (F.multi_margin_loss, 2.0, [0], [0.0], 0.0),
        (F.multilabel_margin_loss, 2.0, 0, 0.0, 0.0),
    ],
)
def test_margin_losses_of_one_example(loss, x, target, expected, slope):
    x = autograd.tensor(x, requires_grad=True)
    found = loss(x, autograd.tensor(target), reduction="none")
    found.sum().backward()
    assert (found.tolist(), x.grad.tolist()) == (expected, slope)


def test_the_gradient_of_a_target_has_no_bound_where_the_probability_is_0_or_1():
    target = autograd.tensor([0.0, 1.0, 0.5], requires_grad=True)
    F.binary_cross_entropy(autograd.tensor([0.0, 1.0, 0.5]), target, reduction="sum").backward()
    assert target.grad.tolist() == [math.inf, -math.inf, 0.0]


@pytest.mark.parametrize("settings", [{}, {"label_smoothing": 0.1}, {"weight": autograd.tensor([1.0, 2.0, 0.5])}])
@pytest.mark.parametrize("score", [math.inf, -math.inf, math.nan])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_scores_of_an_ignored_target_do_not_matter(score, settings):
    scores = autograd.tensor([[score, score, 2.0], [0.5, 1.0, 0.0]])
    target = autograd.tensor([-100, 1])
    expected = F.cross_entropy(scores[1:], target[1:], reduction="none", **settings).item()
    assert F.cross_entropy(scores, target, reduction="none", **settings).tolist() == pytest.approx([0.0, expected])
    assert F.cross_entropy(scores, target, reduction="sum", **settings).item() == pytest.approx(expected)
    assert not math.isnan(F.cross_entropy(scores, target, **settings).item())
    settings = {key: value for key, value in settings.items() if key == "weight"}
    assert F.nll_loss(scores, target, reduction="none", **settings)[0].item() == 0.0


def test_ignored_targets_whose_first_class_is_masked_are_silent_and_have_no_gradient():
    scores = [[-math.inf, 1.0, 2.0], [-math.inf, 1.0, 0.0]]  # -100 stands for class 0
    value, slope = slope_of(F.cross_entropy, scores, [-100, 1])
    assert value == pytest.approx(math.log1p(math.exp(-1)))
    assert slope[0].tolist() == [0.0, 0.0, 0.0]


def test_cross_entropy_where_all_targets_are_ignored():
    scores, target = [[1.0, 2.0], [3.0, 4.0]], [-100, -100]
    value, slope = slope_of(F.cross_entropy, scores, target)
    assert math.isnan(value)
    assert slope_of(F.cross_entropy, scores, target, reduction="sum")[0] == 0.0
    value, slope = slope_of(F.nll_loss, scores, target, reduction="none")
    assert value.tolist() == [0.0, 0.0]
    assert slope.tolist() == [[0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("loss", [F.mse_loss, F.l1_loss, F.binary_cross_entropy_with_logits, F.soft_margin_loss])
def test_of_nothing_the_mean_is_nan_and_the_sum_zero(loss):
    x = autograd.zeros(0, 3, requires_grad=True)
    assert math.isnan(loss(x, autograd.zeros(0, 3)).item())
    out = loss(x, autograd.zeros(0, 3), reduction="sum")
    out.backward()
    assert out.item() == 0.0
    assert x.grad.shape == (0, 3)


def test_cross_entropy_of_no_examples():
    x, p, c = autograd.zeros(0, 3), autograd.zeros(0, 3), autograd.zeros(0, dtype="int64")
    for target in (p, c):
        assert math.isnan(F.cross_entropy(x, target).item())
        assert F.cross_entropy(x, target, reduction="sum").item() == 0.0
        assert F.cross_entropy(x, target, reduction="none").shape == (0,)


def test_float16_means_do_not_overflow():
    x = autograd.full((3000,), 100.0, dtype="float16")
    assert F.mse_loss(x, autograd.zeros(3000, dtype="float16")).item() == 10000.0


def test_integer_and_bool_targets():
    x = autograd.tensor([0.5, -1.0])
    assert F.mse_loss(x, autograd.tensor([1, 0])).item() == pytest.approx(0.625)
    expected = F.binary_cross_entropy_with_logits(x, autograd.tensor([1.0, 0.0])).item()
    assert F.binary_cross_entropy_with_logits(x, autograd.tensor([True, False])).item() == expected


def test_kl_div_by_batch_is_the_sum_by_the_size_of_the_batch():
    p, q = given("Q") + 0.1, given("P")
    total = F.kl_div(p.log(), q, reduction="sum").item()
    assert F.kl_div(p.log(), q, reduction="batchmean").item() == pytest.approx(total / 2)
    assert F.kl_div(p.log(), q.log(), reduction="sum", log_target=True).item() == pytest.approx(total)


def test_small_variances_count_as_eps_with_their_gradient():
    var = autograd.tensor([0.0], dtype="float64", requires_grad=True)
    out = F.gaussian_nll_loss(autograd.tensor([2.0]), autograd.tensor([1.0]), var, eps=0.5)
    out.backward()
    assert out.item() == pytest.approx(0.5 * (math.log(0.5) + 2))
    assert var.grad.tolist() == [0.5 * (1 / 0.5 - 1 / 0.25)]


# ---- reductions and errors -------------------------------------------------------------------------------------------

PAIRS = [
    F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss, F.binary_cross_entropy, F.binary_cross_entropy_with_logits,
    F.kl_div, F.poisson_nll_loss, F.soft_margin_loss, F.hinge_embedding_loss, F.multilabel_soft_margin_loss,
]  # fmt: skip


@pytest.mark.parametrize("loss", PAIRS)
def test_a_column_against_a_row_raises_with_the_fix(loss):
    with pytest.raises(autograd.ShapeError, match=r"\(3, 1\).*\(3,\).*Use .*squeeze\(-1\)"):
        loss(autograd.full((3, 1), 0.5), autograd.ones(3))
    with pytest.raises(autograd.ShapeError, match=r"\(3,\).*\(2,\)"):
        loss(autograd.full((3,), 0.5), autograd.ones(2))


@pytest.mark.filterwarnings("ignore:.*is broadcast")
@pytest.mark.parametrize("loss", [F.kl_div, F.poisson_nll_loss, F.mse_loss])
@pytest.mark.parametrize("shapes", [((2, 3), (1, 3)), ((1, 3), (2, 3)), ((3,), (1,))])
def test_gradients_of_a_broadcast_have_the_shapes_of_the_inputs(loss, shapes):
    x, target = (autograd.tensor(np.full(shape, 0.5), requires_grad=True) for shape in shapes)
    loss(x, target, reduction="sum").backward()
    assert (x.grad.shape, target.grad.shape) == shapes
    whole = autograd.tensor(np.full((2, 3), 0.5), requires_grad=True)
    loss(whole, autograd.tensor(np.full((2, 3), 0.5)), reduction="sum").backward()
    one = whole.grad[0, 0].item()
    np.testing.assert_allclose(x.grad.numpy(), one * np.prod(np.broadcast_shapes(*shapes)) / np.prod(x.shape))


def test_a_harmless_broadcast_warns_at_the_callers_line():
    with pytest.warns(UserWarning, match="mse_loss: the target's shape") as caught:
        assert F.mse_loss(autograd.ones(2, 3), autograd.zeros(3)).item() == 1.0
    assert caught[0].filename == __file__


def test_the_callers_line_is_found_at_the_first_call_of_an_op_too():
    program = """
import warnings, autograd, nn.functional as F
with warnings.catch_warnings(record=True) as caught:
    for _ in range(2):
        warnings.simplefilter("always")
        F.mse_loss(autograd.ones(2, 3), autograd.zeros(3))
print([(warning.filename, warning.lineno) for warning in caught])
"""
    assert run_python(program) == "[('<string>', 6), ('<string>', 6)]\n"


@pytest.mark.parametrize("loss", [*PAIRS, F.gaussian_nll_loss])
def test_an_unknown_reduction_raises(loss):
    args = [autograd.full((2,), 0.5)] * (3 if loss is F.gaussian_nll_loss else 2)
    with pytest.raises(ValueError, match=r"reduction must be 'mean', 'sum' or 'none', got 'max'"):
        loss(*args, reduction="max")


def test_older_ways_to_say_the_reduction():
    x, t = given("X"), given("Y")
    for settings, reduction in (((True, True), "mean"), ((False, None), "sum"), ((None, False), "none")):
        with pytest.warns(DeprecationWarning, match=f"use reduction='{reduction}'"):
            out = F.mse_loss(x, t, *settings)
        np.testing.assert_array_equal(out.numpy(), F.mse_loss(x, t, reduction=reduction).numpy())
    with pytest.raises(TypeError, match="use reduction='sum'"):
        F.mse_loss(x, t, "sum")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.binary_cross_entropy(autograd.tensor([1.5]), autograd.ones(1)), ValueError, "apply sigmoid"),
        (lambda: F.binary_cross_entropy(autograd.tensor([math.nan]), autograd.ones(1)), ValueError, "apply sigmoid"),
        (lambda: F.binary_cross_entropy(autograd.tensor([0.5]), -autograd.ones(1)), ValueError, "the target must be"),
        (lambda: F.mse_loss(given("X"), given("Y"), weight=given("W")), autograd.ShapeError, "weights have shape"),
        (lambda: F.huber_loss(given("X"), given("Y"), delta=0.0), ValueError, "delta must be positive, got 0"),
        (lambda: F.smooth_l1_loss(given("X"), given("Y"), beta=-1), ValueError, "beta must not be negative"),
        (
            lambda: F.binary_cross_entropy_with_logits(given("X"), given("Q"), pos_weight=autograd.ones(2)),
            autograd.ShapeError,
            r"pos_weight has shape \(2,\), which does not broadcast to \(2, 3\)",
        ),
        (lambda: F.gaussian_nll_loss(given("X"), given("Y"), -given("V")), ValueError, "var has negative entries"),
        (lambda: F.gaussian_nll_loss(given("X"), given("Y"), autograd.ones(3)), autograd.ShapeError, "var has shape"),
        (lambda: F.multi_margin_loss(given("X"), given("C"), p=3), ValueError, "p must be 1 or 2, got 3"),
        (lambda: F.multi_margin_loss(given("X"), autograd.tensor([3, 0])), IndexError, "class 3 is out of range"),
        (lambda: F.multi_margin_loss(given("X"), given("L")), autograd.ShapeError, r"the target must have \(2,\)"),
        (lambda: F.multilabel_margin_loss(given("X"), given("Q")), autograd.DtypeError, "must be integers"),
        (lambda: F.cross_entropy(given("X"), autograd.tensor([3, 0])), IndexError, "class 3 is out of range"),
        (lambda: F.cross_entropy(given("X"), given("L")), autograd.ShapeError, "make the target floating"),
        (lambda: F.cross_entropy(given("X"), given("C"), label_smoothing=2.0), ValueError, "between 0 and 1"),
        (lambda: F.cross_entropy(given("X"), given("Q"), ignore_index=0), RuntimeError, "leave out ignore_index=0"),
        (lambda: F.cosine_embedding_loss(given("X"), given("Y"), given("X")), autograd.ShapeError, r"\(N, D\), \(N\)"),
        (lambda: F.triplet_margin_loss(given("X"), given("Y"), given("P"), margin=0), ValueError, "greater than 0"),
        (lambda: F.triplet_margin_loss(given("X"), given("Y"), given("W")), autograd.ShapeError, "as many dimensions"),
    ],
)  # fmt: skip
def test_errors_say_what_to_do(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ---- connectionist temporal classification ---------------------------------------------------------------------------


def by_enumeration(log_probs, labels, blank):
    """The loss from all alignments, one by one."""
    total = 0.0
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        merged = [c for i, c in enumerate(path) if i == 0 or c != path[i - 1]]
        if [c for c in merged if c != blank] == list(labels):
            total += math.exp(sum(log_probs[t, c] for t, c in enumerate(path)))
    return -math.log(total) if total else math.inf


def log_probabilities(*shape):
    scores = np.random.default_rng(4).normal(size=shape)
    return scores - np.log(np.exp(scores).sum(-1, keepdims=True))


@pytest.mark.parametrize("blank", [0, 2])
def test_ctc_loss_sums_over_all_alignments(blank):
    x = log_probabilities(5, 4, 3)
    one, two = [c for c in range(3) if c != blank]
    labels = [[one, two], [one, one], [two], []]
    steps = [5, 4, 3, 5]
    expected = [by_enumeration(x[:n, i], labels[i], blank) for i, n in enumerate(steps)]
    lengths = [len(row) for row in labels]
    padded = autograd.tensor([row + [one] * (2 - len(row)) for row in labels])
    joined = autograd.tensor([c for row in labels for c in row])
    for targets in (padded, joined):
        out = F.ctc_loss(autograd.tensor(x), targets, steps, lengths, blank, "none")
        np.testing.assert_allclose(out.numpy(), expected, rtol=1e-12)
    mean = F.ctc_loss(autograd.tensor(x), joined, autograd.tensor(steps), autograd.tensor(lengths), blank)
    assert mean.item() == pytest.approx(np.mean(np.array(expected) / np.maximum(lengths, 1)), rel=1e-12)
    single = F.ctc_loss(autograd.tensor(x[:, 0]), autograd.tensor(labels[0]), 5, 2, blank, "sum")
    assert single.item() == pytest.approx(expected[0], rel=1e-12)


@pytest.mark.parametrize("classes", [3, 150])
def test_ctc_gradient_through_log_softmax(classes):
    x = autograd.tensor(np.random.default_rng(5).normal(size=(5, 2, classes)), requires_grad=True)
    targets = autograd.tensor([[1, 2], [2, 2]])
    assert autograd.gradcheck(lambda x: F.ctc_loss(F.log_softmax(x, -1), targets, (5, 4), (2, 1)), (x,))


def test_ctc_loss_of_an_input_too_short():
    x = log_probabilities(3, 2, 4)
    targets = autograd.tensor([[1, 1], [1, 2]])
    value, slope = slope_of(F.ctc_loss, x, targets, (2, 2), (2, 2), reduction="none")
    assert np.isinf(value).tolist() == [True, False]
    assert np.isnan(slope[:2, 0]).all()
    assert not slope[2].any()
    value, slope = slope_of(F.ctc_loss, x, targets, (2, 2), (2, 2), reduction="none", zero_infinity=True)
    assert value[0] == 0.0
    assert not slope[:, 0].any()
    assert np.isfinite(slope).all()


def test_ctc_loss_of_improbable_paths_stays_exact():
    """One alignment only, of probability exp(-4000)."""
    x = np.full((4, 1, 3), -1000.0, np.float32)
    value, slope = slope_of(F.ctc_loss, x, [[1, 1, 2]], (4,), (3,), reduction="sum")
    assert value == 4000.0
    np.testing.assert_allclose(slope[:, 0], [[0, -1, 0], [-1, 0, 0], [0, -1, 0], [0, 0, -1]], atol=1e-3)


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([[1, 2]], (9,), (2,)), autograd.ShapeError, "input_lengths has 9, but log_probs has only 3 times"),
        (([[1, 2]], (3, 3), (2,)), autograd.ShapeError, "input_lengths has shape"),
        (([[1, 2]], (3,), (3,)), autograd.ShapeError, "the longest target has length 3"),
        (([[1, 9]], (3,), (2,)), IndexError, "targets go from 1 to 9, but classes from 0 to 3"),
        (([[1.0, 2.0]], (3,), (2,)), autograd.DtypeError, "must be class numbers"),
        (([[1, 2]], (3,), (2,), 4), ValueError, "blank is 4"),
    ],
)
def test_ctc_errors(args, error, message):
    targets, *rest = args
    with pytest.raises(error, match=message):
        F.ctc_loss(autograd.tensor(log_probabilities(3, 1, 4)), autograd.tensor(targets), *rest)


# ---- distances -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, math.inf])
def test_distances_of_all_pairs(p):
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(30, 3)), rng.normal(size=(2, 40, 3))
    assert cdist(autograd.tensor(x), autograd.tensor(y), p).shape == (2, 30, 40)
    expected = np.linalg.norm(x[None, :, None] - y[:, None], p, -1)
    np.testing.assert_allclose(cdist(autograd.tensor(x), autograd.tensor(y), p).numpy(), expected, rtol=1e-10)
    among = np.linalg.norm(x[:, None] - x, p, -1)[np.triu_indices(30, 1)]
    np.testing.assert_allclose(pdist(autograd.tensor(x), p).numpy(), among, rtol=1e-10)


@pytest.mark.parametrize("mode", [None, "donot_use_mm_for_euclid_dist"])
def test_distances_of_close_vectors_far_from_the_origin(mode):
    x = np.random.default_rng(7).normal(size=(40, 3)).astype(np.float32) + 1000
    x[1] = x[0]
    x[3] = x[2] + np.float32(1e-3)
    t = autograd.tensor(x, requires_grad=True)
    out = cdist(t, autograd.tensor(x), compute_mode=mode)
    wide = x.astype(np.float64)
    np.testing.assert_allclose(out.detach().numpy(), np.linalg.norm(wide[:, None] - wide, 2, -1), rtol=1e-4, atol=1e-7)
    assert out[0, 1].item() == 0.0
    out.sum().backward()
    apart = wide[:, None] - wide
    length = np.linalg.norm(apart, 2, -1, keepdims=True)
    np.testing.assert_allclose(t.grad.numpy(), (apart / np.where(length, length, 1)).sum(1), rtol=1e-3, atol=1e-2)


def test_gradients_of_many_distances_by_products_and_by_differences_agree(monkeypatch):
    rng = np.random.default_rng(8)
    x, y, seed = (
        rng.normal(size=(30, 6)),
        rng.normal(size=(2, 40, 6)) + 3,
        autograd.tensor(rng.normal(size=(2, 30, 40))),
    )
    found = []
    for limit in (0, 10**9):
        monkeypatch.setattr(distances, "_BLOCK", limit)
        leaves = [autograd.tensor(x, requires_grad=True), autograd.tensor(y, requires_grad=True)]
        first = autograd.grad(cdist(*leaves), leaves, seed, create_graph=True)
        found.append([*first, *autograd.grad(sum((g * g).sum() for g in first), leaves)])
    for product, difference in zip(*found, strict=True):
        np.testing.assert_allclose(product.detach().numpy(), difference.detach().numpy(), rtol=1e-9, atol=1e-10)


def test_distance_errors():
    with pytest.raises(autograd.ShapeError, match=r"vectors of one length.*\(2, 3\) and \(2, 4\)"):
        cdist(autograd.ones(2, 3), autograd.ones(2, 4))
    with pytest.raises(ValueError, match="compute_mode must be one of"):
        cdist(autograd.ones(2, 3), autograd.ones(2, 3), compute_mode="fast")
    with pytest.raises(autograd.ShapeError, match=r"expected one set of vectors, \(N, M\)"):
        pdist(autograd.ones(2))


@pytest.mark.parametrize("p", [1.0, 3.0, float("inf")])
@pytest.mark.parametrize(
    "shapes", [((5, 3), (40, 3)), ((2, 5, 3), (12, 3)), ((4, 3), (5, 1, 12, 3)), ((0, 3), (12, 3))]
)
def test_distances_to_many_short_vectors(shapes, p):
    rng = np.random.default_rng(0)
    x, y = [autograd.tensor(rng.standard_normal(shape), requires_grad=True) for shape in shapes]
    out, turned = cdist(x, y, p), cdist(y, x, p)  # of few vectors, which takes the other way
    weights = rng.standard_normal(out.shape)
    np.testing.assert_allclose(out.detach().numpy(), turned.mT.detach().numpy(), rtol=1e-14)
    found = autograd.grad((out * autograd.tensor(weights)).sum(), [x, y])
    expected = autograd.grad((turned.mT * autograd.tensor(weights)).sum(), [x, y])
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("count", [3, 60])
def test_distances_among_one_set(count):
    rng = np.random.default_rng(0)
    x = autograd.tensor(rng.standard_normal((count, 4)), requires_grad=True)
    weights = rng.standard_normal(count * (count - 1) // 2)
    out = pdist(x)
    rows, columns = np.triu_indices(count, 1)
    expected = (x[rows] - x[columns]).norm(dim=-1)
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), rtol=1e-10)
    (slope,) = autograd.grad((out * autograd.tensor(weights)).sum(), x)
    (other,) = autograd.grad((expected * autograd.tensor(weights)).sum(), x)
    np.testing.assert_allclose(slope.numpy(), other.numpy(), rtol=1e-8, atol=1e-12)


# ---- modules ---------------------------------------------------------------------------------------------------------

WEIGHTED = [nn.BCELoss, nn.BCEWithLogitsLoss, nn.CrossEntropyLoss, nn.MultiLabelSoftMarginLoss, nn.NLLLoss]
MODULES = [
    (nn.BCELoss(), F.binary_cross_entropy, "PQ"),
    (nn.BCEWithLogitsLoss(given("W"), pos_weight=given("V")), F.binary_cross_entropy_with_logits, "XQ",
     {"weight": given("W"), "pos_weight": given("V")}),
    (nn.CosineEmbeddingLoss(-0.9), F.cosine_embedding_loss, "XYM", {"margin": -0.9}),
    (nn.CrossEntropyLoss(given("W"), None, 2, None, "sum", 0.1), F.cross_entropy, "XC",
     {"weight": given("W"), "ignore_index": 2, "reduction": "sum", "label_smoothing": 0.1}),
    (nn.GaussianNLLLoss(full=True, eps=1.0), F.gaussian_nll_loss, "XYV", {"full": True, "eps": 1.0}),
    (nn.HingeEmbeddingLoss(1.2), F.hinge_embedding_loss, "XS", {"margin": 1.2}),
    (nn.HuberLoss("sum", 1.3), F.huber_loss, "XY", {"reduction": "sum", "delta": 1.3}),
    (nn.KLDivLoss(reduction="batchmean", log_target=True), F.kl_div, "XY",
     {"reduction": "batchmean", "log_target": True}),
    (nn.L1Loss(reduction="sum"), F.l1_loss, "XY", {"reduction": "sum"}),
    (nn.MSELoss(reduction="none"), F.mse_loss, "XY", {"reduction": "none"}),
    (nn.MarginRankingLoss(0.5), F.margin_ranking_loss, "XYS", {"margin": 0.5}),
    (nn.MultiLabelMarginLoss(), F.multilabel_margin_loss, "XL"),
    (nn.MultiLabelSoftMarginLoss(given("W")), F.multilabel_soft_margin_loss, "XB", {"weight": given("W")}),
    (nn.MultiMarginLoss(2, 1.5, given("W")), F.multi_margin_loss, "XC", {"p": 2, "margin": 1.5, "weight": given("W")}),
    (nn.NLLLoss(given("W"), ignore_index=0), F.nll_loss, "XC", {"weight": given("W"), "ignore_index": 0}),
    (nn.PairwiseDistance(1.0, 0.5, True), F.pairwise_distance, "XY", {"p": 1.0, "eps": 0.5, "keepdim": True}),
    (nn.CosineSimilarity(0, 2.0), F.cosine_similarity, "XY", {"dim": 0, "eps": 2.0}),
    (nn.PoissonNLLLoss(False, True, eps=1e-3), F.poisson_nll_loss, "PV",
     {"log_input": False, "full": True, "eps": 1e-3}),
    (nn.SmoothL1Loss(beta=1.3), F.smooth_l1_loss, "XY", {"beta": 1.3}),
    (nn.SoftMarginLoss(), F.soft_margin_loss, "XS"),
    (nn.TripletMarginLoss(2.0, 1.0, 0.1, True), F.triplet_margin_loss, "XYP",
     {"margin": 2.0, "p": 1.0, "eps": 0.1, "swap": True}),
    (nn.TripletMarginWithDistanceLoss(margin=2.0, swap=True), F.triplet_margin_with_distance_loss, "XYP",
     {"margin": 2.0, "swap": True}),
]  # fmt: skip


@pytest.mark.parametrize("row", MODULES, ids=lambda row: type(row[0]).__name__)
def test_modules_are_their_functions(row):
    module, function, keys, settings = (*row, {})[:4]
    args = [given(key) for key in keys]
    np.testing.assert_array_equal(module(*args).numpy(), function(*args, **settings).numpy())
    assert not list(module.parameters())


def test_ctc_module():
    x, targets = autograd.tensor(log_probabilities(4, 2, 3)), autograd.tensor([[0, 1], [1, 0]])
    out = nn.CTCLoss(2, "sum", True)(x, targets, (4, 3), (2, 2))
    assert out.item() == F.ctc_loss(x, targets, (4, 3), (2, 2), 2, "sum", True).item()


@pytest.mark.parametrize("kind", WEIGHTED)
def test_weights_are_buffers(kind):
    weight = autograd.tensor([1.0, 2.0])
    assert list(kind(weight).state_dict()) == ["weight"]
    assert not list(kind().state_dict())
    assert list(nn.BCEWithLogitsLoss(weight, pos_weight=weight).state_dict()) == ["weight", "pos_weight"]


def test_reprs_and_own_distances():
    assert repr(nn.CrossEntropyLoss(reduction="sum")) == "CrossEntropyLoss()"
    loss = nn.TripletMarginWithDistanceLoss(distance_function=nn.PairwiseDistance(1.0), margin=2.0)
    assert repr(loss) == "TripletMarginWithDistanceLoss(\n  (distance_function): PairwiseDistance()\n)"
    args = [given(key) for key in "XYP"]
    assert loss(*args).item() == pytest.approx(F.triplet_margin_loss(*args, margin=2.0, p=1.0).item())
    halved = nn.TripletMarginWithDistanceLoss(distance_function=lambda a, b: F.pairwise_distance(a, b) / 2)
    assert halved(*args).item() == pytest.approx(F.triplet_margin_loss(*args, margin=2.0).item() / 2)


def test_module_arguments_are_checked_at_once():
    with pytest.raises(ValueError, match="KLDivLoss: reduction must be 'mean', 'batchmean', 'sum' or 'none'"):
        nn.KLDivLoss(reduction="max")
    with pytest.raises(TypeError, match="use reduction='sum'"):
        nn.MSELoss("sum")
    with pytest.raises(ValueError, match="TripletMarginLoss: margin must be greater than 0, got -1"):
        nn.TripletMarginLoss(-1)
    with pytest.raises(ValueError, match="MultiMarginLoss: p must be 1 or 2, got 3"):
        nn.MultiMarginLoss(3)
    with pytest.raises(TypeError, match="HuberLoss: delta must be a number, got complex 1j"):
        nn.HuberLoss(delta=1j)


@pytest.mark.parametrize(
    "loss",
    [F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss, F.soft_margin_loss, F.kl_div, F.poisson_nll_loss],
)
def test_the_gradient_of_one_number_compared_with_many_is_one_number(loss):
    x = autograd.tensor(0.3, dtype=autograd.float64, requires_grad=True)
    target = autograd.tensor([0.2, 0.9, 0.4], dtype=autograd.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loss(x, target).backward()
        assert x.grad.shape == ()
        wide = x.detach().expand(3).clone().requires_grad_()
        loss(wide, target).backward()
    assert x.grad.item() == pytest.approx(wide.grad.sum().item())


@pytest.mark.parametrize("integers", ["int8", "int64", "bool"])
@pytest.mark.parametrize("floats", ["float16", "float32", "float64"])
def test_one_side_of_a_cosine_may_hold_integers(integers, floats):
    x, y = autograd.tensor([[1, 0, 1]], dtype=integers), autograd.tensor([[0.5, 2.0, 0.5]], dtype=floats)
    y.requires_grad_()
    for similar in (F.cosine_similarity(x, y), F.cosine_similarity(y, x)):
        assert similar.dtype == np.dtype(floats)
        np.testing.assert_allclose(similar.detach(), 1 / 3, rtol=1e-3)
    similar.sum().backward()
    assert y.grad.dtype == np.dtype(floats)
    with pytest.raises(errors.DtypeError):
        F.cosine_similarity(x, x)


def test_how_many_numbers_differ_is_unknown_where_one_is_nan():
    x = autograd.tensor([[1.0, 2.0], [np.inf, 1e-45], [np.nan, 2.0]])
    np.testing.assert_array_equal(pdist(x, 0), [2, np.nan, np.nan])
    np.testing.assert_array_equal(cdist(x[:1], x, 0), [[0, 2, np.nan]])
    np.testing.assert_array_equal(cdist(autograd.tensor([[1.0, 0.0]]), autograd.tensor([[1.0, 1e-45]]), 0), [[1]])
    y = autograd.tensor([[1.0, 2.0], [3.0, 2.0]], requires_grad=True)
    pdist(y, 0).sum().backward()
    assert y.grad.tolist() == [[0.0, 0.0], [0.0, 0.0]]
