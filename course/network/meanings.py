"""What each layer and operation of Keras means as a row: understood, ignored, unknown.

`UNDERSTOOD` maps a step to the function that makes its node. Steps in `IGNORED` pass their input
on. All others are unknown: they keep a row of their own under Keras's name, with Keras's numbers.
So does an understood step that is used in a way that no row can express.
"""

from course.network import elementwise, learned, moving, pools, turned
from course.network.node import Node, Value
from course.network.unknown import NotUnderstood, unknown


def of(step, values):
    """The nodes of a step of a trace, one for each output; `values` are its inputs."""
    try:
        return _read(step, values)
    except NotUnderstood as error:
        return unknown(step, *values, words=str(error))


def _read(step, values):
    ignored = moving.same if _is_ignored(step["op"]) else unknown
    nodes = UNDERSTOOD.get(step["op"], ignored)(step, *values)
    return [nodes] if isinstance(nodes, Node) else nodes


def has_a_meaning(op):
    """Whether steps of this name are understood, or ignored."""
    return op in UNDERSTOOD or _is_ignored(op)


def _is_ignored(op):
    return op in IGNORED or (op.startswith("layers.Random") and op not in UNKNOWN)


def alone(step):
    """The first node of a step whose inputs are known by the shapes that it "reads" alone."""
    return of(step, _values(step["reads"]))[0]


def understood(step, shapes):
    """Whether a step's name and settings say what it does; `shapes` are those of its inputs.

    Otherwise only its outputs tell, or those of the steps around it (`course.network.regions`).
    """
    if step["op"] not in UNDERSTOOD:
        return _is_ignored(step["op"])
    if step["config"].get("data_format") == "channels_first":
        return True  # `turned.channels_first` reads it, or nothing does
    try:
        return all(_is_settled(node) for node in _read(step, _values(shapes)))
    except Exception:  # a student's step may have settings and shapes of any kind
        return False


def _values(shapes):
    return [Value(((0, 0, shape[-1]),), *_layout(shape)) for shape in shapes]


def _layout(shape):
    """(grid, whether it is a vector) of a shape."""
    return tuple(shape[:-1]) or (1, 1), len(shape) == 1


def _is_settled(node):
    """Whether a node moves values in a way that does not depend on what its readers do."""
    kind, *how = node.moves or ("",)
    if node.step == "multiply":
        return False  # it may be a part of a function, such as x · sigmoid(x)
    if kind == "shape":
        (x,) = node.inputs
        return how[0] in ((x.size,), (*x.grid, x.channels))
    return kind not in ("stack", "sum", "axes", "patches")


def is_named(step):
    """Whether a step is a pool or an activation of Keras by its name."""
    return step["op"] in POOLS or step["op"] in ACTIVATIONS


POOLS = {
    "layers.MaxPooling2D": pools.pool2d,
    "layers.AveragePooling2D": pools.pool2d,
    "ops.MaxPool": pools.pool2d,
    "ops.AveragePool": pools.pool2d,
    "layers.AdaptiveAveragePooling2D": pools.adaptive_pool2d,
    "layers.AdaptiveMaxPooling2D": pools.adaptive_pool2d,
    "ops.AdaptiveAveragePool": pools.adaptive_pool2d,
    "ops.AdaptiveMaxPool": pools.adaptive_pool2d,
    "layers.GlobalAveragePooling2D": pools.global_pool,
    "layers.GlobalMaxPooling2D": pools.global_pool,
    "layers.GlobalAveragePooling1D": pools.global_pool,
}

ACTIVATIONS = {
    f"{group}.{written}": elementwise.named(name)
    for written, name in {
        "ReLU": "relu", "Relu": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid",
        "Softmax": "softmax", "LogSoftmax": "log_softmax", "Elu": "elu", "Gelu": "gelu",
        "Selu": "selu", "Silu": "silu", "Softplus": "softplus", "Relu6": "relu6", "ELU": "elu",
        "HardSigmoid": "hard_sigmoid", "HardSilu": "hard_silu",
    }.items()
    for group in ("layers", "ops")
}  # fmt: skip

UNDERSTOOD = {
    "layers.Conv2D": learned.conv2d,
    "layers.DepthwiseConv2D": learned.conv2d,
    "ops.Conv": learned.convolution,
    "ops.DepthwiseConv": learned.convolution,
    "ops.ConvTranspose": learned.convolution_transpose,
    "ops.Matmul": learned.product,
    "ops.Dot": learned.product,
    "layers.Dense": learned.dense,
    "layers.EinsumDense": learned.einsum_dense,
    "layers.SeparableConv2D": learned.separable_conv2d,
    "layers.Conv2DTranspose": learned.conv2d_transpose,
    "layers.Conv1D": learned.conv1d,
    "layers.BatchNormalization": learned.normalisation("batch_norm"),
    "layers.LayerNormalization": learned.normalisation("layer_norm"),
    "layers.GroupNormalization": learned.normalisation("group_norm"),
    "layers.MultiHeadAttention": learned.multi_head_attention,
    "layers.LayerScale": learned.layer_scale,
    "layers.CustomScaleLayer": elementwise.scaled_addition,
    "layers.UpSampling2D": pools.upsampling,
    "ops.Resize": pools.resize,
    "ops.Mean": pools.mean,
    "layers.Flatten": moving.flatten,
    "layers.Reshape": moving.reshape,
    "ops.Reshape": moving.reshape,
    "ops.Squeeze": moving.reshape,
    "ops.ExpandDims": moving.reshape,
    "layers.ZeroPadding2D": moving.zero_padding,
    "layers.Cropping2D": moving.cropping,
    "layers.CenterCrop": moving.centre_crop,
    "ops.Pad": moving.pad,
    "ops.ZerosLike": moving.zeros,
    "ops.ExtractPatches": moving.patches,
    "layers.Activation": elementwise.activation_layer,
    "layers.Rescaling": elementwise.rescaling,
    "layers.Add": elementwise.arithmetic("add"),
    "ops.Add": elementwise.arithmetic("add"),
    "ops.Subtract": elementwise.arithmetic("subtract"),
    "layers.Multiply": elementwise.arithmetic("multiply"),
    "ops.Multiply": elementwise.arithmetic("multiply"),
    "ops.Divide": elementwise.arithmetic("divide"),
    "ops.TrueDivide": elementwise.arithmetic("divide"),
    "layers.LeakyReLU": elementwise.leaky_relu,
    "ops.LeakyRelu": elementwise.leaky_relu,
    "ops.Maximum": elementwise.maximum,
    "ops.Clip": elementwise.clip,
    "ops.Negative": elementwise.negative,
    "layers.Concatenate": moving.concatenate,
    "ops.Concatenate": moving.concatenate,
    "ops.Unmerged": moving.unmerged,
    "ops.Stack": moving.stack,
    "ops.Sum": moving.sum_up,
    "layers.Permute": turned.permute,
    "ops.Transpose": turned.permute,
    "ops.Swapaxes": turned.swapaxes,
    "ops.Moveaxis": turned.moveaxis,
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
