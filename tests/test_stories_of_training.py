"""The stories of training: they run, draw, repeat themselves, take MNIST's files, and show what their texts say.

All run on an MNIST-like folder that holds scikit-learn's real digits; one runs on these directly.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from matplotlib import pyplot as plt

import autograd
import nn
import optim
from examples import __main__ as listing
from examples import hyperparameter_search, losses, networks, weight_init
from examples.story import Images, load_images
from nn import data

PICTURES = {
    "optimizer_race": ["optimizer_race.png"],
    "weight_init": ["weight_init.png", "weight_init_training.png"],
    "batch_norm": ["batch_norm.png"],
    "overfitting": ["overfitting.png"],
    "hyperparameter_search": ["hyperparameter_search.png", "hyperparameter_search_best.png"],
    "losses": ["losses.png"],
}
BLIND = float(np.log(10))
"""The cross entropy of guessing blindly among ten classes."""


class Told(NamedTuple):
    """One run of a story."""

    figures: Any
    lines: list[str]
    out: Path


@pytest.fixture(scope="module")
def mnist(tmp_path_factory: Any) -> Path:
    """A folder as MNIST's, with 1,000 real digits to train and 300 to test."""
    digits = data.bundled("digits")
    order = np.random.default_rng(0).permutation(len(digits.x))[:1300]
    images = (digits.x[order] / 16 * 255).astype(np.uint8).reshape(-1, 8, 8)
    folder = tmp_path_factory.mktemp("mnist")
    for part, rows in (("train", slice(1000)), ("t10k", slice(1000, None))):
        for kind, array in (("images-idx3", images), ("labels-idx1", digits.y[order].astype(np.uint8))):
            header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array[rows].shape)
            (folder / f"{part}-{kind}-ubyte").write_bytes(header + array[rows].tobytes())
    return folder


@pytest.fixture(scope="module")
def told(mnist: Path, tmp_path_factory: Any) -> Any:
    """Tells a story once and remembers it."""
    known: dict[str, Told] = {}

    def tell(name: str) -> Told:
        if name not in known:
            out, said = tmp_path_factory.mktemp(name) / "new", io.StringIO()
            with contextlib.redirect_stdout(said):
                figures = importlib.import_module(f"examples.{name}").main(
                    ["--fast", "--mnist", str(mnist), "--out", str(out)]
                )
            known[name] = Told(figures, said.getvalue().splitlines(), out)
        return known[name]

    return tell


def leaves(figures: Any) -> list[np.ndarray]:
    """All numbers in nested tuples, lists and dicts."""
    if isinstance(figures, dict):
        figures = list(figures.values())
    if isinstance(figures, (list, tuple)):
        return [leaf for part in figures for leaf in leaves(part)]
    return [np.asarray(figures)]


def assert_same(a: Any, b: Any) -> None:
    for one, other in zip(leaves(a), leaves(b), strict=True):
        np.testing.assert_array_equal(one, other)


# ---- every story ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PICTURES)
def test_it_draws_and_ends_with_what_it_shows(name: str, told: Any) -> None:
    _, lines, out = told(name)
    assert [Path(line) for line in lines[-1 - len(PICTURES[name]) : -1]] == [
        out / picture for picture in PICTURES[name]
    ]
    assert sorted(path.name for path in out.iterdir()) == sorted(PICTURES[name])
    for picture in PICTURES[name]:
        content = (out / picture).read_bytes()
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        width, height = struct.unpack(">II", content[16:24])
        assert 800 <= width <= 2400
        assert 300 <= height <= 1400
        pixels = plt.imread(out / picture)[..., :3]
        assert 0.01 < (pixels < 0.9).any(-1).mean() < 0.6  # neither empty nor full
    assert lines[-1].endswith(".")
    assert sum(map(str.isdigit, lines[-1])) > 5
    assert any(set(line) == {"-", " "} for line in lines)  # under the head of a table


@pytest.mark.parametrize("name", PICTURES)
def test_it_repeats_itself(name: str, told: Any, mnist: Path, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    story = importlib.import_module(f"examples.{name}")
    monkeypatch.setattr(story, "save", lambda figure, path: plt.close(figure))
    again = story.main(["--fast", "--mnist", str(mnist), "--out", str(tmp_path)])
    assert_same(again, told(name).figures)
    assert capsys.readouterr().out.splitlines()[-1] == told(name).lines[-1]
    assert not plt.get_fignums()


@pytest.mark.parametrize("name", PICTURES)
def test_help_tells_the_story(name: str, capsys: Any) -> None:
    with pytest.raises(SystemExit, match="0"):
        importlib.import_module(f"examples.{name}").main(["--help"])
    said = capsys.readouterr().out
    for text in ("--seed", "--fast", "--out", "--mnist", "should see", f"python -m examples.{name}"):
        assert text in said


def test_stories_are_listed_and_what_they_share_is_not() -> None:
    known = listing.stories()
    assert set(PICTURES) <= set(known)
    assert "networks" not in known


@pytest.mark.parametrize(("words", "code", "error"), [([], 0, ""), (["--help"], 0, ""), (["none"], 2, "none")])
def test_the_list_of_stories(words: list[str], code: int, error: str, capsys: Any) -> None:
    assert listing.main(words) == code
    said = capsys.readouterr()
    assert "xor  " in said.out
    assert said.err.endswith(f"{error}\n" if error else "")


def test_digits_are_the_default_and_the_seed_counts() -> None:
    a, b = (losses.learn(seed, None, seeds=1, steps=30) for seed in (3, 4))
    key = ("from He's weights", "cross entropy")
    assert a[key][0].test[-1] > 0.4
    assert not np.array_equal(a[key][0].loss, b[key][0].loss)


# ---- what they show ------------------------------------------------------------------------------------------------


def test_plain_sgd_is_last_at_the_customary_rates(told: Any) -> None:
    figures = told("optimizer_race").figures
    last = {name: np.median([run.loss[-1] for run in runs]) for name, runs in figures.curves.items()}
    assert list(last) == ["SGD", "Momentum", "NAG", "AdaGrad", "RMSProp", "Adam"]
    assert all(len(runs) == 2 for runs in figures.curves.values())
    assert all(last["SGD"] > 1.3 * loss for name, loss in last.items() if name != "SGD")
    # At ten times its rate it learns more in a short run: the lag is partly the rate's.
    by_rate = dict(zip(np.round(figures.rates, 3), figures.short["SGD"], strict=True))
    assert by_rate[0.1] < by_rate[0.01] < by_rate[0.001]


def test_activations_live_by_he_and_die_by_a_hundredth(told: Any) -> None:
    figures = told("weight_init").figures
    assert all(len(layers) == 5 for layers in figures.activations.values())
    assert all(layer.shape == (1000, 100) for layers in figures.activations.values() for layer in layers)
    ratio = {start: np.divide(*np.array(figures.spread("ReLU", start))[[-1, 0]]) for start in weight_init.STARTS}
    assert 0.4 < ratio["He"] < 2.5
    assert ratio["std 0.01"] < 1e-3
    assert ratio["std 1"] > 1e3
    assert 0.1 < ratio["Xavier"] < 0.6  # about (1 / sqrt(2)) ** 4
    assert min(figures.spread("tanh", "std 1")) > 0.9
    assert min(figures.spread("tanh", "Xavier")) > 0.2
    assert figures.spread("tanh", "std 0.01")[-1] < 1e-4
    # Under sigmoid what is spread out are the units, not what they say of the inputs.
    assert figures.news("sigmoid", "Xavier") < 0.05 * figures.spread("sigmoid", "Xavier")[-1]
    assert figures.news("tanh", "Xavier") > 0.5 * figures.spread("tanh", "Xavier")[-1]


def test_he_learns_faster_than_xavier_and_a_hundredth_not_at_all(told: Any) -> None:
    last = {start: runs[0].loss[-1] for start, runs in told("weight_init").figures.curves.items()}
    assert last["He"] < last["Xavier"] - 0.3
    assert last["Xavier"] < last["std 0.01"]
    assert abs(last["std 0.01"] - BLIND) < 0.02


def test_batch_norm_is_ahead_at_most_scales(told: Any) -> None:
    figures = told("batch_norm").figures
    np.testing.assert_allclose(figures.scales, [1, 0.1, 0.01])
    assert figures.ahead() == 3
    for plain, normed in list(zip(figures.plain, figures.normed, strict=True))[1:]:
        assert normed.train[-1] > plain.train[-1] + 0.4


def test_the_textbook_s_remedies_narrow_the_gap(told: Any) -> None:
    figures = told("overfitting").figures
    assert figures.curves["plain"][0].train[-1] == 1
    assert figures.gap("plain") > 0.02
    for way in ("weight decay", "dropout", "both"):
        assert figures.loss_gap(way) < 0.95 * figures.loss_gap("plain")
    assert figures.loss_gap("both") < 0.85 * figures.loss_gap("plain")


def test_forms_of_cross_entropy_agree(told: Any) -> None:
    figures = told("losses").figures
    assert len(figures.differences) == 3
    assert all(max(pair) < 1e-12 for pair in figures.differences.values())
    assert figures.far == {"from the score": (200.0, -1.0), "after the sigmoid": (100.0, 0.0)}


def test_squared_error_through_a_sigmoid_has_no_gradient_where_it_is_wrong_and_sure(told: Any) -> None:
    figures = told("losses").figures
    p = 1 / (1 + np.exp(-figures.scores))
    loss, gradient = figures.binary["cross entropy"]
    np.testing.assert_allclose(loss, np.log1p(np.exp(-figures.scores)), rtol=1e-12)
    np.testing.assert_allclose(gradient, p - 1, rtol=1e-9)
    loss, gradient = figures.binary["squared error of sigmoid"]
    np.testing.assert_allclose(loss, (1 - p) ** 2, rtol=1e-9)
    np.testing.assert_allclose(gradient, -2 * p * (1 - p) ** 2, rtol=1e-9)
    assert abs(gradient[0]) < 1e-4
    assert figures.classes["cross entropy"][0] < -0.99
    assert abs(figures.classes["squared error of softmax"][0]) < 1e-3
    right = {key: runs[0].test[-1] for key, runs in figures.curves.items()}
    assert right["sure of 0 at first", "cross entropy"] > right["sure of 0 at first", "squared error of softmax"] + 0.3


# ---- the search ----------------------------------------------------------------------------------------------------


def test_second_round_is_better_than_the_first(told: Any) -> None:
    figures = told("hyperparameter_search").figures
    assert figures.median(1) > figures.median(0) + 0.05
    assert figures.best.score == max(trial.score for trial in figures.first + figures.second)
    assert figures.test > 0.3
    (least, greatest), decays = hyperparameter_search.narrowed(figures.first)
    assert all(least <= t.lr <= greatest and decays[0] <= t.decay <= decays[1] for t in figures.second)
    assert np.log10(greatest / least) < 3


def test_hopeless_trials_are_given_up_early(told: Any) -> None:
    figures = told("hyperparameter_search").figures
    given_up = [trial for trial in figures.first if trial.given_up]
    assert given_up
    for trial in figures.first + figures.second:
        assert (trial.curves.steps[-1] < 80) == trial.given_up
    for trial in given_up:
        assert trial.curves.steps[-1] >= 80 / 3
        assert trial.curves.test[-1] < 0.2
    assert all(trial.given_up for trial in figures.first if trial.lr < 1e-4)


def test_search_is_the_same_with_one_and_two_processes() -> None:
    images = networks.subset(load_images(0), 100)
    one, two = (hyperparameter_search.search(images, 5, count=3, steps=8, processes=n) for n in (1, 2))
    assert len(one.first) == len(one.second) == 3
    assert_same(one, two)


def test_settings_are_log_uniform() -> None:
    settings = hyperparameter_search.draw_settings(np.random.default_rng(0), 4000, (1e-6, 1e-2), (1e-8, 1e-4))
    for column, least in zip(np.log10(settings).T, (-6, -8), strict=True):
        counts, _ = np.histogram(column, np.arange(least, least + 5))
        assert counts.sum() == 4000
        assert (abs(counts - 1000) < 120).all()


def test_sentence_of_a_search_that_gave_up_all() -> None:
    images = networks.subset(load_images(0), 100)
    result = hyperparameter_search.search(images, 1, count=3, steps=4, processes=1)
    result = result._replace(first=[trial._replace(given_up=True) for trial in result.first], second=result.second[:2])
    assert "Too few went through" in hyperparameter_search.sentence(result)


# ---- what they share -----------------------------------------------------------------------------------------------


def some(count: int = 30) -> Images:
    return networks.subset(load_images(0), count)


def test_network_is_built_as_asked() -> None:
    model = networks.network(6, hidden=2, width=4, outputs=3, activation=nn.Tanh, norm=True, dropout=0.2)
    layer = ["Linear", "BatchNorm1d", "Tanh", "Dropout"]
    assert [type(part).__name__ for part in model] == [*layer, *layer, "Linear"]
    assert model(autograd.zeros(5, 6)).shape == (5, 3)
    assert [type(part).__name__ for part in networks.network(6, hidden=1)] == ["Linear", "ReLU", "Linear"]


@pytest.mark.parametrize(("start", "std"), [("he", (2 / 300) ** 0.5), ("xavier", (2 / 500) ** 0.5), (0.01, 0.01)])
def test_weights_start_as_asked(start: float | str, std: float) -> None:
    autograd.manual_seed(0)
    first = networks.network(300, hidden=1, width=200, start=start)[0]
    assert first.weight.std().item() == pytest.approx(std, rel=0.02)
    assert not first.bias.any()


def test_hidden_outputs_are_what_the_next_layer_gets() -> None:
    model = networks.network(6, hidden=2, width=4)
    x = autograd.randn(5, 6)
    first, second = networks.hidden_outputs(model, x)
    with autograd.no_grad():
        np.testing.assert_array_equal(first, model[:2](x).numpy())
        np.testing.assert_array_equal(second, model[:4](x).numpy())


def test_training_is_measured_when_asked_and_at_the_end() -> None:
    autograd.manual_seed(0)
    model = networks.network(64, hidden=1, norm=True)
    curves = networks.train(model, optim.SGD(model.parameters(), lr=0.1), some(), steps=7, every=3, seed=0, batch=10)
    assert curves.steps.tolist() == [3, 6, 7]
    assert all(len(values) == 3 for values in curves)
    assert curves.loss[-1] < curves.loss[0]
    assert model.training


def test_each_pass_shows_each_image_once_in_an_order_of_the_seed() -> None:
    seen: list[Any] = []

    def loss(scores: Any, y: Any) -> Any:
        seen.append(y.numpy())
        return scores.sum() * 0

    images = some()._replace(train_y=np.arange(30) % 10)
    for seed in (0, 0, 1):
        model = networks.network(64, hidden=1)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        networks.train(model, optimizer, images, steps=6, every=6, seed=seed, batch=10, loss=loss)
    passes = np.array(seen).reshape(6, 30)
    assert all(np.array_equal(np.sort(one), np.sort(images.train_y)) for one in passes)
    np.testing.assert_array_equal(passes[:2], passes[2:4])
    assert not np.array_equal(passes[0], passes[1])
    assert not np.array_equal(passes[0], passes[4])


def test_a_batch_larger_than_the_set_is_the_set_and_hopeless_ends_training() -> None:
    class Bar:
        done = 0

        def update(self, count: int = 1) -> None:
            self.done += count

    bar, model = Bar(), networks.network(64, hidden=1)
    curves = networks.train(
        model,
        optim.SGD(model.parameters(), lr=0.1),
        some(20),
        steps=50,
        every=2,
        seed=0,
        hopeless=lambda curves: bool(curves.steps[-1] >= 6),
        bar=bar,
    )
    assert curves.steps.tolist() == [2, 4, 6]
    assert bar.done == 50


def test_training_out_of_bounds_is_silent_and_recognises_what_chance_gives() -> None:
    autograd.manual_seed(0)
    model = networks.network(64, start=1.0)
    curves = networks.train(model, optim.SGD(model.parameters(), lr=1.0), some(), steps=6, every=6, seed=0)
    assert np.isnan(curves.loss[-1])
    assert curves.test[-1] < 0.2
