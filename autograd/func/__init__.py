"""Transforms: functions that take a function and return another, such as its gradient, as in ``torch.func``.

They work on functions of Tensors, of arrays (written with plain ``numpy``), and of pytrees of both, and nest freely.

All start from ``calls``, one call of the user's function on Tensors of its own, with what is nested in arguments and
results taken apart by ``pytrees``. ``reverse`` has gradients, ``forward`` products with directions, ``jacobians`` whole
matrices; ``alone`` is a short way for the usual call of each; ``captured`` lets go of what a function wrote into.
``modules`` makes a function of a model.

``vectorizing`` is ``vmap``: it runs the function on a batched array (``batching``), whose rules for NumPy's functions
are in ``batching_shapes``, ``batching_reductions``, ``batching_products``, ``batching_indices`` and
``batching_methods``, for our ops in ``batching_ops``, ``batching_whole`` and ``batching_losses``, for a user's
``Function`` in ``batching_functions``; ``batching_errors`` says what cannot be mapped. ``regions`` lets gradients pass
from inside a mapped function to the outside.
"""

from .forward import jvp as jvp
from .forward import linearize as linearize
from .jacobians import hessian as hessian
from .jacobians import hvp as hvp
from .jacobians import jacfwd as jacfwd
from .jacobians import jacobian as jacobian
from .jacobians import jacrev as jacrev
from .jacobians import vhp as vhp
from .modules import functional_call as functional_call
from .modules import replace_all_batch_norm_modules_ as replace_all_batch_norm_modules_
from .modules import stack_module_state as stack_module_state
from .reverse import elementwise_grad as elementwise_grad
from .reverse import grad as grad
from .reverse import grad_and_value as grad_and_value
from .reverse import value_and_grad as value_and_grad
from .reverse import vjp as vjp
from .vectorizing import vmap as vmap
