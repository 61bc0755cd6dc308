"""The line that moves while a network is trained, and what is left of it."""

import re

import keras
import numpy as np
import pytest

from course.kit import training


@pytest.mark.parametrize("keep", [True, False])
def test_each_epoch_moves_and_leaves_a_line(keep, capsys, monkeypatch):
    monkeypatch.setattr(training, "_EVERY", 0)  # seconds: each batch is shown
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    network.compile("sgd", "mse")
    x = np.ones((40, 3))
    look = {"epochs": 2, "batch_size": 8, "validation_split": 0.2, "verbose": 0}
    network.fit(x, x[:, 0], **look, callbacks=[training.line(keep)])
    out, err = capsys.readouterr()
    assert err == "" and out.count("\n") == (2 if keep else 1) and out.endswith("\n")
    written = [part for part in re.split(r"[\r\n]+", out) if part]
    moving, last = written[:4], written[-1]
    assert [re.search(r"\d+ %", part)[0] for part in moving] == ["25 %", "50 %", "75 %", "100 %"]
    assert all(part.startswith("Epoch 1 of 2: ") for part in moving)
    assert re.fullmatch(r"Epoch 2 of 2: \d+ s  loss: [\d.]+  val_loss: [\d.]+ *", last)


def test_a_number_of_steps_that_nobody_knows(capsys, monkeypatch):
    monkeypatch.setattr(training, "_EVERY", 0)
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    network.compile("sgd", "mse")
    batches = ((np.ones((2, 3)), np.ones(2)) for _ in range(3))
    network.fit(batches, epochs=1, verbose=0, callbacks=[training.line()])
    assert re.search(r"\rEpoch 1 of 1: step 2, \d+ s", capsys.readouterr().out)
