"""The gradient of a number, against numeric differences."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from course.kit.gradients import gradient


def test_it_is_what_differences_say():
    keras.utils.set_random_seed(0)
    image = keras.Input((5, 6, 2))
    x = layers.Conv2D(3, 3, padding="same", activation="tanh")(image)
    network = keras.Model(image, layers.Dense(4)(layers.Flatten()(x)))
    at = np.random.default_rng(1).normal(size=(5, 6, 2)).astype("float32")
    found = gradient(lambda image: network(image[None])[0, 2], at)
    assert found.shape == at.shape
    step = 1e-2
    moves = step * np.eye(at.size, dtype="float32").reshape(-1, *at.shape)
    up, down = (ops.convert_to_numpy(network(at + way * moves))[:, 2] for way in (1, -1))
    np.testing.assert_allclose(found.ravel(), (up - down) / (2 * step), atol=1e-3)


def test_whole_numbers_and_a_batch_are_welcome():
    batch = np.arange(6).reshape(2, 3)
    assert gradient(lambda x: ops.sum(x**2), batch).tolist() == (2.0 * batch).tolist()


@pytest.mark.parametrize(
    "function, sentence",
    [
        (lambda x: x, r"one number, such as .* Received: a tensor of shape \(3,\)"),
        (lambda x: float(ops.sum(x)), "Received: a float, which is not connected to x"),
        (lambda x: np.sum(ops.convert_to_numpy(x)), "does not depend on x"),
        (lambda x: ops.sum(ops.ones(3)), "does not depend on x"),
    ],
)
def test_what_has_no_gradient_is_told(function, sentence):
    with pytest.raises(ValueError, match=sentence):
        gradient(function, np.ones(3))
