"""Answers to 06-resnet."""

from tests.bank import Mistake, letters

NOTEBOOK = "06-resnet/resnet.ipynb"

# The right letters
EXPECTED = {"overfitting": "a", "a copy": "b", "both large": "a"}
BLOCKS = {"order": "b", "folding": "a", "two blocks": "b", "values kept": "c"}

RIGHT = {
    "layers and operators": {
        "equations-answer": """
def residual_layers(a, W1, b1, W2, b2):
    g = lambda z: z * (z > 0)
    first = g(np.dot(W1, a) + b1)
    z = np.dot(W2, first) + b2
    return g(a + z)
""",
        "degradation-answer": "expected = {'overfitting': 'a'}\n"
        "expected |= {'a copy': 'b', 'both large': 'a'}\n",
        "norm-training-answer": """
def normalised_in_training(x, gamma, beta, mean, variance, momentum, epsilon):
    mu = np.mean(x, axis=(0, 1, 2), keepdims=True)
    sigma2 = ((x - mu) ** 2).mean(axis=(0, 1, 2))
    y = (x - mu) * (gamma / (sigma2 + epsilon) ** 0.5) + beta
    return [y, mean + (1 - momentum) * (mu.ravel() - mean),
            variance - (1 - momentum) * (variance - sigma2)]
""",
        "norm-use-answer": """
def normalised_in_use(x, gamma, beta, mean, variance, epsilon):
    scale = gamma / np.sqrt(variance + epsilon)
    return scale * x + (beta - scale * mean)
""",
        "norm-fold-answer": """
def folded(kernel, bias, gamma, beta, mean, variance, epsilon):
    root = (variance + epsilon) ** 0.5
    return gamma / root * kernel, beta + gamma * (bias - mean) / root
""",
        "blocks-answer": "blocks = {'values kept': 'c', 'order': 'b'}\n"
        "blocks |= {'folding': 'a', 'two blocks': 'b'}\n",
        "conv-answer": """
def conv_bn(x, filters, size, stride=1, relu=True, *, name):
    conv = keras.layers.Conv2D(filters, (size, size), strides=(stride, stride), padding="same",
                               use_bias=False, name=name)
    norm = keras.layers.BatchNormalization(name=name + "_bn")
    x = norm(conv(x))
    if relu:
        x = keras.activations.relu(x)
    return x
""",
        "basic-answer": """
def basic_block(x, filters, stride=1, *, name):
    y = conv_bn(x, filters, 3, stride, name=name + "_1")
    y = conv_bn(y, filters, 3, 1, False, name=name + "_2")
    if y.shape != x.shape:
        x = conv_bn(x, filters, 1, stride, False, name=name + "_shortcut")
    return ops.relu(x + y)
""",
        "zero-answer": """
def block_answers(x, kernel, gamma):
    image = keras.Input(x.shape[1:])
    model = keras.Model(image, basic_block(image, x.shape[-1], name="b"))
    convs = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    for conv in convs:
        conv.kernel.assign(kernel)
    norms[-1].gamma.assign(gamma * np.ones(x.shape[-1]))
    return model.predict(x, verbose=0)
""",
        "bottleneck-answer": """
def bottleneck(x, filters, stride=1, *, name):
    y = conv_bn(x, filters, 1, name=f"{name}_1")
    y = conv_bn(y, filters, 3, stride, name=f"{name}_2")
    y = conv_bn(y, filters * 4, 1, relu=False, name=f"{name}_3")
    if y.shape != x.shape:
        x = conv_bn(x, filters * 4, 1, stride, relu=False, name=f"{name}_shortcut")
    return layers.Activation("relu")(layers.add([y, x]))
""",
        "resnet-answer": """
def resnet(block, counts, input_shape=(224, 224, 3), classes=1000):
    image = keras.Input(input_shape)
    x = layers.ZeroPadding2D(3)(image)
    x = layers.Conv2D(64, 7, 2, name="conv1")(x)
    x = layers.ReLU()(layers.BatchNormalization(name="conv1_bn")(x))
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))
    filters = 64
    for stage, count in enumerate(counts):
        for number in range(count):
            first = number == 0 and stage != 0
            name = f"conv{stage + 2}_{number + 1}"
            if block == "basic":
                x = basic_block(x, filters, 2 if first else 1, name=name)
            else:
                x = bottleneck(x, filters, 2 if first else 1, name=name)
        filters *= 2
    x = ops.mean(x, axis=(1, 2))
    return keras.Model(image, layers.Softmax()(layers.Dense(classes, name="fc")(x)))
""",
        "option-answer": """
def shortcut_a(x, filters, stride):
    x = layers.MaxPooling2D(1, stride)(x)
    missing = filters - x.shape[-1]
    return ops.pad(x, ((0, 0), (0, 0), (0, 0), (0, missing)))
""",
        "cifar-answer": """
def small_block(x, filters, stride, residual, name):
    y = conv_bn(x, filters, 3, stride, name=name + "_1")
    y = conv_bn(y, filters, 3, 1, False, name=name + "_2")
    if residual:
        y = y + (x if x.shape == y.shape else shortcut_a(x, filters, stride))
    return ops.relu(y)


def cifar_resnet(depth, residual=True, input_shape=(32, 32, 3), classes=10, widths=(16, 32, 64)):
    n = (depth - 2) // 6
    inputs = keras.Input(input_shape)
    x = conv_bn(inputs, widths[0], 3, name="conv1")
    for i in range(3 * n):
        stride = 2 if i in (n, 2 * n) else 1
        x = small_block(x, widths[i // n], stride, residual, f"stage{i // n + 1}_{i % n + 1}")
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax", name="fc")(x))
""",
        "names-answer": """
def published_name(name):
    parts = name.split("_")
    kind = parts.pop() if parts[-1] == "bn" else "conv"
    if parts == ["fc"]:
        return "predictions"
    if len(parts) == 3:
        stage, block, part = parts
        parts = [stage, f"block{block}", "0" if part == "shortcut" else part]
    return "_".join([*parts, kind])
""",
        "copied-answer": """
def copy_weights(weights, model):
    for layer in model.layers:
        if isinstance(layer, (layers.Conv2D, layers.Dense, layers.BatchNormalization)):
            given = list(weights[published_name(layer.name)])
            if isinstance(layer, layers.Conv2D) and not layer.use_bias:
                given = given[:1]
            if isinstance(layer, layers.BatchNormalization):
                conv = model.get_layer(layer.name[:-3])
                if not conv.use_bias:
                    given[2] = given[2] - weights[published_name(conv.name)][1]
            layer.set_weights(given)
""",
        "evidence-answer": """
def grad_cam(head, maps, label):
    slopes = gradient(lambda x: ops.take(head(x), label), maps)
    found = np.zeros(maps.shape[:2])
    for k in range(maps.shape[-1]):
        found += np.average(slopes[..., k]) * maps[..., k]
    return found.clip(min=0)
""",
    },
    "with a bias in each convolution": {
        "norm-training-answer": """
def normalised_in_training(x, gamma, beta, mean, variance, momentum, epsilon):
    values = x.reshape(-1, x.shape[-1])
    batch_mean = values.sum(axis=0) / len(values)
    batch_variance = (values**2).sum(axis=0) / len(values) - batch_mean**2
    y = gamma * (values - batch_mean) / np.sqrt(batch_variance + epsilon) + beta
    moving = [momentum * old + (1 - momentum) * new
              for old, new in ((mean, batch_mean), (variance, batch_variance))]
    return y.reshape(x.shape), *moving
""",
        "norm-use-answer": """
def normalised_in_use(x, gamma, beta, mean, variance, epsilon):
    y = np.empty_like(x)
    for i in range(x.shape[-1]):
        y[..., i] = (x[..., i] - mean[i]) / np.sqrt(variance[i] + epsilon) * gamma[i] + beta[i]
    return y
""",
        "norm-fold-answer": """
def folded(kernel, bias, gamma, beta, mean, variance, epsilon):
    new = np.zeros(kernel.shape)
    for i in range(kernel.shape[-1]):
        new[:, :, :, i] = kernel[:, :, :, i] * gamma[i] / np.sqrt(variance[i] + epsilon)
    zero = np.reshape(bias, (1, 1, 1, -1))  # what comes out if all that goes in is 0
    return new, normalised_in_use(zero, gamma, beta, mean, variance, epsilon)[0, 0, 0]
""",
        "conv-answer": """
def conv_bn(x, filters, size, stride=1, relu=True, *, name):
    x = ops.pad(x, [(0, 0), (size // 2, size // 2), (size // 2, size // 2), (0, 0)])
    x = layers.Conv2D(filters, size, stride, padding="valid", name=name)(x)
    x = layers.BatchNormalization(epsilon=1.001e-5, name=f"{name}_bn")(x)
    return layers.Activation("relu")(x) if relu else x
""",
        "zero-answer": """
def block_answers(x, kernel, gamma):
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, basic_block(inputs, x.shape[-1], name="block"))
    zero = np.zeros(x.shape[-1])
    model.get_layer("block_1").set_weights([kernel, zero])
    model.get_layer("block_2").set_weights([kernel, zero])
    last = model.get_layer("block_2_bn")
    last.set_weights([gamma + zero, *last.get_weights()[1:]])
    return keras.ops.convert_to_numpy(model(x, training=False))
""",
        "names-answer": """
import re


def published_name(name):
    if name == "fc":
        return "predictions"
    name = re.sub(r"_(\\d+)_", r"_block\\1_", name).replace("shortcut", "0")
    return name if name.endswith("bn") else f"{name}_conv"
""",
        "copied-answer": """
def copy_weights(weights, model):
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(weights[published_name(layer.name)])
""",
        "evidence-answer": """
def grad_cam(head, maps, label):
    def logit(x):
        return head(x)[label]

    weights = ops.mean(gradient(logit, maps), axis=[0, 1])
    return ops.relu(ops.einsum("ijk,k->ij", ops.cast(maps, "float32"), weights))
""",
    },
    "subclassed": {
        "norm-training-answer": """
def normalised_in_training(x, gamma, beta, mean, variance, momentum, epsilon):
    x = ops.convert_to_tensor(x)
    mu, sigma2 = ops.moments(x, axes=[0, 1, 2])
    y = gamma * (x - mu) * ops.rsqrt(sigma2 + epsilon) + beta
    return y, momentum * mean + (1 - momentum) * mu, momentum * variance + (1 - momentum) * sigma2
""",
        "norm-use-answer": """
class Normalisation:
    def __init__(self, gamma, beta, mean, variance, epsilon):
        self.scale = gamma / np.sqrt(variance + epsilon)
        self.shift = beta - mean * self.scale

    def __call__(self, x):
        return x * self.scale + self.shift


def normalised_in_use(x, *statistics):
    return Normalisation(*statistics)(x)
""",
        "norm-fold-answer": """
def folded(kernel, bias, *statistics):
    norm = Normalisation(*statistics)
    return np.einsum("ijck,k->ijck", kernel, norm.scale), norm(bias)
""",
        "basic-answer": """
class BasicBlock(layers.Layer):
    def __init__(self, filters, stride, project, name):
        super().__init__(name=name)
        self.conv1 = layers.Conv2D(filters, 3, stride, padding="same", use_bias=False,
                                   name=f"{name}_1")
        self.norm1 = layers.BatchNormalization()
        self.conv2 = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_2")
        self.norm2 = layers.BatchNormalization()
        self.project = project and keras.Sequential([
            layers.Conv2D(filters, 1, stride, use_bias=False), layers.BatchNormalization()])

    def call(self, x):
        y = ops.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return ops.relu(y + (self.project(x) if self.project else x))


def basic_block(x, filters, stride=1, *, name):
    return BasicBlock(filters, stride, stride != 1 or x.shape[-1] != filters, name)(x)
""",
        "zero-answer": """
keras.config.set_dtype_policy("mixed_float16")


def block_answers(x, kernel, gamma):
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, basic_block(inputs, x.shape[-1], name="block"))
    block = model.get_layer("block")
    block.conv1.set_weights([kernel])
    block.conv2.set_weights([kernel])
    block.norm2.gamma.assign([gamma] * x.shape[-1])
    return model(x)
""",
        "evidence-answer": """
def grad_cam(head, maps, label):
    kernel = np.eye(maps.shape[-1])
    height, width, _ = maps.shape
    # A value that is added to a whole map: its slope is the sum over the places.
    total = gradient(lambda v: head(maps.astype("float32") + ops.matmul(v, kernel))[label],
                     np.zeros(maps.shape[-1]))
    score = (maps * total).sum(axis=-1) / (height * width)
    return np.where(score > 0, score, 0)
""",
    },
}

_CONV = """
def conv_bn(x, filters, size, stride=1, relu=True, *, name):
    x = layers.ZeroPadding2D(size // 2)(x)
    x = layers.Conv2D(filters, size, stride, use_bias=False, name=name)(x)
    x = layers.BatchNormalization(epsilon=1.001e-5, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x
"""
_BASIC = """
def basic_block(x, filters, stride=1, *, name):
    shortcut = x
    if stride != 1 or x.shape[-1] != filters:
        shortcut = conv_bn(x, filters, 1, stride, relu=False, name=f"{name}_shortcut")
    y = conv_bn(x, filters, 3, stride, name=f"{name}_1")
    y = conv_bn(y, filters, 3, relu=False, name=f"{name}_2")
    y = layers.Add(name=name)([shortcut, y])
    return layers.ReLU(name=f"{name}_out")(y)
"""
_BOTTLENECK = """
def bottleneck(x, filters, stride=1, *, name):
    shortcut = x
    if stride != 1 or x.shape[-1] != 4 * filters:
        shortcut = conv_bn(x, 4 * filters, 1, stride, relu=False, name=f"{name}_shortcut")
    y = conv_bn(x, filters, 1, stride, name=f"{name}_1")
    y = conv_bn(y, filters, 3, name=f"{name}_2")
    y = conv_bn(y, 4 * filters, 1, relu=False, name=f"{name}_3")
    y = layers.Add(name=name)([shortcut, y])
    return layers.ReLU(name=f"{name}_out")(y)
"""
_RESNET = """
def resnet(block, counts, input_shape=(224, 224, 3), classes=1000):
    make = {"basic": basic_block, "bottleneck": bottleneck}[block]
    inputs = keras.Input(input_shape, name="image")
    x = conv_bn(inputs, 64, 7, 2, name="conv1")
    x = layers.ZeroPadding2D(1)(x)
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)
    for stage, count in enumerate(counts, 2):
        for number in range(1, count + 1):
            stride = 2 if stage > 2 and number == 1 else 1
            x = make(x, 64 * 2 ** (stage - 2), stride, name=f"conv{stage}_{number}")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    outputs = layers.Dense(classes, activation="softmax", name="fc")(x)
    return keras.Model(inputs, outputs, name="resnet")
"""
_OPTION = """
def shortcut_a(x, filters, stride):
    more = filters - x.shape[-1]
    return ops.pad(x[:, ::stride, ::stride], [[0, 0], [0, 0], [0, 0], [0, more]])
"""
_CIFAR = """
def cifar_resnet(depth, residual=True, input_shape=(32, 32, 3), classes=10, widths=(16, 32, 64)):
    inputs = keras.Input(input_shape, name="image")
    x = conv_bn(inputs, widths[0], 3, name="conv1")
    for stage, filters in enumerate(widths, 1):
        for number in range(1, (depth - 2) // 6 + 1):
            name = f"stage{stage}_{number}"
            stride = 2 if stage > 1 and number == 1 else 1
            y = conv_bn(x, filters, 3, stride, name=f"{name}_1")
            y = conv_bn(y, filters, 3, relu=not residual, name=f"{name}_2")
            if residual:
                shortcut = shortcut_a(x, filters, stride) if stride != 1 else x
                y = layers.ReLU(name=f"{name}_out")(layers.Add(name=name)([shortcut, y]))
            x = y
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    outputs = layers.Dense(classes, activation="softmax", name="fc")(x)
    return keras.Model(inputs, outputs)
"""
_COPY = """
def copy_weights(weights, model):
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            kernel, bias = weights[published_name(layer.name)]
            layer.set_weights([kernel])
        elif isinstance(layer, layers.BatchNormalization):
            kernel, bias = weights[published_name(layer.name.removesuffix("_bn"))]
            gamma, beta, mean, variance = weights[published_name(layer.name)]
            layer.set_weights([gamma, beta, mean - bias, variance])
"""
_TRAINING = """
def normalised_in_training(x, gamma, beta, mean, variance, momentum, epsilon):
    mu, sigma2 = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    y = gamma * (x - mu) / np.sqrt(sigma2 + epsilon) + beta
    mean = momentum * mean + (1 - momentum) * mu
    variance = momentum * variance + (1 - momentum) * sigma2
    return y, mean, variance
"""
_USE = """
def normalised_in_use(x, gamma, beta, mean, variance, epsilon):
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta
"""
_FOLD = """
def folded(kernel, bias, gamma, beta, mean, variance, epsilon):
    scale = gamma / np.sqrt(variance + epsilon)
    return kernel * scale, (bias - mean) * scale + beta
"""
_NAMES = """
def published_name(name):
    if name == "fc":
        return "predictions"
    name, kind = (name[:-3], "bn") if name.endswith("_bn") else (name, "conv")
    stage, *rest = name.replace("shortcut", "0").split("_")
    return "_".join([stage, *(f"block{rest[0]}_{part}" for part in rest[1:]), kind])
"""
_ZERO = """
def block_answers(x, kernel, gamma):
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, basic_block(inputs, x.shape[-1], name="block"))
    model.get_layer("block_1").set_weights([kernel])
    model.get_layer("block_2").set_weights([kernel])
    model.get_layer("block_2_bn").gamma.assign(ops.full((x.shape[-1],), gamma))
    return model(x)
"""
_EVIDENCE = """
def grad_cam(head, maps, label):
    slopes = gradient(lambda x: head(x)[label], maps)
    weights = slopes.mean(axis=(0, 1))
    return np.maximum(maps @ weights, 0)
"""
_BASIC_IDS = ("resnet-basic", "resnet-projection", "resnet-identity", "resnet-34")
_CONV_IDS = (
    "resnet-conv", "resnet-basic", "resnet-projection", "resnet-bottleneck", "resnet-34",
    "resnet-50", "resnet-cifar",
)  # fmt: skip


def _changed(source, *changes):
    for old, new in changes:
        assert old in source, old
        source = source.replace(old, new)
    return source


MISTAKES = [
    # 1 · What is added to the input
    Mistake(
        "added behind the last ReLU",
        "equations-answer",
        """
def residual_layers(a, W1, b1, W2, b2):
    return np.maximum(W2 @ np.maximum(W1 @ a + b1, 0) + b2, 0) + a
""",
        ("resnet-equations",),
        "gives [1, -2], it should give [1, 0]. One ReLU stands after the first layer, "
        "and one after the sum",
    ),
    Mistake(
        "nothing added",
        "equations-answer",
        """
def residual_layers(a, W1, b1, W2, b2):
    return np.maximum(W2 @ np.maximum(W1 @ a + b1, 0) + b2, 0)
""",
        ("resnet-equations",),
        "gives [0, 0], it should give [1, 0].",
    ),
    Mistake(
        "no ReLU inside",
        "equations-answer",
        """
def residual_layers(a, W1, b1, W2, b2):
    return np.maximum(W2 @ (W1 @ a + b1) + b2 + a, 0)
""",
        ("resnet-equations",),
        "gives [0, 10], it should give [0, 7].",
    ),
    # 2 · Plain against residual
    Mistake(
        "overfitting, both errors large",
        "degradation-answer",
        letters("expected", EXPECTED, overfitting="b"),
        ("resnet-degradation",),
        "overfitting: It is not b. A network that overfits has learned its training images",
    ),
    Mistake(
        "overfitting, a large training error",
        "degradation-answer",
        letters("expected", EXPECTED, overfitting="c"),
        ("resnet-degradation",),
        "A network fits the images that it is trained with.",
    ),
    Mistake(
        "deeper networks can do less",
        "degradation-answer",
        letters("expected", EXPECTED, a_copy="a"),
        ("resnet-degradation",),
        "A layer can also hand on what it gets.",
    ),
    Mistake(
        "finding weights is having them",
        "degradation-answer",
        letters("expected", EXPECTED, a_copy="c"),
        ("resnet-degradation",),
        "Nobody can say what training will *find*.",
    ),
    Mistake(
        "dropout against degradation",
        "degradation-answer",
        letters("expected", EXPECTED, both_large="b"),
        ("resnet-degradation",),
        "These act against overfitting",
    ),
    Mistake(
        "no gap, no problem",
        "degradation-answer",
        letters("expected", EXPECTED, both_large="c"),
        ("resnet-degradation",),
        "It has carried all that it learned over to new images",
    ),
    # 3 · Batch normalisation
    Mistake(
        "a mean for each pixel",
        "norm-training-answer",
        _changed(
            _TRAINING,
            ("x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))", "x.mean(axis=0), x.var(axis=0)"),
        ),
        ("resnet-norm-training",),
        "y: The value is not right. Each pixel has its own mean here.",
    ),
    Mistake(
        "a mean for each image",
        "norm-training-answer",
        _changed(
            _TRAINING,
            (
                "x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))",
                "x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)",
            ),
        ),
        ("resnet-norm-training",),
        "y: The value is not right. Each image has its own mean here.",
    ),
    Mistake(
        "a mean for each image without its axes",
        "norm-training-answer",
        _changed(
            _TRAINING,
            (
                "x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))",
                "x.mean(axis=(1, 2)), x.var(axis=(1, 2))",
            ),
        ),
        ("resnet-norm-training",),
        "Means, variances, γ and β are one number for each map that comes out",
    ),
    Mistake(
        "one mean for all maps",
        "norm-training-answer",
        _changed(_TRAINING, ("x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))", "x.mean(), x.var()")),
        ("resnet-norm-training",),
        "All maps share one mean here. Each map has its own.",
    ),
    Mistake(
        "a mean over the maps",
        "norm-training-answer",
        _changed(
            _TRAINING,
            (
                "x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))",
                "x.mean(-1, keepdims=True), x.var(-1, keepdims=True)",
            ),
        ),
        ("resnet-norm-training",),
        "The mean is over the maps of a pixel here.",
    ),
    Mistake(
        "the variance of a sample",
        "norm-training-answer",
        _changed(_TRAINING, ("x.var(axis=(0, 1, 2))", "x.var(axis=(0, 1, 2), ddof=1)")),
        ("resnet-norm-training",),
        "y: The value is not right. This is the variance of a sample, divided by n − 1.",
    ),
    Mistake(
        "the variance of a sample in the moving average",
        "norm-training-answer",
        _changed(
            _TRAINING, ("(1 - momentum) * sigma2", "(1 - momentum) * x.var(axis=(0, 1, 2), ddof=1)")
        ),
        ("resnet-norm-training",),
        "variance: The value is not right. This is the variance of a sample",
    ),
    Mistake(
        "epsilon outside of the root",
        "norm-training-answer",
        _changed(_TRAINING, ("np.sqrt(sigma2 + epsilon)", "(np.sqrt(sigma2) + epsilon)")),
        ("resnet-norm-training",),
        "y: The value is not right. ε stands outside of the root.",
    ),
    Mistake(
        "epsilon forgotten",
        "norm-training-answer",
        _changed(_TRAINING, ("np.sqrt(sigma2 + epsilon)", "np.sqrt(sigma2)")),
        ("resnet-norm-training",),
        "y: The value is not right. ε is missing",
    ),
    Mistake(
        "divided by the variance",
        "norm-training-answer",
        _changed(_TRAINING, ("np.sqrt(sigma2 + epsilon)", "(sigma2 + epsilon)")),
        ("resnet-norm-training",),
        "y: The value is not right. The root is missing.",
    ),
    Mistake(
        "the moving averages in training",
        "norm-training-answer",
        _changed(_TRAINING, ("(x - mu) / np.sqrt(sigma2", "(x - mean) / np.sqrt(variance")),
        ("resnet-norm-training",),
        "y: The value is not right. These are the moving averages.",
    ),
    Mistake(
        "the momentum the wrong way round",
        "norm-training-answer",
        _changed(
            _TRAINING,
            ("momentum * mean + (1 - momentum) * mu", "(1 - momentum) * mean + momentum * mu"),
            (
                "momentum * variance + (1 - momentum) * sigma2",
                "(1 - momentum) * variance + momentum * sigma2",
            ),
        ),
        ("resnet-norm-training",),
        "mean: The value is not right. The momentum is the wrong way round",
    ),
    Mistake(
        "moving averages not moved",
        "norm-training-answer",
        _changed(_TRAINING, ("    mean = momentum * mean + (1 - momentum) * mu\n", "")),
        ("resnet-norm-training",),
        "mean: The value is not right. This is still the old value",
    ),
    Mistake(
        "the statistics of the batch kept",
        "norm-training-answer",
        _changed(_TRAINING, ("return y, mean, variance", "return y, mu, sigma2")),
        ("resnet-norm-training",),
        "mean: The value is not right. This is the batch's value alone",
    ),
    Mistake(
        "neither gamma nor beta",
        "norm-training-answer",
        _changed(_TRAINING, ("gamma * (x - mu)", "(x - mu)"), (" + beta", "")),
        ("resnet-norm-training",),
        "y: The value is not right. γ is missing. β is missing.",
    ),
    Mistake(
        "gamma forgotten",
        "norm-training-answer",
        _changed(_TRAINING, ("gamma * (x - mu)", "(x - mu)")),
        ("resnet-norm-training",),
        "y: The value is not right. γ is missing. You have",
    ),
    Mistake(
        "epsilon forgotten and the variance of a sample",
        "norm-training-answer",
        _changed(
            _TRAINING,
            ("x.var(axis=(0, 1, 2))", "x.var(axis=(0, 1, 2), ddof=1)"),
            ("sigma2 + epsilon", "sigma2"),
        ),
        ("resnet-norm-training",),
        "This is the variance of a sample, divided by n − 1. It should be divided by n. ε is",
    ),
    Mistake(
        "only y",
        "norm-training-answer",
        _changed(_TRAINING, ("return y, mean, variance", "return y")),
        ("resnet-norm-training",),
        "It should be a tuple (y, mean, variance).",
    ),
    Mistake(
        "by Keras's own layer",
        "norm-training-answer",
        """
def normalised_in_training(x, gamma, beta, mean, variance, momentum, epsilon):
    layer = layers.BatchNormalization(momentum=momentum, epsilon=epsilon)
    layer.build(x.shape)
    layer.set_weights([gamma, beta, mean, variance])
    return layer(x, training=True), *layer.get_weights()[2:]
""",
        ("resnet-norm-training",),
        "It comes from keras.layers.BatchNormalization. This exercise asks for your own work.",
    ),
    Mistake(
        "the statistics of the batch in use",
        "norm-use-answer",
        _changed(
            _USE,
            ("x - mean", "x - x.mean((0, 1, 2))"),
            ("variance + epsilon", "x.var((0, 1, 2)) + epsilon"),
        ),
        ("resnet-norm-use",),
        "These are the batch's own statistics. In use the moving averages count.",
    ),
    Mistake(
        "the variance without its root",
        "norm-use-answer",
        _changed(_USE, ("np.sqrt(variance + epsilon)", "(variance + epsilon)")),
        ("resnet-norm-use",),
        "The root is missing. The divisor is √(variance + ε).",
    ),
    Mistake(
        "epsilon outside of the root in use",
        "norm-use-answer",
        _changed(_USE, ("np.sqrt(variance + epsilon)", "(np.sqrt(variance) + epsilon)")),
        ("resnet-norm-use",),
        "ε stands outside of the root.",
    ),
    Mistake(
        "epsilon forgotten in use",
        "norm-use-answer",
        _changed(_USE, (" + epsilon", "")),
        ("resnet-norm-use",),
        "ε is missing",
    ),
    Mistake(
        "beta forgotten in use",
        "norm-use-answer",
        _changed(_USE, (" + beta", "")),
        ("resnet-norm-use",),
        "β is missing.",
    ),
    Mistake(
        "folded without beta",
        "norm-fold-answer",
        _changed(_FOLD, (" + beta", "")),
        ("resnet-norm-fold",),
        "bias: The value is not right. β is missing.",
    ),
    Mistake(
        "folded by the variance",
        "norm-fold-answer",
        _changed(_FOLD, ("np.sqrt(variance + epsilon)", "(variance + epsilon)")),
        ("resnet-norm-fold",),
        "kernel: The value is not right. The root is missing.",
    ),
    Mistake(
        "the old bias forgotten",
        "norm-fold-answer",
        _changed(_FOLD, ("(bias - mean)", "-mean")),
        ("resnet-norm-fold",),
        "bias: The value is not right. The convolution's old bias is forgotten.",
    ),
    Mistake(
        "the old bias as it was",
        "norm-fold-answer",
        _changed(_FOLD, ("(bias - mean) * scale", "bias - mean * scale")),
        ("resnet-norm-fold",),
        "bias: The value is not right. The old bias is normalised as well",
    ),
    Mistake(
        "the old kernel",
        "norm-fold-answer",
        _changed(_FOLD, ("kernel * scale", "kernel")),
        ("resnet-norm-fold",),
        "kernel: The value is not right. This is the old kernel.",
    ),
    Mistake(
        "folded without epsilon",
        "norm-fold-answer",
        _changed(_FOLD, (" + epsilon", "")),
        ("resnet-norm-fold",),
        "kernel: The value is not right. ε is missing",
    ),
    Mistake(
        "folded along the maps that go in",
        "norm-fold-answer",
        _changed(_FOLD, ("kernel * scale", "kernel * scale[:, None]")),
        ("resnet-norm-fold",),
        "one number for each map that comes out, the last axis.",
    ),
    # 4 · An order, and two kinds of block
    Mistake(
        "the order makes no difference",
        "blocks-answer",
        letters("blocks", BLOCKS, order="a"),
        ("resnet-blocks",),
        "ReLU first makes 0 and 1, and normalised these are −1 and 1 again.",
    ),
    Mistake(
        "nothing negative behind any ReLU",
        "blocks-answer",
        letters("blocks", BLOCKS, order="c"),
        ("resnet-blocks",),
        "Here the normalisation comes last",
    ),
    Mistake(
        "folded through a ReLU",
        "blocks-answer",
        letters("blocks", BLOCKS, folding="b"),
        ("resnet-blocks",),
        "The ReLU stands between the two",
    ),
    Mistake(
        "everything can be folded",
        "blocks-answer",
        letters("blocks", BLOCKS, folding="c"),
        ("resnet-blocks",),
        "if both only multiply and add",
    ),
    Mistake(
        "more maps, more parameters",
        "blocks-answer",
        letters("blocks", BLOCKS, two_blocks="a"),
        ("resnet-blocks",),
        "Only its two 1 × 1 convolutions read or make 256 maps",
    ),
    Mistake(
        "1 × 1 is free",
        "blocks-answer",
        letters("blocks", BLOCKS, two_blocks="c"),
        ("resnet-blocks",),
        "A 1 × 1 convolution has a weight for each pair of maps.",
    ),
    Mistake(
        "larger windows, more values",
        "blocks-answer",
        letters("blocks", BLOCKS, values_kept="a"),
        ("resnet-blocks",),
        "A larger window costs weights and work.",
    ),
    Mistake(
        "as many parameters, as many values",
        "blocks-answer",
        letters("blocks", BLOCKS, values_kept="b"),
        ("resnet-blocks",),
        "Parameters belong to kernels, values to maps.",
    ),
    # 5 · The basic block
    Mistake(
        "not padded",
        "conv-answer",
        _changed(_CONV, ("    x = layers.ZeroPadding2D(size // 2)(x)\n", "")),
        ("resnet-conv",),
        "conv2_1_1 gives 54 × 54 × 64, the table has 56 × 56 × 64.",
        follows=(
            "resnet-basic",
            "resnet-projection",
            "resnet-bottleneck",
            "resnet-34",
            "resnet-50",
            "resnet-cifar",
            "resnet-identity",
            "resnet-copied",
            "resnet-padding",
        ),
    ),
    Mistake(
        "no normalisation",
        "conv-answer",
        """
def conv_bn(x, filters, size, stride=1, relu=True, *, name):
    activation = "relu" if relu else None
    x = layers.ZeroPadding2D(size // 2)(x)
    return layers.Conv2D(filters, size, stride, activation=activation, name=name)(x)
""",
        ("resnet-conv",),
        "conv2_1_1_bn",
        follows=(
            "resnet-basic",
            "resnet-projection",
            "resnet-bottleneck",
            "resnet-34",
            "resnet-50",
            "resnet-cifar",
            "resnet-identity",
            "resnet-copied",
        ),
    ),
    Mistake(
        "ReLU before the normalisation",
        "conv-answer",
        """
def conv_bn(x, filters, size, stride=1, relu=True, *, name):
    x = layers.ZeroPadding2D(size // 2)(x)
    x = layers.Conv2D(filters, size, stride, use_bias=False, name=name)(x)
    x = layers.ReLU()(x) if relu else x
    return layers.BatchNormalization(epsilon=1.001e-5, name=f"{name}_bn")(x)
""",
        ("resnet-conv",),
        "conv2_1_1",
        follows=(
            "resnet-basic",
            "resnet-projection",
            "resnet-bottleneck",
            "resnet-34",
            "resnet-50",
            "resnet-cifar",
            "resnet-copied",
        ),
    ),
    Mistake(
        "always ReLU",
        "conv-answer",
        _changed(_CONV, (" if relu else x", "")),
        ("resnet-conv",),
        "conv2_1_2_bn",
        follows=(
            "resnet-basic",
            "resnet-projection",
            "resnet-bottleneck",
            "resnet-34",
            "resnet-50",
            "resnet-cifar",
            "resnet-identity",
            "resnet-copied",
        ),
    ),
    Mistake(
        "no shortcut",
        "basic-answer",
        """
def basic_block(x, filters, stride=1, *, name):
    y = conv_bn(x, filters, 3, stride, name=f"{name}_1")
    return conv_bn(y, filters, 3, name=f"{name}_2")
""",
        ("resnet-basic", "resnet-projection"),
        "conv2_1: The shortcut is missing: nothing is added to what the block computes.",
        follows=("resnet-identity", "resnet-34"),
    ),
    Mistake(
        "ReLU before the addition",
        "basic-answer",
        _changed(_BASIC, ('3, relu=False, name=f"{name}_2"', '3, name=f"{name}_2"')),
        ("resnet-basic", "resnet-projection"),
        "conv2_1_2_bn: Its activation is relu, the table has none here. The addition after it",
        follows=("resnet-identity", "resnet-34"),
    ),
    Mistake(
        "no ReLU behind the sum",
        "basic-answer",
        _changed(_BASIC, ('layers.ReLU(name=f"{name}_out")(y)', "y")),
        ("resnet-basic", "resnet-projection"),
        "conv2_1: It has no activation, the table has relu.",
        follows=("resnet-identity", "resnet-34"),
    ),
    Mistake(
        "projected always",
        "basic-answer",
        _changed(_BASIC, ("stride != 1 or x.shape[-1] != filters", "True")),
        ("resnet-basic",),
        "conv2_1: The shortcut is a projection",
        follows=("resnet-identity", "resnet-34"),
    ),
    Mistake(
        "projected only with a stride",
        "basic-answer",
        _changed(_BASIC, (" or x.shape[-1] != filters", "")),
        ("resnet-projection",),
        "The shortcut is 56 × 56 × 64, the block gives 56 × 56 × 128: a projection is needed here",
    ),
    Mistake(
        "projected only for other maps",
        "basic-answer",
        _changed(_BASIC, ("stride != 1 or ", "")),
        ("resnet-projection",),
        "The shortcut is 56 × 56 × 128, the block gives 28 × 28 × 128: a projection is needed",
    ),
    Mistake(
        "projection without its stride",
        "basic-answer",
        _changed(_BASIC, ("1, stride, relu=False", "1, 1, relu=False")),
        ("resnet-projection",),
        "conv3_1_shortcut gives 56 × 56 × 128, the table has 28 × 28 × 128. The stride is 1,",
        follows=("resnet-34",),
    ),
    Mistake(
        "shortcut with ReLU",
        "basic-answer",
        _changed(_BASIC, ("1, stride, relu=False", "1, stride")),
        ("resnet-projection",),
        "conv3_1_shortcut_bn: Its activation is relu, the table has none here.",
        follows=("resnet-34",),
    ),
    Mistake(
        "shortcut of 3 × 3",
        "basic-answer",
        _changed(_BASIC, ("1, stride, relu=False", "3, stride, relu=False")),
        ("resnet-projection",),
        "conv3_1_shortcut",
        follows=("resnet-34",),
    ),
    Mistake(
        "put side by side",
        "basic-answer",
        _changed(_BASIC, ("layers.Add(", "layers.Concatenate(")),
        ("resnet-basic", "resnet-projection"),
        "conv2_1: The shortcut is put beside the block's output instead of added to it.",
        follows=("resnet-identity", "resnet-34"),
    ),
    # 6 · A block that does nothing
    Mistake(
        "gamma of both normalisations",
        "zero-answer",
        _changed(
            _ZERO,
            ("block_2_bn", "block_1_bn"),
            (
                "    return",
                '    model.get_layer("block_2_bn").gamma.assign([gamma] * x.shape[-1])\n    return',
            ),
        ),
        ("resnet-identity",),
        "it should give",
    ),
    Mistake(
        "the training mode",
        "zero-answer",
        _changed(_ZERO, ("model(x)", "model(x, training=True)")),
        ("resnet-identity",),
        "it should give",
    ),
    Mistake(
        "kernel forgotten",
        "zero-answer",
        _changed(
            _ZERO,
            ('    model.get_layer("block_1").set_weights([kernel])\n', ""),
            ('    model.get_layer("block_2").set_weights([kernel])\n', ""),
        ),
        ("resnet-identity",),
        "it should give",
    ),
    Mistake(
        "gamma as one number",
        "zero-answer",
        _changed(_ZERO, ("ops.full((x.shape[-1],), gamma)", "gamma")),
        ("resnet-identity",),
        "ValueError",
    ),
    # 7 · The bottleneck
    Mistake(
        "not four times as many maps",
        "bottleneck-answer",
        _changed(_BOTTLENECK, ("4 * filters", "filters")),
        ("resnet-bottleneck",),
        "It makes 64 maps, the table has 256.",
        follows=("resnet-50", "resnet-copied"),
    ),
    Mistake(
        "compared with the inner maps",
        "bottleneck-answer",
        _changed(_BOTTLENECK, ("!= 4 * filters", "!= filters")),
        ("resnet-bottleneck",),
        "conv2_2: The shortcut is a projection",
        follows=("resnet-50",),
    ),
    Mistake(
        "the stride twice",
        "bottleneck-answer",
        _changed(
            _BOTTLENECK, ('filters, 3, name=f"{name}_2"', 'filters, 3, stride, name=f"{name}_2"')
        ),
        ("resnet-bottleneck",),
        "conv3_1_2 gives 14 × 14 × 128, the table has 28 × 28 × 128. The stride is 2, the table",
        follows=("resnet-50",),
    ),
    Mistake(
        "two of 3 × 3",
        "bottleneck-answer",
        _changed(_BOTTLENECK, ("conv_bn(x, filters, 1, stride,", "conv_bn(x, filters, 3, stride,")),
        ("resnet-bottleneck",),
        "conv2_2_1",
        follows=("resnet-50", "resnet-copied"),
    ),
    # 8 · A family from one table
    Mistake(
        "a stride in stage 2",
        "resnet-answer",
        _changed(_RESNET, ("stage > 2 and ", "")),
        ("resnet-34", "resnet-50"),
        "conv2_1",
    ),
    Mistake(
        "no pool",
        "resnet-answer",
        _changed(
            _RESNET,
            (
                "    x = layers.ZeroPadding2D(1)(x)\n"
                '    x = layers.MaxPooling2D(3, 2, name="pool1")(x)\n',
                "",
            ),
        ),
        ("resnet-34", "resnet-50", "resnet-padding"),
        "pool1: This row is missing",
    ),
    Mistake(
        "pool not padded",
        "resnet-answer",
        _changed(_RESNET, ("    x = layers.ZeroPadding2D(1)(x)\n", "")),
        ("resnet-34", "resnet-50", "resnet-padding"),
        "pool1 gives 55 × 55 × 64, the table has 56 × 56 × 64.",
    ),
    Mistake(
        "flattened instead of averaged",
        "resnet-answer",
        _changed(_RESNET, ('GlobalAveragePooling2D(name="avg_pool")', "Flatten()")),
        ("resnet-34", "resnet-50"),
        "avg_pool",
    ),
    Mistake(
        "classes written as a number",
        "resnet-answer",
        _changed(_RESNET, ("Dense(classes", "Dense(1000")),
        ("resnet-34", "resnet-50"),
        "It has 1000 outputs. It needs 17, one for each class",
    ),
    Mistake(
        "a stride in every block",
        "resnet-answer",
        _changed(_RESNET, ("stage > 2 and number == 1", "stage > 2")),
        ("resnet-34", "resnet-50"),
        "conv3_2_1 gives 14 × 14 × 128, the table has 28 × 28 × 128. The stride is 2,",
    ),
    # 9 · The networks of exercise 2
    Mistake(
        "the pixels alone",
        "option-answer",
        _changed(_OPTION, ("[0, more]", "[0, 0]")),
        ("resnet-cifar",),
        "stage2_1_shortcut",
    ),
    Mistake(
        "average of the pixels",
        "option-answer",
        _changed(_OPTION, ("x[:, ::stride, ::stride]", "layers.AveragePooling2D(stride)(x)")),
        ("resnet-cifar",),
        "stage2_1_shortcut_stride",
    ),
    Mistake(
        "a projection",
        "option-answer",
        """
def shortcut_a(x, filters, stride):
    return layers.Conv2D(filters, 1, stride, use_bias=False)(x)
""",
        ("resnet-cifar",),
        "stage2_1_shortcut",
    ),
    Mistake(
        "n is the number of blocks",
        "cifar-answer",
        _changed(_CIFAR, ("(depth - 2) // 6 + 1", "(depth - 2) // 2 + 1")),
        ("resnet-cifar",),
        "stage",
    ),
    Mistake(
        "the sum stays without residual",
        "cifar-answer",
        _changed(
            _CIFAR,
            ("relu=not residual", "relu=False"),
            ("            if residual:", "            if True:"),
        ),
        ("resnet-cifar",),
        "stage1_1",
    ),
    Mistake(
        "plain without the last ReLU of a block",
        "cifar-answer",
        _changed(_CIFAR, ("relu=not residual", "relu=False")),
        ("resnet-cifar",),
        "stage1_1_2_bn: It has no activation, the table has relu.",
    ),
    Mistake(
        "projections of option B",
        "cifar-answer",
        _changed(
            _CIFAR,
            (
                "shortcut_a(x, filters, stride) if",
                'conv_bn(x, filters, 1, stride, False, name=f"{name}_shortcut") if',
            ),
        ),
        ("resnet-cifar",),
        "stage2_1_shortcut",
    ),
    # 10 · Weights from elsewhere
    Mistake(
        "the bias forgotten",
        "copied-answer",
        _changed(_COPY, ("mean - bias", "mean")),
        ("resnet-copied",),
        "it should give",
    ),
    Mistake(
        "the bias added",
        "copied-answer",
        _changed(_COPY, ("mean - bias", "mean + bias")),
        ("resnet-copied",),
        "it should give",
    ),
    Mistake(
        "the published bias in a layer without bias",
        "copied-answer",
        _changed(_COPY, ("set_weights([kernel])", "set_weights([kernel, bias])")),
        ("resnet-copied",),
        "ValueError",
    ),
    Mistake(
        "the normalisations forgotten",
        "copied-answer",
        _changed(_COPY, ("layers.BatchNormalization", "layers.LayerNormalization")),
        ("resnet-copied",),
        "it should give",
    ),
    Mistake(
        "the normalisation called a convolution",
        "names-answer",
        _changed(
            _NAMES,
            ('(name[:-3], "bn") if name.endswith("_bn") else (name, "conv")', '(name, "conv")'),
        ),
        ("resnet-names",),
        "published_name('conv1_bn') gives 'conv1_conv', it should give 'conv1_bn'.",
    ),
    Mistake(
        "the projection not numbered",
        "names-answer",
        _changed(_NAMES, ('.replace("shortcut", "0")', "")),
        ("resnet-names",),
        "gives 'conv3_block1_shortcut_conv', it should give 'conv3_block1_0_conv'.",
        follows=("resnet-copied",),
    ),
    Mistake(
        "a block of one digit",
        "names-answer",
        _changed(_NAMES, ("block{rest[0]}_", "block{rest[0][0]}_")),
        ("resnet-names",),
        "gives 'conv4_block1_1_conv', it should give 'conv4_block12_1_conv'.",
    ),
    Mistake(
        "the last layer forgotten",
        "names-answer",
        _changed(_NAMES, ('    if name == "fc":\n        return "predictions"\n', "")),
        ("resnet-names",),
        "published_name('fc') gives 'fc_conv', it should give 'predictions'.",
    ),
    Mistake(
        "same zeros in conv1",
        "conv-answer",
        _changed(
            _CONV,
            ("    x = layers.ZeroPadding2D(size // 2)(x)\n", ""),
            ("size, stride, use_bias", 'size, stride, "same", use_bias'),
        ),
        ("resnet-padding",),
        'padding="same" puts one zero more after the pixels than before.',
    ),
    Mistake(
        "same zeros in pool1",
        "resnet-answer",
        _changed(
            _RESNET,
            ("    x = layers.ZeroPadding2D(1)(x)\n", ""),
            ("MaxPooling2D(3, 2,", 'MaxPooling2D(3, 2, "same",'),
        ),
        ("resnet-padding",),
        'padding="same" puts one zero more after the pixels than before.',
    ),
    # 11 · Where the evidence is
    Mistake(
        "slopes added up instead of averaged",
        "evidence-answer",
        _changed(_EVIDENCE, ("slopes.mean", "slopes.sum")),
        ("resnet-evidence",),
        "They are 0.5 and 1: a quarter of the weights",
    ),
    Mistake(
        "slopes of all classes",
        "evidence-answer",
        _changed(_EVIDENCE, ("head(x)[label]", "ops.sum(head(x))")),
        ("resnet-evidence",),
        "the weights 2 and 4, a column of the kernel.",
    ),
    Mistake(
        "slopes of the probability",
        "evidence-answer",
        _changed(_EVIDENCE, ("head(x)[label]", "ops.softmax(head(x))[label]")),
        ("resnet-evidence",),
        "They are 0.5 and 1: a quarter of the weights",
    ),
    Mistake(
        "averaged over the maps",
        "evidence-answer",
        _changed(_EVIDENCE, ("axis=(0, 1)", "axis=-1")),
        ("resnet-evidence",),
        "Average the slopes over the places, the first two axes.",
    ),
    Mistake(
        "averaged over everything",
        "evidence-answer",
        _changed(_EVIDENCE, ("slopes.mean(axis=(0, 1))", "slopes.mean()")),
        ("resnet-evidence",),
        "Average the slopes over the places, the first two axes.",
    ),
    Mistake(
        "averaged over the rows only",
        "evidence-answer",
        _changed(_EVIDENCE, ("axis=(0, 1)", "axis=0")),
        ("resnet-evidence",),
        "Average the slopes over the places, the first two axes.",
    ),
    Mistake(
        "the average over the maps instead of their sum",
        "evidence-answer",
        _changed(_EVIDENCE, ("maps @ weights", "(maps * weights).mean(axis=-1)")),
        ("resnet-evidence",),
        "They are 0.5 and 1: a quarter of the weights",
    ),
    Mistake(
        "evidence against the class kept",
        "evidence-answer",
        _changed(_EVIDENCE, ("np.maximum(maps @ weights, 0)", "maps @ weights")),
        ("resnet-evidence",),
        "What speaks against a class becomes 0,",
    ),
    Mistake(
        "evidence against the class as large",
        "evidence-answer",
        _changed(_EVIDENCE, ("np.maximum(maps @ weights, 0)", "np.abs(maps @ weights)")),
        ("resnet-evidence",),
        "What speaks against a class becomes 0,",
    ),
    Mistake(
        "nothing negative before the maps are added up",
        "evidence-answer",
        _changed(
            _EVIDENCE,
            ("np.maximum(maps @ weights, 0)", "np.maximum(maps * weights, 0).sum(axis=-1)"),
        ),
        ("resnet-evidence",),
        "but not before the maps are added up.",
    ),
    Mistake(
        "each place with its own slope",
        "evidence-answer",
        _changed(_EVIDENCE, ("maps @ weights", "(maps * slopes).sum(axis=-1)")),
        ("resnet-evidence",),
        "After a flatten the two slopes of this map are 2 and 6.",
    ),
    Mistake(
        "the bias at each place",
        "evidence-answer",
        _changed(
            _EVIDENCE,
            ("maps @ weights", "maps @ weights + ops.convert_to_numpy(head(0 * maps))[label]"),
        ),
        ("resnet-evidence",),
        "No bias is in them.",
    ),
]

# Neither a square nor a symmetric matrix, nor a pool of 2, shows these mistakes.
MISTAKES += [
    Mistake(
        "vectors from the left", "equations-answer",
        "def residual_layers(a, W1, b1, W2, b2):\n"
        "    return np.maximum(np.maximum(a @ W1 + b1, 0) @ W2 + b2 + a, 0)",
        ("resnet-equations",), "Your code stops with an error: ValueError: matmul",
    ),
    Mistake(
        "zeros on both sides", "option-answer",
        "def shortcut_a(x, filters, stride):\n"
        "    half = (filters - x.shape[-1]) // 2\n"
        "    return ops.pad(x[:, ::stride, ::stride], [[0, 0], [0, 0], [0, 0], [half, half]])",
        ("resnet-cifar",), "it should end with 6 × 6 × 64.",
    ),
    Mistake(
        "every second pixel, always", "option-answer",
        _changed(_OPTION, ("x[:, ::stride, ::stride]", "x[:, ::2, ::2]")),
        ("resnet-cifar",), "The stride is 2, the table has 3.",
    ),
]  # fmt: skip
