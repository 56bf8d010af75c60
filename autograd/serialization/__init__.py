"""Saving and loading: Tensors and plain Python values in one file, as safetensors or npz; PyTorch's ``.pt`` read."""
