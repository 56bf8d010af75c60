"""The engine: nodes of the graph, the sweep through them, modes of recording, views and the mutation clock."""
