"""Convolutions of 1, 2 and 3 dimensions, and their transposes.

Three ops, each the derivative of the others: the convolution, which is linear in input and weight, and its two
transposes. So every derivative of any order is again one of them. The work is done in ``columns``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .._op import composed, op
from ..errors import ArgumentError, DtypeError, ShapeError
from ..samples import case, reals
from .columns import Geometry, convolve, spread, weight_gradient
from .reductions import sum as total
from .shapes import reshape, shape_of
from .windows import per_dimension

if TYPE_CHECKING:
    from .._tensor import Tensor

# ---- the three ops ---------------------------------------------------------------------------------------------------


def _bias_rule(g: Any) -> Any:
    return total.kernel(g, (0, *range(2, g.ndim)))


_LINE: dict[str, Any] = {"stride": (1,), "padding": ((1, 1),), "dilation": (1,), "groups": 1}
_WIDE: dict[str, Any] = {"stride": (2,), "padding": ((0, 1),), "dilation": (2,), "groups": 1}
_CUT: dict[str, Any] = {"stride": (1,), "padding": ((-1, 2),), "dilation": (1,), "groups": 1}
_GROUPS: dict[str, Any] = {"stride": (1, 1), "padding": ((0, 0), (1, 0)), "dilation": (1, 1), "groups": 2}
_STEPS: dict[str, Any] = {"stride": (2, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}


@op(
    x=lambda g, x_shape, weight, stride, padding, dilation, groups: transposed_convolution.kernel(
        g, weight, None, x_shape[2:], stride, padding, dilation, groups
    ),
    weight=lambda g, x, weight_shape, stride, padding, dilation, groups: convolution_weight.kernel(
        x, g, weight_shape[2:], stride, padding, dilation, groups
    ),
    bias=_bias_rule,
    jvp="multilinear",
    samples=[
        case(x=reals(shape=(2, 1, 4)), weight=reals(shape=(2, 1, 3)), bias=reals(shape=(2,)), **_LINE),
        case(x=reals(shape=(1, 2, 6)), weight=reals(shape=(1, 2, 2)), **_WIDE),
        case(x=reals(shape=(1, 1, 20)), weight=reals(shape=(1, 1, 3)), **_CUT),
        case(x=reals(shape=(1, 2, 3, 3)), weight=reals(shape=(2, 1, 2, 2)), bias=reals(shape=(2,)), **_GROUPS),
        case(x=reals(shape=(2, 2, 3, 2)), weight=reals(shape=(3, 2, 1, 1)), **_STEPS),
        case(x=reals(shape=(0, 1, 4)), weight=reals(shape=(2, 1, 3)), bias=reals(shape=(2,)), **_LINE),
    ],
)
def convolution(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: tuple[int, ...] = (1,),
    padding: tuple[tuple[int, int], ...] = ((0, 0),),
    dilation: tuple[int, ...] = (1,),
    groups: int = 1,
) -> Any:
    """The sum over a window of ``x`` times ``weight``, for every place of the window; plus ``bias``.

    Shape: (N, C, ...), (K, C / groups, kernel...), (K) -> (N, K, places...).

    Args:
        padding: for each dimension how many zeros before and after; negative ones cut off.
    """
    return convolve(x, weight, bias, Geometry(stride, padding, dilation), groups)


@op(
    x=lambda g, weight, stride, padding, dilation, groups: convolution.kernel(
        g, weight, None, stride, padding, dilation, groups
    ),
    weight=lambda g, x, weight_shape, stride, padding, dilation, groups: convolution_weight.kernel(
        g, x, weight_shape[2:], stride, padding, dilation, groups
    ),
    bias=_bias_rule,
    jvp="multilinear",
    samples=[
        case(x=reals(shape=(2, 2, 4)), weight=reals(shape=(2, 1, 3)), bias=reals(shape=(1,)), sizes=(4,), **_LINE),
        case(x=reals(shape=(1, 1, 3)), weight=reals(shape=(1, 2, 2)), sizes=(6,), **_WIDE),
        case(x=reals(shape=(1, 1, 19)), weight=reals(shape=(1, 1, 3)), bias=reals(shape=(1,)), sizes=(20,), **_CUT),
        case(x=reals(shape=(1, 2, 2, 3)), weight=reals(shape=(2, 1, 2, 2)), sizes=(3, 3), **_GROUPS),
        case(x=reals(shape=(2, 3, 2, 2)), weight=reals(shape=(3, 2, 1, 1)), sizes=(3, 2), **_STEPS),
    ],
)
def transposed_convolution(
    x: Any,
    weight: Any,
    bias: Any = None,
    sizes: tuple[int, ...] = (),
    stride: tuple[int, ...] = (1,),
    padding: tuple[tuple[int, int], ...] = ((0, 0),),
    dilation: tuple[int, ...] = (1,),
    groups: int = 1,
) -> Any:
    """The derivative of a convolution with respect to its input: each element of ``x`` times ``weight``, at its place.

    Shape: (N, K, places...), (K, C / groups, kernel...), (C) -> (N, C, sizes...).
    """
    return spread(x, weight, bias, tuple(sizes), Geometry(stride, padding, dilation), groups)


@op(
    x=lambda g, y, x_shape, stride, padding, dilation, groups: transposed_convolution.kernel(
        y, g, None, x_shape[2:], stride, padding, dilation, groups
    ),
    y=lambda g, x, stride, padding, dilation, groups: convolution.kernel(x, g, None, stride, padding, dilation, groups),
    jvp="multilinear",
    samples=[
        case(x=reals(shape=(2, 1, 4)), y=reals(shape=(2, 2, 4)), kernel=(3,), **_LINE),
        case(x=reals(shape=(1, 2, 6)), y=reals(shape=(1, 1, 3)), kernel=(2,), **_WIDE),
        case(x=reals(shape=(1, 1, 20)), y=reals(shape=(1, 1, 19)), kernel=(3,), **_CUT),
        case(x=reals(shape=(1, 2, 3, 3)), y=reals(shape=(1, 2, 2, 3)), kernel=(2, 2), **_GROUPS),
        case(x=reals(shape=(2, 2, 3, 2)), y=reals(shape=(2, 3, 2, 2)), kernel=(1, 1), **_STEPS),
    ],
)
def convolution_weight(
    x: Any,
    y: Any,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    groups: int,
) -> Any:
    """The derivative of a convolution of ``x`` with respect to its weight, times ``y``: each place times its window.

    Shape: (N, C, ...), (N, K, places...) -> (K, C / groups, kernel...).
    """
    return weight_gradient(x, y, tuple(kernel), Geometry(stride, padding, dilation), groups)


# ---- arguments -------------------------------------------------------------------------------------------------------


def _paddings(name: str, padding: Any, kernel: Sequence[int], stride: Any, dilation: Any) -> Any:
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ArgumentError(f"{name}: padding must be numbers, 'same' or 'valid', got {padding!r}")
        if padding == "valid":
            return ((0, 0),) * len(kernel)
        if max(stride) > 1:
            raise ArgumentError(
                f"{name}: padding='same' needs a stride of 1, got {stride}; give the padding as numbers"
            )
        reach = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return tuple([(r // 2, r - r // 2) for r in reach])
    return tuple([(n, n) for n in per_dimension(name, "padding", padding, len(kernel), 0)])


def _check(name: str, rank: int, x: Any, weight: Any, bias: Any, groups: int, transposed: bool) -> None:
    """Raise if input, weight and bias do not fit each other; channels are compared by ``transposed``."""
    shape, weights = shape_of(x), shape_of(weight)
    if len(shape) not in (rank + 1, rank + 2):
        sizes = ", ".join(("length", "height, width", "depth, height, width")[rank - 1].split(", "))
        raise ShapeError(f"{name}: expected an input (batch, channels, {sizes}) or without batch, got shape {shape}")
    if len(weights) != rank + 2:
        what = "(inputs, outputs / groups, kernel...)" if transposed else "(outputs, inputs / groups, kernel...)"
        raise ShapeError(f"{name}: expected a weight {what} of {rank + 2} dimensions, got shape {weights}")
    if 0 in weights[2:]:
        raise ShapeError(f"{name}: a kernel must not be empty, got a weight of shape {weights}")
    if groups < 1 or weights[0] % groups or not weights[0]:
        raise ShapeError(
            f"{name}: the first dimension of the weight, of shape {weights}, must be a positive multiple of "
            f"groups={groups}"
        )
    channels = shape[-1 - rank]
    wanted = weights[0] if transposed else weights[1] * groups
    if channels != wanted:
        text = f"{name}: the weight of shape {weights} with groups={groups} takes {wanted} input channels"
        raise ShapeError(f"{text}, but the input, of shape {shape}, has {channels}")
    outputs = weights[1] * groups if transposed else weights[0]
    if bias is not None and shape_of(bias) != (outputs,):
        raise ShapeError(f"{name}: the bias has shape {shape_of(bias)}, but there are {outputs} output channels")
    dtypes = [value.dtype for value in (x, weight, bias) if hasattr(value, "dtype")]
    if any(dtype != dtypes[0] for dtype in dtypes):
        names = ", ".join(map(str, dtypes))
        raise DtypeError(f"{name}: input, weight and bias must have one dtype, got {names}; convert with .to(dtype)")


def _batched(x: Any, rank: int) -> tuple[Any, bool]:
    """The input with a dimension of images, and whether it had none."""
    shape = shape_of(x)
    alone = len(shape) == rank + 1
    return (reshape(x, (1, *shape)) if alone else x), alone


def _unbatched(out: Any, alone: bool) -> Any:
    return reshape(out, shape_of(out)[1:]) if alone else out


# ---- convolutions ----------------------------------------------------------------------------------------------------


def _convolved(
    name: str, rank: int, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    _check(name, rank, x, weight, bias, groups, False)
    kernel = shape_of(weight)[2:]
    stride = per_dimension(name, "stride", stride, rank, 1)
    dilation = per_dimension(name, "dilation", dilation, rank, 1)
    padding = _paddings(name, padding, kernel, stride, dilation)
    sizes = shape_of(x)[-rank:]
    padded = tuple([n + low + high for n, (low, high) in zip(sizes, padding, strict=True)])
    spans = tuple([d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)])
    if any(n < span for n, span in zip(padded, spans, strict=True)):
        raise ShapeError(
            f"{name}: a kernel that spans {spans} (size {kernel}, dilation {dilation}) does not fit into the input of "
            f"size {sizes}, with padding {padded}"
        )
    x, alone = _batched(x, rank)
    return _unbatched(convolution(x, weight, bias, stride, padding, dilation, groups), alone)


def _cases(rank: int) -> list[Any]:
    sizes = ((5,), (3, 3), (2, 2, 2))[rank - 1]
    kernel = ((3,), (2, 2), (2, 1, 2))[rank - 1]
    return [
        case(input=reals(shape=(1, 2, *sizes)), weight=reals(shape=(1, 2, *kernel)), bias=reals(shape=(1,)), padding=1),
        case(input=reals(shape=(2, *sizes)), weight=reals(shape=(2, 1, *kernel)), padding="same", groups=2),
        case(input=reals(shape=(1, *sizes)), weight=reals(shape=(2, 1, *kernel)), stride=2, padding="valid"),
    ]


_INPUTS = ("input", "weight", "bias")


@composed(inputs=_INPUTS, samples=_cases(1))
def conv1d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor:
    """Convolution along one dimension (strictly, correlation: the kernel is not turned round).

    Args:
        input: (N, C, length), or (C, length) without batch.
        weight: (K, C / groups, kernel).
        bias: (K), or None.
        stride: from one place of the kernel to the next; a number, or one for each dimension, as the next two.
        padding: zeros on both sides; or ``"same"`` (the output has the input's size), ``"valid"`` (none).
        dilation: from one element of the kernel to the next.
        groups: into how many independent groups the channels are divided.

    Shape: (N, K, (length + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1).

    Raises: ShapeError, DtypeError, ValueError.

    >>> import nn.functional as F
    >>> from autograd import tensor
    >>> F.conv1d(tensor([[1.0, 2.0, 4.0]]), tensor([[[-1.0, 1.0]]]))
    tensor([[1., 2.]])
    """
    return _convolved("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


@composed(inputs=_INPUTS, samples=_cases(2))
def conv2d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor:
    """Convolution along height and width; arguments as for ``conv1d``."""
    return _convolved("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


@composed(inputs=_INPUTS, samples=_cases(3))
def conv3d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor:
    """Convolution along depth, height and width; arguments as for ``conv1d``."""
    return _convolved("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


# ---- transposed ------------------------------------------------------------------------------------------------------


def _transposed(
    name: str,
    rank: int,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Any:
    _check(name, rank, x, weight, bias, groups, True)
    kernel, sizes = shape_of(weight)[2:], shape_of(x)[-rank:]
    stride = per_dimension(name, "stride", stride, rank, 1)
    dilation = per_dimension(name, "dilation", dilation, rank, 1)
    less = per_dimension(name, "padding", padding, rank, 0)
    more = per_dimension(name, "output_padding", output_padding, rank, 0)
    if any(m >= max(s, d) for m, s, d in zip(more, stride, dilation, strict=True)):
        raise ArgumentError(
            f"{name}: output_padding must be smaller than stride or dilation, got output_padding {more}, stride "
            f"{stride}, dilation {dilation}"
        )
    out = transposed_sizes(sizes, kernel, stride, less, more, dilation)
    if min(out) < 1 or min(sizes) < 1:
        raise ShapeError(f"{name}: an input of size {sizes} gives an output of size {out}, which is empty")
    # What lies beyond the last place that the kernel can have is cut off, so that there are as many places as inputs.
    around = tuple([(p, p - m if m >= s else p) for p, m, s in zip(less, more, stride, strict=True)])
    x, alone = _batched(x, rank)
    return _unbatched(transposed_convolution(x, weight, bias, out, stride, around, dilation, groups), alone)


def transposed_sizes(
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    output_padding: Sequence[int],
    dilation: Sequence[int],
) -> tuple[int, ...]:
    """The output sizes of a transposed convolution."""
    return tuple([
        (n - 1) * s - 2 * p + d * (k - 1) + m + 1
        for n, k, s, p, m, d in zip(sizes, kernel, stride, padding, output_padding, dilation, strict=True)
    ])  # fmt: skip


def _transposed_cases(rank: int) -> list[Any]:
    sizes = ((3,), (2, 2), (2, 1, 2))[rank - 1]
    kernel = ((3,), (2, 2), (2, 1, 2))[rank - 1]
    steps = {"stride": 2, "padding": (1,) + (0,) * (rank - 1), "output_padding": (1,) + (0,) * (rank - 1)}
    return [
        case(input=reals(shape=(1, 2, *sizes)), weight=reals(shape=(2, 1, *kernel)), bias=reals(shape=(1,)), **steps),
        case(input=reals(shape=(2, *sizes)), weight=reals(shape=(2, 1, *kernel)), groups=2),
        case(input=reals(shape=(1, *sizes)), weight=reals(shape=(1, 1, *kernel)), dilation=2, output_padding=1),
    ]


@composed(inputs=_INPUTS, samples=_transposed_cases(1))
def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The transpose of ``conv1d``: each element times the kernel, added up at its place.

    Args:
        input: (N, C, length), or (C, length) without batch.
        weight: (C, K / groups, kernel).
        bias: (K), or None.
        stride: from the place of one element to that of the next.
        padding: how much is cut off the output on both sides.
        output_padding: by how much the output is longer at its end; less than stride or dilation.
        groups: into how many independent groups the channels are divided.
        dilation: from one element of the kernel to the next.

    Shape: (N, K, (length - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1).

    Raises: ShapeError, DtypeError, ValueError.
    """
    arguments = (stride, padding, output_padding, groups, dilation)
    return _transposed("conv_transpose1d", 1, input, weight, bias, *arguments)


@composed(inputs=_INPUTS, samples=_transposed_cases(2))
def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The transpose of ``conv2d``; arguments as for ``conv_transpose1d``."""
    arguments = (stride, padding, output_padding, groups, dilation)
    return _transposed("conv_transpose2d", 2, input, weight, bias, *arguments)


@composed(inputs=_INPUTS, samples=_transposed_cases(3))
def conv_transpose3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The transpose of ``conv3d``; arguments as for ``conv_transpose1d``."""
    arguments = (stride, padding, output_padding, groups, dilation)
    return _transposed("conv_transpose3d", 3, input, weight, bias, *arguments)
