"""Equal steps side by side are joined: two towers on two GPUs, groups, tables of maps.

The other way round, a wide step whose maps go different ways is taken apart.
"""

from bisect import bisect_left
from collections import Counter
from itertools import accumulate, pairwise, takewhile

from course.network.about import about
from course.network.node import WEIGHTED, cut, join

# Bounds on work that no published network comes near. Beyond them, steps are not joined.
_MOST_GROUPS = 10_000  # groups of maps in all steps that are to be joined
_MOST_PIECES = 200_000  # ranges of maps that those groups read
_MOST_PAIRS = 5_000  # (input map, output map) in a table of connections; LeNet-5's C3 has 60

# Steps that work on each map by itself. "lrn" is among them although it reads neighbouring maps:
# AlexNet's two GPUs each normalised their own maps, and together they count as one normalisation.
_PER_MAP = {"max_pool", "average_pool", "batch_norm", "activation", "lrn"}


@about(moves=("join",))
def equal_steps_side_by_side(graph, number, node):
    """Join equal steps whose whole outputs are concatenated into one wide step.

    The steps that they read are joined in the same way, level by level towards the input.
    """
    if len({(v.grid, v.flat) for v in node.inputs}) > 1:
        return False
    parts = join([part for value in node.inputs for part in value.parts])
    value = node.inputs[0].with_(parts=parts, joined=None)
    if not graph.only_reader(value, number):
        return False
    name = "" if node.name.startswith("concatenate") else node.name
    levels, at = [], value
    while at is not None and (level := _level(graph, at, "" if levels else name)):
        levels.append((at, *level))
        at = level[1]
    below = None
    for at, merged, _, mixed in reversed(levels):
        if below is not None:
            merged = merged.with_(inputs=(below,))
        if mixed and len({part[0] for part in merged.inputs[0].parts}) > 1:
            below = None  # separate branches that only happen to have the same size
            continue
        below = graph.one_for([part[0] for part in at.parts], merged)
        below = below.with_(grid=at.grid, flat=at.flat)
    if below is None:
        return False
    graph.vanish(number, below)
    return True


@about("batch_norm")
def norm_of_several_steps(graph, number, node):
    """One normalisation of maps side by side is one for each step that makes some of them."""
    (x,) = node.inputs
    several = len({part[0] for part in x.parts}) > 1
    if not several or x.joined is None or not _only_these_read(graph, [number], x):
        return False
    pieces = []
    for at, part in enumerate(x.parts, 1):
        one = x.with_(parts=(part,), joined=None)
        rest = {"name": f"{node.name}[{at}]", "filters": one.channels, "layer": None}
        pieces.append(node.with_(inputs=(one,), **rest))
    graph.several_for(number, pieces, graph.joins[x.joined].name)
    return True


def _level(graph, value, name):
    """The wide step that a value's steps can be joined into; None if they cannot be joined.

    Returns (the wide step, the value that it reads, "mixed"). The value is None if the steps before
    must not be joined as well. "Mixed" means that the join is right only if the value is one step.
    """
    numbers = [part[0] for part in value.parts]
    if len(set(numbers)) < 2:
        return None
    steps = [graph.nodes[number] for number in numbers]
    graph.count(len(steps))
    first = steps[0]
    whole = all(
        start == 0 and stop == step.filters
        for (_, start, stop), step in zip(value.parts, steps, strict=True)
    )
    weights = first.step in WEIGHTED
    layers = [step.layer for step in steps if weights and step.layer is not None]
    if len(set(layers)) < len(layers) or len(set(numbers)) < len(numbers):
        return None  # sharing weights is not side by side
    if not whole or first.step not in {"conv", "dense", *_PER_MAP}:
        return None
    if len(set(map(_signature, steps))) > 1:
        return None
    sources = [step.inputs[0] for step in steps]
    if len({(source.grid, source.flat) for source in sources}) > 1:
        return None
    names = [step.name for step in steps]
    merged = first.with_(
        name=name or _common_prefix(names), filters=sum(step.filters for step in steps)
    )
    if first.step == "dense" and len({tuple(sorted(s.parts)) for s in sources}) == 1:
        return merged, None, False
    if first.step in _PER_MAP:
        read = sources[0].with_(parts=join([p for s in sources for p in s.parts]), joined=None)
        if not _only_these_read(graph, numbers, read):
            return None
        norms = first.step == "batch_norm"  # each belongs to the step before it
        return merged.with_(inputs=(graph.shown_together(read),)), read, norms
    parts, groups, connections = _what_is_seen(steps)
    if parts is None or (first.step == "dense" and connections):
        return None
    read = sources[0].with_(parts=parts, joined=None)
    merged = merged.with_(inputs=(read,), groups=groups, connections=connections)
    return merged, read, groups > 1 or connections is not None


def _only_these_read(graph, numbers, value):
    """Whether only these nodes read the value's sources, and none of its maps occurs twice."""
    readers = {reader for number, _, _ in value.parts for reader in graph.readers[number]}
    ranges = sorted(value.parts)
    apart = all(a[0] != b[0] or a[2] <= b[1] for a, b in pairwise(ranges))
    return apart and readers <= set(numbers)


def _signature(step):
    """Everything that must be equal in steps that are to be joined."""
    common = (step.step, step.grid, step.kernel, step.stride, step.padding, step.dilation)
    return (*common, step.chain, step.bias, step.trainable, step.constants)


def _common_prefix(names):
    first, last = min(names), max(names)
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "".join(letter for letter, _ in same).rstrip("_-0123456789") or names[0]


def _what_is_seen(steps):
    """The input of convolutions side by side as one step: (parts, groups, connections).

    It is the simplest form that fits: all maps, equal groups, or a table of connections. `parts` is
    None beyond the bounds of this module.
    """
    seen = []  # (the parts that some output maps see, the number of these maps)
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
    places = {}  # step -> the channels at which a part of it begins or ends
    for parts, _ in seen:
        for step, start, stop in parts:
            places.setdefault(step, set()).update((start, stop))
    places = {step: sorted(where) for step, where in places.items()}

    def pieces(parts):
        """The parts, cut so small that each group reads a range either as a whole or not at all."""
        for step, start, stop in parts:
            where = places[step]
            for at in range(bisect_left(where, start), bisect_left(where, stop)):
                yield step, where[at], where[at + 1]

    if sum(len(places[step]) for parts, _ in seen for step, _, _ in parts) > _MOST_PIECES:
        return None, 1, None
    # The channels are put in the order of their steps, so that a table and a model agree.
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


def wide_steps_apart(graph):
    """Take a wide step apart if its maps are read in ranges of different sizes.

    One 1 × 1 convolution of 176 maps can be the three of an inception module, with the same
    weights. Ranges of equal size stay one step: they are groups. Returns whether there was one.
    """
    found = False
    if not _any_in_parts(graph):
        return False
    for number in sorted(graph.nodes, reverse=True):  # what reads a step before the step
        node = graph.nodes[number]
        ranges = _ranges(graph, number) if _is_wide(node) else []
        if len({stop - start for start, stop in ranges}) < 2:
            continue
        pieces = []
        for start, stop in ranges:
            rest = {"name": f"{node.name}[{start}:{stop}]", "filters": stop - start, "layer": None}
            if node.step in _PER_MAP:
                (x,) = node.inputs
                rest["inputs"] = (x.with_(parts=join(cut(x.parts, [(start, stop)])[0])),)
            pieces.append(node.with_(**rest))
        graph.several_for(number, pieces)
        found = True
    return found


def _any_in_parts(graph):
    """Whether a step reads some of another's maps, and not all."""
    values = (graph.now(value) for node in graph.nodes.values() for value in node.inputs)
    parts = (part for value in values for part in value.parts)
    return any((start, stop) != (0, graph.nodes[n].filters) for n, start, stop in parts)


def _is_wide(node):
    plain = node.step == "conv" and node.groups == 1 and not node.connections
    return plain or node.step in ("dense", "batch_norm", "activation")


def _ranges(graph, number):
    """The ranges of a step's maps that are read, if each map is in one of them; else []."""
    found = set()
    for reader in graph.readers[number]:
        values = graph.nodes[reader].inputs if reader in graph.nodes else graph.outputs
        for value in map(graph.now, values):
            found.update(part[1:] for part in value.parts if part[0] == number)
    ranges = sorted(found)
    edges = [0, *(stop for _, stop in ranges)]
    whole = edges == [*(start for start, _ in ranges), graph.nodes[number].filters]
    return ranges if whole else []
