"""The published tables, each row written in a way of its own: right is right, wrong is wrong.

A `Writer` builds a table's network with Keras. Its seed decides how often, and in which of the ways
known here, a row is written differently from the table: other layers and functions for the same
thing, zeros around a map instead of padding, rows in a model or a layer of one's own. TensorFlow's
functions stand in `Lambda`, because Keras's symbolic tensors cannot go into them.

    python -m tests.network.test_rewritings 300      tries 300 of each kind
"""

import random
import sys

import keras
import pytest
import tensorflow as tf
from keras import layers, ops

from course import check
from course.architectures import sources
from course.diagnosis import diagnose
from course.grading.tables.mistakes import explicit, mutations
from tests.published import every_table

KNOWN = {"conv", "max_pool", "average_pool", "global_average_pool", "dense", "lrn", "add",
         "concatenate", "pad_channels"}  # fmt: skip
TABLES = {
    name: explicit(table)
    for name, table in every_table().items()
    if {row.step for row in table.rows} <= KNOWN and len(table.rows) < 70
    and not any(row.connections or row.padding == "same" for row in table.rows)
}  # fmt: skip


class Own(layers.Layer):
    """A layer of one's own around a layer, a model or a function."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def call(self, x):
        return self.inner(x)


ACTIVATIONS = {
    "relu": (tf.nn.relu, lambda x: ops.maximum(x, 0), layers.ReLU()),
    "relu6": (tf.nn.relu6, layers.ReLU(6.0)),
    "softmax": (tf.nn.softmax, layers.Softmax()),
    "tanh": (tf.tanh,),
}
NOTHING = (
    layers.Dropout(0.3), layers.Activation("linear"), layers.Identity(), layers.GaussianNoise(0.1),
    layers.Lambda(lambda x: x), layers.ActivityRegularization(l2=1e-4), lambda x: x * 1.0,
    lambda x: x + 0.0, lambda x: x[:, :], lambda x: ops.cast(x, "float32"),
    lambda x: layers.Reshape(x.shape[1:])(x),
)  # fmt: skip


def pair(size):
    return (size, size) if isinstance(size, int) else tuple(size)


class Writer:
    """Builds the networks of tables; one seed always writes the same."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.share = self.random.random()  # of what is written in another way than the usual

    def one_of(self, usual, *others):
        return self.random.choice(others) if self.random.random() < self.share else usual

    def network(self, table):
        """The keras.Model of an explicit table."""
        made = {"input": keras.Input(table.input_shape)}
        for row in table.rows:
            x = getattr(self, row.step)(row, *(made[name] for name in sources(row)))
            made[row.name] = x if row.name in table.outputs else self.nothing(x)
        outputs = [made[name] for name in table.outputs]
        return keras.Model(made["input"], outputs[0] if len(outputs) == 1 else outputs)

    def nothing(self, x):
        return self.random.choice(NOTHING)(x) if self.random.random() < self.share / 4 else x

    def applied(self, layer, x):
        """A layer called, alone or inside of something."""
        if (how := self.one_of("alone", "own", "model", "sequential")) == "model":
            inner = keras.Input(x.shape[1:])
            return keras.Model(inner, layer(inner))(x)
        return {"alone": layer, "own": Own(layer)}.get(how, keras.Sequential([layer]))(x)

    def activated(self, row, x):
        name = row.activation[0] if isinstance(row.activation, tuple) else row.activation
        if name is None:
            return x
        if name == "scaled_tanh":
            return 1.7159 * ops.tanh(2 / 3 * x)
        function = getattr(ops, name)
        ways = function, layers.Lambda(function), Own(function), getattr(keras.activations, name)
        ways += tuple(layers.Lambda(each) for each in ACTIVATIONS.get(name, ()))
        return self.one_of(layers.Activation(name), *ways)(x)

    def sides(self, row, x):
        """((above, below), (left, right)) of a row's padding, and whether Keras's "same" has it."""
        padding, same, found = pair(row.padding if row.padding != "ceil" else "xx"), True, []
        for size, kernel, stride, side in zip(
            x.shape[1:3], pair(row.kernel), pair(row.stride), padding, strict=True
        ):
            usual = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            if row.padding == "ceil":
                side = (0, max(-(-(size - kernel) // stride) * stride + kernel - size, 0))
            found.append(pair(side))
            same &= found[-1] == (usual // 2, usual - usual // 2)
        return tuple(found), same

    def padded(self, x, sides, value=0.0):
        if not any(map(any, sides)):
            return x
        around = [[0, 0], *sides, [0, 0]]
        ways = [lambda x: ops.pad(x, around, constant_values=value)]
        if not value:
            ways += [layers.ZeroPadding2D(sides), layers.Lambda(lambda x: tf.pad(x, around))]
        return self.random.choice(ways)(x)

    def conv(self, row, x):
        sides, same = self.sides(row, x)
        padding = "same" if same and self.one_of(True, False) else "valid"
        x = x if padding == "same" else self.padded(x, sides)
        inside = not row.norm and row.activation in ("relu", "tanh") and self.one_of(True, False)
        bias = row.bias if row.bias is not None else self.one_of(True, False)
        rest = {
            "strides": pair(row.stride), "padding": padding, "use_bias": bias,
            "activation": row.activation if inside else None, "trainable": row.trainable,
        }  # fmt: skip

        def layer(maps, groups=1):
            return layers.Conv2D(maps, row.kernel, groups=groups, **rest)

        wide, parts = x.shape[-1] // row.groups, 2 if row.groups == 1 else row.groups
        if row.filters % parts or self.one_of(True, False) or parts > 4:
            x = self.applied(layer(row.filters, row.groups), x)
        elif row.groups == 1:
            x = layers.Concatenate()([layer(row.filters // 2)(x) for _ in range(2)])
        else:
            cut = [x[..., at * wide : (at + 1) * wide] for at in range(parts)]
            cut = self.one_of(cut, ops.split(x, parts, axis=-1))
            x = ops.concatenate([layer(row.filters // parts)(each) for each in cut], axis=-1)
        if row.norm:
            x = self.applied(layers.BatchNormalization(scale=row.scale), x)
        return x if inside else self.activated(row, x)

    def max_pool(self, row, x):
        sides, same = self.sides(row, x)
        kernel, stride, padding = pair(row.kernel), pair(row.stride), "same" if same else "valid"
        if not same:
            x = self.padded(x, sides, self.one_of(0.0, float("-inf"), -1e9))
        ways = [
            lambda x: ops.max_pool(x, kernel, stride, padding),
            layers.Lambda(lambda x: tf.nn.max_pool2d(x, kernel, stride, padding.upper())),
        ]
        if kernel == stride == (2, 2) and not any(size % 2 for size in x.shape[1:3]):
            ways.append(
                lambda x: ops.maximum(
                    ops.maximum(x[:, ::2, ::2], x[:, 1::2, ::2]),
                    ops.maximum(x[:, ::2, 1::2], x[:, 1::2, 1::2]),
                )
            )
        layer = layers.MaxPooling2D(kernel, stride, padding)
        return self.activated(row, self.one_of(lambda x: self.applied(layer, x), *ways)(x))

    def average_pool(self, row, x):
        kernel, stride = pair(row.kernel), pair(row.stride)
        sides, _ = self.sides(row, x)
        layer = layers.AveragePooling2D(kernel, stride)
        way = self.one_of(layer, lambda x: ops.average_pool(x, kernel, stride))
        return self.activated(row, way(self.padded(x, sides)))

    def global_average_pool(self, row, x):
        return self.one_of(
            layers.GlobalAveragePooling2D(),
            lambda x: ops.mean(x, axis=(1, 2)),
            layers.Lambda(lambda x: tf.reduce_mean(x, [1, 2])),
            lambda x: layers.Flatten()(layers.AveragePooling2D(x.shape[1:3])(x)),
            lambda x: layers.Flatten()(layers.GlobalAveragePooling2D(keepdims=True)(x)),
        )(x)

    def dense(self, row, x):
        rest = {"use_bias": row.bias is not False, "trainable": row.trainable}
        size = x.shape[1] if len(x.shape) == 2 else x.shape[1] * x.shape[2] * x.shape[3]
        if (how := self.one_of("dense", "one pixel", "whole map")) != "dense":
            if how == "one pixel" or len(x.shape) == 2:
                x = layers.Reshape((1, 1, size))(x)
            x = layers.Conv2D(row.filters, x.shape[1:3], **rest)(x)
            return self.activated(row, layers.Flatten()(x))
        if len(x.shape) == 4:
            flat = layers.Reshape((-1,)), lambda x: ops.reshape(x, (-1, size))
            x = self.one_of(layers.Flatten(), *flat)(x)
        x = self.nothing(x)
        return self.activated(row, self.applied(layers.Dense(row.filters, **rest), x))

    def lrn(self, row, x):
        def by_hand(x):
            squares, maps = ops.pad(ops.square(x), [[0, 0], [0, 0], [0, 0], [2, 2]]), x.shape[-1]
            total = sum(squares[..., at : at + maps] for at in range(5))
            return x / (2.0 + 1e-4 * total) ** 0.75

        given = layers.Lambda(lambda x: tf.nn.local_response_normalization(x, 2, 2.0, 1e-4, 0.75))
        return self.one_of(given, by_hand, Own(by_hand))(x)

    def add(self, row, *values):
        values = self.one_of(values, values[::-1])
        ways = lambda v: ops.add(*v), lambda v: v[0] + v[1], layers.Lambda(lambda v: tf.add(*v))
        return self.activated(row, self.one_of(layers.Add(), *ways)(list(values)))

    def concatenate(self, row, *values):
        way = self.one_of(
            layers.Concatenate(),
            lambda v: ops.concatenate(v, axis=3),
            layers.Lambda(lambda v: tf.concat(v, -1)),
            lambda v: layers.concatenate([layers.concatenate(v[:2]), *v[2:]]),
        )
        return way(list(values))

    def pad_channels(self, row, x):
        more = [[0, 0], [0, 0], [0, 0], [0, row.filters - x.shape[-1]]]
        return self.one_of(lambda x: ops.pad(x, more), layers.Lambda(lambda x: tf.pad(x, more)))(x)


def case(seed):
    """(name, table) of a seed."""
    return list(TABLES.items())[seed % len(TABLES)]


def written(table, seed):
    """The network of a table, as the Writer of this seed writes it."""
    return Writer(seed).network(table)


def refused(seed, write=written):
    """The message about a right network that is refused; "" if it is right."""
    _, table = case(seed)
    return "".join(found.message for found in diagnose(lambda: write(table, seed), table)[:1])


def overlooked(seed, write=written):
    """What is wrong with the card of a wrong network; "" if it names the row."""
    _, table = case(seed)
    row, cause, wrong = random.Random(seed).choice(list(mutations(table)))
    try:
        check.model(lambda: write(wrong, seed), like=table)
    except check.CheckFailed as failed:
        (first, *_) = failed.card.findings
        named = first.row.removesuffix("_bn") == row or cause in ("EXTRA", "MISSING")
        right = (first.cause.name == cause and named) or first.cause.name == "RAISES"
        return "" if right else f"{cause} at {row} is said to be: {first.message}"
    return f"{cause} at {row} is accepted"


@pytest.mark.parametrize("seed", range(len(TABLES)))
def test_a_right_network_is_right_however_it_is_written(seed):
    assert refused(seed) == "", case(seed)[0]


@pytest.mark.parametrize("seed", range(len(TABLES)))
def test_a_mistake_is_named_however_it_is_written(seed, capsys):
    assert overlooked(seed) == "", case(seed)[0]


def try_all(write=written):
    """Try as many seeds as the command line says, and print those that are not as they should."""
    for check_of in (refused, overlooked):
        for number in range(int(sys.argv[1])):
            if said := check_of(number, write):
                print(f"{check_of.__name__} {number}, {case(number)[0]}: {said}", flush=True)


if __name__ == "__main__":
    try_all()
