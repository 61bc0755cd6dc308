"""The way back that students of 01 write by hand: what TensorFlow differentiates, and it learns."""

import nbformat
import numpy as np
import pytest
import tensorflow as tf

from course.grading.demo import model_answers
from tests.classroom import ROOT


@pytest.fixture(scope="module")
def by_hand():
    """The names of the solution of 01-convolution, without its training."""
    nb = nbformat.read(ROOT / "solutions/01-convolution/convolution.ipynb", 4)
    names = {"np": np}
    given = {cell.id: cell.source for cell in nb.cells}
    for source in (given["cross-entropy"], *model_answers(nb).values()):
        if source.startswith("def ") and "keras" not in source:
            exec(source, names)
    return names


def drawn(*sizes):
    chance = np.random.default_rng(0)
    return [chance.normal(size=size) for size in sizes]


def differentiated(function, gradient, *arrays):
    """What TensorFlow says: the gradients for the arrays, if this one arrives."""
    tensors = [tf.constant(array) for array in arrays]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        made = function(*tensors)
    return [g.numpy() for g in tape.gradient(made, tensors, tf.constant(gradient))]


@pytest.mark.parametrize("stride, padding", [(1, 0), (2, 0), (3, 1), (2, 2)])
def test_a_convolution(by_hand, stride, padding):
    image, kernels, bias = drawn((7, 8, 2), (3, 2, 2, 4), 4)
    (gradient,) = drawn(by_hand["conv2d"](image, kernels, bias, stride, padding).shape)
    pads = [[0, 0], [padding, padding], [padding, padding], [0, 0]]

    def keras_does(image, kernels, bias):
        return tf.nn.conv2d(image[None], kernels, stride, pads)[0] + bias

    ours = by_hand["conv2d_backward"](gradient, image, kernels, stride, padding)
    for one, other in zip(
        ours, differentiated(keras_does, gradient, image, kernels, bias), strict=True
    ):
        assert np.allclose(one, other)


@pytest.mark.parametrize("size, stride", [(2, 2), (3, 2), (2, 1), (2, 3)])
def test_a_pool_with_ties_and_a_relu(by_hand, size, stride):
    image = np.random.default_rng(0).integers(-2, 3, (8, 9, 3)).astype(float)
    (gradient,) = drawn(by_hand["max_pool_by_hand"](image, size, stride).shape)
    ours = by_hand["max_pool_backward"](gradient, image, size, stride)
    pool = tf.nn.max_pool2d
    (theirs,) = differentiated(lambda x: pool(x[None], size, stride, "VALID")[0], gradient, image)
    assert np.allclose(ours, theirs)
    (arriving,) = drawn(image.shape)
    (theirs,) = differentiated(tf.nn.relu, arriving, image)
    assert np.allclose(by_hand["relu_backward"](arriving, image), theirs)


def test_two_layers_learn_with_it(by_hand):
    """Two classes, told apart by the direction of their stripes."""
    chance = np.random.default_rng(0)
    stripes = np.tile([0.0, 1], (8, 4))
    images = np.stack([stripes, stripes.T] * 8)[..., None] + chance.normal(0, 0.3, (16, 8, 8, 1))
    labels = [0, 1] * 8
    parameters = [chance.normal(size=(3, 3, 1, 2)) / 3, np.zeros(2)]
    parameters += [chance.normal(size=(3, 3, 2, 2)) / 4, np.zeros(2)]
    losses = []
    for _ in range(20):
        loss, parameters = by_hand["training_step"](parameters, images, labels, 0.2)
        losses.append(loss)
    assert losses[0] > 0.5 and losses[-1] < 0.2 * losses[0]
