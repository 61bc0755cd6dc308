"""Rows in their normal form: one function for each kind of step, used by tables and traces alike.

Each takes `Value`s (tensors in flight) and returns one. What is no architecture leaves no row here:
an activation is folded into the step before it, zeros around a map become the next step's padding,
slices and concatenations of channels become the list of channels that a step reads, equal steps
side by side become one step, a convolution as large as its map becomes a dense layer.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import fields
from itertools import accumulate, takewhile

from course import arithmetic
from course.anatomy import Step, Value

# Bounds on work, far beyond every network that was published; past the first three, steps side by
# side stay steps of their own.
_MOST_GROUPS = 10_000  # of maps that see the same maps, in steps that are put together
_MOST_PIECES = 200_000  # of maps that are read by one of those groups
_MOST_PAIRS = 5_000  # of maps in a table of connections; LeNet-5 has 60
_MOST_POOLS = 3  # in a row, before which an activation may come as well as behind them


class TooLarge(ValueError):
    """A network beyond what a check reads; the text says of what it has too much."""


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
    only_scaling = link[0] != "fn"
    if _foldable(x):
        for step in _before_pools(x, link):
            step.chain.append(link)
        return x
    if only_scaling and all(s.step == "input" for s, _, _ in x.parts):
        return x  # rescaling the image is not architecture
    step = Step(name, "activation", [x], x.channels, x.grid, chain=[link], **_given(rest))
    return Value([(step, 0, x.channels)], x.grid, flat=x.flat)


def _before_pools(x, link):
    """The steps that take in a function of x: those that made it, or those before its max pools.

    The largest of f(a), f(b) is f of the largest: the same function, whichever comes first.
    """
    steps = list(dict.fromkeys(step for step, _, _ in x.parts))
    for _ in range(_MOST_POOLS if link[1] in _MONOTONE else 0):
        if any(step.step != "max_pool" or step.chain for step in steps):
            break
        if not all(_foldable(step.inputs[0]) for step in steps):
            break
        steps = list(dict.fromkeys(s for step in steps for s, _, _ in step.inputs[0].parts))
    return steps


def batch_norm(x, name, **rest):
    """Normalisation over the batch, with a scale and a shift for each map."""
    step = Step(name, "batch_norm", [x], x.channels, x.grid, **_given(rest))
    return Value([(step, 0, x.channels)], x.grid, flat=x.flat)


def lrn(x, name, constants, **rest):
    """Local response normalisation: no parameters, new values. `constants`: (n, k, alpha, beta)."""
    step = Step(name, "lrn", [x], x.channels, x.grid, constants=constants, **_given(rest))
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
    joined = _beside(values, name)
    return (joined.once and _merge(joined, name)) or joined


def _beside(values, name):
    parts = join([part for value in values for part in value.parts])
    first = values[0]
    once = all(value.once for value in values)
    grid = (1, 1) if first.flat and len({value.grid for value in values}) > 1 else first.grid
    joined = Value(parts, grid, first.flat, first.padding, once)
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


def cut(parts, ranges):
    """For each (start, stop) of the channels that some parts have together: the parts in it."""
    starts = list(accumulate((stop - start for _, start, stop in parts), initial=0))
    pieces = []
    for begin, end in ranges:
        piece, at = [], bisect_right(starts, begin) - 1
        while begin < end:
            step, first, _ = parts[at]
            until = min(end, starts[at + 1])
            piece.append((step, first + begin - starts[at], first + until - starts[at]))
            begin, at = until, at + 1
        pieces.append(piece)
    return pieces


def _signature(step):
    chain = tuple(step.chain)
    common = (step.step, step.grid, step.kernel, step.stride, step.padding, step.dilation, chain)
    return (*common, step.bias, step.trainable, step.constants)


def _merge(value, name):
    """If a value is several complete steps of one kind side by side: the one step they are.

    What they read is put together in the same way, level by level towards the input.
    """
    levels, below, at = [], None, value
    while at is not None and below is None:
        steps = tuple(step for step, _, _ in at.parts)
        level = _side_by_side(steps, at, "" if levels else name)
        if level is None:
            break
        merged, reads, mixed = level
        levels.append((at, steps, merged, mixed))
        at = reads
        below = reads and _known_together(reads)  # where other steps read the same
    for at, steps, merged, mixed in reversed(levels):
        if below is not None:
            merged.inputs = [below]
        if mixed and len({id(step) for step, _, _ in merged.inputs[0].parts}) > 1:
            below = None  # branches of their own, which only happen to be of one size
            continue
        below = Value([(merged, 0, merged.filters)], at.grid, at.flat)
        if at is not value:
            steps[0].together[steps] = below
    return below


def _known_together(value):
    steps = tuple(step for step, _, _ in value.parts)
    return steps[0].together.get(steps) if value.whole else None


def _side_by_side(steps, value, name):
    """The one step that the steps of a value are, if they are one, with what may become one below.

    (the step, the value to go on with or None, whether it needs that value to be one step)
    """
    kinds = {_signature(step) for step in steps}
    layers = {id(step) if step.layer is None else step.layer for step in steps}
    same = len(kinds) == 1 and len(layers) == len(steps) > 1  # sharing weights is not side by side
    first = steps[0]
    if not same or not value.whole or first.step not in {"conv", "dense", *_PER_MAP}:
        return None
    if first.step == "dense" and len({_channels_read(step) for step in steps}) > 1:
        return None
    shared = any(not read.once for step in steps for read in step.inputs)
    if shared and first.step in _PER_MAP:
        return None
    sources = [step.inputs[0] for step in steps]
    if len({(s.grid, s.flat, s.padding) for s in sources}) > 1:
        return None
    merged = Step(**{
        **{each.name: getattr(first, each.name) for each in fields(Step)},
        "name": name or _common_prefix([step.name for step in steps]),
        "filters": sum(step.filters for step in steps),
        "inputs": [sources[0]],
        "together": {},
    })  # fmt: skip
    if first.step == "dense":
        return merged, None, False
    if first.step in _PER_MAP:
        read = _beside(sources, "")
        merged.inputs = [read]
        return merged, read if read.once else None, False
    parts, groups, connections = _what_is_seen(steps)
    if parts is None:
        return None
    merged.inputs = [sources[0].like(parts=parts, joined=None)]
    merged.groups, merged.connections = groups, connections
    return merged, merged.inputs[0], groups > 1 or connections is not None


def _channels_read(step):
    return tuple(sorted((id(source), *part) for source, *part in step.inputs[0].parts))


def _what_is_seen(steps):
    """What convolutions side by side read together: (parts, groups, connections).

    Everything, equal groups, or a table in the simplest words. The parts are None beyond the
    bounds of this module.
    """
    seen = []  # (the parts that some maps see, how many maps do)
    if sum(len(step.connections or ()) or step.groups for step in steps) > _MOST_GROUPS:
        return None, 1, None
    for step in steps:
        parts = step.inputs[0].parts
        if step.connections:
            for read in step.connections:
                pieces = cut(parts, [(channel, channel + 1) for channel in read])
                seen.append((join(part for piece in pieces for part in piece), 1))
        else:
            wide, maps = step.channels // step.groups, step.filters // step.groups
            ranges = [(group * wide, (group + 1) * wide) for group in range(step.groups)]
            seen += [(piece, maps) for piece in cut(parts, ranges)]
    places = {}  # step -> where a part of it begins or ends, in the order in which they are read
    for parts, _ in seen:
        for step, start, stop in parts:
            places.setdefault(step, set()).update((start, stop))
    places = {step: sorted(where) for step, where in places.items()}

    def pieces(parts):
        """The smallest ranges, each read whole or not at all, that parts are made of."""
        for step, start, stop in parts:
            where = places[step]
            for at in range(bisect_left(where, start), bisect_left(where, stop)):
                yield step, where[at], where[at + 1]

    if sum(len(places[step]) for parts, _ in seen for step, _, _ in parts) > _MOST_PIECES:
        return None, 1, None
    # Channels in the order of the steps they come from, so that the table and the model agree.
    read = {piece for parts, _ in seen for piece in pieces(parts)}
    every = [
        piece for step, where in places.items() for piece in pieces([(step, where[0], where[-1])])
    ]
    every = [piece for piece in every if piece in read]
    number = {piece: at for at, piece in enumerate(every)}
    widths = [stop - start for _, start, stop in every]
    seen = [(tuple(sorted(map(number.get, pieces(parts)))), maps) for parts, maps in seen]
    maps_of = Counter()
    for numbers, maps in seen:
        maps_of[numbers] += maps
    sizes = {numbers: sum(widths[at] for at in numbers) for numbers in maps_of}
    if list(maps_of) == [tuple(range(len(every)))]:
        return join(every), 1, None
    equal = len(set(sizes.values())) == len(set(maps_of.values())) == 1
    if equal and sorted(at for numbers in maps_of for at in numbers) == list(range(len(every))):
        return join(every), len(maps_of), None
    if sum(maps * sizes[numbers] for numbers, maps in seen) > _MOST_PAIRS:
        return None, 1, None
    first = list(accumulate(widths, initial=0))
    connections = [
        tuple(channel for at in numbers for channel in range(first[at], first[at + 1]))
        for numbers, maps in seen
        for _ in range(maps)
    ]
    return join(every), 1, tuple(connections)


def _common_prefix(names):
    first, last = min(names), max(names)
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "".join(letter for letter, _ in same).rstrip("_-0123456789") or names[0]
