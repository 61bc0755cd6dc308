"""The sentence behind the first one: the likely cause, where it can be known."""

import keras
import pytest
from keras import layers as L

from course import check
from course.architectures import googlenet, lenet, resnet, vgg
from course.diagnosis import Cause
from tests.diagnosis import test_families as families
from tests.diagnosis.test_families import conv, google, res


def findings(build, table):
    with check.silently(), pytest.raises(check.CheckFailed) as failed:
        check.model(build, like=table)
    return failed.value.findings


def lenet5(*, first=None, third=None, last=None, shape=(32, 32, 1)):
    """LeNet-5 with ReLU; a change is a function from tensor to tensor."""
    image = x = keras.Input(shape)
    x = L.MaxPooling2D(2)((first or L.Conv2D(6, 5, activation="relu"))(x))
    x = L.MaxPooling2D(2)(L.Conv2D(16, 5, activation="relu")(x))
    x = L.Flatten()((third or L.Identity())(x))
    x = x if third else L.Dense(120, "relu")(x)
    return keras.Model(image, (last or L.Dense(10, "softmax"))(L.Dense(84, "relu")(x)))


def of_lenet(**changed):
    (only,) = findings(lambda: lenet5(**changed), lenet.LENET5_RELU)
    return only


def test_a_convolution_in_the_place_of_a_dense_row():
    for kernel, padding in ((5, "same"), (3, "valid")):
        found = of_lenet(third=L.Conv2D(120, kernel, padding=padding, activation="relu"))
        assert (found.row, found.cause) == ("C5", Cause.OTHER_STEP)
        assert found.message.endswith("with a kernel of 5 × 5 and without padding.")
    with check.silently():
        right = L.Conv2D(120, 5, activation="relu")
        check.model(lambda: lenet5(third=right), like=lenet.LENET5_RELU)


def test_a_convolution_that_has_become_as_large_as_its_map():
    def unpadded(x):
        return L.Conv2D(64, 3, activation="relu")(L.Conv2D(64, 3, activation="relu")(x))

    table = vgg.VGG16.part("conv1_1", "conv1_2", input_shape=(5, 5, 3))
    with check.silently(), pytest.raises(check.CheckFailed) as failed:
        check.block(unpadded, like=table)
    (only,) = failed.value.findings
    assert (only.row, only.cause) == ("conv1_1", Cause.PADDING)


@pytest.mark.parametrize("stride, told", [(5, True), (2, False)])
def test_a_kernel_written_as_two_numbers(stride, told):
    table = lenet.LENET5_RELU.part("C1", input_shape=(32, 32, 1))
    with check.silently(), pytest.raises(check.CheckFailed) as failed:
        check.block(lambda x: L.Conv2D(6, 5, stride, activation="relu")(x), like=table)
    (found,) = failed.value.findings
    assert found.cause is Cause.STRIDE
    said = "In layers.Conv2D the number after the kernel is the stride."
    assert found.message.endswith(said) is told


def unstrided(x, filters, stride):
    return families.bottleneck(x, filters, 1)


def test_a_stride_of_one_is_not_taken_for_a_kernel():
    found = findings(lambda: res(unstrided, (3, 4, 6, 3)), resnet.RESNET50)
    assert found[0].cause is Cause.STRIDE and "after the kernel" not in found[0].message


def test_a_depthwise_convolution_in_the_place_of_a_whole_one():
    found = of_lenet(first=L.DepthwiseConv2D(5, activation="relu"))
    assert found.cause is Cause.FILTERS
    assert found.message.endswith("layers.Conv2D as many as you ask for.")
    assert "Depthwise" not in of_lenet(first=L.Conv2D(1, 5, activation="relu")).message


def test_functions_one_after_the_other():
    found = of_lenet(last=lambda x: L.Softmax()(L.Dense(10, "softmax")(x)))
    assert "Its activation is softmax, then softmax, the table has softmax." in found.message


@pytest.mark.parametrize("shape", [(1, 32, 32), (9, 9, 1)])
def test_maps_that_are_too_small_because_of_the_image(shape):
    image, stopped = findings(lambda: lenet5(shape=shape), lenet.LENET5_RELU)
    assert image.cause is Cause.INPUT_SHAPE
    assert stopped.cause is Cause.RAISES and "The map is " in stopped.message


def test_code_that_stops_with_another_image():
    found = of_lenet(shape=(28, 28, 1), last=lambda x: L.Conv2D(9, 3)(x))
    said = "The network begins with 28 × 28 × 1, it should begin with 32 × 32 × 1."
    assert found.cause is Cause.RAISES and found.message.endswith(said)


@pytest.mark.parametrize("shape", [(32, 32, 1), (None, None, 1)])
def test_code_that_stops_although_the_image_is_right(shape):
    found = of_lenet(shape=shape, last=lambda x: L.Conv2D(9, 3)(x))
    assert found.cause is Cause.RAISES and "The network begins with" not in found.message


# --- merges that Keras refuses


def test_branches_that_are_added_are_told_once():
    def module(x, one, reduce3, three, reduce5, five, project):
        return L.Add()([
            conv(one, 1)(x),
            conv(three, 3)(conv(reduce3, 1)(x)),
            conv(five, 5)(conv(reduce5, 1)(x)),
            conv(project, 1)(L.MaxPooling2D(3, 1, padding="same")(x)),
        ])  # fmt: skip

    (only,) = findings(lambda: google(module), googlenet.GOOGLENET)
    assert (only.row, only.cause) == ("3a", Cause.ADDED) and "and 28 × 28 × 32 are added here." in (
        only.message
    )


def test_a_block_that_is_wrong_before_the_merge():
    """Each second convolution reads the block's input, which shows where the sizes differ."""

    def block(x, filters, stride):
        y = families.conv_bn(x, filters, 3, stride)
        y = families.conv_bn(x, filters, 3, relu=False)
        shortcut = x
        if stride != 1:
            shortcut = families.conv_bn(x, filters, 1, stride, relu=False)
        return L.ReLU()(L.Add()([shortcut, y]))

    first, *others = findings(lambda: res(block), resnet.RESNET18)
    assert (first.row, first.cause) == ("conv2_1_1", Cause.MISSING)
    assert "Nothing reads what comes out of" in first.message
    assert "56 × 56 × 128 cannot be added. The code stops in line " in first.message
    assert not {Cause.PROJECTION_MISSING} & {found.cause for found in others}


def test_an_addition_without_a_name_is_called_by_its_place():
    """The second stage does not shrink, and has no projection."""

    def block(x, filters, stride):
        y = families.conv_bn(x, filters, 3, 1 if filters == 128 else stride)
        y = families.conv_bn(y, filters, 3, relu=False)
        if stride != 1 and filters != 128:
            x = families.conv_bn(x, filters, 1, stride, relu=False)
        return L.ReLU()(y + x)

    messages = [found.message for found in findings(lambda: res(block), resnet.RESNET18)]
    assert not any("add_" in message for message in messages)
    assert any("the addition after" in message for message in messages)
