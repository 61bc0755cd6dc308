"""Make the nodes of each kind and work out their output sizes, for tables and traces alike."""

from course import arithmetic
from course.network.node import Node

#: `moves` of a concatenation whose sizes do not fit together, read as if they did.
FORCED = ("join", "forced")


def image(name, shape):
    """The input: (height, width, channels), or (units,). Raises ValueError for anything else."""
    if len(shape) == 3 and all(shape):
        return Node(name, "input", grid=tuple(shape[:2]), filters=shape[2])
    if len(shape) == 1 and all(shape):
        return Node(name, "input", filters=shape[0], flat=True)
    raise ValueError(
        "The input should be an image (height, width, channels) with fixed sizes. "
        f"Received: {tuple(shape)}."
    )


def conv(x, name, filters, kernel, stride=(1, 1), padding=0, dilation=(1, 1), **rest):
    """A convolution. `padding` is a number of pixels on each side, "same" or "ceil".

    "ceil" pads at the end only, so far that the last window fits (Caffe's rounding up).
    """
    padding, grid = _window(x.grid, kernel, stride, padding, dilation)
    window = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    return Node(name, "conv", (x,), filters, grid, **window, **rest)


def pool(x, name, kind, kernel, stride, padding, **rest):
    """Pooling; `kind` is "max_pool" or "average_pool", `padding` as in `conv`."""
    padding, grid = _window(x.grid, kernel, stride, padding)
    window = {"kernel": kernel, "stride": stride, "padding": padding}
    return Node(name, kind, (x,), x.channels, grid, **window, **rest)


def padded_pool(x, name, kind, kernel, stride, padding, grid, **rest):
    """Pooling whose padding ((above, below), (left, right)) and output grid are known."""
    window = {"kernel": kernel, "stride": stride, "padding": padding}
    return Node(name, kind, (x,), x.channels, grid, **window, **rest)


def global_pool(x, name, kind, flat=True, **rest):
    """One number for each map; `kind` is "max_pool" or "average_pool"."""
    kind = f"global_{kind}"
    return Node(name, kind, (x,), x.channels, kernel=x.grid, flat=flat, **rest)


def dense(x, name, units, flat=True, **rest):
    """A fully connected layer over every value of x."""
    return Node(name, "dense", (x,), units, flat=flat, **rest)


def alike(x, name, kind, **rest):
    """A step whose output has the shape of its input."""
    return Node(name, kind, (x,), x.channels, x.grid, flat=x.flat, **rest)


def pad_channels(x, name, filters, **rest):
    """Maps of zeros behind those of x, up to `filters` maps in all."""
    return Node(name, "pad_channels", (x,), filters, x.grid, **rest)


def add(values, name, **rest):
    """The sum of values of one shape."""
    x = values[0]
    return Node(name, "add", tuple(values), x.channels, x.grid, flat=x.flat, **rest)


def concatenate(values, name, step="concatenate", moves=("join",), **rest):
    """Maps side by side."""
    x = values[0]
    channels = sum(value.channels for value in values)
    return Node(
        name, step, tuple(values), channels, x.grid, flat=x.flat, moves=moves, **rest
    )  # fmt: skip


def _window(grid, kernel, stride, padding, dilation=(1, 1)):
    """(padding of both axes, output grid) of a window that slides over a grid."""
    pads, made = [], []
    for axis in (0, 1):
        size = grid[axis]
        if padding == "same":
            pad = arithmetic.same_padding(size, kernel[axis], stride[axis], dilation[axis])
        elif padding == "ceil":
            more = arithmetic.output_size(size, kernel[axis], stride[axis], ceil=True)
            pad = (0, max(0, (more - 1) * stride[axis] + kernel[axis] - size))
        else:
            pad = (padding, padding)
        pads.append(pad)
        made.append(arithmetic.output_size(size, kernel[axis], stride[axis], pad, dilation[axis]))
    return tuple(pads), tuple(made)
