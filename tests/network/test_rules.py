"""The normal form, rule by rule: a network with it and without it is one network."""

import ast
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from course import network
from course.anatomy import anatomy
from course.architectures import Table, conv
from course.architectures.lenet import LENET5_1998
from course.diagnosis import diagnose
from course.network import own_layers, recognise, regions
from course.network.node import Value
from course.network.rules import RULES


def rows_of(build, shape=(12, 12, 4)):
    """Everything that counts about a network of one input: rows, what they read, shapes."""
    inputs = keras.Input(shape)
    found = anatomy(keras.Model(inputs, build(inputs)))
    steps = [value.parts[0][0] for value in found.inputs] + found.steps
    place = {id(step): number for number, step in enumerate(steps)}
    rows = [
        (step.does(), step.shape, step.parameters, [
            sorted((place[id(node)], *part) for node, *part in value.parts) for value in step.inputs
        ])
        for step in found
    ]  # fmt: skip
    return rows, found.output_shapes


AROUND = [[0, 0], [1, 1], [1, 1], [0, 0]]  # a pixel on each side of a map


def window(filters=4, kernel=3, **rest):
    return layers.Conv2D(filters, kernel, **rest)


def through(*made):
    def build(x):
        for layer in made:
            x = layer(x)
        return x

    return build


def head(*before):
    """A small network behind some layers."""
    return through(*before, window(6), layers.ReLU(), layers.Flatten(), layers.Dense(3))


def zeros_and_cropping(x):
    return layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x)[:, 1:, 1:])


def zeros_behind(x):
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    return layers.MaxPooling2D(3, 2)(x)


def on_its_side(*made):
    """Layers on maps whose height and width have changed their places, and back if still maps."""

    def turned(side):
        if isinstance(side, layers.Layer):
            config = side.get_config()
            for name in ("kernel_size", "strides", "pool_size", "padding", "size"):
                if isinstance(config.get(name), tuple | list):
                    config[name] = config[name][::-1]
            return type(side).from_config(config)
        return side

    def build(x):
        x = through(layers.Permute((2, 1, 3)), *map(turned, made))(x)
        return layers.Permute((2, 1, 3))(x) if len(x.shape) == 4 else x

    return build


def patches(*size, **rest):
    return lambda x: ops.image.extract_patches(x, *size, **rest)


def two_towers(x):
    halves = [window(4)(half) for half in ops.split(x, 2, axis=-1)]
    halves = [layers.MaxPooling2D(2)(ops.relu(half)) for half in halves]
    return layers.Concatenate()([window(6)(half) for half in halves])


def in_groups(x):
    x = layers.MaxPooling2D(2)(window(8, groups=2, activation="relu")(x))
    return window(12, groups=2)(x)


def more_maps_of(x):
    return layers.Concatenate()([x, ops.zeros_like(x)])


def more_maps(x):
    return more_maps_of(window(8, padding="same", activation="relu")(x))


def padded_maps(x):
    x = window(8, padding="same", activation="relu")(x)
    return ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, 8]])


def taken_apart(x):
    x = window(6)(x)
    return window(2)(layers.Concatenate()([x[..., :2], ops.take(x, [2, 3, 4, 5], axis=-1)]))


def colours(x):
    return window(5)(ops.stack([x[..., 2], x[..., 1], x[..., 0], x[..., 3]], axis=-1))


def branches(x, order=(0, 1), nested=False):
    made = [window(2, 1)(x), window(3, padding="same")(x)]
    made = [made[number] for number in order]
    if nested:
        made = [layers.Concatenate()(made), window(7, 5, padding="same")(x)]
    else:
        made.append(window(7, 5, padding="same")(x))
    return window(2)(layers.Concatenate()(made))


def three_ways(*made):
    """Two of three parts go through another convolution."""

    def build(x):
        one, two, three = made[0](x) if len(made) == 1 else [make(x) for make in made]
        two, three = window(8, padding="same")(two), window(4, 5, padding="same")(three)
        return layers.Concatenate()([one, two, three])

    return build


def wide(*behind, late=()):
    def parts(x):
        x = through(window(12, 1), *behind)(x)
        return [through(*late)(part) for part in (x[..., :6], x[..., 6:10], x[..., 10:])]

    return three_ways(parts)


def normed(filters):
    return through(window(filters, 1), layers.BatchNormalization(), ops.relu)


def norm():
    return layers.BatchNormalization()


def normed_branches(each=lambda x: x, late=lambda x: x):
    """Two unlike convolutions side by side, normalised each or together."""

    def build(x):
        made = [each(window(2, 1)(x)), each(window(3, padding="same")(x))]
        return window(2)(late(layers.Concatenate()(made)))

    return build


def towers(norm=lambda x: x):
    def build(x):
        halves = [norm(window(3)(half)) for half in ops.split(x, 2, axis=-1)]
        return layers.Concatenate()(halves)

    return build


def added(join):
    """Two convolutions that a function puts together."""
    return lambda x: join(window()(x), window(activation="relu")(x))


def attended(inputs):
    """An attention of three heads among tokens."""
    return lambda x: layers.MultiHeadAttention(3, 4)(*inputs(layers.Reshape((-1, 4))(x)))


class Kernel(layers.Layer):
    """A convolution, or a dense layer, with a kernel of one's own."""

    def __init__(
        self, filters=6, sides=(3, 3), apply=ops.conv, then=None, first="kernel", turned=False,
        **rest,
    ):  # fmt: skip
        super().__init__()
        self.turned = turned  # whether the bias stands in front of the plus
        self.filters, self.sides, self.apply, self.then = filters, sides, apply, then
        self.first, self.rest = first, rest

    def build(self, shape):
        shapes = {"kernel": (*self.sides, shape[-1], self.filters), "bias": (self.filters,)}
        order = [self.first, *(name for name in shapes if name != self.first)]
        for name in order if self.first else ["kernel"]:
            setattr(self, name, self.add_weight(shape=shapes[name], name=name))

    def call(self, x):
        made, bias = self.apply(x, self.kernel, **self.rest), getattr(self, "bias", 0.0)
        made = bias + made if self.turned else made + bias
        return self.then(made) if self.then else made


SAME = {
    "nothing_happens": [
        (head(layers.Dropout(0.1), layers.Identity(), layers.GaussianNoise(0.1)), head()),
        (through(window(), layers.Activation("linear"), lambda x: x * 1 + 0), window()),
        (through(layers.RandomFlip(), lambda x: ops.cast(x, "float32"), window()), window()),
        (through(layers.Cropping2D(0), window()), window()),
        (through(window(), layers.Permute((1, 2, 3))), window()),
        (through(window(), lambda x: ops.transpose(x, (0, 1, 2, 3))), window()),
    ],
    "the_image_is_scaled": [
        (head(layers.Rescaling(1 / 255, offset=-1)), head()),
        (head(lambda x: (x - 127) / 255), head()),
        (head(lambda x: x / ops.convert_to_tensor([1.0, 2.0, 3.0, 4.0])), head()),
    ],
    "colours_in_another_order": [
        (colours, window(5)),
        (through(lambda x: ops.flip(x, -1), window(5)), window(5)),
        (through(lambda x: x[..., ::-1], window(5)), window(5)),
    ],
    "channels_are_chosen": [(taken_apart, through(window(6), window(2)))],
    "only_the_shape_changes": [
        (through(window(6), layers.Flatten(), layers.Flatten(), layers.Dense(2)),
         through(window(6), layers.Reshape((-1,)), layers.Dense(2))),
        (through(window(6), layers.Flatten(), layers.Reshape((10, 10, 6)), window(3)),
         through(window(6), window(3))),
        (through(window(6), layers.Reshape((100, 6)), layers.Reshape((10, 10, 6)), window(3)),
         through(window(6), window(3))),
        (through(window(6), layers.Flatten(), layers.Reshape((-1, 6)), layers.Dense(5)),
         through(window(6), layers.Reshape((100, 6)), layers.Conv1D(5, 1))),
    ],
    "axes_turned_back": [
        *(
            (through(window(6), *steps, layers.MaxPooling2D(2)),
             through(window(6), layers.MaxPooling2D(2)))
            for steps in (
                (layers.Permute((3, 1, 2)), layers.Permute((2, 3, 1))),
                (layers.Permute((3, 1, 2)), layers.Dropout(0.1), layers.Permute((2, 3, 1))),
                [layers.Permute((3, 1, 2))] * 3,
                (lambda x: ops.transpose(x, (0, 3, 1, 2)), layers.Permute((2, 3, 1))),
                (lambda x: ops.moveaxis(x, -1, 1), lambda x: ops.moveaxis(x, 1, -1)),
                (lambda x: ops.moveaxis(x, (1, 2), (2, 3)), layers.Permute((2, 3, 1))),
                (lambda x: ops.swapaxes(x, 1, 3), lambda x: ops.swapaxes(x, -1, -3)),
                (layers.Permute((2, 1, 3)), layers.Permute((2, 1, 3))),
            )
        ),
    ],
    "maps_turned_later": [
        (through(window(6), layers.Permute((3, 1, 2)), ops.tanh, layers.Permute((2, 3, 1)),
                 layers.AveragePooling2D(2)),
         through(window(6, activation="tanh"), layers.AveragePooling2D(2))),
        *(
            (on_its_side(*steps), through(*steps))
            for steps in (
                [window(4, (3, 5), padding="same", strides=(1, 2), activation="relu")],
                [window(6), layers.BatchNormalization(), ops.relu, layers.MaxPooling2D((2, 3))],
                [layers.ZeroPadding2D(((0, 1), (2, 3))), window(6, 5)],
                [layers.Conv2DTranspose(6, (2, 3), (2, 3)), layers.UpSampling2D((2, 1))],
                [two_towers],
                [lambda x: ops.relu(added(ops.add)(x))],
                [window(6, (3, 5)), layers.GlobalAveragePooling2D(), layers.Dense(3)],
                [window(6, (3, 5)), layers.Flatten(), layers.Dense(3)],
            )
        ),
    ],
    "values_in_any_order": [
        (through(window(6), *steps), through(window(6), layers.Flatten(), layers.Dense(3)))
        for steps in (
            (layers.Permute((3, 1, 2)), layers.Flatten(), layers.Dense(3)),
            (layers.Reshape((1, 1, 600)), layers.Conv2D(3, 1), layers.Flatten()),
            (layers.Flatten(), layers.Reshape((1, 1, 600)), layers.Dense(3), layers.Flatten()),
        )
    ],
    "maps_of_zeros_beside_others": [(more_maps, padded_maps)],
    "the_same_maps_again": [
        (lambda x: window(2)(layers.Concatenate()([x, layers.Dropout(0.1)(x)])),
         lambda x: window(2)(ops.concatenate([x, x], axis=-1))),
    ],
    "equal_steps_side_by_side": [(two_towers, in_groups)],
    "norm_of_several_steps": [
        (normed_branches(late=norm()), normed_branches(lambda x: norm()(x))),
        (normed_branches(late=through(norm(), ops.relu)),
         normed_branches(lambda x: ops.relu(norm()(x)))),
        (through(towers(), norm()), towers(lambda x: norm()(x))),
        (through(towers(), norm()), through(window(6, groups=2), norm())),
    ],
    "maps_side_by_side": [(lambda x: branches(x, nested=True), branches)],
    "sum_of_what_is_stacked": [
        (added(lambda x, y: ops.sum(ops.stack([x, y]), axis=0)), added(ops.add)),
        (added(lambda x, y: ops.sum(ops.stack([x, y], axis=-1), axis=-1)), added(ops.add)),
    ],
    "minus_a_negative": [
        (added(lambda x, y: layers.Subtract()([x, -y])), added(ops.add)),
        (added(lambda x, y: x - y * -1), added(ops.add)),
        (through(window(), lambda x: x - (-x)), through(window(), lambda x: x + x)),
    ],
    "attention_to_itself": [
        (attended(lambda x: (x, layers.Dropout(0.1)(x), x)), attended(lambda x: (x, x))),
        (attended(lambda x: (x, layers.Dense(5)(x))),
         attended(lambda x: (x, y := layers.Dense(5)(x), layers.Dropout(0.1)(y)))),
    ],
    "zeros_on_zeros": [
        (zeros_and_cropping, zeros_behind),
        (through(layers.ZeroPadding2D(1), layers.Cropping2D(((1, 0), (1, 0))),
                 layers.MaxPooling2D(3, 2)), zeros_behind),
        (through(layers.ZeroPadding2D(2), layers.Cropping2D(2), window()), window()),
        (through(layers.ZeroPadding2D(1), layers.ZeroPadding2D(1), window(4, 5)),
         window(4, 5, padding="same")),
    ],
    "zeros_into_the_window": [
        (through(layers.ZeroPadding2D(1), window()), window(padding="same")),
        (through(lambda x: ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), window()),
         window(padding="same")),
        (through(layers.ZeroPadding2D(1), layers.Dropout(0.1), layers.AveragePooling2D(3, 1)),
         layers.AveragePooling2D(3, 1, "same")),
        *(
            (through(window(), lambda x, v=lowest: ops.pad(x, AROUND, constant_values=v),
                     layers.Dropout(0.1), layers.MaxPooling2D(3, 1)),
             through(window(), layers.MaxPooling2D(3, 1, "same")))
            for lowest in (-np.inf, float("-inf"), np.finfo("float32").min, -1e9, tf.float32.min)
        ),
        (through(window(), layers.Lambda(lambda x: tf.pad(x, AROUND, constant_values=-np.inf)),
                 layers.MaxPooling2D(3, 1)),
         through(window(), layers.MaxPooling2D(3, 1, "same"))),
    ],
    "cropped_behind_a_transposed_convolution": [
        (through(layers.Conv2DTranspose(5, 4, 2), layers.Cropping2D(1)),
         layers.Conv2DTranspose(5, 4, 2, padding="same")),
    ],
    "cropped_behind_a_window": [
        (through(window(padding="same"), layers.Cropping2D(1), layers.ReLU()),
         window(activation="relu")),
        (through(window(padding="same"), ops.sigmoid, lambda x: x[:, 1:-1, 1:-1]),
         window(activation="sigmoid")),
        (through(layers.ZeroPadding2D(2), window(4, 1, strides=2), layers.Cropping2D(1)),
         window(4, 1, strides=2)),
        (through(window(4, 5, padding="same"), layers.Cropping2D(((1, 1), (2, 2)))),
         through(layers.ZeroPadding2D((1, 0)), window(4, 5))),
        (through(layers.MaxPooling2D(3, 1, "same"), layers.Cropping2D(1)),
         layers.MaxPooling2D(3, 1)),
    ],
    "patches_into_a_convolution": [
        (through(patches(3, 1), layers.Dense(6, "relu"), layers.MaxPooling2D(2)),
         through(window(6, activation="relu"), layers.MaxPooling2D(2))),
        (through(patches((3, 2), (1, 2), padding="same"), window(6, 1), window(5)),
         through(window(6, (3, 2), strides=(1, 2), padding="same"), window(5))),
        (through(patches(4), layers.Reshape((9, 64)), layers.Dense(6)),
         through(window(6, 4, strides=4), layers.Reshape((9, 6)))),
    ],
    "pixels_skipped_before_a_window": [
        (through(lambda x: x[:, ::2, ::2], window(4, 1)), window(4, 1, strides=2)),
        (through(window(), layers.AveragePooling2D(1, 2), window(4, 1, strides=2)),
         through(window(), window(4, 1, strides=4))),
    ],
    "pixels_skipped_behind_a_pool": [
        (through(layers.MaxPooling2D(3, 1), lambda x: x[:, ::2, ::2]), layers.MaxPooling2D(3, 2)),
        (through(layers.AveragePooling2D(2, 1), layers.MaxPooling2D(1, 3)),
         layers.AveragePooling2D(2, 3)),
    ],
    "pixels_skipped_among_maps_of_zeros": [
        (through(padded_maps, lambda x: x[:, ::2, ::2], ops.relu),
         through(window(8, padding="same", activation="relu"), lambda x: x[:, ::2, ::2],
                 more_maps_of, ops.relu)),
    ],
    "pools_along_one_axis_each": [
        (through(layers.MaxPooling2D((3, 1), (2, 1)), layers.MaxPooling2D((1, 2))),
         layers.MaxPooling2D((3, 2), (2, 2))),
        (through(layers.AveragePooling2D((1, 2)), layers.AveragePooling2D((2, 1))),
         layers.AveragePooling2D(2)),
    ],
    "bias_into_its_step": [
        (through(Kernel(), layers.MaxPooling2D(2)), through(window(6), layers.MaxPooling2D(2))),
        (through(layers.Flatten(), Kernel(10, (), ops.matmul, ops.tanh)),
         through(layers.Flatten(), layers.Dense(10, "tanh"))),
        (through(Kernel(turned=True)), window(6)),
    ],
    "same_activation_twice": [
        (through(window(activation="relu"), layers.ReLU()), window(activation="relu")),
        (through(window(activation="relu"), layers.MaxPooling2D(2), layers.ReLU()),
         through(window(activation="relu"), layers.MaxPooling2D(2))),
        (through(window(activation="relu6"), layers.ReLU(6.0)), window(activation="relu6")),
        (through(window(activation="relu"), layers.GlobalAveragePooling2D(), layers.ReLU()),
         through(window(activation="relu"), layers.GlobalAveragePooling2D())),
        (through(window(), layers.ReLU(), layers.AveragePooling2D(2), layers.MaxPooling2D(2),
                 layers.ReLU()),
         through(window(activation="relu"), layers.AveragePooling2D(2), layers.MaxPooling2D(2))),
    ],
    "activation_into_its_step": [
        (through(window(), layers.ReLU()), window(activation="relu")),
        (through(window(), layers.MaxPooling2D(2), ops.tanh),
         through(window(activation="tanh"), layers.MaxPooling2D(2))),
        (through(window(), layers.ZeroPadding2D(1), layers.ReLU(), window()),
         through(window(activation="relu"), window(padding="same"))),
        (through(window(), layers.ReLU(6.0)), through(window(), lambda x: ops.clip(x, 0, 6))),
        (through(window(), layers.ReLU(6.0)), window(activation="relu6")),
        (through(window(), layers.LeakyReLU(0)), window(activation="relu")),
        (through(window(), lambda x: ops.leaky_relu(x, 0.0)), window(activation="relu")),
    ],
    "window_as_large_as_its_map": [
        (window(7, 12), through(layers.Flatten(), layers.Dense(7), layers.Reshape((1, 1, 7)))),
        (through(layers.AveragePooling2D(12), layers.Flatten()), layers.GlobalAveragePooling2D()),
    ],
    "pool_of_one_pixel": [
        (through(window(), layers.MaxPooling2D(1)), window()),
        (through(window(), layers.AveragePooling2D(1, 2)),
         through(window(), lambda x: x[:, ::2, ::2])),
        (through(layers.GlobalMaxPooling2D(keepdims=True), layers.GlobalAveragePooling2D()),
         layers.GlobalMaxPooling2D()),
    ],
}  # fmt: skip


@pytest.mark.parametrize("rule", SAME)
def test_with_and_without_it_is_one_network(weightless, rule):
    for one, other in SAME[rule]:
        assert rows_of(one) == rows_of(other)


def test_every_rule_has_its_test():
    assert [rule.__name__ for rule in RULES] == list(SAME)


def gated(squeeze, expand, join=lambda x, gate: layers.Multiply()([x, gate])):
    """A gate for each map of a depthwise convolution, and a convolution behind it."""

    def build(x):
        x = layers.DepthwiseConv2D(3, activation="relu")(x)
        return window(2, 1)(join(x, expand(squeeze(x))))

    return build


mean = layers.GlobalAveragePooling2D
two_dense = through(layers.Dense(2, "relu"), layers.Dense(4, "sigmoid"))
two_convs = through(window(2, 1, activation="relu"), window(4, 1, activation="sigmoid"))


@pytest.mark.parametrize(
    "other",
    [
        gated(mean(keepdims=True), two_convs),
        gated(through(mean(), layers.Reshape((1, 1, 4))), two_convs),
        gated(lambda x: ops.mean(x, axis=(1, 2), keepdims=True), two_dense),
        gated(through(mean(), two_dense), layers.Reshape((1, 1, 4))),
        gated(mean(), through(two_dense, lambda x: x[:, None, None, :]), lambda x, g: g * x),
        gated(mean(), through(two_dense, lambda x: ops.expand_dims(ops.expand_dims(x, 1), 1)),
              ops.multiply),
        gated(mean(), two_dense, lambda x, gate: layers.Multiply()([gate, x])),
        gated(mean(), through(two_dense, layers.Dropout(0.1))),
    ],
)  # fmt: skip
def test_squeeze_and_excite_is_one_network(weightless, other):
    def ordered(build):
        rows, shapes = rows_of(build)
        return [(*row[:3], sorted(row[3])) for row in rows], shapes

    assert ordered(gated(mean(), two_dense)) == ordered(other)


def test_a_separable_convolution_is_two_rows(weightless):
    apart = through(layers.DepthwiseConv2D(3, 2, depth_multiplier=2, use_bias=False), window(5, 1))
    assert rows_of(layers.SeparableConv2D(5, 3, 2, depth_multiplier=2)) == rows_of(apart)


@pytest.mark.parametrize("transposed", [
    layers.Conv2DTranspose(5, 3, 2), layers.Conv2DTranspose(5, 3, 2, "same"),
    layers.Conv2DTranspose(5, 4, 2, "same"), layers.Conv2DTranspose(5, 2, 3),
    layers.Conv2DTranspose(5, 3, 2, "same", output_padding=1), layers.Conv2DTranspose(5, (2, 3), 1),
    layers.UpSampling2D((2, 3)), layers.SeparableConv2D(3, (1, 3), padding="same"),
])  # fmt: skip
def test_sizes_are_those_of_keras(weightless, transposed):
    inputs = keras.Input((12, 11, 4))
    net = keras.Model(inputs, transposed(inputs))
    found = anatomy(net)
    assert found.steps[-1].shape == net.output_shape[1:]
    assert found.parameters == net.count_params()


def test_normalisation_and_activation_alone_keep_their_rows(weightless):
    rows, _ = rows_of(through(window(4), layers.BatchNormalization(), layers.ReLU(), window(4)))
    before, _ = rows_of(through(layers.BatchNormalization(), layers.ReLU(), window(4)))
    assert [row[0] for row in rows] == [
        "convolution 3 × 3",
        "batch norm, relu",
        "convolution 3 × 3",
    ]
    assert [row[0] for row in before] == ["batch norm, relu", "convolution 3 × 3"]
    assert rows_of(layers.ReLU())[0][0][0] == "relu"


@pytest.mark.parametrize(
    "name, ways",
    [
        ("relu6", [layers.ReLU(6.0), layers.ReLU(max_value=6), ops.relu6,
                   layers.Activation("relu6"), lambda x: ops.clip(x, 0.0, 6.0),
                   lambda x: ops.minimum(ops.relu(x), 6.0),
                   lambda x: keras.activations.relu(x, max_value=6)]),
        ("silu", [layers.Activation("swish"), layers.Activation("silu"), ops.silu,
                  lambda x: layers.Multiply()([x, ops.sigmoid(x)]), keras.activations.swish]),
        ("hard_sigmoid", [layers.Activation("hard_sigmoid"), ops.hard_sigmoid,
                          lambda x: ops.relu6(x + 3) / 6]),
        ("hard_silu", [layers.Activation("hard_swish"), ops.hard_silu,
                       lambda x: x * (layers.ReLU(6.0)(x + 3.0) * (1.0 / 6.0))]),
    ],
)  # fmt: skip
def test_an_activation_has_one_name(weightless, name, ways):
    for way in ways:
        rows, _ = rows_of(through(window(), way))
        assert [row[0] for row in rows] == [f"convolution 3 × 3, {name}"]
    table = {"silu": "swish", "hard_silu": "hard_swish"}.get(name, name)
    (row,) = anatomy(Table("t", "", (12, 12, 4), (conv("c", 4, 3, activation=table),)))
    assert row.activation == name


def test_maps_beside_themselves_are_a_row(weightless):
    (again, *_), _ = rows_of(lambda x: window(2)(ops.concatenate([x, x], axis=-1)))
    assert again[:2] == ("the same maps again", (12, 12, 8))


def test_a_wide_convolution_is_taken_apart(weightless):
    narrow = three_ways(*(through(window(maps, 1), ops.relu) for maps in (6, 4, 2)))
    assert rows_of(wide(ops.relu)) == rows_of(wide(late=[ops.relu])) == rows_of(narrow)
    narrow = three_ways(*map(normed, (6, 4, 2)))
    for one in (wide(layers.BatchNormalization(), ops.relu),
                wide(layers.BatchNormalization(), late=[ops.relu])):  # fmt: skip
        assert rows_of(one) == rows_of(narrow)
    halves = rows_of(lambda x: ops.split(window(8)(x), 2, axis=-1)[1])
    assert halves[0][0][:3] == ("convolution 3 × 3", (10, 10, 8), 9 * 4 * 8 + 8)


@pytest.mark.parametrize(
    "one, other",
    [
        (through(window(), layers.Softmax(), layers.Softmax()),
         through(window(), layers.Softmax())),
        (through(window(), layers.AveragePooling2D(2), layers.ReLU()),
         through(window(activation="relu"), layers.AveragePooling2D(2))),
        (through(window(), layers.Cropping2D(1)), window()),
        (through(window(4, 3, padding="same"), layers.Cropping2D(2)), window(4, 3)),
        (through(window(), layers.Cropping2D(1), layers.ZeroPadding2D(1), window()),
         through(window(), window())),
        (through(layers.ZeroPadding2D(1), ops.sigmoid, window()),
         through(ops.sigmoid, window(padding="same"))),
        (through(layers.ZeroPadding2D(1), layers.BatchNormalization(), window()),
         through(layers.BatchNormalization(), window(padding="same"))),
        (lambda x: layers.Add()([y := window(4)(x), ops.relu(y)]),
         lambda x: layers.Add()([y := window(4, activation="relu")(x), y])),
        (through(window(), lambda x: x * 2), window()),
        (added(ops.subtract), added(ops.add)),
        (added(lambda x, y: ops.sum(ops.stack([x, y], axis=1), axis=-1)), added(ops.add)),
        (through(window(), layers.LeakyReLU(0.1)), window(activation="relu")),
        (through(window(), layers.Permute((2, 1, 3))), window()),
        (through(lambda x: x[:, ::2, ::2], window()), window(strides=2)),
        (through(window(6), lambda x: ops.flip(x, 1)), window(6)),
        *(
            (through(window(), lambda x, v=value: ops.pad(x, AROUND, constant_values=v), pool),
             through(window(), layers.ZeroPadding2D(1), pool))
            for value, pool in ((1, layers.MaxPooling2D(3)), (-1, layers.MaxPooling2D(3)),
                                (-np.inf, layers.AveragePooling2D(3)), (-np.inf, window()))
        ),
    ],
    ids=["softmax twice", "an average first", "cropped", "cropped too far", "cropped, then zeros",
         "sigmoid of zeros",
         "zeros normalised",
         "read before the activation", "scaled inside", "subtracted", "summed along another axis",
         "leaky", "turned on its side", "pixels skipped before 3 × 3", "turned upside down",
         "ones around a map", "no lowest numbers", "lowest numbers averaged", "and multiplied"],
)  # fmt: skip
def test_what_is_another_network(weightless, one, other):
    assert rows_of(one) != rows_of(other)


def test_a_chain_of_2000_rows():
    rows = tuple(conv(f"conv{number}", 4, 3, padding=1) for number in range(2000))
    found = anatomy(Table("deep", "", (32, 32, 4), rows))
    assert len(found) == 2000 and found.parameters == 2000 * (9 * 4 * 4 + 4)
    assert found.steps[-1].shape == (32, 32, 4) and found.steps[-1].receptive_field == 4001


EINSUM = layers.EinsumDense


@pytest.mark.parametrize("einsum, dense", [
    (through(layers.Flatten(), EINSUM("ab,bc->ac", 3, bias_axes="c", activation="relu")),
     through(layers.Flatten(), layers.Dense(3, "relu"))),
    (through(layers.Flatten(), EINSUM("...x,xy->...y", 3)),
     through(layers.Flatten(), layers.Dense(3, use_bias=False))),
    (through(EINSUM("bhwi,io->bhwo", (None, None, 5), bias_axes="o")), through(window(5, 1))),
])  # fmt: skip
def test_an_einsum_dense_with_the_equation_of_a_dense_layer_is_one(einsum, dense, weightless):
    assert rows_of(einsum) == rows_of(dense)


@pytest.mark.parametrize("equation, shape, bias", [
    ("bhwi,hio->bhwo", (12, 12, 5), "o"), ("bhwi,io->bhwo", (12, 12, 5), "wo"),
    ("bhwi,ho->bowi", (7, 12, 4), None), ("bhwi,hwo->boi", (7, 4), None),
])  # fmt: skip
def test_another_equation_is_no_dense_layer(equation, shape, bias, weightless):
    rows, _shapes = rows_of(EINSUM(equation, shape, bias_axes=bias))
    assert "EinsumDense" in str(rows)


def test_a_dense_layer_on_tokens_works_on_each(weightless):
    image = keras.Input((28, 28, 3))
    x = layers.Reshape((49, 64))(layers.Conv2D(64, 4, 4)(image))
    net = keras.Model(image, layers.Dense(10)(x))
    found = anatomy(net)
    assert found.parameters == net.count_params()
    assert found.steps[-1].macs == 49 * 64 * 10


class Subsample(layers.Layer):
    """S2 of 1998, with weights of its own."""

    def __init__(self, pool=ops.average_pool, activation=lambda x: x, **kwargs):
        super().__init__(**kwargs)
        self.pool, self.activation = pool, activation

    def build(self, shape):
        self.factor = self.add_weight(shape=(shape[-1],))
        self.bias = self.add_weight(shape=(shape[-1],))

    def call(self, x):
        return self.activation(self.pool(x, 2, 2) * self.factor + self.bias)


def test_a_factor_and_an_addend_for_each_map(weightless):
    def subsampled(pool, *before):
        rows, _ = rows_of(through(window(6, 5), *before, Subsample(pool)))
        return rows[1:]

    by_keras = rows_of(through(window(6, 5), layers.AveragePooling2D(2), layers.DepthwiseConv2D(1)))
    assert subsampled(ops.average_pool) == by_keras[0][1:]
    assert subsampled(lambda x, *_: x, layers.AveragePooling2D(2)) == by_keras[0][1:]
    assert subsampled(sum_of_four) == by_keras[0][1:]  # as LeCun et al. 1998 write it


def sum_of_four(x, *_):
    return x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]


def test_an_activation_in_a_layer_of_ones_own(weightless):
    part = LENET5_1998.part("C1", "S2", input_shape=(32, 32, 1))

    def verdict(pool, activation):
        first = layers.Conv2D(6, 5, activation=lambda x: 1.7159 * ops.tanh(2 / 3 * x))
        model = keras.Sequential([keras.Input((32, 32, 1)), first, Subsample(pool, activation)])
        return [each.row for each in diagnose(anatomy(model), part)]

    assert verdict(ops.average_pool, lambda x: 1.7159 * ops.tanh(2 / 3 * x)) == []
    assert verdict(sum_of_four, lambda x: 1.7159 * ops.tanh(2 / 3 * x)) == []
    assert verdict(ops.average_pool, ops.tanh) == ["S2"]
    assert verdict(ops.average_pool, lambda x: x) == ["S2"]
    assert verdict(ops.max_pool, lambda x: 1.7159 * ops.tanh(2 / 3 * x))[:1] == ["S2_mean"]
    assert verdict(ops.average_pool, lambda x: 1.8 * ops.tanh(2 / 3 * x))[:1] == ["S2_mean"]


def test_a_layer_of_ones_own_with_weights_says_so(weightless):
    own = Subsample(ops.max_pool)
    found = anatomy(keras.Sequential([keras.Input((32, 32, 1)), window(6, 5), own]))
    assert found["subsample"].does() == (
        "Subsample, a layer of your own with weights (write them with layers of Keras)"
    )
    assert found["subsample"].parameters == 12
    said = diagnose(found, LENET5_1998.part("C1", "S2", input_shape=(32, 32, 1)))
    assert any("a layer of your own with weights" in each.message for each in said)


class InGroups(Kernel):
    """Takes its kernel apart itself: each half of its maps sees half of the maps."""

    def build(self, shape):
        super().build((*shape[:-1], shape[-1] // 2))


def of_halves(x, kernel, order=(0, 1)):
    halves, kernels = ops.split(x, 2, axis=-1), ops.split(kernel, 2, axis=-1)
    pairs = zip((halves[number] for number in order), kernels, strict=True)
    return ops.concatenate([ops.conv(*pair, padding="same") for pair in pairs], axis=-1)


def larger_by(size):
    """TensorFlow's transposed convolution, whose output has that height and width."""

    def apply(x, kernel, strides, padding="SAME"):
        made = tf.stack([tf.shape(x)[0], size, size, kernel.shape[2]])
        return tf.nn.conv2d_transpose(x, kernel, made, strides, padding)

    return apply


@pytest.mark.parametrize("mine, kerass", [
    (Kernel(), window(6)), (Kernel(first="bias"), window(6)),
    (Kernel(first=None), window(6, use_bias=False)),
    (Kernel(6, (5, 3), strides=2, padding="same"), window(6, (5, 3), strides=2, padding="same")),
    (Kernel(6, (1, 1), strides=3), window(6, 1, strides=3)),
    (Kernel(then=ops.relu), window(6, activation="relu")),
    (Kernel(then=ops.relu6), window(6, activation="relu6")),
    (Kernel(then=tf.nn.sigmoid, apply=tf.nn.conv2d, strides=1, padding="VALID"),
     window(6, activation="sigmoid")),
    (Kernel(apply=tf.nn.conv2d, strides=[1, 2, 2, 1], padding="SAME", data_format="NHWC"),
     window(6, strides=2, padding="same")),
    (Kernel(apply=tf.nn.conv2d, strides=1, padding="VALID", dilations=[1, 2, 2, 1]),
     window(6, dilation_rate=2)),
    (Kernel(apply=tf.nn.convolution), window(6)),
    (Kernel(apply=lambda x, kernel: tf.compat.v1.nn.conv2d(
        x, filter=kernel, strides=[1, 1, 1, 1], padding="SAME")), window(6, padding="same")),
    (Kernel(4, apply=ops.conv_transpose, strides=2, padding="same"),
     layers.Conv2DTranspose(4, 3, 2, padding="same")),
    (Kernel(4, apply=larger_by(24), strides=2), layers.Conv2DTranspose(4, 3, 2, padding="same")),
    (Kernel(4, (2, 2), apply=larger_by(24), strides=[1, 2, 2, 1], padding="VALID"),
     layers.Conv2DTranspose(4, 2, 2)),
    (InGroups(apply=of_halves, then=ops.relu),
     window(6, groups=2, padding="same", activation="relu")),
    (Kernel(6, (), ops.matmul), layers.Dense(6)),  # at each pixel
])  # fmt: skip
def test_a_kernel_of_ones_own(weightless, mine, kerass):
    after = layers.ReLU(), layers.Conv2D(5, 3)
    assert rows_of(through(mine, *after)) == rows_of(through(kerass, *after))


@pytest.mark.parametrize("then, name", [
    (None, None), (ops.tanh, "tanh"), (ops.softmax, "softmax"), (ops.gelu, "gelu"),
])  # fmt: skip
def test_a_dense_layer_of_ones_own(weightless, then, name):
    mine = through(layers.Flatten(), layers.Dense(7, "relu"), Kernel(10, (), ops.matmul, then))
    kerass = through(layers.Flatten(), layers.Dense(7, "relu"), layers.Dense(10, name))
    assert rows_of(mine) == rows_of(kerass)


@pytest.mark.parametrize("mine", [
    Kernel(apply=lambda x, kernel: ops.conv(x, kernel) / 2),
    Kernel(apply=lambda x, kernel: ops.conv(x, kernel, padding="same")[:, :10, :10]),
    Kernel(apply=lambda x, kernel: ops.conv(x, kernel * np.eye(3)[..., None, None]), then=ops.tanh),
    Kernel(apply=lambda x, kernel: ops.conv(x, kernel) * 0.98, then=ops.tanh),
    Kernel(apply=tf.nn.conv2d, strides=1, padding=[[0, 0], [1, 0], [1, 0], [0, 0]]),
    Kernel(4, apply=larger_by(23), strides=2),  # of two sizes, Keras gives the other
    InGroups(apply=lambda x, kernel: of_halves(x, kernel, (0, 0))),
])  # fmt: skip
def test_what_is_no_kernel_of_ones_own(weightless, mine):
    rows, _ = rows_of(mine)
    assert "a layer of your own with weights" in rows[0][0]


@pytest.mark.parametrize("mine, kerass", [
    (lambda x: tf.image.central_crop(x, 0.5), layers.Cropping2D(3)),
    (lambda x: tf.slice(x, [0, 1, 2, 0], [-1, 8, -1, 4]), layers.Cropping2D(((1, 3), (2, 0)))),
    (lambda x: tf.slice(x, tf.constant([0, 0, 0, 1]), [-1, -1, -1, 2]), lambda x: x[..., 1:3]),
    (lambda x: tf.image.resize(x, (24, 24), "nearest"), layers.UpSampling2D(2)),
    (lambda x: tf.image.resize(x, 2 * tf.shape(x)[1:3]), layers.UpSampling2D(2, None, "bilinear")),
    (lambda x: tf.nn.pool(x, [2, 2], "MAX", strides=[2, 2]), layers.MaxPooling2D(2)),
    (lambda x: tf.nn.max_pool(x, [1, 2, 2, 1], 2, [[0, 0]] * 4), layers.MaxPooling2D(2)),
    (lambda x: tf.math.reduce_max(x, axis=[1, 2]), layers.GlobalMaxPooling2D()),
    (lambda x: tf.clip_by_value(x, 0.0, 6.0), layers.ReLU(6.0)),
    (lambda x: tf.where(x > 0, x, 0.0), layers.ReLU()),
    (tf.nn.log_softmax, layers.Activation("log_softmax")),
    (lambda x: tf.reshape(x, [-1, np.prod(x.get_shape().as_list()[1:])]), layers.Flatten()),
    (lambda x: tf.debugging.check_numerics(tf.ensure_shape(x, x.shape), "bad"), layers.Identity()),
])  # fmt: skip
def test_tensorflows_functions_are_known_by_what_they_compute(weightless, mine, kerass):
    first = window(4, padding="same")
    assert rows_of(through(first, layers.Lambda(mine))) == rows_of(through(first, kerass))


@pytest.mark.parametrize("mine, kerass", [
    (window(np.int64(6)), window(6)),
    (lambda x: window()(ops.pad(x, np.array(AROUND))), window(padding="same")),
    (lambda x: x[..., : np.int64(2)], lambda x: x[..., :2]),
    (lambda x: ops.reshape(x, (-1, np.prod(x.shape[1:]))), layers.Flatten()),
    (lambda x: ops.image.resize(x, (20, 20)), layers.UpSampling2D(2, None, "bilinear")),
])  # fmt: skip
def test_sizes_of_numpy_and_defaults_of_keras(weightless, mine, kerass):
    assert rows_of(through(window(), mine)) == rows_of(through(window(), kerass))


@pytest.mark.parametrize("mine, says", [
    (lambda x: tf.slice(x, [0, 1, 1, 0], [-1, 40, 40, 4]), "tf.slice"),  # too large: an error
    (lambda x: tf.image.flip_left_right(x), "tf.image.flip_left_right"),
    (lambda x: tf.math.softsign(x), "tf.nn.softsign"),
    (lambda x: tf.nn.space_to_depth(x, 2), "tf.nn.space_to_depth"),
    (lambda x: tf.image.resize(x, (24, 24), antialias=True), "tf.image.resize"),
    (lambda x: tf.image.resize(x, (18, 18)), "Resize"),
])  # fmt: skip
def test_what_no_row_has_keeps_tensorflows_name(weightless, mine, says):
    rows, _ = rows_of(through(layers.Lambda(mine)))
    assert [does for does, *_ in rows] == [says]


def test_what_is_drawn_at_random_is_a_step_also_where_it_changes_nothing(weightless):
    rows, _ = rows_of(through(*[layers.Lambda(tf.random.shuffle)] * 8))  # by chance every second
    assert [does for does, *_ in rows] == ["tf.random.shuffle"] * 8


@pytest.mark.parametrize("mine, kerass", [
    (Kernel(apply=lambda x, kernel: ops.conv(ops.square(x), kernel)),
     through(ops.square, window(6))),
    (Kernel(then=lambda x: 1.01 * ops.tanh(x)),
     through(window(6, activation="tanh"), lambda x: 1.01 * x)),
    (Kernel(then=lambda x: ops.leaky_relu(x, 0.1)), through(window(6), layers.LeakyReLU(0.1))),
    (Kernel(then=lambda x: ops.softmax(x, axis=1)), through(window(6), layers.Softmax(axis=1))),
    (Kernel(then=layers.MaxPooling2D(2)), through(window(6), layers.MaxPooling2D(2))),
    (Kernel(then=layers.BatchNormalization()), through(window(6), layers.BatchNormalization())),
    (Kernel(1, (3, 3), ops.depthwise_conv, first=None),
     layers.DepthwiseConv2D(3, use_bias=False)),
])  # fmt: skip
def test_what_is_around_a_kernel_of_ones_own_is_seen(weightless, mine, kerass):
    assert rows_of(mine) == rows_of(kerass)


def own(name):
    """A class of the student's own with the name of one of Keras's; it cannot be opened."""

    def call(self, x):
        return ops.convert_to_tensor(np.sin(ops.convert_to_numpy(x)))

    def spec(self, x):
        return keras.KerasTensor(x.shape, x.dtype)

    return type(name, (layers.Layer,), {"call": call, "compute_output_spec": spec})


@pytest.mark.parametrize("name", ["Dropout", "ReLU", "RandomFlip", "Flatten", "LayerScale"])
def test_the_name_of_a_class_of_ones_own_means_nothing(weightless, name):
    rows, _ = rows_of(through(window(), own(name)()))
    assert rows[-1][0] == name and rows[-1][1] == (10, 10, 4)


def test_a_forged_size_costs_nothing(weightless):
    assert len(regions.points([10**12, 4])) < 50
    step = {"own": {"weights": [[2], [2]], "gives": [0.0] * 80}, "shapes": [[10**6, 10**6, 2]],
            "trained": 4, "parameters": 4}  # fmt: skip
    vast = Value(((0, 0, 2),), (10**6, 10**6))
    assert own_layers.recognised(step, vast, recognise.FIXED) == ()


def test_rows_cannot_be_changed(weightless):
    (row,) = anatomy(keras.Sequential([keras.Input((4, 4, 1)), window()]))
    with pytest.raises(AttributeError):
        row.filters = 5


def test_a_network_knows_no_evidence_and_no_verdict():
    for file in Path(network.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "course":
                names = [f"{node.module}.{each.name}" for each in node.names]
                for name in names:
                    _, topic, *_ = name.split(".")
                    assert topic in ("network", "architectures", "arithmetic", "language"), (
                        file.name,
                        name,
                    )


@pytest.mark.parametrize("between", [
    layers.Permute((2, 1, 3)), through(layers.Permute((3, 1, 2)), layers.Permute((3, 2, 1))),
    through(layers.Permute((3, 1, 2)), layers.Softmax(), layers.Permute((2, 3, 1))),
    lambda x: ops.swapaxes(x, 1, 2), lambda x: ops.moveaxis(x, 1, 2),
    lambda x: ops.moveaxis(x, (1, 2), (2, 1)),
])  # fmt: skip
def test_axes_that_are_not_turned_back_are_seen(weightless, between):
    other, _ = rows_of(through(window(6), between, layers.MaxPooling2D(2)))
    right, _ = rows_of(through(window(6), layers.MaxPooling2D(2)))
    assert len(other) > len(right)


FIRST = {"data_format": "channels_first"}


@pytest.mark.parametrize("kind, given", [
    (layers.Conv2D, {"filters": 6, "kernel_size": (3, 5), "activation": "relu"}),
    (layers.DepthwiseConv2D, {"kernel_size": 3}),
    (layers.SeparableConv2D, {"filters": 6, "kernel_size": 3}),
    (layers.Conv2DTranspose, {"filters": 6, "kernel_size": 3, "strides": 2}),
    (layers.MaxPooling2D, {"pool_size": (2, 3)}), (layers.AveragePooling2D, {"pool_size": 2}),
    (layers.ZeroPadding2D, {"padding": ((0, 1), (2, 3))}),
    (layers.Cropping2D, {"cropping": ((0, 1), (2, 3))}), (layers.UpSampling2D, {"size": 2}),
    (layers.GlobalAveragePooling2D, {}), (layers.GlobalMaxPooling2D, {"keepdims": True}),
    (layers.Flatten, {}),
])  # fmt: skip
def test_layers_that_take_the_maps_first(weightless, kind, given):
    def first(x):
        x = layers.Conv2D(5, 3, **FIRST)(layers.Permute((3, 1, 2))(x))
        x = layers.BatchNormalization(axis=1)(x)
        x = layers.Concatenate(axis=1)([x, layers.ReLU()(x)])
        x = kind(**given, **FIRST)(x)
        return layers.Permute((2, 3, 1))(x) if len(x.shape) == 4 else layers.Dense(3)(x)

    def last(x):
        x = layers.BatchNormalization()(window(5)(x))
        x = kind(**given)(layers.Concatenate()([x, layers.ReLU()(x)]))
        return x if len(x.shape) == 4 else layers.Dense(3)(x)

    assert rows_of(first) == rows_of(last)


@pytest.mark.parametrize("forgets", [
    lambda: layers.MaxPooling2D(2), layers.BatchNormalization, lambda: layers.Dense(5),
])  # fmt: skip
def test_a_layer_that_takes_the_maps_last_where_they_are_first(weightless, forgets):
    turned = layers.Permute((3, 1, 2)), forgets(), layers.Permute((2, 3, 1))
    assert rows_of(head(*turned)) != rows_of(head(forgets()))


def test_a_global_pool_takes_the_maps_last_where_they_are_first(weightless):
    pool, turn = layers.GlobalAveragePooling2D(), layers.Permute((3, 1, 2))
    assert rows_of(through(window(6), turn, pool)) != rows_of(through(window(6), pool))


def one_step(*behind):
    """Some layers behind a vector that is one step of a sequence."""
    return through(window(6), layers.Flatten(), layers.Reshape((1, -1)), *behind)


each = layers.TimeDistributed


@pytest.mark.parametrize("ways", [
    one_step(each(layers.Dense(5, "tanh")), layers.Flatten()),
    one_step(each(layers.Dense(5)), each(layers.Activation("tanh")), layers.Flatten()),
    one_step(each(keras.Sequential([layers.Dropout(0.1), layers.Dense(5, "tanh")])),
             layers.Reshape((5,))),
    one_step(each(layers.Dense(5, "tanh")), each(layers.Dropout(0.1)), lambda x: x[:, 0]),
    one_step(each(layers.Dense(5, "tanh")), layers.GlobalAveragePooling1D()),
    through(layers.Reshape((1, 12, 12, 4)), each(window(6)), each(layers.Flatten()),
            each(layers.Dense(5, "tanh")), layers.Flatten()),
])  # fmt: skip
def test_a_layer_at_each_of_one_steps_is_that_layer(weightless, ways):
    assert rows_of(ways) == rows_of(through(window(6), layers.Flatten(), layers.Dense(5, "tanh")))


def test_a_dense_layer_at_each_step_is_one_for_each_token(weightless):
    tokens = through(window(6), layers.Reshape((100, 6)))
    assert rows_of(through(tokens, each(layers.Dense(5)))) == rows_of(
        through(tokens, layers.Dense(5))
    )


def test_other_layers_at_each_of_several_steps_stay_closed(weightless):
    rows, _ = rows_of(through(layers.Reshape((2, 6, 12, 4)), each(window(6)), layers.Flatten()))
    assert any("TimeDistributed" in row[0] for row in rows)
