"""Answers to the demo's assignment: right ones in several styles, and typical mistakes.

Each is {answer cell: source}; a cell that is not named has the solution's answer.
"""

RIGHT = {
    "sequential": {
        "shapes-answer": """
shapes = dict(C1=[28, 28, 6], S2=[14, 14, 6], C3=[10, 10, 16], S4=[5, 5, 16],
              C5=(120,), F6=(84,), output=(10,))
""",
        "parameters-answer": """
parameters = dict(C1=156, S2=0, C3=2416, S4=0, C5=48_120, F6=10_164, output=850.0, total=61_706)
""",
        "model-answer": """
def lenet5(input_shape=(32, 32, 1), classes=10):
    model = keras.Sequential([keras.Input(input_shape)])
    for maps in (6, 16):
        model.add(layers.Conv2D(maps, kernel_size=(5, 5)))
        model.add(layers.Activation("tanh"))
        model.add(layers.AvgPool2D(2))
    model.add(layers.Flatten())
    for units in (120, 84):
        model.add(layers.Dense(units, "tanh"))
    model.add(layers.Dense(classes))
    model.add(layers.Softmax())
    return model
""",
        "subsample-answer": """
def subsample(x, name):
    maps = x.shape[-1]
    x = layers.AvgPool2D((2, 2), strides=2)(x)
    return layers.Conv2D(maps, 1, groups=maps, activation=scaled_tanh, name=name)(x)
""",
    },
    "c5 as a convolution": {
        "model-answer": """
def lenet5(input_shape=(32, 32, 1), classes=10):
    image = keras.Input(shape=input_shape)
    x = image
    for maps in (6, 16):
        x = ops.average_pool(ops.tanh(layers.Conv2D(maps, 5)(x)), 2)
    x = layers.Conv2D(120, x.shape[1:3], activation="tanh", name="C5")(x)
    x = layers.Dense(84, activation="tanh")(layers.Reshape((120,))(x))
    return keras.Model(image, ops.softmax(layers.Dense(classes)(x)))
""",
        "squash-answer": """
def scaled_tanh(a):
    A, S = 1.7159, 2 / 3
    return ops.multiply(A, keras.activations.tanh(S * a))
""",
    },
    "subclassed": {
        "model-answer": """
class Stage(layers.Layer):
    def __init__(self, maps):
        super().__init__()
        self.conv = layers.Conv2D(maps, 5, activation="tanh")
        self.pool = layers.AveragePooling2D(2)

    def call(self, x):
        return self.pool(self.conv(x))


def lenet5(input_shape=(32, 32, 1), classes=10):
    inputs = keras.Input(input_shape)
    x = layers.Flatten()(Stage(16)(Stage(6)(inputs)))
    for units in (120, 84):
        x = layers.Dense(units, activation="tanh")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
""",
    },
}

_MODEL = """
def lenet5(input_shape=(32, 32, 1), classes=10):
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(6, 5, activation="tanh")(inputs)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Conv2D(16, 5, activation="tanh")(x)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(120, activation="tanh")(x)
    x = layers.Dense(84, activation="tanh")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
"""


def _model(right, wrong):
    """The right network with one thing in it changed."""
    assert right in _MODEL
    return {"model-answer": _MODEL.replace(right, wrong)}


WRONG = {
    "maps first": {
        "shapes-answer": """
shapes = {"C1": (28, 28, 6), "S2": (14, 14, 6), "C3": (16, 10, 10), "S4": (16, 5, 5),
          "C5": 120, "F6": 84, "output": 10}
""",
    },
    "biases forgotten": {
        "parameters-answer": """
parameters = {"C1": 150, "S2": 0, "C3": 2400, "S4": 0, "C5": 48000, "F6": 10080, "output": 840,
              "total": 61470}
""",
    },
    "one kernel for all maps": {
        "parameters-answer": """
parameters = {"C1": 156, "S2": 0, "C3": (5 * 5 + 1) * 16, "S4": 0, "C5": 48120, "F6": 10164,
              "output": 850, "total": 59706}
""",
    },
    "padded": _model("Conv2D(6, 5,", 'Conv2D(6, 5, padding="same",'),
    "max pooling": _model("Average", "Max"),
    "no activation": _model('Conv2D(16, 5, activation="tanh")', "Conv2D(16, 5)"),
    "not flattened": _model("    x = layers.Flatten()(x)\n", ""),
    "classes written as a number": _model("Dense(classes", "Dense(10"),
    "plain tanh": {"squash-answer": "def scaled_tanh(a):\n    return ops.tanh(a)"},
    "with NumPy": {
        "squash-answer": "def scaled_tanh(a):\n    return 1.7159 * np.tanh(2 / 3 * a)",
    },
    "four weights a map": {
        "subsample-answer": """
def subsample(x, name):
    return scaled_tanh(layers.DepthwiseConv2D(2, strides=2, name=name)(x))
""",
    },
}
