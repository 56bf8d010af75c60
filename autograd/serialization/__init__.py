"""Saving and loading: Tensors and plain Python values in one file, as safetensors or npz; PyTorch's ``.pt`` read.

``files`` has ``save`` and ``load``. An object becomes a tree of names and arrays (``bundle``); the tree is written as
text beside the arrays (``structure``), these by the format (``safe_files``, ``npz_files``), the whole ``atomic``. What
is read is not trusted: ``archives`` looks at a zip file before anything is allocated, ``torch_files`` reads PyTorch's
pickles without running them, ``damage`` turns whatever goes wrong into one error.
"""
