"""Train a small GPT to write, character by character, like Python's own documentation.

The text is real and ships with Python: the 460,000 characters of help topics behind ``help("lambda")`` and its like, of
which the last tenth is kept for validation. The model looks at up to 64 characters and predicts each next one: two
blocks of causal attention with four heads, 128 numbers a character. You should see the loss fall from 4.6 nats per
character (knowing nothing: the logarithm of the number of different characters) to below 1.5 on text never seen, in
one to two minutes on two cores, and a sample that makes no sense but is plainly English prose about Python, with
its code, quotation marks and line ends. Where the validation loss no longer falls while the training loss does, the
model begins to memorise its text.

    python -m examples.gpt
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

import autograd
import nn
import nn.functional as F
import optim

from .story import COLORS, at_least_one, chart, parser, save

LENGTH = 64
"""How many characters the model looks at."""


class Text(NamedTuple):
    """The different characters, and the numbers of those of the text, for training and for validation."""

    characters: str
    train: np.ndarray
    validation: np.ndarray


class Progress(NamedTuple):
    """What was measured after some steps: nats per character."""

    step: int
    train_loss: float
    validation_loss: float


def load() -> Text:
    """All topics one after the other; the last tenth is for validation."""
    text = "\n\n".join(topics[name] for name in sorted(topics))
    characters = "".join(sorted(set(text)))
    number = {character: i for i, character in enumerate(characters)}
    data = np.array([number[character] for character in text])
    cut = len(data) * 9 // 10
    return Text(characters, data[:cut], data[cut:])


class GPT(nn.Module):
    """Characters (batch, length) to scores of each next one (batch, length, characters)."""

    def __init__(self, characters: int, size: int = 128, heads: int = 4, layers: int = 2) -> None:
        self.tokens = nn.Embedding(characters, size)
        self.places = nn.Embedding(LENGTH, size)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(size, heads, 4 * size, 0.0, "gelu", batch_first=True, norm_first=True)
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(size)
        self.head = nn.Linear(size, characters)
        for embedding in (self.tokens, self.places):
            nn.init.normal_(embedding.weight, std=0.1)

    def forward(self, x: autograd.Tensor) -> Any:
        """The scores."""
        y = self.tokens(x) + self.places(autograd.arange(x.shape[1]))
        for block in self.blocks:
            y = block(y, is_causal=True)
        return self.head(self.norm(y))


def loss_of(model: GPT, windows: np.ndarray) -> Any:
    """The mean loss on windows (batch, length + 1), each character predicted from those before it."""
    scores = model(autograd.from_numpy(windows[:, :-1]))
    return F.cross_entropy(scores.flatten(0, 1), autograd.from_numpy(windows[:, 1:].reshape(-1)))


def evaluate(model: GPT, data: np.ndarray, most: int | None = None) -> float:
    """Nats per character over the whole of ``data``, or over ``most`` windows from all over it."""
    windows = np.lib.stride_tricks.sliding_window_view(data, LENGTH + 1)[::LENGTH]
    if most is not None:
        windows = windows[np.linspace(0, len(windows) - 1, most).astype(int)]
    with autograd.no_grad():
        parts = [(len(part), loss_of(model, part).item()) for part in np.array_split(windows, -(-len(windows) // 64))]
    return sum(count * loss for count, loss in parts) / len(windows)


def rate(step: int, steps: int, highest: float = 3e-3) -> float:
    """The step size: rising at first, then falling along a cosine."""
    rise = max(steps // 20, 1)
    return highest * min((step + 1) / rise, 0.52 + 0.48 * math.cos(math.pi * step / steps))


def train(model: GPT, text: Text, steps: int, batch: int, seed: int, most: int = 128) -> list[Progress]:
    """Train by Adam on windows from anywhere; returns the progress at twenty points (on ``most`` windows)."""
    optimizer = optim.Adam(model.parameters(), betas=(0.9, 0.99))
    drawn = np.random.default_rng(seed)
    places = np.arange(LENGTH + 1)
    history: list[Progress] = []
    losses: list[float] = []
    with tqdm(range(steps), desc="training", unit="step") as bar:
        for step in bar:
            starts = drawn.integers(0, len(text.train) - LENGTH, batch)
            optimizer.param_groups[0]["lr"] = rate(step, steps)
            optimizer.zero_grad()
            loss = loss_of(model, text.train[starts[:, None] + places])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if (step + 1) % max(steps // 20, 1) == 0:
                history.append(Progress(step + 1, float(np.mean(losses)), evaluate(model, text.validation, most)))
                losses.clear()
                bar.set_postfix(train=f"{history[-1].train_loss:.3f}", validation=f"{history[-1].validation_loss:.3f}")
    return history


def write(model: GPT, text: Text, start: str, count: int, temperature: float = 0.7) -> str:
    """``start``, continued by ``count`` characters drawn from the model."""
    numbers = [text.characters.index(character) for character in start]
    with autograd.no_grad():
        for _ in range(count):
            scores = model(autograd.tensor([numbers[-LENGTH:]]))[0, -1]
            numbers.append(autograd.multinomial(F.softmax(scores / temperature, 0), 1).item())
    return "".join(text.characters[number] for number in numbers)


def draw_learning_curve(history: Sequence[Progress], last: float, path: Path) -> None:
    """Both losses against steps, as a PNG; ``last`` is the loss on the whole text for validation, at the end."""
    figure, axes = chart(size=(6, 3.6))
    steps = [progress.step for progress in history]
    axes.plot(steps, [p.train_loss for p in history], color=COLORS[0], label="training")
    axes.plot(steps, [p.validation_loss for p in history], color=COLORS[1], label="validation")
    axes.set(xlabel="step", ylabel="nats per character", title=f"Validation: {last:.2f} nats at the end")
    axes.legend(frameon=False)
    save(figure, path)


def main(arguments: Sequence[str] | None = None) -> float:
    """Run the story; returns the validation loss."""
    line = parser(__doc__)
    line.add_argument("--steps", type=at_least_one, help="mini-batches to train on (1000; 60 if --fast)")
    line.add_argument("--batch", type=at_least_one, default=16, help="windows in each (16)")
    options = line.parse_args(arguments)

    autograd.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    text = load()
    model = GPT(len(text.characters), 32, 2, 1) if options.fast else GPT(len(text.characters))
    print(f"{len(text.train):,} characters to train on, {len(text.validation):,} to validate")
    print(f"{len(text.characters)} different ones; {sum(p.numel() for p in model.parameters()):,} parameters")
    start = time.perf_counter()
    steps, most = (60, 16) if options.fast else (1000, 128)
    history = train(model, text, options.steps or steps, options.batch, options.seed, most)
    print(f"trained in {time.perf_counter() - start:.1f} s")
    print(f'\nwhat it writes after "The ":\n\n{write(model, text, "The ", 100 if options.fast else 400)}\n')
    loss = evaluate(model, text.validation, 128 if options.fast else None)
    print(f"validation loss {loss:.3f} nats per character")
    draw_learning_curve(history, loss, options.out / "gpt_learning_curve.png")
    weights = options.out / "gpt.safetensors"
    autograd.save(model.state_dict(), weights)
    print(weights)
    return loss


if __name__ == "__main__":
    main()
