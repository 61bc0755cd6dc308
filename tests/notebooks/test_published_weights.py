"""Published weights in the ResNet-50 of assignment 06, without a download: this test makes them."""

import re
from types import SimpleNamespace

import keras
import nbformat
import numpy as np
import pytest

from course import data
from tests.classroom import ROOT

CELLS = (
    "imports", "conv-answer", "basic-answer", "bottleneck-answer", "resnet-answer", "option-answer",
    "cifar-answer", "names-answer", "copied-answer", "photograph", "transfer", "evidence-answer",
    "evidence-compared", "photograph-evidence",
)  # fmt: skip


@pytest.fixture(scope="module")
def published():
    """ResNet50 of keras.applications, with biases and normalisations that matter."""
    model, rng = keras.applications.ResNet50(weights=None), np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(weight + rng.uniform(0, 0.2, weight.shape))
    bias = model.get_layer("predictions").bias
    bias.assign(rng.normal(0, 3, bias.shape))  # so that the best guesses are far from each other
    return model


def test_a_photograph_and_a_new_head(published, tmp_path, monkeypatch, capsys):
    cells = nbformat.read(ROOT / "solutions/06-resnet/resnet.ipynb", 4).cells
    sources = {cell.id: cell.source for cell in cells}
    picture = np.random.default_rng(1).integers(0, 255, (224, 224, 3))
    keras.utils.save_img(tmp_path / "photograph.jpg", picture)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.setattr(keras.applications, "ResNet50", lambda: published)
    monkeypatch.setattr(keras.applications.resnet, "decode_predictions", decoded)
    monkeypatch.setattr(data, "load", few)
    assert sources["photograph"].startswith("PUBLISHED = False\n")  # nothing is downloaded unasked
    names, displayed = {}, []
    names["display"] = displayed.append
    for name in CELLS:
        exec(sources[name].replace("PUBLISHED = False", "PUBLISHED = True"), names)

    pixels = keras.utils.img_to_array(keras.utils.load_img("photograph.jpg"))
    x = keras.applications.resnet.preprocess_input(pixels[None])
    expected = published.predict(x, verbose=0)
    np.testing.assert_allclose(names["pretrained"].predict(x, verbose=0), expected, atol=1e-5)
    said = capsys.readouterr().out
    first = ", ".join(f"{label} {share:.0%}" for _, label, share in decoded(expected, 3)[0])
    assert f"as it is: {first}\n" in said
    assert re.search(r"\d+% of 6 other digits are right", said)

    # The evidence for the two best guesses: class activation maps of the published network.
    (drawn,) = displayed
    best = [number for _, number, _ in decoded(expected, 2)[0]]
    assert f"photograph; {'; '.join(best)}" in drawn.alt
    end = published.get_layer("avg_pool").input
    (maps,) = keras.Model(published.inputs[0], end).predict(x, verbose=0)
    for label in map(int, best):
        activation = maps @ published.get_layer("predictions").get_weights()[0][:, label]
        found = names["grad_cam"](names["head"], names["maps"], label)
        np.testing.assert_allclose(
            found, np.maximum(activation, 0) / activation.size, atol=1e-4 * np.abs(found).max()
        )


def decoded(shares, top):
    """As keras.applications does it; a class is called by its number."""
    best = np.argsort(-shares, axis=1)[:, :top]
    return [
        [(f"n{i}", str(i), share[i]) for i in row] for row, share in zip(best, shares, strict=True)
    ]


def few(name, *, size, batch):
    """Two pipelines, as `data.load` gives them, of six images each."""
    assert (name, size) == ("digits", (96, 96))
    rng = np.random.default_rng(2)
    batches = [(rng.random((3, *size, 1), "float32"), rng.integers(0, 10, 3)) for _ in range(2)]
    return (SimpleNamespace(as_numpy_iterator=lambda: iter(batches)),) * 2
