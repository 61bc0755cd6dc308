"""How a row is written in words, for tables, cards, figures and findings."""

from course.language import N_, _, ngettext

_KINDS = {
    "conv": N_("convolution"),
    "conv_transpose": N_("transposed convolution"),
    "dense": N_("dense"),
    "max_pool": N_("max pool"),
    "average_pool": N_("average pool"),
    "global_average_pool": N_("global average"),
    "global_max_pool": N_("global max"),
    "upsample": N_("upsampling"),
    "crop": N_("crop"),
    "batch_norm": N_("batch norm"),
    "layer_norm": N_("layer norm"),
    "group_norm": N_("group norm"),
    "grn": N_("global response norm"),
    "add": N_("add"),
    "multiply": N_("multiply"),
    "concatenate": N_("maps side by side"),
    "pad_channels": N_("further maps of zeros"),
    "activation": N_("activation"),
    "attention": N_("attention"),
    "class_token": N_("class token"),
    "first_token": N_("the first token"),
    "position_embedding": N_("position embedding"),
}
#: Steps whose window slides over a map.
WINDOWS = ("conv", "conv_transpose", "max_pool", "average_pool")


def counted(step):
    """Whether the course counts what a step costs; of others it knows what Keras reports."""
    return step.step in _KINDS


def kind_of(name):
    """A kind of step in words, such as `batch norm`; others keep their name."""
    return _(_KINDS.get(name, name))


def does(step):
    """A step in words, for a cell of a table: `convolution 5 × 5, stride 2`."""
    parts = [kind_of(step.step)]
    if skips(step):
        parts = [_every(step.stride[0])]
    elif step.step == "conv" and len(step.grid) == 1:
        parts = [_("dense for each token")]
    elif step.step in WINDOWS:
        parts[0] += f" {by(step.kernel)}"
        if step.stride != (1, 1):
            parts.append(_("stride {size}").format(size=one(step.stride)))
        if any(map(any, step.padding)):
            parts.append(_("padding {size}").format(size=padding(step)))
    elif step.step == "upsample":
        parts = [f"{parts[0]} {by(step.factor)}", step.interpolation]
    elif step.step == "crop":
        parts[0] += f" {around(step)}"
    elif step.step == "attention":
        parts.append(heads(step))
    if step.connections:
        count = sum(map(len, step.connections)), step.channels * step.filters
        parts.append(_("{some} of {all} connections").format(some=count[0], all=count[1]))
    elif step.groups > 1:
        single = step.groups == step.channels
        parts.append(_("one map each") if single else groups(step))
    if step.activation and step.step != "activation":
        parts.append(step.activation)
    elif step.activation:
        parts = [step.activation]
    return _(", ").join(parts)


def skips(step):
    """Whether it is a max pool without a window, which takes every second pixel."""
    return (
        step.step == "max_pool" and step.kernel == (1, 1) and step.stride[0] == step.stride[1] > 1
    )


def _every(number):
    if number == 2:
        return _("every second pixel")
    if number == 3:
        return _("every third pixel")
    return _("every {number}th pixel").format(number=number)


def listed(names):
    """Names as a list in words: `a, b and c`."""
    *others, last = names
    return together([_(", ").join(others), last] if others else [last])


def together(names):
    """Names as a list in words, with an `and` between any two."""
    first, *others = names
    for name in others:
        first = _("{others} and {last}").format(others=first, last=name)
    return first


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
    return str(sides.pop()) if len(sides) == 1 else listed(map(str, step.padding))


def around(step):
    """Padding in a sentence: `none`, `2 on each side`."""
    if not any(map(any, step.padding)):
        return _("none")
    if len({side for axis in step.padding for side in axis}) == 1:
        return _("{size} on each side").format(size=padding(step))
    return _("{size} (before, after)").format(size=padding(step))


def heads(step):
    """The heads of an attention in words: `12 heads of 64`."""
    said = ngettext("{number} head of {size}", "{number} heads of {size}", step.heads)
    return said.format(number=step.heads, size=step.key_dim)


def groups(step):
    """The number of groups of a convolution, in words."""
    return ngettext("one group", "{number} groups", step.groups).format(number=step.groups)


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
