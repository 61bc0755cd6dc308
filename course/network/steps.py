"""Make the nodes of each kind and work out their output sizes, for tables and traces alike."""

from math import prod

from course import arithmetic
from course.language import _
from course.network import words
from course.network.node import Node

#: `moves` of a concatenation whose sizes do not fit together, read as if they did.
FORCED = ("join", "forced")
#: No padding. A window that does not fit into its map makes one pixel (`course.evidence.unmerged`).
IF_IT_FITS = "if it fits"


def image(name, shape):
    """The input: (height, width, channels), or (units,). Raises ValueError for anything else."""
    if len(shape) == 3 and all(shape):
        return Node(name, "input", grid=tuple(shape[:2]), filters=shape[2])
    if len(shape) == 1 and all(shape):
        return Node(name, "input", filters=shape[0], flat=True)
    said = _(
        "The input should be an image (height, width, channels) with fixed sizes. "
        "Received: {shape}."
    )
    if len(shape) == 3:
        said = _(
            "The input should be an image (height, width, channels) with fixed sizes. Received: "
            "{shape}. Say one if any will do: keras.Input((224, 224, 3)), or anatomy's input_shape."
        )
    raise ValueError(said.format(shape=tuple(shape)))


def conv(x, name, filters, kernel, stride=(1, 1), padding=0, dilation=(1, 1), **rest):
    """A convolution. `padding` is a number of pixels on each side, a pair, "same" or "ceil".

    "ceil" pads at the end only, so far that the last window fits (Caffe's rounding up).
    """
    if len(x.grid) == 1:
        return _for_each_token(x, name, filters, kernel, stride, **rest)
    padding, grid = _window(x.grid, kernel, stride, padding, dilation)
    window = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    return Node(name, "conv", (x,), filters, grid, **window, **rest)


def _for_each_token(x, name, filters, kernel, stride, **rest):
    """A convolution of 1 × 1 on tokens: a dense layer that each token goes through alone."""
    if (kernel, stride) != ((1, 1), (1, 1)):
        raise ValueError(f"{name}: a window on tokens should be 1 × 1. Received: {kernel}.")
    return Node(name, "conv", (x,), filters, x.grid, **rest)


def conv_transpose(x, name, filters, kernel, stride=(1, 1), padding=0, **rest):
    """A transposed convolution; `padding` is "same", or what is cut off on each side."""
    grid, cut = [], []
    for axis, size in enumerate(x.grid):
        whole = (size - 1) * stride[axis] + kernel[axis]
        if padding == "same":  # size · stride pixels, as if a window had made the input from them
            more = kernel[axis] - stride[axis]
            cut.append((max(0, more) // 2, more - max(0, more) // 2))
        else:
            cut.append(_sides(padding, axis))
        grid.append(whole - sum(cut[-1]))
    window = {"kernel": kernel, "stride": stride, "padding": tuple(cut)}
    return Node(name, "conv_transpose", (x,), filters, tuple(grid), **window, **rest)


def pool(x, name, kind, kernel, stride, padding, **rest):
    """Pooling; `kind` is "max_pool" or "average_pool", `padding` as in `conv`."""
    padding, grid = _window(x.grid, kernel, stride, padding)
    window = {"kernel": kernel, "stride": stride, "padding": padding}
    return Node(name, kind, (x,), x.channels, grid, **window, **rest)


def global_pool(x, name, kind, flat=True, **rest):
    """One number for each map; `kind` is "max_pool" or "average_pool"."""
    kind = f"global_{kind}"
    return Node(name, kind, (x,), x.channels, kernel=x.grid, flat=flat, **rest)


def dense(x, name, units, flat=True, **rest):
    """A fully connected layer over every value of x."""
    return Node(name, "dense", (x,), units, flat=flat, **rest)


def upsample(x, name, factor, interpolation, **rest):
    """A map made larger by whole factors (of height, of width)."""
    grid = tuple(size * times for size, times in zip(x.grid, factor, strict=True))
    rest |= {"factor": tuple(factor), "interpolation": interpolation}
    return Node(name, "upsample", (x,), x.channels, grid, **rest)


def crop(x, name, cut, **rest):
    """A map without its edges; `cut` is ((above, below), (left, right)) in pixels."""
    grid = tuple(size - sum(sides) for size, sides in zip(x.grid, cut, strict=True))
    moves = ("pad", tuple(tuple(-side for side in sides) for sides in cut))
    return Node(name, "crop", (x,), x.channels, grid, padding=cut, moves=moves, **rest)


def attention(x, name, heads, key_dim, *, others=(), value_dim=None, filters=None, **rest):
    """Attention in several heads: x makes the queries, `others` the keys and values, else x.

    If there are two others, the first makes the keys.
    """
    inputs = (x, *others)
    rest |= {"heads": heads, "key_dim": key_dim, "value_dim": value_dim or key_dim}
    return Node(name, "attention", inputs, filters or x.channels, x.grid, **rest)


def class_token(x, name, **rest):
    """One learned token in front of the others."""
    return Node(name, "class_token", (x,), x.channels, (prod(x.grid) + 1,), **rest)


def first_token(x, name, **rest):
    """The first token alone, as a vector."""
    return Node(name, "first_token", (x,), x.channels, flat=True, **rest)


def alike(x, name, kind, **rest):
    """A step whose output has the shape of its input."""
    return Node(name, kind, (x,), x.channels, x.grid, flat=x.flat, **rest)


def reshaped(x, name, shape, kind="reshape", **rest):
    """The same values in another shape."""
    grid = tuple(shape[:-1]) or (1, 1)
    move = {"flat": len(shape) == 1, "moves": ("shape", tuple(shape))}
    return Node(name, kind, (x,), shape[-1], grid, **move, **rest)


def pad_channels(x, name, filters, **rest):
    """Maps of zeros behind those of x, up to `filters` maps in all."""
    return Node(name, "pad_channels", (x,), filters, x.grid, **rest)


def add(values, name, **rest):
    """The sum of values of one shape."""
    x = values[0]
    return Node(name, "add", tuple(values), x.channels, x.grid, flat=x.flat, **rest)


def multiply(values, name, **rest):
    """The product of values. A size of 1 fits any other: a gate of 1 × 1 holds for all pixels.

    Raises ValueError if their sizes do not fit together.
    """
    grids, channels = {v.grid for v in values}, {v.channels for v in values}
    grid, most = max(grids, key=prod), max(channels)
    if grids - {grid, (1, 1)} or channels - {most, 1}:
        shapes = " and ".join(words.shape_of(value.shape) for value in values)
        raise ValueError(f"{name}: values of the sizes {shapes} cannot be multiplied.")
    flat = all(value.flat for value in values)
    return Node(name, "multiply", tuple(values), most, grid, flat=flat, **rest)


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
        size, fits = grid[axis], True
        if padding == "same":
            pad = arithmetic.same_padding(size, kernel[axis], stride[axis], dilation[axis])
        elif padding == "ceil":
            more = arithmetic.output_size(size, kernel[axis], stride[axis], ceil=True)
            pad = (0, max(0, (more - 1) * stride[axis] + kernel[axis] - size))
        elif padding == IF_IT_FITS:
            pad, fits = (0, 0), size > dilation[axis] * (kernel[axis] - 1)
        else:
            pad = _sides(padding, axis)
        pads.append(pad)
        window = kernel[axis], stride[axis], pad, dilation[axis]
        made.append(arithmetic.output_size(size, *window) if fits else 1)
    return tuple(pads), tuple(made)


def sides(padding):
    """((above, below), (left, right)) of a padding that is one number, or one or two for each."""
    return _sides(padding, 0), _sides(padding, 1)


def _sides(padding, axis):
    """(before, after) of one axis, of a padding that is one number, or one or two for each axis."""
    side = padding if isinstance(padding, int) else padding[axis]
    return (side, side) if isinstance(side, int) else tuple(side)
