"""Layers and operations of Keras that compute nothing: they move, select or pad values.

Each function returns a node whose `moves` says what the step does to channels and positions. The
rules decide whether it stays a row.
"""

from itertools import pairwise

from course.language import _
from course.network import steps
from course.network.faults import likely
from course.network.node import Node
from course.network.unknown import NotUnderstood, common, kind, must_be_map, pair, unknown

LOWEST = -1000.0  # around a map, so low a number and any lower one are no window's maximum


def same(step, x, *_):
    """A step that passes its input on."""
    return steps.alike(x, step["name"], kind(step), moves=("same",), **common(step))


def flatten(step, x):
    """A map as a vector."""
    return steps.reshaped(x, step["name"], (x.size,), kind(step), **common(step))


def reshape(step, x, *_):
    """Another shape for the same values."""
    return unknown(step, x, moves=("shape", tuple(step["shapes"][0])))


def zero_padding(step, x):
    """Zeros around a map."""
    must_be_map(step, x)
    return around(step, x, step["config"]["padding"], 1)


def cropping(step, x):
    """Remove pixels at the edges of a map."""
    must_be_map(step, x)
    return around(step, x, step["config"]["cropping"], -1)


def centre_crop(step, x):
    """The middle of a map. (A smaller map is made larger, which no row expresses.)"""
    must_be_map(step, x)
    wanted = step["config"]["height"], step["config"]["width"]
    more = [size - side for size, side in zip(x.grid, wanted, strict=True)]
    if min(more) < 0:
        raise NotUnderstood
    return around(step, x, [(side // 2, side - side // 2) for side in more], -1)


def around(step, x, sides, sign):
    """Zeros around a map (`sign` is 1), or pixels that are cropped from it (`sign` is -1)."""
    if isinstance(sides, int):
        sides = [sides, sides]
    sides = tuple(
        (sign * side, sign * side) if isinstance(side, int) else tuple(sign * s for s in side)
        for side in sides
    )
    grid = tuple(size + before + after for size, (before, after) in zip(x.grid, sides, strict=True))
    if min(grid) < 1:
        raise NotUnderstood
    if all(side <= 0 for axis in sides for side in axis) and sides != ((0, 0), (0, 0)):
        cut = tuple(tuple(-side for side in axis) for axis in sides)
        return steps.crop(x, step["name"], cut, **common(step))
    made = steps.alike(x, step["name"], kind(step), moves=("pad", sides), **common(step))
    return made.with_(grid=grid)


def pad(step, x, *_rest):
    """ops.pad: zeros around the map, or maps of zeros behind (or around) the others.

    Numbers that no maximum can be (`LOWEST`) are what frameworks put around a map for a max pool.
    """
    width = step["config"].get("pad_width")
    (value, *_rest) = [*step["args"][1:], *step.get("kwargs", {}).values(), None]
    lowest = isinstance(value, float | int) and value <= LOWEST
    if value and not lowest:
        raise NotUnderstood  # another number than 0
    if x.flat or not isinstance(width, list) or len(width) != 4:
        raise NotUnderstood
    width = [[side, side] if isinstance(side, int) else list(side) for side in width]
    if (mode := step["config"].get("mode", "constant")) != "constant":
        raise NotUnderstood(_('padding with mode="{mode}"').format(mode=mode))
    if any(width[0]):
        raise NotUnderstood
    if lowest:
        made = around(step, x, width[1:3], 1)
        if any(width[3]) or made.move != "pad":
            raise NotUnderstood
        return made.with_(moves=("pad lowest", made.moves[1]))
    if not any(width[3]):
        return around(step, x, width[1:3], 1)
    if any(width[1]) or any(width[2]):
        raise NotUnderstood
    return steps.pad_channels(x, step["name"], x.channels + sum(width[3]), **common(step))


def patches(step, x):
    """The pixels below a window side by side, as maps: what a convolution multiplies by weights."""
    config = step["config"]
    must_be_map(step, x)
    if pair(config.get("dilation_rate") or 1) != (1, 1):
        raise NotUnderstood
    kernel = pair(config["size"])
    padding = "same" if config["padding"] == "same" else steps.IF_IT_FITS
    return unknown(
        step, x, moves=("patches", kernel, pair(config.get("strides") or kernel), padding)
    )


def zeros(step, x):
    """Zeros of the size of a map."""
    return steps.alike(x, step["name"], "zeros", **common(step))


def concatenate(step, *values):
    """Maps side by side."""
    axis = step["config"].get("axis", -1)
    if axis not in (-1, len(values[0].shape)) or len({(v.grid, v.flat) for v in values}) > 1:
        raise NotUnderstood
    if step["shapes"][0][-1] != sum(v.shape[-1] for v in values):
        raise NotUnderstood(_("maps beside an array of numbers"))
    return steps.concatenate(values, step["name"], kind(step), **common(step))


def unmerged(step, *values):
    """A merge of sizes that do not fit together, read as if they did (the trace let it pass)."""
    merge = step["config"]["mode"]
    shape = likely(merge, [value.shape for value in values])
    if merge == "add":
        values = sorted(values, key=lambda value: value.shape != shape)
        return steps.add(values, step["name"], **common(step))
    rest = {"moves": steps.FORCED, **common(step)}
    made = steps.concatenate(values, step["name"], kind(step), **rest)
    flat = len(shape) == 1
    return made.with_(grid=(1, 1) if flat else tuple(shape[:2]), flat=flat)


def stack(step, *values):
    """Values put together on a new axis, as the colours of an image, or to be summed up."""
    return unknown(step, *values, moves=("stack", step["config"].get("axis", 0)))


def sum_up(step, x, *_):
    """The sum along one axis. If values were stacked along it, this adds them up."""
    axis = step["config"].get("axis")
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    if not isinstance(axis, int) or step["config"].get("keepdims"):
        raise NotUnderstood
    return unknown(step, x, moves=("sum", axis))


def flip(step, x):
    """The maps in reverse order; on the image, RGB becomes BGR."""
    if step["config"].get("axis") not in (-1, 3, [-1], [3]):
        raise NotUnderstood
    return unknown(step, x, moves=("flip",))


def get_item(step, x, *_):
    """A slice: x[..., a:b] takes channels. `_pixels` reads slices that crop or skip pixels."""
    whole = {"slice": [None, None, None]}
    keys = step["args"][1] if len(step["args"]) > 1 else None
    keys = list(keys) if isinstance(keys, list) else [keys]
    rank = len(x.shape) + 1
    if "..." in keys:
        at = keys.index("...")
        keys = keys[:at] + [whole] * (rank - len(keys) + 1) + keys[at + 1 :]
    if None in keys and all(key in (None, whole) for key in keys):
        return reshape(step, x)  # new axes
    slices = [key["slice"] for key in keys if isinstance(key, dict) and "slice" in key]
    forwards = len(slices) == len(keys) and all((by or 1) > 0 for _, _, by in slices)
    if forwards and tuple(step["shapes"][0]) == x.shape:
        return same(step, x)  # all of it
    keys += [whole] * (rank - len(keys))
    keys = [whole if key == {"slice": [0, None, None]} else key for key in keys]
    flat = x.flat
    if x.grid == (1, 1) and not x.flat and len(keys) == rank and keys[1:3] == [0, 0]:
        keys[1:3] = []  # the one pixel of each map: a vector
        rank, flat = 2, True
    *others, last = keys
    if len(keys) != rank:
        raise NotUnderstood
    if len(x.grid) == 1 and not flat and keys == [whole, 0, whole]:
        return steps.first_token(x, step["name"], **common(step))
    if rank == 4 and others != [whole] * 3 and others[0] == last == whole:
        return _pixels(step, x, others[1:])
    if others != [whole] * len(others):
        raise NotUnderstood
    if isinstance(last, int):  # one colour of the image, which will be stacked again
        return unknown(step, x, moves=("colour", range(x.channels)[last:][:1]))
    if not isinstance(last, dict) or "slice" not in last:
        raise NotUnderstood
    return _channels(step, x, range(x.channels)[slice(*last["slice"])], flat)


def _pixels(step, x, keys):
    """x[:, a:b, c:d], which crops, or x[:, ::2, ::2], which skips pixels."""
    if not all(isinstance(key, dict) and "slice" in key for key in keys):
        raise NotUnderstood
    kept = [range(s)[slice(*key["slice"])] for s, key in zip(x.grid, keys, strict=True)]
    if not all(kept):
        raise NotUnderstood
    strides = tuple(rows.step for rows in kept)
    if strides == (1, 1):
        sides = [[rows.start, s - rows.stop] for s, rows in zip(x.grid, kept, strict=True)]
        return around(step, x, sides, -1)
    if any(key["slice"][:2] not in ([None, None], [0, None]) for key in keys) or min(strides) < 1:
        raise NotUnderstood
    return steps.pool(x, step["name"], "max_pool", (1, 1), strides, 0, **common(step))


def take(step, x, *_):
    """Channels by their numbers."""
    axis = step["config"].get("axis", step.get("kwargs", {}).get("axis"))
    indices = [arg for arg in step["args"][1:] if not (isinstance(arg, dict) and "tensor" in arg)]
    wanted = indices[0] if indices else step.get("kwargs", {}).get("indices")
    if axis not in (-1, len(x.shape)) or not isinstance(wanted, list):
        raise NotUnderstood
    channels = x.channels
    if not all(isinstance(i, int) and -channels <= i < channels for i in wanted):
        raise NotUnderstood
    return _channels(step, x, tuple(i % channels for i in wanted), x.flat)


def split(step, x, *_):
    """Channels in ranges, one output each."""
    sections = step["config"].get("indices_or_sections")
    if step["config"].get("axis", 0) not in (-1, len(x.shape)):
        raise NotUnderstood
    if isinstance(sections, int):
        wide = x.channels // sections
        sections = range(wide, wide * sections, wide) if wide else [0]
    if not all(0 <= start < stop for start, stop in pairwise([0, *sections, x.channels])):
        raise NotUnderstood
    return (
        _channels(step, x, range(*edges), x.flat) for edges in pairwise([0, *sections, x.channels])
    )


def _channels(step, x, wanted, flat):
    """Some of the channels, by their numbers."""
    if not len(wanted):
        raise NotUnderstood
    rest = {"moves": ("take", wanted), **common(step)}
    return Node(step["name"], kind(step), (x,), len(wanted), x.grid, flat=flat, **rest)
