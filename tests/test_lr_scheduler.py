"""optim.lr_scheduler: PyTorch 2.13's sequences (written in), resuming, order of calls, bad arguments."""

import copy
import warnings

import numpy as np
import pytest

import autograd
import optim
from optim import lr_scheduler as M


def optimizer(lr=1.0, kind=optim.SGD, **settings):
    groups = [{"params": [autograd.ones(1, requires_grad=True)]} for _ in range(2)]
    groups[1]["lr"] = lr / 2
    return kind(groups, lr=lr, **settings)


def lrs(o):
    return [group["lr"] for group in o.param_groups]


SEQUENCES = [  # scheduler, lr of the first group, of the second if it is not half of it, momentum if it changes
    (lambda o: M.StepLR(o, 3, 0.5),
     [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25], None, None),
    (lambda o: M.MultiStepLR(o, [2, 2, 5], 0.5),
     [1, 1, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125], None, None),
    (lambda o: M.ConstantLR(o, 0.5, 4),
     [0.5, 0.5, 0.5, 0.5, 1, 1, 1, 1], None, None),
    (lambda o: M.LinearLR(o, 0.25, 1.0, 4),
     [0.25, 0.4375, 0.625, 0.8125, 1, 1, 1, 1], None, None),
    (lambda o: M.LinearLR(o, 1.0, 0.0, 5),
     [1, 0.8, 0.6, 0.4, 0.2, 0, 0, 0], None, None),
    (lambda o: M.ExponentialLR(o, 0.5),
     [1, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125], None, None),
    (lambda o: M.PolynomialLR(o, 5, 2.0),
     [1, 0.64, 0.36, 0.16, 0.04, 0, 0, 0], None, None),
    (lambda o: M.CosineAnnealingLR(o, 4, 0.1),
     [1, 0.8681981, 0.55, 0.2318019, 0.1, 0.2318019, 0.55, 0.8681981],
     [0.5, 0.4414214, 0.3, 0.1585786, 0.1, 0.1585786, 0.3, 0.4414214], None),
    (lambda o: M.CosineAnnealingLR(o, 1),
     [1, 0, 1, 0, 1, 0, 1, 0],
     [0.5, 0, 0.5, 0, 0.5, 0, 0.5, 0], None),
    (lambda o: M.CosineAnnealingWarmRestarts(o, 3, 2, 0.1),
     [1, 0.775, 0.325, 1, 0.9397114, 0.775, 0.55, 0.325],
     [0.5, 0.4, 0.2, 0.5, 0.4732051, 0.4, 0.3, 0.2], None),
    (lambda o: M.LambdaLR(o, [lambda e: 0.5**e, lambda e: 1 / (1 + e)]),
     [1, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125],
     [0.5, 0.25, 0.1666667, 0.125, 0.1, 0.08333333, 0.07142857, 0.0625], None),
    (lambda o: M.MultiplicativeLR(o, lambda e: 1 / (1 + e)),
     [1, 0.5, 0.1666667, 0.04166667, 0.008333333, 0.001388889, 0.0001984127, 2.480159e-05], None, None),
    (lambda o: M.CyclicLR(o, 0.1, 1.0, 2, 3),
     [0.1, 0.55, 1, 0.7, 0.4, 0.1, 0.55, 1], None,
     [0.9, 0.85, 0.8, 0.8333333, 0.8666667, 0.9, 0.85, 0.8]),
    (lambda o: M.CyclicLR(o, [0.1, 0.2], [1.0, 2.0], 2, mode="triangular2", base_momentum=0.5),
     [0.1, 0.55, 1, 0.55, 0.1, 0.325, 0.55, 0.325],
     [0.2, 1.1, 2, 1.1, 0.2, 0.65, 1.1, 0.65],
     [0.9, 0.7, 0.5, 0.7, 0.9, 0.8, 0.7, 0.8]),
    (lambda o: M.CyclicLR(o, 0.1, 1.0, 2, mode="exp_range", gamma=0.9),
     [0.1, 0.505, 0.829, 0.42805, 0.1, 0.3657205, 0.5782969, 0.3152336], None,
     [0.9, 0.855, 0.819, 0.86355, 0.9, 0.8704755, 0.8468559, 0.8760852]),
    (lambda o: M.CyclicLR(o, 0.1, 1.0, 2, scale_fn=lambda x: 1 / x, cycle_momentum=False),
     [0.1, 0.55, 1, 0.55, 0.1, 0.325, 0.55, 0.325], None, None),
    (lambda o: M.OneCycleLR(o, 1.0, 8),
     [0.04, 0.8192751, 0.9719418, 0.8117457, 0.555984, 0.283061, 0.07664159, 4e-06], None,
     [0.95, 0.8688255, 0.8528058, 0.8688255, 0.8944018, 0.9216942, 0.9423362, 0.95]),
    (lambda o: M.OneCycleLR(o, 1.0, epochs=4, steps_per_epoch=2,
                            anneal_strategy="linear", pct_start=0.5, cycle_momentum=False),
     [0.04, 0.36, 0.68, 1, 0.750001, 0.500002, 0.250003, 4e-06], None, None),
    (lambda o: M.OneCycleLR(o, [1.0, 2.0], 9, three_phase=True, div_factor=10.0, final_div_factor=10.0),
     [0.1, 0.6731483, 0.9325977, 0.217446, 0.09627451, 0.07570293, 0.04584448, 0.02009299],
     [0.2, 1.346297, 1.865195, 0.434892, 0.192549, 0.1514059, 0.09168896, 0.04018598],
     [0.95, 0.8863169, 0.8574891, 0.9369504, 0.95, 0.95, 0.95, 0.95]),
    (lambda o: M.ChainedScheduler([M.ConstantLR(o, 0.5, 3), M.ExponentialLR(o, 0.9)]),
     [0.5, 0.45, 0.405, 0.729, 0.6561, 0.59049, 0.531441, 0.4782969], None, None),
    (lambda o: M.SequentialLR(o, [M.LinearLR(o, 0.25, 1.0, 3), M.ExponentialLR(o, 0.5), M.ConstantLR(o, 0.1, 9)],
                              [3, 6]),
     [0.25, 0.5, 0.75, 1, 0.5, 0.25, 0.1, 0.1], None, None),
]  # fmt: skip


@pytest.mark.parametrize(("make", "first", "second", "momentum"), SEQUENCES)
def test_sequence_is_pytorchs_and_goes_on_after_loading(make, first, second, momentum):
    o = optimizer(momentum=0.25)
    scheduler = make(o)
    if second is None:
        second = first if lrs(o)[1] == lrs(o)[0] else [lr / 2 for lr in first]
    for step, expected in enumerate(zip(first, second, strict=True)):
        np.testing.assert_allclose(lrs(o), expected, rtol=1e-6, atol=1e-9)
        assert scheduler.get_last_lr() == lrs(o)
        assert o.param_groups[0]["momentum"] == pytest.approx(0.25 if momentum is None else momentum[step])
        o.step()
        scheduler.step()
        if step == 3:
            states = copy.deepcopy((scheduler.state_dict(), o.state_dict()))
            o = optimizer(momentum=0.25)
            scheduler = make(o)
            scheduler.load_state_dict(states[0])
            o.load_state_dict(states[1])
            o.step()


def run(make, rates):
    """The values of two parameters under a schedule of two groups with these rates; and the scheduler."""
    params = [autograd.tensor([1.0, 2.0], dtype=autograd.float64, requires_grad=True) for _ in rates]
    o = optim.Adam([{"params": [p], "lr": rate} for p, rate in zip(params, rates, strict=True)])
    scheduler, path = make(o), []
    for i in range(8):
        o.zero_grad()
        sum((p**2).sum() for p in params).backward()
        o.step()
        scheduler.step(*[1.0] * isinstance(scheduler, M.ReduceLROnPlateau))
        path.append([p.tolist() for p in params])
        if i == 5:
            for group in o.param_groups:
                group["lr"] *= 0.5  # in place, if it is a Tensor
    return path, scheduler


@pytest.mark.parametrize(
    "make",
    [
        *(row[0] for row in SEQUENCES),
        lambda o: M.ReduceLROnPlateau(o, patience=0),
        lambda o: optim.swa_utils.SWALR(o, 0.5, 3),
    ],
)
def test_a_tensor_stays_the_lr_and_follows_the_schedule(make):
    path, plain = run(make, [0.1, 0.2])
    rates = [autograd.tensor(rate, dtype=autograd.float64) for rate in (0.1, 0.2)]
    found, scheduler = run(make, rates)
    np.testing.assert_array_equal(found, path)
    assert scheduler.get_last_lr() == plain.get_last_lr()
    o = scheduler.optimizer
    assert [group["lr"] is rate for group, rate in zip(o.param_groups, rates, strict=True)] == [True, True]


def test_a_state_has_copies_of_tensors_that_are_the_lr():
    rate = autograd.tensor(0.5)
    o = optim.SGD([autograd.ones(1, requires_grad=True)], lr=rate)
    saved = o.state_dict()
    rate.fill_(7.0)
    o.load_state_dict(saved)
    assert o.param_groups[0]["lr"].item() == 0.5
    o.param_groups[0]["lr"].fill_(7.0)
    assert saved["param_groups"][0]["lr"].item() == 0.5


def test_swalr_goes_to_its_rate_and_stays():
    for strategy, expected in (("linear", [1, 0.75, 0.5, 0.5]), ("cos", [1, 0.75, 0.5, 0.5])):
        o = optimizer()
        scheduler = optim.swa_utils.SWALR(o, 0.5, anneal_epochs=2, anneal_strategy=strategy)
        for lr in expected:
            assert o.param_groups[0]["lr"] == pytest.approx(lr)
            assert o.param_groups[1]["lr"] == pytest.approx(0.5)
            o.step()
            scheduler.step()
    with pytest.raises(ValueError, match="anneal_strategy is 'cos' or 'linear', got 'step'"):
        optim.swa_utils.SWALR(o, 0.5, anneal_strategy="step")


@pytest.mark.parametrize(
    ("settings", "metrics", "expected"),
    [
        ({"patience": 1}, [3, 2, 2, 2, 2, 2], [1, 1, 1, 0.1, 0.1, 0.01]),
        ({"patience": 0, "mode": "max", "factor": 0.5}, [1, 2, 2, 3, 1], [1, 1, 0.5, 0.5, 0.25]),
        ({"patience": 0, "cooldown": 2}, [1, 1, 1, 1, 1, 1], [1, 0.1, 0.1, 0.1, 0.01, 0.01]),
        ({"patience": 0, "threshold": 0.5, "threshold_mode": "abs"}, [3, 2.6, 2, 1.4], [1, 0.1, 0.1, 0.1]),
        ({"patience": 0, "threshold": 0.5}, [4, 2.1, 1.9], [1, 0.1, 0.1]),
        ({"patience": 0, "min_lr": [0.2, 0.05]}, [1, 1, 1], [1, 0.2, 0.2]),
        ({"patience": 0, "min_lr": 0.99, "eps": 0.1}, [1, 1], [1, 1]),
    ],
)
def test_reduce_on_plateau(settings, metrics, expected):
    o = optimizer()
    scheduler = M.ReduceLROnPlateau(o, **settings)
    for metric, lr in zip(metrics, expected, strict=True):
        scheduler.step(autograd.tensor(metric))
        assert scheduler.get_last_lr()[0] == pytest.approx(lr)
    again = M.ReduceLROnPlateau(o, **settings)
    again.load_state_dict(scheduler.state_dict())
    assert (again.best, again.num_bad_epochs) == (scheduler.best, scheduler.num_bad_epochs)


def test_plateau_takes_a_group_that_was_added_later():
    o = optimizer()
    scheduler = M.ReduceLROnPlateau(o, patience=0)
    o.add_param_group({"params": [autograd.ones(1, requires_grad=True)]})
    scheduler.step(1)
    scheduler.step(1)
    assert lrs(o) == pytest.approx([0.1, 0.05, 0.1])
    scheduler = M.ReduceLROnPlateau(o, patience=-1, min_lr=[0, 0, 0])
    o.add_param_group({"params": [autograd.ones(1, requires_grad=True)]})
    with pytest.raises(ValueError, match="the optimizer has 4 groups now, but min_lr was given for 3"):
        scheduler.step(1)


def test_momentum_of_adam_is_its_first_beta():
    o = optimizer(kind=optim.Adam)
    scheduler = M.CyclicLR(o, 0.1, 1.0, step_size_up=1, base_momentum=0.6, max_momentum=0.8)
    assert o.param_groups[0]["betas"] == (0.8, 0.999)
    o.step()
    scheduler.step()
    assert o.param_groups[1]["betas"] == (pytest.approx(0.6), 0.999)
    with pytest.raises(ValueError, match="Adagrad has neither momentum nor betas; pass cycle_momentum=False"):
        M.OneCycleLR(optimizer(kind=optim.Adagrad), 1.0, 10)


def test_stepping_before_the_optimizer_warns():
    o = optimizer()
    scheduler = M.StepLR(o, 1)
    with pytest.warns(UserWarning, match=r"step\(\) was called before optimizer.step\(\)"):
        scheduler.step()
    scheduler.step()
    o = optimizer()
    o.step()  # before the scheduler was there: that does not count
    scheduler = M.StepLR(o, 1)
    with pytest.warns(UserWarning, match=r"before optimizer.step\(\)"):
        scheduler.step()
    o.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        M.ExponentialLR(o, 0.5).step()


def test_step_to_an_epoch_uses_the_closed_form():
    for make, expected in (
        (lambda o: M.ExponentialLR(o, 0.5), 0.5**7),
        (lambda o: M.StepLR(o, 3, 0.5), 0.25),
        (lambda o: M.MultiStepLR(o, [2, 6], 0.5), 0.25),
        (lambda o: M.LinearLR(o, 0.5, 1.0, 14), 0.75),
        (lambda o: M.PolynomialLR(o, 14, 2.0), 0.25),
        (lambda o: M.ConstantLR(o, 0.5, 8), 0.5),
        (lambda o: M.CosineAnnealingLR(o, 14, 0.5), 0.75),
        (lambda o: M.LambdaLR(o, lambda epoch: 1 / epoch if epoch else 1), 1 / 7),
    ):
        o = optimizer()
        scheduler = make(o)
        o.step()
        with pytest.warns(UserWarning, match=r"step\(epoch\) is deprecated"):
            scheduler.step(7)
        assert lrs(o)[0] == pytest.approx(expected)
    o = optimizer()
    scheduler = M.CosineAnnealingWarmRestarts(o, 4, 2)
    scheduler.step(8.0)  # 4 epochs, then the middle of 8
    assert lrs(o)[0] == pytest.approx(0.5)
    with pytest.raises(ValueError, match="epoch must not be negative, got -1"):
        scheduler.step(-1)


def test_going_on_from_an_epoch_needs_the_initial_rates():
    o = optimizer()
    with pytest.raises(KeyError, match="group 0 needs 'initial_lr'; load the optimizer's state dict first"):
        M.StepLR(o, 3, last_epoch=4)
    for group in o.param_groups:
        group["initial_lr"] = 8.0
    scheduler = M.StepLR(o, 3, 0.5, last_epoch=4)
    assert scheduler.last_epoch == 5
    assert scheduler.base_lrs == [8.0, 8.0]
    o.step()
    scheduler.step()
    assert lrs(o) == [0.5, 0.25]


class Halving:
    def __init__(self):
        self.factor = 0.5

    def __call__(self, epoch):
        return self.factor**epoch


def test_attributes_of_a_callable_are_saved_and_functions_are_not():
    function = Halving()
    scheduler = M.LambdaLR(optimizer(), [function, lambda epoch: 1.0])
    function.factor = 0.25
    state = scheduler.state_dict()
    assert state["lr_lambdas"] == [{"factor": 0.25}, None]
    other = M.LambdaLR(optimizer(), [Halving(), lambda epoch: 1.0])
    other.load_state_dict(state)
    assert other.lr_lambdas[0].factor == 0.25
    cyclic = M.CyclicLR(optimizer(momentum=0.5), 0.1, 1.0, scale_fn=function)
    twin = M.CyclicLR(optimizer(momentum=0.5), 0.1, 1.0, scale_fn=Halving())
    twin.load_state_dict(cyclic.state_dict())
    assert twin.scale_fn(2) == 0.25**2


def test_schedulers_inside_schedulers():
    o = optimizer()
    inner = M.SequentialLR(o, [M.ConstantLR(o, 0.5, 9), M.ExponentialLR(o, 0.5)], [2])
    scheduler = M.SequentialLR(o, [inner, M.ChainedScheduler([M.ExponentialLR(o, 0.1)])], [5])
    seen = []
    for _ in range(8):
        seen.append(lrs(o)[0])
        o.step()
        scheduler.step()
    assert seen == pytest.approx([0.5, 0.5, 1.0, 0.5, 0.25, 1.0, 0.1, 0.01])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda o: M.LRScheduler(o), "LRScheduler needs a method get_lr"),
        (lambda o: M.StepLR(3, 1), "StepLR: expected an Optimizer, got int"),
        (lambda o: M.LambdaLR(o, [len]), "lr_lambda has 1 values, but the optimizer has 2 groups"),
        (lambda o: M.MultiplicativeLR(o, 0.5), "lr_lambda must be a function of the epoch, got float"),
        (lambda o: M.ConstantLR(o, 1.5), r"factor must lie in \[0, 1\], got 1.5"),
        (lambda o: M.LinearLR(o, 0), "start_factor must lie above 0 and be at most 1, got 0"),
        (lambda o: M.CosineAnnealingWarmRestarts(o, 0), "T_0 must be a positive integer, got 0"),
        (lambda o: M.CyclicLR(o, 0.1, 1.0, mode="square"), "mode is 'triangular'.* got 'square'"),
        (lambda o: M.OneCycleLR(o, 1.0), "give total_steps, or both epochs and steps_per_epoch"),
        (lambda o: M.OneCycleLR(o, 1.0, 0), "total_steps must be a positive integer, got 0"),
        (lambda o: M.OneCycleLR(o, 1.0, 10, pct_start=1), "pct_start must be a float in .*, got 1"),
        (lambda o: M.ReduceLROnPlateau(o, factor=1.0), "factor must be below 1, got 1.0"),
        (lambda o: M.ReduceLROnPlateau(o, "low"), "mode is 'min' or 'max', got 'low'"),
        (lambda o: M.ChainedScheduler([]), "expected at least one scheduler, got none"),
        (lambda o: M.ChainedScheduler([M.ReduceLROnPlateau(o)]), "item 0 is ReduceLROnPlateau, which needs a metric"),
        (lambda o: M.ChainedScheduler([M.StepLR(o, 1), M.StepLR(optimizer(), 1)]), "belongs to another optimizer"),
        (lambda o: M.SequentialLR(o, [M.StepLR(o, 1)], [3]), "1 schedulers need 0 milestones, got 1"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make(optimizer(momentum=0.5))


def test_one_cycle_ends():
    o = optimizer(momentum=0.5)
    scheduler = M.OneCycleLR(o, 1.0, 3)
    for _ in range(3):
        o.step()
        scheduler.step()
    with pytest.raises(ValueError, match="step 4 is beyond the cycle of 3 steps"):
        scheduler.step()


def test_a_scheduler_prints_the_rates_and_where_it_is():
    scheduler = M.StepLR(optimizer(0.1), 3)
    scheduler.optimizer.step()
    scheduler.step()
    assert repr(scheduler) == "<StepLR: lr 0.1, 0.05 at epoch 1>"
    assert repr(M.ChainedScheduler([scheduler])) == "<ChainedScheduler: lr 0.1, 0.05>"


def test_schedulers_of_users_by_the_former_name():
    class Warmup(M._LRScheduler):
        def get_lr(self):
            return [base * min(1.0, (self.last_epoch + 1) / 4) for base in self.base_lrs]

    optimizer = optim.SGD([autograd.ones(1, requires_grad=True)], lr=1.0)
    scheduler = Warmup(optimizer)
    rates = []
    for _ in range(4):
        rates += scheduler.get_last_lr()
        optimizer.step()
        scheduler.step()
    assert rates == [0.25, 0.5, 0.75, 1.0]


class Warm(M._LRScheduler):
    """As programs define schedulers after PyTorch's own, with attributes under all kinds of names."""

    def __init__(self, optimizer, lrs, last_epoch=-1):
        self.lrs, self.begin, self.update, self.scaled, self.asked = lrs, 0, 1, 2, []
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        self.asked.append((self._is_initial, self._get_lr_called_within_step))
        return [self.lrs[self.last_epoch] for _ in self.base_lrs]

    def _get_closed_form_lr(self):
        return [lr * self.last_epoch for lr in self.base_lrs]


def test_schedulers_of_a_program_find_pytorchs_names():
    o = optimizer()
    scheduler = Warm(o, [0.25, 0.5, 0.75, 1.0])
    assert (lrs(o), scheduler.asked) == ([0.25, 0.25], [(True, True)])
    o.step()
    scheduler.step()
    assert (lrs(o), scheduler.asked[1:]) == ([0.5, 0.5], [(False, True)])
    scheduler.get_lr()
    assert scheduler.asked[2:] == [(False, False)]
    with pytest.warns(UserWarning, match=r"step\(epoch\) is deprecated"):
        scheduler.step(3)
    assert lrs(o) == [3.0, 1.5]
    state = {**scheduler.state_dict(), "_is_initial": True, "_get_lr_called_within_step": True}  # as PyTorch saves it
    other = Warm(optimizer(), [0.25])
    other.load_state_dict(state)
    assert (other._is_initial, other._get_lr_called_within_step, other.last_epoch) == (False, False, 3)


def test_a_plateau_can_be_reset():
    o = optimizer()
    scheduler = M.ReduceLROnPlateau(o, factor=0.5, patience=0, cooldown=5)
    for metric in (1.0, 2.0):
        scheduler.step(metric)
    assert (scheduler.best, scheduler.in_cooldown, lrs(o)) == (1.0, True, [0.5, 0.25])
    scheduler._reset()
    scheduler.step(9.0)
    assert (scheduler.best, scheduler.in_cooldown, lrs(o)) == (9.0, False, [0.5, 0.25])
