"""Properties of what must not matter (dtype, layout, broadcasting) and of what must not be shared or written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _gradients
from ..errors import ShapeError
from .calls import Run, leaf_of, made_run, require_same, values_and_gradients
from .strategies import LAYOUTS, with_layout
from .subject import Arguments

__all__ = ["broadcasting", "dtypes", "inputs_unchanged", "layouts", "separate_memory", "shapes"]

DTYPE_SLACK = 64
"""How many units in the last place, of the largest number, a float32 or float16 result may be off."""
MOVED_SLACK = 4
"""How many times what rounding an input changes a float32 or float16 result may be off beyond that."""
LAYOUT_SLACK = 64
"""As many, of the largest number, are left where numbers cancel that another layout has added in another order."""


def dtypes(a: Arguments) -> None:
    """Floating dtypes are kept, and float32 and float16 give what float64 gives, to their precision."""
    floating = [n for n, slot in enumerate(a.slots) if slot.domain.kind == "f" and a.made[n].dtype.kind in "fc"]
    if not floating:
        return
    wide = a.outputs()
    is_complex = any(a.made[n].dtype.kind == "c" for n in floating)
    for narrow in (np.dtype(np.float32), np.dtype(np.float16)):
        if is_complex and narrow == np.float16:
            continue  # there are no complex numbers of that size
        with np.errstate(all="ignore"):  # what fits into float64 may overflow in them
            _check_narrow(a.narrowed(narrow), floating, wide, narrow)


def _check_narrow(a: Arguments, floating: Sequence[int], wide: Sequence[Any], narrow: Any) -> None:
    """``dtypes`` of one dtype; ``wide`` are the outputs in float64."""
    explicit = a.case.arguments.get("dtype", getattr(a.subject.signature.parameters.get("dtype"), "default", None))
    arrays, back = list(a.made), list(a.made)
    for n in floating:
        kind = narrow if a.made[n].dtype.kind == "f" else np.dtype(np.complex64)
        arrays[n] = np.asarray(a.made[n]).astype(kind)
        back[n] = arrays[n].astype(a.made[n].dtype)
    try:
        outputs = a.outputs(arrays)
    except (TypeError, NotImplementedError):
        if narrow == np.float32:
            raise
        return  # NumPy's linear algebra has no half precision
    if explicit is None:
        for out, reference in zip(outputs, wide, strict=True):
            expected = {"f": narrow, "c": np.dtype(np.complex64)}[reference.dtype.kind]
            if out.dtype != expected:
                raise AssertionError(
                    f"{narrow} inputs gave {out.dtype} (float64 inputs {reference.dtype}); where NumPy or SciPy widens "
                    "a result, end the forward with .astype(x.dtype)"
                )
    moved = list(back)
    for n in floating:  # by as much as rounding an input would
        moved[n] = back[n] * (1 + np.finfo(narrow).eps * a.rng().choice([-1.0, 1.0], back[n].shape))
    if not (a.subject.differentiable and a.leaves):
        _compare_narrow(_data(outputs), _data(a.outputs(back)), lambda: _data(a.outputs(moved)), narrow)
        return
    exact = made_run(a, back)
    seeds = [seed.astype(out.dtype) for seed, out in zip(exact.seeds, outputs, strict=True)]
    rounded = [seed.astype(out.dtype) for seed, out in zip(seeds, exact.outputs, strict=True)]
    exact, found = made_run(a, back, rounded), made_run(a, arrays, seeds)
    for leaf, g in zip(found.leaves, found.gradients, strict=True):
        if g.dtype != leaf.dtype or g.shape != leaf.shape:
            raise AssertionError(f"the gradient of a {leaf.dtype}{leaf.shape} input is {g.dtype}{g.shape}")
    _compare_narrow(
        _data(found.outputs), _data(exact.outputs), lambda: _data(made_run(a, moved, rounded).outputs), narrow
    )
    _compare_narrow(found.arrays, exact.arrays, lambda: made_run(a, moved, rounded).arrays, narrow, "gradient")


def _data(outputs: Sequence[Any]) -> list[Any]:
    return [np.asarray(out._data) for out in outputs]


def _compare_narrow(
    found: Sequence[Any], exact: Sequence[Any], near: Callable[[], Sequence[Any]], narrow: Any, what: str = "value"
) -> None:
    """Compare results with those of float64; ``near()``, of inputs moved a little, tells what rounding may do."""
    for number, (result, reference) in enumerate(zip(found, exact, strict=True)):
        if not result.size or not np.all(np.isfinite(reference)) or result.shape != reference.shape:
            continue
        limit = float(np.finfo(result.dtype).max)
        if np.max(np.abs(reference)) > limit / 8:
            continue
        eps = float(np.finfo(narrow).eps)
        allowed = eps * (DTYPE_SLACK * float(np.max(np.abs(reference))) + 2)
        off = np.abs(result.astype(reference.dtype) - reference)
        if not np.all(off <= allowed):
            moved = near()[number]
            if moved.shape == reference.shape and np.all(np.isfinite(moved)):
                allowed += MOVED_SLACK * float(np.max(np.abs(moved - reference)))
        if not np.all(off <= allowed):
            raise AssertionError(
                f"the {what} in {narrow} is {result.ravel()[np.argmax(off)]}, in float64 "
                f"{reference.ravel()[np.argmax(off)]} (allowed difference {allowed:.2g})"
            )


def layouts(a: Arguments) -> None:
    """Any layout of the inputs in memory gives the same result and gradient."""
    expected, numbers = None, None
    for layout in LAYOUTS:
        if layout == "broadcast" and any(slot.domain.make is not None for slot in a.slots):
            continue
        arrays = [with_layout(np.asarray(array), layout) for array in a.made]
        plain = [np.array(array, order="C") for array in arrays]
        if expected is None or numbers != [array.tobytes() for array in plain]:  # broadcasting makes rows equal
            try:
                expected = values_and_gradients(a, plain)
            except np.linalg.LinAlgError:
                continue  # equal rows everywhere make a singular matrix
            numbers = [array.tobytes() for array in plain]
        try:
            found = values_and_gradients(a, arrays)
        except ShapeError as error:
            if "without a copy" in str(error):  # reshaping that must not copy may refuse
                continue
            raise
        noise = LAYOUT_SLACK * float(np.finfo(np.float64).eps) * _largest([*plain, *expected])
        require_same(found, expected, f"with {layout} inputs", noise=noise)


def _largest(arrays: Sequence[Any]) -> float:
    """The size of the largest finite number."""
    sizes = [np.abs(array[np.isfinite(array)]) for array in arrays if array.dtype.kind in "fc"]
    return max([float(np.max(size, initial=0.0)) for size in sizes], default=0.0)


def shapes(a: Arguments) -> None:
    """Empty and 0-d inputs work, forward and backward, and a 0-d input gives what one element gives."""
    if not a.case.free:
        return
    rng = a.rng()
    count = len(a.slots)
    options: list[list[tuple[int, ...]]] = [[shape] * count for shape in ((), (1,), (0,), (0, 3), (2, 0), (1, 1, 2))]
    if count > 1:
        options += [
            [(), (0,)] + [()] * (count - 2),
            [(2, 1), (0,)] + [()] * (count - 2),
            [(3,), ()] + [(1,)] * (count - 2),
        ]
    for chosen in options:
        arrays = []
        for slot, shape, array in zip(a.slots, chosen, a.made, strict=True):
            if slot.domain.make is not None or slot.domain.shape is not None or not array.size:
                return
            arrays.append(rng.choice(array.ravel(), shape) if shape else np.array(array.ravel()[0]))
        if not (a.subject.differentiable and a.leaves):
            a.call(arrays)
            continue
        run = made_run(a, arrays)
        for leaf, g in zip(run.leaves, run.gradients, strict=True):
            if g.shape != leaf.shape or g.dtype != leaf.dtype:
                raise AssertionError(f"for inputs of shapes {chosen}: the gradient of {leaf.shape} has shape {g.shape}")
        if chosen == [()] * count:
            _as_one_element(a, arrays, run)


def _as_one_element(a: Arguments, numbers: list[Any], run: Run) -> None:
    """Arrays of one element give what 0-d ones, of which ``run`` is the call, have given."""
    single = [array.reshape(1) for array in numbers]
    if any(out.shape != () for out in run.outputs) or any(out.shape != (1,) for out in a.outputs(single)):
        return
    other = made_run(a, single, [seed.reshape(1) for seed in run.seeds])
    gradients = [g.reshape(()) for g in other.arrays]
    require_same(gradients, run.arrays, "the gradient of one element against that of 0-d")
    values = [array.reshape(()) for array in _data(other.outputs)]
    require_same(values, _data(run.outputs), "one element against 0-d")


def inputs_unchanged(a: Arguments) -> None:
    """Neither forward nor backward writes into what it is given, and the same call gives the same again."""
    arrays, others = [np.array(array) for array in a.made], [np.array(array) for array in a.made]
    before = [array.tobytes() for array in arrays]
    if a.subject.differentiable and a.leaves:
        first = made_run(a, others)
        seeds = first.seeds
        kept = [seed.tobytes() for seed in seeds]
        run = made_run(a, arrays, seeds)
        outputs = [np.asarray(out._data).tobytes() for out in run.outputs]
        if [seed.tobytes() for seed in seeds] != kept:
            raise AssertionError("backward wrote into the gradient that it was given")
        where = "the same call a second time (does it draw random numbers?)"
        require_same(_data(run.outputs), _data(first.outputs), where, 0, 0)
        require_same(run.arrays, first.arrays, where, 0, 0)
        reached = [(out, seed) for out, seed in zip(run.outputs, seeds, strict=True) if out.requires_grad]
        if reached:
            again = _gradients.grad(
                [o for o, _ in reached], run.leaves, [s for _, s in reached], materialize_grads=True
            )
            require_same(
                [np.asarray(g._data) for g in again], run.arrays, "a second backward through the same graph", 0, 0
            )
        if [np.asarray(out._data).tobytes() for out in run.outputs] != outputs:
            raise AssertionError("backward wrote into the output")
        made_run(a, arrays, [leaf_of(seed) for seed in seeds], create_graph=True)
    else:
        a.call(arrays)
    for slot, array, was in zip(a.slots, arrays, before, strict=True):
        if array.tobytes() != was:
            raise AssertionError(f"the input {slot} was written into")


def separate_memory(a: Arguments) -> None:
    """Gradients share memory with nothing: not each other, the seeds, the inputs, the outputs, the saved arrays."""
    if not a.leaves:
        return
    run = made_run(a)
    reached = [(out, seed) for out, seed in zip(run.outputs, run.seeds, strict=True) if out.requires_grad]
    if not reached:
        return
    saved = [
        array
        for out, _ in reached
        if out.grad_fn is not None and hasattr(node := getattr(out.grad_fn, "source", out.grad_fn), "saved")
        for _, array in node.op.saved_arrays(node)
    ]
    others = {
        "an input": [np.asarray(leaf._data) for leaf in run.leaves],
        "an output": [np.asarray(out._data) for out in run.outputs],
        "a seed": run.seeds,
        "an array saved for backward": saved,
    }
    _require_apart(run.arrays, others)
    for leaf in run.leaves:
        leaf._grad = None
    _gradients.backward([out for out, _ in reached], [seed for _, seed in reached], retain_graph=True)
    _require_apart([np.asarray(leaf.grad._data) for leaf in run.leaves if leaf.grad is not None], others)


def _require_apart(gradients: Sequence[Any], others: dict[str, list[Any]]) -> None:
    for n, g in enumerate(gradients):
        for m, other in enumerate(gradients[:n]):
            if np.shares_memory(g, other):
                raise AssertionError(f"the gradients {m} and {n} share memory")
        for what, arrays in others.items():
            if any(np.shares_memory(g, array) for array in arrays):
                raise AssertionError(f"gradient {n} shares memory with {what}")


def broadcasting(a: Arguments) -> None:
    """The gradient of an input that was broadcast is the sum of that of its copies."""
    if not a.case.free or len(a.slots) < 2 or not a.leaves:
        return
    rng = a.rng()
    target = (2, 3)
    for small in ((), (1,), (3,), (2, 1), (1, 3)):
        for chosen in a.leaves:
            arrays: list[Any] = []
            for n, (slot, array) in enumerate(zip(a.slots, a.made, strict=True)):
                if slot.domain.shape is not None or slot.domain.make is not None or not array.size:
                    return
                arrays.append(np.asarray(rng.choice(array.ravel(), small if n == chosen else target)))
            full = [np.broadcast_to(array, target).copy() for array in arrays]
            expected = made_run(a, full)
            found = made_run(a, arrays, expected.seeds)
            sums = [_sum_to(g, arrays[n].shape) for n, g in zip(a.leaves, expected.arrays, strict=True)]
            require_same(found.arrays, sums, f"{a.slots[chosen]} of shape {small} broadcast to {target}")


def _sum_to(array: Any, shape: tuple[int, ...]) -> Any:
    extra = array.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(extra + i for i, n in enumerate(shape) if n == 1)
    return np.asarray(np.sum(array, axis=axes, keepdims=True)).reshape(shape)
