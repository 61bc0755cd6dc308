"""How a row is written in words, for tables, cards, figures and findings."""

_KINDS = {
    "conv": "convolution",
    "conv_transpose": "transposed convolution",
    "dense": "dense",
    "max_pool": "max pool",
    "average_pool": "average pool",
    "global_average_pool": "global average",
    "global_max_pool": "global max",
    "upsample": "upsampling",
    "crop": "crop",
    "batch_norm": "batch norm",
    "layer_norm": "layer norm",
    "group_norm": "group norm",
    "grn": "global response norm",
    "add": "add",
    "multiply": "multiply",
    "concatenate": "maps side by side",
    "pad_channels": "further maps of zeros",
    "activation": "activation",
    "attention": "attention",
    "class_token": "class token",
    "first_token": "the first token",
    "position_embedding": "position embedding",
}
_ORDINALS = {2: "second", 3: "third"}
#: Steps whose window slides over a map.
WINDOWS = ("conv", "conv_transpose", "max_pool", "average_pool")


def counted(step):
    """Whether the course counts what a step costs; of others it knows what Keras reports."""
    return step.step in _KINDS


def does(step):
    """A step in words, for a cell of a table: `convolution 5 × 5, stride 2`."""
    text = _KINDS.get(step.step, step.step)
    (high, wide) = step.stride
    if step.step == "max_pool" and step.kernel == (1, 1) and high == wide > 1:
        text = f"every {_ORDINALS.get(high, f'{high}th')} pixel"
    elif step.step == "conv" and len(step.grid) == 1:
        text = "dense for each token"
    elif step.step in WINDOWS:
        text += f" {by(step.kernel)}"
        if step.stride != (1, 1):
            text += f", stride {one(step.stride)}"
        if any(map(any, step.padding)):
            text += f", padding {padding(step)}"
    elif step.step == "upsample":
        text += f" {by(step.factor)}, {step.interpolation}"
    elif step.step == "crop":
        text += f" {around(step)}"
    elif step.step == "attention":
        text += f", {heads(step)}"
    if step.connections:
        pairs = sum(map(len, step.connections))
        text += f", {pairs} of {step.channels * step.filters} connections"
    elif step.groups > 1:
        text += ", one map each" if step.groups == step.channels else f", {step.groups} groups"
    if step.activation and step.step != "activation":
        text += f", {step.activation}"
    elif step.activation:
        text = step.activation
    return text


def shape_of(shape):
    """A shape in words: `28 × 28 × 6`."""
    return " × ".join(map(str, shape))


def by(pair):
    """A pair as a size: `5 × 5`."""
    return " × ".join(map(str, pair))


def one(pair):
    """A pair as one number if both are the same, else as `2 × 3`."""
    return str(pair[0]) if pair[0] == pair[1] else by(pair)


def padding(step):
    """The zeros around a map, briefly: `2`, or `(0, 1) and (0, 1)` if the sides differ."""
    sides = {side for axis in step.padding for side in axis}
    return str(sides.pop()) if len(sides) == 1 else f"{step.padding[0]} and {step.padding[1]}"


def around(step):
    """Padding in a sentence: `none`, `2 on each side`."""
    if not any(map(any, step.padding)):
        return "none"
    one_number = len({side for axis in step.padding for side in axis}) == 1
    return padding(step) + (" on each side" if one_number else " (before, after)")


def heads(step):
    """The heads of an attention in words: `12 heads of 64`."""
    return f"{step.heads} head{'s' * (step.heads > 1)} of {step.key_dim}"


def groups(step):
    """The number of groups of a convolution, in words."""
    return "one group" if step.groups == 1 else f"{step.groups} groups"


def constants(step):
    """The constants of a local response normalisation, in words."""
    n, k, alpha, beta = step.constants
    return f"n = {n}, k = {k:g}, alpha = {alpha:g}, beta = {beta:g}"


def chain(links):
    """Element-wise functions in a row, in words: `× 2, tanh`."""
    kinds = {"mul": "× {:g}", "add": "+ {:g}"}
    return ", ".join(v if k == "fn" else kinds[k].format(v) for k, v in links)


def read_by(step):
    """The steps that a step reads, each once; a concatenation stands for its parts."""
    return list(dict.fromkeys(source for value in step.inputs for source in read_from(value)))


def sources(step):
    """The names of the steps that a step reads; a concatenation stands for its parts."""
    return [name for value in step.inputs for name in sources_of(value)]


def sources_of(value):
    """The names of the steps that a value comes from; a concatenation stands for its parts."""
    return ["input" if step.step == "input" else step.name for step in read_from(value)]


def read_from(value):
    """The steps that a value is read from; a concatenation stands for its parts."""
    return [value.joined] if value.joined else [part[0] for part in value.parts]


def name_of(step):
    """The name of a step, or its kind if it has none."""
    return step.name or step.step


def what(step):
    """A step's name, and what it does in brackets."""
    return f"{name_of(step)} ({step.does()})"
