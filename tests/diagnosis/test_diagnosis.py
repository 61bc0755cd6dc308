"""A corpus of LeNets as students write them, right in many styles and wrong in many ways.

Each wrong one says which row the diagnosis should name first, and with which cause.
"""

import random
from dataclasses import replace
from functools import cache, partial

import keras
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers, ops

from course.anatomy import anatomy
from course.architectures.lenet import C3_CONNECTIONS, LENET5, LENET5_1998, LENET5_RELU
from course.diagnosis import Cause, diagnose
from course.evidence.observe import weightless
from course.evidence.trace import trace
from tests.golden import Corpus

RIGHT = {}  # name: (builder, table)
WRONG = {}  # name: (builder, table, row, cause, part of the message)


def right(table, name=None):
    def collect(build):
        label = (name or build.__name__).replace("_", "-").replace(" ", "-")
        assert label not in RIGHT
        RIGHT[label] = (build, table)
        return build

    return collect


def wrong(name, table, row, cause, build, contains=""):
    label = name.replace(" ", "-")
    assert label not in WRONG
    WRONG[label] = (build, table, row, cause, contains)


def chain(*made, shape=(32, 32, 1)):
    """A functional model of one layer after the other."""
    x = image = keras.Input(shape)
    for layer in made:
        x = layer(x)
    return keras.Model(image, x)


# --- right: LeNet-5 as today's textbooks build it ------------------------------------------------


@right(LENET5)
def activation_as_argument():
    image = keras.Input((32, 32, 1))
    x = layers.Conv2D(6, 5, activation="tanh")(image)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Conv2D(16, 5, activation="tanh")(x)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(120, activation="tanh")(x)
    x = layers.Dense(84, activation="tanh")(x)
    return keras.Model(image, layers.Dense(10, activation="softmax")(x))


@right(LENET5)
def everything_spelled_out():
    image = keras.Input(shape=(32, 32, 1), batch_size=16, name="image")
    x = layers.Conv2D(
        filters=6, kernel_size=(5, 5), strides=(1, 1), padding="valid", dilation_rate=1, groups=1,
        data_format="channels_last", activation=keras.activations.tanh, use_bias=True,
        kernel_initializer="he_normal", kernel_regularizer=keras.regularizers.L2(1e-4), name="C1",
    )(image)  # fmt: skip
    x = layers.AvgPool2D(pool_size=(2, 2), strides=(2, 2), padding="valid", name="S2")(x)
    x = layers.Convolution2D(16, (5, 5), activation=keras.ops.tanh, name="C3")(x)
    x = layers.AveragePooling2D((2, 2), 2, name="S4")(x)
    x = layers.Flatten(name="flat")(x)
    x = layers.Dense(units=120, activation="tanh", name="C5")(x)
    x = layers.Dense(units=84, activation="tanh", name="F6")(x)
    x = layers.Dense(units=10, activation=keras.activations.softmax, name="output")(x)
    return keras.Model(inputs=[image], outputs=[x], name="LeNet-5")


def tanh_written_as(activate):
    """The same network with every activation put down by `activate`, a tensor to a tensor."""

    def build():
        image = keras.Input((32, 32, 1))
        x = layers.AveragePooling2D(2)(activate(layers.Conv2D(6, 5)(image)))
        x = layers.AveragePooling2D(2)(activate(layers.Conv2D(16, 5)(x)))
        x = activate(layers.Dense(120)(layers.Flatten()(x)))
        x = activate(layers.Dense(84)(x))
        return keras.Model(image, layers.Softmax()(layers.Dense(10)(x)))

    return build


class Squash(layers.Layer):
    """A layer of the student's own around a function."""

    def call(self, x):
        return ops.tanh(x)


for name, activate in {
    "activation layers": lambda x: layers.Activation("tanh")(x),
    "activation layers around a function": lambda x: layers.Activation(ops.tanh)(x),
    "keras.ops": ops.tanh,
    "keras.activations": keras.activations.tanh,
    "own layers": lambda x: Squash()(x),
    "Lambda": lambda x: layers.Lambda(lambda t: ops.tanh(t))(x),
}.items():
    right(LENET5, f"tanh by {name}")(tanh_written_as(activate))


def own_tanh(x):
    return ops.tanh(x)


@right(LENET5)
def own_activation_functions():
    return chain(
        layers.Conv2D(6, 5, activation=own_tanh),
        layers.AveragePooling2D(2),
        layers.Conv2D(16, 5, activation=lambda x: ops.tanh(x)),
        layers.AveragePooling2D(2),
        layers.Flatten(),
        layers.Dense(120, activation=own_tanh),
        layers.Dense(84, activation=own_tanh),
        layers.Dense(10, activation=lambda x: ops.softmax(x, axis=-1)),
    )


@right(LENET5)
def one_pool_and_one_activation_used_twice():
    pool, tanh = layers.AveragePooling2D(2), layers.Activation("tanh")
    image = keras.Input((32, 32, 1))
    x = pool(tanh(layers.Conv2D(6, 5)(image)))
    x = pool(tanh(layers.Conv2D(16, 5)(x)))
    x = tanh(layers.Dense(120)(layers.Flatten()(x)))
    x = tanh(layers.Dense(84)(x))
    return keras.Model(image, ops.softmax(layers.Dense(10)(x)))


def ending(*made):
    """The usual C1 to S4, then these layers."""
    return lambda: chain(
        layers.Conv2D(6, 5, activation="tanh"),
        layers.AveragePooling2D(2),
        layers.Conv2D(16, 5, activation="tanh"),
        layers.AveragePooling2D(2),
        *[make() for make in made],
    )


def dense(units, activation="tanh", **rest):
    return lambda: layers.Dense(units, activation=activation, **rest)


def conv(filters, kernel=5, activation="tanh", **rest):
    return lambda: layers.Conv2D(filters, kernel, activation=activation, **rest)


def mean():
    return layers.AveragePooling2D(2)


HEAD = (dense(84), dense(10, "softmax"))
for name, made in {
    "C5 as a convolution": (conv(120), layers.Flatten, *HEAD),
    "C5 as a convolution, flattened late": (conv(120), *HEAD, layers.Flatten),
    "1 × 1 convolutions": (conv(120), conv(84, 1), conv(10, 1, "softmax"), layers.Flatten),
    "C5 squeezed by Reshape": (conv(120), lambda: layers.Reshape((120,)), *HEAD),
    "Reshape": (lambda: layers.Reshape((400,)), dense(120), *HEAD),
    "Reshape to -1": (lambda: layers.Reshape((-1,)), dense(120), *HEAD),
    "ops.reshape": (lambda: lambda x: ops.reshape(x, (-1, 400)), dense(120), *HEAD),
    "Flatten twice": (layers.Flatten, dense(120), layers.Flatten, *HEAD),
    "Softmax as a layer": (layers.Flatten, dense(120), HEAD[0], dense(10, None), layers.Softmax),
    "softmax over axis 1": (
        layers.Flatten, dense(120), HEAD[0], dense(10, None), lambda: layers.Softmax(axis=1)),
    "dropout": (lambda: layers.Dropout(0.2), layers.Flatten, dense(120),
                lambda: layers.Dropout(0.5), *HEAD),
    "Identity": (layers.Identity, layers.Flatten, dense(120), *HEAD, layers.Identity),
    "softmax by ops": (layers.Flatten, dense(120), dense(84), dense(10, None), lambda: ops.softmax),
}.items():  # fmt: skip
    right(LENET5, name)(ending(*made))


for name, squeeze in {
    "global pooling": lambda x: layers.GlobalAveragePooling2D()(x),
    "an index": lambda x: x[:, 0, 0, :],
    "ops.squeeze": lambda x: ops.squeeze(x, axis=(1, 2)),
}.items():
    right(LENET5, f"C5 squeezed by {name}")(ending(conv(120), lambda s=squeeze: s, *HEAD))


def beginning(*made):
    """These layers, then the usual network."""
    return lambda: chain(
        *[make() for make in made],
        *[make() for make in (conv(6), mean)],
        *[make() for make in (conv(16), mean, layers.Flatten, dense(120))],
        *[make() for make in HEAD],
    )


for name, made in {
    "Rescaling": (lambda: layers.Rescaling(1 / 255),),
    "Rescaling to -1 and 1": (lambda: layers.Rescaling(1 / 127.5, offset=-1),),
    "division by 255": (lambda: lambda x: x / 255,),
    "centred by hand": (lambda: lambda x: (x - 127.5) / 127.5,),
    "augmentation": (
        lambda: layers.RandomTranslation(0.1, 0.1),
        lambda: layers.RandomRotation(0.05),
        lambda: layers.GaussianNoise(0.1),
    ),
}.items():
    right(LENET5, f"{name} at the front")(beginning(*made))


@right(LENET5)
def sequential():
    return keras.Sequential(
        [
            keras.Input((32, 32, 1)),
            layers.Conv2D(6, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="tanh"),
            layers.Dense(84, activation="tanh"),
            layers.Dense(10, activation="softmax"),
        ]
    )


@right(LENET5)
def sequential_by_add():
    model = keras.Sequential(name="lenet")
    model.add(layers.Conv2D(6, (5, 5), activation="tanh"))
    model.add(layers.AveragePooling2D(2))
    model.add(layers.Conv2D(16, (5, 5), activation="tanh"))
    model.add(layers.AveragePooling2D(2))
    model.add(layers.Flatten())
    for units in (120, 84):
        model.add(layers.Dense(units))
        model.add(layers.Activation("tanh"))
    model.add(layers.Dense(10))
    model.add(layers.Softmax())
    model.build((None, 32, 32, 1))
    return model


def features():
    return keras.Sequential([
        keras.Input((32, 32, 1)),
        layers.Conv2D(6, 5, activation="tanh"), layers.AveragePooling2D(2),
        layers.Conv2D(16, 5, activation="tanh"), layers.AveragePooling2D(2),
    ], name="features")  # fmt: skip


@right(LENET5)
def features_and_head_as_models():
    maps = keras.Input((5, 5, 16))
    x = layers.Dense(120, activation="tanh")(layers.Flatten()(maps))
    x = layers.Dense(84, activation="tanh")(x)
    head = keras.Model(maps, layers.Dense(10, activation="softmax")(x), name="head")
    image = keras.Input((32, 32, 1))
    return keras.Model(image, head(features()(image)))


@right(LENET5)
def models_nested_three_deep():
    image = keras.Input((32, 32, 1))
    inner = keras.Model(image, features()(image))
    again = keras.Input((32, 32, 1))
    x = layers.Flatten()(inner(again))
    for make in (dense(120), *HEAD):
        x = make()(x)
    return keras.Model(again, x)


class Block(layers.Layer):
    """Convolution, tanh, pool."""

    def __init__(self, filters):
        super().__init__()
        self.conv = layers.Conv2D(filters, 5)
        self.pool = layers.AveragePooling2D(2)

    def call(self, x):
        return self.pool(ops.tanh(self.conv(x)))


@right(LENET5)
def layers_of_own():
    return chain(
        Block(6),
        Block(16),
        layers.Flatten(),
        layers.Dense(120, "tanh"),
        layers.Dense(84, "tanh"),
        layers.Dense(10, "softmax"),
    )


@right(LENET5)
class SubclassedModel(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.second = Block(6), Block(16)
        self.flatten = layers.Flatten()
        self.c5 = layers.Dense(120, activation="tanh")
        self.f6 = layers.Dense(84, activation="tanh")
        self.out = layers.Dense(10)
        self.drop = layers.Dropout(0.5)

    def call(self, x, training=False):
        x = self.flatten(self.second(self.first(x)))
        x = self.drop(self.f6(self.c5(x)), training=training)
        return keras.activations.softmax(self.out(x))


# --- right: ReLU and max pooling -----------------------------------------------------------------


def modern(activate, pool=lambda: layers.MaxPooling2D(2), shape=(32, 32, 1), c1=None):
    def build():
        image = keras.Input(shape)
        x = pool()(activate((c1 or layers.Conv2D(6, 5))(image)))
        x = pool()(activate(layers.Conv2D(16, 5)(x)))
        x = activate(layers.Dense(120)(layers.Flatten()(x)))
        x = activate(layers.Dense(84)(x))
        return keras.Model(image, layers.Softmax()(layers.Dense(10)(x)))

    return build


for name, activate in {
    "layers.ReLU": lambda x: layers.ReLU()(x),
    "layers.Activation": lambda x: layers.Activation("relu")(x),
    "ops.relu": ops.relu,
    "ops.nn.relu": ops.nn.relu,
    "activations.relu": keras.activations.relu,
}.items():
    right(LENET5_RELU, f"relu by {name}")(modern(activate))
for name, pool in {
    "MaxPool2D": lambda: layers.MaxPool2D(2),
    "same padding on an even map": lambda: layers.MaxPooling2D((2, 2), padding="same"),
    "its stride": lambda: layers.MaxPooling2D(pool_size=2, strides=2),
}.items():
    right(LENET5_RELU, f"max pool by {name}")(modern(ops.relu, pool))

PADDED = replace(
    LENET5_RELU,
    input_shape=(28, 28, 1),
    rows=(replace(LENET5_RELU.rows[0], padding=2), *LENET5_RELU.rows[1:]),
)
right(LENET5_RELU.with_(input_shape=(28, 28, 1)), "28 × 28")(modern(ops.relu, shape=(28, 28, 1)))
right(LENET5_RELU.with_(input_shape=(32, 48, 3)), "no square")(modern(ops.relu, shape=(32, 48, 3)))


@right(PADDED, "28 × 28 with same")
def _():
    return modern(ops.relu, shape=(28, 28, 1), c1=layers.Conv2D(6, 5, padding="same"))()


@right(PADDED, "28 × 28 with a padding layer")
def _():
    padded = keras.Sequential([layers.ZeroPadding2D(2), layers.Conv2D(6, 5)])
    return modern(ops.relu, shape=(28, 28, 1), c1=padded)()


@right(PADDED, "28 × 28 with two padding layers")
def _():
    padded = keras.Sequential([
        layers.ZeroPadding2D(((1, 0), (2, 2))), layers.ZeroPadding2D(((1, 2), 0)),
        layers.Conv2D(6, 5),
    ])  # fmt: skip
    return modern(ops.relu, shape=(28, 28, 1), c1=padded)()


# --- right: 1998 ---------------------------------------------------------------------------------


def squash(x):
    return 1.7159 * ops.tanh(2 / 3 * x)


def taken(x, maps):
    return ops.take(x, list(maps), axis=-1)


def map_by_map(choose, connections=C3_CONNECTIONS, joined=True, **rest):
    """C3 with a small convolution for each map; `choose` picks the maps of S2 that it sees."""

    def c3(x):
        maps = []
        for seen in connections:
            y = layers.Conv2D(1, 5, **rest)(choose(x, seen))
            maps.append(y if joined else squash(y))
        x = layers.Concatenate(name="C3")(maps)
        return squash(x) if joined else x

    return c3


def depthwise(x):
    return squash(layers.DepthwiseConv2D(1)(layers.AveragePooling2D(2)(x)))


def codes():
    return layers.Dense(10, use_bias=False, trainable=False, name="output")


def of_1998(c3=None, subsample=depthwise, squash=squash, output=codes, f6=None):
    """The network of 1998 with one part of it written otherwise."""
    image = keras.Input((32, 32, 1))
    x = subsample(squash(layers.Conv2D(6, 5, name="C1")(image)))
    x = subsample((c3 or map_by_map(taken))(x))
    x = layers.Flatten()(x)
    x = squash(layers.Dense(120, name="C5")(x))
    x = squash((f6 or layers.Dense(84, name="F6"))(x))
    return keras.Model(image, output()(x), name="lenet5_1998")


def sliced(x, maps):
    """Neighbours by one slice, others by a concatenation of slices."""
    runs = []
    for number in maps:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    pieces = [x[..., run[0] : run[-1] + 1] for run in runs]
    return pieces[0] if len(pieces) == 1 else layers.Concatenate()(pieces)


def one_by_one(x, maps):
    return layers.concatenate([x[:, :, :, i : i + 1] for i in maps])


def by_lambda(x, maps):
    return layers.Lambda(lambda t: ops.take(t, maps, axis=3))(x)


def by_tensor(x, maps):
    return ops.take(x, ops.convert_to_tensor(list(maps)), axis=-1)


for name, choose in {
    "ops.take": taken,
    "ops.take with a tensor": by_tensor,
    "slices": sliced,
    "slices of one map": one_by_one,
    "Lambda": by_lambda,
    "maps named backwards": lambda x, maps: taken(x, maps[::-1]),
    "ops.concatenate": lambda x, maps: ops.concatenate([taken(x, [i]) for i in maps], axis=-1),
}.items():
    right(LENET5_1998, f"C3 by {name}")(lambda choose=choose: of_1998(map_by_map(choose)))


@right(LENET5_1998)
def c3_by_split():
    def c3(x):
        maps = ops.split(x, 6, axis=-1)
        made = []
        for seen in C3_CONNECTIONS:
            y = layers.Concatenate()([maps[i] for i in seen])
            made.append(layers.Conv2D(filters=1, kernel_size=5)(y))
        return squash(layers.Concatenate()(made))

    return of_1998(c3)


@right(LENET5_1998)
def c3_squashed_map_by_map():
    return of_1998(map_by_map(sliced, joined=False))


@right(LENET5_1998)
def c3_with_activation_argument():
    def c3(x):
        made = [layers.Conv2D(1, 5, activation=squash)(taken(x, seen)) for seen in C3_CONNECTIONS]
        return layers.Concatenate()(made)

    return of_1998(c3)


@right(LENET5_1998)
def c3_maps_in_another_order():
    return of_1998(map_by_map(taken, C3_CONNECTIONS[::-1]))


@right(LENET5_1998)
def c3_as_a_nested_model():
    def c3(x):
        maps = keras.Input(x.shape[1:])
        return keras.Model(maps, map_by_map(sliced)(maps), name="C3")(x)

    return of_1998(c3)


def grouped(x):
    return squash(layers.Conv2D(x.shape[-1], 1, groups=x.shape[-1])(layers.AvgPool2D(2)(x)))


@right(LENET5_1998, "subsampling by a grouped convolution")
def _():
    return of_1998(subsample=grouped)


@right(LENET5_1998, "subsampling map by map")
def _():
    def subsample(x):
        x = layers.AveragePooling2D(2)(x)
        maps = ops.split(x, x.shape[-1], axis=-1)
        return squash(layers.Concatenate()([layers.Conv2D(1, 1)(m) for m in maps]))

    return of_1998(subsample=subsample)


for name, written in {
    "2 · x / 3": lambda x: 1.7159 * ops.tanh(2 * x / 3),
    "x · 2/3": lambda x: ops.tanh(x * (2 / 3)) * 1.7159,
    "x / 1.5": lambda x: 1.7159 * ops.tanh(x / 1.5),
    "0.6667": lambda x: 1.7159 * ops.tanh(0.6667 * x),
    "ops.multiply": lambda x: ops.multiply(1.7159, ops.tanh(ops.multiply(2.0 / 3.0, x))),
    "Rescaling": lambda x: layers.Rescaling(1.7159)(
        layers.Activation("tanh")(layers.Rescaling(2 / 3)(x))
    ),
    "Activation": lambda x: layers.Activation(squash)(x),
    "Lambda": lambda x: layers.Lambda(squash)(x),
}.items():
    right(LENET5_1998, f"scaled tanh by {name}")(lambda written=written: of_1998(squash=written))

for name, output in {
    "a softmax": lambda: layers.Dense(10, "softmax", use_bias=False, trainable=False),
    "trainable set later": lambda: setattr(made := layers.Dense(10, use_bias=False),
                                           "trainable", False) or made,
}.items():  # fmt: skip
    right(LENET5_1998, f"output with {name}")(lambda output=output: of_1998(output=output))

# --- wrong: LeNet-5 ------------------------------------------------------------------------------

ROWS = {
    "C1": conv(6), "S2": mean, "C3": conv(16), "S4": mean,
    "flatten": layers.Flatten, "C5": dense(120), "F6": dense(84), "output": dense(10, "softmax"),
}  # fmt: skip


def lenet(shape=(32, 32, 1), order=None, **edits):
    """LeNet-5 with some rows replaced, removed (None), or made several (a list)."""

    def build():
        made = []
        for row in order or ROWS:
            new = edits.get(row, ROWS[row])
            made += [
                make() for make in ([] if new is None else new if type(new) is list else [new])
            ]
        return chain(*made, shape=shape)

    return build


def maximum():
    return layers.MaxPooling2D(2)


TABLE = [
    # what the student did          row       cause                     edits, part of the message
    ("C1 same", "C1", Cause.PADDING, {"C1": conv(6, padding="same")},
     "Without padding it is (32 + 2·0 − 5) + 1 = 28."),
    ("C3 same", "C3", Cause.PADDING, {"C3": conv(16, padding="same")}, "padding=\"same\""),
    ("C1 kernel 3", "C1", Cause.KERNEL, {"C1": conv(6, 3)}, "3 × 3, the table has 5 × 5"),
    ("C1 kernel no square", "C1", Cause.KERNEL, {"C1": conv(6, (5, 3))}, "5 × 3"),
    ("C3 kernel 3", "C3", Cause.KERNEL, {"C3": conv(16, 3)}, "gives 12 × 12 × 16"),
    ("C1 stride 2", "C1", Cause.STRIDE, {"C1": conv(6, strides=2)}, "The stride is 2"),
    ("C1 dilation", "C1", Cause.DILATION, {"C1": conv(6, dilation_rate=2)}, "spread out by 2"),
    ("C1 filters", "C1", Cause.FILTERS, {"C1": conv(8)}, "It makes 8 maps, the table has 6."),
    ("C3 filters", "C3", Cause.FILTERS, {"C3": conv(120)}, "16"),
    ("C3 groups", "C3", Cause.GROUPS, {"C3": conv(16, groups=2)}, "2 groups"),
    ("C1 without bias", "C1", Cause.BIAS_MISSING, {"C1": conv(6, use_bias=False)}, ""),
    ("F6 without bias", "F6", Cause.BIAS_MISSING, {"F6": dense(84, use_bias=False)}, ""),
    ("C1 linear", "C1", Cause.ACTIVATION_MISSING, {"C1": conv(6, activation=None)}, "tanh"),
    ("C3 relu", "C3", Cause.ACTIVATION, {"C3": conv(16, activation="relu")}, "relu"),
    ("F6 sigmoid", "F6", Cause.ACTIVATION, {"F6": dense(84, "sigmoid")}, "sigmoid"),
    ("F6 tanh twice", "F6", Cause.ACTIVATION,
     {"F6": [dense(84), lambda: layers.Activation("tanh")]}, "tanh, then tanh"),
    ("tanh after the pool", "C1", Cause.ACTIVATION_MISSING,
     {"C1": conv(6, activation=None), "S2": [mean, lambda: ops.tanh]}, ""),
    ("tanh after both", "S2", Cause.ACTIVATION_EXTRA,
     {"S2": [mean, lambda: ops.tanh]}, "none here"),
    ("max pool first", "S2", Cause.POOL_KIND, {"S2": maximum}, "max pool"),
    ("max pool second", "S4", Cause.POOL_KIND, {"S4": maximum}, "average pool"),
    ("max pool twice", "S2", Cause.POOL_KIND, {"S2": maximum, "S4": maximum}, ""),
    ("pool of 3", "S2", Cause.KERNEL, {"S2": lambda: layers.AveragePooling2D(3, 2)}, "3 × 3"),
    ("pool of 4", "S4", Cause.KERNEL, {"S4": lambda: layers.AveragePooling2D(4)}, "4 × 4"),
    ("pool in steps of 1", "S2", Cause.STRIDE,
     {"S2": lambda: layers.AveragePooling2D(2, 1)}, "The stride is 1"),
    ("pool by a convolution", "S2", Cause.OTHER_STEP,
     {"S2": conv(6, 2, strides=2, activation=None)}, "convolution 2 × 2, stride 2"),
    ("no S2", "S2", Cause.MISSING, {"S2": None}, "after C1"),
    ("no S4", "S4", Cause.MISSING, {"S4": None}, ""),
    ("no C3", "C3", Cause.MISSING, {"C3": None}, ""),
    ("no C5", "C5", Cause.MISSING, {"C5": None}, ""),
    ("no F6", "F6", Cause.MISSING, {"F6": None}, ""),
    ("no output", "output", Cause.ENDS_EARLY, {"output": None}, "ends before this row"),
    ("ends at S4", "C5", Cause.ENDS_EARLY,
     dict.fromkeys(("flatten", "C5", "F6", "output")), "average pool"),
    ("a third dense layer", "F7", Cause.EXTRA,
     {"F6": [dense(84), lambda: layers.Dense(64, "tanh", name="F7")]}, "not in the table"),
    ("a third convolution", "conv_2", Cause.EXTRA,
     {"C3": [conv(16), lambda: layers.Conv2D(16, 3, padding="same", name="conv_2")]}, ""),
    ("a batch norm", "norm", Cause.EXTRA,
     {"C1": [conv(6), lambda: layers.BatchNormalization(name="norm")]}, "batch norm"),
    ("a layer after the output", "more", Cause.EXTRA,
     {"output": [dense(10, "softmax"), lambda: layers.Dense(10, name="more")]}, ""),
    ("global pooling for Flatten", "gap", Cause.EXTRA,
     {"flatten": lambda: layers.GlobalAveragePooling2D(name="gap")}, "global average"),
    ("no Flatten", "C5", Cause.FLATTEN_MISSING, {"flatten": None}, "layers.Flatten() before it"),
    ("Flatten at the end", "C5", Cause.FLATTEN_MISSING,
     {"flatten": None, "output": [dense(10, "softmax"), layers.Flatten]}, "Put layers.Flatten()"),
    ("C5 units", "C5", Cause.UNITS, {"C5": dense(100)}, "It has 100 units, the table has 120."),
    ("F6 units", "F6", Cause.UNITS, {"F6": dense(80)}, "80"),
    ("C5 and F6 swapped", "C5", Cause.SWAPPED, {"C5": dense(84), "F6": dense(120)}, "after F6"),
    ("11 classes", "output", Cause.CLASSES, {"output": dense(11, "softmax")}, "11 outputs"),
    ("logits", "output", Cause.ACTIVATION_MISSING, {"output": dense(10, None)}, "softmax"),
    ("sigmoid output", "output", Cause.ACTIVATION, {"output": dense(10, "sigmoid")}, "sigmoid"),
    ("log softmax", "output", Cause.ACTIVATION, {"output": dense(10, "log_softmax")}, ""),
    ("relu for tanh", "C1", Cause.ACTIVATION,
     {"C1": conv(6, activation="relu"), "C3": conv(16, activation="relu"),
      "C5": dense(120, "relu"), "F6": dense(84, "relu")}, "relu"),
    ("only the shape", "C1", Cause.MISSING, dict.fromkeys(("C1", "S2", "C3", "S4", "C5", "F6")),
     ""),
    # 32 → 32 → 16 → 12 → 5: the map before C5 and all 61,706 parameters come out right.
    ("same total", "C1", Cause.PADDING,
     {"C1": conv(6, padding="same"), "S4": lambda: layers.AveragePooling2D(4, 2)}, "32 × 32 × 6"),
    # 401 a + b (a + 11) is the same for (120, 84) and (86, 254): 61,706 again.
    ("same total by two errors", "C5", Cause.UNITS,
     {"C5": dense(86), "F6": dense(254)}, "It has 86 units"),
    ("frozen C1", "C1", Cause.FROZEN, {"C1": conv(6, trainable=False)}, "frozen"),
    ("frozen C5", "C5", Cause.FROZEN, {"C5": dense(120, trainable=False)}, "frozen"),
]  # fmt: skip
for name, row, cause, edits, contains in TABLE:
    wrong(name, LENET5, row, cause, lenet(**edits), contains)
for name, shape, contains in [
    ("28 × 28", (28, 28, 1), "begins with 28 × 28 × 1, it should begin with 32 × 32 × 1"),
    ("three colours", (32, 32, 3), "32 × 32 × 3"),
    ("wide", (32, 64, 1), "32 × 64 × 1"),
]:
    c1 = conv(6, padding="same")
    wrong(f"input {name}", LENET5, "input", Cause.INPUT_SHAPE, lenet(shape, C1=c1), contains)
for name, row, cause, order in [
    ("pool before C1", "S2", Cause.POOL_EARLY, "S2 C1 C3 S4 flatten C5 F6 output"),
    ("both pools at the end", "S2", Cause.POOL_LATE, "C1 C3 S2 S4 flatten C5 F6 output"),
    ("F6 before C5", "C5", Cause.SWAPPED, "C1 S2 C3 S4 flatten F6 C5 output"),
    ("C3 before C1", "C1", Cause.FILTERS, "C3 S2 C1 S4 flatten C5 F6 output"),
]:
    wrong(name, LENET5, row, cause, lenet(order=order.split()))


def channels_first():
    first = {"data_format": "channels_first"}
    return chain(
        layers.Conv2D(6, 5, activation="tanh", **first),
        layers.AveragePooling2D(2, **first),
        layers.Flatten(),
        layers.Dense(10, "softmax"),
        shape=(1, 32, 32),
    )


def whole_model_frozen():
    model = lenet()()
    model.trainable = False
    return model


def two_outputs():
    model = lenet()()
    return keras.Model(model.input, [model.output, model.layers[-2].output])


def two_inputs():
    model, other = lenet()(), keras.Input((32, 32, 1))
    return keras.Model([model.input, other], model.output)


def one_dense_layer_twice():
    image = keras.Input((32, 32, 1))
    x = features()(image)
    x = layers.Dense(120, "tanh", name="C5")(layers.Flatten()(x))
    x = layers.Dense(120, "tanh", name="F6")(x)
    return keras.Model(image, layers.Dense(10, "softmax")(x))


def a_shortcut():
    image = keras.Input((32, 32, 1))
    x = layers.Flatten()(features()(image))
    x = layers.Dense(120, "tanh")(x)
    y = layers.Dense(84, "tanh")(x)
    y = layers.Add(name="shortcut")([y, layers.Dense(84, "tanh", name="beside")(x)])
    return keras.Model(image, layers.Dense(10, "softmax")(y))


def output_reads_c5():
    image = keras.Input((32, 32, 1))
    x = layers.Dense(120, "tanh")(layers.Flatten()(features()(image)))
    layers.Dense(84, "tanh")(x)
    return keras.Model(image, layers.Dense(10, "softmax")(x))


def a_sum_of_pixels():
    image = keras.Input((32, 32, 1))
    return keras.Model(image, layers.Softmax()(layers.Dense(10)(layers.Flatten()(image))))


def nothing_at_all():
    image = keras.Input((32, 32, 1))
    return keras.Model(image, image)


for build, row, cause, contains in [
    (channels_first, "input", Cause.INPUT_SHAPE, "The order is (height, width, channels)."),
    (whole_model_frozen, "C1", Cause.FROZEN, "frozen"),
    (
        two_outputs,
        "output",
        Cause.OUTPUT_COUNT,
        "The model has 2 outputs, it should have 1 output.",
    ),
    (two_inputs, "input", Cause.INPUT_SHAPE, "32 × 32 × 1 and 32 × 32 × 1"),
    (one_dense_layer_twice, "F6", Cause.UNITS, "120"),
    (output_reads_c5, "F6", Cause.MISSING, "after C5"),
    (a_sum_of_pixels, "C1", Cause.MISSING, "after input"),
    (nothing_at_all, "C1", Cause.ENDS_EARLY, "It has no steps."),
]:
    wrong(build.__name__.replace("_", " "), LENET5, row, cause, build, contains)

wrong("a shortcut", LENET5, "output", Cause.SHORTCUT_EXTRA, a_shortcut,
      "F6 and beside are added")  # fmt: skip
wrong("ReLU with a maximum", LENET5_RELU, "C1", Cause.ACTIVATION,
      modern(lambda x: layers.ReLU(max_value=6)(x)), "relu")  # fmt: skip
wrong("batch norm before tanh", LENET5, "norm", Cause.EXTRA,
      lenet(C1=[conv(6, activation=None), lambda: layers.BatchNormalization(name="norm"),
                lambda: ops.tanh]))  # fmt: skip

for name, row, cause, build in [
    ("average pool", "S2", Cause.POOL_KIND, modern(ops.relu, mean)),
    ("tanh", "C1", Cause.ACTIVATION, modern(ops.tanh)),
    ("leaky relu", "C1", Cause.ACTIVATION, modern(lambda x: layers.LeakyReLU()(x))),
    ("no activation", "C1", Cause.ACTIVATION_MISSING, modern(lambda x: x)),
]:
    wrong(f"with ReLU: {name}", LENET5_RELU, row, cause, build)

# --- wrong: 1998 ---------------------------------------------------------------------------------


def fully_connected(x):
    return squash(layers.Conv2D(16, 5, name="C3")(x))


def shares_small_convolutions(x):
    """One layer object for every number of maps: 3, 4 and 6."""
    small = {n: layers.Conv2D(1, 5, name=f"of_{n}") for n in (3, 4, 6)}
    maps = [small[len(seen)](taken(x, seen)) for seen in C3_CONNECTIONS]
    return squash(layers.Concatenate()(maps))


def strided(x):
    """2 × 2 weights for every map where the paper has one."""
    return squash(layers.DepthwiseConv2D(2, strides=2)(x))


def without_bias(x):
    return squash(layers.DepthwiseConv2D(1, use_bias=False)(layers.AveragePooling2D(2)(x)))


def all_to_all(x):
    return squash(layers.Conv2D(x.shape[-1], 1)(layers.AveragePooling2D(2)(x)))


def untrained(x):
    return layers.AveragePooling2D(2)(x)


def largest(x):
    return squash(layers.DepthwiseConv2D(1)(layers.MaxPooling2D(2)(x)))


def coefficient_first(x):
    return squash(layers.AveragePooling2D(2)(layers.DepthwiseConv2D(1)(x)))


def without_squashing(x):
    return layers.DepthwiseConv2D(1)(layers.AveragePooling2D(2)(x))


SHIFTED = tuple(tuple((i + 1) % 6 for i in seen) for seen in C3_CONNECTIONS)
OTHER = ((0, 2, 4), *C3_CONNECTIONS[1:])  # 60 connections again
SIXTEENTH = (*C3_CONNECTIONS[:15], (0, 1, 2, 3, 4))  # 59 connections

for name, row, cause, build, contains in [
    ("C3 fully connected", "C3", Cause.CONNECTIONS,
     lambda: of_1998(fully_connected), "It has 96 connections between maps. The table has 60."),
    ("C3 in two groups", "C3", Cause.CONNECTIONS,
     lambda: of_1998(lambda x: squash(layers.Conv2D(16, 5, groups=2)(x))), "It has 48 connections"),
    ("C3 other connections", "C3", Cause.CONNECTIONS,
     lambda: of_1998(map_by_map(taken, OTHER)),
     "It has 60 connections between maps, but one map sees the maps 0, 2, 4. The table has no"),
    ("C3 a pair missing", "C3", Cause.CONNECTIONS,
     lambda: of_1998(map_by_map(taken, SIXTEENTH)), "59 connections"),
    ("C3 a map missing", "C3", Cause.FILTERS,
     lambda: of_1998(map_by_map(taken, C3_CONNECTIONS[:15])), "15 maps"),
    ("C3 without biases", "C3", Cause.BIAS_MISSING,
     lambda: of_1998(map_by_map(taken, use_bias=False)), "no bias"),
    ("C3 same", "C3", Cause.PADDING,
     lambda: of_1998(map_by_map(taken, padding="same")), "14 × 14 × 16"),
    ("S2 strided", "S2_mean", Cause.MISSING, lambda: of_1998(subsample=strided), "2 × 2"),
    ("S2 without bias", "S2", Cause.BIAS_MISSING, lambda: of_1998(subsample=without_bias), ""),
    ("S2 mixes maps", "S2", Cause.GROUPS, lambda: of_1998(subsample=all_to_all), "6 groups"),
    ("S2 untrained", "S2", Cause.MISSING, lambda: of_1998(subsample=untrained), "after S2_mean"),
    ("S2 max", "S2_mean", Cause.POOL_KIND, lambda: of_1998(subsample=largest), "max pool"),
    ("S2 coefficient first", "S2_mean", Cause.SWAPPED,
     lambda: of_1998(subsample=coefficient_first), "It comes after S2."),
    ("S2 linear", "S2", Cause.ACTIVATION_MISSING,
     lambda: of_1998(subsample=without_squashing), "tanh"),
    ("output trained", "output", Cause.NOT_FROZEN,
     lambda: of_1998(output=lambda: layers.Dense(10, use_bias=False)), "fixed"),
    ("output with a bias", "output", Cause.BIAS_EXTRA,
     lambda: of_1998(output=lambda: layers.Dense(10, trainable=False)), "bias"),
    ("output squashed", "output", Cause.ACTIVATION,
     lambda: of_1998(output=lambda: layers.Dense(10, squash, use_bias=False, trainable=False)), ""),
    ("F6 frozen", "F6", Cause.FROZEN,
     lambda: of_1998(f6=layers.Dense(84, trainable=False)), "frozen"),
    ("today's network", "C1", Cause.ACTIVATION, lenet(), "1.7159 · tanh(2a/3)"),
    ("tanh", "C1", Cause.ACTIVATION, lambda: of_1998(squash=ops.tanh), "tanh"),
    ("outer factor alone", "C1", Cause.ACTIVATION,
     lambda: of_1998(squash=lambda x: 1.7159 * ops.tanh(x)), "× 1.7159"),
    ("inner factor alone", "C1", Cause.ACTIVATION,
     lambda: of_1998(squash=lambda x: ops.tanh(2 / 3 * x)), "× 0.666667"),
    ("factors swapped", "C1", Cause.ACTIVATION,
     lambda: of_1998(squash=lambda x: 2 / 3 * ops.tanh(1.7159 * x)), "× 1.7159, then tanh"),
    ("3/2", "C1", Cause.ACTIVATION,
     lambda: of_1998(squash=lambda x: 1.7159 * ops.tanh(3 / 2 * x)), "× 1.5"),
    ("sigmoid", "C1", Cause.ACTIVATION,
     lambda: of_1998(squash=lambda x: 1.7159 * ops.sigmoid(2 / 3 * x)), "sigmoid"),
]:  # fmt: skip
    wrong(f"1998: {name}", LENET5_1998, row, cause, build, contains)
wrong("1998: C3 shares small convolutions", LENET5_1998, "C3", Cause.SHARED_WEIGHTS,
      lambda: of_1998(shares_small_convolutions), "same layer object")  # fmt: skip

# --- the tests -----------------------------------------------------------------------------------


@cache
def evidence(build, table):
    with weightless():
        return trace(build(), table.input_shape)


ALL = {f"right/{name}": case for name, case in RIGHT.items()}
ALL |= {f"wrong/{name}": case[:2] for name, case in WRONG.items()}
NETWORKS = Corpus(
    "lenet", lambda: {name: (partial(evidence, *case), case[1]) for name, case in ALL.items()}
)


@pytest.mark.parametrize("name", RIGHT)
def test_right(name):
    build, table = RIGHT[name]
    assert [finding.message for finding in NETWORKS.findings(f"right/{name}")] == []
    found = anatomy(evidence(build, table))
    assert (found.parameters, found.macs) == (anatomy(table).parameters, anatomy(table).macs)


@pytest.mark.parametrize("name", WRONG)
def test_wrong(name):
    _, _, row, cause, contains = WRONG[name]
    first, *_ = NETWORKS.findings(f"wrong/{name}")
    assert (first.row, first.cause) == (row, cause), first.message
    assert contains in first.message
    assert first.message.startswith(row) and first.message.endswith(".")
    assert "None" not in first.message and "{" not in first.message and "  " not in first.message


def test_the_corpus_is_large_enough():
    assert len(RIGHT) >= 60 and len(WRONG) >= 60


def test_at_most_a_handful_of_findings():
    for name in WRONG:
        assert 1 <= len(NETWORKS.findings(f"wrong/{name}")) <= 6, name


def test_what_is_said_is_as_kept():
    NETWORKS.compare()


def verdict(found, table):
    """Rows and causes; a step that is in no row has the student's name, which may change."""
    names = {row.name for row in table.rows} | {"input"}
    return [(f.row if f.row in names else "a step", f.cause) for f in diagnose(found, table)]


@pytest.mark.parametrize("name", ALL)
def test_names_and_the_order_of_branches_change_nothing(name):
    table = ALL[name][1]
    once = evidence(*ALL[name])
    for seed in range(3):
        assert verdict(disguised(once, random.Random(seed)), table) == verdict(once, table)


def disguised(evidence, chance):
    """The same steps under other names, in another order in which they can be computed."""
    steps, done = [], {source["id"] for source in evidence["inputs"]}
    waiting = [{**step, "name": f"x{chance.random()}"} for step in evidence["steps"]]
    while waiting:
        ready = [s for s in waiting if set(_needs([s["args"], s.get("kwargs")])) <= done]
        steps.append(chance.choice(ready))
        waiting.remove(steps[-1])
        done.add(steps[-1]["id"])
    return {**evidence, "steps": steps}


def _needs(value):
    if isinstance(value, dict):
        if "tensor" in value:
            yield value["tensor"][0]
        else:
            yield from _needs(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from _needs(item)


NOTHING = [
    layers.Identity,
    lambda: layers.Dropout(0.3),
    lambda: layers.Activation("linear"),
    lambda: layers.GaussianNoise(0.1),
    lambda: layers.Rescaling(1.0),
    lambda: lambda x: x + 0,
]
EDITS = [{}, *(edits for *_, edits, _ in TABLE)]


def test_layers_that_do_nothing_change_nothing():
    @settings(max_examples=60, deadline=None)
    @given(
        st.sampled_from(EDITS),
        st.dictionaries(st.sampled_from(list(ROWS)), st.sampled_from(NOTHING), min_size=1),
    )
    def check(edits, inserted):
        more = dict(edits)
        for row, nothing in inserted.items():
            made = edits.get(row, ROWS[row])
            made = [] if made is None else made if isinstance(made, list) else [made]
            more[row] = [nothing, *made]
        with weightless():
            plain = verdict(lenet(**edits)(), LENET5)
            assert verdict(lenet(**more)(), LENET5) == plain

    check()


def test_the_order_of_c3s_maps_changes_nothing():
    @settings(max_examples=10, deadline=None)
    @given(st.permutations(C3_CONNECTIONS), st.permutations(range(6)))
    def check(maps, inside):
        with weightless():
            order = [tuple(i for i in inside if i in seen) for seen in maps]
            assert verdict(of_1998(map_by_map(taken, order)), LENET5_1998) == []

    check()


def test_a_model_its_config_its_trace_and_its_anatomy_say_the_same():
    with weightless():
        model = lenet(C3=conv(16, 3))()
        forms = [model, model.to_json(), trace(model), anatomy(model)]
        assert {tuple(verdict(form, LENET5)) for form in forms} == {(("C3", Cause.KERNEL),)}
