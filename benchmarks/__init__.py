"""Timings of the library beside PyTorch, micrograd, HIPS autograd, MyGrad and NumPy by hand: see ``__main__``."""
