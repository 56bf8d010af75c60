"""``detect_anomaly``: stops at the first op that makes a NaN or an infinity out of finite numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import AnomalyError
from .callsite import user_line
from .failures import describe
from .foreign import bare, everywhere
from .modes import Mode, Switch, local
from .observing import Observer

__all__ = ["detect_anomaly", "set_detect_anomaly"]


def _is_finite(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_finite(item) for item in value)
    if isinstance(value, (float, complex)):
        return bool(np.isfinite(value))
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    return kind not in ("f", "c") or everywhere(np.isfinite(getattr(value, "_data", value)))


def _what(value: Any) -> str:
    """The kinds of non-finite numbers in an array, with the place of the first."""
    array = np.asarray(bare(getattr(value, "_data", value)))
    place = np.argwhere(~np.isfinite(array))
    found = array[tuple(place[0])] if len(place) else array
    index = f" at index {tuple(int(i) for i in place[0])}" if array.ndim else ""
    return f"{found}{index}" + (f" and {len(place) - 1} more" if len(place) > 1 else "")


class _Watch(Observer):
    """The observer: is told of every op and of every rule."""

    def after_forward(self, op: Any, values: Sequence[Any], out: Any, node: Any) -> None:
        line = user_line()
        if node is not None:
            node.note = {**(node.note or {}), "line": line}
        if not _is_finite(out) and all(_is_finite(value) for value in values):
            named = ", ".join(f"{name}={describe(value)}" for name, value in zip(op.params, values, strict=False))
            outs = out if isinstance(out, (list, tuple)) else [out]
            bad = next(item for item in outs if not _is_finite(item))
            raise AnomalyError(
                f"the forward of op '{op.name}' made {_what(bad)} from finite inputs: {op.name}({named}), at {line}"
            )

    def after_rule(self, node: Any, g: Any, derivatives: dict[Any, Any]) -> None:
        if not _is_finite(g):
            return
        for parent, d in derivatives.items():
            if not _is_finite(d):
                i = node.parents.index(parent)
                line = (node.note or {}).get("line", "a line that ran before detect_anomaly was on")
                raise AnomalyError(
                    f"the backward of op '{node.op.name}' made {_what(d)} in the gradient of its input {i} (shape "
                    f"{d.shape}) from a finite gradient; its forward ran at {line}"
                )


class detect_anomaly(Mode):
    """Find where a NaN or an infinity is born: a context manager for forward and backward, and a decorator.

    Every op is checked, forward and backward; the error names the first that makes a non-finite number from finite
    ones, the shapes of its inputs and the line of the program. Mutation errors then name the line that wrote.
    Slow: for debugging only.

    Args:
        check_nan: check values; else lines are noted only.

    Raises:
        AnomalyError: from the op, inside the block.

    >>> import autograd
    >>> import numpy as np
    >>> x = autograd.tensor([1.0, -1.0], requires_grad=True)
    >>> try:
    ...     with autograd.detect_anomaly(), np.errstate(all="ignore"):
    ...         x.sqrt()
    ... except autograd.AnomalyError as error:
    ...     print(str(error).partition(":")[0])
    the forward of op 'sqrt' made nan at index (1,) from finite inputs
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._watch = _Watch() if check_nan else _Lines()
        super().__init__(observers=(*local.observers, self._watch))

    def _fresh(self) -> Mode:
        return Mode(observers=(*local.observers, self._watch))

    def __enter__(self) -> Any:
        self._settings = {"observers": (*local.observers, self._watch)}  # those of now, not of when this was made
        return super().__enter__()


class _Lines(_Watch):
    """Notes lines and checks nothing."""

    def after_forward(self, op: Any, values: Sequence[Any], out: Any, node: Any) -> None:
        if node is not None:
            node.note = {**(node.note or {}), "line": user_line()}

    def after_rule(self, node: Any, g: Any, derivatives: dict[Any, Any]) -> None:
        pass


class set_detect_anomaly(Switch):
    """Switch ``detect_anomaly`` on or off in this thread: at once, or for a ``with`` block, or as a decorator.

    Args:
        mode: whether to detect.
        check_nan: as for ``detect_anomaly``.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        if mode:
            super().__init__(observers=(*local.observers, _Watch() if check_nan else _Lines()))
        else:
            super().__init__(observers=tuple(item for item in local.observers if not isinstance(item, _Watch)))
