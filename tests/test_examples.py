"""The examples run, reach what they state and write their pictures."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd
import nn
from examples import architectures, cnn, digits, from_pytorch, gpt, lstm, weight_init
from examples.story import load_images
from tests.helpers import run_python

PNG = b"\x89PNG\r\n\x1a\n"


def test_digits_reaches_97_percent_and_draws(tmp_path, capsys, graphviz):
    accuracy = digits.main(["--out", str(tmp_path)])
    assert accuracy >= 0.97
    lines = capsys.readouterr().out.splitlines()
    said = next(i for i, line in enumerate(lines) if line.startswith("test accuracy"))
    assert re.fullmatch(r"test accuracy 0\.9\d\d", lines[said])
    paths = [Path(line) for line in lines[said + 1 :]]
    assert [path.name for path in paths] == ["digits_learning_curve.png"] + [
        f"digits_graph.{kind}" for kind in ("html", "svg", "png")
    ]
    assert all(path.parent == tmp_path for path in paths)
    assert paths[0].read_bytes().startswith(PNG)
    assert paths[3].read_bytes().startswith(PNG)
    svg = paths[2].read_text()
    for text in ("0.weight", "0.bias", "2.weight", "2.bias", "cross_entropy", "32 \u00d7 128"):
        assert text in svg


def test_digits_is_repeatable(tmp_path):
    a, b = (digits.main(["--fast", "--seed", "3", "--out", str(tmp_path)]) for _ in range(2))
    assert a == b
    assert a > 0.8


def test_digits_split_keeps_every_digit_in_both_parts():
    data = load_images(0).tensors()
    assert data.train_x.shape == (1347, 64)
    assert data.test_x.shape == (450, 64)
    assert data.train_x.dtype == autograd.float32
    assert data.train_x.max().item() == 1.0
    for part in (data.train_y, data.test_y):
        assert sorted(set(part.tolist())) == list(range(10))


def test_digits_without_a_drawing_program_writes_page_and_svg_and_says_what_to_install(tmp_path, capsys, monkeypatch):
    def cannot(*args):
        raise autograd.RenderError("install chainrule[examples]")

    monkeypatch.setattr(autograd.draw.picture, "drawn", cannot)
    digits.main(["--fast", "--out", str(tmp_path)])
    out = capsys.readouterr().out
    assert "install chainrule[examples]" in out
    assert "cross_entropy" in (tmp_path / "digits_graph.svg").read_text()
    assert (tmp_path / "digits_graph.html").read_text().startswith("<!DOCTYPE html>")


def test_lstm_reaches_95_percent_and_draws(tmp_path, capsys):
    accuracy = lstm.main(["--out", str(tmp_path)])
    assert accuracy >= 0.95
    last = capsys.readouterr().out.splitlines()[-1]
    assert Path(last) == tmp_path / "lstm.png"
    assert Path(last).read_bytes().startswith(PNG)


def test_lstm_is_repeatable(tmp_path):
    a, b = (lstm.main(["--fast", "--seed", "3", "--out", str(tmp_path)]) for _ in range(2))
    assert a == b
    assert a > 0.5


def test_help_tells_the_story():
    names = ("cnn", "digits", "gpt", "lstm")
    *stories, rest = run_python(f"""
import runpy, sys
sys.argv[1:] = ["--help"]
for name in {names}:
    try:
        runpy.run_module("examples." + name, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        print("ended with", end.code)
""").split("ended with 0\n")
    assert not rest
    for name, story in zip(names, stories, strict=True):
        for text in (f"examples.{name}", "--seed", "--fast", "--out", "should see"):
            assert text in story


@pytest.mark.parametrize(
    ("story", "words", "said"),
    [
        (digits, ["--epochs", "0"], "--epochs: expected a whole number of at least 1, got '0'"),
        (gpt, ["--batch", "-1"], "--batch: expected a whole number of at least 1, got '-1'"),
        (digits, ["--out", str(Path(__file__) / "out")], "cannot be made: "),
        (weight_init, ["--mnist", "nowhere"], "--mnist: there is no folder 'nowhere'"),
        (from_pytorch, ["--with", "nowhere"], "--with: there is no interpreter 'nowhere'"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(story, words, said, capsys):
    with pytest.raises(SystemExit, match="2"):
        story.main(words)
    assert said in capsys.readouterr().err


def test_a_folder_without_mnist(tmp_path):
    with pytest.raises(SystemExit, match="has none of train-images"):
        weight_init.main(["--mnist", str(tmp_path), "--fast", "--out", str(tmp_path)])


def test_a_small_run_may_have_other_epochs(tmp_path, capsys):
    digits.main(["--fast", "--epochs", "1", "--out", str(tmp_path)])
    assert "1/1" in capsys.readouterr().err


def test_gpt_learns_writes_and_keeps_its_weights(tmp_path, capsys):
    losses = [gpt.main(["--fast", "--seed", "1", "--batch", "4", "--out", str(tmp_path)]) for _ in range(2)]
    assert losses[0] == losses[1]
    assert losses[0] < 3.6
    lines = capsys.readouterr().out.splitlines()
    assert f"validation loss {losses[0]:.3f} nats per character" in lines
    written = next(i for i, line in enumerate(lines) if line.startswith("The "))
    assert len("\n".join(lines[written : lines.index(f"validation loss {losses[0]:.3f} nats per character")])) >= 104
    paths = [Path(line) for line in lines[-2:]]
    assert [path.name for path in paths] == ["gpt_learning_curve.png", "gpt.safetensors"]
    assert paths[0].read_bytes().startswith(PNG)
    text = gpt.load()
    model = gpt.GPT(len(text.characters), 32, 2, 1)
    before = gpt.evaluate(model, text.validation, 32)
    model.load_state_dict(autograd.load(paths[1]))
    assert gpt.evaluate(model, text.validation, 32) < before - 0.5


def test_gpt_does_not_look_ahead_and_reads_the_whole_text():
    text = gpt.load()
    assert len(text.train) + len(text.validation) > 300_000
    assert set(text.validation.tolist()) <= set(range(len(text.characters)))
    model = gpt.GPT(len(text.characters), 8, 2, 1)
    window = text.train[None, :20].copy()
    scores = model(autograd.from_numpy(window)).detach().numpy()
    window[0, 10] = (window[0, 10] + 1) % len(text.characters)
    changed = model(autograd.from_numpy(window)).detach().numpy()
    np.testing.assert_array_equal(scores[0, :10], changed[0, :10])
    assert (scores[0, 10:] != changed[0, 10:]).any(axis=1).all()


def test_cnn_reaches_98_percent_draws_and_keeps_its_weights(tmp_path, capsys):
    accuracy = cnn.main(["--epochs", "12", "--out", str(tmp_path)])
    assert accuracy >= 0.98
    lines = capsys.readouterr().out.splitlines()
    assert [Path(line).name for line in lines[-2:]] == ["cnn.safetensors", "cnn.png"]
    assert Path(lines[-1]).read_bytes().startswith(PNG)
    model = cnn.make_model()
    model.load_state_dict(autograd.load(lines[-2]))
    x, y = cnn.load(0)[1].tensors
    assert (cnn.predict(model, x) == y).float().mean().item() == accuracy


def test_cnn_is_repeatable(tmp_path):
    a, b = (cnn.main(["--fast", "--seed", "3", "--out", str(tmp_path)]) for _ in range(2))
    assert a == b
    assert a > 0.8


def test_from_pytorch_compares_what_lies_in_a_folder(tmp_path, capsys):
    for name, (build, shape) in architectures.MODELS.items():
        autograd.manual_seed(1)
        model, x = build(nn).eval(), autograd.randn(*shape)
        out = model(x)
        out = out[0] if isinstance(out, tuple) else out
        autograd.save(model.state_dict(), tmp_path / f"{name}.safetensors")
        np.savez(tmp_path / f"{name}.npz", x=x.numpy(), out=out.detach().numpy())
    assert from_pytorch.main(["--folder", str(tmp_path)]) < from_pytorch.LIMIT
    assert "all below 1e-05" in capsys.readouterr().out
    np.savez(
        tmp_path / "lstm.npz", x=np.zeros((4, 9, 5), np.float32), out=out.detach().numpy().mean() + np.ones((4, 9, 24))
    )
    assert from_pytorch.main(["--folder", str(tmp_path)]) > from_pytorch.LIMIT
    assert "NOT all below 1e-05" in capsys.readouterr().out


def test_from_pytorch_asks_for_an_interpreter(capsys):
    with pytest.raises(SystemExit):
        from_pytorch.main([])
    assert "name an interpreter that has PyTorch: --with PYTHON" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="it needs the packages torch, numpy and safetensors"):
        from_pytorch.main(["--with", sys.executable])
