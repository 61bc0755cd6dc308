"""Sizes that do not fit: what a layer is made for, and what it gets."""

from math import prod

from course.evidence.pytorch.calls import pair
from course.evidence.pytorch.known import tensors
from course.language import N_, _
from course.network.words import by

_MISFITS = {
    "conv2d": N_("{name} is a convolution of {right:,} maps and gets {got:,}"),
    "linear": N_("{name} is a Linear layer for {right:,} values and gets {got:,}"),
    "batch_norm": N_("{name} is a batch normalisation of {right:,} maps and gets {got:,}"),
}

TOO_LARGE = N_(
    "The map is {first} here, and the window is {second}. Look at what comes before: the padding, "
    "the strides, the pools"
)


def misfit(call):
    """What is wrong if a layer gets another number of maps or values than it is made for.

    A sentence, and the width with which it would fit (see `fit`), or None if there is none.
    None if it fits.
    """
    tracer, name = call.tracer, call.name
    if name in ("view", "reshape"):
        return _misviewed(call)
    if name not in _MISFITS or not call.read:
        return None
    x, weight = call.x, call.get(3 if name == "batch_norm" else 1, "weight")
    fewest = {"conv2d": 4, "batch_norm": 2, "linear": 1}
    if weight is None or id(x) not in call.found or x.dim() < fewest[name]:
        return None
    groups = call.get(6, "groups", 1) if name == "conv2d" else 1
    dim = -1 if name == "linear" else 1
    got, right = x.shape[dim], weight.shape[0 if name == "batch_norm" else 1] * groups
    if got == right or got % groups:
        return None
    path = tracer.paths.get(id(tracer.stack[-1])) if tracer.stack else None
    text = _(_MISFITS[name]).format(name=path or name, right=right, got=got)
    if x.dim() == 1:
        said = _("{misfit}, all of {images} images in one row. Write torch.flatten(x, 1)")
        text = said.format(misfit=text, images=tracer.batch)
    elif x.shape[0] != tracer.batch:
        said = _("{misfit}, and {images} images became {times}: view() or reshape() mixes them")
        text = said.format(misfit=text, times=x.shape[0], images=tracer.batch)
    elif name == "linear" and x.dim() == 4:
        said = _("{misfit}: along the width of a map. Flatten it first, to {values:,} values")
        text = said.format(misfit=text, values=x[0].numel())
    elif name != "batch_norm" and got == weight.shape[0] and groups == 1:
        layer = {"conv2d": "nn.Conv2d({}, {}, …)", "linear": "nn.Linear({}, {})"}[name]
        said = _("{misfit}. Are the two numbers swapped? Write {layer}")
        text = said.format(misfit=text, layer=layer.format(got, right))
    return text, got // groups


def too_large(call):
    """A sentence about a window that is larger than its map, padded; "" if it is not."""
    if call.name == "conv2d":
        kernel, padding, rest = call.get(1, "weight").shape[2:], call.get(4, "padding", 0), 5
    elif call.name in ("max_pool2d", "max_pool2d_with_indices", "avg_pool2d"):
        kernel, padding, rest = call.get(1, "kernel_size"), call.get(3, "padding", 0), 4
    else:
        return ""
    dilated = call.name != "avg_pool2d" and pair(call.get(rest, "dilation", 1)) != [1, 1]
    if id(call.x) not in call.found or call.x.dim() != 4 or isinstance(padding, str) or dilated:
        return ""
    size, kernel = list(call.x.shape[2:]), pair(kernel)
    room = [side + 2 * more for side, more in zip(size, pair(padding), strict=True)]
    if all(own <= side for own, side in zip(kernel, room, strict=True)) or _hangs_over(call):
        return ""
    return _(TOO_LARGE).format(first=by(size), second=by(kernel))


def _hangs_over(call):
    places = {"avg_pool2d": 4, "max_pool2d": 5, "max_pool2d_with_indices": 5}
    return call.name in places and call.get(places[call.name], "ceil_mode", False)


def _misviewed(call):
    """The same for view() and reshape() to sides that an image's values do not fill."""
    x, given = call.x, call.args[1:]
    sides = list(given[0]) if len(given) == 1 and not isinstance(given[0], int) else list(given)
    if not sides or not all(isinstance(side, int) for side in sides) or 0 in sides:
        return None
    asked, batch = prod(side for side in sides if side != -1), call.tracer.batch
    if x.shape[0] != batch or not (x.numel() % asked if -1 in sides else x.numel() - asked):
        return None
    if sides[0] in (-1, batch) and -1 not in sides[1:]:
        said = _("{name}() asks each image for {asked:,} values, and here it has {values:,}")
    else:
        said = _(
            "{name}() asks for {images:,} images, and the number of images is not known while a "
            "network is built"
        )
    text = said.format(name=call.name, asked=prod(sides[1:]), values=x[0].numel(), images=sides[0])
    if len(sides) != 2:
        return text, None
    text = _("{misfit}. Write torch.flatten(x, 1)").format(misfit=text)
    return text, x[0].numel()


def fit(call, wide):
    """Put weights for `wide` maps or values into a call, or make it a row of so many values."""
    if call.name in ("view", "reshape"):
        call.args, call.kwargs = (call.x, (call.tracer.batch, wide)), {}
        return
    norm, known = call.name == "batch_norm", call.tracer.known
    args, kwargs = list(call.args), dict(call.kwargs)
    names = ("running_mean", "running_var", "weight", "bias") if norm else ("weight",)
    for place, name in enumerate(names, 1):
        if (value := call.get(place, name)) is None:
            continue
        sides = (wide,) if norm else (value.shape[0], wide, *value.shape[2:])
        made = call.tracer.torch.empty(sides, device="meta")
        known.note(made, known.constant(value))
        if place < len(args):
            args[place] = made
        else:
            kwargs[name] = made
    call.args, call.kwargs = tuple(args), kwargs


def merge(call):
    """("add" or "concatenate", the tensors that it merges) of a call, or (None, [])."""
    kinds = {"add": "add", "cat": "concatenate", "concat": "concatenate"}
    given = tensors([list(call.args), call.kwargs])
    if call.name not in kinds or len(given) < 2 or any(id(t) not in call.found for t in given):
        return None, []
    return kinds[call.name], given


def axis_of_merge(call, values):
    """The axis of a merge as Keras counts it."""
    if call.name == "add":
        return -1
    dim = call.get(1, "dim", 0) % values[0].dim()
    return call.axis(values[0], dim) if dim else 0
