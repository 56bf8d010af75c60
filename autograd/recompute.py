"""Less memory for saved arrays: ``checkpoint`` computes them again, ``saved_tensors_hooks`` keeps them elsewhere."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ._signatures import required
from .engine.modes import Mode
from .engine.nodes import new_tensor
from .errors import GradientError
from .generator import default_generator

__all__ = ["checkpoint", "saved_tensors_hooks"]


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
    """One checkpointed call: forgets what its ops save, and runs again when the first of it is asked for."""

    def __init__(self, run: Callable[[], Any], state: Any) -> None:
        self.run = run
        self.state = state
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
        found: list[Any] = []
        now = default_generator.get_state()
        if self.state is not None:
            default_generator.set_state(self.state)
        try:
            with Mode(grad=True, pack=(lambda tensor: found.append(tensor._data), lambda packed: None)):
                self.run()
        finally:
            default_generator.set_state(now)
        if len(found) != self.count:
            raise GradientError(
                f"checkpoint: the function saved {self.count} arrays in the forward pass but {len(found)} when it was "
                "run again for backward; it must do the same both times (does it depend on something that changed?)"
            )
        self.values = dict(enumerate(found))


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool = False,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Call ``function(*args, **kwargs)``, but keep nothing for backward: it is run again then.

    Without the arguments that it needs, ``checkpoint(function)`` is the function that does so at each of its calls, as
    in HIPS autograd.

    Args:
        function: computes the same when it is run again. What it uses must not be changed in place meanwhile.
        use_reentrant: accepted as in PyTorch; there is one implementation, PyTorch's ``use_reentrant=False``.
        preserve_rng_state: draw the same random numbers again.

    Raises:
        GradientError: in backward, if the second run differs from the first.

    Source: Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost".

    >>> import autograd
    >>> x = autograd.tensor([1.0, 2.0], requires_grad=True)
    >>> autograd.checkpoint(lambda x: (x * x).tanh(), x).sum().backward()
    """
    if not args and not kwargs and required(function):
        return functools.wraps(function)(functools.partial(checkpoint, function))
    frame = _Frame(lambda: function(*args, **kwargs), default_generator.get_state() if preserve_rng_state else None)
    with saved_tensors_hooks(frame.forget, frame.recall):
        return function(*args, **kwargs)
