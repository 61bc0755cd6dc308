"""The normal form of a network, as one list of rules: two ways to write it give the same rows.

The rules remove differences that are not architecture: names, activations as argument, layer or
function, padding as a layer of its own, dropout, slices and concatenations of channels, towers side
by side. Each rule looks at one node and its inputs, and returns whether it changed anything. The
rules are applied until none does. Those about windows are in `course.network.windows`.
"""

from functools import lru_cache

from course.language import N_
from course.network import steps
from course.network.about import about
from course.network.beside import (
    equal_steps_side_by_side,
    norm_of_several_steps,
    wide_steps_apart,
)
from course.network.functions import IDEMPOTENT, KEEPS_ZERO, MONOTONE, NOTHING
from course.network.node import Value, cut, join
from course.network.sums import (
    attention_to_itself,
    bias_into_its_step,
    minus_a_negative,
    sum_of_what_is_stacked,
)
from course.network.turned import axes_turned_back, maps_turned_later, only_the_shape_changes
from course.network.windows import (
    ZEROS,
    cropped_behind_a_transposed_convolution,
    cropped_behind_a_window,
    patches_into_a_convolution,
    pixels_skipped_among_maps_of_zeros,
    pixels_skipped_before_a_window,
    pixels_skipped_behind_a_pool,
    pool_of_one_pixel,
    pools_along_one_axis_each,
    window_as_large_as_its_map,
    zeros_into_the_window,
    zeros_on_zeros,
)

AGAIN = N_("the same maps again")  # the step of a concatenation of equal values
_MOST_POOLS = 3  # pools in a row that an activation may move across
_POOLS = {"max_pool", "average_pool", "global_max_pool", "global_average_pool"}
_SCALING = {"Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Rescaling"}


def normal(graph):
    """Bring a network that was read to its normal form. Returns what `Graph.finished` returns."""
    graph.rewrite(_for)
    if wide_steps_apart(graph):
        graph.rewrite(_for)
    return graph.finished()


def _for(node):
    return _rules_about(node.step, node.move)


@lru_cache(maxsize=1000)  # a student's step may have any name
def _rules_about(step, move):
    """The rules that can change a node of this kind, which moves values in this way."""
    return tuple(
        rule
        for rule in RULES
        if not (rule.steps or rule.moves) or step in rule.steps or move in rule.moves
    )


# --- what does nothing


@about("activation", moves=("same", "pad"))
def nothing_happens(graph, number, node):
    """Dropout at inference, identity, casts, linear activations, factors of one: all left out."""
    idle = node.moves in (("same",), ("pad", ZEROS))
    idle |= node.step == "activation" and set(node.chain) <= _NOTHING
    return idle and _leave_out(graph, number, node)


_NOTHING = set(NOTHING)


@about("activation", *_SCALING)
def the_image_is_scaled(graph, number, node):
    """The image or its colours are multiplied, divided or shifted by numbers: this is left out."""
    scales = node.step in _SCALING and len(node.inputs) == 1  # by an array, not by one number
    scales |= node.step == "activation" and all(kind != "fn" for kind, _ in node.chain)
    return scales and _is_image(graph, node) and _leave_out(graph, number, node)


@about(moves=("stack", "flip", "colour"))
def colours_in_another_order(graph, number, node):
    """The colours of the image are reversed, or taken apart and stacked again."""
    elsewhere = node.move == "stack" and node.moves[1] not in (-1, 3)
    if elsewhere or not _is_image(graph, node):
        return False
    if node.move == "flip":
        return _leave_out(graph, number, node)
    if node.move == "colour":
        (x,) = node.inputs
        graph.vanish(number, x.with_(parts=_chosen(graph, x, node.moves[1]), joined=None))
    else:
        graph.put(number, node.with_(moves=("join",)))
    return True


# --- channels and shapes


@about(moves=("take",))
def channels_are_chosen(graph, number, node):
    """Slices, splits and takes of channels: their readers read those channels directly."""
    (x,) = node.inputs
    if x.flat and x.grid != (1, 1):
        return False  # the values of a flattened map are not channels
    parts = _chosen(graph, x, node.moves[1])
    graph.vanish(number, x.with_(parts=parts, joined=None, flat=node.flat))
    return True


@about("dense")
def values_in_any_order(graph, number, node):
    """To a dense layer no order of a map's values differs, and no shape of (1, n) or (1, 1, n)."""
    (x,) = node.inputs
    (before, *others) = graph.sources(x)
    if others or before.chain or x.size != before.size:
        return False
    turned = before.move == "axes" and x.flat
    as_vector = before.move == "shape" and before.moves[1][-1] == x.size
    if before.move != "vector" and not as_vector and not turned:
        return False
    graph.put(number, node.with_(inputs=(before.inputs[0].with_(flat=True),)))
    return True


@about(moves=("join",))
def maps_of_zeros_beside_others(graph, number, node):
    """Maps concatenated with zeros of their size: maps of zeros are added (pad_channels)."""
    if node.moves != ("join",) or not _fit_together(node):
        return False
    zeros = [
        all(source.step == "zeros" for source in graph.sources(value)) for value in node.inputs
    ]
    if zeros.count(False) != 1 or len(zeros) == 1 or node.inputs[0].flat:
        return False
    x = node.inputs[zeros.index(False)]
    rest = {"layer": node.layer, "written": node.written}
    graph.put(number, steps.pad_channels(x, node.name, node.filters, **rest))
    return True


@about(moves=("join",))
def the_same_maps_again(graph, number, node):
    """Maps beside themselves are no new maps: their readers read one row that says so."""
    if len(node.inputs) < 2 or len({(v.parts, v.grid, v.flat) for v in node.inputs}) > 1:
        return False
    graph.put(number, node.with_(step=AGAIN, inputs=node.inputs[:1], moves=()))
    return True


@about(moves=("join",))
def maps_side_by_side(graph, number, node):
    """The readers of a concatenation read its parts directly.

    The row of the concatenation stays, to be shown and for the memory that it takes.
    """
    if not _fit_together(node):
        return False
    x, parts = node.inputs[0], []
    for value in node.inputs:
        parts += value.parts
    parts = _any_order(graph, join(parts))
    forced = node.moves == steps.FORCED
    grid, flat = (node.grid, node.flat) if forced else (x.grid, x.flat)
    counted = node.name.startswith("concatenate") and node.written != "Unmerged"
    name = "concatenate" if counted else node.name
    graph.vanish(number, graph.shown_together(Value(parts, grid, flat), name))
    return True


# --- functions


@about("activation")
def activation_into_its_step(graph, number, node):
    """An activation becomes part of the steps before it, if nothing else reads those."""
    takers = _takers(graph, number, node)
    for taker in takers:
        step = graph.nodes[taker]
        graph.put(taker, step.with_(chain=step.chain + node.chain))
    return bool(takers) and _leave_out(graph, number, node)


@about()
def same_activation_twice(graph, number, node):
    """A ReLU of a ReLU is that ReLU, also with a pool between them. A softmax of one is not."""
    if not node.chain:
        return False
    if len(node.chain) == 1 and node.chain[0][1] in IDEMPOTENT:
        once = node.step == "activation" or node.step in _POOLS
        if once and _was_applied(graph, node.inputs[0], node.chain):
            if node.step == "activation":
                return _leave_out(graph, number, node)
            graph.put(number, node.with_(chain=()))
            return True
    once = tuple(
        link
        for at, link in enumerate(node.chain)
        if at == 0 or link != node.chain[at - 1] or link[1] not in IDEMPOTENT
    )
    if once == node.chain:
        return False
    graph.put(number, node.with_(chain=once))
    return True


RULES = (
    nothing_happens,
    the_image_is_scaled,
    colours_in_another_order,
    channels_are_chosen,
    only_the_shape_changes,
    axes_turned_back,
    maps_turned_later,
    values_in_any_order,
    maps_of_zeros_beside_others,
    the_same_maps_again,
    equal_steps_side_by_side,
    norm_of_several_steps,
    maps_side_by_side,
    sum_of_what_is_stacked,
    minus_a_negative,
    attention_to_itself,
    zeros_on_zeros,
    zeros_into_the_window,
    cropped_behind_a_transposed_convolution,
    cropped_behind_a_window,
    patches_into_a_convolution,
    pixels_skipped_before_a_window,
    pixels_skipped_behind_a_pool,
    pixels_skipped_among_maps_of_zeros,
    pools_along_one_axis_each,
    bias_into_its_step,
    same_activation_twice,
    activation_into_its_step,
    window_as_large_as_its_map,
    pool_of_one_pixel,
)


# --- helpers of the rules


def _leave_out(graph, number, node):
    graph.vanish(number, node.inputs[0])
    return True


def _was_applied(graph, value, chain):
    """Whether a function was applied to a value, which may have been pooled since then."""
    sources = graph.sources(value)
    for _ in range(_MOST_POOLS):
        pools = [step.step in _POOLS and not step.chain for step in sources]
        if not any(pools):
            break
        sources = [
            behind
            for step, pool in zip(sources, pools, strict=True)
            for behind in (graph.sources(step.inputs[0]) if pool else [step])
        ]
    return all(source.chain[-1:] == chain for source in sources)


def _is_image(graph, node):
    return all(source.step == "input" for value in node.inputs for source in graph.sources(value))


def _fit_together(node):
    """Whether the values of a concatenation have the same size, or are to be read as if."""
    sizes = {(value.grid, value.flat) for value in node.inputs}
    return len(sizes) == 1 or node.moves == steps.FORCED


def _chosen(graph, x, channels):
    """The parts of a value that hold these of its channels."""
    if isinstance(channels, range) and channels.step == 1:
        ranges = [(channels.start, channels.stop)]
    else:
        graph.count(len(channels))
        ranges = [(channel, channel + 1) for channel in channels]
    pieces = cut(x.parts, ranges)
    return _any_order(graph, join([part for piece in pieces for part in piece]))


def _any_order(graph, parts):
    """The colours of an image in another order are still the image."""
    if any(graph.nodes[number].step != "input" for number, _, _ in parts):
        return parts
    ordered = join(sorted(parts, key=lambda part: part[1]))
    number, start, stop = ordered[0]
    whole = len(ordered) == 1 and (start, stop) == (0, graph.nodes[number].filters)
    return ordered if whole else parts


def _takers(graph, number, node):
    """The steps that an activation becomes part of: those before it, or before their max pools.

    An increasing f can move across a max pool, as max(f(a), f(b)) = f(max(a, b)). If f(0) = 0, it
    can move across zeros around a map.
    """
    name = node.chain[0][1] if len(node.chain) == 1 else ""
    keeps_zero = all(kind == "mul" or what in KEEPS_ZERO for kind, what in node.chain)
    level, takers = [(number, node)], ()
    for _ in range(_MOST_POOLS + 1):
        if not all(graph.only_reader(step.inputs[0], reader) for reader, step in level):
            break
        below = {n: graph.nodes[n] for _, step in level for n, _, _ in step.inputs[0].parts}
        if any(step.step == "input" for step in below.values()):
            break
        level = list(below.items())
        pads = [step.move == "pad" for step in below.values()]
        if not any(pads):
            takers = tuple(below)
            if name not in MONOTONE or any(s.step != "max_pool" or s.chain for _, s in level):
                break
        elif not all(pads) or not keeps_zero:
            break
    return takers
