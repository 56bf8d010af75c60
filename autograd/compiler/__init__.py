"""``autograd.compile``: the NumPy program that one would have written by hand.

The way of a function through these files:

1. ``compiling`` is what the user calls, and ``compiled`` what it returns; ``guards`` (with ``unchanged``) say whether
   a program holds, ``session`` makes one if none does.
2. Recording. What the function can read and change: ``reach``, which ``walking`` finds from thing to thing, ``places``;
   ``history`` (what of it changes from call to call). What happens to it: ``recording`` (the tape), with ``arrays``,
   ``creators``, ``numbers``, ``standins``, ``streams`` and ``signatures``. What is written down: ``values``, ``trees``.
   What becomes of the rest: ``left`` (Tensors and containers that were there before), ``mending`` (nothing that records
   is left in what the function made), ``graded`` (outputs that require grad), ``tails`` (lines that cannot be
   recorded), ``interrupts`` (what is put back though the user interrupts).
3. The ``program`` is worked on by ``passes``, of which ``direct``, ``cheaper``, ``ordering``, ``runs`` (with
   ``rowwise``), ``again``, ``factors``, ``sharing`` and ``layouts`` have files of their own.
4. Writing: ``memory``, ``buffers``, ``keeping`` and ``hosting`` (where results lie), then ``wording``, ``calls``,
   ``blockwise``, ``emit``: names, one call, a run, the whole, whose ``text`` is kept.
5. The ``trial`` runs both the program and the function, and tells them apart by ``comparing``; ``backup`` puts back
   what a failed call changed. ``explaining`` (with ``timing``), ``picturing`` and ``exporting`` show the program.

With Numba: ``operations`` (what a call means to a kernel), ``fusing`` (which calls it does), ``kernels`` and
``kernel_math`` (its text), ``accelerated`` (the program around it).
"""

from .compiled import Compiled as Compiled
from .compiling import compile as compile  # noqa: A004
