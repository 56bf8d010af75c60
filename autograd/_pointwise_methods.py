"""Tensor's elementwise methods, in the order of the families of ops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._inplace import inplace
from ._op_function import attribute
from .ops import (
    arithmetic,
    bessel,
    comparison,
    complex_pairs,
    complexes,
    error_functions,
    exponential,
    gamma,
    powers,
    rounding,
    selection,
    trigonometric,
)

if TYPE_CHECKING:
    from ._tensor import Tensor

__all__ = ["PointwiseMethods"]


class PointwiseMethods:
    """What a Tensor computes element by element."""

    __slots__ = ()

    # ---- arithmetic (ops/arithmetic, ops/powers) -----------------------------------------------------------------

    add = arithmetic.add
    sub = subtract = arithmetic.sub
    rsub = arithmetic.rsub
    mul = multiply = arithmetic.mul
    div = divide = arithmetic.div
    true_divide = arithmetic.true_divide
    floor_divide = arithmetic.floor_divide
    remainder = arithmetic.remainder
    fmod = arithmetic.fmod
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
    pow = powers.pow
    float_power = powers.float_power
    square = powers.square
    sqrt = powers.sqrt
    rsqrt = powers.rsqrt
    reciprocal = powers.reciprocal
    hypot = powers.hypot
    ldexp = powers.ldexp

    add_ = inplace(arithmetic.add)
    sub_ = subtract_ = inplace(arithmetic.sub)
    mul_ = multiply_ = inplace(arithmetic.mul)
    div_ = divide_ = inplace(arithmetic.div)
    true_divide_ = inplace(arithmetic.true_divide, "true_divide_")
    floor_divide_ = inplace(arithmetic.floor_divide)
    remainder_ = inplace(arithmetic.remainder)
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
    pow_ = inplace(powers.pow)
    float_power_ = inplace(powers.float_power)
    square_ = inplace(powers.square)
    sqrt_ = inplace(powers.sqrt)
    rsqrt_ = inplace(powers.rsqrt)
    reciprocal_ = inplace(powers.reciprocal)
    hypot_ = inplace(powers.hypot)
    ldexp_ = inplace(powers.ldexp)

    # ---- rounding (ops/rounding) -----------------------------------------------------------------------------------

    floor = rounding.floor
    ceil = rounding.ceil
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

    real = attribute(complexes.real, inplace(complex_pairs.set_real))
    imag = attribute(complexes.imag, inplace(complex_pairs.set_imag))
    conj = conj_physical = complexes.conj
    resolve_conj = complexes.resolve_conj
    resolve_neg = complexes.resolve_neg
    angle = complexes.angle

    conj_physical_ = inplace(complexes.conj, "conj_physical_")

    # ---- exponentials, special functions (ops/exponential, error_functions, gamma, bessel) -------------------------

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
    erf = error_functions.erf
    erfc = error_functions.erfc
    erfinv = error_functions.erfinv
    lgamma = gamma.lgamma
    digamma = gamma.digamma
    mvlgamma = gamma.mvlgamma
    sinc = exponential.sinc
    i0 = bessel.i0

    def polygamma(self, n: Any) -> Tensor:
        """The ``n``-th derivative of ``digamma``."""
        return gamma.polygamma(n, self)

    igamma = gamma.igamma
    igammac = gamma.igammac

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
    erf_ = inplace(error_functions.erf)
    erfc_ = inplace(error_functions.erfc)
    erfinv_ = inplace(error_functions.erfinv)
    lgamma_ = inplace(gamma.lgamma)
    digamma_ = inplace(gamma.digamma)
    mvlgamma_ = inplace(gamma.mvlgamma)
    sinc_ = inplace(exponential.sinc)
    i0_ = inplace(bessel.i0)
    igamma_ = inplace(gamma.igamma)
    igammac_ = inplace(gamma.igammac)
    polygamma_ = inplace(polygamma)

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
    lt = less = comparison.lt
    le = less_equal = comparison.le
    gt = greater = comparison.gt
    ge = greater_equal = comparison.ge
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
    bitwise_and = comparison.bitwise_and
    bitwise_or = comparison.bitwise_or
    bitwise_xor = comparison.bitwise_xor
    bitwise_not = __invert__ = comparison.bitwise_not
    bitwise_left_shift = comparison.bitwise_left_shift
    bitwise_right_shift = comparison.bitwise_right_shift

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
    bitwise_and_ = inplace(comparison.bitwise_and)
    bitwise_or_ = inplace(comparison.bitwise_or)
    bitwise_xor_ = inplace(comparison.bitwise_xor)
    bitwise_not_ = inplace(comparison.bitwise_not)
    bitwise_left_shift_ = inplace(comparison.bitwise_left_shift)
    bitwise_right_shift_ = inplace(comparison.bitwise_right_shift)

    # ---- operators: as the methods, but what is not a Tensor, array or number is left to its own type ----------------

    __add__ = __radd__ = arithmetic.add.op.operator
    __sub__ = arithmetic.sub.op.operator
    __rsub__ = arithmetic.rsub.op.operator
    __mul__ = __rmul__ = arithmetic.mul.op.operator
    __truediv__ = arithmetic.true_divide.op.operator
    __rtruediv__ = arithmetic.swapped(arithmetic.true_divide.op.operator)
    __floordiv__ = arithmetic.floor_divide.op.operator
    __rfloordiv__ = arithmetic.swapped(arithmetic.floor_divide.op.operator)
    __mod__ = arithmetic.remainder.op.operator
    __rmod__ = arithmetic.swapped(arithmetic.remainder.op.operator)
    __divmod__ = arithmetic.among_numbers(arithmetic.divmod)
    __rdivmod__ = arithmetic.swapped(arithmetic.among_numbers(arithmetic.divmod))
    __pow__ = powers.power_operator
    __rpow__ = arithmetic.swapped(powers.power_operator)
    __and__ = __rand__ = comparison.bitwise_and.op.operator
    __or__ = __ror__ = comparison.bitwise_or.op.operator
    __xor__ = __rxor__ = comparison.bitwise_xor.op.operator
    __lshift__ = comparison.bitwise_left_shift.op.operator
    __rlshift__ = arithmetic.swapped(comparison.bitwise_left_shift.op.operator)
    __rshift__ = comparison.bitwise_right_shift.op.operator
    __rrshift__ = arithmetic.swapped(comparison.bitwise_right_shift.op.operator)
    __eq__ = comparison.eq.op.operator  # type: ignore[assignment]
    __ne__ = comparison.ne.op.operator  # type: ignore[assignment]
    __lt__ = comparison.lt.op.operator
    __le__ = comparison.le.op.operator
    __gt__ = comparison.gt.op.operator
    __ge__ = comparison.ge.op.operator

    __iadd__ = inplace(__add__)
    __isub__ = inplace(__sub__)
    __imul__ = inplace(__mul__)
    __itruediv__ = inplace(__truediv__)
    __ifloordiv__ = inplace(__floordiv__)
    __imod__ = inplace(__mod__)
    __ipow__ = inplace(__pow__)
    __iand__ = inplace(__and__)
    __ior__ = inplace(__or__)
    __ixor__ = inplace(__xor__)
    __ilshift__ = inplace(__lshift__)
    __irshift__ = inplace(__rshift__)
