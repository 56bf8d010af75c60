"""Train a convolutional network on handwritten digits, and look at what it learned to see.

The data are the 1,797 real 8 x 8 images that ship with scikit-learn. Two convolutions of 3 x 3 with batch normalisation
and pooling, then one linear layer, learn them in mini-batches, every image moved by up to one pixel each time it is
shown. You should see the test accuracy settle between 98 and 99 %, a little above the fully connected network of
``examples.digits``: all places share their weights, so that a digit is recognised wherever it stands. The
picture shows the learning curve, the sixteen filters of the first layer (edges and strokes in several directions) and
the test images that were taken for another digit, most of which a person would hesitate over too.

    python -m examples.cnn
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from tqdm import tqdm

import autograd
import nn
import nn.functional as F
import optim
from nn import data

from .story import COLORS, at_least_one, load_images, parser, save


def load(seed: int) -> tuple[data.TensorDataset, data.TensorDataset]:
    """Images (N, 1, 8, 8) between 0 and 1 with their digits: three quarters for training, a quarter for testing."""
    images = load_images(seed).tensors(1, 8, 8)
    return data.TensorDataset(images.train_x, images.train_y), data.TensorDataset(images.test_x, images.test_y)


def make_model() -> nn.Sequential:
    """Two convolutions of 16 and 32 channels, each with normalisation and pooling; then 10 scores."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(32 * 2 * 2, 10),
    )


def moved(x: autograd.Tensor) -> autograd.Tensor:
    """All images of a batch moved by the same random step of up to one pixel."""
    down, right = (int(step) for step in autograd.randint(0, 3, (2,)))
    return F.pad(x, (1, 1, 1, 1))[:, :, down : down + 8, right : right + 8]


def predict(model: nn.Module, x: autograd.Tensor) -> autograd.Tensor:
    """The digit that the model sees in each image."""
    model.eval()
    with autograd.no_grad():
        return model(x).argmax(1)


def train(
    model: nn.Module, train_set: data.TensorDataset, test_set: data.TensorDataset, epochs: int
) -> list[tuple[float, float]]:
    """Train by AdamW with a learning rate that falls to zero; returns loss and test accuracy after each epoch."""
    loader = data.DataLoader(train_set, batch_size=32, shuffle=True, drop_last=True)
    optimizer = optim.AdamW(model.parameters(), lr=3e-3)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    history = []
    with tqdm(range(epochs), desc="training", unit="epoch") as bar:
        for _ in bar:
            model.train()
            losses = []
            for x, y in loader:
                optimizer.zero_grad()
                loss = F.cross_entropy(model(moved(x)), y)
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
            scheduler.step()
            x, y = test_set.tensors
            history.append((float(np.mean(losses)), (predict(model, x) == y).float().mean().item()))
            bar.set_postfix(loss=f"{history[-1][0]:.4f}", accuracy=f"{history[-1][1]:.3f}")
    return history


def draw(history: Sequence[tuple[float, float]], model: Any, test_set: data.TensorDataset, path: Path) -> None:
    """Learning curve, filters of the first layer, and mistaken images, as a PNG."""
    x, y = test_set.tensors
    guesses = predict(model, x)
    wrong = (guesses != y).nonzero().flatten().tolist()[:16]
    figure = plt.figure(figsize=(11, 3.8), layout="constrained")
    curve, filters, mistakes = figure.subfigures(1, 3, width_ratios=(1.3, 1, 1))
    axes = curve.subplots()
    epochs = np.arange(1, len(history) + 1)
    percent = [100 * accuracy for _, accuracy in history]
    axes.plot(epochs, percent, color=COLORS[1])
    axes.set(xlabel="epoch", ylabel="test accuracy (%)", ylim=(min(90, percent[-1] - 10), 100.2))
    axes.set_title(f"Test accuracy: {percent[-1]:.1f} %", fontsize=11)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    kernels = model[0].weight.detach().numpy()[:, 0]
    bound = np.abs(kernels).max()
    for place, kernel in zip(filters.subplots(4, 4).flat, kernels, strict=True):
        place.imshow(kernel, cmap="RdBu", vmin=-bound, vmax=bound)
        place.axis("off")
    filters.suptitle("The 16 filters of the first layer", fontsize=11)
    grid = mistakes.subplots(4, 4)
    for place in grid.flat:
        place.axis("off")
    for place, i in zip(grid.flat, wrong, strict=False):
        place.imshow(x[i, 0].numpy(), cmap="Greys")
        place.set_title(f"{y[i].item()}, seen as {guesses[i].item()}", fontsize=7)
    mistakes.suptitle(f"{int((guesses != y).sum())} of {len(y)} taken for another", fontsize=11)
    save(figure, path)


def main(arguments: Sequence[str] | None = None) -> float:
    """Run the story; returns the test accuracy."""
    line = parser(__doc__)
    line.add_argument("--epochs", type=at_least_one, help="passes over the training images (25; 2 if --fast)")
    options = line.parse_args(arguments)

    autograd.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    train_set, test_set = load(options.seed)
    model = make_model()
    print(nn.summary(model, train_set.tensors[0][:1]))
    start = time.perf_counter()
    history = train(model, train_set, test_set, options.epochs or (2 if options.fast else 25))
    print(f"trained in {time.perf_counter() - start:.1f} s")
    weights = options.out / "cnn.safetensors"
    autograd.save(model.state_dict(), weights)
    print(f"test accuracy {history[-1][1]:.3f}")
    print(weights)
    draw(history, model, test_set, options.out / "cnn.png")
    return history[-1][1]


if __name__ == "__main__":
    main()
