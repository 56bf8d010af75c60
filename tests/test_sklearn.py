"""nn.sklearn: estimators that scikit-learn's own checks accept, and what they promise beyond those."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import autograd
import nn
import optim
from nn import data
from nn.sklearn import Classifier, Regressor

IRIS = data.bundled("iris")
DIABETES = data.bundled("diabetes")
ADAM = {"optimizer": optim.Adam, "lr": 0.01, "hidden": (16,)}
STEPS = [{}, {"optimizer": optim.Adam, "lr": 0.02}]


@pytest.mark.parametrize(
    "estimator",
    [
        Classifier(max_epochs=50, hidden=(20,)),
        Regressor(max_epochs=50),
        Classifier(max_epochs=15, **ADAM),
        Regressor(max_epochs=15, **ADAM),
    ],
)
def test_checks_of_scikit_learn(estimator: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = check_estimator(estimator, on_skip=None)
    skipped = {check["check_name"] for check in done if check["status"] == "skipped"}
    assert skipped <= {
        "check_array_api_input",
        "check_classifier_data_not_an_array",
        "check_regressor_data_not_an_array",
    }
    assert sum(check["status"] == "passed" for check in done) >= 50


@pytest.mark.parametrize("steps", STEPS)
def test_lazy_layers_take_their_sizes_from_the_data(steps: Any) -> None:
    module = nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(3))
    found = Classifier(module, random_state=0, max_epochs=100, **steps)
    model = make_pipeline(StandardScaler(), found).fit(IRIS.x, IRIS.y)
    assert model.score(IRIS.x, IRIS.y) > 0.92
    assert isinstance(next(module.parameters()), nn.UninitializedParameter)


@pytest.mark.parametrize("steps", STEPS)
def test_classifies_in_a_pipeline(steps: Any) -> None:
    model = make_pipeline(StandardScaler(), Classifier(hidden=(8,), random_state=0, max_epochs=100, **steps))
    assert cross_val_score(model, IRIS.x, IRIS.y, cv=3).mean() > 0.92
    names = np.array(["setosa", "versicolor", "virginica"])[IRIS.y]
    model.fit(IRIS.x, names)
    assert set(model.predict(IRIS.x)) == set(names)
    chances = model.predict_proba(IRIS.x)
    assert chances.shape == (150, 3)
    assert np.allclose(chances.sum(1), 1)
    assert np.array_equal(model.classes_[chances.argmax(1)], model.predict(IRIS.x))


@pytest.mark.parametrize("steps", STEPS)
def test_regresses(steps: Any) -> None:
    y = (DIABETES.y - DIABETES.y.mean()) / DIABETES.y.std()
    model = make_pipeline(StandardScaler(), Regressor(hidden=(), random_state=0, max_epochs=100, **steps))
    assert model.fit(DIABETES.x, y).score(DIABETES.x, y) == pytest.approx(0.5177, abs=0.01)  # least squares
    two = Regressor(hidden=(4,), max_epochs=5, **steps)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert two.fit(DIABETES.x, np.stack([y, -y], 1)).predict(DIABETES.x).shape == (442, 2)


@pytest.mark.parametrize("steps", STEPS)
def test_random_state_decides_and_the_default_generator_is_left_alone(steps: Any) -> None:
    def fitted(seed: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return Classifier(random_state=seed, max_epochs=3, **steps).fit(IRIS.x, IRIS.y).predict_proba(IRIS.x)

    autograd.manual_seed(5)
    expected = autograd.rand(3).tolist()
    autograd.manual_seed(5)
    one = fitted(1)
    assert autograd.rand(3).tolist() == expected
    assert np.array_equal(one, fitted(1))
    assert not np.array_equal(one, fitted(2))


def float32_module(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, 5), nn.Tanh(), nn.Linear(5, outputs))


@pytest.mark.parametrize("made", [False, True])
def test_modules_of_ones_own(made: bool) -> None:
    module: Any = float32_module(4, 3) if made else float32_module
    before = module[0].weight.tolist() if made else None
    model = Classifier(module, random_state=0, max_epochs=300, tol=1e-3, **STEPS[1]).fit(IRIS.x, IRIS.y)
    assert model.score(IRIS.x, IRIS.y) > 0.95
    assert model.module_[0].weight.dtype == np.float32
    assert not model.module_.training
    assert model.n_iter_ == len(model.loss_curve_)
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    if made:
        assert module[0].weight.tolist() == before
        assert clone(model).module is not module
    assert np.array_equal(pickle.loads(pickle.dumps(model)).predict(IRIS.x), model.predict(IRIS.x))


def test_warm_start_goes_on() -> None:
    def fit(model: Any, times: int) -> Any:
        for _ in range(times):
            model.fit(IRIS.x, IRIS.y)
        return model

    kwargs = {"random_state": 0, **STEPS[1], "tol": 0.0}
    twice = fit(Classifier(max_epochs=3, warm_start=True, **kwargs), 2)
    once = fit(Classifier(max_epochs=6, **kwargs), 1)
    cold = fit(Classifier(max_epochs=3, **kwargs), 2)
    assert np.array_equal(twice.predict_proba(IRIS.x), once.predict_proba(IRIS.x))
    assert (twice.n_iter_, once.n_iter_, cold.n_iter_) == (6, 6, 3)


def test_partial_fit() -> None:
    model = Classifier(random_state=0, **STEPS[1])
    model.partial_fit(IRIS.x[:60], IRIS.y[:60], classes=[0, 1, 2])
    assert model.predict_proba(IRIS.x).shape == (150, 3)
    for _ in range(40):
        model.partial_fit(IRIS.x, IRIS.y)
    assert model.score(IRIS.x, IRIS.y) > 0.9
    with pytest.raises(ValueError, match=r"classes that are not among \[0, 1, 2\]"):
        model.partial_fit(IRIS.x, IRIS.y + 1)
    with pytest.raises(AttributeError, match="partial_fit"):
        Classifier().partial_fit(IRIS.x, IRIS.y)
    assert Regressor(**STEPS[1]).partial_fit(IRIS.x, IRIS.y).predict(IRIS.x).shape == (150,)


def test_grid_search() -> None:
    search = GridSearchCV(Classifier(random_state=0, max_epochs=60), {"hidden": [(), (8,)]}, cv=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert search.fit(IRIS.x, IRIS.y).best_score_ > 0.9


def test_errors() -> None:
    with pytest.raises(NotFittedError):
        Classifier().predict(IRIS.x)
    for settings in ({"max_epochs": 0}, {"batch_size": 0}):
        with pytest.raises(ValueError, match="must be positive"):
            Regressor(**settings).fit(IRIS.x, IRIS.y)
    with pytest.warns(ConvergenceWarning, match="Classifier: not converged after 1 steps"):
        Classifier(max_epochs=1, random_state=0).fit(IRIS.x, IRIS.y)
    with pytest.raises(ValueError, match="one class a sample"):
        Classifier().fit(IRIS.x, np.stack([IRIS.y, IRIS.y], 1))
    model = Regressor(warm_start=True, **ADAM, max_epochs=1).fit(IRIS.x, IRIS.y)
    with pytest.raises(ValueError, match="expected y with no columns as before, got 2"):
        model.fit(IRIS.x, np.stack([IRIS.y, IRIS.y], 1))
