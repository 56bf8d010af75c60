"""Load weights that PyTorch wrote, and get PyTorch's outputs.

Another interpreter, one that has PyTorch and safetensors, builds the three models of ``examples/architectures.py`` with
``torch.nn``, trains each for a few steps (so that running statistics are no longer those of the start), and writes its
weights as a safetensors file and its output for an input. Here the same functions build the models with ``nn``, load
the files by name, and compute. You should see differences of rounding only, below 1e-5, for a convolutional network
with batch normalisation, a bidirectional LSTM of two layers and a transformer encoder.

    python -m examples.from_pytorch --with PYTHON
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

import autograd
import nn

from .architectures import MODELS

LIMIT = 1e-5

WRITER = """
import sys
import numpy as np, torch
from safetensors.torch import save_file
from architectures import MODELS

for name, (build, shape) in MODELS.items():
    torch.manual_seed(0)
    model = build(torch.nn)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        out = model(torch.randn(shape))
        loss = (out[0] if isinstance(out, tuple) else out).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    x = torch.randn(shape)
    with torch.no_grad():
        out = model(x)
    save_file(model.state_dict(), f"{sys.argv[1]}/{name}.safetensors")
    np.savez(f"{sys.argv[1]}/{name}.npz", x=x, out=out[0] if isinstance(out, tuple) else out)
    print(name, flush=True)
"""


def write(python: str, folder: Path) -> None:
    """Have the interpreter ``python`` write weights, inputs and outputs of all models."""
    command = [python, "-c", WRITER, str(folder.resolve())]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent) as process,
        tqdm(total=len(MODELS), desc="PyTorch", unit="model") as bar,
    ):
        assert process.stdout is not None
        for _ in process.stdout:
            bar.update()
    if process.returncode or not all((folder / f"{name}.npz").exists() for name in MODELS):
        raise SystemExit(f"{python} could not write the models: it needs the packages torch, numpy and safetensors")


def compare(folder: Path, name: str) -> float:
    """The largest difference between PyTorch's outputs and ours, relative to the largest output."""
    build, _ = MODELS[name]
    model = build(nn).eval()
    model.load_state_dict(autograd.load(folder / f"{name}.safetensors"))
    with np.load(folder / f"{name}.npz") as arrays, autograd.no_grad():
        out = model(autograd.from_numpy(arrays["x"]))
        found = (out[0] if isinstance(out, tuple) else out).numpy()
        return float(np.abs(found - arrays["out"]).max() / np.abs(arrays["out"]).max())


def main(arguments: Sequence[str] | None = None) -> float:
    """Run the comparison; returns the largest difference."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.from_pytorch",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--with", dest="python", metavar="PYTHON", help="an interpreter with torch and safetensors")
    parser.add_argument("--folder", type=Path, help="keep the files there, or without --with read them from there")
    options = parser.parse_args(arguments)
    if options.python is None and options.folder is None:
        parser.error("name an interpreter that has PyTorch: --with PYTHON")
    if options.python is not None and shutil.which(options.python) is None:
        parser.error(f"--with: there is no interpreter {options.python!r}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if options.python is not None:
            write(options.python, folder)
        found = {name: compare(folder, name) for name in MODELS}
    for name, difference in found.items():
        print(f"{name:8} largest relative difference {difference:.1e}")
    worst = max(found.values())
    print(f"all below {LIMIT:g}" if worst < LIMIT else f"NOT all below {LIMIT:g}")
    return worst


if __name__ == "__main__":
    raise SystemExit(main() >= LIMIT)
