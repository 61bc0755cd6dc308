"""What each layer and operation of Keras means as a row: understood, ignored, unknown.

`UNDERSTOOD` maps a step to the function that makes its node. Steps in `IGNORED` pass their input
on. All others are unknown: they keep a row of their own under Keras's name, with Keras's numbers.
So does an understood step that is used in a way that no row can express.
"""

from course.network import functions, moving, steps
from course.network.node import Node, Value
from course.network.unknown import NotUnderstood, common, must_be_map, pair, unknown


def of(step, values):
    """The nodes of a step of a trace, one for each output; `values` are its inputs."""
    try:
        return _read(step, values)
    except NotUnderstood as error:
        return unknown(step, *values, words=str(error))


def _read(step, values):
    ignored = moving.same if _is_ignored(step) else unknown
    nodes = UNDERSTOOD.get(step["op"], ignored)(step, *values)
    return [nodes] if isinstance(nodes, Node) else nodes


def _is_ignored(step):
    augments = step["op"].startswith("layers.Random") and step["op"] not in UNKNOWN
    return augments or step["op"] in IGNORED


def understood(step, shapes):
    """Whether a step's name and settings say what it does; `shapes` are those of its inputs.

    Otherwise only its outputs tell, or those of the steps around it (`course.network.regions`).
    """
    if step["op"] not in UNDERSTOOD:
        return _is_ignored(step)
    try:
        values = [Value(((0, 0, shape[-1]),), *_layout(shape)) for shape in shapes]
        return all(_is_settled(node) for node in _read(step, values))
    except Exception:  # a student's step may have settings and shapes of any kind
        return False


def _layout(shape):
    """(grid, whether it is a vector) of a shape."""
    return tuple(shape[:-1]) or (1, 1), len(shape) == 1


def _is_settled(node):
    """Whether a node moves values in a way that does not depend on what its readers do."""
    kind, *how = node.moves or ("",)
    if kind == "shape":
        (x,) = node.inputs
        return how[0] in ((x.size,), (*x.grid, x.channels))
    return kind not in ("stack", "sum")


def is_named(step):
    """Whether a step is a pool or an activation of Keras by its name."""
    return step["op"] in POOLS or step["op"] in ACTIVATIONS


# --- layers with weights


def _conv2d(step, x):
    config = step["config"]
    must_be_map(step, x)
    padding = "same" if config["padding"] == "same" else 0
    groups, filters = config.get("groups", 1), config.get("filters")
    if "depth_multiplier" in config and filters is None:
        groups, filters = x.channels, x.channels * config["depth_multiplier"]
    window = tuple(config["kernel_size"]), tuple(config["strides"]), padding
    dilation = tuple(config["dilation_rate"])
    rest = _weighted(step)
    return steps.conv(x, step["name"], filters, *window, dilation, groups=groups, **rest)


def _dense(step, x):
    units, rest = step["config"]["units"], _weighted(step)
    if x.flat or x.grid == (1, 1):
        return steps.dense(x, step["name"], units, x.flat, **rest)
    # A Dense layer on a map works at every position, like a 1 × 1 convolution.
    return steps.conv(x, step["name"], units, (1, 1), **rest)


def _batch_norm(step, x):
    config = step["config"]
    axis = config.get("axis", -1)
    if axis not in (-1, len(x.shape)):
        raise NotUnderstood(f"batch norm along axis {axis} (the maps lie along axis -1)")
    scales = config.get("center", True) + config.get("scale", True)
    rest = {"scales": scales, "trainable": step.get("trainable", True), **common(step)}
    return steps.alike(x, step["name"], "batch_norm", **rest)


# --- pools


def _pool2d(step, x):
    config = step["config"]
    must_be_map(step, x)
    padding = "same" if config["padding"] == "same" else 0
    kernel = pair(config["pool_size"])
    stride = pair(config.get("strides") or kernel)
    return steps.pool(x, step["name"], _pools(step), kernel, stride, padding, **common(step))


def _adaptive_pool2d(step, x):
    """A pool whose output size is given. Its window follows from that if all windows are equal."""
    must_be_map(step, x)
    sides = pair(step["config"]["output_size"])
    sides = tuple(side or own for side, own in zip(sides, x.grid, strict=True))
    if any(own % side for side, own in zip(sides, x.grid, strict=True)):
        raise NotUnderstood
    kernel = tuple(own // side for side, own in zip(sides, x.grid, strict=True))
    return steps.pool(x, step["name"], _pools(step), kernel, kernel, 0, **common(step))


def _global_pool2d(step, x):
    must_be_map(step, x)
    flat = not step["config"].get("keepdims")
    return steps.global_pool(x, step["name"], _pools(step), flat, **common(step))


def _mean(step, x):
    axis = step["config"].get("axis")
    axes = [axis] if isinstance(axis, int) else list(axis or [])
    if x.flat or sorted(a % 4 for a in axes) != [1, 2]:
        raise NotUnderstood
    flat = not step["config"].get("keepdims")
    return steps.global_pool(x, step["name"], "average_pool", flat, **common(step))


def _pools(step):
    return "max_pool" if "Max" in step["op"] else "average_pool"


# --- element-wise functions


def _activation(step, x, chain):
    return steps.alike(x, step["name"], "activation", chain=chain, **common(step))


def _activation_layer(step, x):
    return _activation(step, x, functions.named(step["config"].get("activation")))


def _named(name):
    def read(step, x, *_):
        config = step["config"]
        if name == "softmax" and config.get("axis", -1) not in (-1, len(x.shape)):
            raise NotUnderstood
        words = name
        if step["op"] == "layers.ReLU":
            odd = {
                k: config[k] for k in ("max_value", "negative_slope", "threshold") if config.get(k)
            }
            if odd == {"max_value": 6}:
                words = "relu6"
            elif odd:
                words += " with " + ", ".join(f"{key} {value:g}" for key, value in odd.items())
        return _activation(step, x, (("fn", words),))

    return read


def _leaky_relu(step, x, *_):
    """With a slope of 0, a leaky ReLU is a ReLU."""
    slope = step["config"].get("negative_slope")
    return _activation(step, x, (("fn", "relu" if slope == 0 else "leaky_relu"),))


def _maximum(step, x, *others):
    """The larger of a value and 0 is a ReLU."""
    if not others and len(step["args"]) == 2 and 0 in step["args"]:
        return _activation(step, x, (("fn", "relu"),))
    raise NotUnderstood


_NO_BOUND = 1e6  # no activation is that large


def _clip(step, x):
    """Values between 0 and 6 are relu6; values above 0 are a ReLU."""
    ends = [step["config"].get(name) for name in ("x_min", "x_max")]
    if not all(isinstance(end, int | float) for end in ends):
        raise NotUnderstood
    name = "relu6" if ends == [0, 6] else f"clip from {ends[0]:g} to {ends[1]:g}"
    if ends[0] == 0 and ends[1] >= _NO_BOUND:
        name = "relu"
    return _activation(step, x, (("fn", name),))


def _scale_by(name):
    """An operation of a tensor and a number, or of two tensors."""

    def read(step, *values):
        numbers = [
            n for n in step["args"] if isinstance(n, int | float) and not isinstance(n, bool)
        ]
        x = values[0]
        if len(values) == 1 and len(numbers) == 1 and len(step["args"]) == 2:
            number, tensor_first = numbers[0], isinstance(step["args"][0], dict)
            if name == "multiply" and number == 0:
                return moving.zeros(step, x)
            link = {
                "add": ("add", number),
                "subtract": ("add", -number) if tensor_first else None,
                "multiply": ("mul", number),
                "divide": ("mul", 1 / number) if tensor_first and number else None,
            }[name]
            if link:
                return _activation(step, x, (link,))
        same = len({(value.grid, value.channels, value.flat) for value in values}) == 1
        if name == "add" and len(values) > 1 and same:
            return steps.add(values, step["name"], **common(step))
        raise NotUnderstood

    return read


def _negative(step, x):
    return _activation(step, x, (("mul", -1),))


def _rescaling(step, x):
    links = ("mul", step["config"].get("scale", 1)), ("add", step["config"].get("offset", 0))
    if not all(isinstance(number, int | float) for _, number in links):
        raise NotUnderstood
    return _activation(step, x, tuple(link for link in links if link not in functions.NOTHING))


def _weighted(step):
    config = step["config"]
    return {
        "bias": config.get("use_bias", True),
        "trainable": step.get("trainable", True),
        "chain": functions.named(config.get("activation")),
        **common(step),
    }


POOLS = {
    "layers.MaxPooling2D": _pool2d,
    "layers.AveragePooling2D": _pool2d,
    "ops.MaxPool": _pool2d,
    "ops.AveragePool": _pool2d,
    "layers.AdaptiveAveragePooling2D": _adaptive_pool2d,
    "layers.AdaptiveMaxPooling2D": _adaptive_pool2d,
    "ops.AdaptiveAveragePool": _adaptive_pool2d,
    "ops.AdaptiveMaxPool": _adaptive_pool2d,
    "layers.GlobalAveragePooling2D": _global_pool2d,
    "layers.GlobalMaxPooling2D": _global_pool2d,
}

ACTIVATIONS = {
    f"{group}.{written}": _named(name)
    for written, name in {
        "ReLU": "relu", "Relu": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid",
        "Softmax": "softmax", "LogSoftmax": "log_softmax", "Elu": "elu", "Gelu": "gelu",
        "Selu": "selu", "Silu": "silu", "Softplus": "softplus", "Relu6": "relu6", "ELU": "elu",
    }.items()
    for group in ("layers", "ops")
}  # fmt: skip

UNDERSTOOD = {
    "layers.Conv2D": _conv2d,
    "layers.DepthwiseConv2D": _conv2d,
    "layers.Dense": _dense,
    "layers.BatchNormalization": _batch_norm,
    "ops.Mean": _mean,
    "layers.Flatten": moving.flatten,
    "layers.Reshape": moving.reshape,
    "ops.Reshape": moving.reshape,
    "ops.Squeeze": moving.reshape,
    "layers.ZeroPadding2D": moving.zero_padding,
    "layers.Cropping2D": moving.cropping,
    "ops.Pad": moving.pad,
    "ops.ZerosLike": moving.zeros,
    "layers.Activation": _activation_layer,
    "layers.Rescaling": _rescaling,
    "layers.Add": _scale_by("add"),
    "ops.Add": _scale_by("add"),
    "ops.Subtract": _scale_by("subtract"),
    "ops.Multiply": _scale_by("multiply"),
    "ops.Divide": _scale_by("divide"),
    "ops.TrueDivide": _scale_by("divide"),
    "layers.LeakyReLU": _leaky_relu,
    "ops.LeakyRelu": _leaky_relu,
    "ops.Maximum": _maximum,
    "ops.Clip": _clip,
    "ops.Negative": _negative,
    "layers.Concatenate": moving.concatenate,
    "ops.Concatenate": moving.concatenate,
    "ops.Unmerged": moving.unmerged,
    "ops.Stack": moving.stack,
    "ops.Sum": moving.sum_up,
    "layers.Permute": moving.permute,
    "ops.Transpose": moving.permute,
    "ops.Flip": moving.flip,
    "ops.GetItem": moving.get_item,
    "ops.Take": moving.take,
    "ops.Split": moving.split,
    **POOLS,
    **ACTIVATIONS,
}  # fmt: skip

#: At inference these pass their input on; so do all layers whose names begin with Random.
IGNORED = {
    "layers.Dropout", "layers.SpatialDropout2D", "layers.GaussianDropout", "layers.AlphaDropout",
    "layers.GaussianNoise", "layers.Identity", "layers.ActivityRegularization",
    "layers.RandAugment", "layers.AugMix", "layers.MixUp", "layers.CutMix",
    "ops.Identity", "ops.Cast", "ops.ConvertToTensor",
}  # fmt: skip

#: Unknown, although the other Random layers are ignored.
UNKNOWN = {"layers.RandomCrop"}  # changes the size of the maps
