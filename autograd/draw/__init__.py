"""Pictures of the graph: from inputs and parameters through the ops to the output, drawn by Graphviz.

``survey`` walks the nodes once and makes boxes and arrows of them: plain data that keeps no array and no node
alive. A ``Graph`` has these written as text by ``dot`` and drawn by ``backends``.
"""

from .backends import RenderError as RenderError
from .picture import Graph as Graph
from .recording import watch as watch
from .survey import graph as graph
