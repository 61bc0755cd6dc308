"""Ways of writing, and mistakes, that are usual in networks found on the web."""

import keras
import pytest
import tensorflow as tf
from keras import layers as L
from keras import ops

from course.architectures import alexnet, lenet, resnet
from course.diagnosis import Cause, diagnose
from tests.diagnosis import test_families as families
from tests.diagnosis.test_families import conv, conv_bn, lrn_by_ops
from tests.golden import written_down


def found(table, build):
    return diagnose(written_down(build, table), table)


def told(table, build):
    return [(each.row, each.cause) for each in found(table, build)]


# --- two towers


class TwoTowers(keras.Model):
    """AlexNet on two GPUs, with one pool for all, and perhaps one first convolution."""

    def __init__(self, stem=None):
        super().__init__()
        self.pool, self.flatten = L.MaxPooling2D(3, 2), L.Flatten()
        self.stems = [stem, stem] if stem else [conv(48, 11, 4, "valid") for _ in range(2)]
        sizes = (128, 5), (192, 3), (192, 3), (128, 3)
        self.towers = [[conv(*size) for size in sizes] for _ in range(2)]
        self.hidden = [[L.Dense(2048, "relu") for _ in range(2)] for _ in range(2)]
        self.top = L.Dense(1000)

    def call(self, x):
        halves = [self.pool(lrn_by_ops(stem(x))) for stem in self.stems]
        halves = [tower[0](half) for tower, half in zip(self.towers, halves, strict=True)]
        x = ops.concatenate([self.pool(lrn_by_ops(half)) for half in halves], axis=-1)
        halves = [tower[3](tower[2](tower[1](x))) for tower in self.towers]
        x = ops.concatenate([self.flatten(self.pool(half)) for half in halves], axis=-1)
        for pair in self.hidden:
            x = ops.concatenate([dense(x) for dense in pair], axis=-1)
        return self.top(x)


def test_towers_share_what_has_no_weights():
    assert told(alexnet.ALEXNET_TWO_GPUS, TwoTowers) == []


def test_towers_share_their_first_convolution():
    (only,) = found(alexnet.ALEXNET_TWO_GPUS, lambda: TwoTowers(conv(48, 11, 4, "valid")))
    assert (only.row, only.cause) == ("conv1", Cause.SHARED_WEIGHTS)


# --- functions of TensorFlow


class Gathered(keras.layers.Layer):
    """C3 of 1998: each map sees some of the maps of S2."""

    def __init__(self):
        super().__init__()
        self.convs = [L.Conv2D(1, 5) for _ in lenet.C3_CONNECTIONS]

    def call(self, x):
        pairs = zip(self.convs, lenet.C3_CONNECTIONS, strict=True)
        return tf.concat([conv(tf.gather(x, seen, axis=-1)) for conv, seen in pairs], axis=-1)


def test_maps_that_tensorflow_gathers():
    def build():
        image = keras.Input((14, 14, 6))
        return keras.Model(image, 1.7159 * ops.tanh(2 / 3 * Gathered()(image)))

    assert told(lenet.LENET5_1998.part("C3", input_shape=(14, 14, 6)), build) == []


# --- layers that Keras does not find


class Plain:
    """Two convolutions in an object that is no layer."""

    def __init__(self):
        self.first, self.second = L.Conv2D(6, 5, activation="tanh"), L.Conv2D(16, 5)

    def __call__(self, x):
        x = L.AveragePooling2D(2)(self.first(x))
        return L.AveragePooling2D(2)(ops.tanh(self.second(x)))


class OfPlain(keras.Model):
    def __init__(self):
        super().__init__()
        self.maps = Plain()
        self.head = {"dense": [L.Dense(120, "tanh"), (L.Dense(84, "tanh"),)]}
        self.top = keras.Sequential([L.Dense(10, "softmax")])

    def call(self, x):
        x = self.head["dense"][0](L.Flatten()(self.maps(x)))
        return self.top(self.head["dense"][1][0](x))


class InCall(OfPlain):
    def __init__(self):
        super().__init__()
        self.maps = lambda x: Plain()(x)


class InItsDictionary(OfPlain):
    def __init__(self):
        super().__init__()
        vars(self)["maps"] = keras.Sequential([
            L.Conv2D(6, 5, activation="tanh"), L.AveragePooling2D(2),
            L.Conv2D(16, 5, activation="tanh"), L.AveragePooling2D(2),
        ])  # fmt: skip


def functional():
    image = keras.Input((32, 32, 1))
    x = Plain()(image)
    for units in (120, 84):
        x = L.Dense(units, "tanh")(L.Flatten()(x))
    return keras.Model(image, L.Dense(10, "softmax")(x))


@pytest.mark.parametrize("build", [OfPlain, InCall, InItsDictionary])
def test_layers_that_keras_does_not_find(build):
    (only,) = found(lenet.LENET5, build)
    assert (only.row, only.cause) == ("C1", Cause.LOST)
    assert only.message.endswith("The same is true of C3.")


def test_a_functional_network_finds_the_layers_of_any_object():
    assert told(lenet.LENET5, functional) == []


# --- batch normalisation for local response normalisation


def with_norms(pool_first=False, padding="valid", pool=3):
    def stage(x):
        pooled = L.MaxPooling2D(pool, 2)
        return (
            L.BatchNormalization()(pooled(x)) if pool_first else pooled(L.BatchNormalization()(x))
        )

    image = keras.Input((227, 227, 3))
    x = stage(conv(256, 5)(stage(conv(96, 11, 4, padding)(image))))
    for maps in (384, 384, 256):
        x = conv(maps, 3)(x)
    x = L.Flatten()(L.MaxPooling2D(3, 2)(x))
    for _ in range(2):
        x = L.Dense(4096, "relu")(x)
    return keras.Model(image, L.Dense(1000, "softmax")(x))


def test_batch_normalisation_stands_for_a_local_response():
    (only,) = found(alexnet.ALEXNET, with_norms)
    assert (only.row, only.cause) == ("norm1", Cause.OTHER_STEP)
    assert only.message.endswith("The same is true of norm2.")
    first, second = told(alexnet.ALEXNET, lambda: with_norms(padding="same"))
    assert (first, second) == (("conv1", Cause.PADDING), ("norm1", Cause.OTHER_STEP))


def test_it_stands_behind_the_pool():
    first, second, *_ = told(alexnet.ALEXNET, lambda: with_norms(pool_first=True))
    assert (first, second) == (("norm1", Cause.SWAPPED), ("norm1", Cause.OTHER_STEP))
    causes = told(alexnet.ALEXNET, lambda: with_norms(pool_first=True, pool=2))
    assert ("norm1", Cause.SWAPPED) in causes and ("pool1", Cause.KERNEL) in causes
    assert not {cause for _, cause in causes} & {Cause.MISSING, Cause.EXTRA}


# --- pre-activation from the second block on


def test_only_the_first_block_is_not_pre_activated(monkeypatch):
    blocks = iter(range(9))

    def block(x, filters, stride):
        y = x if next(blocks) == 0 else L.ReLU()(L.BatchNormalization()(x))
        y = L.Conv2D(filters, 3, stride, padding="same")(y)
        y = L.Conv2D(filters, 3, padding="same")(L.ReLU()(L.BatchNormalization()(y)))
        if y.shape != x.shape:
            x = L.Conv2D(filters, 1, stride)(x)
        return L.Add()([x, y])

    (only,) = found(resnet.RESNET18, lambda: families.res(block))
    assert (only.row, only.cause) == ("conv2_2_1", Cause.PRE_ACTIVATION)


# --- what is wrong with a row's step is told before what follows it


def test_a_kernel_comes_before_the_normalisation_behind_it():
    def stem(x):
        x = conv_bn(x, 64, 5, 1)
        return L.MaxPooling2D(3, 2, padding="same")(L.ReLU()(L.BatchNormalization()(x)))

    assert told(resnet.RESNET18, lambda: families.res(stem=stem))[0] == ("conv1", Cause.KERNEL)
