"""Rules of the normal form about windows: zeros around a map, pixels that are skipped, pools.

Each rule looks at one node and its inputs, and returns whether it changed anything.
"""

from course.network import steps
from course.network.about import about
from course.network.node import Value, cut, join

ZEROS = ((0, 0), (0, 0))
_WINDOWS = ("conv", "max_pool", "average_pool")
_POOLS = ("max_pool", "average_pool")

# --- zeros around a map


@about(moves=("pad",))
def zeros_on_zeros(graph, number, node):
    """Zeros around zeros, and zeros that are cropped again, become one padding."""
    if not _is_padded(graph, node):
        return False
    ((source, _, _),) = node.inputs[0].parts[:1]
    both = _sum(graph.nodes[source].moves[1], node.moves[1])
    if any(b < 0 for axis in both for b in axis):
        return False  # the cropping removes more than the zeros
    x = _value_before(graph, node.inputs[0])
    if both == ZEROS:
        graph.vanish(number, x)
    else:
        kind = graph.nodes[source].step
        graph.put(number, node.with_(step=kind, inputs=(x,), padding=ZEROS, moves=("pad", both)))
    return True


@about(*_WINDOWS)
def zeros_into_the_window(graph, number, node):
    """Zeros around a map become padding of the convolution or pool that reads it.

    For a max pool the lowest numbers do so, too.
    """
    lowest = node.step == "max_pool" and _is_padded(graph, node, "pad lowest")
    if not (lowest or _is_padded(graph, node)):
        return False
    (x,) = node.inputs
    padding = _sum(graph.sources(x)[0].moves[1], node.padding)
    graph.put(number, node.with_(inputs=(_value_before(graph, x),), padding=padding))
    return True


@about(moves=("pad",))
def cropped_behind_a_transposed_convolution(graph, number, node):
    """Pixels cropped off the output of a transposed convolution are cut off by the step itself."""
    source, conv = _only_source(graph, number, node)
    if source is None or conv.step != "conv_transpose" or conv.chain:
        return False
    if any(side > 0 for axis in node.moves[1] for side in axis):
        return False
    cut = tuple((-before, -behind) for before, behind in node.moves[1])
    graph.put(number, conv.with_(padding=_sum(conv.padding, cut), grid=node.grid))
    return True


@about(moves=("pad",))
def cropped_behind_a_window(graph, number, node):
    """Outputs that are cropped, and that a window made of zeros around its map, need no zeros."""
    source, window = _only_source(graph, number, node)
    if node.moves[:1] != ("pad",) or source is None or window.step not in _WINDOWS:
        return False
    padding = []
    for axis, (first, last) in enumerate(node.moves[1]):
        side, stride = window.inputs[0].grid[axis], window.stride[axis]
        kernel = window.dilation[axis] * (window.kernel[axis] - 1) + 1
        before, after = window.padding[axis]
        before += first * stride
        if last:  # so much that the last window that is kept fits
            after = max(0, (node.grid[axis] - 1) * stride + kernel - side - before)
        kept = (side + before + after - kernel) // stride + 1
        lopsided = stride == 1 and before != after  # that is no padding anybody means
        if max(first, last) > 0 or before < 0 or kept != node.grid[axis] or lopsided:
            return False
        padding.append((before, after))
    graph.put(number, window.with_(padding=tuple(padding), grid=node.grid))
    return True


@about("conv")
def pixels_skipped_before_a_window(graph, number, node):
    """A 1 × 1 convolution that reads every second pixel has a stride of 2."""
    if (node.kernel, node.padding) != ((1, 1), ZEROS):
        return False
    (x,) = node.inputs
    pools = graph.sources(x)
    if any(pool.step != "max_pool" or pool.kernel != (1, 1) or pool.chain for pool in pools):
        return False
    (stride, *others) = {pool.stride for pool in pools}
    if others or any(any(map(any, pool.padding)) for pool in pools):
        return False
    stride = tuple(a * b for a, b in zip(stride, node.stride, strict=True))
    graph.put(number, node.with_(inputs=(_value_before(graph, x),), stride=stride))
    return True


@about("max_pool")
def pixels_skipped_behind_a_pool(graph, number, node):
    """A pool that moves in steps of 1 and of which every second output is kept has a stride of 2.

    (A convolution that does so computes four times as much as one with a stride of 2.)
    """
    source, pool = _only_source(graph, number, node)
    if not _skips(node) or source is None or pool.step not in _POOLS or pool.chain:
        return False
    stride = tuple(a * b for a, b in zip(pool.stride, node.stride, strict=True))
    graph.put(number, pool.with_(stride=stride, grid=node.grid, chain=node.chain))
    return True


@about("max_pool")
def pixels_skipped_among_maps_of_zeros(graph, number, node):
    """Pixels that are skipped after maps of zeros were added are skipped before that instead."""
    source, more = _only_source(graph, number, node)
    if not _skips(node) or source is None or more.step != "pad_channels" or more.chain:
        return False
    (x,) = more.inputs
    graph.put(source, node.with_(inputs=(x,), filters=x.channels, chain=()))
    x = Value(((source, 0, x.channels),), node.grid)
    graph.put(number, more.with_(inputs=(x,), grid=node.grid, chain=node.chain))
    return True


@about(*_POOLS)
def pools_along_one_axis_each(graph, number, node):
    """A pool along the height and one along the width are one pool."""
    source, first = _only_source(graph, number, node)
    if source is None or first.step != node.step or first.chain:
        return False
    axes, others = (
        [a for a in (0, 1) if (n.kernel[a], n.stride[a]) != (1, 1)] for n in (node, first)
    )
    if len(axes) != 1 or len(others) != 1 or axes == others:
        return False
    both = {
        field: tuple(getattr(node if axis in axes else first, field)[axis] for axis in (0, 1))
        for field in ("kernel", "stride", "padding")
    }
    graph.put(number, node.with_(inputs=first.inputs, **both))
    return True


# --- windows


@about("conv")
def patches_into_a_convolution(graph, number, node):
    """A 1 × 1 convolution (or Dense) of the pixels below each window is a convolution."""
    if (node.kernel, node.stride, node.padding) != ((1, 1), (1, 1), ZEROS):
        return False
    (x,) = node.inputs
    ((source, start, stop), *others) = x.parts
    before = graph.nodes[source]
    whole = not others and (start, stop) == (0, before.filters) and node.groups == 1
    if before.move != "patches" or before.chain or not whole or node.connections:
        return False
    _, kernel, stride, padding = before.moves
    window = steps.conv(before.inputs[0], node.name, node.filters, kernel, stride, padding)
    same = {name: getattr(window, name) for name in ("kernel", "stride", "padding", "grid")}
    graph.put(number, node.with_(inputs=before.inputs, **same))
    return True


@about(*_WINDOWS)
def window_as_large_as_its_map(graph, number, node):
    """A convolution whose window is the whole map becomes dense; such a pool becomes global."""
    if any(map(any, node.padding)):
        return False
    (x,) = node.inputs
    if node.kernel != x.grid or node.grid != (1, 1):
        return False
    if node.step == "conv" and (node.groups > 1 or node.connections):
        return False
    if node.step != "conv" and x.grid == (1, 1):
        return False
    same = {"stride": (1, 1), "dilation": (1, 1), "flat": False}
    if node.step == "conv":
        graph.put(number, node.with_(step="dense", kernel=(1, 1), **same))
    else:
        graph.put(number, node.with_(step=f"global_{node.step}", **same))
    return True


@about(*_POOLS, "global_average_pool", "global_max_pool")
def pool_of_one_pixel(graph, number, node):
    """A 1 × 1 pool only skips pixels, and vanishes if it skips none.

    It is called a max pool, whether it takes the mean or the maximum of its one pixel.
    """
    if node.step.startswith("global_") and node.inputs[0].grid == (1, 1):
        graph.vanish(number, node.inputs[0].with_(flat=node.flat))
        return True
    pool = node.step in _POOLS and node.kernel == (1, 1)
    if not pool or any(map(any, node.padding)):
        return False
    if node.stride == (1, 1) and not node.chain:
        graph.vanish(number, node.inputs[0])
        return True
    if node.step == "max_pool":
        return False
    graph.put(number, node.with_(step="max_pool"))
    return True


# --- helpers


def _only_source(graph, number, node):
    """(number, node) of the one step whose whole output a node reads, and nothing else does."""
    if len(node.inputs) != 1 or len(node.inputs[0].parts) != 1:
        return None, None
    if not graph.only_reader(node.inputs[0], number):
        return None, None
    ((source, _, _),) = node.inputs[0].parts
    return source, graph.nodes[source]


def _skips(node):
    """Whether a max pool only keeps every second pixel, or every third."""
    return node.kernel == (1, 1) and not any(map(any, node.padding))


def _is_padded(graph, node, how="pad"):
    """Whether all sources of a node's one input have the same zeros around them."""
    if len(node.inputs) != 1:
        return False
    (first, *others) = {source.moves for source in graph.sources(node.inputs[0])}
    if others or first[:1] != (how,):
        return False
    return all(side >= 0 for axis in first[1] for side in axis)


def _sum(one, other):
    """The sum of two paddings, side by side."""
    axes = zip(one, other, strict=True)
    return tuple(tuple(a + b for a, b in zip(*both, strict=True)) for both in axes)


def _value_before(graph, x):
    """What the steps read that make a value; each of them has one input."""
    parts, inner = [], []
    for number, start, stop in x.parts:
        (value,) = graph.nodes[number].inputs
        inner.append(value)
        parts += cut(value.parts, [(start, stop)])[0]
    if len(inner) == 1 and x.parts[0][1] == 0 and x.channels == inner[0].channels:
        return inner[0]
    return inner[0].with_(parts=join(parts), joined=None)
