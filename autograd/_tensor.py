"""The Tensor: a light handle on an array and its place in the graph."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NoReturn

import numpy as np

from . import _gradients, dtypes, formatting, interchange
from ._inplace import inplace, overwrite
from ._op import hand_out, new_tensor
from ._protocols import array_function, array_ufunc
from .engine.modes import local
from .engine.mutation import stamp
from .engine.nodes import Handle, Leaf, Node, array_of
from .engine.views import node_of
from .errors import DtypeError, GradientError, MutationError, ShapeError
from .ops import (
    arithmetic,
    casting,
    comparison,
    exponential,
    indexing,
    joining,
    linear_algebra,
    neural,
    products,
    reductions,
    rounding,
    scans,
    shapes,
    sorting,
    trigonometric,
    windows,
)

__all__ = ["Tensor", "as_tensor", "from_numpy", "tensor"]


class Tensor(Handle):
    """An array that records what is computed from it.

    Args:
        data: numbers, nested lists, an array (shared, not copied; see ``autograd.tensor`` for a copy) or a Tensor.
        requires_grad: record the operations on this Tensor, so that ``backward`` gives it a ``.grad``.
        dtype: of the elements. By default an array keeps its own, Python floats become the default dtype (float32).

    Raises:
        DtypeError: ``requires_grad`` with an integer or bool dtype, or data that is no array of numbers.

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
        self._data = to_array(data, dtype)
        self._node = self._grad = self._view = None
        if requires_grad:
            self.requires_grad_()

    # ---- what it is ------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the dimensions."""
        return self._data.shape  # type: ignore[no-any-return]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the elements."""
        return self._data.dtype  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim  # type: ignore[no-any-return]

    @property
    def device(self) -> str:
        """Where the elements lie: always ``'cpu'``."""
        return "cpu"

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self._data.itemsize  # type: ignore[no-any-return]

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self._data.nbytes  # type: ignore[no-any-return]

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        return self._data.shape if dim is None else self._data.shape[dim]

    def dim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim  # type: ignore[no-any-return]

    ndimension = dim

    def numel(self) -> int:
        """The number of elements."""
        return int(self._data.size)

    nelement = numel

    def element_size(self) -> int:
        """Bytes of one element."""
        return self._data.itemsize  # type: ignore[no-any-return]

    def stride(self, dim: int | None = None) -> Any:
        """The steps between neighbours along each dimension, in elements."""
        strides = tuple(step // self._data.itemsize for step in self._data.strides)
        return strides if dim is None else strides[dim]

    def is_floating_point(self) -> bool:
        """Whether the dtype is a real floating one."""
        return self._data.dtype.kind in "fV"

    def is_complex(self) -> bool:
        """Whether the dtype is complex."""
        return bool(self._data.dtype.kind == "c")

    def is_contiguous(self) -> bool:
        """Whether the elements lie in memory in C order, without gaps."""
        return bool(np.asarray(self._data).flags.c_contiguous)

    def __repr__(self) -> str:
        return formatting.tensor_repr(self)

    def __format__(self, spec: str) -> str:
        return format(self._data.item(), spec) if spec and self._data.size == 1 else format(repr(self), spec)

    def __len__(self) -> int:
        if not self._data.ndim:
            raise TypeError("len() of a 0-d tensor")
        return len(self._data)

    def __iter__(self) -> Iterator[Tensor]:
        if not self._data.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(len(self._data)))

    def __contains__(self, value: Any) -> bool:
        return bool(np.any(self._data == (value._data if isinstance(value, Handle) else value)))

    # ---- leaving the graph -----------------------------------------------------------------------------------

    @property
    def data(self) -> Tensor:
        """The same memory, outside the graph; backward still notices if it is overwritten through this."""
        return new_tensor(array_of(self))  # type: ignore[no-any-return]

    @data.setter
    def data(self, value: Any) -> None:
        self._data = array_of(value) if isinstance(value, Handle) else to_array(value)
        if type(self._node) is Leaf:
            self._node.shape, self._node.dtype = self._data.shape, self._data.dtype

    def detach(self) -> Tensor:
        """The same memory, outside the graph."""
        return new_tensor(array_of(self))  # type: ignore[no-any-return]

    def detach_(self) -> Tensor:
        """Cut this Tensor off the graph that it was computed in."""
        if self._view is not None:
            raise MutationError("detach_: this tensor is a view, which cannot be detached in place; use detach()")
        self._node = None
        return self

    def numpy(self, *, force: bool = False) -> Any:
        """The array, sharing memory.

        Args:
            force: detach first.

        Raises:
            GradientError: the tensor requires grad (and not ``force``).
        """
        if self._node is not None and not force:
            raise GradientError(
                f"numpy: this tensor (shape {self.shape}) requires grad, and an array cannot record: "
                "use .detach().numpy()"
            )
        return array_of(self)

    def item(self) -> Any:
        """The one element as a Python number."""
        if self._data.size != 1:
            raise ShapeError(f"item: a tensor of shape {self.shape} has {self._data.size} elements, not one; use tolist()")
        return self._data.item()

    def tolist(self) -> Any:
        """The elements as Python numbers in nested lists."""
        return self._data.tolist()

    def __bool__(self) -> bool:
        if self._data.size != 1:
            raise ShapeError(
                f"the truth value of a tensor of shape {self.shape} is ambiguous: use .any() or .all()"
            )
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
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Start (or stop) recording the operations on this leaf; returns it.

        Raises:
            DtypeError: the dtype is not floating or complex.
            GradientError: stop at a Tensor that is no leaf.
        """
        if not requires_grad:
            if not self.is_leaf:
                raise GradientError(
                    f"requires_grad cannot be switched off on the result of an operation ({self._node!r}); "
                    "use .detach() for a tensor outside the graph"
                )
            self._node = None
        elif self._node is None:
            if self._data.dtype.kind not in "fcV":
                raise DtypeError(
                    f"only floating and complex tensors can require grad, this one is {self._data.dtype}; "
                    "convert it first: .float() or tensor(..., dtype=autograd.float32)"
                )
            array_of(self)
            self._node = Leaf(self)
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made this Tensor."""
        return self._node is None or type(self._node) is Leaf

    @property
    def grad_fn(self) -> Any:
        """The node of the operation that made this Tensor; None for a leaf."""
        node = node_of(self)
        return None if type(node) is Leaf else node

    @property
    def grad(self) -> Tensor | None:
        """The gradient that ``backward`` accumulated here, or None."""
        return self._grad  # type: ignore[no-any-return]

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"grad: expected a Tensor or None, got {type(value).__name__}")
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
        """Add the gradient of this Tensor to the ``.grad`` of the leaves that it was computed from.

        Args:
            gradient: what to start from, of this Tensor's shape; 1 for a scalar.
            retain_graph: keep the saved arrays, to backpropagate through the same graph again.
            create_graph: record the backward itself, for second derivatives.
            inputs: only to these Tensors.

        Raises: as ``autograd.backward``.
        """
        _gradients.backward(self, gradient, retain_graph, create_graph, inputs)

    def retain_grad(self) -> None:
        """Keep the gradient of this Tensor in ``.grad`` though it is no leaf."""
        node = node_of(self)
        if node is None:
            raise GradientError("retain_grad: this tensor does not require grad, so it will have no gradient to keep")
        if type(node) is not Leaf and not self.retains_grad:
            _gradients.add_hook(node, "hooks", _gradients.retain_hook(weakref.ref(self)))

    @property
    def retains_grad(self) -> bool:
        """Whether ``retain_grad`` was called here."""
        hooks = (getattr(self._node, "hooks", None) or {}).values()
        return type(self._node) is not Leaf and any(hook.__qualname__.startswith("retain_hook") for hook in hooks)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> _gradients.RemovableHandle:
        """Call ``hook(gradient)`` when this Tensor's gradient is computed; what it returns replaces it.

        Returns:
            A handle whose ``remove()`` removes the hook.
        """
        node = node_of(self)
        if node is None:
            raise GradientError("register_hook: this tensor does not require grad, so no gradient will pass here")
        return _gradients.add_hook(node, "hooks", _gradients.gradient_hook(hook))

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> _gradients.RemovableHandle:
        """Call ``hook(tensor)`` after ``backward`` has added to this leaf's ``.grad``."""
        if type(self._node) is not Leaf:
            raise GradientError("register_post_accumulate_grad_hook: only a leaf that requires grad accumulates one")
        return _gradients.add_hook(self._node, "after", hook)

    # ---- NumPy, copies, pickles ------------------------------------------------------------------------------

    __array_ufunc__ = array_ufunc
    __array_function__ = array_function

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if self._node is not None:
            raise GradientError(
                f"a tensor that requires grad (shape {self.shape}) is not turned into an array silently: its graph "
                "would be lost. Use .detach().numpy(), or an op of autograd"
            )
        array = array_of(self)
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    __dlpack__ = interchange.to_dlpack
    __dlpack_device__ = interchange.dlpack_device
    __copy__ = interchange.shallow_copy
    __deepcopy__ = interchange.deep_copy
    __reduce__ = interchange.reduce

    # ---- casts and copies (ops/casting) ------------------------------------------------------------------------

    clone = casting.clone

    def astype(self, dtype: Any) -> Tensor:
        """A copy in another dtype (NumPy's name)."""
        return self.to(dtype, copy=True)

    def to(self, *args: Any, dtype: Any = None, copy: bool = False, **kwargs: Any) -> Tensor:
        """This Tensor in another dtype: ``to(dtype)``, ``to(other_tensor)``, ``to('cpu')``; itself if nothing changes.

        Raises:
            ValueError: a device other than the CPU.
        """
        for arg in (*args, kwargs.get("device"), kwargs.get("other")):
            if isinstance(arg, Tensor):
                dtype = arg.dtype
            elif isinstance(arg, str) and arg not in dtypes.NAMES:
                check_device(arg)
            elif arg is not None and not isinstance(arg, bool):
                dtype = arg
        dtype = self.dtype if dtype is None else dtypes.as_dtype(dtype)
        if dtype == self.dtype:
            return self.clone() if copy else self
        if dtype.kind not in "fcV":
            return new_tensor(self._data.astype(dtype))  # type: ignore[no-any-return]
        return casting.cast(self, dtype)  # type: ignore[no-any-return]

    def type(self, dtype: Any = None) -> Any:
        """The dtype's name, or this Tensor in another dtype."""
        return str(self.dtype) if dtype is None else self.to(dtype)

    def type_as(self, other: Tensor) -> Tensor:
        """This Tensor in the dtype of another."""
        return self.to(other.dtype)

    def float(self) -> Tensor:
        """As float32."""
        return self.to(dtypes.float32)

    def double(self) -> Tensor:
        """As float64."""
        return self.to(dtypes.float64)

    def half(self) -> Tensor:
        """As float16."""
        return self.to(dtypes.float16)

    def int(self) -> Tensor:
        """As int32."""
        return self.to(dtypes.int32)

    def long(self) -> Tensor:
        """As int64."""
        return self.to(dtypes.int64)

    def short(self) -> Tensor:
        """As int16."""
        return self.to(dtypes.int16)

    def char(self) -> Tensor:
        """As int8."""
        return self.to(dtypes.int8)

    def byte(self) -> Tensor:
        """As uint8."""
        return self.to(dtypes.uint8)

    def bool(self) -> Tensor:
        """As bool."""
        return self.to(dtypes.bool_)

    def cpu(self) -> Tensor:
        """This Tensor: it is there already."""
        return self

    def cuda(self, device: Any = None) -> NoReturn:
        """Raises: there is no such device here."""
        check_device("cuda")
        raise AssertionError

    def contiguous(self) -> Tensor:
        """This Tensor if its elements lie in C order, else a copy in which they do."""
        return self if self.is_contiguous() else self.clone()

    def copy_(self, source: Any) -> Tensor:
        """Overwrite this Tensor with ``source``, which broadcasts to its shape; gradients flow to ``source``."""
        indexing.setitem(self, Ellipsis, source)
        return self

    # ---- arithmetic (ops/arithmetic, ops/rounding) ---------------------------------------------------------------

    add = __add__ = __radd__ = arithmetic.add
    sub = subtract = __sub__ = arithmetic.sub
    mul = multiply = __mul__ = __rmul__ = arithmetic.mul

    add_ = __iadd__ = inplace(arithmetic.add)
    sub_ = __isub__ = inplace(arithmetic.sub)
    mul_ = __imul__ = inplace(arithmetic.mul)

    # ---- exponentials, logarithms (ops/exponential) ----------------------------------------------------------------

    # ---- trigonometry (ops/trigonometric) ----------------------------------------------------------------------

    tanh = arithmetic.tanh

    # ---- comparisons and logic (ops/comparison) ------------------------------------------------------------------

    # ---- reductions (ops/reductions) -----------------------------------------------------------------------------

    # ---- scans (ops/scans) -----------------------------------------------------------------------------------------

    # ---- sorting and selection (ops/sorting) -----------------------------------------------------------------------

    # ---- shapes and views (ops/shapes) -----------------------------------------------------------------------------

    # ---- joining and splitting (ops/joining) -----------------------------------------------------------------------

    # ---- indexing (ops/indexing) -----------------------------------------------------------------------------------

    __getitem__ = indexing.getitem
    __setitem__ = indexing.setitem

    # ---- matrix products (ops/products) ------------------------------------------------------------------------------

    # ---- linear algebra (ops/linear_algebra) -------------------------------------------------------------------------

    # ---- the primitives of neural networks (ops/neural) --------------------------------------------------------------

    # ---- windows (ops/windows) -----------------------------------------------------------------------------------------


hand_out(Tensor)


def to_array(data: Any, dtype: Any = None, copy: bool = False) -> Any:
    """Numbers, nested sequences (Tensors in them too), an array or a Tensor as an array that a Tensor can hold.

    Raises:
        DtypeError, ShapeError: it is no array of numbers.
    """
    dtype = None if dtype is None else dtypes.as_dtype(dtype)
    if isinstance(data, Handle):
        data = array_of(data)
    is_array = isinstance(data, (np.ndarray, np.generic)) or hasattr(data, "__array__")
    if not is_array:
        data = _unwrap_nested(data)
    try:
        array = np.array(data, dtype) if copy else np.asarray(data, dtype)
    except (ValueError, TypeError) as error:
        if dtype is None and "inhomogeneous" in str(error):
            raise ShapeError(f"tensor: the nested lists have rows of different lengths ({error})") from None
        raise DtypeError(f"tensor: cannot make a tensor from {type(data).__name__}: {error}") from None
    if array.dtype.kind not in "biufcV" or array.dtype.names:
        raise DtypeError(
            f"tensor: a Tensor holds bool, integer, floating or complex numbers, got dtype {array.dtype}"
            + (" (nested sequences of different lengths, None, or text?)" if array.dtype.kind in "OUS" else "")
        )
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if dtype is None and not is_array and array.dtype in (np.float64, np.complex128):
        if array.size == 0 or not _holds_numpy_scalars(data):
            array = array.astype(dtypes.as_dtype(float if array.dtype.kind == "f" else complex))
    return array


def _unwrap_nested(data: Any) -> Any:
    if isinstance(data, Handle):
        return array_of(data)
    if isinstance(data, (list, tuple)):
        return [_unwrap_nested(item) for item in data]
    return data


def _holds_numpy_scalars(data: Any) -> bool:
    while isinstance(data, (list, tuple)) and len(data):
        data = data[0]
    return isinstance(data, (np.generic, np.ndarray))


def check_device(device: Any) -> None:
    """Raise ValueError unless ``device`` is the CPU, the only one there is."""
    if device is not None and str(device).split(":")[0] != "cpu":
        raise ValueError(f"there is no device {str(device)!r} here: chainrule computes on the CPU, with NumPy")


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new Tensor with a copy of ``data``.

    Args:
        data: numbers, nested lists, an array or a Tensor.
        dtype: of the elements; by default arrays keep theirs, Python floats become the default dtype.
        device: ``'cpu'``.
        requires_grad: record the operations on it.

    >>> from autograd import tensor
    >>> tensor([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    check_device(device)
    return Tensor(to_array(data, dtype, copy=True), requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """``data`` as a Tensor without a copy where possible: a Tensor stays itself, an array shares its memory."""
    check_device(device)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    return Tensor(to_array(data, dtype))


def from_numpy(ndarray: Any) -> Tensor:
    """A Tensor that shares the memory of an array."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"from_numpy: expected a NumPy array, got {type(ndarray).__name__}; use tensor() for other data")
    return Tensor(ndarray)
