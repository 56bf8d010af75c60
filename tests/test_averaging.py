"""optim.swa_utils: averages of a model over its training."""

import pytest

import autograd
import nn
import optim


def averaged_values(**settings):
    model = nn.Linear(2, 1)
    averaged = optim.swa_utils.AveragedModel(model, **settings)
    for value in (1.0, 2.0, 6.0):
        for parameter in model.parameters():
            nn.init.constant_(parameter, value)
        averaged.update_parameters(model)
    assert averaged.n_averaged.item() == 3
    assert len({p.detach().numpy().ravel()[0] for p in averaged.parameters()}) == 1
    return averaged


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, 3.0),
        ({"multi_avg_fn": optim.swa_utils.get_swa_multi_avg_fn()}, 3.0),
        ({"avg_fn": optim.swa_utils.get_ema_avg_fn(0.5)}, 3.75),
        ({"multi_avg_fn": optim.swa_utils.get_ema_multi_avg_fn(0.5), "use_buffers": True}, 3.75),
        ({"avg_fn": lambda mean, value, n: mean + value * n}, 15.0),
    ],
)
def test_averages_of_a_model(settings, expected):
    averaged = averaged_values(**settings)
    assert averaged.module.weight.tolist() == [[expected, expected]]
    assert averaged(autograd.ones(1, 2)).item() == 3 * expected
    state = averaged.state_dict()
    assert list(state) == ["n_averaged", "module.weight", "module.bias"]
    other = optim.swa_utils.AveragedModel(nn.Linear(2, 1))
    other.load_state_dict(state)
    assert other.n_averaged.item() == 3
    assert [name for name, _ in other.named_parameters()] == ["module.weight", "module.bias"]
    assert other.module.bias.tolist() == [expected]


def test_an_averaged_model_is_used_as_the_model():
    model = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))
    averaged = optim.swa_utils.AveragedModel(model)
    averaged.update_parameters(model)
    assert [name for name, _ in averaged.named_buffers("a")][:2] == ["a.n_averaged", "a.module.1.running_mean"]
    assert next(averaged.buffers()) is averaged.n_averaged
    assert [type(module).__name__ for module in averaged.modules()] == ["Sequential", "Linear", "BatchNorm1d"]
    assert averaged.eval() is averaged
    assert not averaged.training
    assert not averaged.module[1].training
    x = autograd.ones(3, 2)
    assert averaged.forward(x).tolist() == averaged(x).tolist() == model.eval()(x).tolist()
    assert averaged.train().training
    assert repr(averaged).splitlines()[1] == "  (module): Sequential("
    with pytest.raises(KeyError, match="n_averaged"):
        averaged.load_state_dict({})
    model[1].running_mean.fill_(5.0)
    averaged.update_parameters(model)
    assert averaged.module[1].running_mean.tolist() == [5.0]


class BatchNormOfOnes:
    """What update_bn asks of a batch normalisation."""

    momentum = 0.1

    def __init__(self):
        self.seen = ["before"]

    def reset_running_stats(self):
        self.seen = []


class Normalised(nn.Module):
    def __init__(self):
        self.norm = BatchNormOfOnes()

    def modules(self):
        return iter([self, self.norm])

    def forward(self, x):
        self.norm.seen.append((x, self.training, self.norm.momentum))


def test_update_bn_passes_all_batches_in_training_mode():
    model = Normalised().eval()
    optim.swa_utils.update_bn([(1, "label"), [2], 3], model)
    assert model.norm.seen == [(1, True, None), (2, True, None), (3, True, None)]
    assert model.norm.momentum == 0.1
    assert not model.training
    with pytest.raises(ValueError, match=r"decay must lie in \[0, 1\], got 2"):
        optim.swa_utils.get_ema_avg_fn(2)
    with pytest.raises(ValueError, match="give avg_fn or multi_avg_fn, not both"):
        optim.swa_utils.AveragedModel(model, avg_fn=len, multi_avg_fn=len)
