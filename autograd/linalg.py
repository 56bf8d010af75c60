"""``autograd.linalg``: linear algebra under PyTorch's names."""

from .ops import decompositions as _decompositions
from .ops import factors as _factors
from .ops import least_squares as _least_squares
from .ops import linear_algebra as _linear_algebra
from .ops import matrix_functions as _matrix_functions
from .ops.decompositions import cholesky as cholesky
from .ops.eigenvalues import eig as eig
from .ops.eigenvalues import eigh as eigh
from .ops.eigenvalues import eigvals as eigvals
from .ops.eigenvalues import eigvalsh as eigvalsh
from .ops.factors import lu_solve as lu_solve
from .ops.matrix_functions import cond as cond
from .ops.matrix_functions import linalg_norm as norm
from .ops.matrix_functions import matrix_exp as matrix_exp
from .ops.matrix_functions import matrix_norm as matrix_norm
from .ops.matrix_functions import matrix_power as matrix_power
from .ops.matrix_functions import matrix_rank as matrix_rank
from .ops.matrix_functions import tensorinv as tensorinv
from .ops.matrix_functions import tensorsolve as tensorsolve
from .ops.matrix_functions import vander as vander
from .ops.matrix_functions import vector_norm as vector_norm
from .ops.products import cross_along as cross
from .ops.products import matmul as matmul
from .ops.products import multi_dot as multi_dot
from .ops.products import vecdot as vecdot
from .ops.shapes import also_named as _also_named

__all__ = [
    "cholesky",
    "cholesky_ex",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "inv",
    "inv_ex",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_factor_ex",
    "lu_solve",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_ex",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensorinv",
    "tensorsolve",
    "vander",
    "vecdot",
    "vector_norm",
]

# by PyTorch's names of the arguments, too

det = _also_named(A="x")(_linear_algebra.det)
inv = _also_named(A="x")(_linear_algebra.inv)
inv_ex = _also_named(A="x")(_factors.inv_ex)
cholesky_ex = _also_named(A="x")(_factors.cholesky_ex)
lu_factor = _also_named(A="x")(_factors.lu_factor)
lu_factor_ex = _also_named(A="x")(_factors.lu_factor_ex)
lu = _also_named(A="x")(_decompositions.lu)
qr = _also_named(A="x")(_decompositions.qr)
slogdet = _also_named(A="x")(_linear_algebra.slogdet)
svd = _also_named(A="x")(_decompositions.svd)
svdvals = _also_named(A="x")(_decompositions.svdvals)
diagonal = _also_named(A="x")(_matrix_functions.matrix_diagonal)
diagonal.__name__ = diagonal.__qualname__ = "diagonal"
solve = _also_named(A="x", B="y")(_linear_algebra.solve)
solve_ex = _also_named(A="x", B="y")(_factors.solve_ex)
solve_triangular = _also_named(B="y")(_linear_algebra.solve_triangular)
lstsq = _also_named(b="y", B="y", A="x")(_least_squares.lstsq)
pinv = _also_named(rcond="rtol", A="x")(_least_squares.pinv)
