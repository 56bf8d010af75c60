"""Tensor's methods that work on whole arrays, in the order of the families of ops."""

from __future__ import annotations

from ._inplace import apply_, inplace
from ._op_function import attribute
from .engine.views import reshape_inplace
from .ops import (
    activations,
    casting,
    counts,
    decompositions,
    diagonals,
    dimensions,
    distinct,
    draws,
    extremes,
    indexing,
    joining,
    kronecker,
    least_squares,
    linear_algebra,
    log_sums,
    mantissas,
    matrix_functions,
    neural,
    norm_limits,
    norms,
    products,
    quantiles,
    reductions,
    repetition,
    scans,
    scattering,
    shapes,
    short_time,
    sorting,
    statistics,
    strided,
    taking,
    windows,
)

__all__ = ["ArrayMethods"]


class ArrayMethods:
    """What a Tensor computes over its dimensions."""

    __slots__ = ()

    # ---- casts and copies (ops/casting) ------------------------------------------------------------------------

    clone = casting.clone
    to = casting.to
    astype = casting.astype
    type = casting.type_
    type_as = casting.type_as
    float = casting.float_
    double = casting.double
    half = casting.half
    int = casting.int_
    long = casting.long
    short = casting.short
    char = casting.char
    byte = casting.byte
    bool = casting.bool_
    cfloat = casting.cfloat
    cdouble = casting.cdouble
    cpu = casting.cpu
    cuda = casting.cuda
    contiguous = casting.contiguous

    # ---- reductions (ops/reductions) -----------------------------------------------------------------------------

    sum = reductions.sum
    trace = reductions.trace
    mean = reductions.mean
    prod = reductions.prod
    nansum = reductions.nansum
    nanmean = reductions.nanmean
    logsumexp = log_sums.logsumexp
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
    histc = counts.histc
    histogram = counts.histogram
    bincount = counts.bincount
    median = quantiles.median
    nanmedian = quantiles.nanmedian
    mode = quantiles.mode
    quantile = quantiles.quantile
    nanquantile = quantiles.nanquantile
    norm = norms.norm
    dist = norms.dist
    renorm = norm_limits.renorm
    renorm_ = inplace(norm_limits.renorm)

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
    unique = distinct.unique
    unique_consecutive = distinct.unique_consecutive

    # ---- shapes and views (ops/shapes, ops/dimensions, ops/repetition) -----------------------------------------------

    reshape = shapes.spread(shapes.reshape)
    view = shapes.view_or_cast
    reshape_as = shapes.reshape_as
    view_as = shapes.view_as
    flatten = shapes.flatten
    ravel = shapes.ravel
    unflatten = shapes.unflatten
    squeeze = shapes.squeeze
    unsqueeze = shapes.unsqueeze
    transpose = swapdims = dimensions.transpose
    swapaxes = dimensions.swapaxes
    permute = shapes.spread(dimensions.permute)
    movedim = moveaxis = dimensions.movedim
    t = dimensions.t
    T = attribute(dimensions.reverse_dims)
    mT = attribute(dimensions.matrix_transpose)
    H = attribute(dimensions.hermitian)
    mH = attribute(dimensions.adjoint)
    adjoint = dimensions.adjoint
    flip = shapes.spread(dimensions.flip)
    fliplr = dimensions.fliplr
    flipud = dimensions.flipud
    rot90 = dimensions.rot90
    roll = dimensions.roll
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
    squeeze_ = reshape_inplace(shapes.squeeze)
    unsqueeze_ = reshape_inplace(shapes.unsqueeze)
    transpose_ = swapdims_ = reshape_inplace(dimensions.transpose)
    swapaxes_ = reshape_inplace(dimensions.swapaxes)
    t_ = reshape_inplace(dimensions.t)
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
    fill_diagonal_ = indexing.fill_diagonal_
    zero_ = indexing.zero_
    apply_ = apply_
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

    matmul = products.matmul
    __matmul__ = products.matmul.op.operator
    __rmatmul__ = products.rmatmul
    mm = products.mm
    bmm = products.bmm
    mv = products.mv
    dot = products.dot
    vdot = products.vdot
    inner = products.inner
    outer = ger = products.outer
    kron = kronecker.kron
    cross = products.cross
    addmm = products.addmm
    addmv = products.addmv
    addr = products.addr
    baddbmm = products.baddbmm
    addbmm = products.addbmm

    __imatmul__ = inplace(__matmul__)
    addmm_ = inplace(products.addmm)
    addmv_ = inplace(products.addmv)
    addr_ = inplace(products.addr)
    baddbmm_ = inplace(products.baddbmm)
    addbmm_ = inplace(products.addbmm)

    # ---- linear algebra (ops/linear_algebra, decompositions, matrix_functions) -------------------------------------

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

    # ---- windows (ops/windows) -------------------------------------------------------------------------------------

    unfold = windows.unfold
    as_strided = strided.as_strided

    # ---- signals and numbers taken apart (ops/short_time, mantissas) ------------------------------------------------

    stft = short_time.stft
    istft = short_time.istft
    frexp = mantissas.frexp

    # ---- random numbers (ops/draws) ----------------------------------------------------------------------------

    uniform_ = draws.uniform_
    normal_ = draws.normal_
    bernoulli = draws.bernoulli
    bernoulli_ = draws.bernoulli_
    multinomial = draws.multinomial
    exponential_ = draws.exponential_
    random_ = draws.random_
    geometric_ = draws.geometric_
    cauchy_ = draws.cauchy_
    log_normal_ = draws.log_normal_
