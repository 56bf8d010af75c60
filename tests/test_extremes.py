"""Functions of one number and their derivatives over the whole range of single precision, against double precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd
from autograd.samples import Domain

_POWERS = np.ldexp(1.0, np.arange(-149, 128))
_SIZES = np.concatenate([_POWERS, 1.5 * _POWERS[1:], [np.finfo(np.float32).max]])
INPUTS = np.concatenate([-_SIZES, [0.0], _SIZES]).astype(np.float32)

CANCELS = {
    "expm1": "the derivative is made of the value, which is -1 far below 0",
    "sigmoid": "the derivative is made of the value, which is 1 far above 0",
    "tanh": "the derivative is made of the value, which is 1 far above 0",
    "tanhshrink": "near 0 the difference of the input and its tanh, which are equal",
    "sinc": "the product with pi is rounded, as NumPy's",
    "gelu": "the normal distribution function errs by 4e-8 at most, also where it is smaller",
    "i0e": "the derivative is the difference of two functions that are nearly equal far out",
    "i1e": "the derivative is the difference of two functions that are nearly equal far out",
    "bessel_ie": "the derivative is the difference of two functions that are nearly equal far out",
}
"""Why some lose digits, as PyTorch's do."""


def _cases() -> list[Any]:
    found = []
    for op in autograd.OPS.values():
        if op.rules and len(op.inputs) == 1 and op.outputs is None and op.name not in (*CANCELS, "imag"):
            for case in op.cases[:1]:
                settings = {name: value for name, value in case.arguments.items() if not isinstance(value, Domain)}
                if case.free and len(settings) == len(case.arguments) - 1:
                    found.append(pytest.param(op, settings, id=op.name))
    return found


@pytest.mark.filterwarnings("ignore")  # poles, and what overflows
@pytest.mark.parametrize(("op", "settings"), _cases())
def test_single_precision_keeps_its_digits_everywhere(op: Any, settings: dict[str, Any]) -> None:
    """Four digits of each number that is neither subnormal nor near the largest; NaN only where that is the answer."""
    results = []
    for dtype in (np.float32, np.float64):
        x = autograd.tensor(INPUTS, dtype=dtype, requires_grad=True)
        out = op.call(**{op.inputs[0]: x}, **settings)
        (slope,) = autograd.grad(out.sum(), x) if out.requires_grad else (autograd.zeros_like(x),)
        results.append([out.detach().numpy().astype(np.float64), slope.numpy().astype(np.float64)])
    for what, single, double in zip(("value", "derivative"), *results, strict=True):
        near = np.abs(single - double) <= 2e-4 * np.abs(double) + 1.5e-38
        same = (single == double) | (np.isnan(single) & np.isnan(double))
        beyond = (np.abs(double) > 1e38) & np.isinf(single) & (np.sign(single) == np.sign(double))
        wrong = ~(near | same | beyond)
        assert not wrong.any(), f"{what} at {INPUTS[wrong][:5]}: {single[wrong][:5]}, not {double[wrong][:5]}"
