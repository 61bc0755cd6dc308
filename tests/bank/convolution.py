"""Answers to 01-convolution."""

from tests.bank import Mistake

NOTEBOOK = "01-convolution/convolution.ipynb"

SIZES = """sizes = {{
    "28 pixels, window 5": {},
    "32 pixels, window 3, padding 1": {},
    "224 pixels, window 7, stride 2, padding 3": {},
    "112 pixels, window 3, stride 2": {},
    "112 pixels, window 3, stride 2, rounded up": {},
}}"""
MOVES = """moves = {{
    "a convolution, image moved by 3": {},
    "a pool of 2 in steps of 2, image moved by 2": {},
    "a convolution with stride 4, image moved by 8": {},
    "two pools of 2 in steps of 2, image moved by 4": {},
}}"""

RIGHT = {
    "windows": {
        "size-answer": """
def output_size(size, kernel, stride=1, padding=0):
    return len(range(0, size + 2 * padding - kernel + 1, stride))
""",
        "ceil-answer": SIZES.format(24, 32, 112.0, 55, 56),
        "parameters-answer": """
def conv_parameters(kernel, channels, filters):
    weights = filters * channels * kernel ** 2
    return weights + filters


def dense_parameters(inputs, units):
    return inputs * units + units
""",
        "sharing-answer": """
learned = {"dense": 785 * 4608, "local": 26 * 4608, "shared": 208}
""",
        "scan-answer": """
def scan(image, kernel):
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    return (windows * kernel).sum(axis=(2, 3))
""",
        "conv-answer": """
def conv2d(image, kernels, bias, stride=1, padding=0):
    image = np.pad(image, ((padding,) * 2, (padding,) * 2, (0, 0)))
    total = 0
    for c in range(kernels.shape[2]):
        maps = [scan(image[:, :, c], kernels[:, :, c, k]) for k in range(kernels.shape[3])]
        total = total + np.stack(maps, axis=-1)
    return total[::stride, ::stride] + bias
""",
        "pool-answer": """
def max_pool_by_hand(image, size, stride):
    windows = np.lib.stride_tricks.sliding_window_view(image, (size, size), axis=(0, 1))
    return np.max(windows, axis=(-1, -2))[::stride, ::stride]
""",
        "edge-answer": """
scanner = np.outer(np.ones(3), [-1, 0, 1]) / 3
""",
        "gradient-answer": """
def loss_and_gradient(kernel, image, target):
    answer = scan(image, kernel)
    gradient = np.zeros(kernel.shape)
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            seen = image[i : i + target.shape[0], j : j + target.shape[1]]
            gradient[i, j] = np.mean(2 * (answer - target) * seen)
    return np.mean((answer - target) ** 2), gradient
""",
        "learn-answer": """
def learn(image, target, size, steps, rate):
    kernel = np.zeros((size, size))
    while steps:
        kernel -= rate * loss_and_gradient(kernel, image, target)[1]
        steps -= 1
    return kernel
""",
        "counts-answer": """
parameters = {"conv1": 80, "pool1": 0, "output": 3930, "total": 4010}
""",
        "network-answer": """
def first_network(input_shape=(16, 16, 1), classes=10):
    return keras.Sequential([
        keras.Input(input_shape),
        layers.Conv2D(8, (3, 3)),
        layers.ReLU(),
        layers.MaxPool2D(),
        layers.Flatten(),
        layers.Dense(classes),
        layers.Softmax(),
    ])
""",
        "moved-answer": """
def moved(image, right):
    output = np.roll(image, right, axis=1)
    output[:, :right] = 0
    return output
""",
        "moves-answer": MOVES.format(3.0, 1.0, 2.0, 1.0),
    },
    "plain loops": {
        "scan-answer": """
def scan(image, kernel):
    f, g = kernel.shape
    return [[sum(image[i + a][j + b] * kernel[a][b] for a in range(f) for b in range(g))
             for j in range(len(image[0]) - g + 1)] for i in range(len(image) - f + 1)]
""",
        "gradient-answer": """
def loss_and_gradient(kernel, image, target):
    error = np.array(scan(image, kernel)) - target
    return [(error ** 2).mean(), np.array(scan(image, error)) * 2 / error.size]
""",
        "pool-answer": """
def max_pool_by_hand(image, size, stride):
    rows = range(0, image.shape[0] - size + 1, stride)
    columns = range(0, image.shape[1] - size + 1, stride)
    return np.array([[image[i:i + size, j:j + size].reshape(-1, image.shape[2]).max(axis=0)
                      for j in columns] for i in rows])
""",
        "network-answer": """
def first_network(input_shape=(16, 16, 1), classes=10):
    inputs = keras.Input(input_shape)
    x = keras.activations.relu(layers.Conv2D(8, 3, padding="valid")(inputs))
    x = layers.MaxPooling2D(pool_size=2, strides=2)(x)
    x = layers.Reshape((-1,))(x)
    return keras.Model(inputs, layers.Dense(classes, "softmax")(x))
""",
    },
}

SIZE = "def output_size(size, kernel, stride=1, padding=0):\n    return "
MISTAKES = [
    Mistake(
        "not floored", "size-answer", SIZE + "(size + 2 * padding - kernel) / stride + 1",
        ("convolution-size",), "output_size(6, 3, 2, 0) gives 2.5, it should give 2.",
    ),
    Mistake(
        "padding on one side", "size-answer", SIZE + "(size + padding - kernel) // stride + 1",
        ("convolution-size",), "output_size(5, 3, 1, 1) gives 4, it should give 5.",
    ),
    Mistake(
        "one forgotten", "size-answer", SIZE + "(size + 2 * padding - kernel) // stride",
        ("convolution-size",), "output_size(5, 3, 1, 0) gives 2, it should give 3.",
    ),
    Mistake(
        "nothing rounded up", "ceil-answer", SIZES.format(24, 32, 112, 55, 55),
        ("convolution-ceil",), "rounded down (in the last line: up)",
    ),
    Mistake(
        "without biases", "parameters-answer",
        "def conv_parameters(kernel, channels, filters):\n"
        "    return kernel * kernel * channels * filters\n"
        "def dense_parameters(inputs, units):\n    return (inputs + 1) * units",
        ("convolution-parameters",), "conv_parameters(3, 1, 8) gives 72, it should give 80.",
    ),
    Mistake(
        "one channel only", "parameters-answer",
        "def conv_parameters(kernel, channels, filters):\n"
        "    return (kernel * kernel + 1) * filters\n"
        "def dense_parameters(inputs, units):\n    return (inputs + 1) * units",
        ("convolution-parameters",), "conv_parameters(5, 3, 6) gives 156, it should give 456.",
    ),
    Mistake(
        "one bias for all units", "parameters-answer",
        "def conv_parameters(kernel, channels, filters):\n"
        "    return (kernel * kernel * channels + 1) * filters\n"
        "def dense_parameters(inputs, units):\n    return inputs * units + 1",
        ("convolution-parameters",), "dense_parameters(120, 84) gives 10081, it should give 10164.",
    ),
    Mistake(
        "weights shared, biases not", "sharing-answer",
        'learned = {"dense": 785 * 4608, "local": 26 * 4608, "shared": 25 * 8 + 4608}',
        ("convolution-sharing",), "all of them, or one for each map",
    ),
    Mistake(
        "turned around", "scan-answer",
        "def scan(image, kernel):\n"
        "    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)\n"
        "    return (windows * kernel[::-1, ::-1]).sum(axis=(2, 3))",
        ("convolution-scan",),
        "it should give [[2",
        follows=("convolution-gradient", "convolution-learn"),
    ),
    Mistake(
        "last position left out", "scan-answer",
        "def scan(image, kernel):\n"
        "    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)\n"
        "    return (windows * kernel).sum(axis=(2, 3))[:-1]",
        ("convolution-scan",),
        "it should give",
        follows=("convolution-gradient", "convolution-learn"),
    ),
    Mistake(
        "stride forgotten", "conv-answer",
        "def conv2d(image, kernels, bias, stride=1, padding=0):\n"
        "    image = np.pad(image, [(padding, padding), (padding, padding), (0, 0)])\n"
        "    w = np.lib.stride_tricks.sliding_window_view(image, kernels.shape[:2], axis=(0, 1))\n"
        '    return np.einsum("hwcij,ijck->hwk", w, kernels) + bias',
        ("convolution-conv2d",), "it should give",
    ),
    Mistake(
        "bias forgotten", "conv-answer",
        "def conv2d(image, kernels, bias, stride=1, padding=0):\n"
        "    image = np.pad(image, [(padding, padding), (padding, padding), (0, 0)])\n"
        "    w = np.lib.stride_tricks.sliding_window_view(image, kernels.shape[:2], axis=(0, 1))\n"
        '    return np.einsum("hwcij,ijck->hwk", w[::stride, ::stride], kernels)',
        ("convolution-conv2d",), "it should give",
    ),
    Mistake(
        "channels padded, too", "conv-answer",
        "def conv2d(image, kernels, bias, stride=1, padding=0):\n"
        "    image = np.pad(image, padding)\n"
        "    w = np.lib.stride_tricks.sliding_window_view(image, kernels.shape[:2], axis=(0, 1))\n"
        '    return np.einsum("hwcij,ijck->hwk", w[::stride, ::stride], kernels) + bias',
        ("convolution-conv2d",), "Your code stops with an error",
    ),
    Mistake(
        "grows from zeros", "pool-answer",
        "def max_pool_by_hand(image, size, stride):\n"
        "    w = np.lib.stride_tricks.sliding_window_view(image, (size, size), axis=(0, 1))\n"
        "    return np.maximum(0, w.max(axis=(3, 4))[::stride, ::stride])",
        ("convolution-pool",), "it should give",
    ),
    Mistake(
        "the mean", "pool-answer",
        "def max_pool_by_hand(image, size, stride):\n"
        "    w = np.lib.stride_tricks.sliding_window_view(image, (size, size), axis=(0, 1))\n"
        "    return w.mean(axis=(3, 4))[::stride, ::stride]",
        ("convolution-pool",), "it should give",
    ),
    Mistake(
        "steps as large as the window", "pool-answer",
        "def max_pool_by_hand(image, size, stride):\n"
        "    w = np.lib.stride_tricks.sliding_window_view(image, (size, size), axis=(0, 1))\n"
        "    return w.max(axis=(3, 4))[::size, ::size]",
        ("convolution-pool",), "it should give",
    ),
    Mistake(
        "horizontal edges", "edge-answer", "scanner = np.array([[-1, 0, 1]] * 3).T / 3",
        ("convolution-edge",), "A mean of three is a third of each",
    ),
    Mistake(
        "sums, not means", "edge-answer", "scanner = np.array([[-1, 0, 1]] * 3)",
        ("convolution-edge",), "A mean of three is a third of each",
    ),
    Mistake(
        "left minus right", "edge-answer", "scanner = np.array([[1, 0, -1]] * 3) / 3",
        ("convolution-edge",), "what is subtracted counts negatively",
    ),
    Mistake(
        "summed, not averaged", "gradient-answer",
        "def loss_and_gradient(kernel, image, target):\n"
        "    error = scan(image, kernel) - target\n"
        "    return [np.mean(error**2), 2 * scan(image, error)]",
        ("convolution-gradient",), "it should give", follows=("convolution-learn",),
    ),
    Mistake(
        "other direction", "gradient-answer",
        "def loss_and_gradient(kernel, image, target):\n"
        "    error = target - scan(image, kernel)\n"
        "    return [np.mean(error**2), 2 * scan(image, error) / error.size]",
        ("convolution-gradient",), "it should give", follows=("convolution-learn",),
    ),
    Mistake(
        "uphill", "learn-answer",
        "def learn(image, target, size, steps, rate):\n"
        "    kernel = np.zeros((size, size))\n"
        "    for _ in range(steps):\n"
        "        kernel = kernel + rate * loss_and_gradient(kernel, image, target)[1]\n"
        "    return kernel",
        ("convolution-learn",), "it should give",
    ),
    Mistake(
        "one step too few", "learn-answer",
        "def learn(image, target, size, steps, rate):\n"
        "    kernel = np.zeros((size, size))\n"
        "    for _ in range(1, steps):\n"
        "        kernel = kernel - rate * loss_and_gradient(kernel, image, target)[1]\n"
        "    return kernel",
        ("convolution-learn",), "it should give",
    ),
    Mistake(
        "pool not seen", "counts-answer",
        'parameters = {"conv1": 80, "pool1": 0, "output": (14 * 14 * 8 + 1) * 10,\n'
        '              "total": 80 + (14 * 14 * 8 + 1) * 10}',
        ("convolution-counts",), "It sees 7 · 7 · 8 values.",
    ),
    Mistake(
        "not flattened", "network-answer",
        "def first_network(input_shape=(16, 16, 1), classes=10):\n"
        "    inputs = keras.Input(input_shape)\n"
        '    x = layers.Conv2D(8, 3, activation="relu")(inputs)\n'
        "    x = layers.MaxPooling2D(2)(x)\n"
        '    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))',
        ("convolution-network",), "Put layers.Flatten() before it.",
    ),
    Mistake(
        "no ReLU", "network-answer",
        "def first_network(input_shape=(16, 16, 1), classes=10):\n"
        "    inputs = keras.Input(input_shape)\n"
        '    x = layers.MaxPooling2D(2)(layers.Conv2D(8, 3, name="conv1")(inputs))\n'
        "    x = layers.Flatten()(x)\n"
        '    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))',
        ("convolution-network",), "It has no activation, the table has relu",
    ),
    Mistake(
        "padded", "network-answer",
        "def first_network(input_shape=(16, 16, 1), classes=10):\n"
        "    inputs = keras.Input(input_shape)\n"
        '    x = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)\n'
        "    x = layers.Flatten()(layers.MaxPooling2D(2)(x))\n"
        '    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))',
        ("convolution-network",), "The padding is 1 on each side, the table has none.",
    ),
    Mistake(
        "rolled around", "moved-answer",
        "def moved(image, right):\n    return np.roll(image, right, axis=1)",
        ("convolution-moved",), "it should give",
    ),
    Mistake(
        "moved down", "moved-answer",
        "def moved(image, right):\n"
        "    return np.pad(image, [(right, 0), (0, 0)])[: image.shape[0]]",
        ("convolution-moved",), "it should give",
    ),
    Mistake(
        "divided once for two pools", "moves-answer", MOVES.format(3, 1, 2, 2),
        ("convolution-moves",), "as all strides multiplied",
    ),
    Mistake(
        "strides forgotten", "moves-answer", MOVES.format(3, 2, 8, 4),
        ("convolution-moves",), "as all strides multiplied",
    ),
    Mistake(
        "padding counted once", "ceil-answer", SIZES.format(24, 31, 110.0, 55, 56),
        ("convolution-ceil",),
        "32 pixels, window 3, padding 1: The value is not right. You have 31.",
    ),
    Mistake(
        "steps, not positions", "ceil-answer", SIZES.format(23, 31, 111, 54, 55),
        ("convolution-ceil",), "28 pixels, window 5: The value is not right. You have 23.",
    ),
    Mistake(
        "one bias for everything", "sharing-answer",
        'learned = {"dense": 784 * 4608 + 1, "local": 25 * 4608 + 1, "shared": 201}',
        ("convolution-sharing",), "dense: The value is not right. You have 3612673.",
    ),
    Mistake(
        "shared by all maps", "sharing-answer",
        'learned = {"dense": 785 * 4608, "local": 26 * 4608, "shared": 26}',
        ("convolution-sharing",), "shared: The value is not right. You have 26.",
    ),
    Mistake(
        "image and kernel of one size", "scan-answer",
        "def scan(image, kernel):\n"
        "    height, width = kernel.shape\n"
        "    return np.array([[np.sum(image[i:i + height, j:j + width] * kernel)\n"
        "                      for j in range(image.shape[1])] for i in range(image.shape[0])])",
        ("convolution-scan",),
        "scan([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]], [[1, 2]]) gives",
        follows=("convolution-gradient", "convolution-learn"),
    ),
    Mistake(
        "not squared", "gradient-answer",
        "def loss_and_gradient(kernel, image, target):\n"
        "    error = scan(image, kernel) - target\n"
        "    return [np.mean(error), 2 * scan(image, error) / error.size]",
        ("convolution-gradient",), "it should give",
    ),
    Mistake(
        "begins with ones", "learn-answer",
        "def learn(image, target, size, steps, rate):\n"
        "    kernel = np.ones((size, size))\n"
        "    for _ in range(steps):\n"
        "        kernel = kernel - rate * loss_and_gradient(kernel, image, target)[1]\n"
        "    return kernel",
        ("convolution-learn",), "it should give [[0.06, 0.08], [0.14, 0.16]]",
    ),
    Mistake(
        "without biases in the network", "counts-answer",
        'parameters = {"conv1": 72, "pool1": 0, "output": 3920, "total": 3992}',
        ("convolution-counts",),
        "conv1: These are the weights alone: each map or unit also has one bias.",
    ),
    Mistake(
        "maps, not values", "counts-answer",
        'parameters = {"conv1": 80, "pool1": 0, "output": (8 + 1) * 10, "total": 170}',
        ("convolution-counts",),
        "output: The value is not right. You have 90. It sees 7 · 7 · 8 values.",
    ),
    Mistake(
        "moved to the left", "moved-answer",
        "def moved(image, right):\n"
        "    return np.pad(image, [(0, 0), (0, right)])[:, right:]",
        ("convolution-moved",), "it should give [[0, 1, 2, 3], [0, 5, 6, 7]]",
    ),
    Mistake(
        "multiplied by the stride", "moves-answer", MOVES.format(3, 4, 32, 16),
        ("convolution-moves",),
        "a pool of 2 in steps of 2, image moved by 2: The value is not right.",
    ),
]  # fmt: skip
