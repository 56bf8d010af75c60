"""Fault injection: break derivative rules on purpose, and count how many breaks the gradient properties notice.

Run as ``python -m tests.faults [--count 500] [--seed 0] [--workers N]``. Exits with 1 if less than 99.5 % are caught.
A break that changes no gradient (a sign flipped on zeros, a roll along a dimension of size 1) is no fault and is
not counted.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # the matrices are small: threads would only wait for each other

import argparse
import inspect
import multiprocessing
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from tqdm import tqdm

import autograd
from autograd import _gradients
from autograd._op import Op
from autograd._pushing import write_push
from autograd._writing import write
from autograd.engine.modes import Mode
from autograd.engine.nodes import new_tensor
from autograd.testing import check_property
from autograd.testing.drawing import draw_arguments
from autograd.testing.subject import Subject, differentiable_outputs

AIM = 0.995
Fault = Callable[[Any], Any]


def _scaled(factor: float) -> Fault:
    return lambda d: d * np.asarray(factor, d.dtype)[()] if d.dtype.kind in "fc" else d


def _added(d: Any) -> Any:
    return d + np.asarray(1e-3, d.dtype)[()]


def _zeros(d: Any) -> Any:
    return d * np.asarray(0, d.dtype)[()]


def _half(d: Any) -> Any:
    """Half of the elements dropped: a term that was forgotten."""
    mask = np.ones(d.shape, d.dtype)
    mask.reshape(-1)[::2] = 0
    return d * mask


def _one_dropped(d: Any) -> Any:
    mask = np.ones(d.shape, d.dtype)
    mask.reshape(-1)[-1:] = 0
    return d * mask


def _rolled(d: Any) -> Any:
    return np.roll(d, 1, axis=-1) if len(d.shape) else d


def _reversed(d: Any) -> Any:
    return np.flip(d, 0) if len(d.shape) else d


def _transposed(d: Any) -> Any:
    if len(d.shape) < 2 or d.shape[-1] != d.shape[-2]:
        return np.reshape(np.swapaxes(d, -1, -2), d.shape) if len(d.shape) >= 2 else d
    return np.swapaxes(d, -1, -2)


def _averaged(d: Any) -> Any:
    """A mean where each element has its own: reduced over the wrong axis."""
    return d * 0 + np.mean(d, axis=-1, keepdims=True) if len(d.shape) else d


def _squared(d: Any) -> Any:
    return d * np.abs(d)


def _detached(d: Any) -> Any:
    """Right numbers, but out of the graph: wrong only in the second derivative."""
    return new_tensor(d._data) if hasattr(d, "_data") else d


RESULTS: dict[str, Fault] = {
    "scaled by 1.001": _scaled(1.001),
    "scaled by 0.999": _scaled(0.999),
    "sign flipped": _scaled(-1.0),
    "doubled": _scaled(2.0),
    "plus 0.001": _added,
    "zeros": _zeros,
    "every other element dropped": _half,
    "last element dropped": _one_dropped,
    "rolled by one": _rolled,
    "reversed": _reversed,
    "transposed": _transposed,
    "averaged over the last axis": _averaged,
    "not linear in g": _squared,
    "cut off the graph": _detached,
}
"""Faults in what a rule returns."""

GRADIENTS: dict[str, Fault] = {
    "g replaced by ones": lambda g: g * 0 + 1,
    "g scaled by 1.001": _scaled(1.001),
    "abs(g) for g": lambda g: np.where(g < 0, -g, g),
    "g rolled by one": _rolled,
}
"""Faults in the gradient that a rule is given."""


def faults_of(op: Op) -> list[tuple[str, str]]:
    """The name of each fault, and in which input's rule (all of them, for a joint one)."""
    found = [(name, i) for i in (op.rules if op.joint is None else ["joint"]) for name in (*RESULTS, *GRADIENTS)]
    if op.joint is None:
        for name, rule in op.rules.items():
            asked = _asks(rule)
            saved = [n for n in op.inputs if n in op.saved_names and n not in op.lists]
            if any(
                set(_asks(op.rules[other])) <= {*op.saved_names, "g", "needs"} for other in op.rules if other != name
            ):
                found.append(("rule of another input", name))
            if len(saved) > 1 and any(n in asked for n in saved):
                found.append(("an input for another", name))
    return found


def _asks(rule: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(rule).parameters)


def _over(d: Any, change: Fault) -> Any:
    """``change`` on a gradient, or on each of a list of them."""
    if isinstance(d, (list, tuple)):
        return type(d)([_over(item, change) for item in d])
    return d if d is None else change(d)


def _broken(op: Op, fault: str, name: str) -> Callable[..., Any]:
    """The rule for ``name`` with the fault in it; it asks for nothing that the op does not save already."""
    rule: Any = op.joint if name == "joint" else op.rules[name]
    asked = _asks(rule)
    if fault == "rule of another input":
        rule = op.rules[next(other for other in op.rules if other != name)]
    source = _asks(rule)
    if fault == "an input for another":
        saved = [n for n in op.inputs if n in op.saved_names and n not in op.lists]
        one = next(n for n in source if n in saved)
        source = [next(n for n in saved if n != one) if n == one else n for n in source]
    unique = list(dict.fromkeys([*asked, *source]))  # nothing less either: each saved name must be asked for

    def compute(*values: Any) -> Any:
        given = dict(zip(unique, values, strict=True))
        arguments = [given[n] for n in source]
        if fault in GRADIENTS:
            arguments = [
                _over(value, GRADIENTS[fault]) if n == "g" or n.startswith("g_") else value
                for n, value in zip(source, arguments, strict=True)
            ]
        result = rule(*arguments)
        return _over(result, RESULTS[fault]) if fault in RESULTS else result

    # the op reads from the signature what to give
    return eval(f"lambda {', '.join(unique)}: compute({', '.join(unique)})", {"compute": compute})  # type: ignore[no-any-return]


@contextmanager
def broken(op: Op, fault: str, name: str) -> Iterator[None]:
    """Break one rule of an op for the time of a block: only ``op.backward`` is another meanwhile."""
    rules, joint, backward, push = op.rules, op.joint, op.backward, op.push
    wrong = _broken(op, fault, name)
    try:
        if name == "joint":
            op.joint = wrong
        else:
            op.rules = {**rules, name: wrong}
        _, op.backward, _ = write(op)
        op.push = None if op.jvp is None else write_push(op)[0]
        op.rules, op.joint = rules, joint
        yield
    finally:
        op.rules, op.joint, op.backward, op.push = rules, joint, backward, push


def gradients(op: Op, draws: int = 3) -> list[Any]:
    """First and second derivatives at some samples, to compare a broken op with a right one."""
    found: list[Any] = []
    subject = Subject(op)
    for number, case in enumerate(subject.cases):
        slots = subject.slots(case)
        for draw in range(draws):
            shapes = [
                slot.domain.shape if slot.domain.shape is not None else ((), (3,), (2, 3))[draw] for slot in slots
            ]
            a = draw_arguments(subject, case, slots, shapes, 1000 * number + draw)
            leaves = [new_tensor(np.array(a.raw[n])).requires_grad_() for n in a.leaves]
            rng = a.rng()
            try:
                outputs = [out for out in differentiable_outputs(a.call_raw(leaves)) if out.requires_grad]
                seeds = [
                    new_tensor(np.asarray(rng.normal(size=out.shape)).astype(out.dtype)).requires_grad_()
                    for out in outputs
                ]
                first = _gradients.grad(outputs, leaves, seeds, create_graph=True, materialize_grads=True)
                found += [np.array(g._data) for g in first]
                reached = [g for g in first if g.requires_grad]
                with Mode(grad=True):
                    weights = [new_tensor(np.asarray(rng.normal(size=g.shape))) for g in reached]
                if reached:
                    second = _gradients.grad(reached, [*leaves, *seeds], weights, materialize_grads=True)
                    found += [np.array(g._data) for g in second]
            except Exception as error:  # noqa: BLE001 (a broken rule may raise anything: that is a difference too)
                found.append(type(error).__name__)
    return found


def same(found: list[Any], right: list[Any]) -> bool:
    """Whether two lists from ``gradients`` agree, but for rounding."""
    if len(found) != len(right):
        return False
    for x, y in zip(found, right, strict=True):
        if isinstance(x, str) or isinstance(y, str):
            if not (isinstance(x, str) and isinstance(y, str)):
                return False
        elif x.shape != y.shape or not np.allclose(x, y, rtol=1e-9, atol=1e-12, equal_nan=True):
            return False
    return True


def judge(job: tuple[str, str, str]) -> tuple[str, str, str, str]:
    """Break an op and say whether that was "caught", "missed" or "equivalent"."""
    op_name, fault, name = job
    op = autograd.OPS[op_name]
    np.seterr(all="ignore")
    warnings.simplefilter("ignore")
    right = gradients(op)
    with broken(op, fault, name):
        if same(gradients(op), right):
            return (*job, "equivalent")
        for prop in ("gradient", "second_order"):
            try:
                check_property(op, prop, 3)
            except AssertionError:
                return (*job, "caught")
    return (*job, "missed")


def jobs(seed: int) -> Iterator[tuple[str, str, str]]:
    """All (op, fault, input) in an order that the seed decides, each op in its turn."""
    rng = np.random.default_rng(seed)
    left = {}
    for op in autograd.OPS.values():
        if op.differentiable and op.cases:
            found = faults_of(op)
            left[op.name] = [found[i] for i in rng.permutation(len(found))]
    names = [str(name) for name in rng.permutation(list(left))]
    while any(left.values()):
        for op_name in names:
            if left[op_name]:
                yield (op_name, *left[op_name].pop())


def main() -> int:
    """Inject, count, report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=500, help="how many faults to inject (default 500)")
    parser.add_argument("--seed", type=int, default=0, help="which ones (default 0)")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="processes (default: cores)")
    options = parser.parse_args()
    results: list[tuple[str, str, str, str]] = []
    counted = equivalent = 0
    with (
        multiprocessing.get_context("fork").Pool(options.workers) as pool,
        tqdm(total=options.count, desc="faults", unit="fault", file=sys.stderr) as bar,
    ):
        for result in pool.imap(judge, jobs(options.seed), chunksize=2):
            if result[-1] == "equivalent":
                equivalent += 1
                continue
            results.append(result)
            counted += 1
            bar.update()
            bar.set_postfix(missed=sum(r[-1] == "missed" for r in results))
            if counted == options.count:
                pool.terminate()
                break
    missed = sorted(result[:3] for result in results if result[-1] == "missed")
    if missed:
        print(f"{'op':24} {'fault':32} rule of")
        for op_name, fault, name in missed:
            print(f"{op_name:24} {fault:32} {name}")
    caught = counted - len(missed)
    share = caught / max(counted, 1)
    print(f"caught {caught} of {counted} ({100 * share:.1f} %)")
    print(f"({len({r[0] for r in results})} ops; {equivalent} more breaks changed no gradient and do not count)")
    return 0 if counted and share >= AIM else 1


if __name__ == "__main__":
    sys.exit(main())
