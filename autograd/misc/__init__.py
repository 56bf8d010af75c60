"""Helpers for programs that minimise functions: ``flatten``, optimizers, fixed points, traces."""

from .flatten import flatten as flatten
from .tracers import const_graph as const_graph
