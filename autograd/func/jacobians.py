"""Whole matrices of derivatives: Jacobians by rows or by columns, Hessians, and products with a Hessian."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine.foreign import like_of
from ..engine.nodes import new_tensor
from ..errors import ArgumentError, BatchingError, DtypeError
from ..ops.joining import stack
from ..ops.shapes import reshape
from .calls import Call, chosen, name_of, replaced, titled
from .forward import Push
from .pytrees import Spec, unflatten
from .vectorizing import vmap

__all__ = ["hessian", "hvp", "jacfwd", "jacobian", "jacrev", "vhp"]


def jacrev(
    func: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """The function that computes the Jacobian of ``func``, row by row in reverse mode.

    A sweep gives the derivatives of one number that ``func`` returns with respect to everything that it takes, so this
    is the way for functions with fewer results than arguments.

    Args:
        func: a function of Tensors, arrays, or pytrees of them, that returns the same kinds.
        argnums: which positional argument to differentiate with respect to, or a tuple of several.
        has_aux: ``func`` returns a pair, of which the second is not differentiated.
        chunk_size: how many rows are computed together, to save memory (default: as many as make 16 million numbers).

    Returns:
        A function of the same arguments that returns, in the structure of the output, in each leaf in the structure of
        the argument, arrays of shape ``output.shape + argument.shape``.

    Raises:
        DtypeError: an argument or output is complex: see ``holomorphic_grad``, ``vjp`` and ``jvp``.

    >>> import numpy as np
    >>> from autograd import func
    >>> func.jacrev(lambda x: x[:2] * x[2])(np.array([1.0, 2.0, 3.0]))
    array([[3., 0., 1.],
           [0., 3., 2.]])
    """
    if chunk_size is not None and (isinstance(chunk_size, bool) or not isinstance(chunk_size, int) or chunk_size < 1):
        raise ArgumentError(f"jacrev: chunk_size is a number of rows, at least 1, or None, got {chunk_size!r}")
    return titled(_by_rows("jacrev", func, argnums, has_aux, chunk_size), "jacobian", func)


def _by_rows(name: str, func: Any, argnums: Any, has_aux: bool = False, chunk_size: int | None = None) -> Any:
    """``jacrev``, under the name that messages are to use."""

    def transformed(*args: Any, **kwargs: Any) -> Any:
        call, outputs, spec, aux = _called(name, func, argnums, has_aux, args, kwargs)
        linked = call.linked(outputs)
        found = _arranged(call, [_rows(call, out, linked, chunk_size) for out in outputs], spec, linked)
        return (found, call.release_tree(aux)) if has_aux else found

    transformed.__name__ = name_of(func)
    return transformed


def jacfwd(
    func: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
) -> Callable[..., Any]:
    """The function that computes the Jacobian of ``func``, column by column in forward mode.

    The way for functions with more results than arguments; see ``jacrev`` for the rest.

    Args:
        func, argnums, has_aux: as for ``jacrev``.
        randomness: for PyTorch's sake: ``func`` runs only once here, so that its random numbers are the same for all
            columns.

    >>> import numpy as np
    >>> from autograd import func
    >>> func.jacfwd(lambda t: np.stack([np.cos(t), np.sin(t)]))(0.0)
    array([-0.,  1.])
    """
    if randomness not in ("error", "same", "different"):
        raise ArgumentError(f"jacfwd: randomness is 'error', 'same' or 'different', got {randomness!r}")

    def transformed(*args: Any, **kwargs: Any) -> Any:
        call, outputs, spec, aux = _called("jacfwd", func, argnums, has_aux, args, kwargs)
        linked = call.linked(outputs)
        found = _arranged(call, _columns(call, outputs, linked), spec, linked)
        return (found, call.release_tree(aux)) if has_aux else found

    return titled(transformed, "jacobian", func)


jacobian = jacrev
"""The Jacobian in reverse mode, which pays more often."""


def hessian(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """The function that computes the Hessian of ``func``: the Jacobian of its Jacobian.

    Args:
        func: a function of Tensors, arrays, or pytrees of them.
        argnums: which positional argument to differentiate with respect to, or a tuple of several.

    Returns:
        A function of the same arguments that returns, for each output and for each pair of arguments, an array of
        shape ``output.shape + first.shape + second.shape``.

    >>> import numpy as np
    >>> from autograd import func
    >>> func.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    return titled(_by_rows("hessian", _by_rows("hessian", func, argnums), argnums), "hessian", func)


def hvp(func: Callable[..., Any], inputs: Any, v: Any = None) -> tuple[Any, Any]:
    """A function's value, and the product of its Hessian with a vector: without the Hessian, in a few sweeps.

    Args:
        func: returns one real number.
        inputs: its argument, or the tuple of its arguments.
        v: the vector, of the structure and shapes of ``inputs``; not needed if these are a single number.

    Returns:
        ``(value, product)``, the product of the structure of ``inputs``.

    Raises:
        GradientError: ``func`` returned anything but one real number, or ``v`` has another structure.
        ShapeError: ``v`` has other shapes.

    Source: B. Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6, 1994.

    >>> import numpy as np
    >>> from autograd import func
    >>> func.hvp(lambda x: x[0] ** 2 * x[1], np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    (np.float64(2.0), array([4., 2.]))
    """
    return _hessian_product("hvp", func, inputs, v)


def vhp(func: Callable[..., Any], inputs: Any, v: Any = None) -> tuple[Any, Any]:
    """As ``hvp``: the Hessian is symmetric, so the vector may stand on either side."""
    return _hessian_product("vhp", func, inputs, v)


def _hessian_product(name: str, func: Any, inputs: Any, v: Any) -> tuple[Any, Any]:
    call = Call(name, func, inputs)
    result, _ = call.run(call.tree if type(inputs) is tuple else (call.tree,), {})
    out = call.scalar(result)
    linked = call.linked([out])
    weights = call.weights(v, call.inputs, call.spec, "v", "the inputs")
    gradient = call.pull([out], [new_tensor(np.ones_like(out._data))], record=True)
    record = call.records(weights, linked)
    product = call.gradients(call.pull(gradient, weights, record), record)
    return call.release_tree(result, linked), product


def _called(name: str, func: Any, argnums: Any, has_aux: bool, args: Any, kwargs: Any) -> tuple[Call, Any, Any, Any]:
    """A call whose inputs and outputs are real: its outputs, their structure and aux."""
    call = Call(name, func, chosen(name, func, args, argnums))
    result, aux = call.run(replaced(args, argnums, call.tree), kwargs, has_aux)
    outputs, spec = call.outputs(result)
    for what, tensors in (("takes", call.inputs), ("returns", outputs)):
        for tensor in tensors:
            if tensor._data.dtype.kind == "c":
                raise DtypeError(
                    f"{name}: {name_of(func)} {what} complex numbers ({tensor._data.dtype}), for which a Jacobian has "
                    "more than one meaning: use holomorphic_grad, vjp or jvp, or real and imaginary parts"
                )
    return call, outputs, spec, aux


def _arranged(call: Call, blocks: Sequence[Sequence[Any]], spec: Spec, linked: bool) -> Any:
    """The blocks, one for each output and input, in the structure of outputs of structures of inputs."""
    return unflatten([unflatten([call.release(block, linked) for block in row], call.spec) for row in blocks], spec)


FEW = 3
"""This many sweeps one after the other are sooner done than one for all, which has more to arrange."""
NUMBERS = 1 << 24
"""About this many numbers of an input or output are computed at once, by default."""


def _for_each_unit(compute: Callable[[Any], list[Any]], like: Any, chunk_size: int | None, record: bool) -> list[Any]:
    """What ``compute`` makes of each array that is one at an element of ``like`` and zero elsewhere, stacked."""
    data = like._data
    units = np.reshape(np.eye(data.size, dtype=data.dtype, like=like_of([data])), (data.size, *data.shape))
    if data.size > FEW and chunk_size != 1:
        chunk_size = chunk_size or max(1, NUMBERS // data.size)
        with contextlib.suppress(BatchingError):  # an op of which there is no meaning for many at once
            mapped = vmap(lambda unit: tuple(compute(unit)), randomness="same", chunk_size=chunk_size)
            return list(mapped(new_tensor(units)))
    rows = [compute(new_tensor(unit)) for unit in units]
    if record:
        return [stack(column) for column in zip(*rows, strict=True)]
    return [new_tensor(np.stack([item._data for item in column])) for column in zip(*rows, strict=True)]


def _rows(call: Call, out: Any, record: bool, chunk_size: int | None) -> list[Any]:
    """The Jacobian of one output with respect to each input."""
    shapes = [out._data.shape + tensor._data.shape for tensor in call.inputs]
    if not out._data.size:
        return [new_tensor(np.zeros(shape, out._data.dtype)) for shape in shapes]
    if out._data.size == 1:  # its one row is a gradient
        found = call.pull([out], [new_tensor(np.ones_like(out._data))], record, retain=True)
    else:
        found = _for_each_unit(lambda unit: call.pull([out], [unit], record, retain=True), out, chunk_size, record)
    return [_reshaped(rows, shape, record) for rows, shape in zip(found, shapes, strict=True)]


def _columns(call: Call, outputs: Sequence[Any], record: bool) -> list[list[Any]]:
    """For each output its Jacobian by each input."""
    push = Push(call, outputs)
    still = [None] * len(call.inputs)
    blocks: list[list[Any]] = [[] for _ in outputs]
    for i, tensor in enumerate(call.inputs):
        shapes = [out._data.shape + tensor._data.shape for out in outputs]
        if not tensor._data.size:
            found = [new_tensor(np.zeros(shape, out._data.dtype)) for out, shape in zip(outputs, shapes, strict=True)]
        else:
            compute = functools.partial(_pushed, push, still, i, record)
            found = [_moved(move, record) for move in _for_each_unit(compute, tensor, None, record)]
        for block, columns, shape in zip(blocks, found, shapes, strict=True):
            block.append(_reshaped(columns, shape, record))
    return blocks


def _pushed(push: Push, still: list[Any], i: int, record: bool, unit: Any) -> list[Any]:
    return push([*still[:i], unit, *still[i + 1 :]], record)


def _moved(columns: Any, record: bool) -> Any:
    """The axis of the units last."""
    return np.moveaxis(columns, 0, -1) if record else new_tensor(np.moveaxis(columns._data, 0, -1))


def _reshaped(tensor: Any, shape: tuple[int, ...], record: bool) -> Any:
    if tensor._data.shape == shape:
        return tensor
    return reshape(tensor, shape) if record else new_tensor(np.reshape(tensor._data, shape))
