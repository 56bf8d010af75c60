"""``autograd.linalg``: linear algebra under PyTorch's names."""

from .ops.decompositions import cholesky as cholesky
from .ops.decompositions import eig as eig
from .ops.decompositions import eigh as eigh
from .ops.decompositions import eigvals as eigvals
from .ops.decompositions import eigvalsh as eigvalsh
from .ops.decompositions import lu as lu
from .ops.decompositions import qr as qr
from .ops.decompositions import svd as svd
from .ops.decompositions import svdvals as svdvals
from .ops.least_squares import lstsq as lstsq
from .ops.least_squares import pinv as pinv
from .ops.linear_algebra import det as det
from .ops.linear_algebra import inv as inv
from .ops.linear_algebra import slogdet as slogdet
from .ops.linear_algebra import solve as solve
from .ops.linear_algebra import solve_triangular as solve_triangular
from .ops.matrix_functions import cond as cond
from .ops.matrix_functions import linalg_norm as norm
from .ops.matrix_functions import matrix_diagonal as diagonal
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

__all__ = [
    "cholesky",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "inv",
    "lstsq",
    "lu",
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
    "solve_triangular",
    "svd",
    "svdvals",
    "tensorinv",
    "tensorsolve",
    "vander",
    "vecdot",
    "vector_norm",
]
