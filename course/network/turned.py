"""Axes in another order, such as channels first, and back again; other shapes of equal values."""

from math import prod

from course.network.about import about
from course.network.functions import FUNCTIONS, KEEPS_ZERO
from course.network.unknown import NotUnderstood, unknown

_TO_LAST, _TO_FIRST = (1, 2, 0), (2, 0, 1)  # orders of the axes that move the maps
_ON_ITS_SIDE = (1, 0, 2)  # height and width have changed their places
_FARTHEST = 10  # steps back that a turn is looked for
_NORMS = {"layers.BatchNormalization", "layers.LayerNormalization", "layers.GroupNormalization"}


def permute(step, x, *_):
    """Permute and ops.transpose: another order of the axes."""
    dims, axes = step["config"].get("dims"), step["config"].get("axes")
    if isinstance(dims, list):
        axes = [0, *dims]
    if not isinstance(axes, list):
        raise NotUnderstood
    return _turned(step, x, axes)


def swapaxes(step, x, *_):
    """ops.swapaxes: two axes change their places."""
    axes = list(range(len(x.shape) + 1))
    one, other = step["config"]["axis1"], step["config"]["axis2"]
    axes[one], axes[other] = axes[other], axes[one]
    return _turned(step, x, axes)


def moveaxis(step, x, *_):
    """ops.moveaxis: some axes go to other places, the others keep their order."""
    rank = len(x.shape) + 1
    given = [step["config"][name] for name in ("source", "destination")]
    source, target = ([a % rank for a in ([n] if isinstance(n, int) else n)] for n in given)
    axes = [axis for axis in range(rank) if axis not in source]
    for to, axis in sorted(zip(target, source, strict=True)):
        axes.insert(to, axis)
    return _turned(step, x, axes)


def _turned(step, x, axes):
    """The node of a step that brings the axes (0 is the batch) into this order."""
    axes = [axis % len(axes) for axis in axes]
    if axes[0] != 0 or sorted(axes) != list(range(len(x.shape) + 1)):
        raise NotUnderstood
    return unknown(step, x, moves=("axes", tuple(axis - 1 for axis in axes[1:])))


def channels_first(graph, step, values, meaning):
    """The node of a layer that takes its maps on the first axis, where a step before put them.

    It is read as a turn, the usual layer (as `meaning` reads it), and a turn back. None for other
    layers.
    """
    config = step["config"]
    axis = config.get("axis")
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    along = axis in (1, -3) and step["op"] in (*_NORMS, "layers.Concatenate")
    if not along and config.get("data_format") != "channels_first":
        return None
    if not values or not all(_first(graph, value) for value in values):
        return None
    turns = ({**step, "shapes": [_moved(value.shape, _TO_LAST)]} for value in values)
    read = [graph.add(_turn(t, x, _TO_LAST)) for t, x in zip(turns, values, strict=True)]
    made = step["shapes"][0]
    shapes = [_moved(made, _TO_LAST) if len(made) == 3 else made]
    usual = {**config, "data_format": "channels_last", "axis": -1}
    (node,) = meaning({**step, "config": usual, "shapes": shapes}, read)
    return [node if len(made) != 3 else _turn(step, graph.add(node), _TO_FIRST)]


def _first(graph, value):
    """Whether a step not far before has brought the maps of a value to the first axis."""
    for _ in range(_FARTHEST):
        node = graph.sources(value)[0]
        if node.move == "axes":
            return len(value.shape) == 3 and node.moves[1][0] == 2
        if node.step not in ("activation", "add") and node.moves != ("same",):
            break
        value = node.inputs[0]
    return False


def _moved(shape, order):
    return [shape[axis] for axis in order]


def _turn(step, x, order):
    """A node that brings the axes into this order, for a step that does more than that."""
    turn = {"op": "layers.Permute", "layer": None}
    (node,) = unknown({**step, **turn, "parameters": 0, "own": False}, x, moves=("axes", order))
    return node


@about(moves=("axes",))
def axes_turned_back(graph, number, node):
    """Two orders of the axes become one, and none if every axis is where it was."""
    (x,), order = node.inputs, node.moves[1]
    if order == tuple(range(len(order))):
        if not node.chain:
            graph.vanish(number, x)
        else:
            graph.put(number, node.with_(step="activation", moves=()))
        return True
    before = _turned_whole(graph, x)
    if before is None:
        return False
    both = tuple(before.moves[1][axis] for axis in order)
    graph.put(number, node.with_(inputs=before.inputs, moves=("axes", both)))
    return True


@about("conv", "conv_transpose", "max_pool", "average_pool", "upsample", "batch_norm", "lrn",
       "activation", "add", "global_average_pool", "global_max_pool",
       moves=("pad", "join", "take"))  # fmt: skip
def maps_turned_later(graph, number, node):
    """What a step makes of maps on their side, it makes of the maps as they were, and turns that.

    A window's two sides change their places, too.
    """
    before = [_turned_whole(graph, x) for x in node.inputs]
    if not before or None in before or any(x.flat for x in node.inputs):
        return False
    (order, *others) = {turn.moves[1] for turn in before}
    each_value = node.step in ("activation", "add")
    any_order = each_value and all(_of_each_value(*link) for link in node.chain)
    if others or not (order == _ON_ITS_SIDE or any_order):
        return False
    inputs = tuple(turn.inputs[0] for turn in before)
    if order == _ON_ITS_SIDE:
        sides = ("grid", "kernel", "stride", "padding", "dilation", "factor")
        made = {side: getattr(node, side)[::-1] for side in sides}
        if node.move == "pad":
            made["moves"] = ("pad", node.moves[1][::-1])
    else:
        made = {"grid": inputs[0].grid, "filters": inputs[0].channels}
    upright = node.with_(inputs=inputs, **made)
    if node.grid == (1, 1):
        graph.put(number, upright)
    else:
        size = {"filters": node.filters, "grid": node.grid, "flat": False}
        graph.several_for(number, [before[0].with_(inputs=(upright,), **size)])
    return True


def _turned_whole(graph, x):
    """The node of a value, if it brings the axes into another order and does no more; or None."""
    ((source, start, stop), *others) = x.parts
    node = graph.nodes[source]
    whole = not others and (start, stop, x.grid) == (0, node.filters, node.grid)
    turns = node.move == "axes" and not node.chain
    return node if whole and x.flat == node.flat and turns else None


def _of_each_value(kind, what):
    """Whether a link of a chain looks at each value alone, not along an axis as a softmax does."""
    return kind != "fn" or what in FUNCTIONS or what in KEEPS_ZERO


@about(moves=("shape",))
def only_the_shape_changes(graph, number, node):
    """Flatten, Reshape and Squeeze, if they only turn a map into a vector, tokens, or back."""
    if node.chain:
        return False
    (x,), (_, wanted) = node.inputs, node.moves
    if wanted == (x.size,):
        x = x.with_(flat=True)
    elif wanted == (*x.grid, x.channels) or _as_tokens(x, wanted):
        x = x.with_(grid=wanted[:-1], flat=False)
    elif wanted != x.shape:
        return False
    graph.vanish(number, x)
    return True


def _as_tokens(x, wanted):
    """Whether a shape is that of the pixels of a map as tokens, or of tokens as a map."""
    same = len(wanted) > 1 and (prod(wanted[:-1]), wanted[-1]) == (prod(x.grid), x.channels)
    return same and 1 in (len(wanted) - 1, len(x.grid))
