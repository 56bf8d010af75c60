"""optim: every optimizer's path, against PyTorch's (numbers written in) or a formula; L-BFGS; resuming."""

import copy
import pickle

import numpy as np
import pytest

import autograd
import optim

# ---- the trajectories of PyTorch 2.13, in float64: two parameters, 20 steps, each without gradient now and then ----

TRAJECTORIES = [
    (optim.SGD, {"lr": 0.1},
     [0.28081008432, -0.76800705128, 2.469882566, 0.52576431903, 1.1713786175, -0.394097708, 3.4430598876]),
    (optim.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01},
     [-0.9316591059, -0.53601057118, 3.7304364467, 1.8206616034, -0.17090571272, -0.47265363917, 4.415246216]),
    (optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True},
     [2.2578821939, -1.9156715298, -0.74736107186, -1.8031395146, 3.7354848993, -0.47160765697, 0.79519599753]),
    (optim.Adam, {"lr": 0.1},
     [-0.10539031315, -0.95086413365, 2.8101479166, 0.93572534855, 0.78030071084, -0.53515847983, 3.4915452231]),
    (optim.Adam, {"lr": 0.1, "betas": (0.5, 0.9), "eps": 0.001, "weight_decay": 0.1},
     [0.10990200202, -0.61632928494, 2.3350936963, 0.60245003887, 0.745264474, -0.31426920085, 3.0364780154]),
    (optim.Adam, {"lr": 0.1, "amsgrad": True, "maximize": True},
     [1.1053736082, -1.0491275608, 1.1898734353, -0.43569669543, 2.2196992892, -0.46484152017, 2.5084547769]),
    (optim.Adam, {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True},
     [-0.12000797782, -0.80047629888, 2.4704272067, 0.84033469364, 0.62625719499, -0.46077922612, 3.0409056128]),
    (optim.AdamW, {"lr": 0.1},
     [-0.1070519591, -0.93484665416, 2.7741193037, 0.92569152923, 0.76377835541, -0.52726872926, 3.4436497311]),
    (optim.AdamW, {"lr": 0.1, "weight_decay": 0.2, "amsgrad": True},
     [-0.13062517307, -0.67014171554, 2.1729047248, 0.75516909649, 0.49499067748, -0.39568032329, 2.6482892883]),
    (optim.Adamax, {"lr": 0.1},
     [0.047615054825, -0.99021053632, 2.6015246659, 0.75201952148, 1.0015554591, -0.50994885559, 3.3977487243]),
    (optim.Adamax, {"lr": 0.1, "betas": (0.7, 0.9), "weight_decay": 0.1, "maximize": True},
     [0.79642269235, -1.00884995, 1.1925535433, -0.19555750132, 1.7593480856, -0.50474210169, 2.2319130539]),
    (optim.NAdam, {"lr": 0.1},
     [0.18975071466, -0.82730277137, 2.6428523659, 0.62872285965, 1.0213171794, -0.40555553286, 3.4727051098]),
    (optim.NAdam, {"lr": 0.1, "weight_decay": 0.1, "momentum_decay": 0.1},
     [0.15588008613, -0.70397062482, 2.3141498951, 0.56116078215, 0.87254174449, -0.33797699701, 3.042343447]),
    (optim.NAdam, {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True},
     [0.70741662573, -1.0339757874, 1.1244764693, -0.12681125821, 1.7285110793, -0.52706874522, 2.1330163933]),
    (optim.RAdam, {"lr": 0.1},
     [0.22971724347, -1.0511597534, 2.2174440662, 0.53384862322, 1.3144584592, -0.52861619839, 3.1523556142]),
    (optim.RAdam, {"lr": 0.1, "betas": (0.5, 0.9), "weight_decay": 0.1},
     [0.23704445233, -0.75523056572, 2.1498645732, 0.47412807387, 1.0753081786, -0.39492826386, 2.9891702464]),
    (optim.RAdam, {"lr": 0.1, "betas": (0.5, 0.9),
     "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True},
     [0.63016891984, -1.0015559439, 1.3514260707, -0.025729569464, 1.5539634538, -0.48360087276, 2.2598060606]),
    (optim.RMSprop, {"lr": 0.1},
     [-1.4041890149, -0.52764000239, 5.5639692431, 2.4855925324, -1.1251710102, -0.12745352936, 5.333252977]),
    (optim.RMSprop, {"lr": 0.1, "momentum": 0.5, "alpha": 0.9},
     [-0.71804445364, -0.61944001099, 4.3381024987, 1.6928092731, -0.25920342775, -0.30800098338, 4.569379667]),
    (optim.RMSprop, {"lr": 0.1, "centered": True, "weight_decay": 0.1, "maximize": True},
     [1.2715743806, -1.1072171597, -1.2155947167, -1.1351526903, 2.165825191, -0.70220760541, -0.040783376687]),
    (optim.Rprop, {"lr": 0.1},
     [0.179, -1.20175, 2.45784, 1.10648, 0.963984, -0.502, 3.4068384]),
    (optim.Rprop, {"lr": 0.1, "etas": (0.3, 1.5), "step_sizes": (0.05, 0.2), "maximize": True},
     [0.975, -1, 1.275, -0.675, 2.3078125, -0.6, 2.1171875]),
    (optim.ASGD, {"lr": 0.1},
     [0.2807651653, -0.7678829143, 2.4695246031, 0.52568999359, 1.1711958271, -0.39403231978, 3.4425573841]),
    (optim.ASGD, {"lr": 0.1, "lambd": 0.1, "alpha": 0.5, "t0": 3, "weight_decay": 0.1},
     [0.2033984833, -0.53679329448, 1.8876336501, 0.40484740987, 0.85049173516, -0.26628793196, 2.621768893]),
    (optim.ASGD, {"lr": 0.1, "maximize": True},
     [0.71908485307, -1.2318171224, 1.5298754704, -0.025764984407, 1.828354228, -0.6058176986, 2.5565427262]),
    (optim.Adadelta, {"lr": 10.0},
     [0.4228624402, -0.90271341909, 2.2438262239, 0.34882948969, 1.349979007, -0.43965517585, 3.1639833654]),
    (optim.Adadelta, {"lr": 10.0, "rho": 0.5, "weight_decay": 0.1, "maximize": True},
     [0.53205663322, -1.0313717144, 1.8496211942, 0.18851804815, 1.5366334608, -0.51752715761, 2.8436739246]),
    (optim.Adagrad, {"lr": 0.1},
     [0.31026885029, -0.95557843445, 2.3529067744, 0.47236372987, 1.239169807, -0.46448127873, 3.2288402093]),
    (optim.Adagrad, {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.5,
     "weight_decay": 0.1, "maximize": True},
     [0.61721168803, -0.97629508654, 1.7318557637, 0.083495615247, 1.578936422, -0.46731786308, 2.7701116604]),
    (optim.Adafactor, {"lr": 0.1},
     [0.19036616118, -0.52326692378, 2.8499325631, 0.67094631094, 0.56159284529, -0.14923954717, 4.24927381]),
    (optim.Adafactor, {"lr": 0.1, "eps": (0.0001, 0.01), "beta2_decay": -0.5, "d": 2.0,
     "weight_decay": 0.1, "maximize": True},
     [0.72859607258, -1.180014606, 1.113162882, -0.1602054063, 2.0514259312, -0.71808207752, 1.4992951312]),
]  # fmt: skip


def follow(kind, settings, dtype="float64", steps=range(20), params=None, optimizer=None):
    if params is None:
        start = [[[0.5, -1.0], [2.0, 0.25]], [1.5, -0.5, 3.0]]
        params = [autograd.tensor(values, dtype=dtype, requires_grad=True) for values in start]
        optimizer = kind(params, **settings)
    for step in steps:
        for i, p in enumerate(params):
            grad = np.cos(1.7 * step + i + np.arange(p.numel())).reshape(p.shape)
            p.grad = None if (step + i) % 4 == 2 else autograd.tensor(grad, dtype=dtype)
        optimizer.step()
    return params, optimizer


def flat(params):
    return np.concatenate([p.detach().numpy().ravel() for p in params])


@pytest.mark.parametrize(("kind", "settings", "expected"), TRAJECTORIES)
def test_trajectory_is_pytorchs(kind, settings, expected):
    np.testing.assert_allclose(flat(follow(kind, settings)[0]), expected, rtol=2e-10, atol=1e-12)
    params, _ = follow(kind, settings, "float32")
    assert all(p.dtype == np.float32 for p in params)
    np.testing.assert_allclose(flat(params), expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(("kind", "settings", "expected"), TRAJECTORIES)
def test_resumed_trajectory_is_bitwise_the_same(kind, settings, expected):
    whole, first = follow(kind, settings)
    params, optimizer = follow(kind, settings, steps=range(9))
    copied = pickle.loads(pickle.dumps((params, optimizer)))  # params first: the optimizer holds the same Tensors
    assert copied[1].param_groups[0]["params"][0] is copied[0][0]
    for again, resumed in (copied, (params, kind(params, **settings))):
        resumed.load_state_dict(optimizer.state_dict())
        with autograd.no_grad():
            for p, q in zip(again, params, strict=True):
                p.copy_(q)
        values = [q.detach().clone() for q in params]
        follow(kind, settings, steps=range(9, 20), params=again, optimizer=resumed)
        np.testing.assert_array_equal(flat(again), flat(whole))
        with autograd.no_grad():
            for q, value in zip(params, values, strict=True):
                q.copy_(value)
    assert set(first.state_dict()["state"]) == set(resumed.state_dict()["state"])


@pytest.mark.parametrize("kind", [optim.Adam, optim.Rprop, optim.ASGD, optim.RMSprop, optim.NAdam])
def test_complex_parameters_move_as_their_real_and_imaginary_parts(kind):
    rng = np.random.default_rng(3)
    z = rng.standard_normal(3) + 1j * rng.standard_normal(3)
    whole = autograd.tensor(z, requires_grad=True)
    parts = [autograd.tensor(part, requires_grad=True) for part in (z.real.copy(), z.imag.copy())]
    optimizers = kind([whole]), kind(parts)
    for _ in range(5):
        g = rng.standard_normal(3) + 1j * rng.standard_normal(3)
        whole.grad = autograd.tensor(g)
        parts[0].grad, parts[1].grad = autograd.tensor(g.real.copy()), autograd.tensor(g.imag.copy())
        for optimizer in optimizers:
            optimizer.step()
    np.testing.assert_allclose(
        whole.detach().numpy(), parts[0].detach().numpy() + 1j * parts[1].detach().numpy(), rtol=1e-14
    )
    assert all(v.dtype == np.complex128 for v in optimizers[0].state[whole].values() if v.ndim)


def orthogonalised(x, steps=5):
    a, b, c = 3.4445, -4.7750, 2.0315
    u, s, vt = np.linalg.svd(x / np.linalg.norm(x), full_matrices=False)
    for _ in range(steps):
        s = a * s + b * s**3 + c * s**5
    return u * s @ vt


@pytest.mark.parametrize(
    ("shape", "rule", "scale"),
    [((4, 6), None, 1), ((6, 4), "original", 1.5**0.5), ((6, 4), "match_rms_adamw", 0.2 * 6**0.5)],
)
def test_muon_steps_along_the_orthogonalised_momentum(shape, rule, scale):
    rng = np.random.default_rng(0)
    start = rng.standard_normal(shape)
    w = autograd.tensor(start, requires_grad=True)
    optimizer = optim.Muon([w], lr=0.1, weight_decay=0.5, adjust_lr_fn=rule)
    expected, mean = start, np.zeros(shape)
    for _ in range(3):
        g = rng.standard_normal(shape)
        w.grad = autograd.tensor(g)
        optimizer.step()
        mean = 0.95 * mean + 0.05 * g
        expected = 0.95 * expected - 0.1 * scale * orthogonalised(0.05 * g + 0.95 * mean)
    np.testing.assert_allclose(w.detach().numpy(), expected, rtol=1e-10, atol=1e-12)
    assert list(optimizer.state_dict()["state"][0]) == ["momentum_buffer"]


# ---- L-BFGS ----


def valley(x, y):
    return (1 - x[0]) ** 2 + 10 * (x[1] - x[0] ** 2) ** 2 + ((y - 0.5) ** 4).sum()


@pytest.mark.parametrize(
    ("settings", "evaluations", "expected"),
    [
        ({"lr": 0.02}, 60, [-0.8868857537, 0.7185136169, 0.3113190913, -0.110040875]),
        (
            {"lr": 0.1, "max_iter": 5, "history_size": 2},
            15,
            [-0.7502763121, 0.6827839928, 0.3100154218, -0.05417840302],
        ),
        ({"line_search_fn": "strong_wolfe"}, 43, [0.9999980237, 0.9999946823, 0.4956375082, 0.5037380563]),
        (
            {"lr": 0.5, "max_iter": 4, "line_search_fn": "strong_wolfe", "history_size": 3},
            15,
            [0.07437011713, -0.07170108335, 0.3323157782, 0.7207096789],
        ),
        (
            {"max_iter": 40, "max_eval": 7, "line_search_fn": "strong_wolfe"},
            21,
            [0.9892979275, 0.9772570308, 0.4133565234, 0.4107880826],
        ),
    ],
)
def test_lbfgs_goes_pytorchs_way(settings, evaluations, expected):
    x = autograd.tensor([-1.2, 1.0], dtype="float64", requires_grad=True)
    y = autograd.tensor([[0.3, -0.4]], dtype="float64", requires_grad=True)
    optimizer, calls = optim.LBFGS([x, y], **settings), []

    def closure():
        calls.append(1)
        optimizer.zero_grad()
        loss = valley(x, y)
        loss.backward()
        return loss

    for _ in range(3):
        state = copy.deepcopy(optimizer.state_dict())
        optimizer = optim.LBFGS([x, y], **settings)  # what it remembers is all in its state
        optimizer.load_state_dict(state)
        optimizer.step(closure)
    assert len(calls) == evaluations
    np.testing.assert_allclose(flat([x, y]), expected, rtol=1e-7)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"lr": 0.5, "max_iter": 4}, [1, 1, -1]),
        ({"line_search_fn": "strong_wolfe", "max_iter": 3}, [17.66762599694878, 1.708105298260639, -2.55058425283619]),
    ],
)
def test_lbfgs_goes_on_from_where_a_closure_put_the_parameters(settings, expected):
    w = autograd.tensor([2.0, -1.5, 0.5], dtype="float64", requires_grad=True)
    optimizer = optim.LBFGS([w], **settings)

    def closure():
        with autograd.no_grad():
            w.clamp_(-1, 1)
        optimizer.zero_grad()
        loss = ((w - autograd.tensor([3.0, 0.2, -0.1])) ** 2).sum() + w.prod()
        loss.backward()
        return loss

    for _ in range(2):
        optimizer.step(closure)
    np.testing.assert_allclose(w.tolist(), expected, rtol=1e-6)


def test_the_vectors_of_lbfgs_have_the_parameters_in_their_order():
    """Of whatever dtypes, as in PyTorch's states; the first direction is the gradient, downhill."""
    params = [autograd.tensor([1.0 + i, 2.0], dtype=d, requires_grad=True) for i, d in enumerate(("f8", "f4", "f8"))]
    optimizer = optim.LBFGS(params, max_iter=1)

    def closure():
        optimizer.zero_grad()
        loss = sum((i + 1) * p.square().sum() for i, p in enumerate(params))
        loss.backward()
        return loss

    gradient = [2 * (i + 1) * x for i, p in enumerate(params) for x in p.tolist()]
    optimizer.step(closure)
    np.testing.assert_allclose(optimizer.state_dict()["state"][0]["prev_flat_grad"], gradient)


def test_lbfgs_of_complex_parameters_goes_on_from_its_state():
    found = []
    for resumed in (False, True):
        z = autograd.tensor([1 + 2j, -0.5j, 0.3], dtype="complex128", requires_grad=True)
        optimizer = optim.LBFGS([z], lr=0.3, max_iter=2)

        def closure(z=z):
            z.grad = None
            loss = (z * z - 1j).abs().square().sum() + z.real.exp().sum()
            loss.backward()
            return loss

        for _ in range(4):
            optimizer.step(closure)
            if resumed:
                state = optimizer.state_dict()
                optimizer = optim.LBFGS([z], lr=0.3, max_iter=2)
                optimizer.load_state_dict(state)
                assert optimizer.state[z]["d"].dtype == np.float64  # real and imaginary parts
        found.append(z.tolist())
    assert found[0] == found[1]


def test_lbfgs_needs_a_closure_and_one_group():
    w = autograd.tensor([1.0], requires_grad=True)
    with pytest.raises(TypeError, match="step needs a closure"):
        optim.LBFGS([w]).step(None)
    with pytest.raises(ValueError, match="cannot have another"):
        optim.LBFGS([{"params": [w]}, {"params": [autograd.tensor([1.0], requires_grad=True)]}])
    with pytest.raises(ValueError, match="line_search_fn is None or 'strong_wolfe', got 'armijo'"):
        optim.LBFGS([w], line_search_fn="armijo")


def test_lbfgs_stays_where_the_gradient_is_zero():
    w = autograd.tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.LBFGS([w], tolerance_grad=-1.0)  # which no gradient meets

    def closure():
        optimizer.zero_grad()
        loss = (w * 0.0).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 0
    assert w.tolist() == [1.0, 2.0]
