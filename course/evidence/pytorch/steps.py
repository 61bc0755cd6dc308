"""What each function of PyTorch is called in a trace: the name and settings of Keras's layer.

A function keeps its own name, with PyTorch's shapes and parameters, if no layer of Keras does the
same, or if it is used in a way that Keras's layer cannot be.
"""

from course.evidence.pytorch import arithmetic, dense, masks, moving
from course.evidence.pytorch.calls import (
    NotExpressed,
    add_before,
    add_last,
    leaves,
    must_be_map,
    pair,
    usual,
    without,
)
from course.evidence.pytorch.known import tensors
from course.network import meanings


def write(call):
    """Add the steps of a call to the trace, and note which tensors they make."""
    if call.unmerged:
        axes = usual(call.made[0].dim() - 1)
        values = tensors([list(call.args), call.kwargs])
        args = [call.sources[id(value)] for value in values]
        add_last(call, "ops.Unmerged", call.unmerged, args, layouts=[axes])
        return
    try:
        if any(layout is None for _, layout in call.found.values()):
            raise NotExpressed
        _WRITERS[call.name](call)
    except (NotExpressed, KeyError):
        _unknown(call)


def _unknown(call):
    """A step under PyTorch's own name."""
    tracer, learned = call.tracer, call.learned()
    inner = tracer.module()
    camel = "".join(part.title() for part in call.name.split("_")) or "Function"
    op = f"layers.{type(inner).__name__}" if inner is not None and learned else f"ops.{camel}"
    if meanings.has_a_meaning(op):  # here it is used in a way that Keras's is not
        op += "OfPyTorch"
    args = [call.sources[id(tensor)] for tensor in call.read]
    add_last(call, op, {}, args, learned)


# --- layers with weights


def _conv(call):
    must_be_map(call)
    weight, bias = call.get(1, "weight"), call.get(2, "bias")
    stride, padding = pair(call.get(3, "stride", 1)), call.get(4, "padding", 0)
    table = masks.connections(call, weight)
    weights = call.learned() if table else leaves(call, weight, bias)
    same = padding == "same"
    source = call.source
    if not isinstance(padding, str) and any(pair(padding)):
        source = _zeros(call, [[side, side] for side in pair(padding)])
    config = {
        "filters": weight.shape[0], "kernel_size": list(weight.shape[2:]), "strides": stride,
        "padding": "same" if same else "valid", "use_bias": bias is not None,
        "dilation_rate": pair(call.get(5, "dilation", 1)), "groups": call.get(6, "groups", 1),
        "activation": "linear",
    }  # fmt: skip
    if table is None or all(len(maps) == weight.shape[1] for maps in table):
        add_last(call, "layers.Conv2D", config, [source], weights)
    elif isinstance(padding, str) or config["groups"] > 1:
        raise NotExpressed
    else:
        masks.convolution(call, config, source, pair(padding), weights, table)


def _conv_transpose(call):
    must_be_map(call)
    weight, bias = call.get(1, "weight"), call.get(2, "bias")
    if pair(call.get(7, "dilation", 1)) != [1, 1] or call.get(6, "groups", 1) > 1:
        raise NotExpressed
    config = {
        "filters": weight.shape[1], "kernel_size": list(weight.shape[2:]),
        "strides": pair(call.get(3, "stride", 1)), "padding": pair(call.get(4, "padding", 0)),
        "use_bias": bias is not None, "activation": "linear",
    }  # fmt: skip
    weights = leaves(call, weight, bias)
    add_last(call, "layers.Conv2DTranspose", config, [call.source], weights)


def _batch_norm(call):
    mean, variance = call.get(1, "running_mean"), call.get(2, "running_var")
    weight, bias = call.get(3, "weight"), call.get(4, "bias")
    if mean is None or call.axis(call.x, 1) != -1:  # without running means there is no such layer
        raise NotExpressed
    weights = leaves(call, weight, bias, mean, variance)
    config = {"axis": -1, "scale": weight is not None, "center": bias is not None}
    trained = [w for w in weights if w.requires_grad]
    more = {"trainable": bool(trained) or weight is None}
    add_last(call, "layers.BatchNormalization", config, [call.source], weights, **more)


def _layer_norm(call):
    sides = call.get(1, "normalized_shape")
    rank = call.x.dim()
    axes = sorted(call.axis(call.x, dim) for dim in range(rank - len(sides), rank))
    config = {"axis": axes[0] if len(axes) == 1 else axes}
    _normalised(call, "layers.LayerNormalization", config, 2)


def _group_norm(call):
    must_be_map(call)
    config = {"groups": call.get(1, "num_groups"), "axis": -1}
    _normalised(call, "layers.GroupNormalization", config, 2)


def _normalised(call, op, config, place):
    """A normalisation whose scale is the argument number `place`, and whose shift comes next."""
    weight, bias = call.get(place, "weight"), call.get(place + 1, "bias")
    config |= {"scale": weight is not None, "center": bias is not None}
    add_last(call, op, config, [call.source], leaves(call, weight, bias))


# --- pools


def _zeros(call, sides, **more):
    """Zeros around the map that goes in."""
    high, wide, channels = call.shape(call.x)
    shape = [high + sum(sides[0]), wide + sum(sides[1]), channels]
    return add_before(call, "layers.ZeroPadding2D", {"padding": sides}, shape, **more)


def _pool(call):
    must_be_map(call)
    largest = call.name.startswith("max")
    kernel = pair(call.get(1, "kernel_size"))
    stride = pair(call.get(2, "stride") or kernel)
    padding = pair(call.get(3, "padding", 0))
    dilated = largest and pair(call.get(4, "dilation", 1)) != [1, 1]
    if dilated or (not largest and call.get(6, "divisor_override")):
        raise NotExpressed
    made, sides = call.made[0].shape[2:], []
    for axis in (0, 1):
        # With ceil_mode the last window may reach beyond the map: as many zeros stand there.
        reach = (made[axis] - 1) * stride[axis] + kernel[axis]
        more = reach - (call.x.shape[2 + axis] + 2 * padding[axis])
        more = 0 if call.too_large else more
        sides.append([padding[axis], padding[axis] + max(0, more)])
    source = _zeros(call, sides) if any(map(any, sides)) else call.source
    call.made, *places = [call.made[:1], *call.made[1:]]  # with return_indices: of the largest
    config = {"pool_size": kernel, "strides": stride, "padding": "valid"}
    add_last(call, f"layers.{'Max' if largest else 'Average'}Pooling2D", config, [source])
    if places:
        call.made = places
        add_last(call, "ops.PlacesOfPyTorch", {}, [call.source])


def _adaptive_pool(call):
    must_be_map(call)
    kind = "Max" if "max" in call.name else "Average"
    sides = list(call.made[0].shape[2:])
    if len(call.made) > 1:
        raise NotExpressed
    op, config = f"layers.Adaptive{kind}Pooling2D", {"output_size": sides}
    if sides == [1, 1]:
        op, config = f"layers.Global{kind}Pooling2D", {"keepdims": True}
    add_last(call, op, config, [call.source])


def _reduced(op):
    def write(call):
        dims = call.get(1, "dim", call.kwargs.get("axis"))
        dims = [dims] if isinstance(dims, int) else list(dims or [])
        axes = sorted(call.axis(call.x, dim) % call.x.dim() for dim in dims)
        keeps = call.made[0].dim() == call.x.dim()
        if not axes or call.x.dim() > 4:
            raise NotExpressed
        gone = () if keeps else {dim % call.x.dim() - 1 for dim in dims}
        config = {"axis": axes[0] if len(axes) == 1 else axes, "keepdims": keeps}
        add_last(call, op, config, [call.source], layouts=[without(call, gone)])

    return write


# --- element-wise functions


def _same(call):
    add_last(call, "ops.Identity", {}, [call.source])


def _dropout(call):
    add_last(call, "layers.Dropout", {}, [call.source])


def _named(op, *usual_settings):
    """A function of one tensor, with no settings but those that Keras's function has."""

    def write(call):
        extra = {k: v for k, v in call.kwargs.items() if k not in ("inplace", "dtype", "out")}
        given = [*call.args[1:], *extra.values()]
        given = [v for v in given if v is not None and not isinstance(v, bool)]
        if any(value not in usual_settings for value in given):
            raise NotExpressed
        add_last(call, op, {}, [call.source])

    return write


def _softmax(call):
    dim = call.get(1, "dim")
    if dim is None:  # PyTorch's own choice, of which it warns
        dim = 0 if call.x.dim() in (1, 3) else 1
    op = "ops.LogSoftmax" if call.name == "log_softmax" else "ops.Softmax"
    config = {"axis": call.axis(call.x, dim) if dim % call.x.dim() else 0}
    add_last(call, op, config, [call.source])


def _gelu(call):
    config = {"approximate": call.kwargs.get("approximate") == "tanh"}
    add_last(call, "ops.Gelu", config, [call.source])


def _leaky_relu(call):
    config = {"negative_slope": call.get(1, "negative_slope", 0.01)}
    add_last(call, "ops.LeakyRelu", config, [call.source])


def _clip(call):
    names = ("min_val", "max_val") if call.name == "hardtanh" else ("min", "max")
    usual_ends = (-1.0, 1.0) if call.name == "hardtanh" else (None, None)
    ends = [call.get(n, names[n - 1], usual_ends[n - 1]) for n in (1, 2)]
    if call.name == "clamp_max":
        ends = [-1e30, call.get(1, "max")]
    # Keras's function needs an upper bound. Without one it gets a bound that nothing reaches.
    config = {"x_min": ends[0], "x_max": 1e30 if ends[1] is None else ends[1]}
    if not all(isinstance(end, int | float) for end in config.values()):
        raise NotExpressed
    config = {key: int(end) if abs(end) < 1e6 and end == int(end) else max(min(end, 1e30), -1e30)
              for key, end in config.items()}  # fmt: skip
    add_last(call, "ops.Clip", config, [call.source])


def _expanded(call):
    """`expand_as`: no step if it only meets tensors of the size that it gets."""
    _unknown(call)
    if call.made[0].dim() == len(call.sides[id(call.x)]):
        call.tracer.known.unexpanded[id(call.made[0])] = call.source


_WRITERS = {
    "conv2d": _conv, "conv_transpose2d": _conv_transpose, **dense.WRITERS,
    "batch_norm": _batch_norm, "layer_norm": _layer_norm, "group_norm": _group_norm,
    "softmax": _softmax, "log_softmax": _softmax, "gelu": _gelu, "leaky_relu": _leaky_relu,
    "elu": _named("ops.Elu", 1.0), "softplus": _named("ops.Softplus", 1, 20),
    **dict.fromkeys(("expand", "expand_as", "broadcast_to"), _expanded),
    "mean": _reduced("ops.Mean"), "sum": _reduced("ops.Sum"),
    "add": arithmetic.arithmetic("ops.Add"), "stack": moving.stacked, "pad": moving.padded,
    "getitem": moving.item, "setitem": moving.filled, "flip": moving.flipped,
    "zeros_like": moving.zeros_like,
    **dict.fromkeys(("max_pool2d", "max_pool2d_with_indices", "avg_pool2d"), _pool),
    **dict.fromkeys(("adaptive_avg_pool2d", "adaptive_max_pool2d"), _adaptive_pool),
    **dict.fromkeys(("hardtanh", "clamp", "clamp_min", "clamp_max", "clip"), _clip),
    **dict.fromkeys(("sub", "rsub"), arithmetic.arithmetic("ops.Subtract")),
    **dict.fromkeys(("mul", "multiply"), arithmetic.arithmetic("ops.Multiply")),
    **dict.fromkeys(("div", "rtruediv"), arithmetic.arithmetic("ops.TrueDivide")),
    **dict.fromkeys(("cat", "concat", "concatenate"), moving.concatenated),
    **dict.fromkeys(("permute", "transpose", "swapaxes", "swapdims"), moving.permuted),
    **dict.fromkeys(("narrow", "select", "index_select"), moving.narrowed),
    **dict.fromkeys(("chunk", "split", "tensor_split"), moving.split),
    **dict.fromkeys(("interpolate", "upsample"), moving.enlarged),
    **{name: _named(f"ops.{keras}") for name, keras in {
        "relu": "Relu", "relu6": "Relu6", "tanh": "Tanh", "sigmoid": "Sigmoid", "selu": "Selu",
        "silu": "Silu", "neg": "Negative", "hardswish": "HardSilu", "hardsigmoid": "HardSigmoid",
    }.items()},
    **dict.fromkeys(
        ("dropout", "dropout2d", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"),
        _dropout,
    ),
    **dict.fromkeys(
        ("to", "cuda", "cpu", "contiguous", "clone", "data", "detach", "float", "half", "type",
         "type_as"), _same,
    ),
    **dict.fromkeys(
        ("flatten", "view", "reshape", "squeeze", "unsqueeze", "unflatten", "view_as",
         "reshape_as"), moving.reshaped,
    ),
}  # fmt: skip
