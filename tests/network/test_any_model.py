"""Any Keras model: what Keras says about it, and its work counted again from Keras's own weights.

The models are all of `keras.applications`, a U-Net and a vision transformer.
"""

import inspect
import re
from collections import Counter
from math import prod

import keras
import pytest
from keras import layers, ops

from course.anatomy import anatomy
from course.network.words import counted

IMAGE = (224, 224, 3)
BUILDERS = {name: f for name, f in vars(keras.applications).items() if inspect.isfunction(f)}
#: What has no row of a known kind, by Keras's names for it.
NOT_UNDERSTOOD = {
    "NASNet": {"ZeroPadding2D"},  # with a crop it moves a map by one pixel
    "EfficientNetB": {"Normalization"},  # of the image, with three weights
    "EfficientNetV2B": {"Normalization"},
    "ConvNeXt": {"Normalization"},
}


def test_keras_brings_all_these_families():
    families = [
        "ResNet",
        "DenseNet",
        "MobileNet",
        "EfficientNet",
        "Inception",
        "ConvNeXt",
        "NASNet",
    ]
    assert all(any(name.startswith(family) for name in BUILDERS) for family in families)
    assert len(BUILDERS) >= 37


@pytest.mark.parametrize("name", BUILDERS)
def test_the_numbers_are_those_of_keras(weightless, name):
    model = BUILDERS[name](weights=None)
    shape = None if None not in model.input_shape[1:] else IMAGE
    if shape:
        model = BUILDERS[name](weights=None, input_shape=shape)
    rows = compared(model)
    odd = {step.step for step in rows if not counted(step)}
    assert odd == next((kinds for start, kinds in NOT_UNDERSTOOD.items() if start in name), set())


def compared(model):
    """The anatomy of a model, whose numbers are compared with Keras's."""
    rows, every = anatomy(model), list(leaves(model))
    assert rows.parameters == model.count_params()
    assert rows.trained == sum(prod(weight.shape) for weight in model.trainable_weights)
    assert rows.output_shapes == [model.output_shape[1:]]
    assert rows.macs == sum(map(macs, every))
    of_layers = Counter()
    for step in rows:  # a separable convolution has two rows
        of_layers[step.layer[0] if isinstance(step.layer, tuple) else step.layer] += step.parameters
    learns = [layer.count_params() for layer in every if layer.weights]
    apart = model.name.lower().startswith("nasnet")  # a norm behind branches is one for each
    assert (sorted(filter(None, of_layers.values())) == sorted(learns)) != apart
    named = {step.name: step for step in rows}
    same = [layer for layer in every if layer.name in named and not made_up(layer)]
    assert same
    for layer in same:
        shape = layer.output.shape[1:]
        assert _sides(named[layer.name].shape) == _sides(shape), layer.name
    return rows


def made_up(layer):
    """Whether Keras made up a layer's name; the rows number such names from the model's begin."""
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(layer).__name__).lower()
    return re.fullmatch(rf"{kind}(_\d+)?", layer.name)


def leaves(model):
    """The layers of a model and of the models inside it."""
    for layer in model.layers:
        yield from leaves(layer) if isinstance(layer, keras.Model) else [layer]


def _sides(shape):
    """A shape without sides of 1: a global average may keep them."""
    return [side for side in shape if side != 1]


def macs(layer):
    """Multiply-accumulates of one layer, from the shapes of its weights and tensors alone."""
    if type(layer).__name__ == "MultiHeadAttention":
        (_, n, _), (_, m, _) = (each.shape for each in layer.input)
        query, key, value, output = (prod(w.shape) for w in layer.weights if "kernel" in w.path)
        each = layer.num_heads * (layer.key_dim + layer.value_dim)
        return n * (query + output) + m * (key + value) + n * m * each
    transposed = isinstance(layer, layers.Conv2DTranspose)
    positions = prod((layer.input if transposed else layer.output).shape[1:-1])
    factors = [
        w for w in layer.weights if "kernel" in w.name or type(layer).__name__ == "LayerScale"
    ]
    return positions * sum(prod(weight.shape) for weight in factors)


def test_a_u_net(weightless):
    rows = compared(unet())
    assert all(map(counted, rows))
    assert [rows[f"up{level}"].step for level in (1, 2)] == ["conv_transpose", "upsample"]
    assert rows["merge1"].shape == (32, 32, 24)


def unet():
    """A small U-Net with a transposed convolution and an upsampling."""

    def twice(x, filters, name):
        for number in (1, 2):
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_{number}")(
                x
            )
            x = layers.ReLU()(layers.BatchNormalization()(x))
        return x

    inputs = keras.Input((64, 64, 3))
    fine = twice(inputs, 8, "fine")
    middle = twice(layers.MaxPooling2D()(fine), 12, "middle")
    x = twice(layers.MaxPooling2D()(middle), 16, "coarse")
    x = layers.Conv2DTranspose(12, 2, strides=2, name="up1")(x)
    x = twice(layers.Concatenate(name="merge1")([middle, x]), 12, "back1")
    x = layers.UpSampling2D(interpolation="bilinear", name="up2")(x)
    x = twice(layers.Concatenate(name="merge2")([fine, x]), 8, "back2")
    return keras.Model(inputs, layers.Conv2D(2, 1, activation="softmax")(x))


class ClassToken(layers.Layer):
    def build(self, shape):
        self.token = self.add_weight(shape=(1, 1, shape[-1]))

    def call(self, x):
        token = ops.broadcast_to(self.token, (ops.shape(x)[0], 1, x.shape[-1]))
        return ops.concatenate([token, x], axis=1)


class Positions(layers.Layer):
    def build(self, shape):
        self.number = shape[1]
        self.embedding = layers.Embedding(shape[1], shape[2])
        self.embedding.build(())

    def call(self, x):
        return x + self.embedding(ops.arange(self.number))


def vit(wide=24, heads=4, blocks=2):
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(wide, 8, strides=8, name="patches")(inputs)
    x = layers.Reshape((-1, wide))(x)
    x = Positions(name="positions")(ClassToken(name="class")(x))
    for number in range(blocks):
        y = layers.LayerNormalization()(x)
        y = layers.MultiHeadAttention(heads, wide // heads, name=f"attention{number}")(y, y)
        x = layers.Add()([x, y])
        y = layers.LayerNormalization()(x)
        y = layers.Dense(4 * wide, activation="gelu")(y)
        x = layers.Add()([x, layers.Dense(wide)(y)])
    x = layers.LayerNormalization()(x)[:, 0]
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def test_a_vision_transformer(weightless):
    rows = compared(vit())
    assert all(map(counted, rows))
    assert [rows[name].step for name in ("class", "positions")] == [
        "class_token",
        "position_embedding",
    ]
    assert rows["attention1"].shape == (17, 24)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_model_made_in_half_precision_has_the_same_rows(weightless, policy):
    before, rows = keras.config.dtype_policy(), repr(anatomy(vit()))
    keras.config.set_dtype_policy(policy)
    try:
        model = vit()
        assert repr(anatomy(model)) == rows
        assert keras.config.dtype_policy().name == policy
        assert {layer.dtype_policy.name for layer in model.layers} == {policy}
    finally:
        keras.config.set_dtype_policy(before)
