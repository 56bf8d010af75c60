"""How a Tensor prints."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import dtypes
from .engine.nodes import Handle, Leaf

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
    """
    profiles: dict[str, dict[str, Any]] = {
        "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
        "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
        "full": {"precision": 4, "threshold": float("inf"), "edgeitems": 3, "linewidth": 80},
    }
    if profile is not None:
        if profile not in profiles:
            raise ValueError(f"set_printoptions: profile is one of {sorted(profiles)}, got {profile!r}")
        _options.update(profiles[profile])
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    _options.update({name: value for name, value in given.items() if value is not None})
    _options["sci_mode"] = sci_mode


def tensor_repr(tensor: Handle) -> str:
    """``tensor([1., 2.], requires_grad=True)``: the values, then what differs from the default."""
    data = np.asarray(tensor._data)
    facts = []
    if data.size == 0 and data.ndim != 1:
        facts.append(f"size={data.shape}")
    if data.dtype not in (dtypes.default.dtype, dtypes.int64, dtypes.bool_) or data.size == 0:
        facts.append(f"dtype={data.dtype}")
    node = tensor._node
    if node is not None:
        facts.append("requires_grad=True" if type(node) is Leaf else f"grad_fn={node!r}")
    body = "[]" if data.size == 0 else _array_text(data)
    return f"tensor({', '.join([body, *facts])})"


def _array_text(data: Any) -> str:
    scientific = _options["sci_mode"]
    finite = np.abs(data[np.isfinite(data)]) if data.dtype.kind == "f" else np.empty(0)
    finite = finite[finite != 0]
    if scientific is None and finite.size:
        scientific = bool(finite.max() / finite.min() > 1e3 or finite.max() > 1e8 or finite.min() < 1e-4)
        if np.all(finite == np.floor(finite)) and finite.max() < 1e8:
            scientific = False
    formatter = None
    if scientific and data.dtype.kind == "f":
        formatter = {"float_kind": lambda value: f"{value:.{_options['precision']}e}"}
    return np.array2string(
        data,
        precision=_options["precision"],
        separator=", ",
        prefix="tensor(",
        suppress_small=not scientific,
        threshold=min(_options["threshold"], 2**62),
        edgeitems=_options["edgeitems"],
        max_line_width=_options["linewidth"],
        formatter=formatter,  # type: ignore[arg-type]
        floatmode="maxprec_equal",
    )
