"""Whole training steps through ``autograd.compile``: losses, parameters, gradients, buffers, states are eager's.

Every bit of them: a program makes the NumPy calls that the recorded run made. And what users write around them in
NumPy's style: arrays made and filled on the way, numbers read, state kept.
"""

from __future__ import annotations

import io
import math
import random
import runpy
import warnings

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
import optim
from autograd import compiler
from optim import lr_scheduler, swa_utils
from tests.helpers import require_same


def normal(*shape):
    return lambda rng: autograd.tensor(rng.normal(size=shape).astype(np.float32))


def below(high, *shape):
    return lambda rng: autograd.tensor(rng.integers(0, high, shape))


class Last(nn.Module):
    """A recurrent layer, and a linear one of its last output."""

    def __init__(self, layer, width):
        self.layer, self.out = layer, nn.Linear(width, 5)

    def forward(self, x):
        return self.out(self.layer(x)[0][:, -1])


class Packed(nn.Module):
    """A recurrent layer of sequences of several lengths."""

    def __init__(self):
        self.layer = nn.GRU(4, 5, bidirectional=True)

    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        return nn.utils.rnn.pad_packed_sequence(self.layer(packed)[0])[0].mean((0, 2)).reshape(1, -1)


class Language(nn.Module):
    """A small GPT."""

    def __init__(self):
        self.embedding, self.places = nn.Embedding(11, 8), nn.Parameter(autograd.randn(6, 8))
        layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.1, batch_first=True, activation="gelu", norm_first=True)
        self.layers, self.out = nn.TransformerEncoder(layer, 2), nn.Linear(8, 11)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(6))

    def forward(self, x):
        return self.out(self.layers(self.embedding(x) + self.places, mask=self.mask)).reshape(-1, 11)


class Attending(nn.Module):
    """Attention with a padding mask."""

    def __init__(self):
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True, add_bias_kv=True)

    def forward(self, x, hidden):
        return self.attention(x, x, x, key_padding_mask=hidden)[0].mean(1)


def mlp():
    return nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 5))


def regularized():
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8, momentum=None), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 5))


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3, stride=2, bias=False),
        nn.BatchNorm2d(6), nn.GELU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(6, 5),
    )  # fmt: skip


def normed():
    conv = nn.utils.parametrizations.spectral_norm(nn.Conv1d(2, 4, 3))
    return nn.Sequential(conv, nn.GroupNorm(2, 4), nn.Upsample(scale_factor=1.5, mode="linear"), nn.LayerNorm(6),
                         nn.AdaptiveAvgPool1d(2), nn.Flatten(), nn.Linear(8, 5))  # fmt: skip


VECTORS, CLASSES = (normal(4, 6), below(5, 4)), below(5, 4)
MODELS = {
    "mlp": (mlp, VECTORS),
    "batch norm, dropout": (regularized, VECTORS),
    "cnn": (cnn, (normal(4, 1, 12, 12), CLASSES)),
    "normed": (normed, (normal(4, 2, 6), CLASSES)),
    "lstm": (lambda: Last(nn.LSTM(3, 6, batch_first=True), 6), (normal(4, 5, 3), CLASSES)),
    "gru": (
        lambda: Last(nn.GRU(3, 4, 2, batch_first=True, bidirectional=True, dropout=0.2), 8),
        (normal(4, 5, 3), CLASSES),
    ),
    "projected lstm": (lambda: Last(nn.LSTM(3, 6, proj_size=2, batch_first=True), 2), (normal(4, 5, 3), CLASSES)),
    "packed": (Packed, (normal(6, 3, 4), lambda rng: autograd.tensor([4, 6, 2]), below(3, 1))),
    "gpt": (Language, (below(11, 2, 6), below(11, 12))),
    "attention": (Attending, (normal(3, 4, 6), lambda rng: autograd.tensor(rng.random((3, 4)) > 0.7), below(6, 3))),
    "bags": (lambda: nn.Sequential(nn.EmbeddingBag(9, 6), nn.PReLU(), nn.Linear(6, 5)), (below(9, 4, 3), CLASSES)),
}
OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "amsgrad": lambda p: optim.Adam(p, lr=0.01, amsgrad=True, weight_decay=0.01, maximize=True),
    "adamw": lambda p: optim.AdamW(p, lr=0.01),
    "adagrad": lambda p: optim.Adagrad(p, lr=0.01),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01, momentum=0.9, centered=True),
    "adadelta": optim.Adadelta,
    "adamax": optim.Adamax,
    "nadam": optim.NAdam,
    "radam": optim.RAdam,
    "rprop": optim.Rprop,
    "asgd": lambda p: optim.ASGD(p, t0=3),
    "adafactor": optim.Adafactor,
    "muon": lambda p: optim.Muon([each for each in p if each.ndim == 2], lr=0.01),
}


def clip(**options):
    return lambda model, optimizer, extra, loss: nn.utils.clip_grad_norm_(model.parameters(), **options)


def scheduled(make):
    return lambda model, optimizer: make(optimizer), None, lambda model, optimizer, extra, loss: extra.step()


def averaged(**options):
    return (
        lambda model, optimizer: swa_utils.AveragedModel(model, **options),
        None,
        lambda model, optimizer, extra, loss: extra.update_parameters(model),
    )


EXTRAS = {
    "clipped": (None, clip(max_norm=0.5), None),
    "clipped by the largest": (None, clip(max_norm=0.1, norm_type=float("inf")), None),
    "clipped or refused": (None, clip(max_norm=0.1, norm_type=1.0, error_if_nonfinite=True), None),
    "clipped each": (None, lambda model, *rest: nn.utils.clip_grad_value_(model.parameters(), 0.01), None),
    "averaged": averaged(),
    "faded": averaged(multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.9), use_buffers=True),
    "steps": scheduled(lambda o: lr_scheduler.StepLR(o, 2)),
    "milestones": scheduled(lambda o: lr_scheduler.MultiStepLR(o, [2, 4])),
    "cosine": scheduled(lambda o: lr_scheduler.CosineAnnealingLR(o, 20)),
    "restarts": scheduled(lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 4)),
    "one cycle": scheduled(lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=10)),
    "cyclic": scheduled(lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.1, step_size_up=3, cycle_momentum=False)),
    "a function": scheduled(lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 0.9**epoch)),
    "in turn": scheduled(
        lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.ConstantLR(o), lr_scheduler.ExponentialLR(o, 0.9)], [3])
    ),
    "chained": scheduled(
        lambda o: lr_scheduler.ChainedScheduler([lr_scheduler.ExponentialLR(o, 0.9), lr_scheduler.LinearLR(o)])
    ),
    "plateau": (
        lambda model, optimizer: lr_scheduler.ReduceLROnPlateau(optimizer, patience=0),
        None,
        lambda model, optimizer, extra, loss: extra.step(loss.item()),
    ),
}


def trainer(model, optimizer, extra=(None, None, None)):
    """A step of training, and what to compare after it."""
    autograd.manual_seed(0)
    made = model()
    update = optimizer(made.parameters())
    start, before, after = extra
    beside = start and start(made, update)

    def step(*data):
        update.zero_grad()
        loss = F.cross_entropy(made(*data[:-1]), data[-1])
        loss.backward()
        found = before and before(made, update, beside, loss)
        update.step()
        if after:
            after(made, update, beside, loss)
        return loss.detach(), found

    def state():
        kept = beside.state_dict() if beside else None
        return [made.state_dict(), [p.grad for p in made.parameters()], update.state_dict(), kept]

    return step, state


def check_training(data, *setup, steps=6):
    """Train twice, eagerly and compiled, on the same data and random numbers; the compiled function."""
    (eager, expected), (step, state) = trainer(*setup), trainer(*setup)
    compiled, rng = compiler.compile(step), np.random.default_rng(0)
    for i in range(steps):
        given = [make(rng) for make in data]
        drawn = autograd.get_rng_state()
        result = eager(*given)
        after = autograd.get_rng_state()
        autograd.set_rng_state(drawn)
        require_same(compiled(*given), result, f"step {i}: the result")
        require_same(state(), expected(), f"step {i}: the state")
        require_same(autograd.rand(1), (autograd.set_rng_state(after), autograd.rand(1))[1], f"step {i}: the stream")
    return compiled


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("name", MODELS)
def test_models(name, optimizer):
    model, data = MODELS[name]
    compiled = check_training(data, model, OPTIMIZERS[optimizer])
    assert compiled.recordings <= 3
    assert "# ------------ backward" in compiled.source


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name):
    assert check_training(VECTORS, mlp, OPTIMIZERS[name]).recordings <= 5


@pytest.mark.parametrize("name", EXTRAS)
def test_what_is_done_beside(name):
    model = regularized if name == "faded" else mlp
    assert check_training(VECTORS, model, OPTIMIZERS["momentum"], EXTRAS[name]).recordings <= 5


@pytest.mark.parametrize("second", [[0], [2, 3], [1, 3], [3, 2, 1, 0]])
def test_two_optimizers_share_parameters(second):
    def trained(wrap):
        autograd.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
        params = list(model.parameters())
        optimizers = optim.SGD(params, lr=0.1, momentum=0.9), optim.Adam([params[i] for i in second], lr=0.01)
        x = autograd.randn(8, 3)

        def step(x):
            model.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
            return loss

        step = wrap(step)
        return [step(x).item() for _ in range(6)], [p.detach() for p in params], step

    losses, params, _ = trained(lambda step: step)
    same, others, step = trained(autograd.compile)
    assert same == losses
    for p, e in zip(others, params, strict=True):
        np.testing.assert_array_equal(p, e)
    assert step.source


def test_lbfgs_runs_as_it_is():
    model, x = nn.Linear(3, 2), autograd.randn(5, 3)
    update = optim.LBFGS(model.parameters())

    @compiler.compile
    def step():
        def closure():
            update.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            return loss

        return update.step(closure)

    with pytest.warns(UserWarning, match="runs as it is"):
        first = step().item()
    assert step().item() < first


# ---- what users write ------------------------------------------------------------------------------------------------


def filled(x):
    out = autograd.zeros(3, 4)
    out[:, 0] = x[:, 0]
    out += x
    row = out[1]
    row.mul_(2)
    return out.exp()


def filled_array(x):
    a = x.numpy()
    out, sums = np.zeros((3, 4), np.float32), np.empty(3, np.float32)
    out[0] = a[0]
    np.sum(a, axis=1, out=sums)
    return out * 2, np.sqrt(np.abs(sums)), np.array([a[0, 0], a[1, 1]]) * 2, np.exp(np.asarray(a)), np.array(a) + 1


def accumulated(x):
    total = autograd.zeros(())
    for row in x:
        total = total + row.sum()
    total += x.sum()
    return total, [row.sum() for row in x.numpy()]


def read(x):
    return (
        autograd.tensor(x.sum().item()) * 2,
        autograd.tensor([x[0, 0].item(), 1.0]),
        x * x.mean().item(),
        1 - x.max().item() * x,
    )


def stacked(x):
    return autograd.tensor([x[0, 0], x[1, 1]]), autograd.stack([x[0], x[1]])


def decided(x):
    return x * 2 if x.mean() > 0 else x * 3


def selected(x):
    a = x.numpy()
    return a[a > 0], np.nonzero(a > 0)[0], np.where(a > 0, a, 0), a[np.argsort(a[:, 0])]


def listed(x):
    return x[0].tolist(), [round(value, 3) for value in x[0].tolist()], (x[0] * 0 + 2).long().tolist()


def statistics(x):
    a = x.numpy()
    return a.var(0), a.std(), np.ptp(a, 1), np.percentile(a, 30), np.median(a, 0), np.cov(a), np.histogram(a, 3)[0]


def changed(x):
    a, b = x.numpy().copy(), x.numpy().astype(np.complex64)
    a.sort(axis=1)
    middle = a.flat[3]
    a.flat[2] = 9
    a.partition(2)
    a.put([0], 5.0)
    b.imag = 3
    b.real[0] = 1
    a.shape = (4, 3)
    return a, middle, b, a.item(1), a.compress([True, False, True, True], 0)


def masked(x):
    kept = autograd.ones(3, 4)
    kept[x > 0] = 0
    return kept * x


def placed(x):
    """The same number of places each time, but other ones."""
    highest = x == x.amax(1, True)
    return highest.nonzero(), autograd.argwhere(highest), highest.nonzero(as_tuple=True)[1], np.argwhere(highest) * 2


class Counter:
    """What keeps state between calls."""

    def __init__(self):
        self.count, self.mean, self.cache = 0, 0.0, {}

    def __call__(self, x):
        self.count += 1
        self.mean = self.mean * 0.9 + x.mean().item()
        if "ones" not in self.cache:
            self.cache["ones"] = autograd.ones(3, 4)
        self.cache["ones"] += x
        return x * self.count + self.mean, self.cache["ones"] * 2


WRITTEN = (
    filled,
    filled_array,
    accumulated,
    read,
    stacked,
    decided,
    selected,
    listed,
    statistics,
    changed,
    masked,
    placed,
)


@pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")  # since NumPy 2.5
@pytest.mark.parametrize("function", WRITTEN, ids=lambda function: function.__name__)
def test_what_users_write(function):
    """Arrays made on the way, numbers that are read, what is decided by them."""
    compiled, rng = compiler.compile(function), np.random.default_rng(1)
    for i in range(4):
        x = normal(3, 4)(rng)
        require_same(compiled(x), function(x.clone()), f"call {i}")
    assert compiled.source


def test_state_between_calls():
    eager, rng = Counter(), np.random.default_rng(1)
    compiled = compiler.compile(Counter())
    for i in range(6):
        x = normal(3, 4)(rng)
        require_same(compiled(x), eager(x), f"call {i}")
    assert type(compiled.function.cache["ones"].numpy()) is np.ndarray
    assert compiled.source


REFUSED = {
    "np.random": lambda x: x.numpy() + np.random.normal(size=4),  # noqa: NPY002
    "random": lambda x: x * random.random(),
    "a fresh generator": lambda x: x.numpy() + np.random.default_rng().normal(size=4),
    "float": lambda x: float(x.sum()) * 2,
    "a text": lambda x: f"{x.mean():.2f}",
    "bytes": lambda x: x.numpy().tobytes(),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_leaves_the_record_is_told(name):
    compiled = compiler.compile(REFUSED[name])
    with pytest.warns(UserWarning, match="runs as it is, uncompiled"):
        compiled(normal(3, 4)(np.random.default_rng(0)))
    x = normal(3, 4)(np.random.default_rng(1))
    if name == "float":
        assert compiled(x) == float(x.sum()) * 2


def test_numpy_is_as_before():
    """What is replaced while something is recorded is put back, also when it fails."""
    before = np.zeros, np.array, np.random.normal, random.random

    seen = io.StringIO()

    @compiler.compile
    def fails(x):
        seen.write(f"{hasattr(np.zeros(2), '_tape')} ")
        raise KeyError("x")

    with pytest.raises(KeyError), warnings.catch_warnings():
        fails(autograd.ones(2))
    assert seen.getvalue() == "True False "
    assert (np.zeros, np.array, np.random.normal, random.random) == before


LARGE = {
    "gelu": (F.gelu, (normal(400, 400),)),
    "attention": (lambda q, k: F.scaled_dot_product_attention(q, k, k), (normal(4, 8, 48, 16), normal(4, 8, 48, 16))),
    "convolution": (lambda x, w: F.conv2d(x, w, padding=1), (normal(4, 8, 48, 48), normal(8, 8, 3, 3))),
    "embedding": (lambda w, i: F.embedding(i, w), (normal(300, 64), below(300, 400))),
    "fft": (lambda x: autograd.fft.rfft(x).abs(), (normal(200, 1024),)),
    "max pooling": (lambda x: F.max_pool2d(x, 2), (normal(8, 8, 40, 40),)),
    "overlapping": (lambda x: F.max_pool2d(x, 3, 2, 1), (normal(8, 8, 40, 40),)),
    "rows": (lambda w, i: w[i], (normal(300, 64), below(300, 400))),
    "elements": (lambda w, i, j: w[i, j], (normal(300, 64), below(300, 400), below(64, 400))),
    "topk": (lambda x: x.topk(3).values, (normal(500, 40),)),
    "where": (lambda x, y: autograd.where(x > 0, x, y), (normal(300, 300), normal(300, 300))),
}
"""Operations that go another way from some size on; the gradient that they start from is a constant."""


@pytest.mark.parametrize("name", LARGE)
def test_large_arrays(name):
    function, data = LARGE[name]

    def step(*given):
        leaves = [x.clone().requires_grad_() if x.is_floating_point() else x for x in given]
        out = function(*leaves)
        out.sum().backward()
        return out.detach(), [leaf.grad for leaf in leaves]

    compiled, rng = compiler.compile(step), np.random.default_rng(0)
    for i in range(2):
        given = [make(rng) for make in data]
        expected = step(*given)
        require_same(compiled(*given), expected, f"call {i}")
    assert compiled.recordings == 1


OTHERWISE = {
    "adaptive mean": (lambda x, w: F.adaptive_avg_pool2d(x * w, (5, 3)), (normal(4, 6, 16, 17), normal(16, 17))),
    "depthwise": (lambda x, w: F.conv2d(x, w, padding=1, groups=32), (normal(4, 32, 20, 20), normal(32, 1, 3, 3))),
    "skipping": (lambda x, w: F.conv2d(x, w, stride=2, groups=32), (normal(4, 32, 20, 20), normal(32, 1, 3, 3))),
    "dilated": (lambda x, w: F.conv2d(x, w, dilation=2), (normal(4, 8, 48, 48), normal(8, 8, 3, 3))),
}
"""Operations that add in another order while they are recorded, so that results differ by rounding."""


@pytest.mark.parametrize("name", OTHERWISE)
def test_large_arrays_that_are_added_in_another_order(name):
    function, data = OTHERWISE[name]

    def step(*given):
        leaves = [x.clone().requires_grad_() for x in given]
        out = function(*leaves)
        out.backward(autograd.ones_like(out))
        return [out.detach(), *[leaf.grad for leaf in leaves]]

    compiled, rng = compiler.compile(step), np.random.default_rng(0)
    for _ in range(2):
        given = [make(rng) for make in data]
        for found, expected in zip(compiled(*given), step(*given), strict=True):
            scale = np.abs(expected.numpy()).max()
            np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=0, atol=1e-6 * scale)
    assert compiled.recordings == 1


class OwnAdam(optim.Optimizer):
    """Adam as those write it who change it: with a count in the state, and functions of ``math`` of it."""

    def __init__(self, params, lr=0.01, betas=(0.9, 0.999)):
        super().__init__(params, {"lr": lr, "betas": betas})

    @autograd.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            low, high = group["betas"]
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state.update(step=0, first=autograd.zeros_like(p), second=autograd.zeros_like(p))
                state["step"] += 1
                state["first"].mul_(low).add_(p.grad, alpha=1 - low)
                state["second"].mul_(high).addcmul_(p.grad, p.grad, value=1 - high)
                spread = (state["second"].sqrt() / math.sqrt(1 - high ** state["step"])).add_(1e-8)
                rate = group["lr"] * 0.5 * (1 + math.cos(math.pi * state["step"] / 20)) / (1 - low ** state["step"])
                p.addcdiv_(state["first"], spread, value=-rate)


def test_an_optimizer_of_a_programs_own_with_functions_of_math(tmp_path):
    found = []
    for compiles in (False, True):
        autograd.manual_seed(0)
        model = nn.Linear(3, 2)
        optimizer = OwnAdam(model.parameters())

        def step(x, model=model, optimizer=optimizer):
            optimizer.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            return loss.detach()

        step = compiler.compile(step, fullgraph=True) if compiles else step
        losses = [step(autograd.randn(4, 3)) for _ in range(12)]
        found.append([*losses, *[p.detach().clone() for p in model.parameters()]])
    require_same(*found)
    assert "_math.sqrt(" in step.source
    path = step.export(tmp_path / "step_with_math.py")
    module = runpy.run_path(path)
    x = autograd.randn(4, 3)
    assert module["step"](x.numpy()) == step(x).numpy()


def test_gradients_that_are_scaled_beside_a_scalar_parameter():
    """Gradients lie side by side in one buffer, that of a parameter without dimensions, too."""
    found = []
    for compiles in (False, True):
        autograd.manual_seed(0)
        layer, scale = nn.Linear(3, 4), nn.Parameter(autograd.ones(()))
        parameters = [scale, *layer.parameters()]
        optimizer = optim.RMSprop(parameters, lr=0.01)

        def step(x, layer=layer, scale=scale, parameters=parameters, optimizer=optimizer):
            optimizer.zero_grad()
            loss = (scale * layer(x)).square().mean()
            (loss * 128.0).backward()
            for p in parameters:
                p.grad.mul_(1 / 128.0)
            optimizer.step()
            return loss.detach()

        step = compiler.compile(step, fullgraph=True) if compiles else step
        losses = [step(autograd.randn(4, 3)) for _ in range(6)]
        found.append([*losses, *[p.detach().clone() for p in parameters]])
    require_same(*found)
