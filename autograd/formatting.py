"""How a Tensor prints."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import dtypes
from .engine.foreign import ForeignArray
from .engine.nodes import Handle, Leaf
from .engine.views import node_of
from .errors import ArgumentError

__all__ = ["set_printoptions", "tensor_repr"]

_options: dict[str, Any] = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how Tensors print.

    Args:
        precision: digits after the point (4).
        threshold: the number of elements beyond which the middle is left out (1000).
        edgeitems: elements shown at each end then (3).
        linewidth: characters a line (80).
        profile: "default", "short" (2 digits, 2 edge items) or "full" (everything).
        sci_mode: scientific notation always (True), never (False) or where it helps (None).

    Raises:
        ValueError: a number that is negative or none, or a profile that does not exist; no option has changed then.

    >>> import autograd
    >>> autograd.set_printoptions(precision=2)
    >>> autograd.tensor([3.14159])
    tensor([3.14])
    >>> autograd.set_printoptions(profile="default")
    """
    profiles: dict[str, dict[str, Any]] = {
        "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
        "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
        "full": {"precision": 4, "threshold": float("inf"), "edgeitems": 3, "linewidth": 80},
    }
    if profile is not None and profile not in profiles:
        raise ArgumentError(f"set_printoptions: profile is one of {sorted(profiles)}, got {profile!r}")
    options = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        kinds = (int, np.integer, float) if name == "threshold" else (int, np.integer)
        if not isinstance(value, kinds) or not value >= 0:
            raise ArgumentError(f"set_printoptions: {name} must be a number of at least 0, got {value!r}")
    _options.update({**profiles.get(profile or "", {}), **given})
    _options["sci_mode"] = sci_mode


def tensor_repr(tensor: Handle) -> str:
    """``tensor([1., 2.], requires_grad=True)``, as PyTorch: the values, then what differs from the default."""
    if isinstance(tensor._data, ForeignArray):
        return f"tensor({tensor._data!r})"
    data = np.asarray(tensor._data)
    usual = (dtypes.default.dtype,) if data.size == 0 else (
        dtypes.default.dtype, dtypes.weak_dtype(0j), dtypes.int64, dtypes.bool_
    )  # fmt: skip
    facts = []
    if data.size == 0 and data.ndim != 1:
        facts.append(f"size={data.shape}")
    if data.dtype not in usual:
        facts.append(f"dtype={data.dtype}")
    node = node_of(tensor)
    if node is not None:
        facts.append("requires_grad=True" if type(node) is Leaf else f"grad_fn={node!r}")
    text = _PREFIX + _array_text(data)
    length = len(text) - text.rfind("\n") + 1
    for fact in facts:
        if length + len(fact) + 2 > _options["linewidth"]:
            text += f",\n{' ' * len(_PREFIX)}{fact}"
            length = len(_PREFIX) + len(fact)
        else:
            text += f", {fact}"
            length += len(fact) + 2
    return text + ")"


_PREFIX = "tensor("


def _array_text(data: Any) -> str:
    if data.size == 0:
        return "[]"
    edge = _options["edgeitems"] if data.size > _options["threshold"] else None
    shown = data
    if edge is not None:
        shown = data[np.ix_(*[[*range(edge), *range(n - edge, n)] if n > 2 * edge else range(n) for n in data.shape])]
    if data.dtype.kind == "c":
        real, width = _texts(shown.real)
        imag, more = _texts(shown.imag)
        stripped = [text.lstrip() for text in imag]
        texts = [a + (b if b[0] in "+-" else "+" + b) + "j" for a, b in zip(real, stripped, strict=True)]
        width += more + 1
    else:
        texts, width = _texts(shown)
    return _nested(iter(texts), data.shape, edge, len(_PREFIX), width)


def _texts(shown: Any) -> tuple[list[str], int]:
    """The elements as texts, and their width as PyTorch counts it: zeros and what is not finite do not count."""
    values = shown.ravel().tolist()
    if shown.dtype.kind not in "fV":
        texts = [str(value) for value in values]
        width = max(map(len, texts))
    else:
        numbers = np.asarray(shown, np.float64)
        sizes = np.abs(numbers[np.isfinite(numbers) & (numbers != 0)])
        whole = bool(np.all(sizes == np.ceil(sizes)))
        scientific = _options["sci_mode"]
        if sizes.size == 0:
            scientific = False
        elif scientific is None:
            low, high = float(sizes.min()), float(sizes.max())
            scientific = high / low > 1000 or high > 1e8 or low < 1e-4
        form = f".{_options['precision']}e" if scientific else ".0f" if whole else f".{_options['precision']}f"
        point = "." if whole and not scientific else ""
        texts = [format(value, form) + (point if math.isfinite(value) else "") for value in values]
        counted = [text for text, value in zip(texts, values, strict=True) if value and math.isfinite(value)]
        width = max(map(len, counted), default=1)
    return [text.rjust(width) for text in texts], width


def _nested(texts: Iterator[str], shape: tuple[int, ...], edge: int | None, indent: int, width: int) -> str:
    """Brackets around the texts of an array of ``shape``, of which the middle is left out if there is an ``edge``."""
    if not shape:
        return next(texts)
    cut = edge is not None and shape[0] > 2 * edge
    count = 2 * edge if cut else shape[0]  # type: ignore[operator]
    if len(shape) == 1:
        parts = [next(texts) for _ in range(count)]
        if cut:
            parts.insert(edge, " ...")  # type: ignore[arg-type]
        per_line = max(1, (_options["linewidth"] - indent) // (width + 2))
        lines = [", ".join(parts[i : i + per_line]) for i in range(0, len(parts), per_line)]
        return "[" + f",\n{' ' * (indent + 1)}".join(lines) + "]"
    parts = [_nested(texts, shape[1:], edge, indent + 1, width) for _ in range(count)]
    if cut:
        parts.insert(edge, "...")  # type: ignore[arg-type]
    return "[" + ("," + "\n" * (len(shape) - 1) + " " * (indent + 1)).join(parts) + "]"
