"""Answers to 09-mobilenet."""

from course.grading.own.bank import Mistake, letters

NOTEBOOK = "09-mobilenet/mobilenet.ipynb"

WORK = {"most work": "c", "half the maps": "b", "half the sides": "b"}

RIGHT = {
    "loops": {
        "macs-answer": """
macs = {"standard": 462_422_016, "depthwise": 1_806_336.0}
macs["pointwise"] = 51_380_224
""",
        "saving-answer": """
def share_left(kernel, maps_in, maps_out):
    return 1 / maps_out + 1 / kernel**2
""",
        "block-answer": """
def separable_block(x, filters, stride=1, *, name):
    maps = x.shape[-1]
    for step in (
        layers.Conv2D(maps, 3, strides=stride, padding="same", groups=maps, name=name + "_dw"),
        layers.Conv2D(filters, kernel_size=(1, 1), name=name + "_pw"),
    ):
        x = layers.BatchNormalization()(step(x))
        x = layers.Activation("relu6")(x)
    return x
""",
        "network-answer": """
def mobilenet(input_shape=(224, 224, 3), classes=1000, alpha=1.0):
    image = keras.Input(shape=input_shape)
    x = layers.ZeroPadding2D(1)(image)
    x = layers.Conv2D(int(32 * alpha), 3, strides=2, use_bias=False)(x)
    x = keras.activations.relu(layers.BatchNormalization()(x))
    for number in range(len(SEPARABLE)):
        filters, stride = SEPARABLE[number]
        x = separable_block(x, int(alpha * filters), stride, name=f"conv{number + 2}")
    x = layers.AveragePooling2D(x.shape[1:3])(x)
    x = layers.Dropout(0.001)(layers.Flatten()(x))
    return keras.Model(image, layers.Softmax()(layers.Dense(classes)(x)))
""",
        "work-answer": "work = dict(zip(['most work', 'half the maps', 'half the sides'], 'cbb'))",
        "vgg-answer": "times_fewer = dict(parameters=138_357_544 / 4_231_976, MACs=27.2)",
    },
    "as Keras has it": {
        "block-answer": """
class Separable(layers.Layer):
    def __init__(self, filters, stride, name):
        super().__init__(name=name)
        self.steps = [
            layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(6.0),
            layers.Conv2D(filters, 1, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(6.0),
        ]

    def call(self, x):
        for step in self.steps:
            x = step(x)
        return x


def separable_block(x, filters, stride=1, *, name):
    return Separable(filters, stride, name)(x)
""",
        "network-answer": """
def mobilenet(input_shape=(224, 224, 3), classes=1000, alpha=1.0):
    steps = [keras.Input(input_shape), layers.Conv2D(int(32 * alpha), 3, 2, "same")]
    for filters, stride in SEPARABLE:
        steps += [layers.BatchNormalization(), layers.ReLU()]
        steps += [layers.DepthwiseConv2D(3, stride, "same", use_bias=False)]
        steps += [layers.BatchNormalization(), layers.ReLU()]
        steps += [layers.Conv2D(int(filters * alpha), 1, use_bias=False)]
    steps += [layers.BatchNormalization(), layers.ReLU()]
    steps += [layers.GlobalAveragePooling2D(keepdims=True), layers.Conv2D(classes, 1)]
    return keras.Sequential([*steps, layers.Reshape((classes,)), layers.Activation("softmax")])
""",
    },
}

_BLOCK = """
def separable_block(x, filters, stride=1, *, name):
    x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Conv2D(filters, 1, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.ReLU()(x)
"""
_NETWORK = """
def mobilenet(input_shape=(224, 224, 3), classes=1000, alpha=1.0):
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(int(32 * alpha), 3, 2, "same", use_bias=False)(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    for number, (filters, stride) in enumerate(SEPARABLE, 2):
        x = separable_block(x, int(filters * alpha), stride, name=f"conv{number}")
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
"""
_MACS = "macs = {'standard': 462422016, 'depthwise': 1806336, 'pointwise': 51380224}\n"
_BOTH = ("mobilenet-network", "mobilenet-width")


def _block(name, right, wrong, sentence):
    assert right in _BLOCK
    source = _BLOCK.replace(right, wrong)
    return Mistake(name, "block-answer", source, ("mobilenet-block",), sentence, follows=_BOTH)


def _network(name, right, wrong, sentence, lost=_BOTH):
    assert right in _NETWORK
    return Mistake(name, "network-answer", _NETWORK.replace(right, wrong), lost, sentence)


MISTAKES = [
    # 1 · a convolution taken apart
    Mistake(
        "all maps in the depthwise one",
        "macs-answer",
        _MACS + "macs['depthwise'] = 28 * 28 * 3 * 3 * 256 * 256\n",
        ("mobilenet-macs",),
        "depthwise: The value is not right. You have 462422016. Places of a map × window",
    ),
    Mistake(
        "weights for work",
        "macs-answer",
        "macs = {'standard': 589824, 'depthwise': 2304, 'pointwise': 65536}",
        ("mobilenet-macs",),
        "standard: The value is not right. You have 589824. Places of a map",
    ),
    Mistake(
        "3 × 3 in both",
        "macs-answer",
        _MACS + "macs['pointwise'] *= 9\n",
        ("mobilenet-macs",),
        "pointwise: The value is not right. You have 462422016.",
    ),
    Mistake(
        "upside down",
        "saving-answer",
        """
def share_left(kernel, maps_in, maps_out):
    return kernel**2 * maps_out / (kernel**2 + maps_out)
""",
        ("mobilenet-saving",),
        "share_left(2, 3, 4) gives 2, it should give 0.5. What is left: the weights of both",
    ),
    Mistake(
        "the pointwise one forgotten",
        "saving-answer",
        """
def share_left(kernel, maps_in, maps_out):
    return kernel**2 * maps_in / (kernel**2 * maps_in * maps_out)
""",
        ("mobilenet-saving",),
        "share_left(2, 3, 4) gives 0.25, it should give 0.5.",
    ),
    Mistake(
        "maps in and out mixed up",
        "saving-answer",
        """
def share_left(kernel, maps_in, maps_out):
    return 1 / maps_in + 1 / kernel**2
""",
        ("mobilenet-saving",),
        "share_left(2, 3, 4) gives 0.583333, it should give 0.5.",
    ),
    # 2 · a block
    _block(
        "a standard convolution",
        "DepthwiseConv2D(3,",
        "Conv2D(x.shape[-1], 3,",
        "conv2_dw: It works in one group, the table has 32 groups.",
    ),
    _block(
        "nothing between the two",
        """    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Conv2D""",
        "    x = layers.Conv2D",
        "conv2_dw_bn: This row is missing",
    ),
    _block(
        "no ReLU between the two",
        "    x = layers.ReLU()(x)\n",
        "",
        "conv2_dw_bn: It has no activation, the table has relu.",
    ),
    _block(
        "stride in the pointwise one",
        'strides=stride, padding="same", use_bias=False)(x)',
        'padding="same", use_bias=False)(x)',
        "conv3_dw gives 112 × 112 × 64, the table has 56 × 56 × 64. The stride is 1",
    ),
    _block(
        "no activation at the end",
        "return layers.ReLU()(x)",
        "return x",
        "conv2_pw_bn: It has no activation, the table has relu.",
    ),
    Mistake(
        "SeparableConv2D",
        "block-answer",
        """
def separable_block(x, filters, stride=1, *, name):
    x = layers.SeparableConv2D(filters, 3, stride, "same", use_bias=False, name=name)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))
""",
        ("mobilenet-block",),
        "after conv2_dw comes conv2 (convolution 1 × 1, inside SeparableConv2D).",
        follows=_BOTH,
    ),
    # 3 · the network
    _network(
        "always the whole width",
        "int(filters * alpha)",
        "filters",
        "conv2_pw gives 112 × 112 × 64, the table has 112 × 112 × 32. It makes 64 maps",
        _BOTH[1:],
    ),
    _network(
        "α forgotten in the stem",
        "int(32 * alpha)",
        "32",
        "conv1 gives 112 × 112 × 32, the table has 112 × 112 × 16. It makes 32 maps",
        _BOTH[1:],
    ),
    _network(
        "α in the dense layer",
        "Dense(classes",
        "Dense(int(alpha * classes)",
        "fc: It has 500 outputs. It needs 1000",
        _BOTH[1:],
    ),
    _network(
        "flattened",
        "GlobalAveragePooling2D",
        "Flatten",
        "average: This row is missing",
    ),
    _network(
        "no stride in the stem",
        "3, 2,",
        "3, 1,",
        "conv1 gives 224 × 224 × 32, the table has 112 × 112 × 32. The stride is 1",
    ),
    _network(
        "no batch norm in the stem",
        "    x = layers.BatchNormalization()(x)\n",
        "",
        "conv1_bn: This row is missing",
    ),
    _network(
        "a block too few",
        "enumerate(SEPARABLE,",
        "enumerate(SEPARABLE[:-1],",
        "conv14_dw: This row is missing",
    ),
    # 4 · where the work is
    Mistake(
        "work by the size of the windows",
        "work-answer",
        letters("work", WORK, most_work="a"),
        ("mobilenet-work",),
        "most work: It is not a. Count a pair of the middle rows",
    ),
    Mistake(
        "work by the size of the maps",
        "work-answer",
        letters("work", WORK, most_work="b"),
        ("mobilenet-work",),
        "27 weights for each of its 32 maps.",
    ),
    Mistake(
        "work where the parameters are",
        "work-answer",
        letters("work", WORK, most_work="d"),
        ("mobilenet-work",),
        "A dense row uses each of its weights once for an image",
    ),
    Mistake(
        "half the maps, half the work",
        "work-answer",
        letters("work", WORK, half_the_maps="a"),
        ("mobilenet-work",),
        "The maps that are read are halved as well.",
    ),
    Mistake(
        "an eighth",
        "work-answer",
        letters("work", WORK, half_the_maps="c"),
        ("mobilenet-work",),
        "Only two numbers of the product are halved.",
    ),
    Mistake(
        "smaller images, fewer parameters",
        "work-answer",
        letters("work", WORK, half_the_sides="a"),
        ("mobilenet-work",),
        "A window has as many weights on a small image",
    ),
    Mistake(
        "smaller images, less of everything",
        "work-answer",
        letters("work", WORK, half_the_sides="c"),
        ("mobilenet-work",),
        "Which weights fall away?",
    ),
    # 5 · compared with VGG-16
    Mistake(
        "divided the wrong way round",
        "vgg-answer",
        "times_fewer = {'parameters': 4231976 / 138357544, 'MACs': 568740352 / 15470264320}",
        ("mobilenet-vgg",),
        "VGG-16's number divided by MobileNet's",
    ),
    Mistake(
        "convolutions only",
        "vgg-answer",
        "times_fewer = {'parameters': 14714688 / 3206976, 'MACs': 27.2}",
        ("mobilenet-vgg",),
        "parameters: The value is not right.",
    ),
    Mistake(
        "in per cent",
        "vgg-answer",
        "times_fewer = {'parameters': 3269.3, 'MACs': 2720.1}",
        ("mobilenet-vgg",),
        "parameters: The value is not right.",
    ),
]
