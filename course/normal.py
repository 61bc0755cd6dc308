"""Rows in their normal form: one function for each kind of step, used by tables and traces alike.

Each takes `Value`s (tensors in flight) and returns one. What is no architecture leaves no row here:
an activation is folded into the step before it, zeros around a map become the next step's padding,
slices and concatenations of channels become the list of channels that a step reads, equal steps
side by side become one step, a convolution as large as its map becomes a dense layer.
"""

from collections import Counter

from course import arithmetic
from course.anatomy import Step, Value

_NOTHING = (("mul", 1), ("add", 0), ("fn", "linear"))
_MONOTONE = {"relu", "tanh", "sigmoid"}
# On two GPUs each normalised its own maps; side by side they count as one normalisation.
_PER_MAP = {"max_pool", "average_pool", "batch_norm", "activation", "lrn"}


def image(name, shape):
    """The input: (height, width, channels), or (units,). Raises ValueError for anything else."""
    if len(shape) == 3 and all(shape):
        step = Step(name, "input", grid=tuple(shape[:2]), filters=shape[2])
        return Value([(step, 0, shape[2])], step.grid)
    if len(shape) == 1 and all(shape):
        step = Step(name, "input", filters=shape[0])
        return Value([(step, 0, shape[0])], (1, 1), flat=True)
    raise ValueError(
        "The input should be an image (height, width, channels) with fixed sizes. "
        f"Received: {tuple(shape)}."
    )


def _window(x, kernel, stride, padding, dilation=(1, 1)):
    """(padding for both axes, output grid) of a window that slides over a value."""
    pads, grid = [], []
    for axis in (0, 1):
        size, around = x.grid[axis], x.padding[axis]
        if padding == "same":
            total = size + sum(around)
            own = arithmetic.same_padding(total, kernel[axis], stride[axis], dilation[axis])
        elif padding == "ceil":
            more = arithmetic.output_size(size, kernel[axis], stride[axis], around, ceil=True)
            reach = (more - 1) * stride[axis] + kernel[axis]
            own = (0, max(0, reach - size - sum(around)))
        else:
            own = (padding, padding)
        pad = (around[0] + own[0], around[1] + own[1])
        pads.append(pad)
        grid.append(arithmetic.output_size(size, kernel[axis], stride[axis], pad, dilation[axis]))
    return tuple(pads), tuple(grid)


def conv(x, name, filters, kernel, stride=(1, 1), padding=0, dilation=(1, 1), **rest):
    """A convolution; one whose window is the whole map is a dense layer by another name."""
    pads, grid = _window(x, kernel, stride, padding, dilation)
    covers = kernel == x.grid and grid == (1, 1) and not any(map(any, pads))
    if covers and rest.get("groups", 1) == 1 and not rest.get("connections"):
        return dense(x, name, filters, flat=False, **rest)
    step = Step(
        name, "conv", [x], filters, grid, kernel, stride, pads, dilation, **_given(rest)
    )  # fmt: skip
    return Value([(step, 0, filters)], grid)


def dense(x, name, units, flat=True, **rest):
    """A fully connected layer over every value of x."""
    step = Step(name, "dense", [x], units, **_given(rest))
    return Value([(step, 0, units)], (1, 1), flat=flat)


def pool(x, name, kind, kernel, stride, padding, **rest):
    """Pooling; a window that is the whole map is global pooling by another name."""
    pads, grid = _window(x, kernel, stride, padding)
    if kernel == (1, 1) and not any(map(any, pads)):
        kind = "max_pool"  # of one value the mean is the largest: both only leave pixels out
        if stride == (1, 1):
            return x
    if kernel == x.grid and grid == (1, 1) and not any(map(any, pads)) and x.grid != (1, 1):
        return global_pool(x, name, kind, flat=False, **rest)
    step = Step(name, kind, [x], x.channels, grid, kernel, stride, pads, **_given(rest))
    return Value([(step, 0, x.channels)], grid)


def global_pool(x, name, kind, flat=True, **rest):
    """One number for each map; `kind` is "max_pool" or "average_pool"."""
    if x.grid == (1, 1):
        return x.like(flat=flat)
    step = Step(name, f"global_{kind}", [x], x.channels, kernel=x.grid, **_given(rest))
    return Value([(step, 0, x.channels)], (1, 1), flat=flat)


def _given(rest):
    return {key: value for key, value in rest.items() if key != "flat"}


def function(x, name, link, **rest):
    """An element-wise function: folded into the steps that made x, if nothing else reads those."""
    if link in _NOTHING:
        return x
    pools = [s for s, _, _ in x.parts]
    if x.once and link[1] in _MONOTONE and all(s.step == "max_pool" and not s.chain for s in pools):
        # The largest of f(a), f(b) is f of the largest: the same function, whichever comes first.
        sources = [s.inputs[0] for s in pools]
        if all(_foldable(source) for source in sources):
            for source in sources:
                function(source, name, link, **rest)
            return x
    only_scaling = link[0] != "fn"
    if _foldable(x):
        for step in {id(s): s for s, _, _ in x.parts}.values():
            step.chain.append(link)
        return x
    if only_scaling and all(s.step == "input" for s, _, _ in x.parts):
        return x  # rescaling the image is not architecture
    step = Step(name, "activation", [x], x.channels, x.grid, chain=[link], **_given(rest))
    return Value([(step, 0, x.channels)], x.grid, flat=x.flat)


def batch_norm(x, name, **rest):
    """Normalisation over the batch, with a scale and a shift for each map."""
    step = Step(name, "batch_norm", [x], x.channels, x.grid, **_given(rest))
    return Value([(step, 0, x.channels)], x.grid, flat=x.flat)


def lrn(x, name, **rest):
    """Local response normalisation: no parameters, new values."""
    step = Step(name, "lrn", [x], x.channels, x.grid, **_given(rest))
    return Value([(step, 0, x.channels)], x.grid)


def pad_channels(x, name, filters, **rest):
    """Maps of zeros behind those of x, up to `filters`."""
    step = Step(name, "pad_channels", [x], filters, x.grid, **_given(rest))
    return Value([(step, 0, filters)], x.grid)


def _foldable(x):
    """Whether nothing but the next step reads what x is made of."""
    return x.once and x.whole and all(step.step != "input" for step, _, _ in x.parts)


def add(values, name, **rest):
    """The sum of values of one shape."""
    first = values[0]
    step = Step(name, "add", list(values), first.channels, first.grid, **_given(rest))
    return Value([(step, 0, first.channels)], first.grid, flat=first.flat)


def concatenate(values, name):
    """Channels side by side; equal steps side by side become one wide step.

    What reads the result reads the steps behind it, so the order of branches does not matter; the
    row of the concatenation itself is there to be shown and for the memory it takes.
    """
    parts = join([part for value in values for part in value.parts])
    first = values[0]
    once = all(value.once for value in values)
    grid = (1, 1) if first.flat and len({value.grid for value in values}) > 1 else first.grid
    joined = Value(parts, grid, first.flat, first.padding, once)
    if once and (merged := _merge(joined, name)) is not None:
        return merged
    if len(parts) > 1:
        channels = joined.channels
        joined.joined = Step(name or "concatenate", "concatenate", [joined.like()], channels, grid)
    return joined


def join(parts):
    """Neighbouring ranges of one step written as one range."""
    joined = []
    for step, start, stop in parts:
        if joined and joined[-1][0] is step and joined[-1][2] == start:
            joined[-1] = (step, joined[-1][1], stop)
        else:
            joined.append((step, start, stop))
    return joined


def _signature(step):
    chain = tuple(step.chain)
    common = (step.step, step.grid, step.kernel, step.stride, step.padding, step.dilation, chain)
    return (*common, step.bias, step.trainable)


def _merge(value, name):
    """If a value is several complete steps of one kind side by side: the one step they are."""
    steps = [step for step, _, _ in value.parts]
    kinds = {_signature(step) for step in steps}
    layers = {id(step) if step.layer is None else step.layer for step in steps}
    same = len(kinds) == 1 and len(layers) == len(steps) > 1  # sharing weights is not side by side
    if not same or not value.whole or steps[0].step not in {"conv", "dense", *_PER_MAP}:
        return None
    first = steps[0]
    if first.step == "dense" and len({_channels_read(step) for step in steps}) > 1:
        return None
    shared = any(not read.once for step in steps for read in step.inputs)
    if shared and first.step in _PER_MAP - {"lrn"}:
        return None
    # A normalisation reads its input several times, for the squares; that is still one reader.
    alone = first.step == "lrn"
    sources = [step.inputs[0].like(once=alone or step.inputs[0].once) for step in steps]
    if len({(s.grid, s.flat, s.padding) for s in sources}) > 1:
        return None
    merged = Step(**{
        **first.__dict__,
        "name": name or _common_prefix([step.name for step in steps]),
        "filters": sum(step.filters for step in steps),
        "layer": first.layer,
    })  # fmt: skip
    for cached in ("channels", "fan_in", "parameters", "reach"):
        merged.__dict__.pop(cached, None)
    if first.step in _PER_MAP or first.step == "dense":
        merged.inputs = [concatenate(sources, "") if first.step in _PER_MAP else sources[0]]
        return Value([(merged, 0, merged.filters)], value.grid, value.flat)
    seen = [atoms for step in steps for atoms in _atoms_seen(step)]
    order = {}
    for atoms in seen:
        for atom in atoms:
            order.setdefault(atom, None)
    # Channels in the order of the steps they come from, so that the table and the model agree.
    position = {s: i for i, s in enumerate(dict.fromkeys(step for step, _ in order))}
    channels = sorted(order, key=lambda atom: (position[atom[0]], atom[1]))
    parts = join([(step, channel, channel + 1) for step, channel in channels])
    merged.inputs = [_merge_or_same(sources[0].like(parts=parts, joined=None))]
    number = {atom: i for i, atom in enumerate(channels)}
    connections = tuple(tuple(sorted(number[atom] for atom in atoms)) for atoms in seen)
    merged.groups, merged.connections = _grouped(connections, len(channels))
    everything = merged.groups == 1 and not merged.connections
    if not everything and len({id(step) for step, _, _ in merged.inputs[0].parts}) > 1:
        return None  # branches of their own, which only happen to be of one size
    return Value([(merged, 0, merged.filters)], value.grid, value.flat)


def _channels_read(step):
    return tuple(sorted((id(source), *part) for source, *part in step.inputs[0].parts))


def _merge_or_same(value):
    return _merge(value, "") or value


def _atoms_seen(step):
    """For each map of a convolution: the (step, channel) pairs of the input that it sees."""
    atoms = [
        (source, channel)
        for source, start, stop in step.inputs[0].parts
        for channel in range(start, stop)
    ]
    if step.connections:
        return [tuple(atoms[i] for i in seen) for seen in step.connections]
    wide, maps = len(atoms) // step.groups, step.filters // step.groups
    return [
        tuple(atoms[group * wide : (group + 1) * wide])
        for group in range(step.groups)
        for _ in range(maps)
    ]


def _grouped(connections, channels):
    """(groups, connections) in the simplest words: everything, equal groups, or a table."""
    distinct = list(dict.fromkeys(connections))
    if distinct == [tuple(range(channels))]:
        return 1, None
    sizes = {len(seen) for seen in distinct}
    counts = set(Counter(connections).values())
    covered = sorted(channel for seen in distinct for channel in seen)
    if len(sizes) == len(counts) == 1 and covered == list(range(channels)):
        return len(distinct), None
    return 1, connections


def _common_prefix(names):
    prefix = names[0]
    for name in names[1:]:
        while not name.startswith(prefix):
            prefix = prefix[:-1]
    return prefix.rstrip("_-0123456789") or names[0]
