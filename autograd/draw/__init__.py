"""Pictures of the graph: from inputs and parameters through the ops to the output, drawn by Graphviz.

``watch`` records a program as it runs. ``graph`` reads the nodes, finds out which module each belongs to (``modules``),
folds what is deep or repeated (``folding``, ``plan``) and makes boxes and arrows of the rest (``survey``,
``contents``): plain data that keeps no array and no node alive. A ``Graph`` has these written by ``dot`` and drawn by
``backends``.
"""

from .backends import RenderError as RenderError
from .drawing import graph as graph
from .picture import Graph as Graph
from .reasons import why as why
from .recording import watch as watch
