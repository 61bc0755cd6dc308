"""Functions that have no name: told by what they make of numbers, and by nothing else."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from course import check
from course.anatomy import anatomy
from course.architectures import alexnet, lenet
from course.diagnosis import Cause, diagnose
from course.evidence.observe import observe, weightless
from course.network import recognise
from tests.diagnosis.test_diagnosis import chain, modern, of_1998, tanh_written_as
from tests.diagnosis.test_families import LRN, alex, lrn_by_multiplying, lrn_by_ops, tf_lrn
from tests.diagnosis.test_other_hands import lrn_by_stacking

NORM = alexnet.ALEXNET.part("norm1", input_shape=(5, 6, 8))


def messages(function, table=NORM):
    """What a check of a function from tensor to tensor says; numbers are drawn for it."""
    try:
        with check.silently():
            check.block(function, like=table)
    except check.CheckFailed as failed:
        return [(found.row, found.cause) for found in failed.findings], str(failed)
    return [], ""


# --- local response normalisation


def map_by_map(x):
    made = []
    for c in range(x.shape[-1]):
        near = ops.square(x[..., max(0, c - 2) : c + 3])
        total = ops.sum(near, axis=-1, keepdims=True)
        made.append(x[..., c : c + 1] / (2 + 1e-4 * total) ** 0.75)
    return ops.concatenate(made, axis=-1)


def sums_map_by_map(x, last=3):
    """One sum for each map, stacked; the window ends before `last` maps behind the map."""
    squares, channels = ops.square(x), x.shape[-1]
    near = [squares[..., max(0, c - 2) : c + last] for c in range(channels)]
    sums = [(2 + 1e-4 * ops.sum(each, axis=-1)) ** 0.75 for each in near]
    return x / ops.stack(sums, axis=-1)


def ones_around(channels):
    ones = np.eye(channels, dtype="float32")
    for away in (1, 2):
        ones += np.eye(channels, k=away) + np.eye(channels, k=-away)
    return ones[None, None]


def by_a_convolution_with_ones(x):
    total = ops.conv(x * x, ops.convert_to_tensor(ones_around(x.shape[-1])), 1, "valid")
    return x / ops.power(2 + 1e-4 * total, 0.75)


def by_a_frozen_layer(x):
    ones = keras.initializers.Constant(ones_around(x.shape[-1]))
    channels = x.shape[-1]
    layer = layers.Conv2D(
        channels, 1, use_bias=False, kernel_initializer=ones, trainable=False
    )  # fmt: skip
    return x / ops.power(2 + 1e-4 * layer(ops.square(x)), 0.75)


def by_reshaping(x):
    high, wide, channels = x.shape[1:]
    squares = ops.reshape(x * x, (-1, high * wide, channels))
    squares = ops.pad(squares, ((0, 0), (0, 0), (2, 2)))
    total = sum(squares[..., i : i + channels] for i in range(5))
    return x / ops.reshape((2 + 1e-4 * total) ** 0.75, (-1, high, wide, channels))


def by_transposing(x):
    squares = ops.pad(ops.transpose(x * x, (0, 3, 1, 2)), ((0, 0), (2, 2), (0, 0), (0, 0)))
    total = sum(squares[:, i : i + x.shape[-1]] for i in range(5))
    return x * ops.power(2 + 1e-4 * ops.transpose(total, (0, 2, 3, 1)), -0.75)


class Closed(layers.Layer):
    """In functions that take no symbolic tensors."""

    def call(self, x):
        return tf.raw_ops.LRN(input=x, depth_radius=2, bias=2.0, alpha=1e-4, beta=0.75)

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, x.dtype)


class InNumPy(Closed):
    def call(self, x):
        return np.array(lrn_by_ops(np.array(x)))


def with_constants(*constants):
    return lambda x: lrn_by_ops(x, *constants)


NORMALISED = {
    "ops": lrn_by_ops,
    "multiplied": lrn_by_multiplying,
    "TensorFlow": lambda x: LRN()(x),
    "Lambda of TensorFlow": lambda x: layers.Lambda(tf_lrn, output_shape=x.shape[1:])(x),
    "Lambda": lambda x: layers.Lambda(lrn_by_ops)(x),
    "stacked": lrn_by_stacking,
    "map by map": map_by_map,
    "sums map by map": sums_map_by_map,
    "convolution": by_a_convolution_with_ones,
    "frozen layer": by_a_frozen_layer,
    "reshaped": by_reshaping,
    "transposed": by_transposing,
    "closed": lambda x: Closed()(x),
    "in NumPy": lambda x: InNumPy()(x),
    "dropout behind it": lambda x: layers.Dropout(0.1)(lrn_by_ops(x)),
    "a size that only fits": lambda x: layers.Reshape((5, 6, 8))(lrn_by_ops(x)),
    "Caffe's constants": with_constants(5, 1.0, 2e-5, 0.75),
}


def test_a_normalisation_is_accepted_however_it_is_written():
    assert {name: said for name, f in NORMALISED.items() if (said := messages(f)[0])} == {}


def test_a_normalisation_map_by_map_is_known_in_a_wide_network():
    """It is thousands of steps, each of which could be tried out by itself."""
    for lrn in (map_by_map, sums_map_by_map):
        assert first(lambda lrn=lrn: alex(lrn=lrn), alexnet.ALEXNET) == []


def test_a_window_that_ends_one_map_too_early_is_told():
    assert "It normalises with n = 4, k = 2," in messages(lambda x: sums_map_by_map(x, 2))[1]


def over_pixels(x):
    return x / (2 + 5e-4 * layers.AveragePooling2D(5, 1, padding="same")(x * x)) ** 0.75


def over_rows(x):
    squares = ops.pad(x * x, ((0, 0), (2, 2), (0, 0), (0, 0)))
    return x / (2 + 1e-4 * sum(squares[:, i : i + x.shape[1]] for i in range(5))) ** 0.75


def on_one_side(x):
    squares = ops.pad(x * x, ((0, 0), (0, 0), (0, 0), (4, 0)))
    return x / (2 + 1e-4 * sum(squares[..., i : i + x.shape[-1]] for i in range(5))) ** 0.75


def noise(x):
    return x + keras.random.normal(ops.shape(x))


OTHERS = {
    "sin": ops.sin,
    "abs": ops.abs,
    "sort": lambda x: ops.sort(x, axis=-1),
    "roll": lambda x: ops.roll(x, 1, axis=-1),
    "transpose": lambda x: ops.transpose(x, (0, 2, 1, 3))[:, :5],
    "flip": lambda x: ops.flip(x, 1),
    "stop_gradient": ops.stop_gradient,
    "Masking": lambda x: layers.Masking()(x),
    "UnitNormalization": lambda x: layers.UnitNormalization()(x),
    "LayerNormalization": lambda x: layers.LayerNormalization(center=False, scale=False)(x),
    "divided by its square": lambda x: x / ops.square(x),
    "over pixels": over_pixels,
    "over rows": over_rows,
    "on one side": on_one_side,
    "over all maps": lambda x: x / (2 + 1e-4 * ops.sum(x * x, -1, keepdims=True)) ** 0.75,
    "noise": noise,
    "a factor": lambda x: ops.identity(x * 1.7159),
    "nothing": lambda x: x,
}


def test_what_only_keeps_the_shape_is_no_normalisation():
    for name, function in OTHERS.items():
        for wrapped in (function, lambda x, f=function: layers.Lambda(f)(x)):
            found, _ = messages(wrapped)
            assert found, f"{name} is accepted"


@pytest.mark.parametrize(
    "constants, said",
    [
        ((3, 2.0, 1e-4, 0.75), "n = 3, k = 2, alpha = 0.0001, beta = 0.75"),
        ((5, 1.0, 1e-4, 0.75), "n = 5, k = 1, alpha = 0.0001, beta = 0.75"),
        ((5, 2.0, 1e-3, 0.75), "n = 5, k = 2, alpha = 0.001, beta = 0.75"),
        ((5, 2.0, 1e-4, 0.5), "n = 5, k = 2, alpha = 0.0001, beta = 0.5"),
        ((1, 0.75, 2.0, 5.0), "n = 1, k = 0.75, alpha = 2, beta = 5"),  # the order of the paper
    ],
)
def test_other_constants_are_told(constants, said):
    found, text = messages(with_constants(*constants))
    assert found == [("norm1", Cause.NORMALISATION)]
    assert f"It normalises with {said}, the table has n = 5, k = 2, alpha = 0.0001," in text


class Refuses(Closed):
    def call(self, x):
        raise RuntimeError("not today")


def test_a_step_that_cannot_be_tried_out_is_told_as_such():
    found, text = messages(lambda x: Refuses(name="secret")(x))
    assert found == [("norm1", Cause.CLOSED)]
    assert "a step of your own that can neither be opened nor tried out on numbers" in text


def test_answers_to_other_numbers_are_worth_nothing():
    """A trace that was written before the numbers were drawn."""
    request = {"ask": "block", "input_shape": [5, 6, 8], "probe": recognise.drawn(1)}
    trace = json.loads(json.dumps(observe(lrn_by_ops, request)["trace"]))
    assert not diagnose(anatomy(trace, numbers=recognise.drawn(1)), NORM)
    assert diagnose(anatomy(trace, numbers=recognise.drawn(2)), NORM)


@pytest.mark.parametrize(
    "gives", [None, [], [1.0], [None] * 128, ["1"] * 128, [[1.0] * 8] * 16, [[]] * 128, "ab", {}]
)
def test_an_answer_of_another_form_is_worth_nothing(gives):
    assert recognise.recognised(gives, [5, 6, 8], recognise.FIXED) is None


# --- element-wise functions


def powers(x):
    return (ops.exp(x) - ops.exp(-x)) / (ops.exp(x) + ops.exp(-x))


def one_power(x):
    power = ops.exp(2 * x)
    return (power - 1) / (power + 1)


class ClosedTanh(layers.Layer):
    def call(self, x):
        return tf.raw_ops.Tanh(x=x)


TANH = {
    "powers": powers,
    "one power": one_power,
    "two over": lambda x: 2 / (1 + ops.exp(-2 * x)) - 1,
    "a sigmoid": lambda x: 2 * ops.sigmoid(2 * x) - 1,
    "Lambda": lambda x: layers.Lambda(powers)(x),
    "closed": lambda x: ClosedTanh()(x),
}
RELU = {
    "twice": lambda x: layers.ReLU()(ops.relu(x)),
    "where": lambda x: ops.where(x > 0, x, 0.0),
    "mask": lambda x: x * ops.cast(x > 0, "float32"),
    "absolute": lambda x: (x + ops.abs(x)) / 2,
    "maximum": lambda x: ops.maximum(ops.zeros_like(x), x),
}


def first(build, table):
    with weightless():
        return [(found.row, found.cause) for found in diagnose(build(), table)][:1]


def test_a_function_is_known_by_what_it_computes():
    for activate in TANH.values():
        assert first(tanh_written_as(activate), lenet.LENET5) == []
    for activate in RELU.values():
        assert first(modern(activate), lenet.LENET5_RELU) == []
    assert (
        first(lambda: of_1998(squash=lambda x: 1.7159 * powers(2 / 3 * x)), lenet.LENET5_1998) == []
    )
    for activate in (lambda x: powers(2 * x), lambda x: ops.exp(x) / (1 + ops.exp(x))):
        assert first(tanh_written_as(activate), lenet.LENET5) == [("C1", Cause.ACTIVATION)]


def test_another_function_is_one_mistake_in_all_rows(weightless):
    for activate in (tf.math.atan, lambda x: powers(2 * x)):
        (found,) = diagnose(tanh_written_as(layers.Lambda(activate))(), lenet.LENET5)
        assert found.message.endswith("The same is true of C3, C5 and F6.")


class Mirrored(layers.Layer):
    """Which way it mirrors a map is not seen from its steps."""

    def __init__(self, *axes):
        super().__init__()
        self.axes = axes

    def call(self, x):
        return tf.vectorized_map(lambda each: tf.reverse(each, self.axes), x)


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
def test_a_mirrored_map_is_another_map(axes):
    (row,) = anatomy(chain(Mirrored(*axes))).steps
    assert row.does() == "Mirrored"
    assert list(anatomy(chain(Mirrored())).steps) == []


def relu_network(*behind_c1):
    return lambda: chain(
        layers.Conv2D(6, 5, activation="relu"), *behind_c1, layers.Conv2D(16, 5, activation="relu"),
        layers.MaxPooling2D(2), layers.Flatten(), layers.Dense(120, "relu"),
        layers.Dense(84, "relu"), layers.Dense(10, "softmax"),
    )  # fmt: skip


def test_the_same_activation_twice_is_one():
    pool = layers.MaxPooling2D
    for behind in ([layers.ReLU(), pool(2)], [pool(2), layers.ReLU()]):
        assert first(relu_network(*behind), lenet.LENET5_RELU) == []
    for other in ("tanh", "softmax"):
        wrong = relu_network(layers.Activation(other), pool(2))
        assert first(wrong, lenet.LENET5_RELU) == [("C1", Cause.ACTIVATION)]


def test_relu6_is_one_function():
    made = [
        anatomy(chain(layers.Conv2D(6, 5), make)).steps[0].activation
        for make in (
            layers.ReLU(6.0),
            ops.relu6,
            layers.Activation("relu6"),
            layers.ReLU(max_value=6),
        )
    ]
    assert made == ["relu6"] * 4


def test_a_frozen_layer_is_not_tried_out():
    """A pretrained convolution has weights; only sums over maps are written as frozen ones."""
    image = keras.Input((8, 8, 3))
    x = image
    for _ in range(3):
        x = keras.layers.Conv2D(3, 3, padding="same", trainable=False)(x)
    steps = observe(keras.Model(image, x), {"ask": "model", "input_shape": [8, 8, 3]})["trace"][
        "steps"
    ]
    assert [step["op"] for step in steps] == ["layers.Conv2D"] * 3
    assert not any("probe" in step for step in steps)
