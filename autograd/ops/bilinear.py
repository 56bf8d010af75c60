"""The bilinear map: linear in each of two inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._op import composed
from ..errors import ShapeError
from ..samples import case, reals
from . import arithmetic, dimensions, reductions, shapes
from .products import matmul

if TYPE_CHECKING:
    from .._tensor import Tensor

_WEIGHT = reals(shape=(2, 3, 2))


@shapes.also_named(input1="x1", input2="x2")
@composed(inputs=("x1", "x2", "weight", "bias"), samples=[
    case(x1=reals(shape=(4, 3)), x2=reals(shape=(4, 2)), weight=_WEIGHT, bias=reals(shape=(2,))),
    case(x1=reals(shape=(2, 2, 3)), x2=reals(shape=(2, 2, 2)), weight=_WEIGHT),
    case(x1=reals(shape=(3,)), x2=reals(shape=(2,)), weight=_WEIGHT, bias=reals(shape=(2,))),
    case(x1=reals(shape=(0, 3)), x2=reals(shape=(0, 2)), weight=_WEIGHT, bias=reals(shape=(2,))),
])  # fmt: skip
def bilinear(x1: Any, x2: Any, weight: Any, bias: Any = None) -> Tensor:
    """``x1 @ weight[k] @ x2 + bias[k]`` for each output ``k``.

    Shape: ``(..., I), (..., J), (K, I, J), (K) -> (..., K)``.

    Raises: ShapeError.
    """
    first, second, form = tuple(x1.shape), tuple(x2.shape), tuple(weight.shape)
    bad = len(form) != 3 or not first or first[:-1] != second[:-1] or (first[-1], second[-1]) != form[1:]
    if bad or (bias is not None and tuple(bias.shape) != form[:1]):
        raise ShapeError(
            f"bilinear: expected shapes (..., I), (..., J), (K, I, J) and (K), got {first}, {second}, {form} and "
            f"{None if bias is None else tuple(bias.shape)}"
        )
    k, i, j = form
    rows = matmul(x1, shapes.reshape(dimensions.permute(weight, (1, 0, 2)), (i, k * j)))
    products = arithmetic.mul(shapes.reshape(rows, (*first[:-1], k, j)), shapes.unsqueeze(x2, -2))
    out = reductions.sum(products, -1, dtype=products.dtype)
    return out if bias is None else arithmetic.add(out, bias)
