"""Pictures of the graph: from inputs and parameters through the ops to the output.

``survey`` walks the nodes once and makes boxes and arrows of them: plain data that keeps no array and no node
alive. A ``Graph`` has these written as text by ``dot`` and drawn by Graphviz, through ``backends``; or put in rows
by ``layout``, at places by ``places``, and drawn by ``svg`` or, in a browser, by ``page``.
"""

from .backends import RenderError as RenderError
from .picture import Graph as Graph
from .survey import graph as graph
