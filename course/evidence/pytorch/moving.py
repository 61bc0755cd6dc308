"""Functions of PyTorch that compute nothing: they move, select or pad values.

They are understood if the values have the same order when channels come last. `view(n, height,
width, channels)` of a map with channels first mixes them, and stays a step of its own.
"""

from itertools import chain, pairwise
from math import prod

from course.evidence.pytorch.calls import (
    MAP,
    NotExpressed,
    add_before,
    add_last,
    channels_last,
    must_be_map,
    usual,
    without,
)

_WHOLE = {"slice": [None, None, None]}


def permuted(call):
    """The axes in another order: only the layout changes, and nothing is computed."""
    rank = call.x.dim()
    order = list(range(rank))
    if call.name == "permute":
        dims = call.get(1, "dims")
        order = [d % rank for d in (dims if isinstance(dims, list | tuple) else call.args[1:])]
    else:
        one, other = (call.get(n, f"dim{n - 1}", call.kwargs.get(f"axis{n - 1}")) for n in (1, 2))
        order[one % rank], order[other % rank] = order[other % rank], order[one % rank]
    if order[0] != 0:
        raise NotExpressed
    layout = call.layout_of(call.x)
    layouts = [tuple(layout[dim - 1] for dim in order[1:])]
    add_last(call, "ops.Identity", {}, [call.source], layouts=layouts)


def reshaped(call):
    """Flatten, view and squeeze, if the values have the same order when channels come last."""
    x, (made,) = call.x, call.made
    old, new, layout = call.sides[id(x)][1:], tuple(made.shape[1:]), call.layout_of(x)
    source, tracer = [call.sources[id(x)]], call.tracer
    if made.shape[0] != tracer.batch:
        raise NotExpressed
    if old == new:
        return add_last(call, "ops.Identity", {}, source, layouts=[layout])
    if len(new) == 1:
        add_last(call, "layers.Flatten", {}, source, layouts=[(0,)])
        tracer.known.flattened[id(made)] = (layout, old)
        return None
    goal = None  # the layout of the result
    if len(old) == 1:  # a vector becomes a map: a new one, or again the one that it was
        if new in ((*old, 1), (*old, 1, 1)):  # one position, whose values may be in any order
            goal = (1, 0) if len(new) == 2 else MAP
        elif call.flattened[id(x)] in (None, (usual(len(new)), new)):
            goal = usual(len(new))
    elif layout == MAP and new == (old[0], prod(old[1:])):  # a map becomes (channels, positions)
        goal = (1, 0)
    elif layout == (1, 0) and len(new) == 3 and new[0] == old[0]:  # and the way back
        goal = MAP
    elif layout == (0, 1, 2) and new == (prod(old[:2]), old[2]):  # the same with channels last
        goal = (0, 1)
    elif layout == (0, 1) and len(new) == 3 and new[2] == old[1]:
        goal = (0, 1, 2)
    if goal is None:
        raise NotExpressed
    config = {"target_shape": channels_last((1, *new), goal)}
    return add_last(call, "layers.Reshape", config, source, layouts=[goal])


def concatenated(call):
    """Tensors along one axis; zeros among them are written down as zeros."""
    values, dim = call.get(0, "tensors"), call.get(1, "dim", call.kwargs.get("axis", 0))
    tracer, first = call.tracer, call.read[0]
    layout, args = call.layout_of(first), []
    for value in values:
        if id(value) in call.found:
            args.append(call.sources[id(value)])
            if call.layout_of(value) != layout:
                raise NotExpressed
        elif tracer.known.constant(value).zeros:
            zeros = channels_last(tuple(value.shape), layout)
            args.append(add_before(call, "ops.ZerosLike", {}, zeros, call.sources[id(first)]))
        else:
            raise NotExpressed
    add_last(call, "layers.Concatenate", {"axis": call.axis(first, dim)}, [args], layouts=[layout])


def stacked(call):
    """Values put together on a new axis: of channels, as colours of an image, or the first one."""
    values, dim = call.get(0, "tensors"), call.get(1, "dim", 0)
    rank = call.made[0].dim()
    dim, layout = dim % rank, call.layout_of(call.read[0])
    equal = all(id(value) in call.found and call.layout_of(value) == layout for value in values)
    if not equal or dim == 0:
        raise NotExpressed
    args = [call.sources[id(value)] for value in values]
    if rank == 4 and dim == 1:
        add_last(call, "ops.Stack", {"axis": -1}, [args], layouts=[MAP])
    else:
        layout = [axis + 1 for axis in layout]
        layout.insert(dim - 1, 0)
        add_last(call, "ops.Stack", {"axis": 1}, [args], layouts=[tuple(layout)])


def padded(call):
    """F.pad: around the map, or maps of zeros; a negative width crops. Other modes stay a step."""
    pads, mode, value = call.get(1, "pad"), call.get(2, "mode", "constant"), call.get(3, "value")
    if len(call.layout_of(call.x)) != 3:
        raise NotExpressed
    sides = [[0, 0] for _ in range(3)]
    layout = call.layout_of(call.x)
    for place in range(len(pads) // 2):
        sides[layout[2 - place]] = list(pads[2 * place : 2 * place + 2])
    every, source = [s for axis in sides for s in axis], [call.source]
    if any(sides[2]) or value or mode != "constant":
        number = {"kwargs": {"constant_values": value}} if value else {}
        add_last(call, "ops.Pad", {"pad_width": [[0, 0], *sides], "mode": mode}, source, **number)
    elif min(every) >= 0:
        add_last(call, "layers.ZeroPadding2D", {"padding": sides[:2]}, source)
    elif max(every) <= 0:
        sides = [[-side for side in axis] for axis in sides[:2]]
        add_last(call, "layers.Cropping2D", {"cropping": sides}, source)
    else:
        raise NotExpressed


def item(call):
    """A slice or an index, `x[:, :, ::2, ::2]`, or new axes alone, `x[:, :, None, None]`."""
    keys = call.args[1]
    keys = list(keys) if isinstance(keys, tuple) else [keys]
    if any(key is None for key in keys) and all(key in (None, ..., slice(None)) for key in keys):
        return reshaped(call)
    return _chosen(call, keys)


def _chosen(call, keys):
    """The part of a tensor that some keys, one for each axis, choose."""
    rank, is_tensor = call.x.dim(), call.tracer.torch.is_tensor
    if any(key is None or isinstance(key, bool) for key in keys):
        raise NotExpressed
    if any(key is Ellipsis for key in keys):
        at = next(n for n, key in enumerate(keys) if key is Ellipsis)
        keys = keys[:at] + [slice(None)] * (rank - len(keys) + 1) + keys[at + 1 :]
    keys += [slice(None)] * (rank - len(keys))
    keys = [call.tracer.known.constant(k).value.tolist() if is_tensor(k) else k for k in keys]
    told = [{"slice": [k.start, k.stop, k.step]} if isinstance(k, slice) else k for k in keys]
    if told[0] not in (_WHOLE, {"slice": [0, None, None]}):
        raise NotExpressed
    lists = [dim for dim, key in enumerate(keys) if isinstance(key, list)]
    source, layout = call.source, call.layout_of(call.x)
    if lists:
        if len(lists) > 1 or any(key != _WHOLE for d, key in enumerate(told) if d not in lists):
            raise NotExpressed
        axis = call.axis(call.x, lists[0])
        return add_last(call, "ops.Take", {"axis": axis}, [source, keys[lists[0]]])
    ordered = [told[0], *({axis: told[dim + 1] for dim, axis in enumerate(layout)}[axis]
                          for axis in range(len(layout)))]  # fmt: skip
    gone = {dim - 1 for dim, key in enumerate(keys) if isinstance(key, int)}
    return add_last(call, "ops.GetItem", {}, [source, ordered], layouts=[without(call, gone)])


def filled(call):
    """`y[:, a:b] = x`: what stood in `y` stays before and behind, beside the maps of `x`."""
    y, keys, x = call.args
    keys, sides = [*keys] if isinstance(keys, tuple) else [keys], list(y.shape)
    layout = usual(len(sides) - 1)
    at = layout.index(len(layout) - 1) + 1  # the axis of the maps
    key = keys.pop(at) if len(keys) > at else None
    layouts = {call.layout_of(value) for value in (x, y) if id(value) in call.found}
    if id(x) not in call.found or layouts != {layout} or not isinstance(key, slice):
        raise NotExpressed
    start, stop, by = key.indices(y.shape[at])
    sides[at] = stop - start
    if by != 1 or any(key != slice(None) for key in keys) or list(x.shape) != sides:
        raise NotExpressed
    known = call.tracer.known
    before, parts = known.filled.get(id(y), (call.sources.get(id(y)), {}))
    apart = {(a, b) for a, b in parts if b <= start or stop <= a}
    if any((a, b) not in apart and not start <= a < b <= stop for a, b in parts):
        raise NotExpressed  # of an earlier part only some maps are overwritten
    parts = {maps: parts[maps] for maps in apart} | {(start, stop): call.sources[id(x)]}
    ends = [0, *chain(*sorted(parts)), y.shape[at]]
    args = [
        parts.get(maps) or _stays(call, before, *maps)
        for maps in pairwise(ends)
        if maps[0] < maps[1]
    ]
    add_last(call, "layers.Concatenate", {"axis": -1}, [args], layouts=[layout])
    known.filled[id(y)] = before, parts


def _stays(call, before, start, stop):
    """Some maps of a tensor that is being filled: of the step `before`, or else zeros or unset."""
    y, _, x = call.args
    shape = [*channels_last(tuple(y.shape), usual(y.dim() - 1))[:-1], stop - start]
    op, args = "ops.GetItem", [before, ["...", {"slice": [start, stop, None]}]]
    if before is None:
        zeros = call.tracer.known.constant(y).zeros
        op, args = "ops.ZerosLike" if zeros else "ops.Empty", [call.sources[id(x)]]
    return {"tensor": [call.tracer.step(call, op, {}, args, [shape]), 0]}


def narrowed(call):
    """narrow, select and index_select: a part along one axis."""
    dim, start = call.get(1, "dim"), call.get(2, "start")
    stop = start + call.get(3, "length") if call.name == "narrow" else None
    key = slice(start, stop) if call.name == "narrow" else call.get(2, "index")
    _chosen(call, [slice(None)] * (dim % call.x.dim()) + [key])


def split(call):
    """chunk and split: ranges along one axis, one result each."""
    dim = call.get(2, "dim", 0)
    sizes = [made.shape[dim] for made in call.made]
    ends = [sum(sizes[: n + 1]) for n in range(len(sizes) - 1)]
    config = {"indices_or_sections": ends, "axis": call.axis(call.x, dim)}
    add_last(call, "ops.Split", config, [call.source])


def flipped(call):
    """The maps in reverse order."""
    dims = call.get(1, "dims")
    dims = dims if isinstance(dims, list | tuple) else [dims]
    if [call.axis(call.x, dim) for dim in dims] != [-1]:
        raise NotExpressed
    add_last(call, "ops.Flip", {"axis": -1}, [call.source])


def zeros_like(call):
    """Zeros of the size of a map."""
    add_last(call, "ops.ZerosLike", {}, [call.sources[id(call.read[0])]])


def enlarged(call):
    """`interpolate` and `upsample`, by a whole factor in height and in width."""
    must_be_map(call)
    factors = [made / own for made, own in zip(call.made[0].shape[2:], call.x.shape[2:],
                                               strict=True)]  # fmt: skip
    whole = all(factor == int(factor) >= 1 for factor in factors)
    if not whole or call.get(4, "align_corners"):
        raise NotExpressed
    mode = call.get(3, "mode", "nearest")
    config = {"size": [int(factor) for factor in factors], "interpolation": mode}
    add_last(call, "layers.UpSampling2D", config, [call.source])
