"""Pools, sums and means written in several steps: told by what they make of numbers."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from course.anatomy import anatomy
from course.evidence.observe import observe
from course.network import recognise, regions
from tests.network.test_rules import added, rows_of, through, window


def pixels(x):
    """The four pixels of each window of 2 × 2."""
    return [x[:, row::2, column::2] for row in (0, 1) for column in (0, 1)]


def shifted(x, kernel=3, stride=2):
    """For each pixel of a window: where the windows have it."""
    last = (x.shape[1] - kernel) // stride * stride + 1
    at = range(kernel)
    return [x[:, r : r + last : stride, c : c + last : stride] for r in at for c in at]


def largest(parts):
    first, *others = parts
    for other in others:
        first = ops.maximum(first, other)
    return first


def in_windows(x, reduce):
    return reduce(ops.reshape(x, (-1, 5, 2, 5, 2, 6)), axis=(2, 4))


def around_by_concatenation(x):
    x = ops.concatenate([ops.zeros_like(x[:, :1]), x, ops.zeros_like(x[:, :1])], axis=1)
    return ops.concatenate([ops.zeros_like(x[:, :, :1]), x, ops.zeros_like(x[:, :, :1])], axis=2)


def maps_by_turning(x):
    x = layers.Permute((1, 3, 2))(x[:, ::2, ::2])
    return layers.Permute((1, 3, 2))(layers.ZeroPadding2D(((0, 0), (0, 6)))(x))


def chosen(x, axis):
    return ops.take(x, list(range(0, 10, 2)), axis=axis)


def stable_softmax(x):
    powers = ops.exp(x - ops.max(x, axis=-1, keepdims=True))
    return powers / ops.sum(powers, axis=-1, keepdims=True)


def step(filters=6, **rest):
    return layers.Conv2D(filters, 3, activation="relu", **rest)


def between(written):
    """A function of the 10 × 10 × 6 maps of a convolution, followed by another convolution."""
    return through(step(), written, window())


def at_the_end(written):
    return through(step(), written, layers.Dense(3))


PAD = ((0, 0), (0, 0), (0, 0), (0, 6))
#: What it is: (the network around it, how it is usually written, other ways).
WRITTEN = {
    "relu": (lambda f: through(window(), f, window()), layers.ReLU(), {
        "threshold": lambda x: ops.threshold(x, 0, 0),
        "clip": lambda x: ops.clip(x, 0, np.inf),
        "clip at a large number": lambda x: ops.clip(x, 0, 1e9),
        "maximum with an array": lambda x: ops.maximum(x, ops.zeros((1, 1, 1, 4))),
        "maximum of a stack": lambda x: ops.max(ops.stack([x, ops.zeros_like(x)], -1), -1),
        "without the negative": lambda x: x - ops.minimum(x, 0),
    }),
    "softmax": (lambda f: through(layers.Flatten(), layers.Dense(5), f), layers.Softmax(), {
        "stable": stable_softmax,
    }),
    "global average": (at_the_end, layers.GlobalAveragePooling2D(), {
        "two means": lambda x: ops.mean(ops.mean(x, 1), 1),
        "two means, kept": lambda x: layers.Flatten()(
            ops.mean(ops.mean(x, 1, keepdims=True), 2, keepdims=True)),
        "sum": lambda x: ops.sum(x, axis=(1, 2)) / 100,
        "reshaped": through(layers.Reshape((100, 6)), layers.GlobalAveragePooling1D()),
        "einsum": lambda x: ops.einsum("bhwc->bc", x) / 100,
        "turned": through(layers.Permute((3, 1, 2)), lambda x: ops.mean(x, axis=(2, 3))),
        "of pixels": lambda x: layers.Average()(
            [x[:, row, column] for row in range(10) for column in range(10)]),
    }),
    "addition": (lambda f: through(added(f), window()), ops.add, {
        "average": lambda a, b: 2 * layers.Average()([a, b]),
        "mean of a stack": lambda a, b: 2 * ops.mean(ops.stack([a, b]), 0),
        "on a new axis": lambda a, b: ops.sum(
            ops.concatenate([ops.expand_dims(a, -1), ops.expand_dims(b, -1)], -1), -1),
        "unstacked": lambda a, b: ops.add(*ops.unstack(ops.stack([a, b]), axis=0)),
        "kept and squeezed": lambda a, b: ops.squeeze(
            ops.sum(ops.stack([a, b], 1), 1, keepdims=True), 1),
        "in groups": lambda a, b: ops.sum(
            ops.reshape(ops.concatenate([a, b], -1), (-1, 10, 10, 2, 4)), 3),
        "minus nought minus": lambda a, b: a - (0 - b),
    }),
    "max pool 2 × 2": (between, layers.MaxPooling2D(2), {
        "maxima": lambda x: largest(pixels(x)),
        "Maximum": lambda x: layers.Maximum()(pixels(x)),
        "stacked": lambda x: ops.max(ops.stack(pixels(x)), 0),
        "reshaped": lambda x: in_windows(x, ops.max),
    }),
    "max pool 3 × 3": (between, layers.MaxPooling2D(3, 2), {
        "maxima": lambda x: largest(shifted(x)),
    }),
    "max pool with zeros": (between, layers.MaxPooling2D(3, 2, padding="same"), {
        "maxima": lambda x: largest(shifted(ops.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0))))),
    }),
    "average pool": (between, layers.AveragePooling2D(2), {
        "Average": lambda x: layers.Average()(pixels(x)),
        "sum": lambda x: sum(pixels(x)) / 4,
        "reshaped": lambda x: in_windows(x, ops.mean),
        "convolution": lambda x: ops.depthwise_conv(x, np.ones((2, 2, 6, 1), "float32") / 4, 2),
    }),
    "zeros around": (between, layers.ZeroPadding2D(1), {
        "turned": through(layers.Permute((3, 1, 2)),
                          layers.ZeroPadding2D(1, data_format="channels_first"),
                          layers.Permute((2, 3, 1))),
        "side by side": around_by_concatenation,
    }),
    "maps of zeros": (between, lambda x: ops.pad(x[:, ::2, ::2], PAD), {
        "turned": maps_by_turning,
        "half before": lambda x: ops.pad(x[:, ::2, ::2], (*PAD[:3], (3, 3))),
        "subtracted": lambda x: layers.Concatenate()(
            [half := layers.AveragePooling2D(1, 2)(x), half - half]),
        "taken": lambda x: ops.pad(chosen(chosen(x, 1), 2), PAD),
    }),
}  # fmt: skip


@pytest.mark.parametrize("what", WRITTEN)
def test_it_is_one_network_however_it_is_written(weightless, what):
    around, usual, others = WRITTEN[what]
    right = rows_of(around(usual))
    assert [name for name, other in others.items() if rows_of(around(other)) != right] == []


#: The same networks with something else in the place.
ELSE = {
    "relu": {
        "threshold": lambda x: ops.threshold(x, 1, 0), "clip": lambda x: ops.clip(x, 0, 4),
        "from below": lambda x: ops.clip(x, -1, 1e9),
    },
    "global average": {
        "sum": lambda x: ops.sum(x, axis=(1, 2)), "sum / 49": lambda x: ops.sum(x, (1, 2)) / 49,
        "max": lambda x: ops.max(x, axis=(1, 2)),
        "without an edge": lambda x: ops.mean(x[:, :9], axis=(1, 2)),
        "of other maps": lambda x: ops.mean(x[..., ::-1], axis=(1, 2)),
    },
    "addition": {
        "average": lambda a, b: layers.Average()([a, b]), "weighted": lambda a, b: a + 2 * b,
        "three times": lambda a, b: 3 * layers.Average()([a, b]), "product": lambda a, b: a * b,
        "maximum": ops.maximum, "turned": lambda a, b: a + ops.flip(b, 1) + (b - b),
    },
    "max pool 2 × 2": {
        "three": lambda x: largest(pixels(x)[:3]), "least": lambda x: layers.Minimum()(pixels(x)),
        "far apart": lambda x: ops.max(ops.reshape(x, (-1, 2, 5, 2, 5, 6)), axis=(1, 3)),
    },
    "average pool": {"sum": lambda x: sum(pixels(x))},
    "zeros around": {
        "ones": lambda x: ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=1),
    },
    "maps of zeros": {
        "ones": lambda x: ops.pad(x[:, ::2, ::2], PAD, constant_values=1),
        "the same again": lambda x: layers.Concatenate()([half := x[:, ::2, ::2], half]),
    },
}  # fmt: skip


@pytest.mark.parametrize("what", ELSE)
def test_something_else_is_another_network(weightless, what):
    around, usual, _ = WRITTEN[what]
    right = rows_of(around(usual))
    assert [name for name, other in ELSE[what].items() if rows_of(around(other)) == right] == []


def test_a_vector_in_another_order_is_no_map(weightless):
    turned = through(step(), layers.Permute((3, 1, 2)), layers.Flatten())
    assert rows_of(through(turned, layers.Reshape((10, 10, 6)), window())) != rows_of(
        through(step(), window())
    )


def test_a_network_of_usual_layers_is_not_tried_out(weightless):
    steps = _steps(lambda x: layers.Dense(3)(layers.Flatten()(ops.relu(added(ops.add)(x)))))
    assert not any("region" in each or "probe" in each for each in steps)


def _steps(build):
    image = keras.Input((12, 12, 4))
    return observe(keras.Model(image, build(image)), {"ask": "model"})["trace"]["steps"]


# --- what the student's process says


REGION = ([[10, 10, 6]], [5, 5, 6])


@pytest.mark.parametrize("gives", [None, [], [1.0], "ab", {}, [None] * 536, [float("nan")] * 536])
def test_an_answer_of_another_form_is_worth_nothing(gives):
    assert regions.recognised(gives, *REGION, recognise.FIXED) is None


def test_answers_to_other_numbers_are_worth_nothing(weightless):
    image = keras.Input((12, 12, 4))
    model = keras.Model(image, through(step(), lambda x: largest(pixels(x)))(image))
    trace = observe(model, {"ask": "model", "probe": recognise.drawn(1)})["trace"]
    kinds = [[row.step for row in anatomy(trace, numbers=recognise.drawn(n))] for n in (1, 2)]
    assert kinds[0] == ["conv", "max_pool"] and kinds[1] != kinds[0]
