"""Answers to 01-convolution."""

from tests.bank import Mistake, letters

NOTEBOOK = "01-convolution/convolution.ipynb"

BACK = """back = {{
    "to the kernel": {},
    "to the row": {},
    "through the ReLU": {},
    "through the pool": {},
}}"""
# The right letters
SAVED = {"a patch only": "b", "shared": "b", "a larger image": "c"}
MOVES = {"stride 1": "a", "stride 2": "c", "two pools": "c"}

RIGHT = {
    "windows": {
        "size-answer": """
def output_size(size, kernel, stride=1, padding=0):
    return len(range(0, size + 2 * padding - kernel + 1, stride))
""",
        "parameters-answer": """
def conv_parameters(kernel, channels, filters):
    weights = filters * channels * kernel ** 2
    return weights + filters


def dense_parameters(inputs, units):
    return inputs * units + units
""",
        "sharing-answer": "saved = {'shared': 'b', 'a patch only': 'b'}\n"
        "saved['a larger image'] = 'c'\n",
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
        "back-answer": BACK.format(
            "(5, 13)", [2.0, -1, 4, -2], "np.array([0, 6, -7, 0])", [0, 5, -6, 0]
        ),
        "back-conv-answer": """
def conv2d_backward(gradient, image, kernels, stride=1, padding=0):
    padded = np.pad(image, ((padding,) * 2, (padding,) * 2, (0, 0)))
    back, size = np.zeros_like(padded), gradient.shape[:2]
    of_kernels = np.empty_like(kernels)
    for a, b in np.ndindex(*kernels.shape[:2]):
        met = np.s_[a : a + stride * size[0] : stride, b : b + stride * size[1] : stride]
        of_kernels[a, b] = np.einsum("hwc,hwk->ck", padded[met], gradient)
        back[met] += np.einsum("hwk,ck->hwc", gradient, kernels[a, b])
    inside = slice(padding, -padding or None)
    return back[inside, inside], of_kernels, np.einsum("hwk->k", gradient)
""",
        "back-relu-answer": """
def relu_backward(gradient, image):
    return np.where(image > 0, gradient, 0)
""",
        "back-pool-answer": """
def max_pool_backward(gradient, image, size, stride):
    result = np.zeros_like(image, dtype=float)
    for c in range(image.shape[2]):
        for i in range(gradient.shape[0]):
            for j in range(gradient.shape[1]):
                window = image[stride * i:, stride * j:, c][:size, :size]
                row, column = divmod(np.argmax(window), size)
                result[stride * i + row, stride * j + column, c] += gradient[i, j, c]
    return result
""",
        "backprop-answer": """
def network_gradients(parameters, image, label):
    k1, b1, k2, b2 = parameters
    a = np.maximum(conv2d(image, k1, b1), 0)
    p = max_pool_by_hand(a, 2, 2)
    loss, d = cross_entropy(conv2d(p, k2, b2), label)
    d, dk2, db2 = conv2d_backward(d, p, k2)
    d = relu_backward(max_pool_backward(d, a, 2, 2), a)  # its output is positive where its input is
    d, dk1, db1 = conv2d_backward(d, image, k1)
    return loss, (dk1, db1, dk2, db2)
""",
        "step-answer": """
def training_step(parameters, images, labels, rate):
    found = [network_gradients(parameters, images[n], labels[n]) for n in range(len(images))]
    changed = []
    for n, old in enumerate(parameters):
        changed.append(old - rate * np.mean([gradients[n] for _, gradients in found], axis=0))
    return np.mean([loss for loss, _ in found]), changed
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
        "moves-answer": "moves = {'two pools': 'c', 'stride 1': 'a'}\nmoves['stride 2'] = 'c'\n",
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
        "back-answer": """
row, kernel, arriving = [1, 3, 2, 5], [2, -1], [1, 0, 2]
to_kernel, to_row = [0, 0], [0, 0, 0, 0]
for i in range(3):
    for j in range(2):
        to_kernel[j] += arriving[i] * row[i + j]
        to_row[i + j] += arriving[i] * kernel[j]
back = {"to the kernel": to_kernel, "to the row": to_row}
back["through the ReLU"] = [g if a > 0 else 0 for g, a in zip([5, 6, -7, 8], [-2, 3, 0.5, -1])]
back["through the pool"] = [0, 5, -6, 0]
""",
        "back-conv-answer": """
def conv2d_backward(gradient, image, kernels, stride=1, padding=0):
    height, width, channels = image.shape
    of_image, of_kernels = np.zeros(image.shape), np.zeros(kernels.shape)
    of_bias = np.zeros(kernels.shape[3])
    for i, j, k in np.ndindex(gradient.shape):
        of_bias[k] += gradient[i, j, k]
        for a in range(kernels.shape[0]):
            for b in range(kernels.shape[1]):
                y, x = i * stride + a - padding, j * stride + b - padding
                if 0 <= y < height and 0 <= x < width:
                    for c in range(channels):
                        of_image[y, x, c] += gradient[i, j, k] * kernels[a, b, c, k]
                        of_kernels[a, b, c, k] += gradient[i, j, k] * image[y, x, c]
    return [of_image, of_kernels, of_bias]
""",
        "back-relu-answer": """
def relu_backward(gradient, image):
    result = gradient.copy()
    result[image <= 0] = 0
    return result
""",
        "back-pool-answer": """
def max_pool_backward(gradient, image, size, stride):
    of_image = np.zeros(image.shape)
    for i, j, c in np.ndindex(gradient.shape):
        best = None
        for y in range(i * stride, i * stride + size):
            for x in range(j * stride, j * stride + size):
                if best is None or image[y, x, c] > image[best]:
                    best = y, x, c
        of_image[best] += gradient[i, j, c]
    return of_image
""",
        "step-answer": """
def training_step(parameters, images, labels, rate):
    loss, new = 0, [parameter.copy() for parameter in parameters]
    for image, label in zip(images, labels):
        one, gradients = network_gradients(parameters, image, label)
        loss += one / len(images)
        for n in range(4):
            new[n] -= rate / len(images) * gradients[n]
    return [loss, new]
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
    "by scans": {
        "back-conv-answer": """
def conv2d_backward(gradient, image, kernels, stride=1, padding=0):
    f, g, c, k = kernels.shape
    padded = np.pad(image, [(padding, padding), (padding, padding), (0, 0)])
    spread = np.zeros((padded.shape[0] - f + 1, padded.shape[1] - g + 1, k))
    spread[::stride, ::stride] = gradient
    of_kernels = [conv2d(padded[..., n : n + 1], spread[:, :, None], np.zeros(k)) for n in range(c)]
    around = np.pad(spread, [(f - 1, f - 1), (g - 1, g - 1), (0, 0)])
    back = conv2d(around, kernels[::-1, ::-1].transpose(0, 1, 3, 2), np.zeros(c))
    height, width, _ = image.shape
    of_image = back[padding : padding + height, padding : padding + width]
    return [of_image, np.stack(of_kernels, axis=2), gradient.sum((0, 1))]
""",
        "backprop-answer": """
def network_gradients(parameters, image, label):
    kept = [conv2d(image, *parameters[:2])]
    kept.append(np.where(kept[0] > 0, kept[0], 0))
    kept.append(max_pool_by_hand(kept[1], 2, 2))
    loss, gradient = cross_entropy(conv2d(kept[2], *parameters[2:]), label)
    to_pool, *last = conv2d_backward(gradient, kept[2], parameters[2])
    gradient = relu_backward(max_pool_backward(to_pool, kept[0], 2, 2), kept[0])
    return [loss, conv2d_backward(gradient, image, parameters[0])[1:] + last]
""",
    },
}


CONV = """
def conv2d_backward(gradient, image, kernels, stride=1, padding=0):
    padded = np.pad(image, [(padding, padding), (padding, padding), (0, 0)])
    of_padded, of_kernels = np.zeros(padded.shape), np.zeros(kernels.shape)
    for i, j in np.ndindex(gradient.shape[:2]):
        rows = slice(i * stride, i * stride + kernels.shape[0])
        columns = slice(j * stride, j * stride + kernels.shape[1])
        of_kernels += padded[rows, columns, :, None] * gradient[i, j]
        of_padded[rows, columns] += kernels @ gradient[i, j]
    height, width = image.shape[:2]
    of_image = of_padded[padding : padding + height, padding : padding + width]
    return [of_image, of_kernels, gradient.sum(axis=(0, 1))]
"""
POOL = """
def max_pool_backward(gradient, image, size, stride):
    of_image = np.zeros(image.shape)
    for i, j, c in np.ndindex(gradient.shape):
        top, left = i * stride, j * stride
        window = image[top : top + size, left : left + size, c]
        place = np.unravel_index(window.argmax(), window.shape)
        of_image[top + place[0], left + place[1], c] += gradient[i, j, c]
    return of_image
"""
BACKPROP = """
def network_gradients(parameters, image, label):
    kernels, bias, second_kernels, second_bias = parameters
    found = conv2d(image, kernels, bias)
    active = np.maximum(found, 0)
    pooled = max_pool_by_hand(active, 2, 2)
    loss, gradient = cross_entropy(conv2d(pooled, second_kernels, second_bias), label)
    gradient, *of_second = conv2d_backward(gradient, pooled, second_kernels)
    gradient = max_pool_backward(gradient, active, 2, 2)
    gradient = relu_backward(gradient, found)
    _, *of_first = conv2d_backward(gradient, image, kernels)
    return [loss, [*of_first, *of_second]]
"""
STEP = """
def training_step(parameters, images, labels, rate):
    losses, total = [], [0, 0, 0, 0]
    for image, label in zip(images, labels):
        loss, gradients = network_gradients(parameters, image, label)
        losses.append(loss)
        total = [t + g for t, g in zip(total, gradients)]
    new = [p - rate * t / len(losses) for p, t in zip(parameters, total)]
    return [np.mean(losses), new]
"""
WAY_BACK = ("convolution-back-conv", "convolution-back-stride")
TRAINED = ("convolution-backprop", "convolution-step")


def but(source, *changes):
    """A right answer with some pieces replaced by wrong ones, (right, wrong)."""
    for right, wrong in changes:
        assert right in source, right
        source = source.replace(right, wrong)
    return source


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
        "windows that move by 1", "conv-answer",
        "def conv2d(image, kernels, bias, stride=1, padding=0):\n"
        "    image = np.pad(image, [(padding, padding), (padding, padding), (0, 0)])\n"
        "    rows, columns = [(n - kernels.shape[0]) // stride + 1 for n in image.shape[:2]]\n"
        "    w = np.lib.stride_tricks.sliding_window_view(image, kernels.shape[:2], axis=(0, 1))\n"
        '    return np.einsum("hwcij,ijck->hwk", w[:rows, :columns], kernels) + bias',
        ("convolution-conv2d",), "2, 1) gives [[[1], [6]], [[14], [36]]], it should give [[[1], ",
    ),
    Mistake(
        "bias forgotten", "conv-answer",
        "def conv2d(image, kernels, bias, stride=1, padding=0):\n"
        "    image = np.pad(image, [(padding, padding), (padding, padding), (0, 0)])\n"
        "    w = np.lib.stride_tricks.sliding_window_view(image, kernels.shape[:2], axis=(0, 1))\n"
        '    return np.einsum("hwcij,ijck->hwk", w[::stride, ::stride], kernels)',
        ("convolution-conv2d",), "it should give", follows=TRAINED,
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
        ("convolution-pool",), "it should give", follows=TRAINED,
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
        "moved to the left", "moved-answer",
        "def moved(image, right):\n"
        "    return np.pad(image, [(0, 0), (0, right)])[:, right:]",
        ("convolution-moved",), "it should give [[0, 1, 2, 3], [0, 5, 6, 7]]",
    ),
    Mistake(
        "kernel turned around by hand", "back-answer",
        BACK.format([5, 13], [-1, 2, -2, 4], [0, 6, -7, 0], [0, 5, -6, 0]),
        ("convolution-back",), "to the row: The value is not right. You have [-1, 2, -2, 4].",
    ),
    Mistake(
        "averaged by hand", "back-answer",
        BACK.format([5 / 3, 13 / 3], [2, -1, 4, -2], [0, 6, -7, 0], [0, 5, -6, 0]),
        ("convolution-back",), "added up over the positions",
    ),
    Mistake(
        "negative gradients stopped by hand", "back-answer",
        BACK.format([5, 13], [2, -1, 4, -2], [5, 6, 0, 8], [0, 5, -6, 0]),
        ("convolution-back",), "ReLU: what arrives passes where its input was positive.",
    ),
    Mistake(
        "shared out by hand", "back-answer",
        BACK.format([5, 13], [2, -1, 4, -2], [0, 6, -7, 0], [2.5, 2.5, -3, -3]),
        ("convolution-back",), "Pool: what arrives goes to the largest of its window.",
    ),
    Mistake(
        "kernel not turned", "back-conv-answer",
        but(RIGHT["by scans"]["back-conv-answer"], ("kernels[::-1, ::-1]", "kernels")),
        WAY_BACK, "turn it by 180° first", follows=TRAINED[:1],
    ),
    Mistake(
        "kernels before the image", "back-conv-answer",
        but(CONV, ("[of_image, of_kernels,", "[of_kernels, of_image,")),
        WAY_BACK, "A list of three: for the image, the kernels, the bias.", follows=TRAINED,
    ),
    Mistake(
        "mean over the positions", "back-conv-answer",
        but(CONV, ("kernels, gradient.sum", "kernels / gradient[..., 0].size, gradient.mean")),
        WAY_BACK, "not averaged", follows=TRAINED,
    ),
    Mistake(
        "shares overwritten", "back-conv-answer",
        but(CONV, ("of_padded[rows, columns] +=", "of_padded[rows, columns] =")),
        WAY_BACK, "none replaces the others",
    ),
    Mistake(
        "one bias for all maps", "back-conv-answer",
        but(CONV, ("gradient.sum(axis=(0, 1))", "[gradient.sum()] * gradient.shape[2]")),
        WAY_BACK, "Map k has its own kernel and its own bias.", follows=TRAINED,
    ),
    Mistake(
        "stride forgotten on the way back", "back-conv-answer",
        but(CONV, ("i * stride", "i"), ("j * stride", "j")),
        ("convolution-back-stride",), "the window that begins at (i · stride, j · stride)",
    ),
    Mistake(
        "unseen pixels left out", "back-conv-answer",
        but(
            CONV,
            ("height, width = image", "height = (gradient.shape[0] - 1) * stride + kernels.shape[0]"
             "\n    width = (gradient.shape[1] - 1) * stride + kernels.shape[1]\n    _ = image"),
            ("padding + height", "height - padding"), ("padding + width", "width - padding"),
        ),
        ("convolution-back-stride",), "the gradient for the image is as large as the image",
    ),
    Mistake(
        "padding not cut off", "back-conv-answer",
        but(CONV, ("return [of_image", "return [of_padded")),
        ("convolution-back-stride",), "cut the rows and columns of the padding off",
    ),
    Mistake(
        "not padded on the way back", "back-conv-answer",
        but(CONV, ("[(padding, padding), (padding, padding), (0, 0)]", "0")),
        ("convolution-back-stride",), "pad the image as on the way forward",
    ),
    Mistake(
        "mask from the gradient", "back-relu-answer",
        "def relu_backward(gradient, image):\n    return gradient * (gradient > 0)",
        ("convolution-back-relu",), "where the ReLU's input was positive", follows=TRAINED,
    ),
    Mistake(
        "values for a mask", "back-relu-answer",
        "def relu_backward(gradient, image):\n    return gradient * np.maximum(image, 0)",
        ("convolution-back-relu",), "What arrives passes unchanged", follows=TRAINED,
    ),
    Mistake(
        "everything passes", "back-relu-answer",
        "def relu_backward(gradient, image):\n    return gradient",
        ("convolution-back-relu",), "nothing passes elsewhere", follows=TRAINED[:1],
    ),
    Mistake(
        "nothing negative passes", "back-relu-answer",
        "def relu_backward(gradient, image):\n    return np.maximum(gradient, 0) * (image > 0)",
        ("convolution-back-relu",), "whatever its own sign is", follows=TRAINED,
    ),
    Mistake(
        "shared out over the window", "back-pool-answer",
        "def max_pool_backward(gradient, image, size, stride):\n"
        "    of_image = np.zeros(image.shape)\n"
        "    for i, j in np.ndindex(gradient.shape[:2]):\n"
        "        top, left = i * stride, j * stride\n"
        "        of_image[top:top + size, left:left + size] += gradient[i, j] / size**2\n"
        "    return of_image",
        ("convolution-back-pool",), "The largest value of a window gets the whole gradient",
        follows=TRAINED,
    ),
    Mistake(
        "place in the window, not in the image", "back-pool-answer",
        but(POOL, ("[top + place[0], left + place[1], c]", "[place[0], place[1], c]")),
        ("convolution-back-pool",), "at its own place", follows=TRAINED[:1],
    ),
    Mistake(
        "to all that are equal", "back-pool-answer",
        but(
            POOL,
            ("of_image[top + place[0], left + place[1], c] += gradient[i, j, c]",
             "of_image[top : top + size, left : left + size, c] += "
             "gradient[i, j, c] * (window == window[place])"),
        ),
        ("convolution-back-pool",), "only the first in reading order gets the gradient",
    ),
    Mistake(
        "shared out among equals", "back-pool-answer",
        but(
            POOL,
            ("of_image[top + place[0], left + place[1], c] += gradient[i, j, c]",
             "best = window == window[place]\n"
             "        of_image[top : top + size, left : left + size, c] += "
             "gradient[i, j, c] * best / best.sum()"),
        ),
        ("convolution-back-pool",), "only the first in reading order gets the gradient",
    ),
    Mistake(
        "the last of equals", "back-pool-answer",
        but(RIGHT["plain loops"]["back-pool-answer"], ("] > image", "] >= image")),
        ("convolution-back-pool",), "only the first in reading order gets the gradient",
    ),
    Mistake(
        "overlapping windows overwritten", "back-pool-answer",
        but(POOL, ("+= gradient", "= gradient")),
        ("convolution-back-pool",), "gets the gradients of all, added up (+=)",
    ),
    Mistake(
        "ReLU forgotten on the way back", "backprop-answer",
        but(BACKPROP, ("    gradient = relu_backward(gradient, found)\n", "")),
        ("convolution-backprop",), "What is negative before the ReLU gets nothing back",
    ),
    Mistake(
        "ReLU's mask from the wrong array", "backprop-answer",
        but(BACKPROP, ("relu_backward(gradient, found)", "relu_backward(gradient, gradient)")),
        ("convolution-backprop",), "What is negative before the ReLU gets nothing back",
        follows=TRAINED[1:],
    ),
    Mistake(
        "ReLU before the pool on the way back", "backprop-answer",
        but(
            BACKPROP,
            ("= max_pool_backward(gradient, active, 2, 2)", "= first"),
            ("= relu_backward(gradient, found)", "= max_pool_backward(gradient, active, 2, 2)"),
            ("= first", "= relu_backward(gradient, found)"),
        ),
        ("convolution-backprop",), "backwards, the pool comes first", follows=TRAINED[1:],
    ),
    Mistake(
        "last layer's gradients first", "backprop-answer",
        but(BACKPROP, ("[*of_first, *of_second]", "[*of_second, *of_first]")),
        ("convolution-backprop",), "in the order of the parameters", follows=TRAINED[1:],
    ),
    Mistake(
        "no loss", "backprop-answer",
        but(BACKPROP, ("return [loss, [*of_first, *of_second]]", "return [*of_first, *of_second]")),
        ("convolution-backprop",), "Give [loss, four gradients", follows=TRAINED[1:],
    ),
    Mistake(
        "uphill with two layers", "step-answer", but(STEP, ("p - rate", "p + rate")),
        ("convolution-step",), "Each parameter moves against its gradient",
    ),
    Mistake(
        "without the rate", "step-answer", but(STEP, ("rate * t", "t")),
        ("convolution-step",), "the old one − rate · gradient",
    ),
    Mistake(
        "sum over the batch", "step-answer", but(STEP, (" / len(losses)", "")),
        ("convolution-step",), "divide by the number of images",
    ),
    Mistake(
        "mean taken twice", "step-answer", but(STEP, ("/ len(losses)", "/ len(losses) ** 2")),
        ("convolution-step",), "divide by the number of images",
    ),
    Mistake(
        "a step for each image", "step-answer",
        "def training_step(parameters, images, labels, rate):\n"
        "    losses = []\n"
        "    for image, label in zip(images, labels):\n"
        "        loss, gradients = network_gradients(parameters, image, label)\n"
        "        losses.append(loss)\n"
        "        parameters = [p - rate * g / len(images) for p, g in zip(parameters, gradients)]\n"
        "    return [np.mean(losses), parameters]",
        ("convolution-step",), "with the parameters as they were before the step",
    ),
    Mistake(
        "loss after the step", "step-answer",
        but(
            STEP,
            ("return [np.mean(losses), new]",
             "after = [network_gradients(new, i, n)[0] for i, n in zip(images, labels)]\n"
             "    return [np.mean(after), new]"),
        ),
        ("convolution-step",), "The loss is the one before the step.",
    ),
    Mistake(
        "maps for patches",
        "sharing-answer",
        letters("saved", SAVED, a_patch_only="a"),
        ("convolution-sharing",),
        "a patch only: It is not a. Every value of a map has weights of its own here.",
    ),
    Mistake(
        "places for patches",
        "sharing-answer",
        letters("saved", SAVED, a_patch_only="c"),
        ("convolution-sharing",),
        "What becomes fewer is what one of them sees.",
    ),
    Mistake(
        "shared by the maps",
        "sharing-answer",
        letters("saved", SAVED, shared="a"),
        ("convolution-sharing",),
        "There are still 8 scanners.",
    ),
    Mistake(
        "one scanner for all",
        "sharing-answer",
        letters("saved", SAVED, shared="c"),
        ("convolution-sharing",),
        "Each of the 8 maps keeps a scanner of its own.",
    ),
    Mistake(
        "parameters for pixels",
        "sharing-answer",
        letters("saved", SAVED, a_larger_image="a"),
        ("convolution-sharing",),
        "A scanner of 5 × 5 has as many numbers on a large image",
    ),
    Mistake(
        "patches like a convolution",
        "sharing-answer",
        letters("saved", SAVED, a_larger_image="b"),
        ("convolution-sharing",),
        "A larger image gives more values.",
    ),
    Mistake(
        "a convolution is invariant",
        "moves-answer",
        letters("moves", MOVES, stride_1="b"),
        ("convolution-moves",),
        "stride 1: It is not b. That would be invariance.",
    ),
    Mistake(
        "a convolution follows nothing",
        "moves-answer",
        letters("moves", MOVES, stride_1="c"),
        ("convolution-moves",),
        "Each patch of the old image is there again",
    ),
    Mistake(
        "pixels for places",
        "moves-answer",
        letters("moves", MOVES, stride_2="a"),
        ("convolution-moves",),
        "One place of this map is two pixels of the image.",
    ),
    Mistake(
        "half a step rounded down",
        "moves-answer",
        letters("moves", MOVES, stride_2="b"),
        ("convolution-moves",),
        "the scanner looks at patches that lay between its steps",
    ),
    Mistake(
        "pooling is invariant",
        "moves-answer",
        letters("moves", MOVES, two_pools="a"),
        ("convolution-moves",),
        "A maximum stays only as long as it does not leave",
    ),
    Mistake(
        "halved once for two pools",
        "moves-answer",
        letters("moves", MOVES, two_pools="b"),
        ("convolution-moves",),
        "The second one halves once more.",
    ),
]  # fmt: skip

# Neither a small example nor a square nor a single map shows these mistakes.
MISTAKES += [
    Mistake(
        "rounded", "size-answer",
        "def output_size(size, kernel, stride=1, padding=0):\n"
        "    return round((size + 2 * padding - kernel) / stride + 1)",
        ("convolution-size",), "output_size(8, 3, 3, 0) gives 3, it should give 2.",
    ),
    Mistake(
        "whole numbers alone", "scan-answer",
        "def scan(image, kernel):\n"
        "    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)\n"
        "    return (windows * kernel).sum(axis=(2, 3)).astype(int)",
        ("convolution-scan",), "it should give [[2.5, 3.5, 4.5], [6.5, 7.5, 8.5]].",
        follows=("convolution-gradient", "convolution-learn"),
    ),
    Mistake(
        "all kernels added up", "conv-answer",
        "def conv2d(image, kernels, bias, stride=1, padding=0):\n"
        "    image = np.pad(image, ((padding, padding), (padding, padding), (0, 0)))\n"
        "    height, width = kernels.shape[:2]\n"
        "    windows = np.lib.stride_tricks.sliding_window_view(image, (height, width), (0, 1))\n"
        "    kept = windows[::stride, ::stride]\n"
        "    return np.einsum('hwcij,ijck->hw', kept, kernels)[..., None] + bias[:1]",
        ("convolution-conv2d",), "Its size is 2 × 2 × 1, it should be 2 × 2 × 2.",
        follows=("convolution-backprop", "convolution-step"),
    ),
    Mistake(
        "the largest of all maps", "back-pool-answer",
        "def max_pool_backward(gradient, image, size, stride):\n"
        "    of_image = np.zeros(image.shape)\n"
        "    for i, j in np.ndindex(gradient.shape[:2]):\n"
        "        top, left = i * stride, j * stride\n"
        "        window = image[top : top + size, left : left + size]\n"
        "        a, b, _ = np.unravel_index(window.argmax(), window.shape)\n"
        "        of_image[top + a, left + b] += gradient[i, j]\n"
        "    return of_image",
        ("convolution-back-pool",), "Each map is pooled by itself",
        follows=("convolution-backprop",),
    ),
]  # fmt: skip
