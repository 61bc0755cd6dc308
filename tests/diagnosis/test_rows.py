"""Tables with rows of networks after 2015, against networks with one mistake in such a row."""

import keras
import pytest
from keras import layers, ops

from course.anatomy import anatomy
from course.architectures import (
    Table,
    add,
    attention,
    batch_norm,
    class_token,
    concatenate,
    conv,
    conv_transpose,
    dense,
    depthwise_conv,
    first_token,
    global_average_pool,
    grn,
    layer_norm,
    multiply,
    position_embedding,
    tokens,
    upsample,
)
from course.diagnosis import Cause, diagnose
from course.evidence import weightless
from tests.network.test_any_model import ClassToken, Positions

L = layers

GATED = Table(
    "a block with a gate", "made up", (16, 16, 3),
    (
        conv("stem", 8, 3, stride=2, padding="same", bias=False, norm=True, activation="relu6"),
        conv("expand", 24, 1, bias=False, norm=True, activation="swish"),
        depthwise_conv(
            "depthwise", 24, 3, padding="same", bias=False, norm=True, activation="swish"
        ),
        global_average_pool("squeeze"),
        dense("reduce", 2, activation="swish"),
        dense("excite", 24, activation="sigmoid"),
        multiply("scale", ("depthwise", "excite")),
        conv("project", 8, 1, bias=False, norm=True),
        add("add", ("stem", "project")),
        global_average_pool("pool"),
        dense("logits", 10, activation="softmax"),
    ),
)  # fmt: skip


def norm(x, activation=None, kind=L.BatchNormalization):
    x = kind()(x)
    return L.Activation(activation)(x) if activation else x


def gated(*, stem="relu6", ratio=2, gate="sigmoid", join=None, kind=L.BatchNormalization,
          window=None, squeeze=L.GlobalAveragePooling2D):  # fmt: skip
    def build():
        inputs = keras.Input((16, 16, 3))
        x = L.Conv2D(8, 3, 2, padding="same", use_bias=False)(inputs)
        shortcut = norm(x, stem)
        x = norm(L.Conv2D(24, 1, use_bias=False)(shortcut), "silu")
        window_ = window or L.DepthwiseConv2D(3, padding="same", use_bias=False)
        x = norm(window_(x), "silu", kind)
        if join is not False:
            y = L.Dense(ratio, "silu")(squeeze()(x))
            y = L.Dense(24, gate)(y)
            x = (join or (lambda x, y: L.Multiply()([x, y])))(x, y)
        x = norm(L.Conv2D(8, 1, use_bias=False)(x))
        x = L.Add()([shortcut, x])
        return keras.Model(inputs, L.Dense(10, "softmax")(L.GlobalAveragePooling2D()(x)))

    return build


NET = Table(
    "a small U-Net", "made up", (16, 16, 3),
    (
        conv("down", 8, 3, stride=2, padding="same", activation="relu"),
        conv("middle", 12, 3, stride=2, padding="same", activation="relu"),
        upsample("up1", 2, "bilinear"),
        concatenate("merge", ("down", "up1")),
        conv("back", 8, 3, padding="same"),
        layer_norm("norm"),
        grn("respond"),
        batch_norm("batch", activation="relu"),
        conv_transpose("up2", 4, 3, 2, padding="same"),
        conv("out", 2, 1, activation="softmax"),
    ),
)  # fmt: skip


class Respond(L.Layer):
    """Global response normalisation."""

    def build(self, shape):
        self.gamma, self.beta = (self.add_weight(shape=(shape[-1],)) for _ in range(2))

    def call(self, x):
        each = ops.sqrt(ops.sum(x**2, axis=(1, 2), keepdims=True))
        return (
            self.gamma * x * each / (ops.mean(each, axis=-1, keepdims=True) + 1e-6) + self.beta + x
        )


def unet(*, up1=None, up2=None, normed=L.LayerNormalization, respond=Respond):
    def build():
        inputs = keras.Input((16, 16, 3))
        down = L.Conv2D(8, 3, 2, padding="same", activation="relu")(inputs)
        x = L.Conv2D(12, 3, 2, padding="same", activation="relu")(down)
        x = (up1 or L.UpSampling2D(2, interpolation="bilinear"))(x)
        x = L.Conv2D(8, 3, padding="same")(L.Concatenate()([down, x]))
        for make in (normed, respond, L.BatchNormalization, L.ReLU):
            x = make()(x) if make else x
        x = (up2 or L.Conv2DTranspose(4, 3, 2, padding="same"))(x)
        return keras.Model(inputs, L.Conv2D(2, 1, activation="softmax")(x))

    return build


VIT = Table(
    "a small transformer", "made up", (32, 32, 3),
    (
        conv("patches", 24, 8, stride=8),
        tokens("sequence"),
        class_token("class"),
        position_embedding("positions"),
        layer_norm("norm1"),
        attention("attention", 4, 6),
        add("add1", ("positions", "attention")),
        layer_norm("norm2"),
        conv("mlp1", 96, 1, activation="gelu"),
        conv("mlp2", 24, 1),
        add("add2", ("add1", "mlp2")),
        layer_norm("norm"),
        first_token("first"),
        dense("head", 10, activation="softmax"),
    ),
)  # fmt: skip


def vit(*, heads=4, each=6, normed=L.LayerNormalization, embedded=(ClassToken, Positions), wide=96,
        first=lambda x: x[:, 0], bias=True, context=None):  # fmt: skip
    def build():
        inputs = keras.Input((32, 32, 3))
        x = L.Reshape((-1, 24))(L.Conv2D(24, 8, 8)(inputs))
        for make in embedded:
            x = make()(x)
        y = normed()(x)
        attend = L.MultiHeadAttention(heads, each, use_bias=bias)
        x = L.Add()([x, attend(y, context(x) if context else y)])
        y = L.Dense(24)(L.Dense(wide, "gelu")(L.LayerNormalization()(x)))
        x = first(L.LayerNormalization()(L.Add()([x, y])))
        return keras.Model(inputs, L.Dense(10, "softmax")(x))

    return build


RIGHT = {
    "gate": (GATED, gated()),
    "gate of convolutions": (
        GATED,
        gated(squeeze=lambda: L.GlobalAveragePooling2D(keepdims=True), join=lambda x, y: y * x),
    ),
    "U-Net": (NET, unet()),
    "U-Net with 3 × 3 cut by hand": (
        NET, unet(up2=lambda x: L.Conv2DTranspose(4, 3, 2)(x)[:, :-1, :-1]),
    ),
    "transformer": (VIT, vit()),
}  # fmt: skip
LARGER = Table(
    "larger",
    "made up",
    (8, 8, 3),
    (conv("c", 4, 3, padding="same"), upsample("up", 2), dense("d", 5)),
)


def larger(factor):
    return lambda: keras.Sequential([
        keras.Input((8, 8, 3)), L.Conv2D(4, 3, padding="same"), L.UpSampling2D(factor),
        L.Flatten(), L.Dense(5),
    ])  # fmt: skip


WRONG = {
    "the gate is missing": (
        GATED, gated(join=False), "squeeze", Cause.MISSING,
        "after depthwise", "reduce, excite and scale are missing, too",
    ),
    "another reduction": (
        GATED, gated(ratio=6), "reduce", Cause.UNITS, "It has 6 units, the table has 2",
    ),
    "the gate is added": (
        GATED, gated(join=lambda x, y: L.Add()([x, L.Reshape((1, 1, 24))(y)])),
        "scale", Cause.OTHER_STEP, "It is Add. The table has multiply here.",
    ),
    "the gate has no sigmoid": (
        GATED, gated(gate=None), "excite", Cause.ACTIVATION_MISSING, "the table has sigmoid",
    ),
    "relu instead of relu6": (
        GATED, gated(stem="relu"), "stem_bn", Cause.ACTIVATION, "the table has relu6",
    ),
    "a full convolution": (
        GATED, gated(window=L.Conv2D(24, 3, padding="same", use_bias=False)),
        "depthwise", Cause.GROUPS, "DepthwiseConv2D",
    ),
    "layer norm for batch norm": (
        GATED, gated(kind=L.LayerNormalization), "depthwise_bn", Cause.OTHER_STEP,
        "It is layer norm, silu. The table has batch norm, silu here.",
    ),
    "another factor": (
        LARGER, larger(3), "up", Cause.FACTOR, "3 × 3 times as large, the table 2 × 2 times",
    ),
    "another interpolation": (
        NET, unet(up1=L.UpSampling2D(2)), "up1", Cause.INTERPOLATION,
        "Its interpolation is nearest, the table has bilinear.",
    ),
    "batch norm for layer norm": (
        NET, unet(normed=L.BatchNormalization), "norm", Cause.OTHER_STEP,
        "It is batch norm. The table has layer norm here.",
    ),
    "no response normalisation": (
        NET, unet(respond=None), "respond", Cause.MISSING, "after norm comes batch_norm",
    ),
    "nothing is cut": (
        NET, unet(up2=L.Conv2DTranspose(4, 3, 2)), "up2", Cause.CUT,
        "(8 − 1)·2 + 3 = 17. It should be (8 − 1)·2 + 3 − 1 = 16",
    ),
    "another stride": (
        NET, unet(up2=L.Conv2DTranspose(4, 3, 4, padding="same")), "up2", Cause.STRIDE,
        "The stride is 4, the table has 2",
    ),
    "an upsampling for a transposed convolution": (
        NET, unet(up2=L.UpSampling2D(2)), "up2", Cause.OTHER_STEP, "transposed convolution 3 × 3",
    ),
    "more heads": (
        VIT, vit(heads=6), "attention", Cause.HEADS, "It has 6 heads, the table has 4.",
    ),
    "the width of all heads": (
        VIT, vit(each=24), "attention", Cause.KEY_DIM,
        "have 24 numbers, the table has 6. key_dim is the length in one head",
    ),
    "no bias": (VIT, vit(bias=False), "attention", Cause.BIAS_MISSING, "no bias"),
    "keys of another value": (
        VIT, vit(context=lambda x: x), "attention", Cause.WRONG_INPUT, "should read norm1",
    ),
    "no class token": (
        VIT, vit(embedded=(Positions,)), "class", Cause.MISSING, "after patches comes positions",
    ),
    "no positions": (
        VIT, vit(embedded=(ClassToken,)), "positions", Cause.MISSING, "after class comes layer",
    ),
    "another width": (VIT, vit(wide=48), "mlp1", Cause.FILTERS, "It makes 48 maps"),
    "the mean of all tokens": (
        VIT, vit(first=L.GlobalAveragePooling1D()), "first", Cause.OTHER_STEP,
        "It is global average. The table has the first token here.",
    ),
    "batch norm of tokens": (
        VIT, vit(normed=L.BatchNormalization), "norm1", Cause.OTHER_STEP,
        "It is batch norm. The table has layer norm here.",
    ),
}  # fmt: skip


def found(table, build):
    with weightless():
        return diagnose(anatomy(build()), table)


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right(name):
    assert found(*RIGHT[name]) == []


@pytest.mark.parametrize("name", WRONG)
def test_one_mistake_gets_its_sentence(name):
    table, build, row, cause, *parts = WRONG[name]
    told = found(table, build)
    assert [(each.row, each.cause) for each in told[:1]] == [(row, cause)], told
    assert all(part in told[0].message for part in parts), told[0].message
    assert len(told) == 1, told
