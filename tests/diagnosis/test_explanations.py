"""The sentence that a kind of mistake gets: not a consequence of it, but the mistake itself."""

import re

import keras
import numpy as np
import pytest
from keras import layers, ops

from course import check
from course.anatomy import anatomy
from course.architectures import alexnet, googlenet, lenet, resnet, unet, vgg, vit
from course.diagnosis import Cause, diagnose, explain, nearest
from course.diagnosis.edits import Kind
from course.evidence import weightless
from course.language import speaking
from tests.diagnosis.test_diagnosis import C3_CONNECTIONS, of_1998, squash, taken
from tests.diagnosis.test_families import (
    alex,
    basic,
    bottleneck,
    cifar,
    concatenated,
    conv,
    conv_bn,
    google,
    head_on_a_side_branch,
    inception,
    lrn_by_ops,
    option_a,
    pre_activation,
    res,
    vgg16,
    without_projection,
)
from tests.diagnosis.test_other_hands import google_with, heads_at, in_block
from tests.grading.test_bounds import bottlenecks
from tests.network.test_any_model import ClassToken
from tests.test_spoken import english

L = layers
SAID = {}


def said(name, table, *expected):
    """Declare what the findings of a builder's network are: (row, cause, part of the sentence)."""

    def declare(build):
        SAID[name] = (table, build, expected)
        return build

    return declare


def found(table, build):
    with weightless():
        return diagnose(anatomy(build()), table)


# --- two things about one step


def chained(*made):
    return lambda: keras.Sequential([keras.Input((32, 32, 1)), *(make() for make in made)])


@said("dense layers in two towers", lenet.LENET5_RELU,
      ("F6", Cause.GROUPS, "It works in 2 groups, the table has one group. That is 5,124 "
       "parameters where the table has 10,164."))  # fmt: skip
def in_dense_towers():
    image = keras.Input((32, 32, 1))
    x = L.MaxPooling2D(2)(L.Conv2D(6, 5, activation="relu")(image))
    x = L.Flatten()(L.MaxPooling2D(2)(L.Conv2D(16, 5, activation="relu")(x)))
    towers = [L.Dense(42, "relu")(L.Dense(60, "relu")(x)) for _ in range(2)]
    return keras.Model(image, L.Dense(10, "softmax")(L.Concatenate()(towers)))


HEAD = (
    L.Flatten, lambda: L.Dense(120, "tanh"), lambda: L.Dense(84, "tanh"),
    lambda: L.Dense(10, "softmax"),
)  # fmt: skip


def tanh(maps, *size, **rest):
    return lambda: L.Conv2D(maps, *size, activation="tanh", **rest)


def mean():
    return L.AveragePooling2D(2)


said("a stride in place of a pool", lenet.LENET5,
     ("C1", Cause.STRIDE, "The stride is 2, the table has 1."), ("S2", Cause.MISSING, "after C1"),
)(chained(tanh(6, 5, 2), tanh(16, 5), mean, *HEAD))  # fmt: skip
said("kernel and stride", alexnet.ALEXNET,
     ("conv1", Cause.KERNEL, "7 × 7"), ("conv1", Cause.STRIDE, "The stride is 2"),
)(lambda: alex(conv1=conv(96, 7, 2, "valid")))  # fmt: skip
said("padding and stride", alexnet.ALEXNET,
     ("conv2", Cause.STRIDE, "gives 12 × 12"), ("conv2", Cause.PADDING, "valid"),
)(lambda: alex(conv2=conv(256, 5, 2, "valid")))  # fmt: skip
said("zeros written as a layer", lenet.LENET5,
     ("C1", Cause.PADDING, "ZeroPadding2D surrounds the map with zeros."),
)(chained(lambda: L.ZeroPadding2D(1), tanh(6, 5), mean, tanh(16, 5), mean, *HEAD))  # fmt: skip
said("same instead of valid", alexnet.ALEXNET,
     ("pool1", Cause.PADDING, 'padding="same" surrounds the map with zeros.'),
)(lambda: alex(pool1=L.MaxPooling2D(3, 2, padding="same")))  # fmt: skip
said("an image of another size", lenet.LENET5,
     ("smaller", Cause.EXTRA, "smaller stands where C1"),
)(chained(lambda: L.Resizing(28, 28, name="smaller"), tanh(6, 5, padding="same"), mean,
          tanh(16, 5), mean, *HEAD))  # fmt: skip
said("a convolution as large as its map", lenet.LENET5,
     ("more", Cause.EXTRA, "not in the table: convolution 5 × 5, tanh."),
)(chained(tanh(6, 5), mean, tanh(16, 5), mean, tanh(16, 5, name="more"), *HEAD))  # fmt: skip
said("zeros before Flatten", lenet.LENET5,
     ("zeros", Cause.EXTRA, "zeros stands where C5"),
)(chained(tanh(6, 5), mean, tanh(16, 5), mean,
          lambda: L.ZeroPadding2D(1, name="zeros"), *HEAD))  # fmt: skip


@said("padding first, and something behind it", vgg.VGG11,
      ("conv1_1", Cause.PADDING, "222 × 222"), ("fc6", Cause.UNITS, "1024"))  # fmt: skip
def padded_first():
    image = x = keras.Input((224, 224, 3))
    for number, (width, count) in enumerate(zip(vgg.WIDTHS, (1, 1, 2, 2, 2), strict=True)):
        for _ in range(count):
            x = conv(width, 3, padding="same" if number else "valid")(x)
        x = L.MaxPooling2D(2)(x)
    x = L.Flatten()(x)
    for units in (1024, 4096):
        x = L.Dense(units, "relu")(x)
    return keras.Model(image, L.Dense(1000, "softmax")(x))


@said("no padding anywhere", vgg.VGG16, ("conv1_1", Cause.PADDING, "222 × 222"))
def never_padded():
    """The last pool's window is as large as its map: that is no mistake of its own."""
    return vgg16_with(**{row.name: "valid" for row in vgg.VGG16.rows})


# --- one of several, or along another axis


def in_towers(join=None, **changed):
    """AlexNet on two GPUs, tower by tower; a change is called as its row, with 1 or 2 behind it.

    `join` puts the towers together before conv3.
    """

    def step(name, tower, usual, x):
        return changed.get(f"{name}_{tower}", usual)(x)

    def stage(number, xs, *made):
        for name, usual in zip(("conv", "norm", "pool"), made, strict=False):
            usual = usual or (lambda x: x)
            xs = [step(f"{name}{number}", at, usual, x) for at, x in enumerate(xs, 1)]
        return xs

    def convolution(maps, *size, **rest):
        return lambda x: conv(maps, *size, **rest)(x)

    def pool(x):
        return L.MaxPooling2D(3, 2)(x)

    image = keras.Input((227, 227, 3))
    towers = stage(1, [image, image], convolution(48, 11, 4, "valid"), lrn_by_ops, pool)
    towers = stage(2, towers, convolution(128, 5), lrn_by_ops, pool)
    towers = stage(3, [(join or L.Concatenate())(towers)] * 2, convolution(192, 3))
    towers = stage(5, stage(4, towers, convolution(192, 3)), convolution(128, 3), None, pool)
    x = L.Flatten()(L.Concatenate()(towers))
    for _ in range(2):
        x = L.Dense(4096, "relu")(x)
    return keras.Model(image, L.Dense(1000, "softmax")(x))


def odd(name, *expected, **changed):
    said(f"towers, {name}", alexnet.ALEXNET_TWO_GPUS, *expected)(lambda: in_towers(**changed))


SIDE = "2 convolutions side by side, and second is not like the other."
odd("right")
odd("one without its activation", ("conv1", Cause.ACTIVATION_MISSING, SIDE),
    conv1_2=conv(48, 11, 4, "valid", None, name="second"))  # fmt: skip
odd("the last convolution of one", ("conv5", Cause.ACTIVATION_MISSING, SIDE),
    conv5_2=conv(128, 3, activation=None, name="second"))  # fmt: skip
odd("one narrower",
    ("conv2", Cause.FILTERS, "It makes 64 maps, the table has 128 for each convolution."),
    conv2_2=conv(64, 5))  # fmt: skip
odd("two things", ("conv3", Cause.KERNEL, "5 × 5"), ("conv5", Cause.ACTIVATION, "tanh"),
    conv3_1=conv(192, 5), conv5_2=conv(128, 3, activation="tanh"))  # fmt: skip
odd("another pool", ("pool2", Cause.OTHER_STEP, "2 steps side by side, and mean is not like"),
    pool2_1=L.AveragePooling2D(3, 2, name="mean"))  # fmt: skip
odd("another normalisation", ("norm2", Cause.NORMALISATION, "n = 3"),
    norm2_2=lambda x: lrn_by_ops(x, n=3))  # fmt: skip
TWICE = conv(192, 3)
odd("one layer for both", ("conv4", Cause.SHARED_WEIGHTS, "Create a new layer for each"),
    conv4_1=TWICE, conv4_2=TWICE)  # fmt: skip


LONE = "Maps of another tower are missing, or nothing reads them."
UNREAD = "Nothing reads what comes out of"
SECOND = [f"{step}{number}_2" for step in ("conv", "norm", "pool") for number in (1, 2)]
ADDED = "are added here. The table puts the maps side by side: layers.Concatenate()."
said("towers added", alexnet.ALEXNET_TWO_GPUS, ("pool2", Cause.ADDED, f"13 × 13 × 128 {ADDED}"))(
    lambda: in_towers(join=L.Add())
)
said("a tower beside itself", alexnet.ALEXNET_TWO_GPUS,
     *((row, Cause.FILTERS, UNREAD) for row in ("conv1", "conv2")),
     ("conv3", Cause.WRONG_INPUT, "(the table's pool2) twice, it should read pool2. Put other"),
)(lambda: in_towers(join=lambda xs: L.Concatenate(name="beside")([xs[0], xs[0]])))  # fmt: skip
said("one tower beside itself", alexnet.ALEXNET_TWO_GPUS,
     *((row, Cause.FILTERS, LONE) for row in ("conv1", "conv2")),
     ("conv3", Cause.WRONG_INPUT, "(the table's pool2) twice, it should read pool2. Put other"),
)(lambda: in_towers(join=lambda xs: L.Concatenate(name="beside")([xs[0], xs[0]]),
                    **dict.fromkeys(SECOND, lambda x: x)))  # fmt: skip


@said("two convolutions of one tower", alexnet.ALEXNET_TWO_GPUS,
      ("conv1", Cause.FILTERS, UNREAD),
      ("conv2", Cause.GROUPS, "It works in one group"))  # fmt: skip
def one_tower_twice():
    first = []

    def kept(x):
        first.append(L.MaxPooling2D(3, 2)(x))
        return first[0]

    return in_towers(pool1_1=kept, pool1_2=kept)


# --- maps that are read twice, or in part


def again(*chosen, name="join"):
    """An inception module that puts these of its branches side by side."""

    def module(x, one, reduce3, three, reduce5, five, project):
        branches = [
            conv(one, 1)(x),
            conv(three, 3, name="three")(conv(reduce3, 1)(x)),
            conv(five, 5)(conv(reduce5, 1)(x)),
            conv(project, 1)(L.MaxPooling2D(3, 1, padding="same")(x)),
        ]
        return L.Concatenate(name=name)([branches[n] for n in chosen])

    return module


class Again(L.Layer):
    """The naive module as a layer, with its second branch in place of the third."""

    def __init__(self):
        super().__init__()
        widths = zip((128, 192, 96), (1, 3, 5), strict=True)
        self.convolutions = [conv(maps, size) for maps, size in widths]
        self.pool, self.join = L.MaxPooling2D(3, 1, padding="same"), L.Concatenate()

    def call(self, x):
        one, three, _ = (convolution(x) for convolution in self.convolutions)
        return self.join([one, three, three, self.pool(x)])


def of_itself(table, make):
    """A network of one step."""
    image = keras.Input(table.input_shape)
    return keras.Model(image, make(image))


TWICE_3A = "3a: It reads 3a_1x1, three (the table's 3a_3x3) twice and 3a_pool_proj, it should read"
said("a branch in place of another", googlenet.GOOGLENET, ("3a", Cause.WRONG_INPUT, TWICE_3A))(
    lambda: google_with("3a", again(0, 1, 1, 3))
)
said("the last branch replaced", googlenet.GOOGLENET,
     ("5b", Cause.WRONG_INPUT, "5b_pool_proj is missing, or nothing reads it."),
)(lambda: google_with("5b", again(0, 1, 2, 2)))  # fmt: skip
said("one branch three times", googlenet.INCEPTION_BOTTLENECK,
     ("inception", Cause.WRONG_INPUT, "three (the table's inception_3x3) 3 times, it should"),
)(lambda: of_itself(googlenet.INCEPTION_BOTTLENECK,
                    lambda x: again(0, 1, 1, 1)(x, 128, 64, 192, 64, 96, 64)))  # fmt: skip
said("a branch again in a layer", googlenet.INCEPTION_NAIVE,
     ("output", Cause.WRONG_INPUT, "twice and pool, it should read 1x1, 3x3, 5x5 and pool."),
)(lambda: of_itself(googlenet.INCEPTION_NAIVE, lambda x: Again()(x)))  # fmt: skip


@said("the way up beside itself", unet.UNET_SAME,
      ("join4", Cause.WRONG_INPUT, "up4) twice, it should read down4_2 and up4."))  # fmt: skip
def up_beside_itself():
    image = x = keras.Input(unet.UNET_SAME.input_shape)
    ways = []
    for width in unet.WIDTHS[:-1]:
        ways.append(conv(width, 3)(conv(width, 3)(x)))
        x = L.MaxPooling2D(2)(ways[-1])
    x = conv(1024, 3)(conv(1024, 3)(x))
    for width, way in zip(unet.WIDTHS[-2::-1], ways[::-1], strict=True):
        x = L.Conv2DTranspose(width, 2, 2)(x)
        x = L.Concatenate()([x, x if width == 512 else way])
        x = conv(width, 3)(conv(width, 3)(x))
    return keras.Model(image, L.Conv2D(2, 1)(x))


def of_slices(filters, kernel, taken):
    """Two groups, written as slices; `taken` says which half each of them reads."""

    def apply(x):
        half = x.shape[-1] // 2
        halves = x[..., :half], x[..., half:]
        return L.Concatenate()([conv(filters // 2, kernel)(halves[n]) for n in taken])

    return apply


def split_in_two(filters, kernel):
    def apply(x):
        first, _ = ops.split(x, 2, axis=-1)
        return L.Concatenate()([conv(filters // 2, kernel)(first) for _ in range(2)])

    return apply


OWN_MAPS = "Each of the 2 groups should read maps of its own."
said("both groups read the first half", alexnet.ALEXNET_TWO_GPUS,
     ("conv2", Cause.WRONG_INPUT, f"It reads pool1[..., 0:48], it should read pool1. {OWN_MAPS}"),
)(lambda: alex(2, conv2=of_slices(256, 5, (0, 0))))  # fmt: skip
said("both groups read the second half", alexnet.ALEXNET_TWO_GPUS,
     ("conv5", Cause.WRONG_INPUT, f"reads conv4[..., 192:384], it should read conv4. {OWN_MAPS}"),
)(lambda: alex(2, conv5=of_slices(256, 3, (1, 1))))  # fmt: skip
said("one half of a split", alexnet.CAFFENET,
     ("conv4", Cause.WRONG_INPUT, f"reads conv3[..., 0:192], it should read conv3. {OWN_MAPS}"),
)(lambda: alex(2, pool_first=True, conv4=split_in_two(384, 3)))  # fmt: skip
said("the first half, and another kernel", alexnet.ALEXNET_TWO_GPUS,
     ("conv2", Cause.WRONG_INPUT, OWN_MAPS), ("conv2", Cause.KERNEL, "3 × 3"),
)(lambda: alex(2, conv2=of_slices(256, 3, (0, 0))))  # fmt: skip
said("each half once", alexnet.ALEXNET_TWO_GPUS)(lambda: alex(2, conv2=of_slices(256, 5, (1, 0))))


@said("C3's maps joined along the height", lenet.LENET5_1998,
      ("C3", Cause.MERGE_AXIS, "axis=1 stacks the maps in height."))  # fmt: skip
def stacked():
    def c3(x):
        maps = [L.Conv2D(1, 5)(taken(x, seen)) for seen in C3_CONNECTIONS]
        return squash(L.Concatenate(axis=1)(maps))

    return of_1998(c3)


@said("a return inside of the loop", lenet.LENET5_1998.part("C3", input_shape=(14, 14, 6)),
      ("C3", Cause.FILTERS, "It makes 1 map, the table has 16."))  # fmt: skip
def first_map():
    image = keras.Input((14, 14, 6))
    return keras.Model(image, squash(L.Conv2D(1, 5)(taken(image, C3_CONNECTIONS[0]))))


said("one kernel for all maps", lenet.LENET5_1998.part("S2_mean", "S2", input_shape=(28, 28, 6)),
     ("S2", Cause.FILTERS, "layers.DepthwiseConv2D gives each map a kernel of its own."),
)(lambda: one_kernel())  # fmt: skip


def one_kernel():
    image = keras.Input((28, 28, 6))
    return keras.Model(image, squash(L.Conv2D(1, 1)(L.AveragePooling2D(2)(image))))


# --- normalisation


said("no normalisation behind conv1", resnet.RESNET18,
     ("conv1_bn", Cause.MISSING, "after conv1 comes max_pooling2d"),
)(lambda: res(stem=lambda x: L.MaxPooling2D(3, 2, padding="same")(
    L.ReLU()(L.Conv2D(64, 7, 2, padding="same", use_bias=False)(x)))))  # fmt: skip
said("normalisation put in between", alexnet.ALEXNET,
     ("norm", Cause.EXTRA, "norm follows conv1. This step is not in the table: batch norm, relu."),
)(lambda: alex(conv1=lambda x: L.ReLU()(
    L.BatchNormalization(name="norm")(L.Conv2D(96, 11, 4)(x)))))  # fmt: skip
BEFORE = "Normalisation and activation come before the convolution here"
said("pre-activation", resnet.RESNET18, ("conv2_1_1", Cause.PRE_ACTIVATION, BEFORE))(
    lambda: res(pre_activation)
)
said("pre-activation in one block", resnet.RESNET18, ("conv3_2_1", Cause.PRE_ACTIVATION, BEFORE))(
    in_block(1, 1, pre_activation)
)
said("ResNet of the second version", resnet.RESNET50, ("conv2_1_1", Cause.PRE_ACTIVATION, BEFORE))(
    lambda: keras.applications.ResNet50V2(weights=None)
)


# --- additions


NO_ADDITION = "conv1_bn and stage1_1_2_bn are added here. The table has no shortcut"
PLAIN = resnet.CIFAR_PLAIN20
said("shortcuts in a plain network", PLAIN, ("stage1_1_2_bn", Cause.SHORTCUT_EXTRA, NO_ADDITION))(
    cifar
)
said("option A in a plain network", PLAIN, ("stage1_1_2_bn", Cause.SHORTCUT_EXTRA, NO_ADDITION))(
    lambda: cifar(project=option_a)
)
BESIDE = "put beside the block's output instead of added"
said("all put side by side", resnet.RESNET50, ("conv2_1", Cause.SHORTCUT_CONCATENATED, BESIDE))(
    lambda: bottlenecks((3, 4, 6, 3), L.Concatenate)
)
said("one put beside its projection", resnet.RESNET18,
     ("conv3_1", Cause.SHORTCUT_CONCATENATED, BESIDE))(in_block(1, 0, concatenated))  # fmt: skip
said("one put beside its input", resnet.RESNET18,
     ("conv3_2", Cause.SHORTCUT_CONCATENATED, BESIDE))(in_block(1, 1, concatenated))  # fmt: skip
said("projections where zeros are asked", resnet.CIFAR_RESNET20,
     ("stage2_1_shortcut_stride", Cause.OTHER_STEP,
      "The table has a step that takes every second pixel here. The same is true of stage3_1_"),
)(cifar)  # fmt: skip


@said("the stride twice in each stage", resnet.RESNET18,
      ("conv3_1_2", Cause.STRIDE, "The same is true of conv4_1_2 and conv5_1_2."),
      ("conv3_1_shortcut", Cause.STRIDE, "The same is true of conv4_1_shortcut and conv5_1_"),
      )  # fmt: skip
def strided_twice():
    def block(x, filters, stride):
        y = conv_bn(conv_bn(x, filters, 3, stride), filters, 3, stride, relu=False)
        needed = stride != 1 or x.shape[-1] != filters
        shortcut = conv_bn(x, filters, 1, stride * stride, relu=False) if needed else x
        return L.ReLU()(L.Add()([y, shortcut]))

    return res(block)


@said("a stride in the first stage as well", resnet.RESNET18,
      ("conv2_1_1", Cause.STRIDE, "The stride is 2"))  # fmt: skip
def strided_everywhere():
    image = keras.Input((224, 224, 3))
    x = L.MaxPooling2D(3, 2, padding="same")(conv_bn(image, 64, 7, 2))
    for stage in range(4):
        for number in range(2):
            x = basic(x, 64 * 2**stage, 1 if number else 2)
    return keras.Model(image, L.Dense(1000, "softmax")(L.GlobalAveragePooling2D()(x)))


def added_norm(also):
    """Blocks that normalise behind the addition: instead of in front of it, or also there."""

    def block(x, filters, stride):
        def last(x, kernel, stride):
            if also:
                return conv_bn(x, filters, kernel, stride, relu=False)
            return conv(filters, kernel, stride, activation=None)(x)

        y = last(conv_bn(x, filters, 3, stride), 3, 1)
        needed = stride != 1 or x.shape[-1] != filters
        shortcut = conv_bn(x, filters, 1, stride, relu=False) if needed else x
        return L.ReLU()(L.BatchNormalization()(L.Add()([shortcut, y])))

    return block


said("normalisations behind the additions", resnet.RESNET18,
     *((f"conv{stage}_{number}_2_bn", Cause.SWAPPED,
        f"It comes after conv{stage}_{number}. In the table it comes before")
       for stage, number in ((2, 1), (2, 2), (3, 1), (3, 2), (4, 1))),
)(lambda: res(added_norm(also=False)))  # fmt: skip
said("one more normalisation behind each addition", resnet.RESNET18,
     ("batch_normalization_3", Cause.EXTRA, "follows conv2_1."),
)(lambda: res(added_norm(also=True)))  # fmt: skip
said("ones beside the shortcut", resnet.CIFAR_RESNET20,
     *((f"stage{n}_1", Cause.WRONG_INPUT, f"stage{n}_1_shortcut is missing, or nothing reads it.")
       for n in (2, 3)))(lambda: cifar(project=with_ones))  # fmt: skip


said("an array of zeros beside the shortcut", resnet.CIFAR_RESNET20,
     ("stage2_1_shortcut", Cause.OTHER_STEP, "It is maps beside an array of numbers."),
)(lambda: cifar(project=with_an_array))  # fmt: skip


def with_an_array(x, filters, stride):
    x = x[:, ::stride, ::stride]
    return L.Concatenate()([x, np.zeros((1, *x.shape[1:]))])


def with_ones(x, filters, stride):
    x = x[:, ::stride, ::stride]
    return L.Concatenate()([x, ops.ones_like(x)])


@said("one addition too many", resnet.RESNET18,
      ("twice", Cause.EXTRA, "This step is not in the table: add."))  # fmt: skip
def added_twice():
    image = keras.Input((224, 224, 3))
    x = pool = L.MaxPooling2D(3, 2, padding="same")(conv_bn(image, 64, 7, 2))
    for stage in range(4):
        for number in range(2):
            x = basic(x, 64 * 2**stage, 2 if stage and not number else 1)
        if not stage:
            x = L.Add(name="twice")([x, pool])
    return keras.Model(image, L.Dense(1000, "softmax")(L.GlobalAveragePooling2D()(x)))


# --- a layer that has the name of a row, and is another


def named_vgg(left_out=(), **changed):
    """VGG-11 with the names of its rows; a change is called as its row."""
    image = x = keras.Input((224, 224, 3))
    for row in vgg.VGG11.rows:
        if row.step == "dense":
            x = x if len(x.shape) == 2 else L.Flatten()(x)
            usual = L.Dense(row.filters, "relu" if row.filters == 4096 else "softmax")
        else:
            usual = conv(row.filters, 3) if row.step == "conv" else L.MaxPooling2D(2)
        usual.name = row.name
        x = x if row.name in left_out else changed.get(row.name, usual)(x)
    return keras.Model(image, x)


def misnamed(name, *expected, left_out=(), **changed):
    said(name, vgg.VGG11, *expected)(lambda: named_vgg(left_out, **changed))


misnamed("Dropout under a row's name",
    ("fc7", Cause.MISSING, "after fc6 comes fc8 (dense, softmax). Your layer fc7 is Dropout."),
    fc7=L.Dropout(0.5, name="fc7"))  # fmt: skip
misnamed("Flatten under a row's name", ("fc6", Cause.MISSING, "Your layer fc6 is Flatten."),
    fc6=L.Flatten(name="fc6"))  # fmt: skip
misnamed("a pool under a row's name", ("conv3_2", Cause.OTHER_STEP, "It is max pool 3 × 3"),
    conv3_2=L.MaxPooling2D(3, 1, padding="same", name="conv3_2"))  # fmt: skip
misnamed("no layer of a row's name", ("fc6", Cause.MISSING, "after pool5 comes fc7 (dense, relu)."),
    left_out=["fc6"])  # fmt: skip
said("the output under a row's name", lenet.LENET5,
     ("F6", Cause.MISSING, "Your layer F6 is in the place of output."),
)(chained(tanh(6, 5), mean, tanh(16, 5), mean, L.Flatten, lambda: L.Dense(120, "tanh"),
          lambda: L.Dense(10, "softmax", name="F6")))  # fmt: skip


@said("another convolution under the first name", googlenet.GOOGLENET,
      ("conv1", Cause.BIAS_MISSING, "It has no bias, the table has one for each map."),
      ("conv1", Cause.ACTIVATION_MISSING, "It has no activation, the table has relu."),
)  # fmt: skip
def resnet_for_googlenet():
    image = keras.Input((224, 224, 3))
    x = L.Conv2D(64, 7, 2, padding="same", use_bias=False, name="conv1")(image)
    x = L.MaxPooling2D(3, 2, padding="same")(L.ReLU()(L.BatchNormalization()(x)))
    for stage in range(4):
        for number in range(2):
            x = basic(x, 64 * 2**stage, 2 if stage and not number else 1)
    return keras.Model(image, L.Dense(1000, "softmax")(L.GlobalAveragePooling2D()(x)))


# --- axes in another order


def turned(name, *expected, before=(), between=()):
    """LeNet-5 with steps before its first convolution, or between S4 and C5."""
    rest = HEAD if not between else [*between, *HEAD[1:]]
    said(name, lenet.LENET5, *expected)(
        chained(*before, tanh(6, 5), mean, tanh(16, 5), mean, *rest)
    )


turned("the image with its channels first",
    ("permute", Cause.EXTRA, "Without it C1 reads 32 × 32 × 1, as it should."),
    before=[lambda: L.Permute((3, 1, 2)), lambda: L.Reshape((32, 32, 1))])  # fmt: skip
turned("maps as rows before a dense layer",
    ("reshape", Cause.EXTRA, "It makes 16 × 25 of 5 × 5 × 16. A vector is needed here: write"),
    ("C5", Cause.FLATTEN_MISSING, "16 × 120"),
    between=[lambda: L.Reshape((16, 25))])  # fmt: skip
turned("turned maps as a vector",
    between=[lambda: L.Permute((3, 1, 2)), lambda: L.Reshape((16, 25)), L.Flatten])  # fmt: skip


@said("channels as tokens", vit.VIT_B16.part("patches", "class", input_shape=(224, 224, 3)),
      ("permute", Cause.EXTRA, "It makes 768 × 14 × 14 of 14 × 14 × 768, and class"))  # fmt: skip
def channels_as_tokens():
    image = keras.Input((224, 224, 3))
    x = L.Permute((3, 1, 2))(L.Conv2D(768, 16, 16)(image))
    return keras.Model(image, ClassToken()(L.Reshape((768, 196))(x)))


# --- widths of a whole stage


def plain_vgg(widths):
    """VGG-16 as a list of layers."""
    made = [keras.Input((224, 224, 3))]
    for width, count in zip(widths, (2, 2, 3, 3, 3), strict=True):
        made += [*(conv(width, 3) for _ in range(count)), L.MaxPooling2D(2)]
    made += [L.Flatten(), L.Dense(4096, "relu"), L.Dense(4096, "relu"), L.Dense(1000, "softmax")]
    return keras.Sequential(made)


def of_widths(widths, counts, block):
    """A ResNet, whose stages have these widths."""
    image = keras.Input((224, 224, 3))
    x = L.MaxPooling2D(3, 2, padding="same")(conv_bn(image, 64, 7, 2))
    for stage, (width, count) in enumerate(zip(widths, counts, strict=True)):
        for number in range(count):
            x = block(x, width, 2 if stage and not number else 1)
    return keras.Model(image, L.Dense(1000, "softmax")(L.GlobalAveragePooling2D()(x)))


def cifar_of_widths(widths, **options):
    image = keras.Input((32, 32, 3))
    x = conv_bn(image, 16, 3)
    for stage, width in enumerate(widths):
        for number in range(3):
            x = basic(x, width, 2 if stage and not number else 1, **options)
    return keras.Model(image, L.Dense(10, "softmax")(L.GlobalAveragePooling2D()(x)))


said("a narrow stage of VGG", vgg.VGG16,
     ("conv3_1", Cause.FILTERS, "the table has 256. The same is true of conv3_2 and conv3_3."),
)(lambda: plain_vgg((64, 128, 128, 512, 512)))  # fmt: skip
said("a stage like the one behind it", resnet.RESNET18,
     ("conv3_1_1", Cause.FILTERS, "conv3_1_2, conv3_1_shortcut, conv3_2_1 and conv3_2_2."),
)(lambda: of_widths((64, 256, 256, 512), (2, 2, 2, 2), basic))  # fmt: skip
said("bottlenecks like those before them", resnet.RESNET50,
     ("conv4_1_1", Cause.FILTERS, "conv4_1_2, conv4_2_1, conv4_2_2 and 8 more."),
     ("conv4_1_3", Cause.FILTERS, "conv4_1_shortcut, conv4_2_3, conv4_3_3 and 3 more."),
)(lambda: of_widths((64, 128, 128, 512), (3, 4, 6, 3), bottleneck))  # fmt: skip
said("no stage wider than half", resnet.CIFAR_RESNET20_B,
     ("stage2_1_1", Cause.FILTERS, "stage2_1_2, stage2_1_shortcut, stage2_2_1 and 3 more."),
     ("stage3_1_1", Cause.FILTERS, "stage3_1_2, stage3_1_shortcut, stage3_2_1 and 3 more."),
)(lambda: cifar_of_widths((16, 16, 32)))  # fmt: skip
said("the last stages of a plain network", PLAIN,
     ("stage2_1_1", Cause.FILTERS, "stage2_1_2, stage2_2_1, stage2_2_2 and 2 more."),
)(lambda: cifar_of_widths((16, 64, 64), no_shortcut=True))  # fmt: skip
said("a narrow stage that is short, too", resnet.RESNET34,
     ("conv4_1_1", Cause.FILTERS, "conv4_1_2, conv4_1_shortcut, conv4_2_1 and 7 more."),
     ("conv4_6_1", Cause.BLOCK_MISSING, "conv4_6_1: A block is missing"),
)(lambda: of_widths((64, 128, 128, 512), (3, 4, 5, 3), basic))  # fmt: skip
said("a whole stage missing", resnet.RESNET18,
     ("conv3_1_1", Cause.BLOCK_MISSING, "A block is missing"),
)(lambda: of_widths((64, 256, 512), (2, 2, 2), basic))  # fmt: skip
said("a block in another stage", resnet.RESNET34,
     ("conv4_6_1", Cause.BLOCK_MISSING, "A block is missing"),
     ("avg_pool", Cause.BLOCK_EXTRA, "There are more blocks before this row"),
)(lambda: res(counts=(3, 4, 5, 4)))  # fmt: skip


# --- the same mistake in several rows


ALL_OF_IT = "The same is true of "


def multiplied(x, filters, stride):
    return put_together(L.Multiply(), x, filters, stride)


def added_to_itself(x, filters, stride):
    return put_together(lambda values: L.Add()([values[1], values[1]]), x, filters, stride)


def put_together(merge, x, filters, stride):
    """A block whose shortcut and output are put together by `merge`."""
    needed = stride != 1 or x.shape[-1] != filters
    shortcut = conv_bn(x, filters, 1, stride, relu=False) if needed else x
    y = conv_bn(conv_bn(x, filters, 3, stride), filters, 3, relu=False)
    return L.ReLU()(merge([shortcut, y]))


said("no shortcut in any block", resnet.RESNET18,
     ("conv2_1", Cause.SHORTCUT_MISSING, f"{ALL_OF_IT}conv2_2, conv3_1, conv3_2 and 4 more."),
)(lambda: res(no_shortcut=True))  # fmt: skip
said("multiplied in each block", resnet.RESNET18,
     ("conv2_1", Cause.OTHER_STEP, f"{ALL_OF_IT}conv2_2, conv3_1, conv3_2 and 4 more."),
)(lambda: res(multiplied))  # fmt: skip
said("batch normalisation for both normalisations", alexnet.ALEXNET,
     ("norm1", Cause.OTHER_STEP, f"The table has lrn here. {ALL_OF_IT}norm2."),
)(lambda: alex(lrn=lambda x: L.BatchNormalization()(x)))  # fmt: skip
said("VGG-19 for VGG-16", vgg.VGG16,
     ("conv2d_7", Cause.EXTRA, f"relu. {ALL_OF_IT}conv2d_11 and conv2d_15."),
)(lambda: vgg16((2, 2, 4, 4, 4)))  # fmt: skip
said("missing in two modules", googlenet.GOOGLENET,
     ("3a_pool_proj", Cause.MISSING, "(convolution 1 × 1, relu). 3b_pool_proj is missing, too."),
)(lambda: google(
    lambda x, *w: (without_projection if x.shape[1] > 14 else inception)(x, *w)
))  # fmt: skip
said("one mistake in more rows than are told", lenet.LENET5,
     ("C1", Cause.ACTIVATION, f"the table has tanh. {ALL_OF_IT}C3, C5 and F6."),
)(chained(*(made for maps in (6, 16) for made in (lambda m=maps: L.Conv2D(m, 5, activation="relu"),
                                                   mean)), L.Flatten,
          lambda: L.Dense(120, "relu"), lambda: L.Dense(84, "relu"), HEAD[-1]))  # fmt: skip
said("the sum of a block's output with itself", resnet.RESNET18,
     ("conv2_1", Cause.WRONG_INPUT, "(the table's conv2_1_2_bn) twice, it should read pool1 and"),
)(in_block(0, 0, added_to_itself))  # fmt: skip
said("a global pool before a dense layer", lenet.LENET5,
     ("pooled", Cause.EXTRA, "Write layers.Flatten() instead, which keeps all."),
)(chained(tanh(6, 5), mean, tanh(16, 5), mean,
          lambda: L.GlobalAveragePooling2D(name="pooled"), *HEAD[1:]))  # fmt: skip


# --- blocks


said("fewer blocks of a plain network", PLAIN, ("stage1_3_1", Cause.BLOCK_MISSING, "stride 2"))(
    lambda: cifar(2, no_shortcut=True)
)
said("more blocks of a plain network", PLAIN, ("stage2_1_1", Cause.BLOCK_EXTRA, "once more"))(
    lambda: cifar(5, no_shortcut=True)
)
said("more blocks in each stage", resnet.RESNET18, ("conv3_1_1", Cause.BLOCK_EXTRA, "more blocks"))(
    lambda: res(counts=(3, 3, 3, 3))
)
said(
    "nothing before the blocks",
    vgg.VGG16,
    ("conv1_1", Cause.MISSING, "conv1_2 and pool1 are missing, too"),
)(lambda: without_the_first_stage())


def without_the_first_stage():
    image = x = keras.Input((224, 224, 3))
    for width, count in zip(vgg.WIDTHS[1:], (2, 3, 3, 3), strict=True):
        for _ in range(count):
            x = conv(width, 3)(x)
        x = L.MaxPooling2D(2)(x)
    x = L.Flatten()(x)
    for units in (4096, 4096):
        x = L.Dense(units, "relu")(x)
    return keras.Model(image, L.Dense(1000, "softmax")(x))


# --- branches


def without_pool(name):
    """GoogLeNet without the pool behind a module."""

    def build():
        model = google()
        pool = {"3b": -2, "4e": -1}[name]
        pools = [layer for layer in model.layers if isinstance(layer, L.MaxPooling2D)]
        gone = [layer for layer in pools if layer.strides == (2, 2)][pool]

        def call(layer, *inputs, **rest):
            return inputs[0] if layer.name == gone.name else layer(*inputs, **rest)

        return keras.models.clone_model(model, call_function=call)

    return build


said("the pool before two equal branches", googlenet.GOOGLENET,
     ("pool3", Cause.MISSING, "after 3b comes"))(without_pool("3b"))  # fmt: skip
said("the pool before the last modules", googlenet.GOOGLENET,
     ("pool4", Cause.MISSING, "after 4e comes"))(without_pool("4e"))  # fmt: skip


@said("a branch that goes on from another", googlenet.GOOGLENET,
      ("3a_5x5_reduce", Cause.WRONG_INPUT,
       "It reads middle (the table's 3a_3x3_reduce), it should read pool2."))  # fmt: skip
def from_another_branch():
    def module(x, one, reduce3, three, reduce5, five, project):
        middle = conv(reduce3, 1, name="middle")(x)
        return L.Concatenate()([
            conv(one, 1)(x),
            conv(three, 3)(middle),
            conv(five, 5)(conv(reduce5, 1)(middle)),
            conv(project, 1)(L.MaxPooling2D(3, 1, padding="same")(x)),
        ])  # fmt: skip

    return google_with("3a", module)


said("the classifier reads a training head", googlenet.GOOGLENET_TRAINING,
     ("classifier", Cause.WRONG_INPUT, "(the table's aux_4d_fc), it should read pool5."),
)(lambda: head_on_a_side_branch("hidden units"))  # fmt: skip
said("training heads on other modules", googlenet.GOOGLENET_TRAINING,
     ("aux_4a_pool", Cause.WRONG_INPUT, "(the table's 4b), it should read 4a."),
     ("aux_4d_pool", Cause.WRONG_INPUT, "(the table's 4e), it should read 4d."),
)(lambda: heads_at("4b", "4e"))  # fmt: skip
said("both heads too early", googlenet.GOOGLENET_TRAINING,
     ("aux_4a_pool", Cause.WRONG_INPUT, "(the table's 3b), it should read 4a."),
     ("aux_4d_pool", Cause.WRONG_INPUT, "(the table's 4c), it should read 4d."),
)(lambda: heads_at("3b", "4c"))  # fmt: skip


said("all average pools are padded", googlenet.GOOGLENET_TRAINING,
     ("aux_4a_pool", Cause.PADDING, "⌊(14 + 3 − 5)/3⌋ + 1 = 5"),
)(lambda: google(heads=True, head="same",
                 pool=lambda: L.AveragePooling2D(7, 1, padding="same")))  # fmt: skip


def pool_first(x, one, reduce3, three, reduce5, five, project):
    x = L.MaxPooling2D(3, 1, padding="same", name="pooled")(x)
    return L.Concatenate()([
        conv(one, 1)(x),
        conv(three, 3)(conv(reduce3, 1)(x)),
        conv(five, 5)(conv(reduce5, 1)(x)),
        conv(project, 1)(x),
    ])  # fmt: skip


said("branches that read the pool", googlenet.GOOGLENET,
     ("4b_1x1", Cause.WRONG_INPUT, "reads pooled (the table's 4b_pool), it should read 4a. "
      "The same is true of 4b_3x3_reduce and 4b_5x5_reduce."),
)(lambda: google_with("4b", pool_first))  # fmt: skip


def first_unread(x, filters, stride):
    """The second convolution reads the block's input."""
    shortcut = x
    if stride != 1 or x.shape[-1] != filters:
        shortcut = conv_bn(x, filters, 1, stride, relu=False)
    conv_bn(x, filters, 3, stride)
    return L.ReLU()(L.Add()([shortcut, conv_bn(x, filters, 3, stride, relu=False)]))


def projected_late(x, filters, stride):
    y = conv_bn(conv_bn(x, filters, 3, stride), filters, 3, relu=False)
    return L.ReLU()(L.Add()([conv_bn(y, filters, 1, relu=False), y]))


said("the first convolution of a block unread", resnet.RESNET18,
     ("conv4_2_1", Cause.MISSING, "after conv4_1 comes"))(in_block(2, 1, first_unread))  # fmt: skip
said("a projection of the block's output", resnet.RESNET18,
     ("conv3_1", Cause.WRONG_INPUT, "conv3_1_shortcut is missing, or nothing reads it."),
)(in_block(1, 0, projected_late))  # fmt: skip


# --- what is fed from elsewhere, and what comes of it


def one_reduction(x, one, reduce3, three, reduce5, five, project):
    reduced = conv(reduce3, 1)(x)
    pooled = L.MaxPooling2D(3, 1, padding="same")(x)
    made = [conv(one, 1)(x), conv(three, 3)(reduced), conv(five, 5)(reduced)]
    return L.Concatenate()([*made, conv(project, 1)(pooled)])


said("two convolutions behind one reduction", googlenet.GOOGLENET,
     ("4c_5x5", Cause.WRONG_INPUT, "4c_5x5_reduce is missing, or nothing reads it."),
)(lambda: google_with("4c", one_reduction))  # fmt: skip
said("the sum of the squares on one side", alexnet.ALEXNET,
     ("norm1", Cause.OTHER_STEP, "It is 16 steps, from multiply to TrueDivide. The table has lrn "
      "here. The same is true of norm2."))(lambda: alex(lrn=one_sided))  # fmt: skip
said("values cut off", lenet.LENET5,
     ("C1", Cause.ACTIVATION, "Its activation is clip from -1 to 1"),
)(chained(lambda: L.Conv2D(6, 5, activation=lambda x: ops.clip(x, -1, 1)), mean,
          tanh(16, 5), mean, *HEAD))  # fmt: skip


said("another function behind the convolution", lenet.LENET5,
     ("C1", Cause.ACTIVATION, "Its activation is PReLU, the table has tanh."),
)(chained(lambda: L.Conv2D(6, 5), L.PReLU, mean, tanh(16, 5), mean, *HEAD))  # fmt: skip
said("a softmax along the images", lenet.LENET5,
     ("output", Cause.ACTIVATION, "softmax along axis 0 (the classes lie along axis -1), the"),
)(chained(tanh(6, 5), mean, tanh(16, 5), mean, *HEAD[:-1],
          lambda: L.Dense(10), lambda: L.Softmax(axis=0)))  # fmt: skip
said("a ReLU with a slope", lenet.LENET5,
     ("C1", Cause.ACTIVATION, "relu with negative_slope 0.1, the table has tanh."),
)(chained(lambda: L.Conv2D(6, 5), lambda: L.ReLU(negative_slope=0.1), mean, tanh(16, 5), mean,
          *HEAD))  # fmt: skip
said("a separable convolution", lenet.LENET5,
     ("C3", Cause.OTHER_STEP, "convolution 5 × 5, one map each, then convolution 1 × 1, tanh."),
)(chained(tanh(6, 5), mean, lambda: L.SeparableConv2D(16, 5, activation="tanh"), mean,
          *HEAD))  # fmt: skip


class Trained(L.Layer):
    """S2 of 1998 with weights of its own, and with the largest value in place of the mean."""

    def build(self, shape):
        self.factor = self.add_weight(shape=(shape[-1],), initializer="ones")
        self.shift = self.add_weight(shape=(shape[-1],), initializer="zeros")

    def call(self, x):
        return squash(ops.max_pool(x, 2) * self.factor + self.shift)


OWN = "It is Trained, a layer of your own with weights (write them with layers of Keras). The table"
said("a layer for two rows", lenet.LENET5_1998,
     ("S2_mean", Cause.OTHER_STEP, f"{OWN} has average pool 2 × 2, stride 2, then"),
)(lambda: of_1998(subsample=lambda x: Trained()(x)))  # fmt: skip


def one_sided(x):
    padded = [ops.pad(x * x, [[0, 0], [0, 0], [0, 0], [0, 4]]) for _ in range(5)]
    total = sum(each[..., n : n + x.shape[-1]] for n, each in enumerate(padded))
    return x / ops.power(2 + 1e-4 * total, 0.75)


# --- operations, which have no names


said("squares", alexnet.ALEXNET.part("conv2", "pool2", input_shape=(27, 27, 96)),
     ("the square after conv2", Cause.EXTRA, "stands where norm2 (lrn) should come."),
)(lambda: squared())  # fmt: skip
said("a slice", vgg.VGG16.part("conv1_1", "conv1_2", input_shape=(224, 224, 3)),
     ("the slice after conv1_1", Cause.EXTRA, "stands where conv1_2"),
)(lambda: sliced())  # fmt: skip


def squared():
    image = keras.Input((27, 27, 96))
    x = ops.square(conv(256, 5)(image))
    return keras.Model(image, L.MaxPooling2D(3, 2)(lrn_by_ops(x)))


def sliced():
    image = keras.Input((224, 224, 3))
    return keras.Model(image, conv(64, 3)(conv(64, 3)(image)[:, 1:, 1:]))


# --- towers of which one lacks a row, and rows that have changed places


def lacks(x):
    return x


for row in ("norm1", "norm2", "conv4", "conv5"):
    for tower in (1, 2):
        odd(f"tower {tower} without {row}",
            (row, Cause.MISSING_IN_A_TOWER, "One of the 2 towers lacks it: conv2d"),
            **{f"{row}_{tower}": lacks})  # fmt: skip
said("pools before the normalisations", alexnet.ALEXNET,
     *((f"norm{n}", Cause.SWAPPED,
        f"It comes after pool{n}. In the table it comes before pool{n}.")
       for n in (1, 2)))(lambda: alex(pool_first=True))  # fmt: skip
said(
    "normalisations before the pools",
    alexnet.CAFFENET,
    *((f"pool{n}", Cause.SWAPPED, f"It comes after norm{n}") for n in (1, 2)),
)(lambda: alex(2))
said("padding forgotten everywhere", vgg.VGG16,
     ("conv1_1", Cause.PADDING, "The same is true of conv1_2, conv2_1, conv2_2 and 9 more."),
)(lambda: vgg16_with(**{row.name: "valid" for row in vgg.VGG16.rows}))  # fmt: skip
said("two paddings forgotten", alexnet.ALEXNET,
     ("conv2", Cause.PADDING, "conv2 gives 23 × 23 × 256"),
     ("conv3", Cause.PADDING, "(11 + 2·1 − 3) + 1 = 11. The same is true of conv5."),
)(lambda: alex(conv2=conv(256, 5, padding="valid"), conv3=conv(384, 3, padding="valid"),
               conv5=conv(256, 3, padding="valid")))  # fmt: skip
for early, cause in ((1, Cause.POOL_EARLY), (0, Cause.POOL_LATE)):
    names = "pool2, pool3, pool4 and pool5" if early else "pool2, pool3 and pool4"
    other = "conv1_2 should come before it." if early else "conv2_1 should come after it."
    said(f"all pools elsewhere: {cause.name}", vgg.VGG16,
         ("pool1", cause, f"{other} The same is true of {names}."),
    )(lambda early=early: pools_elsewhere(early))  # fmt: skip


def pools_elsewhere(early):
    """VGG-16 whose pools stand one convolution too early, or else too late."""
    image = x = keras.Input((224, 224, 3))
    for stage, (width, number) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]):
        for at in range(number):
            if early and at == number - 1:
                x = L.MaxPooling2D(2)(x)
            x = conv(width, 3)(x)
            if not early and stage and at == 0:
                x = L.MaxPooling2D(2)(x)
    x = x if early else L.MaxPooling2D(2)(x)
    for units in (4096, 4096):
        x = L.Dense(units, "relu")(L.Flatten()(x))
    return keras.Model(image, L.Dense(1000, "softmax")(x))


# --- what comes before an activation


def norm_first(x, filters, stride):
    """A convolution and its norm; the activation is a step of its own."""
    return L.BatchNormalization()(L.Conv2D(filters, 3, stride, padding="same", use_bias=False)(x))


def adds_the_first_norm(x, filters, stride):
    """A block that adds what its first norm gives, before the ReLU."""
    first = norm_first(x, filters, stride)
    return L.ReLU()(L.Add()([first, norm_first(L.ReLU()(first), filters, 1)]))


said("the first norm of a block is added", resnet.RESNET18,
     ("conv2_2", Cause.WRONG_INPUT, "(the table's conv2_2_1_bn) before its relu and "),
)(in_block(0, 1, adds_the_first_norm))  # fmt: skip


@said("the sum before its ReLU is added", resnet.CIFAR_RESNET20_B,
      *((f"stage1_{n}", Cause.WRONG_INPUT, f"(the table's stage1_{n - 1}) before its relu and ")
        for n in (2, 3)))  # fmt: skip
def added_before_relu():
    return before_relu(lambda stage, number: stage == 0 and number)


@said("the sum before its ReLU is projected", resnet.CIFAR_RESNET20_B,
      ("stage2_1_shortcut", Cause.WRONG_INPUT, "before its relu, it should read stage1_3."),
      ("stage3_1_shortcut", Cause.WRONG_INPUT, "before its relu, it should read stage2_3."),
)  # fmt: skip
def projected_before_relu():
    return before_relu(lambda stage, number: stage and not number)


def before_relu(early):
    """ResNet-20 in which some shortcuts begin before the ReLU of the block before."""
    image = keras.Input((32, 32, 3))
    total = x = conv_bn(image, 16, 3)
    for stage in range(3):
        for number in range(3):
            filters, stride = 16 * 2**stage, 2 if stage and not number else 1
            shortcut = total if early(stage, number) else x
            if stride == 2:
                shortcut = conv_bn(shortcut, filters, 1, stride, relu=False)
            y = conv_bn(conv_bn(x, filters, 3, stride), filters, 3, relu=False)
            total = L.Add()([shortcut, y])
            x = L.ReLU()(total)
    x = L.GlobalAveragePooling2D()(x)
    return keras.Model(image, L.Dense(10, "softmax")(x))


# --- towers whose slices do not fit together

for name, first, second in (("overlap", (0, 49), (48, 96)), ("leave some out", (0, 40), (48, 96))):
    said(f"slices that {name}", alexnet.ALEXNET_TWO_GPUS,
         ("conv2", Cause.WRONG_INPUT,
          f"It reads pool1[..., {first[0]}:{first[1]}] and pool1[..., {second[0]}:{second[1]}], "
          "it should read pool1[..., 0:48] and pool1[..., 48:96]."),
    )(lambda parts=(first, second): alex(2, conv2=sliced_in(*parts)))  # fmt: skip


@said("slices of towers that stay apart", alexnet.ALEXNET_TWO_GPUS,
      ("conv4", Cause.WRONG_INPUT, "conv3[..., 0:200] and conv3[..., 192:384], it should"),
)  # fmt: skip
def sliced_towers():
    made = {}

    def fourth(x):
        made["halves"] = [conv(192, 3)(x[..., :200]), conv(192, 3)(x[..., 192:])]
        return L.Concatenate()(made["halves"])

    def fifth(x):
        return L.Concatenate()([conv(128, 3)(half) for half in made["halves"]])

    return alex(2, conv4=fourth, conv5=fifth)


def sliced_in(*parts):
    return lambda x: L.Concatenate()([conv(128, 5)(x[..., begin:end]) for begin, end in parts])


said("dense layers the other way round", lenet.LENET5, ("C5", Cause.SWAPPED, "after F6"))(
    chained(tanh(6, 5), mean, tanh(16, 5), mean, L.Flatten, lambda: L.Dense(84, "tanh"),
            lambda: L.Dense(120, "tanh"), lambda: L.Dense(10, "softmax")))  # fmt: skip
said("padding forgotten between equal rows", vgg.VGG16,
     ("conv2_1", Cause.PADDING, "gives 110 × 110 × 128"),
)(lambda: vgg16_with(conv2_1="valid"))  # fmt: skip


def vgg16_with(**padding):
    image = x = keras.Input((224, 224, 3))
    for row in vgg.VGG16.rows[:-3]:
        if row.step == "conv":
            x = conv(row.filters, 3, padding=padding.get(row.name, "same"))(x)
        else:
            x = L.MaxPooling2D(2)(x)
    x = L.Flatten()(x)
    for units in (4096, 4096):
        x = L.Dense(units, "relu")(x)
    return keras.Model(image, L.Dense(1000, "softmax")(x))


# --- shortcuts


def repeated(x, filters, stride):
    return L.Concatenate()([x[:, ::stride, ::stride]] * (filters // x.shape[-1]))


def active_projection(x, filters, stride):
    return conv_bn(x, filters, 1, stride)


def relu_before(x, filters, stride):
    shortcut = x
    if x.shape[-1] != filters:
        shortcut = conv_bn(x, filters, 1, stride, relu=False)
    return L.Add()([shortcut, conv_bn(conv_bn(x, filters, 3, stride), filters, 3)])


said("a shortcut beside itself", resnet.CIFAR_RESNET20,
     ("stage2_1_shortcut", Cause.OTHER_STEP, "It is the same maps again. The table has further "
      "maps of zeros here. The same is true of stage3_1_shortcut."),
)(lambda: cifar(project=repeated))  # fmt: skip
said("a projection with an activation", resnet.RESNET18,
     ("conv3_1_shortcut_bn", Cause.ACTIVATION_EXTRA,
      "Its activation is relu, the table has none here. The addition after it has one. "
      "The same is true of conv4_1_shortcut_bn and conv5_1_shortcut_bn."),
)(lambda: res(project=active_projection))  # fmt: skip
said("the activation before the addition alone", resnet.RESNET18,
     ("conv2_1_2_bn", Cause.RELU_BEFORE_ADDITION, "it belongs after it"),
)(in_block(0, 0, relu_before))  # fmt: skip


# --- what is found behind a mistake that changes everything else


def headed(classes, block, pool=L.GlobalAveragePooling2D):
    def build():
        image = keras.Input((224, 224, 3))
        x = L.MaxPooling2D(3, 2, padding="same")(conv_bn(image, 64, 7, 2))
        for stage in range(4):
            for number in range(2):
                x = block(x, 64 * 2**stage, 2 if stage and not number else 1)
        return keras.Model(image, L.Dense(classes, "softmax")(pool()(x)))

    return build


def merged(x, filters, stride):
    shortcut = x
    if stride != 1 or x.shape[-1] != filters:
        shortcut = conv_bn(x, filters, 1, stride, relu=False)
    y = conv_bn(conv_bn(x, filters, 3, stride), filters, 3, relu=False)
    return L.ReLU()(L.Concatenate()([shortcut, y]))


def tall(x, one, reduce3, three, reduce5, five, project):
    made = [(1, None), (3, reduce3), (5, reduce5)]
    parts = [conv(one, k)(conv(before, 1)(x) if before else x) for k, before in made]
    parts.append(conv(one, 1)(L.MaxPooling2D(3, 1, padding="same")(x)))
    return L.Concatenate(axis=1)(parts)


def module_of(name, changed):
    """A module for `google` that is another one where the table has this name."""
    names = iter(googlenet.MODULES)
    return lambda x, *widths: (changed if next(names) == name else inception)(x, *widths)


CLASSES = ("fc", Cause.CLASSES, "It has 7 outputs.")
said("put beside, and the classes", resnet.RESNET18,
     ("conv2_1", Cause.SHORTCUT_CONCATENATED, "put beside"), CLASSES,
)(headed(7, merged))  # fmt: skip
said("pre-activation, and the classes", resnet.RESNET18,
     ("conv2_1_1", Cause.PRE_ACTIVATION, BEFORE), CLASSES,
)(headed(7, pre_activation))  # fmt: skip
said("no Flatten, and the units", lenet.LENET5,
     ("C5", Cause.FLATTEN_MISSING, "Put layers.Flatten() before it."),
     ("F6", Cause.UNITS, "It has 80 units"),
)(chained(tanh(6, 5), mean, tanh(16, 5), mean, lambda: L.Dense(120, "tanh"),
          lambda: L.Dense(80, "tanh"), lambda: L.Dense(10, "softmax")))  # fmt: skip
said("another axis, and the pool", googlenet.GOOGLENET,
     ("5b_5x5", Cause.FILTERS, "The same is true of 5b_pool_proj."),
     ("pool5", Cause.MERGE_AXIS, "in height"), ("pool5", Cause.POOL_KIND, "global max"),
)(lambda: google(module_of("5b", tall), pool=L.GlobalMaxPooling2D))  # fmt: skip


# --- networks of another kind: what is found first, and no consequences of it


said("bottlenecks where pairs should be", resnet.RESNET34,
     ("conv2_1_1", Cause.KERNEL, "The kernel is 1 × 1, the table has 3 × 3. The same is true of"),
     ("conv2d_4", Cause.EXTRA, "in the table: convolution 1 × 1. The same is true of conv2d_7,"),
     *((f"conv{stage}_1_shortcut", Cause.FILTERS, "maps") for stage in (3, 4, 5)),
)(lambda: res(bottleneck, (3, 4, 6, 3)))  # fmt: skip
said("pairs where bottlenecks should be", resnet.RESNET50,
     ("conv2_1_1", Cause.KERNEL, "is true of conv2_2_1, conv2_3_1, conv3_1_1 and 12 more."),
     ("conv2_1_3", Cause.MISSING, "after conv2_1_2_bn comes the addition after pool1 (add, relu)"),
     ("conv3_1_shortcut", Cause.FILTERS, "It makes 128 maps, the table has 512."),
     ("conv4_1_shortcut", Cause.FILTERS, "It makes 256 maps, the table has 1024."),
     ("conv5_1_shortcut", Cause.FILTERS, "It makes 512 maps, the table has 2048."),
)(lambda: res(counts=(3, 4, 6, 3)))  # fmt: skip


@said("a stride in every block", resnet.RESNET50,
      ("conv3_2_1", Cause.STRIDE, "of conv3_3_1, conv3_4_1 and conv4_2_1."))  # fmt: skip
def always_strided():
    def block(x, filters, stride):
        return bottleneck(x, filters, 1 if filters == 64 or x.shape[1] == 1 else 2)

    return res(block, (3, 4, 6, 3))


@pytest.mark.parametrize("name", SAID)
def test_what_is_said(name):
    table, build, expected = SAID[name]
    findings = found(table, build)
    assert [(each.row, each.cause) for each in findings] == [each[:2] for each in expected]
    for each, (_, _, part) in zip(findings, expected, strict=True):
        assert part in each.message, each.message


#: Mistakes whose findings use most of the sentences.
_SPOKEN = (
    "padding and stride", "padding first, and something behind it", "towers, two things",
    "towers, one narrower", "towers, another pool", "towers, one layer for both",
    "C3's maps joined along the height", "one kernel for all maps", "a slice",
    "a shortcut beside itself", "nothing before the blocks", "squares",
    "two convolutions behind one reduction", "the sum of the squares on one side",
    "values cut off", "projections where zeros are asked",
    "no Flatten, and the units", "shortcuts in a plain network",
)  # fmt: skip
_NAMES = r"conv\w*|stage\w*|input|second|middle|mean|relu|tanh|lrn|padding=.\w+.|layers\.\w+"


@pytest.mark.parametrize("name", _SPOKEN)
def test_no_sentence_is_partly_in_english(name):
    table, build, _ = SAID[name]
    for spoken in ("de", "es", "zh"):
        with speaking(spoken):
            for one in found(table, build):
                assert not english(re.sub(_NAMES, "", one.message)), one.message


def test_of_several_tables_the_cheapest_to_explain_is_meant():
    """ResNet-34 with a block too few is not taken for the table without projections."""
    tables = [resnet.RESNET34_A, resnet.RESNET34]
    with weightless():
        meant, findings = nearest(anatomy(res(counts=(3, 4, 5, 3))), tables)
    assert meant is resnet.RESNET34
    assert [(each.row, each.cause) for each in findings] == [("conv4_6_1", Cause.BLOCK_MISSING)]


def test_a_card_says_which_table_is_meant():
    tables = [vgg.VGG11, vgg.VGG16, vgg.VGG19]
    with pytest.raises(check.CheckFailed) as failed, check.silently():
        check.model(lambda: vgg16(top=(4096, 4000)), like=tables)
    assert "It is compared with VGG-16, the nearest of 3 tables." in str(failed.value)


def test_every_kind_of_edit_has_a_sentence():
    assert {*explain._TELL} == {*Kind} and all(type(kind) is Kind for kind in explain._TELL)
