"""One mistake that is made in the whole network is told once, and nothing beside it."""

import keras
import pytest
from keras import layers as L

from course.architectures import alexnet, googlenet, lenet, resnet, vgg
from course.diagnosis import Cause, nearest
from course.evidence import weightless
from tests.diagnosis import test_families as families
from tests.diagnosis.test_explanations import chained, found, in_towers
from tests.diagnosis.test_families import conv, google, res, vgg16


def told(table, build):
    return [(each.row, each.cause) for each in found(table, build)]


# --- batch normalisation and activation in another order


def relu_first(x, filters, kernel, stride=1, relu=True, bias=False):
    x = L.Conv2D(filters, kernel, stride, padding="same", use_bias=bias)(x)
    return L.BatchNormalization()(L.ReLU()(x) if relu else x)


def test_activations_before_all_normalisations(monkeypatch):
    monkeypatch.setattr(families, "conv_bn", relu_first)
    for table, block, counts in (
        (resnet.RESNET18, families.basic, (2, 2, 2, 2)),
        (resnet.RESNET50, families.bottleneck, (3, 4, 6, 3)),
    ):
        (only,) = found(table, lambda block=block, counts=counts: res(block, counts))
        assert (only.row, only.cause) == ("conv1_bn", Cause.ACTIVATION_BEFORE_NORM)
        assert only.message.startswith(
            "conv1_bn: The activation comes before the batch normalisation; it belongs after it. "
            "The same is true of conv2_1_1_bn, "
        )


def test_an_activation_before_one_normalisation():
    def stem(x):
        return L.MaxPooling2D(3, 2, padding="same")(relu_first(x, 64, 7, 2))

    told_of_stem = told(resnet.RESNET18, lambda: res(stem=stem))
    assert told_of_stem == [("conv1_bn", Cause.ACTIVATION_BEFORE_NORM)]


def test_activations_before_and_behind_are_one_too_many():
    def stem(x):
        return L.MaxPooling2D(3, 2, padding="same")(L.ReLU()(relu_first(x, 64, 7, 2)))

    assert told(resnet.RESNET18, lambda: res(stem=stem)) == [("conv1", Cause.ACTIVATION_EXTRA)]


@pytest.mark.parametrize("bias", [True, False])
def test_a_normalisation_behind_every_convolution(monkeypatch, bias):
    def normalised(filters, kernel, stride=1, padding="same"):
        made = L.Conv2D(filters, kernel, stride, padding=padding, use_bias=bias)
        return keras.Sequential([made, L.BatchNormalization(), L.ReLU()])

    monkeypatch.setattr(families, "conv", normalised)
    for table, build in ((vgg.VGG16, vgg16), (googlenet.GOOGLENET, google)):
        first = table.rows[0].name
        extra, *without = found(table, build)
        assert extra.cause is Cause.EXTRA
        assert extra.message.startswith(f"batch_normalization follows {first}. This step is not in")
        assert [(each.row, each.cause) for each in without] == [(first, Cause.BIAS_MISSING)] * (
            not bias
        )


@pytest.mark.parametrize("activation, widths, also", [
    ("leaky_relu", vgg.WIDTHS, [("conv1_1", Cause.ACTIVATION)]),
    (None, vgg.WIDTHS, [("conv1_1", Cause.ACTIVATION_MISSING)]),
    ("relu", [width // 2 for width in vgg.WIDTHS],
     [(f"conv{stage}_1", Cause.FILTERS) for stage in (1, 2, 3, 4)]),
])  # fmt: skip
def test_a_normalisation_behind_convolutions_that_differ(monkeypatch, activation, widths, also):
    def normalised(filters, kernel):
        made = [L.Conv2D(filters, kernel, padding="same"), L.BatchNormalization()]
        return keras.Sequential(made + [L.Activation(activation)] * bool(activation))

    monkeypatch.setattr(families, "conv", normalised)
    first, *others = found(vgg.VGG16, lambda: vgg16(widths=widths))
    assert first.message.startswith("batch_normalization follows conv1_1. This step is not in")
    assert [(each.row, each.cause) for each in others] == also


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_no_bias_in_any_convolution(monkeypatch, activation):
    """GoogLeNet's rows are alike, so many other explanations cost little more."""

    def unbiased(filters, kernel, stride=1, padding="same"):
        kept = {"padding": padding, "activation": activation, "use_bias": False}
        return L.Conv2D(filters, kernel, stride, **kept)

    monkeypatch.setattr(families, "conv", unbiased)
    wrong = [Cause.BIAS_MISSING, Cause.ACTIVATION][: 1 + (activation != "relu")]
    for table, build in (
        (vgg.VGG16, vgg16), (googlenet.GOOGLENET, google),
        (googlenet.GOOGLENET_TRAINING, lambda: google(heads=True)),
    ):  # fmt: skip
        assert told(table, build) == [(table.rows[0].name, cause) for cause in wrong]


def test_the_normalisation_of_2015_in_the_place_of_that_of_2014(monkeypatch):
    """GoogLeNet as many write it today: its modules are no blocks that are too many."""

    def normalised(filters, kernel, stride=1, padding="same"):
        made = L.Conv2D(filters, kernel, stride, padding=padding, use_bias=False)
        return keras.Sequential([made, L.BatchNormalization(), L.ReLU()])

    monkeypatch.setattr(families, "conv", normalised)
    monkeypatch.setattr(families, "lrn_by_ops", lambda x: x)
    extra, bias, missing = found(googlenet.GOOGLENET, google)
    assert extra.message.startswith("batch_normalization follows conv1.")
    assert (bias.row, bias.cause) == ("conv1", Cause.BIAS_MISSING)
    assert (missing.row, missing.cause) == ("norm1", Cause.MISSING)
    assert missing.message.endswith("norm2 is missing, too.")


# --- arguments in another order


def test_kernels_and_maps_swapped(monkeypatch):
    monkeypatch.setattr(families, "conv", lambda filters, kernel: conv(kernel, filters))
    (only,) = found(vgg.VGG16, vgg16)
    assert (only.row, only.cause) == ("conv1_1", Cause.ARGUMENTS_SWAPPED)
    assert "Write the number of maps first: layers.Conv2D(64, 3). The same is true of" in (
        only.message
    )


def test_other_kernels_and_maps_are_not_swapped():
    head = (L.Flatten, lambda: L.Dense(120, "relu"), lambda: L.Dense(84, "relu"),
            lambda: L.Dense(10, "softmax"))  # fmt: skip

    def lenet5(*first):
        made = (lambda: conv(*first, padding="valid"), lambda: conv(16, 5, padding="valid"))
        return chained(made[0], L.MaxPooling2D, made[1], L.MaxPooling2D, *head)

    table = lenet.LENET5_RELU
    assert told(table, lenet5(5, 6)) == [("C1", Cause.ARGUMENTS_SWAPPED)]
    assert told(table, lenet5(6, 6)) == [("C1", Cause.KERNEL)]
    assert told(table, lenet5(5, 7)) == [("C1", Cause.KERNEL), ("C1", Cause.FILTERS)]


# --- widths


def cifar_b(widths):
    image = keras.Input((32, 32, 3))
    x = families.conv_bn(image, 16, 3)
    for stage, width in enumerate(widths):
        for number in range(3):
            x = families.basic(x, width, 2 if stage and not number else 1)
    return keras.Model(image, L.Dense(10, "softmax")(L.GlobalAveragePooling2D()(x)))


def test_stages_that_are_too_wide():
    """The second stage is as wide as the third should be, and still no stage is missing."""
    second, third = found(resnet.CIFAR_RESNET20_B, lambda: cifar_b((16, 64, 128)))
    for each, stage, maps in ((second, 2, 64), (third, 3, 128)):
        assert (each.row, each.cause) == (f"stage{stage}_1_1", Cause.FILTERS)
        assert f"It makes {maps} maps, the table has {maps // 2}." in each.message
        assert each.message.endswith(
            f"The same is true of stage{stage}_1_2, stage{stage}_1_shortcut, stage{stage}_2_1 "
            "and 3 more."
        )


def test_stages_with_each_other_s_blocks():
    assert told(resnet.RESNET50, lambda: res(families.bottleneck, (3, 6, 4, 3))) == [
        ("conv4_1_1", Cause.BLOCK_EXTRA), ("conv4_5_1", Cause.BLOCK_MISSING),
    ]  # fmt: skip


# --- frozen weights


def frozen(model):
    model.trainable = False
    return model


def test_a_deep_network_that_is_frozen_is_still_compared_with_the_right_table():
    def build():
        return frozen(res(families.bottleneck, (3, 4, 6, 3)))

    tables = [resnet.RESNET50_V1_5, resnet.RESNET50]
    with weightless():
        meant, (only,) = nearest(build(), tables)
    assert meant is resnet.RESNET50
    assert (only.row, only.cause) == ("conv1", Cause.FROZEN)
    assert only.message.endswith(
        "The same is true of conv1_bn, conv2_1_1, conv2_1_1_bn and 103 more."
    )


def test_a_wrong_row_of_a_frozen_network():
    def build():
        return frozen(vgg16(pool=L.AveragePooling2D, top=(4096, 1000)))

    assert told(vgg.VGG16, build) == [
        ("conv1_1", Cause.FROZEN), ("pool1", Cause.POOL_KIND), ("fc7", Cause.UNITS),
    ]  # fmt: skip


def test_one_tower_that_is_frozen():
    def build():
        return in_towers(conv4_2=conv(192, 3, trainable=False))

    assert told(alexnet.ALEXNET_TWO_GPUS, build) == [("conv4", Cause.FROZEN)]
