"""Pictures of the graph: from inputs and parameters through the ops to the output.

1. Recording: ``watch`` (in ``recording``) notes an event (``events``) for each op as a program runs.
2. Reading: ``graph`` (in ``drawing``) reads the nodes, finds names (``names``), what each call was (``calls``) and
   which module it belongs to (``modules``), and folds what is deep or repeated (``folding``, ``plan``), or counts
   what is too much to be drawn (``tally``).
3. Boxes: ``survey`` and ``contents`` make boxes and arrows (``boxes``) of the rest, with their values (``values``),
   their text (``text``) and what happened when (``steps``): plain data that keeps no array and no node alive.
4. Writing: a ``Graph`` (in ``picture``) has these written as text by ``dot`` and drawn by Graphviz, through
   ``backends``; or put in rows by ``layout``, at places by ``places``, and drawn by ``svg`` or, in a browser, by
   ``page``. Colours and shapes are the same in all of them (``looks``).

``why`` (in ``reasons``) follows gradients through what was recorded (``tracing``) and says in words where they ended.
"""

from .backends import RenderError as RenderError
from .drawing import graph as graph
from .picture import Graph as Graph
from .reasons import why as why
from .recording import watch as watch
