"""Pictures of the graph: from inputs and parameters through the ops to the output.

``watch`` records a program as it runs. ``graph`` reads the nodes, finds out which module each belongs to (``modules``),
folds what is deep or repeated (``folding``, ``plan``) and makes boxes and arrows of the rest (``survey``,
``contents``): plain data that keeps no array and no node alive. A ``Graph`` has these written as text by ``dot`` and
drawn by Graphviz, through ``backends``; or put in rows by ``layout``, at places by ``places``, and drawn by ``svg`` or,
in a browser, by ``page``.
"""

from .backends import RenderError as RenderError
from .drawing import graph as graph
from .picture import Graph as Graph
from .reasons import why as why
from .recording import watch as watch
