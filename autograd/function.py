"""``Function``: an operation written by the user as a pair of functions on Tensors, in PyTorch's form.

``autograd.op`` is shorter, and gives second derivatives, compilation and tests as well; Function is for operations that
are not NumPy expressions, and for programs that come from PyTorch.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import numpy as np

from ._function_context import FunctionCtx
from .boxes import ArrayBox, boxed
from .engine.foreign import like_of
from .engine.modes import Mode, local
from .engine.mutation import clock, mutated_since
from .engine.nodes import Handle, Leaf, Node, NodeOp, Packed, Pick, array_of, make_node, new_tensor
from .engine.sweep import add, conform
from .engine.views import View, check_writable, node_of, rebase, shares_memory
from .errors import GradientError, MutationError, RuleError

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


def _argument_names(function: type[Function], count: int) -> tuple[str, ...]:
    """What the forward of a Function calls the arguments that it was given, without ctx."""
    parameters = list(inspect.signature(function.forward).parameters.values())
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "args")
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if function.setup_context is Function.setup_context:
        names = names[1:]
    return (*names[:count], *[f"{rest}[{i}]" for i in range(count - len(names))])


class _FunctionOp(NodeOp):
    """What a Function is to the engine."""

    elaborate = True
    always_revive = True

    def __init__(
        self, function: type[Function], takes: int, count: int | None, fills_absent: bool, saves_arrays: bool
    ) -> None:
        self.function = function
        self.call = function.apply
        self.saves_arrays = saves_arrays
        self.name = function.__name__
        self.outputs = None if count is None else "many"
        self.fills_absent = fills_absent
        self.inputs = self.params = _argument_names(function, takes)
        if function.jvp is not Function.jvp:
            self.push, self.has_jvp = self._push, True

    def revive(self, node: Node, create_graph: bool) -> Any:
        return node.saved, create_graph

    def saved_arrays(self, node: Node) -> Iterator[tuple[str, Any]]:
        ctx = node.saved
        for arrays in (ctx._arrays, ctx._forward[0]):
            for i, array in enumerate(() if isinstance(arrays, Packed) else arrays):
                if array is not None:
                    yield f"saved_tensors[{i}]", array

    def backward(self, node: Node, g: Any, saved: Any, parents: tuple[Any, ...], grads: dict[Any, Any]) -> None:
        ctx, create_graph = saved
        parts = [g] if self.outputs is None else g
        given = [
            None if part is None else _as_tensor(np.conj(part) if part.dtype.kind == "c" else part) for part in parts
        ]
        for i in ctx._whole if self.outputs is not None and self.fills_absent else ():
            given[i] = new_tensor(np.zeros(node.shape[i], node.dtype[i]))
        ctx._node, before = node, clock.now
        try:
            with Mode(grad=create_graph):
                returned = _backward_of(self.function)(ctx, *given)
        finally:
            ctx._node = ctx._unpacked = None
        if clock.now != before:
            self._require_unchanged(given, before)
        returned = returned if isinstance(returned, tuple) else (returned,)
        if len(returned) > len(parents) and all(extra is None for extra in returned[len(parents) :]):
            returned = returned[: len(parents)]
        if len(returned) != len(parents):
            raise RuleError(
                f"{self.name}.backward returned {len(returned)} gradients, but forward took {len(parents)} arguments; "
                "return one for each, None for those without"
            )
        for i, (d, parent) in enumerate(zip(returned, parents, strict=True)):
            if parent is not None and d is not None:
                d = self._derivative(d, i, create_graph)
                add(grads, parent, conform(d, parent, self))

    def _require_unchanged(self, given: Sequence[Any], before: int) -> None:
        """Raise if ``backward`` wrote into a gradient that it was given: other inputs may have been given it, too."""
        for i, g in enumerate(given):
            if g is not None and mutated_since(g._data, before) is not None:
                raise MutationError(
                    f"{self.name}.backward wrote into gradient {i} that it was given (shape {g.shape}), which others "
                    "may have as well; .clone() it first, or write out of place (g = g * 2 instead of g *= 2)"
                )

    def _push(self, node: Node, saved: Any, parents: Any, tangents: dict[Any, Any], record: bool) -> Any:
        ctx = node.saved
        moving = [tangents.get(parent) for parent in parents]
        if all(t is None for t in moving):
            return None
        like = like_of(moving)
        given = [_tangent(t, i, ctx, like) for i, t in enumerate(moving)]
        ctx._node, ctx._pushing = node, True
        try:
            with Mode(grad=record):
                returned = self.function.jvp(ctx, *given)
        finally:
            ctx._node, ctx._pushing = None, False
        returned = returned if isinstance(returned, tuple) else (returned,)
        places = [node] if self.outputs is None else [Pick(node, i) for i in range(len(node.shape))]
        if len(returned) != len(places):
            raise RuleError(
                f"{self.name}.jvp returned {len(returned)} tangents, but forward returned {len(places)} outputs; "
                "return one for each, None for those without derivative"
            )
        found = [
            self._moved(t, i, place, ctx._live[i]) for i, (t, place) in enumerate(zip(returned, places, strict=True))
        ]
        found = [t if t is None or record else t._data for t in found]
        return found[0] if self.outputs is None else found

    def _moved(self, t: Any, i: int, place: Any, live: bool) -> Any:
        """What ``jvp`` returned for an output, in its dtype; None if that has no derivative."""
        if not live:
            if t is not None:
                raise RuleError(
                    f"{self.name}.jvp returned a tangent for output {i}, which has no derivative; return None there"
                )
            return None
        of = f"as the tangent of output {i}, of shape {place.shape} and {place.dtype}"
        if not isinstance(t, Handle):
            got = "None" if t is None else type(t).__name__
            raise RuleError(f"{self.name}.jvp returned {got} {of}; expected a Tensor (zeros if it does not move)")
        tensor: Any = t
        if tensor.shape != place.shape:
            raise RuleError(f"{self.name}.jvp returned a Tensor of shape {tensor.shape} {of}; expected the same shape")
        if tensor.dtype.kind not in ("fcV" if place.dtype.kind == "c" else "fV"):
            raise RuleError(f"{self.name}.jvp returned a Tensor of {tensor.dtype} {of}; expected the same dtype")
        return tensor if tensor.dtype == place.dtype else tensor.astype(place.dtype)

    def _derivative(self, d: Any, i: int, create_graph: bool) -> Any:
        if not isinstance(d, Handle):
            raise RuleError(
                f"{self.name}.backward returned {type(d).__name__} as gradient {i}; expected a Tensor or None"
            )
        d = d if create_graph else d._data
        return np.conj(d) if d.dtype.kind == "c" else d


def _movable(value: Any) -> tuple[Any, Any] | None:
    """The shape and dtype of a Tensor that can be differentiated, or with respect to which one can; else None."""
    if not isinstance(value, Handle) or value._data.dtype.kind not in "fcV":
        return None
    return value._data.shape, value._data.dtype


def _tangent(t: Any, i: int, ctx: FunctionCtx, like: Any) -> Any:
    """The tangent of argument ``i`` as ``jvp`` gets it: one of its own if it may overwrite it."""
    if ctx._inputs[i] is None:
        return None
    shape, dtype, dirty = ctx._inputs[i]
    if t is None:
        return new_tensor(np.zeros(shape, dtype, like=like)) if ctx._materialize else None
    tensor: Any = new_tensor(t._data, node_of(t)) if isinstance(t, Handle) else new_tensor(t)
    return tensor.clone() if dirty else tensor


def _backward_of(function: type[Function]) -> Callable[..., Any]:
    """The backward of a Function, under one of its two names."""
    if function.vjp is Function.vjp:
        return function.backward
    if function.backward is not Function.backward:
        raise GradientError(
            f"{function.__name__} defines both backward and vjp, which are two names for one; keep one of them"
        )
    return function.vjp


def _as_tensor(value: Any) -> Any:
    return value if isinstance(value, Handle) else new_tensor(value)


class Function:
    """Base of operations written by the user.

    Subclasses define two static methods: ``forward(ctx, *args)`` (or ``forward(*args)`` with
    ``setup_context(ctx, inputs, output)``), and ``backward(ctx, *grad_outputs)``, which returns a gradient or None for
    each argument of forward. Call it with ``apply``. Gradients of complex outputs are in PyTorch's convention.

    A third, ``jvp(ctx, *tangents)``, is called in forward mode (``func.jvp``, ``linearize``, ``jacfwd``). It is given a
    tangent for each argument of forward, the direction in which that moves, and returns one for each output, of its
    shape. Without it, backward is transposed.

    >>> from autograd import Function, tensor
    >>> class Square(Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return 2 * x * g
    >>> x = tensor([3.0], requires_grad=True)
    >>> Square.apply(x).backward()
    >>> x.grad
    tensor([6.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        name = type(self).__name__
        raise TypeError(f"{name}: a Function is not instantiated; call it as {name}.apply(...)")

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the result; define it in the subclass."""
        raise TypeError("a Function needs a static method forward(ctx, ...)")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Save what backward needs, if forward takes no ctx."""

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Return the gradients of forward's arguments; define it in the subclass."""
        raise GradientError(
            "this Function defines no backward, so no gradient can pass through it; nor can a tangent, without a jvp"
        )

    @staticmethod
    def vjp(ctx: Any, *grad_outputs: Any) -> Any:
        """Another name for ``backward``: define one of the two."""
        raise GradientError("this Function defines no vjp")

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        """Return the tangents of forward's outputs; define it in the subclass, or let backward be transposed.

        Args:
            ctx: what forward got, with the Tensors of ``save_for_forward`` as ``saved_tensors``.
            tangents: one for each argument of forward: None for those that are no Tensors of floats; for Tensors that
                do not move zeros, or None with ``ctx.set_materialize_grads(False)``.

        Returns:
            A Tensor for each output (one, or a tuple), of its shape; None for outputs without derivative.
        """
        raise GradientError("this Function defines no jvp")

    generate_vmap_rule = False
    """In PyTorch: whether ``func.vmap`` maps the methods. Here it does so without being told; see ``vmap``."""

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
        """Compute the results of all examples inside of ``func.vmap``, where mapping forward would be slow, or cannot
        be done. It takes a ``setup_context``. Derivatives of each example are those of backward and jvp.

        Args:
            info: has the number of examples, ``batch_size``, and the map's ``randomness``.
            in_dims: along which dimension of each argument the examples lie; None for what is the same for all.
            args: those of forward, with all examples.

        Returns:
            ``(outputs, out_dims)``: those of forward with all examples, and along which dimension these lie.
        """
        raise GradientError("this Function defines no vmap")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Call the operation and record it.

        Arguments given by name are put in their places, and with them the defaults of those that are left out; where
        there is a ``setup_context``, which sees all inputs, also in a call without names.

        Returns:
            What forward returned: a Tensor, or a tuple.
        """
        if not any(type(arg) is ArrayBox for arg in (*args, *kwargs.values())):
            return _called(cls, args, kwargs)
        args = tuple([_unboxed(arg) for arg in args])
        return boxed(_called(cls, args, {name: _unboxed(arg) for name, arg in kwargs.items()}))


def _unboxed(value: Any) -> Any:
    """An array of a function that is differentiated as the Tensor that forward expects."""
    return new_tensor(value._data, node_of(value)) if type(value) is ArrayBox else value


def _called(cls: type[Function], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What ``apply`` does with Tensors."""
    if cls.forward is Function.forward:
        raise TypeError(f"{cls.__name__} needs a static method forward(ctx, ...)")
    sets_up = cls.setup_context is not Function.setup_context
    if kwargs or (sets_up and getattr(cls.forward, "__defaults__", None)):
        args, kwargs = _placed(cls, () if sets_up else (None,), args, kwargs)
    nodes = tuple([node_of(arg) if isinstance(arg, Handle) else None for arg in args])
    ctx = FunctionCtx()
    ctx.needs_input_grad = tuple([node is not None for node in nodes])
    mapped = bool(local.levels) and cls.vmap is not Function.vmap
    if mapped and not sets_up:
        raise RuleError(f"{cls.__name__} defines vmap, so it needs a setup_context, and a forward that takes no ctx")
    with Mode(grad=False):
        if sets_up:
            returned = local.levels[-1].own_rule(cls, args, kwargs) if mapped else cls.forward(*args, **kwargs)
            cls.setup_context(ctx, args, returned)
        else:
            returned = cls.forward(ctx, *args, **kwargs)
    several = isinstance(returned, (tuple, list))
    outputs = list(returned) if several else [returned]
    results = _results(cls, ctx, args, outputs)
    if any(nodes) and local.grad:
        _record(cls, ctx, args, nodes, outputs, results, several)
    return tuple(results) if several else results[0]


def _results(cls: type[Function], ctx: FunctionCtx, args: tuple[Any, ...], outputs: list[Any]) -> list[Any]:
    """What the caller gets for forward's outputs: Tensors of their own, save those that forward overwrote."""
    for tensor in ctx._dirty:
        if not any(out is tensor for out in outputs):
            raise GradientError(f"{cls.__name__}: forward marked an input dirty that it did not return; return it")
        check_writable(tensor, f"{cls.__name__} (which marked it dirty)")
    dirty = {id(tensor) for tensor in ctx._dirty}
    return [
        _separate(out, args, cls.__name__) if isinstance(out, Handle) and id(out) not in dirty else out
        for out in outputs
    ]


def _record(
    cls: type[Function],
    ctx: FunctionCtx,
    args: tuple[Any, ...],
    nodes: tuple[Any, ...],
    outputs: list[Any],
    results: list[Any],
    several: bool,
) -> None:
    """Make the node of a call, and put ``results``, the Tensors returned for ``outputs``, into the graph."""
    dirty = {id(tensor) for tensor in ctx._dirty}
    constant = {id(tensor) for tensor in ctx._constant}
    ctx._freeze({id(arg): arg for arg in args}, outputs)
    ctx._whole = tuple(
        [i for i, out in enumerate(outputs) if isinstance(out, Handle) and out._data.dtype.kind in "biu"]
    )
    if cls.jvp is not Function.jvp:
        ctx._inputs = tuple([(kind := _movable(arg)) and (*kind, id(arg) in dirty) for arg in args])
        ctx._live = tuple([_movable(out) is not None and id(out) not in constant for out in outputs])
    count = len(outputs) if several else None
    op = _FunctionOp(cls, len(args), count, ctx._materialize, bool(ctx._places or ctx._forward[1]))
    data = [out._data if isinstance(out, Handle) else np.asarray(0) for out in outputs]
    node = make_node(op, nodes, ctx, data if several else data[0])
    for observer in local.observers:
        observer.after_forward(op, args, data, node)
    for i, (out, result) in enumerate(zip(outputs, results, strict=True)):
        if id(out) in constant or _movable(result) is None:
            continue
        place = Pick(node, i) if several else node
        if id(out) in dirty:
            rebase(result, place, None)
        else:
            result._node = place
    if dirty:
        node.time = clock.now  # what was overwritten may be saved, as it is now


def _placed(
    function: type[Function], ctx: tuple[Any, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a forward in their places, and by name those that have none. Raises: GradientError."""
    bound = inspect.signature(function.forward).bind(*ctx, *args, **kwargs)
    bound.apply_defaults()
    for name, value in bound.kwargs.items():
        if isinstance(value, Handle) and node_of(value) is not None:
            raise GradientError(
                f"{function.__name__}: {name!r} can only be given by name, and backward returns gradients by place; "
                "let forward take it without the star"
            )
    return bound.args[len(ctx) :], bound.kwargs


def _separate(out: Any, args: tuple[Any, ...], name: str) -> Any:
    """A new Tensor for an output of forward; one that shares memory with an input must not be overwritten."""
    result = new_tensor(array_of(out))
    for arg in args:
        if isinstance(arg, Handle) and shares_memory(result._data, arg._data):
            obstacle = f"the forward of {name} returned an input, or a view of one, as its output"
            recorded = local.grad and node_of(arg) is not None
            result._view = View(arg, _Unrepeatable(obstacle, recorded), (), None, obstacle)
            break
    return result


class _Unrepeatable:
    """What stands for the operation by which a Function made a view: it cannot be repeated on the changed input."""

    def __init__(self, obstacle: str, recorded: bool) -> None:
        self.obstacle = obstacle
        self.recorded = recorded

    def kernel(self, base: Any) -> Any:
        if not self.recorded and isinstance(base, Handle) and type(base._node) is Leaf:
            return new_tensor(base._data)  # which was a constant in the call: it requires grad now, and holds the same
        raise MutationError(f"{self.obstacle}, and that input was overwritten since: return a .clone() in forward")


class _NotTwice(NodeOp):
    """The op of a gradient that came from a ``once_differentiable`` backward."""

    name = "once_differentiable"

    def backward(self, node: Node, g: Any, saved: Any, parents: Any, grads: Any) -> NoReturn:
        raise GradientError(
            "differentiating twice through a Function whose backward is marked @once_differentiable; remove the mark "
            "and write backward with differentiable operations"
        )


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a Function's backward as not differentiable itself: a second derivative through it raises GradientError."""

    @functools.wraps(backward)
    def once(ctx: Any, *grads: Any) -> Any:
        with Mode(grad=False):
            returned = backward(ctx, *grads)
        if not local.grad:
            return returned
        # The inputs of forward too: second derivatives that do not come through ``grads`` would be missing otherwise.
        parents = (*[node_of(g) for g in grads if isinstance(g, Handle)], *ctx._node.parents)
        several = isinstance(returned, tuple)
        marked = [
            new_tensor(d._data, make_node(_NotTwice(), parents, (), d._data)) if isinstance(d, Handle) else d
            for d in (returned if several else (returned,))
        ]
        return tuple(marked) if several else marked[0]

    return once
