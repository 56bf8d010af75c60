"""Less memory for saved arrays: ``checkpoint`` computes them again, ``saved_tensors_hooks`` keeps them elsewhere."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ._signatures import required
from .engine.modes import Mode
from .engine.mutation import clock, mutated_since
from .engine.nodes import Handle, new_tensor
from .errors import ArgumentError, DtypeError, GradientError, MutationError
from .generator import default_generator

__all__ = ["checkpoint", "checkpoint_sequential", "saved_tensors_hooks"]


class saved_tensors_hooks(Mode):
    """Within the block, what ops save for backward passes through ``pack_hook``; when it is needed, ``unpack_hook``.

    Args:
        pack_hook: takes a Tensor, returns anything (a file name, a compressed copy).
        unpack_hook: takes that and returns an equal Tensor.

    >>> import autograd
    >>> x = autograd.tensor([1.0, 2.0], requires_grad=True)
    >>> with autograd.saved_tensors_hooks(lambda t: t.half(), lambda t: t.float()):  # in half the memory
    ...     y = (x * x).sum()
    >>> y.backward()
    >>> x.grad
    tensor([2., 4.])
    """

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        super().__init__(pack=(pack_hook, unpack_hook))


class _Frame:
    """One checkpointed call: forgets what its ops save, and runs again when the first of it is asked for.

    Attributes:
        function, args, kwargs: what is called; again: in which context the second time.
        state: that of the random generator before the call, or None.
        began: the mutation clock before the call; ``runs``: whether the function has not yet returned.
        count: how many arrays were forgotten; ``values``: those that were computed again, by number.
    """

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any, again: Any, state: Any) -> None:
        self.function = function
        self.args, self.kwargs = args, kwargs
        self.again = again
        self.state = state
        self.began = clock.now
        self.runs = True
        self.count = 0
        self.values: dict[int, Any] = {}

    def forget(self, tensor: Any) -> int:
        self.count += 1
        return self.count - 1

    def recall(self, number: int) -> Any:
        if number not in self.values:
            self._compute()
        return new_tensor(self.values.pop(number))

    def _compute(self) -> None:
        self._require_unchanged()
        found: list[Any] = []

        def keep(tensor: Any) -> int:
            found.append(tensor._data)
            return len(found) - 1

        now = default_generator.get_state()
        if self.state is not None:
            default_generator.set_state(self.state)
        try:
            with Mode(grad=True, pack=(keep, lambda number: new_tensor(found[number]))), self.again:
                self.function(*self.args, **self.kwargs)
        finally:
            default_generator.set_state(now)
        if len(found) < self.count or (len(found) > self.count and not self.runs):  # it may ask while it runs
            raise GradientError(
                f"checkpoint: the function saved {self.count} arrays in the forward pass but {len(found)} when it was "
                "run again for backward; it must do the same both times (does it depend on something that changed?)"
            )
        self.values = dict(enumerate(found[: self.count]))

    def _require_unchanged(self) -> None:
        for name, value in {**dict(enumerate(self.args)), **self.kwargs}.items():
            line = mutated_since(value._data, self.began) if isinstance(value, Handle) else None
            if line is not None:
                raise MutationError(
                    f"checkpoint: argument {name!r} of the function (shape {value._data.shape}) was overwritten in "
                    f"place since ({line or 'to see which line did it, run under autograd.detect_anomaly()'}), so that "
                    "it cannot be run again for backward. Overwrite a .clone(), or do it after backward."
                )


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool = False,
    preserve_rng_state: bool = True,
    context_fn: Callable[[], tuple[Any, Any]] | None = None,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """Call ``function(*args, **kwargs)``, but keep nothing for backward: it is run again then.

    Without the arguments that it needs, ``checkpoint(function)`` is the function that does so at each of its calls, as
    in HIPS autograd.

    Args:
        function: computes the same when it is run again. What it uses must not be changed in place meanwhile.
        use_reentrant: accepted as in PyTorch; there is one implementation, PyTorch's ``use_reentrant=False``.
        preserve_rng_state: draw the same random numbers again.
        context_fn: returns two context managers, in which the function is run the first time and again.
        determinism_check, debug, early_stop: accepted as in PyTorch; how many arrays are saved is always compared, and
            the function is always run to its end.

    Raises:
        GradientError: in backward, if the second run differs from the first.
        MutationError: in backward, if an argument has been overwritten.

    Source: Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost".

    >>> import autograd
    >>> x = autograd.tensor([1.0, 2.0], requires_grad=True)
    >>> autograd.checkpoint(lambda x: (x * x).tanh(), x).sum().backward()
    """
    if not callable(function):
        raise DtypeError(f"checkpoint: expected a function of Tensors, got {type(function).__name__} {function!r}")
    if not args and not kwargs and required(function):
        return functools.wraps(function)(functools.partial(checkpoint, function))
    first, again = (contextlib.nullcontext(), contextlib.nullcontext()) if context_fn is None else context_fn()
    frame = _Frame(function, args, kwargs, again, default_generator.get_state() if preserve_rng_state else None)
    with first, saved_tensors_hooks(frame.forget, frame.recall):
        returned = function(*args, **kwargs)
    frame.runs = False
    return returned


def checkpoint_sequential(
    functions: Iterable[Callable[[Any], Any]],
    segments: int,
    input: Any,
    use_reentrant: bool = False,
    preserve_rng_state: bool = True,
) -> Any:
    """Call functions (the modules of a Sequential) one after the other, in segments that keep only their inputs.

    Args:
        functions: each takes the result of the one before.
        segments: how many there are of about equal length; the last is not run again and keeps what it saves.
        input: of the first function.
        use_reentrant, preserve_rng_state: as for ``checkpoint``.

    Raises:
        ArgumentError: fewer than 1 segment, or more than there are functions.

    >>> import autograd, nn
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2), nn.Tanh())
    >>> autograd.checkpoint_sequential(model, 2, autograd.ones(1, 2)).shape
    (1, 2)
    """
    steps = list(functions)
    if not 1 <= segments <= len(steps):
        raise ArgumentError(
            f"checkpoint_sequential: {len(steps)} functions can be cut into 1 to {len(steps)} segments, got {segments}"
        )
    length = len(steps) // segments

    def run(part: Sequence[Callable[[Any], Any]], value: Any) -> Any:
        for step in part:
            value = step(value)
        return value

    last = length * (segments - 1)
    for start in range(0, last, length):
        part = steps[start : start + length]
        input = checkpoint(run, part, input, use_reentrant=use_reentrant, preserve_rng_state=preserve_rng_state)
    return run(steps[last:], input)
