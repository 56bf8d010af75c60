"""The Tensor: a light handle on an array and its place in the graph."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NoReturn

import numpy as np

from . import _gradients, draw, dtypes, formatting, generator, interchange
from ._inplace import inplace, overwrite
from ._writing import hand_out
from .engine.nodes import new_tensor
from ._protocols import array_function, array_ufunc
from .engine.modes import local
from .engine.mutation import stamp
from .engine.nodes import Handle, Leaf, Node, array_of
from .engine.views import node_of
from .errors import DtypeError, GradientError, MutationError, ShapeError
from .ops import (
    activations,
    arithmetic,
    casting,
    comparison,
    decompositions,
    complexes,
    diagonals,
    exponential,
    extremes,
    indexing,
    joining,
    least_squares,
    linear_algebra,
    matrix_functions,
    neural,
    norms,
    powers,
    products,
    quantiles,
    reductions,
    repetition,
    rounding,
    scans,
    scattering,
    selection,
    shapes,
    sorting,
    statistics,
    taking,
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
        return node_of(self) is not None

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
            self._node = Leaf(self)
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

    graph = draw.graph

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

    # ---- arithmetic (ops/arithmetic, ops/powers) -----------------------------------------------------------------

    add = __add__ = __radd__ = arithmetic.add
    sub = subtract = __sub__ = arithmetic.sub
    rsub = __rsub__ = arithmetic.rsub
    mul = multiply = __mul__ = __rmul__ = arithmetic.mul
    div = divide = arithmetic.div
    true_divide = __truediv__ = arithmetic.true_divide
    __rtruediv__ = arithmetic.swapped(arithmetic.true_divide)
    floor_divide = __floordiv__ = arithmetic.floor_divide
    __rfloordiv__ = arithmetic.swapped(arithmetic.floor_divide)
    remainder = __mod__ = arithmetic.remainder
    __rmod__ = arithmetic.swapped(arithmetic.remainder)
    fmod = arithmetic.fmod
    __divmod__ = arithmetic.divmod
    __rdivmod__ = arithmetic.swapped(arithmetic.divmod)
    addcmul = arithmetic.addcmul
    addcdiv = arithmetic.addcdiv
    lerp = arithmetic.lerp
    neg = negative = __neg__ = arithmetic.neg
    positive = __pos__ = arithmetic.positive
    abs = absolute = __abs__ = arithmetic.abs
    sign = sgn = arithmetic.sign
    copysign = arithmetic.copysign
    nextafter = arithmetic.nextafter
    gcd = arithmetic.gcd
    lcm = arithmetic.lcm
    pow = __pow__ = powers.pow
    __rpow__ = arithmetic.swapped(powers.pow)
    float_power = powers.float_power
    square = powers.square
    sqrt = powers.sqrt
    rsqrt = powers.rsqrt
    reciprocal = powers.reciprocal
    hypot = powers.hypot
    ldexp = powers.ldexp

    add_ = __iadd__ = inplace(arithmetic.add)
    sub_ = subtract_ = __isub__ = inplace(arithmetic.sub)
    mul_ = multiply_ = __imul__ = inplace(arithmetic.mul)
    div_ = divide_ = inplace(arithmetic.div)
    true_divide_ = __itruediv__ = inplace(arithmetic.true_divide)
    floor_divide_ = __ifloordiv__ = inplace(arithmetic.floor_divide)
    remainder_ = __imod__ = inplace(arithmetic.remainder)
    fmod_ = inplace(arithmetic.fmod)
    addcmul_ = inplace(arithmetic.addcmul)
    addcdiv_ = inplace(arithmetic.addcdiv)
    lerp_ = inplace(arithmetic.lerp)
    neg_ = negative_ = inplace(arithmetic.neg)
    abs_ = absolute_ = inplace(arithmetic.abs)
    sign_ = sgn_ = inplace(arithmetic.sign)
    copysign_ = inplace(arithmetic.copysign)
    nextafter_ = inplace(arithmetic.nextafter)
    gcd_ = inplace(arithmetic.gcd)
    lcm_ = inplace(arithmetic.lcm)
    pow_ = __ipow__ = inplace(powers.pow)
    float_power_ = inplace(powers.float_power)
    square_ = inplace(powers.square)
    sqrt_ = inplace(powers.sqrt)
    rsqrt_ = inplace(powers.rsqrt)
    reciprocal_ = inplace(powers.reciprocal)
    hypot_ = inplace(powers.hypot)
    ldexp_ = inplace(powers.ldexp)

    # ---- rounding (ops/rounding) -----------------------------------------------------------------------------------

    floor = __floor__ = rounding.floor
    ceil = __ceil__ = rounding.ceil
    trunc = fix = __trunc__ = rounding.trunc
    round = __round__ = rounding.round
    frac = rounding.frac

    floor_ = inplace(rounding.floor)
    ceil_ = inplace(rounding.ceil)
    trunc_ = fix_ = inplace(rounding.trunc)
    round_ = inplace(rounding.round)
    frac_ = inplace(rounding.frac)

    # ---- selection (ops/selection) ---------------------------------------------------------------------------------

    maximum = selection.maximum
    minimum = selection.minimum
    fmax = selection.fmax
    fmin = selection.fmin
    clamp = clip = selection.clamp
    clamp_min = selection.clamp_min
    clamp_max = selection.clamp_max
    masked_fill = selection.masked_fill
    nan_to_num = selection.nan_to_num
    heaviside = selection.heaviside

    def where(self, condition: Any, y: Any = None, *, other: Any = None) -> Tensor:
        """This Tensor where ``condition`` holds, else ``y``."""
        return selection.where(condition, self, other if y is None else y)

    clamp_ = clip_ = inplace(selection.clamp)
    clamp_min_ = inplace(selection.clamp_min)
    clamp_max_ = inplace(selection.clamp_max)
    masked_fill_ = inplace(selection.masked_fill)
    nan_to_num_ = inplace(selection.nan_to_num)
    heaviside_ = inplace(selection.heaviside)

    # ---- parts of complex numbers (ops/complexes) ------------------------------------------------------------------

    real = property(complexes.real)
    imag = property(complexes.imag)
    conj = conj_physical = resolve_conj = complexes.conj
    angle = complexes.angle

    conj_physical_ = inplace(complexes.conj)

    # ---- exponentials, logarithms, special functions (ops/exponential) ---------------------------------------------

    exp = exponential.exp
    exp2 = exponential.exp2
    expm1 = exponential.expm1
    sigmoid = exponential.sigmoid
    log = exponential.log
    log2 = exponential.log2
    log10 = exponential.log10
    log1p = exponential.log1p
    logaddexp = exponential.logaddexp
    logaddexp2 = exponential.logaddexp2
    logit = exponential.logit
    xlogy = exponential.xlogy
    erf = exponential.erf
    erfc = exponential.erfc
    erfinv = exponential.erfinv
    lgamma = exponential.lgamma
    digamma = exponential.digamma
    mvlgamma = exponential.mvlgamma
    sinc = exponential.sinc
    i0 = exponential.i0

    def polygamma(self, n: Any) -> Tensor:
        """The ``n``-th derivative of ``digamma``."""
        return exponential.polygamma(n, self)

    exp_ = inplace(exponential.exp)
    exp2_ = inplace(exponential.exp2)
    expm1_ = inplace(exponential.expm1)
    sigmoid_ = inplace(exponential.sigmoid)
    log_ = inplace(exponential.log)
    log2_ = inplace(exponential.log2)
    log10_ = inplace(exponential.log10)
    log1p_ = inplace(exponential.log1p)
    logit_ = inplace(exponential.logit)
    xlogy_ = inplace(exponential.xlogy)
    erf_ = inplace(exponential.erf)
    erfc_ = inplace(exponential.erfc)
    erfinv_ = inplace(exponential.erfinv)
    lgamma_ = inplace(exponential.lgamma)
    digamma_ = inplace(exponential.digamma)
    mvlgamma_ = inplace(exponential.mvlgamma)
    sinc_ = inplace(exponential.sinc)
    i0_ = inplace(exponential.i0)

    # ---- trigonometry (ops/trigonometric) ----------------------------------------------------------------------

    sin = trigonometric.sin
    cos = trigonometric.cos
    tan = trigonometric.tan
    asin = arcsin = trigonometric.asin
    acos = arccos = trigonometric.acos
    atan = arctan = trigonometric.atan
    atan2 = arctan2 = trigonometric.atan2
    sinh = trigonometric.sinh
    cosh = trigonometric.cosh
    tanh = trigonometric.tanh
    asinh = arcsinh = trigonometric.asinh
    acosh = arccosh = trigonometric.acosh
    atanh = arctanh = trigonometric.atanh
    deg2rad = trigonometric.deg2rad
    rad2deg = trigonometric.rad2deg

    sin_ = inplace(trigonometric.sin)
    cos_ = inplace(trigonometric.cos)
    tan_ = inplace(trigonometric.tan)
    asin_ = arcsin_ = inplace(trigonometric.asin)
    acos_ = arccos_ = inplace(trigonometric.acos)
    atan_ = arctan_ = inplace(trigonometric.atan)
    atan2_ = arctan2_ = inplace(trigonometric.atan2)
    sinh_ = inplace(trigonometric.sinh)
    cosh_ = inplace(trigonometric.cosh)
    tanh_ = inplace(trigonometric.tanh)
    asinh_ = arcsinh_ = inplace(trigonometric.asinh)
    acosh_ = arccosh_ = inplace(trigonometric.acosh)
    atanh_ = arctanh_ = inplace(trigonometric.atanh)
    deg2rad_ = inplace(trigonometric.deg2rad)
    rad2deg_ = inplace(trigonometric.rad2deg)

    # ---- comparisons and logic (ops/comparison) ------------------------------------------------------------------

    eq = comparison.eq
    ne = not_equal = comparison.ne
    __eq__ = comparison.among_numbers(comparison.eq)  # type: ignore[assignment]
    __ne__ = comparison.among_numbers(comparison.ne)  # type: ignore[assignment]
    lt = less = __lt__ = comparison.lt
    le = less_equal = __le__ = comparison.le
    gt = greater = __gt__ = comparison.gt
    ge = greater_equal = __ge__ = comparison.ge
    isclose = comparison.isclose
    allclose = comparison.allclose
    equal = comparison.equal
    isnan = comparison.isnan
    isinf = comparison.isinf
    isfinite = comparison.isfinite
    isposinf = comparison.isposinf
    isneginf = comparison.isneginf
    isreal = comparison.isreal
    signbit = comparison.signbit
    logical_and = comparison.logical_and
    logical_or = comparison.logical_or
    logical_xor = comparison.logical_xor
    logical_not = comparison.logical_not
    bitwise_and = __and__ = __rand__ = comparison.bitwise_and
    bitwise_or = __or__ = __ror__ = comparison.bitwise_or
    bitwise_xor = __xor__ = __rxor__ = comparison.bitwise_xor
    bitwise_not = __invert__ = comparison.bitwise_not
    bitwise_left_shift = __lshift__ = comparison.bitwise_left_shift
    bitwise_right_shift = __rshift__ = comparison.bitwise_right_shift
    __rlshift__ = arithmetic.swapped(comparison.bitwise_left_shift)
    __rrshift__ = arithmetic.swapped(comparison.bitwise_right_shift)

    eq_ = inplace(comparison.eq)
    ne_ = not_equal_ = inplace(comparison.ne)
    lt_ = less_ = inplace(comparison.lt)
    le_ = less_equal_ = inplace(comparison.le)
    gt_ = greater_ = inplace(comparison.gt)
    ge_ = greater_equal_ = inplace(comparison.ge)
    logical_and_ = inplace(comparison.logical_and)
    logical_or_ = inplace(comparison.logical_or)
    logical_xor_ = inplace(comparison.logical_xor)
    logical_not_ = inplace(comparison.logical_not)
    bitwise_and_ = __iand__ = inplace(comparison.bitwise_and)
    bitwise_or_ = __ior__ = inplace(comparison.bitwise_or)
    bitwise_xor_ = __ixor__ = inplace(comparison.bitwise_xor)
    bitwise_not_ = inplace(comparison.bitwise_not)
    bitwise_left_shift_ = __ilshift__ = inplace(comparison.bitwise_left_shift)
    bitwise_right_shift_ = __irshift__ = inplace(comparison.bitwise_right_shift)

    # ---- reductions (ops/reductions) -----------------------------------------------------------------------------

    sum = reductions.sum
    trace = reductions.trace
    mean = reductions.mean
    prod = reductions.prod
    nansum = reductions.nansum
    nanmean = reductions.nanmean
    logsumexp = reductions.logsumexp
    any = reductions.any
    all = reductions.all
    count_nonzero = reductions.count_nonzero
    amax = extremes.amax
    amin = extremes.amin
    max = extremes.max
    min = extremes.min
    aminmax = extremes.aminmax
    var = statistics.var
    std = statistics.std
    cov = statistics.cov
    corrcoef = statistics.corrcoef
    histc = statistics.histc
    bincount = statistics.bincount
    median = quantiles.median
    nanmedian = quantiles.nanmedian
    mode = quantiles.mode
    quantile = quantiles.quantile
    nanquantile = quantiles.nanquantile
    norm = norms.norm
    dist = norms.dist

    # ---- scans (ops/scans) -----------------------------------------------------------------------------------------

    cumsum = scans.cumsum
    cumprod = scans.cumprod
    cumsum_ = inplace(scans.cumsum)
    cumprod_ = inplace(scans.cumprod)
    cummax = scans.cummax
    cummin = scans.cummin
    logcumsumexp = scans.logcumsumexp
    diff = scans.diff

    # ---- sorting and selection (ops/sorting) -----------------------------------------------------------------------

    sort = sorting.sort
    argsort = sorting.argsort
    msort = sorting.msort
    topk = sorting.topk
    kthvalue = sorting.kthvalue
    argmax = sorting.argmax
    argmin = sorting.argmin
    unique = sorting.unique
    unique_consecutive = sorting.unique_consecutive

    # ---- shapes and views (ops/shapes, ops/repetition) -------------------------------------------------------------

    reshape = shapes.spread(shapes.reshape)
    view = shapes.view_or_cast
    reshape_as = shapes.reshape_as
    view_as = shapes.view_as
    flatten = shapes.flatten
    ravel = shapes.ravel
    unflatten = shapes.unflatten
    squeeze = shapes.squeeze
    unsqueeze = shapes.unsqueeze
    transpose = swapaxes = swapdims = shapes.transpose
    permute = shapes.spread(shapes.permute)
    movedim = moveaxis = shapes.movedim
    t = shapes.t
    T = property(shapes.reverse_dims)
    mT = property(shapes.matrix_transpose)
    H = property(shapes.hermitian)
    mH = property(shapes.adjoint)
    adjoint = shapes.adjoint
    flip = shapes.spread(shapes.flip)
    fliplr = shapes.fliplr
    flipud = shapes.flipud
    rot90 = shapes.rot90
    roll = shapes.roll
    expand = shapes.spread(repetition.broadcast_to)
    expand_as = repetition.expand_as
    broadcast_to = repetition.broadcast_to
    tile = shapes.spread(repetition.tile)
    repeat = shapes.spread(repetition.repeat)
    repeat_interleave = repetition.repeat_interleave
    sum_to_size = shapes.spread(repetition.sum_to_size)
    diagonal = diagonals.diagonal
    diag = diagonals.diag
    diag_embed = diagonals.diag_embed
    diagflat = diagonals.diagflat
    diagonal_scatter = diagonals.diagonal_scatter
    tril = diagonals.tril
    triu = diagonals.triu
    tril_ = inplace(diagonals.tril)
    triu_ = inplace(diagonals.triu)

    # ---- joining and splitting (ops/joining) -----------------------------------------------------------------------

    split = joining.split
    split_with_sizes = joining.split_with_sizes
    tensor_split = joining.tensor_split
    chunk = joining.chunk
    unbind = joining.unbind
    hsplit = joining.hsplit
    vsplit = joining.vsplit
    dsplit = joining.dsplit

    # ---- indexing (ops/indexing, ops/taking, ops/scattering) -------------------------------------------------------

    __getitem__ = indexing.getitem
    __setitem__ = indexing.setitem
    fill_ = indexing.fill_
    zero_ = indexing.zero_
    narrow = taking.narrow
    select = taking.select
    index_select = taking.index_select
    gather = taking.gather
    take_along_dim = taking.take_along_dim
    take = taking.take
    masked_select = taking.masked_select
    nonzero = taking.nonzero
    argwhere = taking.argwhere
    scatter = scattering.scatter
    scatter_add = scattering.scatter_add
    scatter_reduce = scattering.scatter_reduce
    index_add = scattering.index_add
    index_copy = scattering.index_copy
    index_fill = scattering.index_fill
    index_reduce = scattering.index_reduce
    index_put = scattering.index_put
    put = scattering.put
    masked_scatter = scattering.masked_scatter
    select_scatter = scattering.select_scatter
    slice_scatter = scattering.slice_scatter

    scatter_ = inplace(scattering.scatter)
    scatter_add_ = inplace(scattering.scatter_add)
    scatter_reduce_ = inplace(scattering.scatter_reduce)
    index_add_ = inplace(scattering.index_add)
    index_copy_ = inplace(scattering.index_copy)
    index_fill_ = inplace(scattering.index_fill)
    index_reduce_ = inplace(scattering.index_reduce)
    index_put_ = inplace(scattering.index_put)
    put_ = inplace(scattering.put)
    masked_scatter_ = inplace(scattering.masked_scatter)

    # ---- matrix products (ops/products) ------------------------------------------------------------------------------

    matmul = __matmul__ = products.matmul
    __rmatmul__ = products.rmatmul
    mm = products.mm
    bmm = products.bmm
    mv = products.mv
    dot = products.dot
    vdot = products.vdot
    inner = products.inner
    outer = ger = products.outer
    kron = products.kron
    cross = products.cross
    addmm = products.addmm
    addmv = products.addmv
    addr = products.addr
    baddbmm = products.baddbmm
    addbmm = products.addbmm

    __imatmul__ = inplace(products.matmul)
    addmm_ = inplace(products.addmm)
    addmv_ = inplace(products.addmv)
    addr_ = inplace(products.addr)
    baddbmm_ = inplace(products.baddbmm)
    addbmm_ = inplace(products.addbmm)

    # ---- linear algebra (ops/linear_algebra, decompositions, matrix_functions) -------------------------------------------------------------------------

    inverse = linear_algebra.inv
    det = linear_algebra.det
    logdet = linear_algebra.logdet
    slogdet = linear_algebra.slogdet
    pinverse = least_squares.pinverse
    cholesky = decompositions.cholesky
    cholesky_solve = linear_algebra.cholesky_solve
    cholesky_inverse = linear_algebra.cholesky_inverse
    qr = decompositions.qr_some
    svd = decompositions.svd_some
    matrix_power = matrix_functions.matrix_power
    matrix_exp = matrix_functions.matrix_exp

    # ---- the primitives of neural networks (ops/activations, neural) ------------------------------------------------

    relu = activations.relu
    hardshrink = activations.hardshrink
    prelu = activations.prelu
    softmax = neural.softmax
    log_softmax = neural.log_softmax
    softmin = neural.softmin

    relu_ = inplace(activations.relu)

    # ---- windows (ops/windows) -----------------------------------------------------------------------------------------

    unfold = windows.unfold

    # ---- random numbers (generator) ------------------------------------------------------------------------------------

    uniform_ = generator.uniform_
    normal_ = generator.normal_
    bernoulli_ = generator.bernoulli_
    exponential_ = generator.exponential_
    random_ = generator.random_

    # ---- new Tensors like this one -------------------------------------------------------------------------------------

    def new_tensor(self, data: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
        """A new Tensor with a copy of ``data``, by default in this Tensor's dtype."""
        return tensor(data, dtype=self.dtype if dtype is None else dtype, requires_grad=requires_grad)

    def new_zeros(self, *size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
        """Zeros of a shape, by default in this Tensor's dtype."""
        return self.new_full(size, 0, dtype=dtype, requires_grad=requires_grad)

    def new_ones(self, *size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
        """Ones of a shape, by default in this Tensor's dtype."""
        return self.new_full(size, 1, dtype=dtype, requires_grad=requires_grad)

    def new_empty(self, *size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
        """Unset elements of a shape, by default in this Tensor's dtype."""
        return self.new_full(size, 0, dtype=dtype, requires_grad=requires_grad)

    def new_full(self, size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
        """``fill_value`` in a shape, by default in this Tensor's dtype."""
        shape = size[0] if len(size) == 1 and isinstance(size[0], (tuple, list)) else size
        kind = self.dtype if dtype is None else dtypes.as_dtype(dtype)
        return Tensor(np.full(tuple(shape), fill_value, kind), requires_grad)


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
    made = Tensor(to_array(data, dtype, copy=True), requires_grad)
    if not made._data.ndim:
        made._data = made._data[()]  # as a NumPy scalar, whose arithmetic is much faster
    return made


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
