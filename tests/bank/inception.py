"""Answers to 05-inception."""

from tests.bank import Mistake, letters

NOTEBOOK = "05-inception/inception.ipynb"

RIGHT = {
    "layer by layer": {
        "naive-shapes-answer": """
naive_shapes = {name: [28, 28, maps] for name, maps in
                [("1x1", 128), ("3x3", 192), ("5x5", 96), ("pool", 256), ("output", 672)]}
""",
        "naive-macs-answer": """
naive_macs = {"1x1": 25_690_112, "3x3": 346_816_512, "5x5": 481_689_600, "pool": 0,
              "total": 854_196_224}
""",
        "naive-answer": """
def naive_inception(x, widths, *, name):
    branches = []
    for kernel, maps in zip((1, 3, 5), widths):
        y = layers.Conv2D(maps, (kernel, kernel), strides=1, padding="same")(x)
        branches.append(layers.ReLU()(y))
    branches.append(layers.MaxPool2D(pool_size=3, strides=1, padding="same")(x))
    return layers.concatenate(branches, axis=-1)
""",
        "one-answer": """
def one_by_one(maps, weights, biases):
    h, w, c = maps.shape
    pixels = np.reshape(maps, (h * w, c))
    return np.maximum(pixels @ weights + biases, 0).reshape(h, w, -1)
""",
        "even-answer": """
def break_even(kernel, channels, filters):
    alone = kernel * kernel * channels * filters
    for maps in range(channels, -1, -1):
        if channels * maps + kernel * kernel * maps * filters <= alone:
            return maps
""",
        "mixing-answer": "mixing = {'shuffled pixels': 'a', 'without ReLU': 'b'}\n"
        "mixing |= {'before or behind': 'a', 'smaller maps': 'b'}\n",
        "bottleneck-macs-answer": """
def module_macs(side, channels, widths):
    a, b, c, d, e, f = widths
    rows = [(1, channels, a), (1, channels, b), (3, b, c), (1, channels, d), (5, d, e),
            (1, channels, f)]
    return [side * side * maps * kernel**2 * sees for kernel, sees, maps in rows]
""",
        "inception-answer": """
def inception(x, widths, *, name):
    y3 = layers.Conv2D(widths[1], 1)(x)
    y3 = layers.Activation("relu")(y3)
    y3 = layers.ZeroPadding2D(1)(y3)
    y3 = layers.Conv2D(widths[2], 3)(y3)
    y5 = layers.Conv2D(widths[3], 1)(x)
    y5 = layers.Activation("relu")(y5)
    y5 = layers.ZeroPadding2D(2)(y5)
    y5 = layers.Conv2D(widths[4], 5)(y5)
    pooled = layers.MaxPooling2D(3, strides=1, padding="same")(x)
    parts = [layers.Conv2D(widths[5], 1)(pooled), y5, layers.Conv2D(widths[0], 1)(x), y3]
    parts = [ops.relu(parts[i]) for i in (2, 3, 1, 0)]
    return layers.Concatenate(name=name)(parts)
""",
        "sides-answer": """
def chain(side):
    from math import ceil, floor

    sides = [floor((side + 6 - 7) / 2) + 1]
    while len(sides) < 5:
        sides.append(ceil((sides[-1] - 3) / 2) + 1)
    return tuple(sides)
""",
        "googlenet-answer": """
def googlenet(input_shape=(224, 224, 3), classes=1000):
    image = keras.Input(shape=input_shape)
    x = layers.ZeroPadding2D(3)(image)
    x = layers.Conv2D(64, 7, strides=2)(x)
    x = layers.ReLU()(x)
    x = layers.MaxPooling2D(3, 2, "same")(x)
    x = lrn(x)
    x = layers.Conv2D(64, 1, activation="relu")(x)
    x = layers.Conv2D(192, 3, padding="same", activation="relu")(x)
    x = lrn(x)
    x = layers.MaxPooling2D(3, 2, "same")(x)
    x = inception(x, MODULES["3a"], name="3a")
    x = inception(x, MODULES["3b"], name="3b")
    x = layers.MaxPooling2D(3, 2, "same")(x)
    for letter in "abcde":
        x = inception(x, MODULES[f"4{letter}"], name=f"4{letter}")
    x = layers.MaxPooling2D(3, 2, "same")(x)
    x = inception(x, MODULES["5a"], name="5a")
    x = inception(x, MODULES["5b"], name="5b")
    x = layers.AveragePooling2D(x.shape[1:3])(x)
    x = layers.Flatten()(x)
    x = layers.Dense(classes)(x)
    return keras.Model(image, layers.Softmax()(x))
""",
        "head-answer": """
def auxiliary_head(x, classes, maps=128, units=1024, *, name):
    x = layers.AvgPool2D((5, 5), strides=(3, 3))(x)
    x = ops.relu(layers.Conv2D(maps, 1)(x))
    x = layers.Reshape((-1,))(x)
    x = ops.relu(layers.Dense(units)(x))
    return ops.softmax(layers.Dense(classes)(x))
""",
        "training-answer": """
def googlenet_training(input_shape=(224, 224, 3), classes=1000):
    base = googlenet(input_shape, classes)
    first = auxiliary_head(base.get_layer("4a").output, classes, name="aux_4a")
    second = auxiliary_head(base.get_layer("4d").output, classes, name="aux_4d")
    return keras.Model(base.input, {"first": first, "second": second, "main": base.output})
""",
        "depth-answer": """
def depth(rows):
    table = {name: (counts, reads) for name, counts, reads in rows}
    known = {"input": 0}

    def of(name):
        if name not in known:
            counts, reads = table[name]
            known[name] = counts + max(of(other) for other in reads)
        return known[name]

    return max([of(name) for name in table])
""",
        "cost-answer": """
costs = dict(zip(("work", "where they went", "a larger image"), "cab"))
""",
    },
    "functions": {
        "naive-answer": """
def naive_inception(x, widths, *, name):
    def look(kernel, maps):
        return ops.relu(layers.Conv2D(maps, kernel, padding="same")(x))

    seen = [look(k, m) for k, m in zip((1, 3, 5), widths, strict=True)]
    pooled = layers.MaxPooling2D(3, strides=1, padding="same")(x)
    return ops.concatenate([*seen, pooled], axis=3)
""",
        "one-answer": """
def one_by_one(maps, weights, biases):
    return ops.maximum(ops.einsum("hwc,ck->hwk", maps, weights) + biases, 0)
""",
        "bottleneck-macs-answer": """
def module_macs(side, channels, widths):
    sees = [channels, channels, 9 * widths[1], channels, 25 * widths[3], channels]
    return np.multiply(sees, widths) * side**2
""",
        "inception-answer": """
def inception(x, widths, *, name):
    def conv(x, filters, kernel):
        return layers.Conv2D(filters, kernel, padding="same", activation=ops.relu)(x)

    one, reduce3, three, reduce5, five, project = widths
    branches = [
        keras.Sequential([layers.Conv2D(one, 1, activation="relu")]),
        keras.Sequential([
            layers.Conv2D(reduce3, 1, activation="relu"),
            layers.Conv2D(three, 3, padding="same", activation="relu"),
        ]),
        lambda x: conv(conv(x, reduce5, 1), five, 5),
        lambda x: conv(layers.MaxPool2D(3, 1, "same")(x), project, 1),
    ]
    return layers.Concatenate(name=name)([branch(x) for branch in branches])
""",
        "googlenet-answer": """
def googlenet(input_shape=(224, 224, 3), classes=1000):
    def pool(x):
        return layers.MaxPooling2D(3, strides=2, padding="same")(x)

    def conv(x, filters, kernel, strides=1):
        return layers.Conv2D(filters, kernel, strides, "same", activation="relu")(x)

    image = keras.Input(input_shape)
    x = lrn(pool(conv(image, 64, 7, 2)))
    x = pool(lrn(conv(conv(x, 64, 1), 192, 3)))
    stage = "3"
    for module in MODULES:
        if module[0] != stage:
            x, stage = pool(x), module[0]
        x = inception(x, MODULES[module], name=module)
    x = layers.Dropout(0.4)(ops.mean(x, axis=(1, 2)))
    return keras.Model(image, layers.Dense(classes, "softmax")(x))
""",
        "head-answer": """
def auxiliary_head(x, classes, maps=128, units=1024, *, name):
    head = [
        layers.AveragePooling2D(5, strides=3, padding="valid"),
        layers.Conv2D(maps, 1, activation="relu"),
        layers.Flatten(),
        layers.Dense(units, activation="relu"),
        layers.Dropout(0.7),
        layers.Dense(classes, activation="softmax"),
    ]
    for layer in head:
        x = layer(x)
    return x
""",
        "training-answer": """
def googlenet_training(input_shape=(224, 224, 3), classes=1000):
    base = googlenet(input_shape, classes)
    outputs = []
    for layer in base.layers:
        if layer.name in ("4a", "4d"):
            outputs.append(auxiliary_head(layer.output, classes, name="aux_" + layer.name))
    return keras.Model(inputs=base.inputs, outputs=outputs + base.outputs)
""",
        "sides-answer": """
def chain(side):
    side = (side - 1) // 2 + 1
    return [side] + [side := side // 2 for _ in range(4)]
""",
    },
}

_NAIVE = """
def naive_inception(x, widths, *, name):
    one, three, five = widths
    a = layers.Conv2D(one, 1, activation="relu", name=f"{name}_1x1")(x)
    b = layers.Conv2D(three, 3, padding="same", activation="relu", name=f"{name}_3x3")(x)
    c = layers.Conv2D(five, 5, padding="same", activation="relu", name=f"{name}_5x5")(x)
    d = layers.MaxPooling2D(3, 1, padding="same", name=f"{name}_pool")(x)
    return layers.Concatenate(name=name)([a, b, c, d])
"""

_MODULE = """
def inception(x, widths, *, name):
    one, reduce3, three, reduce5, five, project = widths

    def conv(x, filters, kernel, part):
        return layers.Conv2D(
            filters, kernel, padding="same", activation="relu", name=f"{name}_{part}"
        )(x)

    a = conv(x, one, 1, "1x1")
    b = conv(conv(x, reduce3, 1, "3x3_reduce"), three, 3, "3x3")
    c = conv(conv(x, reduce5, 1, "5x5_reduce"), five, 5, "5x5")
    d = layers.MaxPooling2D(3, 1, padding="same", name=f"{name}_pool")(x)
    d = conv(d, project, 1, "pool_proj")
    return layers.Concatenate(name=name)([a, b, c, d])
"""

_GOOGLENET = """
def googlenet(input_shape=(224, 224, 3), classes=1000):
    conv = {"padding": "same", "activation": "relu"}
    pool = {"pool_size": 3, "strides": 2, "padding": "same"}
    inputs = keras.Input(input_shape, name="image")
    x = layers.Conv2D(64, 7, 2, name="conv1", **conv)(inputs)
    x = lrn(layers.MaxPooling2D(name="pool1", **pool)(x))
    x = layers.Conv2D(64, 1, name="conv2_reduce", **conv)(x)
    x = lrn(layers.Conv2D(192, 3, name="conv2", **conv)(x))
    x = layers.MaxPooling2D(name="pool2", **pool)(x)
    for module, widths in MODULES.items():
        x = inception(x, widths, name=module)
        if module in ("3b", "4e"):
            x = layers.MaxPooling2D(name=f"pool{module[0]}", **pool)(x)
    x = layers.GlobalAveragePooling2D(name="pool5")(x)
    outputs = layers.Dense(classes, activation="softmax", name="classifier")(x)
    return keras.Model(inputs, outputs, name="googlenet")
"""

_HEAD = """
def auxiliary_head(x, classes, maps=128, units=1024, *, name):
    x = layers.AveragePooling2D(5, 3, name=f"{name}_pool")(x)
    x = layers.Conv2D(maps, 1, activation="relu", name=f"{name}_conv")(x)
    x = layers.Flatten(name=f"{name}_flatten")(x)
    x = layers.Dense(units, activation="relu", name=f"{name}_fc")(x)
    return layers.Dense(classes, activation="softmax", name=f"{name}_classifier")(x)
"""

_TRAINING = """
def googlenet_training(input_shape=(224, 224, 3), classes=1000):
    base = googlenet(input_shape, classes)
    heads = [
        auxiliary_head(base.get_layer(module).output, classes, name=f"aux_{module}")
        for module in ("4a", "4d")
    ]
    return keras.Model(base.inputs, [*heads, *base.outputs])
"""

_MODULE_MACS = """
def module_macs(side, channels, widths):
    one, reduce3, three, reduce5, five, project = widths
    weights = [channels * one, channels * reduce3, 9 * reduce3 * three,
               channels * reduce5, 25 * reduce5 * five, channels * project]
    return [side * side * count for count in weights]
"""

_PARAMETERS = """
parameters = {"conv1": 9472, "conv2_reduce": 4160, "conv2": 110_784, "3a_5x5_reduce": 3088,
              "3a_5x5": 12_832, "3a_pool_proj": 6176, "3b_1x1": 32_896, "classifier": 1_025_000}
"""

_NETWORKS = ("inception-googlenet", "inception-training")


def changed(source, old, new):
    """The source with one mistake in it."""
    assert old in source, old
    return source.replace(old, new)


MIXING = {
    "shuffled pixels": "a",
    "without ReLU": "b",
    "before or behind": "a",
    "smaller maps": "b",
}
COSTS = {"work": "c", "where they went": "a", "a larger image": "b"}

MISTAKES = [
    Mistake(
        "pool that halves",
        "naive-shapes-answer",
        """
naive_shapes = {"1x1": (28, 28, 128), "3x3": (28, 28, 192), "5x5": (28, 28, 96),
                "pool": (14, 14, 256), "output": (28, 28, 672)}
""",
        ("inception-naive-shapes",),
        "pool: The value is not right. You have [14, 14, 256]. A window of 3 slides over 28",
    ),
    Mistake(
        "pool's maps left out",
        "naive-shapes-answer",
        """
naive_shapes = {"1x1": (28, 28, 128), "3x3": (28, 28, 192), "5x5": (28, 28, 96),
                "pool": (28, 28, 256), "output": (28, 28, 416)}
""",
        ("inception-naive-shapes",),
        "output: The last number is the number of maps that come out. You have 416.",
    ),
    Mistake(
        "not padded",
        "naive-shapes-answer",
        """
naive_shapes = {"1x1": (28, 28, 128), "3x3": (26, 26, 192), "5x5": (24, 24, 96),
                "pool": (26, 26, 256), "output": (28, 28, 672)}
""",
        ("inception-naive-shapes",),
        "3x3: The value is not right. You have [26, 26, 192]. A window of 3 slides over 28",
    ),
    Mistake(
        "one map in",
        "naive-macs-answer",
        """
naive_macs = {"1x1": 28 * 28 * 128, "3x3": 28 * 28 * 192 * 9, "5x5": 28 * 28 * 96 * 25, "pool": 0,
              "total": 28 * 28 * (128 + 192 * 9 + 96 * 25)}
""",
        ("inception-naive-macs",),
        "A row is positions (28 · 28) × maps out × window × maps in",
    ),
    Mistake(
        "parameters for work",
        "naive-macs-answer",
        """
naive_macs = {"1x1": 128 * 256, "3x3": 192 * 9 * 256, "5x5": 96 * 25 * 256, "pool": 0,
              "total": 1089536}
""",
        ("inception-naive-macs",),
        "1x1: The value is not right. You have 32768. A row is positions (28 · 28) × maps out",
    ),
    Mistake(
        "naive, valid padding",
        "naive-answer",
        changed(_NAIVE, 'Conv2D(three, 3, padding="same", ', "Conv2D(three, 3, "),
        ("inception-naive",),
        'The others give 28 × 28: padding="same" is missing.',
    ),
    Mistake(
        "naive, pool halves",
        "naive-answer",
        changed(_NAIVE, "MaxPooling2D(3, 1, ", "MaxPooling2D(3, "),
        ("inception-naive",),
        "pool gives 10 × 10 × 256, the table has 28 × 28 × 256. The stride is 3, the table has 1.",
    ),
    Mistake(
        "naive, one behind the other",
        "naive-answer",
        changed(_NAIVE, 'name=f"{name}_5x5")(x)', 'name=f"{name}_5x5")(b)'),
        ("inception-naive",),
        "5x5",
    ),
    Mistake(
        "naive, pool forgotten",
        "naive-answer",
        changed(_NAIVE, "[a, b, c, d]", "[a, b, c]"),
        ("inception-naive",),
        "pool",
    ),
    Mistake(
        "naive, no activation",
        "naive-answer",
        changed(_NAIVE, 'one, 1, activation="relu"', "one, 1"),
        ("inception-naive",),
        "1x1: It has no activation, the table has relu.",
    ),
    Mistake(
        "naive, the example's maps always",
        "naive-answer",
        changed(_NAIVE, "one, three, five = widths", "one, three, five = 128, 192, 96"),
        ("inception-naive",),
        "1x1 gives 20 × 30 × 128, the table has 20 × 30 × 5.",
    ),
    Mistake(
        "naive, one above the other",
        "naive-answer",
        changed(_NAIVE, "Concatenate(name=name)", "Concatenate(axis=1, name=name)"),
        ("inception-naive",),
        "axis=1 stacks the maps in height. Maps lie on the last axis",
    ),
    Mistake(
        "naive, added",
        "naive-answer",
        changed(_NAIVE, "layers.Concatenate(name=name)([a, b, c, d])", "a + b + c + d"),
        ("inception-naive",),
        "are added here. The table puts the maps side by side: layers.Concatenate().",
    ),
    Mistake(
        "ReLU forgotten",
        "one-answer",
        """
def one_by_one(maps, weights, biases):
    return ops.matmul(maps, weights) + biases
""",
        ("inception-one-by-one",),
        "one_by_one([[[1, 2, 3]]]",
    ),
    Mistake(
        "bias forgotten",
        "one-answer",
        """
def one_by_one(maps, weights, biases):
    return ops.relu(ops.matmul(maps, weights))
""",
        ("inception-one-by-one",),
        "one_by_one([[[1, 2, 3]]]",
    ),
    Mistake(
        "weights turned round",
        "one-answer",
        """
def one_by_one(maps, weights, biases):
    return ops.relu(ops.matmul(maps, ops.transpose(weights)) + biases)
""",
        ("inception-one-by-one",),
        "Your code stops with an error",
    ),
    Mistake(
        "rounded up",
        "even-answer",
        """
def break_even(kernel, channels, filters):
    alone = kernel * kernel * channels * filters
    return round(alone / (channels + kernel * kernel * filters) + 0.5)
""",
        ("inception-break-even",),
        "break_even(5, 256, 96) gives 232, it should give 231.",
    ),
    Mistake(
        "bottleneck for free",
        "even-answer",
        """
def break_even(kernel, channels, filters):
    return channels
""",
        ("inception-break-even",),
        "break_even(5, 256, 96) gives 256, it should give 231.",
    ),
    Mistake(
        "not whole",
        "even-answer",
        """
def break_even(kernel, channels, filters):
    return kernel**2 * channels * filters / (channels + kernel**2 * filters)
""",
        ("inception-break-even",),
        "it should give 231.",
    ),
    Mistake(
        "the slides' 264",
        "bottleneck-macs-answer",
        changed(_MODULE_MACS, "25 * reduce5 * five", "25 * 264 * five"),
        ("inception-bottleneck-macs",),
        "module_macs(28, 256, [128, 64, 192, 64, 96, 64]) gives",
    ),
    Mistake(
        "all see the input",
        "bottleneck-macs-answer",
        changed(
            changed(_MODULE_MACS, "25 * reduce5 * five", "25 * channels * five"),
            "9 * reduce3 * three",
            "9 * channels * three",
        ),
        ("inception-bottleneck-macs",),
        "346816512",
    ),
    Mistake(
        "the sum",
        "bottleneck-macs-answer",
        changed(
            _MODULE_MACS,
            "return [side * side * count for count in weights]",
            "return side * side * sum(weights)",
        ),
        ("inception-bottleneck-macs",),
        "gives 271351808, it should give [25690112, 12845056, 86704128,",
    ),
    Mistake(
        "module without bottleneck",
        "inception-answer",
        changed(_MODULE, 'conv(conv(x, reduce5, 1, "5x5_reduce"), five', "conv(x, five"),
        ("inception-module",),
        "5x5",
        follows=("inception-googlenet", "inception-training"),
    ),
    Mistake(
        "order of the widths",
        "inception-answer",
        changed(
            _MODULE,
            "one, reduce3, three, reduce5, five, project = widths",
            "one, three, reduce3, five, reduce5, project = widths",
        ),
        ("inception-module",),
        "3a_3x3_reduce",
        follows=("inception-googlenet", "inception-training"),
    ),
    Mistake(
        "projection before the pool",
        "inception-answer",
        changed(
            _MODULE,
            """    d = layers.MaxPooling2D(3, 1, padding="same", name=f"{name}_pool")(x)
    d = conv(d, project, 1, "pool_proj")
""",
            """    d = conv(x, project, 1, "pool_proj")
    d = layers.MaxPooling2D(3, 1, padding="same", name=f"{name}_pool")(d)
""",
        ),
        ("inception-module",),
        "3a_pool",
        follows=("inception-googlenet", "inception-training"),
    ),
    Mistake(
        "no projection",
        "inception-answer",
        changed(_MODULE, '    d = conv(d, project, 1, "pool_proj")\n', ""),
        ("inception-module",),
        "3a_pool_proj",
        follows=("inception-googlenet", "inception-training"),
    ),
    Mistake(
        "bottlenecks without ReLU",
        "inception-answer",
        changed(_MODULE, 'conv(x, reduce5, 1, "5x5_reduce")', "layers.Conv2D(reduce5, 1)(x)"),
        ("inception-module",),
        "3a_5x5_reduce: It has no activation, the table has relu.",
        follows=("inception-googlenet", "inception-training"),
    ),
    Mistake(
        "pools rounded down",
        "sides-answer",
        """
def chain(side):
    sides = [(side + 6 - 7) // 2 + 1]
    for _ in range(4):
        sides.append((sides[-1] - 3) // 2 + 1)
    return sides
""",
        ("inception-sides",),
        "chain(224) gives [112, 55, 27, 13, 6], it should give [112, 56, 28, 14, 7].",
    ),
    Mistake(
        "conv1 not padded",
        "sides-answer",
        """
def chain(side):
    sides = [(side - 7) // 2 + 1]
    for _ in range(4):
        sides.append(-(-(sides[-1] - 3) // 2) + 1)
    return sides
""",
        ("inception-sides",),
        "chain(224) gives [109, 54,",
    ),
    Mistake(
        "halves in the wrong place",
        "sides-answer",
        """
def chain(side):
    return [-(-side // 2**k) for k in range(1, 6)]
""",
        ("inception-sides",),
        "chain(231) gives [116, 58, 29, 15, 8], it should give",
    ),
    Mistake(
        "pools not padded",
        "googlenet-answer",
        changed(_GOOGLENET, '"strides": 2, "padding": "same"', '"strides": 2'),
        ("inception-googlenet",),
        "pool1 gives 55 × 55 × 64, the table has 56 × 56 × 64. The padding is none",
        follows=("inception-training",),
    ),
    Mistake(
        "normalisation forgotten",
        "googlenet-answer",
        changed(
            _GOOGLENET,
            'lrn(layers.Conv2D(192, 3, name="conv2", **conv)(x))',
            'layers.Conv2D(192, 3, name="conv2", **conv)(x)',
        ),
        ("inception-googlenet",),
        "norm2: This row is missing",
        follows=("inception-training",),
    ),
    Mistake(
        "no pool behind 4e",
        "googlenet-answer",
        changed(_GOOGLENET, '("3b", "4e")', '("3b",)'),
        ("inception-googlenet",),
        "pool4",
        follows=("inception-training",),
    ),
    Mistake(
        "flattened",
        "googlenet-answer",
        changed(_GOOGLENET, 'GlobalAveragePooling2D(name="pool5")', 'Flatten(name="pool5")'),
        ("inception-googlenet",),
        "pool5",
        follows=("inception-training",),
    ),
    Mistake(
        "a thousand classes",
        "googlenet-answer",
        changed(_GOOGLENET, "Dense(classes", "Dense(1000"),
        ("inception-googlenet",),
        "classifier: It has 1000 outputs. It needs 17",
        follows=("inception-training",),
    ),
    Mistake(
        "conv2 at once",
        "googlenet-answer",
        changed(_GOOGLENET, '    x = layers.Conv2D(64, 1, name="conv2_reduce", **conv)(x)\n', ""),
        ("inception-googlenet",),
        "conv2_reduce: This row is missing",
        follows=("inception-training",),
    ),
    Mistake(
        "pool of the head padded",
        "head-answer",
        changed(_HEAD, "AveragePooling2D(5, 3, ", 'AveragePooling2D(5, 3, padding="same", '),
        ("inception-head",),
        "aux_4a_pool gives 5 × 5 × 512, the table has 4 × 4 × 512.",
        follows=("inception-training",),
    ),
    Mistake(
        "head not flattened",
        "head-answer",
        changed(_HEAD, '    x = layers.Flatten(name=f"{name}_flatten")(x)\n', ""),
        ("inception-head",),
        "Dense was applied to a map, so it works on each position separately.",
        follows=("inception-training",),
    ),
    Mistake(
        "max pool in the head",
        "head-answer",
        changed(_HEAD, "AveragePooling2D", "MaxPooling2D"),
        ("inception-head",),
        "aux_4a_pool: It is max pool 5 × 5, stride 3, the table has average pool 5 × 5, stride 3.",
        follows=("inception-training",),
    ),
    Mistake(
        "numbers in the head",
        "head-answer",
        changed(_HEAD, "Dense(units", "Dense(1024"),
        ("inception-head",),
        "aux_4a_fc: It has 1024 units, the table has 100.",
    ),
    Mistake(
        "head on 4e",
        "training-answer",
        changed(_TRAINING, '("4a", "4d")', '("4a", "4e")'),
        ("inception-training",),
        "aux_4d_pool: It reads 4e, it should read 4d.",
    ),
    Mistake(
        "one head",
        "training-answer",
        changed(_TRAINING, '("4a", "4d")', '("4a",)'),
        ("inception-training",),
        "aux_4d_pool: This row is missing: after 4d comes 4e_1x1 (convolution 1 × 1, relu).",
    ),
    Mistake(
        "without the answer itself",
        "training-answer",
        changed(_TRAINING, "[*heads, *base.outputs]", "heads"),
        ("inception-training",),
        "4e_1x1: This row is missing: after 4d comes aux_4d_pool (average pool 5 × 5, stride 3).",
    ),
    Mistake(
        "two networks",
        "training-answer",
        changed(
            _TRAINING,
            "keras.Model(base.inputs, [*heads, *base.outputs])",
            "keras.Model(base.inputs, [*heads, *googlenet(input_shape, classes).outputs])",
        ),
        ("inception-training",),
        'The name "image" is used 2 times in the model.',
    ),
    Mistake(
        "all rows counted",
        "depth-answer",
        """
def depth(rows):
    return sum(counts for name, counts, reads in rows)
""",
        ("inception-depth",),
        "gives 4, it should give 3.",
    ),
    Mistake(
        "shortest way",
        "depth-answer",
        """
def depth(rows):
    depths = {"input": 0}
    for name, counts, reads in rows:
        depths[name] = counts + min(depths[other] for other in reads)
    return max(depths.values())
""",
        ("inception-depth",),
        "gives 2, it should give 3.",
    ),
    Mistake(
        "depth of the last row",
        "depth-answer",
        """
def depth(rows):
    depths = {"input": 0}
    for name, counts, reads in rows:
        depths[name] = counts + max(depths[other] for other in reads)
    return depths[name]
""",
        ("inception-depth",),
        "gives 2, it should give 3.",
    ),
    Mistake(
        "few parameters are little work",
        "cost-answer",
        letters("costs", COSTS, work="a"),
        ("inception-cost",),
        "work: It is not a. That would be so if each weight were used equally often.",
    ),
    Mistake(
        "bottlenecks saved it",
        "cost-answer",
        letters("costs", COSTS, where_they_went="b"),
        ("inception-cost",),
        "AlexNet's convolutions hold only 4 % of its parameters.",
    ),
    Mistake(
        "a classifier that grows with the image",
        "cost-answer",
        letters("costs", COSTS, a_larger_image="a"),
        ("inception-cost",),
        "The average makes one number of each map, however large the map is.",
    ),
    Mistake(
        "a pool works like a convolution",
        "naive-macs-answer",
        """
naive_macs = {"1x1": 25_690_112, "3x3": 346_816_512, "5x5": 481_689_600,
              "pool": 28 * 28 * 256 * 9, "total": 854_196_224 + 28 * 28 * 256 * 9}
""",
        ("inception-naive-macs",),
        "pool: The value is not right. You have 1806336.",
    ),
    Mistake(
        "neighbours of a 1 × 1",
        "mixing-answer",
        letters("mixing", MIXING, shuffled_pixels="b"),
        ("inception-mixing",),
        "It reads no neighbours: its window is one pixel.",
    ),
    Mistake(
        "equivariant taken for invariant",
        "mixing-answer",
        letters("mixing", MIXING, shuffled_pixels="c"),
        ("inception-mixing",),
        "That would be invariance.",
    ),
    Mistake(
        "two linear layers are more",
        "mixing-answer",
        letters("mixing", MIXING, without_ReLU="a"),
        ("inception-mixing",),
        "Two steps that only multiply and add are one such step.",
    ),
    Mistake(
        "two linear layers are as much",
        "mixing-answer",
        letters("mixing", MIXING, without_ReLU="c"),
        ("inception-mixing",),
        "The 442,368 weights of a single convolution could be anything.",
    ),
    Mistake(
        "thinned out behind",
        "mixing-answer",
        letters("mixing", MIXING, before_or_behind="b"),
        ("inception-mixing",),
        "Behind it the 5 × 5 has already read all 256 maps.",
    ),
    Mistake(
        "anywhere",
        "mixing-answer",
        letters("mixing", MIXING, before_or_behind="c"),
        ("inception-mixing",),
        "What could it save behind them?",
    ),
    Mistake(
        "weights for places",
        "mixing-answer",
        letters("mixing", MIXING, smaller_maps="a"),
        ("inception-mixing",),
        "Kernels have no weights for places.",
    ),
    Mistake(
        "a side for an area",
        "mixing-answer",
        letters("mixing", MIXING, smaller_maps="c"),
        ("inception-mixing",),
        "The side is half in both directions",
    ),
]
