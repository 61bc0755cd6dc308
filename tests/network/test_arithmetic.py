"""Sizes, parameters and work: known numbers, errors, and what Keras makes of the same layers."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from course.arithmetic import (
    conv_macs,
    conv_parameters,
    dense_parameters,
    output_size,
    receptive_field,
    same_padding,
)

few = settings(max_examples=50, deadline=None)


@pytest.mark.parametrize(
    "size, kernel, stride, padding, expected",
    [
        (32, 5, 1, 0, 28),  # LeNet-5, C1
        (28, 2, 2, 0, 14),  # S2
        (28, 5, 1, 2, 28),  # 28 × 28 digits with padding 2
        (227, 11, 4, 0, 55),  # AlexNet, conv1
        (224, 11, 4, 0, 54),  # the same on 224
        (224, 11, 4, 2, 55),  # torchvision
        (55, 3, 2, 0, 27),
        (224, 3, 1, 1, 224),  # VGG
        (224, 7, 2, 3, 112),  # ResNet, conv1
        (224, 7, 2, (2, 3), 112),  # the same as Keras pads it
        (1, 1, 1, 0, 1),
        (5, 5, 9, 0, 1),
    ],
)
def test_output_size(size, kernel, stride, padding, expected):
    assert output_size(size, kernel, stride, padding) == expected


def test_output_size_with_dilation_and_ceil():
    assert output_size(32, 3, dilation=2) == output_size(32, 5) == 28
    assert output_size(112, 3, 2, ceil=True) == 56  # GoogLeNet's pools
    assert output_size(112, 3, 2) == 55
    assert output_size(55, 3, 2, ceil=True) == output_size(55, 3, 2) == 27


def test_a_window_that_does_not_fit():
    with pytest.raises(ValueError, match=r"The window \(5\) should fit .*4 \+ 0 \+ 0 = 4"):
        output_size(4, 5)
    with pytest.raises(ValueError, match=r"too small: check strides and pools"):
        output_size(4, 3, dilation=2)
    assert output_size(4, 5, padding=(0, 1)) == 1


@pytest.mark.parametrize("wrong", ["size", "kernel", "stride", "dilation"])
def test_nothing_may_be_zero(wrong):
    numbers = {"size": 8, "kernel": 3, "stride": 1, "dilation": 1, wrong: 0}
    with pytest.raises(ValueError, match=f"at least 1.*{wrong}=0"):
        output_size(**numbers)


def test_same_padding():
    assert same_padding(28, 5) == (2, 2)
    assert same_padding(224, 7, 2) == (2, 3)  # the odd zero goes after
    assert same_padding(224, 3, 2) == (0, 1)
    assert same_padding(8, 1, 2) == (0, 0)
    assert same_padding(28, 3, dilation=2) == (2, 2)


def test_parameters_and_macs():
    assert conv_parameters(5, 1, 6) == 156
    assert conv_parameters(5, 6, 16) == 2416
    assert conv_parameters(11, 3, 96, bias=False) == 34_848
    assert conv_parameters(5, 96, 256, groups=2) == 307_456
    assert conv_parameters((1, 7), 64, 96) == 7 * 64 * 96 + 96
    assert conv_parameters(1, 6, 6, groups=6) == 12
    assert dense_parameters(400, 120) == 48_120
    assert dense_parameters(84, 10, bias=False) == 840
    assert conv_macs(5, 1, 6, (28, 28)) == 117_600
    assert conv_macs((5, 5), 6, 16, (10, 10)) == 240_000
    assert conv_macs(3, 96, 96, (7, 5), groups=96) == 9 * 96 * 35


def test_receptive_field():
    lenet = [(5, 1), (2, 2), (5, 1), (2, 2), (5, 1)]
    assert [receptive_field(lenet[:n]) for n in range(6)] == [1, 5, 6, 14, 16, 32]
    alexnet = [(11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1)]
    assert receptive_field(alexnet) == 163
    vgg16 = [(3, 1)] * 2 + [(2, 2)] + [(3, 1)] * 2 + ([(2, 2)] + [(3, 1)] * 3) * 3
    assert receptive_field(vgg16) == 196


@few
@given(st.lists(st.tuples(st.integers(1, 11), st.integers(1, 4)), max_size=12))
def test_receptive_field_is_the_interval_behind_one_output(steps):
    side = 1
    for kernel, stride in reversed(steps):
        side = (side - 1) * stride + kernel
    assert receptive_field(steps) == side


sizes, kernels, strides = st.integers(1, 64), st.integers(1, 11), st.integers(1, 5)


@few
@given(sizes, kernels, strides, st.integers(0, 5), st.integers(1, 3))
def test_the_last_window_fits_and_one_more_would_not(size, kernel, stride, padding, dilation):
    window, room = dilation * (kernel - 1) + 1, size + 2 * padding
    assume(window <= room)
    positions = output_size(size, kernel, stride, padding, dilation)
    assert (positions - 1) * stride + window <= room < positions * stride + window


@few
@given(sizes, kernels, strides, st.integers(1, 3))
def test_same_padding_gives_the_size_over_the_stride(size, kernel, stride, dilation):
    before, after = same_padding(size, kernel, stride, dilation)
    assert 0 <= before <= after <= before + 1
    expected = -(-size // stride)
    if size + before + after >= dilation * (kernel - 1) + 1:
        assert output_size(size, kernel, stride, (before, after), dilation) == expected


def _sizes(shape, kernel, stride, dilation, padding):
    """The output's (height, width), or None where the window does not fit."""
    made = []
    for size, k, s in zip(shape, kernel, stride, strict=True):
        around = same_padding(size, k, s, dilation) if padding == "same" else 0
        try:
            made.append(output_size(size, k, s, around, dilation))
        except ValueError:
            return None
    return tuple(made)


pairs = st.tuples(st.integers(1, 7), st.integers(1, 7))
shapes = st.tuples(st.integers(1, 40), st.integers(1, 40))
paddings = st.sampled_from(["valid", "same"])


def test_convolutions_as_keras_makes_them(weightless):
    @few
    @given(shapes, pairs, st.integers(1, 4), st.integers(1, 3), paddings, st.integers(1, 4),
           st.integers(1, 4), st.integers(1, 4), st.booleans())  # fmt: skip
    def check(shape, kernel, stride, dilation, padding, groups, inside, maps, bias):
        stride = 1 if dilation > 1 else stride  # Keras allows only one of them
        channels, filters = groups * inside, groups * maps
        layer = weightless.layers.Conv2D(
            filters, kernel, stride, padding, dilation_rate=dilation, groups=groups, use_bias=bias
        )
        ours = _sizes(shape, kernel, (stride, stride), dilation, padding)
        if ours is None:
            with pytest.raises(ValueError):
                layer(weightless.Input((*shape, channels)))
            return
        assert layer(weightless.Input((*shape, channels))).shape == (None, *ours, filters)
        assert layer.count_params() == conv_parameters(kernel, channels, filters, groups, bias)

    check()


def test_pools_as_keras_makes_them(weightless):
    @few
    @given(shapes, pairs, st.integers(1, 4), paddings, st.booleans())
    def check(shape, kernel, stride, padding, largest):
        kind = weightless.layers.MaxPooling2D if largest else weightless.layers.AveragePooling2D
        image, layer = weightless.Input((*shape, 3)), kind(kernel, stride, padding)
        ours = _sizes(shape, kernel, (stride, stride), 1, padding)
        if ours is None:
            with pytest.raises(ValueError):
                layer(image)
        else:
            assert layer(image).shape == (None, *ours, 3)

    check()


def test_dense_layers_as_keras_makes_them(weightless):
    @few
    @given(st.integers(1, 5000), st.integers(1, 5000), st.booleans())
    def check(inputs, units, bias):
        layer = weightless.layers.Dense(units, use_bias=bias)
        assert layer(weightless.Input((inputs,))).shape == (None, units)
        assert layer.count_params() == dense_parameters(inputs, units, bias)

    check()
