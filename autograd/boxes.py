"""ArrayBox: a Tensor with NumPy's methods, which stands for an array in a function written for NumPy.

A transform such as ``autograd.grad`` calls a function of arrays with boxes in their place. To the function a box is
an array: ``x.T``, ``x.sum(axis=0)``, ``x.size``, ``x.max()`` mean what they mean in NumPy, and what needs no gradient
comes out as an array. To the engine it is a Tensor like others.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._op import NUMPY
from ._protocols import array_function, array_ufunc, out_by_name, with_arrays
from ._signatures import with_bools
from ._tensor import Tensor
from .engine.nodes import Handle
from .errors import GradientError
from .ops._indices import is_int, spanned

__all__ = ["ArrayBox", "boxed", "boxing", "promoted"]


def boxed(result: Any) -> Any:
    """What an op returned, as NumPy's user expects it: Tensors with a graph as boxes, others as arrays."""
    if isinstance(result, Tensor):
        if result._node is None:
            return result._data
        if type(result) is Tensor:
            result.__class__ = ArrayBox
        return result
    if isinstance(result, (tuple, list)):
        items = [boxed(item) for item in result]
        kind: Any = type(result)
        return kind._make(items) if hasattr(kind, "_make") else kind(items)
    return result


def boxing(function: Callable[..., Any]) -> Any:
    """A method that computes ``function`` of the box and returns boxes and arrays."""

    def method(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if type(result) is Tensor and result._node is not None:  # boxed(), without a call
            result.__class__ = ArrayBox
            return result
        return result if result is NotImplemented else boxed(result)

    method.__name__ = getattr(function, "__name__", "method")
    method.__doc__ = f"As ``numpy.{method.__name__}``."
    return method


def _operator(function: Callable[..., Any]) -> Any:
    """As ``boxing``, for an operator of two operands. Lists count as arrays of their own dtype, as they do to NumPy."""

    def method(self: Any, other: Any) -> Any:
        kind = type(other)
        if kind is ArrayBox:
            if other._data.dtype is not self._data.dtype:
                self, other = promoted((self, other))
        elif kind is not float and kind is not int:
            if kind is list or kind is tuple:
                other = np.asarray(other)
            if getattr(other, "dtype", None) is not self._data.dtype:
                self, other = promoted((self, other))
        result = function(self, other)
        if type(result) is Tensor and result._node is not None:
            result.__class__ = ArrayBox
            return result
        return result if result is NotImplemented else boxed(result)

    method.__name__ = function.__name__
    method.__doc__ = f"As ``ndarray.{method.__name__}``."
    return method


def promoted(operands: Sequence[Any]) -> Sequence[Any]:
    """Operands of floating dtypes in the one that NumPy computes with: it counts 0-d ones, too, and all integers.

    (To PyTorch, and so to Tensors, ``float32`` stays with a 0-d ``float64`` and with integers.)
    """
    dtypes = [operand.dtype for operand in operands if hasattr(operand, "dtype")]
    if len(dtypes) < 2 or any(dtype.kind not in "biufc" for dtype in dtypes):
        return operands
    common = _common(*dtypes)
    return [
        operand.astype(common)
        if hasattr(operand, "dtype") and operand.dtype.kind in "fc" and operand.dtype != common
        else operand
        for operand in operands
    ]


_common = functools.cache(np.result_type)


def _ufunc(self: Any, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """NEP 13 on boxes."""
    if method == "__call__" and len(inputs) == 2 and inputs[1] is self and type(inputs[0]) is np.ndarray and not kwargs:
        function = NUMPY.get(ufunc)  # an array and a box, the usual case: without the questions that others need
        if function is not None and inputs[0].dtype is self._data.dtype:
            return boxed(function(*inputs))
    if method == "__call__" and ufunc.nin == 2 and ufunc is not np.ldexp:
        inputs = tuple(promoted(inputs))
    return boxed(array_ufunc(self, ufunc, method, *inputs, **kwargs))


def _numpy(function: Callable[..., Any]) -> Any:
    """The method of that name of NumPy's arrays, to which numbers in a list are in double precision."""
    own = NUMPY[function]

    def with_arrays_of_lists(self: Any, *args: Any, **kwargs: Any) -> Any:
        if args or kwargs:
            if len(args) > 1:
                (self, *args), kwargs = out_by_name(function, (self, *args), kwargs)  # type: ignore[assignment]
            args = tuple(map(with_arrays, args))
            kwargs = {name: with_arrays(value) for name, value in with_bools(kwargs).items()}
        return own(self, *args, **kwargs)

    with_arrays_of_lists.__name__ = own.__name__
    return boxing(with_arrays_of_lists)


def _refused(name: str) -> Any:
    def method(self: Any, *args: Any) -> Any:
        raise GradientError(
            f"{name}() of a value that is being differentiated (shape {self.shape}): a Python number has no gradient. "
            "Keep it an array (autograd.numpy.sin(x), not math.sin(x)); if no gradient is to flow through it, use "
            "autograd.tracer.getval(x)"
        )

    return method


def _sum_of(function: Callable[..., Any]) -> Any:
    reduce = NUMPY[function]

    def method(self: Any, axis: Any = None, dtype: Any = None, out: None = None, *args: Any, **kwargs: Any) -> Any:
        if args:
            _, kwargs = out_by_name(function, (self, axis, dtype, None, *args), kwargs)
        return boxed(reduce(self if dtype is None else self.astype(dtype), axis=axis, **with_bools(kwargs)))

    method.__name__ = reduce.__name__
    method.__doc__ = f"As ``numpy.{reduce.__name__}``."
    return method


def _item(self: Any, index: Any) -> Any:
    if type(index) is tuple and len(index) > 1:
        index = _with_ints_as_arrays(index)
        if dots := _dots_between(index, self.ndim):
            found = _item(self, (*index[:dots], None, *index[dots + 1 :]))
            after = sum([part is None or type(part) is slice for part in index[dots:]])
            return np.squeeze(found, found.ndim - 1 - after)
    result = Tensor.__getitem__(self, index)
    if result._node is None:
        return result._data
    result.__class__ = ArrayBox
    return result


def _with_ints_as_arrays(index: tuple[Any, ...]) -> tuple[Any, ...]:
    """An index in which ints beside arrays are arrays too, as they are to NumPy (but not to PyTorch)."""
    for part in index:
        if _is_array(part):
            return tuple([np.array([p]) if is_int(p) else p for p in index])
    return index


def _dots_between(index: tuple[Any, ...], ndim: int) -> int:
    """The place of an Ellipsis for no dimension between arrays, which it separates to NumPy (but not to PyTorch), or 0.

    None, a new dimension, separates them to both.
    """
    dots = next((i for i, part in enumerate(index) if part is Ellipsis), 0)
    apart = dots and any(map(_is_array, index[:dots])) and any(map(_is_array, index[dots:]))
    return dots if apart and sum(map(spanned, index)) == ndim else 0


def _is_array(part: Any) -> bool:
    if type(part) is int or isinstance(part, slice) or part is None or part is Ellipsis:
        return False
    return not is_int(part._data if isinstance(part, Tensor) else part)


class ArrayBox(Tensor):
    """A Tensor whose methods and operators are those of NumPy's arrays.

    Transforms make boxes of the arrays that a function is called with. It shares every op with Tensor: only what
    methods are called, and that results without gradient are arrays, differs.

    >>> import numpy as np
    >>> import autograd
    >>> autograd.grad(lambda x: (x.T @ x).sum(axis=0).max() + x.size)(np.array([[1.0, 2.0]]))
    array([[2., 5.]])
    """

    __slots__ = ()
    __hash__ = object.__hash__

    # ---- what it is --------------------------------------------------------------------------------------------------

    @property
    def size(self) -> int:  # type: ignore[override]
        """The number of elements."""
        return int(self._data.size)

    @property
    def _value(self) -> Any:
        """The array inside, under the name that it has in HIPS autograd, whose users print it."""
        return self._data

    @property
    def strides(self) -> tuple[int, ...]:
        """The steps between neighbours along each dimension, in bytes."""
        return tuple(self._data.strides)

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"ArrayBox({self._data!r})"

    __float__ = _refused("float")
    __int__ = _refused("int")
    __complex__ = _refused("complex")
    __index__ = _refused("index")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if dtype is not None and np.dtype(dtype).kind in "iub":
            return self._data.astype(dtype)  # which has no gradient to lose
        raise GradientError(
            f"a value that is being differentiated (shape {self.shape}) is not turned into an array silently: its "
            "gradient would be lost. It cannot be written into an array (make that of autograd.numpy.array or "
            "concatenate); call only functions of numpy or autograd.numpy on it, or autograd.tracer.getval(x) if no "
            "gradient is to flow"
        )

    # ---- NumPy's protocols -------------------------------------------------------------------------------------------

    __array_ufunc__ = _ufunc
    __array_function__ = boxing(array_function)

    # ---- operators ---------------------------------------------------------------------------------------------------

    __add__ = __iadd__ = _operator(Tensor.__add__)
    __radd__ = _operator(Tensor.__radd__)
    __sub__ = __isub__ = _operator(Tensor.__sub__)
    __rsub__ = _operator(Tensor.__rsub__)
    __mul__ = __imul__ = _operator(Tensor.__mul__)
    __rmul__ = _operator(Tensor.__rmul__)
    __truediv__ = __itruediv__ = _operator(Tensor.__truediv__)
    __rtruediv__ = _operator(Tensor.__rtruediv__)
    __floordiv__ = __ifloordiv__ = _operator(Tensor.__floordiv__)
    __rfloordiv__ = _operator(Tensor.__rfloordiv__)
    __mod__ = __imod__ = _operator(Tensor.__mod__)
    __rmod__ = _operator(Tensor.__rmod__)
    __divmod__ = _operator(Tensor.__divmod__)
    __rdivmod__ = _operator(Tensor.__rdivmod__)
    __pow__ = __ipow__ = _operator(Tensor.__pow__)
    __rpow__ = _operator(Tensor.__rpow__)
    __matmul__ = __imatmul__ = _operator(Tensor.__matmul__)
    __rmatmul__ = _operator(Tensor.__rmatmul__)
    __neg__ = boxing(Tensor.__neg__)
    __pos__ = boxing(Tensor.__pos__)
    __abs__ = boxing(Tensor.__abs__)
    __eq__ = _operator(Tensor.__eq__)
    __ne__ = _operator(Tensor.__ne__)
    __lt__ = _operator(Tensor.__lt__)
    __le__ = _operator(Tensor.__le__)
    __gt__ = _operator(Tensor.__gt__)
    __ge__ = _operator(Tensor.__ge__)
    __getitem__ = _item
    T = property(boxing(np.transpose))
    mT = property(_numpy(np.matrix_transpose))
    real = property(_numpy(np.real))

    @property
    def imag(self) -> Any:  # type: ignore[override]
        """The imaginary part: zeros of a real array."""
        return boxed(np.imag(self)) if self._data.dtype.kind == "c" else np.zeros_like(self._data)

    @property
    def flat(self) -> Any:
        """The elements in one row, to read."""
        return np.ravel(self)

    # ---- methods, by name --------------------------------------------------------------------------------------------

    sum = _sum_of(np.sum)
    mean = _sum_of(np.mean)
    prod = _sum_of(np.prod)
    cumsum = _sum_of(np.cumsum)
    cumprod = _sum_of(np.cumprod)
    std = _sum_of(np.std)
    var = _sum_of(np.var)
    max = _numpy(np.max)
    min = _numpy(np.min)
    ptp = _numpy(np.ptp)
    all = _numpy(np.all)
    any = _numpy(np.any)
    argmax = _numpy(np.argmax)
    argmin = _numpy(np.argmin)
    argsort = _numpy(np.argsort)
    searchsorted = _numpy(np.searchsorted)
    nonzero = _numpy(np.nonzero)
    round = __round__ = _numpy(np.round)
    clip = _numpy(np.clip)
    conj = conjugate = _numpy(np.conjugate)
    dot = _numpy(np.dot)
    trace = _numpy(np.trace)
    diagonal = _numpy(np.diagonal)
    repeat = _numpy(np.repeat)
    take = _numpy(np.take)
    ravel = _numpy(np.ravel)
    squeeze = _numpy(np.squeeze)
    swapaxes = _numpy(np.swapaxes)

    def astype(
        self, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True
    ) -> Any:
        """As ``ndarray.astype``: ``float`` is ``float64``."""
        wanted = np.dtype(dtype)
        return self if not copy and wanted == self._data.dtype else boxed(Tensor.astype(self, wanted))

    def copy(self, order: str = "C") -> Any:
        """As ``ndarray.copy``; the order of memory is not the user's matter here."""
        return boxed(self.clone())

    def view(self, dtype: Any = None, type: Any = None) -> Any:
        """As ``ndarray.view``, without another dtype: to read bits anew has no derivative."""
        if type is not None or (dtype is not None and np.dtype(dtype) != self._data.dtype):
            raise GradientError(f"view({dtype}) of a value that is being differentiated: use x.astype to convert it")
        return self[...]

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        """As ``ndarray.reshape``: the new shape as numbers or as one tuple."""
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, order=order)  # type: ignore[call-overload]

    def transpose(self, *axes: Any) -> Any:  # type: ignore[override]
        """As ``ndarray.transpose``: the axes as numbers or as one tuple, all reversed by default."""
        if len(axes) == 1 and not isinstance(axes[0], (int, np.integer)):  # None, or all in one
            (axes,) = axes
            return np.transpose(self, axes)
        return np.transpose(self, axes or None)

    def flatten(self, order: str = "C") -> Any:  # type: ignore[override]
        """As ``ndarray.flatten``."""
        return np.ravel(self, order=order)  # type: ignore[call-overload]

    def sort(self, *args: Any, **kwargs: Any) -> Any:
        """Not in place, as an array's would be: an error that says so."""
        raise GradientError("sort() would sort the array in place; use y = numpy.sort(x)")

    def put(self, *args: Any, **kwargs: Any) -> Any:
        """Not in place, as an array's would be: an error that says so."""
        raise GradientError("put() would change the array in place; use y = numpy.where(mask, new, x)")

    def item(self, *args: Any) -> Any:
        """Refused: a Python number has no gradient."""
        return self.__float__()

    def tolist(self) -> Any:
        """A nested list of boxes."""
        if not self.ndim:
            return self
        return [item.tolist() if isinstance(item, Handle) else item for item in self]
