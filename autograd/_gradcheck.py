"""``gradcheck`` and ``gradgradcheck``: PyTorch's checks by differences, with messages that name the culprit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._bisect import blame
from ._gradients import grad
from ._jacobians import (
    FULL,
    Problem,
    Tolerances,
    badness,
    basis,
    checked_inputs,
    entry,
    gradients_of,
    has_kink,
    index_text,
    locate,
    outputs_of,
    seeds_for,
    to_real,
)
from .engine.callsite import warn
from .engine.nodes import new_tensor

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """A gradient that differs from the differences of its function."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compare the gradients of ``func`` with central differences.

    Args:
        func: takes ``inputs``, returns a Tensor or several.
        inputs: a Tensor or a tuple; those of floating or complex dtype that require grad are checked. Use float64.
        eps: the step of the differences.
        atol: how far a gradient may be from its difference ``n``: ``atol + rtol * abs(n)``.
        rtol: see ``atol``.
        raise_exception: raise instead of returning False.
        nondet_tol: how far two runs with the same inputs may differ.
        check_undefined_grad: of several outputs, check that those without gradient count as zeros.
        check_grad_dtypes: check that each gradient has the dtype of its input.
        check_batched_grad: only gradients by backward are checked here, so only the default is accepted.
        check_batched_forward_grad: likewise.
        check_forward_ad: likewise.
        check_backward_ad: likewise.
        fast_mode: compare random directions only. Otherwise that is done for tensors of more than 64 elements.
        masked: only for sparse tensors, of which there are none.

    Raises:
        GradcheckError: names the op, the input, the index, both values and Richardson's estimate of the true one.
        ValueError: no input requires grad.
        NotImplementedError: a check of a mode other than backward.

    >>> import autograd
    >>> x = autograd.tensor([0.5, -2.0], dtype=autograd.float64, requires_grad=True)
    >>> autograd.gradcheck(lambda x: x * x, (x,))
    True
    """
    _refuse(check_batched_grad=check_batched_grad, check_batched_forward_grad=check_batched_forward_grad,
            check_forward_ad=check_forward_ad, check_backward_ad=not check_backward_ad)  # fmt: skip
    inputs = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    for i in checked_inputs(inputs):
        if inputs[i].dtype not in (np.float64, np.complex128):
            warn(
                f"Input #{i} requires gradient and is not a double precision floating point or complex "
                f"({inputs[i].dtype}). This check will likely fail if all the inputs are not of double precision.",
            )
    tolerances = Tolerances(eps, atol, rtol, nondet_tol, 0 if fast_mode else FULL)
    try:
        _check(
            func, inputs, tolerances, check_undefined_grad, check_grad_dtypes, lambda: blame(func, inputs, tolerances)
        )
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Compare second derivatives of ``func`` with central differences of its gradients.

    The first backward starts from ``grad_outputs`` (default: random ones, always the same; with
    ``gen_non_contig_grad_outputs`` they have gaps in memory). The other arguments and the errors are those of
    ``gradcheck``; ``check_fwd_over_rev`` and ``check_rev_over_rev`` must be left at their defaults.

    >>> import autograd
    >>> x = autograd.tensor([0.5, -2.0], dtype=autograd.float64, requires_grad=True)
    >>> autograd.gradgradcheck(lambda x: x * x * x, (x,))
    True
    """
    _refuse(check_batched_grad=check_batched_grad, check_fwd_over_rev=check_fwd_over_rev,
            check_rev_over_rev=not check_rev_over_rev)  # fmt: skip
    inputs = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    checked = checked_inputs(inputs)
    if grad_outputs is None:
        seeds = seeds_for(outputs_of(func(*inputs)), gen_non_contig_grad_outputs)
    else:
        seeds = tuple(grad_outputs) if isinstance(grad_outputs, (tuple, list)) else (grad_outputs,)
    tolerances = Tolerances(eps, atol, rtol, nondet_tol, 0 if fast_mode else FULL)
    gradients = gradients_of(func, len(inputs), checked)
    try:
        _check(
            gradients, (*inputs, *seeds), tolerances, check_undefined_grad, check_grad_dtypes,
            lambda: blame(func, inputs, tolerances, second=True),
            "the second derivative: gradients are outputs here, and after the inputs come the gradients of the outputs",
        )  # fmt: skip
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _refuse(**wanted: bool) -> None:
    for name, value in wanted.items():
        if value:
            raise NotImplementedError(f"{name}: only gradients by backward are checked here; leave it at its default")


def _check(
    func: Callable[..., Any],
    inputs: tuple[Any, ...],
    tolerances: Tolerances,
    undefined: bool,
    dtypes: bool,
    culprit: Callable[[], str],
    what: str = "",
) -> None:
    problem = Problem(func, inputs)
    outputs = problem.outputs()
    _check_repeatable(problem, outputs, tolerances)
    rng = np.random.default_rng(0)
    ways = [basis(rng, to_real(out._data).size, tolerances.full) for out in outputs]
    # a seed other than 1 shows a rule that is not linear in the gradient; powers of two are exact
    sizes = [np.resize([-2.0, 0.5, 4.0], len(rows)) for rows in ways]
    pulled = [
        [
            {i: g / size for i, g in problem.pulled(outputs, j, v * size).items()}
            for v, size in zip(rows, scale, strict=True)
        ]
        for j, (rows, scale) in enumerate(zip(ways, sizes, strict=True))
    ]
    for i in problem.checked:
        directions = basis(rng, problem.start[i].size, tolerances.full)
        pushed = [problem.differences(i, u, tolerances.eps) for u in directions]
        for j, rows in enumerate(ways):
            if not len(rows) or not len(directions):
                continue
            analytic = np.array([[found[i] @ u for u in directions] for found in pulled[j]])
            numerical = np.array([[v @ found[j] for found in pushed] for v in rows])
            wrong = ~tolerances.fits(analytic, numerical)
            if wrong.any():
                k, m = np.unravel_index(np.argmax(wrong * badness(analytic, numerical)), wrong.shape)
                place = locate(problem, outputs, i, j, rows[k], directions[m], tolerances.eps)
                raise GradcheckError(
                    _report(problem, outputs, i, j, place, analytic, numerical, wrong, tolerances, what) + culprit()
                )
    if undefined and len(outputs) > 1:
        _check_undefined(problem, outputs)
    if dtypes:
        _check_dtypes(problem, outputs)


def _check_repeatable(problem: Problem, outputs: list[Any], tolerances: Tolerances) -> None:
    """Two runs, forward and backward, must agree."""
    again = problem.values()
    for j, out in enumerate(outputs):
        first = to_real(out._data)
        if first.shape != again[j].shape or not np.all(
            (np.abs(first - again[j]) <= tolerances.nondet)
            | (first == again[j])
            | (np.isnan(first) & np.isnan(again[j]))
        ):
            raise GradcheckError(
                f"gradcheck: func is not deterministic: two calls with the same inputs gave different output {j}. Does "
                "it draw random numbers (dropout)? Then seed the generator inside func, or set nondet_tol"
            )
        v = np.ones(first.size)
        once, twice = problem.pulled(outputs, j, v), problem.pulled(outputs, j, v)
        for i in problem.checked:
            if not np.all(
                (np.abs(once[i] - twice[i]) <= tolerances.nondet) | (once[i] == twice[i]) | np.isnan(once[i])
            ):
                raise GradcheckError(
                    f"gradcheck: Backward is not reentrant: running it twice through the same graph gave different "
                    f"gradients of input {i} (largest difference {np.max(np.abs(once[i] - twice[i])):.3g}). Does a "
                    "rule write into what it was given?"
                )


def _check_undefined(problem: Problem, outputs: list[Any]) -> None:
    """The gradient of a sum is the sum of the gradients, where outputs without gradient count as zeros."""
    reached = [out for out in outputs if out._node is not None]
    if not reached:
        return
    seeds = [new_tensor(np.ones_like(np.asarray(out._data))) for out in reached]
    targets = [problem.inputs[i] for i in problem.checked]
    together = grad(reached, targets, seeds, retain_graph=True, materialize_grads=True)
    apart = [
        grad(out, targets, seed, retain_graph=True, materialize_grads=True)
        for out, seed in zip(reached, seeds, strict=True)
    ]
    for n, i in enumerate(problem.checked):
        total = sum(to_real(found[n]._data) for found in apart)
        if not np.allclose(to_real(together[n]._data), total, rtol=1e-6, atol=1e-9):
            raise GradcheckError(
                f"gradcheck: the gradient of input {i} differs when some of the outputs have none: an undefined "
                "gradient must count as zeros"
            )


def _check_dtypes(problem: Problem, outputs: list[Any]) -> None:
    for j, out in enumerate(outputs):
        if out._node is None:
            continue
        targets = [problem.inputs[i] for i in problem.checked]
        found = grad(
            out, targets, new_tensor(np.ones_like(np.asarray(out._data))), retain_graph=True, allow_unused=True
        )
        for i, g in zip(problem.checked, found, strict=True):
            if g is not None and g.dtype != problem.inputs[i].dtype:
                raise GradcheckError(
                    f"gradcheck: the gradient of input {i} from output {j} is {g.dtype}, "
                    f"the input {problem.inputs[i].dtype}"
                )


def _report(
    problem: Problem,
    outputs: list[Any],
    i: int,
    j: int,
    place: tuple[int, int],
    analytic: Any,
    numerical: Any,
    wrong: Any,
    tolerances: Tolerances,
    what: str,
) -> str:
    found, difference, best, error = entry(problem, outputs, i, j, place, tolerances.eps)
    node = outputs[j]._node
    made = "which has no graph" if node is None else f"made by op '{node.name()}'"
    lines = [
        f"Jacobian mismatch for output {j} with respect to input {i},",
        f"output {j} ({made}) at index {index_text(place[0], outputs[j]._data)},",
        f"input {i} at index {index_text(place[1], problem.inputs[i]._data)}:",
        f"  analytical: {found:.12g}  (by backward)",
        f"  numerical:  {difference:.12g}  (central difference, eps={tolerances.eps:g})",
        f"  Richardson: {best:.12g} +- {error:.1g}",
        f"{int(wrong.sum())} of {wrong.size} compared values differ by more than {tolerances}.",
    ]
    if what:
        lines.insert(0, f"In {what}.")
    if wrong.size <= 36:
        lines += [f"numerical:\n{numerical}", f"analytical:\n{analytic}"]
    if not error <= 1e-3 * max(1.0, abs(best)) or has_kink(problem, i, j, place):
        lines.append(
            "The slopes on the two sides differ: the function has a kink or a jump here; check at another point."
        )
    elif not np.any(analytic) and np.any(numerical):
        lines.append("No gradient arrives at all: is there a .detach(), .data, .numpy() or an integer cast on the way?")
    return "\n".join(lines) + "\n"
