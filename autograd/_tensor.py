"""The Tensor: a light handle on an array and its place in the graph."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np

from . import _gradients, construction, devices, formatting, interchange
from ._array_methods import ArrayMethods
from ._pointwise_methods import PointwiseMethods
from ._protocols import array_function, array_ufunc
from ._tensor_hooks import gradient_hook, hooks_of, rest, retain_hook, waken
from ._writing import hand_out
from .engine.callsite import warn
from .engine.failures import picked
from .engine.foreign import bare
from .engine.hooks import RemovableHandle, add_hook, keeps_gradient
from .engine.nodes import Handle, Leaf, array_of, new_tensor
from .engine.views import leave_graph, node_of
from .errors import DtypeError, GradientError, ShapeError
from .ops import indexing

__all__ = ["Tensor"]

_CPU = devices.device()


class Tensor(PointwiseMethods, ArrayMethods, Handle):
    """An array that records what is computed from it.

    Args:
        data: numbers, nested lists, an array (shared, not copied; see ``autograd.tensor`` for a copy) or a Tensor.
        requires_grad: record the operations on this Tensor, so that ``backward`` gives it a ``.grad``.
        dtype: of the elements. By default an array keeps its own, Python floats become the default dtype (float32).

    Raises:
        DtypeError: ``requires_grad`` with an integer or bool dtype, or data that is not an array of numbers.

    >>> from autograd import tensor
    >>> w = tensor([1.0, -2.0], requires_grad=True)
    >>> loss = (w * w).sum()
    >>> loss.backward()
    >>> w.grad
    tensor([ 2., -4.])
    """

    __slots__ = ()
    __array_priority__ = 1000
    __hash__ = object.__hash__

    def __init__(self, data: Any, requires_grad: bool = False, dtype: Any = None) -> None:
        self._data = construction.to_array(data, dtype)
        self._node = self._grad = self._view = None
        if requires_grad:
            if type(requires_grad) is int:
                raise TypeError(
                    f"Tensor({data!r}, {requires_grad}): the second argument is requires_grad; for a Tensor of this "
                    f"shape use autograd.empty({data!r}, {requires_grad}), or zeros"
                )
            self.requires_grad_(requires_grad)

    # ---- what it is ------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the dimensions."""
        return self._data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the elements."""
        return self._data.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim

    @property
    def device(self) -> devices.device:
        """Where the elements lie: always the CPU."""
        return _CPU

    is_cpu = True
    is_cuda = is_xpu = is_mps = is_meta = is_sparse = is_quantized = False  # there are no such devices and layouts here

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self._data.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self._data.nbytes

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        try:
            return self._data.shape if dim is None else self._data.shape[dim]
        except (IndexError, TypeError):
            return picked("size", self.shape, dim)  # which says why not

    def dim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim

    ndimension = dim

    def numel(self) -> int:
        """The number of elements."""
        return int(self._data.size)

    nelement = numel

    def element_size(self) -> int:
        """Bytes of one element."""
        return self._data.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """The steps between neighbours along each dimension, in elements."""
        strides = tuple(step // self._data.itemsize for step in self._data.strides)
        return strides if dim is None else picked("stride", strides, dim)

    def data_ptr(self) -> int:
        """The address of the first element."""
        return int(np.asarray(self._data).ctypes.data)

    def is_floating_point(self) -> bool:
        """Whether the dtype is a real floating one."""
        return self._data.dtype.kind in "fV"

    def is_complex(self) -> bool:
        """Whether the dtype is complex."""
        return bool(self._data.dtype.kind == "c")

    def is_nonzero(self) -> bool:
        """Whether the only element is not zero. Raises: ValueError if there is not exactly one element."""
        return bool(self)

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether the elements lie in memory in C order, or that of ``autograd.channels_last``, without gaps."""
        array = np.asarray(bare(self._data))
        if memory_format in (devices.channels_last, devices.channels_last_3d):
            ndim = 4 if memory_format == devices.channels_last else 5
            return array.ndim == ndim and bool(np.moveaxis(array, 1, -1).flags.c_contiguous)
        return bool(array.flags.c_contiguous)

    def __repr__(self) -> str:
        return formatting.tensor_repr(self)

    def __format__(self, spec: str) -> str:
        if not self._data.ndim or (spec and self._data.size == 1):
            return format(self._data.item(), spec)
        try:
            return format(repr(self), spec)
        except ValueError:
            raise TypeError(
                f"the format {spec!r} is for one number, not for a tensor of shape {self.shape}; format its elements, "
                "or see set_printoptions"
            ) from None

    def __len__(self) -> int:
        if not self._data.ndim:
            raise TypeError("len() of a 0-d tensor")
        return len(self._data)

    def __iter__(self) -> Iterator[Tensor]:
        if not self._data.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(len(self._data)))

    def __reversed__(self) -> Tensor:
        """The rows in reverse order, a copy."""
        return self.flip(0) if self._data.ndim else self

    def __contains__(self, value: Any) -> bool:
        return bool(np.any(self._data == (value._data if isinstance(value, Handle) else value)))

    # ---- leaving the graph -----------------------------------------------------------------------------------

    @property
    def data(self) -> Tensor:
        """The same memory, outside the graph; backward still notices if it is overwritten through this."""
        return new_tensor(array_of(self))

    @data.setter
    def data(self, value: Any) -> None:
        if not hasattr(value, "dtype"):
            raise DtypeError(f"data: expected a Tensor or an array, got {type(value).__name__}")
        data = array_of(value) if isinstance(value, Handle) else construction.to_array(value)
        if self._node is not None and data.dtype.kind not in "fcV":
            raise DtypeError(
                f"data: this tensor requires grad, so its data must be floating or complex, not {data.dtype}: convert "
                "it first, or requires_grad_(False)"
            )
        self._data = data
        if type(self._node) is Leaf:
            self._node.shape, self._node.dtype = self._data.shape, self._data.dtype

    def detach(self) -> Tensor:
        """A Tensor of the same memory, outside the graph: no gradient flows through it.

        Writing into it changes this Tensor too; ``t.detach().clone()`` is a copy of its own.
        """
        return new_tensor(array_of(self))

    def detach_(self) -> Tensor:
        """Cut this Tensor off the graph that it was computed in."""
        leave_graph(self)
        return self

    numpy = interchange.numpy

    def item(self) -> Any:
        """The one element as a Python number."""
        if self._data.size != 1:
            raise ShapeError(
                f"item: a tensor of shape {self.shape} has {self._data.size} elements, not one; use tolist()"
            )
        return self._data.item()

    def tolist(self) -> Any:
        """The elements as Python numbers in nested lists."""
        return self._data.tolist()

    def __bool__(self) -> bool:
        if self._data.size != 1:
            raise ShapeError(f"the truth value of a tensor of shape {self.shape} is ambiguous: use .any() or .all()")
        return bool(self._data)

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        if self._data.dtype.kind not in "biu" or self._data.size != 1:
            raise TypeError(f"only a tensor of one integer can be an index, this is {self.dtype} of shape {self.shape}")
        return int(self._data.item())

    # ---- gradients -------------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this Tensor are recorded. Can be set on a leaf."""
        return node_of(self) is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value and not self.is_leaf:
            raise GradientError(
                f"requires_grad can only be set on a leaf; this tensor is the result of an operation ({self._node!r}) "
                "and requires grad already. Use retain_grad() to see its gradient"
            )
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Start (or stop) recording the operations on this leaf; returns it.

        Raises:
            DtypeError: the dtype is not floating or complex.
            GradientError: stop at a Tensor that is not a leaf.
            TypeError: neither True nor False.
        """
        if requires_grad is not True and not isinstance(requires_grad, (bool, np.bool_)):
            raise TypeError(f"requires_grad must be True or False, got {requires_grad!r}")
        if not requires_grad:
            if not self.is_leaf:
                raise GradientError(
                    f"requires_grad cannot be switched off on the result of an operation ({self._node!r}); "
                    "use .detach() for a tensor outside the graph"
                )
            rest(self)
        elif self._node is None:
            if self._data.dtype.kind not in "fcV":
                raise DtypeError(
                    f"only floating and complex tensors can require grad, this one is {self._data.dtype}; "
                    "convert it first: .float() or tensor(..., dtype=autograd.float32)"
                )
            waken(self)
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made this Tensor."""
        node = node_of(self)
        return node is None or type(node) is Leaf

    @property
    def grad_fn(self) -> Any:
        """The node of the operation that made this Tensor; None for a leaf."""
        node = node_of(self)
        return None if type(node) is Leaf else node

    @property
    def grad(self) -> Tensor | None:
        """The gradient that ``backward`` accumulated here, or None. Warns of a result that keeps none (UserWarning)."""
        if self._grad is None and self._node is not None and type(self._node) is not Leaf and not self.retains_grad:
            warn(
                f".grad of the result of {self._node!r} is None, also after backward: gradients are kept for leaves, "
                "and for other tensors if retain_grad() was called before backward"
            )
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"grad: expected a Tensor or None, got {type(value).__name__}")
            if value is self:
                raise GradientError("grad: a tensor cannot be its own gradient; use .detach() or .clone()")
            if value.shape != self.shape:
                raise ShapeError(f"grad: expected the tensor's shape {self.shape}, got {value.shape}")
            if value.dtype != self.dtype:
                raise DtypeError(f"grad: expected the tensor's dtype {self.dtype}, got {value.dtype}")
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Compute the gradient of this Tensor, and add it to the ``.grad`` of the leaves that it was computed from.

        Gradients accumulate: call the optimizer's ``zero_grad``, or set ``.grad`` to None, between two steps.

        Args:
            gradient: what to start from, of this Tensor's shape; a Tensor of one element needs none and starts from 1.
            retain_graph: keep the saved arrays, to backpropagate through the same graph again.
            create_graph: record the backward pass itself, for second derivatives.
            inputs: add gradients only to these Tensors.

        Raises: as ``autograd.backward``.

        >>> from autograd import tensor
        >>> x = tensor([1.0, 2.0], requires_grad=True)
        >>> (x**2).sum().backward()
        >>> x.grad
        tensor([2., 4.])
        """
        _gradients.backward(self, gradient, retain_graph, create_graph, inputs)

    def graph(self, params: Any = None, **options: Any) -> Any:
        """A picture of the graph that leads to this Tensor: ``autograd.graph(self, params, **options)``."""
        return import_module(".draw", __package__).graph(self, params, **options)

    def retain_grad(self) -> None:
        """Keep the gradient of this Tensor in ``.grad`` though it is not a leaf."""
        node = node_of(self)
        if node is None:
            raise GradientError("retain_grad: this tensor does not require grad, so it will have no gradient to keep")
        if type(node) is not Leaf and not self.retains_grad:
            add_hook(hooks_of(node), retain_hook(weakref.ref(self)))

    @property
    def retains_grad(self) -> bool:
        """Whether ``retain_grad`` was called here."""
        hooks = (getattr(self._node, "hooks", None) or {}).values()
        return any(keeps_gradient(hook) and hook.keeps() is self for hook in hooks)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call ``hook(gradient)`` when this Tensor's gradient is computed; what it returns replaces it.

        Returns:
            A handle whose ``remove()`` removes the hook.
        """
        node = node_of(self)
        if node is None:
            raise GradientError("register_hook: this tensor does not require grad, so no gradient will pass here")
        if not callable(hook):
            raise TypeError(f"register_hook: expected a function of the gradient, got {type(hook).__name__}")
        return add_hook(hooks_of(node), gradient_hook(hook))

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call ``hook(tensor)`` after ``backward`` has added to this leaf's ``.grad``."""
        if type(self._node) is not Leaf:
            raise GradientError("register_post_accumulate_grad_hook: only a leaf that requires grad accumulates one")
        hooks_of(self._node)  # makes them, if none: that a leaf has no hooks says that it has none of this kind either
        if not callable(hook):
            raise TypeError(f"register_post_accumulate_grad_hook: expected a function, got {type(hook).__name__}")
        if self._node.after is None:
            self._node.after = {}
        return add_hook(self._node.after, hook)

    # ---- NumPy, copies, pickles ------------------------------------------------------------------------------

    __array_ufunc__ = array_ufunc
    __array_function__ = array_function

    __array__ = interchange.to_array
    __dlpack__ = interchange.to_dlpack
    __dlpack_device__ = interchange.dlpack_device
    __copy__ = interchange.shallow_copy
    __deepcopy__ = interchange.deep_copy
    __reduce__ = interchange.reduce

    # ---- writing: by another Tensor, at random ------------------------------------------------------------------

    def copy_(self, other: Any, non_blocking: bool = False) -> Tensor:
        """Overwrite this Tensor with ``other``, which broadcasts to its shape; gradients flow to ``other``.

        ``non_blocking`` is without effect here.
        """
        indexing.setitem(self, Ellipsis, other)
        return self

    new = construction.new
    new_tensor = construction.new_tensor
    new_zeros = construction.new_zeros
    new_ones = construction.new_ones
    new_empty = construction.new_empty
    new_empty_strided = construction.new_empty_strided
    new_full = construction.new_full


hand_out(Tensor)
