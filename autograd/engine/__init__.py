"""The engine: nodes of the graph, the sweep through them, modes of recording, views and the mutation clock.

It knows arrays, nodes and that a Tensor is a ``Handle``, but no op and no method of Tensors. In the order in which a
program meets these files:

1. The record: ``nodes`` (what an op leaves behind, and the ``Handle``), ``views`` (Tensors that share memory),
   ``mutation`` (the clock by which overwritten values are noticed).
2. How it is recorded: ``modes`` (``no_grad`` and the other states of a thread), ``observing`` (who is told of each op),
   ``anomaly`` (an observer that stops at the first NaN), ``callsite`` (the user's line), ``failures`` (NumPy's
   exceptions in our words), ``foreign`` (arrays of other kinds, such as those of ``vmap``).
3. Backward: ``order`` (which nodes, and which first), ``sweep`` (gradients from the outputs to the leaves), ``hooks``
   (the user's functions on the way), ``ownership`` (whether a gradient may be added to where it lies), ``quiet`` (no
   warnings meanwhile).
4. Forward mode: ``push`` (tangents from the inputs to the outputs, along the same record).
5. Speed: ``threads``, ``blocks`` (large arrays shared out among them), ``many_products`` (and large ones, likewise),
   ``blas`` (its own threads), ``forks`` (processes that begin beside threads), ``sums`` (many rows added without losing
   digits), ``heap`` (memory kept from step to step).
   step).
"""
