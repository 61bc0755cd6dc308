"""Axes in another order, such as channels first, and back again."""

from course.network.about import about
from course.network.functions import FUNCTIONS, KEEPS_ZERO
from course.network.unknown import NotUnderstood, unknown


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


@about(moves=("axes",))
def axes_turned_back(graph, number, node):
    """Two orders of the axes become one, and none if every axis is where it was.

    Functions between them stay. They work on each value alone, so they may come behind.
    """
    if node.moves[:1] != ("axes",):
        return False
    (x,), order = node.inputs, node.moves[1]
    if order == tuple(range(len(order))):
        if not node.chain:
            graph.vanish(number, x)
        else:
            graph.put(number, node.with_(step="activation", moves=()))
        return True
    ((source, start, stop), *others) = x.parts
    before = graph.nodes[source]
    whole = not others and (start, stop, x.grid) == (0, before.filters, before.grid)
    if not whole or x.flat != before.flat or before.moves[:1] != ("axes",):
        return False
    if not all(_of_each_value(*link) for link in before.chain):
        return False
    both = tuple(before.moves[1][axis] for axis in order)
    chain = before.chain + node.chain
    graph.put(number, node.with_(inputs=before.inputs, moves=("axes", both), chain=chain))
    return True


def _of_each_value(kind, what):
    """Whether a link of a chain looks at each value alone, not along an axis as a softmax does."""
    return kind != "fn" or what in FUNCTIONS or what in KEEPS_ZERO
