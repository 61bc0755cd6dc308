"""AlexNet, ZFNet, VGG, GoogLeNet and ResNet: right and wrong networks, with row and cause."""

from collections import Counter
from functools import cache, partial
from math import prod

import keras
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from keras import layers, ops

from course.anatomy import anatomy
from course.architectures import alexnet, googlenet, resnet, vgg
from course.architectures.lenet import LENET5
from course.diagnosis import Cause, diagnose
from course.evidence.observe import weightless
from course.evidence.trace import trace
from tests.diagnosis.test_diagnosis import NOTHING, disguised
from tests.golden import Corpus, built
from tests.published import every_table

L = layers
RIGHT = {}  # name: (builder, table)
WRONG = {}  # name: (builder, table, row, cause or None where the row is what counts)


def verdict(build, table):
    with weightless():
        return [(found.row, found.cause) for found in diagnose(build(), table)]


# --- AlexNet ------------------------------------------------------------------------------------


def lrn_by_ops(x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    squares = ops.square(x)
    padded = ops.pad(squares, [[0, 0], [0, 0], [0, 0], [n // 2, n // 2]])
    channels = x.shape[-1]
    total = sum(padded[..., i : i + channels] for i in range(n))
    return x / ops.power(k + alpha * total, beta)


def lrn_by_multiplying(x):
    squares = ops.expand_dims(x * x, -1)
    mean = L.AveragePooling3D((1, 1, 5), strides=1, padding="same")(squares)
    return x * (2.0 + 5e-4 * ops.squeeze(mean, -1)) ** -0.75


def tf_lrn(x):
    import tensorflow as tf

    return tf.nn.local_response_normalization(x, 2, 2.0, 1e-4, 0.75)


class LRN(keras.layers.Layer):
    """As students write it who know TensorFlow; it cannot be opened."""

    def call(self, x):
        return tf_lrn(x)

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, x.dtype)


def alex(groups=1, lrn=lrn_by_ops, pool_first=False, size=227, **changed):
    def get(name, usual):
        return changed.get(name, usual)

    i = x = keras.Input((size, size, 3))
    for number, first in ((1, True), (2, False)):
        if first:
            x = get("conv1", lambda x: L.Conv2D(96, 11, 4, activation="relu")(x))(x)
        else:
            usual = L.Conv2D(256, 5, padding="same", groups=groups, activation="relu")
            x = get("conv2", usual)(x)
        pool = get(f"pool{number}", L.MaxPooling2D(3, 2))
        x = lrn(pool(x)) if pool_first else pool(lrn(x))
    x = get("conv3", L.Conv2D(384, 3, padding="same", activation="relu"))(x)
    x = get("conv4", L.Conv2D(384, 3, padding="same", groups=groups, activation="relu"))(x)
    x = get("conv5", L.Conv2D(256, 3, padding="same", groups=groups, activation="relu"))(x)
    x = get("pool5", L.MaxPooling2D(3, 2))(x)
    x = get("fc6", lambda x: L.Dense(4096, activation="relu")(L.Flatten()(x)))(x)
    x = L.Dropout(0.5)(x)
    x = get("fc7", L.Dense(4096, activation="relu"))(x)
    x = L.Dropout(0.5)(x)
    return keras.Model(i, get("fc8", L.Dense(1000, activation="softmax"))(x))


def two_towers():
    i = keras.Input((227, 227, 3))
    a = b = i

    def stage(x, filters, kernel, stride=1, padding="same"):
        return L.Conv2D(filters, kernel, stride, padding=padding, activation="relu")(x)

    a, b = (stage(x, 48, 11, 4, "valid") for x in (a, b))
    a, b = (L.MaxPooling2D(3, 2)(lrn_by_ops(x)) for x in (a, b))
    a, b = (stage(x, 128, 5) for x in (a, b))
    a, b = (L.MaxPooling2D(3, 2)(lrn_by_ops(x)) for x in (a, b))
    both = L.Concatenate()([a, b])
    a, b = (stage(both, 192, 3) for _ in range(2))
    a, b = (stage(x, 192, 3) for x in (a, b))
    a, b = (L.MaxPooling2D(3, 2)(stage(x, 128, 3)) for x in (a, b))
    x = L.Flatten()(L.Concatenate()([a, b]))
    x = L.Dense(4096, activation="relu")(x)
    x = L.Dense(4096, activation="relu")(x)
    return keras.Model(i, L.Dense(1000, activation="softmax")(x))


def split_and_concatenate(filters, kernel):
    def apply(x):
        halves = ops.split(x, 2, axis=-1)
        made = [L.Conv2D(filters // 2, kernel, padding="same")(h) for h in halves]
        return ops.relu(L.Concatenate()(made))

    return apply


RIGHT |= {
    "AlexNet, one tower": (alex, alexnet.ALEXNET),
    "AlexNet, LRN by multiplying": (lambda: alex(lrn=lrn_by_multiplying), alexnet.ALEXNET),
    "AlexNet, LRN of TensorFlow": (lambda: alex(lrn=lambda x: LRN()(x)), alexnet.ALEXNET),
    "AlexNet, groups": (lambda: alex(2), alexnet.ALEXNET_TWO_GPUS),
    "AlexNet, split": (
        lambda: alex(
            2,
            conv2=split_and_concatenate(256, 5),
            conv4=split_and_concatenate(384, 3),
            conv5=split_and_concatenate(256, 3),
        ),
        alexnet.ALEXNET_TWO_GPUS,
    ),
    "AlexNet, two towers": (two_towers, alexnet.ALEXNET_TWO_GPUS),
    "AlexNet, fc6 as convolution": (
        lambda: alex(fc6=lambda x: L.Flatten()(L.Conv2D(4096, 6, activation="relu")(x))),
        alexnet.ALEXNET,
    ),
    "AlexNet, CaffeNet": (lambda: alex(2, pool_first=True), alexnet.CAFFENET),
    "AlexNet, logits": (lambda: alex(fc8=L.Dense(1000)), alexnet.ALEXNET),
    "AlexNet, 224 with three zeros": (
        lambda: alex(
            size=224,
            conv1=lambda x: conv(96, 11, 4, "valid")(L.ZeroPadding2D(((1, 2), (1, 2)))(x)),
        ),
        alexnet.ALEXNET,
    ),
    "AlexNet, LRN in a Lambda": (
        lambda: alex(lrn=lambda x: L.Lambda(lambda t: tf_lrn(t), output_shape=x.shape[1:])(x)),
        alexnet.ALEXNET,
    ),
}


def conv(filters, kernel, stride=1, padding="same", activation="relu", **rest):
    return L.Conv2D(filters, kernel, stride, padding=padding, activation=activation, **rest)


WRONG |= {
    "AlexNet, conv2 not padded": (
        lambda: alex(conv2=conv(256, 5, padding="valid")),
        alexnet.ALEXNET,
        "conv2",
        Cause.PADDING,
    ),
    "AlexNet, conv1 in steps of 2": (
        lambda: alex(conv1=conv(96, 11, 2, "valid")),
        alexnet.ALEXNET,
        "conv1",
        Cause.STRIDE,
    ),
    "AlexNet, conv1 7 × 7": (
        lambda: alex(conv1=conv(96, 7, 4, "valid")),
        alexnet.ALEXNET,
        "conv1",
        Cause.KERNEL,
    ),
    "AlexNet, conv1 with 64 maps": (
        lambda: alex(conv1=conv(64, 11, 4, "valid")),
        alexnet.ALEXNET,
        "conv1",
        Cause.FILTERS,
    ),
    "AlexNet, conv4 in groups": (
        lambda: alex(conv4=conv(384, 3, groups=2)),
        alexnet.ALEXNET,
        "conv4",
        Cause.GROUPS,
    ),
    "AlexNet, conv3 linear": (
        lambda: alex(conv3=conv(384, 3, activation=None)),
        alexnet.ALEXNET,
        "conv3",
        Cause.ACTIVATION_MISSING,
    ),
    "AlexNet, pool5 averages": (
        lambda: alex(pool5=L.AveragePooling2D(3, 2)),
        alexnet.ALEXNET,
        "pool5",
        Cause.POOL_KIND,
    ),
    "AlexNet, pool1 2 × 2": (
        lambda: alex(pool1=L.MaxPooling2D(2, 2)),
        alexnet.ALEXNET,
        "pool1",
        Cause.KERNEL,
    ),
    "AlexNet, no LRN": (lambda: alex(lrn=lambda x: x), alexnet.ALEXNET, "norm1", Cause.MISSING),
    "AlexNet, fc7 halved": (
        lambda: alex(fc7=L.Dense(2048, activation="relu")),
        alexnet.ALEXNET,
        "fc7",
        Cause.UNITS,
    ),
    "AlexNet, 10 classes": (
        lambda: alex(fc8=L.Dense(10, activation="softmax")),
        alexnet.ALEXNET,
        "fc8",
        Cause.CLASSES,
    ),
    "AlexNet, 224 pixels": (lambda: alex(size=224), alexnet.ALEXNET, "input", Cause.INPUT_SHAPE),
}


# --- VGG ----------------------------------------------------------------------------------------


def vgg16(counts=(2, 2, 3, 3, 3), widths=vgg.WIDTHS, pool=L.MaxPooling2D, top=(4096, 4096)):
    i = x = keras.Input((224, 224, 3))
    for width, count in zip(widths, counts, strict=True):
        for _ in range(count):
            x = conv(width, 3)(x)
        x = pool(2)(x)
    x = L.Flatten()(x)
    for units in top:
        x = L.Dense(units, activation="relu")(x)
    return keras.Model(i, L.Dense(1000, activation="softmax")(x))


RIGHT |= {
    "VGG, 16": (vgg16, vgg.VGG16),
    "VGG, 19": (lambda: vgg16((2, 2, 4, 4, 4)), vgg.VGG19),
    "VGG, 11": (lambda: vgg16((1, 1, 2, 2, 2)), vgg.VGG11),
    "VGG, 16 of keras.applications": (lambda: keras.applications.VGG16(weights=None), vgg.VGG16),
    "VGG, 19 of keras.applications": (lambda: keras.applications.VGG19(weights=None), vgg.VGG19),
}


WRONG |= {
    "VGG-16, a convolution missing": (
        lambda: vgg16((2, 2, 2, 3, 3)),
        vgg.VGG16,
        "conv3_3",
        Cause.MISSING,
    ),
    "VGG-16, average pools": (
        lambda: vgg16(pool=L.AveragePooling2D),
        vgg.VGG16,
        "pool1",
        Cause.POOL_KIND,
    ),
    "VGG-16, 1024 maps": (
        lambda: vgg16(widths=(64, 128, 256, 512, 1024)),
        vgg.VGG16,
        "conv5_1",
        Cause.FILTERS,
    ),
    "VGG-16, one hidden layer": (lambda: vgg16(top=(4096,)), vgg.VGG16, "fc7", Cause.MISSING),
}


def test_one_convolution_too_many():
    assert NETWORKS.findings("wrong/VGG-16, a convolution more")[0].cause is Cause.EXTRA


# --- GoogLeNet ----------------------------------------------------------------------------------


def inception(x, one, reduce3, three, reduce5, five, project, order=(0, 1, 2, 3)):
    branches = [
        conv(one, 1)(x),
        conv(three, 3)(conv(reduce3, 1)(x)),
        conv(five, 5)(conv(reduce5, 1)(x)),
        conv(project, 1)(L.MaxPooling2D(3, 1, padding="same")(x)),
    ]
    return L.Concatenate()([branches[i] for i in order])


def google(
    module=inception, heads=False, pool=L.GlobalAveragePooling2D, pools=("3b", "4e"), head="valid"
):
    i = keras.Input((224, 224, 3))
    x = L.MaxPooling2D(3, 2, padding="same")(conv(64, 7, 2)(i))
    x = conv(192, 3)(conv(64, 1)(lrn_by_ops(x)))
    x = L.MaxPooling2D(3, 2, padding="same")(lrn_by_ops(x))
    outputs = []
    for name, widths in googlenet.MODULES.items():
        x = module(x, *widths)
        if heads and name in ("4a", "4d"):
            y = L.Flatten()(conv(128, 1)(L.AveragePooling2D(5, 3, head)(x)))
            y = L.Dropout(0.7)(L.Dense(1024, activation="relu")(y))
            outputs.append(L.Dense(1000, activation="softmax")(y))
        if name in pools:
            x = L.MaxPooling2D(3, 2, padding="same")(x)
    x = L.Dropout(0.4)(pool()(x))
    x = x if len(x.shape) == 2 else L.Flatten()(x)
    outputs.append(L.Dense(1000, activation="softmax")(x))
    return keras.Model(i, outputs if heads else outputs[0])


RIGHT |= {
    "GoogLeNet, plain": (google, googlenet.GOOGLENET),
    "GoogLeNet, with heads": (lambda: google(heads=True), googlenet.GOOGLENET_TRAINING),
    "GoogLeNet, branches in another order": (
        lambda: google(lambda x, *w: inception(x, *w, order=(3, 1, 0, 2))),
        googlenet.GOOGLENET,
    ),
    "GoogLeNet, a 7 × 7 pool": (
        lambda: google(pool=lambda: L.AveragePooling2D(7)),
        googlenet.GOOGLENET,
    ),
    "GoogLeNet, a mean by ops": (
        lambda: google(pool=lambda: lambda x: ops.mean(x, axis=(1, 2))),
        googlenet.GOOGLENET,
    ),
}


def swapped(x, one, reduce3, three, reduce5, five, project):
    return inception(x, one, reduce5, three, reduce3, five, project)


def without_projection(x, one, reduce3, three, reduce5, five, project):
    branches = [
        conv(one, 1)(x),
        conv(three, 3)(conv(reduce3, 1)(x)),
        conv(five, 5)(conv(reduce5, 1)(x)),
        L.MaxPooling2D(3, 1, padding="same")(x),
    ]
    return L.Concatenate()(branches)


WRONG |= {
    "GoogLeNet, reductions swapped": (
        lambda: google(swapped),
        googlenet.GOOGLENET,
        "3a_3x3_reduce",
        None,
    ),
    "GoogLeNet, no projections": (
        lambda: google(without_projection),
        googlenet.GOOGLENET,
        "3a_pool_proj",
        None,
    ),
}


# --- ResNet -------------------------------------------------------------------------------------


def conv_bn(x, filters, kernel, stride=1, relu=True, bias=False):
    x = L.Conv2D(filters, kernel, stride, padding="same", use_bias=bias)(x)
    x = L.BatchNormalization()(x)
    return L.ReLU()(x) if relu else x


def basic(x, filters, stride, bias=False, project=None, plus=False, swap=False, **wrong):
    shortcut = x
    needed = stride != 1 or x.shape[-1] != filters
    if project is not None and needed:
        shortcut = project(x, filters, stride)
    elif needed or wrong.get("always"):
        kernel = wrong.get("kernel", 1)
        shortcut = conv_bn(x, filters, kernel, stride, relu=wrong.get("relu", False), bias=bias)
    y = conv_bn(x, filters, 3, stride, bias=bias)
    y = conv_bn(y, filters, 3, relu=wrong.get("early", False), bias=bias)
    if wrong.get("no_shortcut"):
        return L.ReLU()(y)
    y = shortcut + y if plus else L.Add()([y, shortcut] if swap else [shortcut, y])
    return y if wrong.get("no_last_relu") else L.ReLU()(y)


def bottleneck(x, filters, stride, stride_at=1, bias=False):
    shortcut = x
    if stride != 1 or x.shape[-1] != 4 * filters:
        shortcut = conv_bn(x, 4 * filters, 1, stride, relu=False, bias=bias)
    y = conv_bn(x, filters, 1, stride if stride_at == 1 else 1, bias=bias)
    y = conv_bn(y, filters, 3, stride if stride_at == 2 else 1, bias=bias)
    y = conv_bn(y, 4 * filters, 1, relu=False, bias=bias)
    return L.ReLU()(L.Add()([shortcut, y]))


def res(block=basic, counts=(2, 2, 2, 2), stem=None, **options):
    i = keras.Input((224, 224, 3))
    x = stem(i) if stem else L.MaxPooling2D(3, 2, padding="same")(conv_bn(i, 64, 7, 2))
    for stage, count in enumerate(counts):
        for number in range(count):
            x = block(x, 64 * 2**stage, 2 if stage and not number else 1, **options)
    x = L.GlobalAveragePooling2D()(x)
    return keras.Model(i, L.Dense(1000, activation="softmax")(x))


def cifar(n=3, **options):
    i = keras.Input((32, 32, 3))
    x = conv_bn(i, 16, 3)
    for stage in range(3):
        for number in range(n):
            x = basic(x, 16 * 2**stage, 2 if stage and not number else 1, **options)
    x = L.GlobalAveragePooling2D()(x)
    return keras.Model(i, L.Dense(10, activation="softmax")(x))


def option_a(x, filters, stride):
    more = filters - x.shape[-1]
    return ops.pad(x[:, ::stride, ::stride], [[0, 0], [0, 0], [0, 0], [0, more]])


def option_a_of_tensorflow(x, filters, stride):
    import tensorflow as tf

    more = (filters - x.shape[-1]) // 2
    widths = [[0, 0], [0, 0], [0, 0], [more, more]]
    return L.Lambda(lambda x: tf.pad(x[:, ::stride, ::stride], widths))(x)


def option_a_of_zeros(x, filters, stride):
    x = L.MaxPooling2D(1, stride)(x)
    return L.Concatenate()([x, ops.zeros_like(x)])


def padded_stem(i):
    x = L.ZeroPadding2D(3)(i)
    x = L.ReLU()(L.BatchNormalization()(L.Conv2D(64, 7, 2)(x)))
    return L.MaxPooling2D(3, 2)(L.ZeroPadding2D(1)(x))


RES50 = [resnet.RESNET50, resnet.RESNET50_V1_5]


RIGHT |= {
    "ResNet, 18": (res, resnet.RESNET18),
    "ResNet, 18 with biases": (lambda: res(bias=True), resnet.RESNET18),
    "ResNet, 18 added by plus": (lambda: res(plus=True), resnet.RESNET18),
    "ResNet, 18 added the other way": (lambda: res(swap=True), resnet.RESNET18),
    "ResNet, 18 with padding layers": (lambda: res(stem=padded_stem), resnet.RESNET18),
    "ResNet, 34": (lambda: res(counts=(3, 4, 6, 3)), resnet.RESNET34),
    "ResNet, 18 option A": (lambda: res(project=option_a), resnet.RESNET18_A),
    "ResNet, 50": (lambda: res(bottleneck, (3, 4, 6, 3)), resnet.RESNET50),
    "ResNet, 50 version 1.5": (
        lambda: res(bottleneck, (3, 4, 6, 3), stride_at=2),
        resnet.RESNET50_V1_5,
    ),
    "ResNet, 50 either version": (lambda: res(bottleneck, (3, 4, 6, 3), stride_at=2), RES50),
    "ResNet, 50 of keras.applications": (lambda: keras.applications.ResNet50(weights=None), RES50),
    "ResNet, 152 of keras.applications": (
        lambda: keras.applications.ResNet152(weights=None),
        resnet.RESNET152,
    ),
    "ResNet, CIFAR 20": (lambda: cifar(project=option_a), resnet.CIFAR_RESNET20),
    "ResNet, CIFAR 20 by TensorFlow": (
        lambda: cifar(project=option_a_of_tensorflow),
        resnet.CIFAR_RESNET20,
    ),
    "ResNet, CIFAR 20 with zeros": (
        lambda: cifar(project=option_a_of_zeros),
        resnet.CIFAR_RESNET20,
    ),
    "ResNet, CIFAR 20 option B": (cifar, resnet.CIFAR_RESNET20_B),
    "ResNet, plain 20": (lambda: cifar(no_shortcut=True), resnet.CIFAR_PLAIN20),
}


def shortcut_of(x, filters, stride):
    needed = stride != 1 or x.shape[-1] != filters
    return conv_bn(x, filters, 1, stride, relu=False) if needed else x


def concatenated(x, filters, stride):
    y = conv_bn(conv_bn(x, filters, 3, stride), filters, 3, relu=False)
    return L.ReLU()(L.Concatenate()([shortcut_of(x, filters, stride), y]))


def bare_projection(x, filters, stride):
    needed = stride != 1 or x.shape[-1] != filters
    shortcut = L.Conv2D(filters, 1, stride)(x) if needed else x
    y = conv_bn(conv_bn(x, filters, 3, stride), filters, 3, relu=False)
    return L.ReLU()(L.Add()([shortcut, y]))


def from_inside(x, filters, stride):
    inside = conv_bn(x, filters, 3, stride)
    return L.ReLU()(L.Add()([inside, conv_bn(inside, filters, 3, relu=False)]))


def pre_activation(x, filters, stride):
    y = L.ReLU()(L.BatchNormalization()(x))
    needed = stride != 1 or x.shape[-1] != filters
    shortcut = L.Conv2D(filters, 1, stride)(y) if needed else x
    y = L.Conv2D(filters, 3, stride, padding="same")(y)
    y = L.ReLU()(L.BatchNormalization()(y))
    return L.Add()([shortcut, L.Conv2D(filters, 3, padding="same")(y)])


def without_norm(x, filters, stride):
    needed = stride != 1 or x.shape[-1] != filters
    shortcut = L.Conv2D(filters, 1, stride)(x) if needed else x
    y = conv(filters, 3, stride)(x)
    return L.ReLU()(L.Add()([shortcut, conv(filters, 3, activation=None)(y)]))


def stem_of(*made):
    def stem(x):
        for make in made:
            x = make(x)
        return x

    return stem


def seven(x):
    return conv_bn(x, 64, 7, 2)


def frozen():
    model = res()
    model.trainable = False
    return model


WRONG |= {
    "ResNet-18, no shortcuts": (
        lambda: res(no_shortcut=True),
        resnet.RESNET18,
        "conv2_1",
        Cause.SHORTCUT_MISSING,
    ),
    "ResNet-18, ReLU before and behind the addition": (
        lambda: res(early=True),
        resnet.RESNET18,
        "conv2_1_2_bn",
        Cause.ACTIVATION_EXTRA,
    ),
    "ResNet-18, ReLU in the shortcut": (
        lambda: res(relu=True),
        resnet.RESNET18,
        "conv3_1_shortcut_bn",
        Cause.ACTIVATION_EXTRA,
    ),
    "ResNet-18, 3 × 3 shortcuts": (
        lambda: res(kernel=3),
        resnet.RESNET18,
        "conv3_1_shortcut",
        Cause.KERNEL,
    ),
    "ResNet-18, bare projections": (
        lambda: res(bare_projection),
        resnet.RESNET18,
        "conv3_1_shortcut_bn",
        Cause.MISSING,
    ),
    "ResNet-18, no ReLU behind the addition": (
        lambda: res(no_last_relu=True),
        resnet.RESNET18,
        "conv2_1",
        Cause.ACTIVATION_MISSING,
    ),
    "ResNet-18, projections everywhere": (
        lambda: res(always=True),
        resnet.RESNET18,
        "conv2_1",
        Cause.PROJECTION_EXTRA,
    ),
    "ResNet-18, concatenated": (
        lambda: res(concatenated),
        resnet.RESNET18,
        "conv2_1",
        Cause.SHORTCUT_CONCATENATED,
    ),
    "ResNet-18, the shortcut from inside": (
        lambda: res(from_inside),
        resnet.RESNET18,
        "conv2_1",
        Cause.WRONG_INPUT,
    ),
    "ResNet-18, no normalisation": (
        lambda: res(without_norm),
        resnet.RESNET18,
        "conv2_1_1_bn",
        Cause.MISSING,
    ),
    "ResNet-18, a block more": (
        lambda: res(counts=(2, 2, 3, 2)),
        resnet.RESNET18,
        "conv5_1_1",
        Cause.BLOCK_EXTRA,
    ),
    "ResNet-18, a block less": (
        lambda: res(counts=(2, 2, 1, 2)),
        resnet.RESNET18,
        "conv4_2_1",
        Cause.BLOCK_MISSING,
    ),
    "ResNet-18, frozen": (frozen, resnet.RESNET18, "conv1", Cause.FROZEN),
    "ResNet-18, no pool": (lambda: res(stem=seven), resnet.RESNET18, "pool1", Cause.MISSING),
    "ResNet-18, pool 2 × 2": (
        lambda: res(stem=stem_of(seven, L.MaxPooling2D(2))),
        resnet.RESNET18,
        "pool1",
        Cause.KERNEL,
    ),
}


def test_pre_activation_is_not_version_one():
    assert NETWORKS.findings("wrong/ResNet-50, version 2")


def test_counts_of_keras_applications():
    with weightless():
        for name in ("ResNet101", "ResNet152"):
            model = getattr(keras.applications, name)(weights=None)
            assert anatomy(model).parameters == model.count_params()


class BasicBlock(keras.Model):
    """As a student writes it who comes from PyTorch."""

    def __init__(self, filters, stride=1, project=False, relu=None):
        super().__init__()
        self.first = L.Conv2D(filters, 3, stride, padding="same", use_bias=False)
        self.first_norm = L.BatchNormalization()
        self.second = L.Conv2D(filters, 3, padding="same", use_bias=False)
        self.second_norm = L.BatchNormalization()
        self.relu = relu or L.ReLU()
        self.project = None
        if project:
            self.project = keras.Sequential(
                [L.Conv2D(filters, 1, stride, use_bias=False), L.BatchNormalization()]
            )

    def call(self, x, training=None):
        shortcut = x if self.project is None else self.project(x, training=training)
        y = self.relu(self.first_norm(self.first(x), training=training))
        y = self.second_norm(self.second(y), training=training)
        return self.relu(shortcut + y)


class ResNet18(keras.Model):
    def __init__(self, classes=1000, relu=None):
        super().__init__()
        self.stem = keras.Sequential(
            [
                L.ZeroPadding2D(3), L.Conv2D(64, 7, 2, use_bias=False), L.BatchNormalization(),
                L.Activation("relu"), L.ZeroPadding2D(1), L.MaxPooling2D(3, 2),
            ]
        )  # fmt: skip
        self.blocks = [
            BasicBlock(64 * 2**stage, 1 + (stage > 0), project=stage > 0, relu=relu)
            if number == 0
            else BasicBlock(64 * 2**stage, relu=relu)
            for stage in range(4)
            for number in range(2)
        ]
        self.pool = L.GlobalAveragePooling2D()
        self.head = L.Dense(classes, activation="softmax")

    def call(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(self.pool(x))


def resnet18_with_tensorflows_relu():
    import tensorflow as tf

    return ResNet18(relu=tf.nn.relu)


def nested_vgg():
    def stage(width, count):
        made = []
        for _ in range(count):
            made += [L.Conv2D(width, 3, padding="same"), L.ReLU()]
        return keras.Sequential([*made, L.MaxPooling2D(2)])

    parts = [stage(w, c) for w, c in zip(vgg.WIDTHS, (2, 2, 3, 3, 3), strict=True)]
    features = keras.Sequential(parts, name="features")
    head = keras.Sequential(
        [
            L.Flatten(), L.Dense(4096, "relu"), L.Dropout(0.5),
            L.Dense(4096, "relu"), L.Dropout(0.5), L.Dense(1000), L.Softmax(),
        ]
    )  # fmt: skip
    return keras.Sequential([keras.Input((224, 224, 3)), L.Rescaling(1 / 255), features, head])


def augmented():
    i = keras.Input((256, 256, 3))
    x = L.RandomCrop(227, 227)(L.RandomFlip("horizontal")(i))
    return keras.Model(i, alex()(L.Normalization()(L.RandomBrightness(0.1)(x))))


def test_an_augmentation_is_run_as_in_use():
    """In training this one makes every pixel black, whatever it draws."""

    def darkened():
        i = keras.Input((256, 256, 3))
        x = L.RandomBrightness((-1.0, -0.9))(L.RandomCrop(227, 227)(i))
        return keras.Model(i, alex()(x))

    network, table = built(darkened, alexnet.ALEXNET)
    assert diagnose(network(), table) == []


def shared_convolution():
    one = conv(512, 3)
    i = x = keras.Input((224, 224, 3))
    for stage, (width, count) in enumerate(zip(vgg.WIDTHS, (2, 2, 3, 3, 3), strict=True)):
        for _ in range(count):
            x = one(x) if stage == 4 else conv(width, 3)(x)
        x = L.MaxPooling2D(2)(x)
    x = L.Flatten()(x)
    for _ in range(2):
        x = L.Dense(4096, activation="relu")(x)
    return keras.Model(i, L.Dense(1000, activation="softmax")(x))


RIGHT |= {
    "ResNet, 18 subclassed": (ResNet18, resnet.RESNET18),
    "ResNet, 18 with TensorFlow's ReLU": (resnet18_with_tensorflows_relu, resnet.RESNET18),
    "VGG, 16 of parts": (nested_vgg, vgg.VGG16),
    "AlexNet, augmented": (augmented, alexnet.ALEXNET),
}
WRONG["VGG-16, one convolution for three rows"] = (
    shared_convolution, vgg.VGG16, "conv5_2", Cause.SHARED_WEIGHTS,
)  # fmt: skip


def head_on_a_side_branch(at):
    """GoogLeNet whose last classifier reads what belongs to the training head of 4d."""
    model = google(heads=True)
    second = model.outputs[1]._keras_history.operation
    hidden = second.input._keras_history.operation.input  # before the dropout: 1024 units
    reads = {
        "hidden units": hidden,
        "maps": hidden._keras_history.operation.input._keras_history.operation.input,
    }[at]
    if len(reads.shape) == 4:
        reads = L.GlobalAveragePooling2D()(reads)
    last = L.Dense(1000, activation="softmax")(reads)
    return keras.Model(model.inputs, [*model.outputs[:2], last])


def head_in_the_place_of_the_main_one():
    model = google(heads=True)
    first = model.outputs[0]
    return keras.Model(model.inputs, [first, model.outputs[1], first])


def only_the_output_shape():
    i = keras.Input((224, 224, 3))
    return keras.Model(i, L.Dense(1000, activation="softmax")(L.GlobalMaxPooling2D()(i)))


WITH_HEADS = googlenet.GOOGLENET_TRAINING
WRONG |= {
    "ResNet-18, pre-activation": (
        lambda: res(pre_activation), resnet.RESNET18, "conv2_1_1", Cause.PRE_ACTIVATION),
    "GoogLeNet, the main head reads hidden units of another": (
        lambda: head_on_a_side_branch("hidden units"), WITH_HEADS, "classifier", Cause.WRONG_INPUT),
    "GoogLeNet, the main head reads maps of another": (
        lambda: head_on_a_side_branch("maps"), WITH_HEADS, "pool5", Cause.WRONG_INPUT),
    "GoogLeNet, a training head in the place of the main one": (
        head_in_the_place_of_the_main_one, WITH_HEADS, "4e_1x1", Cause.ENDS_EARLY),
}  # fmt: skip
OTHERS = {  # where not just one row and cause are right
    "VGG-16, a convolution more": (lambda: vgg16((2, 2, 4, 3, 3)), vgg.VGG16),
    "ResNet-50, version 2": (lambda: keras.applications.ResNet50V2(weights=None), RES50),
    "VGG-16, only the output shape": (only_the_output_shape, vgg.VGG16),
    "ResNet-50, only the output shape": (only_the_output_shape, resnet.RESNET50),
    "GoogLeNet, only the output shape": (only_the_output_shape, googlenet.GOOGLENET),
}


@pytest.mark.parametrize("name", ["VGG-16", "ResNet-50", "GoogLeNet"])
def test_only_the_output_shape_is_right(name):
    name = f"{name}, only the output shape"
    first = NETWORKS.findings(f"wrong/{name}")[0]
    assert first.row == OTHERS[name][1].rows[0].name
    assert first.cause in (Cause.MISSING, Cause.BLOCK_MISSING)  # everything is


@pytest.mark.parametrize("name", RIGHT)
def test_right(name):
    assert NETWORKS.findings(f"right/{name}") == []


@pytest.mark.parametrize("name", WRONG)
def test_wrong(name):
    first, (_, _, row, cause) = NETWORKS.findings(f"wrong/{name}")[0], WRONG[name]
    assert first.row == row and first.cause is (cause or first.cause), first.message


BUILDERS = {
    "AlexNet": (alex, alexnet.ALEXNET),
    "AlexNet on two GPUs": (two_towers, alexnet.ALEXNET_TWO_GPUS),
    "VGG-16": (vgg16, vgg.VGG16),
    "GoogLeNet": (google, googlenet.GOOGLENET),
    "GoogLeNet with heads": (lambda: google(heads=True), googlenet.GOOGLENET_TRAINING),
    "ResNet-18": (res, resnet.RESNET18),
    "ResNet-50": (lambda: res(bottleneck, (3, 4, 6, 3)), resnet.RESNET50),
    "ResNet-20": (lambda: cifar(project=option_a), resnet.CIFAR_RESNET20),
    "ResNet-110": (lambda: cifar(18, project=option_a), resnet.CIFAR_RESNET110),
    "plain-56": (lambda: cifar(9, no_shortcut=True), resnet.CIFAR_PLAIN56),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_keras_counts_what_the_table_says(name):
    build, table = BUILDERS[name]
    with weightless():
        model = build()
        trained = sum(prod(weight.shape) for weight in model.trainable_weights)
        assert model.count_params() == anatomy(table).parameters
        assert trained == anatomy(table).trained
        assert [tuple(o.shape[1:]) for o in model.outputs] == anatomy(table).output_shapes


@cache
def written_down(name):
    with weightless():
        return trace(BUILDERS[name][0]())


@settings(max_examples=30, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.sampled_from(list(BUILDERS)), st.randoms(use_true_random=False))
def test_names_and_order_change_nothing_in_families(name, chance):
    assert diagnose(disguised(written_down(name), chance), BUILDERS[name][1]) == []


@settings(max_examples=30, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.sampled_from(list(BUILDERS)), st.randoms(use_true_random=False))
def test_the_first_wrong_row_does_not_depend_on_names_and_order(name, chance):
    table = BUILDERS[name][1]
    found = diagnose(disguised(written_down(name), chance), table.with_(classes=17))
    last = table.outputs or (table.rows[-1].name,)
    assert [f.cause for f in found] == [Cause.CLASSES] and found[0].row in last
    assert all(row in found[0].message for row in last)  # several outputs are one finding


def with_identities(model, chance):
    """The model with layers that do nothing behind some of its steps."""

    def call(layer, *inputs, **rest):
        y = layer(*inputs, **rest)
        return chance.choice(NOTHING)()(y) if chance.random() < 0.3 else y

    return keras.models.clone_model(model, call_function=call)


@settings(max_examples=30, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.sampled_from(list(BUILDERS)), st.randoms(use_true_random=False))
def test_layers_that_do_nothing_change_nothing_in_families(name, chance):
    build, table = BUILDERS[name]
    with weightless():
        assert diagnose(with_identities(build(), chance), table) == []


def applications():
    """Networks of keras.applications: the two the course has tables of, and all their cousins."""
    names = """VGG16 VGG19 ResNet50 ResNet101 ResNet152 ResNet50V2 ResNet152V2 InceptionV3 Xception
        MobileNet MobileNetV2 MobileNetV3Small DenseNet121 EfficientNetB0 EfficientNetV2B0
        NASNetMobile InceptionResNetV2 ConvNeXtTiny"""
    return names.split()


@cache
def published(name):
    with weightless():
        return anatomy(getattr(keras.applications, name)(weights=None), (224, 224, 3))


def networks():
    """{name: (builder, table)} of all that is diagnosed here as it is."""
    cases = {f"right/{name}": built(*case) for name, case in RIGHT.items()}
    cases |= {f"wrong/{name}": built(*case[:2]) for name, case in (WRONG | OTHERS).items()}
    for key, table in every_table().items():
        for name in applications():
            cases[f"{name} for {key}"] = (partial(published, name), table)
        for name, (_, other) in {**BUILDERS, "LeNet-5": (None, LENET5)}.items():
            cases[f"{name} for {key}"] = (partial(anatomy, other), table)
    return cases


NETWORKS = Corpus("families", networks)


def taken_for(name):
    return [key for key in every_table() if not NETWORKS.findings(f"{name} for {key}")]


#: The tables of those whose table has another name.
NAMED = {
    "ConvNeXtTiny": "CONVNEXT_T", "EfficientNetB0": "EFFICIENTNET_B0",
    "InceptionV3": "INCEPTION_V3", "MobileNetV2": "MOBILENET_V2", "ResNet50V2": "RESNET50_V2_KERAS",
}  # fmt: skip


def table_of(name):
    key = NAMED.get(name, name.upper())
    return key if key in every_table() else None


@pytest.mark.parametrize("name", applications())
def test_a_published_network_is_taken_for_itself_alone(name):
    assert taken_for(name) == [each for each in [table_of(name)] if each]


@pytest.mark.parametrize("name", filter(table_of, applications()))
def test_a_published_network_costs_what_its_table_says(name):
    """But for biases of convolutions where the table lets them be, and what prepares the image.

    EfficientNet and ConvNeXt normalise the image; ResNet and its second version have biases.
    """

    def counted(found):
        steps = [step for step in found if step.step != "Normalization"]
        return Counter(
            (step.step, step.shape, step.parameters - free * step.filters, step.macs)
            for step in steps
            for free in [step.step == "conv" and bool(step.bias) and "ResNet" in name]
        )

    assert counted(published(name)) == counted(anatomy(every_table()[table_of(name)]))


@pytest.mark.parametrize("name", [*BUILDERS, "LeNet-5"])
def test_a_network_is_taken_for_no_other(name):
    assert len(taken_for(name)) == 1


def test_what_is_said_is_as_kept():
    NETWORKS.compare()
