"""Layers of Keras with weights as rows: convolutions, dense layers, normalisations, attention."""

import re

from course.language import _
from course.network import functions, steps
from course.network.unknown import NotUnderstood, common, kind, must_be_map, pair
from course.network.words import kind_of


def conv2d(step, x):
    """Conv2D and DepthwiseConv2D."""
    config = step["config"]
    must_be_map(step, x)
    padding = "same" if config["padding"] == "same" else steps.IF_IT_FITS
    groups, filters = config.get("groups", 1), config.get("filters")
    if "depth_multiplier" in config and filters is None:
        groups, filters = x.channels, x.channels * config["depth_multiplier"]
    window = tuple(config["kernel_size"]), tuple(config["strides"]), padding
    dilation = tuple(config["dilation_rate"])
    rest = _weighted(step)
    return steps.conv(x, step["name"], filters, *window, dilation, groups=groups, **rest)


def convolution(step, x):
    """ops.conv and ops.depthwise_conv with a kernel of the student's own."""
    config, each = step["config"], kind(step) == "DepthwiseConv"
    kernel = _kernel(step)
    must_be_map(step, x)
    if len(kernel) != 4 or x.channels % kernel[2] or (each and x.channels != kernel[2]):
        raise NotUnderstood
    own = {"kernel_size": kernel[:2], "use_bias": False}
    own |= {name: pair(config.get(name) or 1) for name in ("strides", "dilation_rate")}
    if each:
        own["depth_multiplier"] = kernel[3]
    else:
        own |= {"filters": kernel[3], "groups": x.channels // kernel[2]}
    return conv2d({**step, "config": {**config, **own}}, x)


def convolution_transpose(step, x):
    """ops.conv_transpose with a kernel of the student's own."""
    config, kernel = step["config"], _kernel(step)
    must_be_map(step, x)
    if len(kernel) != 4 or kernel[3] != x.channels:
        raise NotUnderstood
    own = {"kernel_size": kernel[:2], "filters": kernel[2], "use_bias": False}
    own |= {name: pair(config.get(name) or 1) for name in ("strides", "dilation_rate")}
    return conv2d_transpose({**step, "config": {**config, **own}}, x)


def product(step, x, *others):
    """ops.matmul with a matrix of the student's own."""
    kernel = _kernel(step)
    if others or len(kernel) != 2 or kernel[0] != x.shape[-1]:
        raise NotUnderstood
    return dense({**step, "config": {"units": kernel[1], "use_bias": False}}, x)


def _kernel(step):
    given = step["args"][1] if len(step["args"]) == 2 else None
    if not isinstance(given, dict) or "weight" not in given:
        raise NotUnderstood
    return given["weight"]


def separable_conv2d(step, x):
    """Two rows: a depthwise convolution without bias, then a 1 × 1 convolution."""
    config, rest = step["config"], _weighted(step)
    apart = {**config, "filters": None, "use_bias": False, "activation": None}
    each = conv2d({**step, "name": f"{step['name']}_depthwise", "config": apart}, x)
    each = each.with_(layer=(step["layer"], "depthwise"))
    return steps.conv(each, step["name"], config["filters"], (1, 1), **rest)


def conv2d_transpose(step, x):
    """A transposed convolution. What is cut off its output follows from Keras's padding."""
    config = step["config"]
    must_be_map(step, x)
    if pair(config.get("dilation_rate", 1)) != (1, 1):
        raise NotUnderstood
    kernel, stride = tuple(config["kernel_size"]), tuple(config["strides"])
    more, cut = config.get("output_padding"), []
    more = (None, None) if more is None else pair(more)
    for axis, made in enumerate(step["shapes"][0][:2]):
        whole = (x.grid[axis] - 1) * stride[axis] + kernel[axis]
        before = config["padding"][axis] if isinstance(config["padding"], list) else 0  # PyTorch's
        if config["padding"] == "same" and more[axis] is None:
            before = max(0, kernel[axis] - stride[axis]) // 2
        elif config["padding"] == "same":
            kept = kernel[axis] + kernel[axis] % 2 - 2 + more[axis]
            before = max(0, kernel[axis] - 1 - (kept + 1) // 2)
        cut.append((before, whole - made - before))
    window = kernel, stride, tuple(cut)
    rest = {"groups": config.get("groups", 1), **_weighted(step)}
    return steps.conv_transpose(x, step["name"], config["filters"], *window, **rest)


def dense(step, x):
    """A Dense layer; on a map it works at every position, like a 1 × 1 convolution."""
    units, rest = step["config"]["units"], _weighted(step)
    if x.flat or x.grid == (1, 1):
        return steps.dense(x, step["name"], units, x.flat, **rest)
    return steps.conv(x, step["name"], units, (1, 1), **rest)


def einsum_dense(step, x):
    """EinsumDense, if its equation is that of a Dense layer: "ab,bc->ac", "...x,xy->...y"."""
    config = step["config"]
    read, kernel, made = re.split(",|->", config["equation"])
    axes = config["bias_axes"]
    is_dense = len(kernel) == 2 and kernel[0] == read[-1] and made == read[:-1] + kernel[1]
    if not is_dense or kernel[1] in read or axes not in (None, kernel[1]):
        raise NotUnderstood
    wide = {"units": step["shapes"][0][-1], "use_bias": axes is not None}
    return dense({**step, "config": {**config, **wide}}, x)


def conv1d(step, x):
    """A convolution of tokens with a kernel of 1: each token goes through the same dense layer."""
    config = step["config"]
    window = [config[name] for name in ("kernel_size", "strides", "groups")]
    if len(x.grid) != 1 or x.flat or window != [[1], [1], 1]:
        raise NotUnderstood
    return steps.conv(x, step["name"], config["filters"], (1, 1), **_weighted(step))


def normalisation(name):
    """Batch, layer and group normalisation along the maps."""

    def read(step, x, *others):
        config = step["config"]
        axis = config.get("axis", -1)
        axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
        if axis not in (-1, len(x.shape)):
            said = _("{normalisation} along axis {axis} (the maps lie along axis -1)")
            raise NotUnderstood(said.format(normalisation=kind_of(name), axis=axis))
        if others or config.get("rms_scaling"):
            raise NotUnderstood
        scales = config.get("center", True) + config.get("scale", True)
        rest = {"scales": scales, "trainable": step.get("trainable", True), **common(step)}
        if name == "group_norm":
            rest["groups"] = config["groups"] if config["groups"] > 0 else x.channels
        return steps.alike(x, step["name"], name, **rest)

    return read


def layer_scale(step, x):
    """One learned factor for each map, as ConvNeXt has it in keras.applications."""
    rest = {"groups": x.channels, "trainable": step.get("trainable", True), **common(step)}
    return steps.conv(x, step["name"], x.channels, (1, 1), bias=False, **rest)


def multi_head_attention(step, *values):
    """Attention of the tokens of a sequence, or of the pixels of a map, to all others."""
    config, kwargs = step["config"], dict(step.get("kwargs", {}))
    names = ["query", "value", "key"][: len(step["args"])]
    names += [name for name in kwargs if name in ("query", "value", "key")]
    rest = [kwargs[name] for name in kwargs if name not in names]
    if any(rest) or len(names) != len(values) or "value" not in names:
        raise NotUnderstood  # with a mask
    given = dict(zip(names, values, strict=True))
    query, value = given["query"], given["value"]
    axes, odd = config.get("attention_axes"), config.get("use_gate") or config.get("sliding_window")
    inside = list(range(1, len(query.shape)))
    if odd or any(read.flat for read in values):
        raise NotUnderstood
    if axes is not None and sorted([axes] if isinstance(axes, int) else axes) != inside:
        raise NotUnderstood
    rest = {
        "others": (given.get("key", value), value),
        "value_dim": config.get("value_dim"),
        "filters": step["shapes"][0][-1],
        "bias": config.get("use_bias", True),
        "trainable": step.get("trainable", True),
        **common(step),
    }
    sizes = config["num_heads"], config["key_dim"]
    return steps.attention(query, step["name"], *sizes, **rest)


def _weighted(step):
    config = step["config"]
    return {
        "bias": config.get("use_bias", True),
        "trainable": step.get("trainable", True),
        "chain": functions.named(config.get("activation")),
        **common(step),
    }
