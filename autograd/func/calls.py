"""One call of a function on Tensors of the transform's own: the ground on which all transforms stand.

A transform does not differentiate with respect to the values that it is given, but with respect to fresh Tensors around
them, made for one call. That is what makes transforms nest: an outer one's Tensors are ancestors of an inner one's,
never the same.

Where a Tensor was given, the function sees a Tensor; where an array or a number was, an ``ArrayBox``, which is like an
array; and so is what a transform returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .. import _gradients
from .._operands import unwrap
from ..boxes import ArrayBox, boxed
from ..engine.failures import describe
from ..engine.modes import AS_IT_IS, Mode, local
from ..engine.nodes import RUNNING, Handle, Leaf, new_tensor, next_rank
from ..engine.order import collect, collect_to
from ..engine.views import node_of
from ..errors import DtypeError, GradientError, ShapeError
from ..ops.casting import clone
from .captured import let_go
from .pytrees import ONE, Spec, flatten, unflatten

__all__ = ["Call", "chosen", "filled", "lifted", "name_of", "replaced", "titled"]


def name_of(func: Any) -> str:
    """What a function is called in messages."""
    return getattr(func, "__name__", type(func).__name__)


def check_function(name: str, given: Any) -> None:
    """Raise TypeError for what a transform was given to transform, and is no function."""
    if not callable(given):
        raise TypeError(f"{name}: expected a function to transform, got {type(given).__name__} {describe(given)}")


def titled(function: Any, name: str, of: Any) -> Any:
    """``function``, named as a transform of another.

    Raises: TypeError if ``of`` is no function.
    """
    check_function(name, of)
    function.__name__ = f"{name}_of_{name_of(of)}"
    function.__doc__ = f"{name} of {name_of(of)}."
    function.__wrapped__ = of
    return function


def lifted(value: Any, kind: type[Handle] | None, running: list[bool]) -> Any:
    """A Tensor of one call alone around an array, and of what class; ``running`` is empty once that call is over."""
    made = new_tensor(value)
    if kind is not None:
        made.__class__ = kind
    made._node = leaf = Leaf(made)
    leaf.note = {RUNNING: running}
    return made


class Call:
    """A call of ``func`` in which some arguments are replaced by Tensors to differentiate with respect to.

    Args:
        name: of the transform, for messages.
        func: the function.
        tree: the pytree to differentiate with respect to: Tensors, arrays and numbers.
        keeps: whether the graph outlives the transform, so that it must own its arrays: nobody notices writes to these,
            as to Tensors.

    Attributes:
        tree: the same tree of the Tensors made for this call.
        inputs: these, one by one.
        targets: their places in the graph.
        arrays: whether all were arrays or numbers, so that results are to be arrays too.
    """

    def __init__(self, name: str, func: Callable[..., Any], tree: Any, keeps: bool = False) -> None:
        check_function(name, func)
        self.name = name
        self.func = func
        self._keeps = keeps
        self._since = next_rank()  # of nodes that are made from now on
        given, self.spec = flatten(tree)
        if tree is None:
            raise GradientError(f"{name}: there is nothing to differentiate {name_of(func)} with respect to: got None")
        self._recording = local.grad
        self._nested = False
        self._running = [True]
        self.inputs: list[Any] = []
        self.targets: list[Any] = []
        self.arrays = given != []
        for value in given:
            tensor = self._lift(value)
            self.inputs.append(tensor)
            self.targets.append(tensor._node)
            if type(tensor) is not ArrayBox:
                self.arrays = False
        self.tree = unflatten(self.inputs, self.spec)
        self._order: list[Any] | None = None  # of the sweep, once it is known

    def _lift(self, value: Any) -> Any:
        """A Tensor of this call alone with the value of one that was given, or of an array or number."""
        if type(value) is np.ndarray:
            kind: Any = ArrayBox
            made = new_tensor(value.copy() if self._keeps else value)
        elif isinstance(value, Handle):
            kind = ArrayBox if isinstance(value, ArrayBox) else None
            if self._recording and node_of(value) is not None:
                self._nested = True
                with self.mode():
                    made = clone(value)
            else:
                made = new_tensor(value._data)
        elif hasattr(value, "dtype") and hasattr(value, "shape"):
            kind, made = ArrayBox, new_tensor(value.copy() if self._keeps else value)
        elif isinstance(value, (float, complex)):
            kind, made = ArrayBox, new_tensor(np.positive(value))  # which a number that is recorded is asked about
        else:
            raise DtypeError(
                f"{self.name}: expected floats, arrays or Tensors of floats to differentiate {name_of(self.func)} with "
                f"respect to, got {type(value).__name__} {value!r}"
                + (f"; write {float(value)}" if isinstance(value, int) and not isinstance(value, bool) else "")
            )
        if made._data.dtype.kind not in "fcV":
            raise DtypeError(
                f"{self.name}: cannot differentiate {name_of(self.func)} with respect to an array of "
                f"{made._data.dtype}: only floating and complex numbers have derivatives; convert it, for instance to "
                f"float32 (leaf {len(self.inputs)})"
            )
        if kind is not None:
            made.__class__ = kind
        if made._node is None:
            made._node = Leaf(made)
            made._node.note = {RUNNING: self._running}
        return made

    @classmethod
    def around(
        cls, name: str, func: Callable[..., Any], tensor: Any, keeps: bool, since: int, spec: Spec = ONE
    ) -> Call:
        """The call of a function of one Tensor, array or number, made since, of which ``lifted`` made ``tensor``."""
        call = cls(name, func, (), keeps)
        call._since = since
        call.tree, call.spec, call.inputs, call.targets = (tensor,), spec, [tensor], [tensor._node]
        call.arrays = type(tensor) is ArrayBox
        return call

    def mode(self) -> Any:
        """The mode in which the function and its backward run: recording, even inside ``no_grad``."""
        return AS_IT_IS if local.grad else Mode(grad=True)

    def run(self, args: Sequence[Any], kwargs: dict[str, Any], has_aux: bool = False) -> tuple[Any, Any]:
        """The function's result and, of a function that returns a pair, the second.

        Raises:
            TypeError: ``has_aux``, and it returns no pair.
        """
        before, local.entered = local.entered, []
        result = None
        try:
            if local.grad:
                result = self.func(*args, **kwargs)
            else:
                with self.mode():
                    result = self.func(*args, **kwargs)
        finally:
            self._running.clear()
            entered, local.entered = local.entered, before
            if entered:
                result = let_go(entered, self._since, result)
        if not has_aux:
            return result, None
        if not isinstance(result, tuple) or len(result) != 2:
            raise GradientError(
                f"{self.name}: with has_aux=True {name_of(self.func)} must return a pair (output, aux), "
                f"got {_kind(result)}"
            )
        return result

    def outputs(self, result: Any) -> tuple[list[Any], Spec]:
        """A result's Tensors and its structure; numbers and arrays in it count as constants.

        Raises:
            GradientError: something else is among them.
        """
        leaves, spec = ([result], ONE) if result is None else flatten(result)
        return [leaf if isinstance(leaf, Handle) else self._output(leaf) for leaf in leaves], spec

    def _output(self, value: Any) -> Any:
        if isinstance(value, Handle):
            return value
        if isinstance(value, (bool, int, float, complex)):
            value = np.asarray(value)
        if not (hasattr(value, "dtype") and hasattr(value, "shape")):
            raise GradientError(
                f"{self.name}: expected {name_of(self.func)} to return Tensors, arrays or numbers, got {_kind(value)}"
                + (": does it lack a return statement?" if value is None else "")
            )
        return new_tensor(value)

    def scalar(self, result: Any) -> Any:
        """A result that must be one real number, as a Tensor.

        Raises:
            GradientError: it is anything else.
        """
        if isinstance(result, (tuple, list, dict)):
            hint = "; to return more beside it use has_aux=True" if isinstance(result, tuple) else ""
            raise GradientError(
                f"{self.name}: expected {name_of(self.func)} to return one number, got {_kind(result)}{hint}"
            )
        out = self._output(result)
        if out._data.size != 1:
            raise GradientError(
                f"{self.name}: expected {name_of(self.func)} to return one number, got shape {out._data.shape}: reduce "
                "it with sum or mean, or use jacobian, vjp, or elementwise_grad"
            )
        if out._data.dtype.kind == "c":
            raise GradientError(
                f"{self.name}: expected {name_of(self.func)} to return a real number, got {out._data.dtype}: take its "
                "real part or absolute value, or use holomorphic_grad"
            )
        return out

    # ---- gradients ---------------------------------------------------------------------------------------------------

    def linked(self, outputs: Iterable[Any]) -> bool:
        """Whether gradients must be recorded: something outside of the call could be differentiated through them."""
        if not self._recording:
            return False
        if self._nested:
            return True
        roots = [node for out in outputs if (node := node_of(out)) is not None]
        self._order = collect(roots, self._since)
        inside = set(self.targets)
        for nodes in (roots, *[node.parents for node in self._order]):
            for node in nodes:
                if node is not None and node not in inside and self._is_outside(node):
                    return True
        return False

    def _is_outside(self, node: Any) -> bool:
        """Whether a node was there before the call, or is a leaf that one can still differentiate with respect to."""
        if type(node) is Leaf:
            return node.note is None or bool(node.note.get(RUNNING, True))
        return bool(node.rank < self._since)

    def order(self, places: Iterable[Any]) -> list[Any]:
        """The graph that leads from the inputs to these places, newest first."""
        if self._order is None:
            self._order = collect_to([place for place in places if place is not None], set(self.targets))
        return self._order

    def records(self, seeds: Iterable[Any], linked: bool) -> bool:
        """Whether a pull with these seeds, perhaps long after the call, must be recorded."""
        if not local.grad:
            return False
        return linked or [seed for seed in seeds if node_of(seed) is not None] != []

    def gradient(self, out: Any, linked: bool) -> Any:
        """The gradient of one number, as the caller gets it."""
        root = node_of(out)
        if linked or root is None or not self.inputs:
            return self.gradients(self.pull([out], [new_tensor(np.ones_like(out._data))], linked), linked)
        with self.mode():
            found = _gradients.gradients([root], [_gradients.ones(out._data)], self.inputs, order=self._order)
        return self.gradients(found, linked)

    def pull(self, outputs: Sequence[Any], seeds: Sequence[Any], record: bool, retain: bool | None = None) -> list[Any]:
        """The gradients, as Tensors, of the outputs weighted by ``seeds``, with respect to each input."""
        live = [(out, seed) for out, seed in zip(outputs, seeds, strict=True) if node_of(out) is not None]
        if not live or not self.inputs:
            return [new_tensor(np.zeros_like(tensor._data)) for tensor in self.inputs]
        with self.mode():
            found = _gradients.grad(
                [out for out, _ in live],
                self.inputs,
                [seed for _, seed in live],
                retain_graph=retain,
                create_graph=record,
                allow_unused=True,
            )
        return filled(found, self.inputs)

    def release(self, value: Any, linked: bool) -> Any:
        """A Tensor of the call as the caller gets it: as array if the inputs were arrays, connected only if linked."""
        if linked and node_of(value) is not None:
            if any(value is tensor for tensor in self.inputs):
                value = clone(value)
        elif value._node is not None:
            value = new_tensor(value._data)
        if self.arrays:
            result = boxed(value)
            return result.copy() if self._keeps and result is value._data else result
        return new_tensor(value._data, node_of(value)) if type(value) is ArrayBox else value

    def release_moves(self, moves: Sequence[Any], spec: Spec, record: bool) -> Any:
        """Directions of outputs, in memory of their own, in the structure of these, as the caller gets them."""
        if self.arrays and not record:
            return unflatten([move._data for move in moves], spec)
        return unflatten([self.release(move, record) for move in moves], spec)

    def release_tree(self, tree: Any, linked: bool | None = None) -> Any:
        """The tree with its Tensors released; the rest as it is."""
        if linked is not None and isinstance(tree, Handle):
            return self.release(tree, linked)
        leaves, spec = flatten(tree)
        if linked is None:
            linked = self.linked([leaf for leaf in leaves if isinstance(leaf, Handle)])
        return unflatten([self.release(leaf, linked) if isinstance(leaf, Handle) else leaf for leaf in leaves], spec)

    def conjugated(self, value: Any) -> Any:
        """A complex seed or gradient in the convention of its user: PyTorch's of Tensors, NumPy's users' of arrays."""
        return value.conj() if self.arrays and value._data.dtype.kind == "c" else value

    def gradients(self, found: Sequence[Any], linked: bool) -> Any:
        """Gradients in the structure of what is differentiated with respect to, as the caller gets them."""
        if self.arrays and not linked:
            return unflatten([np.conj(g._data) if g._data.dtype.kind == "c" else g._data for g in found], self.spec)
        return unflatten([self.release(self.conjugated(g), linked) for g in found], self.spec)

    def weights(self, given: Any, outputs: Sequence[Any], spec: Spec, what: str, of: str) -> list[Any]:
        """A tree of weights of ``outputs`` as Tensors like them, to start a pull from; None stands for one.

        Raises:
            GradientError, ShapeError: it has another structure, or other shapes; or there is none for many numbers.
        """
        if given is None:
            if len(outputs) != 1 or outputs[0]._data.size != 1:
                raise GradientError(f"{self.name}: {what} may be left out only where {of} are a single number")
            return [new_tensor(np.ones_like(outputs[0]._data))]
        return [self.conjugated(tensor) for tensor in self.directions(given, outputs, spec, what, of)]

    def directions(self, given: Any, values: Sequence[Any], spec: Spec, what: str, of: str) -> list[Any]:
        """A tree of directions as Tensors like ``values``.

        Raises:
            GradientError, ShapeError: it has another structure, or other shapes.
            DtypeError: it has complex numbers where there are real ones, or no numbers.
        """
        leaves, found = flatten(given)
        if found is not spec and found != spec:
            raise GradientError(f"{self.name}: expected {what} of the structure of {of}, {spec}, got {found}")
        directions = []
        for i, (leaf, value) in enumerate(zip(leaves, values, strict=True)):
            tensor: Any = leaf
            if type(leaf) is np.ndarray:
                tensor = new_tensor(leaf)
            elif not isinstance(leaf, Handle):
                tensor = new_tensor(leaf if hasattr(leaf, "dtype") else np.asarray(leaf))
            if tensor._data.shape != value._data.shape:
                raise ShapeError(
                    f"{self.name}: expected {what} of the shapes of {of}, {value._data.shape}, "
                    f"got {tensor._data.shape} (leaf {i})"
                )
            if tensor._data.dtype != value._data.dtype:
                kind = tensor._data.dtype.kind
                if kind not in "biufcV" or (kind == "c" and value._data.dtype.kind != "c"):
                    raise DtypeError(
                        f"{self.name}: expected {what} of the dtypes of {of}, {value._data.dtype}, got "
                        f"{tensor._data.dtype} (leaf {i})" + ("; take its .real" if kind == "c" else "")
                    )
                tensor = tensor.astype(value._data.dtype)
            directions.append(tensor)
        return directions


def filled(gradients: Sequence[Any], inputs: Sequence[Any]) -> list[Any]:
    """Gradients with zeros in place of those that are missing: constants, which require no grad."""
    pairs = zip(gradients, inputs, strict=True)
    return [new_tensor(np.zeros_like(tensor._data)) if found is None else found for found, tensor in pairs]


def _kind(value: Any) -> str:
    data = unwrap(value)
    return describe(data) if hasattr(data, "dtype") else type(value).__name__


def chosen(name: str, func: Any, args: tuple[Any, ...], argnums: Any) -> Any:
    """The arguments to differentiate with respect to: one, or a tuple of them if ``argnums`` is a tuple.

    Raises:
        GradientError: there is no such argument, or one is named twice.
    """
    if isinstance(argnums, (tuple, list)):
        places = [_place(name, func, args, number) for number in argnums]
        if len(set(places)) != len(places) or not places:
            raise GradientError(f"{name}: expected different argument numbers, got argnums={argnums}")
        return tuple([args[place] for place in places])
    return args[_place(name, func, args, argnums)]


def _place(name: str, func: Any, args: tuple[Any, ...], number: Any) -> int:
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"{name}: argnums is the number of an argument, or a tuple of them, got {number!r}")
    if not -len(args) <= number < len(args):
        raise GradientError(
            f"{name}: argument number {number} of {name_of(func)} is to be differentiated with respect to, "
            f"but it got {len(args)} positional arguments"
        )
    return number % len(args)


def replaced(args: tuple[Any, ...], argnums: Any, tree: Any) -> list[Any]:
    """The arguments with those of ``argnums`` replaced by ``tree``, which has them in ``chosen``'s form."""
    made = list(args)
    if isinstance(argnums, (tuple, list)):
        for number, value in zip(argnums, tree, strict=True):
            made[number] = value
    else:
        made[argnums] = tree
    return made
