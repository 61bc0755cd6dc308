"""Answers to 02-lenet."""

from tests.bank import Mistake, letters

NOTEBOOK = "02-lenet/lenet.ipynb"

# The right letters
MORE = {"C3": "a", "output": "c", "S2 and S4": "b"}
LATER = {
    "what changes": "c",
    "ReLU and max pooling": "a",
    "ReLU and averages": "c",
    "a moved digit": "b",
}

RIGHT = {
    "sequential": {
        "shapes-answer": """
shapes = dict(C1=[28, 28, 6], S2=[14, 14, 6], C3=[10, 10, 16], S4=[5, 5, 16],
              C5=(120,), F6=(84,), output=(10,))
""",
        "parameters-answer": """
parameters = dict(C1=156, S2=0, C3=2416, S4=0, C5=48_120, F6=10_164, output=850.0, total=61_706)
""",
        "subsample-count-answer": """
subsampling = dict(S2=6 + 6, S4=16 + 16)
""",
        "c3-count-answer": """
c3_parameters = {"C3": 6 * (3 * 25 + 1) + 9 * (4 * 25 + 1) + 1 * (6 * 25 + 1)}
""",
        "count-answer": """
def count_parameters(size, classes):
    after_s2 = (size - 5 + 1) // 2
    after_s4 = (after_s2 - 5 + 1) // 2
    total = 156 + 2416
    total += after_s4 * after_s4 * 16 * 120 + 120
    total += 120 * 84 + 84
    total += 84 * classes + classes
    return total
""",
        "model-answer": """
def lenet5(input_shape=(32, 32, 1), classes=10):
    return keras.Sequential([
        keras.Input(input_shape),
        layers.Conv2D(6, (5, 5), strides=1, padding="valid", activation=keras.activations.tanh),
        layers.AveragePooling2D(pool_size=(2, 2), strides=(2, 2)),
        layers.Conv2D(16, kernel_size=5),
        layers.Activation("tanh"),
        layers.AvgPool2D(2),
        layers.Flatten(),
        layers.Dense(120, "tanh"),
        layers.Dropout(0.2),
        layers.Dense(84, activation="tanh"),
        layers.Dense(classes),
        layers.Softmax(),
    ])
""",
        "squash-answer": """
def scaled_tanh(a):
    return ops.multiply(1.7159, keras.activations.tanh(a * 2.0 / 3.0))
""",
        "subsample-answer": """
def subsample(x, name):
    channels = x.shape[-1]
    x = keras.layers.AvgPool2D((2, 2), strides=2)(x)
    x = keras.layers.Conv2D(channels, 1, groups=channels, activation=scaled_tanh, name=name)(x)
    return x
""",
        "c3-answer": """
def c3_maps(x):
    outputs = []
    for seen in C3_CONNECTIONS:
        channels = ops.take(x, list(seen), axis=-1)
        outputs.append(layers.Conv2D(1, 5, activation=scaled_tanh)(channels))
    return ops.concatenate(outputs, axis=-1)
""",
        "net1998-answer": """
def lenet5_1998(input_shape=(32, 32, 1), classes=10):
    image = keras.Input(input_shape)
    c1 = layers.Conv2D(6, 5, activation=scaled_tanh)(image)
    s4 = subsample(c3_maps(subsample(c1, "S2")), "S4")
    c5 = layers.Conv2D(120, s4.shape[1:3], activation=scaled_tanh)(s4)
    f6 = layers.Dense(84, activation=scaled_tanh)(layers.Flatten()(c5))
    codes = layers.Dense(classes, use_bias=False)
    codes.trainable = False
    return keras.Model(image, ops.softmax(codes(f6)))
""",
        "bridge-answer": "more = {'S2 and S4': 'b', 'output': 'c'}\nmore['C3'] = 'a'\n",
        "relu-answer": "later = {'what changes': 'c', 'ReLU and max pooling': 'a'}\n"
        "later |= {'ReLU and averages': 'c', 'a moved digit': 'b'}\n",
    },
    "c5 as a convolution": {
        "model-answer": """
def lenet5(input_shape=(32, 32, 1), classes=10):
    image = keras.Input(shape=input_shape)
    features = keras.Sequential([
        layers.Conv2D(6, 5), layers.Activation("tanh"), layers.AveragePooling2D(2),
        layers.Conv2D(16, 5), layers.Activation("tanh"), layers.AveragePooling2D(2),
    ], name="features")(image)
    height, width = features.shape[1:3]
    x = ops.tanh(layers.Conv2D(120, (height, width), name="C5")(features))
    x = layers.Reshape((120,))(x)
    x = ops.tanh(layers.Dense(84)(x))
    x = layers.Dense(classes)(x)
    return keras.Model(inputs=image, outputs=ops.softmax(x))
""",
        "c3-answer": """
def c3_maps(x):
    channels = ops.split(x, 6, axis=-1)
    maps = []
    for seen in C3_CONNECTIONS:
        together = ops.concatenate([channels[i] for i in seen], axis=-1)
        maps.append(scaled_tanh(layers.Conv2D(1, 5)(together)))
    return layers.Concatenate()(maps)
""",
        "squash-answer": """
def scaled_tanh(a):
    A, S = 1.7159, 2 / 3
    return A * ops.tanh(S * a)
""",
    },
    "subclassed": {
        "model-answer": """
class Stage(keras.layers.Layer):
    def __init__(self, filters):
        super().__init__()
        self.conv = layers.Conv2D(filters, 5, activation="tanh")
        self.pool = layers.AveragePooling2D(2)

    def call(self, x):
        return self.pool(self.conv(x))


def lenet5(input_shape=(32, 32, 1), classes=10):
    inputs = keras.Input(input_shape)
    x = Stage(6)(inputs)
    x = Stage(16)(x)
    x = layers.Flatten()(x)
    for units in (120, 84):
        x = layers.Dense(units, activation="tanh")(x)
    model = keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
    rate = keras.optimizers.schedules.CosineDecay(1e-3, 100)
    model.compile(
        keras.optimizers.Adam(rate),
        loss=keras.losses.CategoricalCrossentropy(),
        metrics=[keras.metrics.TopKCategoricalAccuracy(2), "accuracy"],
    )
    keras.Variable(0.0, name="best_accuracy")
    keras.utils.plot_model(model)
    model.summary()
    return model
""",
    },
}

_SAME = """
def lenet5(input_shape=(32, 32, 1), classes=10):
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(6, 5, padding="same", activation="tanh")(inputs)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Conv2D(16, 5, activation="tanh")(x)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(120, activation="tanh")(x)
    x = layers.Dense(84, activation="tanh")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
"""
_RIGHT_MODEL = _SAME.replace(', padding="same"', "")
_BOTH_MODELS = ("lenet-model", "lenet-model-sizes")

MISTAKES = [
    Mistake(
        "maps first",
        "shapes-answer",
        """
shapes = {"C1": (28, 28, 6), "S2": (14, 14, 6), "C3": (16, 10, 10), "S4": (16, 5, 5),
          "C5": 120, "F6": 84, "output": 10}
""",
        ("lenet-shapes",),
        "C3: The order is (height, width, channels).",
    ),
    Mistake(
        "biases forgotten",
        "parameters-answer",
        """
parameters = {"C1": 150, "S2": 0, "C3": 2400, "S4": 0, "C5": 48000, "F6": 10080, "output": 840,
              "total": 61470}
""",
        ("lenet-parameters",),
        "C1: These are the weights alone: each map or unit also has one bias. You have 150.",
    ),
    Mistake(
        "one kernel for all maps",
        "parameters-answer",
        """
parameters = {"C1": 156, "S2": 0, "C3": (5 * 5 + 1) * 16, "S4": 0, "C5": 48120, "F6": 10164,
              "output": 850, "total": 59706}
""",
        ("lenet-parameters",),
        "C3: A kernel reaches through all maps it sees, not through one. You have 416.",
    ),
    Mistake(
        "numbers instead of arguments",
        "count-answer",
        """
def count_parameters(size, classes):
    return 61706
""",
        ("lenet-count",),
        "count_parameters(28, 10) gives 61706, it should give",
    ),
    Mistake(
        "padded",
        "model-answer",
        _SAME,
        _BOTH_MODELS,
        "C1 gives 32 × 32 × 6, the table has 28 × 28 × 6. The padding is 2 on each side",
    ),
    Mistake(
        "max pooling",
        "model-answer",
        _RIGHT_MODEL.replace("Average", "Max"),
        _BOTH_MODELS,
        "S2: It is max pool 2 × 2, stride 2, the table has average pool 2 × 2, stride 2.",
    ),
    Mistake(
        "no activation",
        "model-answer",
        _RIGHT_MODEL.replace('Conv2D(16, 5, activation="tanh")', "Conv2D(16, 5)"),
        _BOTH_MODELS,
        "C3: It has no activation, the table has tanh.",
    ),
    Mistake(
        "not flattened",
        "model-answer",
        _RIGHT_MODEL.replace("    x = layers.Flatten()(x)\n", ""),
        _BOTH_MODELS,
        "C5 gives 5 × 5 × 120, the table has 120. Dense was applied to a map",
    ),
    Mistake(
        "classes written as a number",
        "model-answer",
        _RIGHT_MODEL.replace("Dense(classes", "Dense(10"),
        ("lenet-model-sizes",),
        "output: It has 10 outputs. It needs 17, one for each class",
    ),
    Mistake(
        "the tensor returned",
        "model-answer",
        _RIGHT_MODEL.replace(
            'keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))',
            'layers.Dense(classes, activation="softmax")(x)',
        ),
        _BOTH_MODELS,
        "It should return a keras.Model. Received: a KerasTensor",
    ),
    Mistake(
        "plain tanh",
        "squash-answer",
        """
def scaled_tanh(a):
    return ops.tanh(a)
""",
        ("lenet-squash",),
        "scaled_tanh([-1, 0, 1, 2, 100]) gives [-0.761594, 0, 0.761594, 0.964028, 1], it should",
        follows=("lenet-subsample", "lenet-c3", "lenet-1998"),
    ),
    Mistake(
        "four weights a map",
        "subsample-answer",
        """
def subsample(x, name):
    return scaled_tanh(layers.DepthwiseConv2D(2, strides=2, name=name)(x))
""",
        ("lenet-subsample",),
        "S2_mean: This row is missing: after input comes S2 (convolution 2 × 2, stride 2",
        follows=("lenet-1998",),
    ),
    Mistake(
        "all maps connected",
        "c3-answer",
        """
def c3_maps(x):
    return scaled_tanh(layers.Conv2D(16, 5, name="C3")(x))
""",
        ("lenet-c3",),
        "C3: It has 96 connections between maps. The table has 60.",
        follows=("lenet-1998",),
    ),
    Mistake(
        "one kernel for every map",
        "c3-answer",
        """
def c3_maps(x):
    shared = {n: layers.Conv2D(1, 5) for n in (3, 4, 6)}
    maps = [shared[len(seen)](ops.take(x, list(seen), axis=-1)) for seen in C3_CONNECTIONS]
    return scaled_tanh(layers.Concatenate()(maps))
""",
        ("lenet-c3",),
        "C3: It is the same layer object as 8 other steps, with the same weights.",
        follows=("lenet-1998",),
    ),
    Mistake(
        "output trained",
        "net1998-answer",
        """
def lenet5_1998(input_shape=(32, 32, 1), classes=10):
    inputs = keras.Input(input_shape)
    x = c3_maps(subsample(scaled_tanh(layers.Conv2D(6, 5)(inputs)), "S2"))
    x = layers.Flatten()(subsample(x, "S4"))
    x = scaled_tanh(layers.Dense(84)(scaled_tanh(layers.Dense(120)(x))))
    return keras.Model(inputs, layers.Dense(classes, use_bias=False, activation="softmax")(x))
""",
        ("lenet-1998",),
        "output: Its weights are trained, the table keeps them fixed.",
    ),
    Mistake(
        "sizes as if padded",
        "shapes-answer",
        """
shapes = {"C1": (32, 32, 6), "S2": (16, 16, 6), "C3": (16, 16, 16), "S4": (8, 8, 16),
          "C5": 120, "F6": 84, "output": 10}
""",
        ("lenet-shapes",),
        "A window of 5 slides over 32 in steps of 1 without padding",
    ),
    Mistake(
        "maps kept",
        "shapes-answer",
        """
shapes = {"C1": (28, 28, 1), "S2": (14, 14, 1), "C3": (10, 10, 1), "S4": (5, 5, 1),
          "C5": 120, "F6": 84, "output": 10}
""",
        ("lenet-shapes",),
        "C1: The last number is the number of maps that come out. You have 1.",
    ),
    Mistake(
        "with NumPy",
        "squash-answer",
        """
def scaled_tanh(a):
    return 1.7159 * np.tanh(2 / 3 * a)
""",
        ("lenet-squash",),
        "With numbers it is right, but it cannot be part of a network: NumPy and math take numbers",
        follows=("lenet-subsample", "lenet-c3", "lenet-1998"),
    ),
    Mistake(
        "turned fraction",
        "squash-answer",
        """
def scaled_tanh(a):
    return 1.7159 * ops.tanh(3 / 2 * a)
""",
        ("lenet-squash",),
        "it should give [-1, 0, 1, 1.4929, 1.7159].",
        follows=("lenet-subsample", "lenet-c3", "lenet-1998"),
    ),
    Mistake(
        "not squashed",
        "subsample-answer",
        """
def subsample(x, name):
    x = layers.AveragePooling2D(2)(x)
    return layers.DepthwiseConv2D(1, name=name)(x)
""",
        ("lenet-subsample",),
        "S2: It has no activation, the table has 1.7159 · tanh(2a/3).",
        follows=("lenet-1998",),
    ),
    Mistake(
        "maps mixed",
        "subsample-answer",
        """
def subsample(x, name):
    x = layers.AveragePooling2D(2)(x)
    return scaled_tanh(layers.Conv2D(x.shape[-1], 1, name=name)(x))
""",
        ("lenet-subsample",),
        "S2: It works in one group, the table has 6 groups.",
        follows=("lenet-1998",),
    ),
    Mistake(
        "the first maps instead of the listed",
        "c3-answer",
        """
def c3_maps(x):
    maps = [layers.Conv2D(1, 5)(x[..., : len(seen)]) for seen in C3_CONNECTIONS]
    return scaled_tanh(layers.Concatenate()(maps))
""",
        ("lenet-c3",),
        "C3: It has 60 connections between maps, but one map sees the maps",
        follows=("lenet-1998",),
    ),
    Mistake(
        "tanh of today in F6",
        "net1998-answer",
        """
def lenet5_1998(input_shape=(32, 32, 1), classes=10):
    inputs = keras.Input(input_shape)
    x = c3_maps(subsample(scaled_tanh(layers.Conv2D(6, 5)(inputs)), "S2"))
    x = layers.Flatten()(subsample(x, "S4"))
    x = layers.Dense(84, activation="tanh")(scaled_tanh(layers.Dense(120)(x)))
    codes = layers.Dense(classes, use_bias=False, trainable=False, activation="softmax")
    return keras.Model(inputs, codes(x))
""",
        ("lenet-1998",),
        "F6: Its activation is tanh, the table has 1.7159 · tanh(2a/3).",
    ),
    Mistake(
        "pools learn, too",
        "parameters-answer",
        """
parameters = {"C1": 156, "S2": 12, "C3": 2416, "S4": 32, "C5": 48120, "F6": 10164, "output": 850,
              "total": 61750}
""",
        ("lenet-parameters",),
        "S2: The value is not right. You have 12. What is there to learn in: average pool 2 × 2",
    ),
    Mistake(
        "not floored",
        "count-answer",
        """
def count_parameters(size, classes):
    side = ((size - 4) / 2 - 4) / 2
    return 156 + 2416 + (side * side * 16 + 1) * 120 + 10164 + 85 * classes
""",
        ("lenet-count",),
        "it should give",
    ),
    Mistake(
        "pools left out",
        "count-answer",
        """
def count_parameters(size, classes):
    return 156 + 2416 + ((size - 8) ** 2 * 16 + 1) * 120 + 10164 + 85 * classes
""",
        ("lenet-count",),
        "count_parameters(32, 10) gives 1119626, it should give 61706.",
    ),
    Mistake(
        "coefficients alone",
        "subsample-count-answer",
        'subsampling = {"S2": 6, "S4": 16}',
        ("lenet-subsample-count",),
        "S2: ",
    ),
    Mistake(
        "as today",
        "subsample-count-answer",
        'subsampling = {"S2": 0, "S4": 0}',
        ("lenet-subsample-count",),
        "S2: ",
    ),
    Mistake(
        "a coefficient for each neighbour",
        "subsample-count-answer",
        'subsampling = {"S2": 5 * 6, "S4": 5 * 16}',
        ("lenet-subsample-count",),
        "S2: ",
    ),
    Mistake(
        "every pair counted",
        "c3-count-answer",
        'c3_parameters = {"C3": (5 * 5 * 6 + 1) * 16}',
        ("lenet-c3-count",),
        "C3: This counts every pair of maps; the table connects only some of them.",
    ),
    Mistake(
        "a bias for each pair",
        "c3-count-answer",
        'c3_parameters = {"C3": (5 * 5 + 1) * 60}',
        ("lenet-c3-count",),
        "C3: ",
    ),
    Mistake(
        "biases left out of C3",
        "c3-count-answer",
        'c3_parameters = {"C3": 5 * 5 * 60}',
        ("lenet-c3-count",),
        "C3: ",
    ),
    Mistake(
        "pools of today",
        "net1998-answer",
        """
def lenet5_1998(input_shape=(32, 32, 1), classes=10):
    inputs = keras.Input(input_shape)
    x = layers.AveragePooling2D(2)(scaled_tanh(layers.Conv2D(6, 5)(inputs)))
    x = layers.Flatten()(layers.AveragePooling2D(2)(c3_maps(x)))
    x = scaled_tanh(layers.Dense(84)(scaled_tanh(layers.Dense(120)(x))))
    codes = layers.Dense(classes, use_bias=False, trainable=False, activation="softmax")
    return keras.Model(inputs, codes(x))
""",
        ("lenet-1998",),
        "S2: This row is missing",
    ),
    Mistake(
        "an average has parameters",
        "relu-answer",
        letters("later", LATER, what_changes="a"),
        ("lenet-relu",),
        "Neither of the two has parameters",
    ),
    Mistake(
        "a maximum saves work",
        "relu-answer",
        letters("later", LATER, what_changes="b"),
        ("lenet-relu",),
        "MACs are counted in convolutions and dense layers",
    ),
    Mistake(
        "the order of ReLU and max pooling, larger",
        "relu-answer",
        letters("later", LATER, ReLU_and_max_pooling="b"),
        ("lenet-relu",),
        "ReLU never puts a smaller value above a larger one.",
    ),
    Mistake(
        "the order of ReLU and max pooling, smaller",
        "relu-answer",
        letters("later", LATER, ReLU_and_max_pooling="c"),
        ("lenet-relu",),
        "ReLU never puts a smaller value above a larger one.",
    ),
    Mistake(
        "an average like a maximum",
        "relu-answer",
        letters("later", LATER, ReLU_and_averages="a"),
        ("lenet-relu",),
        "the average of 0, 1, 0 and 2 is 0.75",
    ),
    Mistake(
        "negative values make an average larger",
        "relu-answer",
        letters("later", LATER, ReLU_and_averages="b"),
        ("lenet-relu",),
        "With ReLU first they count as 0.",
    ),
    Mistake(
        "invariant",
        "relu-answer",
        letters("later", LATER, a_moved_digit="a"),
        ("lenet-relu",),
        "a moved digit: It is not a. Invariant is what does not change at all.",
    ),
    Mistake(
        "places of S2 like pixels",
        "relu-answer",
        letters("later", LATER, a_moved_digit="c"),
        ("lenet-relu",),
        "S2 has one value for each two columns of C1.",
    ),
    Mistake(
        "more maps in C3",
        "bridge-answer",
        letters("more", MORE, C3="c"),
        ("lenet-bridge",),
        "C3: It is not c. Both make 16 maps.",
    ),
    Mistake(
        "larger kernels in C3",
        "bridge-answer",
        letters("more", MORE, C3="b"),
        ("lenet-bridge",),
        "Both have kernels of 5 × 5.",
    ),
    Mistake(
        "fixed weights counted",
        "bridge-answer",
        letters("more", MORE, output="a"),
        ("lenet-bridge",),
        "its weights are never trained.",
    ),
    Mistake(
        "only the biases",
        "bridge-answer",
        letters("more", MORE, output="b"),
        ("lenet-bridge",),
        "But which of its weights are trained?",
    ),
    Mistake(
        "today's pooling has parameters",
        "bridge-answer",
        letters("more", MORE, S2_and_S4="a"),
        ("lenet-bridge",),
        "Today's averages and maxima have nothing to train.",
    ),
    Mistake(
        "pooling never has parameters",
        "bridge-answer",
        letters("more", MORE, S2_and_S4="c"),
        ("lenet-bridge",),
        "which were trained.",
    ),
]

# Neither a small example nor a square nor a single map shows these mistakes.
MISTAKES += [
    Mistake(
        "ten classes", "count-answer",
        "def count_parameters(size, classes):\n"
        "    side = ((size - 4) // 2 - 4) // 2\n"
        "    return 156 + 2416 + (16 * side * side + 1) * 120 + 121 * 84 + 850",
        ("lenet-count",), "it should give 135991.",
    ),
    Mistake(
        "six maps", "subsample-answer",
        "def subsample(x, name):\n"
        "    x = layers.AveragePooling2D(2)(x)\n"
        "    return scaled_tanh(layers.Conv2D(6, 1, groups=6, name=name)(x))",
        ("lenet-subsample",), "16 maps come in, which cannot be divided into 6 equal groups",
        follows=("lenet-1998",),
    ),
    Mistake(
        "cut off", "squash-answer",
        "def scaled_tanh(a):\n    return ops.clip(a, -1.7159, 1.7159)",
        ("lenet-squash",), "gives [-1, 0, 1, 1.7159, 1.7159], it should give [-1, 0, 1, 1.4929,",
        follows=("lenet-subsample", "lenet-c3", "lenet-1998"),
    ),
]  # fmt: skip
