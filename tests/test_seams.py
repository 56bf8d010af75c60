"""Where the parts meet: what PyTorch's scripts ask of several of them at once, each a defect found in such a script."""

import copy
import pickle

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
import optim
from autograd import tensor


def test_contiguous_after_transpose_can_be_viewed():
    heads = tensor(np.arange(24.0).reshape(1, 2, 3, 4), requires_grad=True)
    joined = (heads * 1).transpose(1, 2).contiguous()
    assert joined.is_contiguous()
    np.testing.assert_array_equal(
        joined.view(1, 3, 8).detach().numpy(), np.arange(24.0).reshape(1, 2, 3, 4).swapaxes(1, 2).reshape(1, 3, 8)
    )
    (joined.view(1, 3, 8) * tensor(np.arange(24.0).reshape(1, 3, 8))).sum().backward()
    np.testing.assert_array_equal(heads.grad.numpy(), np.arange(24.0).reshape(1, 3, 2, 4).swapaxes(1, 2))
    assert tensor(np.asfortranarray(np.ones((2, 3)))).contiguous().numpy().flags.c_contiguous


# ---- devices ---------------------------------------------------------------------------------------------------------


def test_the_usual_choice_of_a_device_runs():
    device = autograd.device("cuda" if autograd.cuda.is_available() else "cpu")
    model = nn.Linear(2, 3, device=device).to(device)
    out = model(autograd.ones(1, 2, device=device).to(device))
    assert out.device == device == autograd.device(device)
    assert (device.type, device.index, repr(device)) == ("cpu", None, "device(type='cpu')")
    assert not out.is_cuda


def test_the_default_device_is_the_only_one():
    with autograd.device("cpu") as device:
        assert autograd.ones(2).device == device == autograd.get_default_device()
    autograd.set_default_device(device)
    autograd.set_default_device(None)
    with pytest.raises(ValueError, match="no device 'cuda'"):
        autograd.set_default_device("cuda")


def test_a_device_with_a_number():
    device = autograd.device("cpu", 0)
    assert device == autograd.device("cpu:0")
    assert (str(device), device.type, device.index) == ("cpu:0", "cpu", 0)
    assert repr(pickle.loads(pickle.dumps(device))) == repr(copy.deepcopy(device)) == "device(type='cpu', index=0)"


@pytest.mark.parametrize("name", ["cuda", "cuda:1", "mps"])
def test_other_devices_do_not_exist(name):
    with pytest.raises(ValueError, match=f"no device '{name}'"):
        autograd.device(name)


def test_which_accelerator_is_asked_as_on_a_machine_without_one():
    found = autograd.accelerator.current_accelerator()
    assert found is None
    assert autograd.ones(2, device=found.type if found else "cpu").device == autograd.device("cpu")


@pytest.mark.parametrize("kind", [autograd.cuda, autograd.accelerator, autograd.backends.mps])
def test_absent_devices_say_so_and_can_be_seeded(kind):
    before = autograd.get_rng_state()
    kind.manual_seed(1)
    kind.manual_seed_all(1)
    kind.empty_cache()
    kind.synchronize()
    assert (kind.is_available(), kind.device_count()) == (False, 0)
    assert str(autograd.get_rng_state()) == str(before)


# ---- names -----------------------------------------------------------------------------------------------------------


def test_names_that_scripts_use_in_passing():
    x = autograd.ones(2, 3)
    assert x.shape == autograd.Size([2, 3])
    assert isinstance(x.dtype, autograd.dtype)
    assert autograd.autograd.grad is autograd.grad
    assert x.view(3, 2).data_ptr() == x.data_ptr() != x.clone().data_ptr()


def test_grad_takes_only_inputs_of_old_scripts():
    x = tensor(3.0, requires_grad=True)
    (g,) = autograd.grad(outputs=x * x, inputs=x, create_graph=True, only_inputs=True)
    assert g.item() == 6.0


def test_every_convolution_has_output_padding():
    assert nn.Conv2d(1, 1, 3).output_padding == (0, 0)
    assert nn.ConvTranspose1d(1, 1, 3, stride=2, output_padding=1).output_padding == (1,)


def test_modules_with_duplicates():
    act = nn.ReLU()
    model = nn.Sequential(act, nn.Identity(), act)
    assert [len(list(model.modules(remove_duplicate=flag))) for flag in (True, False)] == [3, 4]


def test_floating_indices_are_refused_in_words():
    with pytest.raises(autograd.DtypeError, match=r"integers to name each index.*float32.*long"):
        F.embedding(tensor([0.0]), autograd.ones(2, 3))


def test_sizes_given_to_tensor_are_explained():
    with pytest.raises(TypeError, match=r"autograd\.empty\(2, 3\)"):
        autograd.Tensor(2, 3)


# ---- models ----------------------------------------------------------------------------------------------------------


def test_a_copied_model_collects_its_own_gradients():
    model = nn.Linear(2, 1)
    model(autograd.ones(1, 2)).sum().backward()
    twin = copy.deepcopy(model)
    assert twin.weight.grad is None
    twin(autograd.ones(1, 2)).sum().backward()
    assert twin.weight.grad.tolist() == model.weight.grad.tolist() == [[1.0, 1.0]]


def test_an_optimizer_refuses_what_is_no_state():
    optimizer = optim.SGD(nn.Linear(2, 1).parameters(), lr=0.5, momentum=0.9)
    before = repr(optimizer)
    with pytest.raises(ValueError, match=r"'state' and 'param_groups'.*'model', 'optimizer'"):
        optimizer.load_state_dict({"model": {}, "optimizer": {}})
    assert repr(optimizer) == before
