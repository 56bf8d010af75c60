"""``backward`` and ``grad``: from Tensors to the sweep, and from the sweep's gradients back to Tensors."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from importlib import import_module
from sys import getrefcount
from typing import Any

import numpy as np

from ._operands import unwrap
from .engine.blocks import copied
from .engine.foreign import ForeignArray, as_array
from .engine.forks import held_at_forks
from .engine.hooks import keep, run_hooks
from .engine.modes import Mode, local
from .engine.mutation import stamp
from .engine.nodes import Handle, Leaf, new_tensor
from .engine.ownership import ALONE, owns
from .engine.sweep import sweep
from .engine.views import node_of
from .errors import ArgumentError, DtypeError, GradientError, ShapeError

__all__ = ["backward", "grad", "gradients", "ones"]

_commit_lock = held_at_forks(threading.RLock())


def _tuple(value: Any) -> tuple[Any, ...]:
    """What was given, one or several: in a list, as a dict's values, or from an iterator as ``parameters()`` is."""
    if isinstance(value, Handle) or not isinstance(value, Iterable) or hasattr(value, "shape"):
        return (value,)
    return tuple(value.values() if isinstance(value, dict) else value)


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradients of ``tensors`` to the ``.grad`` of the leaves that they were computed from.

    Args:
        tensors: a Tensor or several. Each needs one element, or its own entry in ``grad_tensors``.
        grad_tensors: the gradients to start from (of the tensors' shapes); None for ones.
        retain_graph: keep the saved arrays, to backpropagate through the same graph again (default: ``create_graph``).
        create_graph: record the backward itself, so that the gradients can be differentiated.
        inputs: add gradients only to these Tensors: one, several, or a dict of them. Those that are no leaves retain
            their gradients from then on.

    Raises:
        GradientError: a tensor has no graph, or is not a scalar and came without gradient.
        FreedGraphError: the graph's saved arrays were released by an earlier backward.
        MutationError: a saved array was overwritten since.

    Whatever is raised, no ``.grad`` has changed.

    >>> import autograd
    >>> x = autograd.tensor([1.0, 2.0], requires_grad=True)
    >>> autograd.backward([x.sum(), (x * x).sum()])
    >>> x.grad
    tensor([3., 5.])
    """
    if local.levels:
        raise GradientError(
            "backward: inside of a function that vmap maps there is no .grad to add gradients to, as there is another "
            "gradient for each example: use grad(...) there, or call backward on the result, outside"
        )
    if create_graph and not local.grad:
        with Mode(grad=True):
            backward(tensors, grad_tensors, retain_graph, create_graph, inputs)
        return
    tensors = _tuple(tensors)
    seeds = _seeds("backward", tensors, grad_tensors, create_graph)
    targets = None
    if inputs is not None:
        chosen = _tuple(inputs)
        if not chosen:
            raise GradientError("backward: inputs is empty; name at least one Tensor, or leave it out for all leaves")
        targets = {_target("backward", i, tensor): tensor for i, tensor in enumerate(chosen)}
    kept: list[tuple[Any, Any]] = []
    grads = sweep(
        list(map(node_of, tensors)),
        seeds,
        targets=targets,
        retain=create_graph if retain_graph is None else retain_graph,
        create_graph=create_graph,
        kept=kept,
    )
    del seeds
    _run_leaf_hooks(grads, create_graph, kept)  # all before any .grad is touched: one of them may raise
    _keep(kept)
    if targets is None and not create_graph:
        _commit(grads)
    else:
        _commit_to(grads, targets, create_graph)


def _commit_to(grads: dict[Any, Any], targets: dict[Any, Any] | None, create_graph: bool) -> None:
    """Add gradients to the ``.grad`` of chosen Tensors, by their nodes, or recorded ones to that of leaves."""
    for node in list(grads):
        tensor = targets[node] if targets is not None else node.tensor()
        g = grads.pop(node)
        if type(node) is not Leaf:
            if tensor.retains_grad:  # has it already
                continue
            tensor.retain_grad()  # from now on, as in PyTorch
        if g is None or tensor is None or tensor._node is None:  # it was frozen since
            continue
        if create_graph:
            tensor._grad = g.clone() if tensor._grad is None else tensor._grad + g
        else:
            with _commit_lock:
                if tensor._grad is None and getrefcount(g) == ALONE and owns(g) and _lies_like(g, tensor):
                    tensor._grad = new_tensor(g)  # nobody else holds it: no copy
                else:
                    _accumulate(tensor, g)
        if type(node) is Leaf and node.after is not None:
            _run_hooks_after(node, tensor, create_graph)


def _run_hooks_after(node: Leaf, tensor: Any, create_graph: bool = False) -> None:
    """The hooks that see a leaf whose ``.grad`` is complete; to change that they write to it."""
    for hook in list((node.after or {}).values()):
        with Mode(grad=create_graph):
            returned = hook(tensor)
        if returned is not None and returned is not tensor._grad and returned is not tensor:  # as in-place methods do
            raise GradientError(
                f"a post-accumulate-grad hook returned {type(returned).__name__}, which would be lost; it must return "
                "None and change the .grad of the Tensor that it is given"
            )


def _commit(grads: dict[Any, Any]) -> None:
    """Add gradients (arrays, by their leaves; the dict is emptied) to ``.grad``: ``backward``'s usual case."""
    hooked = []
    pop = grads.pop
    with _commit_lock:
        for node in list(grads):
            tensor, g = node.tensor(), pop(node)
            if g is None or tensor is None or tensor._node is None:  # it was frozen since
                continue
            if tensor._grad is None and (
                (
                    getrefcount(g) == ALONE
                    and (g.base is None or owns(g))
                    and (g.flags.c_contiguous or _lies_like(g, tensor))
                )
                or isinstance(g, np.generic)
            ):
                tensor._grad = new_tensor(g)  # nobody else holds it: no copy
            else:
                _accumulate(tensor, g)
            if node.after is not None:
                hooked.append((node, tensor))
    for node, tensor in hooked:
        _run_hooks_after(node, tensor)


def _run_leaf_hooks(grads: dict[Any, Any], create_graph: bool, kept: list[tuple[Any, Any]]) -> None:
    for node, g in grads.items():
        if node.hooks is not None and type(node) is Leaf and g is not None:
            grads[node] = run_hooks(node.hooks, g, node, create_graph, kept)


def _keep(kept: list[tuple[Any, Any]]) -> None:
    """Give Tensors what ``retain_grad`` keeps."""
    if kept:
        with _commit_lock:
            keep(kept)


def _lies_like(g: Any, tensor: Any) -> bool:
    """Whether a gradient lies as PyTorch would have it, which lets ``.grad`` be flattened by ``view``."""
    return bool(g.flags.c_contiguous or g.strides == tensor._data.strides)


def _accumulate(tensor: Any, g: Any) -> None:
    """Add ``g`` to ``tensor.grad``, which shares no memory with anything else."""
    held = tensor._grad
    if held is None:
        tensor._grad = new_tensor(copied(g))
    elif held._node is not None:
        with Mode(grad=True):
            tensor._grad = held + g
    elif isinstance(held._data, np.generic):
        tensor._grad = new_tensor(held._data + g)
    else:
        stamp(held._data)
        np.add(held._data, g, out=held._data)


def ones(data: Any) -> Any:
    """The gradient of a number, or of each of many, by itself."""
    if not data.shape and type(data) in (np.ndarray, data.dtype.type):
        return data.dtype.type(1)
    return np.ones(data.shape, data.dtype, like=data)


_ONES = {kind: kind(1) for kind in (np.float32, np.float64)}


def _seeds(name: str, tensors: tuple[Any, ...], given: Any, create_graph: bool) -> list[Any]:
    """The gradients to start from, as arrays (as Tensors if ``create_graph``)."""
    if given is None and len(tensors) == 1 and isinstance(tensors[0], Handle) and not create_graph:
        one = _ONES.get(type(tensors[0]._data))
        if one is not None and tensors[0]._node is not None:
            return [one]  # of a loss
    seeds = (None,) * len(tensors) if given is None else _tuple(given)
    if len(seeds) != len(tensors):
        raise GradientError(f"{name}: got {len(seeds)} gradients for {len(tensors)} tensors; give one each, or None")
    found = []
    for tensor, seed in zip(tensors, seeds, strict=True):
        if not isinstance(tensor, Handle):
            raise TypeError(f"{name}: expected a Tensor, got {type(tensor).__name__}")
        if node_of(tensor) is None:
            raise GradientError(_why_no_graph(name, tensor))
        data = tensor._data
        seed = _implicit_seed(name, data) if seed is None else _given_seed(name, seed, data, create_graph)
        found.append(new_tensor(seed) if create_graph and not isinstance(seed, Handle) else seed)
    return found


def _implicit_seed(name: str, data: Any) -> Any:
    """The gradient to start from where none is given: 1, of one real number."""
    if data.size != 1:
        how = "grad_outputs" if name == "grad" else ".backward(gradient)"
        raise GradientError(
            f"{name}: the tensor has shape {data.shape}, not one element; reduce it first with .sum() or .mean(), or "
            f"give the gradient to start from: {how} with shape {data.shape}"
        )
    if data.dtype.kind == "c":
        raise GradientError(
            f"{name}: a gradient can be created implicitly only for real outputs, this one is {data.dtype}; take .real "
            "or .abs(), or give the gradient"
        )
    return ones(data)


def _given_seed(name: str, seed: Any, data: Any, create_graph: bool) -> Any:
    """A gradient that the user gave, as an array in the dtype of ``data``; with ``create_graph`` a Tensor stays one."""
    array = seed._data if isinstance(seed, Handle) else as_array(seed)
    if array.dtype.kind not in "biufcV":
        raise TypeError(f"{name}: the gradient must be a Tensor, an array or a number, got {seed!r}")
    if array.shape != data.shape:
        raise ShapeError(f"{name}: the gradient has shape {array.shape}, but the tensor has shape {data.shape}")
    if array.dtype.kind == "c" != data.dtype.kind:
        raise DtypeError(f"{name}: the gradient is {array.dtype}, but the tensor is {data.dtype}; take its .real")
    if create_graph and isinstance(seed, Handle):
        return seed if array.dtype == data.dtype else seed.to(data.dtype)  # type: ignore[attr-defined]
    return array if array.dtype == data.dtype else array.astype(data.dtype)


def _why_no_graph(name: str, tensor: Handle) -> str:
    """Why a tensor has nothing to backpropagate through."""
    text = f"{name}: the tensor of shape {tensor._data.shape} does not require grad"
    if tensor._data.dtype.kind not in "fcV":
        return (
            f"{text}: its dtype is {tensor._data.dtype}, and only floating and complex numbers have gradients. "
            "Was it cast, compared or made by argmax?"
        )
    if not local.grad:
        return f"{text}: nothing is recorded here, inside autograd.no_grad() or inference_mode()"
    return (
        f"{text}. One of these is the reason: no leaf that it was computed from has requires_grad=True; it was "
        "computed under autograd.no_grad(); or everything on the way to it passed .detach(), .numpy(), .item() or an "
        "integer dtype"
    )


def _target(name: str, i: int, tensor: Any) -> Any:
    if not isinstance(tensor, Handle):
        raise TypeError(f"{name}: input {i} must be a Tensor, got {type(tensor).__name__}")
    node = node_of(tensor)
    if node is None:
        raise GradientError(
            f"{name}: input {i} (Tensor of shape {tensor._data.shape}) does not require grad; set requires_grad=True "
            "before computing with it"
        )
    return node


def grad(
    outputs: Any,
    inputs: Any = None,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
    *,
    argnum: Any = 0,
    has_aux: bool = False,
) -> Any:
    """The gradients of ``outputs`` with respect to ``inputs``, without touching any ``.grad``; or of a function.

    Args:
        outputs: a Tensor or several. A function stands for ``autograd.func.grad(outputs, inputs or argnum, has_aux)``:
            the result is the function that computes its gradient, as in HIPS autograd.
        inputs: a Tensor or several, or a dict of them, leaves or not: ``model.parameters()``, say.
        grad_outputs: the gradients to start from; needed for outputs that are not scalars.
        retain_graph, create_graph: as for ``backward``.
        only_inputs: ignored, as in PyTorch, where it is a remainder of the past.
        allow_unused: return None for an input that the outputs do not depend on, instead of raising
            (default: ``materialize_grads``).
        is_grads_batched: each of ``grad_outputs`` is a batch of gradients along its first dimension; the results are
            batches of gradients then, computed at once.
        materialize_grads: return zeros for such an input.
        argnum, has_aux: only for a function; ``argnum`` may also be given in the place of ``inputs``.

    Returns:
        A tuple with a gradient for each input; a dict of them if ``inputs`` is one.

    Raises:
        GradientError: an input is unused, or as for ``backward``.

    >>> import autograd
    >>> x = autograd.tensor(3.0, requires_grad=True)
    >>> (dy,) = autograd.grad(x**2, x, create_graph=True)
    >>> autograd.grad(dy, x)
    (tensor(2.),)
    >>> autograd.grad(lambda x: x**2)(3.0)
    np.float64(6.0)
    """
    if callable(outputs) and not isinstance(outputs, Handle):
        return import_module(".func", __package__).grad(outputs, argnum if inputs is None else inputs, has_aux)
    if inputs is None:
        raise TypeError("grad: expected inputs, the Tensors to differentiate with respect to: grad(outputs, inputs)")
    if materialize_grads and allow_unused is False:
        raise ArgumentError(
            "grad: materialize_grads=True gives zeros for unused inputs, so allow_unused cannot be False"
        )
    if isinstance(inputs, dict):
        options = (retain_graph, create_graph, only_inputs, allow_unused, is_grads_batched, materialize_grads)
        return dict(zip(inputs, grad(outputs, tuple(inputs.values()), grad_outputs, *options), strict=True))
    if create_graph and not local.grad:
        options = (retain_graph, create_graph, only_inputs, allow_unused, is_grads_batched, materialize_grads)
        with Mode(grad=True):
            return grad(outputs, inputs, grad_outputs, *options)
    outputs, inputs = _tuple(outputs), _tuple(inputs)
    if not inputs:
        raise GradientError("grad: inputs is empty; name at least one Tensor to differentiate with respect to")
    if is_grads_batched:

        def one(*seeds: Any) -> Any:
            return grad(
                outputs, inputs, seeds, retain_graph, create_graph, True, allow_unused, False, materialize_grads
            )

        return import_module(".func", __package__).vmap(one)(*_tuple(grad_outputs))
    seeds = _seeds("grad", outputs, grad_outputs, create_graph)
    for i, tensor in enumerate(inputs):
        _target("grad", i, tensor)
    retain = create_graph if retain_graph is None else retain_graph
    unused = "zeros" if materialize_grads else "none" if allow_unused else "error"
    return tuple(gradients(list(map(node_of, outputs)), seeds, inputs, retain, create_graph, unused))


def gradients(
    roots: list[Any],
    seeds: list[Any],
    inputs: Sequence[Any],
    retain: bool = False,
    create_graph: bool = False,
    unused: str = "zeros",
    order: list[Any] | None = None,
) -> list[Any]:
    """The gradients of what the nodes ``roots`` made with respect to ``inputs``: Tensors that share no memory.

    Args:
        roots, seeds: as for ``sweep``.
        inputs: the Tensors to differentiate with respect to; they require grad.
        retain, create_graph: as for ``sweep``.
        unused: what an input gets that nothing depends on: "zeros", "none", or an "error".
        order: as for ``sweep``.
    """
    nodes = list(map(node_of, inputs))
    kept: list[tuple[Any, Any]] = []
    found = sweep(roots, seeds, targets=nodes, retain=retain, create_graph=create_graph, order=order, kept=kept)
    _run_leaf_hooks(found, create_graph, kept)
    held: set[int] = {id(unwrap(seed)) for seed in seeds}
    results: list[Any] = []
    for i, (node, tensor) in enumerate(zip(nodes, inputs, strict=True)):
        g = found[node]
        if g is None:
            if unused == "zeros":
                results.append(_zeros_of(tensor, create_graph))
                continue
            if unused == "error":
                raise GradientError(
                    f"grad: the outputs do not depend on input {i} (shape {tensor._data.shape}), so it has no "
                    "gradient; pass allow_unused=True to get None for it, or materialize_grads=True to get zeros"
                )
        if isinstance(g, Handle) and (g._view is not None or type(g._node) is Leaf or id(g._data) in held):
            g = g.clone()  # type: ignore[attr-defined]
        if isinstance(g, (np.ndarray, ForeignArray)) and (
            g.base is not None or id(g) in held or getrefcount(g) > ALONE + 1
        ):
            g = g.copy()
        held.add(id(unwrap(g)))
        results.append(g if g is None or isinstance(g, Handle) else new_tensor(g))
    _keep(kept)
    return results


def _zeros_of(tensor: Handle, requires_grad: bool) -> Handle:
    """The gradient of an input that is not used: it can be differentiated again, as any other."""
    g = new_tensor(np.zeros(tensor._data.shape, tensor._data.dtype))
    if requires_grad:
        g._node = Leaf(g)
    return g
