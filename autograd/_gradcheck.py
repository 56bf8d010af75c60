"""``gradcheck`` and ``gradgradcheck``: PyTorch's checks by differences, with messages that name the culprit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ._agreement import (
    check_batched_gradients,
    check_batched_tangents,
    check_dtypes,
    check_reentrant,
    check_repeatable,
    check_still_inputs,
    check_undefined,
)
from ._bisect import blame
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
from .engine.failures import explained
from .errors import ArgumentError, DtypeError
from .errors import GradcheckError as GradcheckError

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


@explained
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
    """Compare the gradients of ``func``, and with ``check_forward_ad`` its tangents, with central differences.

    Args:
        func: takes ``inputs``, returns a Tensor or several.
        inputs: a Tensor or a tuple; those of floating or complex dtype that require grad are checked. Use float64.
        eps: the step of the differences.
        atol: how far a gradient may be from its difference ``n``: ``atol + rtol * abs(n)``.
        rtol: see ``atol``.
        raise_exception: raise instead of returning False.
        nondet_tol: how far two runs with the same inputs may differ.
        check_undefined_grad: check that of several outputs those without gradient count as zeros, and in forward mode
            inputs without tangent.
        check_grad_dtypes: check that each gradient has the dtype of its input.
        check_batched_grad: check that ``vmap`` of backward gives what backward gives for each gradient by itself.
        check_batched_forward_grad: likewise of forward mode.
        check_forward_ad: compare the derivatives in forward mode, too.
        check_backward_ad: compare the gradients by backward.
        fast_mode: compare random directions only. Otherwise that is done for tensors of more than 64 elements.
        masked: only for sparse tensors, of which there are none.

    Raises:
        GradcheckError: names the op, the input, the index, both values and Richardson's estimate of the true one.
        ValueError: no input requires grad; nothing is to be checked; a check of batches without that of its mode.

    >>> import autograd
    >>> x = autograd.tensor([0.5, -2.0], dtype=autograd.float64, requires_grad=True)
    >>> autograd.gradcheck(lambda x: x * x, (x,))
    True
    """
    _needs_one("gradcheck", check_forward_ad=check_forward_ad, check_backward_ad=check_backward_ad)
    _needs("gradcheck", check_batched_grad=check_batched_grad, check_backward_ad=check_backward_ad)
    _needs("gradcheck", check_batched_forward_grad=check_batched_forward_grad, check_forward_ad=check_forward_ad)
    checks = _Checks(
        check_backward_ad, check_forward_ad, check_undefined_grad, check_grad_dtypes, check_batched_grad,
        check_batched_forward_grad,
    )  # fmt: skip
    inputs = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    for i in checked_inputs(inputs):
        if inputs[i].dtype not in (np.float64, np.complex128):
            warn(
                f"Input #{i} requires gradient and is not a double precision floating point or complex "
                f"({inputs[i].dtype}). This check will likely fail if all the inputs are not of double precision.",
            )
    tolerances = Tolerances(eps, atol, rtol, nondet_tol, 0 if fast_mode else FULL)
    return _passes(
        func, inputs, tolerances, checks, raise_exception,
        lambda forward: blame(func, inputs, tolerances, forward=forward),
    )  # fmt: skip


@explained
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
    ``gen_non_contig_grad_outputs`` they have gaps in memory). ``check_rev_over_rev`` compares the gradients of the
    gradients by backward, ``check_fwd_over_rev`` their derivatives in forward mode. The other arguments and the errors
    are those of ``gradcheck``.

    >>> import autograd
    >>> x = autograd.tensor([0.5, -2.0], dtype=autograd.float64, requires_grad=True)
    >>> autograd.gradgradcheck(lambda x: x * x * x, (x,))
    True
    """
    _needs_one("gradgradcheck", check_fwd_over_rev=check_fwd_over_rev, check_rev_over_rev=check_rev_over_rev)
    _needs("gradgradcheck", check_undefined_grad=check_undefined_grad, check_rev_over_rev=check_rev_over_rev)
    _needs("gradgradcheck", check_batched_grad=check_batched_grad, check_rev_over_rev=check_rev_over_rev)
    checks = _Checks(
        check_rev_over_rev, check_fwd_over_rev, check_undefined_grad, check_grad_dtypes, check_batched_grad
    )
    inputs = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    checked = checked_inputs(inputs)
    if grad_outputs is None:
        seeds = seeds_for(outputs_of(func(*inputs)), gen_non_contig_grad_outputs)
    else:
        seeds = tuple(grad_outputs) if isinstance(grad_outputs, (tuple, list)) else (grad_outputs,)
    tolerances = Tolerances(eps, atol, rtol, nondet_tol, 0 if fast_mode else FULL)
    return _passes(
        gradients_of(func, len(inputs), checked), (*inputs, *seeds), tolerances, checks, raise_exception,
        lambda forward: blame(func, inputs, tolerances, second=True, forward=forward),
        "the second derivative: gradients are outputs here, and after the inputs come the gradients of the outputs",
    )  # fmt: skip


class _Checks(NamedTuple):
    """Which derivatives are compared with the differences, and in which further ways they must agree with themselves.

    Attributes:
        backward, forward: the derivatives by backward, and in forward mode.
        undefined: what is not given counts as zeros.
        dtypes: gradients have the dtypes of inputs.
        batched, batched_forward: many at once are what they are one by one.
    """

    backward: bool
    forward: bool
    undefined: bool
    dtypes: bool
    batched: bool
    batched_forward: bool = False


def _needs(name: str, **pair: bool) -> None:
    """Raise ArgumentError if the first of two options is chosen without the second."""
    (wanted, is_wanted), (needed, is_given) = pair.items()
    if is_wanted and not is_given:
        raise ArgumentError(f"{name}: {wanted}=True needs {needed}=True: set that too, or {wanted}=False")


def _needs_one(name: str, **pair: bool) -> None:
    """Raise ArgumentError if neither option is chosen."""
    if not any(pair.values()):
        raise ArgumentError(f"{name}: nothing to check: expected {' or '.join(pair)} to be True")


def _passes(
    func: Callable[..., Any],
    inputs: tuple[Any, ...],
    tolerances: Tolerances,
    checks: _Checks,
    raise_exception: bool,
    culprit: Callable[[bool], str],
    what: str = "",
) -> bool:
    """Whether everything agrees; if not, GradcheckError with ``raise_exception``."""
    if not callable(func):
        raise DtypeError(f"gradcheck: expected a function of Tensors, got {type(func).__name__} {func!r}")
    try:
        _check(func, inputs, tolerances, checks, culprit, what)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _check(
    func: Callable[..., Any],
    inputs: tuple[Any, ...],
    tolerances: Tolerances,
    checks: _Checks,
    culprit: Callable[[bool], str],
    what: str,
) -> None:
    problem = Problem(func, inputs)
    outputs = problem.outputs()
    check_repeatable(problem, outputs, tolerances)
    if checks.backward:
        check_reentrant(problem, outputs, tolerances)
        _compare(problem, outputs, tolerances, lambda: culprit(False), what)
    if checks.forward:
        moving = problem.in_forward_mode()
        _compare(moving, outputs, tolerances, lambda: culprit(True), what)
        if checks.undefined:
            check_still_inputs(moving, outputs)
        if checks.batched_forward:
            check_batched_tangents(moving, outputs)
    if checks.batched:
        check_batched_gradients(problem, outputs)
    if checks.undefined and checks.backward and len(outputs) > 1:
        check_undefined(problem, outputs)
    if checks.dtypes and checks.backward:
        check_dtypes(problem, outputs)


def _compare(
    problem: Problem, outputs: list[Any], tolerances: Tolerances, culprit: Callable[[], str], what: str
) -> None:
    """Compare derivatives with differences, of each output by each input."""
    rng = np.random.default_rng(0)
    ways = {j: basis(rng, to_real(out._data).size, tolerances.full) for j, out in enumerate(outputs)}
    directions = {i: basis(rng, problem.start[i].size, tolerances.full) for i in problem.checked}
    products = problem.products(outputs, ways, directions)
    for i, columns in directions.items():
        differences = [problem.differences(i, u, tolerances.eps) for u in columns]
        for j, rows in ways.items():
            if not len(rows) or not len(columns):
                continue
            analytic = products[i, j]
            numerical = np.array([[v @ found[j] for found in differences] for v in rows])
            wrong = ~tolerances.fits(analytic, numerical)
            if wrong.any():
                k, m = np.unravel_index(np.argmax(wrong * badness(analytic, numerical)), wrong.shape)
                place = locate(problem, outputs, i, j, rows[k], columns[m], tolerances.eps)
                raise GradcheckError(
                    _report(problem, outputs, i, j, place, analytic, numerical, wrong, tolerances, what) + culprit()
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
    mode, how = ("computed with forward mode ", "in forward mode") if problem.forward else ("", "by backward")
    lines = [
        f"Jacobian {mode}mismatch for output {j} with respect to input {i},",
        f"output {j} ({made}) at index {index_text(place[0], outputs[j]._data)},",
        f"input {i} at index {index_text(place[1], problem.inputs[i]._data)}:",
        f"  analytical: {found:.12g}  ({how})",
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
        arrives = "tangent" if problem.forward else "gradient"
        lines.append(f"No {arrives} arrives at all: is a .detach(), .data, .numpy() or integer cast on the way?")
    return "\n".join(lines) + "\n"
