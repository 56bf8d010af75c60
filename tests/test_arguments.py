"""Arguments: what makes no sense is refused, of empty and 0-d tensors too; PyTorch's names are taken: a line each."""

import numpy as np
import pytest

import autograd
import autograd.numpy as anp
import nn
import nn.functional as F
import optim
from autograd import linalg, tensor
from nn import data
from optim import lr_scheduler as schedules
from tests.helpers import leaf, values

x = tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
number = tensor(2.0)
nothing = autograd.zeros(0)

REFUSED = [
    # dimensions that there are not
    (lambda: linalg.matrix_norm(x, dim=(0, 3)), IndexError, "axis 3"),
    (lambda: linalg.matrix_norm(x, 1, (-3, 0)), IndexError, "axis -3"),
    (lambda: linalg.norm(x, 2, dim=(0, 5)), IndexError, "axis 5"),
    (lambda: autograd.tensordot(x, x, ([0], [2])), IndexError, "axis 2"),
    (lambda: autograd.tensordot(number, x, ([0], [0])), IndexError, "axis 0"),
    (lambda: autograd.tensordot(number, number, 1), IndexError, "axis"),
    (lambda: nothing.softmax(1), IndexError, "axis 1"),
    (lambda: nothing.log_softmax(-2), IndexError, "axis -2"),
    (lambda: x[:0].gather(2, tensor(np.zeros((0, 3), int))), IndexError, "axis 2"),
    (lambda: number.transpose(0, 1), IndexError, "axis 1"),
    (lambda: number.flip(1), IndexError, "axis 1"),
    (lambda: number.unfold(1, 1, 1), IndexError, "axis 1"),
    # dimensions that are named twice, or are too few or too many
    (lambda: autograd.squeeze(x, (0, 0)), RuntimeError, "twice"),
    (lambda: autograd.squeeze(x, (1, -1)), RuntimeError, "twice"),
    (lambda: number.flip((0, 0)), RuntimeError, "repeated"),
    (lambda: x.roll(1, (0, 1)), RuntimeError, "equally many"),
    (lambda: linalg.matrix_norm(x, dim=(0,)), RuntimeError, "two dimensions"),
    (lambda: linalg.norm(x[0], "fro"), RuntimeError, "expected matrices"),
    (lambda: linalg.norm(x, "nuc", 0), RuntimeError, "two dimensions"),
    (lambda: linalg.matrix_norm(x, "frobenius"), ValueError, "'frobenius'"),
    # sizes, counts and orders that are negative, or 0 where that means nothing
    (lambda: x.reshape(-2, 3), RuntimeError, r"negative.*\(-2, 3\)"),
    (lambda: x.view(-3), RuntimeError, "negative.*-3"),
    (lambda: nothing.reshape(-2), RuntimeError, "negative"),
    (lambda: tensor([1.0]).unflatten(0, (-1, -1)), RuntimeError, "do not multiply"),
    (lambda: nothing.unflatten(0, (0, -1)), RuntimeError, "do not multiply"),
    (lambda: autograd.tensordot(x, x, -1), RuntimeError, "negative"),
    (lambda: autograd.tensordot(x, x, [0, 1, 2]), ValueError, r"two lists of dimensions, got \[0, 1, 2\]"),
    (lambda: x.clamp(), RuntimeError, "at least one of 'min' and 'max'"),
    (lambda: autograd.randperm(-1), RuntimeError, "negative"),
    (lambda: autograd.tril_indices(-1, 2), RuntimeError, "negative"),
    (lambda: autograd.triu_indices(2, -1), RuntimeError, "negative"),
    (lambda: autograd.multinomial(x[1], 0), ValueError, "at least one"),
    (lambda: autograd.mvlgamma(x + 5, 0), ValueError, "at least 1"),
    (lambda: linalg.tensorinv(number, 0), RuntimeError, "at least 1"),
    (lambda: F.one_hot(x.long(), -2), ValueError, "at least one class"),
    (lambda: F.one_hot(nothing.long(), 0), ValueError, "at least one class"),
    # fractions
    (lambda: x.roll(0.5), TypeError, "integer"),
    (lambda: x.tril(0.5), TypeError, "integer"),
    (lambda: autograd.rot90(x, 1.0), TypeError, "integer"),
    (lambda: autograd.linspace(0, 1, 2.5), TypeError, "integer"),
    (lambda: autograd.randint(5.5, (2,)), TypeError, "integer"),
    (lambda: autograd.randperm(2.5), RuntimeError, "integers"),
]


@pytest.mark.parametrize("place", range(len(REFUSED)))
def test_refused(place):
    call, kind, words = REFUSED[place]
    with pytest.raises(kind, match=words):
        call()


def test_accepted():
    assert autograd.zeros(2, 0, 3).unflatten(0, (1, -1)).shape == (1, 2, 0, 3)
    assert nothing.unflatten(0, (-1, 2)).shape == (0, 2)
    assert values(x.roll(np.int64(1), np.int64(0))) == values(x.roll(1, 0)) == [[3, 4, 5], [0, 1, 2]]
    assert values(x.roll(tensor([1, -1]), (0, 1))) == [[4, 5, 3], [1, 2, 0]]
    assert values(x.roll(1, ())) == values(x.roll(1)) == [[5, 0, 1], [2, 3, 4]]
    assert values(np.roll(x, 1, (0, 1))) == [[5, 3, 4], [2, 0, 1]]
    assert values(number.transpose(0, -1)) == values(number.flip(0)) == 2
    assert autograd.block_diag().shape == (1, 0)


def test_roll_of_all_elements_and_its_gradient():
    y = leaf(1.0, 2.0, 3.0)
    (found,) = autograd.grad(y.roll(1, ()) @ leaf(5.0, 6.0, 7.0), y)
    assert values(found) == [6, 7, 5]


square = tensor([[2.0, 1.0], [1.0, 3.0]])
pair = x[None, None]

NAMED = [
    (lambda: autograd.t(input=x), lambda: x.t()),
    (lambda: autograd.adjoint(input=x), lambda: x.mT),
    (lambda: autograd.argwhere(input=x), lambda: autograd.argwhere(x)),
    (lambda: autograd.nonzero(input=x, as_tuple=True), lambda: autograd.nonzero(x, as_tuple=True)),
    (lambda: autograd.combinations(input=x[0], r=2), lambda: autograd.combinations(x[0], 2)),
    (lambda: autograd.tensordot(a=x, b=x, dims=2), lambda: autograd.tensordot(x, x, 2)),
    (lambda: autograd.bernoulli(input=x * 0), lambda: x * 0),
    (lambda: autograd.multinomial(input=tensor([0.0, 1.0]), num_samples=1), lambda: tensor([1])),
    (lambda: autograd.rand_like(input=x).shape, lambda: (2, 3)),
    (lambda: autograd.randn_like(input=x).shape, lambda: (2, 3)),
    (lambda: autograd.randint_like(input=x, low=2, high=3), lambda: x * 0 + 2),
    (lambda: autograd.randint_like(input=x, high=1), lambda: x * 0),
    (lambda: autograd.dropout(input=x, p=0.5, train=False), lambda: x),
    (lambda: autograd.alpha_dropout(input=x, p=0.5, train=False), lambda: x),
    (lambda: linalg.lstsq(input=square, b=square).solution.round(), lambda: autograd.eye(2)),
    (lambda: F.one_hot(input=tensor([1])), lambda: tensor([[0, 1]])),
    (
        lambda: F.bilinear(input1=square, input2=square, weight=square[None]),
        lambda: F.bilinear(square, square, square[None]),
    ),
    (lambda: F.relu_(input=-x), lambda: x * 0),
    (lambda: F.hardtanh_(input=x.clone(), min_val=0.0, max_val=2.0), lambda: x.clamp(0, 2)),
    (lambda: x.new_zeros(size=(2,)), lambda: autograd.zeros(2)),
    (lambda: x.new_ones(size=[2, 3], dtype=autograd.int8), lambda: autograd.ones(2, 3, dtype=autograd.int8)),
    (lambda: x.new_empty(size=(2, 3)).shape, lambda: (2, 3)),
    (lambda: x.view(size=(3, 2)), lambda: x.reshape(3, 2)),
    (lambda: x.view(dtype=autograd.int32), lambda: x.view(autograd.int32)),
    (lambda: autograd.zeros(2, 3).copy_(other=x, non_blocking=True), lambda: x),
    (lambda: x.type(autograd.float64, non_blocking=True), lambda: x.double()),
    (lambda: x.cpu(memory_format=autograd.preserve_format), lambda: x),
    (lambda: x.clone().uniform_(**{"from": 2, "to": 2}), lambda: x * 0 + 2),
    (lambda: x.clone().random_(to=1), lambda: x * 0),
    (lambda: autograd.finfo(type=autograd.float16).max, lambda: 65504.0),
    (lambda: autograd.iinfo(type=autograd.int8).max, lambda: 127),
    (lambda: autograd.set_rng_state(new_state=autograd.get_rng_state()), lambda: None),
    (lambda: autograd.Generator().set_state(new_state=autograd.Generator().get_state()) is None, lambda: False),
    (lambda: x.is_contiguous(memory_format=autograd.contiguous_format), lambda: True),
    (lambda: autograd.empty(2, 0, memory_format=autograd.contiguous_format), lambda: autograd.empty(2, 0)),
    (lambda: F.unfold(pair, tensor([1, 2]), stride=np.array([1, 2])), lambda: F.unfold(pair, (1, 2), stride=(1, 2))),
    (lambda: F.max_pool2d(pair, tensor([1, 2]), np.array([2, 1])), lambda: F.max_pool2d(pair, (1, 2), (2, 1))),
    (lambda: nn.Conv2d(1, 1, tensor([1, 2]), stride=np.array([2, 1])), lambda: nn.Conv2d(1, 1, (1, 2), stride=(2, 1))),
    (lambda: autograd.promote_types(type1=autograd.int8, type2=autograd.float32), lambda: autograd.float32),
]


@pytest.mark.parametrize("place", range(len(NAMED)))
def test_the_names_of_arguments_are_pytorchs(place):
    by_name, expected = (make() for make in NAMED[place])
    assert repr(by_name) == repr(expected)


@pytest.mark.parametrize("mode", [True, False])
def test_inference_mode_by_name(mode):
    with autograd.inference_mode(mode=mode):
        assert autograd.is_inference_mode_enabled() is mode
    assert autograd.inference_mode(mode=mode)(autograd.is_inference_mode_enabled)() is mode


def test_contiguous_in_another_order():
    images = autograd.zeros(2, 4, 4, 3).permute(0, 3, 1, 2)
    volumes = autograd.zeros(2, 4, 4, 4, 3).permute(0, 4, 1, 2, 3)
    assert images.is_contiguous(memory_format=autograd.channels_last)
    assert not images.is_contiguous()
    assert volumes.is_contiguous(memory_format=autograd.channels_last_3d)
    assert not volumes.is_contiguous(memory_format=autograd.channels_last)
    assert not images.contiguous().is_contiguous(memory_format=autograd.channels_last)


def test_transposed_numbers_are_themselves():
    turn = tensor(2.0 + 1.0j)
    assert values(turn.mT) == values(turn.T) == 2 + 1j
    assert values(turn.mH) == values(turn.H) == values(autograd.adjoint(turn)) == 2 - 1j


WRONG_KINDS = [
    # settings that are not what they are said to be
    (lambda: x.flatten(0.5), "flatten: 'start_dim' must be an integer, got float 0.5"),
    (lambda: x.select("a", 1), "select: 'dim' must be an integer, got str 'a'"),
    (lambda: autograd.diff(x, "1"), "diff: 'n' must be an integer, got str '1'"),
    (lambda: autograd.renorm(x, "a", 1, 1), "renorm: 'p' must be a number, got str 'a'"),
    (lambda: F.group_norm(x, "2"), "group_norm: 'num_groups' must be an integer, got str '2'"),
    (lambda: F.conv1d(x[None], x[None], groups="a"), "conv1d: 'groups' must be an integer, got str 'a'"),
    (lambda: F.pad(x, (1, 0.5)), r"pad: 'pad' must be integers, got tuple \(1, 0.5\)"),
    (lambda: autograd.multinomial(x, 2.0), "multinomial: 'num_samples' must be an integer, got float 2.0"),
    (lambda: autograd.tril_indices(2, 2, "a"), "tril_indices: 'offset' must be an integer, got str 'a'"),
    (lambda: F.dropout(x, "a"), "dropout: 'p' must be a number, got str 'a'"),
    (lambda: F.dropout2d(pair, "a"), "dropout2d: the probability p must be a number, got str 'a'"),
    (lambda: x.scatter([0], x.long(), 1), r"scatter: 'dim' must be an integer, got list \[0\]"),
    # numbers of a tuple, or that may be a tuple
    (lambda: F.conv1d(x[None], x[None], stride=2.0), r"conv1d\(.*: stride must be an integer, got float 2.0"),
    (lambda: F.conv1d(x[None], x[None], padding=0.5), r"conv1d\(.*: padding must be an integer, got float 0.5"),
    (lambda: F.avg_pool1d(x, "2"), r"avg_pool1d\(.*: kernel_size must be an integer, got str '2'"),
    (lambda: F.max_pool2d(x[None], (1, 1.5)), r"max_pool2d\(.*: kernel_size must be an integer, got float 1.5"),
    (lambda: F.adaptive_avg_pool1d(x, 0.5), r"adaptive_avg_pool1d\(.*: output_size must be an integer, got float 0.5"),
    (lambda: F.interpolate(x[None], size="5"), r"interpolate\(.*: a size must be an integer, got str '5'"),
    (lambda: F.unfold(x[None], (1, 0.5)), r"\(.*: kernel_size must be an integer, got float 0.5"),
    (lambda: autograd.tensor_split(x, (1, 0.5)), r"tensor_split\(.*: a place to cut must be an integer, got float 0.5"),
    (lambda: x.split(2.0), r"split\(.*: split_size must be an integer, got float 2.0"),
    (lambda: x.chunk(2.0), r"chunk: 'chunks' must be an integer, got float 2.0"),
    (lambda: autograd.as_strided(x, (1,), (0.5,)), r"as_strided: 'stride' must be integers, got tuple \(0.5,\)"),
    (lambda: autograd.randint(2.5, (2,)), r"randint\(low=2.5, .*: high must be an integer, got float 2.5"),
    # what is no Tensor, and no number
    (
        lambda: autograd.linspace("a", 1, 3),
        r"linspace\(.*: an end of the range must be a number, got str 'a'",
    ),
    (lambda: autograd.normal("a", 1.0), "normal: 'mean' must be a number or a Tensor, got 'a'"),
    (lambda: F.one_hot(None), r"one_hot\(tensor=None\): "),
    (lambda: autograd.bernoulli(None), r"bernoulli\(x=None\): "),
    (lambda: autograd.broadcast_shapes(None), r"broadcast_shapes\(shapes=None\): "),
    (lambda: x.unflatten(0, None), r"unflatten\(x=float32\[2, 3\], dim=0, sizes=None\): "),
]


@pytest.mark.parametrize("place", range(len(WRONG_KINDS)))
def test_an_argument_of_the_wrong_kind_is_named(place):
    call, words = WRONG_KINDS[place]
    before = autograd.get_rng_state()
    with pytest.raises(autograd.DtypeError, match=words):
        call()
    assert repr(autograd.get_rng_state()) == repr(before)


def test_masks_and_means_that_do_not_broadcast_say_so():
    for call in (
        lambda: x.masked_select(autograd.ones(2, 4) > 0),
        lambda: x.masked_scatter(autograd.ones(2, 4) > 0, x),
        lambda: autograd.normal(x, autograd.ones(4)),
    ):
        with pytest.raises(autograd.ShapeError, match=r"dimension -1 .* is 3 and 4; sizes must be equal or 1"):
            call()


def test_settings_of_windows_are_one_number_or_two():
    with pytest.raises(autograd.ShapeError, match="kernel_size must be one number or 2"):
        F.unfold(pair, (1, 2, 3))
    with pytest.raises(autograd.ArgumentError, match="stride must be at least 1, got 0"):
        F.unfold(pair, 1, stride=0)


@pytest.mark.parametrize("arguments", [{"device": "cuda"}, {"requires_grad": "yes"}, {"dtype": autograd.int64}])
def test_a_draw_that_is_refused_leaves_the_generator_as_it_was(arguments):
    def calls():
        yield lambda: autograd.rand(2, **arguments)
        yield lambda: autograd.randn_like(x, **arguments)
        yield lambda: autograd.normal(0.0, 1.0, (2,), **arguments)
        if "dtype" not in arguments:
            yield lambda: autograd.randint(3, (2,), **arguments)

    before = autograd.get_rng_state()
    for call in calls():
        with pytest.raises((RuntimeError, TypeError)):
            call()
        assert repr(autograd.get_rng_state()) == repr(before)


def test_what_a_users_function_raises_inside_is_told_as_it_is():
    def distance(a, b):
        raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine$") as caught:
        F.triplet_margin_with_distance_loss(x, x, x, distance_function=distance)
    assert type(caught.value) is ValueError


@pytest.mark.parametrize(
    "name", ["sum", "mean", "prod", "amax", "all", "max", "median", "argmax", "logsumexp", "nansum", "var", "kthvalue"]
)
def test_two_dimensions_are_a_tuple(name):
    """x.sum(0, 1) was the sum over dimension 0, with ``keepdim=1``."""
    more = (1, 0) if name == "kthvalue" else (0,)
    with pytest.raises(autograd.DtypeError, match="must be True or False, got int 1"):
        getattr(x, name)(*more, 1)


def test_flags_are_true_or_false():
    for call, words in (
        (lambda: x.sum(0, keepdim="no"), "sum: 'keepdim' must be True or False, got str 'no'"),
        (lambda: x.sort(0, "descending"), "sort: 'descending' must be True or False, got str 'descending'"),
        (lambda: F.dropout(x, 0.5, "test"), "dropout: 'training' must be True or False, got str 'test'"),
        (lambda: linalg.cholesky(square, upper="L"), "cholesky: 'upper' must be True or False, got str 'L'"),
        (lambda: x.max(0, None), "max: 'keepdim' must be True or False, got None"),
    ):
        with pytest.raises(TypeError, match=words):
            call()
    assert values(x.sum(0, keepdim=np.True_)) == values(x.sum(0, np.bool_(1))) == values(x.sum(0, True))


def test_numpys_keepdims_may_be_a_number():
    array = np.arange(6.0).reshape(2, 3)
    for function in (anp.sum, anp.max, anp.std, anp.mean, anp.prod, anp.var, anp.min):
        found, expected = (
            autograd.grad(lambda v, keep=keep, function=function: anp.sum(function(v, axis=0, keepdims=keep) * v))(
                array
            )
            for keep in (1, True)
        )
        assert found.tolist() == expected.tolist()
    for name in ("sum", "max", "std", "mean", "argmax", "any", "var", "logsumexp"):
        assert repr(getattr(x, name)(axis=0, keepdims=1)) == repr(getattr(x, name)(axis=0, keepdims=True))
    for name in ("sum", "max", "std", "mean", "prod", "var", "min"):
        gradient = autograd.grad(lambda v, keep, name=name: anp.sum(getattr(v, name)(axis=0, keepdims=keep) * v))
        assert gradient(array, 1).tolist() == gradient(array, True).tolist()
    for function in (np.sum, np.max, np.std, np.mean, np.argmax, np.any):
        assert repr(function(x, axis=0, keepdims=1)) == repr(function(x, axis=0, keepdims=True))


one_score = tensor(1.0)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        # a 0-d index was not looked at
        (lambda: F.multi_margin_loss(one_score, tensor(1000)), IndexError, "class 1000 is out of range"),
        (lambda: F.multi_margin_loss(one_score, tensor(-1)), IndexError, "class -1 is out of range"),
        (lambda: F.multilabel_margin_loss(x, x.long() - 7), IndexError, "class -7 is out of range"),
        # numbers that are none
        (lambda: F.huber_loss(x, x, delta=float("nan")), ValueError, "delta must be positive, got nan"),
        (lambda: F.cosine_similarity(x, x, eps=-1.0), ValueError, "eps must not be negative, got -1.0"),
        (
            lambda: F.avg_pool2d(pair, 1, divisor_override=2.5),
            TypeError,
            "'divisor_override' must be an integer or None",
        ),
        (lambda: F.one_hot(tensor([1]), 2.5), TypeError, "'num_classes' must be an integer, got float 2.5"),
        (lambda: x.repeat_interleave(2.5), TypeError, "repeats must be integers, got 2.5"),
        (lambda: x.repeat_interleave("2"), TypeError, "repeats must be integers, got '2'"),
        (lambda: autograd.add(x, x, alpha=(1, 2)), TypeError, r"add: 'alpha' must be a number, got tuple \(1, 2\)"),
        (
            lambda: autograd.index_add(x, 0, tensor([0]), x[:1], alpha=None),
            TypeError,
            "'alpha' must be a number, got None",
        ),
        (lambda: autograd.histc(x, 3, "0", 1), TypeError, "histc: 'min' must be a number, got str '0'"),
        (lambda: F.softplus(x, (1.0,)), TypeError, "softplus: 'beta' must be a number, got tuple"),
        (lambda: F.layer_norm(x, (3,), eps="a"), TypeError, "layer_norm: 'eps' must be a number, got str 'a'"),
        (lambda: x.std(0, 1), TypeError, "std: 'unbiased' must be True or False, got int 1"),
        (
            lambda: F.interpolate(x[None], 5, mode="linear", align_corners="no"),
            TypeError,
            "interpolate: 'align_corners' must be True or False, got str 'no'",
        ),
        # what has another place
        (lambda: x.to("unknown", autograd.float64), TypeError, "unknown"),
        (lambda: linalg.lu_solve(square, tensor([1]), square), ValueError, r"pivots of shape \(1,\) do not fit LU"),
    ],
)
def test_what_was_taken_without_a_word(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


@pytest.mark.parametrize("norm", [F.batch_norm, F.instance_norm])
def test_running_statistics_move_both_or_not_at_all(norm):
    data = autograd.randn(3, 2, 4)
    for mean, variance, kind, words in (
        (autograd.zeros(2), None, ValueError, "both running statistics or neither, but running_var is None"),
        (None, autograd.ones(2), ValueError, "both running statistics or neither, but running_mean is None"),
        (
            autograd.zeros(2),
            autograd.ones(2).long(),
            TypeError,
            "running_var must be a floating Tensor .*, got int64",
        ),
        (autograd.zeros(2), [1.0, 1.0], TypeError, "running_var must be a floating Tensor or array, got list"),
        (autograd.zeros(2), leaf(1.0, 1.0), TypeError, "no derivative with respect to 'running_var'"),
    ):
        with pytest.raises(kind, match=words):
            norm(data, mean, variance, training=True) if norm is F.batch_norm else norm(data, mean, variance)
        assert mean is None or values(mean) == [0, 0]


def test_biases_of_attention_fit():
    q, weight = autograd.randn(3, 1, 2), autograd.randn(6, 2)

    def attend(bias=None, k=None, v=None):
        return F.multi_head_attention_forward(q, q, q, 2, 1, weight, bias, k, v, False, 0.0, weight[:2], None)

    with pytest.raises(autograd.ShapeError, match=r"in_proj_bias has shape \(5,\); expected \(6,\)"):
        attend(autograd.zeros(5))
    for shape in ((1, 1, 1), (1,)):
        with pytest.raises(autograd.ShapeError, match=r"bias_k has shape .*; expected \(1, 1, 2\)"):
            attend(None, autograd.zeros(shape), autograd.zeros(1, 1, 2))
    with pytest.raises(autograd.ShapeError, match="2 features cannot be divided among 0 heads"):
        F.multi_head_attention_forward(q, q, q, 2, 0, weight, None, None, None, False, 0.0, weight[:2], None)


steps = autograd.ones(3, 1, 2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nn.GroupNorm("a", 4), "GroupNorm: 'num_groups' must be an integer, got str 'a'"),
        (lambda: nn.LayerNorm(4.5), r"LayerNorm\(normalized_shape=4.5\): "),
        (
            lambda: nn.Embedding(5, 3, padding_idx="a"),
            "'padding_idx' must be an integer or None, got str 'a'",
        ),
        (
            lambda: nn.Embedding.from_pretrained(3),
            "from_pretrained: 'embeddings' must be a Tensor or a NumPy array, got int 3",
        ),
        (lambda: nn.LSTM(2, 2, dropout="a"), "dropout.* must be a number, got str 'a'"),
        (lambda: nn.LSTM(2, 2)(steps, 3), r"LSTM\(.*hx=3\): "),
        (lambda: nn.LSTM(2, 2)("a"), "LSTM: 'input' must be a Tensor or a NumPy array, got str 'a'"),
        (lambda: nn.GRU(2, 2)(steps, (steps[:1], steps[:1])), "GRU: 'hx' must be a Tensor or a NumPy array, got tuple"),
        (lambda: nn.MultiheadAttention(4, "a"), "MultiheadAttention: 'num_heads' must be an integer, got str 'a'"),
        (lambda: nn.Transformer(4, 2, num_encoder_layers="a"), "'num_.*layers' must be an integer, got str 'a'"),
        (lambda: nn.Conv2d(3, 4, 2.5), r"Conv2d\(.*: kernel_size must be an integer, got float 2.5"),
        (lambda: nn.init.uniform_(3), "uniform_: 'tensor' must be a Tensor or a NumPy array, got int 3"),
        (lambda: nn.utils.clip_grad_norm_([leaf(1.0)], "a"), "'max_norm' must be a number, got str 'a'"),
        (lambda: nn.utils.parameters_to_vector(3), r"parameters_to_vector\(parameters=3\): "),
        (lambda: nn.utils.rnn.pad_sequence(3), r"pad_sequence\(sequences=3\): "),
        (lambda: nn.utils.rnn.pad_packed_sequence(3), "pad_packed_sequence: expected a PackedSequence, got int"),
        (lambda: nn.ReLU().get_submodule(3), "get_submodule: a path must be a string"),
        (lambda: nn.ReLU().apply(3), "apply: expected a function of a module, got int"),
        (lambda: autograd.func.vjp(3, x), "vjp: expected a function to transform, got int 3"),
        (lambda: autograd.func.jvp(3, (x,), (x,)), "jvp: expected a function to transform, got int 3"),
        (lambda: autograd.func.linearize(3, x), "linearize: expected a function to transform, got int 3"),
        (lambda: autograd.func.stack_module_state([3]), "stack_module_state: expected a list of Modules, got int"),
    ],
)
def test_modules_and_transforms_name_what_they_were_given(call, words):
    with pytest.raises(TypeError, match=words):
        call()


def test_norms_of_order_0_and_limits_below_0():
    with pytest.raises(ValueError, match="norm_type must not be 0"):
        nn.LPPool1d(0, 2)(x)
    w = leaf(1.0)
    w.sum().backward()
    for limit in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="clip_value must not be negative"):
            nn.utils.clip_grad_value_([w], limit)
    assert values(w.grad) == [1]


def test_what_a_users_module_raises_is_told_as_it_is():
    class Broken(nn.Module):
        def forward(self, given):
            return given.no_such_thing

    with pytest.raises(AttributeError, match="no_such_thing") as caught:
        nn.Sequential(nn.Identity(), Broken())(x)
    assert type(caught.value) is AttributeError


sgd = optim.SGD([leaf(1.0)], lr=0.1)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: optim.SGD(3), TypeError, r"SGD\(params=3"),
        (lambda: optim.SGD([{"params": 3}]), TypeError, r"SGD\(params=\[\{'params': 3\}\]"),
        (lambda: optim.SGD([leaf(1.0)]).load_state_dict(3), TypeError, r"load_state_dict\(state_dict=3\)"),
        (lambda: optim.Adam([leaf(1.0)], betas=(0.9,)), ValueError, r"betas must be a pair of numbers.*got \(0.9,\)"),
        (lambda: optim.Adam([leaf(1.0)], betas=("a", 0.9)), TypeError, "betas must be a pair of numbers"),
        (lambda: optim.Rprop([leaf(1.0)], etas=3), TypeError, r"Rprop\(.*etas=3\)"),
        (lambda: schedules.StepLR(sgd, "a"), TypeError, "StepLR: 'step_size' must be an integer, got str 'a'"),
        (
            lambda: schedules.ConstantLR(sgd, factor="a"),
            TypeError,
            "'factor' must be a number, got str 'a'",
        ),
        (lambda: schedules.LinearLR(sgd, "a"), TypeError, "LinearLR: 'start_factor' must be a number, got str 'a'"),
        (lambda: schedules.ReduceLROnPlateau(sgd, factor="a"), TypeError, "'factor' must be a number, got str 'a'"),
        (lambda: schedules.ReduceLROnPlateau(sgd).step("a"), TypeError, "metrics.*'?a'?"),
        (lambda: schedules.SequentialLR(sgd, 3, [1]), TypeError, r"SequentialLR\(.*schedulers=3"),
        (lambda: schedules.StepLR(sgd, 1).load_state_dict(3), TypeError, r"load_state_dict\(state_dict=3\)|must be"),
        (lambda: data.DataLoader([1], num_workers="a"), TypeError, "'num_workers' must be an integer, got str 'a'"),
        (lambda: data.DataLoader([1], collate_fn=3), TypeError, "collate_fn must be a function"),
        (lambda: data.DataLoader([1], generator=3), TypeError, "generator must be an autograd.Generator, got int 3"),
        (lambda: data.RandomSampler(3), TypeError, "expected a data set with a length, got int"),
        (lambda: data.SequentialSampler(3), TypeError, "expected a data set with a length, got int"),
        (lambda: list(data.SubsetRandomSampler(3)), TypeError, "order.*: "),
        (lambda: data.ConcatDataset([3]), TypeError, r"ConcatDataset\(datasets=\[3\]\): "),
        (lambda: data.Subset([1], [0])[3], IndexError, "Subset: index 3 is out of range for 1 samples"),
        (lambda: data.default_collate([]), ValueError, "expected a list of samples, at least one"),
        (lambda: data.default_collate([{"a": 1}, {"b": 1}]), ValueError, r"keys of the first, \[\['a'\], \['b'\]\]"),
    ],
)
def test_optimizers_schedulers_and_data_name_what_they_were_given(call, kind, words):
    with pytest.raises(kind, match=words) as caught:
        call()
    assert type(caught.value).__module__ == "autograd.errors" or "Generator" in words


def test_questions_and_switches_name_what_they_were_given():
    for call, kind, words in (
        (lambda: x.size(5), IndexError, r"size: there is no dimension 5 in \(2, 3\): expected -2 to 1"),
        (lambda: x.size("a"), TypeError, "size: a dimension must be an integer, got str 'a'"),
        (lambda: x.stride(-3), IndexError, "stride: there is no dimension -3"),
        (lambda: autograd.set_rng_state(3), ValueError, "expected what get_state returned, got 3"),
        (lambda: autograd.set_num_threads("a"), TypeError, "set_num_threads: expected an integer, got str 'a'"),
        (lambda: autograd.set_grad_enabled(None), TypeError, "mode must be True or False, got None"),
        (lambda: autograd.set_grad_enabled("no"), TypeError, "mode must be True or False, got 'no'"),
        (lambda: setattr(x, "data", 3), TypeError, "data: expected a Tensor or an array, got int"),
        (lambda: linalg.multi_dot(3), TypeError, r"multi_dot\(tensors=3\): "),
        (lambda: x.__setitem__(0, 1j), TypeError, "item assignment: 1j cannot be written into a tensor of float32"),
    ):
        with pytest.raises(kind, match=words) as caught:
            call()
        assert type(caught.value).__module__ == "autograd.errors"
        assert autograd.is_grad_enabled()
    assert x.size(-1) == 3
    assert x.stride(np.int64(0)) == 3
    assert values(x) == [[0, 1, 2], [3, 4, 5]]


def test_numbers_of_numpy_and_tensors_without_dimensions_are_taken():
    assert repr(F.avg_pool2d(pair, 1, np.int64(2))) == repr(F.avg_pool2d(pair, 1, 2))
    assert repr(F.max_pool2d(pair, 1, tensor(2))) == repr(F.max_pool2d(pair, 1, 2))
    assert F.threshold(number, 1.0, 5.0).item() == F.threshold(tensor(0.5), 1.0, 2.0).item() == 2
    y = leaf(2.0)[0]
    assert F.threshold(y, 1.0, 5.0).item() == 2


double = leaf(1.0, 2.0, dtype=autograd.float64)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: autograd.checkpoint(3, x), "checkpoint: expected a function of Tensors, got int 3"),
        (lambda: autograd.op()(3), "op: expected the forward, a function of arrays, got int 3"),
        (lambda: autograd.no_grad()(3), "no_grad: expected a function to decorate, got int"),
        (lambda: autograd.gradcheck(3, [double]), "gradcheck: expected a function of Tensors, got int 3"),
        (
            lambda: autograd.gradcheck(lambda t: t * t, [double], eps="a"),
            "gradcheck: 'eps' must be a number, got str 'a'",
        ),
        (
            lambda: autograd.gradcheck(lambda t: t * t, [double], rtol="a"),
            "gradcheck: 'rtol' must be a number, got str 'a'",
        ),
    ],
)
def test_what_takes_a_function_says_so(call, words):
    with pytest.raises(autograd.DtypeError, match=words):
        call()


def test_what_a_checked_function_raises_is_told_as_it_is():
    def broken(t):
        raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine$"):
        autograd.gradcheck(broken, [double])
