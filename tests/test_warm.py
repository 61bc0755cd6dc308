"""What the warm kernels change in Keras changes no result."""

import keras
import numpy
import pytest
from keras import layers

from tests.warm import traced_once


def one_output():
    image = keras.Input((8, 8, 1))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, activation="relu")(image))
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    return keras.Model(image, layers.Dense(3, activation="softmax")(x))


def two_outputs():
    image = keras.Input((8, 8, 1))
    x = layers.Flatten()(image)
    heads = [layers.Dense(3, activation="softmax", name=name)(x) for name in ("main", "head")]
    return keras.Model(image, heads)


def not_built():
    return keras.Sequential([layers.Flatten(), layers.Dense(3, activation="softmax")])


@pytest.mark.parametrize(
    "network, given", [(one_output, "arrays"), (two_outputs, "dataset"), (not_built, "arrays")]
)
def test_training_that_istraced_once_has_the_same_result(network, given):
    import tensorflow as tf

    numbers = numpy.random.default_rng(0)
    images, labels = numbers.random((48, 8, 8, 1)), numbers.integers(0, 3, 48)
    losses = []
    for fit in (keras.Model.fit, traced_once(keras.Model.fit)):
        keras.utils.set_random_seed(1)
        model = network()
        wanted = (labels, labels) if network is two_outputs else labels
        metrics = [["accuracy"], ["accuracy"]] if network is two_outputs else ["accuracy"]
        model.compile("adam", "sparse_categorical_crossentropy", metrics=metrics)
        if given == "arrays":
            run = fit(model, images, wanted, batch_size=16, epochs=2, verbose=0)
        else:
            seen = tf.data.Dataset.from_tensor_slices((images, wanted)).shuffle(48, seed=2)
            run = fit(model, seen.batch(16), epochs=2, verbose=0)
        losses.append(run.history)
    assert losses[0] == losses[1] and len(losses[0]["loss"]) == 2
