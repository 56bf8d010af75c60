"""What contenders are called where people read it, and how figures are written."""

from __future__ import annotations

from typing import Any

__all__ = ["LABELS", "duration", "steps_of"]

LABELS = {
    "compiled": "chainrule, compiled",
    "numba": "compiled with Numba",
    "chainrule": "chainrule, eager",
    "numpy": "NumPy by hand",
    "torch": "PyTorch",
    "torch-fused": "PyTorch, fused optimizer",
    "torch-compile": "torch.compile",
    "jax": "JAX jit",
    "hips": "HIPS autograd",
    "mygrad": "MyGrad",
    "micrograd": "micrograd",
}

_UNITS = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6))


def steps_of(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows with the times of compiled programs."""
    return [
        row
        for row in data["figures"]
        if row["contender"] == "compiled" and not row["figure"].startswith(("ms first", "MiB"))
    ]


def duration(value: float | None, figure: str) -> str:
    """A time in the unit that suits it, with three digits; ``figure`` begins with the unit it came in.

    >>> duration(1234.5, "us per step")
    '1.23 ms'
    """
    if value is None:
        return ""
    value *= dict(_UNITS)[figure.split()[0]]
    unit, size = next((pair for pair in _UNITS if value >= pair[1]), _UNITS[-1])
    return f"{_digits(value / size)} {unit}"


def _digits(value: float) -> str:
    """Three significant digits, never with an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
