"""Any table as a Keras model, so that Keras counts its rows once more.

Student code cannot read this file: it would build the networks of the assignments.
"""

from dataclasses import replace
from math import prod

import keras
from keras import layers, ops

from course.architectures import sources
from course.network import functions
from course.network.from_table import ROWS
from course.network.node import Value
from course.normalisation import lrn


def model_of(table):
    """The Keras model of a table; its layers have the names of the rows.

    Raises ValueError for a row that Keras cannot build.
    """
    x = inputs = keras.Input(tuple(table.input_shape), name="input")
    made = {"input": inputs}
    for row in table.rows:
        try:
            x = _row(row, [made[name] for name in sources(row)] or [x])
        except Exception as error:  # Keras says what, not where
            raise ValueError(f"{row.name}: {error}") from error
        made[row.name] = x
    return keras.Model(inputs, [made[name] for name in table.outputs] or x)


def _row(row, values):
    x = LAYERS[row.step](row, *values)
    if row.norm:
        x = layers.BatchNormalization(name=f"{row.name}_norm", scale=row.scale)(x)
    name = row.activation[0] if isinstance(row.activation, tuple) else row.activation
    if name == "scaled_tanh":
        outer, inner = functions.SCALED_TANH
        return outer * layers.Activation("tanh", name=f"{row.name}_tanh")(inner * x)
    return layers.Activation(name, name=f"{row.name}_activation")(x) if name else x


def _conv(row, x):
    if len(x.shape) == 3:  # tokens
        return layers.Dense(row.filters, **_weights(row))(x)
    if row.connections:
        return _connected(row, x)
    window = {"strides": row.stride, "groups": row.groups, "padding": "valid"}
    return layers.Conv2D(row.filters, row.kernel, **window, **_weights(row))(_padded(row, x))


def _connected(row, x):
    """A convolution for each map, of the maps that it sees."""

    rest = {**_weights(row), "strides": row.stride}
    x, maps = _padded(row, x), []
    for number, seen in enumerate(row.connections):
        read = layers.Concatenate()([x[..., n : n + 1] for n in seen])
        rest["name"] = f"{row.name}_{number}"
        maps.append(layers.Conv2D(1, row.kernel, **rest)(read))
    return layers.Concatenate(name=row.name)(maps)


def _conv_transpose(row, x):
    same = row.padding == "same"
    window = {"strides": row.stride, "padding": "same" if same else "valid"}
    x = layers.Conv2DTranspose(row.filters, row.kernel, **window, **_weights(row))(x)
    return x if same or not row.padding else layers.Cropping2D(row.padding)(x)


def _pool(layer):
    def pool(row, x):
        if _needs(row, x) == _needs(row, x, "same"):
            return layer(row.kernel, row.stride, padding="same", name=row.name)(x)
        return layer(row.kernel, row.stride, name=row.name)(_padded(row, x))

    return pool


def _needs(row, x, padding=None):
    """The zeros around a map that a row needs: ((above, below), (left, right))."""

    value = Value(((None, 0, x.shape[-1]),), tuple(x.shape[1:3]))
    row = row if padding is None else replace(row, padding=padding)
    return ROWS[row.step](row, value).padding


def _padded(row, x):
    zeros = _needs(row, x)
    return layers.ZeroPadding2D(zeros)(x) if any(map(any, zeros)) else x


def _global(row, x):
    kind = layers.GlobalAveragePooling2D if len(x.shape) == 4 else layers.GlobalAveragePooling1D
    return kind(name=row.name)(x)


def _upsample(row, x):
    return layers.UpSampling2D(row.factor, interpolation=row.interpolation, name=row.name)(x)


def _normalised(layer):
    return lambda row, x: layer(name=row.name, scale=row.scale, trainable=row.trainable)(x)


def _pad_channels(row, x):
    return ops.pad(x, [[0, 0]] * (len(x.shape) - 1) + [[0, row.filters - x.shape[-1]]])


def _multiply(row, *values):
    rank = max(len(value.shape) for value in values)
    gates = [
        v if len(v.shape) == rank else layers.Reshape((*[1] * (rank - 2), v.shape[-1]))(v)
        for v in values
    ]
    return layers.Multiply(name=row.name)(gates)


def _attention(row, x):
    rest = {"use_bias": bool(row.bias), "trainable": row.trainable}
    return layers.MultiHeadAttention(row.heads, row.key_dim, name=row.name, **rest)(x, x)


def _learned(output, *shapes):
    """A layer of its own: `output(x, weights ...)`, with weights of these shapes for x's shape."""

    def learned(row, x):
        class Learned(keras.layers.Layer):
            def build(self, shape):
                self.own = [self.add_weight(shape=each(shape)) for each in shapes]

            def call(self, x):
                return output(x, *self.own)

        return Learned(name=row.name, trainable=row.trainable)(x)

    return learned


def _in_front(x, token):
    x = ops.reshape(x, (-1, prod(x.shape[1:-1]), x.shape[-1]))
    return ops.concatenate([ops.broadcast_to(token, (ops.shape(x)[0], 1, x.shape[-1])), x], axis=1)


def _response(x, gamma, beta):
    norm = ops.sqrt(ops.sum(ops.square(x), axis=(1, 2), keepdims=True))
    return gamma * (x * norm / (ops.mean(norm, axis=-1, keepdims=True) + 1e-6)) + beta + x


def _channels(shape):
    return (shape[-1],)


def _weights(row):
    return {"use_bias": bool(row.bias), "trainable": row.trainable, "name": row.name}


#: For each kind of row, a function that calls its layer. `_row` adds its norm and activation.
LAYERS = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "dense": lambda row, x: layers.Dense(row.filters, **_weights(row))(layers.Flatten()(x)),
    "max_pool": _pool(layers.MaxPooling2D),
    "average_pool": _pool(layers.AveragePooling2D),
    "global_average_pool": _global,
    "upsample": _upsample,
    "crop": lambda row, x: layers.Cropping2D(row.padding, name=row.name)(x),
    "lrn": lambda row, x: lrn(x),
    "batch_norm": _normalised(layers.BatchNormalization),
    "layer_norm": _normalised(layers.LayerNormalization),
    "activation": lambda row, x: x,
    "grn": _learned(_response, _channels, _channels),
    "pad_channels": _pad_channels,
    "add": lambda row, *values: layers.Add(name=row.name)(values),
    "multiply": _multiply,
    "concatenate": lambda row, *values: layers.Concatenate(name=row.name)(values),
    "tokens": lambda row, x: layers.Reshape((-1, x.shape[-1]), name=row.name)(x),
    "class_token": _learned(_in_front, _channels),
    "position_embedding": _learned(lambda x, each: x + each, lambda shape: shape[1:]),
    "first_token": lambda row, x: x[:, 0],
    "attention": _attention,
}
