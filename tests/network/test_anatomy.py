"""Anatomies: the numbers of well-known networks, and a normal form that ways of writing share."""

import json
import re
from dataclasses import replace
from math import prod

import keras
import pytest
from keras import layers, ops

from course.anatomy import Anatomy, anatomy
from course.architectures.lenet import LENET5, LENET5_1998
from course.evidence.ends import TraceError


@pytest.mark.parametrize("name", ["VGG16", "VGG19", "ResNet50"])
def test_the_networks_that_keras_brings(weightless, specs, name):
    model = getattr(keras.applications, name)(weights=None)
    built, fact = anatomy(model), specs["keras_applications"][name]
    assert built.parameters == model.count_params() == fact["count_params"]
    assert built.macs == fact["macs"]
    trained = sum(prod(weight.shape) for weight in model.trainable_weights)
    assert built.trained == trained
    assert built.output_shapes == [(1000,)]
    published = specs["architectures"][fact["ours"]]["totals"]
    assert built.trained == published["params_trainable"]
    if name.startswith("VGG"):  # Keras's ResNet adds in another place than the sheet counts
        assert built.memory == published["activations_incl_input"]


def test_a_function_that_makes_a_model_needs_no_weights():
    def never(shape, dtype=None):
        raise AssertionError("a weight was made")

    def dense():
        inputs = keras.Input((4,))
        return keras.Model(inputs, layers.Dense(3, kernel_initializer=never)(inputs))

    with pytest.raises(AssertionError, match="a weight was made"):
        dense()
    assert anatomy(dense).parameters == 4 * 3 + 3
    with pytest.raises(TypeError, match=r"a function that makes one.* Received: int\."):
        anatomy(lambda: 16)


def rows(*made, shape=(12, 12, 4)):
    """What the anatomy of a chain of layers has in each row: what it does, and its shape."""
    x = inputs = keras.Input(shape)
    for layer in made:
        x = layer(x)
    return seen(keras.Model(inputs, x))


def seen(model):
    return [(step.does(), step.shape) for step in anatomy(model)]


def model(build, shape=(12, 12, 4)):
    inputs = keras.Input(shape)
    return keras.Model(inputs, build(inputs))


def conv(filters=4, kernel=3, **rest):
    return layers.Conv2D(filters, kernel, **rest)


@pytest.mark.parametrize(
    "activate",
    [
        lambda x: conv(activation="relu")(x),
        lambda x: layers.ReLU()(conv()(x)),
        lambda x: layers.Activation("relu")(conv()(x)),
        lambda x: ops.relu(conv()(x)),
        lambda x: keras.activations.relu(conv()(x)),
        lambda x: conv(activation=lambda t: ops.relu(t))(x),
        lambda x: conv(activation=layers.ReLU())(x),
        lambda x: layers.Lambda(lambda t: ops.relu(t))(conv()(x)),
    ],
)
def test_one_row_however_the_activation_is_written(weightless, activate):
    assert seen(model(activate)) == [("convolution 3 × 3, relu", (10, 10, 4))]


def test_an_activation_on_a_branch_of_its_own_changes_no_other(weightless):
    def build(x):
        x = conv()(x)
        return layers.Add()([x, ops.relu(x)])

    assert [what for what, _ in seen(model(build))] == ["convolution 3 × 3", "relu", "add"]


@pytest.mark.parametrize("nothing", [layers.Identity, lambda: layers.Dropout(0.1)])
def test_nor_does_a_layer_that_does_nothing_before_it(weightless, nothing):
    def build(x):
        x = conv()(x)
        return layers.Add()([x, ops.relu(nothing()(x))])

    assert [what for what, _ in seen(model(build))] == ["convolution 3 × 3", "relu", "add"]


def test_nor_does_an_activation_after_a_concatenation(weightless):
    def build(x):
        x = conv(name="a")(x)
        joined = ops.relu(layers.Concatenate()([x, layers.MaxPooling2D(3, 1, "same")(x)]))
        return layers.Concatenate()([x, joined])

    assert seen(model(build))[0] == ("convolution 3 × 3", (10, 10, 4))


@pytest.mark.parametrize(
    "written",
    [
        [conv(padding="same")],
        [layers.ZeroPadding2D(1), conv()],
        [layers.ZeroPadding2D((1, 1)), conv(padding="valid")],
        [layers.ZeroPadding2D(((1, 0), (1, 0))), layers.ZeroPadding2D(((0, 1), (0, 1))), conv()],
        [layers.ZeroPadding2D(1), layers.Identity(), conv()],
    ],
    ids=["same", "layer", "pairs", "two layers", "identity between"],
)
def test_padding_is_part_of_the_next_step(weightless, written):
    assert rows(*written) == [("convolution 3 × 3, padding 1", (12, 12, 4))]


def test_same_padding_with_a_stride(weightless):
    (same,) = anatomy(model(conv(strides=2, padding="same"))).steps
    assert same.padding == ((0, 1), (0, 1)) and same.shape == (6, 6, 4)
    padded = rows(layers.ZeroPadding2D(1), conv(strides=2))
    assert padded == [("convolution 3 × 3, stride 2, padding 1", (6, 6, 4))]


def test_what_leaves_no_row(weightless):
    found = rows(
        layers.Rescaling(1 / 255, offset=-1), layers.RandomFlip(), layers.GaussianNoise(0.1),
        conv(), layers.Dropout(0.5), layers.Identity(), layers.SpatialDropout2D(0.1),
        layers.Activation("linear"), layers.Flatten(), layers.Dropout(0.5),
        layers.Dense(2),
    )  # fmt: skip
    assert found == [("convolution 3 × 3", (10, 10, 4)), ("dense", (2,))]


def test_rescaling_inside_the_network_counts(weightless):
    assert rows(conv(), layers.Rescaling(2.0)) == [("convolution 3 × 3, × 2", (10, 10, 4))]


def test_a_convolution_over_the_whole_map_is_a_dense_layer(weightless):
    as_conv = anatomy(model(conv(7, 12, activation="tanh")))
    as_dense = anatomy(model(lambda x: layers.Dense(7, "tanh")(layers.Flatten()(x))))
    for step in (*as_conv, *as_dense):
        assert (step.does(), step.shape, step.parameters) == ("dense, tanh", (7,), 4039)
        assert (step.macs, step.receptive_field) == (4032, 12)


def test_a_1x1_convolution_on_one_pixel_is_a_dense_layer(weightless):
    assert rows(conv(3, 1), shape=(1, 1, 4)) == rows(layers.Dense(3), shape=(4,))


def test_a_dense_layer_on_a_map_is_a_1x1_convolution(weightless):
    assert rows(layers.Dense(3)) == rows(conv(3, 1)) == [("convolution 1 × 1", (12, 12, 3))]


def test_pooling_the_whole_map_is_global_pooling(weightless):
    whole = rows(layers.AveragePooling2D(12), layers.Flatten())
    assert whole == rows(layers.GlobalAveragePooling2D()) == [("global average", (4,))]


def test_small_convolutions_side_by_side_are_one_row_with_a_table(weightless):
    table = [(0, 1), (1, 2), (2, 3), (0, 1, 2, 3)]

    def build(x):
        made = [conv(1)(ops.take(x, seen, axis=-1)) for seen in table]
        return ops.tanh(layers.Concatenate(name="C3")(made))

    (c3,) = anatomy(model(build)).steps
    assert c3.name == "C3" and c3.connections == tuple(table) and c3.activation == "tanh"
    assert c3.parameters == 9 * 10 + 4 and c3.macs == 9 * 10 * 100
    assert c3.does() == "convolution 3 × 3, 10 of 16 connections, tanh"


def test_slices_that_see_everything_are_an_ordinary_convolution(weightless):
    def build(x):
        return layers.Concatenate()([conv(2)(x), conv(2)(x[..., 0:4])])

    assert seen(model(build)) == rows(conv(4))


def towers(parts):
    def build(x):
        halves = [conv(4)(half) for half in parts(x)]
        halves = [layers.MaxPooling2D(2)(ops.relu(half)) for half in halves]
        return layers.Concatenate()([conv(6, groups=1)(half) for half in halves])

    return build


def in_groups(x):
    x = layers.MaxPooling2D(2)(conv(8, groups=2, activation="relu")(x))
    return conv(12, groups=2)(x)


@pytest.mark.parametrize(
    "parts",
    [lambda x: ops.split(x, 2, axis=-1), lambda x: (x[..., :2], x[..., 2:])],
    ids=["split", "slices"],
)
def test_two_towers_are_groups(weightless, parts):
    separate, together = anatomy(model(towers(parts))), anatomy(model(in_groups))
    assert [s.does() for s in separate] == [s.does() for s in together]
    assert separate["conv2d"].does() == "convolution 3 × 3, 2 groups, relu"
    assert (separate.parameters, separate.macs) == (together.parameters, together.macs)


def test_two_towers_over_the_whole_input_are_one_wide_convolution(weightless):
    found = anatomy(model(towers(lambda x: (x, x))))
    assert found.steps[0].does() == "convolution 3 × 3, relu"
    assert found.steps[0].shape == (10, 10, 8)


def test_channel_by_channel_is_depthwise(weightless):
    def build(x):
        return layers.Concatenate()([conv(1)(x[..., i : i + 1]) for i in range(4)])

    expected = [("convolution 3 × 3, one map each", (10, 10, 4))]
    assert seen(model(build)) == rows(layers.DepthwiseConv2D(3)) == expected


def test_branches_that_differ_stay_apart(weightless):
    def build(x):
        return layers.Concatenate()([conv(2, 1)(x), conv(2, 3, padding="same")(x)])

    assert [what for what, _ in seen(model(build))] == [
        "convolution 1 × 1", "convolution 3 × 3, padding 1", "maps side by side",
    ]  # fmt: skip
    assert anatomy(model(build)).output_shapes == [(12, 12, 4)]


def test_shared_weights_count_once_and_work_counts_twice(weightless):
    layer = conv(4, padding="same")
    found = anatomy(model(lambda x: layer(layer(x))))
    assert len(found) == 2 and found.parameters == 148 and found.macs == 2 * 144 * 9 * 16


def test_batch_normalisation(weightless):
    found = anatomy(model(lambda x: layers.BatchNormalization(scale=False)(conv()(x))))
    norm = found.steps[1]
    assert norm.does() == "batch norm"
    assert (norm.parameters, norm.trained, norm.memory) == (12, 4, 0)


def test_unknown_layers_keep_kerass_own_numbers(weightless):
    net = model(lambda x: layers.PReLU(name="odd")(x))
    odd = anatomy(net)["odd"]
    assert odd.does() == "PReLU" and odd.shape == (12, 12, 4)
    assert odd.parameters == net.count_params()


def test_inception_v3s_work(weightless, specs):
    found = anatomy(keras.applications.InceptionV3(weights=None))
    assert found.macs == specs["keras_applications"]["InceptionV3"]["macs"]


def test_a_config_is_as_good_as_the_model(weightless):
    net = model(in_groups)
    for config in (net.to_json(), json.loads(net.to_json()), net.get_config()):
        assert seen(config) == seen(net)
    net = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 3), layers.Flatten()])
    assert seen(net.get_config()) == seen(net)


def test_a_config_does_not_carry_code(weightless):
    net = keras.Sequential([keras.Input((8, 8, 1)), layers.Lambda(lambda x: x + 1)])
    with pytest.raises(TraceError, match="Hand over the model itself"):
        anatomy(net.to_json())


def test_an_anatomy_is_its_own_anatomy():
    built = anatomy(LENET5)
    assert anatomy(built) is built and isinstance(built, Anatomy)


@pytest.mark.parametrize("wrong", [None, 3, "", "[]", layers.Dense])
def test_what_has_no_anatomy(wrong):
    with pytest.raises((TypeError, ValueError)):
        anatomy(wrong)


def test_a_table_is_read_once_and_each_anatomy_is_its_owners():
    first = anatomy(LENET5)
    first.steps.clear()
    assert len(anatomy(LENET5)) == len(LENET5.rows)
    assert anatomy(LENET5).steps[0] is anatomy(LENET5).steps[0]
    lists = replace(LENET5, rows=list(LENET5.rows))
    assert str(anatomy(lists)) == str(anatomy(LENET5))


def test_a_row_by_name():
    built = anatomy(LENET5)
    assert built["C3"].parameters == 2416
    with pytest.raises(KeyError, match=r"has the rows C1, S2.*Received: 'C7'"):
        built["C7"]


@pytest.mark.parametrize("table", [LENET5, LENET5_1998])
def test_a_table_in_text_and_html(table):
    built = anatomy(table)
    text, html = str(built), built._repr_html_()
    *_, total, at_once = text.splitlines()
    for number in (f"{built.parameters:,}", f"{built.macs:,}", f"{built.memory:,}"):
        assert number in total and number in html
    assert total.endswith(f" {built.memory:,}") and at_once.endswith(f" {built.peak:,}")
    assert f">{built.peak:,}<" in html
    assert repr(built) == text and text.splitlines()[0] == table.name
    for step in built:
        assert f">{step.name}<" in html and step.name in text
    assert html.count("<tr>") == html.count("</tr>") == len(built) + 4
    lines = text.splitlines()
    assert lines[1] == lines[3] == lines[-3]


def test_trained_parameters_are_shown_where_they_differ():
    assert "60,840 (60,000 trained)" in str(anatomy(LENET5_1998))
    assert "trained" not in str(anatomy(LENET5))


def test_names_are_escaped(weightless):
    inputs = keras.Input((4,), name="in")
    net = keras.Model(inputs, layers.Dense(2, name="a<script>&b")(inputs), name="m<b>")
    html = anatomy(net)._repr_html_()
    assert "<script>" not in html and "a&lt;script&gt;&amp;b" in html and "m&lt;b&gt;" in html
    assert not re.search(r"<(?!/?(table|caption|thead|tbody|tfoot|tr|th|td)\b)", html)


def test_a_network_of_any_size_needs_one(weightless):
    inputs = keras.Input((None, None, 3))
    net = keras.Model(inputs, layers.Conv2D(4, 3)(inputs))
    with pytest.raises(ValueError, match=r"Received: \(None, None, 3\)\. Say one .* input_shape"):
        anatomy(net)
    assert anatomy(net, input_shape=(9, 8, 3)).output_shapes == [(7, 6, 4)]
