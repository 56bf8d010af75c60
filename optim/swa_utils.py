"""Averages of a model over its training: of equal weights (SWA) or fading (EMA).

Sources: Izmailov et al. 2018 (SWA), Polyak and Juditsky 1992.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from autograd import ArgumentError, Tensor, no_grad, tensor
from autograd.devices import check_device
from autograd.engine.mutation import stamp
from autograd.engine.nodes import array_of

from .lr_scheduler.base import LRScheduler, cosine, for_groups
from .optimizer import Optimizer

__all__ = [
    "AveragedModel", "SWALR", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn", "get_swa_multi_avg_fn",
    "update_bn",
]  # fmt: skip

Average = Callable[[Tensor, Tensor, Any], Any]
MultiAverage = Callable[[list[Tensor], list[Tensor], Any], None]


def get_swa_avg_fn() -> Average:
    """``average + (value - average) / (n + 1)``: all values have the same weight."""

    def average(averaged: Tensor, current: Tensor, num_averaged: Any) -> Tensor:
        return averaged + (current - averaged) / (num_averaged + 1)

    return average


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """``decay * average + (1 - decay) * value``: old values fade.

    Raises:
        ValueError: ``decay`` outside [0, 1].
    """
    if not 0 <= decay <= 1:
        raise ArgumentError(f"get_ema_avg_fn: decay must lie in [0, 1], got {decay}")

    def average(averaged: Tensor, current: Tensor, num_averaged: Any) -> Tensor:
        return decay * averaged + (1 - decay) * current

    return average


def _of_lists(average: Average) -> MultiAverage:
    def update(averaged: list[Tensor], current: list[Tensor], num_averaged: Any) -> None:
        with no_grad():
            for mean, value in zip(averaged, current, strict=True):
                mean.copy_(average(mean, value, num_averaged))

    return update


def get_swa_multi_avg_fn() -> MultiAverage:
    """``get_swa_avg_fn`` for lists of Tensors, which it overwrites."""
    return _of_lists(get_swa_avg_fn())


def get_ema_multi_avg_fn(decay: float = 0.999) -> MultiAverage:
    """``get_ema_avg_fn`` for lists of Tensors, which it overwrites.

    Raises:
        ValueError: ``decay`` outside [0, 1].
    """
    return _of_lists(get_ema_avg_fn(decay))


class AveragedModel:
    """A copy of a model whose parameters are the mean of those that the model had at each ``update_parameters``.

    Args:
        model: anything with ``parameters()`` and ``buffers()``, such as an ``nn.Module``; it is copied.
        device: None or "cpu".
        avg_fn: from the mean so far, the value and how many entered the mean, the new mean (default: equal weights).
        multi_avg_fn: the same of lists, which it overwrites, instead of ``avg_fn``.
        use_buffers: average the buffers too, rather than copy the newest.

    It is called like the model, and has its ``parameters``, ``state_dict`` (under ``module.``, as in PyTorch) and so
    on, but is not a Module itself, so that this package does not depend on ``nn``; ``module`` is the copy.

    >>> import nn, optim
    >>> model = nn.Linear(1, 1, bias=False)
    >>> averaged = optim.swa_utils.AveragedModel(model)
    >>> for value in (1.0, 2.0, 6.0):
    ...     _ = nn.init.constant_(model.weight, value)
    ...     averaged.update_parameters(model)
    >>> averaged.module.weight.item(), averaged.n_averaged.item()
    (3.0, 3)
    """

    def __init__(
        self,
        model: Any,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: MultiAverage | None = None,
        use_buffers: bool = False,
    ) -> None:
        if avg_fn is not None and multi_avg_fn is not None:
            raise ArgumentError("AveragedModel: give avg_fn or multi_avg_fn, not both")
        check_device(device)
        self.module = copy.deepcopy(model)
        self.n_averaged = tensor(0)
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def update_parameters(self, model: Any) -> None:
        """Let the parameters that ``model`` has now enter the mean."""
        kinds = ("parameters", "buffers") if self.use_buffers else ("parameters",)
        means, values = (
            [t.detach() for t in itertools.chain(*(getattr(owner, kind)() for kind in kinds))]
            for owner in (self.module, model)
        )
        with no_grad():
            if self.n_averaged == 0:
                for mean, value in zip(means, values, strict=True):
                    mean.copy_(value)
            elif self.multi_avg_fn is not None:
                self.multi_avg_fn(means, values, self.n_averaged)
            else:
                average = get_swa_avg_fn() if self.avg_fn is None else self.avg_fn
                for mean, value in zip(means, values, strict=True):
                    mean.copy_(average(mean, value, self.n_averaged))
            if not self.use_buffers:
                for mean, value in zip(self.module.buffers(), model.buffers(), strict=True):
                    mean.detach().copy_(value.detach())
        seen = array_of(self.n_averaged)
        seen += 1
        stamp(seen)

    # ---- as the model ----------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The copy's output."""
        return self.module(*args, **kwargs)

    @property
    def training(self) -> bool:
        """Whether the copy is in training mode."""
        return bool(self.module.training)

    def train(self, mode: bool = True) -> AveragedModel:
        """Put the copy in training mode (or evaluation mode)."""
        self.module.train(mode)
        return self

    def eval(self) -> AveragedModel:
        """Put the copy in evaluation mode."""
        return self.train(False)

    def parameters(self, recurse: bool = True) -> Iterator[Tensor]:
        """The means."""
        return iter(self.module.parameters(recurse))

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
        """The means, with their names."""
        return iter(self.module.named_parameters(_joined(prefix, "module"), recurse))

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """``n_averaged`` and the copy's buffers."""
        return itertools.chain([self.n_averaged], self.module.buffers(recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
        """``n_averaged`` and the copy's buffers, with their names."""
        own = [(_joined(prefix, "n_averaged"), self.n_averaged)]
        return itertools.chain(own, self.module.named_buffers(_joined(prefix, "module"), recurse))

    def modules(self) -> Iterator[Any]:
        """The modules of the copy."""
        return iter(self.module.modules())

    def state_dict(self) -> OrderedDict[str, Any]:
        """``n_averaged``, and the copy's state under ``module.``; the functions are not saved."""
        below = self.module.state_dict()
        found = OrderedDict([("n_averaged", self.n_averaged.detach())])
        found.update((f"module.{key}", value) for key, value in below.items())
        return found

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Any:
        """Copy a state into this; what the copy's ``load_state_dict`` returns.

        Raises:
            KeyError: there is no ``n_averaged`` (with ``strict``), or as the copy's ``load_state_dict``.
        """
        if strict and "n_averaged" not in state_dict:
            raise KeyError("load_state_dict for AveragedModel: missing key 'n_averaged'")
        below = {key.removeprefix("module."): value for key, value in state_dict.items() if key != "n_averaged"}
        result = self.module.load_state_dict(below, strict)
        if "n_averaged" in state_dict:
            self.n_averaged = tensor(int(state_dict["n_averaged"]))
        return result

    def __repr__(self) -> str:
        return f"AveragedModel(\n  (module): {repr(self.module).replace(chr(10), chr(10) + '  ')}\n)"


def _joined(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def update_bn(loader: Iterable[Any], model: Any, device: Any = None) -> None:
    """Compute the running statistics of a model's batch normalizations anew, from all batches with equal weights.

    Args:
        loader: batches: Tensors, or tuples and lists that begin with one.
        model: an ``nn.Module`` or ``AveragedModel``; its mode is afterwards as it was.
        device: None or "cpu".
    """
    check_device(device)
    # nn is no import of this package, so a batch normalization is known by its class's name
    norms = [m for m in model.modules() if any("BatchNorm" in kind.__name__ for kind in type(m).__mro__)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    was_training = model.training
    model.train()
    try:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
        with no_grad():
            for batch in loader:
                model(batch[0] if isinstance(batch, (list, tuple)) else batch)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        model.train(was_training)


class SWALR(LRScheduler):
    """From the present ``lr`` to another, then constant, for the epochs over which a model is averaged.

    Args:
        optimizer: whose groups' ``lr`` it varies.
        swa_lr: the ``lr`` in the end (or a list, one for each group).
        anneal_epochs: how many epochs it takes.
        anneal_strategy: ``"cos"`` or ``"linear"``.
        last_epoch: the number of the last step that was taken, to go on from it; -1 to begin.

    Raises:
        ValueError: another strategy, or a negative number of epochs.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        if anneal_strategy not in ("cos", "linear"):
            raise ArgumentError(f"SWALR: anneal_strategy is 'cos' or 'linear', got {anneal_strategy!r}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ArgumentError(f"SWALR: anneal_epochs must be an integer from 0 on, got {anneal_epochs!r}")
        for group, lr in zip(optimizer.param_groups, for_groups("SWALR", "swa_lr", swa_lr, optimizer), strict=True):
            group["swa_lr"] = lr
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """From the ``lr`` before, so that another scheduler may have changed it."""
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = (self._share(t) for t in (step - 1, step))
        found = []
        for group, lr in zip(self.optimizer.param_groups, self._lrs(), strict=True):
            end = group["swa_lr"]
            start = end if before == 1 else (lr - before * end) / (1 - before)
            found.append(end * now + start * (1 - now))
        return found

    def _share(self, step: int) -> float:
        """How much of the way is gone."""
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return t if self._anneal_strategy == "linear" else (1 - cosine(math.pi * t)) / 2
