"""Networks after 2015, written by hand: right ones in several styles, wrong ones with a row.

Those of keras.applications are compared in `test_families`. Most of the wrong ones are a part of a
network, which costs less and is judged in the same way.
"""

import keras
import pytest
from keras import layers, ops

from course import check
from course.architectures import (
    convnext,
    densenet,
    efficientnet,
    inception_v3,
    mobilenet,
    resnet_v2,
    resnext,
    unet,
    vit,
)
from course.diagnosis import Cause
from tests.golden import Corpus, built
from tests.network.test_any_model import ClassToken, Positions

L = layers
RIGHT = {}  # name: (builder, table)
WRONG = {}  # name: (builder, table, row, cause, part of the sentence)


def right(name, table):
    """Declare that a builder's network is right."""

    def declare(build):
        RIGHT[name] = (build, table)
        return build

    return declare


def part(table, first, last, shape, build, **options):
    """(builder, table) of a part of a network; `build` makes its output of its input."""

    def network():
        image = keras.Input(shape)
        return keras.Model(image, build(image, **options))

    return network, table.part(first, last, input_shape=shape)


def norm(x, activation=None):
    x = L.BatchNormalization()(x)
    return L.Activation(activation)(x) if activation else x


def conv(x, filters, kernel=1, stride=1, activation="relu", **rest):
    x = L.Conv2D(filters, kernel, stride, padding="same", use_bias=False, **rest)(x)
    return norm(x, activation)


def classified(x, classes=1000):
    return L.Dense(classes, activation="softmax")(L.GlobalAveragePooling2D()(x))


# --- MobileNet


def depthwise(x, stride, activation="relu"):
    x = L.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(x)
    return norm(x, activation)


def separable(x, filters, stride, first=depthwise):
    return conv(first(x, stride), filters)


def mobile(separable=separable):
    image = keras.Input((224, 224, 3))
    x = conv(image, 32, 3, 2)
    for filters, stride in mobilenet.SEPARABLE:
        x = separable(x, filters, stride)
    return keras.Model(image, classified(x))


class Separable(L.Layer):
    """As a layer of one's own, with groups for the depthwise convolution."""

    def __init__(self, channels, filters, stride):
        super().__init__()
        self.window = L.Conv2D(channels, 3, stride, padding="same", groups=channels)
        self.across = L.Conv2D(filters, 1)
        self.norms = [L.BatchNormalization(), L.BatchNormalization()]

    def call(self, x):
        x = keras.activations.relu6(self.norms[0](self.window(x)))
        return keras.activations.relu6(self.norms[1](self.across(x)))


def of_layers(x, filters, stride):
    return Separable(x.shape[-1], filters, stride)(x)


RIGHT |= {
    "MobileNet": (mobile, mobilenet.MOBILENET),
    "MobileNet of layers of one's own": (lambda: mobile(of_layers), mobilenet.MOBILENET),
    "MobileNet, an eighth as wide": (
        lambda: keras.applications.MobileNet(weights=None, alpha=0.125, dropout=0.5),
        mobilenet.mobilenet(0.125),
    ),
}


def first_rows(x, separable=separable, blocks=3):
    for filters, stride in mobilenet.SEPARABLE[:blocks]:
        x = separable(x, filters, stride)
    return x


def mobile_part(separable, **rest):
    shape = (112, 112, 32)
    return part(
        mobilenet.MOBILENET, "conv2_dw", "conv4_pw", shape, first_rows, separable=separable, **rest
    )


def with_first(first):
    return lambda x, filters, stride: separable(x, filters, stride, first)


def all_maps(x, stride):
    return conv(x, x.shape[-1], 3, stride)


def without_norm(x, stride):
    return L.ReLU()(L.DepthwiseConv2D(3, stride, padding="same")(x))


def across_first(x, filters, stride):
    return depthwise(conv(x, filters), stride)


def separable_layer(x, filters, stride):
    return norm(L.SeparableConv2D(filters, 3, stride, padding="same")(x), "relu")


def two_of_each(x, stride):
    return norm(L.DepthwiseConv2D(3, stride, padding="same", depth_multiplier=2)(x), "relu")


WRONG |= {
    "MobileNet, every map sees all maps": (
        *mobile_part(with_first(all_maps)), "conv2_dw", Cause.GROUPS, "layers.DepthwiseConv2D"),
    "MobileNet, nothing between the two": (
        *mobile_part(with_first(lambda x, stride: depthwise(x, stride, None))),
        "conv2_dw_bn", Cause.ACTIVATION_MISSING, "relu"),
    "MobileNet, no norm between the two": (
        *mobile_part(with_first(without_norm)), "conv2_dw_bn", Cause.MISSING, "after conv2_dw"),
    "MobileNet, across the maps first": (
        *mobile_part(across_first), "conv2_dw", Cause.SWAPPED, "after conv2_pw"),
    "MobileNet, SeparableConv2D": (
        *mobile_part(separable_layer), "conv2_dw_bn", Cause.MISSING, "inside SeparableConv2D"),
    "MobileNet, a depthwise one that nothing reads": (
        *mobile_part(with_first(lambda x, stride: norm(x, "relu"))), "conv2_dw", Cause.MISSING,
        "after input comes batch_normalization"),
    "MobileNet, a block missing": (
        *mobile_part(separable, blocks=2), "conv4_dw", Cause.ENDS_EARLY, ""),
    "MobileNet, two maps of each": (
        *mobile_part(with_first(two_of_each)), "conv2_dw", Cause.FILTERS, "64 maps"),
}  # fmt: skip


# --- MobileNetV2


def inverted(x, filters, stride, expansion=6, activation="relu6", end=None, shortcut=True):
    y = x
    if expansion > 1:
        y = conv(y, expansion * x.shape[-1], activation=activation)
    y = conv(depthwise(y, stride, activation), filters, activation=end)
    return L.Add()([x, y]) if shortcut and y.shape == x.shape else y


def mobile_v2():
    image = keras.Input((224, 224, 3))
    x = conv(image, 32, 3, 2, "relu6")
    for expansion, filters, blocks, stride in mobilenet.BOTTLENECKS:
        for number in range(blocks):
            x = inverted(x, filters, stride if number == 0 else 1, expansion)
    return keras.Model(image, classified(conv(x, 1280, activation="relu6")))


def third_stage(x, **options):
    return conv(inverted(inverted(x, 24, 2, **options), 24, 1, **options), 144, activation="relu6")


def mobile_v2_part(**options):
    rows = "conv3_1_expand", "conv4_1_expand", (112, 112, 16)
    return part(mobilenet.MOBILENET_V2, *rows, third_stage, **options)


RIGHT["MobileNetV2"] = (mobile_v2, mobilenet.MOBILENET_V2)
WRONG |= {
    "MobileNetV2, ReLU": (
        *mobile_v2_part(activation="relu"), "conv3_1_expand_bn", Cause.ACTIVATION, "relu6"),
    "MobileNetV2, an activation where it is narrow": (
        *mobile_v2_part(end="relu6"), "conv3_1_project_bn", Cause.ACTIVATION_EXTRA, "relu6"),
    "MobileNetV2, no shortcut": (
        *mobile_v2_part(shortcut=False), "conv3_2", Cause.SHORTCUT_MISSING, ""),
    "MobileNetV2, four times as wide": (
        *mobile_v2_part(expansion=4), "conv3_1_expand", Cause.FILTERS, "64 maps"),
}  # fmt: skip


# --- ResNeXt


def grouped(x, width, stride):
    return conv(x, width, 3, stride, groups=32)


def paths(x, width, stride):
    """The paths one by one, as in the paper's Fig. 3(b)."""
    made = [
        L.Conv2D(width // 32, 3, stride, padding="same", use_bias=False)(path)
        for path in ops.split(x, 32, axis=-1)
    ]
    return norm(L.Concatenate()(made), "relu")


def aggregated(x, width, stride, middle=grouped, early=False):
    shortcut = x
    if x.shape[-1] != 2 * width:
        shortcut = conv(x, 2 * width, 1, stride, None)
    y = conv(x, width, 1, stride if early else 1)
    y = conv(middle(y, width, 1 if early else stride), 2 * width, activation=None)
    return L.ReLU()(L.Add()([shortcut, y]))


def next_stage(x, **options):
    return aggregated(aggregated(x, 256, 2, **options), 256, 1, **options)


def resnext_part(**options):
    rows = "conv3_1_1", "conv3_2", (56, 56, 256)
    return part(resnext.RESNEXT50, *rows, next_stage, **options)


@right("ResNeXt-50", resnext.RESNEXT50)
def resnext50():
    image = keras.Input((224, 224, 3))
    x = L.MaxPooling2D(3, 2, padding="same")(conv(image, 64, 7, 2))
    for stage, blocks in enumerate(resnext.BLOCKS):
        for number in range(blocks):
            x = aggregated(x, 128 * 2**stage, 2 if stage and number == 0 else 1)
    return keras.Model(image, classified(x))


RIGHT["ResNeXt-50, path by path"] = resnext_part(middle=paths)
WRONG |= {
    "ResNeXt-50, no groups": (
        *resnext_part(middle=lambda x, width, stride: conv(x, width, 3, stride)),
        "conv3_1_2", Cause.GROUPS, "32 groups"),
    "ResNeXt-50, the stride before the groups": (
        *resnext_part(early=True), "conv3_1_1", Cause.STRIDE, ""),
}  # fmt: skip


# --- Inception v3


def chain(x, *made):
    for filters, kernel in made:
        x = conv(x, filters, kernel)
    return x


def factorised(x, short=((1, 7), (7, 1)), pool=L.AveragePooling2D, bare=False):
    width, wide, high = 128, (1, 7), (7, 1)
    branches = [
        chain(x, (192, 1)),
        chain(x, (width, 1), (width, short[0]), (192, short[1])),
        chain(x, (width, 1), (width, high), (width, wide), (width, high), (192, wide)),
        conv(pool(3, 1, padding="same")(x), 192, activation=None if bare else "relu"),
    ]
    return L.Concatenate()(branches[::-1])


def inception_part(**options):
    rows = "mixed4_1_1", "mixed4", (17, 17, 768)
    return part(inception_v3.INCEPTION_V3, *rows, factorised, **options)


RIGHT["Inception v3, a module turned round"] = inception_part()
WRONG |= {
    "Inception v3, high before wide": (
        *inception_part(short=((7, 1), (1, 7))), "mixed4_2_2", Cause.KERNEL, "7 × 1"),
    "Inception v3, whole windows": (
        *inception_part(short=(7, 7)), "mixed4_2_2", Cause.KERNEL, "7 × 7"),
    "Inception v3, max pools": (
        *inception_part(pool=L.MaxPooling2D), "mixed4_pool", Cause.POOL_KIND, "max pool"),
    "Inception v3, one branch without an activation": (
        *inception_part(bare=True), "mixed4_pool_proj_bn", Cause.ACTIVATION_MISSING, "relu"),
}  # fmt: skip


# --- ResNet v2


def unit(x, filters, stride=1, bare=False, late=False, raw=False):
    y = norm(x, "relu")
    shortcut = x
    if x.shape[-1] != 4 * filters:
        shortcut = L.Conv2D(4 * filters, 1, stride)(x if raw else y)
    y = conv(conv(x if bare else y, filters), filters, 3, stride)
    y = L.Add()([shortcut, L.Conv2D(4 * filters, 1)(y)])
    return L.ReLU()(y) if late else y


def two_units(x, **options):
    return unit(unit(x, 128, 2, **options), 128, **options)


def units_part(**options):
    rows = "conv3_1_preact", "conv3_2", (56, 56, 256)
    return part(resnet_v2.RESNET50_V2, *rows, two_units, **options)


@right("ResNet-50 v2", resnet_v2.RESNET50_V2)
def resnet50_v2(blocks=(3, 4, 6, 3)):
    image = keras.Input((224, 224, 3))
    x = L.MaxPooling2D(3, 2, padding="same")(conv(image, 64, 7, 2))
    y = conv(conv(x, 64), 64, 3)  # the first unit reads what is activated already
    x = L.Add()([L.Conv2D(256, 1)(x), L.Conv2D(256, 1)(y)])
    for stage, count in enumerate(blocks):
        for number in range(stage == 0, count):
            x = unit(x, 64 * 2**stage, 2 if stage and number == 0 else 1)
    return keras.Model(image, classified(norm(x, "relu")))


WRONG |= {
    "ResNet-50 v2, a unit less": (
        lambda: resnet50_v2(blocks=(3, 4, 6, 2)), resnet_v2.RESNET50_V2, "conv5_3_preact",
        Cause.BLOCK_MISSING, ""),
    "ResNet-50 v2, the addition activated": (
        *units_part(late=True), "conv3_1", Cause.ACTIVATION_EXTRA, "relu"),
    "ResNet-50 v2, the projection reads too early": (
        *units_part(raw=True), "conv3_1_shortcut", Cause.WRONG_INPUT, "conv3_1_preact"),
}  # fmt: skip


# --- DenseNet


def layer(x, growth=32, join=lambda x, y: L.Concatenate()([x, y])):
    y = conv(norm(x, "relu"), 4 * growth)
    return join(x, L.Conv2D(growth, 3, padding="same", use_bias=False)(y))


def dense_block(x, keep=0.5, **options):
    for _ in range(6):
        x = layer(x, **options)
    x = L.Conv2D(int(x.shape[-1] * keep), 1, use_bias=False)(norm(x, "relu"))
    return L.AveragePooling2D(2)(x)


def all_before(x):
    """The maps in a list; every layer puts all of them side by side once more."""
    made = [x]
    for _ in range(6):
        y = L.Concatenate()(made) if len(made) > 1 else x
        made.append(L.Conv2D(32, 3, padding="same")(conv(norm(y, "relu"), 128)))
    x = norm(ops.concatenate(made, axis=-1), "relu")
    return L.AveragePooling2D(2)(L.Conv2D(128, 1)(x))


def dense_part(build=dense_block, **options):
    rows = "dense1_1_norm", "transition1_pool", (56, 56, 64)
    return part(densenet.DENSENET121, *rows, build, **options)


RIGHT |= {"DenseNet, a block": dense_part(), "DenseNet, maps in a list": dense_part(all_before)}
WRONG |= {
    "DenseNet, a growth of 12": (
        *dense_part(growth=12), "dense1_1_1", Cause.FILTERS, "48 maps"),
    "DenseNet, nothing beside": (
        *dense_part(join=lambda x, y: y), "dense1_2_norm", Cause.WRONG_INPUT, "dense1_1"),
    "DenseNet, as many maps behind the block": (
        *dense_part(keep=1), "transition1", Cause.FILTERS, "256 maps"),
}  # fmt: skip


# --- U-Net


def cropped(x, side):
    cut = (x.shape[1] - side) // 2
    return L.Cropping2D(cut)(x)


def sliced(x, side):
    cut = (x.shape[1] - side) // 2
    return x[:, cut:-cut, cut:-cut]


def centred(x, side):
    return L.CenterCrop(side, side)(x)


def transposed(x, filters):
    return L.Conv2DTranspose(filters, 2, 2)(x)


def u(crop=cropped, padding="valid", side=572, up=transposed, early=False, join=L.Concatenate):
    def twice(x, filters):
        for _ in range(2):
            x = L.Conv2D(filters, 3, padding=padding, activation="relu")(x)
        return x

    image = x = keras.Input((side, side, 1))
    ways = []
    for filters in unet.WIDTHS[:-1]:
        x = twice(x, filters)
        ways.append(x)
        x = L.MaxPooling2D(2)(x)
    x = L.Dropout(0.5)(twice(x, unet.WIDTHS[-1]))
    for filters, way in zip(unet.WIDTHS[-2::-1], ways[::-1], strict=True):
        x = up(x, filters)
        x = twice(join()([crop(way, x.shape[1]), x]), filters)
    return keras.Model(image, L.Conv2D(2, 1, activation="softmax")(x))


def padded(**options):
    return u(lambda way, side: way, "same", 256, **options)


def upsampled(x, filters):
    x = L.UpSampling2D(2)(x)
    return L.Conv2D(filters, 2, padding="same", activation="relu")(x)


RIGHT |= {
    "U-Net": (u, unet.UNET),
    "U-Net, sliced": (lambda: u(sliced), unet.UNET),
    "U-Net, cropped to the centre": (lambda: u(centred), unet.UNET),
    "U-Net, padded": (padded, unet.UNET_SAME),
}
WRONG |= {
    "U-Net, cropped at one corner": (
        lambda: u(lambda way, side: way[:, :side, :side]),
        unet.UNET, "crop4", Cause.CUT, "4 on each side"),
    "U-Net, larger windows on the way up": (
        lambda: padded(up=lambda x, n: L.Conv2DTranspose(n, 3, 2, padding="same")(x)),
        unet.UNET_SAME, "up4", Cause.KERNEL, "3 × 3"),
    "U-Net, upsampled": (
        lambda: padded(up=upsampled), unet.UNET_SAME, "up4", Cause.OTHER_STEP, "upsampling"),
    "U-Net, added": (
        lambda: padded(join=L.Add), unet.UNET_SAME, "join4", Cause.ADDED, "added"),
}  # fmt: skip


# --- EfficientNet


def squeezed(y, inner):
    y = L.GlobalAveragePooling2D()(y)
    return L.Dense(y.shape[-1], activation="sigmoid")(L.Dense(inner, activation="swish")(y))


def excited(y, inner):
    """Squeeze and excitation with a reshape and a layer."""
    return L.Multiply()([y, L.Reshape((1, 1, y.shape[-1]))(squeezed(y, inner))])


def excited_by_convolutions(y, inner):
    gate = ops.mean(y, axis=(1, 2), keepdims=True)
    gate = L.Conv2D(y.shape[-1], 1)(ops.silu(L.Conv2D(inner, 1)(gate)))
    return y * ops.sigmoid(gate)


def mb_conv(x, filters, stride, kernel, gate=excited, inner=None, activation="swish"):
    y = conv(x, 6 * x.shape[-1], activation=activation)
    y = L.DepthwiseConv2D(kernel, stride, padding="same", use_bias=False)(y)
    y = gate(norm(y, activation), inner or x.shape[-1] // 4)
    y = conv(y, filters, activation=None)
    return L.Add()([x, y]) if y.shape == x.shape else y


def two_blocks(x, **options):
    return mb_conv(mb_conv(x, 40, 2, 5, **options), 40, 1, 5, **options)


def efficient_part(**options):
    rows = "stage4_1_expand", "stage4_2", (56, 56, 24)
    return part(efficientnet.EFFICIENTNET_B0, *rows, two_blocks, **options)


RIGHT |= {
    "EfficientNet, two blocks": efficient_part(),
    "EfficientNet, gates of convolutions": efficient_part(gate=excited_by_convolutions),
}
WRONG |= {
    "EfficientNet, no gates": (
        *efficient_part(gate=lambda y, inner: y), "stage4_1_squeeze", Cause.MISSING, "reduce"),
    "EfficientNet, a quarter of the wide maps": (
        *efficient_part(inner=36), "stage4_1_reduce", Cause.UNITS, "36 units"),
    "EfficientNet, gates added": (
        *efficient_part(gate=lambda y, inner: y + L.Reshape((1, 1, y.shape[-1]))(
            squeezed(y, inner))),
        "stage4_1_excite", Cause.OTHER_STEP, "multiply"),
    "EfficientNet, ReLU": (
        *efficient_part(activation="relu"), "stage4_1_expand_bn", Cause.ACTIVATION, "silu"),
}  # fmt: skip


# --- ConvNeXt


class LayerScale(L.Layer):
    def build(self, shape):
        self.factor = self.add_weight(shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.factor


def next_block(x, kernel=7, kind=L.LayerNormalization, activation="gelu", scale=LayerScale):
    maps = x.shape[-1]
    y = kind()(L.DepthwiseConv2D(kernel, padding="same")(x))
    y = L.Dense(maps)(L.Dense(4 * maps, activation=activation)(y))
    return x + (scale()(y) if scale else y)


def of_convolutions(x):
    y = L.Conv2D(96, 7, padding="same", groups=96)(x)
    y = L.Conv2D(384, 1)(L.LayerNormalization(epsilon=1e-6)(y))
    y = L.Conv2D(96, 1)(keras.activations.gelu(y))
    return L.Add()([x, L.DepthwiseConv2D(1, use_bias=False)(y)])


def next_part(build=next_block, **options):
    rows = "stage1_1_dw", "stage1_1", (56, 56, 96)
    return part(convnext.CONVNEXT_T, *rows, build, **options)


RIGHT |= {
    "ConvNeXt, a block": next_part(),
    "ConvNeXt, a block of convolutions": next_part(of_convolutions),
}
WRONG |= {
    "ConvNeXt, batch norm": (
        *next_part(kind=L.BatchNormalization), "stage1_1_norm", Cause.OTHER_STEP, "batch norm"),
    "ConvNeXt, ReLU": (*next_part(activation="relu"), "stage1_1_expand", Cause.ACTIVATION, "gelu"),
    "ConvNeXt, no layer scale": (
        *next_part(scale=None), "stage1_1_scale", Cause.MISSING, "stage1_1_project"),
    "ConvNeXt, 3 × 3": (*next_part(kernel=3), "stage1_1_dw", Cause.KERNEL, "3 × 3"),
}  # fmt: skip


# --- Vision Transformer


def encoder(x, heads=12, key_dim=64, behind=False, activation="gelu"):
    def branch(x, layer):
        if behind:
            return L.LayerNormalization()(L.Add()([x, layer(x)]))
        return L.Add()([x, layer(L.LayerNormalization()(x))])

    def attended(y):
        return L.MultiHeadAttention(heads, key_dim)(y, y)

    def mlp(y):
        return L.Dense(768)(L.Dropout(0.1)(L.Dense(3072, activation=activation)(y)))

    return branch(branch(x, attended), mlp)


def vision(layers=2, positions=True, end=lambda x: x[:, 0], **options):
    """The first layers of the transformer, from the image to the answer."""
    image = keras.Input((224, 224, 3))
    x = L.Reshape((196, 768))(L.Conv2D(768, 16, strides=16)(image))
    x = ClassToken()(x)
    x = Positions()(x) if positions else x
    for _ in range(layers):
        x = encoder(x, **options)
    x = end(L.LayerNormalization()(x))
    return keras.Model(image, L.Dense(1000, activation="softmax")(x))


#: ViT-B/16 with two layers instead of twelve: the others repeat them.
VIT = vit.vit("ViT-B/16, two layers", 16, layers=2, width=768, hidden=3072, heads=12)

RIGHT["ViT-B/16"] = (lambda: vision(12), vit.VIT_B16)
WRONG |= {
    "ViT, no positions": (
        lambda: vision(positions=False), VIT, "positions", Cause.MISSING, "class"),
    "ViT, eight heads": (
        lambda: vision(heads=8), VIT, "layer1_attention", Cause.HEADS, "8 heads"),
    "ViT, all heads' numbers in each": (
        lambda: vision(key_dim=768), VIT, "layer1_attention", Cause.KEY_DIM, "in one head"),
    "ViT, normalised behind the addition": (
        lambda: vision(behind=True), VIT, "layer1_norm1", Cause.MISSING,
        "attention"),
    "ViT, ReLU": (lambda: vision(activation="relu"), VIT, "layer1_mlp1", Cause.ACTIVATION, "gelu"),
    "ViT, the mean of all tokens": (
        lambda: vision(end=L.GlobalAveragePooling1D()), VIT, "answer", Cause.OTHER_STEP,
        "global average"),
    "ViT, a layer missing": (
        lambda: vision(layers=1), VIT, "layer2_norm1", Cause.BLOCK_MISSING, "layer norm"),
}  # fmt: skip


REFUSED = {  # merges that Keras refuses, through the door of a check
    "padded where the paper is not": ("same", 572, "down1_1", Cause.PADDING, "none"),
    "nothing cropped": ("valid", 572, "join4", Cause.MERGE_SIZES, "64 × 64"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_maps_of_two_sizes_beside_each_other(name):
    padding, side, row, cause, said = REFUSED[name]
    with pytest.raises(check.CheckFailed) as failed, check.silently():
        check.model(lambda: u(lambda way, _: way, padding, side), like=unet.UNET)
    first = failed.value.findings[0]
    assert (first.row, first.cause) == (row, cause), first.message
    assert said in first.message


def networks():
    """{name: (builder, table)}."""
    cases = {f"right/{name}": built(*case) for name, case in RIGHT.items()}
    return cases | {f"wrong/{name}": built(*case[:2]) for name, case in WRONG.items()}


NETWORKS = Corpus("later", networks)


@pytest.mark.parametrize("name", RIGHT)
def test_right(name):
    assert NETWORKS.findings(f"right/{name}") == []


@pytest.mark.parametrize("name", WRONG)
def test_wrong(name):
    first, (*_, row, cause, said) = NETWORKS.findings(f"wrong/{name}")[0], WRONG[name]
    assert (first.row, first.cause) == (row, cause), first.message
    assert said in first.message


def test_what_is_said_is_as_kept():
    NETWORKS.compare()
