"""The names of ``scipy.stats``; distributions whose densities are differentiated have a module each, with their names.

Densities and their logarithms are differentiable with respect to all parameters, distribution functions with
respect to those for which the derivative has a closed form.
"""

from .._mirrors import mirror
from . import bernoulli as bernoulli
from . import beta as beta
from . import chi2 as chi2
from . import dirichlet as dirichlet
from . import gamma as gamma
from . import multivariate_normal as multivariate_normal
from . import norm as norm
from . import poisson as poisson
from . import t as t

__getattr__, __dir__ = mirror("scipy.stats", {}, globals())
