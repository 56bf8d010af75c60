"""The stories of derivatives and descent: what they claim holds, with margins, and their pictures are written."""

from __future__ import annotations

import contextlib
import io
import struct
import sys
from collections.abc import Callable
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from examples import (
    gradient_check,
    gradient_descent,
    linear_regression,
    numerical_differentiation,
    optimizer_paths,
    robust_regression,
    three_derivatives,
    xor,
)

PNG = b"\x89PNG\r\n\x1a\n"
STORIES = {
    story.__name__.rpartition(".")[2]: story
    for story in (
        numerical_differentiation,
        gradient_descent,
        linear_regression,
        xor,
        gradient_check,
        optimizer_paths,
        robust_regression,
        three_derivatives,
    )
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every story, run once in small: its figures by name; what they printed as "said", and their folder as "out"."""
    found: dict[str, Any] = {"out": tmp_path_factory.mktemp("out"), "said": {}}
    for name, story in STORIES.items():
        with contextlib.redirect_stdout(io.StringIO()) as said:
            found[name] = story.main(["--fast", "--out", str(found["out"])])
        found["said"][name] = said.getvalue()
    return found


def same(a: Any, b: Any) -> bool:
    """Whether figures are equal to the last bit; seconds are not compared."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if "seconds" in getattr(a, "_fields", ()):
        return same(a._replace(seconds=None)._asdict(), b._replace(seconds=None)._asdict())
    if isinstance(a, nn.Module):
        return same(list(a.parameters()), list(b.parameters()))
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, str) or a is None:
        return a == b
    a, b = (x.detach().numpy() if isinstance(x, autograd.Tensor) else np.asarray(x) for x in (a, b))
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


# ---- all of them ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STORIES)
def test_a_picture_of_sensible_size_is_written(name: str, runs: dict[str, Any]) -> None:
    data = (runs["out"] / f"{name}.png").read_bytes()
    assert data.startswith(PNG)
    width, height = struct.unpack(">II", data[16:24])
    assert 1000 <= width <= 4000
    assert 500 <= height <= 3000
    assert len(data) > 30_000


def test_the_last_two_lines_are_the_picture_and_what_the_run_shows(runs: dict[str, Any]) -> None:
    for name in STORIES:
        picture, said = runs["said"][name].splitlines()[-2:]
        assert picture == str(runs["out"] / f"{name}.png")
        assert said == STORIES[name].conclusion(runs[name])
        assert len(said) > 200


IMAGES = gradient_check.load_images(0)


@pytest.mark.parametrize(
    "measure",
    [
        lambda seed: numerical_differentiation.measure(seed, 3),
        lambda seed: gradient_descent.measure(seed, 3),
        lambda seed: linear_regression.measure(seed, 0.02, 20),
        lambda seed: xor.measure(seed, 3, 20, 20),
        lambda seed: gradient_check.measure(seed, IMAGES, 2, 2, ()),
        lambda seed: optimizer_paths.measure(seed, 3),
        lambda seed: robust_regression.measure(seed, 2),
        lambda seed: three_derivatives.measure(seed, 1, 1, {1: 2, 2: 1}),
    ],
    ids=STORIES,
)
def test_a_seed_gives_the_same_figures_and_another_one_others(measure: Callable[[int], Any]) -> None:
    first, again, other = (measure(seed) for seed in (3, 3, 4))
    assert same(first, again)
    assert not same(first, other)


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_help_tells_the_story(
    story: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [str(story.__file__)])
    with pytest.raises(SystemExit, match="0"):
        story.main(["--help"])
    said = capsys.readouterr().out
    name = story.__name__.rpartition(".")[2]
    for text in (f"usage: python -m {story.__name__}", f"python -m examples.{name}", "--seed", "--fast", "--out"):
        assert text in said
    assert "should see" in " ".join(said.split())


# ---- differences ---------------------------------------------------------------------------------------------------


def test_errors_fall_by_the_textbooks_powers_and_rise_again(runs: dict[str, Any]) -> None:
    found = runs["numerical_differentiation"]
    for name, power in (("forward", 1), ("central", 2), ("Richardson", 4), ("complex step", 2)):
        assert found.slopes[name] == pytest.approx(power, abs=0.05), name
    errors = [found.best[name][1] for name in (numerical_differentiation.SINGLE, "forward", "central", "Richardson")]
    assert all(worse > 10 * better for worse, better in pairwise(errors))
    steps = [found.best[name][0] for name in ("forward", "central", "Richardson")]
    assert all(small < large / 8 for small, large in pairwise(steps))
    for name in ("forward", "central", "Richardson"):
        assert found.errors[name][-1] > 1e-3, name
    assert found.errors["complex step"][-1] < 1e-15
    assert found.automatic < 1e-15


def test_tangents_and_the_gradient_field(runs: dict[str, Any]) -> None:
    found = runs["numerical_differentiation"]
    assert [str(line) for line in found.tangents] == ["y = 0.2 * x - 0.25", "y = 0.3 * x - 1"]
    assert found.field < 1e-9
    points, gradients = numerical_differentiation.gradient_field()
    np.testing.assert_allclose(gradients, 2 * points, atol=1e-9)


def test_the_true_slopes_are_those_of_the_function() -> None:
    points = np.array([1.0, 1.5])
    expected = numerical_differentiation.numerical.derivative(
        numerical_differentiation.steep, points, method="richardson"
    )
    np.testing.assert_allclose(numerical_differentiation.true_slopes(points), expected, rtol=1e-10)


# ---- descent -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "minimum"), [("curve", [-1.0]), ("bowl", [0.0, 0.0])])
def test_rates_too_small_right_and_too_large(name: str, minimum: list[float], runs: dict[str, Any]) -> None:
    small, right, large = (runs["gradient_descent"].runs[name, kind] for kind in gradient_descent.KINDS)
    for found in (small, right):
        assert found.converged
        assert np.linalg.norm(found.grad) <= gradient_descent.TOLERANCE
        np.testing.assert_allclose(found.x, minimum, atol=1e-6)
    assert small.steps > 15 * right.steps
    assert not large.converged
    assert large.fun > 1e6 * large.values[0]
    # the criterion stopped it at the first point that fulfils it
    before = gradient_descent.automatic(gradient_descent.FUNCTIONS[name][0])(right.path[-2])
    assert np.linalg.norm(before) > gradient_descent.TOLERANCE


def test_symbolic_numerical_and_automatic_gradients_give_one_path(runs: dict[str, Any]) -> None:
    differences = runs["gradient_descent"].differences
    assert len(differences) == 9
    for (name, way), found in differences.items():
        assert found.steps == differences[name, "symbolic"].steps
        assert found.largest <= {"symbolic": 0, "numerical": 1e-7, "automatic": 1e-12}[way]


def test_which_minimum_is_found_depends_on_the_start_and_on_the_rate(runs: dict[str, Any]) -> None:
    found = runs["gradient_descent"]
    np.testing.assert_allclose([gradient_descent.himmelblau(x) for x in gradient_descent.MINIMA], 0, atol=1e-9)
    assert len({*found.reached.tolist()} - {-1}) >= 2
    for walk, which in zip(found.walks, found.reached, strict=True):
        assert walk.converged
        np.testing.assert_allclose(walk.x, gradient_descent.MINIMA[which], atol=1e-5)
    slow, fast = map(gradient_descent.shares_of, found.basins)
    assert slow[:4].min() > 0.15
    assert slow[4] < 0.02
    # a minimum too sharp for the rate attracts nobody
    assert (found.limits < gradient_descent.LARGE).tolist() == [False, False, True, False]
    assert fast[2] < 0.01
    assert fast[4] > 0.1


# ---- linear regression ---------------------------------------------------------------------------------------------


def test_all_batches_reach_the_closed_form_of_points_without_noise(runs: dict[str, Any]) -> None:
    found = runs["linear_regression"]
    np.testing.assert_allclose(found.toy_closed, [1, 2, 3], atol=1e-12)
    passes = [len(found.toy[name]) - 1 for name in ("full batch", "mini-batches of 2", "single samples")]
    assert passes[0] > 1.5 * passes[1] > 2 * passes[2]
    for path in found.toy.values():
        np.testing.assert_allclose(path[-1], found.toy_closed, atol=1e-6)


def test_with_noise_only_full_batches_reach_the_closed_form(runs: dict[str, Any]) -> None:
    found = runs["linear_regression"]
    assert all((excess > 0).all() for excess in found.excess.values())
    after_one_pass = [found.excess[name][1] for name in linear_regression.PATIENTS]
    assert after_one_pass[0] > 1.5 * after_one_pass[1]
    assert after_one_pass[0] > 1.5 * after_one_pass[2]
    patients = linear_regression.load(0)
    exact = linear_regression.descend(patients.x, patients.y, len(patients.x), 0.2, 2000)[-1]
    np.testing.assert_allclose(exact, found.weights["closed form"], atol=1e-3)
    assert all(0.2 < r2 < 0.6 for r2 in found.r2.values())


# ---- XOR -----------------------------------------------------------------------------------------------------------


def test_a_perceptron_learns_and_and_or_but_not_xor(runs: dict[str, Any]) -> None:
    perceptrons = runs["xor"].perceptrons
    assert [perceptrons[gate].right for gate in ("AND", "OR")] == [4, 4]
    assert perceptrons["XOR"].right <= 3
    for gate, trained in perceptrons.items():
        said = xor.POINTS @ trained.weights[:2] + trained.weights[2] > 0
        assert (said == np.array(xor.GATES[gate])).sum() == trained.right


def test_two_layers_learn_xor_more_surely_the_wider(runs: dict[str, Any]) -> None:
    found = runs["xor"]
    with autograd.no_grad():
        scores = found.network(autograd.from_numpy(xor.POINTS))[0].numpy()
    assert ((scores > 0) == np.array(xor.GATES["XOR"])).all()
    learned = {width: (right == 4).mean() for width, right in found.right.items()}
    assert learned[1] == 0
    assert learned[2] < 0.9
    assert learned[16] == 1
    assert learned[2] + 0.1 < learned[8]


def test_networks_side_by_side_do_not_feel_each_other() -> None:
    autograd.manual_seed(0)
    model = xor.Networks(3, 2)
    x = autograd.from_numpy(xor.POINTS)
    (gradient,) = autograd.grad(model(x)[1].sum(), model.hidden)
    assert gradient[1].abs().min() > 0
    assert gradient[[0, 2]].abs().max() == 0


# ---- gradient check ------------------------------------------------------------------------------------------------


def test_a_784_x_10_matrix_takes_15680_forward_passes(runs: dict[str, Any]) -> None:
    layer = runs["gradient_check"].layers[28]
    assert layer.automatic.shape == layer.numerical.shape == (7840,)
    assert layer.passes == 15_680
    for side, found in runs["gradient_check"].layers.items():
        assert found.passes == 2 * side * side * 10
        assert gradient_check.total_error(found) < 1e-7


def test_gradients_agree_in_float64_and_not_in_float32(runs: dict[str, Any]) -> None:
    found = runs["gradient_check"]
    double, wide, single, noise = map(gradient_check.total_error, found.networks.values())
    assert double < 1e-7
    assert double < wide
    assert double < single / 100
    assert single < noise / 10


# ---- optimizers ----------------------------------------------------------------------------------------------------


def test_momentum_is_straighter_than_sgd_and_adagrad_straighter_still(runs: dict[str, Any]) -> None:
    found = runs["optimizer_paths"]
    for straightness in (found.straightness, found.elsewhere):
        assert straightness["SGD"] > 2 * straightness["Momentum"]
        assert straightness["Momentum"] > straightness["NAG"] > straightness["AdaGrad"]
        assert all(ratio >= 1 for ratio in straightness.values())
    crossings = {name: (np.diff(np.sign(path[:, 1])) != 0).sum() for name, path in found.paths.items()}
    assert crossings["SGD"] == 30
    assert crossings["Momentum"] < 10
    resting = [name for name in optimizer_paths.OPTIMIZERS if name != "RMSProp"]
    assert all(found.later[name] < found.values[name] / 10 for name in resting)
    assert found.later["RMSProp"] > 10 * max(found.later[name] for name in resting)


def test_without_bias_correction_adams_first_steps_are_too_long_as_the_theory_says(runs: dict[str, Any]) -> None:
    found = runs["optimizer_paths"]
    measured, theory = found.ratios
    np.testing.assert_allclose(measured, theory, rtol=1e-6)
    assert measured[0] == pytest.approx(0.1 / 0.001**0.5, rel=1e-6)
    assert measured[-1] < measured.max() / 2
    for name, length in (("Adam", 0.3), (optimizer_paths.UNCORRECTED, 0.3 * measured[0])):
        np.testing.assert_allclose(np.abs(found.paths[name][1] - found.paths[name][0]), length, rtol=1e-6)


def test_uncorrected_adam_is_the_written_out_rule() -> None:
    path = optimizer_paths.walk(lambda p: optimizer_paths.UncorrectedAdam(p, lr=0.3), optimizer_paths.START, 5)
    x, mean, square = np.array(optimizer_paths.START), np.zeros(2), np.zeros(2)
    for expected in path[1:]:
        slope = np.array([x[0] / 10, 2 * x[1]])
        mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
        x = x - 0.3 * mean / (square**0.5 + 1e-8)
        np.testing.assert_allclose(expected, x, rtol=1e-10)


# ---- derivatives for SciPy -----------------------------------------------------------------------------------------


def test_all_optimizers_find_one_minimum_of_the_robust_loss(runs: dict[str, Any]) -> None:
    found = runs["robust_regression"]
    coarse = found.fits["L-BFGS, SciPy's differences"]
    for name, fit in found.fits.items():
        assert fit.off < 1e-5, name
        assert fit.norm <= (1e-6 if fit is coarse else robust_regression.TOLERANCE), name
        assert len(fit.path) >= fit.steps
    steps = [found.fits[name].steps for name in ("trust-exact, jac and hess", "L-BFGS, jac automatic")]
    assert 2 * steps[0] < steps[1] < found.fits[robust_regression.DESCENT].steps / 20
    numerical, automatic = (found.fits[f"L-BFGS, jac {kind}"].runs for kind in ("numerical", "automatic"))
    assert numerical > 15 * automatic


def test_robust_regression_does_not_believe_typing_errors(runs: dict[str, Any]) -> None:
    found = runs["robust_regression"]
    patients = found.patients
    assert 0.02 < (patients.y != patients.clean_y).mean() < 0.09
    assert found.r2["robust"] > 0.25
    assert found.r2["least squares"] < 0
    assert found.r2["least squares before the errors"] - found.r2["robust"] < 0.05
    assert found.one_step < 1e-10


def test_error_bars_from_the_hessian_are_those_of_the_bootstrap(runs: dict[str, Any]) -> None:
    hessian, drawn = runs["robust_regression"].bars
    # 30 fits give a standard error to 13 per cent
    np.testing.assert_allclose(hessian, drawn, rtol=0.5)
    assert np.mean(hessian / drawn) == pytest.approx(1, abs=0.15)


def test_symbolic_and_automatic_derivatives_are_right_to_rounding_and_differences_are_not(runs: dict[str, Any]) -> None:
    found = runs["three_derivatives"]
    for (_, way, order, _), one in found.ways.items():
        limits = {"central": 1e-3, "Richardson": 1e-7, "complex step": 1e-13 if order == 1 else 1e-9}
        assert one.error < limits.get(way, 1e-13), (way, order)
    few = three_derivatives.last_of(found, three_derivatives.LOSS, 2)
    central, automatic = (found.ways[three_derivatives.LOSS, way, 2, few].error for way in ("central", "automatic"))
    assert central > 1000 * automatic


def test_only_the_formula_swells(runs: dict[str, Any]) -> None:
    found = runs["three_derivatives"]
    for order in (1, 2):
        turns = range(2, three_derivatives.last_of(found, three_derivatives.MAP, order) + 1)
        operations = [found.ways[three_derivatives.MAP, "symbolic", order, n].operations for n in turns]
        assert all(after > 2 * before for before, after in pairwise(operations))
    # of four weights
    assert found.runs == {"central": (8, 72), "Richardson": (40, 1640), "complex step": (4, 164), "automatic": (1, 1)}
