"""Answers to 03-alexnet."""

from tests.bank import Mistake, letters

NOTEBOOK = "03-alexnet/alexnet.ipynb"

_TOWER = """
def alexnet(input_shape=(227, 227, 3), classes=1000):
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(96, 11, strides=4, activation="relu")(inputs)
    x = layers.MaxPooling2D(3, 2)(lrn(x))
    x = layers.Conv2D(256, 5, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D(3, 2)(lrn(x))
    x = layers.Conv2D(384, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(384, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(256, 3, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D(3, 2)(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.5)(layers.Dense(4096, activation="relu")(x))
    x = layers.Dropout(0.5)(layers.Dense(4096, activation="relu")(x))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
"""
_PARTS = """
def from_conv3(x, classes, groups=1):
    x = layers.Conv2D(384, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(384, 3, groups=groups, padding="same", activation="relu")(x)
    x = layers.Conv2D(256, 3, groups=groups, padding="same", activation="relu")(x)
    x = layers.Flatten()(layers.MaxPooling2D(3, 2)(x))
    x = layers.Dropout(0.5)(layers.Dense(4096, activation="relu")(x))
    x = layers.Dropout(0.5)(layers.Dense(4096, activation="relu")(x))
    return layers.Dense(classes, activation="softmax")(x)


def alexnet(input_shape=(227, 227, 3), classes=1000, groups=1):
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(96, 11, strides=4, activation="relu")(inputs)
    x = layers.MaxPooling2D(3, 2)(lrn(x))
    x = layers.Conv2D(256, 5, groups=groups, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D(3, 2)(lrn(x))
    return keras.Model(inputs, from_conv3(x, classes, groups))
"""
_GROUPED = (
    _TOWER.replace("def alexnet", "def alexnet_two_gpus")
    .replace("Conv2D(256, 5,", "Conv2D(256, 5, groups=2,")
    .replace(
        'Conv2D(384, 3, padding="same", activation="relu")(x)\n    x = layers.Conv2D(256, 3,',
        'Conv2D(384, 3, groups=2, padding="same", activation="relu")(x)\n'
        "    x = layers.Conv2D(256, 3, groups=2,",
    )
)
_ZFNET = """
def zfnet(input_shape=(224, 224, 3), classes=1000):
    pad = layers.ZeroPadding2D
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(96, 7, 2, activation="relu")(pad(1)(inputs))
    x = lrn(layers.MaxPooling2D(3, 2)(pad(1)(x)))
    x = layers.Conv2D(256, 5, 2, activation="relu")(x)
    x = lrn(layers.MaxPooling2D(3, 2)(pad(1)(x)))
    for maps in (384, 384, 256):
        x = layers.Conv2D(maps, 3, padding="same", activation="relu")(x)
    x = layers.Flatten()(layers.MaxPooling2D(3, 2)(x))
    x = layers.Dense(4096, activation="relu")(x)
    x = layers.Dense(4096, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
"""

RIGHT = {
    "other words": {
        "shapes-answer": """
shapes = {"conv1": [55, 55, 96], "fc6": (4096,)}
side = (55 - 3) // 2 + 1
shapes["pool1"], shapes["conv2"] = [side, side, 96], [side, side, 256]
side = (side - 3) // 2 + 1
shapes["pool2"] = [side, side, 256]
shapes["conv3"] = shapes["conv4"] = [side, side, 384]
shapes["conv5"] = [side, side, 256]
shapes["pool5"] = ((side - 3) // 2 + 1, (side - 3) // 2 + 1, 256)
""",
        "chain-answer": """
def chain(side):
    import math

    def slide(n, kernel, stride):
        return math.floor((n - kernel) / stride + 1)

    conv1 = slide(side, 11, 4)
    pool1 = slide(conv1, 3, 2)
    pool2 = slide(pool1, 3, 2)
    return conv1, pool1, pool2, slide(pool2, 3, 2)
""",
        "lrn-answer": """
def lrn(x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    squares = ops.expand_dims(x * x, -1)
    mean = layers.AveragePooling3D((1, 1, n), strides=1, padding="same")(ops.pad(
        squares, [[0, 0], [0, 0], [0, 0], [n // 2, n // 2], [0, 0]]))
    mean = ops.squeeze(mean, -1)[..., n // 2 : n // 2 + x.shape[-1]]
    return x * (k + alpha * n * mean) ** -beta
""",
        "parameters-answer": """
def conv(size, seen, maps):
    return size * size * seen * maps + maps


parameters = dict(
    conv1=conv(11, 3, 96), pool1=0, conv2=conv(5, 96, 256), conv3=conv(3, 256, 384),
    conv4=conv(3, 384, 384), conv5=conv(3, 384, 256), fc6=conv(6, 256, 4096),
    fc7=conv(1, 4096, 4096), fc8=conv(1, 4096, 1000), total=62378344,
)
""",
        "model-answer": """
def alexnet(input_shape=(227, 227, 3), classes=1000):
    return keras.Sequential([
        keras.Input(input_shape),
        layers.Conv2D(96, (11, 11), strides=(4, 4)),
        layers.ReLU(),
        layers.Lambda(lrn),
        layers.MaxPool2D((3, 3), strides=(2, 2)),
        layers.ZeroPadding2D(2),
        layers.Conv2D(256, 5, activation="relu"),
        layers.Lambda(lrn),
        layers.MaxPool2D(3, strides=2),
        layers.Conv2D(384, 3, padding="same", activation="relu"),
        layers.Conv2D(384, 3, padding="same", activation="relu"),
        layers.Conv2D(256, 3, padding="same", activation=keras.activations.relu),
        layers.MaxPool2D(3, strides=2),
        layers.Flatten(),
        layers.Dense(4096, "relu"),
        layers.Dropout(0.5),
        layers.Dense(4096, "relu"),
        layers.Dropout(0.5),
        layers.Dense(classes),
        layers.Activation("softmax"),
    ])
""",
        "sees-answer": "sees = dict(conv1='b', conv2='a', conv3='a', conv5='b')",
        "groups-answer": """
def alexnet_two_gpus(input_shape=(227, 227, 3), classes=1000):
    def convolve(x, maps, kernel, stride=1, padding="same"):
        return layers.Conv2D(maps, kernel, stride, padding=padding, activation="relu")(x)

    def pool(x):
        return layers.MaxPooling2D(3, 2)(x)

    inputs = keras.Input(input_shape)
    gpus = [convolve(inputs, 48, 11, 4, "valid") for _ in range(2)]
    both = lrn(layers.Concatenate()(gpus))  # neighbours across the border are neighbours too
    gpus = ops.split(pool(both), 2, axis=-1)
    both = pool(lrn(layers.Concatenate()([convolve(x, 128, 5) for x in gpus])))
    gpus = [convolve(both, 192, 3) for _ in range(2)]
    gpus = [convolve(x, 192, 3) for x in gpus]
    gpus = [pool(convolve(x, 128, 3)) for x in gpus]
    x = layers.Flatten()(ops.concatenate(gpus, axis=-1))
    for _ in range(2):
        x = layers.Dropout(0.5)(layers.Dense(4096, activation="relu")(x))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
""",
        "dropped-answer": "gaps = {'without fc7': 'a', 'without conv5': 'c'}\n"
        "gaps |= {'without fc6 and fc7': 'b', 'without conv3 and conv4': 'c'}\n",
        "zfnet-answer": """
def zfnet(input_shape=(224, 224, 3), classes=1000):
    inputs = x = keras.Input(input_shape)
    for row in ZFNET.rows[:10]:
        if row.step == "lrn":
            x = lrn(x)
            continue
        if row.padding:
            x = ops.pad(x, [[0, 0], [row.padding] * 2, [row.padding] * 2, [0, 0]])
        if row.step == "conv":
            x = ops.relu(layers.Conv2D(row.filters, row.kernel, row.stride)(x))
        else:
            x = layers.MaxPooling2D(row.kernel, row.stride)(x)
    x = layers.Flatten()(x)
    x = ops.relu(layers.Dense(4096)(x))
    x = ops.relu(layers.Dense(4096)(x))
    return keras.Model(inputs, ops.softmax(layers.Dense(classes)(x)))
""",
        "occlusion-answer": """
def occlusion(network, image, label, size, step=1, grey=0.5):
    seen = []
    for top in range((image.shape[0] - size) // step + 1):
        seen.append([])
        for left in range((image.shape[1] - size) // step + 1):
            covered = np.zeros((*image.shape[:2], 1), bool)
            covered[top * step :, left * step :][:size, :size] = True
            answer = network(np.where(covered, grey, image)[None])
            seen[-1].append(float(answer[0, label]))
    return seen
""",
        "saliency-answer": """
def slopes(network, image, label):
    scores = keras.Model(network.inputs[0], network.get_layer("softmax").input)

    def score(x):
        return ops.take(scores(ops.expand_dims(x, 0)), label, axis=1)[0]

    return gradient(score, image)


def saliency(network, image, label):
    return ops.max(ops.abs(slopes(network, image, label)), axis=2)
""",
        "ascent-answer": """
def ascend(network, image, label, rate):
    up = slopes(network, image, label)
    return image + up * (rate * up.size**0.5 / np.linalg.norm(up))
""",
        "cam-answer": """
def class_activation(network, image, label):
    look = keras.Model(network.inputs[0], network.get_layer("average").input)
    kernel, _ = network.get_layer("logits").get_weights()
    return np.einsum("bhwk,k->hw", look(image[None]), kernel[:, label])
""",
        "field-answer": """
def measured_field(network, images, layer):
    part = keras.Model(network.inputs[0], network.get_layer(layer).output)
    _, height, width, _ = part.output.shape

    def middle(x):
        return ops.sum(part(x)[:, height // 2, width // 2, :])

    sizes = np.abs(gradient(middle, images)).max(axis=(0, 3))
    places = np.argwhere(sizes > 0)
    return places.max(axis=0) - places.min(axis=0) + 1
""",
        "crops-answer": """
def count_crops(side, size):
    places = side - size + 1
    return places * places * 2
""",
        "crop-answer": """
def crop(image, top, left, size, mirrored):
    window = ops.slice(image, (top, left, 0), (size, size, image.shape[-1]))
    if mirrored:
        window = ops.flip(window, axis=1)
    return window


def ten_crops(image, size):
    h, w, _ = image.shape
    crops = []
    for mirrored in (0, 1):
        for top in (0, h - size):
            for left in (0, w - size):
                crops.append(crop(image, top, left, size, mirrored))
        crops.append(crop(image, (h - size) // 2, (w - size) // 2, size, mirrored))
    return ops.convert_to_numpy(ops.stack(crops))
""",
        "colours-answer": """
def principal_colours(pixels):
    values, vectors = np.linalg.eig(np.cov(pixels.T))
    order = values.argsort()[::-1]
    values, vectors = values[order], vectors[:, order]
    for i in range(3):
        if vectors[0, i] < 0:
            vectors[:, i] *= -1
    return [values, vectors]


def shift_colours(image, values, vectors, alphas):
    colour = np.zeros(3)
    for i in range(3):
        colour = colour + alphas[i] * values[i] * vectors[:, i]
    return image + colour.reshape(1, 1, 3)
""",
        "dropout-answer": """
def dropout_2012(x, kept, rate, training):
    return x * kept if training else x - rate * x


def dropout(x, kept, rate, training):
    return ops.where(kept > 0, x / (1 - rate), 0) if training else x
""",
        "ensemble-answer": """
def ensemble(probabilities):
    return ops.mean(probabilities, axis=0)


def top_k_error(probabilities, labels, k):
    wrong = 0
    for row, label in zip(probabilities, labels):
        if label not in sorted(range(len(row)), key=lambda i: row[i])[-k:]:
            wrong += 1
    return wrong / len(labels)
""",
    },
    "step by step": {
        "lrn-answer": """
def lrn(x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    maps = x.shape[-1]
    normalised = []
    for i in range(maps):
        near = x[..., max(0, i - n // 2) : min(maps, i + n // 2 + 1)]
        total = ops.sum(ops.square(near), axis=-1, keepdims=True)
        normalised.append(x[..., i : i + 1] / (k + alpha * total) ** beta)
    return ops.concatenate(normalised, axis=-1)
""",
        "occlusion-answer": """
def occlusion(network, image, label, size, step=1, grey=0.5):
    height, width, _ = image.shape
    copies, rows = [], 0
    for top in range(0, height, step):
        if top + size > height:
            break
        rows += 1
        for left in range(0, width - size + 1, step):
            copy = image.copy()
            for row in range(top, top + size):
                for column in range(left, left + size):
                    copy[row, column, :] = grey
            copies.append(copy)
    return network.predict(np.stack(copies), verbose=0)[:, label].reshape(rows, -1)
""",
        "saliency-answer": """
import tensorflow as tf


def slopes(network, image, label):
    look = keras.Model(network.inputs[0], network.get_layer("logits").output)
    x = tf.Variable(image[None].astype("float32"))
    with tf.GradientTape() as tape:
        score = look(x)[:, label]
    return tape.gradient(score, x)[0].numpy()


def saliency(network, image, label):
    found = slopes(network, image, label)
    return np.array([[max(abs(s) for s in pixel) for pixel in row] for row in found])
""",
        "cam-answer": """
def class_activation(network, image, label):
    look = keras.Model(network.inputs[0], network.get_layer("maps").output)
    maps = ops.convert_to_numpy(look(image[None]))
    weights = network.get_layer("logits").get_weights()[0]
    total = np.zeros(maps.shape[1:3])
    for k in range(maps.shape[-1]):
        total += weights[k, label] * maps[0, :, :, k]
    return total
""",
        "model-answer": _TOWER.replace(
            "    inputs = ", "    relu = keras.activations.relu\n    inputs = "
        ).replace('"relu"', "relu"),
        "groups-answer": """
def alexnet_two_gpus(input_shape=(227, 227, 3), classes=1000):
    def halves(x, maps, kernel, name):
        a, b = x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]
        a, b = (layers.Conv2D(maps // 2, kernel, padding="same")(half) for half in (a, b))
        return layers.ReLU(name=name)(layers.Concatenate()([a, b]))

    inputs = keras.Input(input_shape)
    x = layers.Conv2D(96, 11, 4, activation="relu")(inputs)
    x = layers.MaxPooling2D(3, 2)(lrn(x))
    x = layers.MaxPooling2D(3, 2)(lrn(halves(x, 256, 5, "conv2")))
    x = layers.Conv2D(384, 3, padding="same", activation="relu")(x)
    x = halves(halves(x, 384, 3, "conv4"), 256, 3, "conv5")
    x = layers.Flatten()(layers.MaxPooling2D(3, 2)(x))
    x = layers.Dense(4096, activation="relu")(x)
    x = layers.Dense(4096, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
""",
        "zfnet-answer": _ZFNET,
    },
    "in two parts": {"model-answer": _PARTS},
}

_LOOK = """
    look = keras.Model(network.inputs[0], network.get_layer("logits").output)
"""
_OCCLUSION = """
def occlusion(network, image, label, size, step=1, grey=0.5):
    tops = range(0, image.shape[0] - size + 1, step)
    lefts = range(0, image.shape[1] - size + 1, step)
    places = [(top, left) for top in tops for left in lefts]
    covered = np.stack([image] * len(places))
    for copy, (top, left) in zip(covered, places):
        copy[top : top + size, left : left + size] = grey
    answers = np.array(network(covered))[:, label]
    return answers.reshape(len(tops), len(lefts))
"""
_SALIENCY = f"""
def slopes(network, image, label):{_LOOK}
    return gradient(lambda x: look(x[None])[0, label], image)


def saliency(network, image, label):
    return np.abs(slopes(network, image, label)).max(axis=-1)
"""
_CAM = """
def class_activation(network, image, label):
    look = keras.Model(network.inputs[0], network.get_layer("maps").output)
    maps = np.array(look(image[None]))[0]
    kernel, bias = network.get_layer("logits").get_weights()
    return maps @ kernel[:, label]
"""
_FIELD = """
def measured_field(network, images, layer):
    look = keras.Model(network.inputs[0], network.get_layer(layer).output)
    _, height, width, _ = look.output.shape
    found = gradient(lambda x: ops.sum(look(x)[:, height // 2, width // 2]), images)
    seen = np.any(found != 0, axis=(0, 3))
    rows, columns = np.nonzero(seen)
    return rows.max() - rows.min() + 1, columns.max() - columns.min() + 1
"""

GAPS = {
    "without fc7": "a",
    "without fc6 and fc7": "b",
    "without conv3 and conv4": "c",
    "without conv5": "c",
}
SEES = {"conv1": "b", "conv2": "a", "conv3": "a", "conv5": "b"}

MISTAKES = [
    # 1
    Mistake(
        "rounded up",
        "shapes-answer",
        """
shapes = {"conv1": (55, 55, 96), "pool1": (28, 28, 96), "conv2": (28, 28, 256),
          "pool2": (14, 14, 256), "conv3": (14, 14, 384), "conv4": (14, 14, 384),
          "conv5": (14, 14, 256), "pool5": (7, 7, 256), "fc6": 4096}
""",
        ("alexnet-shapes",),
        "pool1: The value is not right. You have [28, 28, 96]. A window of 3 slides over 55",
    ),
    Mistake(
        "padding forgotten",
        "shapes-answer",
        """
shapes = {"conv1": (55, 55, 96), "pool1": (27, 27, 96), "conv2": (23, 23, 256),
          "pool2": (11, 11, 256), "conv3": (9, 9, 384), "conv4": (7, 7, 384),
          "conv5": (5, 5, 256), "pool5": (2, 2, 256), "fc6": 4096}
""",
        ("alexnet-shapes",),
        "conv2: The value is not right. You have [23, 23, 256]. A window of 5 slides over 27 in "
        "steps of 1 with 2 zeros on each side",
    ),
    Mistake(
        "not floored",
        "chain-answer",
        """
def chain(side):
    sides = [(side - 11) / 4 + 1]
    for _ in range(3):
        sides.append((sides[-1] - 3) / 2 + 1)
    return sides
""",
        ("alexnet-chain",),
        "chain(224) gives [54.25, 26.625, 12.8125, 5.90625], it should give [54, 26, 12, 5].",
    ),
    Mistake(
        "pools that halve",
        "chain-answer",
        """
def chain(side):
    conv1 = (side - 11) // 4 + 1
    return [conv1, conv1 // 2, conv1 // 4, conv1 // 8]
""",
        ("alexnet-chain",),
        "chain(224) gives [54, 27, 13, 6], it should give [54, 26, 12, 5]. Four sides; a "
        "window stays inside the image",
    ),
    # 2
    Mistake(
        "Caffe's constants",
        "lrn-answer",
        """
def lrn(x, n=5, k=1.0, alpha=1e-4, beta=0.75):
    maps = x.shape[-1]
    squares = ops.pad(ops.square(x), [[0, 0], [0, 0], [0, 0], [n // 2, n // 2]])
    total = sum(squares[..., i : i + maps] for i in range(n))
    return x / (k + alpha / n * total) ** beta
""",
        ("alexnet-lrn",),
        "gives [[[[0.5, 0, 1, 0, 0, 0, 0.833333]]]], it should give [[[[0.166667, 0, 0.333333,",
    ),
    Mistake(
        "first and last map are neighbours",
        "lrn-answer",
        """
def lrn(x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    squares = ops.square(x)
    total = sum(ops.roll(squares, i - n // 2, axis=-1) for i in range(n))
    return x / (k + alpha * total) ** beta
""",
        ("alexnet-lrn",),
        "gives [[[[0.142857, 0, 0.333333, 0, 0, 0, 0.333333]]]], it should give [[[[0.166667,",
    ),
    Mistake(
        "neighbouring pixels",
        "lrn-answer",
        """
def lrn(x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    width, reach = x.shape[2], n // 2
    squares = ops.pad(ops.square(x), [[0, 0], [0, 0], [reach, reach], [0, 0]])
    total = sum(squares[:, :, i : i + width] for i in range(n))
    return x / (k + alpha * total) ** beta
""",
        ("alexnet-lrn",),
        "gives [[[[0.5, 0, 0.4, 0, 0, 0, 0.5]]]], it should give [[[[0.166667, 0, 0.333333,",
        follows=("alexnet-model", "alexnet-two-gpus", "zfnet-model"),
    ),
    Mistake(
        "NumPy, and so no part of a network",
        "lrn-answer",
        """
def lrn(x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    normalised = np.zeros(x.shape)
    for i in range(x.shape[-1]):
        near = x[..., max(0, i - n // 2) : i + n // 2 + 1]
        normalised[..., i] = x[..., i] / (k + alpha * (near**2).sum(-1)) ** beta
    return normalised
""",
        ("alexnet-lrn",),
        "None stands where a whole number should",
        follows=("alexnet-model", "alexnet-two-gpus", "zfnet-model"),
    ),
    # 3
    Mistake(
        "the slides' 35K",
        "parameters-answer",
        """
parameters = {"conv1": 11 * 11 * 3 * 96, "pool1": 0, "conv2": 5 * 5 * 96 * 256,
              "conv3": 9 * 256 * 384, "conv4": 9 * 384 * 384, "conv5": 9 * 384 * 256,
              "fc6": 9216 * 4096, "fc7": 4096 * 4096, "fc8": 4096 * 1000, "total": 62367776}
""",
        ("alexnet-parameters",),
        "conv1: These are the weights alone: each map or unit also has one bias. You have 34,848.",
    ),
    Mistake(
        "fc6 sees maps, not values",
        "parameters-answer",
        """
parameters = {"conv1": 34944, "pool1": 0, "conv2": 614656, "conv3": 885120, "conv4": 1327488,
              "conv5": 884992, "fc6": 257 * 4096, "fc7": 16781312, "fc8": 4097000,
              "total": 25678184}
""",
        ("alexnet-parameters",),
        "fc6: The value is not right. You have 1,052,672. It sees 6 · 6 · 256 values.",
    ),
    Mistake(
        "the paper's groups",
        "parameters-answer",
        """
parameters = {"conv1": 34944, "pool1": 0, "conv2": 307456, "conv3": 885120, "conv4": 663936,
              "conv5": 442624, "fc6": 37752832, "fc7": 16781312, "fc8": 4097000,
              "total": 60965224}
""",
        ("alexnet-parameters",),
        "conv2: The value is not right. You have 307,456.",
    ),
    # 4
    Mistake(
        "pooled before normalised",
        "model-answer",
        _PARTS.replace("layers.MaxPooling2D(3, 2)(lrn(x))", "lrn(layers.MaxPooling2D(3, 2)(x))"),
        ("alexnet-model",),
        "norm1: It comes after pool1. In the table it comes before pool1.",
        follows=("alexnet-two-gpus",),
    ),
    Mistake(
        "not padded",
        "model-answer",
        _PARTS.replace('groups=groups, padding="same"', "groups=groups"),
        ("alexnet-model",),
        "conv2 gives 23 × 23 × 256, the table has 27 × 27 × 256.",
        follows=("alexnet-two-gpus", "zfnet-model"),
    ),
    Mistake(
        "conv1 padded",
        "model-answer",
        _PARTS.replace("strides=4", 'strides=4, padding="same"'),
        ("alexnet-model",),
        "conv1 gives 57 × 57 × 96, the table has 55 × 55 × 96.",
        follows=("alexnet-two-gpus",),
    ),
    Mistake(
        "pools that do not overlap",
        "model-answer",
        _PARTS.replace("MaxPooling2D(3, 2)", "MaxPooling2D(2)"),
        ("alexnet-model",),
        "pool1: The kernel is 2 × 2, the table has 3 × 3.",
        follows=("alexnet-two-gpus", "zfnet-model"),
    ),
    Mistake(
        "not normalised",
        "model-answer",
        _PARTS.replace("(lrn(x))", "(x)"),
        ("alexnet-model",),
        "norm1: This row is missing: after conv1 comes",
        follows=("alexnet-two-gpus",),
    ),
    Mistake(
        "groups not handed on to the second part",
        "model-answer",
        _PARTS.replace("from_conv3(x, classes, groups))", "from_conv3(x, classes))"),
        ("alexnet-two-gpus",),
        "conv4: It works in one group, the table has 2 groups.",
    ),
    Mistake(
        "no groups in the tower",
        "model-answer",
        _PARTS.replace("classes=1000, groups=1)", "classes=1000)")
        .replace("groups=groups, ", "")
        .replace("classes, groups))", "classes))"),
        ("alexnet-two-gpus",),
        "unexpected keyword argument 'groups'",
    ),
    # 5
    Mistake(
        "conv1 divided, as the slides say",
        "sees-answer",
        letters("sees", SEES, conv1="a"),
        ("alexnet-sees",),
        "conv1: It is not a. The image is not divided: both GPUs have all three colours of it.",
    ),
    Mistake(
        "maps that it makes",
        "sees-answer",
        letters("sees", SEES, conv2="c"),
        ("alexnet-sees",),
        "conv2 makes 256 maps. The question is what one kernel reads.",
    ),
    Mistake(
        "one tower again",
        "groups-answer",
        """
def alexnet_two_gpus(input_shape=(227, 227, 3), classes=1000):
    return alexnet(input_shape, classes)
""",
        ("alexnet-two-gpus",),
        "conv2: It works in one group, the table has 2 groups.",
    ),
    Mistake(
        "conv3 divided too",
        "groups-answer",
        _GROUPED.replace("Conv2D(384, 3, padding", "Conv2D(384, 3, groups=2, padding"),
        ("alexnet-two-gpus",),
        "conv3: It works in 2 groups, the table has one group.",
    ),
    # 6
    # 7
    Mistake(
        "same padding",
        "zfnet-answer",
        _ZFNET.replace(
            '96, 7, 2, activation="relu")(pad(1)(inputs))',
            '96, 7, 2, padding="same", activation="relu")(inputs)',
        ),
        ("zfnet-model",),
        "conv1 gives 112 × 112 × 96, the table has 110 × 110 × 96.",
    ),
    Mistake(
        "conv2 as in AlexNet",
        "zfnet-answer",
        _ZFNET.replace("256, 5, 2,", '256, 5, padding="same",'),
        ("zfnet-model",),
        "conv2 gives 55 × 55 × 256, the table has 26 × 26 × 256.",
    ),
    Mistake(
        "normalised before pooled",
        "zfnet-answer",
        _ZFNET.replace(
            "lrn(layers.MaxPooling2D(3, 2)(pad(1)(x)))", "layers.MaxPooling2D(3, 2)(pad(1)(lrn(x)))"
        ),
        ("zfnet-model",),
        "pool1: It comes after norm1. In the table it comes before norm1.",
    ),
    # 8
    Mistake(
        "covered with black",
        "occlusion-answer",
        _OCCLUSION.replace("= grey", "= 0"),
        ("alexnet-occlusion",),
        "gives [[0.5]], it should give [[0.880797]]. Here the square covers all. The network sees "
        "four pixels of 0.5",
    ),
    Mistake(
        "the logit of what is covered",
        "occlusion-answer",
        _OCCLUSION.replace("network(covered)", "look(covered)").replace(
            "    covered", _LOOK + "    covered"
        ),
        ("alexnet-occlusion",),
        "gives [[2]], it should give [[0.880797]].",
    ),
    Mistake(
        "all places in one copy",
        "occlusion-answer",
        """
def occlusion(network, image, label, size, step=1, grey=0.5):
    seen, copy = [], image.copy()
    for top in range(0, image.shape[0] - size + 1, step):
        seen.append([])
        for left in range(0, image.shape[1] - size + 1, step):
            copy[top : top + size, left : left + size] = grey
            seen[-1].append(float(network(copy[None])[0, label]))
    return seen
""",
        ("alexnet-occlusion",),
        "in rows and columns as in the image, each in a fresh copy of it.",
    ),
    Mistake(
        "columns before rows",
        "occlusion-answer",
        _OCCLUSION.replace(
            "for top in tops for left in lefts", "for left in lefts for top in tops"
        ),
        ("alexnet-occlusion",),
        "A number for each place, in rows and columns as in the image",
    ),
    Mistake(
        "the square around its place",
        "occlusion-answer",
        _OCCLUSION.replace(
            "copy[top : top + size, left : left + size]",
            "copy[max(0, top - size // 2) :, max(0, left - size // 2) :][:size, :size]",
        ),
        ("alexnet-occlusion",),
        "The upper left corners of the squares are in rows 0 and 2 and in columns 0 and 2.",
    ),
    Mistake(
        "steps of one",
        "occlusion-answer",
        _OCCLUSION.replace(" + 1, step)", " + 1)"),
        ("alexnet-occlusion",),
        "Its size is 3 × 4, it should be 2 × 2.",
    ),
    Mistake(
        "the slope of the probability",
        "saliency-answer",
        _SALIENCY.replace("look(x[None])", "network(x[None])"),
        ("alexnet-saliency",),
        "so the slope at each is 1. If yours are smaller, they are slopes of the probability.",
    ),
    Mistake(
        "signs kept",
        "saliency-answer",
        _SALIENCY.replace("np.abs(slopes(network, image, label))", "slopes(network, image, label)"),
        ("alexnet-saliency",),
        "gives [[-2, -2], [-2, -2]], it should give [[2, 2], [2, 2]]. This logit falls by 2",
    ),
    Mistake(
        "the largest before its absolute value",
        "saliency-answer",
        _SALIENCY.replace(
            "np.abs(slopes(network, image, label)).max(axis=-1)",
            "np.abs(slopes(network, image, label).max(axis=-1))",
        ),
        ("alexnet-saliency",),
        "gives [[2, 0, 2]], it should give [[4, 0, 4]].",
    ),
    Mistake(
        "channels added up",
        "saliency-answer",
        _SALIENCY.replace(".max(axis=-1)", ".sum(axis=-1)"),
        ("alexnet-saliency",),
        "one number for each pixel, the largest absolute value.",
    ),
    Mistake(
        "channels kept",
        "saliency-answer",
        _SALIENCY.replace(".max(axis=-1)", ""),
        ("alexnet-saliency",),
        "Its size is 2 × 2 × 1, it should be 2 × 2.",
    ),
    Mistake(
        "the slopes of all classes",
        "saliency-answer",
        _SALIENCY.replace("look(x[None])[0, label]", "ops.sum(look(x[None]))"),
        ("alexnet-saliency",),
        "gives [[1, 1], [1, 1]], it should give [[2, 2], [2, 2]].",
        follows=("alexnet-ascent",),
    ),
    Mistake(
        "downhill",
        "ascent-answer",
        """
def ascend(network, image, label, rate):
    found = slopes(network, image, label)
    return image - rate * found / np.sqrt(np.mean(found**2))
""",
        ("alexnet-ascent",),
        "it should give [[[0.2], [0.3]], [[0.4], [0.5]]]. All four slopes are 2.",
    ),
    Mistake(
        "steps as large as the slopes",
        "ascent-answer",
        """
def ascend(network, image, label, rate):
    return image + rate * slopes(network, image, label)
""",
        ("alexnet-ascent",),
        "Divided by the root of the mean of their squares they are 1",
    ),
    Mistake(
        "the sign alone",
        "ascent-answer",
        """
def ascend(network, image, label, rate):
    return image + rate * np.sign(slopes(network, image, label))
""",
        ("alexnet-ascent",),
        "The mean is over all values of the image",
    ),
    Mistake(
        "maps without weights",
        "cam-answer",
        _CAM.replace("maps @ kernel[:, label]", "maps.sum(axis=-1)"),
        ("alexnet-cam",),
        "gives [[3, 3, 3], [3, 4, 5]], it should give [[6, 5, 4], [3, 4, 5]].",
    ),
    Mistake(
        "a row of the kernel",
        "cam-answer",
        _CAM.replace("kernel[:, label]", "kernel[label]"),
        ("alexnet-cam",),
        "its weights are a column of the kernel.",
    ),
    Mistake(
        "the bias in the map",
        "cam-answer",
        _CAM.replace("kernel[:, label]", "kernel[:, label] + bias[label]"),
        ("alexnet-cam",),
        "gives [[6.25, 5.25, 4.25], [3.25, 4.25, 5.25]], it should give",
    ),
    Mistake(
        "nothing below zero",
        "cam-answer",
        _CAM.replace("maps @ kernel[:, label]", "np.maximum(maps @ kernel[:, label], 0)"),
        ("alexnet-cam",),
        "What speaks against a class is negative, and stays so",
    ),
    Mistake(
        "averages instead of maps",
        "cam-answer",
        _CAM.replace("maps @ kernel", "maps.mean(axis=(0, 1)) @ kernel"),
        ("alexnet-cam",),
        "gives 4.5, it should give",
    ),
    Mistake(
        "the unit in the corner",
        "field-answer",
        _FIELD.replace("height // 2, width // 2", "0, 0"),
        ("alexnet-field",),
        "gives [4, 4], it should give [7, 7]. The unit in the middle of 25 × 25",
    ),
    Mistake(
        "one pixel too few",
        "field-answer",
        _FIELD.replace(" + 1", ""),
        ("alexnet-field",),
        "gives [6, 6], it should give [7, 7].",
    ),
    Mistake(
        "all units of the layer",
        "field-answer",
        _FIELD.replace("[:, height // 2, width // 2]", ""),
        ("alexnet-field",),
        "all units together see the whole image.",
    ),
    Mistake(
        "pixels counted",
        "field-answer",
        _FIELD.replace("return ", "return int(seen.sum()) #"),
        ("alexnet-field",),
        "gives 49, it should give [7, 7].",
    ),
    # 9
    Mistake(
        "2048",
        "crops-answer",
        """
def count_crops(side, size):
    return (side - size) ** 2 * 2
""",
        ("alexnet-crops",),
        "count_crops(3, 2) gives 2, it should give 8.",
    ),
    Mistake(
        "upside down",
        "crop-answer",
        """
def crop(image, top, left, size, mirrored):
    window = image[top : top + size, left : left + size]
    return window[::-1] if mirrored else window


def ten_crops(image, size):
    down, right = image.shape[0] - size, image.shape[1] - size
    places = [(0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)]
    return np.stack([crop(image, *at, size, m) for m in (False, True) for at in places])
""",
        ("alexnet-ten-crops",),
        "0, 1, 2, True) gives [[[5], [6]], [[1], [2]]], it should give [[[2], [1]], [[6], [5]]]. "
        "Rows come first, then columns.",
    ),
    Mistake(
        "each crop beside its mirror image",
        "crop-answer",
        """
def crop(image, top, left, size, mirrored):
    window = image[top : top + size, left : left + size]
    return window[:, ::-1] if mirrored else window


def ten_crops(image, size):
    down, right = image.shape[0] - size, image.shape[1] - size
    places = [(0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)]
    return np.stack([crop(image, *at, size, m) for at in places for m in (False, True)])
""",
        ("alexnet-ten-crops",),
        "1) gives [[[[0]]], [[[0]]], [[[3]]], [[[3]]],",
    ),
    Mistake(
        "smallest first",
        "colours-answer",
        """
def principal_colours(pixels):
    values, vectors = np.linalg.eigh(np.cov(pixels, rowvar=False))
    return values, vectors * np.sign(vectors[0])


def shift_colours(image, values, vectors, alphas):
    return image + vectors @ (alphas * values)
""",
        ("alexnet-colours",),
        "gives [[0.00013446, 0.0204775, 0.215221], [[0.695466",
    ),
    Mistake(
        "vectors as rows",
        "colours-answer",
        """
def principal_colours(pixels):
    values, vectors = np.linalg.eigh(np.cov(pixels, rowvar=False))
    return values[::-1], vectors[:, ::-1] * np.sign(vectors[0, ::-1])


def shift_colours(image, values, vectors, alphas):
    return image + (alphas * values) @ vectors
""",
        ("alexnet-colours",),
        "gives [[[0.079, 0.018, 0.062]]], it should give [[[0.0713333, 0.0543333, 0.0486667]]]. "
        "The vectors are columns",
    ),
    # 10
    Mistake(
        "divided by the rate",
        "dropout-answer",
        """
def dropout_2012(x, kept, rate, training):
    return x * kept if training else x * (1 - rate)


def dropout(x, kept, rate, training):
    return x * kept / rate if training else x
""",
        ("alexnet-dropout",),
        "dropout([1, 2, 3, 4], [1, 0, 1, 1], 0.2, True) gives [5, 0, 15, 20], it should give "
        "[1.25, 0, 3.75, 5].",
    ),
    Mistake(
        "the finished network drops, too",
        "dropout-answer",
        """
def dropout_2012(x, kept, rate, training):
    return x * kept


def dropout(x, kept, rate, training):
    return x * kept / (1 - rate)
""",
        ("alexnet-dropout",),
        "dropout_2012([1, 2, 3, 4], [1, 0, 1, 1], 0.5, False) gives [1, 0, 3, 4], it should give "
        "[0.5, 1, 1.5, 2]. In training the share `rate` is dropped",
    ),
    Mistake(
        "scaled twice",
        "dropout-answer",
        """
def dropout_2012(x, kept, rate, training):
    return x * kept if training else x * (1 - rate)


def dropout(x, kept, rate, training):
    return x * kept / (1 - rate) if training else x * (1 - rate)
""",
        ("alexnet-dropout",),
        "dropout([1, 2, 3, 4], [1, 0, 1, 1], 0.5, False) gives [0.5, 1, 1.5, 2]",
    ),
    # 11
    Mistake(
        "averaged over the images",
        "ensemble-answer",
        """
def ensemble(probabilities):
    return np.mean(probabilities, axis=1)


def top_k_error(probabilities, labels, k):
    likeliest = np.argsort(-probabilities, axis=1)[:, :k]
    return 1 - np.mean([label in top for top, label in zip(likeliest, labels)])
""",
        ("alexnet-ensemble",),
        "it should give [[0.6, 0.35, 0.05], [0.15, 0.3, 0.55]].",
    ),
    Mistake(
        "accuracy instead of error",
        "ensemble-answer",
        """
def ensemble(probabilities):
    return np.mean(probabilities, axis=0)


def top_k_error(probabilities, labels, k):
    likeliest = np.argsort(-probabilities, axis=1)[:, :k]
    return np.mean([label in top for top, label in zip(likeliest, labels)])
""",
        ("alexnet-ensemble",),
        "[2, 0], 2) gives 0, it should give 1.",
    ),
    Mistake(
        "the unlikeliest k",
        "ensemble-answer",
        """
def ensemble(probabilities):
    return sum(probabilities) / len(probabilities)


def top_k_error(probabilities, labels, k):
    likeliest = np.argsort(probabilities, axis=1)[:, :k]
    return 1 - np.mean([label in top for top, label in zip(likeliest, labels)])
""",
        ("alexnet-ensemble",),
        "[0, 2], 1) gives 1, it should give 0.5. The share of the images",
    ),
    Mistake(
        "the paper's 224",
        "shapes-answer",
        """
shapes = {"conv1": (54, 54, 96), "pool1": (26, 26, 96), "conv2": (26, 26, 256),
          "pool2": (12, 12, 256), "conv3": (12, 12, 384), "conv4": (12, 12, 384),
          "conv5": (12, 12, 256), "pool5": (5, 5, 256), "fc6": 4096}
""",
        ("alexnet-shapes",),
        "conv1: The value is not right. You have [54, 54, 96]. A window of 11 slides over 227",
    ),
    Mistake(
        "one pool too few",
        "chain-answer",
        """
def chain(side):
    conv1 = (side - 11) // 4 + 1
    pool1 = (conv1 - 3) // 2 + 1
    return [conv1, pool1, (pool1 - 3) // 2 + 1]
""",
        ("alexnet-chain",),
        "chain(227) gives [55, 27, 13], it should give [55, 27, 13, 6].",
    ),
    Mistake(
        "conv3 divided in the count",
        "sees-answer",
        letters("sees", SEES, conv3="c"),
        ("alexnet-sees",),
        "conv3 is the convolution that looks across: it reads the maps of both GPUs.",
    ),
    Mistake(
        "conv4 and conv5 not divided",
        "groups-answer",
        _TOWER.replace("def alexnet", "def alexnet_two_gpus").replace(
            "Conv2D(256, 5,", "Conv2D(256, 5, groups=2,"
        ),
        ("alexnet-two-gpus",),
        "conv4: It works in one group, the table has 2 groups.",
    ),
    Mistake(
        "not mirrored",
        "crops-answer",
        "def count_crops(side, size):\n    return (side - size + 1) ** 2",
        ("alexnet-crops",),
        "count_crops(3, 2) gives 4, it should give 8. In both directions the first place "
        "counts as well",
    ),
    Mistake(
        "side by side",
        "crops-answer",
        "def count_crops(side, size):\n    return 2 * (side // size) ** 2",
        ("alexnet-crops",),
        "count_crops(3, 2) gives 2, it should give 8.",
    ),
    Mistake(
        "centre from the corner",
        "crop-answer",
        """
def crop(image, top, left, size, mirrored):
    window = image[top : top + size, left : left + size]
    return window[:, ::-1] if mirrored else window


def ten_crops(image, size):
    h, w = image.shape[:2]
    places = [(0, 0), (0, w - size), (h - size, 0), (h - size, w - size), (h // 2, w // 2)]
    return np.stack([crop(image, *at, size, m) for m in (False, True) for at in places])
""",
        ("alexnet-ten-crops",),
        "it should give",
    ),
    Mistake(
        "variances forgotten",
        "colours-answer",
        """
def principal_colours(pixels):
    values, vectors = np.linalg.eigh(np.cov(pixels, rowvar=False))
    return values[::-1], vectors[:, ::-1] * np.sign(vectors[0, ::-1])


def shift_colours(image, values, vectors, alphas):
    return image + vectors @ alphas
""",
        ("alexnet-colours",),
        "it should give [[[0.0713333, 0.0543333, 0.0486667]]].",
    ),
    Mistake(
        "fc8 grows without fc7",
        "dropped-answer",
        letters("gaps", GAPS, without_fc7="b"),
        ("alexnet-dropped",),
        "without fc7: It is not b. It has a weight for each value that it reads.",
    ),
    Mistake(
        "fc8 shrinks without fc7",
        "dropped-answer",
        letters("gaps", GAPS, without_fc7="c"),
        ("alexnet-dropped",),
        "How many does fc6 make?",
    ),
    Mistake(
        "fc8 stays",
        "dropped-answer",
        letters("gaps", GAPS, without_fc6_and_fc7="a"),
        ("alexnet-dropped",),
        "The 4,096 values that it read came from fc7.",
    ),
    Mistake(
        "fc8 shrinks without both",
        "dropped-answer",
        letters("gaps", GAPS, without_fc6_and_fc7="c"),
        ("alexnet-dropped",),
        "pool5 makes more of them than fc7 did.",
    ),
    Mistake(
        "conv5 stays",
        "dropped-answer",
        letters("gaps", GAPS, without_conv3_and_conv4="a"),
        ("alexnet-dropped",),
        "Its window stays.",
    ),
    Mistake(
        "conv5 grows",
        "dropped-answer",
        letters("gaps", GAPS, without_conv3_and_conv4="b"),
        ("alexnet-dropped",),
        "conv2 makes fewer of them than conv4 did.",
    ),
    Mistake(
        "only conv5 goes",
        "dropped-answer",
        letters("gaps", GAPS, without_conv5="a"),
        ("alexnet-dropped",),
        "Does fc6 read as many values as before?",
    ),
    Mistake(
        "more than conv5 goes",
        "dropped-answer",
        letters("gaps", GAPS, without_conv5="b"),
        ("alexnet-dropped",),
        "conv4 makes more maps than conv5 did.",
    ),
]

# Neither a small example nor a square nor a single map shows these mistakes.
MISTAKES += [
    Mistake(
        "arguments not handed on", "groups-answer",
        "def alexnet_two_gpus(input_shape=(227, 227, 3), classes=1000):\n"
        "    return alexnet(groups=2)",
        ("alexnet-two-gpus",), "The model begins with 227 × 227 × 3, it should begin with 195",
    ),
]  # fmt: skip
