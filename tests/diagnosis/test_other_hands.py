"""Networks as other people write them: other functions, other layers, other mistakes.

What they have in common with `test_families` is built there; here is what differs.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from keras import layers, ops

from course.architectures import alexnet, googlenet, lenet, resnet, vgg
from course.diagnosis import Cause
from tests.diagnosis.test_families import (
    alex,
    basic,
    bottleneck,
    cifar,
    conv,
    conv_bn,
    google,
    inception,
    lrn_by_ops,
    res,
    verdict,
)
from tests.golden import Corpus, built

L = layers
RELU = lenet.LENET5_RELU


# --- right ---------------------------------------------------------------------------------------


def small(pool, activate, flat=None, end=ops.softmax):
    """LeNet-5 with ReLU and max pooling, by functions from tensor to tensor."""
    x = image = keras.Input((32, 32, 1))
    for maps in (6, 16):
        x = pool(activate(L.Conv2D(maps, 5)(x)))
    x = (flat or L.Flatten())(x)
    for units in (120, 84):
        x = activate(L.Dense(units)(x))
    return keras.Model(image, end(L.Dense(10)(x)))


class InTensorFlow(keras.Model):
    """LeNet-5 as it was written for TensorFlow: windows for all four axes, shapes at run time."""

    def __init__(self, classes=10):
        super().__init__()
        self.convolutions = [L.Conv2D(6, 5), L.Conv2D(16, 5)]
        self.hidden = [L.Dense(120), L.Dense(84)]
        self.logits = L.Dense(classes)

    def call(self, x, training=False):
        for layer in self.convolutions:
            x = tf.nn.relu(layer(x))
            x = tf.nn.max_pool(x, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")
        x = tf.reshape(x, [tf.shape(x)[0], -1])
        for layer in self.hidden:
            x = tf.nn.dropout(tf.maximum(layer(x), 0), rate=0.1)
        return tf.nn.softmax(self.logits(x))


class InAGraph(InTensorFlow):
    call = tf.function(InTensorFlow.call)


def in_a_graph_as_a_layer():
    image = keras.Input((32, 32, 1))
    return keras.Model(image, InAGraph()(image))


class CapitalLetters(keras.Model):
    """padding="SAME" is taken by a pool that sees numbers, so it stands in many subclasses."""

    def __init__(self):
        super().__init__()
        self.first, self.second = L.Conv2D(6, 5), L.Conv2D(16, 5)
        self.pool = L.MaxPooling2D(2, padding="SAME")
        self.head = keras.Sequential(
            [L.Flatten(), L.Dense(120, "relu"), L.Dense(84, "relu"), L.Dense(10, "softmax")]
        )

    def call(self, x):
        x = self.pool(tf.nn.relu(self.first(x)))
        return self.head(self.pool(tf.nn.relu(self.second(x))))


def two_towers_to_the_end():
    """AlexNet on two GPUs with the halves of fc6 and fc7 on them, too."""

    def stage(x, maps, kernel, stride=1, padding="same"):
        return L.Conv2D(maps, kernel, stride, padding=padding, activation="relu")(x)

    image = keras.Input((227, 227, 3))
    towers = [stage(image, 48, 11, 4, "valid") for _ in range(2)]
    towers = [stage(L.MaxPooling2D(3, 2)(lrn_by_ops(x)), 128, 5) for x in towers]
    both = L.Concatenate()([L.MaxPooling2D(3, 2)(lrn_by_ops(x)) for x in towers])
    towers = [stage(stage(both, 192, 3), 192, 3) for _ in range(2)]
    x = L.Concatenate()([L.Flatten()(L.MaxPooling2D(3, 2)(stage(x, 128, 3))) for x in towers])
    for _ in range(2):
        x = L.Concatenate()([L.Dense(2048, activation="relu")(x) for _ in range(2)])
    return keras.Model(image, L.Dense(1000, activation="softmax")(x))


def lrn_by_stacking(x):
    """The squares of five neighbours stacked, and the power by exp and log."""
    squares = ops.pad(ops.square(x), ((0, 0), (0, 0), (0, 0), (2, 2)))
    near = ops.stack([squares[..., i : i + x.shape[-1]] for i in range(5)], axis=0)
    return x * ops.exp(-0.75 * ops.log(2 + 1e-4 * ops.sum(near, axis=0)))


def prepared_for_vgg():
    image = keras.Input((224, 224, 3))
    x = keras.applications.vgg16.preprocess_input(image)  # blue first, the mean taken off
    return keras.Model(image, keras.applications.VGG16(weights=None)(x))


def scaled_by_hand(x):
    return ops.cast((x / 255.0 - 0.1307) / 0.3081, "float32")


def with_front(front):
    def build():
        image = keras.Input((32, 32, 1))
        return keras.Model(image, small(max_pool, ops.relu)(front(image)))

    return build


def convolved_head(pools):
    """VGG-16 whose dense layers are convolutions, with so many pools before them."""
    x = image = keras.Input((224, 224, 3))
    for stage, (width, number) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], 1):
        for _ in range(number):
            x = conv(width, 3)(x)
        x = L.MaxPooling2D()(x) if stage <= pools else x
    x = conv(4096, 1)(conv(4096, 7, padding="valid")(x))
    return keras.Model(image, L.Conv2D(1000, 1, activation="softmax")(x)[:, 0, 0])


def max_pool(x):
    return ops.max_pool(x, 2, 2)


def mean_of(*call):
    def pool():
        return lambda x: ops.squeeze(ops.average_pool(x, *call), axis=(1, 2))

    return pool


def zeros_beside(thinned):
    """Option A: the thinned maps, and as many of zeros."""

    def shortcut(x, filters, stride):
        y = thinned(x)
        return L.Concatenate()([y, y * 0.0])

    return shortcut


def padded_by_tensorflow(x, filters, stride):
    more = filters // 4
    widths = tf.constant([[0, 0], [0, 0], [0, 0], [more, more]])
    return L.Lambda(lambda x: tf.pad(tf.nn.avg_pool2d(x, 1, stride, "VALID"), widths))(x)


class Own(L.Layer):
    """A convolution with a kernel of one's own, and what follows it."""

    def __init__(self, filters, kernel, *then, bias=True, by=ops.conv, **window):
        super().__init__()
        self.shape, self.by, self.then, self.window = (kernel, kernel), by, then, window
        self.filters, self.bias = filters, bias

    def build(self, shape):
        self.kernel = self.add_weight(shape=(*self.shape, shape[-1], self.filters))
        if self.bias:
            self.shift = self.add_weight(shape=(self.filters,), initializer="zeros")

    def call(self, x):
        x = self.by(x, self.kernel, **self.window)
        x = self.shift + x if self.bias else x
        for step in self.then:
            x = step(x)
        return x


def own_lenet(kernel=5):
    """LeNet-5 of layers that hold a convolution and a pool each."""
    x = image = keras.Input((32, 32, 1))
    for maps, size in ((6, kernel), (16, 5)):
        x = Own(maps, size, ops.relu, L.MaxPooling2D(2))(x)
    for units in (120, 84):
        x = L.Dense(units, "relu")(x if units < 120 else L.Flatten()(x))
    return keras.Model(image, L.Dense(10, "softmax")(x))


def own_vgg(last=tf.nn.relu):
    """VGG-16 with kernels of one's own, by TensorFlow's functions."""
    x = image = keras.Input((224, 224, 3))
    given = {"by": tf.nn.conv2d, "strides": [1, 1, 1, 1], "padding": "SAME"}
    for width, number in [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]:
        for at in range(number):
            x = Own(width, 3, last if (width, at) == (256, 2) else tf.nn.relu, **given)(x)
        x = L.MaxPooling2D(2)(x)
    x = conv(4096, 1)(conv(4096, 7, padding="valid")(x))
    return keras.Model(image, L.Conv2D(1000, 1, activation="softmax")(x)[:, 0, 0])


def own_norms(x, filters, stride):
    """A block of layers that hold a convolution and its normalisation each."""

    def part(x, kernel, stride, *then):
        norm = L.BatchNormalization()
        rest = {"bias": False, "strides": stride, "padding": "same"}
        return Own(filters, kernel, norm, *then, **rest)(x)

    y = part(part(x, 3, stride, ops.relu), 3, 1)
    return ops.relu(y + (part(x, 1, stride) if stride > 1 else x))


class WithWeights(keras.Model):
    """A model whose last layer is a matrix of its own."""

    def __init__(self):
        super().__init__()
        self.front = keras.Sequential(
            [L.Conv2D(6, 5, activation="relu"), L.MaxPooling2D(2), Own(16, 5, ops.relu),
             L.MaxPooling2D(2), L.Flatten(), L.Dense(120, "relu"), L.Dense(84, "relu")]
        )  # fmt: skip
        self.last = self.add_weight(shape=(84, 10))
        self.shift = self.add_weight(shape=(10,))

    def call(self, x):
        return ops.softmax(self.front(x) @ self.last + self.shift)


def cropped():
    """LeNet-5 whose convolutions pad, and what the zeros made is cropped."""
    x = image = keras.Input((32, 32, 1))
    for maps in (6, 16):
        x = L.Conv2D(maps, 5, padding="same", activation="relu")(x)
        x = L.MaxPooling2D(2)(L.Cropping2D(2)(x) if maps == 6 else x[:, 2:-2, 2:-2])
    x = L.Flatten()(x)
    for units in (120, 84):
        x = L.Dense(units, "relu")(x)
    return keras.Model(image, L.Dense(10, "softmax")(x))


RIGHT = {
    "pools of keras.ops": (lambda: small(max_pool, ops.relu), RELU),
    "pools without a stride": (lambda: small(lambda x: ops.max_pool(x, (2, 2)), ops.relu), RELU),
    "the larger of x and 0": (lambda: small(L.MaxPooling2D(2), lambda x: ops.maximum(x, 0)), RELU),
    "adaptive pools": (
        lambda: small(lambda x: L.AdaptiveMaxPooling2D(x.shape[1] // 2)(x), ops.relu),
        RELU,
    ),
    "TensorFlow's functions": (InTensorFlow, RELU),
    "a tf.function": (InAGraph, RELU),
    "a tf.function as a layer": (in_a_graph_as_a_layer, RELU),
    "capital letters": (CapitalLetters, RELU),
    "convolutions for dense layers": (lambda: convolved_head(5), vgg.VGG16),
    "scaled by hand": (with_front(scaled_by_hand), RELU),
    "AlphaDropout": (with_front(lambda x: L.RandomShear(0.1)(L.AlphaDropout(0.1)(x))), RELU),
    "halves of dense layers": (two_towers_to_the_end, alexnet.ALEXNET_TWO_GPUS),
    "LRN by stacking": (lambda: alex(lrn=lrn_by_stacking), alexnet.ALEXNET),
    "preprocess_input": (prepared_for_vgg, vgg.VGG16),
    "global mean as a pool": (lambda: google(pool=mean_of(7)), googlenet.GOOGLENET),
    "A with a mean of one pixel": (
        lambda: cifar(project=zeros_beside(lambda x: L.AveragePooling2D(1, 2)(x))),
        resnet.CIFAR_RESNET20,
    ),
    "A with times zero": (
        lambda: cifar(project=zeros_beside(lambda x: x[:, ::2, ::2])),
        resnet.CIFAR_RESNET20,
    ),
    "A by TensorFlow": (lambda: cifar(project=padded_by_tensorflow), resnet.CIFAR_RESNET20),
    "own kernels with pools": (own_lenet, RELU),
    "own kernels by TensorFlow": (own_vgg, vgg.VGG16),
    "own kernels with norms": (lambda: res(own_norms), resnet.RESNET18),
    "a model with a matrix": (WithWeights, RELU),
    "padded, then cropped": (cropped, RELU),
}


# --- wrong ---------------------------------------------------------------------------------------


def google_with(name, changed):
    """GoogLeNet with one module of another kind."""
    names = iter(googlenet.MODULES)
    return google(lambda x, *widths: (changed if next(names) == name else inception)(x, *widths))


def branches(x, one, reduce3, three, reduce5, five, project):
    return [
        conv(one, 1)(x),
        conv(three, 3)(conv(reduce3, 1)(x)),
        conv(five, 5)(conv(reduce5, 1)(x)),
        conv(project, 1)(L.MaxPooling2D(3, 1, padding="same")(x)),
    ]


def without(number):
    """A module that lacks one of its four branches."""

    def module(x, *widths):
        return L.Concatenate()([b for i, b in enumerate(branches(x, *widths)) if i != number])

    return module


def twice(x, *widths):
    return inception(inception(x, *widths), *widths)


def heads_at(*places):
    """GoogLeNet whose training heads hang on other modules."""
    model = google()
    joined = [layer.output for layer in model.layers if isinstance(layer, L.Concatenate)]
    outputs = []
    for place in places:
        y = joined[list(googlenet.MODULES).index(place)]
        y = L.Flatten()(conv(128, 1)(L.AveragePooling2D(5, 3)(y)))
        y = L.Dense(1024, activation="relu")(y)
        outputs.append(L.Dense(1000, activation="softmax")(y))
    return keras.Model(model.inputs, [*outputs, model.output])


def in_block(stage, number, changed, usual=basic):
    """ResNet-18 with one block of another kind."""
    count = iter(range(100))

    def block(x, filters, stride):
        return (changed if next(count) == 2 * stage + number else usual)(x, filters, stride)

    return lambda: res(block)


def plain(x, filters, stride):
    return conv_bn(conv_bn(x, filters, 3, stride), filters, 3)


def beside(project):
    """A block with this shortcut, the operands of the addition in the other order."""

    def block(x, filters, stride):
        needed = stride != 1 or x.shape[-1] != filters
        y = conv_bn(conv_bn(x, filters, 3, stride), filters, 3, relu=False)
        return L.ReLU()(L.Add()([y, project(x, filters, stride) if needed else x]))

    return block


def wide_shortcut(x, filters, stride):
    return conv_bn(x, filters, 3, stride, relu=False)


def frozen_norms():
    model = res()
    for layer in model.layers:
        layer.trainable = not isinstance(layer, L.BatchNormalization)
    return model


def option_a(x, filters, stride):
    more = filters - x.shape[-1]
    return ops.pad(x[:, ::stride, ::stride], [[0, 0], [0, 0], [0, 0], [0, more]])


def late_stride(x, filters, stride):
    """Both convolutions and the projection of the last stage stay at 14 × 14."""
    return basic(x, filters, 1 if filters == 512 else stride)


def towers_that_never_meet():
    def pooled(x):
        return L.MaxPooling2D(3, 2)(lrn_by_ops(x))

    image = keras.Input((227, 227, 3))
    towers = [pooled(conv(48, 11, 4, "valid")(image)) for _ in range(2)]
    towers = [pooled(conv(128, 5)(x)) for x in towers]
    for maps in (192, 192, 128):
        towers = [conv(maps, 3)(x) for x in towers]
    x = L.Concatenate()([L.Flatten()(L.MaxPooling2D(3, 2)(x)) for x in towers])
    for _ in range(2):
        x = L.Dense(4096, activation="relu")(x)
    return keras.Model(image, L.Dense(1000, activation="softmax")(x))


def halves(x):
    """A softmax without its exponential."""
    x = x - ops.min(x, axis=-1, keepdims=True)
    return x / ops.sum(x, axis=-1, keepdims=True)


def shortcut_of_the_end():
    """The projection is named as in the table, but reads what the block computes."""
    x = keras.Input((56, 56, 64))

    def named(x, kernel, stride, name):
        x = L.Conv2D(128, kernel, stride, padding="same", use_bias=False, name=name)(x)
        return L.BatchNormalization(name=f"{name}_bn")(x)

    y = L.ReLU()(named(x, 3, 2, "conv3_1_1"))
    y = named(y, 3, 1, "conv3_1_2")
    return keras.Model(x, L.ReLU()(L.Add()([named(y, 1, 1, "conv3_1_shortcut"), y])))


def vgg_with_a_pool_at(stage, number):
    """VGG-16 with the pool of a stage behind so many of its convolutions."""
    x = image = keras.Input((224, 224, 3))
    widths = (64, 2), (128, 2), (256, 3), (512, 3), (512, 3)
    for each, (width, convolutions) in enumerate(widths, 1):
        for at in range(1, convolutions + 1):
            x = conv(width, 3)(x)
            if at == (number if each == stage else convolutions):
                x = L.MaxPooling2D(2)(x)
    x = conv(4096, 1)(conv(4096, 7, padding="valid")(x))
    return keras.Model(image, L.Conv2D(1000, 1, activation="softmax")(x)[:, 0, 0])


def summed(x, *widths):
    """A module whose branches are added, for which all of them have 256 maps."""
    return L.Add()(branches(x, 256, widths[1], 256, widths[3], 256, 256))


def pool_a_module_too_early():
    made = iter(googlenet.MODULES)

    def module(x, *widths):
        x = inception(x, *widths)
        return L.MaxPooling2D(3, 2, padding="same")(x) if next(made) == "3a" else x

    return google(module, pools=("4e",))


def heads_of_means():
    """The training heads take the mean of each map instead of a convolution and Flatten."""
    model = google()
    joined = [layer.output for layer in model.layers if isinstance(layer, L.Concatenate)]
    outputs = []
    for place in ("4a", "4d"):
        y = L.AveragePooling2D(5, 3)(joined[list(googlenet.MODULES).index(place)])
        y = L.Dense(1024, activation="relu")(L.GlobalAveragePooling2D()(y))
        outputs.append(L.Dense(1000, activation="softmax")(y))
    return keras.Model(model.inputs, [*outputs, model.output])


def two_towers(*slices):
    """The second stage of AlexNet on two GPUs, each of which reads a slice of the maps."""
    image = keras.Input((27, 27, 96))
    towers = [conv(128, 5)(image[each]) for each in slices]
    return keras.Model(image, L.MaxPooling2D(3, 2)(lrn_by_ops(L.Concatenate()(towers))))


GOOGLENET, HEADS = googlenet.GOOGLENET, googlenet.GOOGLENET_TRAINING
SECOND_STAGE = alexnet.ALEXNET_TWO_GPUS.part("conv2", "pool2", input_shape=(27, 27, 96))
WRONG = [
    ("a branch missing", GOOGLENET, "4b_1x1", Cause.MISSING,
     lambda: google_with("4b", without(0))),
    ("the pool missing", GOOGLENET, "4b", Cause.WRONG_INPUT,
     lambda: google_with("4b", without(3))),
    ("a module twice", GOOGLENET, "4e_1x1", Cause.BLOCK_EXTRA, lambda: google_with("4d", twice)),
    ("no heads", HEADS, "aux_4a_pool", Cause.MISSING, google),
    ("heads too late", HEADS, "aux_4a_pool", Cause.WRONG_INPUT, lambda: heads_at("4b", "4e")),
    ("a head too early", HEADS, "aux_4a_pool", Cause.WRONG_INPUT, lambda: heads_at("3b", "4d")),
    ("a head at 4c", HEADS, "aux_4d_pool", Cause.WRONG_INPUT, lambda: heads_at("4a", "4c")),
    ("no shortcut where it shrinks", resnet.RESNET18, "conv3_1", Cause.SHORTCUT_MISSING,
     in_block(1, 0, plain)),
    ("a 3 × 3 shortcut", resnet.RESNET18, "conv3_1_shortcut", Cause.KERNEL,
     lambda: res(beside(wide_shortcut))),
    ("A where B is asked", resnet.CIFAR_RESNET20_B, "stage2_1_shortcut", Cause.OTHER_STEP,
     lambda: cifar(project=option_a)),
    ("B where A is asked", resnet.CIFAR_RESNET20, "stage2_1_shortcut_stride", Cause.OTHER_STEP,
     cifar),
    ("normalisation is frozen", resnet.RESNET18, "conv1_bn", Cause.FROZEN, frozen_norms),
    ("the last stage does not shrink", resnet.RESNET18, "conv5_1_1", Cause.STRIDE,
     lambda: res(late_stride)),
    ("ResNet-50 for ResNet-101", resnet.RESNET101, "conv4_7_1", Cause.BLOCK_MISSING,
     lambda: res(bottleneck, (3, 4, 6, 3))),
    ("ResNet-101 for ResNet-50", resnet.RESNET50, "conv5_1_1", Cause.BLOCK_EXTRA,
     lambda: res(bottleneck, (3, 4, 23, 3))),
    ("basic blocks for bottlenecks", resnet.RESNET50, "conv2_1_1", Cause.KERNEL,
     lambda: res(basic, (3, 4, 6, 3))),
    ("towers that never meet", alexnet.ALEXNET_TWO_GPUS, "conv3", Cause.GROUPS,
     towers_that_never_meet),
    ("a minus", RELU, "C1", Cause.ACTIVATION,
     lambda: small(L.MaxPooling2D(2), lambda x: -ops.relu(x))),
    ("the negative part", RELU, "C1", Cause.ACTIVATION,
     lambda: small(L.MaxPooling2D(2), lambda x: ops.where(x > 0, 0.0, x))),
    ("half a softmax", RELU, "output", Cause.ACTIVATION,
     lambda: small(L.MaxPooling2D(2), ops.relu, end=halves)),
    ("convolutions behind no pool", vgg.VGG16, "pool5", Cause.MISSING, lambda: convolved_head(4)),
    ("a mean along one axis", GOOGLENET, "pool5", Cause.OTHER_STEP,
     lambda: google(pool=lambda: lambda x: ops.mean(x, axis=1))),
    ("a shortcut from the block's end", resnet.RESNET18.part("conv3_1_1", "conv3_1",
     input_shape=(56, 56, 64)), "conv3_1_shortcut", Cause.WRONG_INPUT, shortcut_of_the_end),
    ("own kernels of 3 × 3", RELU, "C1", Cause.KERNEL, lambda: own_lenet(3)),
    ("an own kernel without its ReLU", vgg.VGG16, "conv3_3", Cause.ACTIVATION_MISSING,
     lambda: own_vgg(lambda x: x)),
    ("a pool two convolutions early", vgg.VGG16, "pool3", Cause.MOVED,
     lambda: vgg_with_a_pool_at(3, 1)),
    ("a pool a module early", GOOGLENET, "pool3", Cause.MOVED, pool_a_module_too_early),
    ("a module that adds", GOOGLENET, "4b", Cause.ADDED, lambda: google_with("4b", summed)),
    ("modules that add", GOOGLENET, "3a", Cause.ADDED, lambda: google(summed)),
    ("heads of means", HEADS, "aux_4a_conv", Cause.OTHER_STEP, heads_of_means),
    ("towers of two widths", SECOND_STAGE, "conv2", Cause.WRONG_INPUT,
     lambda: two_towers(np.s_[..., :40], np.s_[..., 40:])),
    ("towers of pixels", SECOND_STAGE, "conv2", Cause.SLICED,
     lambda: two_towers(np.s_[:, :13], np.s_[:, 13:26])),
]  # fmt: skip


def networks():
    """{name: (builder, table)}."""
    cases = {f"right/{name}": built(*case) for name, case in RIGHT.items()}
    return cases | {f"wrong/{name}": built(build, table) for name, table, _, _, build in WRONG}


NETWORKS = Corpus("other hands", networks)


@pytest.mark.parametrize("name", RIGHT)
def test_right(name):
    assert NETWORKS.findings(f"right/{name}") == []


@pytest.mark.parametrize("name, row, cause", [(c[0], *c[2:4]) for c in WRONG])
def test_wrong(name, row, cause):
    first = NETWORKS.findings(f"wrong/{name}")[0]
    assert (first.row, first.cause) == (row, cause)


def test_what_is_said_is_as_kept():
    NETWORKS.compare()


# --- the same network, put together otherwise ----------------------------------------------------


def shuffled(chance):
    """Modules whose branches come in any order and may be put side by side in two steps."""

    def module(x, *widths):
        made = chance.sample(branches(x, *widths), 4)
        if chance.random() < 0.5:
            made = [L.Concatenate()(made[:2]), L.Concatenate()(made[2:])]
        return ops.concatenate(made, axis=-1)

    return module


@settings(max_examples=6, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.randoms(use_true_random=False))
def test_branches_in_any_order(chance):
    assert verdict(lambda: google(shuffled(chance)), GOOGLENET) == []


@settings(max_examples=6, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.randoms(use_true_random=False))
def test_shortcuts_in_any_order(chance):
    def block(x, filters, stride):
        return basic(x, filters, stride, plus=chance.random() < 0.5, swap=chance.random() < 0.5)

    assert verdict(lambda: res(block), resnet.RESNET18) == []
