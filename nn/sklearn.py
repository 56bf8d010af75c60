"""scikit-learn estimators around modules: ``Classifier`` and ``Regressor``.

Not part of ``import nn``, since it needs scikit-learn (``pip install 'chainrule[sklearn]'``).
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

import autograd
from autograd import ArgumentError, Tensor, no_grad

from . import functional as F
from .activations import ReLU
from .containers import Sequential
from .linear import Linear
from .module import Module
from .parameter import UninitializedParameter

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
    from sklearn.utils.metaestimators import available_if
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, check_random_state, validate_data
except ImportError as error:
    raise ImportError("nn.sklearn needs scikit-learn of at least 1.6: pip install 'chainrule[sklearn]'") from error

__all__ = ["Classifier", "Regressor"]


def _has_optimizer(estimator: Any) -> bool:
    if estimator.optimizer is None:
        raise AttributeError("partial_fit needs an optimizer, such as optim.Adam")
    return True


class _Estimator(BaseEstimator):  # type: ignore[misc]
    """What both estimators share: making the module, training it, running it."""

    module_: Module
    loss_curve_: list[float]
    n_iter_: int
    _numeric: bool
    _optimizer: Any
    _stream: dict[str, Any]

    def __init__(
        self,
        module: Module | Callable[[int, int], Module] | None = None,
        *,
        hidden: Sequence[int] = (100,),
        optimizer: Callable[..., Any] | None = None,
        lr: float = 1e-3,
        batch_size: int = 32,
        max_epochs: int = 200,
        weight_decay: float = 1e-4,
        tol: float = 1e-4,
        warm_start: bool = False,
        random_state: Any = None,
    ) -> None:
        self.module = module
        self.hidden = hidden
        self.optimizer = optimizer
        self.lr = lr
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.weight_decay = weight_decay
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state

    # ---- what the two differ in ------------------------------------------------------------------------------------

    def _targets(self, y: Any, classes: Any, fresh: bool) -> Any:
        """The targets as the loss wants them; notes classes and shapes, if ``fresh``."""
        raise NotImplementedError

    def _outputs(self) -> int:
        """How many outputs the module needs."""
        raise NotImplementedError

    def _loss(self, output: Tensor, target: Tensor) -> Tensor:
        raise NotImplementedError

    # ---- fitting ---------------------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any) -> Any:
        """Train on samples ``X`` (N, D) and their targets ``y``; returns the estimator."""
        fresh = not (self.warm_start and hasattr(self, "module_"))
        with self._random_numbers(fresh):
            x, target = self._prepare(X, y, None, fresh)
            self._train(x, target, self.max_epochs)
        return self

    def _fit_part(self, X: Any, y: Any, classes: Any = None) -> Any:
        fresh = not hasattr(self, "module_")
        with self._random_numbers(fresh):
            x, target = self._prepare(X, y, classes, fresh)
            self._train(x, target, 1)
        return self

    def _prepare(self, X: Any, y: Any, classes: Any, fresh: bool) -> tuple[Tensor, Tensor]:
        """Check the data, make the module if it is to be ``fresh``, and return the data as Tensors."""
        if self.max_epochs < 1 or self.batch_size < 1:
            raise ArgumentError(
                f"{type(self).__name__}: max_epochs and batch_size must be positive, got {self.max_epochs} and "
                f"{self.batch_size}"
            )
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, reset=fresh, y_numeric=self._numeric)
        target = self._targets(y, classes, fresh)
        if fresh:
            self.module_ = self._made(X.shape[1], self._outputs())
            self.loss_curve_ = []
            self.n_iter_ = 0
            self._optimizer = None
            if any(isinstance(p, UninitializedParameter) for p in self.module_.parameters()):
                with no_grad():
                    self.module_.eval()(self._input(X))  # from which lazy layers take their sizes
        return self._input(X), autograd.from_numpy(np.ascontiguousarray(target))

    def _made(self, inputs: int, outputs: int) -> Module:
        if isinstance(self.module, Module):
            return copy.deepcopy(self.module)
        if self.module is not None:
            return self.module(inputs, outputs)
        sizes = [inputs, *self.hidden, outputs]
        layers: list[Module] = []
        for size, following in itertools.pairwise(sizes):
            layers += [Linear(size, following, dtype=np.float64), ReLU()]
        return Sequential(*layers[:-1])

    @contextlib.contextmanager
    def _random_numbers(self, fresh: bool) -> Iterator[None]:
        """Draw all random numbers from the estimator's own stream; the default generator is then as it was."""
        outside = autograd.get_rng_state()
        try:
            if fresh or not hasattr(self, "_stream"):
                seed = int(check_random_state(self.random_state).randint(2**31 - 1))
                autograd.manual_seed(seed)
            else:
                autograd.set_rng_state(self._stream)
            yield
            self._stream = autograd.get_rng_state()
        finally:
            autograd.set_rng_state(outside)

    def _train(self, x: Tensor, target: Tensor, epochs: int) -> None:
        self.module_.train()
        if self.optimizer is None:
            self._minimize(x, target, epochs)
        else:
            self._descend(x, target, epochs)
        self.module_.eval()

    def _objective(self, x: Tensor, target: Tensor) -> Tensor:
        output = self.module_(x)
        return self._loss(output, target.to(output.dtype) if target.is_floating_point() else target)

    def _descend(self, x: Tensor, target: Tensor, epochs: int) -> None:
        """Steps of the optimizer on shuffled batches, until the loss has not fallen by ``tol`` for 10 epochs."""
        if self._optimizer is None:
            assert self.optimizer is not None
            self._optimizer = self.optimizer(self.module_.parameters(), lr=self.lr)
        best, waited = np.inf, 0
        for _ in range(epochs):
            total = 0.0
            order = autograd.randperm(len(x)).numpy()
            for start in range(0, len(x), self.batch_size):
                batch = order[start : start + self.batch_size]
                self._optimizer.zero_grad()
                loss = self._objective(x[batch], target[batch])
                loss.backward()
                self._optimizer.step()
                total += loss.item() * len(batch)
            self.n_iter_ += 1
            self.loss_curve_.append(total / len(x))
            waited = 0 if self.loss_curve_[-1] < best - self.tol else waited + 1
            best = min(best, self.loss_curve_[-1])
            if waited == 10:
                return

    def _minimize(self, x: Tensor, target: Tensor, epochs: int) -> None:
        """L-BFGS on all samples at once, which needs no step size."""
        from scipy.optimize import minimize

        parameters = list(self.module_.parameters())
        ends = np.cumsum([parameter.numel() for parameter in parameters])[:-1]

        def place(flat: Any) -> None:
            with no_grad():
                for parameter, part in zip(parameters, np.split(flat, ends), strict=True):
                    parameter.copy_(part.reshape(parameter.shape))

        def value(flat: Any) -> tuple[float, Any]:
            place(flat)
            grads = autograd.grad(loss := self._objective(x, target), parameters, allow_unused=True)
            parts = [
                np.zeros(parameter.numel()) if grad is None else np.ravel(grad.numpy())
                for parameter, grad in zip(parameters, grads, strict=True)
            ]
            penalty = self.weight_decay * flat
            return loss.item() + 0.5 * float(penalty @ flat), np.concatenate(parts) + penalty

        start = np.concatenate([np.ravel(parameter.detach().numpy()) for parameter in parameters]).astype(np.float64)
        found = minimize(
            value,
            start,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": epochs, "maxfun": 10 * epochs, "gtol": self.tol},
            callback=lambda intermediate_result: self.loss_curve_.append(float(intermediate_result.fun)),
        )
        place(found.x)
        self.n_iter_ += max(1, int(found.nit))
        if found.status == 1:
            warnings.warn(
                f"{type(self).__name__}: not converged after {found.nit} steps; raise max_epochs, or scale the data",
                ConvergenceWarning,
                stacklevel=5,
            )

    # ---- predicting ------------------------------------------------------------------------------------------------

    def _input(self, X: Any) -> Tensor:
        """Samples in the dtype of the module's parameters."""
        dtype = next((p.dtype for p in self.module_.parameters() if p.is_floating_point()), np.dtype(np.float64))
        return autograd.from_numpy(np.ascontiguousarray(X, dtype))

    def _output(self, X: Any) -> Tensor:
        check_is_fitted(self, "module_")
        X = validate_data(self, X, dtype=np.float64, reset=False)
        with no_grad():
            return self.module_(self._input(X))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "module_")


class Classifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """A scikit-learn classifier that trains a module by the softmax cross entropy.

    Args:
        module: gives a score for each class: a Module, of which a copy is trained; or a function (such as a class)
            from the numbers of features and of classes to a Module; None for linear layers with ReLU between.
        hidden: the sizes of its hidden layers.
        optimizer: a function (such as ``optim.Adam``) of parameters and ``lr=``. None for SciPy's L-BFGS on all samples
            at once, which suits data of a few thousand samples and modules that draw no random numbers.
        lr, batch_size: of the optimizer.
        max_epochs: epochs of the optimizer, steps of L-BFGS.
        weight_decay: L2 penalty (L-BFGS only: optimizers have their own).
        tol: stop when the loss falls by less for 10 epochs, or when no gradient is larger (L-BFGS).
        warm_start: ``fit`` goes on with the module of the last fit.
        random_state: seed of the initial parameters, of the order of samples and of dropout.

    Attributes:
        module_: the trained module.
        classes_: the classes, sorted.
        loss_curve_: the loss after each epoch or step.
        n_iter_: how many there were.

    >>> from nn.data import bundled
    >>> from nn.sklearn import Classifier
    >>> flowers = bundled("iris")
    >>> model = Classifier(hidden=(8,), random_state=0).fit(flowers.x, flowers.y)
    >>> model.score(flowers.x, flowers.y) > 0.97
    True
    """

    _numeric = False

    def _targets(self, y: Any, classes: Any, fresh: bool) -> Any:
        if y.ndim == 2 and y.shape[1] == 1:
            warnings.warn(
                "A column-vector y was passed when a 1d array was expected: Classifier takes it as (N,)",
                DataConversionWarning,
                stacklevel=4,
            )
            y = y[:, 0]
        if y.ndim != 1:
            raise ArgumentError(f"Classifier: expected one class a sample, y of shape (N,), got {y.shape}")
        check_classification_targets(y)
        if fresh:
            self.classes_ = np.unique(y if classes is None else np.asarray(classes))
        numbers = np.searchsorted(self.classes_, y)
        if not np.array_equal(self.classes_.take(numbers, mode="clip"), y):
            raise ArgumentError(f"Classifier: y has classes that are not among {self.classes_.tolist()}")
        return numbers.astype(np.int64)

    def _outputs(self) -> int:
        return len(self.classes_)

    def _loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(output, target)

    @available_if(_has_optimizer)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Classifier:
        """Train for one epoch; at the first call ``classes`` names those that are not in ``y``."""
        return self._fit_part(X, y, classes)

    def predict_proba(self, X: Any) -> Any:
        """The probabilities of the classes (N, C)."""
        output = self._output(X)
        return F.softmax(output, dim=1).numpy()

    def predict(self, X: Any) -> Any:
        """The most probable classes (N,)."""
        scores = self._output(X).numpy()
        return self.classes_[scores.argmax(1)]


class Regressor(RegressorMixin, _Estimator):  # type: ignore[misc]
    """A scikit-learn regressor that trains a module by the mean squared error.

    Args:
        module: as for ``Classifier``; a function gets the numbers of features and of targets.
        hidden, optimizer, lr, batch_size, max_epochs, weight_decay, tol, warm_start, random_state: as for
            ``Classifier``.

    Attributes:
        module_, loss_curve_, n_iter_: as for ``Classifier``.
    """

    _numeric = True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _targets(self, y: Any, classes: Any, fresh: bool) -> Any:
        columns = 0 if y.ndim == 1 else y.shape[1]
        if fresh:
            self._columns = columns
        elif columns != self._columns:
            raise ArgumentError(f"Regressor: expected y with {self._columns or 'no'} columns as before, got {columns}")
        return np.asarray(y, np.float64).reshape(len(y), -1)

    def _outputs(self) -> int:
        return max(1, self._columns)

    def _loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(output, target)

    @available_if(_has_optimizer)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any) -> Regressor:
        """Train for one epoch."""
        return self._fit_part(X, y)

    def predict(self, X: Any) -> Any:
        """The targets: (N,), or (N, K) if ``fit`` had such."""
        output = self._output(X).numpy()
        return output if self._columns else output[:, 0]
